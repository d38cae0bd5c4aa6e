// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <afplug/plugin.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace afplug::detail {

/// The error text a plugin slot wrote: pass `&text` as the slot's afplug_text argument. Longer text is cut at 512
/// bytes.
struct plugin_error_text {
  std::array<char, 512> buffer{};
  afplug_text text{buffer.data(), static_cast<std::uint32_t>(buffer.size()), 0};

  std::string_view view() const noexcept { return {buffer.data(), std::min<std::size_t>(text.size, buffer.size())}; }
};

}  // namespace afplug::detail
