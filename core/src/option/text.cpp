// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Converts option values to and from text, by kind: see AFPLUG_KIND_* in plugin.h.
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <afplug/option.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/plugin/value_kind.hpp>
#include <afplug/registry.hpp>
#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <ctime>
#include <limits>
#include <numeric>

#include "plugin_error_text.hpp"
#include "throwing.hpp"

namespace afplug {
namespace {

using plugin::quote;
using plugin::value_kind;
using bytes_view = std::span<const std::byte>;
using byte_vector = std::vector<std::byte>;

// Thrown by the functions of this file for invalid text or bytes; the public functions return it as an error code.
struct refusal {
  errc code;
  std::string why;
};

// The properties that an option and a member of an option's struct have in common.
struct shape {
  std::string name;  // "SO_LINGER", "SO_LINGER.onoff"
  std::uint32_t kind;
  std::uint32_t unit;
  std::uint32_t least;  // bytes
  std::uint32_t most;   // bytes; 0: the kind has no limit
  std::string_view values;
  bool hex;
  bool member;  // of a struct: its size is fixed
  const family* owner;
};

[[noreturn]] void refuse(const shape& s, const std::string& why, errc code = errc::invalid_argument) {
  throw refusal{code, s.name + ": " + why};
}

[[noreturn]] void misfit(const shape& s, std::size_t size) {
  refuse(s, std::to_string(size) + " bytes is not the size of its kind", errc::wrong_kind);
}

std::string shown(std::string_view digits) { return plugin::excerpt(digits, plugin::quoted_bytes); }

// ---- characters ----

void append_hex(std::string& out, std::byte b) { plugin::append_hex(out, std::to_integer<unsigned char>(b)); }

byte_vector to_bytes(std::string_view text) {
  const auto raw = std::as_bytes(std::span(text));
  return {raw.begin(), raw.end()};
}

// Percent-encodes bytes outside printable ASCII, and in a struct the separators of its members.
std::string escape(bytes_view raw, bool member) {
  std::string out;
  for (const auto b : raw) {
    const char c = static_cast<char>(b);
    const bool prints = c >= 0x20 && c < 0x7f;
    if (prints && c != '%' && !(member && std::string_view(",={}").find(c) != std::string_view::npos))
      out += c;
    else
      plugin::append_percent_encoded(out, c);
  }
  return out;
}

byte_vector unescape(const shape& s, std::string_view text) {
  const auto raw = plugin::try_percent_decode(text);
  if (!raw) refuse(s, quote(text) + " has a % that no two hexadecimal digits follow; write %25 for %");
  return to_bytes(*raw);
}

bytes_view up_to_nul(bytes_view raw) {
  return raw.first(static_cast<std::size_t>(std::find(raw.begin(), raw.end(), std::byte{}) - raw.begin()));
}

// ---- integers ----

// An integer of any kind: sign and magnitude.
struct number {
  bool negative = false;
  std::uint64_t magnitude = 0;

  std::int64_t as_signed() const noexcept {
    return static_cast<std::int64_t>(negative ? std::uint64_t{0} - magnitude : magnitude);
  }
};

std::uint64_t load_bits(bytes_view raw, bool network_order) noexcept {
  const bool big = network_order || std::endian::native == std::endian::big;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < raw.size(); ++i)
    bits = bits << 8 | std::to_integer<std::uint64_t>(raw[big ? i : raw.size() - 1 - i]);
  return bits;
}

byte_vector store_bits(std::uint64_t bits, std::size_t size, bool network_order) {
  const bool big = network_order || std::endian::native == std::endian::big;
  byte_vector raw(size);
  for (std::size_t i = 0; i < size; ++i) raw[big ? size - 1 - i : i] = static_cast<std::byte>(bits >> (8 * i));
  return raw;
}

// The bits of a member that is a bit-field (AFPLUG_BITS); of other members `width` is 0.
struct bit_field {
  unsigned shift = 0;
  unsigned width = 0;
  std::uint64_t mask() const noexcept { return (std::uint64_t{1} << width) - 1; }
};

bit_field bits_of(const shape& s) noexcept {
  if (!s.member || s.kind == AFPLUG_KIND_DURATION || (s.unit >> 16) == 0) return {};
  return {std::min(s.unit >> 8 & 0xff, 63u), std::min(s.unit & 0xff, 63u)};
}

// getsockopt(2) may return fewer bytes than the buffer has (IP_TTL in one byte, ip(7)): these are read as an integer of
// that size.
number load(const shape& s, const value_kind& kind, bytes_view raw) {
  const auto size = raw.size();
  const bool fits = s.member || kind.big_endian
                        ? size == kind.bytes
                        : size <= kind.bytes && (size == 1 || size == 2 || size == 4 || size == 8);
  if (!fits) misfit(s, size);
  std::uint64_t bits = load_bits(raw, kind.big_endian);
  if (const auto part = bits_of(s); part.width != 0) return {false, bits >> part.shift & part.mask()};
  if (!kind.is_signed || (bits >> (8 * size - 1)) == 0) return {false, bits};
  if (size < 8) bits |= ~std::uint64_t{0} << (8 * size);
  return {true, std::uint64_t{0} - bits};
}

byte_vector store(const shape& s, const value_kind& kind, number n, std::string_view text) {
  const auto part = bits_of(s);
  const std::uint64_t most = part.width != 0 ? part.mask() : kind.most_unsigned();
  // The magnitude of the least number, which is zero or negative.
  const std::uint64_t least = part.width != 0 ? 0 : std::uint64_t{0} - static_cast<std::uint64_t>(kind.least);
  if (n.magnitude > (n.negative ? least : most))
    refuse(s,
           shown(text) + " is outside " + (least ? "-" : "") + std::to_string(least) + " to " + std::to_string(most));
  return store_bits(static_cast<std::uint64_t>(n.as_signed()) << part.shift, kind.bytes, kind.big_endian);
}

std::string decimal(number n) { return std::string(n.negative ? "-" : "") + std::to_string(n.magnitude); }

// "42", "-1", "0x2a".
bool parse_number(std::string_view text, number& out) noexcept {
  out.negative = text.starts_with('-');
  if (out.negative) text.remove_prefix(1);
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.magnitude, hex ? 16 : 10);
  return error == std::errc() && end == text.data() + text.size();
}

bool all_digits(std::string_view text) noexcept {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// ---- names of values ----

// Calls `each` with every numeric constant of the prefix, the family's first, until it returns true.
template <class F>
const constant* find_value(const shape& s, F each) {
  if (s.values.empty()) return nullptr;
  const auto look = [&](std::span<const constant> all) -> const constant* {
    for (const auto& c : all)
      if (c.text == nullptr && std::string_view(c.name).starts_with(s.values) && each(c)) return &c;
    return nullptr;
  };
  if (s.owner)
    if (const auto* found = look(s.owner->constants())) return found;
  return look(socket_constants());
}

bool same_letters(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string some_names(const shape& s) {
  std::string names;
  int left = 8;
  find_value(s, [&](const constant& c) {
    if (left == 0) {
      names += ", …";
      return true;
    }
    names.append(names.empty() ? "" : ", ").append(c.name);
    --left;
    return false;
  });
  return names;
}

std::string format_named(const shape& s, const value_kind& kind, number n) {
  if (const auto* c = find_value(
          s, [&](const constant& each) { return each.value == n.as_signed() && (each.value < 0) == n.negative; }))
    return c->name;
  if (s.values.empty() || kind.is_signed) return s.hex && !n.negative ? plugin::hexadecimal(n.magnitude) : decimal(n);
  std::string text;
  std::uint64_t rest = n.magnitude;
  find_value(s, [&](const constant& c) {
    const auto bit = static_cast<std::uint64_t>(c.value);
    if (!std::has_single_bit(bit) || (rest & bit) == 0) return false;
    text.append(text.empty() ? "" : "|").append(c.name);
    rest &= ~bit;
    return rest == 0;
  });
  if (text.empty()) return s.hex ? plugin::hexadecimal(rest) : std::to_string(rest);
  return rest == 0 ? text : text.append("|").append(plugin::hexadecimal(rest));
}

number parse_term(const shape& s, std::string_view term) {
  number n;
  if (parse_number(term, n)) return n;
  const auto* c = find_value(s, [&](const constant& each) { return term == each.name; });
  if (!c)
    c = find_value(s, [&](const constant& each) {
      return same_letters(term, each.name) || same_letters(term, std::string_view(each.name).substr(s.values.size()));
    });
  if (c) {
    const auto value = static_cast<std::uint64_t>(c->value);
    return c->value < 0 ? number{true, std::uint64_t{0} - value} : number{false, value};
  }
  if (all_digits(term.starts_with('-') ? term.substr(1) : term)) refuse(s, shown(term) + " is too large");
  const auto names = some_names(s);
  refuse(s, quote(term) + (names.empty() ? " is not a number" : " is neither a number nor one of " + names));
}

number parse_named(const shape& s, std::string_view text) {
  if (s.values.empty() || text.find('|') == std::string_view::npos) return parse_term(s, text);
  number all;
  for (;;) {
    const auto bar = text.find('|');
    const auto term = parse_term(s, text.substr(0, bar));
    if (term.negative) refuse(s, "a negative number cannot be combined with others by |");
    all.magnitude |= term.magnitude;
    if (bar == std::string_view::npos) return all;
    text.remove_prefix(bar + 1);
  }
}

bool parse_flag(const shape& s, std::string_view text) {
  for (const std::string_view on : {"on", "1", "yes", "true"})
    if (same_letters(text, on)) return true;
  for (const std::string_view off : {"off", "0", "no", "false"})
    if (same_letters(text, off)) return false;
  refuse(s, quote(text) + " is neither on nor off");
}

// ---- interfaces ----

std::string format_interface(number n) {
  char name[IF_NAMESIZE];
  if (n.negative || n.magnitude == 0 || n.magnitude > std::numeric_limits<unsigned>::max() ||
      ::if_indextoname(static_cast<unsigned>(n.magnitude), name) == nullptr || all_digits(name))
    return decimal(n);
  return escape(std::as_bytes(std::span(name, std::strlen(name))), true);
}

number parse_interface(const shape& s, std::string_view text) {
  number n;
  if (parse_number(text, n)) return n;
  const auto raw = unescape(s, text);
  const std::string name(reinterpret_cast<const char*>(raw.data()), raw.size());
  if (name.size() < IF_NAMESIZE && name.find('\0') == std::string::npos)
    if (const auto index = ::if_nametoindex(name.c_str())) return {false, index};
  refuse(s, "there is no interface " + quote(text));
}

// ---- durations ----

constexpr std::uint64_t nanos = 1'000'000'000;

struct time_unit {
  std::string_view name;
  std::uint64_t length;  // nanoseconds
};
constexpr time_unit time_units[] = {
    {"ns", 1}, {"us", 1000}, {"µs", 1000}, {"ms", 1'000'000}, {"s", nanos}, {"min", 60 * nanos}, {"h", 3600 * nanos},
};

const plugin::duration_unit& unit_of(const shape& s) {
  const auto* unit = plugin::find_unit(s.unit);
  if (unit == nullptr) refuse(s, "its unit " + std::to_string(s.unit) + " is unknown", errc::wrong_kind);
  return *unit;
}

std::string format_duration(const shape& s, bytes_view raw) {
  const auto& layout = unit_of(s);
  if (raw.size() != layout.bytes) misfit(s, raw.size());
  const auto half = layout.pair ? layout.bytes / 2 : layout.bytes;
  const auto part = [&](bytes_view at) {
    const auto bits = load_bits(at, false);
    return half == 8 || !layout.is_signed ? static_cast<std::int64_t>(bits)
                                          : static_cast<std::int64_t>(static_cast<std::int32_t>(bits));
  };
  const std::int64_t first = part(raw.first(half));
  bool negative = first < 0;
  std::uint64_t whole =
      negative ? std::uint64_t{0} - static_cast<std::uint64_t>(first) : static_cast<std::uint64_t>(first);
  std::uint64_t rest = 0;  // nanoseconds
  if (layout.pair) {
    const std::int64_t second = part(raw.subspan(half));
    if (second < 0 || static_cast<std::uint64_t>(second) >= nanos / layout.tick)
      refuse(s, "the bytes are not a valid duration", errc::wrong_kind);
    rest = static_cast<std::uint64_t>(second) * layout.tick;
    if (negative && rest != 0) {  // −2 s and 0.75 s are −1.25 s
      --whole;
      rest = nanos - rest;
    }
  } else {
    rest = whole % (nanos / layout.tick) * layout.tick;
    whole /= nanos / layout.tick;
  }
  std::uint64_t scale = nanos;
  const char* unit = "s";
  if (whole == 0 && rest != 0) {
    const auto& [name, length] = rest >= 1'000'000 ? time_units[3] : rest >= 1000 ? time_units[1] : time_units[0];
    scale = length;
    unit = name.data();
    whole = rest / scale;
    rest %= scale;
  }
  std::string text = std::string(negative ? "-" : "") + std::to_string(whole);
  if (rest != 0) {
    auto digits = std::to_string(scale + rest).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += '.' + digits;
  }
  return text + unit;
}

byte_vector parse_duration(const shape& s, std::string_view text) {
  const auto& layout = unit_of(s);
  const auto unclear = [&] { refuse(s, quote(text) + " is not a duration; write 1.5s, 200ms, 10us or 5ns"); };
  auto left = text == "none" ? "0s" : text;
  const bool negative = left.starts_with('-');
  if (negative) left.remove_prefix(1);
  const auto digits = [&] {
    const auto taken = left.substr(0, std::min(left.find_first_not_of("0123456789"), left.size()));
    left.remove_prefix(taken.size());
    return taken;
  };
  const auto whole_digits = digits();
  std::string_view fraction_digits;
  if (left.starts_with('.')) {
    left.remove_prefix(1);
    fraction_digits = digits();
    if (fraction_digits.empty()) unclear();
  }
  if (whole_digits.empty()) unclear();
  std::uint64_t unit = 0;
  for (const auto& [name, length] : time_units)
    if (left == name) unit = length;
  if (left.empty() && fraction_digits.empty() && (!layout.pair || whole_digits == "0")) unit = layout.tick;
  if (unit == 0) unclear();

  const auto out_of_range = [&] { refuse(s, shown(text) + " is outside the range of its layout"); };
  std::uint64_t whole = 0;
  if (std::from_chars(whole_digits.data(), whole_digits.data() + whole_digits.size(), whole).ec != std::errc())
    refuse(s, shown(text) + " is too long");
  std::uint64_t fraction = 0, denominator = 1;
  fraction_digits = fraction_digits.substr(0, fraction_digits.find_last_not_of('0') + 1);
  if (fraction_digits.size() > 18) refuse(s, shown(text) + " has fractions of a nanosecond");
  for (const char c : fraction_digits) {
    fraction = fraction * 10 + static_cast<std::uint64_t>(c - '0');
    denominator *= 10;
  }
  // fraction · unit / denominator, without overflow
  const auto common = std::gcd(unit, denominator);
  if (fraction % (denominator / common) != 0) refuse(s, shown(text) + " has fractions of a nanosecond");
  const auto part = fraction / (denominator / common) * (unit / common);
  // A unit divides a second or is a multiple of it.
  std::uint64_t seconds = whole, rest = part;
  if (unit < nanos) {
    seconds = whole / (nanos / unit);
    rest += whole % (nanos / unit) * unit;
  } else if (__builtin_mul_overflow(whole, unit / nanos, &seconds)) {
    out_of_range();
  }
  if (__builtin_add_overflow(seconds, rest / nanos, &seconds)) out_of_range();
  rest %= nanos;
  if (rest % layout.tick != 0) refuse(s, shown(text) + " is not a whole number of " + layout.tick_name);

  if (negative && (seconds | rest) != 0 && !layout.is_signed) out_of_range();
  if (!layout.pair) {
    const std::uint64_t most = layout.is_signed ? std::uint64_t{INT32_MAX} + negative : UINT32_MAX;
    if (seconds > most / (nanos / layout.tick)) out_of_range();
    const auto magnitude = seconds * (nanos / layout.tick) + rest / layout.tick;
    if (magnitude > most) out_of_range();
    return store_bits(negative ? std::uint64_t{0} - magnitude : magnitude, layout.bytes, false);
  }
  const auto half = layout.bytes / 2;
  const bool borrows = negative && rest != 0;  // −1.25 s are −2 s and 0.75 s
  if (seconds > static_cast<std::uint64_t>(half == 8 ? INT64_MAX : INT32_MAX) - borrows) out_of_range();
  if (borrows) {
    ++seconds;
    rest = nanos - rest;
  }
  auto raw = store_bits(negative ? std::uint64_t{0} - seconds : seconds, half, false);
  const auto low = store_bits(rest / layout.tick, half, false);
  raw.insert(raw.end(), low.begin(), low.end());
  return raw;
}

// ---- bytes and addresses ----

std::string format_octets(bytes_view raw, std::string_view between, bool reversed) {
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (i != 0) out += between;
    append_hex(out, raw[reversed ? raw.size() - 1 - i : i]);
  }
  return out;
}

byte_vector parse_hex(const shape& s, std::string_view text) {
  const bool prefixed = text.starts_with("0x") || text.starts_with("0X");
  const auto raw = plugin::try_hex_decode(text.substr(prefixed ? 2 : 0));
  if (!raw) refuse(s, quote(text) + " is not pairs of hexadecimal digits");
  return to_bytes(*raw);
}

// "AA:BB:CC:DD:EE:FF", one or two digits each.
byte_vector parse_octets(const shape& s, std::string_view text) {
  byte_vector raw;
  for (auto left = text; !left.empty();) {
    const auto colon = left.find(':');
    const auto octet = left.substr(0, colon);
    int value = 0;
    for (const char c : octet)
      value = plugin::hex_digit(c) < 0 || octet.size() > 2 ? 256 : value * 16 + plugin::hex_digit(c);
    if (octet.empty() || value > 255 || colon == left.size() - 1)
      refuse(s, quote(text) + " is not pairs of hexadecimal digits separated by colons");
    raw.push_back(static_cast<std::byte>(value));
    left.remove_prefix(colon == std::string_view::npos ? left.size() : colon + 1);
  }
  return raw;
}

std::string format_ip(const shape& s, int af, bytes_view raw) {
  char text[INET6_ADDRSTRLEN];
  if (raw.size() != (af == AF_INET ? sizeof(::in_addr) : sizeof(::in6_addr))) misfit(s, raw.size());
  return ::inet_ntop(af, raw.data(), text, sizeof text);
}

byte_vector parse_ip(const shape& s, int af, std::string_view text) {
  byte_vector raw(af == AF_INET ? sizeof(::in_addr) : sizeof(::in6_addr));
  const std::string whole(text);
  if (whole.find('\0') != std::string::npos || ::inet_pton(af, whole.c_str(), raw.data()) != 1)
    refuse(s, quote(text) + (af == AF_INET ? " is not an IPv4 address" : " is not an IPv6 address"));
  return raw;
}

const family& family_of(const shape& s, int af) {
  if (s.owner && s.owner->number() == af) return *s.owner;
  error_code ec;
  if (const auto* f = registry::global().family(af, ec)) return *f;
  refuse(s, std::string(last_detail()), errc::wrong_kind);
}

std::string format_sockaddr(const shape& s, bytes_view raw) {
  ::sa_family_t af = AF_UNSPEC;
  if (raw.size() < sizeof af) misfit(s, raw.size());
  std::memcpy(&af, raw.data(), sizeof af);
  if (af == AF_UNSPEC) return {};
  const auto length = af == AF_INET ? sizeof(::sockaddr_in) : af == AF_INET6 ? sizeof(::sockaddr_in6) : raw.size();
  const auto& f = family_of(s, af);
  const auto who = f.identity({}, 0);
  std::string text(256, '\0');
  for (;;) {
    afplug_text out{text.data(), static_cast<std::uint32_t>(text.size()), 0};
    if (f.codec().format(&who, raw.data(), static_cast<std::uint32_t>(std::min(length, raw.size())), &out) < 0)
      refuse(s, "the bytes are not an address of " + std::string(f.id()), errc::wrong_kind);
    const bool whole = out.size <= text.size();
    text.resize(out.size);
    if (whole) return text;
  }
}

byte_vector parse_sockaddr(const shape& s, std::string_view text) {
  byte_vector raw(s.most != 0 ? s.most : AFPLUG_ADDRESS_MAX);
  if (text.empty()) return raw;
  const auto& f = s.owner ? *s.owner : family_of(s, text.starts_with('[') ? AF_INET6 : AF_INET);
  const auto who = f.identity({}, 0);
  afplug_sockaddr address{};
  detail::plugin_error_text why;
  if (f.codec().parse(&who, text.data(), text.size(), &address, &why.text) < 0) refuse(s, why.printable());
  if (address.length > raw.size()) refuse(s, quote(text) + " is longer than " + std::to_string(raw.size()) + " bytes");
  std::memcpy(raw.data(), address.u.bytes, address.length);
  return raw;
}

// ---- one value ----

std::string format_value(const shape& s, bytes_view raw) {
  if (const auto* kind = plugin::find_integer_kind(s.kind)) {
    const auto n = load(s, *kind, raw);
    if (s.kind == AFPLUG_KIND_FLAG) return n.magnitude != 0 ? "on" : "off";
    if (s.kind == AFPLUG_KIND_IFINDEX) return format_interface(n);
    return format_named(s, *kind, n);
  }
  switch (s.kind) {
    case AFPLUG_KIND_TEXT:
    case AFPLUG_KIND_IFNAME:
      return escape(up_to_nul(raw), s.member);
    case AFPLUG_KIND_DURATION:
      return format_duration(s, raw);
    case AFPLUG_KIND_BYTES:
      return format_octets(raw, "", false);
    case AFPLUG_KIND_MAC:
      return format_octets(raw, ":", false);
    case AFPLUG_KIND_BDADDR:
      return format_octets(raw, ":", true);
    case AFPLUG_KIND_IPV4:
      return format_ip(s, AF_INET, raw);
    case AFPLUG_KIND_IPV6:
      return format_ip(s, AF_INET6, raw);
    case AFPLUG_KIND_SOCKADDR:
      return format_sockaddr(s, raw);
    case AFPLUG_KIND_LENGTH:
      return std::to_string(raw.size());
    case AFPLUG_KIND_CALL:
      refuse(s, "its value has no layout, only a text form", errc::wrong_kind);
    default:
      refuse(s, "its kind " + std::to_string(s.kind) + " is unknown", errc::wrong_kind);
  }
}

void check_size(const shape& s, std::string_view text, std::size_t size, std::uint32_t most) {
  if (size >= s.least && size <= most) return;
  refuse(s, quote(text) + " is " + std::to_string(size) + " bytes, it takes " +
                (s.least == 0      ? "at most "
                 : s.least == most ? ""
                                   : std::to_string(s.least) + " to ") +
                std::to_string(most));
}

void refuse_nul(const shape& s, std::string_view text, bytes_view raw) {
  if (std::ranges::find(raw, std::byte{}) != raw.end())
    refuse(s, quote(text) + " has a NUL (%00), at which the kernel would end the text");
}

constexpr std::uint32_t most_without_a_limit = 65536;

byte_vector parse_value(const shape& s, std::string_view text) {
  if (const auto* kind = plugin::find_integer_kind(s.kind)) {
    if (s.kind == AFPLUG_KIND_FLAG) return store(s, *kind, {false, parse_flag(s, text)}, text);
    return store(s, *kind, s.kind == AFPLUG_KIND_IFINDEX ? parse_interface(s, text) : parse_named(s, text), text);
  }
  const auto most = s.most != 0 ? s.most : most_without_a_limit;
  switch (s.kind) {
    case AFPLUG_KIND_TEXT: {
      auto raw = unescape(s, text);
      refuse_nul(s, text, raw);
      check_size(s, text, raw.size(), most);
      return raw;
    }
    case AFPLUG_KIND_IFNAME: {
      auto raw = unescape(s, text);
      refuse_nul(s, text, raw);
      if (raw.size() >= IF_NAMESIZE)
        refuse(s,
               quote(text) + " is " + std::to_string(raw.size()) + " bytes; the name of an interface has at most 15");
      raw.push_back(std::byte{});
      return raw;
    }
    case AFPLUG_KIND_DURATION:
      return parse_duration(s, text);
    case AFPLUG_KIND_BYTES: {
      auto raw = parse_hex(s, text);
      check_size(s, text, raw.size(), most);
      return raw;
    }
    case AFPLUG_KIND_MAC: {
      auto raw = parse_octets(s, text);
      if (s.most == 0 && raw.size() != 6)
        refuse(s, quote(text) + " is " + std::to_string(raw.size()) + " bytes, it takes 6");
      check_size(s, text, raw.size(), s.most != 0 ? s.most : 6);
      return raw;
    }
    case AFPLUG_KIND_BDADDR: {
      auto raw = parse_octets(s, text);
      if (raw.size() != 6) refuse(s, quote(text) + " is not a Bluetooth address of the form AA:BB:CC:DD:EE:FF");
      std::ranges::reverse(raw);
      return raw;
    }
    case AFPLUG_KIND_IPV4:
      return parse_ip(s, AF_INET, text);
    case AFPLUG_KIND_IPV6:
      return parse_ip(s, AF_INET6, text);
    case AFPLUG_KIND_SOCKADDR:
      return parse_sockaddr(s, text);
    case AFPLUG_KIND_LENGTH: {
      number n;
      if (!parse_number(text, n) || n.negative) refuse(s, quote(text) + " is not a length in bytes");
      if (n.magnitude > most) refuse(s, shown(text) + " is outside 0 to " + std::to_string(most));
      return byte_vector(static_cast<std::size_t>(n.magnitude));
    }
    case AFPLUG_KIND_CALL:
      refuse(s, "its value has no layout, only a text form", errc::wrong_kind);
    default:
      refuse(s, "its kind " + std::to_string(s.kind) + " is unknown", errc::wrong_kind);
  }
}

// ---- structs and arrays ----

shape member_shape(const option_info& o, const member_info& m, const family* owner) {
  return {std::string(o.name) + '.' + m.name, m.kind, m.unit, 0, m.bytes, m.values ? m.values : "",
          (m.flags & AFPLUG_MEMBER_HEX) != 0, true,   owner};
}

std::uint32_t extent(std::span<const member_info> members) noexcept {
  std::uint32_t end = 0;
  for (const auto& m : members) end = std::max(end, m.offset + m.bytes);
  return end;
}

// Structs grow with new versions of the kernel: members beyond the end of `raw` are left out.
std::string format_members(const option_info& o, bytes_view raw, const family* owner) {
  std::string text;
  for (const auto& m : o.members) {
    if (std::size_t{m.offset} + m.bytes > raw.size()) continue;
    if (!text.empty()) text += ',';
    text.append(m.name).append("=").append(format_value(member_shape(o, m, owner), raw.subspan(m.offset, m.bytes)));
  }
  return text;
}

std::string member_names(const option_info& o) {
  constexpr std::size_t shown = 16;
  std::string names;
  for (const auto& m : o.members.first(std::min(o.members.size(), shown)))
    names.append(names.empty() ? "" : ", ").append(m.name);
  return o.members.size() > shown ? names + ", …" : names;
}

void place(const option_info& o, const member_info& m, std::string_view text, const family* owner, byte_vector& raw) {
  auto value = parse_value(member_shape(o, m, owner), text);
  // IFNAME is parsed with a NUL, which may be missing at the end of a member.
  if (m.kind == AFPLUG_KIND_IFNAME && value.size() > m.bytes) value.pop_back();
  if (value.size() > m.bytes || std::size_t{m.offset} + m.bytes > raw.size())
    throw refusal{errc::invalid_argument, std::string(o.name) + '.' + m.name + ": " + quote(text) + " does not fit"};
  // Bit-fields share bytes, which are zero at first.
  for (std::size_t i = 0; i < value.size(); ++i) raw[m.offset + i] |= value[i];
}

byte_vector parse_members(const option_info& o, std::string_view text, std::size_t size, const family* owner) {
  const shape whole{o.name, o.kind, 0, 0, 0, "", false, false, owner};
  if (text.starts_with('{')) {
    if (!text.ends_with('}')) refuse(whole, quote(text) + " has no closing }");
    text = text.substr(1, text.size() - 2);
  }
  byte_vector raw(size);
  std::vector<bool> given(o.members.size());
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto item = text.substr(0, comma);
    const auto equals = item.find('=');
    if (equals == std::string_view::npos)
      refuse(whole, quote(item) + " is not of the form member=value; the members are " + member_names(o));
    const auto name = item.substr(0, equals);
    const auto m =
        std::ranges::find(o.members, name, [](const member_info& each) -> std::string_view { return each.name; });
    if (m == o.members.end()) refuse(whole, "it has no member " + quote(name) + "; the members are " + member_names(o));
    const auto at = static_cast<std::size_t>(m - o.members.begin());
    if (given[at]) refuse(whole, "the member " + quote(name) + " is given twice");
    given[at] = true;
    place(o, *m, item.substr(equals + 1), owner, raw);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) refuse(whole, "there is nothing after the last comma");
  }
  for (std::size_t i = 0; i < given.size(); ++i)
    if (!given[i] && (o.members[i].flags & AFPLUG_MEMBER_OPTIONAL) == 0)
      refuse(whole, "the member " + quote(o.members[i].name) + " is missing");
  return raw;
}

std::string format_array(const option_info& o, bytes_view raw, const family* owner) {
  const auto element = o.element_size != 0 ? o.element_size : extent(o.members);
  if (element == 0 || raw.size() % element != 0)
    throw refusal{errc::wrong_kind, std::string(o.name) + ": " + std::to_string(raw.size()) +
                                        " bytes are not a whole number of elements of " + std::to_string(element) +
                                        " bytes"};
  std::string text;
  for (; !raw.empty(); raw = raw.subspan(element)) {
    if (!text.empty()) text += ',';
    text += '{' + format_members(o, raw.first(element), owner) + '}';
  }
  return text;
}

byte_vector parse_array(const option_info& o, std::string_view text, const family* owner) {
  const auto element = o.element_size != 0 ? o.element_size : extent(o.members);
  const shape whole{o.name, o.kind, 0, o.min_bytes, o.max_bytes, "", false, false, owner};
  const auto most = o.max_bytes != 0 ? o.max_bytes : most_without_a_limit;
  byte_vector raw;
  for (auto left = text; !left.empty();) {
    const auto end = left.find('}');
    if (!left.starts_with('{') || end == std::string_view::npos)
      refuse(whole, quote(left) + " is not of the form {…},{…}; the members are " + member_names(o));
    const auto one = parse_members(o, left.substr(0, end + 1), element, owner);
    raw.insert(raw.end(), one.begin(), one.end());
    left.remove_prefix(end + 1);
    if (left.empty()) break;
    if (!left.starts_with(',') || left.size() == 1) refuse(whole, quote(left) + " is not of the form ,{…}");
    left.remove_prefix(1);
  }
  check_size(whole, text, raw.size(), most);
  return raw;
}

shape option_shape(const option_info& o, const family* owner) {
  return {o.name, o.kind, o.unit, o.min_bytes, o.max_bytes, o.values ? o.values : "", false, false, owner};
}

std::string format_any(const option_info& o, bytes_view raw, const family* owner) {
  if (o.kind == AFPLUG_KIND_ARRAY) return format_array(o, raw, owner);
  if (o.kind != AFPLUG_KIND_STRUCT) return format_value(option_shape(o, owner), raw);
  if (raw.size() < o.min_bytes) misfit(option_shape(o, owner), raw.size());
  return format_members(o, raw, owner);
}

byte_vector parse_any(const option_info& o, std::string_view text, const family* owner) {
  if (o.kind == AFPLUG_KIND_ARRAY) return parse_array(o, text, owner);
  if (o.kind == AFPLUG_KIND_STRUCT)
    return parse_members(o, text, o.max_bytes != 0 ? o.max_bytes : extent(o.members), owner);
  return parse_value(option_shape(o, owner), text);
}

}  // namespace

std::string format_option(const option_info& option, std::span<const std::byte> bytes, const afplug::family* family,
                          error_code& ec) {
  ec.clear();
  try {
    return format_any(option, bytes, family);
  } catch (const refusal& why) {
    detail::fail(ec, why.code, why.why);
    return {};
  }
}

std::string format_option(const option_info& option, std::span<const std::byte> bytes, const afplug::family* family) {
  return detail::throwing("option", [&](error_code& ec) { return format_option(option, bytes, family, ec); });
}

std::vector<std::byte> parse_option(const option_info& option, std::string_view text, const afplug::family* family,
                                    error_code& ec) {
  ec.clear();
  try {
    return parse_any(option, text, family);
  } catch (const refusal& why) {
    detail::fail(ec, why.code, why.why);
    return {};
  }
}

std::vector<std::byte> parse_option(const option_info& option, std::string_view text, const afplug::family* family) {
  return detail::throwing("option", [&](error_code& ec) { return parse_option(option, text, family, ec); });
}

}  // namespace afplug
