// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <unistd.h>
#include <afplug/log.hpp>
#include <afplug/plugin/encoding.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>

#include "no_cancellation.hpp"

namespace afplug {
namespace {

constexpr std::string_view level_names[] = {"debug", "info", "warning", "error"};

void write_to_stderr(log_level level, std::string_view source, std::string_view text) {
  const char* wanted = ::secure_getenv("AFPLUG_LOG");
  if (!wanted) return;
  const auto* named = std::find(std::begin(level_names), std::end(level_names), std::string_view(wanted));
  const auto least = named == std::end(level_names) ? log_level::warning : static_cast<log_level>(named - level_names);
  if (level < least) return;
  std::string line;
  line.append(source).append(": ").append(level_names[static_cast<int>(level)]).append(": ").append(text).append("\n");
  // One write(2) a line keeps the lines of several threads apart. A failure has nowhere to be reported.
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

std::atomic<log_sink> current{&write_to_stderr};

constexpr std::size_t longest_line = 2048;

}  // namespace

log_sink set_log_sink(log_sink sink) noexcept {
  const auto before = current.exchange(sink ? sink : &write_to_stderr);
  return before == &write_to_stderr ? nullptr : before;
}

void log(log_level level, std::string_view source, std::string_view text) noexcept {
  const detail::no_cancellation here;
  try {
    const auto known = std::clamp(level, log_level::debug, log_level::error);
    current.load()(known, plugin::excerpt(source, plugin::quoted_bytes), plugin::excerpt(text, longest_line));
  } catch (...) {
    return;
  }
}

}  // namespace afplug
