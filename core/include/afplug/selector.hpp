// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Waiting for many sockets at once, of any families, with one thread. As Python's selectors: level-triggered, a socket
// is reported by each wait as long as it is ready.
//
//   afplug::selector waiting;
//   waiting.add(listener, afplug::events::readable, 0);
//   for (const auto& ready : waiting.wait(5s)) accept_or_receive(ready.key);
#pragma once

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <afplug/events.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>

namespace afplug {

class socket;

/// A socket that wait() reports.
struct selected {
  std::size_t key = 0;  ///< as passed to add()
  int descriptor = -1;  ///< socket::fileno()
  events ready;         ///< what occurred of the wanted events, and events::error and hung_up
};

/// A set of sockets and the events to wait for: epoll(7), so that a wait costs the same for one and for many sockets.
/// Sockets of families in user space may be in it too. The selector does not own the sockets.
///
/// Remove a socket before closing it. One that was closed nevertheless is not reported any more, also if a duplicate of
/// its descriptor is still open or the number is in use again; its entry is dropped when wait() comes across it, or by
/// add() of another socket with the same descriptor.
///
/// Thread safety: wake() may be called by any thread; the other members by one thread at a time. After fork(2) only one
/// of the two processes may use it.
class AFPLUG_API selector {
 public:
  /// Errors: EMFILE, ENFILE, ENOMEM.
  selector();
  static selector create(error_code& ec);
  ~selector();
  selector(selector&& other) noexcept;  ///< the other can only be assigned to or destroyed
  selector& operator=(selector&& other) noexcept;

  /// Adds a socket. `key` is the caller's: the index of a connection, for example. Errors: EBADF, the socket is closed;
  /// errc::invalid_argument, it is in the set already; ENOSPC, the limit of epoll(7) is reached; ENOMEM.
  void add(const socket& s, events wanted, std::size_t key = 0);
  void add(const socket& s, events wanted, std::size_t key, error_code& ec);
  void add(const socket& s, events wanted, error_code& ec) { add(s, wanted, 0, ec); }
  /// Changes the events of a socket in the set. Errors: EBADF; errc::invalid_argument, it is not in the set.
  void modify(const socket& s, events wanted);
  void modify(const socket& s, events wanted, error_code& ec);
  /// Removes a socket, or the descriptor of one that was closed. errc::invalid_argument: it is not in the set.
  void remove(const socket& s);
  void remove(const socket& s, error_code& ec);
  void remove(int descriptor);
  void remove(int descriptor, error_code& ec);

  std::size_t size() const noexcept;                   ///< sockets in the set
  bool empty() const noexcept { return size() == 0; }  ///< whether there is none
  bool contains(const socket& s) const noexcept;       ///< whether the socket is in the set

  /// Waits up to `limit` (empty: without limit; zero: not at all) until a socket is ready. Returns the ready sockets,
  /// at most 256 (the others are reported by the next calls); empty if the time expired or wake() was called. The
  /// result is valid until the next call of wait(). Continues after EINTR, unless the thread's interrupt hook ends the
  /// call. Errors: errc::stopped, errc::interrupted, errc::invalid_argument for a negative limit, ENOMEM.
  std::span<const selected> wait(std::optional<std::chrono::nanoseconds> limit = {});
  std::span<const selected> wait(std::optional<std::chrono::nanoseconds> limit, error_code& ec);
  std::span<const selected> wait(error_code& ec) { return wait(std::nullopt, ec); }
  std::span<const selected> wait(std::optional<std::chrono::nanoseconds> limit, std::stop_token stop);
  std::span<const selected> wait(std::optional<std::chrono::nanoseconds> limit, std::stop_token stop, error_code& ec);

  /// Makes the present wait(), or else the next one, return early.
  void wake() noexcept;

 private:
  struct impl;
  explicit selector(std::unique_ptr<impl> made) noexcept;
  std::unique_ptr<impl> impl_;
};

}  // namespace afplug
