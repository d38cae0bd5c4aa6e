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

/// A file name, whose bytes can be recovered: "\xXX" stands for a byte that is not part of a printable character, and
/// "\\" for a backslash.
json::value path_json(std::string_view path);

/// Prints the value as one line on stdout. In texts, "\xXX" replaces bytes that JSON does not escape and that are not
/// part of a printable character.
void print(const json::value& value);

/// The text of a member, with "\xXX" for bytes that do not print; empty if it is null or missing.
std::string text_of(const json::object& object, std::string_view member);

}  // namespace afplug::command
