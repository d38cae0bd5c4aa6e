// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of the family: a name of 1 to 126 bytes, any bytes. None at all is the address of a socket without a name,
// and asks bind for one.
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
inline constexpr std::uint32_t nameless = sizeof(std::uint16_t);  // length of an address without a name

/// The name in a raw address. Throws EINVAL for addresses of other families.
std::string_view name_in(const void* raw, std::uint32_t length, std::int32_t family);

/// The address of that name.
afplug_sockaddr address_of(std::string_view name, std::int32_t family) noexcept;

extern const afplug_codec codec;

}  // namespace loop
