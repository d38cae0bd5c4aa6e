// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <afplug/connect.hpp>

#include <netinet/in.h>

#include <cerrno>

#include "throwing.hpp"

namespace afplug {
namespace {

void set_flag(socket& s, int level, int number, int on, error_code& ec) {
  s.setsockopt(level, number, const_bytes(&on, sizeof on), ec);
  // User-space families need not have these options.
  if (s.in_user_space() && (ec.value() == EOPNOTSUPP || ec.value() == ENOPROTOOPT)) ec.clear();
}

void prepare(socket& s, const server_options& options, error_code& ec) {
  const int number = s.what().family();
  if (number == AF_INET || number == AF_INET6) set_flag(s, SOL_SOCKET, SO_REUSEADDR, 1, ec);
  if (!ec && options.reuse_port) set_flag(s, SOL_SOCKET, SO_REUSEPORT, 1, ec);
  if (!ec && number == AF_INET6) set_flag(s, IPPROTO_IPV6, IPV6_V6ONLY, options.dualstack_ipv6 ? 0 : 1, ec);
}

}  // namespace

socket create_server(const address& at, const server_options& options) {
  return detail::throwing("create_server", [&](error_code& ec) { return create_server(at, options, ec); });
}

socket create_server(const address& at, const server_options& options, error_code& ec) {
  ec.clear();
  const auto wanted = at.protocol();
  const auto* f = wanted.owner() ? wanted.owner() : registry::global().family(at.family(), ec);
  if (ec) return {};
  if (options.dualstack_ipv6 && (f->number() != AF_INET6 || !has_dualstack_ipv6())) {
    detail::fail(ec, errc::invalid_argument,
                 f->number() != AF_INET6
                     ? "create_server: dualstack_ipv6 requires the family inet6, not " + std::string(f->id())
                     : "create_server: this system cannot accept IPv4 connections on an IPv6 socket");
    return {};
  }
  const int type = wanted.asked_type() != 0 ? wanted.asked_type() : SOCK_STREAM;
  auto s = socket::open(*f, type, wanted.asked_protocol(), ec);
  if (ec) return {};
  prepare(s, options, ec);
  if (!ec) {
    s.bind(at, ec);
    if (ec)
      detail::fail(ec, ec,
                   "create_server: " + ec.message() + " (while attempting to bind on address " + at.to_string() + ")");
  }
  if (!ec) s.listen(options.backlog, ec);
  if (ec) return {};
  return s;
}

bool has_dualstack_ipv6() {
  error_code ec;
  const auto* f = registry::global().family(AF_INET6, ec);
  if (!f) return false;
  auto s = socket::open(*f, SOCK_STREAM, 0, ec);
  const int off = 0;
  if (!ec) s.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, const_bytes(&off, sizeof off), ec);
  return !ec;
}

}  // namespace afplug
