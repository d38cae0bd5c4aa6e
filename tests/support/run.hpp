// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace afplug::testing_support {

/// How a command ended, and what it wrote to stdout.
struct outcome {
  int code;  ///< its exit code; a signal's number negative
  std::string out;
};

/// Runs a line of shell.
inline outcome run(const std::string& line) {
  FILE* pipe = ::popen(line.c_str(), "re");
  if (!pipe) throw std::runtime_error("popen: " + line);
  outcome result{};
  for (int c; (c = std::fgetc(pipe)) != EOF;) result.out.push_back(static_cast<char>(c));
  const int status = ::pclose(pipe);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return result;
}

}  // namespace afplug::testing_support
