// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Opens a socket of any family, with the plugin's open function or socket(2).
#pragma once

#include <afplug/family.hpp>
#include <afplug/socket.hpp>
#include <cstdint>
#include <string>

namespace afplug::detail {

/// Result of open_row().
struct opened {
  int error = 0;             ///< errno; 0: success
  std::int64_t handle = -1;  ///< descriptor; for a family in user space the pollable descriptor
  void* state = nullptr;     ///< the plugin's state, for a family in user space
};

/// Opens a socket of row `r` with user_ops.open, kernel_ops.open or socket(2). `r`: null if the family has no row for
/// the type and protocol; unless kernel_ops.open accepts them the error is then missing_row_error(). `type`: without
/// SOCK_NONBLOCK and SOCK_CLOEXEC. `nonblock`: whether O_NONBLOCK is set (kernel families). The descriptor is
/// close-on-exec.
opened open_row(const family& f, const row* r, socket_type type, int proto, bool nonblock);

/// Closes what open_row() opened.
void close_opened(const family& f, const opened& o) noexcept;

/// Returns the errno for a type and protocol that the family's table does not have: EPROTONOSUPPORT if it has the type,
/// else ESOCKTNOSUPPORT.
int missing_row_error(const family& f, socket_type type) noexcept;

/// What the family has instead of this type and protocol, for error texts: "for SOCK_STREAM it has IPPROTO_TCP;
/// IPPROTO_UDP belongs to SOCK_DGRAM", or the types that it has.
std::string alternatives(const family& f, socket_type type, int proto);

/// Returns "inet SOCK_STREAM IPPROTO_TCP", for error texts.
std::string describe(const family& f, socket_type type, int proto);

}  // namespace afplug::detail
