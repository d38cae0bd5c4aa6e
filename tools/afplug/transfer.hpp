// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Transfers stdin to a socket, and what the socket receives to stdout.
#pragma once

#include <afplug/socket.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

namespace afplug::command {

struct transfer_options {
  bool messages = false;                          ///< send each read of stdin as one message
  bool half_close = false;                        ///< call shutdown(SHUT_WR) at the end of stdin
  bool empty_is_eof = true;                       ///< receiving 0 bytes means that the peer has closed
  std::size_t message_size = 8192;                ///< bytes, maximum for one read of stdin if `messages`
  std::optional<std::chrono::milliseconds> idle;  ///< end after this time without data in either direction
  bool progress = false;                          ///< show progress on stderr
  const address* peer = nullptr;                  ///< if not null, discard messages from other addresses
  std::span<const std::byte> received;            ///< data that was received before, written to stdout first
};

/// Transfers until both directions have ended or nothing was transferred for `idle`, and returns the exit code. On an
/// error the process exits instead of returning, since a thread may be blocked in a read of stdin.
int transfer(socket& s, const transfer_options& options);

}  // namespace afplug::command
