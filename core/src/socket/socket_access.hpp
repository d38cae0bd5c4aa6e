// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Access to socket's private members, for the files that implement it.
#pragma once

#include <afplug/socket.hpp>
#include <memory>

#include "io_wait.hpp"
#include "open.hpp"
#include "user_socket.hpp"

namespace afplug::detail {

struct socket_access {
  static int fd(const socket& s) noexcept { return s.fd_; }
  static user_socket* user(const socket& s) noexcept { return s.user_; }
  static std::int64_t timeout(const socket& s) noexcept { return s.timeout_; }
  static void assume_timeout(socket& s, std::int64_t t) noexcept { s.timeout_ = t; }

  /// Makes a socket that owns an open descriptor, and `user` if it belongs to a family in user space.
  static socket make(int fd, const family* f, socket_type type, int proto, std::int64_t timeout,
                     user_socket* user = nullptr) noexcept {
    socket s;
    s.fd_ = fd;
    s.family_ = f;
    s.type_ = type;
    s.protocol_ = proto;
    s.timeout_ = timeout;
    s.user_ = user;
    return s;
  }
  /// Makes a socket of a family in user space from what its plugin returned.
  static socket make_user(std::unique_ptr<user_socket> user, std::int64_t pollable, socket_type type, int proto,
                          std::int64_t timeout) noexcept;

  /// As socket::open, without calling the trace hook: see may_open().
  static socket open(const family& f, socket_type type, int proto, error_code& ec);

  /// Tries once to send, for kernel families and those in user space. Returns the number of bytes, or −1 and sets
  /// errno.
  static ssize_t send_once(const socket& s, const_bytes data);
};

/// Calls the trace hook with trace_event::socket. False: the hook refused the call with the error in `ec`.
bool may_open(int family, socket_type type, int proto, error_code& ec);

/// Sets or clears O_NONBLOCK. On failure returns false and sets errno.
bool set_nonblocking(int fd, bool on) noexcept;

/// Returns socket::default_timeout() in nanoseconds; below 0: blocking.
std::int64_t default_mode() noexcept;

/// Sets `ec` to the errno `number`, with the error text "family verb subject: why"; `why` is by default the message of
/// the errno.
void fail_call(error_code& ec, int number, const socket& s, const char* verb, const std::string& subject,
               std::string_view why = {});

}  // namespace afplug::detail
