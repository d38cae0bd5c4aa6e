// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_INET6: <afplug/inet6.hpp> describes their text. For SOCK_RAW, whose addresses have no port,
// HOST ["%" SCOPE] is an address too, with or without brackets, and port 0 is not formatted.
#pragma once

#include <afplug/inet6.hpp>
#include <afplug/plugin.hpp>

namespace inet6 {
namespace ap = afplug::plugin;
using afplug::inet6::endpoint;

struct codec {
  using address = sockaddr_in6;
  static constexpr int family = AF_INET6;
  static constexpr std::array fields{
      ap::field("host", AFPLUG_KIND_TEXT, "fe80::1 or fe80::1%eth0; empty or *: any"),
      ap::field("port", AFPLUG_KIND_U16, "0-65535"),
      ap::field("flowinfo", AFPLUG_KIND_U32, "flow label", AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX),
      ap::field("scope_id", AFPLUG_KIND_U32, "interface index of a link-local address", AFPLUG_MEMBER_OPTIONAL),
  };

  static ap::native_address<address> parse(const afplug_identity& who, std::string_view text) {
    return endpoint::decode(text, who.type == SOCK_RAW);
  }

  static std::string format(const afplug_identity& who, const ap::native_address<address>& it) {
    return it.as<endpoint>().encode(who.type == SOCK_RAW);
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    const auto e = it.as<endpoint>();
    out.text(e.host()).number(e.port()).number(e.flowinfo()).number(e.scope_id());
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    const auto port = in.number(1, 65535), flow = in.number(2, endpoint::max_label), scope = in.number(3, 0xffffffff);
    const auto host = endpoint::decode_host(in.text(0));
    endpoint made(host.address(), port, scope != 0 ? static_cast<std::uint32_t>(scope) : host.scope_id());
    made.flowinfo(static_cast<std::uint32_t>(flow));
    return made;
  }
};

}  // namespace inet6
