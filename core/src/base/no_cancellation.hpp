// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pthread.h>

namespace afplug::detail {

/// Postpones pthread_cancel(3) to the next cancellation point after the scope. glibc unwinds the stack of a cancelled
/// thread, which would end the process in a noexcept function, such as a destructor, and in catch (...).
class no_cancellation {
 public:
  no_cancellation() noexcept { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~no_cancellation() { ::pthread_setcancelstate(before_, nullptr); }
  no_cancellation(const no_cancellation&) = delete;
  no_cancellation& operator=(const no_cancellation&) = delete;

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace afplug::detail
