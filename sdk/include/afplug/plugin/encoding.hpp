// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Hexadecimal digits, percent-encoding, UTF-8, and quotation of text from outside. Nothing here reports an error text:
// see text.hpp for the functions that do.
#pragma once

#include <afplug/plugin/config.hpp>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace afplug::plugin {
inline namespace AFPLUG_ABI_NAMESPACE AFPLUG_HIDDEN {

/// The value of a hexadecimal digit in either case; -1 for any other character.
constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The byte that two hexadecimal digits at the start of `text` make; -1 where there are no two digits.
constexpr int hex_byte(std::string_view text) noexcept {
  const int high = text.size() >= 2 ? hex_digit(text[0]) : -1;
  const int low = high >= 0 ? hex_digit(text[1]) : -1;
  return low < 0 ? -1 : high * 16 + low;
}

/// Appends the byte as two lower-case hexadecimal digits.
inline void append_hex(std::string& out, unsigned char byte) {
  constexpr char digits[] = "0123456789abcdef";
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

/// Appends the byte as "%xx".
inline void append_percent_encoded(std::string& out, char byte) {
  out += '%';
  append_hex(out, static_cast<unsigned char>(byte));
}

/// The number with "0x" before it: "0x1f".
inline std::string hexadecimal(std::uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  return "0x" + std::string(digits, end);
}

/// The length in bytes of the character that `text` begins with, if it is well-formed UTF-8 (Unicode, table 3-7: no
/// overlong forms, surrogates and code points above U+10FFFF); else 0.
constexpr std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return text.empty() ? 0 : 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const unsigned second = byte(1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool above_unicode = first == 0xf4 && second > 0x8f;
  return overlong || surrogate || above_unicode ? 0 : size;
}

/// The same for characters that print: 0 also for control characters (U+0000-U+001F, U+007F-U+009F), line and paragraph
/// separators, and the controls that change the direction of the text after them (U+2028-U+202E, U+2066-U+2069).
constexpr std::size_t printable_length(std::string_view text) noexcept {
  const std::size_t size = utf8_length(text);
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const bool c0 = size == 1 && (byte(0) < 0x20 || byte(0) == 0x7f);
  const bool c1 = size == 2 && byte(0) == 0xc2 && byte(1) < 0xa0;
  const bool layout = size == 3 && byte(0) == 0xe2 &&
                      ((byte(1) == 0x80 && byte(2) >= 0xa8 && byte(2) <= 0xae) ||
                       (byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) < 0xaa));
  return c0 || c1 || layout ? 0 : size;
}

/// The text, in which "\xXX" replaces each byte that is not part of a printable character (see `printable_length`), and
/// a backslash precedes the characters in `reserved`.
inline std::string escape_unprintable(std::string_view text, std::string_view reserved = {}) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = printable_length(text.substr(at));
    if (size == 0) {
      out += "\\x";
      append_hex(out, static_cast<unsigned char>(text[at++]));
    } else {
      if (reserved.find(text[at]) != reserved.npos) out += '\\';
      out += text.substr(at, size);
      at += size;
    }
  }
  return out;
}

/// The start of `text`: at most `limit` bytes, and no part of a character at the end.
constexpr std::string_view shortened(std::string_view text, std::size_t limit) noexcept {
  if (text.size() <= limit) return text;
  for (std::size_t back = 1; back < 4 && back <= limit; ++back)
    if (const auto size = utf8_length(text.substr(limit - back)); size > back) return text.substr(0, limit - back);
  return text.substr(0, limit);
}

/// How many bytes of a text from outside `quote` shows.
inline constexpr std::size_t quoted_bytes = 64;

/// Text from outside (an argument, a name, what a file or another program wrote) for an error text or a log line, in
/// quotation marks. The result is printable and has one line: bytes as in `escape_unprintable`, and a backslash before
/// '"' and '\'. Of a text of more than `limit` bytes it has the first ones and the length: "abc…" (1000 bytes).
inline std::string quote(std::string_view text, std::size_t limit = quoted_bytes) {
  const auto start = shortened(text, limit);
  std::string out = '"' + escape_unprintable(start, "\"\\");
  out += start.size() == text.size() ? "\"" : "…\" (" + std::to_string(text.size()) + " bytes)";
  return out;
}

/// The same for whole sentences, such as the error text of another library: without quotation marks, and without a
/// backslash before them.
inline std::string excerpt(std::string_view text, std::size_t limit) {
  const auto start = shortened(text, limit);
  std::string out = escape_unprintable(start);
  if (start.size() != text.size()) out += "… (" + std::to_string(text.size()) + " bytes)";
  return out;
}

/// Encodes bytes as text from which `percent_decode` returns the same bytes. Encoded as "%xx" are '%', every byte that
/// is not part of a printable character, the characters in `reserved`, and at the start those in `reserved_first`.
inline std::string percent_encode(std::string_view bytes, std::string_view reserved = {},
                                  std::string_view reserved_first = {}) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const char c = bytes[at];
    const std::size_t size = printable_length(bytes.substr(at));
    if (size == 0 || c == '%' || reserved.find(c) != reserved.npos ||
        (at == 0 && reserved_first.find(c) != reserved.npos))
      append_percent_encoded(out, c), ++at;
    else
      out += bytes.substr(at, size), at += size;
  }
  return out;
}

/// The bytes that percent-encoded text stands for; nothing where a '%' is not followed by two hexadecimal digits.
inline std::optional<std::string> try_percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    const int byte = hex_byte(text.substr(at + 1));
    if (byte < 0) return std::nullopt;
    out += static_cast<char>(byte);
    at += 2;
  }
  return out;
}

/// The bytes of "00ff7f"; nothing where the text is not pairs of hexadecimal digits.
inline std::optional<std::string> try_hex_decode(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 2) {
    const int byte = hex_byte(text.substr(at));
    if (byte < 0) return std::nullopt;
    out += static_cast<char>(byte);
  }
  return out;
}

}  // namespace AFPLUG_HIDDEN
}  // namespace afplug::plugin
