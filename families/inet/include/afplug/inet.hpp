// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_INET (ip(7)), and its protocols for Asio's sockets.
//
//   afplug::inet::endpoint server("192.0.2.1", 80);
//   constexpr auto local = afplug::inet::endpoint::loopback(8080);
//   afplug::inet::stream::socket s(io);
//   s.connect(server);
//
// Text:
//
//   HOST ":" PORT   HOST: dotted decimal, "192.0.2.1"; "*" or empty: INADDR_ANY; "<broadcast>": 255.255.255.255
//                   PORT: 0-65535, decimal or hexadecimal with 0x
//
// Host names are not accepted: the resolver looks them up.
#pragma once

#include <afplug/endpoint.hpp>
#include <afplug/plugin/text.hpp>
#if defined(_WIN32)
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <netinet/in.h>
#endif

namespace afplug::inet {

/// An address of IPv4: sockaddr_in.
class endpoint : public basic_endpoint<endpoint, ::sockaddr_in> {
 public:
  static constexpr const char* id = "inet";                       ///< the family's id
  static constexpr std::size_t min_size = sizeof(::sockaddr_in);  ///< bytes
  static constexpr int family() noexcept { return AF_INET; }      ///< AF_INET

  /// 0.0.0.0:0.
  constexpr endpoint() noexcept : endpoint(::in_addr{}, 0) {}
  /// Throws EINVAL if `host` is not an IPv4 address in text form, ERANGE if `port` is not in 0-65535.
  template <std::integral Port>
  endpoint(std::string_view host, Port port) : endpoint(parse_host(host), port) {}
  template <std::integral Port>
  constexpr endpoint(const ::in_addr& host, Port port) {
    native_.sin_family = AF_INET;
    native_.sin_port = afplug::detail::network_order(afplug::detail::field_cast<std::uint16_t>("port", port));
    native_.sin_addr = host;
  }
  using basic_endpoint::basic_endpoint;  ///< from text, and from a checked address

  /// INADDR_ANY: all addresses of this host.
  template <std::integral Port>
  static constexpr endpoint any(Port port) {
    return {::in_addr{}, port};
  }
  /// INADDR_LOOPBACK, 127.0.0.1.
  template <std::integral Port>
  static constexpr endpoint loopback(Port port) {
    ::in_addr host{};
    host.s_addr = afplug::detail::network_order(std::uint32_t{INADDR_LOOPBACK});
    return {host, port};
  }

  constexpr ::in_addr address() const noexcept { return native_.sin_addr; }  ///< in network byte order
  /// "192.0.2.1".
  std::string host() const {
    char text[INET_ADDRSTRLEN];
    return ::inet_ntop(AF_INET, &native_.sin_addr, text, sizeof text);
  }
  /// 0-65535.
  constexpr std::uint16_t port() const noexcept { return afplug::detail::network_order(native_.sin_port); }

  /// Parses HOST ":" PORT. With `port_is_optional`, for raw sockets, HOST alone has port 0. For the plugin's codec.
  static endpoint decode(std::string_view text, bool port_is_optional = false) {
    const auto colon = text.rfind(':');
    if (colon == text.npos && (text.empty() || !port_is_optional))
      plugin::fail(EINVAL, "the port is missing: write ADDRESS:PORT, with port 0 for any port");
    const auto port =
        colon == text.npos ? 0 : plugin::parse_integer<std::uint16_t>("port", text.substr(colon + 1), 0, 65535);
    return {decode_host(text.substr(0, colon)), port};
  }
  /// Formats HOST ":" PORT. With `port_is_optional` port 0 is omitted. For the plugin's codec.
  std::string encode(bool port_is_optional = false) const {
    return port_is_optional && port() == 0 ? host() : plugin::concat(host(), ":", port());
  }
  /// Parses HOST. For the plugin's codec.
  static ::in_addr decode_host(std::string_view text) {
    ::in_addr made{};
    if (text.empty() || text == "*") return made;
    if (text == "<broadcast>") {
      made.s_addr = INADDR_BROADCAST;
      return made;
    }
    if (text.find('\0') != text.npos || ::inet_pton(AF_INET, std::string(text).c_str(), &made) != 1)
      plugin::fail(EINVAL, plugin::quote(text), " is not an IPv4 address");
    return made;
  }
  /// All fields, for comparison.
  constexpr auto fields() const noexcept {
    return std::make_tuple(afplug::detail::network_order(std::uint32_t{native_.sin_addr.s_addr}), port());
  }

 private:
  friend basic_endpoint;
  static ::in_addr parse_host(std::string_view host) {
    return afplug::detail::throwing_decode(id, host, [&] { return decode_host(host); });
  }
};

using stream = stream_protocol<endpoint>;      ///< TCP; stream(IPPROTO_MPTCP), stream(IPPROTO_SCTP)
using datagram = datagram_protocol<endpoint>;  ///< UDP; datagram(IPPROTO_UDPLITE), datagram(IPPROTO_ICMP)
using seq_packet = seq_packet_protocol<endpoint, IPPROTO_SCTP>;  ///< one-to-many SCTP
using raw = raw_protocol<endpoint>;                              ///< raw(IPPROTO_ICMP)

}  // namespace afplug::inet
