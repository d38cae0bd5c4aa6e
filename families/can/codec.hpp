// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of SocketCAN as text, by protocol (Documentation/networking/can.rst, isotp.rst, j1939.rst):
//
//   CAN_RAW, CAN_BCM   vcan0                                 any: all interfaces; %index=7: by index
//   CAN_ISOTP          vcan0?rx=0x321&tx=0x123               extended ids have CAN_EFF_FLAG, 0x80000000
//   CAN_J1939          vcan0?name=0x1&pgn=0x12300&addr=0x20  omitted keys: J1939_NO_NAME, _NO_PGN, _NO_ADDR
//
// All forms may end in &length=N, where the sockaddr is not as long as the protocol needs, and &tail=HEX, for the bytes
// behind that length.
#pragma once

#include <linux/can.h>
#include <linux/can/j1939.h>
#include <sys/socket.h>

#include <afplug/plugin.hpp>

namespace can {
namespace ap = afplug::plugin;

/// Length of the sockaddr that the kernel requires and returns for a protocol: CAN_REQUIRED_SIZE in
/// include/linux/can/core.h, up to the last member used.
constexpr std::uint32_t address_size(std::int32_t protocol) {
  switch (protocol) {
    case CAN_ISOTP:
      return offsetof(sockaddr_can, can_addr.tp.tx_id) + sizeof(canid_t);
    case CAN_J1939:
      return offsetof(sockaddr_can, can_addr.j1939) + sizeof(sockaddr_can::can_addr.j1939);
    default:
      return offsetof(sockaddr_can, can_ifindex) + sizeof(int);
  }
}

struct codec {
  using address = sockaddr_can;
  static constexpr int family = AF_CAN;
  static constexpr std::uint32_t min_length = address_size(CAN_RAW);
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

  static address make(std::uint32_t ifindex) {
    address made{};
    made.can_family = AF_CAN;
    made.can_ifindex = static_cast<int>(ifindex);
    return made;
  }

  static ap::native_address<address> isotp(address made, std::uint64_t rx, std::uint64_t tx) {
    made.can_addr.tp.rx_id = static_cast<canid_t>(rx);
    made.can_addr.tp.tx_id = static_cast<canid_t>(tx);
    return {made, address_size(CAN_ISOTP)};
  }

  static ap::native_address<address> j1939(address made, std::uint64_t name, std::uint64_t pgn, std::uint64_t addr) {
    made.can_addr.j1939.name = name;
    made.can_addr.j1939.pgn = static_cast<std::uint32_t>(pgn);
    made.can_addr.j1939.addr = static_cast<std::uint8_t>(addr);
    return {made, address_size(CAN_J1939)};
  }

  static std::uint64_t required(ap::query& query, std::string_view name) {
    const auto* value = query.take(name);
    if (!value) ap::fail(EINVAL, name, " is missing: write INTERFACE?rx=ID&tx=ID");
    return ap::parse_integer(name, *value, 0, u32);
  }

  static ap::native_address<address> parse(const afplug_identity& who, std::string_view text) {
    ap::query query(text);
    const address made = make(ap::parse_interface(query.body()));
    ap::native_address<address> out{made, address_size(who.protocol)};
    std::string_view known = "length, tail";
    if (who.protocol == CAN_ISOTP) {
      const auto rx = required(query, "rx");
      out = isotp(made, rx, required(query, "tx"));
      known = "rx, tx, length, tail";
    } else if (who.protocol == CAN_J1939) {
      const auto name = query.take("name", UINT64_MAX, J1939_NO_NAME);
      const auto pgn = query.take("pgn", u32, J1939_NO_PGN);  // the kernel validates it
      out = j1939(made, name, pgn, query.take("addr", 255, J1939_NO_ADDR));
      known = "name, pgn, addr, length, tail";
    }
    ap::parse_length_and_tail(out, query, min_length);
    query.reject_unknown(known);
    return out;
  }

  static std::string format(const afplug_identity& who, const ap::native_address<address>& it) {
    std::string text = ap::format_interface(static_cast<std::uint32_t>(it->can_ifindex));
    if (who.protocol == CAN_ISOTP) {
      ap::append_key(text, "rx", ap::hexadecimal(it->can_addr.tp.rx_id));
      ap::append_key(text, "tx", ap::hexadecimal(it->can_addr.tp.tx_id));
    } else if (who.protocol == CAN_J1939) {
      if (it->can_addr.j1939.name != J1939_NO_NAME)
        ap::append_key(text, "name", ap::hexadecimal(it->can_addr.j1939.name));
      if (it->can_addr.j1939.pgn != J1939_NO_PGN) ap::append_key(text, "pgn", ap::hexadecimal(it->can_addr.j1939.pgn));
      if (it->can_addr.j1939.addr != J1939_NO_ADDR)
        ap::append_key(text, "addr", ap::hexadecimal(it->can_addr.j1939.addr));
    }
    ap::append_length_and_tail(text, it, address_size(who.protocol));
    return text;
  }

  static void get(const afplug_identity& who, const ap::native_address<address>& it, ap::field_writer& out) {
    out.text(ap::interface_name(static_cast<std::uint32_t>(it->can_ifindex)));
    if (who.protocol == CAN_ISOTP)
      out.number(it->can_addr.tp.rx_id).number(it->can_addr.tp.tx_id);
    else if (who.protocol == CAN_J1939)
      out.absent(2).number(it->can_addr.j1939.name).number(it->can_addr.j1939.pgn).number(it->can_addr.j1939.addr);
  }

  static ap::native_address<address> set(const afplug_identity& who, const ap::field_reader& in) {
    const bool is_isotp = who.protocol == CAN_ISOTP, is_j1939 = who.protocol == CAN_J1939;
    // Fields of other protocols would be ignored: fail instead.
    for (std::size_t i = 1; i < fields.size(); ++i)
      if (in.has(i) && !(i < 3 ? is_isotp : is_j1939))
        ap::fail(EINVAL, is_isotp   ? "an ISO-TP address is (interface, rx, tx)"
                         : is_j1939 ? "a J1939 address is (interface, name, pgn, addr), without rx and tx"
                                    : "an address of CAN_RAW and CAN_BCM is (interface)");
    const address made = make(in.text(0).empty() ? 0 : ap::interface_index(in.text(0)));
    if (is_isotp) {
      if (!in.has(1) || !in.has(2)) ap::fail(EINVAL, "an ISO-TP address is (interface, rx, tx)");
      return isotp(made, in.number(1, u32), in.number(2, u32));
    }
    if (is_j1939)
      return j1939(made, in.number(3, UINT64_MAX, J1939_NO_NAME), in.number(4, J1939_NO_PGN, J1939_NO_PGN),
                   in.number(5, 255, J1939_NO_ADDR));
    return {made, address_size(who.protocol)};
  }
};

}  // namespace can
