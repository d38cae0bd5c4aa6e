// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Socket specifications on the command line: FAMILY[:TYPE[:PROTOCOL]], in any case, with or without the prefixes SOCK_,
// IPPROTO_, CAN_, BTPROTO_ …, and FAMILY:PROTOCOL where the protocol implies the type.
#pragma once

#include <afplug/family.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace afplug::command {

/// The three parts as written; omitted parts are empty.
struct socket_spec {
  std::string family, type, protocol;

  /// Splits "can:SOCK_DGRAM:CAN_ISOTP". Throws `failure` if there are more than three parts or no family.
  static socket_spec parse(std::string_view text);
};

/// The family id ("can") for "can", "AF_CAN" or "29". A number that no plugin provides is returned unchanged.
std::string family_id(std::string_view text);

/// The rows without AFPLUG_ROW_HIDDEN.
std::vector<const row*> listed_rows(const family& f);

/// The arguments of socket(2) that a specification stands for.
struct resolved_spec {
  socket_type type;
  int protocol = 0;
  const row* table_row = nullptr;  ///< null if the family's table has no row for type and protocol

  resolved_spec(socket_type type_number, int protocol_number, const row* found) noexcept
      : type(type_number), protocol(protocol_number), table_row(found) {}
  /// The numbers of a row. `requested_type`, if given, is used instead of the row's type; where row and request leave
  /// the type open, the row's native type or SOCK_RAW is used, as afplug::check() does.
  resolved_spec(const row& r, std::optional<socket_type> requested_type);

  std::string type_name() const;      ///< "SOCK_DGRAM"; the number if it has no name
  std::string protocol_name() const;  ///< "CAN_ISOTP"; empty if the row has no protocol name
  std::string to_string() const;      ///< "CAN_ISOTP (SOCK_DGRAM)"
};

/// Looks up the specification in the family's tables. Throws `failure`, listing the known rows, if it is not found.
resolved_spec resolve(const family& in, const socket_spec& spec);

}  // namespace afplug::command
