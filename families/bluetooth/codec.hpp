// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_BLUETOOTH as text, by protocol:
//
//   BTPROTO_L2CAP    AA:BB:CC:DD:EE:FF?psm=0x1001&cid=4&type=1   omitted keys are 0
//                    type: 0 BR/EDR, 1 LE public, 2 LE random
//   BTPROTO_RFCOMM   AA:BB:CC:DD:EE:FF?channel=5
//   BTPROTO_SCO      AA:BB:CC:DD:EE:FF
//   BTPROTO_ISO      AA:BB:CC:DD:EE:FF?type=1
//                    for broadcasts also &bc=AA:BB:CC:DD:EE:FF&bctype=1&sid=2&bis=1,2
//   others           hci0?channel=1                              none: no adapter, HCI_DEV_NONE
//
// All but the broadcast form may end in &length=N and &tail=HEX, for sockaddrs of another length.
#pragma once

#include <afplug/bluetooth.hpp>
#include <afplug/plugin.hpp>

namespace bluetooth {
namespace ap = afplug::plugin;
namespace bt = afplug::bluetooth;

/// Large enough for every sockaddr of the family, that of ISO broadcasts included.
struct any_address {
  std::uint16_t family = AF_BLUETOOTH;
  std::uint8_t bytes[62] = {};
};

enum field_index : std::size_t { f_bdaddr, f_psm, f_cid, f_type, f_device, f_channel, f_broadcast };

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

  template <class S>
  static ap::native_address<address> pack(const S& from) {
    ap::native_address<address> made;
    std::memcpy(static_cast<void*>(&made.value), &from, sizeof from);
    made.length = sizeof from;
    return made;
  }
  template <class S>
  static S unpack(const ap::native_address<address>& from) {
    S made;
    std::memcpy(static_cast<void*>(&made), &from.value, sizeof made);
    return made;
  }
  static bool has_device_number(std::int32_t protocol) {
    return protocol != bt::l2cap && protocol != bt::rfcomm && protocol != bt::sco && protocol != bt::iso;
  }
  static std::uint32_t address_size(std::int32_t protocol) {
    switch (protocol) {
      case bt::l2cap:
        return sizeof(bt::sockaddr_l2);
      case bt::rfcomm:
        return sizeof(bt::sockaddr_rc);
      case bt::sco:
        return sizeof(bt::sockaddr_sco);
      case bt::iso:
        return sizeof(bt::sockaddr_iso);
      default:
        return sizeof(bt::sockaddr_hci);
    }
  }

  static bt::bdaddr parse_device(std::string_view text) {
    const auto parsed = bt::bdaddr::parse(text);
    if (!parsed) ap::fail(EINVAL, ap::quote(text), " is not a Bluetooth address: write AA:BB:CC:DD:EE:FF");
    return *parsed;
  }
  static std::uint16_t parse_adapter(std::string_view text) {
    if (text == "none") return bt::no_device;
    if (text.starts_with("hci")) text.remove_prefix(3);
    return ap::parse_integer<std::uint16_t>("adapter", text, 0, 65535);
  }

  // The list of BIS indices: "1,2,3".
  static std::string format_streams(const bt::sockaddr_iso_broadcast& it) {
    std::size_t end = std::min<std::size_t>(it.count, sizeof it.streams);
    for (std::size_t i = end; i < sizeof it.streams; ++i)
      if (it.streams[i] != 0) end = i + 1;
    std::string text;
    for (std::size_t i = 0; i < end; ++i) (text += i == 0 ? "" : ",") += std::to_string(it.streams[i]);
    return text;
  }

  static bt::sockaddr_iso_broadcast parse_broadcast(ap::query& query, std::string_view of,
                                                    const bt::sockaddr_iso& base) {
    bt::sockaddr_iso_broadcast made{AF_BLUETOOTH, base.device, base.type, parse_device(of)};
    made.broadcaster_type = static_cast<std::uint8_t>(query.take("bctype", 255, bt::le_public));
    made.sid = static_cast<std::uint8_t>(query.take("sid", 255, 0));
    const auto* list = query.take("bis");
    std::string_view rest = list ? std::string_view(*list) : std::string_view();
    std::size_t count = 0;
    while (!rest.empty()) {
      if (count == sizeof made.streams) ap::fail(ERANGE, "bis names more than 31 streams");
      const auto one = rest.substr(0, rest.find(','));
      made.streams[count++] = ap::parse_integer<std::uint8_t>("bis", one, 0, 255);
      rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    }
    made.count = static_cast<std::uint8_t>(query.take("count", 255, count));
    return made;
  }

  // The part of the address that only broadcasts have.
  static constexpr std::size_t broadcast_offset = offsetof(bt::sockaddr_iso_broadcast, broadcaster);
  static bool is_broadcast(const ap::native_address<address>& it) {
    return it.length == sizeof(bt::sockaddr_iso_broadcast);
  }

  // The address made of these fields.
  struct parts {
    bt::bdaddr device;
    std::uint64_t psm = 0, cid = 0, type = 0, number = 0, channel = 0;
  };
  static ap::native_address<address> make(std::int32_t protocol, const parts& p) {
    const auto u8 = [](std::uint64_t v) { return static_cast<std::uint8_t>(v); };
    const auto u16 = [](std::uint64_t v) { return static_cast<std::uint16_t>(v); };
    switch (protocol) {
      case bt::l2cap:
        return pack(bt::sockaddr_l2{AF_BLUETOOTH, bt::to_little_endian(u16(p.psm)), p.device,
                                    bt::to_little_endian(u16(p.cid)), u8(p.type)});
      case bt::rfcomm:
        return pack(bt::sockaddr_rc{AF_BLUETOOTH, p.device, u8(p.channel)});
      case bt::sco:
        return pack(bt::sockaddr_sco{AF_BLUETOOTH, p.device});
      case bt::iso:
        return pack(bt::sockaddr_iso{AF_BLUETOOTH, p.device, u8(p.type)});
      default:
        return pack(bt::sockaddr_hci{AF_BLUETOOTH, u16(p.number), u16(p.channel)});
    }
  }

  static ap::native_address<address> parse(const afplug_identity& who, std::string_view text) {
    ap::query query(text);
    parts p;
    std::string_view known = "length, tail";
    if (has_device_number(who.protocol)) {
      p.number = parse_adapter(query.body());
      p.channel = query.take("channel", 65535, 0);
      known = "channel, length, tail";
    } else {
      p.device = parse_device(query.body());
    }
    if (who.protocol == bt::l2cap) {
      p.psm = query.take("psm", 65535, 0);
      p.cid = query.take("cid", 65535, 0);
      p.type = query.take("type", 255, bt::bredr);
      known = "psm, cid, type, length, tail";
    } else if (who.protocol == bt::rfcomm) {
      p.channel = query.take("channel", 255, 0);
      known = "channel, length, tail";
    } else if (who.protocol == bt::iso) {
      p.type = query.take("type", 255, bt::le_public);
      if (const auto* of = query.take("bc")) {
        const auto made = parse_broadcast(query, *of, {AF_BLUETOOTH, p.device, static_cast<std::uint8_t>(p.type)});
        query.reject_unknown("type, bc, bctype, sid, bis, count");
        return pack(made);
      }
      known = "type, bc, length, tail";
    }
    auto made = make(who.protocol, p);
    ap::parse_length_and_tail(made, query, min_length);
    query.reject_unknown(known);
    return made;
  }

  static std::string format(const afplug_identity& who, const ap::native_address<address>& it) {
    std::string text;
    const auto key = [&](std::string_view name, std::uint64_t value, bool hexadecimal = false) {
      if (value != 0) ap::append_key(text, name, hexadecimal ? ap::hexadecimal(value) : std::to_string(value));
    };
    if (who.protocol == bt::l2cap) {
      const auto a = unpack<bt::sockaddr_l2>(it);
      text = a.device.to_string();
      key("psm", bt::to_little_endian(a.psm), true);
      key("cid", bt::to_little_endian(a.cid));
      key("type", a.type);
    } else if (who.protocol == bt::rfcomm) {
      const auto a = unpack<bt::sockaddr_rc>(it);
      text = a.device.to_string();
      key("channel", a.channel);
    } else if (who.protocol == bt::sco) {
      text = unpack<bt::sockaddr_sco>(it).device.to_string();
    } else if (who.protocol == bt::iso) {
      const auto a = unpack<bt::sockaddr_iso>(it);
      text = a.device.to_string();
      if (a.type != bt::le_public) ap::append_key(text, "type", std::to_string(a.type));
      if (is_broadcast(it)) {
        const auto b = unpack<bt::sockaddr_iso_broadcast>(it);
        const auto list = format_streams(b);
        ap::append_key(text, "bc", b.broadcaster.to_string());
        if (b.broadcaster_type != bt::le_public) ap::append_key(text, "bctype", std::to_string(b.broadcaster_type));
        key("sid", b.sid);
        if (!list.empty()) ap::append_key(text, "bis", list);
        const auto listed = static_cast<std::size_t>(std::count(list.begin(), list.end(), ',')) + !list.empty();
        if (b.count != listed) ap::append_key(text, "count", std::to_string(b.count));
        return text;
      }
    } else {
      const auto a = unpack<bt::sockaddr_hci>(it);
      text = a.device == bt::no_device ? "none" : ap::concat("hci", a.device);
      key("channel", a.channel);
    }
    ap::append_length_and_tail(text, it, address_size(who.protocol));
    return text;
  }

  static void get(const afplug_identity& who, const ap::native_address<address>& it, ap::field_writer& out) {
    if (who.protocol == bt::l2cap) {
      const auto a = unpack<bt::sockaddr_l2>(it);
      out.text(a.device.to_string())
          .number(bt::to_little_endian(a.psm))
          .number(bt::to_little_endian(a.cid))
          .number(a.type);
    } else if (who.protocol == bt::rfcomm) {
      const auto a = unpack<bt::sockaddr_rc>(it);
      out.text(a.device.to_string()).absent(4).number(a.channel);
    } else if (who.protocol == bt::sco) {
      out.text(unpack<bt::sockaddr_sco>(it).device.to_string());
    } else if (who.protocol == bt::iso) {
      const auto a = unpack<bt::sockaddr_iso>(it);
      out.text(a.device.to_string()).absent(2).number(a.type);
      if (is_broadcast(it))
        out.absent(2).bytes(std::string_view(reinterpret_cast<const char*>(&it.value) + broadcast_offset,
                                             sizeof(bt::sockaddr_iso_broadcast) - broadcast_offset));
    } else {
      const auto a = unpack<bt::sockaddr_hci>(it);
      out.absent(4).number(a.device).number(a.channel);
    }
  }

  /// Bit set of the fields (field_index) that addresses of the protocol have.
  static unsigned allowed_fields(std::int32_t protocol) {
    switch (protocol) {
      case bt::l2cap:
        return 1 << f_bdaddr | 1 << f_psm | 1 << f_cid | 1 << f_type;
      case bt::rfcomm:
        return 1 << f_bdaddr | 1 << f_channel;
      case bt::sco:
        return 1 << f_bdaddr;
      case bt::iso:
        return 1 << f_bdaddr | 1 << f_type | 1 << f_broadcast;
      default:
        return 1 << f_device | 1 << f_channel;
    }
  }

  static ap::native_address<address> set(const afplug_identity& who, const ap::field_reader& in) {
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (in.has(i) && (allowed_fields(who.protocol) >> i & 1) == 0)
        ap::fail(EINVAL, fields[i].name, " is not a field of addresses of this protocol");
    parts p;
    const bool has_number = has_device_number(who.protocol);
    if (has_number && !in.has(f_device)) ap::fail(EINVAL, "device (the number of the adapter) is missing");
    if (!has_number && !in.has(f_bdaddr)) ap::fail(EINVAL, "bdaddr is missing");
    if (!has_number) p.device = parse_device(in.text(f_bdaddr));
    p.psm = in.number(f_psm, 65535);
    p.cid = in.number(f_cid, 65535);
    p.type = in.number(f_type, 255, who.protocol == bt::iso ? bt::le_public : bt::bredr);
    p.number = in.number(f_device, 65535);
    p.channel = in.number(f_channel, has_number ? 65535 : 255);
    auto made = make(who.protocol, p);
    if (!in.has(f_broadcast)) return made;
    constexpr auto bytes = sizeof(bt::sockaddr_iso_broadcast) - broadcast_offset;
    const auto given = in.text(f_broadcast);
    if (given.size() != bytes && given.size() + 1 != bytes)
      ap::fail(EINVAL, "broadcast must have ", bytes - 1, " bytes, not ", given.size());
    given.copy(reinterpret_cast<char*>(&made.value) + broadcast_offset, bytes);
    made.length = sizeof(bt::sockaddr_iso_broadcast);
    return made;
  }
};

}  // namespace bluetooth
