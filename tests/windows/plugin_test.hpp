// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Loads a plugin's DLL as a host does and checks its note, its tables, its address codec and its verdicts.
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

/// The bytes of a section in the file. The library is not loaded.
inline std::string section(const char* path, std::string_view name) {
  std::ifstream in(path, std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  if (file.size() < sizeof(IMAGE_DOS_HEADER)) return {};
  const auto* dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(file.data());
  const auto* nt = reinterpret_cast<const IMAGE_NT_HEADERS64*>(file.data() + dos->e_lfanew);
  const auto* header = IMAGE_FIRST_SECTION(nt);
  for (unsigned i = 0; i < nt->FileHeader.NumberOfSections; ++i)
    if (std::strncmp(reinterpret_cast<const char*>(header[i].Name), name.data(), 8) == 0)
      return file.substr(header[i].PointerToRawData, header[i].SizeOfRawData);
  return {};
}

/// Checks that the note has exactly one family, with this id and number.
inline void check_note(const char* path, std::string_view id, int number) {
  constexpr std::size_t head = 20;  // sizes, type and name of an ELF note
  const std::string bytes = section(path, ".afplug");
  const bool present = bytes.size() >= head + sizeof(afplug_note_header) + sizeof(afplug_note_family);
  expect(present, "the section .afplug exists", std::to_string(bytes.size()));
  if (!present) return;
  afplug_note_header header;
  std::memcpy(&header, bytes.data() + head, sizeof header);
  afplug_note_family first;
  std::memcpy(&first, bytes.data() + head + sizeof header, sizeof first);
  expect(std::string_view(header.provider) == "afplug", "the provider in the note", header.provider);
  expect(header.family_count == 1 && first.id == id && first.number == number, "the family id and number in the note",
         first.id);
}

/// Loads a plugin and returns its family. Null if a check failed that prevents this.
inline const afplug_family* load_family(const char* path, std::string_view id, int number) {
  check_note(path, id, number);
  const HMODULE library = ::LoadLibraryA(path);
  expect(library != nullptr, "the plugin loads", std::to_string(::GetLastError()));
  if (!library) return nullptr;
  const auto entry =
      reinterpret_cast<afplug_entry_fn>(reinterpret_cast<void*>(::GetProcAddress(library, "afplug_entry")));
  expect(entry != nullptr, "the library exports afplug_entry", std::to_string(::GetLastError()));
  if (!entry) return nullptr;
  afplug_host host{};
  host.size = sizeof host;
  host.abi_major = AFPLUG_ABI_MAJOR;
  host.abi_minor = AFPLUG_ABI_MINOR;
  afplug_plugin plugin{};
  plugin.size = sizeof plugin;
  expect(entry(&host, &plugin) == 0 && plugin.families.count == 1, "afplug_entry describes one family");
  const auto* family = static_cast<const afplug_family*>(plugin.families.data);
  if (!family) return nullptr;
  expect(family->id == id && family->number == number, "the family of the note", family->id);
  return family;
}

template <class T>
std::span<const T> table(const afplug_array& from) {
  return {static_cast<const T*>(from.data), from.count};
}

/// Checks a constant's value.
inline void expect_constant(const afplug_family& f, std::string_view name, std::int64_t value) {
  const auto all = table<afplug_constant>(f.constants);
  const auto at = std::find_if(all.begin(), all.end(), [&](const afplug_constant& c) { return c.name == name; });
  expect(at != all.end() && at->text == nullptr && at->value == value, "the constant " + std::string(name),
         at == all.end() ? "none" : std::to_string(at->value));
}
/// The same for a constant that is a text.
inline void expect_constant(const afplug_family& f, std::string_view name, std::string_view text) {
  const auto all = table<afplug_constant>(f.constants);
  const auto at = std::find_if(all.begin(), all.end(), [&](const afplug_constant& c) { return c.name == name; });
  expect(at != all.end() && at->text != nullptr && at->text == text, "the constant " + std::string(name));
}

/// The listed row of a type and protocol; null if there is none.
inline const afplug_row* find_row(const afplug_family& f, int type, int protocol) {
  const auto all = table<afplug_row>(f.rows);
  const auto at = std::find_if(all.begin(), all.end(), [&](const afplug_row& r) {
    return r.type == type && r.protocol == protocol && (r.flags & AFPLUG_ROW_HIDDEN) == 0;
  });
  return at == all.end() ? nullptr : &*at;
}

/// Fields of an address as a program passes them.
inline afplug_value field() { return {}; }  // omitted
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

/// A protocol of a family: checks of its codec, its sockets and its verdicts.
class protocol {
 public:
  protocol(const afplug_family& f, int type, int number) : f_(f), identity_{f.id, f.number, type, number, 0} {}

  struct parsed {
    int result = 0;
    afplug_sockaddr address{};
    std::string error;
  };
  parsed parse(std::string_view text) const {
    char buffer[256];
    afplug_text error{buffer, sizeof buffer, 0};
    parsed out;
    out.result = f_.codec->parse(&identity_, text.data(), text.size(), &out.address, &error);
    out.error = to_string(error);
    return out;
  }
  std::string format(const afplug_sockaddr& a) const {
    char buffer[256];
    afplug_text out{buffer, sizeof buffer, 0};
    const int r = f_.codec->format(&identity_, a.u.bytes, a.length, &out);
    return r < 0 ? "error " + std::to_string(r) : to_string(out);
  }

  /// The text is parsed to exactly these bytes, and these are formatted as `formatted`.
  void expect_bytes(std::string_view text, std::span<const unsigned char> bytes, std::string_view formatted) const {
    const auto made = parse(text);
    expect(made.result == 0, "parses: " + std::string(text), made.error);
    expect(made.address.length == bytes.size() && std::equal(bytes.begin(), bytes.end(), made.address.u.bytes),
           "has the layout of Windows: " + std::string(text), std::to_string(made.address.length));
    expect_text(text, formatted);
  }
  /// The address of the text is formatted as `formatted`. That text and the address's fields give the same address.
  void expect_text(std::string_view text, std::string_view formatted) const {
    const auto made = parse(text);
    const std::string back = format(made.address);
    expect(made.result == 0 && back == formatted, "is formatted: " + std::string(text), back + made.error);
    expect(same(parse(formatted).address, made.address), "the formatted text is the same address: " + std::string(text),
           back);
    afplug_value values[8] = {};
    const int count = f_.codec->get(&identity_, made.address.u.bytes, made.address.length, values, 8);
    afplug_sockaddr again{};
    const int result = f_.codec->set(&identity_, values, static_cast<std::uint32_t>(count), &again, nullptr);
    expect(count > 0 && result == 0 && same(again, made.address),
           "its fields give the same address: " + std::string(text), std::to_string(result));
  }
  /// Parsing each text fails with this errno and an error text.
  void expect_refused(int error, std::initializer_list<std::string_view> texts) const {
    for (const auto text : texts) {
      const auto refused = parse(text);
      expect(refused.result == -error && !refused.error.empty(), "is refused with an error text: " + std::string(text),
             std::to_string(refused.result) + " " + refused.error);
    }
  }
  /// The fields give the address of the text.
  void expect_from_fields(std::initializer_list<afplug_value> fields, std::string_view text) const {
    afplug_sockaddr made{};
    const int result = set(fields, made).first;
    expect(result == 0 && format(made) == text, "the fields give " + std::string(text), std::to_string(result));
  }
  /// Making an address of the fields fails with this errno and an error text.
  void expect_fields_refused(int error, std::initializer_list<afplug_value> fields) const {
    afplug_sockaddr made{};
    const auto [result, text] = set(fields, made);
    expect(result == -error && !text.empty(), "the fields are refused with an error text",
           std::to_string(result) + " " + text);
  }
  /// Formatting these bytes, which are not an address of the family, fails with EINVAL.
  void expect_not_formatted(std::span<const unsigned char> bytes) const {
    afplug_sockaddr invalid{static_cast<std::uint32_t>(bytes.size()), 0, {}};
    std::copy(bytes.begin(), bytes.end(), invalid.u.bytes);
    expect(format(invalid) == "error " + std::to_string(-EINVAL), "bytes that are not an address", format(invalid));
  }

  /// Opens a socket and closes it. Returns 0 or WSAGetLastError().
  int open_error() const {
    const SOCKET s = ::socket(f_.number, identity_.type, identity_.protocol);
    if (s == INVALID_SOCKET) return ::WSAGetLastError();
    ::closesocket(s);
    return 0;
  }
  /// The verdict of the family's `check` for a state and error that the host found.
  afplug_verdict check(int state, int error, std::uint32_t flags = 0) const {
    afplug_verdict verdict{};
    verdict.size = sizeof verdict;
    verdict.state = state;
    verdict.error = error;
    expect(f_.check(&identity_, flags, &verdict) == 0, "check succeeds");
    return verdict;
  }

 private:
  std::pair<int, std::string> set(std::initializer_list<afplug_value> fields, afplug_sockaddr& made) const {
    char buffer[256];
    afplug_text error{buffer, sizeof buffer, 0};
    const int result =
        f_.codec->set(&identity_, fields.begin(), static_cast<std::uint32_t>(fields.size()), &made, &error);
    return {result, to_string(error)};
  }
  static std::string to_string(const afplug_text& t) { return {t.data, std::min(t.size, t.capacity)}; }
  static bool same(const afplug_sockaddr& a, const afplug_sockaddr& b) {
    return a.length == b.length && std::memcmp(a.u.bytes, b.u.bytes, a.length) == 0;
  }
  const afplug_family& f_;
  afplug_identity identity_;
};

}  // namespace test
