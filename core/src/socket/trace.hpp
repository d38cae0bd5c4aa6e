// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <afplug/trace.hpp>
#include <atomic>

namespace afplug::detail {

extern std::atomic<const trace_hook*> current_trace;

/// Asks the hook. False: it forbids the call, and `ec` says so.
bool ask_trace(const trace_point& point, error_code& ec);

/// The same, where there is a hook.
inline bool allowed(const trace_point& point, error_code& ec) {
  if (!current_trace.load(std::memory_order_relaxed)) [[likely]]
    return true;
  return ask_trace(point, ec);
}

}  // namespace afplug::detail
