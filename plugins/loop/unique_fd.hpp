// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A file descriptor that is closed by its destructor.
#pragma once

#include <unistd.h>

#include <utility>

namespace loop {

class unique_fd {
 public:
  unique_fd() noexcept = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }  ///< -1: none
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// A duplicate with close-on-exec. Throws std::system_error EBADF, EMFILE.
unique_fd duplicate(int fd);

}  // namespace loop
