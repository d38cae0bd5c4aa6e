// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// GUIDs as text: "00001388-facb-11e6-bd58-64006a7986d3".
#pragma once

#include <afplug/plugin.hpp>

namespace windows_common {
namespace ap = afplug::plugin;

using ap::normalize_guid;

#if defined(_WIN32)
/// Parses a GUID. Errors as for normalize_guid.
inline GUID parse_guid(std::string_view field, std::string_view text) {
  const std::string lower = normalize_guid(field, text);
  const auto number = [&](std::size_t at, std::size_t digits) {
    return ap::parse_integer("GUID", ap::concat("0x", std::string_view(lower).substr(at, digits)), 0, 0xffffffff);
  };
  GUID made{};
  made.Data1 = static_cast<unsigned long>(number(0, 8));
  made.Data2 = static_cast<unsigned short>(number(9, 4));
  made.Data3 = static_cast<unsigned short>(number(14, 4));
  for (std::size_t i = 0; i < 8; ++i) made.Data4[i] = static_cast<unsigned char>(number((i < 2 ? 19 : 20) + 2 * i, 2));
  return made;
}

/// The text of a GUID, in lower case.
inline std::string format_guid(const GUID& from) {
  std::string out;
  const auto append = [&](unsigned long value, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
      ap::append_hex(out, static_cast<unsigned char>(value >> shift));
  };
  append(from.Data1, 4);
  out += '-';
  append(from.Data2, 2);
  out += '-';
  append(from.Data3, 2);
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == 0 || i == 2) out += '-';
    ap::append_hex(out, from.Data4[i]);
  }
  return out;
}
#endif

}  // namespace windows_common
