// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_INET6 as text (ipv6(7)):
//
//   "[" HOST ["%" SCOPE] "]:" PORT [KEYS]
//   "*:" PORT [KEYS], ":" PORT [KEYS]      in6addr_any
//   HOST ["%" SCOPE] [KEYS]                port 0, with or without brackets; for SOCK_RAW, whose addresses have no
//                                          port, and where the socket type is not known
//
//   HOST    an address in the text form of RFC 4291: fe80::1
//   SCOPE   name of an interface, percent-encoded, or its index
//   PORT    0-65535, decimal or hexadecimal with 0x
//   KEYS    "?flowinfo=N", flow label, 0-0xfffff, and "&tclass=N", traffic class, 0-255: both parts of sin6_flowinfo
//
// Formatted as "[fe80::1%eth0]:80?flowinfo=0x12", without keys that are 0. Host names are not accepted: the resolver's
// job.
#pragma once

#include <afplug/plugin.hpp>
#if !defined(_WIN32)
#include <arpa/inet.h>
#include <netinet/in.h>
#endif

namespace inet6 {
namespace ap = afplug::plugin;

struct codec {
  using address = sockaddr_in6;
  static constexpr int family = AF_INET6;
  static constexpr std::uint32_t max_label = 0xfffff, label_bits = 20;
  static constexpr std::array fields{
      ap::field("host", AFPLUG_KIND_TEXT, "fe80::1 or fe80::1%eth0; empty or *: any"),
      ap::field("port", AFPLUG_KIND_U16, "0-65535"),
      ap::field("flowinfo", AFPLUG_KIND_U32, "flow label", AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX),
      ap::field("scope_id", AFPLUG_KIND_U32, "interface index of a link-local address", AFPLUG_MEMBER_OPTIONAL),
  };

  /// Parses HOST ["%" SCOPE]; empty and "*" are in6addr_any.
  static address parse_host(std::string_view text) {
    address made{};
    made.sin6_family = AF_INET6;
    if (text.empty() || text == "*") return made;
    const std::string_view numbers = text.substr(0, text.find('%'));
    if (numbers.find('\0') != numbers.npos || inet_pton(AF_INET6, std::string(numbers).c_str(), &made.sin6_addr) != 1)
      ap::fail(EINVAL, "'", numbers, "' is not an IPv6 address");
    if (numbers.size() < text.size()) made.sin6_scope_id = parse_scope(text.substr(numbers.size() + 1));
    return made;
  }

  static std::uint32_t parse_scope(std::string_view text) {
    if (text.empty()) ap::fail(EINVAL, "the scope after '%' is missing");
    if (text.find_first_not_of("0123456789") != text.npos) return ap::interface_index(ap::percent_decode(text));
    return static_cast<std::uint32_t>(ap::parse_integer("scope", text, 0, 0xffffffff));
  }

  static std::string format_host(const in6_addr& host) {
    char made[INET6_ADDRSTRLEN];
    return inet_ntop(AF_INET6, &host, made, sizeof made);
  }

  static ap::native_address<address> parse(const afplug_identity& who, std::string_view all) {
    ap::query query(all);
    const std::string_view body = query.body();
    const std::string_view port = port_part(who, body);
    const auto port_number = port.empty() ? 0 : ap::parse_integer("port", port.substr(1), 0, 65535);
    std::string_view inside = body.substr(0, body.size() - port.size());
    if (inside.starts_with('[')) inside = inside.substr(1, inside.size() - 2);
    address made = parse_host(inside);
    made.sin6_port = htons(static_cast<std::uint16_t>(port_number));
    const auto label = query.take("flowinfo", max_label, 0), tclass = query.take("tclass", 255, 0);
    made.sin6_flowinfo = htonl(static_cast<std::uint32_t>(tclass << label_bits | label));
    query.reject_unknown("flowinfo and tclass");
    return made;
  }

  static std::string format(const afplug_identity& who, const ap::native_address<address>& it) {
    std::string out = format_host(it->sin6_addr);
    if (const auto id = it->sin6_scope_id; id != 0) {
      const std::string name = ap::interface_name(id);
      out += ap::concat("%", name.empty() ? std::to_string(id) : ap::format_interface_name(name));
    }
    const auto port = ntohs(it->sin6_port);
    if (who.type != SOCK_RAW || port != 0) out = ap::concat("[", out, "]:", port);
    const std::uint32_t flow = ntohl(it->sin6_flowinfo), tclass = flow >> label_bits & 255;
    if (flow & max_label) ap::append_key(out, "flowinfo", ap::hexadecimal(flow & max_label));
    if (tclass != 0) ap::append_key(out, "tclass", ap::hexadecimal(tclass));
    return out;
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.text(format_host(it->sin6_addr))
        .number(ntohs(it->sin6_port))
        .number(ntohl(it->sin6_flowinfo))
        .number(it->sin6_scope_id);
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    const auto port = in.number(1, 65535), flow = in.number(2, max_label), id = in.number(3, 0xffffffff);
    address made = parse_host(in.text(0));
    made.sin6_port = htons(static_cast<std::uint16_t>(port));
    made.sin6_flowinfo = htonl(static_cast<std::uint32_t>(flow));
    if (id != 0) made.sin6_scope_id = static_cast<std::uint32_t>(id);
    return made;
  }

 private:
  /// The ":PORT" at the end of `body`; empty if there is none and the socket type allows that.
  static std::string_view port_part(const afplug_identity& who, std::string_view body) {
    const bool port_is_optional = who.type == SOCK_RAW || who.type == 0;
    if (body.starts_with('[')) {
      const auto close = body.find(']');
      if (close == body.npos) ap::fail(EINVAL, "']' is missing in '", body, "'");
      const std::string_view after = body.substr(close + 1);
      if (after.starts_with(':') || (after.empty() && port_is_optional)) return after;
      if (!after.empty()) ap::fail(EINVAL, "'", after, "' after ']' is not of the form :PORT");
    } else {
      const auto colons = std::count(body.begin(), body.end(), ':');
      if (colons == 1) return body.substr(body.find(':'));
      if (colons > 1 && port_is_optional) return {};
    }
    ap::fail(EINVAL, "the port is missing in '", body, "': write [ADDRESS]:PORT");
  }
};

}  // namespace inet6
