// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_BLUETOOTH: <afplug/bluetooth/endpoint.hpp> describes their text, by protocol.
//
// Where the protocol is not known, as of an address that a system call filled in, the length of the sockaddr determines
// the layout (14 bytes: L2CAP, 10: RFCOMM, 8: SCO, 6: HCI, 50: ISO broadcast), and the keys that of a text, which has
// &length=N where they do not.
#pragma once

#include <afplug/bluetooth.hpp>
#include <afplug/plugin.hpp>

namespace bluetooth {
namespace ap = afplug::plugin;
namespace bt = afplug::bluetooth;

/// A buffer for the sockaddr of every protocol.
struct any_address {
  std::uint16_t family = AF_BLUETOOTH;
  std::uint8_t bytes[62] = {};
};

enum field_index : std::size_t { f_bdaddr, f_psm, f_cid, f_type, f_device, f_channel, f_broadcast };

// ---- fields ----

inline bt::bdaddr device_field(const ap::field_reader& in) {
  if (!in.has(f_bdaddr)) ap::fail(EINVAL, "bdaddr is missing");
  return bt::sco::endpoint::decode_device(in.text(f_bdaddr));
}

inline void get_fields(const bt::l2cap::endpoint& e, ap::field_writer& out) {
  out.text(e.device().to_string()).number(e.psm()).number(e.cid()).number(e.type());
}
inline void get_fields(const bt::rfcomm::endpoint& e, ap::field_writer& out) {
  out.text(e.device().to_string()).absent(4).number(e.channel());
}
inline void get_fields(const bt::sco::endpoint& e, ap::field_writer& out) { out.text(e.device().to_string()); }
inline void get_fields(const bt::hci::endpoint& e, ap::field_writer& out) {
  out.absent(4).number(e.adapter()).number(e.channel());
}
/// The part of the address that only broadcasts have.
inline constexpr std::size_t broadcast_offset = offsetof(bt::sockaddr_iso_broadcast, broadcaster);
inline constexpr std::size_t broadcast_bytes = sizeof(bt::sockaddr_iso_broadcast) - broadcast_offset;
inline void get_fields(const bt::iso::endpoint& e, ap::field_writer& out) {
  out.text(e.device().to_string()).absent(2).number(e.type());
  if (e.is_broadcast())
    out.absent(2).bytes({reinterpret_cast<const char*>(&e.broadcast()) + broadcast_offset, broadcast_bytes});
}

inline void set_fields(bt::l2cap::endpoint& to, const ap::field_reader& in) {
  const auto device = device_field(in);
  bt::sockaddr_l2 made{AF_BLUETOOTH, bt::to_little_endian(static_cast<std::uint16_t>(in.number(f_psm, 65535))), device,
                       bt::to_little_endian(static_cast<std::uint16_t>(in.number(f_cid, 65535)))};
  made.type = static_cast<std::uint8_t>(in.number(f_type, 255, bt::bredr));
  to = bt::l2cap::endpoint::wrap({made}, sizeof made);
}
inline void set_fields(bt::rfcomm::endpoint& to, const ap::field_reader& in) {
  const auto device = device_field(in);
  to = {device, static_cast<std::uint8_t>(in.number(f_channel, 255))};
}
inline void set_fields(bt::sco::endpoint& to, const ap::field_reader& in) { to = bt::sco::endpoint(device_field(in)); }
inline void set_fields(bt::hci::endpoint& to, const ap::field_reader& in) {
  if (!in.has(f_device)) ap::fail(EINVAL, "device (the number of the adapter) is missing");
  const auto adapter = static_cast<std::uint16_t>(in.number(f_device, 65535));
  to = bt::hci::endpoint(adapter, static_cast<bt::hci_channel>(in.number(f_channel, 65535)));
}
inline void set_fields(bt::iso::endpoint& to, const ap::field_reader& in) {
  const auto device = device_field(in);
  to = bt::iso::endpoint(device, static_cast<bt::address_type>(in.number(f_type, 255, bt::le_public)));
  if (!in.has(f_broadcast)) return;
  const auto given = in.text(f_broadcast);
  if (given.size() != broadcast_bytes && given.size() + 1 != broadcast_bytes)
    ap::fail(EINVAL, "broadcast must have ", broadcast_bytes - 1, " bytes, not ", given.size());
  auto all = to.broadcast();
  given.copy(reinterpret_cast<char*>(&all) + broadcast_offset, broadcast_bytes);
  to = bt::iso::endpoint(all);
}

// ---- protocols ----

/// How addresses of a protocol are parsed and formatted, and the bit set of the fields (field_index) that they have.
struct layout {
  int protocol;
  std::size_t size;  ///< usual length of the sockaddr, bytes
  unsigned fields;
  ap::native_address<any_address> (*parse)(std::string_view);
  std::string (*format)(const ap::native_address<any_address>&);
  void (*get)(const ap::native_address<any_address>&, ap::field_writer&);
  ap::native_address<any_address> (*set)(const ap::field_reader&);
};

template <class Endpoint>
ap::native_address<any_address> pack(const Endpoint& from) {
  return {std::bit_cast<any_address>(from.native()), static_cast<std::uint32_t>(from.size())};
}
template <class Endpoint>
Endpoint unpack(const ap::native_address<any_address>& from) {
  return Endpoint::wrap(std::bit_cast<typename Endpoint::native_type>(from.value), from.length);
}

template <class Endpoint>
constexpr layout layout_of(unsigned fields) {
  return {
      Endpoint::form(),
      Endpoint::usual_size,
      fields,
      [](std::string_view text) { return pack(Endpoint::decode(text)); },
      [](const ap::native_address<any_address>& it) { return unpack<Endpoint>(it).encode(); },
      [](const ap::native_address<any_address>& it, ap::field_writer& out) { get_fields(unpack<Endpoint>(it), out); },
      [](const ap::field_reader& in) {
        Endpoint made;
        set_fields(made, in);
        return pack(made);
      }};
}
inline constexpr layout l2cap = layout_of<bt::l2cap::endpoint>(1 << f_bdaddr | 1 << f_psm | 1 << f_cid | 1 << f_type);
inline constexpr layout rfcomm = layout_of<bt::rfcomm::endpoint>(1 << f_bdaddr | 1 << f_channel);
inline constexpr layout sco = layout_of<bt::sco::endpoint>(1 << f_bdaddr);
inline constexpr layout iso = layout_of<bt::iso::endpoint>(1 << f_bdaddr | 1 << f_type | 1 << f_broadcast);
inline constexpr layout hci = layout_of<bt::hci::endpoint>(1 << f_device | 1 << f_channel);

inline bool is_known(const afplug_identity& who) { return who.type != 0 || who.protocol != 0; }
/// Other protocols have the addresses of HCI.
inline const layout& by_protocol(std::int32_t protocol) {
  for (const layout* each : {&l2cap, &rfcomm, &sco, &iso})
    if (each->protocol == protocol) return *each;
  return hci;
}
inline const layout& by_length(std::size_t length) {
  for (const layout* each : {&rfcomm, &sco, &hci})
    if (each->size == length) return *each;
  return length == sizeof(bt::sockaddr_iso_broadcast) ? iso : l2cap;
}
inline const layout& by_text(std::string_view text) {
  ap::query query(text);
  if (query.body() == "none" || query.body().starts_with("hci")) return hci;
  if (query.take("bc")) return iso;
  if (query.take("channel")) return rfcomm;
  return by_length(static_cast<std::size_t>(query.take("length", sizeof(any_address), l2cap.size)));
}
inline const layout& by_fields(const ap::field_reader& in) {
  return in.has(f_device) ? hci : in.has(f_channel) ? rfcomm : in.has(f_broadcast) ? iso : l2cap;
}

struct codec {
  using address = any_address;
  static constexpr int family = AF_BLUETOOTH;
  static constexpr std::uint32_t min_length = sizeof(bt::sockaddr_hci);
  static constexpr std::uint32_t optional = AFPLUG_MEMBER_OPTIONAL;
  static constexpr std::array fields{
      ap::field("bdaddr", AFPLUG_KIND_TEXT, "device address AA:BB:CC:DD:EE:FF; all but HCI", optional),
      ap::field("psm", AFPLUG_KIND_U16, "BTPROTO_L2CAP: protocol/service multiplexer", optional | AFPLUG_MEMBER_HEX),
      ap::field("cid", AFPLUG_KIND_U16, "BTPROTO_L2CAP: channel id", optional),
      ap::field("bdaddr_type", AFPLUG_KIND_U8,
                "BTPROTO_L2CAP, BTPROTO_ISO: BDADDR_BREDR, BDADDR_LE_PUBLIC, BDADDR_LE_RANDOM", optional),
      ap::field("device", AFPLUG_KIND_U16, "BTPROTO_HCI: number of the adapter; 65535: none", optional),
      ap::field("channel", AFPLUG_KIND_U16, "BTPROTO_RFCOMM: 1-30; BTPROTO_HCI: HCI_CHANNEL_*", optional),
      ap::field("broadcast", AFPLUG_KIND_BYTES, "BTPROTO_ISO: struct sockaddr_iso_bc, 40 bytes and one of padding",
                optional),
  };

  static ap::native_address<address> parse(const afplug_identity& who, std::string_view text) {
    return (is_known(who) ? by_protocol(who.protocol) : by_text(text)).parse(text);
  }

  static std::string format(const afplug_identity& who, const ap::native_address<address>& it) {
    if (is_known(who)) return by_protocol(who.protocol).format(it);
    const auto& of = by_length(it.length);
    std::string text = of.format(it);
    if (&by_text(text) != &of) ap::append_key(text, "length", std::to_string(it.length));
    return text;
  }

  static void get(const afplug_identity& who, const ap::native_address<address>& it, ap::field_writer& out) {
    (is_known(who) ? by_protocol(who.protocol) : by_length(it.length)).get(it, out);
  }

  static ap::native_address<address> set(const afplug_identity& who, const ap::field_reader& in) {
    const auto& of = is_known(who) ? by_protocol(who.protocol) : by_fields(in);
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (in.has(i) && (of.fields >> i & 1) == 0)
        ap::fail(EINVAL, fields[i].name, " is not a field of addresses of this protocol");
    return of.set(in);
  }
};

}  // namespace bluetooth
