// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <afplug/plugin.h>

#include <afplug/plugin/encoding.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace afplug::detail {

/// The error text a plugin slot wrote: pass `&text` as the slot's afplug_text argument. Of longer text the first 512
/// bytes are kept.
struct plugin_error_text {
  std::array<char, 512> buffer{};
  afplug_text text{buffer.data(), static_cast<std::uint32_t>(buffer.size()), 0};

  bool empty() const noexcept { return text.size == 0; }
  /// The text without unprintable characters, for an error text.
  std::string printable() const {
    if (text.size <= buffer.size()) return plugin::escape_unprintable({buffer.data(), text.size});
    // A character may be incomplete at the end.
    return plugin::escape_unprintable(plugin::shortened({buffer.data(), buffer.size()}, buffer.size() - 3)) + "…";
  }
};

}  // namespace afplug::detail
