// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <mutex>

namespace afplug::detail {

/// A mutex that no other thread holds while this thread forks: fork(2) waits until none of them is locked, so that a
/// child never inherits one locked. If the thread that forks holds some itself (a plugin that forks while it is
/// loaded), fork does not wait; the child then has them locked by its only thread, which goes on to unlock them.
class fork_mutex {
 public:
  void lock();
  bool try_lock() = delete;
  void unlock() noexcept;

 private:
  std::mutex mutex_;
};

}  // namespace afplug::detail
