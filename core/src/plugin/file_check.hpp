// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What is checked of a plugin's file before it is mapped: type, owner, mode, directories, ELF headers and ELF note.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "elf_note.hpp"

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

/// Which owners of files and directories are accepted.
struct trust {
  uid_t user = 0;                      ///< the effective user
  gid_t group = 0;                     ///< its primary group
  bool privileged = false;             ///< setuid, setgid or with file capabilities
  std::optional<uid_t> library_owner;  ///< of libafplug's own file

  static trust of_process();
  bool owner(uid_t uid) const noexcept {
    return uid == 0 || uid == user || (!privileged && library_owner && uid == *library_owner);
  }
  /// Whether only the owner may write, or also the group if it is the user's primary one (as with a umask of 002).
  bool sealed(const struct ::stat& s) const noexcept {
    return (s.st_mode & S_IWOTH) == 0 && ((s.st_mode & S_IWGRP) == 0 || (!privileged && s.st_gid == group));
  }
};

struct file_check {
  inspection seen;          ///< with the result of the checks
  file_identity identity;   ///< where `opened`
  bool opened = false;      ///< a regular file that could be read
  int transient_error = 0;  ///< ENOMEM, EMFILE, ENFILE: transient, the file could not be checked
};

/// Passes `file`, which lies in the search directory `directory`, through the checked. Both absolute.
file_check check_file(const std::filesystem::path& file, const std::filesystem::path& directory, const trust& who);

/// Whether an errno is of a lack of resources, and not of the file.
bool is_transient(int error) noexcept;

/// The environment variable, or null in a privileged process.
const char* safe_environment(const char* name) noexcept;

/// libafplug's own file, or the program's where it is linked in; empty where that cannot be found out.
const std::filesystem::path& own_file();

}  // namespace afplug::detail
