// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "fork_mutex.hpp"

#include <pthread.h>

#include <new>
#include <shared_mutex>

namespace afplug::detail {
namespace {

/// Shared by all threads that hold a fork_mutex; exclusive while a thread forks. Never destroyed.
std::shared_mutex& forking() {
  static auto& it = *new std::shared_mutex;
  return it;
}

thread_local int held = 0;

[[maybe_unused]] const int fork_handlers = ::pthread_atfork(
    [] {
      if (held == 0) forking().lock();
    },
    [] {
      if (held == 0) forking().unlock();
    },
    // The child's thread has another id, with which it cannot unlock what its parent locked.
    [] {
      if (held == 0) new (&forking()) std::shared_mutex;
    });

}  // namespace

void fork_mutex::lock() {
  if (held == 0) forking().lock_shared();
  ++held;
  mutex_.lock();
}

void fork_mutex::unlock() noexcept {
  mutex_.unlock();
  if (--held == 0) forking().unlock_shared();
}

}  // namespace afplug::detail
