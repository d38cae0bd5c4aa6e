// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_PACKET (packet(7)), and its protocols for Asio's sockets.
//
//   afplug::packet::endpoint all("eth0", ETH_P_ALL);
//   afplug::packet::raw::socket s(io, all);
//
// Text:
//
//   INTERFACE ["?" KEY "=" VALUE ("&" KEY "=" VALUE)*]     INTERFACE: a name, any, or %index=7
//
//   proto     EtherType in host byte order, 0-65535: 0x0800 is IP, 3 all protocols
//   pkttype   0 PACKET_HOST, 1 PACKET_BROADCAST, 2 PACKET_MULTICAST, 3 PACKET_OTHERHOST, 4 PACKET_OUTGOING
//   hatype    ARPHRD_* of the interface
//   addr      hardware address, aa:bb:cc:dd:ee:ff
//   halen     length of the hardware address, if it is not that of addr
//   tail      bytes behind addr that are not zero, hexadecimal
//   length    of the sockaddr, if it is not 20 or what addr and tail need
#pragma once

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <afplug/endpoint.hpp>
#include <afplug/plugin/interface.hpp>
#include <afplug/plugin/text.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

namespace afplug::packet {

/// A struct sockaddr_ll that holds hardware addresses of more than 8 bytes, 20 for InfiniBand: the kernel returns them,
/// and does not accept them (net/packet/af_packet.c).
struct sockaddr_packet {
  std::uint16_t family = AF_PACKET;
  std::uint16_t protocol = 0;  ///< network byte order
  std::int32_t ifindex = 0;
  std::uint16_t hatype = 0;
  std::uint8_t pkttype = 0;
  std::uint8_t halen = 0;
  std::uint8_t addr[32] = {};
};
static_assert(offsetof(sockaddr_packet, addr) == offsetof(::sockaddr_ll, sll_addr));

/// An address of a packet socket: an interface and a protocol; of a packet received also its type and sender.
class endpoint : public basic_endpoint<endpoint, sockaddr_packet> {
 public:
  static constexpr const char* id = "packet";                               ///< the family's id
  static constexpr std::size_t min_size = offsetof(sockaddr_packet, addr);  ///< bytes
  static constexpr int family() noexcept { return AF_PACKET; }              ///< AF_PACKET

  /// All interfaces, no protocol.
  constexpr endpoint() noexcept : endpoint(interface_index()) {}
  /// `protocol`: EtherType (ETH_P_*) in host byte order; 0: that of the socket.
  constexpr explicit endpoint(interface_index i, std::uint16_t protocol = 0) noexcept {
    size_ = sizeof(::sockaddr_ll);
    native_.ifindex = static_cast<std::int32_t>(i);
    native_.protocol = afplug::detail::network_order(protocol);
  }
  /// The same with the name of an interface. Throws ENODEV if there is none, ENAMETOOLONG above 15 bytes.
  endpoint(std::string_view name, std::uint16_t protocol)
      : endpoint(
            afplug::detail::throwing_decode(id, name, [&] { return interface_index{plugin::interface_index(name)}; }),
            protocol) {}
  using basic_endpoint::basic_endpoint;  ///< from text, and from a checked address

  /// The index of the interface; 0: all.
  constexpr interface_index index() const noexcept {
    return interface_index{static_cast<std::uint32_t>(native_.ifindex)};
  }
  /// The name of the interface; empty if there is none with that index.
  std::string interface() const { return plugin::interface_name(static_cast<std::uint32_t>(native_.ifindex)); }
  /// EtherType, ETH_P_*, in host byte order.
  constexpr std::uint16_t ethertype() const noexcept { return afplug::detail::network_order(native_.protocol); }
  constexpr std::uint8_t packet_type() const noexcept { return native_.pkttype; }    ///< PACKET_HOST, …
  constexpr std::uint16_t hardware_type() const noexcept { return native_.hatype; }  ///< ARPHRD_*
  /// The hardware address. Valid as long as this endpoint.
  constexpr std::span<const std::uint8_t> hardware_address() const noexcept {
    return {native_.addr, std::min<std::size_t>(native_.halen, present())};
  }
  /// Sets the hardware address, for SOCK_DGRAM. Throws EINVAL above 8 bytes.
  constexpr void hardware_address(std::span<const std::uint8_t> bytes) {
    if (bytes.size() > sizeof(::sockaddr_ll::sll_addr))
      throw std::system_error(EINVAL, std::generic_category(),
                              plugin::concat("addr must have 8 bytes or less, not ", bytes.size()));
    std::fill(std::begin(native_.addr), std::end(native_.addr), std::uint8_t{0});
    std::copy(bytes.begin(), bytes.end(), native_.addr);
    native_.halen = static_cast<std::uint8_t>(bytes.size());
  }
  constexpr void packet_type(std::uint8_t type) noexcept { native_.pkttype = type; }    ///< sets packet_type()
  constexpr void hardware_type(std::uint16_t type) noexcept { native_.hatype = type; }  ///< sets hardware_type()

  /// Parses the text form. For the plugin's codec.
  static endpoint decode(std::string_view text) {
    plugin::query query(text);
    const interface_index index{plugin::parse_interface(query.body())};
    endpoint made(index, static_cast<std::uint16_t>(query.take("proto", 65535, 0)));
    made.native_.pkttype = static_cast<std::uint8_t>(query.take("pkttype", 255, 0));
    made.native_.hatype = static_cast<std::uint16_t>(query.take("hatype", 65535, 0));
    const auto* addr = query.take("addr");
    const auto* tail = query.take("tail");
    const auto* halen = query.take("halen");
    const std::string hardware = addr ? decode_hex("addr", *addr) : "";
    const std::string all = hardware + (tail ? decode_hex("tail", *tail) : "");
    if (all.size() > sizeof made.native_.addr)
      plugin::fail(EINVAL, "addr and tail have ", all.size(), " bytes, at most ", sizeof made.native_.addr, " fit");
    made.native_.halen = halen ? plugin::parse_integer<std::uint8_t>("halen", *halen, 0, 255)
                               : static_cast<std::uint8_t>(hardware.size());
    all.copy(reinterpret_cast<char*>(made.native_.addr), all.size());
    const auto length = query.take("length", sizeof(sockaddr_packet),
                                   std::max<std::uint64_t>(sizeof(::sockaddr_ll), min_size + all.size()));
    if (length < min_size)
      plugin::fail(ERANGE, "length must be ", min_size, "-", sizeof(sockaddr_packet), ", not ", length);
    query.reject_unknown("proto, pkttype, hatype, addr, halen, tail, length");
    made.size_ = static_cast<std::uint32_t>(length);
    return made;
  }
  /// Formats the address. For the plugin's codec.
  std::string encode() const {
    std::string text = plugin::format_interface(static_cast<std::uint32_t>(native_.ifindex));
    if (ethertype() != 0) plugin::append_key(text, "proto", plugin::hexadecimal(ethertype()));
    if (native_.pkttype != 0) plugin::append_key(text, "pkttype", std::to_string(native_.pkttype));
    if (native_.hatype != 0) plugin::append_key(text, "hatype", std::to_string(native_.hatype));
    const auto hardware = hardware_address();
    if (!hardware.empty()) plugin::append_key(text, "addr", encode_hex(hardware));
    if (hardware.size() != native_.halen) plugin::append_key(text, "halen", std::to_string(native_.halen));
    const auto tail = used_tail();
    if (!tail.empty()) plugin::append_key(text, "tail", encode_hex(tail));
    if (size_ != std::max(sizeof(::sockaddr_ll), min_size + hardware.size() + tail.size()))
      plugin::append_key(text, "length", std::to_string(size_));
    return text;
  }
  /// All fields, for comparison.
  auto fields() const noexcept {
    const std::string_view bytes(reinterpret_cast<const char*>(native_.addr),
                                 hardware_address().size() + used_tail().size());
    return std::make_tuple(native_.ifindex, ethertype(), native_.pkttype, native_.hatype, native_.halen, bytes, size_);
  }

 private:
  friend basic_endpoint;
  // The bytes at native_.addr that the sockaddr has.
  constexpr std::size_t present() const noexcept { return size_ < min_size ? 0 : size_ - min_size; }
  // The bytes behind the hardware address, up to the last that is not zero.
  constexpr std::span<const std::uint8_t> used_tail() const noexcept {
    const std::size_t begin = hardware_address().size();
    std::size_t end = present();
    while (end > begin && native_.addr[end - 1] == 0) --end;
    return {native_.addr + begin, end - begin};
  }
  // "aa:bb:cc" or "aabbcc".
  static std::string decode_hex(std::string_view key, std::string_view text) {
    std::string bytes;
    for (std::size_t at = 0; at < text.size();) {
      const int byte = plugin::hex_byte(text.substr(at));
      if (byte < 0) plugin::fail(EINVAL, key, " ", plugin::quote(text), " is not pairs of hexadecimal digits");
      bytes += static_cast<char>(byte);
      at += 2;
      if (at < text.size() && text[at] == ':' && at + 1 < text.size()) ++at;
    }
    return bytes;
  }
  static std::string encode_hex(std::span<const std::uint8_t> bytes) {
    std::string text;
    for (const auto byte : bytes) {
      if (!text.empty()) text += ':';
      plugin::append_hex(text, byte);
    }
    return text;
  }
};

/// Whole packets. The protocol is an EtherType in network byte order: raw(htons(ETH_P_ALL)); 0: none until bind.
using raw = raw_protocol<endpoint>;
/// Packets without their link-level header. The protocol is as that of raw.
using datagram = datagram_protocol<endpoint>;

}  // namespace afplug::packet
