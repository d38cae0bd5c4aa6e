// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The rows that stand in files of their own, which rows.cpp adds to the suite.
#pragma once

#include <span>

#include "row.hpp"

namespace conformance {

// What their tables have alike.

/// What the kernel's sockets can, as a rule.
inline constexpr std::uint64_t kernel = duplicates | forks | peeks;
/// Of a bus: there is no listen, accept, connect nor shutdown.
inline constexpr errors bus_errors{.bad_type = EPROTONOSUPPORT,
                                   .bad_protocol = EINVAL,
                                   .listen_unbound = EOPNOTSUPP,
                                   .accept_unlistening = EOPNOTSUPP,
                                   .listen_connected = EOPNOTSUPP,
                                   .bind_twice = 0,
                                   .bind_in_use = 0,
                                   .bind_foreign = EINVAL,
                                   .connect_refused = EOPNOTSUPP,
                                   .recv_unconnected = EAGAIN,
                                   .send_unconnected = ENXIO,
                                   .sendto_unconnected = 0,
                                   .getpeername_unconnected = EOPNOTSUPP,
                                   .getpeername_connected = EOPNOTSUPP,
                                   .shutdown_unconnected = EOPNOTSUPP,
                                   .shutdown_bad = EOPNOTSUPP,
                                   .shutdown_connected = EOPNOTSUPP,
                                   .shutdown_half = EOPNOTSUPP,
                                   .send_shut = 0,
                                   .send_closed = 0,
                                   .send_empty = EINVAL,
                                   .send_big = EINVAL,
                                   .get_bad_level = EINVAL,
                                   .set_bad_level = EINVAL};

std::span<const row> bluetooth_rows();
std::span<const row> netlink_rows();
std::span<const row> packet_rows();

}  // namespace conformance
