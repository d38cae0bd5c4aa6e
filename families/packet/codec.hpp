// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_PACKET: <afplug/packet/endpoint.hpp> describes their text.
#pragma once

#include <afplug/packet/endpoint.hpp>
#include <afplug/plugin.hpp>

namespace packet {
namespace ap = afplug::plugin;
using afplug::packet::endpoint;

struct codec {
  using address = endpoint::native_type;
  static constexpr int family = AF_PACKET;
  static constexpr std::uint32_t min_length = endpoint::min_size;
  static constexpr std::array fields{
      ap::field("interface", AFPLUG_KIND_TEXT, "name of the interface; empty: any"),
      ap::field("proto", AFPLUG_KIND_U16, "EtherType in host order; 3: all",
                AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX),
      ap::field("pkttype", AFPLUG_KIND_U8, "PACKET_HOST, PACKET_BROADCAST …", AFPLUG_MEMBER_OPTIONAL),
      ap::field("hatype", AFPLUG_KIND_U16, "ARPHRD_* of the interface", AFPLUG_MEMBER_OPTIONAL),
      ap::field("addr", AFPLUG_KIND_BYTES, "hardware address, at most 8 bytes", AFPLUG_MEMBER_OPTIONAL),
  };

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    return endpoint::decode(text);
  }
  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    return it.as<endpoint>().encode();
  }
  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    const auto e = it.as<endpoint>();
    const auto hardware = e.hardware_address();
    out.text(e.interface())
        .number(e.ethertype())
        .number(e.packet_type())
        .number(e.hardware_type())
        .bytes({reinterpret_cast<const char*>(hardware.data()), hardware.size()});
  }
  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    const afplug::interface_index index{in.text(0).empty() ? 0 : ap::interface_index(in.text(0))};
    endpoint made(index, static_cast<std::uint16_t>(in.number(1, 65535)));
    made.packet_type(static_cast<std::uint8_t>(in.number(2, 255)));
    made.hardware_type(static_cast<std::uint16_t>(in.number(3, 65535)));
    const auto hardware = in.text(4);
    if (hardware.size() > sizeof(sockaddr_ll::sll_addr))
      ap::fail(EINVAL, "addr must have 8 bytes or less, not ", hardware.size());
    made.hardware_address({reinterpret_cast<const std::uint8_t*>(hardware.data()), hardware.size()});
    return made;
  }
};

}  // namespace packet
