// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of SocketCAN, and its protocols for Asio's sockets (Documentation/networking/can.rst, isotp.rst,
// j1939.rst).
//
//   afplug::can::endpoint ecu("vcan0", afplug::can::isotp_ids{.rx = 0x321, .tx = 0x123});
//   afplug::can::isotp::socket s(io, ecu);
//
// Text, by protocol:
//
//   CAN_RAW, CAN_BCM   vcan0                                 any: all interfaces; %index=7: by index
//   CAN_ISOTP          vcan0?rx=0x321&tx=0x123               extended ids have CAN_EFF_FLAG, 0x80000000
//   CAN_J1939          vcan0?name=0x1&pgn=0x12300&addr=0x20  omitted keys: J1939_NO_NAME, _NO_PGN, _NO_ADDR
//
// All forms may end in &length=N, where the sockaddr is not as long as the protocol needs, and &tail=HEX, for the bytes
// behind that length. Where the protocol is not known the form of a text is that of its keys, and the form of a
// sockaddr that of its length.
#pragma once

#include <linux/can.h>
#include <linux/can/j1939.h>
#include <sys/socket.h>

#include <afplug/endpoint.hpp>
#include <afplug/plugin/codec.hpp>
#include <afplug/plugin/interface.hpp>
#include <afplug/plugin/text.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace afplug::can {

/// struct sockaddr_can, without a union and implicit padding.
struct sockaddr_any {
  std::uint16_t family = AF_CAN;
  std::uint16_t reserved = 0;
  std::int32_t ifindex = 0;
  std::array<std::uint32_t, 2> ids = {};  ///< ISO-TP: rx and tx; J1939: the name, in host byte order
  std::uint32_t pgn = 0;                  ///< J1939
  std::uint8_t addr = 0;                  ///< J1939
  std::uint8_t reserved_end[3] = {};
};
static_assert(sizeof(sockaddr_any) == sizeof(::sockaddr_can) &&
              offsetof(sockaddr_any, ifindex) == offsetof(::sockaddr_can, can_ifindex) &&
              offsetof(sockaddr_any, ids) == offsetof(::sockaddr_can, can_addr) &&
              offsetof(sockaddr_any, pgn) == offsetof(::sockaddr_can, can_addr.j1939.pgn) &&
              offsetof(sockaddr_any, addr) == offsetof(::sockaddr_can, can_addr.j1939.addr));

/// The identifiers of an ISO-TP address; extended ones have CAN_EFF_FLAG.
struct isotp_ids {
  canid_t rx = 0;  ///< received
  canid_t tx = 0;  ///< sent
};
/// The J1939 part of an address.
struct j1939_parts {
  std::uint64_t name = J1939_NO_NAME;  ///< of a node
  std::uint32_t pgn = J1939_NO_PGN;    ///< parameter group number
  std::uint8_t addr = J1939_NO_ADDR;   ///< of a node
};

/// An address of SocketCAN: an interface, and what ISO-TP and J1939 add to it.
class endpoint : public basic_endpoint<endpoint, sockaddr_any> {
 public:
  static constexpr const char* id = "can";                              ///< the family's id
  static constexpr std::size_t min_size = offsetof(sockaddr_any, ids);  ///< bytes
  static constexpr int family() noexcept { return AF_CAN; }             ///< AF_CAN

  /// All interfaces, for CAN_RAW and CAN_BCM.
  constexpr endpoint() noexcept : endpoint(interface_index()) {}
  /// For CAN_RAW and CAN_BCM.
  constexpr explicit endpoint(interface_index i) noexcept {
    size_ = min_size;
    native_.ifindex = static_cast<std::int32_t>(i);
  }
  /// For CAN_ISOTP.
  constexpr endpoint(interface_index i, const isotp_ids& of) noexcept : endpoint(i) {
    native_.ids = {of.rx, of.tx};
    size_ = usual_size(CAN_ISOTP);
  }
  /// For CAN_J1939.
  constexpr endpoint(interface_index i, const j1939_parts& of) noexcept : endpoint(i) {
    native_.ids = std::bit_cast<std::array<std::uint32_t, 2>>(of.name);
    native_.pgn = of.pgn;
    native_.addr = of.addr;
    size_ = usual_size(CAN_J1939);
  }
  /// The same with the name of an interface. Throws ENODEV if there is none, ENAMETOOLONG above 15 bytes.
  endpoint(std::string_view name, const isotp_ids& of) : endpoint(find_interface(name), of) {}
  endpoint(std::string_view name, const j1939_parts& of) : endpoint(find_interface(name), of) {}
  using basic_endpoint::basic_endpoint;  ///< from text, and from a checked address

  /// The index of the interface; 0: all.
  constexpr interface_index index() const noexcept {
    return interface_index{static_cast<std::uint32_t>(native_.ifindex)};
  }
  /// The name of the interface; empty if there is none with that index.
  std::string interface() const { return plugin::interface_name(static_cast<std::uint32_t>(native_.ifindex)); }
  constexpr bool is_isotp() const noexcept { return shape() == CAN_ISOTP; }  ///< has isotp()
  constexpr bool is_j1939() const noexcept { return shape() == CAN_J1939; }  ///< has j1939()
  /// The identifiers, if is_isotp().
  constexpr isotp_ids isotp() const noexcept { return {native_.ids[0], native_.ids[1]}; }
  /// Name, PGN and address, if is_j1939().
  constexpr j1939_parts j1939() const noexcept {
    return {std::bit_cast<std::uint64_t>(native_.ids), native_.pgn, native_.addr};
  }

  /// The length of the sockaddr that the kernel requires and returns for a protocol, in bytes: CAN_REQUIRED_SIZE in
  /// include/linux/can/core.h, up to the last member used.
  static constexpr std::uint32_t usual_size(int protocol) noexcept {
    return protocol == CAN_J1939   ? sizeof(sockaddr_any)
           : protocol == CAN_ISOTP ? offsetof(sockaddr_any, pgn)
                                   : std::uint32_t{min_size};
  }
  /// Parses the text form of a protocol (0: not known). For the plugin's codec.
  static endpoint decode(std::string_view text, int protocol = 0) {
    plugin::query query(text);
    const auto index = interface_index{plugin::parse_interface(query.body())};
    const auto form = protocol != 0 ? protocol : shape_of(query);
    endpoint made(index);
    std::string_view known = "length, tail";
    if (form == CAN_ISOTP) {
      const auto rx = required_id(query, "rx");
      made = endpoint(index, isotp_ids{rx, required_id(query, "tx")});
      known = "rx, tx, length, tail";
    } else if (form == CAN_J1939) {
      j1939_parts of;
      of.name = query.take("name", UINT64_MAX, J1939_NO_NAME);
      of.pgn = static_cast<std::uint32_t>(query.take("pgn", 0xffffffff, J1939_NO_PGN));  // the kernel validates it
      of.addr = static_cast<std::uint8_t>(query.take("addr", 255, J1939_NO_ADDR));
      made = endpoint(index, of);
      known = "name, pgn, addr, length, tail";
    }
    plugin::native_address<sockaddr_any> all(made);
    plugin::parse_length_and_tail(all, query, std::uint32_t{min_size});
    query.reject_unknown(known);
    return wrap(all.value, all.length);
  }
  /// Formats the address as one of a protocol (0: not known). For the plugin's codec.
  std::string encode(int protocol = 0) const {
    const auto form = protocol != 0 ? protocol : shape();
    std::string text = plugin::format_interface(static_cast<std::uint32_t>(native_.ifindex));
    if (form == CAN_ISOTP) {
      plugin::append_key(text, "rx", plugin::hexadecimal(isotp().rx));
      plugin::append_key(text, "tx", plugin::hexadecimal(isotp().tx));
    } else if (form == CAN_J1939) {
      const auto of = j1939();
      if (of.name != J1939_NO_NAME) plugin::append_key(text, "name", plugin::hexadecimal(of.name));
      if (of.pgn != J1939_NO_PGN) plugin::append_key(text, "pgn", plugin::hexadecimal(of.pgn));
      if (of.addr != J1939_NO_ADDR) plugin::append_key(text, "addr", plugin::hexadecimal(of.addr));
    }
    plugin::append_length_and_tail(text, plugin::native_address<sockaddr_any>(*this), usual_size(form));
    // Without keys the text would be that of CAN_RAW.
    if (protocol == 0 && form == CAN_J1939 && text.find('?') == text.npos)
      plugin::append_key(text, "length", std::to_string(size_));
    return text;
  }
  /// All fields, for comparison.
  constexpr auto fields() const noexcept {
    return std::make_tuple(native_.ifindex, size_, size_ >= usual_size(CAN_ISOTP) ? native_.ids[0] : 0,
                           size_ >= usual_size(CAN_ISOTP) ? native_.ids[1] : 0, is_j1939() ? native_.pgn : 0,
                           is_j1939() ? native_.addr : 0);
  }

 private:
  friend basic_endpoint;
  static interface_index find_interface(std::string_view name) {
    return afplug::detail::throwing_decode(id, name, [&] { return interface_index{plugin::interface_index(name)}; });
  }
  // The protocol whose addresses have this length; CAN_RAW also for others.
  constexpr int shape() const noexcept { return shape_of(size_); }
  static constexpr int shape_of(std::uint64_t size) noexcept {
    return size >= usual_size(CAN_J1939) ? CAN_J1939 : size >= usual_size(CAN_ISOTP) ? CAN_ISOTP : CAN_RAW;
  }
  static int shape_of(plugin::query& query) {
    if (query.take("rx") || query.take("tx")) return CAN_ISOTP;
    if (query.take("name") || query.take("pgn") || query.take("addr")) return CAN_J1939;
    return shape_of(query.take("length", sizeof(sockaddr_any), min_size));
  }
  static canid_t required_id(plugin::query& query, std::string_view name) {
    const auto* value = query.take(name);
    if (!value) plugin::fail(EINVAL, name, " is missing: write INTERFACE?rx=ID&tx=ID");
    return plugin::parse_integer<canid_t>(name, *value, 0, 0xffffffff);
  }
};

using raw = raw_protocol<endpoint, CAN_RAW>;           ///< frames
using bcm = datagram_protocol<endpoint, CAN_BCM>;      ///< the broadcast manager
using isotp = datagram_protocol<endpoint, CAN_ISOTP>;  ///< ISO 15765-2 transport
using j1939 = datagram_protocol<endpoint, CAN_J1939>;  ///< SAE J1939

}  // namespace afplug::can
