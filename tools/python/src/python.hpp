// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// CPython's C API, and the few helpers that every file of the module needs.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <afplug/error.hpp>
#include <climits>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace afplug::python {

struct release {
  void operator()(PyObject* o) const noexcept { Py_XDECREF(o); }
};
/// A reference that is given back at the end of its scope.
using reference = std::unique_ptr<PyObject, release>;

/// A buffer that was asked for, given back at the end of its scope.
struct buffer : Py_buffer {
  buffer() noexcept : Py_buffer{} {}
  buffer(buffer&& other) noexcept : Py_buffer(other) { other.obj = nullptr; }
  buffer(const buffer&) = delete;
  ~buffer() {
    if (obj) PyBuffer_Release(this);
  }
};

/// Raises what the code stands for: TimeoutError, OSError by errno, or OSError with afplug's sentence. Always null.
PyObject* raise(const error_code& ec);
/// Raises the present C++ exception. Always null. For catch (...).
PyObject* raise_current();

/// A Python integer as an int; -1 with an exception set: it is none, or none that fits.
inline int as_int(PyObject* o) {
  int overflow = 0;
  const long value = PyLong_AsLongAndOverflow(o, &overflow);
  if (overflow == 0 && value >= INT_MIN && value <= INT_MAX) return static_cast<int>(value);
  PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to C int");
  return -1;
}

/// The same for O& of PyArg_ParseTuple and its like.
inline int convert_int(PyObject* o, void* to) {
  const int value = as_int(o);
  if (value == -1 && PyErr_Occurred()) return 0;
  *static_cast<int*>(to) = value;
  return 1;
}

/// Functions of one argument are given it in a tuple up to Python 3.12, and what is wrong with it is said accordingly.
constexpr int one_argument = PY_VERSION_HEX >= 0x030D0000 ? METH_O : METH_VARARGS;
template <class... T>
bool read_one(PyObject* given, const char* format, T... to) {
  if constexpr (one_argument == METH_O) return PyArg_Parse(given, format, to...) != 0;
  return PyArg_ParseTuple(given, format, to...) != 0;
}
inline bool read_int(PyObject* given, const char* format, int& to) {
  if constexpr (one_argument == METH_O) return convert_int(given, &to) != 0;
  return PyArg_ParseTuple(given, format, &to) != 0;
}

/// A number that Python 3.14 holds to the range of a C type. False: an exception is set.
template <class T>
bool read_unsigned(PyObject* from, const char* type, T& to) {
  const reference number(PyNumber_Index(from));
  if (!number) return false;
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number.get(), &overflow);
  if (overflow < 0 || (overflow == 0 && value < 0)) {
    PyErr_SetString(PyExc_ValueError, "Cannot convert negative int");
    return false;
  }
  if (overflow > 0 || value > std::numeric_limits<T>::max()) {
    PyErr_Format(PyExc_OverflowError, "Python int too large for C %s", type);
    return false;
  }
  to = static_cast<T>(value);
  return true;
}

/// The exception that is set, put aside for a scope.
class aside {
 public:
#if PY_VERSION_HEX >= 0x030C0000
  aside() : raised_(PyErr_GetRaisedException()) {}
  ~aside() { PyErr_SetRaisedException(raised_); }
#else
  aside() { PyErr_Fetch(&kind_, &raised_, &trace_); }
  ~aside() { PyErr_Restore(kind_, raised_, trace_); }
#endif
  aside(const aside&) = delete;
  aside& operator=(const aside&) = delete;

 private:
  PyObject* raised_ = nullptr;
  [[maybe_unused]] PyObject *kind_ = nullptr, *trace_ = nullptr;
};

/// The GIL released for a scope. A signal that ends a system call meanwhile runs Python's handlers, and an exception of
/// theirs ends the call.
class without_gil {
 public:
  without_gil();
  ~without_gil();
  without_gil(const without_gil&) = delete;
  without_gil& operator=(const without_gil&) = delete;
};

/// An OSError of errno.
inline PyObject* raise_errno() { return PyErr_SetFromErrno(PyExc_OSError); }
inline PyObject* text(std::string_view t) {
  return PyUnicode_DecodeUTF8(t.data(), static_cast<Py_ssize_t>(t.size()), "surrogateescape");
}
inline PyObject* bytes(const void* data, std::size_t size) {
  return PyBytes_FromStringAndSize(static_cast<const char*>(data), static_cast<Py_ssize_t>(size));
}

}  // namespace afplug::python
