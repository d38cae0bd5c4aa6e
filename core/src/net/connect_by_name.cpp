// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// connect() to a text, which may be a host name and a service.
#include <afplug/resolver.hpp>
#include <afplug/socket.hpp>

#include "throwing.hpp"

namespace afplug {

void socket::connect(std::string_view text) {
  detail::throwing("connect", [&](error_code& ec) { connect(text, ec); });
}

void socket::connect(std::string_view text, error_code& ec) {
  const address to = address::parse(what(), text, ec);
  if (!ec) return connect(to, ec);
  if (!family_ || (family_->flags() & AFPLUG_FAMILY_RESOLVES) == 0 || ec != errc::malformed_address) return;
  // Not an address: try it as a host name and a service. If it is neither, the error is the codec's, whose text
  // describes the form of an address.
  error_code no_name;
  const auto [host, service] = split_host_service(text, no_name);
  if (no_name || host.empty() || service.empty()) return;
  // With a timeout the lookup has that long; a non-blocking socket waits for the lookup, not for the connection.
  const auto limit = timeout_ > 0 ? timeout() : std::nullopt;
  const auto found = getaddrinfo(host, service, {family_->number(), socket_type(what().type()), 0, 0, limit}, ec);
  if (ec) return;
  address first = found.front().address;
  first.protocol(what());
  connect(first, ec);
}

}  // namespace afplug
