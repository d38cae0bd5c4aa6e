// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What Python's tuples of addresses look like (PARITY §6): which fields of a family's address, and how many must be
// there.
#pragma once

#include <sys/socket.h>

#include <afplug/protocol.hpp>
#include <span>
#include <string_view>

namespace afplug::python {

struct shape {
  int family;
  int protocol;  // -1: every other one
  std::size_t required;
  std::span<const std::string_view> fields;
  const char* usage;  // the words for a tuple of another size
};

/// The shape of a family that CPython knows; null for others, whose tuple has all fields.
const shape* find_shape(const basic_protocol& who) noexcept;

}  // namespace afplug::python
