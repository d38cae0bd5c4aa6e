// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Network interfaces in addresses. They are looked up in the network namespace of the calling thread.
#pragma once

#include <afplug/plugin/config.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/plugin/error.hpp>
#include <afplug/plugin/text.hpp>
#if defined(_WIN32)
#include <ws2tcpip.h>

#include <iphlpapi.h>
#elif defined(_LINUX_IF_H)
// <net/if.h> cannot follow <linux/if.h>, which the program, or <linux/if_arp.h>, has included.
extern "C" unsigned int if_nametoindex(const char*) noexcept;
extern "C" char* if_indextoname(unsigned int, char*) noexcept;
#else
#include <net/if.h>
#endif
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace afplug::plugin {
inline namespace AFPLUG_ABI_NAMESPACE AFPLUG_HIDDEN {

#if defined(_WIN32)
/// IF_NAMESIZE: the size of a buffer for an interface's name, in bytes.
inline constexpr std::size_t interface_name_size = IF_NAMESIZE;
#else
/// IF_NAMESIZE: the size of a buffer for an interface's name, in bytes.
inline constexpr std::size_t interface_name_size = 16;
#endif

/// The index of the interface of that name (if_nametoindex(3)). ENAMETOOLONG: over 15 bytes; ENODEV: there is none.
inline std::uint32_t interface_index(std::string_view name) {
  if (name.size() >= interface_name_size)
    fail(ENAMETOOLONG, "interface name ", quote(name), " is longer than 15 bytes");
  const std::string terminated(name);
  const unsigned index = name.find('\0') == name.npos ? ::if_nametoindex(terminated.c_str()) : 0;
  if (index == 0) fail(ENODEV, "there is no interface ", quote(name));
  return index;
}

/// The name of the interface of that index (if_indextoname(3)); empty where there is none.
inline std::string interface_name(std::uint32_t index) {
  char name[interface_name_size] = {};
  return index != 0 && ::if_indextoname(index, name) != nullptr ? std::string(name) : std::string();
}

/// An interface's name for use in an address: percent-encoded, where also `reserved` characters are encoded. The first
/// byte is encoded too where `parse_interface` would not take the text for a name: "any", digits alone, a leading '@'.
inline std::string format_interface_name(std::string_view name, std::string_view reserved = "?&:/%[]") {
  const bool ambiguous = name == "any" || name.starts_with('@') || name.find_first_not_of("0123456789") == name.npos;
  if (!ambiguous || name.empty()) return percent_encode(name, reserved);
  std::string out;
  append_percent_encoded(out, name[0]);
  return out + percent_encode(name.substr(1), reserved);
}

/// An interface index for use in an address: the interface's name, "any" for 0, "%index=7" where no interface has it.
inline std::string format_interface(std::uint32_t index, std::string_view reserved = "?&:/%[]") {
  if (index == 0) return "any";
  const std::string name = interface_name(index);
  return name.empty() ? concat("%index=", index) : format_interface_name(name, reserved);
}

/// The index for what `format_interface` returned: 0 for "any", 7 for "7" and "%index=7", else that of the interface of
/// that (percent-encoded) name. Errors as for `interface_index`; EINVAL: the text is empty.
inline std::uint32_t parse_interface(std::string_view text) {
  constexpr std::string_view by_index = "%index=";
  constexpr auto max = std::numeric_limits<std::uint32_t>::max();
  if (text == "any") return 0;
  if (text.starts_with(by_index))
    return static_cast<std::uint32_t>(parse_integer("interface index", text.substr(by_index.size()), 0, max));
  if (!text.empty() && text.find_first_not_of("0123456789") == text.npos)
    return static_cast<std::uint32_t>(parse_integer("interface index", text, 0, max));
  if (text.empty()) fail(EINVAL, "the interface is missing");
  return interface_index(percent_decode(text));
}

}  // namespace AFPLUG_HIDDEN
}  // namespace afplug::plugin
