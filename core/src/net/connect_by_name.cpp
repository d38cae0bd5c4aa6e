// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// connect() to a text, which may be a host name and a service.
#include <netdb.h>
#include <afplug/plugin/encoding.hpp>
#include <afplug/resolver.hpp>
#include <afplug/socket.hpp>

#include <algorithm>

#include "socket_access.hpp"
#include "throwing.hpp"

namespace afplug {

void socket::connect(std::string_view text) {
  detail::throwing("connect", [&](error_code& ec) { connect(text, ec); });
}

void socket::connect(std::string_view text, error_code& ec) {
  const auto start = detail::clock::now();
  const address to = address::parse(what(), text, ec);
  if (!ec) return connect(to, ec);
  if (!family_ || (family_->flags() & AFPLUG_FAMILY_RESOLVES) == 0 || ec != errc::malformed_address) return;
  // Not an address: try it as a host name and a service. If it is neither, the error is the codec's, whose text
  // describes the form of an address.
  error_code no_name;
  const auto [host, service] = split_host_service(text, no_name);
  if (no_name || host.empty() || service.empty()) return;
  // A non-blocking socket looks up no names, but "127.0.0.1:http" takes no waiting. With a timeout the look-up and the
  // connection have that long together.
  const auto limit = timeout_ > 0 ? timeout() : std::nullopt;
  const int flags = timeout_ == 0 ? AI_NUMERICHOST : 0;
  const auto found = getaddrinfo(host, service, {family_->number(), socket_type(what().type()), 0, flags, limit}, ec);
  if (flags != 0 && ec == error_code(EAI_NONAME, resolver_category()))
    return detail::fail(ec, errc::invalid_argument,
                        "connect " + plugin::quote(text) +
                            ": the look-up of a host name would wait, and the socket is non-blocking; pass an address "
                            "that getaddrinfo() returned, or use create_connection()");
  if (ec) return;
  address first = found.front().address;
  first.protocol(what());
  if (!limit) return connect(first, ec);
  const auto rest = *limit - (detail::clock::now() - start);
  const detail::timeout_scope shorter(*this, std::max<std::int64_t>(std::chrono::nanoseconds(rest).count(), 1));
  connect(first, ec);
  if (ec == errc::timed_out)
    detail::fail(ec, ec,
                 "connect " + plugin::quote(text) + " (" + detail::printable(first) + "): no connection within " +
                     detail::duration_text(*limit));
}

}  // namespace afplug
