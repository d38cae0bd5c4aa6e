// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The option table of a family: layouts of values, the options themselves, and the members of their structs.
#pragma once

#include <afplug/plugin/config.hpp>
#include <afplug/plugin/error.hpp>
#include <afplug/plugin/tables.hpp>
#include <afplug/plugin/value_kind.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace afplug::plugin {
inline namespace AFPLUG_ABI_NAMESPACE AFPLUG_HIDDEN {

/// The access that an option allows.
inline constexpr std::uint32_t read_only = AFPLUG_OPTION_READ;
inline constexpr std::uint32_t write_only = AFPLUG_OPTION_WRITE;
inline constexpr std::uint32_t read_write = AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE;
/// Reading takes an input, which getsockopt(2) finds in the buffer that it then overwrites.
inline constexpr std::uint32_t read_with_input = AFPLUG_OPTION_READ | AFPLUG_OPTION_ARGUMENT;

/// The layout of an option's value. The fields are those of afplug_option; namespace `kind` has all layouts.
struct value_layout {
  std::uint32_t kind = 0;
  std::uint32_t unit = 0;
  std::uint32_t min_bytes = 0;
  std::uint32_t max_bytes = 0;
  std::uint32_t element_size = 0;
  afplug_array members{};
  const char* values = nullptr;

  /// The same layout, whose values have names: the constants that begin with `prefix` ("BT_SECURITY_").
  constexpr value_layout with_values(const char* prefix) const {
    auto copy = *this;
    copy.values = prefix;
    return copy;
  }
};

namespace detail {
/// The layout of a kind, or of a duration in `unit`, that implies its size.
consteval value_layout fixed(std::uint32_t kind, std::uint32_t unit = 0) {
  const std::uint32_t bytes = implied_bytes(kind, unit);
  if (bytes == 0) throw "the kind has no fixed size";
  return {kind, unit, bytes, bytes};
}
}  // namespace detail

/// Layouts of option values, named after AFPLUG_KIND_* and AFPLUG_UNIT_*.
namespace kind {
using detail::fixed;

/// Kinds of a fixed size.
inline constexpr value_layout flag = fixed(AFPLUG_KIND_FLAG);
inline constexpr value_layout i8 = fixed(AFPLUG_KIND_I8);
inline constexpr value_layout i16 = fixed(AFPLUG_KIND_I16);
inline constexpr value_layout i32 = fixed(AFPLUG_KIND_I32);
inline constexpr value_layout i64 = fixed(AFPLUG_KIND_I64);
inline constexpr value_layout u8 = fixed(AFPLUG_KIND_U8);
inline constexpr value_layout u16 = fixed(AFPLUG_KIND_U16);
inline constexpr value_layout u32 = fixed(AFPLUG_KIND_U32);
inline constexpr value_layout u64 = fixed(AFPLUG_KIND_U64);
inline constexpr value_layout u16be = fixed(AFPLUG_KIND_U16BE);
inline constexpr value_layout u32be = fixed(AFPLUG_KIND_U32BE);
inline constexpr value_layout ifindex = fixed(AFPLUG_KIND_IFINDEX);
inline constexpr value_layout ipv4 = fixed(AFPLUG_KIND_IPV4);
inline constexpr value_layout ipv6 = fixed(AFPLUG_KIND_IPV6);

/// An interface's name: up to 15 bytes and a NUL.
inline constexpr value_layout ifname{AFPLUG_KIND_IFNAME, 0, 0, implied_bytes(AFPLUG_KIND_IFNAME, 0)};
/// No data: setsockopt(2) gets a null pointer and a length.
inline constexpr value_layout length{AFPLUG_KIND_LENGTH};
/// No fixed layout: the option's own `get` and `set`, see `with_functions`.
inline constexpr value_layout call{AFPLUG_KIND_CALL};

/// Durations as one 32-bit integer.
inline constexpr value_layout seconds = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_S);
inline constexpr value_layout milliseconds = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_MS);
inline constexpr value_layout microseconds = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_US);
inline constexpr value_layout nanoseconds = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_NS);
/// Durations as a pair: the C library's struct timeval, or two 64-bit integers.
inline constexpr value_layout timeval = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL);
inline constexpr value_layout timeval64 = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL64);

/// Text of at most `max` bytes.
constexpr value_layout text(std::uint32_t max) { return {AFPLUG_KIND_TEXT, 0, 0, max}; }
/// Between `min` and `max` bytes.
constexpr value_layout bytes(std::uint32_t min, std::uint32_t max) { return {AFPLUG_KIND_BYTES, 0, min, max}; }
/// A sockaddr of an IP family, of `min` to `max` bytes.
constexpr value_layout sockaddr(std::uint32_t min, std::uint32_t max) { return {AFPLUG_KIND_SOCKADDR, 0, min, max}; }
/// A struct S, described by a member table with static storage. `min` is smaller than S where the kernel accepts a
/// shorter struct.
template <class S, class Table>
constexpr value_layout structure(const Table& members, std::uint32_t min = sizeof(S)) {
  return {AFPLUG_KIND_STRUCT, 0, min, sizeof(S), 0, array(members)};
}
/// An array of up to `max_elements` structs S, described by a member table with static storage.
template <class S, class Table>
constexpr value_layout array_of(const Table& members, std::uint32_t max_elements) {
  return {AFPLUG_KIND_ARRAY, 0, 0, static_cast<std::uint32_t>(sizeof(S) * max_elements), sizeof(S), array(members)};
}
}  // namespace kind

/// Makes the options of one level and group:
///
///   constexpr option_group tcp{IPPROTO_TCP, "tcp"};
///   tcp(AFPLUG_NAMED(TCP_NODELAY), kind::flag, read_write, "send at once")
struct option_group {
  int level;          ///< of getsockopt(2): SOL_*, IPPROTO_*
  const char* group;  ///< the options apply to the rows that name it; null: to all rows of the family

  /// One option of the group. `help` is one line.
  constexpr afplug_option operator()(const char* name, int number, const value_layout& value, std::uint32_t access,
                                     const char* help) const {
    afplug_option made{};
    made.size = sizeof made;
    made.flags = access;
    made.name = name;
    made.group = group;
    made.level = level;
    made.number = number;
    made.kind = value.kind;
    made.unit = value.unit;
    made.min_bytes = value.min_bytes;
    made.max_bytes = value.max_bytes;
    made.element_size = value.element_size;
    made.members = value.members;
    made.values = value.values;
    made.help = help;
    return made;
  }
};

namespace detail {
template <auto Get>
std::int32_t get_option(std::int64_t handle, const afplug_identity* who, afplug_text* out, afplug_text* why) noexcept {
  return catch_errors([&]() -> std::int32_t { return Get(handle, *who, out); }, why);
}
template <auto Set>
std::int32_t set_option(std::int64_t handle, const afplug_identity* who, const char* text, std::size_t size,
                        afplug_text* why) noexcept {
  return catch_errors([&]() -> std::int32_t { return Set(handle, *who, std::string_view(text, size)); }, why);
}
}  // namespace detail

/// The option, read and written in text form by functions instead of by its layout:
///
///   std::int32_t get(std::int64_t handle, const afplug_identity&, afplug_text* out);
///   std::int32_t set(std::int64_t handle, const afplug_identity&, std::string_view text);
///
/// A null pointer in the place of one: the option cannot be read, or written. Both return what afplug_option's `get`
/// and `set` return, and may throw, as `fail` does.
template <auto Get, auto Set>
constexpr afplug_option with_functions(afplug_option made) {
  made.kind = AFPLUG_KIND_CALL;
  if constexpr (!std::is_null_pointer_v<decltype(Get)>) made.get = &detail::get_option<Get>;
  if constexpr (!std::is_null_pointer_v<decltype(Set)>) made.set = &detail::set_option<Set>;
  return made;
}

/// A member of an option's struct: `AFPLUG_MEMBER(ip_mreqn, imr_ifindex, "ifindex", AFPLUG_KIND_IFINDEX)`.
#define AFPLUG_MEMBER(struct_type, c_name, text_name, member_kind) \
  ::afplug::plugin::member(text_name, member_kind, offsetof(struct_type, c_name), sizeof(struct_type::c_name))

/// A member of an option's struct, of AFPLUG_KIND_* `kind`, `bytes` bytes at `offset`. It does not compile where the
/// size is not the kind's, or where the kind cannot be a member's. `optional`, `hex`, `with_values`, `with_unit` and
/// `with_help` change a member that was made.
constexpr afplug_member member(const char* name, std::uint32_t kind, std::size_t offset, std::size_t bytes) {
  const value_kind* known = find_kind(kind);
  if (known == nullptr || !known->member) fail(EINVAL, "a member cannot be of kind ", kind);
  if (known->bytes != 0 && bytes != known->bytes) fail(EINVAL, "a member of ", bytes, " bytes is not of kind ", kind);
  afplug_member made{};
  made.size = sizeof made;
  made.kind = kind;
  made.name = name;
  made.offset = static_cast<std::uint32_t>(offset);
  made.bytes = static_cast<std::uint32_t>(bytes);
  return made;
}
/// The member may be left out, and is zero then.
constexpr afplug_member optional(afplug_member made) {
  made.flags |= AFPLUG_MEMBER_OPTIONAL;
  return made;
}
/// The member is formatted in hexadecimal.
constexpr afplug_member hex(afplug_member made) {
  made.flags |= AFPLUG_MEMBER_HEX;
  return made;
}
/// The member's values have names: the constants that begin with `prefix`.
constexpr afplug_member with_values(afplug_member made, const char* prefix) {
  made.values = prefix;
  return made;
}
/// AFPLUG_UNIT_* of a duration, or AFPLUG_BITS of a bit-field.
constexpr afplug_member with_unit(afplug_member made, std::uint32_t unit) {
  made.unit = unit;
  return made;
}
/// One line of help.
constexpr afplug_member with_help(afplug_member made, const char* help) {
  made.help = help;
  return made;
}

}  // namespace AFPLUG_HIDDEN
}  // namespace afplug::plugin
