// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <afplug/error.hpp>
#include <type_traits>

namespace afplug::detail {

/// Implements a throwing overload by its error_code overload: calls f(ec) and returns its result, or throws
/// afplug::error if `ec` is set. `what` names the call in the exception's text where last_detail() has none for this
/// error.
template <class F>
auto throwing(const char* what, F f) {
  error_code ec;
  if constexpr (std::is_void_v<std::invoke_result_t<F, error_code&>>) {
    f(ec);
    check(ec, what);
  } else {
    auto result = f(ec);
    check(ec, what);
    return result;
  }
}

/// Implements an error_code overload by its throwing overload, where that fails only for invalid arguments.
template <class F>
void reporting(error_code& ec, F f) {
  try {
    f();
    ec.clear();
  } catch (const error& e) {
    fail(ec, e.code(), e.what());
  }
}

}  // namespace afplug::detail
