// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What is checked of a plugin's file before it is mapped: type, who may change it (path_check.hpp), ELF headers and ELF
// note (elf_note.hpp), and the libraries that it needs.
#pragma once

#include <sys/stat.h>

#include <afplug/inspect.hpp>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "file_descriptor.hpp"
#include "path_check.hpp"

namespace afplug::detail {

/// Identifies a file and a version of its content.
struct file_identity {
  std::uint64_t device = 0, inode = 0;
  std::int64_t size = 0, modified_s = 0, modified_ns = 0, changed_s = 0, changed_ns = 0;

  bool same_file(const file_identity& other) const noexcept { return device == other.device && inode == other.inode; }
  /// The same file with the same content; its mode, owner or count of links may have changed.
  bool same_content(const file_identity& o) const noexcept {
    return same_file(o) && size == o.size && modified_s == o.modified_s && modified_ns == o.modified_ns;
  }
  friend bool operator==(const file_identity&, const file_identity&) = default;
};
file_identity identity_of(const struct ::stat& s) noexcept;
/// Of the file that a path resolves to; empty: stat(2) failed.
std::optional<file_identity> identity_of(const std::filesystem::path& path) noexcept;

struct file_check {
  inspection seen;                 ///< with the result of the checks
  std::filesystem::path resolved;  ///< where acceptable: its path without links, which nobody else can change
  file_identity identity;          ///< where `opened`
  bool opened = false;             ///< a regular file that could be read
  int transient_error = 0;         ///< ENOMEM, EMFILE, ENFILE: transient, the file could not be checked
};

/// Checks `file`, which lies in the search directory `directory`. Both absolute. `keep` gets the descriptor of an
/// acceptable file.
file_check check_file(const std::filesystem::path& file, const std::filesystem::path& directory, const trust& who,
                      file_descriptor* keep = nullptr);

/// Whether an errno is of a lack of resources, and not of the file.
bool is_transient(int error) noexcept;

/// The environment variable, or null in a privileged process.
const char* safe_environment(const char* name) noexcept;

/// libafplug's own file, or the program's where it is linked in; empty where that cannot be found out.
const std::filesystem::path& own_file();

}  // namespace afplug::detail
