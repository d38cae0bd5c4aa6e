// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The rows in files of their own, which rows.cpp adds to the suite, and what their tables share.
#pragma once

#include <span>

#include "row.hpp"

namespace conformance {

/// A copy of `base` with the changes that `change` makes to it.
template <class T, class Change>
constexpr T changed(T base, Change change) {
  change(base);
  return base;
}

/// Rows with `no_connect`: listen, accept, connect, getpeername and shutdown are sock_no_listen() and its like in
/// net/core/sock.c.
inline constexpr row_errors no_connect_errors{
    .creation = {.unknown_type = EPROTONOSUPPORT, .unknown_protocol = EINVAL},
    .addressing = {.bind_twice = 0,
                   .bind_in_use = 0,
                   .bind_other_family = EINVAL,
                   .getpeername_unconnected = EOPNOTSUPP,
                   .getpeername_connected = EOPNOTSUPP},
    .connection = {.listen_unbound = EOPNOTSUPP,
                   .listen_connected = EOPNOTSUPP,
                   .accept_not_listening = EOPNOTSUPP,
                   .connect_no_listener = EOPNOTSUPP},
    .delivery = {.recv_unconnected = EAGAIN,
                 .send_unconnected = ENXIO,
                 .sendto_no_receiver = 0,
                 .send_empty = EINVAL,
                 .send_too_large = EINVAL},
    .shutdown = {.unconnected = EOPNOTSUPP,
                 .bad_how = EOPNOTSUPP,
                 .both = EOPNOTSUPP,
                 .one_direction = EOPNOTSUPP,
                 .send_after_shutdown = 0,
                 .send_after_close = 0},
    .options = {.getsockopt_unknown_level = EINVAL, .setsockopt_unknown_level = EINVAL}};

std::span<const row> bluetooth_rows();
std::span<const row> netlink_rows();
std::span<const row> packet_rows();

}  // namespace conformance
