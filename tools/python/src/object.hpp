// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The socket object. It begins as CPython's PySocketSockObject does, from 3.11 on, which _ssl reads.
#pragma once

#include <afplug/socket.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "state.hpp"

namespace afplug::python {

struct object {
  PyObject_HEAD int sock_fd;
  int sock_family;
  int sock_type;
  int sock_proto;
  PyObject* (*errorhandler)();
  std::int64_t sock_timeout;  // nanoseconds; below 0: blocking
  state* module;              // whose type it is
  // Ours from here on. Null: closed. A call keeps it alive while it runs without the GIL.
  std::shared_ptr<afplug::socket> socket;

  bool closed() const noexcept { return !socket; }
  /// What addresses of it are read and written as.
  basic_protocol protocol() const;
};

/// Makes the type, `_socket.socket`, of a module.
PyTypeObject* make_socket_type(PyObject* module);
/// An object around a new socket.
PyObject* make_object(state& m, afplug::socket s, int family, int type, int proto);

/// Runs f(socket) without the GIL. False: an exception is set.
template <class F>
bool call(object* self, F f) {
  error_code ec;
  const auto s = self->socket;
  if (!s) {
    errno = EBADF;
    raise_errno();
    return false;
  }
  try {
    const without_gil outside;
    f(*s, ec);
  } catch (...) {
    raise_current();
    return false;
  }
  if (!ec) return true;
  raise(ec);
  return false;
}

/// What new sockets begin with; below 0: blocking.
std::int64_t default_timeout(const state& m) noexcept;
/// Python's timeout, None or a number of seconds. False: an exception is set.
bool read_timeout(PyObject* from, std::int64_t& nanoseconds);
PyObject* timeout_object(std::int64_t nanoseconds);
inline std::optional<std::chrono::nanoseconds> as_limit(std::int64_t t) {
  return t < 0 ? std::nullopt : std::optional(std::chrono::nanoseconds(t));
}

/// Sockets of families in user space are more than their descriptor: while Python passes the number about, the socket
/// waits here. park gives the number; parked takes the socket back (null: none waits there).
int park(std::shared_ptr<afplug::socket> s);
std::shared_ptr<afplug::socket> parked(int fd);
/// The living socket of a family in user space with that descriptor; null: none.
std::shared_ptr<afplug::socket> in_user_space(int fd);
/// Notes a socket of a family in user space as living.
void remember(const std::shared_ptr<afplug::socket>& s);

// Methods, by file: connection.cpp, data.cpp, message.cpp, option.cpp.
extern PyMethodDef connection_methods[], data_methods[], message_methods[], option_methods[];

}  // namespace afplug::python
