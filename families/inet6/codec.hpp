// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of IP version 6, as text:
//
//   "[" HOST ["%" SCOPE] "]:" PORT [KEYS]    HOST: fe80::1, as RFC 4291 has it
//   "*:" PORT, ":" PORT                      any address
//   HOST ["%" SCOPE] [KEYS]                  port 0, for SOCK_RAW, whose addresses have none, and where no type is
//   known;
//                                            brackets are allowed
//
//   SCOPE   an interface's name, percent-encoded, or its index
//   PORT    0-65535, decimal or 0x
//   KEYS    ?flowinfo=N, the flow label, 0-0xfffff; &tclass=N, the traffic class above it, 0-255
//
// Written back as [fe80::1%eth0]:80?flowinfo=0x12, without what is 0. Host names are not for a codec.
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
  static constexpr std::uint32_t label_most = 0xfffff, label_bits = 20;
  static constexpr std::array fields{
      ap::field("host", AFPLUG_KIND_TEXT, "fe80::1; nothing or *: any; %eth0 after it gives the scope"),
      ap::field("port", AFPLUG_KIND_U16, "0-65535"),
      ap::field("flowinfo", AFPLUG_KIND_U32, "flow label", AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX),
      ap::field("scope_id", AFPLUG_KIND_U32, "interface index of a link-local address", AFPLUG_MEMBER_OPTIONAL),
  };

  /// HOST ["%" SCOPE], and nothing or "*" for any.
  static address host(std::string_view text) {
    address made{};
    made.sin6_family = AF_INET6;
    if (text.empty() || text == "*") return made;
    const std::string_view numbers = text.substr(0, text.find('%'));
    if (numbers.find('\0') != numbers.npos || inet_pton(AF_INET6, std::string(numbers).c_str(), &made.sin6_addr) != 1)
      ap::fail(EINVAL, "'", numbers, "' is not an IPv6 address");
    if (numbers.size() < text.size()) made.sin6_scope_id = scope(text.substr(numbers.size() + 1));
    return made;
  }

  static std::uint32_t scope(std::string_view text) {
    if (text.empty()) ap::fail(EINVAL, "the scope after '%' is missing");
    if (text.find_first_not_of("0123456789") != text.npos) return ap::interface_index(ap::percent_decode(text));
    return static_cast<std::uint32_t>(ap::parse_integer("scope", text, 0, 0xffffffff));
  }

  static std::string text(const in6_addr& host) {
    char made[INET6_ADDRSTRLEN];
    return inet_ntop(AF_INET6, &host, made, sizeof made);
  }

  static ap::native_address<address> parse(const afplug_identity& who, std::string_view all) {
    ap::query query(all);
    const std::string_view body = query.body();
    const std::string_view port = port_text(who, body);
    const auto port_number = port.empty() ? 0 : ap::parse_integer("port", port.substr(1), 0, 65535);
    std::string_view inside = body.substr(0, body.size() - port.size());
    if (inside.starts_with('[')) inside = inside.substr(1, inside.size() - 2);
    address made = host(inside);
    made.sin6_port = htons(static_cast<std::uint16_t>(port_number));
    const auto label = query.take("flowinfo", label_most, 0), tclass = query.take("tclass", 255, 0);
    made.sin6_flowinfo = htonl(static_cast<std::uint32_t>(tclass << label_bits | label));
    query.reject_unknown("flowinfo and tclass");
    return made;
  }

  static std::string format(const afplug_identity& who, const ap::native_address<address>& it) {
    std::string out = text(it->sin6_addr);
    if (const auto id = it->sin6_scope_id; id != 0) {
      const std::string name = ap::interface_name(id);
      out += ap::concat("%", name.empty() ? std::to_string(id) : ap::format_interface_name(name));
    }
    const auto port = ntohs(it->sin6_port);
    if (who.type != SOCK_RAW || port != 0) out = ap::concat("[", out, "]:", port);
    const std::uint32_t flow = ntohl(it->sin6_flowinfo), tclass = flow >> label_bits & 255;
    if (flow & label_most) ap::append_key(out, "flowinfo", ap::hexadecimal(flow & label_most));
    if (tclass != 0) ap::append_key(out, "tclass", ap::hexadecimal(tclass));
    return out;
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.text(text(it->sin6_addr))
        .number(ntohs(it->sin6_port))
        .number(ntohl(it->sin6_flowinfo))
        .number(it->sin6_scope_id);
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    const auto port = in.number(1, 65535), flow = in.number(2, label_most), id = in.number(3, 0xffffffff);
    address made = host(in.text(0));
    made.sin6_port = htons(static_cast<std::uint16_t>(port));
    made.sin6_flowinfo = htonl(static_cast<std::uint32_t>(flow));
    if (id != 0) made.sin6_scope_id = static_cast<std::uint32_t>(id);
    return made;
  }

 private:
  /// The ":PORT" that `body` ends with; empty where there is none and need not be.
  static std::string_view port_text(const afplug_identity& who, std::string_view body) {
    const bool may_be_missing = who.type == SOCK_RAW || who.type == 0;
    if (body.starts_with('[')) {
      const auto close = body.find(']');
      if (close == body.npos) ap::fail(EINVAL, "']' is missing in '", body, "'");
      const std::string_view after = body.substr(close + 1);
      if (after.starts_with(':') || (after.empty() && may_be_missing)) return after;
      if (!after.empty()) ap::fail(EINVAL, "'", after, "' after ']' is not of the form :PORT");
    } else {
      const auto colons = std::count(body.begin(), body.end(), ':');
      if (colons == 1) return body.substr(body.find(':'));
      if (colons > 1 && may_be_missing) return {};
    }
    ap::fail(EINVAL, "the port is missing in '", body, "': write [ADDRESS]:PORT");
  }
};

}  // namespace inet6
