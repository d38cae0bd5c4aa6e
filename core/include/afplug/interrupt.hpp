// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Interrupting a blocked call by a signal: a per-thread hook that is called on EINTR. The other way is a
// std::stop_token, which the calls in socket.hpp take.
#pragma once

#include <afplug/config.hpp>
#include <functional>

namespace afplug {

/// Sets this thread's interrupt hook, which is called whenever a system call of afplug returns EINTR, and returns the
/// previous one; an empty function: none. If the hook returns true the call fails with errc::interrupted; if false, or
/// without a hook, the call is retried with the rest of its timeout, as in PEP 475. The hook may throw: the exception
/// propagates to the caller. Use it to end calls on SIGINT or to run an interpreter's signal handlers.
AFPLUG_API std::function<bool()> set_interrupt_hook(std::function<bool()> hook);

/// Sets this thread's interrupt hook, and restores the previous one when it is destroyed.
class scoped_interrupt_hook {
 public:
  explicit scoped_interrupt_hook(std::function<bool()> hook) : previous_(set_interrupt_hook(std::move(hook))) {}
  ~scoped_interrupt_hook() { set_interrupt_hook(std::move(previous_)); }
  scoped_interrupt_hook(const scoped_interrupt_hook&) = delete;
  scoped_interrupt_hook& operator=(const scoped_interrupt_hook&) = delete;

 private:
  std::function<bool()> previous_;
};

}  // namespace afplug
