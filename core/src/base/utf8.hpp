// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace afplug::detail {

/// Whether `text` is well-formed UTF-8 (RFC 3629): overlong forms, surrogates and code points above U+10FFFF are not.
bool is_utf8(std::string_view text) noexcept;

}  // namespace afplug::detail
