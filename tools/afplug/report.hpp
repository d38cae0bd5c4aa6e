// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Verdicts and plugins as JSON and as text.
#pragma once

#include <afplug/family.hpp>
#include <afplug/registry.hpp>
#include <afplug/verdict.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "child_process.hpp"
#include "command.hpp"
#include "json.hpp"
#include "socket_spec.hpp"
#include "table.hpp"

namespace afplug::command {

/// {type, type_number, protocol, protocol_number, verdict, errno, reason, detail, remedy}. The first four are null if
/// `spec` is null.
json::object to_json(const verdict& v, const resolved_spec* spec = nullptr);

/// {path, version, provider}; null if there is no plugin.
json::value plugin_to_json(const family& f);
json::value plugin_to_json(const plugin_info* p);

/// The file that would be loaded for a family, from the ELF notes; else a refused file of the family; else null.
const plugin_info* find_plugin_file(std::string_view id, const std::vector<plugin_info>& plugins);

/// The verdict for a plugin whose process crashed or timed out. `activity`: "loading it", "checking CAN_RAW".
verdict process_failure(const child_process& process, const plugin_info* file, std::string_view id,
                        std::string_view reason, std::string_view activity);

/// Runs `body` with the loaded family in a child process and returns its result. Throws `failure` if the registry
/// refuses the plugin, `body` throws `failure` or `error`, or the process crashes or times out.
json::object query_family(std::string_view id, const common_options& common,
                          const std::function<json::object(const family&)>& body);

/// The colour of a verdict.
colour colour_of(std::string_view verdict_text);
/// Reason, detail and remedy in one line: "module-not-loaded: the kernel module can is not loaded → modprobe can".
std::string reason_text(const json::object& verdict_object);

/// The bytes in hexadecimal.
std::string hex(const void* data, std::size_t size);

}  // namespace afplug::command
