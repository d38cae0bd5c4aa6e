// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_INET: <afplug/inet.hpp> describes their text. For SOCK_RAW, whose addresses have no port, HOST alone
// is an address too, and port 0 is not formatted.
#pragma once

#include <afplug/inet.hpp>
#include <afplug/plugin.hpp>

namespace inet {
namespace ap = afplug::plugin;
using afplug::inet::endpoint;

struct codec {
  using address = sockaddr_in;
  static constexpr int family = AF_INET;
  static constexpr std::array fields{
      ap::field("host", AFPLUG_KIND_TEXT, "192.0.2.1; empty or *: any; <broadcast>: 255.255.255.255"),
      ap::field("port", AFPLUG_KIND_U16, "0-65535"),
  };

  static ap::native_address<address> parse(const afplug_identity& who, std::string_view text) {
    return endpoint::decode(text, who.type == SOCK_RAW);
  }

  static std::string format(const afplug_identity& who, const ap::native_address<address>& it) {
    return it.as<endpoint>().encode(who.type == SOCK_RAW);
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    const auto e = it.as<endpoint>();
    out.text(e.host()).number(e.port());
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    const auto port = in.number(1, 65535);
    return endpoint(endpoint::decode_host(in.text(0)), port);
  }
};

}  // namespace inet
