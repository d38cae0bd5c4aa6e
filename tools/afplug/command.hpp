// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What the subcommands share.
#pragma once

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

namespace CLI {
class App;
}

namespace afplug::command {

/// Exit codes.
enum exit_code : int { success = 0, negative = 1, usage = 2, undecided = 3 };

/// Ends the command: the sentence goes to stderr.
class failure : public std::runtime_error {
 public:
  failure(exit_code code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
  exit_code code() const noexcept { return code_; }

 private:
  exit_code code_;
};

/// Arguments that every subcommand that asks plugins has.
struct common {
  bool json = false;
  double limit = 5;  ///< seconds that a plugin's code may take before it says its next word

  std::chrono::milliseconds patience() const { return std::chrono::milliseconds(static_cast<long>(limit * 1000)); }
};

/// One subcommand: `declare` adds its arguments to the parser and returns what runs once they are parsed.
struct subcommand {
  const char* name;
  const char* summary;
  const char* example;
  std::function<int()> (*declare)(CLI::App& app, const common& all);
  bool prints = true;  ///< takes --json
};

extern const subcommand families, caps, explain_one, options, constants, address_text, listen, connect, check_plugin,
    new_plugin;

}  // namespace afplug::command
