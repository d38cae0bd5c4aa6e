// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_INET6 (ipv6(7)), and its protocols for Asio's sockets.
//
//   afplug::inet6::endpoint server("fe80::1%eth0", 80);
//   constexpr auto local = afplug::inet6::endpoint::loopback(8080);
//   afplug::inet6::stream::socket s(io);
//   s.connect(server);
//
// Text:
//
//   "[" HOST ["%" SCOPE] "]:" PORT [KEYS]
//   "*:" PORT [KEYS], ":" PORT [KEYS]      in6addr_any
//
//   HOST    an address in the text form of RFC 4291: fe80::1
//   SCOPE   name of an interface, percent-encoded, or its index
//   PORT    0-65535, decimal or hexadecimal with 0x
//   KEYS    "?flowinfo=N", flow label, 0-0xfffff, and "&tclass=N", traffic class, 0-255: both parts of sin6_flowinfo
//
// Formatted as "[fe80::1%eth0]:80?flowinfo=0x12", without keys that are 0. Host names are not accepted: the resolver
// looks them up.
#pragma once

#include <afplug/endpoint.hpp>
#include <afplug/plugin/interface.hpp>
#include <afplug/plugin/text.hpp>
#if defined(_WIN32)
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <netinet/in.h>
#endif

#include <algorithm>
#include <array>

namespace afplug::inet6 {

/// An address of IPv6: sockaddr_in6.
class endpoint : public basic_endpoint<endpoint, ::sockaddr_in6> {
 public:
  static constexpr const char* id = "inet6";                       ///< the family's id
  static constexpr std::size_t min_size = sizeof(::sockaddr_in6);  ///< bytes
  static constexpr int family() noexcept { return AF_INET6; }      ///< AF_INET6

  /// [::]:0.
  constexpr endpoint() noexcept : endpoint(::in6_addr{}, 0) {}
  /// `host` may have a scope, "fe80::1%eth0". Throws EINVAL if it is not an IPv6 address in text form, ENODEV if there
  /// is no such interface, ERANGE if `port` is not in 0-65535.
  template <std::integral Port>
  endpoint(std::string_view host, Port port)
      : endpoint(afplug::detail::throwing_decode(id, host, [&] { return decode_host(host); })) {
    native_.sin6_port = afplug::detail::network_order(afplug::detail::field_cast<std::uint16_t>("port", port));
  }
  /// `scope_id` is the index of the interface of a link-local address.
  template <std::integral Port>
  constexpr endpoint(const ::in6_addr& host, Port port, std::uint32_t scope_id = 0) {
    native_.sin6_family = AF_INET6;
    native_.sin6_port = afplug::detail::network_order(afplug::detail::field_cast<std::uint16_t>("port", port));
    native_.sin6_addr = host;
    native_.sin6_scope_id = scope_id;
  }
  using basic_endpoint::basic_endpoint;  ///< from text, and from a checked address

  /// in6addr_any: all addresses of this host.
  template <std::integral Port>
  static constexpr endpoint any(Port port) {
    return {::in6_addr{}, port};
  }
  /// in6addr_loopback, ::1.
  template <std::integral Port>
  static constexpr endpoint loopback(Port port) {
    return {::in6_addr IN6ADDR_LOOPBACK_INIT, port};
  }

  constexpr const ::in6_addr& address() const noexcept { return native_.sin6_addr; }  ///< in network byte order
  /// "fe80::1", without the scope.
  std::string host() const {
    char text[INET6_ADDRSTRLEN];
    return ::inet_ntop(AF_INET6, &native_.sin6_addr, text, sizeof text);
  }
  /// 0-65535.
  constexpr std::uint16_t port() const noexcept { return afplug::detail::network_order(native_.sin6_port); }
  /// The index of the interface of a link-local address; 0: none.
  constexpr std::uint32_t scope_id() const noexcept { return native_.sin6_scope_id; }
  /// Flow label (20 bits) and traffic class (the 8 bits above them).
  constexpr std::uint32_t flowinfo() const noexcept {
    return afplug::detail::network_order(std::uint32_t{native_.sin6_flowinfo});
  }
  /// Sets flowinfo().
  constexpr void flowinfo(std::uint32_t value) noexcept {
    native_.sin6_flowinfo = afplug::detail::network_order(value);
  }

  /// Parses the text form. With `port_is_optional`, for raw sockets, HOST ["%" SCOPE] alone, with or without brackets,
  /// has port 0. For the plugin's codec.
  static endpoint decode(std::string_view all, bool port_is_optional = false) {
    plugin::query query(all);
    const std::string_view body = query.body();
    const std::string_view port = port_part(body, port_is_optional);
    std::string_view host = body.substr(0, body.size() - port.size());
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    endpoint made = decode_host(host);
    if (!port.empty())
      made.native_.sin6_port =
          afplug::detail::network_order(plugin::parse_integer<std::uint16_t>("port", port.substr(1), 0, 65535));
    const auto label = query.take("flowinfo", max_label, 0), tclass = query.take("tclass", 255, 0);
    made.flowinfo(static_cast<std::uint32_t>(tclass << label_bits | label));
    query.reject_unknown("flowinfo and tclass");
    return made;
  }
  /// Formats the address. With `port_is_optional` port 0 is omitted. For the plugin's codec.
  std::string encode(bool port_is_optional = false) const {
    std::string out = host();
    if (const auto scope = scope_id(); scope != 0) {
      const std::string name = plugin::interface_name(scope);
      out += plugin::concat("%", name.empty() ? std::to_string(scope) : plugin::format_interface_name(name));
    }
    if (!port_is_optional || port() != 0) out = plugin::concat("[", out, "]:", port());
    const std::uint32_t label = flowinfo() & max_label, tclass = flowinfo() >> label_bits & 255;
    if (label != 0) plugin::append_key(out, "flowinfo", plugin::hexadecimal(label));
    if (tclass != 0) plugin::append_key(out, "tclass", plugin::hexadecimal(tclass));
    return out;
  }
  /// Parses HOST ["%" SCOPE]; empty and "*" are in6addr_any. For the plugin's codec.
  static endpoint decode_host(std::string_view text) {
    endpoint made;
    if (text.empty() || text == "*") return made;
    const std::string_view numbers = text.substr(0, text.find('%'));
    if (numbers.find('\0') != numbers.npos ||
        ::inet_pton(AF_INET6, std::string(numbers).c_str(), &made.native_.sin6_addr) != 1)
      plugin::fail(EINVAL, plugin::quote(numbers), " is not an IPv6 address");
    if (numbers.size() < text.size()) made.native_.sin6_scope_id = decode_scope(text.substr(numbers.size() + 1));
    return made;
  }
  /// All fields, for comparison.
  constexpr auto fields() const noexcept {
    std::array<std::uint8_t, 16> host{};
    std::copy(std::begin(native_.sin6_addr.s6_addr), std::end(native_.sin6_addr.s6_addr), host.begin());
    const auto word = [&](std::size_t at) {
      std::uint64_t value = 0;
      for (std::size_t i = at; i < at + 8; ++i) value = value << 8 | host[i];
      return value;
    };
    return std::make_tuple(word(0), word(8), port(), scope_id(), flowinfo() & 0xfffffff);
  }
  static constexpr std::uint32_t max_label = 0xfffff;  ///< the largest flow label

 private:
  friend basic_endpoint;
  static constexpr std::uint32_t label_bits = 20;

  static std::uint32_t decode_scope(std::string_view text) {
    if (text.empty()) plugin::fail(EINVAL, "the scope after '%' is missing");
    if (text.find_first_not_of("0123456789") != text.npos) return plugin::interface_index(plugin::percent_decode(text));
    return plugin::parse_integer<std::uint32_t>("scope", text, 0, 0xffffffff);
  }

  // The ":PORT" at the end of `body`; empty if there is none and it is optional.
  static std::string_view port_part(std::string_view body, bool port_is_optional) {
    if (body.starts_with('[')) {
      const auto close = body.find(']');
      if (close == body.npos) plugin::fail(EINVAL, "']' is missing: write [ADDRESS]:PORT");
      const std::string_view after = body.substr(close + 1);
      if (after.starts_with(':') || (after.empty() && port_is_optional)) return after;
      if (!after.empty()) plugin::fail(EINVAL, plugin::quote(after), " after ']' is not of the form :PORT");
    } else {
      const auto colons = std::count(body.begin(), body.end(), ':');
      if (colons == 1) return body.substr(body.find(':'));
      if (colons > 1 && port_is_optional) return {};
      if (const auto last = body.rfind(':');
          colons > 2 && last + 1 < body.size() && body.find_first_not_of("0123456789", last + 1) == body.npos)
        plugin::fail(EINVAL, "the port must follow an address in brackets: write [", body.substr(0, last), "]",
                     body.substr(last), ", or [", body, "]:PORT");
    }
    plugin::fail(EINVAL, "the port is missing: write [ADDRESS]:PORT, with port 0 for any port");
  }
};

using stream = stream_protocol<endpoint>;      ///< TCP; stream(IPPROTO_MPTCP), stream(IPPROTO_SCTP)
using datagram = datagram_protocol<endpoint>;  ///< UDP; datagram(IPPROTO_UDPLITE), datagram(IPPROTO_ICMPV6)
using seq_packet = seq_packet_protocol<endpoint, IPPROTO_SCTP>;  ///< one-to-many SCTP
using raw = raw_protocol<endpoint>;                              ///< raw(IPPROTO_ICMPV6)

}  // namespace afplug::inet6
