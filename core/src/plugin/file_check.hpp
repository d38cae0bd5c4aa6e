// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The gate: everything that is asked of a plugin's file before it is mapped.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "elf_note.hpp"

namespace afplug::detail {

/// Which file it is, and in which state.
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
/// Of what a path leads to now; none when that cannot be said.
std::optional<file_identity> identity_of(const std::filesystem::path& path) noexcept;

/// Whose files and directories pass.
struct trust {
  uid_t user = 0;                      ///< the effective user
  gid_t group = 0;                     ///< its primary group
  bool privileged = false;             ///< setuid, setgid or with file capabilities
  std::optional<uid_t> library_owner;  ///< of libafplug's own file

  static trust of_process();
  bool owner(uid_t uid) const noexcept {
    return uid == 0 || uid == user || (!privileged && library_owner && uid == *library_owner);
  }
  /// Whether nobody else may write: not the world, and no group but the user's own (a umask of 002 makes it so).
  bool sealed(const struct ::stat& s) const noexcept {
    return (s.st_mode & S_IWOTH) == 0 && ((s.st_mode & S_IWGRP) == 0 || (!privileged && s.st_gid == group));
  }
};

struct file_check {
  inspection seen;          ///< with the verdict
  file_identity identity;   ///< where `opened`
  bool opened = false;      ///< a regular file that could be read
  int transient_error = 0;  ///< ENOMEM, EMFILE, ENFILE: nothing is known of the file, ask again later
};

/// Passes `file`, which lies in the search directory `directory`, through the checked. Both absolute.
file_check check_file(const std::filesystem::path& file, const std::filesystem::path& directory, const trust& who);

/// Errors that pass by themselves and say nothing about a file.
bool is_transient(int error) noexcept;

/// The environment variable, or null in a privileged process.
const char* safe_environment(const char* name) noexcept;

/// libafplug's own file, or the program's where it is linked in; empty where that cannot be found out.
const std::filesystem::path& own_file();

}  // namespace afplug::detail
