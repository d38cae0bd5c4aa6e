// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <unistd.h>

#include <utility>

#include "no_cancellation.hpp"

namespace afplug::detail {

/// Owns a file descriptor, and closes it.
class file_descriptor {
 public:
  explicit file_descriptor(int fd = -1) noexcept : fd_(fd) {}
  file_descriptor(file_descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept { return std::swap(fd_, other.fd_), *this; }
  ~file_descriptor() {
    const no_cancellation here;
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }  ///< below 0: none

 private:
  int fd_;
};

}  // namespace afplug::detail
