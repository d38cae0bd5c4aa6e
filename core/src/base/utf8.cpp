// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "utf8.hpp"

#include <cstddef>

namespace afplug::detail {
namespace {

// Lead bytes, how many bytes follow, and the range of the first that does: the second is what excludes overlong forms
// and surrogates.
struct form {
  unsigned char first, last;
  std::size_t more;
  unsigned char low, high;
};

constexpr form forms[] = {
    {0x00, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
    {0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

const form* form_of(unsigned char lead) noexcept {
  for (const auto& f : forms)
    if (lead >= f.first && lead <= f.last) return &f;
  return nullptr;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const form* f = form_of(static_cast<unsigned char>(text[i++]));
    if (!f || text.size() - i < f->more) return false;
    for (std::size_t k = 0; k < f->more; ++k, ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (c < (k == 0 ? f->low : 0x80) || c > (k == 0 ? f->high : 0xbf)) return false;
    }
  }
  return true;
}

}  // namespace afplug::detail
