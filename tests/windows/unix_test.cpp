// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// unix.dll: defect 13 of CPython's socket module, whose builds for Windows leave AF_UNIX out (PARITY §12). Here its row
// and its names are always there, and where Windows has it not, the verdict says so. Wine has none, whichever Windows
// it plays; the second argument names it.
#include "plugin_test.hpp"

namespace {

using test::expect;

void check_tables(const afplug_family& f) {
  expect(std::string_view(f.name) == "AF_UNIX", "the family's name", f.name);
  test::expect_constant(f, "AF_UNIX", AF_UNIX);
  test::expect_constant(f, "UNIX_PATH_MAX", 108);
  test::expect_constant(f, "SIO_AF_UNIX_GETPEERPID", 0x58000100);
  const auto* stream = test::listed(f, SOCK_STREAM, 0);
  expect(stream && (stream->flags & AFPLUG_ROW_DEFAULT) != 0, "streams are listed");
  expect(stream && (stream->flags & (AFPLUG_ROW_PAIR | AFPLUG_ROW_RIGHTS)) == 0,
         "without socketpair and descriptors, which Windows has not");
  expect(!test::listed(f, SOCK_DGRAM, 0) && !test::listed(f, SOCK_SEQPACKET, 0), "and nothing else is");
}

void check_codec(const test::subject& it) {
  const unsigned char path[] = {1, 0, 'C', ':', '\\', 'a', '.', 's', 0};
  it.means("C:\\a.s", path, "C:\\a.s");
  const unsigned char umlaut[] = {1, 0, 0xc3, 0xbc, 0};
  it.means("\xc3\xbc", umlaut, "\xc3\xbc");
  it.means("%c3%bc", umlaut, "\xc3\xbc");
  const unsigned char abstract[] = {1, 0, 0, 'x'}, nameless[] = {1, 0};
  it.means("@x", abstract, "@x");
  it.means("", nameless, "");
  it.reads("./@x", "./@x");
  it.reads("%40x", "%40x");
  it.reads(std::string(107, 'p'), std::string(107, 'p'));
  it.refuses(ENAMETOOLONG, {std::string(108, 'p'), "@" + std::string(108, 'a')});
  it.refuses(EINVAL, {"a%00b", "%00a", "%", "%4", "%zz"});
  it.makes({test::field("a.s")}, "a.s");
  it.refuses_fields(EINVAL, {test::field(std::string_view("a\0b", 3))});
  it.refuses_fields(ENAMETOOLONG, {test::field(std::string(108, 'p'))});
  const unsigned char inet[] = {2, 0, 0, 0}, half[] = {1};
  it.writes_no(inet);
  it.writes_no(half);
}

// The reasons that Windows may have, by its build; with what it has it is left alone.
void check_verdict(const test::subject& it, bool old) {
  for (const int error : {WSAEAFNOSUPPORT, WSAEPROTONOSUPPORT, EAFNOSUPPORT}) {
    const auto verdict = it.judged(AFPLUG_UNAVAILABLE, error);
    expect(verdict.state == AFPLUG_UNAVAILABLE && verdict.error == error, "the finding stands");
    expect(std::string_view(verdict.reason) == "kernel-lacks-family", "the reason", verdict.reason);
    const std::string_view detail = verdict.detail;
    expect(detail.find("17134") != detail.npos, "it says which Windows has AF_UNIX", verdict.detail);
    expect(detail.starts_with("AF_UNIX needs Windows 10 1803") == old, "and whether this is one", verdict.detail);
    expect(verdict.remedy[0] != '\0', "and what to do");
  }
  const auto passive = it.judged(AFPLUG_UNKNOWN, 0, AFPLUG_CHECK_PASSIVE);
  expect(passive.state == AFPLUG_UNAVAILABLE, "without a socket the catalogue tells the same", passive.reason);
  const auto full = it.judged(AFPLUG_UNAVAILABLE, WSAENOBUFS);
  expect(full.reason[0] == '\0', "another error has its own reason", full.reason);
}

}  // namespace

int main(int argc, char** argv) {
  const auto* f = test::load(argc > 1 ? argv[1] : "unix.dll", "unix", AF_UNIX);
  if (!f) return 1;
  check_tables(*f);
  const test::subject it(*f, SOCK_STREAM, 0);
  check_codec(it);

  WSADATA data;
  ::WSAStartup(MAKEWORD(2, 2), &data);
  const int error = it.open();
  expect(error == 0 || error == WSAEAFNOSUPPORT, "the socket opens, or this Windows says that it has no such family",
         std::to_string(error));
  if (error != 0) check_verdict(it, argc > 2 && std::string_view(argv[2]) == "win7");
  expect(it.judged(AFPLUG_AVAILABLE, 0).reason[0] == '\0', "there is no reason where the socket opens");
  return test::outcome("AF_UNIX, socket " + std::to_string(error));
}
