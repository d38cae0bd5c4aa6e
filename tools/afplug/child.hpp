// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Plugins' code runs in a child process with a time limit: what crashes or hangs there costs an answer, not the
// command.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "json.hpp"

namespace afplug::command {

/// A child process that answers in JSON values, one after the other.
class child {
 public:
  using tell = std::function<void(const json::value&)>;

  /// Starts `body` in a child. Its stdin and stdout are nobody's, what it writes to stderr is kept for trouble().
  /// `patience` is how long each answer may take.
  child(const std::function<void(const tell&)>& body, std::chrono::milliseconds patience);
  ~child();  ///< kills it, and what it started
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  /// The next answer; none: it has ended, or was ended.
  std::optional<json::value> next();

  /// After next() gave none: how it came to an untimely end ("was ended by SIGSEGV", "did not answer within 5 s");
  /// empty: it had finished.
  const std::string& trouble() const noexcept { return trouble_; }
  /// It was ended by SIGSYS: a seccomp filter's doing.
  bool filtered() const noexcept { return filtered_; }

 private:
  void reap(bool hung);
  std::string last_words() const;

  pid_t pid_ = -1;
  int answers_ = -1, words_ = -1;
  std::chrono::milliseconds patience_;
  std::string buffer_, trouble_;
  bool filtered_ = false;
};

}  // namespace afplug::command
