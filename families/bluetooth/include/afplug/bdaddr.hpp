// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Bluetooth device addresses (BD_ADDR), on all systems.
#pragma once

#include <afplug/plugin/encoding.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace afplug::bluetooth {

/// A device address, bdaddr_t of the kernel: the least significant byte first.
struct bdaddr {
  std::array<std::uint8_t, 6> b{};  ///< the bytes

  /// Parses "AA:BB:CC:DD:EE:FF", the most significant byte first, each of one or two hexadecimal digits. Nothing for
  /// other text.
  static std::optional<bdaddr> parse(std::string_view text) noexcept {
    bdaddr out;
    for (int i = 5; i >= 0; --i) {
      unsigned value = 0, digits = 0;
      while (!text.empty() && text[0] != ':') {
        const int digit = plugin::hex_digit(text[0]);
        if (digit < 0 || ++digits > 2) return {};
        value = value * 16 + static_cast<unsigned>(digit);
        text.remove_prefix(1);
      }
      if (digits == 0) return {};
      out.b[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value);
      if (i != 0) {
        if (text.empty()) return {};
        text.remove_prefix(1);
      }
    }
    return text.empty() ? std::optional(out) : std::nullopt;
  }

  /// The address as "AA:BB:CC:DD:EE:FF".
  std::string to_string() const {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string text;
    for (int i = 5; i >= 0; --i) {
      const auto byte = b[static_cast<std::size_t>(i)];
      text += digits[byte >> 4];
      text += digits[byte & 15];
      if (i != 0) text += ':';
    }
    return text;
  }

  friend bool operator==(const bdaddr&, const bdaddr&) = default;
};

inline constexpr bdaddr any_address{};                                        ///< BDADDR_ANY: any adapter
inline constexpr bdaddr local_address{{0, 0, 0, 0xff, 0xff, 0xff}};           ///< BDADDR_LOCAL: this host
inline constexpr bdaddr all_addresses{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};  ///< BDADDR_ALL: all devices

}  // namespace afplug::bluetooth
