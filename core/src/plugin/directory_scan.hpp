// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The plugin files that one scan of the search directories found.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "file_check.hpp"
#include "fork_mutex.hpp"

namespace afplug::detail {

/// A file that was found. All but the failure is immutable.
class found_file {
 public:
  found_file(file_check checked, std::filesystem::path directory)
      : check_(std::move(checked)), directory_(std::move(directory)) {}

  const std::filesystem::path& path() const noexcept { return check_.seen.path; }
  const std::filesystem::path& directory() const noexcept { return directory_; }
  const inspection& seen() const noexcept { return check_.seen; }
  const file_check& check() const noexcept { return check_; }
  /// The family of that id in the ELF note; null: there is none, or the note could not be read.
  const note_family* names(std::string_view id) const noexcept;
  std::string_view provider() const noexcept {
    return check_.seen.note ? std::string_view(check_.seen.note->provider) : "";
  }
  /// The file under whose path the same inode was found before; null: none.
  const found_file* duplicate_of = nullptr;

  /// Why loading it failed; kept until the next scan.
  std::optional<refusal> failure() const;
  void failed(std::optional<refusal> why) const;  ///< empty: it was loaded after all

 private:
  file_check check_;
  std::filesystem::path directory_;
  mutable fork_mutex mutex_;
  mutable std::optional<refusal> failure_;
};

/// A directory to search for plugins.
struct search_directory {
  std::filesystem::path path;
  bool expected;  ///< it is reported if it does not exist
};

struct directory_scan {
  std::vector<std::unique_ptr<found_file>> files;  ///< in search order
  std::vector<std::string> warnings;               ///< directories that do not exist or could not be read
  int transient_error = 0;                         ///< an errno: the scan is incomplete and must be repeated

  /// The acceptable files that provide a family, in search order; with a provider's name only that provider's.
  std::vector<const found_file*> candidates(std::string_view id, std::string_view provider = {}) const;
  /// The families of a number, the primary one first.
  std::vector<std::string> claims(int number) const;
  /// Refused files that would provide the family, by their ELF note or by the file's name.
  std::vector<const found_file*> refused(std::string_view id) const;
  /// Refused files that may be plugins of any family, because their ELF note could not be read.
  std::vector<const found_file*> refused_without_note() const;
};

/// Passes every *.so in the directories through the file check. Loads nothing.
std::shared_ptr<const directory_scan> scan(std::span<const search_directory> directories);

}  // namespace afplug::detail
