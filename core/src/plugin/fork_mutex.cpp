// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "fork_mutex.hpp"

#include <pthread.h>

#include <condition_variable>
#include <new>

namespace afplug::detail {
namespace {

/// How many threads hold a fork_mutex. `mutex` is locked while a thread forks, and else only to change the number.
struct holders {
  std::mutex mutex;
  std::condition_variable none;
  int count = 0;
};

/// Never destroyed.
holders& all_holders() {
  static auto& it = *new holders;
  return it;
}

thread_local int held = 0;

[[maybe_unused]] const int fork_handlers = ::pthread_atfork(
    [] {
      if (held != 0) return;
      auto& all = all_holders();
      std::unique_lock lock(all.mutex);
      all.none.wait(lock, [&] { return all.count == 0; });
      lock.release();
    },
    [] {
      if (held == 0) all_holders().mutex.unlock();
    },
    // The threads that waited do not exist in the child.
    [] {
      auto& all = all_holders();
      new (&all.none) std::condition_variable;
      if (held == 0) return all.mutex.unlock();
      new (&all.mutex) std::mutex;
      all.count = 1;
    });

}  // namespace

void fork_mutex::lock() {
  if (held == 0) {
    const std::lock_guard lock(all_holders().mutex);
    ++all_holders().count;
  }
  ++held;
  mutex_.lock();
}

void fork_mutex::unlock() noexcept {
  mutex_.unlock();
  if (--held != 0) return;
  const std::lock_guard lock(all_holders().mutex);
  if (--all_holders().count == 0) all_holders().none.notify_all();
}

}  // namespace afplug::detail
