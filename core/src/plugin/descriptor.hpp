// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Validates a family descriptor that came from a plugin, and makes a family of it.
#pragma once

#include <afplug/family.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace afplug::detail {

/// Where a descriptor came from.
struct descriptor_origin {
  std::string_view provider, version;  ///< as in the plugin's ELF note
  std::string_view path;               ///< of the plugin's file
  unsigned abi_minor;                  ///< as afplug_entry set it
};

/// Checks every field of `raw`, copies it at this host's size, and returns the family. Null: a field is wrong, and
/// `why` states which and how. A family without an AF_* number gets `assigned_number`.
std::unique_ptr<const family> adopt_family(const afplug_family& raw, const descriptor_origin& origin,
                                           int assigned_number, std::string& why);

}  // namespace afplug::detail
