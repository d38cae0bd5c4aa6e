// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace afplug::testing_support {

namespace fs = std::filesystem;

/// A temporary directory with mode 0700. The destructor removes it and what is in it.
class temporary_directory {
 public:
  temporary_directory() {
    std::string name = (fs::temp_directory_path() / "afplug-test-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp: " + name);
    path_ = name;
  }
  ~temporary_directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  const fs::path& path() const noexcept { return path_; }
  fs::path operator/(std::string_view name) const { return path_ / name; }

  /// Creates a subdirectory with mode 0755, whatever the umask is.
  fs::path subdirectory(std::string_view name) const {
    auto p = path_ / name;
    fs::create_directories(p);
    ::chmod(p.c_str(), 0755);
    return p;
  }

 private:
  fs::path path_;
};

}  // namespace afplug::testing_support
