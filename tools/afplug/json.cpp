// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "json.hpp"

#include <fmt/core.h>

#include <boost/json/src.hpp>
#include <cstdint>

namespace afplug::command {

json::value text_or_null(std::string_view text) {
  if (text.empty()) return nullptr;
  return json::string(text);
}

json::object with_schema(std::string_view name) { return {{"schema", fmt::format("afplug.{}/1", name)}}; }

std::string clean(std::string_view text) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD
  std::string out;
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    bool valid = length > 0 && length <= text.size() && first >= 0x20 && first != 0x7f;
    std::uint32_t code_point = length < 2 ? first : first & (0x7Fu >> length);
    for (std::size_t i = 1; valid && i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[i]);
      valid = (next & 0xC0) == 0x80;
      code_point = code_point << 6 | (next & 0x3Fu);
    }
    constexpr std::uint32_t minimum[] = {0, 0, 0x80, 0x800, 0x10000};  // RFC 3629: no overlong forms, no surrogates
    valid = valid && code_point >= minimum[length] && code_point <= 0x10FFFF &&
            (code_point < 0xD800 || code_point > 0xDFFF) && (code_point < 0x80 || code_point > 0x9F);
    out += valid ? text.substr(0, length) : first == '\n' || first == '\t' ? std::string_view(" ") : replacement;
    text.remove_prefix(valid ? length : 1);
  }
  return out;
}

// Invalid UTF-8 occurs only inside of strings, so that cleaning the serialized text is enough.
void print(const json::value& value) { fmt::print("{}\n", clean(json::serialize(value))); }

std::string text_of(const json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  if (!value || value->is_null()) return {};
  if (const auto* text = value->if_string()) return clean(*text);
  return json::serialize(*value);
}

}  // namespace afplug::command
