// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <deque>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "file_check.hpp"
#include "file_descriptor.hpp"

namespace afplug::detail {
namespace {

namespace fs = std::filesystem;

constexpr int links_max = 40;

std::string message(int error) { return std::generic_category().message(error); }

refusal not_found(const std::string& subject, int error) {
  return {"not-found", (subject.empty() ? "" : subject + ": ") + message(error), error};
}

std::string octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

class open_file final : public byte_source {
 public:
  open_file(int fd, std::uint64_t size) noexcept : fd_(fd), size_(size) {}
  std::uint64_t size() const override { return size_; }
  int read_at(std::uint64_t offset, std::span<std::byte> out) override {
    while (!out.empty()) {
      const auto n = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno;
      if (n == 0) return EIO;  // truncated after fstat(2)
      out = out.subspan(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return 0;
  }

 private:
  int fd_;
  std::uint64_t size_;
};

const char* kind_of(mode_t mode) noexcept {
  const std::pair<mode_t, const char*> kinds[] = {{S_IFDIR, "a directory"},
                                                  {S_IFIFO, "a FIFO"},
                                                  {S_IFSOCK, "a socket"},
                                                  {S_IFCHR, "a character device"},
                                                  {S_IFBLK, "a block device"}};
  for (const auto& [kind, name] : kinds)
    if ((mode & S_IFMT) == kind) return name;
  return "not a regular file";
}

std::optional<refusal> check_directory(const std::string& path, const struct ::stat& s, const trust& who,
                                       bool sticky_will_do) {
  if (!who.owner(s.st_uid))
    return refusal{"directory-owner", "directory " + path + ": its owner is user " + std::to_string(s.st_uid) +
                                          ", not root, the user of this process or the owner of libafplug"};
  // In a sticky directory only the owner of a file can replace it.
  if (!who.sealed(s) && !(sticky_will_do && (s.st_mode & S_ISVTX)))
    return refusal{"directory-writable", "directory " + path + ": its mode is " + octal(s.st_mode) +
                                             ", so others may write to it: chmod go-w it"};
  return std::nullopt;
}

/// Resolves a path as the kernel does, and checks every directory on the way. Directories above the search directory
/// are not checked.
class path_walk {
 public:
  path_walk(std::string top, const trust& who) : top_(std::move(top)), who_(who) {}

  std::optional<refusal> check(const std::string& file_name, struct ::stat& end) {
    if (auto refused = enter(top_)) return refused;
    pending_.push_back(file_name);
    int links = 0;
    while (!pending_.empty()) {
      const std::string name = std::move(pending_.front());
      pending_.pop_front();
      if (name.empty() || name == ".") continue;
      if (name == "..") {
        const auto slash = at_.rfind('/');
        if (auto refused = enter(slash == 0 ? "/" : at_.substr(0, slash))) return refused;
        continue;
      }
      const std::string next = at_ == "/" ? "/" + name : at_ + "/" + name;
      if (::lstat(next.c_str(), &end) != 0) return not_found(next, errno);
      if (S_ISLNK(end.st_mode)) {
        if (++links > links_max) return not_found(next, ELOOP);
        if (auto refused = follow(next)) return refused;
      } else if (!pending_.empty()) {
        if (auto refused = enter(next)) return refused;
      }
    }
    return std::nullopt;
  }

 private:
  std::optional<refusal> enter(const std::string& directory) {
    at_ = directory;
    const bool above_top =
        top_.size() > at_.size() && top_.compare(0, at_.size(), at_) == 0 && (at_ == "/" || top_[at_.size()] == '/');
    if (above_top) return std::nullopt;
    const bool within_top = top_ == "/" || at_ == top_ || at_.compare(0, top_.size() + 1, top_ + "/") == 0;
    struct ::stat s {};
    if (::stat(at_.c_str(), &s) != 0) {
      const int error = errno;
      return not_found("directory " + at_, error);
    }
    return check_directory(at_, s, who_, !within_top);
  }

  std::optional<refusal> follow(const std::string& link) {
    char target[PATH_MAX];
    const auto n = ::readlink(link.c_str(), target, sizeof target);
    if (n <= 0 || n == sizeof target) return not_found(link, n < 0 ? errno : ENAMETOOLONG);
    std::string text(target, static_cast<std::size_t>(n));
    std::deque<std::string> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
      const auto slash = std::min(text.find('/', begin), text.size());
      parts.push_back(text.substr(begin, slash - begin));
      begin = slash + 1;
    }
    pending_.insert(pending_.begin(), parts.begin(), parts.end());
    return text.front() == '/' ? enter("/") : std::nullopt;
  }

  const std::string top_;
  const trust& who_;
  std::string at_;
  std::deque<std::string> pending_;
};

std::string real_path(const fs::path& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? real.get() : std::string();
}

std::optional<refusal> check_file(const struct ::stat& s, const trust& who) {
  if (!who.owner(s.st_uid))
    return refusal{"owner", "its owner is user " + std::to_string(s.st_uid) +
                                ", not root, the user of this process or the owner of libafplug"};
  if (!who.sealed(s))
    return refusal{"writable", "its mode is " + octal(s.st_mode) + ", so others may write to it: chmod go-w it"};
  return std::nullopt;
}

std::optional<refusal> check_path(const fs::path& file, const fs::path& directory, const struct ::stat& opened,
                                  const trust& who) {
  const std::string top = real_path(directory);
  const int error = errno;
  if (top.empty()) return not_found("directory " + directory.string(), error);
  struct ::stat end {};
  if (auto refused = path_walk(top, who).check(file.filename().string(), end)) return refused;
  if (!identity_of(end).same_file(identity_of(opened)))
    return refusal{"changed-while-loading", "its path resolved to another file while it was checked"};
  return std::nullopt;
}

fs::path find_own_file() {
  Dl_info info{};
  link_map* map = nullptr;
  // The address of any function of this library identifies the library's file.
  if (::dladdr1(reinterpret_cast<void*>(&own_file), &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0 ||
      !map)
    return {};
  fs::path file = real_path(map->l_name && *map->l_name ? map->l_name : "/proc/self/exe");
  if (file.empty() && is_transient(errno)) throw std::bad_alloc();
  return file;
}

}  // namespace

file_identity identity_of(const struct ::stat& s) noexcept {
  return {s.st_dev, s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec, s.st_ctim.tv_sec, s.st_ctim.tv_nsec};
}

std::optional<file_identity> identity_of(const fs::path& path) noexcept {
  struct ::stat s {};
  if (::stat(path.c_str(), &s) != 0) return std::nullopt;
  return identity_of(s);
}

trust trust::of_process() {
  trust out;
  out.user = ::geteuid();
  out.group = ::getegid();
  out.privileged = ::getauxval(AT_SECURE) != 0;
  struct ::stat s {};
  if (own_file().empty()) return out;
  if (::stat(own_file().c_str(), &s) == 0)
    out.library_owner = s.st_uid;
  else if (is_transient(errno))
    throw std::bad_alloc();
  return out;
}

file_check check_file(const fs::path& file, const fs::path& directory, const trust& who) {
  file_check out;
  out.seen.path = file;
  const auto refuse = [&](const std::optional<refusal>& why) {
    if (!why || !out.seen.code.empty()) return;
    out.seen.code = why->code;
    if (is_transient(why->error)) out.transient_error = why->error;
    out.seen.reason = file.string() + ": " + why->text;
  };
  const auto failed = [&](int error) { refuse(not_found({}, error)); };

  struct ::stat s {};
  if (::stat(file.c_str(), &s) != 0) return failed(errno), out;
  // Opening a device can have side effects: check the type before open(2), and again on the descriptor.
  const auto not_regular = [&] {
    return refusal{"not-regular", std::string("it is ") + kind_of(s.st_mode) + ", not a regular file"};
  };
  if (!S_ISREG(s.st_mode)) return refuse(not_regular()), out;
  const file_descriptor fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (fd.get() < 0 || ::fstat(fd.get(), &s) != 0) return failed(errno), out;
  if (!S_ISREG(s.st_mode)) return refuse(not_regular()), out;
  out.opened = true;
  out.identity = identity_of(s);

  refuse(check_file(s, who));
  refuse(check_path(file, directory, s, who));
  // The ELF note is read from refused files too, so that errors can name the family.
  open_file source(fd.get(), static_cast<std::uint64_t>(s.st_size));
  auto read = read_note(source);
  out.seen.note = std::move(read.note);
  refuse(read.refused);
  out.seen.acceptable = out.seen.code.empty();
  return out;
}

bool is_transient(int error) noexcept { return error == ENOMEM || error == EMFILE || error == ENFILE; }

const char* safe_environment(const char* name) noexcept { return ::secure_getenv(name); }

const fs::path& own_file() {
  static const fs::path it = find_own_file();
  return it;
}

}  // namespace afplug::detail
