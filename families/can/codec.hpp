// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of SocketCAN: <afplug/can/endpoint.hpp> describes their text.
#pragma once

#include <afplug/can/endpoint.hpp>
#include <afplug/plugin.hpp>

namespace can {
namespace ap = afplug::plugin;
using afplug::can::endpoint;

struct codec {
  using address = endpoint::native_type;
  static constexpr int family = AF_CAN;
  static constexpr std::uint32_t min_length = endpoint::min_size;
  static constexpr std::uint64_t u32 = 0xffffffff;
  static constexpr std::uint32_t optional_hex = AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX;
  static constexpr std::array fields{
      ap::field("interface", AFPLUG_KIND_TEXT, "name of the interface; empty: all CAN interfaces"),
      ap::field("rx", AFPLUG_KIND_U32, "CAN_ISOTP: identifier received", optional_hex),
      ap::field("tx", AFPLUG_KIND_U32, "CAN_ISOTP: identifier sent", optional_hex),
      ap::field("name", AFPLUG_KIND_U64, "CAN_J1939: name; 0: none", optional_hex),
      ap::field("pgn", AFPLUG_KIND_U32, "CAN_J1939: parameter group number, 0-0x40000; 0x40000: none", optional_hex),
      ap::field("addr", AFPLUG_KIND_U8, "CAN_J1939: address; 255: none", optional_hex),
  };

  static ap::native_address<address> parse(const afplug_identity& who, std::string_view text) {
    return endpoint::decode(text, who.protocol);
  }

  static std::string format(const afplug_identity& who, const ap::native_address<address>& it) {
    return it.as<endpoint>().encode(who.protocol);
  }

  static void get(const afplug_identity& who, const ap::native_address<address>& it, ap::field_writer& out) {
    const auto e = it.as<endpoint>();
    out.text(e.interface());
    if (who.protocol == CAN_ISOTP || (who.protocol == 0 && e.is_isotp()))
      out.number(e.isotp().rx).number(e.isotp().tx);
    else if (who.protocol == CAN_J1939 || (who.protocol == 0 && e.is_j1939()))
      out.absent(2).number(e.j1939().name).number(e.j1939().pgn).number(e.j1939().addr);
  }

  static ap::native_address<address> set(const afplug_identity& who, const ap::field_reader& in) {
    const bool unknown = who.protocol == 0, has_ids = in.has(1) || in.has(2),
               has_j1939 = in.has(3) || in.has(4) || in.has(5);
    const bool is_isotp = who.protocol == CAN_ISOTP || (unknown && has_ids);
    const bool is_j1939 = who.protocol == CAN_J1939 || (unknown && has_j1939 && !has_ids);
    // Fields of other protocols would be ignored: fail instead.
    if ((has_ids && !is_isotp) || (has_j1939 && !is_j1939))
      ap::fail(EINVAL, is_isotp   ? "an ISO-TP address is (interface, rx, tx)"
                       : is_j1939 ? "a J1939 address is (interface, name, pgn, addr), without rx and tx"
                                  : "an address of CAN_RAW and CAN_BCM is (interface)");
    const afplug::interface_index index{in.text(0).empty() ? 0 : ap::interface_index(in.text(0))};
    if (is_isotp) {
      if (!in.has(1) || !in.has(2)) ap::fail(EINVAL, "an ISO-TP address is (interface, rx, tx)");
      return endpoint(index, afplug::can::isotp_ids{static_cast<canid_t>(in.number(1, u32)),
                                                    static_cast<canid_t>(in.number(2, u32))});
    }
    if (is_j1939) {
      afplug::can::j1939_parts of;
      of.name = in.number(3, UINT64_MAX, J1939_NO_NAME);
      of.pgn = static_cast<std::uint32_t>(in.number(4, J1939_NO_PGN, J1939_NO_PGN));
      of.addr = static_cast<std::uint8_t>(in.number(5, 255, J1939_NO_ADDR));
      return endpoint(index, of);
    }
    return endpoint(index);
  }
};

}  // namespace can
