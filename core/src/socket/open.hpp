// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Opens a socket of any family: the one place that chooses between the plugin's open and socket(2).
#pragma once

#include <afplug/family.hpp>
#include <cstdint>
#include <string>

namespace afplug::detail {

/// A socket as the kernel or a plugin opened it.
struct opened {
  int error = 0;             ///< errno; 0: it is open
  std::int64_t handle = -1;  ///< descriptor; of a family in user space the pollable descriptor
  void* state = nullptr;     ///< of a family in user space
};

/// Opens (type, protocol) as row `r` of the family describes it: by user_ops.open, by kernel_ops.open, or by socket(2).
/// Null: the family has no such row, and the error is missing_row_error()'s. `type` has no SOCK_NONBLOCK or
/// SOCK_CLOEXEC. The descriptor is close-on-exec.
opened open_row(const family& f, const row* r, int type, int proto, bool nonblock);

/// Closes what open_row() opened.
void close_opened(const family& f, const opened& o) noexcept;

/// The errno of socket(2) for a type and protocol that a family does not have.
int missing_row_error(const family& f, int type) noexcept;

/// "SOCK_STREAM", or "type 99".
std::string type_text(int type);

/// "inet SOCK_STREAM IPPROTO_TCP", for error texts.
std::string describe(const family& f, int type, int proto);

}  // namespace afplug::detail
