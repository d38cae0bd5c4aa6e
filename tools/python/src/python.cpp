// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "python.hpp"

#include <unistd.h>
#include <afplug/interrupt.hpp>

#include <cerrno>
#include <new>
#include <stdexcept>

namespace afplug::python {
namespace {

// The state of this thread while it does not hold the GIL, else null.
thread_local PyThreadState* saved_thread_state = nullptr;

struct block_on_unwind {
  ~block_on_unwind() {
    while (!restored) ::pause();
  }
  bool restored = false;
};

// When the interpreter is finalizing, other threads cannot acquire the GIL. Up to Python 3.13, PyEval_RestoreThread
// then calls pthread_exit, which unwinds the stack through destructors that must not throw or that need the GIL. Block
// the thread instead, as Python 3.14 does (Python documentation, "Cautions regarding runtime finalization").
[[gnu::noinline]] void restore_thread(PyThreadState* state) {
  block_on_unwind guard;
  PyEval_RestoreThread(state);
  guard.restored = true;
}

bool run_signal_handlers() {
  if (!saved_thread_state) return false;
  restore_thread(saved_thread_state);
  const bool raised = PyErr_CheckSignals() != 0;
  saved_thread_state = PyEval_SaveThread();
  return raised;
}

}  // namespace

gil_scoped_release::gil_scoped_release() {
  thread_local const bool hooked = [] {
    set_interrupt_hook(run_signal_handlers);
    return true;
  }();
  static_cast<void>(hooked);
  saved_thread_state = PyEval_SaveThread();
}

gil_scoped_release::~gil_scoped_release() {
  const int saved_errno = errno;
  restore_thread(saved_thread_state);
  saved_thread_state = nullptr;
  errno = saved_errno;
}

PyObject* raise(const error_code& ec) {
  if (ec == errc::interrupted && PyErr_Occurred()) return nullptr;
  if (ec == errc::timed_out) {
    PyErr_SetString(PyExc_TimeoutError, "timed out");
    return nullptr;
  }
  if (ec.category() != boost::system::system_category() && ec == boost::system::errc::not_enough_memory)
    return PyErr_NoMemory();
  if (ec.category() == boost::system::system_category() || ec == errc::unknown_family) {
    errno = ec == errc::unknown_family ? EAFNOSUPPORT : ec.value();
    return raise_errno();
  }
  const std::string detail(last_detail());
  PyErr_SetString(PyExc_OSError, detail.empty() ? ec.message().c_str() : detail.c_str());
  return nullptr;
}

PyObject* raise_current() {
  try {
    throw;
  } catch (const boost::system::system_error& e) {
    if (e.code().category() == boost::system::system_category()) return raise(e.code());
    PyErr_SetString(PyExc_OSError, e.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::length_error&) {
    PyErr_NoMemory();
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  } catch (...) {
    PyErr_SetString(PyExc_SystemError, "unknown C++ exception");
  }
  return nullptr;
}

void write_unraisable_current() {
  const saved_exception pending;
  raise_current();
  PyErr_WriteUnraisable(nullptr);
}

}  // namespace afplug::python
