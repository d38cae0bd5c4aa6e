// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The tables of a family: rows (the types and protocols that a program may ask for) and constants. They are constexpr
// std::arrays, passed to the contract by `array`. Options have a header of their own, option.hpp.
#pragma once

#include <afplug/plugin/config.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <type_traits>

/// `AFPLUG_NAMED(TCP_NODELAY)`: the constant's name and value, as two arguments: "TCP_NODELAY", TCP_NODELAY.
#define AFPLUG_NAMED(constant) #constant, constant

namespace afplug::plugin {
inline namespace AFPLUG_ABI_NAMESPACE AFPLUG_HIDDEN {

/// The contract's view of a std::array or C array, which must have static storage.
template <class Table>
constexpr afplug_array array(const Table& table) noexcept {
  return {std::data(table), static_cast<std::uint32_t>(std::size(table)),
          static_cast<std::uint32_t>(sizeof(*std::data(table)))};
}

/// Concatenates tables of one element type at compile time.
template <class T, std::size_t... N>
consteval std::array<T, (N + ...)> join(const std::array<T, N>&... tables) {
  std::array<T, (N + ...)> all{};
  std::size_t at = 0;
  (std::for_each(tables.begin(), tables.end(), [&](const T& element) { all[at++] = element; }), ...);
  return all;
}

/// Makes the constants of one group: `constant_group{"IPPROTO_"}(AFPLUG_NAMED(IPPROTO_TCP))`. The value is an integer,
/// an enumerator, or for constants that are text a string literal.
struct constant_group {
  const char* group;  ///< see afplug_constant::group
  template <class T>
  constexpr afplug_constant operator()(const char* name, T value) const {
    if constexpr (std::is_integral_v<T> || std::is_enum_v<T>)
      return {sizeof(afplug_constant), 0, name, group, static_cast<std::int64_t>(value), nullptr};
    else
      return {sizeof(afplug_constant), 0, name, group, 0, value};
  }
};

/// The option numbers of a table of options, as constants of one group.
template <std::size_t N>
consteval std::array<afplug_constant, N> constants_of(const char* group, const std::array<afplug_option, N>& options) {
  std::array<afplug_constant, N> made{};
  for (std::size_t i = 0; i < N; ++i) made[i] = constant_group{group}(options[i].name, options[i].number);
  return made;
}

/// What the platform must provide for a family or a row to work. A verdict names it where opening a socket fails.
struct requirements {
  const char* module = nullptr;      ///< kernel module: "can_raw"
  const char* config = nullptr;      ///< kernel configuration symbol: "CONFIG_CAN_RAW"
  const char* capability = nullptr;  ///< capabilities(7) of the process: "CAP_NET_RAW"; of rows only
};

/// A row whose socket(2) arguments are the family's number, `type` and `protocol`:
///
///   row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(IPPROTO_TCP), AFPLUG_ROW_STREAM | AFPLUG_ROW_CONNECTION, "ip tcp", {},
///       "TCP")
///
/// `flags` are AFPLUG_ROW_*, `options` the option groups that apply to it, separated by spaces, `help` is one line.
constexpr afplug_row row(const char* type_name, int type, const char* protocol_name, int protocol, std::uint32_t flags,
                         const char* options, const requirements& required, const char* help) {
  afplug_row made{};
  made.size = sizeof made;
  made.flags = flags;
  made.type = type;
  made.protocol = protocol;
  made.native_domain = made.native_type = made.native_protocol = AFPLUG_ANY;
  if (protocol != AFPLUG_ANY) made.native_protocol = protocol;
  made.type_name = type_name;
  made.protocol_name = protocol_name;
  made.options = options;
  made.module = required.module;
  made.config = required.config;
  made.capability = required.capability;
  made.help = help;
  return made;
}

/// The row with other arguments for socket(2); AFPLUG_ANY: the family's number, the type or the protocol as asked for.
constexpr afplug_row with_native(afplug_row made, int domain, int type, int protocol) {
  made.native_domain = domain;
  made.native_type = type;
  made.native_protocol = protocol;
  return made;
}

/// A row that passes every type and protocol that no row before it names to socket(2) as they are. It must be the last.
constexpr afplug_row pass_through(const char* options) {
  return row("any", AFPLUG_ANY, nullptr, AFPLUG_ANY, AFPLUG_ROW_HIDDEN, options, {}, "whatever the kernel supports");
}

}  // namespace AFPLUG_HIDDEN
}  // namespace afplug::plugin
