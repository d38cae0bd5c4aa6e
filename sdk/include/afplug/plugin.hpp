// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug/plugin.hpp: C++ sugar over <afplug/plugin.h>, for who writes a family. Header-only, needs C++20 and nothing
// else of afplug.
//
// A kernel-backed family is tables and a codec:
//
//   namespace ap = afplug::plugin;
//   constexpr ap::option_group nl{SOL_NETLINK, "netlink"};
//   constexpr std::array options{nl(AFPLUG_NAMED(NETLINK_PKTINFO), ap::kind::flag, ap::read_write, "…"), …};
//   constexpr std::array rows{ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(NETLINK_ROUTE), AFPLUG_ROW_MESSAGE, …), …};
//   struct codec { using address = sockaddr_nl; static constexpr int family = AF_NETLINK; … };
//   constexpr std::array families{ap::kernel_family({.id = "netlink", .codec = &ap::codec_of<codec>, …})};
//   AFPLUG_PLUGIN("example", "1.0", families)
//
// Errors are thrown (`fail`) and turned into -errno and a sentence at the border: nothing thrown leaves a plugin.
//
// All of it lies in a hidden inline namespace that carries the interface's version, so that two plugins, or a plugin
// and its host, that were built from different versions of this header never share a symbol. Everything may be called
// from any thread.
#pragma once

#include <afplug/plugin/config.hpp>
#include <afplug/plugin/value_kind.hpp>
#if defined(_WIN32)
#include <ws2tcpip.h>

#include <iphlpapi.h>
#else
#include <net/if.h>
#include <sys/time.h>
#endif
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <limits>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

/// `AFPLUG_NAMED(TCP_NODELAY)`: the constant's name and value, as two arguments: "TCP_NODELAY", TCP_NODELAY.
#define AFPLUG_NAMED(constant) #constant, constant

namespace afplug::plugin {
inline namespace AFPLUG_ABI_NAMESPACE AFPLUG_HIDDEN {

// ---- errors --------------------------------------------------------------------------------------------------------

/// What `fail` throws: an errno and a sentence for whoever asked.
class failure : public std::exception {
 public:
  failure(int error, std::string text) : error_(error), text_(std::move(text)) {}
  int error() const noexcept { return error_; }  ///< positive
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  int error_;
  std::string text_;
};

namespace detail {
inline std::string piece(std::string_view text) { return std::string(text); }
template <class T>
requires std::is_integral_v<T> std::string piece(T number) { return std::to_string(number); }

/// Length of the printable UTF-8 character that `text` begins with; 0: no such character.
inline std::size_t printable(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const unsigned second = byte(1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f, beyond = first == 0xf4 && second > 0x8f;
  const bool control = first == 0xc2 && second < 0xa0;
  return overlong || surrogate || beyond || control ? 0 : size;
}

/// The text with what does not print as \xXX.
inline std::string shown(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = printable(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    if (size == 0)
      out.append({'\\', 'x', digits[byte >> 4], digits[byte & 15]});
    else
      out += text.substr(at, size);
    at += size == 0 ? 1 : size;
  }
  return out;
}
}  // namespace detail

/// Joins texts and integers: `concat("port must be 0-", 65535)`.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string all;
  (all += ... += detail::piece(parts));
  return all;
}

/// Ends the call with -error and the sentence that the parts make, with what does not print in it as \xXX. Use EINVAL,
/// ENODEV, ENAMETOOLONG, ERANGE in codecs.
template <class... Parts>
[[noreturn]] void fail(int error, const Parts&... parts) {
  throw failure(error, detail::shown(concat(parts...)));
}

/// Writes a plugin's text for its caller, cut to the room that there is; a null `out` is nobody asking.
inline void write_text(afplug_text* out, std::string_view text) noexcept {
  if (out == nullptr) return;
  if (out->data != nullptr) text.copy(out->data, out->capacity);
  out->size = static_cast<std::uint32_t>(std::min<std::size_t>(text.size(), std::numeric_limits<std::uint32_t>::max()));
}

/// Runs `body` at the border: returns what it returns, or -errno of what it throws; the exception's words go to `why`.
/// bad_alloc is -ENOMEM, a system_error its own errno, anything else -EIO.
template <class Body>
auto catch_errors(Body&& body, afplug_text* why = nullptr) noexcept -> decltype(body()) {
  [[maybe_unused]] int error = EIO;
  try {
    return body();
  } catch (const failure& thrown) {
    error = thrown.error();
    write_text(why, thrown.what());
  } catch (const std::bad_alloc&) {
    error = ENOMEM;
    write_text(why, "out of memory");
  } catch (const std::system_error& thrown) {
    const auto& category = thrown.code().category();
    if (thrown.code().value() > 0 && (category == std::generic_category() || category == std::system_category()))
      error = thrown.code().value();
    write_text(why, thrown.what());
  } catch (const std::exception& thrown) {
    write_text(why, thrown.what());
  } catch (...) {
    write_text(why, "an unknown exception");
  }
  if constexpr (!std::is_void_v<decltype(body())>) return static_cast<decltype(body())>(-error);
}

namespace detail {
template <auto Function>
struct border;
template <class R, class... A, R (*Function)(A...)>
struct border<Function> {
  static R call(A... arguments) noexcept {
    return catch_errors([&] { return Function(arguments...); });
  }
};
template <class R, class S, class... A, R (S::*Function)(A...)>
struct border<Function> {
  static R call(void* state, A... arguments) noexcept {
    return catch_errors([&] { return (static_cast<S*>(state)->*Function)(arguments...); });
  }
};
}  // namespace detail

/// A slot: `slot<my_open>` is my_open behind a border that lets no exception through. With a member function of S,
/// `slot<&S::recvmsg>`, the slot's first argument is the S that `open` handed out as its state.
template <auto Function>
inline constexpr auto slot = &detail::border<Function>::call;

// ---- tables ---------------------------------------------------------------------------------------------------------

/// A table for the contract from a std::array or C array with static storage.
template <class Table>
constexpr afplug_array array(const Table& table) noexcept {
  return {std::data(table), static_cast<std::uint32_t>(std::size(table)),
          static_cast<std::uint32_t>(sizeof(*std::data(table)))};
}

/// Joins tables of one element type at compile time.
template <class T, std::size_t... N>
consteval std::array<T, (N + ...)> join(const std::array<T, N>&... tables) {
  std::array<T, (N + ...)> all{};
  std::size_t at = 0;
  (std::for_each(tables.begin(), tables.end(), [&](const T& element) { all[at++] = element; }), ...);
  return all;
}

/// How an option may be used.
inline constexpr std::uint32_t read_only = AFPLUG_OPTION_READ;
inline constexpr std::uint32_t write_only = AFPLUG_OPTION_WRITE;
inline constexpr std::uint32_t read_write = AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE;
/// Read with an input in the same buffer.
inline constexpr std::uint32_t read_with_input = AFPLUG_OPTION_READ | AFPLUG_OPTION_ARGUMENT;

/// The layout of an option's value; made by the names of namespace `kind`.
struct value_layout {
  std::uint32_t kind = 0;
  std::uint32_t unit = 0;
  std::uint32_t min_bytes = 0;
  std::uint32_t max_bytes = 0;
  std::uint32_t element_size = 0;
  afplug_array members{};
  const char* values = nullptr;

  /// The same with the constants of that prefix naming its values.
  constexpr value_layout with_values(const char* prefix) const {
    auto copy = *this;
    copy.values = prefix;
    return copy;
  }
};

/// Layouts of option values.
namespace kind {
/// A kind, or with `unit` a duration, whose size is fixed.
consteval value_layout fixed(std::uint32_t number, std::uint32_t unit = 0) {
  const std::uint32_t bytes = implied_bytes(number, unit);
  if (bytes == 0) throw "the kind has no fixed size";
  return {number, unit, bytes, bytes};
}

/// Kinds of a fixed size.
inline constexpr value_layout flag = fixed(AFPLUG_KIND_FLAG), i32 = fixed(AFPLUG_KIND_I32),
                              u32 = fixed(AFPLUG_KIND_U32), i64 = fixed(AFPLUG_KIND_I64), u64 = fixed(AFPLUG_KIND_U64),
                              u8 = fixed(AFPLUG_KIND_U8), u16 = fixed(AFPLUG_KIND_U16), i8 = fixed(AFPLUG_KIND_I8),
                              i16 = fixed(AFPLUG_KIND_I16), u16be = fixed(AFPLUG_KIND_U16BE),
                              u32be = fixed(AFPLUG_KIND_U32BE), ifindex = fixed(AFPLUG_KIND_IFINDEX),
                              ipv4 = fixed(AFPLUG_KIND_IPV4), ipv6 = fixed(AFPLUG_KIND_IPV6);
/// An interface's name: up to 15 bytes, and a NUL.
inline constexpr value_layout ifname{AFPLUG_KIND_IFNAME, 0, 0, implied_bytes(AFPLUG_KIND_IFNAME, 0)};
/// No data: setsockopt(2) gets only the length.
inline constexpr value_layout length{AFPLUG_KIND_LENGTH};

/// Durations as one 32-bit integer.
inline constexpr value_layout seconds = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_S),
                              milliseconds = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_MS),
                              microseconds = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_US),
                              nanoseconds = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_NS);
/// Durations as a pair: the C library's struct timeval, or two 64-bit integers.
inline constexpr value_layout timeval = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL),
                              timeval64 = fixed(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL64);

/// Between `least` and `most` bytes.
constexpr value_layout text(std::uint32_t most) { return {AFPLUG_KIND_TEXT, 0, 0, most}; }
constexpr value_layout bytes(std::uint32_t least, std::uint32_t most) { return {AFPLUG_KIND_BYTES, 0, least, most}; }
constexpr value_layout sockaddr(std::uint32_t least, std::uint32_t most) {
  return {AFPLUG_KIND_SOCKADDR, 0, least, most};
}
/// struct S with a member table in static storage; `least` where the kernel takes a shorter one.
template <class S, class Table>
constexpr value_layout structure(const Table& members, std::uint32_t least = sizeof(S)) {
  return {AFPLUG_KIND_STRUCT, 0, least, sizeof(S), 0, array(members)};
}
/// Up to `most` structs S, one after another.
template <class S, class Table>
constexpr value_layout array_of(const Table& members, std::uint32_t most) {
  return {AFPLUG_KIND_ARRAY, 0, 0, static_cast<std::uint32_t>(sizeof(S) * most), sizeof(S), array(members)};
}
/// No fixed layout: the option's own `get` and `set`.
inline constexpr value_layout call{AFPLUG_KIND_CALL};
}  // namespace kind

/// Makes the options of one level: `tcp(AFPLUG_NAMED(TCP_NODELAY), kind::flag, read_write, "send at once")`.
struct option_group {
  int level;
  const char* group;  ///< rows name it; null: every row has it

  /// One option of the group.
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

/// An option that is read and written by functions, in text form: `int32_t Get(handle, identity&, afplug_text* out)`
/// and `int32_t Set(handle, identity&, string_view)`; null: not possible. Both may throw, as `fail` does.
template <auto Get, auto Set>
constexpr afplug_option with_functions(afplug_option made) {
  made.kind = AFPLUG_KIND_CALL;
  if constexpr (!std::is_null_pointer_v<decltype(Get)>) made.get = &detail::get_option<Get>;
  if constexpr (!std::is_null_pointer_v<decltype(Set)>) made.set = &detail::set_option<Set>;
  return made;
}

/// Makes the constants of one group: `ipproto(AFPLUG_NAMED(IPPROTO_TCP))`.
struct constant_group {
  const char* group;
  template <class T>
  constexpr afplug_constant operator()(const char* name, T value) const {
    if constexpr (std::is_integral_v<T> || std::is_enum_v<T>)
      return {sizeof(afplug_constant), 0, name, group, static_cast<std::int64_t>(value), nullptr};
    else
      return {sizeof(afplug_constant), 0, name, group, 0, value};
  }
};

/// The numbers of a table of options as constants of one group.
template <std::size_t N>
consteval std::array<afplug_constant, N> constants_of(const char* group, const std::array<afplug_option, N>& options) {
  std::array<afplug_constant, N> made{};
  for (std::size_t i = 0; i < N; ++i) made[i] = constant_group{group}(options[i].name, options[i].number);
  return made;
}

/// A member of an option's struct: `AFPLUG_MEMBER(ip_mreqn, imr_ifindex, "ifindex", AFPLUG_KIND_IFINDEX)`.
#define AFPLUG_MEMBER(struct_type, c_name, text_name, member_kind) \
  ::afplug::plugin::member(text_name, member_kind, offsetof(struct_type, c_name), sizeof(struct_type::c_name))

/// A member at an offset. For flags and help use `optional`, `hex`, `with_help`; for durations `with_unit`.
constexpr afplug_member member(const char* name, std::uint32_t kind, std::size_t offset, std::size_t bytes) {
  const value_kind* known = find_kind(kind);
  if (known == nullptr || !known->member) throw std::invalid_argument("a member cannot be of this kind");
  if (known->bytes != 0 && bytes != known->bytes) throw std::invalid_argument("the kind has another size");
  return {sizeof(afplug_member),
          kind,
          name,
          static_cast<std::uint32_t>(offset),
          static_cast<std::uint32_t>(bytes),
          0,
          0,
          nullptr,
          nullptr};
}
constexpr afplug_member optional(afplug_member made) {
  made.flags |= AFPLUG_MEMBER_OPTIONAL;
  return made;
}
constexpr afplug_member hex(afplug_member made) {
  made.flags |= AFPLUG_MEMBER_HEX;
  return made;
}
constexpr afplug_member with_values(afplug_member made, const char* prefix) {
  made.values = prefix;
  return made;
}
constexpr afplug_member with_unit(afplug_member made, std::uint32_t unit) {
  made.unit = unit;
  return made;
}
constexpr afplug_member with_help(afplug_member made, const char* help) {
  made.help = help;
  return made;
}

/// A field of an address. TEXT and BYTES have room for AFPLUG_ADDRESS_MAX bytes.
constexpr afplug_member field(const char* name, std::uint32_t kind, const char* help, std::uint32_t flags = 0) {
  return {sizeof(afplug_member), kind, name, 0, AFPLUG_ADDRESS_MAX, 0, flags, nullptr, help};
}

/// What opening a row takes of the platform.
struct requirements {
  const char* module = nullptr;      ///< kernel module
  const char* config = nullptr;      ///< kernel configuration symbol
  const char* capability = nullptr;  ///< "CAP_NET_RAW"
};

/// A row whose native triple is its own: `row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(IPPROTO_TCP), flags, "tcp", {},
/// "…")`. `options` are the option groups, space-separated.
constexpr afplug_row row(const char* type_name, int type, const char* protocol_name, int protocol, std::uint32_t flags,
                         const char* options, requirements required, const char* help) {
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

/// The row with another native triple.
constexpr afplug_row with_native(afplug_row made, int domain, int type, int protocol) {
  made.native_domain = domain;
  made.native_type = type;
  made.native_protocol = protocol;
  return made;
}

/// Lets the kernel answer for every type and protocol that the rows before it do not name. Put it last.
constexpr afplug_row pass_through(const char* options) {
  return row("any", AFPLUG_ANY, nullptr, AFPLUG_ANY, AFPLUG_ROW_HIDDEN, options, {}, "whatever the kernel has");
}

// ---- text -----------------------------------------------------------------------------------------------------------

/// The value of a hexadecimal digit; -1: it is none.
inline int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Appends "%XX".
inline void append_percent_encoded(std::string& out, char c) {
  constexpr char digits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

/// Bytes as text that `percent_decode` turns into the same bytes: '%', what does not print, what is not UTF-8 and what
/// stands in `reserved` become %XX; the first byte also where it stands in `reserved_first`.
inline std::string percent_encode(std::string_view bytes, std::string_view reserved = {},
                                  std::string_view reserved_first = {}) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const char c = bytes[at];
    const std::size_t size = detail::printable(bytes.substr(at));
    if (size == 0 || c == '%' || reserved.find(c) != reserved.npos ||
        (at == 0 && reserved_first.find(c) != reserved.npos))
      append_percent_encoded(out, c), ++at;
    else
      out += bytes.substr(at, size), at += size;
  }
  return out;
}

/// The bytes that a text means. EINVAL: a '%' without two hexadecimal digits after it.
inline std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    const int high = at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
    if (high < 0 || low < 0)
      fail(EINVAL, "'%' in '", text, "' needs two hexadecimal digits after it: write %25 for a '%'");
    out += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return out;
}

/// "0x1f".
inline std::string hexadecimal(std::uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  return concat("0x", std::string_view(digits, end));
}

/// A whole number, decimal or with 0x: nothing before, nothing after. EINVAL: no number; ERANGE: outside least..most.
/// Both errors name `field`.
template <class T = std::uint64_t>
requires std::is_integral_v<T> T parse_integer(std::string_view field, std::string_view text,
                                               std::type_identity_t<T> least, std::type_identity_t<T> most) {
  const bool minus = std::is_signed_v<T> && text.starts_with('-');
  std::string_view digits = text.substr(minus ? 1 : 0);
  const bool hexadecimals = digits.starts_with("0x") || digits.starts_with("0X");
  if (hexadecimals) digits.remove_prefix(2);
  std::uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, hexadecimals ? 16 : 10);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
    if (std::is_unsigned_v<T> && text.size() > 1 && text[0] == '-' &&
        text.find_first_not_of("0123456789", 1) == text.npos)
      fail(ERANGE, field, " must be ", least, "-", most, ", not ", text);
    fail(EINVAL, field, " '", text, "' is not a number");
  }
  const auto top = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  const bool fits = error == std::errc{} && magnitude <= top + (minus ? 1u : 0u);
  const T value = fits ? static_cast<T>(minus ? 0 - magnitude : magnitude) : T{};
  if (!fits || value < least || value > most) fail(ERANGE, field, " must be ", least, "-", most, ", not ", text);
  return value;
}

/// The "?key=value&…" of an address. The body is what stands before the first '?'.
class query {
 public:
  /// Splits `text`, which must outlive this. EINVAL: a key without '=' or given twice, or more than sixteen.
  explicit query(std::string_view text) : body_(text.substr(0, text.find('?'))) {
    if (body_.size() == text.size()) return;
    std::string_view rest = text.substr(body_.size() + 1);
    for (bool more = true; more;) {
      const std::string_view part = rest.substr(0, rest.find('&'));
      more = part.size() < rest.size();
      rest.remove_prefix(more ? part.size() + 1 : part.size());
      const auto equals = part.find('=');
      if (equals == 0 || equals == part.npos) fail(EINVAL, "'", part, "' after '?' is not of the form key=value");
      const std::string_view name = part.substr(0, equals);
      if (find(name) != nullptr) fail(EINVAL, "'", name, "' is given twice");
      if (count_ == entries_.size()) fail(EINVAL, "more than ", entries_.size(), " keys");
      entries_[count_++] = {name, part.substr(equals + 1), false};
    }
  }

  std::string_view body() const noexcept { return body_; }  ///< what stands before the keys

  /// The key's value as it is written, taken; null: not given. Use it with percent_decode.
  const std::string_view* take(std::string_view name) noexcept {
    entry* found = find(name);
    if (found == nullptr) return nullptr;
    found->taken = true;
    return &found->value;
  }
  /// The key's value as a number of 0..most, or `otherwise` where it is not given.
  std::uint64_t take(std::string_view name, std::uint64_t most, std::uint64_t otherwise) {
    const std::string_view* value = take(name);
    return value == nullptr ? otherwise : parse_integer(name, *value, 0, most);
  }
  /// EINVAL where a key was not taken: nobody knows it. `known` are the keys there are, for the sentence.
  void reject_unknown(std::string_view known) const {
    for (std::size_t i = 0; i < count_; ++i)
      if (!entries_[i].taken)
        fail(EINVAL, "no key '", entries_[i].name, "' here: there are ",
             known.empty() ? std::string_view("none") : known);
  }

 private:
  struct entry {
    std::string_view name, value;
    bool taken;
  };
  entry* find(std::string_view name) noexcept {
    const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto at = std::find_if(entries_.begin(), end, [&](const entry& e) { return e.name == name; });
    return at == end ? nullptr : &*at;
  }
  std::string_view body_;
  std::array<entry, 16> entries_{};
  std::size_t count_ = 0;
};

/// Appends "?name=value", or "&name=value" where there is a '?' already. The body must have its own '?'
/// percent-encoded, the value its '&' too.
inline void append_key(std::string& text, std::string_view name, std::string_view value) {
  text += text.find('?') == text.npos ? '?' : '&';
  text.append(name).append("=").append(value);
}

// ---- interfaces -----------------------------------------------------------------------------------------------------

/// The index of the interface of exactly that name. ENAMETOOLONG: over 15 bytes; ENODEV: there is none.
inline std::uint32_t interface_index(std::string_view name) {
  if (name.size() >= IF_NAMESIZE) fail(ENAMETOOLONG, "interface name '", name, "' is longer than 15 bytes");
  const std::string terminated(name);
  const unsigned index = name.find('\0') == name.npos ? if_nametoindex(terminated.c_str()) : 0;
  if (index == 0) fail(ENODEV, "there is no interface '", name, "'");
  return index;
}

/// The name of the interface of that index; empty: it has none.
inline std::string interface_name(std::uint32_t index) {
  char name[IF_NAMESIZE] = {};
  return index != 0 && if_indextoname(index, name) != nullptr ? std::string(name) : std::string();
}

/// An interface's name as an address writes it: bytes that the address forms use are percent-encoded, and so is the
/// first byte of a name that reads as something else: "any", all digits, one that begins with '@'.
inline std::string format_interface_name(std::string_view name, std::string_view reserved = "?&:/%[]") {
  const bool mistakable = name == "any" || name.starts_with('@') || name.find_first_not_of("0123456789") == name.npos;
  if (!mistakable || name.empty()) return percent_encode(name, reserved);
  std::string out;
  append_percent_encoded(out, name[0]);
  return out + percent_encode(name.substr(1), reserved);
}

/// An interface index as an address writes it: the name, "any" for 0, "%index=7" for one without a name.
inline std::string format_interface(std::uint32_t index, std::string_view reserved = "?&:/%[]") {
  if (index == 0) return "any";
  const std::string name = interface_name(index);
  return name.empty() ? concat("%index=", index) : format_interface_name(name, reserved);
}

/// The index that `format_interface` wrote: "any" is 0, "%index=7" and "7" are 7, else the name's. Errors as
/// interface_index's.
inline std::uint32_t parse_interface(std::string_view text) {
  constexpr std::string_view by_index = "%index=";
  constexpr auto most = std::numeric_limits<std::uint32_t>::max();
  if (text == "any") return 0;
  if (text.starts_with(by_index))
    return static_cast<std::uint32_t>(parse_integer("interface index", text.substr(by_index.size()), 0, most));
  if (!text.empty() && text.find_first_not_of("0123456789") == text.npos)
    return static_cast<std::uint32_t>(parse_integer("interface index", text, 0, most));
  if (text.empty()) fail(EINVAL, "the interface is missing");
  return interface_index(percent_decode(text));
}

// ---- address codecs -------------------------------------------------------------------------------------------------

/// A family's own address struct and how many bytes of it count.
template <class T>
struct native_address {
  T value;
  std::uint32_t length = sizeof(T);

  /// All bytes zero; `T{}` leaves padding, and what of a union lies behind its first member.
  native_address() noexcept { std::memset(static_cast<void*>(&value), 0, sizeof value); }
  native_address(const T& all, std::uint32_t bytes = sizeof(T)) : value(all), length(bytes) {}
  const T* operator->() const noexcept { return &value; }
  T* operator->() noexcept { return &value; }
};

/// Fields that a program gave, by position in the codec's table.
class field_reader {
 public:
  field_reader(std::span<const afplug_member> table, std::span<const afplug_value> values)
      : table_(table), values_(values) {
    for (std::size_t i = table.size(); i < values.size(); ++i)
      if (values[i].kind != 0) fail(EINVAL, "an address here has ", table.size(), " fields, not ", values.size());
    for (std::size_t i = 0; i < table.size(); ++i)
      if (!has(i) && !(table[i].flags & AFPLUG_MEMBER_OPTIONAL)) fail(EINVAL, name(i), " is missing");
  }
  bool has(std::size_t i) const noexcept { return i < values_.size() && values_[i].kind != 0; }

  /// Field i as a number of 0..most; `otherwise` where it is not given.
  std::uint64_t number(std::size_t i, std::uint64_t most, std::uint64_t otherwise = 0) const {
    if (!has(i)) return otherwise;
    const afplug_value& value = values_[i];
    if (value.kind != AFPLUG_KIND_U64 && value.kind != AFPLUG_KIND_I64) fail(EINVAL, name(i), " must be a number");
    const bool negative = value.kind == AFPLUG_KIND_I64 && value.n.i < 0;
    if (negative) fail(ERANGE, name(i), " must be 0-", most, ", not ", value.n.i);
    if (value.n.u > most) fail(ERANGE, name(i), " must be 0-", most, ", not ", value.n.u);
    return value.n.u;
  }
  /// Field i as bytes, text or not; empty where it is not given.
  std::string_view text(std::size_t i) const {
    if (!has(i)) return {};
    const afplug_value& value = values_[i];
    if (value.kind != AFPLUG_KIND_TEXT && value.kind != AFPLUG_KIND_BYTES) fail(EINVAL, name(i), " must be text");
    if (value.size > sizeof value.bytes) fail(ENAMETOOLONG, name(i), " is longer than ", sizeof value.bytes, " bytes");
    return {reinterpret_cast<const char*>(value.bytes), value.size};
  }

 private:
  std::string_view name(std::size_t i) const noexcept { return table_[i].name; }
  std::span<const afplug_member> table_;
  std::span<const afplug_value> values_;
};

/// Fields of an address for a program, in the order of the codec's table.
class field_writer {
 public:
  field_writer& number(std::uint64_t value) {
    afplug_value& next = take(AFPLUG_KIND_U64, 0);
    next.n.u = value;
    return *this;
  }
  field_writer& integer(std::int64_t value) {
    afplug_value& next = take(AFPLUG_KIND_I64, 0);
    next.n.i = value;
    return *this;
  }
  /// Fields that this form of the address does not have.
  field_writer& absent(std::size_t fields = 1) {
    while (fields-- != 0) take(0, 0);
    return *this;
  }
  field_writer& text(std::string_view value) { return copy(AFPLUG_KIND_TEXT, value); }
  field_writer& bytes(std::string_view value) { return copy(AFPLUG_KIND_BYTES, value); }
  std::span<const afplug_value> values() const noexcept { return {values_.data(), count_}; }

 private:
  field_writer& copy(std::uint32_t kind, std::string_view value) {
    if (value.size() > AFPLUG_ADDRESS_MAX) fail(ENAMETOOLONG, "a field of ", value.size(), " bytes");
    std::copy(value.begin(), value.end(), take(kind, value.size()).bytes);
    return *this;
  }
  afplug_value& take(std::uint32_t kind, std::size_t size) {
    afplug_value& next = values_.at(count_++);
    next.kind = kind;
    next.size = static_cast<std::uint32_t>(size);
    return next;
  }
  std::array<afplug_value, 8> values_{};
  std::size_t count_ = 0;
};

/// Appends what the keys before do not say of an address whose form has `usual` bytes: "length=N" where it has another
/// length, "tail=HEX" for bytes behind the form that are not zero. So that any sockaddr of the family can be read
/// again, byte for byte.
template <class T>
void append_length_and_tail(std::string& text, const native_address<T>& it, std::uint32_t usual) {
  if (it.length != usual) append_key(text, "length", std::to_string(it.length));
  const auto* bytes = reinterpret_cast<const char*>(&it.value);
  std::uint32_t end = it.length;
  while (end > usual && bytes[end - 1] == 0) --end;
  std::string tail;
  for (std::uint32_t i = usual; i < end; ++i) {
    append_percent_encoded(tail, bytes[i]);
    tail.erase(tail.size() - 3, 1);
  }
  if (!tail.empty()) append_key(text, "tail", tail);
}

/// Takes the two keys that `append_length_and_tail` writes. `it.length` is the form's own length before, the address's
/// after.
template <class T>
void parse_length_and_tail(native_address<T>& it, query& from, std::uint32_t least) {
  const auto length = from.take("length", sizeof(T), it.length);
  if (length < least) fail(ERANGE, "length must be ", least, "-", sizeof(T), ", not ", length);
  auto* bytes = reinterpret_cast<char*>(&it.value);
  std::fill(bytes + std::min<std::size_t>(it.length, length), bytes + length, '\0');
  if (const auto* tail = from.take("tail")) {
    if (tail->size() % 2 != 0 || it.length + tail->size() / 2 > length)
      fail(EINVAL, "tail has more bytes than length leaves");
    for (std::size_t i = 0; i < tail->size(); i += 2) {
      const int high = hex_digit((*tail)[i]), low = hex_digit((*tail)[i + 1]);
      if (high < 0 || low < 0) fail(EINVAL, "tail '", *tail, "' is not hexadecimal");
      bytes[it.length + i / 2] = static_cast<char>(high * 16 + low);
    }
  }
  it.length = static_cast<std::uint32_t>(length);
}

namespace detail {
template <class C>
constexpr std::uint32_t min_length() {
  if constexpr (requires { C::min_length; })
    return C::min_length;
  else
    return sizeof(typename C::address);
}

template <class C>
native_address<typename C::address> load(const void* address, std::uint32_t length) {
  std::uint16_t family = 0;
  if (length < min_length<C>() || length < sizeof family || length > AFPLUG_ADDRESS_MAX)
    fail(EINVAL, "an address of ", length, " bytes");
  std::memcpy(&family, address, sizeof family);
  if (family != C::family) fail(EINVAL, "an address of family ", family);
  native_address<typename C::address> out;
  out.length = std::min<std::uint32_t>(length, sizeof out.value);
  std::memcpy(static_cast<void*>(&out.value), address, out.length);
  return out;
}

inline void store(afplug_sockaddr& out, const void* address, std::uint32_t length) noexcept {
  out = {};
  out.length = length;
  std::memcpy(out.u.bytes, address, length);
}

template <class C>
struct codec_slots {
  using address = typename C::address;
  static_assert(std::is_trivially_copyable_v<address> && sizeof(address) <= AFPLUG_ADDRESS_MAX);

  static std::int32_t parse(const afplug_identity* who, const char* text, std::size_t size, afplug_sockaddr* out,
                            afplug_text* why) noexcept {
    return catch_errors(
        [&]() -> std::int32_t {
          const native_address<address> made = C::parse(*who, std::string_view(text, size));
          store(*out, &made.value, made.length);
          return 0;
        },
        why);
  }
  static std::int32_t format(const afplug_identity* who, const void* raw, std::uint32_t length,
                             afplug_text* out) noexcept {
    return catch_errors([&]() -> std::int32_t {
      const std::string text = C::format(*who, load<C>(raw, length));
      write_text(out, text);
      return 0;
    });
  }
  static std::int32_t get(const afplug_identity* who, const void* raw, std::uint32_t length, afplug_value* values,
                          std::uint32_t capacity) noexcept {
    return catch_errors([&]() -> std::int32_t {
      field_writer made;
      C::get(*who, load<C>(raw, length), made);
      const auto all = made.values();
      std::copy_n(all.begin(), std::min<std::size_t>(all.size(), capacity), values);
      return static_cast<std::int32_t>(all.size());
    });
  }
  static std::int32_t set(const afplug_identity* who, const afplug_value* values, std::uint32_t count,
                          afplug_sockaddr* out, afplug_text* why) noexcept {
    return catch_errors(
        [&]() -> std::int32_t {
          const native_address<address> made = C::set(*who, field_reader(C::fields, {values, count}));
          store(*out, &made.value, made.length);
          return 0;
        },
        why);
  }
};
}  // namespace detail

/// The contract's codec from a class that works on the family's own struct:
///
///   struct codec {
///     using address = sockaddr_in;             // begins with its sa_family_t; trivially copyable
///     static constexpr int family = AF_INET;   // other addresses are refused with EINVAL
///     static constexpr std::uint32_t min_length = …; // left out: an address is never shorter than the struct
///     static constexpr std::array fields{field("host", AFPLUG_KIND_TEXT, "…"), …};
///     static native_address<address> parse(const afplug_identity&, std::string_view text);
///     static std::string format(const afplug_identity&, const native_address<address>&);
///     static void get(const afplug_identity&, const native_address<address>&, field_writer&);
///     static native_address<address> set(const afplug_identity&, const field_reader&);
///   };
///
/// All four may throw; `fail` says why.
template <class C>
inline constexpr afplug_codec codec_of{sizeof(afplug_codec),
                                       0,
                                       array(C::fields),
                                       &detail::codec_slots<C>::parse,
                                       &detail::codec_slots<C>::format,
                                       &detail::codec_slots<C>::get,
                                       &detail::codec_slots<C>::set};

// ---- the family and the plugin --------------------------------------------------------------------------------------

/// What a kernel-backed family is made of; give it with designated initializers. `check` and `extension` are slots (see
/// `slot`).
struct family_definition {
  const char* id = nullptr;
  const char* name = nullptr;
  std::int32_t number = 0;
  std::uint32_t flags = 0;
  const char* help = nullptr;
  plugin::requirements requirements{};  ///< module and configuration symbol of the family as a whole
  afplug_array rows{};
  afplug_array options{};
  afplug_array constants{};
  const afplug_codec* codec = nullptr;
  const afplug_kernel_ops* ops = nullptr;
  decltype(afplug_family::check) check = nullptr;
  decltype(afplug_family::extension) extension = nullptr;
};

/// A family that the kernel backs.
constexpr afplug_family kernel_family(const family_definition& parts) {
  afplug_family made{};
  made.size = sizeof made;
  made.backing = AFPLUG_BACKING_KERNEL;
  made.flags = parts.flags;
  made.number = parts.number;
  made.id = parts.id;
  made.name = parts.name;
  made.help = parts.help;
  made.module = parts.requirements.module;
  made.config = parts.requirements.config;
  made.rows = parts.rows;
  made.options = parts.options;
  made.constants = parts.constants;
  made.codec = parts.codec;
  made.kernel_ops = parts.ops;
  made.check = parts.check;
  made.extension = parts.extension;
  return made;
}

/// A family in user space: the same parts, with its operations.
constexpr afplug_family user_family(const family_definition& parts, const afplug_user_ops& ops) {
  afplug_family made = kernel_family(parts);
  made.backing = AFPLUG_BACKING_USER;
  made.kernel_ops = nullptr;
  made.user_ops = &ops;
  return made;
}

/// Overwrites a verdict's reason, sentence and remedy, cut to their room. For `check`.
inline void set_verdict(afplug_verdict& verdict, int state, std::string_view reason, std::string_view detail,
                        std::string_view remedy) noexcept {
  const auto put = [](auto& to, std::string_view text) { to[text.copy(to, sizeof to - 1)] = '\0'; };
  verdict.state = state;
  put(verdict.reason, reason);
  put(verdict.detail, detail);
  put(verdict.remedy, remedy);
}

namespace detail {
template <std::size_t N>
struct note_record {
  std::uint32_t name_size;
  std::uint32_t description_size;
  std::uint32_t type;
  char name[8];
  afplug_note_header header;
  afplug_note_family families[N];
};

template <std::size_t Room>
consteval void copy_text(char (&to)[Room], std::string_view text) {
  if (text.empty() || text.size() >= Room) throw "too long for the note";
  std::copy(text.begin(), text.end(), to);
}

/// The note that says what the descriptors say; at compile time, so that the two can't differ.
template <class Families>
consteval auto note(std::string_view provider, std::string_view version, const Families& families) {
  constexpr std::size_t count = std::tuple_size_v<Families>;
  static_assert(count > 0 && count <= AFPLUG_NOTE_FAMILIES_MAX);
  note_record<count> made{};
  made.name_size = sizeof AFPLUG_NOTE_NAME;
  made.description_size = sizeof made.header + sizeof made.families;
  made.type = AFPLUG_NOTE_TYPE;
  copy_text(made.name, AFPLUG_NOTE_NAME);
  made.header.size = sizeof made.header;
  made.header.abi_major = AFPLUG_ABI_MAJOR;
  made.header.abi_minor = AFPLUG_ABI_MINOR;
  made.header.family_count = count;
  made.header.stride = sizeof made.families[0];
  copy_text(made.header.provider, provider);
  copy_text(made.header.version, version);
  for (std::size_t i = 0; i < count; ++i) {
    copy_text(made.families[i].id, families[i].id);
    made.families[i].number = families[i].number;
    made.families[i].flags = families[i].flags;
  }
  return made;
}
}  // namespace detail

/// What afplug_entry does: -EPROTONOSUPPORT where the host's major is another, else the tables, for the lower of the
/// two minors.
inline std::int32_t fill_plugin(const afplug_host* host, afplug_plugin* out, const char* provider, const char* version,
                                afplug_array families) noexcept {
  if (host == nullptr || out == nullptr) return -EINVAL;
  if (host->abi_major != AFPLUG_ABI_MAJOR) return -EPROTONOSUPPORT;
  if (out->size < offsetof(afplug_plugin, families) + sizeof out->families) return -EINVAL;
  afplug_plugin made{};
  made.size = std::min<std::uint32_t>(out->size, sizeof made);
  made.abi_major = AFPLUG_ABI_MAJOR;
  made.abi_minor = std::min<std::uint16_t>(host->abi_minor, std::uint16_t{AFPLUG_ABI_MINOR});
  made.provider = provider;
  made.version = version;
  made.families = families;
  std::memcpy(out, &made, made.size);
  return 0;
}

}  // namespace AFPLUG_HIDDEN
}  // namespace afplug::plugin

/// Defines the entry and the note of a plugin; once in a plugin, outside any namespace. `families` is a constexpr
/// std::array<afplug_family, N> with static storage, provider and version are string literals.
#define AFPLUG_PLUGIN(provider, version, families)                                                                   \
  namespace {                                                                                                        \
  AFPLUG_NOTE_PLACE constexpr auto afplug_note_record = ::afplug::plugin::detail::note(provider, version, families); \
  }                                                                                                                  \
  extern "C" AFPLUG_EXPORT std::int32_t afplug_entry(const afplug_host* host, afplug_plugin* out) {                  \
    return ::afplug::plugin::fill_plugin(host, out, provider, version, ::afplug::plugin::array(families));           \
  }
