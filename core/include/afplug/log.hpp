// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Where the words go that nobody asked for: a plugin that was refused or exports too much, and what plugins say
// themselves.
#pragma once

#include <afplug/config.hpp>
#include <string_view>

namespace afplug {

/// How much a line matters, in the numbers of afplug_host.log.
enum class log_level {
  debug = 0,    ///< what was found and loaded
  info = 1,     ///< what a plugin reports
  warning = 2,  ///< something to mend that did not stop anything
  error = 3     ///< a plugin that was refused
};

/// Takes one line without its newline: `source` is a plugin's provider, or "afplug"; `text` holds no control
/// characters. Both views end with the call. Called from any thread, several at once, and possibly while a plugin is
/// being loaded: it must not ask the registry for a family.
using log_sink = void (*)(log_level level, std::string_view source, std::string_view text);

/// Sets the process-wide sink and returns the one before; null: the default. The default writes to stderr when
/// AFPLUG_LOG is set (to a level's name, the least that is shown; anything else means `warning`) and nothing otherwise,
/// nor ever in a privileged process. Any thread may call it.
AFPLUG_API log_sink set_log_sink(log_sink sink) noexcept;

/// Sends a line to the sink; control characters in it become spaces. Any thread may call it. Never throws.
AFPLUG_API void log(log_level level, std::string_view source, std::string_view text) noexcept;

}  // namespace afplug
