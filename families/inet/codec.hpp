// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_INET as text (ip(7)):
//
//   HOST ":" PORT   HOST: dotted decimal, "192.0.2.1"; "*" or empty: INADDR_ANY; "<broadcast>": 255.255.255.255
//                   PORT: 0-65535, decimal or hexadecimal with 0x
//   HOST            port 0; for SOCK_RAW, whose addresses have no port, and where the socket type is not known
//
// Formatted as "192.0.2.1:80", or without the port where it is 0 and the socket is raw. Host names are not accepted:
// the resolver's job.
#pragma once

#include <afplug/plugin.hpp>
#if !defined(_WIN32)
#include <arpa/inet.h>
#include <netinet/in.h>
#endif

namespace inet {
namespace ap = afplug::plugin;

struct codec {
  using address = sockaddr_in;
  static constexpr int family = AF_INET;
  static constexpr std::array fields{
      ap::field("host", AFPLUG_KIND_TEXT, "192.0.2.1; empty or *: any; <broadcast>: 255.255.255.255"),
      ap::field("port", AFPLUG_KIND_U16, "0-65535"),
  };

  static address make(in_addr host, std::uint64_t port) {
    address made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(static_cast<std::uint16_t>(port));
    made.sin_addr = host;
    return made;
  }

  static in_addr parse_host(std::string_view text) {
    in_addr made{};
    if (text.empty() || text == "*") return made;
    if (text == "<broadcast>") {
      made.s_addr = htonl(INADDR_BROADCAST);
      return made;
    }
    if (text.find('\0') != text.npos || inet_pton(AF_INET, std::string(text).c_str(), &made) != 1)
      ap::fail(EINVAL, "'", text, "' is not an IPv4 address");
    return made;
  }

  static std::string format_host(in_addr host) {
    char made[INET_ADDRSTRLEN];
    return inet_ntop(AF_INET, &host, made, sizeof made);
  }

  static ap::native_address<address> parse(const afplug_identity& who, std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon != text.npos) {
      const auto port = ap::parse_integer("port", text.substr(colon + 1), 0, 65535);
      return make(parse_host(text.substr(0, colon)), port);
    }
    const bool port_is_optional = who.type == SOCK_RAW || who.type == 0;
    if (!port_is_optional || text.empty()) ap::fail(EINVAL, "the port is missing in '", text, "': write ADDRESS:PORT");
    return make(parse_host(text), 0);
  }

  static std::string format(const afplug_identity& who, const ap::native_address<address>& it) {
    const auto port = ntohs(it->sin_port);
    return who.type == SOCK_RAW && port == 0 ? format_host(it->sin_addr)
                                             : ap::concat(format_host(it->sin_addr), ":", port);
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.text(format_host(it->sin_addr)).number(ntohs(it->sin_port));
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    const auto port = in.number(1, 65535);
    return make(parse_host(in.text(0)), port);
  }
};

}  // namespace inet
