// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Helpers for JSON: the output of --json, and the replies of child processes.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

namespace afplug::command {

namespace json = boost::json;

/// The string, or null if it is empty.
json::value text_or_null(std::string_view text);

/// An object with the member "schema": "afplug.NAME/1".
json::object with_schema(std::string_view name);

/// The text as valid UTF-8 without control characters. Texts of plugins may contain any bytes.
std::string clean(std::string_view text);

/// Prints the value as one line on stdout.
void print(const json::value& value);

/// The text of a member, cleaned as by clean(); empty if it is null or missing.
std::string text_of(const json::object& object, std::string_view member);

}  // namespace afplug::command
