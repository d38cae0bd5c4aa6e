// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The tuples that CPython uses for addresses: which fields of the family they contain, in which order. See "Socket
// families" in the documentation of Python's socket module.
#pragma once

#include <sys/socket.h>

#include <afplug/protocol.hpp>
#include <span>
#include <string_view>

namespace afplug::python {

struct tuple_layout {
  int family;
  int protocol;                              // -1: all protocols without an entry of their own
  std::size_t required;                      // minimum number of elements
  std::span<const std::string_view> fields;  // names of the family's address fields
  const char* usage;                         // message of the TypeError for a tuple of another size
};

/// The layout for a family that CPython supports; null for others, whose tuples have all fields.
const tuple_layout* find_tuple_layout(const basic_protocol& protocol) noexcept;

}  // namespace afplug::python
