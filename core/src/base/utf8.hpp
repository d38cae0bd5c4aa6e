// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace afplug::detail {

/// Whether `text` is well-formed UTF-8: no stray or missing continuation, no overlong form, no surrogate, nothing above
/// U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

}  // namespace afplug::detail
