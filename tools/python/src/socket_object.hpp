// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The socket object. Its first members are those of PySocketSockObject (Modules/socketmodule.h) of CPython 3.11 and
// newer, which _ssl reads.
#pragma once

#include <afplug/socket.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "state.hpp"

namespace afplug::python {

struct socket_object {
  PyObject_HEAD int sock_fd;
  int sock_family;
  int sock_type;
  int sock_proto;
  PyObject* (*errorhandler)();
  std::int64_t sock_timeout;  // nanoseconds; below 0: blocking
  state* module;              // of the module that created the type
  // Members of afplug. Null if the socket is closed. Calls copy the pointer, to keep the socket alive while other
  // threads close it. sock_fd and sock_timeout are accessed by load() and store().
  std::atomic<std::shared_ptr<afplug::socket>> socket;

  /// The protocol with which addresses of the socket are converted.
  basic_protocol protocol() const;
};

inline socket_object* self_of(PyObject* o) noexcept { return reinterpret_cast<socket_object*>(o); }

/// Creates the type `_socket.socket` of a module.
PyTypeObject* make_socket_type(PyObject* module);

/// A family that a program gave: the number, or the id, by which families without an AF_* constant are found.
struct family_argument {
  int number = -1;
  std::string id;  ///< empty: given by number

  /// Reads an id. Returns false with an exception set if no plugin provides it.
  bool read_id(PyObject* from);
  const afplug::family* find(error_code& ec) const;
};

/// Creates a Python object for a new socket.
PyObject* make_object(state& m, afplug::socket s, int family, int type, int proto);

/// Runs f(socket, ec) without the GIL. Returns false with an exception set if it fails.
template <class F>
bool call(socket_object* self, F f) {
  const auto s = self->socket.load();
  if (!s) {
    errno = EBADF;
    raise_errno();
    return false;
  }
  return checked([&](error_code& ec) {
    const gil_scoped_release released;
    f(*s, ec);
  });
}

/// The timeout of new sockets in nanoseconds; negative: blocking.
std::int64_t default_timeout(const state& m) noexcept;
/// Converts Python's timeout, None or a number of seconds. Returns false with an exception set if it is invalid.
bool read_timeout(PyObject* from, std::int64_t& nanoseconds);
PyObject* timeout_object(std::int64_t nanoseconds);
inline std::optional<std::chrono::nanoseconds> to_duration(std::int64_t t) {
  return t < 0 ? std::nullopt : std::optional(std::chrono::nanoseconds(t));
}

/// A socket of a family in user space consists of more than its descriptor. Python programs may close the descriptor
/// themselves, after which its number may be another file's. Therefore the descriptor that Python has is a duplicate of
/// the plugin's, and belongs to the Python object, or after detach() to the program.
///
/// Where CPython passes a descriptor between objects (detach, accept, dup), store_detached() keeps the socket until
/// remove_detached(). Both find_detached() and remove_detached() return the socket if `fd` is still its descriptor,
/// else null.
void store_detached(int fd, std::shared_ptr<afplug::socket> s);
std::shared_ptr<afplug::socket> find_detached(int fd);
std::shared_ptr<afplug::socket> remove_detached(int fd);
/// Closes a descriptor, and the socket if it represents one. Returns an errno or 0.
int close_detached(int fd);
/// The open socket of a family in user space with that descriptor, or null.
std::shared_ptr<afplug::socket> find_user_socket(int fd);
/// Returns a descriptor of the socket that belongs to the program. Returns -1 with an exception set if it fails.
int detach_new(afplug::socket s);

/// Closes the object's socket, if it is open.
error_code close_now(socket_object* self);

// Methods of the socket object: connection.cpp, data.cpp, message.cpp, option.cpp.
extern PyMethodDef connection_methods[], data_methods[], message_methods[], option_methods[];

}  // namespace afplug::python
