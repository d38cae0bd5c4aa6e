// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Tries every fault (faults.h) of a scenario, each in a child process.
#pragma once

#include <afplug/error.hpp>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "faults.h"

namespace afplug::testing_support {

/// One run of a scenario, in a child. Faults are injected inside `call` and the like only.
class trial {
 public:
  /// Calls f() while faults are injected. If it throws, checks that a fault was injected and that the error has a text,
  /// and calls f() again without faults: that must succeed, since a call that failed changed nothing.
  template <class F>
  auto call(const char* what, F f) -> decltype(f()) {
    begin(what);
    try {
      const counting on;
      return f();
    } catch (...) {
      check_exception();
    }
    return f();
  }

  /// The same for an error_code overload, f(ec).
  template <class F>
  auto call_ec(const char* what, F f) -> decltype(f(std::declval<error_code&>())) {
    begin(what);
    error_code ec;
    try {
      const counting on;
      if constexpr (std::is_void_v<std::invoke_result_t<F, error_code&>>) {
        f(ec);
        if (!ec) return;
      } else {
        auto result = f(ec);
        if (!ec) return result;
      }
    } catch (...) {
      check_exception();
    }
    if (ec) check_error(ec, std::string(last_detail()));
    auto again = [&] {
      error_code second;
      if constexpr (std::is_void_v<std::invoke_result_t<F, error_code&>>) {
        f(second);
        require(!second, "it fails without a fault too");
      } else {
        auto result = f(second);
        require(!second, "it fails without a fault too");
        return result;
      }
    };
    return again();
  }

  /// The same for a call that may fail without a fault: its result is discarded, and it is not repeated.
  template <class F>
  void attempt(const char* what, F f) {
    begin(what);
    try {
      const counting on;
      static_cast<void>(f());
    } catch (...) {
      check_exception(false);
    }
  }

  /// Fails the run unless the condition is true.
  void require(bool condition, const char* text);

 private:
  struct counting {
    counting() noexcept { faults_count_here(1); }
    ~counting() { faults_count_here(0); }
    counting(const counting&) = delete;
    counting& operator=(const counting&) = delete;
  };
  void begin(const char* what) noexcept;
  void check_exception(bool needs_fault = true);
  void check_error(const error_code& ec, const std::string& text);
};

/// A scenario: what is done once before the children are forked, such as loading plugins, and what each child does.
struct scenario {
  void (*prepare)() = nullptr;
  void (*run)(trial&);
  /// The scenario changes what stays in the process, so that a second run is different: loading a plugin.
  bool once = false;
  bool one_fault_only = false;  ///< not FAULTS_PERSISTENT
  bool threads = false;         ///< it starts threads, which may free memory when the scenario has ended
};

/// Runs a scenario with every fault in turn, as many at the same time as there are processors. Returns a description of
/// the first failures, empty if there is none: a child that died or hangs, an unexpected error, a call that fails when
/// it is repeated, a descriptor or memory that is still there at the end; or that there is no fault to inject.
std::string try_all_faults(const scenario& s);

}  // namespace afplug::testing_support
