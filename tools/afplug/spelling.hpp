// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// FAMILY:TYPE:PROTOCOL as people write it: in any case, with or without SOCK_, IPPROTO_, CAN_, BTPROTO_ …, without the
// type where the protocol says it.
#pragma once

#include <afplug/family.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace afplug::command {

/// The three parts as written; empty where left out.
struct spelling {
  std::string family, type, protocol;

  /// From "can:SOCK_DGRAM:CAN_ISOTP". Throws a usage failure where there are more than three parts or no family.
  static spelling of(std::string_view text);
};

/// A family's id ("can") from how it is written: "can", "AF_CAN", "29". What no plugin answers for stays as it is, in
/// lower case.
std::string family_id(std::string_view text);

/// What is meant in a family.
struct choice {
  int type = 0, protocol = 0;
  const row* what = nullptr;  ///< null: the table has no row for it

  choice(int asked_type, int asked_protocol, const row* found) noexcept
      : type(asked_type), protocol(asked_protocol), what(found) {}
  /// The row's own numbers; where it takes any, `asked_type`, or what check() takes.
  choice(const row& r, std::optional<int> asked_type);

  std::string type_name() const;      ///< "SOCK_DGRAM"; a number where it has no name
  std::string protocol_name() const;  ///< "CAN_ISOTP"; empty where the row has none
  std::string to_string() const;      ///< "CAN_ISOTP (SOCK_DGRAM)"
};

/// Finds it in the family's tables. Throws a usage failure that lists what there is.
choice choose(const family& in, const spelling& text);

}  // namespace afplug::command
