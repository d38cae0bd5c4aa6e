// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What is printed with --json, and what a child tells its parent.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

namespace afplug::command {

namespace json = boost::json;

/// A string, or null where it is empty.
json::value text_or_null(std::string_view text);

/// An object whose first member is the schema: "afplug.caps/1".
json::object with_schema(std::string_view name);

/// The text in UTF-8 without control characters: what a plugin says may be anything.
std::string clean(std::string_view text);

/// One line on stdout.
void print(const json::value& value);

/// A member's text, clean; empty where it is null or missing.
std::string text_of(const json::object& object, std::string_view member);

}  // namespace afplug::command
