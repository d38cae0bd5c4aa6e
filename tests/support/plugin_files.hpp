// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The plugins of tests/bad_plugins: copies of their files, and registries that search nowhere else.
#pragma once

#include <sys/stat.h>

#include <afplug/registry.hpp>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "descriptors.hpp"
#include "temporary_directory.hpp"

namespace afplug::testing_support {

/// The file of a plugin that tests/bad_plugins built.
inline fs::path built_plugin(std::string_view name) {
  return fs::path(AFPLUG_BAD_PLUGINS) / (std::string(name) + ".so");
}

/// Copies a plugin of tests/bad_plugins to DIRECTORY/AS.so (AS: its own name) with mode 0644. Returns the new path.
inline fs::path copy_plugin(std::string_view name, const fs::path& directory, std::string_view as = {}) {
  const auto to = directory / (std::string(as.empty() ? name : as) + ".so");
  fs::copy_file(built_plugin(name), to, fs::copy_options::overwrite_existing);
  ::chmod(to.c_str(), 0644);
  return to;
}

/// Options of a registry that searches these directories and no others.
inline registry_options search_only(std::vector<fs::path> directories) {
  registry_options options;
  options.directories = std::move(directories);
  options.use_environment = false;
  options.use_install_directory = false;
  return options;
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
