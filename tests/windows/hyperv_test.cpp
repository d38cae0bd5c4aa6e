// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// hyperv.dll as a host on Windows meets it: loaded, asked for its tables, its codec put through its texts. Run under Wine, which has no AF_HYPERV: that the
// socket itself is refused, and how, is checked too.
#include <afplug/plugin.h>
#include <winsock2.h>

#include <windows.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace {

int checks = 0, failures = 0;

void expect(bool holds, const char* what, const std::string& seen) {
  ++checks;
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s (%s)\n", what, seen.c_str());
}

constexpr char parent[] = "a42e7cda-d03f-480c-9cc2-a4de20abb878";
constexpr char service[] = "00001388-facb-11e6-bd58-64006a7986d3";

// The descriptor's bytes as they stand in the file, without the loader.
std::string section(const char* path, std::string_view wanted) {
  std::ifstream in(path, std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  const auto* dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(file.data());
  const auto* nt = reinterpret_cast<const IMAGE_NT_HEADERS64*>(file.data() + dos->e_lfanew);
  const auto* header = IMAGE_FIRST_SECTION(nt);
  for (unsigned i = 0; i < nt->FileHeader.NumberOfSections; ++i)
    if (std::strncmp(reinterpret_cast<const char*>(header[i].Name), wanted.data(), 8) == 0)
      return file.substr(header[i].PointerToRawData, header[i].SizeOfRawData);
  return {};
}

void check_note(const char* path) {
  const std::string bytes = section(path, ".afplug");
  expect(bytes.size() >= 20 + sizeof(afplug_note_header) + sizeof(afplug_note_family), "the section .afplug is there",
         std::to_string(bytes.size()));
  if (bytes.size() < 20 + sizeof(afplug_note_header) + sizeof(afplug_note_family)) return;
  afplug_note_header header;
  std::memcpy(&header, bytes.data() + 20, sizeof header);
  afplug_note_family first;
  std::memcpy(&first, bytes.data() + 20 + sizeof header, sizeof first);
  expect(std::string_view(header.provider) == "afplug", "it names the provider", header.provider);
  expect(std::string_view(first.id) == "hyperv" && first.number == 34, "and the family, with its number here",
         first.id);
}

struct parsed {
  int result;
  afplug_sockaddr address;
  std::string why;
};
parsed parse(const afplug_family& f, std::string_view text) {
  const afplug_identity who{"hyperv", 34, SOCK_STREAM, 1, 0};
  char room[256];
  afplug_text why{room, sizeof room, 0};
  parsed out{0, {}, {}};
  out.result = f.codec->parse(&who, text.data(), text.size(), &out.address, &why);
  out.why.assign(room, why.size < sizeof room ? why.size : sizeof room);
  return out;
}
std::string format(const afplug_family& f, const afplug_sockaddr& a) {
  const afplug_identity who{"hyperv", 34, SOCK_STREAM, 1, 0};
  char room[256];
  afplug_text out{room, sizeof room, 0};
  const int r = f.codec->format(&who, a.u.bytes, a.length, &out);
  return r < 0 ? "error " + std::to_string(r) : std::string(room, out.size);
}

void check_codec(const afplug_family& f) {
  const std::string text = std::string(parent) + "/" + service;
  const auto good = parse(f, text);
  expect(good.result == 0 && good.address.length == 36, "an address is a SOCKADDR_HV of 36 bytes", good.why);
  const unsigned char bytes[] = {34,   0,    0,    0,    0xda, 0x7c, 0x2e, 0xa4, 0x3f, 0xd0, 0x0c, 0x48,
                                 0x9c, 0xc2, 0xa4, 0xde, 0x20, 0xab, 0xb8, 0x78, 0x88, 0x13, 0,    0,
                                 0xcb, 0xfa, 0xe6, 0x11, 0xbd, 0x58, 0x64, 0x00, 0x6a, 0x79, 0x86, 0xd3};
  expect(std::memcmp(good.address.u.bytes, bytes, sizeof bytes) == 0, "GUIDs are laid out as Windows lays them out",
         text);
  expect(format(f, good.address) == text, "it reads back", format(f, good.address));
  const auto upper = parse(f, "A42E7CDA-D03F-480C-9CC2-A4DE20ABB878/00001388-FACB-11E6-BD58-64006A7986D3");
  expect(format(f, upper.address) == text, "either case is taken, lower is written", format(f, upper.address));
  const auto flags = parse(f, text + "?flags=0x1");
  expect(format(f, flags.address) == text + "?flags=0x1", "flags survive", format(f, flags.address));
  for (const std::string& bad : {std::string(), std::string(parent), std::string(parent) + "/",
                                 std::string("x/") + service, text + "0", text + "?flags=65536", text + "?port=1"}) {
    const auto refused = parse(f, bad);
    expect(refused.result < 0 && !refused.why.empty(), "what is no address is refused, with words", bad);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const char* path = argc > 1 ? argv[1] : "hyperv.dll";
  check_note(path);
  const HMODULE library = LoadLibraryA(path);
  expect(library != nullptr, "the plugin loads", std::to_string(GetLastError()));
  if (!library) return 1;
  const auto entry =
      reinterpret_cast<afplug_entry_fn>(reinterpret_cast<void*>(GetProcAddress(library, "afplug_entry")));
  expect(entry != nullptr, "it exports its entry", std::to_string(GetLastError()));
  if (!entry) return 1;
  afplug_host host{};
  host.size = sizeof host;
  host.abi_major = AFPLUG_ABI_MAJOR;
  host.abi_minor = AFPLUG_ABI_MINOR;
  afplug_plugin plugin{};
  plugin.size = sizeof plugin;
  expect(entry(&host, &plugin) == 0 && plugin.families.count == 1, "and describes one family", "");
  const auto& f = *static_cast<const afplug_family*>(plugin.families.data);
  expect(std::string_view(f.id) == "hyperv" && f.number == 34, "hyperv, whose number here is AF_HYPERV", f.id);
  expect(f.rows.count == 1 && f.options.count == 4 && f.constants.count >= 11, "with its tables", "");
  check_codec(f);

  WSADATA data;
  WSAStartup(MAKEWORD(2, 2), &data);
  const SOCKET s = ::socket(f.number, SOCK_STREAM, 1);
  const int error = WSAGetLastError();
  expect(s != INVALID_SOCKET || error == WSAEAFNOSUPPORT,
         "the socket opens, or this Windows says that it has no such family", std::to_string(error));
  if (s != INVALID_SOCKET) closesocket(s);

  std::printf("%d checks, %d failed; socket(AF_HYPERV): %d\n", checks, failures, s == INVALID_SOCKET ? error : 0);
  return failures == 0 ? 0 : 1;
}
