// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// CPython's C API, and helpers that all files of the module use.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cxxabi.h>

#include <afplug/error.hpp>
#include <atomic>
#include <climits>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace afplug::python {

struct release {
  void operator()(PyObject* o) const noexcept { Py_XDECREF(o); }
};
/// An owned reference.
using reference = std::unique_ptr<PyObject, release>;

/// A Py_buffer that is released in the destructor.
struct buffer : Py_buffer {
  buffer() noexcept : Py_buffer{} {}
  buffer(buffer&& other) noexcept : Py_buffer(other) { other.obj = nullptr; }
  buffer(const buffer&) = delete;
  ~buffer() {
    if (obj) PyBuffer_Release(this);  // NOLINT(clang-analyzer-core.uninitialized.Branch): Py_buffer{} zeroes it
  }
};

/// Sets the Python exception for the error: TimeoutError, OSError with errno, or OSError with afplug's error text.
/// Returns null.
PyObject* raise(const error_code& ec);
/// Converts the current C++ exception to a Python exception; to be called in catch (...). Returns null.
PyObject* raise_current();
/// Reports the current C++ exception by sys.unraisablehook, and keeps the Python exception that is set.
void write_unraisable_current();

/// What an entry point returns if it fails: null, or -1.
template <class R>
constexpr R failed() noexcept {
  if constexpr (std::is_pointer_v<R>) return nullptr;
  if constexpr (std::is_integral_v<R>) return -1;
}

/// The function f as an entry point for CPython: a C++ exception becomes a Python exception. A function that returns
/// void reports it by sys.unraisablehook.
template <auto f>
struct entry_point;
template <class R, class... A, R (*f)(A...)>
struct entry_point<f> {
  static R call(A... a) {
    try {
      return f(a...);
    } catch (const abi::__forced_unwind&) {
      throw;  // of pthread_exit
    } catch (...) {
      if constexpr (std::is_void_v<R>)
        write_unraisable_current();
      else
        raise_current();
      return failed<R>();
    }
  }
};

/// All functions that CPython calls are put into its tables by these.
template <auto f>
PyMethodDef method(const char* name, int flags, const char* doc) {
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(entry_point<f>::call)), flags, doc};
}
template <auto f>
void* slot() noexcept {
  return reinterpret_cast<void*>(entry_point<f>::call);
}

/// Runs f(ec). Returns false with a Python exception set if `ec` is set.
template <class F>
bool checked(F f) {
  error_code ec;
  f(ec);
  if (ec) raise(ec);
  return !ec;
}

/// Converts a Python integer to an int. Returns -1 with an exception set if it is not an integer or out of range.
inline int as_int(PyObject* o) {
  int overflow = 0;
  const long value = PyLong_AsLongAndOverflow(o, &overflow);
  if (overflow == 0 && value >= INT_MIN && value <= INT_MAX) return static_cast<int>(value);
  PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to C int");
  return -1;
}

/// as_int() as a converter for the format O& of PyArg_ParseTuple.
inline int convert_int(PyObject* o, void* to) {
  const int value = as_int(o);
  if (value == -1 && PyErr_Occurred()) return 0;
  *static_cast<int*>(to) = value;
  return 1;
}

/// The version whose error messages the module has. A test sets it to a version that is not installed.
#ifndef AFPLUG_PYTHON_MESSAGES
#define AFPLUG_PYTHON_MESSAGES PY_VERSION_HEX
#endif

/// Up to Python 3.12, CPython's functions of one argument are METH_VARARGS, which affects their error messages.
constexpr int single_argument_flags = AFPLUG_PYTHON_MESSAGES >= 0x030D0000 ? METH_O : METH_VARARGS;
template <class... T>
bool parse_argument(PyObject* given, const char* format, T... to) {
  if constexpr (single_argument_flags == METH_O) return PyArg_Parse(given, format, to...) != 0;
  return PyArg_ParseTuple(given, format, to...) != 0;
}
inline bool parse_int_argument(PyObject* given, const char* format, int& to) {
  if constexpr (single_argument_flags == METH_O) return convert_int(given, &to) != 0;
  return PyArg_ParseTuple(given, format, &to) != 0;
}

/// Converts a Python integer to an unsigned C type named `type`, with the error messages of Python 3.14. Returns false
/// with an exception set if it fails.
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

/// Access to what several threads read and write, in interpreters without a GIL too.
template <class T>
T load(const T& from) noexcept {
  return std::atomic_ref(const_cast<T&>(from)).load(std::memory_order_relaxed);
}
template <class T>
void store(T& to, std::type_identity_t<T> value) noexcept {
  std::atomic_ref(to).store(value, std::memory_order_relaxed);
}

/// Saves the current Python exception, and restores it in the destructor.
class saved_exception {
 public:
#if PY_VERSION_HEX >= 0x030C0000
  saved_exception() : raised_(PyErr_GetRaisedException()) {}
  ~saved_exception() { PyErr_SetRaisedException(raised_); }
#else
  saved_exception() { PyErr_Fetch(&kind_, &raised_, &trace_); }
  ~saved_exception() { PyErr_Restore(kind_, raised_, trace_); }
#endif
  saved_exception(const saved_exception&) = delete;
  saved_exception& operator=(const saved_exception&) = delete;

 private:
  PyObject* raised_ = nullptr;
  [[maybe_unused]] PyObject *kind_ = nullptr, *trace_ = nullptr;
};

/// Releases the GIL, and acquires it again in the destructor. If a signal interrupts a system call of afplug meanwhile,
/// Python's signal handlers run; an exception of a handler ends the call (PEP 475).
class gil_scoped_release {
 public:
  gil_scoped_release();
  ~gil_scoped_release();
  gil_scoped_release(const gil_scoped_release&) = delete;
  gil_scoped_release& operator=(const gil_scoped_release&) = delete;
};

/// Raises OSError with errno. Returns null.
inline PyObject* raise_errno() { return PyErr_SetFromErrno(PyExc_OSError); }
inline PyObject* text(std::string_view t) {
  return PyUnicode_DecodeUTF8(t.data(), static_cast<Py_ssize_t>(t.size()), "surrogateescape");
}
inline PyObject* bytes(const void* data, std::size_t size) {
  return PyBytes_FromStringAndSize(static_cast<const char*>(data), static_cast<Py_ssize_t>(size));
}

/// The first `got` bytes of a new bytes object of `size` bytes.
inline PyObject* shortened(reference made, Py_ssize_t size, Py_ssize_t got) {
  PyObject* all = made.release();
  return got == size || _PyBytes_Resize(&all, got) == 0 ? all : nullptr;
}

}  // namespace afplug::python
