// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <afplug/inspect.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "elf_note.hpp"
#include "file_check.hpp"
#include "loader.hpp"
#include "no_cancellation.hpp"

namespace afplug {
namespace {

class image_source final : public detail::byte_source {
 public:
  explicit image_source(std::span<const std::byte> image) noexcept : image_(image) {}
  std::uint64_t size() const override { return image_.size(); }
  int read_at(std::uint64_t offset, std::span<std::byte> out) override {
    if (offset > image_.size() || out.size() > image_.size() - offset) return EIO;
    if (!out.empty()) std::memcpy(out.data(), image_.data() + offset, out.size());
    return 0;
  }

 private:
  std::span<const std::byte> image_;
};

inspection not_absolute(const std::filesystem::path& file) {
  inspection out;
  out.path = file;
  out.code = "not-found";
  out.reason = file.string() + ": the path is not absolute";
  return out;
}

}  // namespace

inspection inspect(const std::filesystem::path& file) {
  const detail::no_cancellation here;
  if (!file.is_absolute()) return not_absolute(file);
  return detail::check_file(file, file.parent_path(), detail::trust::of_process()).seen;
}

inspection inspect(std::span<const std::byte> image, std::string_view name) {
  image_source source(image);
  auto read = detail::read_note(source);
  inspection out;
  out.path = name;
  out.note = std::move(read.note);
  out.acceptable = !read.refused;
  if (read.refused) {
    out.code = std::move(read.refused->code);
    out.reason = std::string(name) + ": " + read.refused->text;
  }
  return out;
}

load_report load_plugin(const std::filesystem::path& file) {
  if (file.is_absolute()) return detail::load_file(file, file.parent_path());
  load_report out;
  static_cast<inspection&>(out) = not_absolute(file);
  return out;
}

}  // namespace afplug
