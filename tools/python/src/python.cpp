// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "python.hpp"

#include <unistd.h>
#include <afplug/interrupt.hpp>

#include <cerrno>
#include <new>

namespace afplug::python {
namespace {

// The thread's state while it runs without the GIL.
thread_local PyThreadState* outside = nullptr;

struct stop {
  ~stop() {
    while (!back) ::pause();
  }
  bool back = false;
};

// Once the interpreter ends, other threads never have the GIL again: up to Python 3.13 asking for it unwinds their
// stack, by destructors that may not throw or that want the GIL. The thread stops here instead, as it does from 3.14
// on.
[[gnu::noinline]] void take_gil(PyThreadState* mine) {
  stop unless;
  PyEval_RestoreThread(mine);
  unless.back = true;
}

bool run_signal_handlers() {
  if (!outside) return false;
  take_gil(outside);
  const bool raised = PyErr_CheckSignals() != 0;
  outside = PyEval_SaveThread();
  return raised;
}

}  // namespace

without_gil::without_gil() {
  thread_local const bool hooked = [] {
    set_interrupt_hook(run_signal_handlers);
    return true;
  }();
  static_cast<void>(hooked);
  outside = PyEval_SaveThread();
}

without_gil::~without_gil() {
  const int kept = errno;
  take_gil(outside);
  outside = nullptr;
  errno = kept;
}

PyObject* raise(const error_code& ec) {
  if (ec == errc::interrupted && PyErr_Occurred()) return nullptr;
  if (ec == errc::timed_out) {
    PyErr_SetString(PyExc_TimeoutError, "timed out");
    return nullptr;
  }
  if (ec.category() == boost::system::system_category() || ec == errc::unknown_family) {
    errno = ec == errc::unknown_family ? EAFNOSUPPORT : ec.value();
    return raise_errno();
  }
  const std::string sentence(last_detail());
  PyErr_SetString(PyExc_OSError, sentence.empty() ? ec.message().c_str() : sentence.c_str());
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
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  }
  return nullptr;
}

}  // namespace afplug::python
