// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <afplug/address.hpp>

namespace afplug::detail {

// A copy of a sockaddr that the kernel or a plugin wrote, whose padding is zero.
inline address copy_address(const void* bytes, std::size_t length, const basic_protocol& p) {
  address made;
  made.resize(length);
  if (length != 0) std::memcpy(static_cast<void*>(made.data()), bytes, length);
  made.protocol(p);
  return made;
}

}  // namespace afplug::detail
