// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_NETLINK (netlink(7)), and its protocols for Asio's sockets.
//
//   afplug::netlink::raw::socket s(io);
//   s.open(afplug::netlink::raw(NETLINK_ROUTE));
//   s.bind(afplug::netlink::endpoint(0, RTMGRP_LINK));
//
// Text:  PORT ["?groups=" N]   PORT: nl_pid; 0 is the kernel, for bind: chosen by the kernel
//                              N: nl_groups, a bit mask of the groups 1 to 32
#pragma once

#include <sys/socket.h>

#include <afplug/endpoint.hpp>
#include <afplug/plugin/text.hpp>

#include <linux/netlink.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace afplug::netlink {

/// An address of a netlink socket: sockaddr_nl.
class endpoint : public basic_endpoint<endpoint, ::sockaddr_nl> {
 public:
  static constexpr const char* id = "netlink";                    ///< the family's id
  static constexpr std::size_t min_size = sizeof(::sockaddr_nl);  ///< bytes
  static constexpr int family() noexcept { return AF_NETLINK; }   ///< AF_NETLINK

  /// The kernel; for bind: a port that the kernel chooses.
  constexpr endpoint() noexcept { native_.nl_family = AF_NETLINK; }
  /// `groups`: a bit mask of the groups 1 to 32. Throws ERANGE if `port` has more than 32 bits.
  template <std::integral Port>
  constexpr explicit endpoint(Port port, std::uint32_t groups = 0) : endpoint() {
    native_.nl_pid = afplug::detail::field_cast<std::uint32_t>("port", port);
    native_.nl_groups = groups;
  }
  using basic_endpoint::basic_endpoint;  ///< from text, and from a checked address

  constexpr std::uint32_t port() const noexcept { return native_.nl_pid; }       ///< nl_pid
  constexpr std::uint32_t groups() const noexcept { return native_.nl_groups; }  ///< nl_groups

  /// Parses the text form. For the plugin's codec.
  static endpoint decode(std::string_view text) {
    plugin::query query(text);
    const auto port = plugin::parse_integer<std::uint32_t>("pid", query.body(), 0, 0xffffffff);
    const auto groups = static_cast<std::uint32_t>(query.take("groups", 0xffffffff, 0));
    query.reject_unknown("groups");
    return endpoint(port, groups);
  }
  /// Formats the address. For the plugin's codec.
  std::string encode() const {
    std::string text = std::to_string(port());
    if (groups() != 0) plugin::append_key(text, "groups", plugin::hexadecimal(groups()));
    return text;
  }
  /// All fields, for comparison.
  constexpr auto fields() const noexcept { return std::make_tuple(port(), groups()); }

 private:
  friend basic_endpoint;
};

using raw = raw_protocol<endpoint>;            ///< raw(NETLINK_ROUTE)
using datagram = datagram_protocol<endpoint>;  ///< the same as raw: netlink does not distinguish them

}  // namespace afplug::netlink
