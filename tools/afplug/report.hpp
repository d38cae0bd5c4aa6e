// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Verdicts and plugins as they are told and printed.
#pragma once

#include <afplug/family.hpp>
#include <afplug/registry.hpp>
#include <afplug/verdict.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "child.hpp"
#include "command.hpp"
#include "json.hpp"
#include "spelling.hpp"
#include "table.hpp"

namespace afplug::command {

/// {type, type_number, protocol, protocol_number, verdict, errno, reason, detail, remedy}; without a choice the first
/// four are null.
json::object describe(const verdict& v, const choice* what = nullptr);

/// {path, version, provider}; null for no plugin.
json::value plugin_of(const family& f);
json::value plugin_of(const plugin_info* p);

/// The file that would be loaded for a family, from the notes alone; null: none.
const plugin_info* file_of(std::string_view id, const std::vector<plugin_info>& all);

/// The plugin's code crashed or hung: `doing` is "loading it", "checking CAN_RAW".
verdict blame(const child& dead, const plugin_info* file, std::string_view id, std::string_view reason,
              std::string_view doing);

/// Runs `body` with the loaded family in a child and gives back its one answer. Failures become this process's own: of
/// the registry, of the spelling, and a crash or hang with the file's name.
json::object ask(std::string_view id, const common& all, const std::function<json::object(const family&)>& body);

/// The colour of a verdict.
colour colour_of(std::string_view verdict_text);
/// "module-not-loaded: the kernel module can is not loaded → modprobe can".
std::string why(const json::object& verdict_object);

/// Numbers in hex as the sockaddr has them.
std::string hex(const void* data, std::size_t size);

}  // namespace afplug::command
