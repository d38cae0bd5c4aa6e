// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <afplug/connect.hpp>

#include <cerrno>

#include "throwing.hpp"

namespace afplug {
namespace {

void set_flag(socket& s, std::string_view name, bool on, error_code& ec) {
  s.option(name, option_value(std::int64_t{on}), ec);
  // A family in user space need not have the kernel's options.
  if (s.in_user_space() && (ec.value() == EOPNOTSUPP || ec.value() == ENOPROTOOPT)) ec.clear();
}

void prepare(socket& s, const server_options& options, error_code& ec) {
  const auto flags = s.owner()->flags();
  if ((flags & AFPLUG_FAMILY_RESOLVES) != 0) set_flag(s, "SO_REUSEADDR", true, ec);
  if (!ec && options.reuse_port) set_flag(s, "SO_REUSEPORT", true, ec);
  if (!ec && (flags & AFPLUG_FAMILY_DUAL_STACK) != 0) set_flag(s, "IPV6_V6ONLY", !options.dualstack_ipv6, ec);
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
  if (options.dualstack_ipv6 && (f->flags() & AFPLUG_FAMILY_DUAL_STACK) == 0) {
    detail::fail(ec, errc::invalid_argument,
                 "create_server: dualstack_ipv6 requires the family inet6, not " + std::string(f->id()));
    return {};
  }
  if (options.dualstack_ipv6 && !has_dualstack_ipv6()) {
    detail::fail(ec, errc::invalid_argument,
                 "create_server: this system cannot accept IPv4 connections on an IPv6 socket");
    return {};
  }
  const socket_type type = wanted.asked_type() != 0 ? wanted.asked_type() : socket_type(SOCK_STREAM);
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
  if (!ec) s.option("IPV6_V6ONLY", option_value(std::int64_t{0}), ec);
  return !ec;
}

}  // namespace afplug
