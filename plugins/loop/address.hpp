// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of the family: a name of 0 to 126 arbitrary bytes after the sa_family_t. The empty name is the address of
// an unbound socket; bind with it chooses a name.
#pragma once

#include <afplug/plugin.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace loop {

struct address {
  std::uint16_t family;
  char name[AFPLUG_ADDRESS_MAX - sizeof(std::uint16_t)];
};
inline constexpr std::uint32_t unnamed_size = sizeof(std::uint16_t);  // bytes of an address with an empty name

/// The name in a raw address. Throws `failure` EINVAL for a wrong length and for addresses of other families.
std::string_view name_of(const void* raw, std::uint32_t length, std::int32_t family);

/// The address with that name, which must not be longer than address::name.
afplug_sockaddr address_of(std::string_view name, std::int32_t family) noexcept;

extern const afplug_codec codec;

}  // namespace loop
