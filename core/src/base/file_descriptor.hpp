// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <unistd.h>

#include "no_cancellation.hpp"

namespace afplug::detail {

/// Owns a file descriptor, and closes it.
class file_descriptor {
 public:
  explicit file_descriptor(int fd) noexcept : fd_(fd) {}
  ~file_descriptor() {
    const no_cancellation here;
    if (fd_ >= 0) ::close(fd_);
  }
  file_descriptor(const file_descriptor&) = delete;
  file_descriptor& operator=(const file_descriptor&) = delete;
  int get() const noexcept { return fd_; }  ///< below 0: none

 private:
  int fd_;
};

}  // namespace afplug::detail
