// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Log lines that do not belong to a call's error: plugins that were refused or export too many symbols, and what
// plugins log themselves.
#pragma once

#include <afplug/config.hpp>
#include <string_view>

namespace afplug {

/// The level of a log line; the numbers are those of afplug_host.log in plugin.h.
enum class log_level {
  debug = 0,    ///< which plugins were found and loaded
  info = 1,     ///< messages of plugins
  warning = 2,  ///< something to fix that did not stop anything
  error = 3     ///< a plugin that was refused
};

/// Receives one line without its newline. `source` is a plugin's provider, or "afplug"; `text` has at most 2048
/// bytes of the line, and "\xXX" for bytes that do not print. Both are valid until the sink returns. Called from any
/// thread, several at once, possibly while a plugin is being loaded: it must not ask the registry for a family.
using log_sink = void (*)(log_level level, std::string_view source, std::string_view text);

/// Sets the process-wide sink and returns the previous one; null: the default sink. The default sink writes to stderr
/// if the environment variable AFPLUG_LOG is set, to the name of the lowest level to write (other values mean
/// `warning`). It writes nothing in a privileged process (secure_getenv(3)). Any thread may call it.
AFPLUG_API log_sink set_log_sink(log_sink sink) noexcept;

/// Passes a line to the sink; bytes of it that are no printable characters become "\xXX". Any thread may call it.
/// Exceptions of the sink are ignored.
AFPLUG_API void log(log_level level, std::string_view source, std::string_view text) noexcept;

}  // namespace afplug
