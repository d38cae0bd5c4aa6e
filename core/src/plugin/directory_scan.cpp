// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "directory_scan.hpp"

#include <afplug/plugin.h>
#include <afplug/log.hpp>

#include <algorithm>
#include <system_error>
#include <utility>

namespace afplug::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view own_provider = "afplug";

std::vector<fs::path> shared_objects(const fs::path& directory, int& transient_error) {
  std::vector<fs::path> out;
  std::error_code ec;
  for (fs::directory_iterator it(directory, ec), end; !ec && it != end; it.increment(ec))
    if (it->path().extension() == ".so") out.push_back(it->path());
  if (ec && is_transient(ec.value())) transient_error = ec.value();
  if (ec && ec != std::errc::no_such_file_or_directory)
    log(log_level::warning, "afplug", directory.string() + ": " + ec.message());
  std::sort(out.begin(), out.end());
  return out;
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

void found_file::fail(refusal why) const {
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

std::shared_ptr<const directory_scan> scan(std::span<const fs::path> directories) {
  auto out = std::make_shared<directory_scan>();
  const auto who = trust::of_process();
  for (const auto& directory : directories)
    for (const auto& path : shared_objects(directory, out->transient_error)) {
      auto checked = check_file(path, directory, who);
      if (checked.transient_error) out->transient_error = checked.transient_error;
      auto file = std::make_unique<found_file>(std::move(checked), directory);
      if (file->seen().acceptable) {
        const auto same = [&](const auto& f) {
          return f->seen().acceptable && !f->duplicate_of && f->check().identity.same_file(file->check().identity);
        };
        const auto it = std::find_if(out->files.begin(), out->files.end(), same);
        if (it != out->files.end()) file->duplicate_of = it->get();
      }
      out->files.push_back(std::move(file));
    }
  return out;
}

}  // namespace afplug::detail
