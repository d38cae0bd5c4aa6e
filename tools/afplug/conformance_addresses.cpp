// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Conformance checks of a family's address codec: parse, format, get and set.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "conformance.hpp"

namespace afplug::command::conformance {
namespace {

constexpr unsigned char canary = 0xA5;
constexpr std::size_t tries = 6000;  // random inputs for each check, divided between the rows of the family

std::string hex_of(const afplug_sockaddr& a) {
  std::string out;
  for (std::uint32_t i = 0; i < a.length; ++i) out += fmt::format("{:02x}", a.u.bytes[i]);
  return out;
}

/// The text for a message: in quotes, truncated, bytes that are not printable ASCII as \xNN.
std::string quoted(std::string_view text) {
  constexpr std::size_t max_size = 120;
  std::string out = "\"";
  for (const char c : text.substr(0, max_size)) {
    if (c >= ' ' && c <= '~')
      out += c;
    else
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return out + (text.size() > max_size ? "...\"" : "\"");
}

bool equal(const afplug_sockaddr& a, const afplug_sockaddr& b) {
  return a.length == b.length && std::memcmp(a.u.bytes, b.u.bytes, a.length) == 0;
}

bool equal(const std::vector<afplug_value>& a, const std::vector<afplug_value>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const afplug_value& x, const afplug_value& y) {
    if (x.kind != y.kind) return false;
    if (x.kind == AFPLUG_KIND_TEXT || x.kind == AFPLUG_KIND_BYTES)
      return x.size == y.size && std::memcmp(x.bytes, y.bytes, x.size) == 0;
    return x.kind == 0 || x.n.u == y.n.u;
  });
}

/// Fills the unused stack with a byte value, so that uninitialised variables of a plugin have a known value.
[[gnu::noinline]] void fill_stack(unsigned char value) {
  unsigned char unused[4096];
  std::memset(unused, value, sizeof unused);
  asm volatile("" : : "r"(unused) : "memory");  // keeps the memset
}

/// The codec of one row. Each call is checked for writes outside of its output buffers and for uninitialised output.
class codec {
 public:
  codec(const family& f, const row& r)
      : f_(f),
        identity_(f.identity(r.concrete_type(), r.concrete_protocol())),
        domain_(f.native(r.concrete_type(), r.concrete_protocol()).domain) {
    // sa_family may differ from the domain of the row: take it from an address that parses, if there is one.
    for (const std::string_view text : {"", "a", "1"})
      if (const auto a = parse(text); a && a->length >= sizeof(sa_family_t)) {
        sa_family_t sa_family = 0;
        std::memcpy(&sa_family, a->u.bytes, sizeof sa_family);
        domain_ = sa_family;
        return;
      }
  }

  int domain() const noexcept { return domain_; }

  std::optional<afplug_sockaddr> parse(std::string_view text, int* error = nullptr) const {
    int ignored = 0;
    int& result = error ? *error : ignored;
    const auto first = parse_once(0, text, result), second = parse_once(canary, text, result);
    expect(first.has_value() == second.has_value() && (!first || equal(*first, *second)),
           "parse({}) returns {} the first time and {} the second time", quoted(text),
           first ? hex_of(*first) : "an error", second ? hex_of(*second) : "an error");
    return first;
  }

  std::optional<std::string> format(const afplug_sockaddr& a) const {
    afplug_text count{nullptr, 0, 0};
    const int r = f_.codec().format(&identity_, a.u.bytes, a.length, &count);
    if (r < 0) return {};
    // Format again into a buffer that is one byte too small, and into one of the exact size.
    const std::size_t size = count.size;
    expect(size < 4096, "format returned a text of {} bytes", size);
    std::string text(size + 8, static_cast<char>(canary));
    if (size > 1) {
      afplug_text truncated{text.data(), static_cast<std::uint32_t>(size - 1), 0};
      expect(f_.codec().format(&identity_, a.u.bytes, a.length, &truncated) == 0 && truncated.size == size,
             "format returns a different size if the buffer is too small");
      expect(text[size - 1] == static_cast<char>(canary), "format wrote past the end of the buffer");
    }
    afplug_text whole{text.data(), static_cast<std::uint32_t>(size), 0};
    expect(f_.codec().format(&identity_, a.u.bytes, a.length, &whole) == 0 && whole.size == size,
           "format returns a different size each time");
    expect(text[size] == static_cast<char>(canary), "format wrote past the end of the buffer");
    text.resize(size);
    return text;
  }

  std::optional<std::vector<afplug_value>> get(const afplug_sockaddr& a) const {
    std::array<afplug_value, 32> values{};
    const int r = f_.codec().get(&identity_, a.u.bytes, a.length, values.data(), values.size());
    if (r < 0) return {};
    expect(static_cast<std::size_t>(r) <= f_.address_fields().size(), "get returned {} fields, but the table has {}", r,
           f_.address_fields().size());
    return std::vector<afplug_value>(values.begin(), values.begin() + r);
  }

  std::optional<afplug_sockaddr> set(const std::vector<afplug_value>& values, std::string& error_text) const {
    afplug_sockaddr out{};
    std::array<char, 256> buffer{};
    afplug_text text{buffer.data(), buffer.size(), 0};
    fill_stack(canary);
    if (f_.codec().set(&identity_, values.data(), static_cast<std::uint32_t>(values.size()), &out, &text) < 0) {
      error_text.assign(buffer.data(), std::min<std::size_t>(text.size, buffer.size()));
      return {};
    }
    return out;
  }

  /// Formatting an address and parsing the text must give the same bytes.
  void check_text(const afplug_sockaddr& a) const {
    const auto text = format(a);
    expect(text.has_value(), "format rejects an address that parse or set returned: {}", hex_of(a));
    const auto parsed = parse(*text);
    expect(parsed && equal(*parsed, a), "format({}) returns {}, but parsing that returns {}", hex_of(a), quoted(*text),
           parsed ? hex_of(*parsed) : "an error");
  }

  /// The four functions must agree about an address that parse or set returned. The fields need not contain all that
  /// the text does, but set(get(a)) must have the same fields as a.
  void check_round_trip(const afplug_sockaddr& a) const {
    check_text(a);
    const auto fields = get(a);
    expect(fields.has_value(), "get rejects an address that parse or set returned: {}", hex_of(a));
    std::string error_text;
    const auto made = set(*fields, error_text);
    expect(made || !error_text.empty(), "set rejects the fields of {} without an error text", hex_of(a));
    if (!made) return;
    check_text(*made);
    const auto made_fields = get(*made);
    expect(made_fields && equal(*made_fields, *fields), "set returns {} for the fields of {}, but its fields differ",
           hex_of(*made), hex_of(a));
  }

 private:
  std::optional<afplug_sockaddr> parse_once(unsigned char stack_fill, std::string_view text, int& error) const {
    afplug_sockaddr out;
    std::memset(static_cast<void*>(&out), canary, sizeof out);
    const afplug_sockaddr before = out;
    std::array<char, 300> buffer;
    buffer.fill(static_cast<char>(canary));
    afplug_text error_text{buffer.data(), 256, 0};
    fill_stack(stack_fill);
    const int r = f_.codec().parse(&identity_, text.data(), text.size(), &out, &error_text);
    expect(r <= 0, "parse({}) returned {}", quoted(text), r);
    error = -r;
    expect(buffer[256] == static_cast<char>(canary), "parse({}) wrote past the end of the error text buffer",
           quoted(text));
    if (r == 0) {
      expect(out.length <= AFPLUG_ADDRESS_MAX, "parse({}) returned an address of {} bytes", quoted(text), out.length);
      return out;
    }
    expect(std::memcmp(&out, &before, sizeof out) == 0, "parse({}) failed but wrote to its output", quoted(text));
    expect(error_text.size > 0, "parse({}) failed without an error text", quoted(text));
    return {};
  }

  const family& f_;
  afplug_identity identity_;
  int domain_;
};

std::vector<codec> codecs(const family& f) {
  std::vector<codec> out;
  for (const row* r : listed_rows(f)) out.emplace_back(f, *r);
  return out;
}

// Formats random bytes of every length, behind the right sa_family. What format accepts must parse.
void random_addresses_round_trip(const family& f) {
  std::mt19937 random(1);
  std::size_t formatted = 0;
  const auto all = codecs(f);
  const std::size_t tries_per_row = tries / all.size() + 1;
  for (const auto& c : all) {
    for (std::size_t i = 0; i < tries_per_row; ++i) {
      afplug_sockaddr a{};
      a.length = static_cast<std::uint32_t>(random() % (AFPLUG_ADDRESS_MAX + 1));
      const bool sparse = i % 2 == 0;  // mostly zeros, as in real addresses
      const bool text = i % 4 == 1;    // printable characters with a NUL at the end
      for (std::uint32_t b = 0; b < a.length; ++b)
        a.u.bytes[b] = sparse && random() % 4 != 0 ? std::uint8_t{0}
                       : text                      ? static_cast<std::uint8_t>('!' + random() % 94)
                                                   : static_cast<std::uint8_t>(random());
      if (text && a.length > 0) a.u.bytes[a.length - 1] = 0;
      const auto domain = static_cast<sa_family_t>(c.domain());
      std::memcpy(a.u.bytes, &domain, sizeof domain);
      const auto address_text = c.format(a);
      c.get(a);
      if (!address_text) continue;
      // The parsed address need not equal the random one: padding, for example, has no text.
      int error = 0;
      const auto parsed = c.parse(*address_text, &error);
      if (error == ENAMETOOLONG) continue;  // the kernel may return longer names than it accepts
      expect(parsed.has_value(), "format({}) returns {}, which does not parse", hex_of(a), quoted(*address_text));
      c.check_round_trip(*parsed);
      ++formatted;
    }
  }
  if (formatted == 0) throw not_applicable("format accepts none of the random addresses");
}

void addresses_of_other_families_are_rejected(const family& f) {
  for (const auto& c : codecs(f)) {
    for (std::uint32_t length = 0; length <= AFPLUG_ADDRESS_MAX; ++length) {
      afplug_sockaddr a{};
      a.length = length;
      const auto other = static_cast<sa_family_t>(c.domain() + 1);
      std::memcpy(a.u.bytes, &other, sizeof other);
      expect(!c.format(a), "format accepts an address of another family of {} bytes", length);
      expect(!c.get(a), "get accepts an address of another family of {} bytes", length);
    }
  }
}

void malformed_texts_are_rejected(const family& f) {
  std::vector<std::string> texts = {"",
                                    " ",
                                    "%",
                                    "%4",
                                    "%zz",
                                    "?",
                                    "?=",
                                    "?a",
                                    "?a=",
                                    "?a=b&",
                                    "&",
                                    ":",
                                    "::",
                                    "[",
                                    "]",
                                    "[]",
                                    "/",
                                    "//",
                                    "@",
                                    ",",
                                    "=",
                                    "-1",
                                    "0x",
                                    "99999999999999999999",
                                    "a?b=c&b=c",
                                    std::string("\0", 1),
                                    std::string("a\0b", 3),
                                    "\xff\xfe",
                                    "é",
                                    std::string(5000, 'a'),
                                    std::string(5000, ':'),
                                    std::string(5000, '%'),
                                    std::string(300, '9')};
  std::mt19937 random(2);
  constexpr std::string_view characters = "0123456789abcdefxX:.[]/?&=%@-_ \n\t\x01\x7f\xc3\xa9";
  const auto all = codecs(f);
  for (std::size_t i = 0; i < tries / all.size(); ++i) {
    std::string text(random() % 40, ' ');
    for (char& c : text) c = characters[random() % characters.size()];
    texts.push_back(std::move(text));
  }
  for (const auto& c : all)
    for (const auto& text : texts)
      if (const auto a = c.parse(text)) c.check_round_trip(*a);
}

void fields_have_names(const family& f) {
  expect(!f.address_fields().empty(), "the table of address fields is empty");
  std::set<std::string> seen;
  for (const auto& m : f.address_fields()) {
    expect(m.name != nullptr && *m.name != '\0', "a field has no name");
    expect(seen.insert(m.name).second, "two fields have the name {}", m.name);
    expect(m.help != nullptr && *m.help != '\0', "the field {} has no help text", m.name);
  }
}

void invalid_fields_are_rejected(const family& f) {
  const std::uint32_t kinds[] = {0, AFPLUG_KIND_U64, AFPLUG_KIND_I64, AFPLUG_KIND_TEXT, AFPLUG_KIND_BYTES, 99};
  std::mt19937 random(3);
  const auto all = codecs(f);
  for (const auto& c : all) {
    for (std::size_t i = 0; i < tries / all.size(); ++i) {
      std::vector<afplug_value> values(random() % (f.address_fields().size() + 1));
      for (auto& v : values) {
        v.kind = kinds[random() % std::size(kinds)];
        v.size = static_cast<std::uint32_t>(random() % (AFPLUG_ADDRESS_MAX + 1));
        v.n.u = random() % 3 == 0 ? random() : random() % 256;
        if (random() % 8 == 0) v.n.i = -1;
        for (auto& b : v.bytes) b = static_cast<std::uint8_t>(random() % 2 ? '0' + random() % 10 : random());
      }
      std::string error_text;
      if (const auto a = c.set(values, error_text))
        c.check_round_trip(*a);
      else
        expect(!error_text.empty(), "set rejects fields without an error text");
    }
  }
}

constexpr check all[] = {
    {"address-fields", "each address field has a name and a help text", fields_have_names},
    {"address-round-trip",
     "parsing the text of an address gives the same bytes, and setting its fields gives the same fields",
     random_addresses_round_trip},
    {"address-foreign", "addresses of other families, of any length, are rejected",
     addresses_of_other_families_are_rejected},
    {"address-hostile-text", "any text is parsed or rejected with an error text; on an error the output is unchanged",
     malformed_texts_are_rejected},
    {"address-odd-fields", "fields of any kind and value are accepted or rejected with an error text",
     invalid_fields_are_rejected},
};

}  // namespace

const std::span<const check> address_checks = all;

}  // namespace afplug::command::conformance
