// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Socket options.
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>

#include "socket_object.hpp"

namespace afplug::python {
namespace {

// Options of level AF_VSOCK are 64-bit integers (linux/vm_sockets.h).
bool is_wide(const socket_object* self, int level) noexcept {
  return self->sock_family == AF_VSOCK && level == AF_VSOCK;
}

PyObject* getsockopt(PyObject* o, PyObject* args) {
  auto* self = self_of(o);
  int level = 0, number = 0, size = 0;
  if (!PyArg_ParseTuple(args, "ii|i:getsockopt", &level, &number, &size)) return nullptr;
  if (size == 0) {
    std::uint64_t wide = 0;
    int narrow = 0;
    const mutable_bytes into =
        is_wide(self, level) ? mutable_bytes(&wide, sizeof wide) : mutable_bytes(&narrow, sizeof narrow);
    if (!call(self, [&](afplug::socket& s, error_code& ec) { s.getsockopt(level, number, into, ec); })) return nullptr;
    return is_wide(self, level) ? PyLong_FromUnsignedLongLong(wide) : PyLong_FromLong(narrow);
  }
  std::array<char, 1024> value{};
  if (size < 0 || size > 1024) return PyErr_SetString(PyExc_OSError, "getsockopt buflen out of range"), nullptr;
  std::size_t n = 0;
  const mutable_bytes into(value.data(), static_cast<std::size_t>(size));
  if (!call(self, [&](afplug::socket& s, error_code& ec) { n = s.getsockopt(level, number, into, ec); }))
    return nullptr;
  return bytes(value.data(), n);
}

PyObject* set(socket_object* self, int level, int number, const_bytes value) {
  if (!call(self, [&](afplug::socket& s, error_code& ec) { s.setsockopt(level, number, value, ec); })) return nullptr;
  Py_RETURN_NONE;
}

PyObject* setsockopt(PyObject* o, PyObject* args) {
  auto* self = self_of(o);
  int level = 0, number = 0, narrow = 0;
  if (PyArg_ParseTuple(args, "iii:setsockopt", &level, &number, &narrow) && !is_wide(self, level))
    return set(self, level, number, const_bytes(&narrow, sizeof narrow));
  PyErr_Clear();
  unsigned long long wide = 0;
  if (self->sock_family == AF_VSOCK && PyArg_ParseTuple(args, "iiK:setsockopt", &level, &number, &wide) &&
      is_wide(self, level))
    return set(self, level, number, const_bytes(&wide, sizeof wide));
  PyErr_Clear();
  PyObject* none = nullptr;
  unsigned int size = 0;
  if (PyArg_ParseTuple(args, "iiO!I:setsockopt", &level, &number, Py_TYPE(Py_None), &none, &size)) {
    if (size > INT_MAX) return errno = EINVAL, raise_errno();  // the kernel's error for a negative size
    return set(self, level, number, const_bytes(nullptr, size));
  }
  PyErr_Clear();
  buffer value;
  if (!PyArg_ParseTuple(args, "iiy*:setsockopt", &level, &number, static_cast<Py_buffer*>(&value))) return nullptr;
  return set(self, level, number, const_bytes(value.buf, static_cast<std::size_t>(value.len)));
}

}  // namespace

PyMethodDef option_methods[] = {
    method<getsockopt>("getsockopt", METH_VARARGS, "getsockopt(level, option[, size]) -> int or bytes"),
    method<setsockopt>("setsockopt", METH_VARARGS, "setsockopt(level, option, int, bytes, or None and a length)"),
    {},
};

}  // namespace afplug::python
