// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_PACKET as text (packet(7)):
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

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <afplug/plugin.hpp>

namespace packet {
namespace ap = afplug::plugin;

/// A struct sockaddr_ll that holds hardware addresses of more than 8 bytes, 20 for InfiniBand: the kernel returns them,
/// and does not accept them (net/packet/af_packet.c).
struct address {
  std::uint16_t family = AF_PACKET;
  std::uint16_t protocol = 0;  // network byte order
  std::int32_t ifindex = 0;
  std::uint16_t hatype = 0;
  std::uint8_t pkttype = 0;
  std::uint8_t halen = 0;
  std::uint8_t addr[32] = {};
};
static_assert(offsetof(address, addr) == offsetof(sockaddr_ll, sll_addr));

struct codec {
  using address = packet::address;
  static constexpr int family = AF_PACKET;
  static constexpr std::uint32_t min_length = offsetof(address, addr);
  static constexpr std::array fields{
      ap::field("interface", AFPLUG_KIND_TEXT, "name of the interface; empty: any"),
      ap::field("proto", AFPLUG_KIND_U16, "EtherType in host order; 3: all",
                AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX),
      ap::field("pkttype", AFPLUG_KIND_U8, "PACKET_HOST, PACKET_BROADCAST …", AFPLUG_MEMBER_OPTIONAL),
      ap::field("hatype", AFPLUG_KIND_U16, "ARPHRD_* of the interface", AFPLUG_MEMBER_OPTIONAL),
      ap::field("addr", AFPLUG_KIND_BYTES, "hardware address, at most 8 bytes", AFPLUG_MEMBER_OPTIONAL),
  };

  static void set_hardware(address& to, std::string_view bytes) {
    if (bytes.size() > sizeof(sockaddr_ll::sll_addr))
      ap::fail(EINVAL, "addr must have 8 bytes or less, not ", bytes.size());
    to.halen = static_cast<std::uint8_t>(bytes.size());
    bytes.copy(reinterpret_cast<char*>(to.addr), bytes.size());
  }

  // "aa:bb:cc" or "aabbcc".
  static std::string parse_hex(std::string_view key, std::string_view text) {
    std::string bytes;
    for (std::size_t at = 0; at < text.size();) {
      const int byte = ap::hex_byte(text.substr(at));
      if (byte < 0) ap::fail(EINVAL, key, " ", ap::quote(text), " is not pairs of hexadecimal digits");
      bytes += static_cast<char>(byte);
      at += 2;
      if (at < text.size() && text[at] == ':' && at + 1 < text.size()) ++at;
    }
    return bytes;
  }

  static std::string format_hex(const std::uint8_t* bytes, std::size_t size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
      if (i != 0) text += ':';
      ap::append_hex(text, bytes[i]);
    }
    return text;
  }

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    ap::query query(text);
    address made;
    made.ifindex = static_cast<std::int32_t>(ap::parse_interface(query.body()));
    made.protocol = htons(static_cast<std::uint16_t>(query.take("proto", 65535, 0)));
    made.pkttype = static_cast<std::uint8_t>(query.take("pkttype", 255, 0));
    made.hatype = static_cast<std::uint16_t>(query.take("hatype", 65535, 0));
    const auto* addr = query.take("addr");
    const auto* tail = query.take("tail");
    const auto* halen = query.take("halen");
    const std::string hardware = addr ? parse_hex("addr", *addr) : "";
    const std::string all = hardware + (tail ? parse_hex("tail", *tail) : "");
    if (all.size() > sizeof made.addr) ap::fail(EINVAL, "addr and tail have ", all.size(), " bytes, at most 32 fit");
    made.halen =
        halen ? ap::parse_integer<std::uint8_t>("halen", *halen, 0, 255) : static_cast<std::uint8_t>(hardware.size());
    all.copy(reinterpret_cast<char*>(made.addr), all.size());
    const auto length =
        query.take("length", sizeof made, std::max<std::uint64_t>(sizeof(sockaddr_ll), min_length + all.size()));
    if (length < min_length) ap::fail(ERANGE, "length must be ", min_length, "-", sizeof made, ", not ", length);
    query.reject_unknown("proto, pkttype, hatype, addr, halen, tail, length");
    return {made, static_cast<std::uint32_t>(length)};
  }

  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    std::string text = ap::format_interface(static_cast<std::uint32_t>(it->ifindex));
    if (it->protocol != 0) ap::append_key(text, "proto", ap::hexadecimal(ntohs(it->protocol)));
    if (it->pkttype != 0) ap::append_key(text, "pkttype", std::to_string(it->pkttype));
    if (it->hatype != 0) ap::append_key(text, "hatype", std::to_string(it->hatype));
    const std::size_t present = it.length - min_length;
    const std::size_t hardware = std::min<std::size_t>(it->halen, present);
    if (hardware != 0) ap::append_key(text, "addr", format_hex(it->addr, hardware));
    if (hardware != it->halen) ap::append_key(text, "halen", std::to_string(it->halen));
    std::size_t used = present;
    while (used > hardware && it->addr[used - 1] == 0) --used;
    if (used > hardware) ap::append_key(text, "tail", format_hex(it->addr + hardware, used - hardware));
    if (it.length != std::max<std::size_t>(sizeof(sockaddr_ll), min_length + used))
      ap::append_key(text, "length", std::to_string(it.length));
    return text;
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    const std::size_t hardware = std::min<std::size_t>(it->halen, it.length - min_length);
    out.text(ap::interface_name(static_cast<std::uint32_t>(it->ifindex)))
        .number(ntohs(it->protocol))
        .number(it->pkttype)
        .number(it->hatype)
        .bytes({reinterpret_cast<const char*>(it->addr), hardware});
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    address made;
    made.ifindex = in.text(0).empty() ? 0 : static_cast<std::int32_t>(ap::interface_index(in.text(0)));
    made.protocol = htons(static_cast<std::uint16_t>(in.number(1, 65535)));
    made.pkttype = static_cast<std::uint8_t>(in.number(2, 255));
    made.hatype = static_cast<std::uint16_t>(in.number(3, 65535));
    set_hardware(made, in.text(4));
    return {made, sizeof(sockaddr_ll)};
  }
};

}  // namespace packet
