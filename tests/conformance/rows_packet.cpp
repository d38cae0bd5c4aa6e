// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Rows of packet: each EtherType on a veth pair, each end of which receives what the other sends.
#include <arpa/inet.h>
#include <linux/if_ether.h>

#include <cstdio>

#include "rows.hpp"

namespace conformance {
namespace {

using namespace std::string_literals;

// The EtherType that sockets of a row without one are bound to: IEEE 802's Local Experimental EtherType 1.
constexpr std::uint16_t local_experimental = 0x88b5;

template <std::uint16_t EtherType>
std::string veth0_address() {
  char text[32];
  std::snprintf(text, sizeof text, "veth0?proto=0x%04x", EtherType);
  return text;
}
// Destination and source are the broadcast address.
template <std::uint16_t EtherType>
std::string frame(unsigned i) {
  return std::string(12, '\xff') + static_cast<char>(EtherType >> 8) + static_cast<char>(EtherType & 0xff) +
         "message " + std::to_string(i);
}

// A frame that is sent to an interface arrives at the other end of the pair.
std::string interface_of(const afplug::address& name) { return std::get<std::string>(name.field("interface")); }
afplug::address at(const std::string& interface, const afplug::address& name) {
  const auto& p = name.protocol();
  return {"packet", interface + "?proto=" + std::to_string(name.number("proto").value()), afplug::socket_type(p.type()),
          p.protocol()};
}
afplug::address same_end(afplug::address name) { return at(interface_of(name), name); }
afplug::address other_end(afplug::address name) { return at(interface_of(name) == "veth0" ? "veth1" : "veth0", name); }
link veth_pair(const row& r) {
  link l{bound(r), open(r)};
  l.b.bind(other_end(l.a.getsockname()));
  return l;
}

constexpr auto raw_traits = changed(row_traits{}, [](auto& t) {
  t.environment.in_network_namespace = true;
  t.addressing.so_protocol_is_zero = true;
  t.connection.no_connect = true;
});
constexpr auto dgram_traits = changed(raw_traits, [](auto& t) { t.delivery.drops_empty_messages = true; });
// The receive path removes a VLAN tag before it delivers to sockets (skb_vlan_untag() in net/core/dev.c), so that they
// receive only frames with two tags. tests/families/packet_test.cpp tests them.
constexpr auto no_data = [](row_traits& t) { t.delivery.no_data = true; };

// net/packet/af_packet.c
constexpr auto raw_errors = changed(no_connect_errors, [](auto& e) {
  e.creation.unknown_type = ESOCKTNOSUPPORT;
  e.creation.unknown_protocol = 0;
  e.delivery.send_too_large = EMSGSIZE;
  e.options = {};
});
constexpr auto dgram_errors = changed(raw_errors, [](auto& e) { e.delivery.send_empty = 0; });

template <std::uint16_t EtherType>
constexpr row_parameters raw_parameters{
    .make_message = frame<EtherType>, .connect = veth_pair, .as_bound = same_end, .as_destination = other_end};
constexpr row_parameters dgram_parameters{.large_message = 1400,
                                          .connect = veth_pair,
                                          .refused_options = "PACKET_VNET_HDR PACKET_VNET_HDR_SZ",
                                          .as_bound = same_end,
                                          .as_destination = other_end};

template <std::uint16_t EtherType>
constexpr row raw(const char* name, int protocol, const char* unbound, row_traits traits = raw_traits) {
  return {name,     "packet",   SOCK_RAW,
          protocol, traits,     veth0_address<EtherType>,
          unbound,  raw_errors, raw_parameters<EtherType>};
}
template <std::uint16_t EtherType>
constexpr row dgram(const char* name, int protocol, const char* unbound, row_traits traits = dgram_traits) {
  return {name,    "packet",     SOCK_DGRAM,      protocol, traits, veth0_address<EtherType>,
          unbound, dgram_errors, dgram_parameters};
}

const row table[] = {
    raw<local_experimental>("packet_raw", 0, "any?length=12"),
    dgram<local_experimental>("packet_dgram", 0, "any?length=12"),
    raw<ETH_P_ALL>("packet_raw_all", htons(ETH_P_ALL), "any?proto=0x3&length=12"),
    dgram<ETH_P_ALL>("packet_dgram_all", htons(ETH_P_ALL), "any?proto=0x3&length=12"),
    raw<ETH_P_IP>("packet_raw_ip", htons(ETH_P_IP), "any?proto=0x800&length=12"),
    dgram<ETH_P_IP>("packet_dgram_ip", htons(ETH_P_IP), "any?proto=0x800&length=12"),
    raw<ETH_P_IPV6>("packet_raw_ipv6", htons(ETH_P_IPV6), "any?proto=0x86dd&length=12"),
    dgram<ETH_P_IPV6>("packet_dgram_ipv6", htons(ETH_P_IPV6), "any?proto=0x86dd&length=12"),
    raw<ETH_P_ARP>("packet_raw_arp", htons(ETH_P_ARP), "any?proto=0x806&length=12"),
    dgram<ETH_P_ARP>("packet_dgram_arp", htons(ETH_P_ARP), "any?proto=0x806&length=12"),
    raw<ETH_P_8021Q>("packet_raw_vlan", htons(ETH_P_8021Q), "any?proto=0x8100&length=12", changed(raw_traits, no_data)),
    dgram<ETH_P_8021Q>("packet_dgram_vlan", htons(ETH_P_8021Q), "any?proto=0x8100&length=12",
                       changed(dgram_traits, no_data)),
};

}  // namespace

std::span<const row> packet_rows() { return table; }

}  // namespace conformance
