// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "utf8.hpp"

#include <cstddef>

namespace afplug::detail {
namespace {

// Well-formed byte sequences (Unicode, table 3-7): the range of the lead byte, how many bytes follow it, and the range
// of the second byte, which excludes overlong forms and surrogates.
struct sequence {
  unsigned char lead_min, lead_max;
  std::size_t following;
  unsigned char second_min, second_max;
};

constexpr sequence sequences[] = {
    {0x00, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
    {0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

const sequence* find_sequence(unsigned char lead) noexcept {
  for (const auto& s : sequences)
    if (lead >= s.lead_min && lead <= s.lead_max) return &s;
  return nullptr;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto* s = find_sequence(static_cast<unsigned char>(text[i++]));
    if (!s || text.size() - i < s->following) return false;
    for (std::size_t k = 0; k < s->following; ++k, ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (c < (k == 0 ? s->second_min : 0x80) || c > (k == 0 ? s->second_max : 0xbf)) return false;
    }
  }
  return true;
}

}  // namespace afplug::detail
