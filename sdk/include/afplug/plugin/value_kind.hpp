// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The table of value kinds (AFPLUG_KIND_*) and of the layouts of durations (AFPLUG_UNIT_*): size, range, sign and byte
// order of each. It is the only place that states them. The core uses it to validate descriptors and to read, write,
// parse and format options; <afplug/plugin.hpp> uses it to lay out a plugin's tables at compile time.
#pragma once

#include <afplug/plugin/config.hpp>
#if defined(_WIN32)
#include <winsock2.h>
#else
#include <sys/time.h>
#endif
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <iterator>
#include <limits>
#include <utility>

namespace afplug::plugin {
inline namespace AFPLUG_ABI_NAMESPACE AFPLUG_HIDDEN {

/// What all values of one kind have in common.
struct value_kind {
  const char* name;     ///< "u16be": in messages and in the command's JSON output
  std::uint32_t bytes;  ///< the size that the kind implies; 0: the table entry (or, for a duration, its unit) gives it
  bool member;          ///< may be the kind of a member of an option's struct

  bool integer;     ///< one integer, which may be read and written as a number
  bool is_signed;   ///< of integers: two's complement
  bool big_endian;  ///< of integers: network byte order; else the host's
  bool bit_field;   ///< of integers: a member may be some of its bits (AFPLUG_BITS)

  /// Of integers: the range of the numbers that may be written. Reading may give others, as a flag of value 2. The
  /// range of U64 ends at INT64_MAX, because options take numbers as int64_t; in text they go up to `most_unsigned`.
  std::int64_t least;
  std::int64_t most;  ///< inclusive

  /// The largest value of the kind itself: UINT64_MAX for U64, `most` for all other integers.
  constexpr std::uint64_t most_unsigned() const noexcept {
    const bool widest = integer && !is_signed && bytes == sizeof(std::uint64_t);
    return widest ? std::numeric_limits<std::uint64_t>::max() : static_cast<std::uint64_t>(most);
  }
};

namespace detail {
/// A kind that is no integer.
constexpr value_kind plain_kind(const char* name, std::uint32_t bytes, bool member) {
  value_kind made{};
  made.name = name;
  made.bytes = bytes;
  made.member = member;
  return made;
}

/// The kind of T's values.
template <class T>
constexpr value_kind integer_kind(const char* name, bool big_endian = false) {
  using limits = std::numeric_limits<T>;
  constexpr auto int64_max = std::numeric_limits<std::int64_t>::max();
  value_kind made = plain_kind(name, sizeof(T), true);
  made.integer = made.bit_field = true;
  made.is_signed = limits::is_signed;
  made.big_endian = big_endian;
  made.least = static_cast<std::int64_t>(limits::min());
  made.most = std::in_range<std::int64_t>(limits::max()) ? static_cast<std::int64_t>(limits::max()) : int64_max;
  return made;
}

/// An int32 that takes only 0..most, and has no bit-fields.
constexpr value_kind int32_kind(const char* name, std::int64_t most) {
  value_kind made = integer_kind<std::int32_t>(name);
  made.bit_field = false;
  made.least = 0;
  made.most = most;
  return made;
}
}  // namespace detail

/// All kinds, by their AFPLUG_KIND_* number. Number 0 is no kind. Use `find_kind` for a number that may be out of
/// range.
inline constexpr value_kind value_kinds[] = {
    /* 0         */ detail::plain_kind("none", 0, false),
    /* FLAG      */ detail::int32_kind("flag", 1),
    /* I32       */ detail::integer_kind<std::int32_t>("i32"),
    /* U32       */ detail::integer_kind<std::uint32_t>("u32"),
    /* I64       */ detail::integer_kind<std::int64_t>("i64"),
    /* U64       */ detail::integer_kind<std::uint64_t>("u64"),
    /* U8        */ detail::integer_kind<std::uint8_t>("u8"),
    /* U16       */ detail::integer_kind<std::uint16_t>("u16"),
    /* U16BE     */ detail::integer_kind<std::uint16_t>("u16be", true),
    /* U32BE     */ detail::integer_kind<std::uint32_t>("u32be", true),
    /* TEXT      */ detail::plain_kind("text", 0, true),
    /* IFNAME    */ detail::plain_kind("ifname", 16, true),  // IFNAMSIZ
    /* IFINDEX   */ detail::int32_kind("ifindex", std::numeric_limits<std::int32_t>::max()),
    /* DURATION  */ detail::plain_kind("duration", 0, true),  // see duration_units
    /* BYTES     */ detail::plain_kind("bytes", 0, true),
    /* STRUCT    */ detail::plain_kind("struct", 0, false),
    /* ARRAY     */ detail::plain_kind("array", 0, false),
    /* LENGTH    */ detail::plain_kind("length", 0, false),
    /* IPV4      */ detail::plain_kind("ipv4", 4, true),
    /* IPV6      */ detail::plain_kind("ipv6", 16, true),
    /* MAC       */ detail::plain_kind("mac", 0, true),
    /* SOCKADDR  */ detail::plain_kind("sockaddr", 0, true),
    /* CALL      */ detail::plain_kind("call", 0, false),
    /* BDADDR    */ detail::plain_kind("bdaddr", 6, true),
    /* I8        */ detail::integer_kind<std::int8_t>("i8"),
    /* I16       */ detail::integer_kind<std::int16_t>("i16"),
};
static_assert(std::size(value_kinds) == AFPLUG_KIND_I16 + 1, "a new kind needs a line here");

/// How a duration of one AFPLUG_UNIT_* lies in memory: one integer that counts ticks, or a pair of integers of equal
/// size, seconds and ticks. All are in host byte order.
struct duration_unit {
  const char* suffix;     ///< of a plain number that is written to such an option: "s", "ms", "us", "ns"
  const char* tick_name;  ///< for messages: "microseconds"
  std::uint64_t tick;     ///< the smallest step, in nanoseconds
  std::uint32_t bytes;    ///< the size of all of it
  bool pair;              ///< seconds and ticks; else ticks alone
  bool is_signed;         ///< negative durations can be written
};

/// All layouts of durations, by their AFPLUG_UNIT_* number. Number 0 is none.
inline constexpr duration_unit duration_units[] = {
    /* 0         */ {"", "", 0, 0, false, false},
    /* TIMEVAL   */ {"s", "microseconds", 1000, sizeof(::timeval), true, true},
    /* TIMEVAL64 */ {"s", "microseconds", 1000, 16, true, true},
    /* S         */ {"s", "seconds", 1'000'000'000, 4, false, true},
    /* MS        */ {"ms", "milliseconds", 1'000'000, 4, false, true},
    /* US        */ {"us", "microseconds", 1000, 4, false, true},
    /* NS        */ {"ns", "nanoseconds", 1, 4, false, false},
    /* TIMESPEC  */ {"s", "nanoseconds", 1, sizeof(::timespec), true, true},
};
static_assert(std::size(duration_units) == AFPLUG_UNIT_TIMESPEC + 1, "a new unit needs a line here");

/// The kind of that AFPLUG_KIND_* number, or null where there is none.
constexpr const value_kind* find_kind(std::uint32_t kind) noexcept {
  return kind != 0 && kind < std::size(value_kinds) ? &value_kinds[kind] : nullptr;
}

/// The same if the kind is an integer, else null.
constexpr const value_kind* find_integer_kind(std::uint32_t kind) noexcept {
  const value_kind* found = find_kind(kind);
  return found != nullptr && found->integer ? found : nullptr;
}

/// The layout of durations of that AFPLUG_UNIT_* number, or null where there is none.
constexpr const duration_unit* find_unit(std::uint32_t unit) noexcept {
  return unit != 0 && unit < std::size(duration_units) ? &duration_units[unit] : nullptr;
}

/// The size in bytes that a kind implies, with its unit for AFPLUG_KIND_DURATION; 0 where the table entry gives it, and
/// for numbers that are no kind or unit.
constexpr std::uint32_t implied_bytes(std::uint32_t kind, std::uint32_t unit) noexcept {
  if (kind == AFPLUG_KIND_DURATION) return find_unit(unit) != nullptr ? find_unit(unit)->bytes : 0;
  return find_kind(kind) != nullptr ? find_kind(kind)->bytes : 0;
}

}  // namespace AFPLUG_HIDDEN
}  // namespace afplug::plugin
