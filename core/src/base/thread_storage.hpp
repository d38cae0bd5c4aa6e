// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pthread.h>

#include <memory>
#include <new>

namespace afplug::detail {

/// Returns this thread's T, default-constructed at the first use, or null if there is no memory for it. Destroyed when
/// the thread ends, but not that of the main thread, so that static destructors can use it. Not a thread_local T, since
/// the C library ends the process if it has no memory to register the destructor of one.
template <class T>
T* thread_storage() noexcept {
  thread_local constinit T* current = nullptr;
  if (current) return current;
  struct thread_key {
    thread_key() noexcept : error(::pthread_key_create(&value, destroy)) {}
    ~thread_key() {
      if (error == 0) ::pthread_key_delete(value);
    }
    thread_key(const thread_key&) = delete;
    thread_key& operator=(const thread_key&) = delete;
    static void destroy(void* it) {
      current = nullptr;
      delete static_cast<T*>(it);
    }
    ::pthread_key_t value{};
    int error;
  };
  static const thread_key key;
  std::unique_ptr<T> made(new (std::nothrow) T);
  if (!made || key.error != 0 || ::pthread_setspecific(key.value, made.get()) != 0) return nullptr;
  return current = made.release();
}

}  // namespace afplug::detail
