// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "json.hpp"

#include <fmt/core.h>

#include <boost/json/src.hpp>

namespace afplug::command {

json::value text_or_null(std::string_view text) {
  if (text.empty()) return nullptr;
  return json::string(text);
}

json::object with_schema(std::string_view name) { return {{"schema", fmt::format("afplug.{}/1", name)}}; }

void print(const json::value& value) { fmt::print("{}\n", json::serialize(value)); }

std::string text_of(const json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  if (!value || value->is_null()) return {};
  if (const auto* text = value->if_string()) return std::string(*text);
  return json::serialize(*value);
}

}  // namespace afplug::command
