// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <afplug/plugin/encoding.hpp>
#include <cstddef>
#include <string_view>

namespace afplug::detail {

/// Whether `text` is well-formed UTF-8 (see `plugin::utf8_length`).
inline bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t size = plugin::utf8_length(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace afplug::detail
