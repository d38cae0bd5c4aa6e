// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Address codecs: `codec_of` makes the contract's codec from a class that works on the family's own sockaddr.
#pragma once

#include <afplug/plugin/config.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/plugin/error.hpp>
#include <afplug/plugin/tables.hpp>
#include <afplug/plugin/text.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace afplug::plugin {
inline namespace AFPLUG_ABI_NAMESPACE AFPLUG_HIDDEN {

/// A field of an address. `kind` is AFPLUG_KIND_*, `flags` AFPLUG_MEMBER_*, `help` one line. Fields of kind TEXT and
/// BYTES may have up to AFPLUG_ADDRESS_MAX bytes.
constexpr afplug_member field(const char* name, std::uint32_t kind, const char* help, std::uint32_t flags = 0) {
  return {sizeof(afplug_member), kind, name, 0, AFPLUG_ADDRESS_MAX, 0, flags, nullptr, help};
}

/// A family's sockaddr struct and the length of the address in bytes, which may be less than the struct's.
template <class T>
struct native_address {
  T value;
  std::uint32_t length = sizeof(T);

  /// All bytes are zero, padding and all members of unions included, which `T{}` does not guarantee.
  native_address() noexcept { std::memset(static_cast<void*>(&value), 0, sizeof value); }
  native_address(const T& all, std::uint32_t bytes = sizeof(T)) : value(all), length(bytes) {}
  /// From and to an endpoint of the family (<afplug/endpoint.hpp>), whose native_type is T.
  template <class Endpoint>
  requires std::is_same_v<typename Endpoint::native_type, T> native_address(const Endpoint& from)
      : value(from.native()), length(static_cast<std::uint32_t>(from.size())) {}
  template <class Endpoint>
  Endpoint as() const {
    return Endpoint::wrap(value, length);
  }
  const T* operator->() const noexcept { return &value; }
  T* operator->() noexcept { return &value; }
};

/// The fields that a program passed for an address, by position in the codec's table.
class field_reader {
 public:
  /// EINVAL: a field that is not optional is missing, or there are more values than fields.
  field_reader(std::span<const afplug_member> table, std::span<const afplug_value> values)
      : table_(table), values_(values) {
    for (std::size_t i = table.size(); i < values.size(); ++i)
      if (values[i].kind != 0) fail(EINVAL, "an address here has ", table.size(), " fields, not ", values.size());
    for (std::size_t i = 0; i < table.size(); ++i)
      if (!has(i) && !(table[i].flags & AFPLUG_MEMBER_OPTIONAL)) fail(EINVAL, name(i), " is missing");
  }
  bool has(std::size_t i) const noexcept { return i < values_.size() && values_[i].kind != 0; }

  /// Field i as a number, or `otherwise` where it is not given. EINVAL: it is not a number; ERANGE: it is not in
  /// 0..max.
  std::uint64_t number(std::size_t i, std::uint64_t max, std::uint64_t otherwise = 0) const {
    if (!has(i)) return otherwise;
    const afplug_value& value = values_[i];
    if (value.kind != AFPLUG_KIND_U64 && value.kind != AFPLUG_KIND_I64) fail(EINVAL, name(i), " must be a number");
    const bool negative = value.kind == AFPLUG_KIND_I64 && value.n.i < 0;
    if (negative) fail(ERANGE, name(i), " must be 0-", max, ", not ", value.n.i);
    if (value.n.u > max) fail(ERANGE, name(i), " must be 0-", max, ", not ", value.n.u);
    return value.n.u;
  }
  /// Field i, of kind TEXT or BYTES; empty where it is not given. EINVAL: it is a number; ENAMETOOLONG: it is longer
  /// than AFPLUG_ADDRESS_MAX bytes.
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

/// The fields of an address for a program: each call adds the next field of the codec's table. At most eight.
class field_writer {
 public:
  /// An unsigned number.
  field_writer& number(std::uint64_t value) {
    afplug_value& next = add(AFPLUG_KIND_U64, 0);
    next.n.u = value;
    return *this;
  }
  /// A signed number.
  field_writer& integer(std::int64_t value) {
    afplug_value& next = add(AFPLUG_KIND_I64, 0);
    next.n.i = value;
    return *this;
  }
  /// Fields that this address does not have.
  field_writer& absent(std::size_t fields = 1) {
    while (fields-- != 0) add(0, 0);
    return *this;
  }
  /// Text and bytes of at most AFPLUG_ADDRESS_MAX bytes, else ENAMETOOLONG.
  field_writer& text(std::string_view value) { return copy(AFPLUG_KIND_TEXT, value); }
  field_writer& bytes(std::string_view value) { return copy(AFPLUG_KIND_BYTES, value); }
  std::span<const afplug_value> values() const noexcept { return {values_.data(), count_}; }  ///< the fields so far

 private:
  field_writer& copy(std::uint32_t kind, std::string_view value) {
    if (value.size() > AFPLUG_ADDRESS_MAX) fail(ENAMETOOLONG, "a field of ", value.size(), " bytes");
    std::copy(value.begin(), value.end(), add(kind, value.size()).bytes);
    return *this;
  }
  afplug_value& add(std::uint32_t kind, std::size_t size) {
    afplug_value& next = values_.at(count_++);
    next.kind = kind;
    next.size = static_cast<std::uint32_t>(size);
    return next;
  }
  std::array<afplug_value, 8> values_{};
  std::size_t count_ = 0;
};

/// Appends what the text so far does not show of an address that normally has `usual` bytes: "length=N" where it has
/// another length, "tail=HEX" where the bytes behind `usual` are not zero. With it every sockaddr of the family can be
/// parsed again, byte for byte.
template <class T>
void append_length_and_tail(std::string& text, const native_address<T>& it, std::uint32_t usual) {
  if (it.length != usual) append_key(text, "length", std::to_string(it.length));
  const auto* bytes = reinterpret_cast<const unsigned char*>(&it.value);
  std::uint32_t end = it.length;
  while (end > usual && bytes[end - 1] == 0) --end;
  std::string tail;
  for (std::uint32_t i = usual; i < end; ++i) append_hex(tail, bytes[i]);
  if (!tail.empty()) append_key(text, "tail", tail);
}

/// Takes the keys that `append_length_and_tail` wrote from the query. Before, `it.length` is the usual length; after,
/// the length of this address. EINVAL: tail is not hexadecimal, or does not fit; ERANGE: length is not in
/// min..sizeof(T).
template <class T>
void parse_length_and_tail(native_address<T>& it, query& from, std::uint32_t min) {
  const auto length = static_cast<std::uint32_t>(from.take("length", sizeof(T), it.length));
  if (length < min) fail(ERANGE, "length must be ", min, "-", sizeof(T), ", not ", length);
  auto* bytes = reinterpret_cast<char*>(&it.value);
  std::fill(bytes + std::min<std::size_t>(it.length, length), bytes + length, '\0');
  if (const auto* text = from.take("tail")) {
    if (text->size() % 2 != 0 || it.length + text->size() / 2 > length)
      fail(EINVAL, "tail has more bytes than length leaves");
    const auto tail = try_hex_decode(*text);
    if (!tail) fail(EINVAL, "tail ", quote(*text), " is not hexadecimal");
    tail->copy(bytes + it.length, tail->size());
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
native_address<typename C::address> load_address(const void* address, std::uint32_t length) {
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

inline void store_address(afplug_sockaddr& out, const void* address, std::uint32_t length) noexcept {
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
          store_address(*out, &made.value, made.length);
          return 0;
        },
        why);
  }
  static std::int32_t format(const afplug_identity* who, const void* raw, std::uint32_t length,
                             afplug_text* out) noexcept {
    return catch_errors([&]() -> std::int32_t {
      const std::string text = C::format(*who, load_address<C>(raw, length));
      write_text(out, text);
      return 0;
    });
  }
  static std::int32_t get(const afplug_identity* who, const void* raw, std::uint32_t length, afplug_value* values,
                          std::uint32_t capacity) noexcept {
    return catch_errors([&]() -> std::int32_t {
      field_writer made;
      C::get(*who, load_address<C>(raw, length), made);
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
          store_address(*out, &made.value, made.length);
          return 0;
        },
        why);
  }
};
}  // namespace detail

/// The contract's codec (afplug_codec) from a class of the form
///
///   struct codec {
///     using address = sockaddr_in;             // trivially copyable, and its first member is the sa_family_t
///     static constexpr int family = AF_INET;   // the sa_family_t; addresses of others are refused with EINVAL
///     static constexpr std::uint32_t min_length = …; // optional: the shortest address; without it sizeof(address)
///     static constexpr std::array fields{field("host", AFPLUG_KIND_TEXT, "…"), …};
///     static native_address<address> parse(const afplug_identity&, std::string_view text);
///     static std::string format(const afplug_identity&, const native_address<address>&);
///     static void get(const afplug_identity&, const native_address<address>&, field_writer&);
///     static native_address<address> set(const afplug_identity&, const field_reader&);
///   };
///
/// All four functions may throw, as `fail` does; the text of parse's and set's errors reaches the program.
template <class C>
inline constexpr afplug_codec codec_of{sizeof(afplug_codec),
                                       0,
                                       array(C::fields),
                                       &detail::codec_slots<C>::parse,
                                       &detail::codec_slots<C>::format,
                                       &detail::codec_slots<C>::get,
                                       &detail::codec_slots<C>::set};

}  // namespace AFPLUG_HIDDEN
}  // namespace afplug::plugin
