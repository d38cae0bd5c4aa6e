// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

namespace afplug::detail {

/// Returns this thread's T, default-constructed at the first use, or null once it has been destroyed (static
/// destructors may still run during exit).
template <class T>
T* thread_storage() noexcept {
  thread_local bool destroyed = false;
  if (destroyed) return nullptr;
  struct holder {
    T value;
    ~holder() { destroyed = true; }
  };
  thread_local holder storage;
  return &storage.value;
}

}  // namespace afplug::detail
