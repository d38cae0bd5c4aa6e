// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Formats addresses and endpoints with std::format, where the library has it, and with {fmt}, if its header was
// included before this one. Both write to_string() and take the format specifications of strings.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>
#include <version>
#if defined(__cpp_lib_format)
#include <format>
#endif

namespace afplug::detail {
/// The base of classes that are formatted as their to_string().
struct formats_to_string {};
}  // namespace afplug::detail

#if defined(__cpp_lib_format)
/// Formats to_string().
template <std::derived_from<afplug::detail::formats_to_string> T>
struct std::formatter<T, char> : std::formatter<std::string_view, char> {
  template <class Context>
  auto format(const T& value, Context& context) const {
    return std::formatter<std::string_view, char>::format(value.to_string(), context);
  }
};
#endif
#if defined(FMT_VERSION)
/// Formats to_string().
template <class T>
struct fmt::formatter<T, char, std::enable_if_t<std::is_base_of_v<afplug::detail::formats_to_string, T>>>
    : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const T& value, Context& context) const {
    return fmt::formatter<fmt::string_view>::format(value.to_string(), context);
  }
};
#endif
