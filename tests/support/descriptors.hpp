// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The file descriptors of this process.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>

namespace afplug::testing_support {

/// The open descriptors and what each refers to, as /proc/self/fd has it: "socket:[4711]".
inline std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> open;
  DIR* d = ::opendir("/proc/self/fd");
  if (!d) throw std::runtime_error("cannot read /proc/self/fd");
  while (const dirent* e = ::readdir(d)) {
    const int fd = std::atoi(e->d_name);
    if (e->d_name[0] == '.' || fd == ::dirfd(d)) continue;
    char target[256];
    const auto n = ::readlinkat(::dirfd(d), e->d_name, target, sizeof target);
    open[fd] = std::string(target, n > 0 ? static_cast<std::size_t>(n) : 0);
  }
  ::closedir(d);
  return open;
}

inline std::size_t open_descriptor_count() { return open_descriptors().size(); }

inline bool close_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

inline bool non_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

}  // namespace afplug::testing_support
