// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Rows of packet: each EtherType on a cable between two interfaces, of which each end hears the other.
#include <arpa/inet.h>
#include <linux/if_ether.h>

#include <cstdio>

#include "rows.hpp"

namespace conformance {
namespace {

using namespace std::string_literals;

// What the sockets of a row without an EtherType are bound to: one for experiments.
constexpr std::uint16_t experiments = 0x88b5;

template <std::uint16_t EtherType>
std::string cable_end() {
  char text[32];
  std::snprintf(text, sizeof text, "veth0?proto=0x%04x", EtherType);
  return text;
}
// To everyone, from nobody.
template <std::uint16_t EtherType>
std::string frame(unsigned i) {
  return std::string(12, '\xff') + static_cast<char>(EtherType >> 8) + static_cast<char>(EtherType & 0xff) +
         "message " + std::to_string(i);
}

// A frame goes to an interface, and arrives at the other end.
std::string end(const afplug::address& name) { return std::get<std::string>(name.field("interface")); }
afplug::address at(const std::string& interface, const afplug::address& name) {
  const auto& p = name.protocol();
  return {"packet", interface + "?proto=" + std::to_string(name.number("proto").value()), p.type(), p.protocol()};
}
afplug::address this_end(afplug::address name) { return at(end(name), name); }
afplug::address other_end(afplug::address name) { return at(end(name) == "veth0" ? "veth1" : "veth0", name); }
link cable(const row& r) {
  link l{bound(r), open(r)};
  l.b.bind(other_end(l.a.getsockname()));
  return l;
}

constexpr std::uint64_t can = kernel | bus | apart | no_protocol;
constexpr errors raw_errors = [] {
  errors e = bus_errors;
  e.bad_type = ESOCKTNOSUPPORT;
  e.bad_protocol = 0;
  e.send_big = EMSGSIZE;
  e.get_bad_level = ENOPROTOOPT;
  e.set_bad_level = ENOPROTOOPT;
  return e;
}();
constexpr errors dgram_errors = [] {
  errors e = raw_errors;
  e.send_empty = 0;
  return e;
}();

template <std::uint16_t EtherType>
constexpr ways raw_ways{.message = frame<EtherType>, .connected = cable, .as_bound = this_end, .as_goal = other_end};
constexpr ways dgram_ways{.message_size = 1400,
                          .connected = cable,
                          .refuses = "PACKET_VNET_HDR PACKET_VNET_HDR_SZ",
                          .as_bound = this_end,
                          .as_goal = other_end};

template <std::uint16_t EtherType>
constexpr row raw(const char* name, int protocol, const char* unbound, std::uint64_t also = 0) {
  return {name,    "packet",   SOCK_RAW,           protocol, can | also, cable_end<EtherType>,
          unbound, raw_errors, raw_ways<EtherType>};
}
template <std::uint16_t EtherType>
constexpr row dgram(const char* name, int protocol, const char* unbound, std::uint64_t also = 0) {
  return {name,    "packet",     SOCK_DGRAM, protocol, can | drops_nothing | also, cable_end<EtherType>,
          unbound, dgram_errors, dgram_ways};
}

const row table[] = {
    raw<experiments>("packet_raw", 0, "any?length=12"),
    dgram<experiments>("packet_dgram", 0, "any?length=12"),
    raw<ETH_P_ALL>("packet_raw_all", htons(ETH_P_ALL), "any?proto=0x3&length=12"),
    dgram<ETH_P_ALL>("packet_dgram_all", htons(ETH_P_ALL), "any?proto=0x3&length=12"),
    raw<ETH_P_IP>("packet_raw_ip", htons(ETH_P_IP), "any?proto=0x800&length=12"),
    dgram<ETH_P_IP>("packet_dgram_ip", htons(ETH_P_IP), "any?proto=0x800&length=12"),
    raw<ETH_P_IPV6>("packet_raw_ipv6", htons(ETH_P_IPV6), "any?proto=0x86dd&length=12"),
    dgram<ETH_P_IPV6>("packet_dgram_ipv6", htons(ETH_P_IPV6), "any?proto=0x86dd&length=12"),
    raw<ETH_P_ARP>("packet_raw_arp", htons(ETH_P_ARP), "any?proto=0x806&length=12"),
    dgram<ETH_P_ARP>("packet_dgram_arp", htons(ETH_P_ARP), "any?proto=0x806&length=12"),
    // A tag is taken off before sockets hear: they hear the second of two alone. packet_test has that.
    raw<ETH_P_8021Q>("packet_raw_vlan", htons(ETH_P_8021Q), "any?proto=0x8100&length=12", mute),
    dgram<ETH_P_8021Q>("packet_dgram_vlan", htons(ETH_P_8021Q), "any?proto=0x8100&length=12", mute),
};

}  // namespace

std::span<const row> packet_rows() { return table; }

}  // namespace conformance
