// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "directory_scan.hpp"
#include "no_cancellation.hpp"

#include <afplug/plugin.h>
#include <dirent.h>
#include <afplug/plugin/encoding.hpp>

#include <algorithm>
#include <cerrno>
#include <map>
#include <system_error>
#include <utility>

namespace afplug::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view own_provider = "afplug";
constexpr std::size_t path_bytes = 256;  // shown of a path

struct close_directory {
  void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};

// Lists the *.so files, sorted by name. opendir(3) and not fs::directory_iterator, which calls std::terminate() if it
// cannot allocate memory.
std::vector<fs::path> shared_objects(const search_directory& directory, directory_scan& out) {
  std::vector<fs::path> found;
  const std::unique_ptr<DIR, close_directory> stream(::opendir(directory.path.c_str()));
  while (stream) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (!entry) break;
    if (const std::string_view name = entry->d_name; name.size() > 3 && name.ends_with(".so"))
      found.push_back(directory.path / name);
  }
  const int error = errno;
  if (is_transient(error)) out.transient_error = error;
  if (error != 0 && (error != ENOENT || directory.expected))
    out.warnings.push_back("search directory " + plugin::quote(directory.path.native(), path_bytes) + ": " +
                           std::generic_category().message(error));
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

const note_family* found_file::names(std::string_view id) const noexcept {
  if (!check_.seen.note) return nullptr;
  const auto& families = check_.seen.note->families;
  const auto it = std::find_if(families.begin(), families.end(), [id](const note_family& f) { return f.id == id; });
  return it == families.end() ? nullptr : &*it;
}

std::optional<refusal> found_file::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void found_file::failed(std::optional<refusal> why) const {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(why);
}

std::vector<const found_file*> directory_scan::candidates(std::string_view id, std::string_view provider) const {
  std::vector<const found_file*> out;
  for (const auto& f : files)
    if (f->seen().acceptable && !f->duplicate_of && f->names(id) && (provider.empty() || f->provider() == provider))
      out.push_back(f.get());
  return out;
}

std::vector<std::string> directory_scan::claims(int number) const {
  std::vector<std::string> ours, others;
  for (const auto& f : files) {
    if (!f->seen().acceptable || f->duplicate_of) continue;
    for (const auto& n : f->seen().note->families)
      if (n.number == number && (n.flags & AFPLUG_FAMILY_SECONDARY) == 0)
        (f->provider() == own_provider ? ours : others).push_back(n.id);
  }
  ours.insert(ours.end(), others.begin(), others.end());
  return ours;
}

std::vector<const found_file*> directory_scan::refused(std::string_view id) const {
  std::vector<const found_file*> out;
  for (const auto& f : files)
    if (!f->seen().acceptable && (f->seen().note ? f->names(id) != nullptr : f->path().stem() == id))
      out.push_back(f.get());
  return out;
}

std::vector<const found_file*> directory_scan::refused_without_note() const {
  std::vector<const found_file*> out;
  for (const auto& f : files)
    if (!f->seen().acceptable && !f->seen().note && f->seen().code != "note-missing") out.push_back(f.get());
  return out;
}

std::shared_ptr<const directory_scan> scan(std::span<const search_directory> directories) {
  const no_cancellation here;
  auto out = std::make_shared<directory_scan>();
  const auto who = trust::of_process();
  std::map<std::pair<std::uint64_t, std::uint64_t>, const found_file*> acceptable;  // by device and inode
  for (const auto& directory : directories)
    for (const auto& path : shared_objects(directory, *out)) {
      auto checked = check_file(path, directory.path, who);
      if (checked.transient_error) out->transient_error = checked.transient_error;
      auto& file = *out->files.emplace_back(std::make_unique<found_file>(std::move(checked), directory.path));
      if (!file.seen().acceptable) continue;
      const auto& id = file.check().identity;
      if (const auto [first, added] = acceptable.try_emplace({id.device, id.inode}, &file); !added)
        file.duplicate_of = first->second;
    }
  return out;
}

}  // namespace afplug::detail
