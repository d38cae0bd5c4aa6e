// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

namespace afplug::detail {

/// The calling thread's own T, or null: static objects, which may still call when the process ends, outlive it.
template <class T>
T* of_thread() noexcept {
  thread_local bool ended = false;
  if (ended) return nullptr;
  struct holder {
    T value;
    ~holder() { ended = true; }
  };
  thread_local holder it;
  return &it.value;
}

}  // namespace afplug::detail
