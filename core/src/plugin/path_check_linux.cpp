// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "path_check.hpp"

#include <endian.h>
#include <grp.h>
#include <limits.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <pwd.h>
#include <sys/auxv.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <afplug/plugin/encoding.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <set>
#include <system_error>
#include <vector>

#include "file_check.hpp"

namespace afplug::detail {
namespace {

constexpr int links_max = 40;  // as the kernel's MAXSYMLINKS
constexpr std::size_t database_line_max = 1 << 16;
constexpr const char* access_acl = "system.posix_acl_access";
constexpr const char* default_acl = "system.posix_acl_default";
constexpr char untrusted_owner[] = ", not root, the user of this process or the owner of libafplug";

std::string message(int error) { return std::generic_category().message(error); }

std::string octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

std::string quoted(const std::string& path) { return plugin::excerpt(path, PATH_MAX); }

// An access control list, acl(5), as the extended attribute has it. Empty: there is none.
struct access_list {
  std::vector<posix_acl_xattr_entry> entries;
  int error = 0;
};

access_list read_acl(const std::string& path, const char* attribute) {
  access_list out;
  std::vector<char> raw(64);
  auto size = ::lgetxattr(path.c_str(), attribute, raw.data(), raw.size());
  if (size < 0 && errno == ERANGE) {
    raw.resize(XATTR_SIZE_MAX);
    size = ::lgetxattr(path.c_str(), attribute, raw.data(), raw.size());
  }
  if (size < 0) {
    if (errno != ENODATA && errno != ENOTSUP) out.error = errno;
    return out;
  }
  const auto length = static_cast<std::size_t>(size);
  posix_acl_xattr_header header{};
  if (length >= sizeof header) std::memcpy(&header, raw.data(), sizeof header);
  if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION) {
    out.error = EPROTO;
    return out;
  }
  out.entries.resize((length - sizeof header) / sizeof(posix_acl_xattr_entry));
  std::memcpy(out.entries.data(), raw.data() + sizeof header, out.entries.size() * sizeof(posix_acl_xattr_entry));
  return out;
}

refusal not_found(const std::string& path, int error) {
  return {"not-found", quoted(path) + ": " + message(error), error};
}

struct close_file {
  void operator()(std::FILE* f) const noexcept { std::fclose(f); }
};
using stream = std::unique_ptr<std::FILE, close_file>;

}  // namespace

trust trust::of_process() {
  trust out;
  out.user_ = ::geteuid();
  out.privileged_ = ::getauxval(AT_SECURE) != 0;
  struct ::stat s {};
  const auto owner_of = [&](const char* path) {
    if (::stat(path, &s) == 0) return std::optional(s.st_uid);
    if (is_transient(errno)) throw std::bad_alloc();
    return std::optional<uid_t>();
  };
  if (!own_file().empty()) out.library_owner_ = owner_of(own_file().c_str());
  out.root_owner_ = owner_of("/");
  return out;
}

bool trust::contains_library(const std::string& directory) const noexcept {
  const auto& file = own_file().native();
  return !privileged_ && file.size() > directory.size() && file.starts_with(directory) &&
         (directory == "/" || file[directory.size()] == '/');
}

// Reads the files and not the name service, which could block, load libraries, and call back.
bool trust::private_group(uid_t user, gid_t group) const {
  const auto [known, added] = private_groups_.try_emplace({user, group}, false);
  if (!added) return known->second;
  const stream users(std::fopen("/etc/passwd", "re")), groups(std::fopen("/etc/group", "re"));
  if ((!users || !groups) && is_transient(errno)) throw std::bad_alloc();
  if (!users || !groups) return false;
  std::vector<char> buffer(database_line_max);
  std::set<std::string, std::less<>> names;
  passwd user_entry{}, *u = nullptr;
  int error = 0;
  while ((error = ::fgetpwent_r(users.get(), &user_entry, buffer.data(), buffer.size(), &u)) == 0) {
    if (u->pw_gid == group && u->pw_uid != user) return false;
    if (u->pw_gid == group) names.insert(u->pw_name);
  }
  if (error != ENOENT || names.empty()) return false;
  ::group group_entry{}, *g = nullptr;
  while ((error = ::fgetgrent_r(groups.get(), &group_entry, buffer.data(), buffer.size(), &g)) == 0)
    if (g->gr_gid == group)
      for (char** member = g->gr_mem; *member; ++member)
        if (!names.contains(*member)) return false;
  return known->second = error == ENOENT;
}

std::string trust::other_writers(const std::string& path, const struct ::stat& s) const {
  const auto lets = [](const std::string& what, const std::string& whom, const char* remedy) {
    return what + " lets " + whom + " write to it: " + remedy;
  };
  const std::string mode = "its mode " + octal(s.st_mode), group = "group " + std::to_string(s.st_gid);
  if (s.st_mode & S_IWOTH) return lets(mode, "all users", "chmod go-w it");
  bool has_access_list = false;
  for (const char* attribute : {access_acl, default_acl}) {
    const bool inherited = attribute == default_acl;
    if (inherited && !S_ISDIR(s.st_mode)) continue;
    const auto acl = read_acl(path, attribute);
    if (is_transient(acl.error)) throw std::bad_alloc();
    if (acl.error != 0) return "its access control list cannot be read: " + message(acl.error);
    if (!inherited) has_access_list = !acl.entries.empty();
    const auto masked = std::any_of(acl.entries.begin(), acl.entries.end(), [](const posix_acl_xattr_entry& e) {
      return le16toh(e.e_tag) == ACL_MASK && (le16toh(e.e_perm) & ACL_WRITE) == 0;
    });
    const std::string list = inherited ? "its default ACL, which new files get," : "its ACL";
    for (const auto& e : acl.entries) {
      const auto tag = le16toh(e.e_tag);
      const auto id = le32toh(e.e_id);
      if ((le16toh(e.e_perm) & ACL_WRITE) == 0 || (masked && tag != ACL_OTHER)) continue;
      if (tag == ACL_USER && !owner(id)) return lets(list, "user " + std::to_string(id), "setfacl -bk it");
      if (tag == ACL_GROUP && id != s.st_gid) return lets(list, "group " + std::to_string(id), "setfacl -bk it");
      if (tag == ACL_OTHER) return lets(list, "all users", "setfacl -bk it");
      if ((tag == ACL_GROUP_OBJ || tag == ACL_GROUP) && (privileged_ || !private_group(s.st_uid, s.st_gid)))
        return lets(list, group, "setfacl -bk it");
    }
  }
  // Where there is an ACL, the group's bits are the mask of its entries.
  if ((s.st_mode & S_IWGRP) == 0 || has_access_list) return {};
  if (privileged_) return lets(mode, group, "chmod go-w it");
  if (private_group(s.st_uid, s.st_gid)) return {};
  return lets(mode, group + ", which is not the private group of its owner,", "chmod go-w it");
}

std::optional<refusal> path_walk::enter_search_directory(const std::string& path) {
  if (auto refused = resolve(path)) return refused;
  top_ = at_;
  return check_directory(at_, status_, false);
}

std::optional<refusal> path_walk::resolve(const std::string& path) {
  pending_.clear();
  push_front(path);
  at_ = top_;
  if (path.front() == '/')
    if (auto refused = enter_root()) return refused;
  for (int links = 0; !pending_.empty();) {
    const std::string name = std::move(pending_.front());
    pending_.pop_front();
    if (name == ".") continue;
    if (name == "..") {  // was checked on the way down
      at_ = at_.substr(0, std::max<std::size_t>(at_.rfind('/'), 1));
      if (::lstat(at_.c_str(), &status_) != 0) return not_found(at_, errno);
      continue;
    }
    const std::string next = at_ == "/" ? "/" + name : at_ + "/" + name;
    struct ::stat s {};
    if (::lstat(next.c_str(), &s) != 0) return not_found(next, errno);
    if (S_ISLNK(s.st_mode)) {
      if (++links > links_max) return not_found(next, ELOOP);
      if (auto refused = follow(next, s)) return refused;
      continue;
    }
    if (S_ISDIR(s.st_mode)) {
      if (auto refused = check_directory(next, s, !in_search_directory(next))) return refused;
    } else if (!pending_.empty()) {
      return not_found(next, ENOTDIR);
    }
    at_ = next;
    status_ = s;
  }
  return std::nullopt;
}

std::optional<refusal> path_walk::check_no_other_writer() {
  if (!S_ISDIR(status_.st_mode)) return not_found(at_, ENOTDIR);
  return check_directory(at_, status_, false);
}

std::optional<refusal> path_walk::enter_root() {
  at_.assign(1, '/');
  if (::lstat("/", &status_) != 0) return not_found("/", errno);
  return check_directory(at_, status_, true);
}

std::optional<refusal> path_walk::follow(const std::string& link, const struct ::stat& s) {
  if (!accepts_owner(link, s.st_uid))
    return refusal{"link-owner",
                   "link " + quoted(link) + ": its owner is user " + std::to_string(s.st_uid) + untrusted_owner};
  char target[PATH_MAX];
  const auto n = ::readlink(link.c_str(), target, sizeof target);
  if (n <= 0 || n == sizeof target) return not_found(link, n < 0 ? errno : ENAMETOOLONG);
  push_front({target, static_cast<std::size_t>(n)});
  return target[0] == '/' ? enter_root() : std::nullopt;
}

void path_walk::push_front(std::string_view path) {
  std::deque<std::string> parts;
  for (std::size_t begin = 0; begin < path.size();) {
    const auto slash = std::min(path.find('/', begin), path.size());
    if (slash != begin) parts.emplace_back(path.substr(begin, slash - begin));
    begin = slash + 1;
  }
  pending_.insert(pending_.begin(), parts.begin(), parts.end());
}

std::optional<refusal> path_walk::check_directory(const std::string& path, const struct ::stat& s,
                                                  bool sticky_will_do) const {
  if (sticky_will_do && who_.contains_library(path)) return std::nullopt;
  if (!accepts_owner(path, s.st_uid))
    return refusal{"directory-owner",
                   "directory " + quoted(path) + ": its owner is user " + std::to_string(s.st_uid) + untrusted_owner};
  // In a sticky directory only the owner of a file can replace it.
  if (sticky_will_do && (s.st_mode & S_ISVTX)) return std::nullopt;
  if (const auto why = who_.other_writers(path, s); !why.empty())
    return refusal{"directory-writable", "directory " + quoted(path) + ": " + why};
  return std::nullopt;
}

bool path_walk::accepts_owner(const std::string& path, uid_t uid) const noexcept {
  return in_search_directory(path) ? who_.owner(uid) : who_.owner_above(uid);
}

bool path_walk::in_search_directory(const std::string& path) const noexcept {
  return !top_.empty() &&
         (top_ == "/" || (path.starts_with(top_) && (path.size() == top_.size() || path[top_.size()] == '/')));
}

std::optional<refusal> check_file_rights(const std::string& path, const struct ::stat& s, const trust& who) {
  if (!who.owner(s.st_uid)) return refusal{"owner", "its owner is user " + std::to_string(s.st_uid) + untrusted_owner};
  if (const auto why = who.other_writers(path, s); !why.empty()) return refusal{"writable", why};
  return std::nullopt;
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? real.get() : std::string();
}

}  // namespace afplug::detail
