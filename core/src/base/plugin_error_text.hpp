// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <afplug/plugin.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace afplug::detail {

/// The words that a plugin's slot leaves on a failure.
struct words {
  std::array<char, 512> room{};
  afplug_text text{room.data(), static_cast<std::uint32_t>(room.size()), 0};
  std::string_view view() const noexcept { return {room.data(), std::min<std::size_t>(text.size, room.size())}; }
};

}  // namespace afplug::detail
