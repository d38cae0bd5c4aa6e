// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The text form of a sockaddr whose family is not known, or whose bytes are not an address of its family:
// "%family=N,HEX", the family's number and the bytes after it.
#pragma once

#include <afplug/plugin/encoding.hpp>
#include <afplug/plugin/error.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace afplug::detail {

/// What the text begins with.
inline constexpr std::string_view address_bytes_prefix = "%family=";

/// Formats a sockaddr of `size` bytes.
inline std::string format_address_bytes(int family, const void* sockaddr, std::size_t size) {
  std::string text = plugin::concat(address_bytes_prefix, family, ",");
  const auto* bytes = static_cast<const unsigned char*>(sockaddr);
  for (std::size_t i = sizeof(std::uint16_t); i < size; ++i) plugin::append_hex(text, bytes[i]);
  return text;
}

/// The bytes of the sockaddr that `text`, which begins with the prefix, describes. Throws plugin::failure: EINVAL, the
/// text is malformed or of another family.
inline std::string parse_address_bytes(int family, std::string_view text) {
  text.remove_prefix(address_bytes_prefix.size());
  const auto comma = text.find(',');
  std::uint16_t number = 0;
  const auto* digits_end = text.data() + (comma == text.npos ? 0 : comma);
  if (const auto [end, error] = std::from_chars(text.data(), digits_end, number);
      error != std::errc() || end != digits_end)
    plugin::fail(EINVAL, "write %family=N,HEX: the family's number and the bytes after it");
  if (number != family) plugin::fail(EINVAL, "it is of family ", number, ", not ", family);
  const auto bytes = plugin::try_hex_decode(text.substr(comma + 1));
  if (!bytes) plugin::fail(EINVAL, "the bytes after the comma are not pairs of hexadecimal digits");
  return std::string(reinterpret_cast<const char*>(&number), sizeof number) + *bytes;
}

/// What a codec formatted, so that it does not begin with the prefix: a percent-encoded UNIX path could, and "%FA" is
/// the same byte.
inline std::string unlike_address_bytes(std::string&& text) {
  if (text.starts_with(address_bytes_prefix)) text.replace(1, 2, "FA");
  return std::move(text);
}

}  // namespace afplug::detail
