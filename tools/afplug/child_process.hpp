// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Runs plugin code in a child process with a time limit: a plugin that crashes or hangs costs one reply, not the whole
// command.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "json.hpp"

namespace afplug::command {

/// A child process that sends JSON values to the parent over a pipe.
class child_process {
 public:
  using reply_function = std::function<void(const json::value&)>;

  /// Forks and runs `body` in the child, with stdin and stdout on /dev/null and stderr kept for failure_text().
  /// `timeout` is the maximum time for each reply. Throws `failure` if no process can be started.
  child_process(const std::function<void(const reply_function&)>& body, std::chrono::milliseconds timeout);
  ~child_process();  ///< kills the child's process group
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  /// Waits for the next reply. Returns none if the child has finished, has died, or was killed because it timed out.
  std::optional<json::value> next();

  /// After next() returned none: how the child failed ("was killed by SIGSEGV", "did not reply within 5 s"), with the
  /// end of what it wrote to stderr; empty if it finished.
  const std::string& failure_text() const noexcept { return failure_text_; }
  /// True if SIGSYS killed the child: seccomp(2) filters with SECCOMP_RET_KILL_PROCESS do so.
  bool killed_by_seccomp() const noexcept { return killed_by_seccomp_; }

 private:
  void reap(bool timed_out);
  std::string stderr_tail() const;

  pid_t pid_ = -1;
  int replies_fd_ = -1, stderr_fd_ = -1;
  std::chrono::milliseconds timeout_;
  std::string buffer_, failure_text_;
  bool killed_by_seccomp_ = false;
};

}  // namespace afplug::command
