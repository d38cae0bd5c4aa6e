// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "file_check.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <unistd.h>
#include <afplug/plugin/encoding.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "split.hpp"

namespace afplug::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t libraries_max = 64;  // that one plugin needs, directly or indirectly, in its own search paths

std::string message(int error) { return std::generic_category().message(error); }

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

// Checks what the dynamic linker will load together with a plugin: nobody else may be able to change a library, or a
// directory in which it is searched, that the plugin itself names. Libraries that the dynamic linker finds by its
// configuration (ld.so.cache, LD_LIBRARY_PATH, system directories) are trusted as those of the program are.
class dependency_check {
 public:
  dependency_check(const trust& who, inspection& out) : who_(who), out_(out) {}

  /// `object` is the path without links of the plugin or of a library that it needs.
  std::optional<refusal> check(const std::string& object, const note_result& read) {
    const std::string origin = object.substr(0, std::max<std::size_t>(object.rfind('/'), 1));
    const std::string of = checked_.empty() ? "" : " of " + object;
    checked_.insert(object);
    const auto refused = [&](const library_reference& reference, const std::string& text, const std::string& why) {
      return refusal{"dependency", std::string(reference.tag) + " " + plugin::quote(text) + of + ": " + why, error_};
    };
    for (const auto& reference : read.search_paths)
      for (const auto& entry : split(reference.text, ':')) {
        std::string directory;
        auto why = expand(entry, origin, directory);
        if (why.empty()) why = check_directory(directory);
        if (!why.empty()) return refused(reference, entry, why);
      }
    for (const auto& reference : read.libraries) {
      const bool is_path = reference.text.find('/') != std::string::npos;
      out_.libraries.push_back(reference.text);
      std::vector<std::string> candidates;
      if (is_path) {
        if (auto why = expand(reference.text, origin, candidates.emplace_back()); !why.empty())
          return refused(reference, reference.text, why);
      } else {
        for (const auto& directory : out_.library_path) candidates.push_back(directory.native() + "/" + reference.text);
      }
      for (const auto& candidate : candidates) {
        std::optional<refusal> nested;
        if (auto why = check_library(candidate, nested); !why.empty()) return refused(reference, reference.text, why);
        if (nested) return nested;
      }
    }
    return std::nullopt;
  }

 private:
  // Replaces $ORIGIN as the dynamic linker does, ld.so(8). Returns what is wrong.
  static std::string expand(const std::string& text, const std::string& origin, std::string& out) {
    out = text;
    for (const std::string_view token : {"$ORIGIN", "${ORIGIN}"})
      for (std::size_t at; (at = out.find(token)) != std::string::npos;) out.replace(at, token.size(), origin);
    if (out.find('$') != std::string::npos)
      return "only $ORIGIN can be checked in it; link the plugin without $LIB and the like";
    if (!out.starts_with('/'))
      return "it is relative, so the dynamic linker would use the current directory; write $ORIGIN or an absolute path";
    return {};
  }

  std::string text_of(const refusal& refused) {
    error_ = refused.error;
    return refused.text;
  }

  std::string check_directory(const std::string& directory) {
    path_walk walk(who_);
    auto refused = walk.resolve(directory);
    if (refused && refused->error != ENOENT) return text_of(*refused);
    refused = walk.check_no_other_writer();
    if (refused) return text_of(*refused);
    out_.library_path.emplace_back(directory);
    return {};
  }

  // Checks a library where it exists, and what it needs itself.
  std::string check_library(const std::string& path, std::optional<refusal>& nested) {
    path_walk walk(who_);
    auto refused = walk.resolve(path);
    if (refused && refused->error == ENOENT) {
      refused = walk.check_no_other_writer();
      return refused ? text_of(*refused) : "";
    }
    if (!refused && S_ISREG(walk.status().st_mode)) refused = check_file_rights(walk.path(), walk.status(), who_);
    if (refused) return path + ": " + text_of(*refused);
    if (!S_ISREG(walk.status().st_mode) || checked_.contains(walk.path())) return {};
    if (checked_.size() > libraries_max) return "it needs more than " + std::to_string(libraries_max) + " libraries";
    const file_descriptor fd(::open(walk.path().c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW));
    if (fd.get() < 0) return path + ": " + text_of(refusal{{}, message(errno), errno});
    open_file source(fd.get(), static_cast<std::uint64_t>(walk.status().st_size));
    const auto read = read_library(source);
    if (read.refused) return path + ": " + text_of(*read.refused);
    nested = check(walk.path(), read);
    return {};
  }

  const trust& who_;
  inspection& out_;
  std::set<std::string> checked_;
  int error_ = 0;  ///< of what failed last
};

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

file_check check_file(const fs::path& file, const fs::path& directory, const trust& who, file_descriptor* keep) {
  file_check out;
  out.seen.path = file;
  const auto refuse = [&](const std::optional<refusal>& why) {
    if (!why || !out.seen.code.empty()) return;
    out.seen.code = why->code;
    if (is_transient(why->error)) out.transient_error = why->error;
    out.seen.reason = file.string() + ": " + why->text;
  };
  const auto failed = [&](int error) { refuse(refusal{"not-found", message(error), error}); };

  path_walk walk(who);
  auto refused = walk.enter_search_directory(directory.native());
  if (!refused) refused = walk.resolve(file.filename().native());
  if (refused && refused->error != 0) return refuse(refused), out;
  struct ::stat s = walk.status();
  if (refused && ::stat(file.c_str(), &s) != 0) return refuse(refused), out;
  // Opening a device can have side effects: check the type before open(2), and again on the descriptor.
  const auto not_regular = [&] {
    return refusal{"not-regular", std::string("it is ") + kind_of(s.st_mode) + ", not a regular file"};
  };
  if (!S_ISREG(s.st_mode)) return refuse(not_regular()), out;
  // The ELF note is read from refused files too, so that errors can name the family.
  const char* path = refused ? file.c_str() : walk.path().c_str();
  file_descriptor fd(::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (refused ? 0 : O_NOFOLLOW)));
  if (fd.get() < 0 || ::fstat(fd.get(), &s) != 0) return failed(errno), out;
  if (!S_ISREG(s.st_mode)) return refuse(not_regular()), out;
  out.opened = true;
  out.identity = identity_of(s);

  refuse(refused);
  refuse(check_file_rights(path, s, who));
  if (!refused && !identity_of(walk.status()).same_file(out.identity))
    refuse(refusal{"changed-while-loading", "its path resolved to another file while it was checked"});
  open_file source(fd.get(), static_cast<std::uint64_t>(s.st_size));
  auto read = read_note(source);
  out.seen.note = std::move(read.note);
  refuse(read.refused);
  if (out.seen.code.empty()) refuse(dependency_check(who, out.seen).check(walk.path(), read));
  out.seen.acceptable = out.seen.code.empty();
  if (!out.seen.acceptable) return out;
  out.resolved = walk.path();
  if (keep) *keep = std::move(fd);
  return out;
}

bool is_transient(int error) noexcept { return error == ENOMEM || error == EMFILE || error == ENFILE; }

const char* safe_environment(const char* name) noexcept { return ::secure_getenv(name); }

const fs::path& own_file() {
  static const fs::path it = find_own_file();
  return it;
}

}  // namespace afplug::detail
