// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A plugin's library as a host on Windows meets it: its note read from the file, loaded, asked for its tables, its
// codec put through texts.
#pragma once

#include <afplug/plugin.h>
#include <winsock2.h>

#include <windows.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "expect.hpp"

namespace test {

/// The bytes of a section as they stand in the file, without the loader.
inline std::string section(const char* path, std::string_view wanted) {
  std::ifstream in(path, std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  if (file.size() < sizeof(IMAGE_DOS_HEADER)) return {};
  const auto* dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(file.data());
  const auto* nt = reinterpret_cast<const IMAGE_NT_HEADERS64*>(file.data() + dos->e_lfanew);
  const auto* header = IMAGE_FIRST_SECTION(nt);
  for (unsigned i = 0; i < nt->FileHeader.NumberOfSections; ++i)
    if (std::strncmp(reinterpret_cast<const char*>(header[i].Name), wanted.data(), 8) == 0)
      return file.substr(header[i].PointerToRawData, header[i].SizeOfRawData);
  return {};
}

/// The note says the one family, and its number here.
inline void check_note(const char* path, std::string_view id, int number) {
  constexpr std::size_t head = 20;  // sizes, type and name, as ELF's notes have them
  const std::string bytes = section(path, ".afplug");
  const bool there = bytes.size() >= head + sizeof(afplug_note_header) + sizeof(afplug_note_family);
  expect(there, "the section .afplug is there", std::to_string(bytes.size()));
  if (!there) return;
  afplug_note_header header;
  std::memcpy(&header, bytes.data() + head, sizeof header);
  afplug_note_family first;
  std::memcpy(&first, bytes.data() + head + sizeof header, sizeof first);
  expect(std::string_view(header.provider) == "afplug", "it names the provider", header.provider);
  expect(header.family_count == 1 && first.id == id && first.number == number, "and the family, with its number here",
         first.id);
}

/// The plugin's family, loaded. Null, and said why: it is not to be had.
inline const afplug_family* load(const char* path, std::string_view id, int number) {
  check_note(path, id, number);
  const HMODULE library = ::LoadLibraryA(path);
  expect(library != nullptr, "the plugin loads", std::to_string(::GetLastError()));
  if (!library) return nullptr;
  const auto entry =
      reinterpret_cast<afplug_entry_fn>(reinterpret_cast<void*>(::GetProcAddress(library, "afplug_entry")));
  expect(entry != nullptr, "it exports its entry", std::to_string(::GetLastError()));
  if (!entry) return nullptr;
  afplug_host host{};
  host.size = sizeof host;
  host.abi_major = AFPLUG_ABI_MAJOR;
  host.abi_minor = AFPLUG_ABI_MINOR;
  afplug_plugin plugin{};
  plugin.size = sizeof plugin;
  expect(entry(&host, &plugin) == 0 && plugin.families.count == 1, "and describes one family");
  const auto* family = static_cast<const afplug_family*>(plugin.families.data);
  if (!family) return nullptr;
  expect(family->id == id && family->number == number, "the one that its note says", family->id);
  return family;
}

template <class T>
std::span<const T> table(const afplug_array& from) {
  return {static_cast<const T*>(from.data), from.count};
}

/// The family has a constant of that name and value.
inline void expect_constant(const afplug_family& f, std::string_view name, std::int64_t value) {
  const auto all = table<afplug_constant>(f.constants);
  const auto at = std::find_if(all.begin(), all.end(), [&](const afplug_constant& c) { return c.name == name; });
  expect(at != all.end() && at->text == nullptr && at->value == value, "the constant " + std::string(name),
         at == all.end() ? "none" : std::to_string(at->value));
}
/// The same of a constant that is text.
inline void expect_constant(const afplug_family& f, std::string_view name, std::string_view text) {
  const auto all = table<afplug_constant>(f.constants);
  const auto at = std::find_if(all.begin(), all.end(), [&](const afplug_constant& c) { return c.name == name; });
  expect(at != all.end() && at->text != nullptr && at->text == text, "the constant " + std::string(name));
}

/// The row that is listed for a type and protocol; null: none is.
inline const afplug_row* listed(const afplug_family& f, int type, int protocol) {
  const auto all = table<afplug_row>(f.rows);
  const auto at = std::find_if(all.begin(), all.end(), [&](const afplug_row& r) {
    return r.type == type && r.protocol == protocol && (r.flags & AFPLUG_ROW_HIDDEN) == 0;
  });
  return at == all.end() ? nullptr : &*at;
}

/// Fields of an address as a program gives them.
inline afplug_value field() { return {}; }  // not given
inline afplug_value field(std::int64_t number) {
  afplug_value made{};
  made.kind = number < 0 ? AFPLUG_KIND_I64 : AFPLUG_KIND_U64;
  made.n.i = number;
  return made;
}
inline afplug_value field(std::string_view text) {
  afplug_value made{};
  made.kind = AFPLUG_KIND_TEXT;
  made.size = static_cast<std::uint32_t>(text.copy(reinterpret_cast<char*>(made.bytes), sizeof made.bytes));
  return made;
}

/// One of a family's sockets, for its codec and its verdict.
class subject {
 public:
  subject(const afplug_family& f, int type, int protocol) : f_(f), who_{f.id, f.number, type, protocol, 0} {}

  struct parsed {
    int result = 0;
    afplug_sockaddr address{};
    std::string why;
  };
  parsed parse(std::string_view text) const {
    char room[256];
    afplug_text why{room, sizeof room, 0};
    parsed out;
    out.result = f_.codec->parse(&who_, text.data(), text.size(), &out.address, &why);
    out.why = said(why);
    return out;
  }
  std::string format(const afplug_sockaddr& a) const {
    char room[256];
    afplug_text out{room, sizeof room, 0};
    const int r = f_.codec->format(&who_, a.u.bytes, a.length, &out);
    return r < 0 ? "error " + std::to_string(r) : said(out);
  }

  /// The text is an address of exactly those bytes, and reads back as `written`.
  void means(std::string_view text, std::span<const unsigned char> bytes, std::string_view written) const {
    const auto made = parse(text);
    expect(made.result == 0, "it is an address: " + std::string(text), made.why);
    expect(made.address.length == bytes.size() && std::equal(bytes.begin(), bytes.end(), made.address.u.bytes),
           "laid out as Windows has it: " + std::string(text), std::to_string(made.address.length));
    reads(text, written);
  }
  /// The text reads back as `written`, which is the same address, and so is what its fields make.
  void reads(std::string_view text, std::string_view written) const {
    const auto made = parse(text);
    const std::string back = format(made.address);
    expect(made.result == 0 && back == written, "it reads back: " + std::string(text), back + made.why);
    expect(same(parse(written).address, made.address), "as the same address: " + std::string(text), back);
    afplug_value values[8] = {};
    const int count = f_.codec->get(&who_, made.address.u.bytes, made.address.length, values, 8);
    afplug_sockaddr again{};
    const int result = f_.codec->set(&who_, values, static_cast<std::uint32_t>(count), &again, nullptr);
    expect(count > 0 && result == 0 && same(again, made.address), "and its fields make it: " + std::string(text),
           std::to_string(result));
  }
  /// None of them is an address: `error`, with words.
  void refuses(int error, std::initializer_list<std::string_view> texts) const {
    for (const auto text : texts) {
      const auto refused = parse(text);
      expect(refused.result == -error && !refused.why.empty(), "it is refused, with words: " + std::string(text),
             std::to_string(refused.result) + " " + refused.why);
    }
  }
  /// The fields make the address that the text is.
  void makes(std::initializer_list<afplug_value> fields, std::string_view text) const {
    afplug_sockaddr made{};
    const int result = set(fields, made).first;
    expect(result == 0 && format(made) == text, "the fields make " + std::string(text), std::to_string(result));
  }
  /// The fields make none: `error`, with words.
  void refuses_fields(int error, std::initializer_list<afplug_value> fields) const {
    afplug_sockaddr made{};
    const auto [result, why] = set(fields, made);
    expect(result == -error && !why.empty(), "the fields are refused, with words", std::to_string(result) + " " + why);
  }
  /// What is no address of the family is not written.
  void writes_no(std::span<const unsigned char> bytes) const {
    afplug_sockaddr odd{static_cast<std::uint32_t>(bytes.size()), 0, {}};
    std::copy(bytes.begin(), bytes.end(), odd.u.bytes);
    expect(format(odd) == "error " + std::to_string(-EINVAL), "it is not written", format(odd));
  }

  /// Opens the socket: 0, or Winsock's error.
  int open() const {
    const SOCKET s = ::socket(f_.number, who_.type, who_.protocol);
    if (s == INVALID_SOCKET) return ::WSAGetLastError();
    ::closesocket(s);
    return 0;
  }
  /// What `check` makes of a finding.
  afplug_verdict judged(int state, int error, std::uint32_t flags = 0) const {
    afplug_verdict verdict{};
    verdict.size = sizeof verdict;
    verdict.state = state;
    verdict.error = error;
    expect(f_.check(&who_, flags, &verdict) == 0, "check knows");
    return verdict;
  }

 private:
  std::pair<int, std::string> set(std::initializer_list<afplug_value> fields, afplug_sockaddr& made) const {
    char room[256];
    afplug_text why{room, sizeof room, 0};
    const int result = f_.codec->set(&who_, fields.begin(), static_cast<std::uint32_t>(fields.size()), &made, &why);
    return {result, said(why)};
  }
  static std::string said(const afplug_text& t) { return {t.data, std::min(t.size, t.capacity)}; }
  static bool same(const afplug_sockaddr& a, const afplug_sockaddr& b) {
    return a.length == b.length && std::memcmp(a.u.bytes, b.u.bytes, a.length) == 0;
  }
  const afplug_family& f_;
  afplug_identity who_;
};

}  // namespace test
