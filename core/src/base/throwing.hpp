// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <afplug/error.hpp>

namespace afplug::detail {

/// The throwing twin of a call: f(ec), or the error that it gave.
template <class F>
auto throwing(const char* what, F f) {
  error_code ec;
  auto result = f(ec);
  check(ec, what);
  return result;
}

}  // namespace afplug::detail
