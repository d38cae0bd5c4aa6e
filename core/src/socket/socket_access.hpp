// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The socket's inside, for the files that implement it.
#pragma once

#include <afplug/socket.hpp>

#include "io_wait.hpp"
#include "open.hpp"
#include "user_socket.hpp"

namespace afplug::detail {

struct socket_access {
  static int fd(const socket& s) noexcept { return s.fd_; }
  static user_socket* user(const socket& s) noexcept { return s.user_; }
  static std::int64_t timeout(const socket& s) noexcept { return s.timeout_; }
  static void assume_timeout(socket& s, std::int64_t t) noexcept { s.timeout_ = t; }

  /// A socket around an open kernel descriptor, or with `state` around a user-space one.
  static socket make(int fd, const family* f, int type, int proto, std::int64_t timeout,
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
  /// Takes state and pollable of a user-space socket over; on bad_alloc the state is closed.
  static socket make_user(void* state, std::int64_t pollable, const family& f, int type, int proto,
                          std::int64_t timeout);

  /// Opens a socket without a trace event: see may_open().
  static socket open(const family& f, int type, int proto, error_code& ec);

  /// One attempt to send, in either kind of family: −1 with errno.
  static ssize_t send_once(const socket& s, const_bytes data);
};

/// Calls the trace hook with trace_event::socket. False: the hook refused, and `ec` is its error.
bool may_open(int family, int type, int proto, error_code& ec);

/// Flips O_NONBLOCK. False with errno.
bool set_nonblocking(int fd, bool on) noexcept;

/// The mode of default_timeout(), in nanoseconds as socket keeps it.
std::int64_t default_mode() noexcept;

/// Fails with "family verb subject: why", by default the number's own message.
void fail_call(error_code& ec, int number, const socket& s, const char* verb, const std::string& subject,
               std::string_view why = {});

}  // namespace afplug::detail
