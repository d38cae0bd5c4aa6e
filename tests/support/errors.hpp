// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Error codes for tests.
#pragma once

#include <afplug/error.hpp>

/// The error code that `call` reports. `call` passes `_` where the function takes its error_code.
#define ERROR_OF(call)       \
  ([&] {                     \
    ::afplug::error_code _;  \
    static_cast<void>(call); \
    return _;                \
  }())

namespace afplug::testing_support {

/// An errno as an error_code; 0 is success.
inline error_code sys(int number) { return {number, boost::system::system_category()}; }

}  // namespace afplug::testing_support
