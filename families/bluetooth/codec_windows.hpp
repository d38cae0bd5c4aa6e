// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_BTH (SOCKADDR_BTH) as text, in the form of other systems:
//
//   BTPROTO_RFCOMM   AA:BB:CC:DD:EE:FF?channel=5     0 or omitted: none; any: chosen by the system, BT_PORT_ANY
//   BTPROTO_L2CAP    AA:BB:CC:DD:EE:FF?psm=0x1001
//
// and &service=GUID, the service class that connect looks up at the peer if there is no channel or psm.
#pragma once

#include <ws2bth.h>
#include <windows_common/guid.hpp>

#include <afplug/bdaddr.hpp>

namespace bluetooth {
namespace ap = afplug::plugin;
namespace bt = afplug::bluetooth;

enum field_index : std::size_t { f_bdaddr, f_psm, f_channel, f_service };

struct codec {
  using address = SOCKADDR_BTH;
  static constexpr int family = AF_BTH;
  static constexpr std::uint32_t optional = AFPLUG_MEMBER_OPTIONAL, any_port = BT_PORT_ANY;
  static constexpr std::array fields{
      ap::field("bdaddr", AFPLUG_KIND_TEXT, "device address AA:BB:CC:DD:EE:FF"),
      ap::field("psm", AFPLUG_KIND_U32, "BTPROTO_L2CAP: protocol/service multiplexer", optional | AFPLUG_MEMBER_HEX),
      ap::field("channel", AFPLUG_KIND_U32, "BTPROTO_RFCOMM: 1-30; 0xffffffff: chosen by the system", optional),
      ap::field("service", AFPLUG_KIND_TEXT,
                "GUID of the service class that connect looks up if there is no channel or psm", optional),
  };
  static_assert(sizeof(address) == 30 && offsetof(address, btAddr) == 2 && offsetof(address, port) == 26);

  static bool is_l2cap(const afplug_identity& who) { return who.protocol == BTHPROTO_L2CAP; }

  static address make(std::string_view device, std::uint64_t port, std::string_view service) {
    const auto parsed = bt::bdaddr::parse(device);
    if (!parsed) ap::fail(EINVAL, ap::quote(device), " is not a Bluetooth address: write AA:BB:CC:DD:EE:FF");
    BTH_ADDR number = 0;
    for (std::size_t i = parsed->b.size(); i-- > 0;) number = number << 8 | parsed->b[i];
    address made{};
    made.addressFamily = AF_BTH;
    made.btAddr = number;
    made.port = static_cast<ULONG>(port);
    if (!service.empty()) made.serviceClassId = windows_common::parse_guid("service", service);
    return made;
  }

  static std::string format_device(const address& it) {
    if (it.btAddr >> 48 != 0) ap::fail(EINVAL, "btAddr has more than 48 bits");
    bt::bdaddr made;
    for (std::size_t i = 0; i < made.b.size(); ++i) made.b[i] = static_cast<std::uint8_t>(it.btAddr >> 8 * i);
    return made.to_string();
  }
  /// The GUID of the service class; empty if it is all zero.
  static std::string format_service(const address& it) {
    const GUID of = it.serviceClassId, none{};
    return std::memcmp(&of, &none, sizeof of) == 0 ? std::string() : windows_common::format_guid(of);
  }

  static ap::native_address<address> parse(const afplug_identity& who, std::string_view text) {
    ap::query query(text);
    const std::string_view name = is_l2cap(who) ? "psm" : "channel";
    const auto* written = query.take(name);
    const auto* service = query.take("service");
    query.reject_unknown(ap::concat(name, ", service"));
    const auto port = written == nullptr  ? 0
                      : *written == "any" ? any_port
                                          : ap::parse_integer(name, *written, 0, any_port);
    if (service != nullptr && service->empty()) ap::fail(EINVAL, "service is empty: write a GUID or omit it");
    return make(query.body(), port, service ? *service : std::string_view());
  }

  static std::string format(const afplug_identity& who, const ap::native_address<address>& it) {
    std::string text = format_device(it.value);
    const std::uint32_t port = it->port;
    if (port == any_port)
      ap::append_key(text, is_l2cap(who) ? "psm" : "channel", "any");
    else if (port != 0)
      ap::append_key(text, is_l2cap(who) ? "psm" : "channel",
                     is_l2cap(who) ? ap::hexadecimal(port) : std::to_string(port));
    if (const auto guid = format_service(it.value); !guid.empty()) ap::append_key(text, "service", guid);
    return text;
  }

  static void get(const afplug_identity& who, const ap::native_address<address>& it, ap::field_writer& out) {
    out.text(format_device(it.value));
    if (!is_l2cap(who)) out.absent();
    out.number(it->port);
    if (is_l2cap(who)) out.absent();
    if (const auto guid = format_service(it.value); !guid.empty()) out.text(guid);
  }

  static ap::native_address<address> set(const afplug_identity& who, const ap::field_reader& in) {
    const auto mine = is_l2cap(who) ? f_psm : f_channel, other = is_l2cap(who) ? f_channel : f_psm;
    if (in.has(other)) ap::fail(EINVAL, fields[other].name, " is not a field of addresses of this protocol");
    return make(in.text(f_bdaddr), in.number(mine, any_port), in.text(f_service));
  }
};

}  // namespace bluetooth
