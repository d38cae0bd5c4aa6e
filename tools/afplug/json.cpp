// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "json.hpp"

#include <fmt/core.h>

#include <afplug/plugin/encoding.hpp>
#include <algorithm>
#include <boost/json/src.hpp>

namespace afplug::command {

json::value text_or_null(std::string_view text) {
  if (text.empty()) return nullptr;
  return json::string(text);
}

json::object with_schema(std::string_view name) { return {{"schema", fmt::format("afplug.{}/1", name)}}; }

json::value path_json(std::string_view path) { return json::string(plugin::escape_unprintable(path, "\\")); }

// What does not print and is not escaped by JSON occurs only inside of strings.
void print(const json::value& value) {
  const auto text = json::serialize(value);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto rest = std::string_view(text).substr(at);
    const auto size = plugin::printable_length(rest);
    out += size == 0 ? '\\' + plugin::escape_unprintable(rest.substr(0, 1)) : std::string(rest.substr(0, size));
    at += std::max<std::size_t>(size, 1);
  }
  fmt::print("{}\n", out);
}

std::string text_of(const json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  if (!value || value->is_null()) return {};
  if (const auto* text = value->if_string()) return plugin::escape_unprintable(*text);
  return json::serialize(*value);
}

}  // namespace afplug::command
