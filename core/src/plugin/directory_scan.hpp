// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What one look into the search directories found.
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

namespace afplug::detail {

/// A file that was found. Everything but the failure is immutable.
class found_file {
 public:
  found_file(file_check checked, std::filesystem::path directory)
      : check_(std::move(checked)), directory_(std::move(directory)) {}

  const std::filesystem::path& path() const noexcept { return check_.seen.path; }
  const std::filesystem::path& directory() const noexcept { return directory_; }
  const inspection& seen() const noexcept { return check_.seen; }
  const file_check& check() const noexcept { return check_; }
  /// The family as the note names it; null: it has none of that id, or nothing could be read.
  const note_family* names(std::string_view id) const noexcept;
  std::string_view provider() const noexcept {
    return check_.seen.note ? std::string_view(check_.seen.note->provider) : "";
  }
  /// The same file was found before, by this path.
  const found_file* duplicate_of = nullptr;

  /// Why it was refused when it was loaded: remembered until the next look.
  std::optional<refusal> failure() const;
  void fail(refusal why) const;

 private:
  file_check check_;
  std::filesystem::path directory_;
  mutable std::mutex mutex_;
  mutable std::optional<refusal> failure_;
};

struct directory_scan {
  std::vector<std::unique_ptr<found_file>> files;  ///< in search order
  int transient_error = 0;                         ///< it is incomplete, and not worth remembering

  /// The files that may be loaded for a family, in search order; with a provider's name only that provider's.
  std::vector<const found_file*> candidates(std::string_view id, std::string_view provider = {}) const;
  /// The families that claim a number, the one that answers for it first.
  std::vector<std::string> claims(int number) const;
  /// What was refused and would have been this family, by its note or by the file's name.
  std::vector<const found_file*> refused(std::string_view id) const;
};

/// Passes every *.so in the directories through the checked. Loads nothing.
std::shared_ptr<const directory_scan> scan(std::span<const std::filesystem::path> directories);

}  // namespace afplug::detail
