// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Ending a blocked call from outside: a per-thread hook that EINTR calls, and std::stop_token (an argument of the calls
// in socket.hpp).
#pragma once

#include <afplug/config.hpp>
#include <functional>

namespace afplug {

/// Called in this thread whenever a system call of afplug's ended in EINTR. True: the call ends with errc::interrupted;
/// false: it goes on, with what is left of its timeout (PEP 475). May throw: the exception leaves the call. Ctrl-C, or
/// Python's signal handlers, are what it is for. Returns the hook that was there. An empty function: none.
AFPLUG_API std::function<bool()> interrupt(std::function<bool()> hook);

/// Sets a hook for a scope.
class interrupt_scope {
 public:
  explicit interrupt_scope(std::function<bool()> hook) : old_(interrupt(std::move(hook))) {}
  ~interrupt_scope() { interrupt(std::move(old_)); }
  interrupt_scope(const interrupt_scope&) = delete;
  interrupt_scope& operator=(const interrupt_scope&) = delete;

 private:
  std::function<bool()> old_;
};

}  // namespace afplug
