// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The bytes of a plugin file, with access to its ELF headers, to build malformed files.
#pragma once

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "plugin_files.hpp"

namespace afplug::testing_support {

/// A copy of the T at an offset of an image. The destructor writes it back.
template <typename T>
class patched {
 public:
  patched(bytes& image, std::size_t offset) : image_(image), offset_(offset) {
    if (offset > image.size() || image.size() - offset < sizeof(T)) throw std::out_of_range("patch");
    std::memcpy(&value_, image.data() + offset, sizeof(T));
  }
  ~patched() { std::memcpy(image_.data() + offset_, &value_, sizeof(T)); }
  patched(const patched&) = delete;
  patched& operator=(const patched&) = delete;
  T* operator->() noexcept { return &value_; }
  T& operator*() noexcept { return value_; }

 private:
  bytes& image_;
  std::size_t offset_;
  T value_{};
};

struct elf_image {
  bytes data;

  explicit elf_image(bytes content) : data(std::move(content)) {}

  patched<ElfW(Ehdr)> header() { return {data, 0}; }
  patched<ElfW(Phdr)> segment(std::size_t i) { return {data, header()->e_phoff + i * sizeof(ElfW(Phdr))}; }
  std::size_t segments() { return header()->e_phnum; }

  /// The first program header of that type.
  patched<ElfW(Phdr)> segment_of(ElfW(Word) type) {
    for (std::size_t i = 0; i < segments(); ++i)
      if (segment(i)->p_type == type) return segment(i);
    throw std::runtime_error("no such segment");
  }

  /// The first entry of the dynamic section with that tag.
  patched<ElfW(Dyn)> dynamic_entry_of(ElfW(Sxword) tag) {
    for (std::size_t at = segment_of(PT_DYNAMIC)->p_offset;; at += sizeof(ElfW(Dyn)))
      if (patched<ElfW(Dyn)>(data, at)->d_tag == tag) return {data, at};
  }

  /// The file offset after the last byte of any segment.
  std::size_t end_of_segments() {
    std::size_t end = 0;
    for (std::size_t i = 0; i < segments(); ++i) {
      auto s = segment(i);
      end = std::max<std::size_t>(end, s->p_offset + s->p_filesz);
    }
    return end;
  }

  /// The file offset of the plugin's ELF note, which is found by its type (1) and name.
  std::size_t note() {
    constexpr auto name = std::endian::native == std::endian::little ? std::string_view("\1\0\0\0afplug\0", 11)
                                                                     : std::string_view("\0\0\0\1afplug\0", 11);
    const auto* begin = reinterpret_cast<const char*>(data.data());
    const auto at = std::string_view(begin, data.size()).find(name);
    if (at == std::string_view::npos || at < 8) throw std::runtime_error("no note");
    return at - 8;
  }
};

}  // namespace afplug::testing_support
