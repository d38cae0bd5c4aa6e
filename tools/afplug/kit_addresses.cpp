// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The kit's checks of a family's address codec.
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

#include "kit.hpp"

namespace afplug::command::kit {
namespace {

constexpr unsigned char canary = 0xA5;
constexpr std::size_t tries = 6000;  // random addresses, texts and fields a family, shared by its rows

std::string hex_of(const afplug_sockaddr& a) {
  std::string out;
  for (std::uint32_t i = 0; i < a.length; ++i) out += fmt::format("{:02x}", a.u.bytes[i]);
  return out;
}

/// A text as a sentence has it: in quotes, cut, bytes that do not print as \xNN.
std::string shown(std::string_view text) {
  constexpr std::size_t most = 120;
  std::string out = "\"";
  for (const char c : text.substr(0, most)) {
    if (c >= ' ' && c <= '~')
      out += c;
    else
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return out + (text.size() > most ? "...\"" : "\"");
}

bool same(const afplug_sockaddr& a, const afplug_sockaddr& b) {
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

/// Fills the stack below with a byte, so that what a plugin leaves unset shows.
[[gnu::noinline]] void soil_stack(unsigned char with) {
  unsigned char below[4096];
  std::memset(below, with, sizeof below);
  asm volatile("" : : "r"(below) : "memory");  // it is not for nothing
}

/// One row's codec, each call watched for what it may not touch.
class codec {
 public:
  codec(const family& f, const row& r)
      : f_(f),
        who_(f.identity(r.type == AFPLUG_ANY ? int{SOCK_RAW} : r.type, r.protocol == AFPLUG_ANY ? 0 : r.protocol)),
        domain_(r.native_domain == AFPLUG_ANY ? f.number() : r.native_domain) {
    // The family in the sockaddr need not be the row's: where a text gives an address away, it says so itself.
    for (const std::string_view text : {"", "a", "1"})
      if (const auto a = parse(text); a && a->length >= sizeof(sa_family_t)) {
        sa_family_t said = 0;
        std::memcpy(&said, a->u.bytes, sizeof said);
        domain_ = said;
        return;
      }
  }

  int domain() const noexcept { return domain_; }

  std::optional<afplug_sockaddr> parse(std::string_view text, int* error = nullptr) const {
    int ignored = 0;
    int& result = error ? *error : ignored;
    const auto once = parse_on(0, text, result), twice = parse_on(canary, text, result);
    expect(once.has_value() == twice.has_value() && (!once || same(*once, *twice)),
           "parse({}) gives {}, and {} the next time", shown(text), once ? hex_of(*once) : "nothing",
           twice ? hex_of(*twice) : "nothing");
    return once;
  }

  std::optional<std::string> format(const afplug_sockaddr& a) const {
    afplug_text count{nullptr, 0, 0};
    const int r = f_.codec().format(&who_, a.u.bytes, a.length, &count);
    if (r < 0) return {};
    // Cut short, whole, and no further than the room.
    const std::size_t room = count.size;
    expect(room < 4096, "format gave {} bytes of text", room);
    std::string text(room + 8, static_cast<char>(canary));
    if (room > 1) {
      afplug_text cut{text.data(), static_cast<std::uint32_t>(room - 1), 0};
      expect(f_.codec().format(&who_, a.u.bytes, a.length, &cut) == 0 && cut.size == room,
             "format says another size when it is cut");
      expect(text[room - 1] == static_cast<char>(canary), "format wrote past the room");
    }
    afplug_text whole{text.data(), static_cast<std::uint32_t>(room), 0};
    expect(f_.codec().format(&who_, a.u.bytes, a.length, &whole) == 0 && whole.size == room,
           "format says another size each time");
    expect(text[room] == static_cast<char>(canary), "format wrote past the room");
    text.resize(room);
    return text;
  }

  std::optional<std::vector<afplug_value>> get(const afplug_sockaddr& a) const {
    std::array<afplug_value, 32> values{};
    const int r = f_.codec().get(&who_, a.u.bytes, a.length, values.data(), values.size());
    if (r < 0) return {};
    expect(static_cast<std::size_t>(r) <= f_.address_fields().size(), "get gave {} fields, and the table has {}", r,
           f_.address_fields().size());
    return std::vector<afplug_value>(values.begin(), values.begin() + r);
  }

  std::optional<afplug_sockaddr> set(const std::vector<afplug_value>& values, std::string& why) const {
    afplug_sockaddr out{};
    std::array<char, 256> words{};
    afplug_text text{words.data(), words.size(), 0};
    soil_stack(canary);
    if (f_.codec().set(&who_, values.data(), static_cast<std::uint32_t>(values.size()), &out, &text) < 0) {
      why.assign(words.data(), std::min<std::size_t>(text.size, words.size()));
      return {};
    }
    return out;
  }

  /// What is written is read again, byte for byte.
  void text_returns(const afplug_sockaddr& a) const {
    const auto text = format(a);
    expect(text.has_value(), "format refuses what parse or set made: {}", hex_of(a));
    const auto again = parse(*text);
    expect(again && same(*again, a), "{} is read as {}, and was written from {}", shown(*text),
           again ? hex_of(*again) : "nothing", hex_of(a));
  }

  /// The four slots agree about an address that parse or set made. Fields need not say all that the text does, but what
  /// they make has the same fields.
  void agree(const afplug_sockaddr& a) const {
    text_returns(a);
    const auto fields = get(a);
    expect(fields.has_value(), "get refuses what parse or set made: {}", hex_of(a));
    std::string why;
    const auto made = set(*fields, why);
    expect(made || !why.empty(), "set refuses the fields of {} without saying why", hex_of(a));
    if (!made) return;
    text_returns(*made);
    const auto again = get(*made);
    expect(again && equal(*again, *fields), "the fields of {} make {}, which has others", hex_of(a), hex_of(*made));
  }

 private:
  std::optional<afplug_sockaddr> parse_on(unsigned char soil, std::string_view text, int& error) const {
    afplug_sockaddr out;
    std::memset(static_cast<void*>(&out), canary, sizeof out);
    const afplug_sockaddr before = out;
    std::array<char, 300> words;
    words.fill(static_cast<char>(canary));
    afplug_text why{words.data(), 256, 0};
    soil_stack(soil);
    const int r = f_.codec().parse(&who_, text.data(), text.size(), &out, &why);
    expect(r <= 0, "parse({}) returned {}", shown(text), r);
    error = -r;
    expect(words[256] == static_cast<char>(canary), "parse({}) wrote its reason past the room", shown(text));
    if (r == 0) {
      expect(out.length <= AFPLUG_ADDRESS_MAX, "parse({}) gave {} bytes", shown(text), out.length);
      return out;
    }
    expect(std::memcmp(&out, &before, sizeof out) == 0, "parse({}) failed and touched its output", shown(text));
    expect(why.size > 0, "parse({}) failed without saying why", shown(text));
    return {};
  }

  const family& f_;
  afplug_identity who_;
  int domain_;
};

std::vector<codec> codecs(const family& f) {
  std::vector<codec> out;
  for (const row* r : listed_rows(f)) out.emplace_back(f, *r);
  return out;
}

// Random bytes behind the right family number, of every length: what the family can write it must read again.
void random_addresses(const family& f) {
  std::mt19937 random(1);
  std::size_t written = 0;
  const auto all = codecs(f);
  const std::size_t share = tries / all.size() + 1;
  for (const auto& c : all) {
    for (std::size_t i = 0; i < share; ++i) {
      afplug_sockaddr a{};
      a.length = static_cast<std::uint32_t>(random() % (AFPLUG_ADDRESS_MAX + 1));
      const bool sparse = i % 2 == 0;  // zeros are commoner in addresses than chance makes them
      const bool text = i % 4 == 1;    // and so are texts with a NUL at their end
      for (std::uint32_t b = 0; b < a.length; ++b)
        a.u.bytes[b] = sparse && random() % 4 != 0 ? std::uint8_t{0}
                       : text                      ? static_cast<std::uint8_t>('!' + random() % 94)
                                                   : static_cast<std::uint8_t>(random());
      if (text && a.length > 0) a.u.bytes[a.length - 1] = 0;
      const auto domain = static_cast<sa_family_t>(c.domain());
      std::memcpy(a.u.bytes, &domain, sizeof domain);
      const auto written_text = c.format(a);
      c.get(a);
      if (!written_text) continue;
      // Padding and the like have no text: what the text says is what counts.
      int error = 0;
      const auto read = c.parse(*written_text, &error);
      if (error == ENAMETOOLONG) continue;  // a system may have longer names than a program may give
      expect(read.has_value(), "{}, written from {}, can't be read", shown(*written_text), hex_of(a));
      c.agree(*read);
      ++written;
    }
  }
  if (written == 0) throw beside_the_point("no random address could be written");
}

void foreign_addresses(const family& f) {
  for (const auto& c : codecs(f)) {
    for (std::uint32_t length = 0; length <= AFPLUG_ADDRESS_MAX; ++length) {
      afplug_sockaddr a{};
      a.length = length;
      const auto other = static_cast<sa_family_t>(c.domain() + 1);
      std::memcpy(a.u.bytes, &other, sizeof other);
      expect(!c.format(a), "format takes {} bytes of another family's address", length);
      expect(!c.get(a), "get takes {} bytes of another family's address", length);
    }
  }
}

void hostile_texts(const family& f) {
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
  constexpr std::string_view letters = "0123456789abcdefxX:.[]/?&=%@-_ \n\t\x01\x7f\xc3\xa9";
  const auto all = codecs(f);
  for (std::size_t i = 0; i < tries / all.size(); ++i) {
    std::string text(random() % 40, ' ');
    for (char& letter : text) letter = letters[random() % letters.size()];
    texts.push_back(std::move(text));
  }
  for (const auto& c : all)
    for (const auto& text : texts)
      if (const auto a = c.parse(text)) c.agree(*a);
}

void fields_have_names(const family& f) {
  expect(!f.address_fields().empty(), "the address has no fields");
  std::set<std::string> seen;
  for (const auto& m : f.address_fields()) {
    expect(m.name != nullptr && *m.name != '\0', "a field has no name");
    expect(seen.insert(m.name).second, "two fields are called {}", m.name);
    expect(m.help != nullptr && *m.help != '\0', "the field {} has no help", m.name);
  }
}

void odd_fields(const family& f) {
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
      std::string why;
      if (const auto a = c.set(values, why))
        c.agree(*a);
      else
        expect(!why.empty(), "set refused fields without saying why");
    }
  }
}

constexpr check all[] = {
    {"address-fields", "the fields of an address are named and described", fields_have_names},
    {"address-round-trip",
     "an address's text makes the same address again, byte for byte, and its fields one with the same fields",
     random_addresses},
    {"address-foreign", "addresses of another family, of any length, are refused", foreign_addresses},
    {"address-hostile-text", "any text is read or refused with a reason, and nothing is touched on an error",
     hostile_texts},
    {"address-odd-fields", "fields of any kind and value are taken or refused with a reason", odd_fields},
};

}  // namespace

const std::span<const check> addresses = all;

}  // namespace afplug::command::kit
