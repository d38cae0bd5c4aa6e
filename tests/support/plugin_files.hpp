// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Plugin files for tests: a folder of the test's own, and what tests/bad_plugins built to put into it.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "descriptors.hpp"
#include "scratch.hpp"

namespace afplug::testing_support {

/// A plugin that tests/bad_plugins built.
inline fs::path built(std::string_view name) { return fs::path(AFPLUG_BAD_PLUGINS) / (std::string(name) + ".so"); }

/// Puts a built plugin into a folder, with mode 0644, and says where.
inline fs::path put(std::string_view name, const fs::path& folder, std::string_view as = {}) {
  const auto to = folder / (std::string(as.empty() ? name : as) + ".so");
  fs::copy_file(built(name), to, fs::copy_options::overwrite_existing);
  ::chmod(to.c_str(), 0644);
  return to;
}

using bytes = std::vector<std::byte>;

inline bytes read_bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

inline fs::path write_bytes(const fs::path& file, const bytes& content) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  ::chmod(file.c_str(), 0644);
  return file;
}

}  // namespace afplug::testing_support
