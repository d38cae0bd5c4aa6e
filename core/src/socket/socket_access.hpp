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

/// Gives a socket another timeout (nanoseconds, above 0) for a scope. The descriptor is in non-blocking mode already.
class timeout_scope {
 public:
  timeout_scope(socket& s, std::int64_t timeout) noexcept : socket_(s), before_(socket_access::timeout(s)) {
    socket_access::assume_timeout(s, timeout);
  }
  ~timeout_scope() { socket_access::assume_timeout(socket_, before_); }
  timeout_scope(const timeout_scope&) = delete;
  timeout_scope& operator=(const timeout_scope&) = delete;

 private:
  socket& socket_;
  std::int64_t before_;
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

/// As fail_call, for a call with an address. If the address is of another family than the socket, or is a file without
/// a server, the error text says so.
void fail_with_address(error_code& ec, int number, const socket& s, const char* verb, const address& to);

/// Returns the text of an address for an error text: printable, and shortened after 400 bytes.
std::string printable(const address& a);

/// Returns "200 ms": a time limit for an error text.
std::string duration_text(std::chrono::nanoseconds time);

}  // namespace afplug::detail
