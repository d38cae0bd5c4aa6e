// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Who may change what a path refers to: owners, mode bits, access control lists and links of a file and of every
// directory from the root directory on.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "elf_note.hpp"

namespace afplug::detail {

/// Whose files and directories are accepted. For use by one thread.
class trust {
 public:
  static trust of_process();

  /// Root, the effective user and, unless the process is privileged, the owner of libafplug's own file.
  bool owner(uid_t uid) const noexcept {
    return uid == 0 || uid == user_ || (!privileged_ && library_owner_ && uid == *library_owner_);
  }
  /// The same for a directory above the search directory, where the owner of the root directory is accepted too: root
  /// has another number there in a user namespace that does not map it.
  bool owner_above(uid_t uid) const noexcept {
    return owner(uid) || (!privileged_ && root_owner_ && uid == *root_owner_);
  }
  /// Whether who can change this directory can replace libafplug itself.
  bool contains_library(const std::string& directory) const noexcept;

  /// Who else may write to a file or directory, as an error text; empty: nobody. Reads mode bits and ACLs. `path` must
  /// not be a link.
  std::string other_writers(const std::string& path, const struct ::stat& s) const;

 private:
  bool private_group(uid_t user, gid_t group) const;

  uid_t user_ = 0;
  bool privileged_ = false;  ///< setuid, setgid or with file capabilities
  std::optional<uid_t> library_owner_, root_owner_;
  mutable std::map<std::pair<uid_t, gid_t>, bool> private_groups_;
};

/// Resolves paths as the kernel does, from the root directory on, and checks each directory and link on the way, so
/// that nobody else can change what the resolved path refers to. Each check relies on those before it.
class path_walk {
 public:
  explicit path_walk(const trust& who) : who_(who) {}

  /// Resolves the search directory. In it and below it the checks are stricter than above it.
  std::optional<refusal> enter_search_directory(const std::string& path);
  /// Resolves a path, or a name in the search directory. The last component may be a file of any kind.
  std::optional<refusal> resolve(const std::string& path);
  /// Checks that nobody else can write to the directory that resolve() found, not even create files in it; after
  /// resolve() failed with ENOENT, to the last directory that exists.
  std::optional<refusal> check_no_other_writer();

  /// After resolve(): the path without links and dots, and lstat(2) of it.
  const std::string& path() const noexcept { return at_; }
  const struct ::stat& status() const noexcept { return status_; }

 private:
  std::optional<refusal> enter_root();
  std::optional<refusal> follow(const std::string& link, const struct ::stat& s);
  void push_front(std::string_view path);
  bool accepts_owner(const std::string& path, uid_t uid) const noexcept;
  std::optional<refusal> check_directory(const std::string& path, const struct ::stat& s, bool sticky_will_do) const;
  bool in_search_directory(const std::string& path) const noexcept;

  const trust& who_;
  std::string top_;  ///< the resolved search directory
  std::string at_;
  struct ::stat status_ {};
  std::deque<std::string> pending_;
};

/// Checks owner and writers of a file that a path_walk resolved.
std::optional<refusal> check_file_rights(const std::string& path, const struct ::stat& s, const trust& who);

/// The path without links; empty: realpath(3) failed.
std::string real_path(const std::string& path);

}  // namespace afplug::detail
