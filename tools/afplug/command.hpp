// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Exit codes, errors and the common options of all subcommands.
#pragma once

#include <afplug/error.hpp>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace afplug::command {

/// Exit codes of the command. `unknown`: explain could not decide.
enum exit_code : int { success = 0, failed = 1, usage = 2, unknown = 3 };

/// Thrown to end the command: main() writes what() to stderr and exits with code().
class failure : public std::runtime_error {
 public:
  failure(exit_code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  exit_code code() const noexcept { return code_; }

 private:
  exit_code code_;
};

/// The error text: afplug's detail of the last error if there is one, else the message of `ec`.
inline std::string error_text(const error_code& ec) {
  const auto detail = last_detail();
  return detail.empty() ? ec.message() : std::string(detail);
}

/// Prints a line on stderr: "afplug: TEXT", with "\xXX" for bytes that are not part of a printable character.
void print_message(std::string_view text);

/// Options of every subcommand.
struct common_options {
  bool json = false;
  double limit = 5;  ///< seconds that a plugin's code may take for each reply

  std::chrono::milliseconds timeout() const { return std::chrono::milliseconds(static_cast<long>(limit * 1000)); }
};

/// One subcommand. `add_arguments` adds its arguments to the parser and returns the function to run after parsing.
struct subcommand {
  const char* name;
  const char* summary;
  const char* example;
  std::function<int()> (*add_arguments)(CLI::App& app, const common_options& common);
  bool has_json = true;  ///< takes --json
};

extern const subcommand families_command, caps_command, explain_command, options_command, constants_command,
    address_command, listen_command, connect_command, check_command, new_command;

}  // namespace afplug::command
