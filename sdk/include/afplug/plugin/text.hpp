// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What codecs parse addresses with: numbers, percent-encoded text, and the "?key=value" part of an address. The
// functions throw `failure` with an error text for the program.
#pragma once

#include <afplug/plugin/config.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/plugin/error.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace afplug::plugin {
inline namespace AFPLUG_ABI_NAMESPACE AFPLUG_HIDDEN {

/// The bytes that percent-encoded text stands for. EINVAL: a '%' is not followed by two hexadecimal digits.
inline std::string percent_decode(std::string_view text) {
  auto decoded = try_percent_decode(text);
  if (!decoded) fail(EINVAL, "'%' in ", quote(text), " needs two hexadecimal digits after it: write %25 for a '%'");
  return *std::move(decoded);
}

/// The integer that all of `text` is, in decimal or in hexadecimal with "0x". `field` names it in error texts. EINVAL:
/// the text is not a number; ERANGE: the number is not in min..max.
template <class T = std::uint64_t>
requires std::is_integral_v<T> T parse_integer(std::string_view field, std::string_view text,
                                               std::type_identity_t<T> min, std::type_identity_t<T> max) {
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
      fail(ERANGE, field, " must be ", min, "-", max, ", not ", excerpt(text, quoted_bytes));
    fail(EINVAL, field, " ", quote(text), " is not a number");
  }
  const auto top = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  const bool fits = error == std::errc{} && magnitude <= top + (minus ? 1u : 0u);
  const T value = fits ? static_cast<T>(minus ? 0 - magnitude : magnitude) : T{};
  if (!fits || value < min || value > max)
    fail(ERANGE, field, " must be ", min, "-", max, ", not ", excerpt(text, quoted_bytes));
  return value;
}

/// The GUID in lower case. EINVAL: `text` is not 8-4-4-4-12 hexadecimal digits; `field` names it in the error text.
inline std::string normalize_guid(std::string_view field, std::string_view text) {
  constexpr std::string_view pattern = "00000000-0000-0000-0000-000000000000";
  bool valid = text.size() == pattern.size();
  std::string out(text);
  for (std::size_t i = 0; valid && i < pattern.size(); ++i) {
    valid = pattern[i] == '-' ? text[i] == '-' : hex_digit(text[i]) >= 0;
    if (out[i] >= 'A' && out[i] <= 'F') out[i] = static_cast<char>(out[i] - 'A' + 'a');
  }
  if (!valid) fail(EINVAL, field, " ", quote(text), " is not a GUID: xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
  return out;
}

/// The "?key=value&key=value" at the end of an address, as a URI's query has it. Values are percent-encoded.
class query {
 public:
  /// Splits `text`, which must outlive this. EINVAL: a part is not of the form key=value, a key is given twice, or
  /// there are more than sixteen.
  explicit query(std::string_view text) : body_(text.substr(0, text.find('?'))) {
    if (body_.size() == text.size()) return;
    std::string_view rest = text.substr(body_.size() + 1);
    for (bool more = true; more;) {
      const std::string_view part = rest.substr(0, rest.find('&'));
      more = part.size() < rest.size();
      rest.remove_prefix(more ? part.size() + 1 : part.size());
      const auto equals = part.find('=');
      if (equals == 0 || equals == part.npos) fail(EINVAL, quote(part), " after '?' is not of the form key=value");
      const std::string_view name = part.substr(0, equals);
      if (find(name) != nullptr) fail(EINVAL, quote(name), " is given twice");
      if (count_ == entries_.size()) fail(EINVAL, "more than ", entries_.size(), " keys");
      entries_[count_++] = {name, part.substr(equals + 1), false};
    }
  }

  std::string_view body() const noexcept { return body_; }  ///< what is before the first '?'

  /// The value of that key, still percent-encoded, or null where it is not given. Marks the key as known.
  const std::string_view* take(std::string_view name) noexcept {
    entry* found = find(name);
    if (found == nullptr) return nullptr;
    found->taken = true;
    return &found->value;
  }
  /// The value of that key as a number of 0..max, or `otherwise` where it is not given. Marks the key as known. Errors
  /// as for `parse_integer`.
  std::uint64_t take(std::string_view name, std::uint64_t max, std::uint64_t otherwise) {
    const std::string_view* value = take(name);
    return value == nullptr ? otherwise : parse_integer(name, *value, 0, max);
  }
  /// EINVAL: a key is given that was not taken. `known` lists the keys that there are, for the error text.
  void reject_unknown(std::string_view known) const {
    for (std::size_t i = 0; i < count_; ++i)
      if (!entries_[i].taken)
        fail(EINVAL, "unknown key ", quote(entries_[i].name), "; the keys here are ",
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

/// Appends "?name=value", or "&name=value" where `text` has a '?' already. '?' in what is before, and '&' in the value,
/// must be percent-encoded.
inline void append_key(std::string& text, std::string_view name, std::string_view value) {
  text += text.find('?') == text.npos ? '?' : '&';
  text.append(name).append("=").append(value);
}

}  // namespace AFPLUG_HIDDEN
}  // namespace afplug::plugin
