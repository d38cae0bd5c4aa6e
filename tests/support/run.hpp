// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace afplug::testing_support {

/// The result of a command.
struct command_result {
  int exit_code;    ///< or the negative number of the signal that ended it
  std::string out;  ///< what it wrote to stdout
};

/// Runs a shell command and waits for its end.
inline command_result run_command(const std::string& line) {
  FILE* pipe = ::popen(line.c_str(), "re");
  if (!pipe) throw std::runtime_error("popen: " + line);
  command_result result{};
  for (int c; (c = std::fgetc(pipe)) != EOF;) result.out.push_back(static_cast<char>(c));
  const int status = ::pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return result;
}

}  // namespace afplug::testing_support
