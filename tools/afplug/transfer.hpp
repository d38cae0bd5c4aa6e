// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Bytes both ways between stdin, stdout and a socket.
#pragma once

#include <afplug/socket.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

namespace afplug::command {

/// How to carry.
struct transfer_options {
  bool messages = false;    ///< one read of stdin is one message
  bool half_close = false;  ///< the end of stdin is passed on
  bool ends = true;         ///< 0 bytes received are the peer's end
  std::size_t message_size = 8192;
  std::optional<std::chrono::milliseconds> idle;  ///< ends after so long without data
  bool progress = false;
  const address* peer = nullptr;     ///< messages of others are dropped
  std::span<const std::byte> first;  ///< received already
};

/// Carries until both directions have ended, or nothing moved for `idle`. The exit code; a failure ends the process,
/// since a thread may be blocked for ever in a read of stdin.
int transfer(socket& over, const transfer_options& how);

}  // namespace afplug::command
