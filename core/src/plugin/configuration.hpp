// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What the program and the environment configure of a registry.
#pragma once

#include <afplug/registry.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "directory_scan.hpp"

namespace afplug::detail {

/// Search directories in order, each once.
class search_path {
 public:
  void add(std::filesystem::path directory, bool expected);
  void add(const search_path& other);
  const std::vector<search_directory>& list() const noexcept { return list_; }

 private:
  std::vector<search_directory> list_;
  std::unordered_set<std::string> known_;
};

struct configuration {
  using family_ids = std::optional<std::set<std::string, std::less<>>>;  ///< empty: all families

  search_path own, others;  ///< the directories of the program, and those that are searched after them
  std::vector<std::pair<std::string, std::string>> providers;  ///< preferred (family, provider)
  family_ids allowed, allowed_by_environment;
  std::vector<std::string> warnings;  ///< ignored entries of the environment

  /// Reads AFPLUG_PATH, AFPLUG_PROVIDER and AFPLUG_FAMILIES too, if `options` has them used. Throws
  /// errc::invalid_argument for malformed options.
  explicit configuration(const registry_options& options);

  /// All search directories.
  search_path all() const;
  /// The provider that was chosen for a family; empty: none.
  std::string_view chosen_provider(std::string_view id) const noexcept;
  /// Why the lists of allowed families exclude this one; empty: they do not.
  std::string not_allowed(std::string_view id) const;

 private:
  void read_environment();
};

/// Throws errc::invalid_argument for a search directory that is not absolute.
void require_absolute(const std::filesystem::path& directory);

}  // namespace afplug::detail
