// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <afplug/trace.hpp>
#include <atomic>

namespace afplug::detail {

extern std::atomic<const trace_hook*> current_trace;

/// Calls the hook. Returns false, with `ec` set, if it refuses the call.
bool call_trace_hook(const trace_point& point, error_code& ec);

/// Calls the hook if there is one. Returns false, with `ec` set, if it refuses the call.
inline bool allowed(const trace_point& point, error_code& ec) {
  if (!current_trace.load(std::memory_order_relaxed)) [[likely]]
    return true;
  return call_trace_hook(point, ec);
}

}  // namespace afplug::detail
