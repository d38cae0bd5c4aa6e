// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// unix.dll: AF_UNIX, which CPython's builds for Windows leave out. Its row and constants exist
// on every Windows; the verdict reports where the system lacks it. Wine has no AF_UNIX in any version that it emulates.
// The second argument names that version.
#include "plugin_test.hpp"

namespace {

using test::expect;

void check_tables(const afplug_family& f) {
  expect(std::string_view(f.name) == "AF_UNIX", "the family's name", f.name);
  test::expect_constant(f, "AF_UNIX", AF_UNIX);
  test::expect_constant(f, "UNIX_PATH_MAX", 108);
  test::expect_constant(f, "SIO_AF_UNIX_GETPEERPID", 0x58000100);
  const auto* stream = test::find_row(f, SOCK_STREAM, 0);
  expect(stream && (stream->flags & AFPLUG_ROW_DEFAULT) != 0, "SOCK_STREAM is listed as default");
  expect(stream && (stream->flags & (AFPLUG_ROW_PAIR | AFPLUG_ROW_RIGHTS)) == 0,
         "without socketpair and descriptor passing, which Windows does not have");
  expect(!test::find_row(f, SOCK_DGRAM, 0) && !test::find_row(f, SOCK_SEQPACKET, 0), "no other type is listed");
}

void check_codec(const test::protocol& stream) {
  const unsigned char path[] = {1, 0, 'C', ':', '\\', 'a', '.', 's', 0};
  stream.expect_bytes("C:\\a.s", path, "C:\\a.s");
  const unsigned char umlaut[] = {1, 0, 0xc3, 0xbc, 0};
  stream.expect_bytes("\xc3\xbc", umlaut, "\xc3\xbc");
  stream.expect_bytes("%c3%bc", umlaut, "\xc3\xbc");
  const unsigned char abstract[] = {1, 0, 0, 'x'}, unnamed[] = {1, 0};
  stream.expect_bytes("@x", abstract, "@x");
  stream.expect_bytes("", unnamed, "");
  stream.expect_text("./@x", "./@x");
  stream.expect_text("%40x", "%40x");
  stream.expect_text(std::string(107, 'p'), std::string(107, 'p'));
  stream.expect_refused(ENAMETOOLONG, {std::string(108, 'p'), "@" + std::string(108, 'a')});
  stream.expect_refused(EINVAL, {"a%00b", "%00a", "%", "%4", "%zz"});
  stream.expect_from_fields({test::field("a.s")}, "a.s");
  stream.expect_fields_refused(EINVAL, {test::field(std::string_view("a\0b", 3))});
  stream.expect_fields_refused(ENAMETOOLONG, {test::field(std::string(108, 'p'))});
  const unsigned char other_family[] = {2, 0, 0, 0}, truncated[] = {1};
  stream.expect_not_formatted(other_family);
  stream.expect_not_formatted(truncated);
}

// The verdict names the Windows build that AF_UNIX needs; `old`: Windows is older than that build.
void check_verdict(const test::protocol& stream, bool old) {
  for (const int error : {WSAEAFNOSUPPORT, WSAEPROTONOSUPPORT, EAFNOSUPPORT}) {
    const auto verdict = stream.check(AFPLUG_UNAVAILABLE, error);
    expect(verdict.state == AFPLUG_UNAVAILABLE && verdict.error == error, "the host's state and error are kept");
    expect(std::string_view(verdict.reason) == "kernel-lacks-family", "the reason", verdict.reason);
    const std::string_view detail = verdict.detail;
    expect(detail.find("17134") != detail.npos, "the detail has the build that AF_UNIX needs", verdict.detail);
    expect(detail.starts_with("AF_UNIX needs Windows 10 1803") == old, "the detail depends on the build",
           verdict.detail);
    expect(verdict.remedy[0] != '\0', "there is a remedy");
  }
  const auto passive = stream.check(AFPLUG_UNKNOWN, 0, AFPLUG_CHECK_PASSIVE);
  expect(passive.state == AFPLUG_UNAVAILABLE, "a passive check has the same result, from Winsock's catalog",
         passive.reason);
  const auto no_buffers = stream.check(AFPLUG_UNAVAILABLE, WSAENOBUFS);
  expect(no_buffers.reason[0] == '\0', "no reason is added to another error", no_buffers.reason);
}

}  // namespace

int main(int argc, char** argv) {
  const auto* f = test::load_family(argc > 1 ? argv[1] : "unix.dll", "unix", AF_UNIX);
  if (!f) return 1;
  check_tables(*f);
  const test::protocol stream(*f, SOCK_STREAM, 0);
  check_codec(stream);

  WSADATA data;
  ::WSAStartup(MAKEWORD(2, 2), &data);
  const int error = stream.open_error();
  expect(error == 0 || error == WSAEAFNOSUPPORT, "the socket opens, or Windows reports that it has no such family",
         std::to_string(error));
  if (error != 0) check_verdict(stream, argc > 2 && std::string_view(argv[2]) == "win7");
  expect(stream.check(AFPLUG_AVAILABLE, 0).reason[0] == '\0', "no reason is added if the socket opens");
  return test::report("AF_UNIX, socket " + std::to_string(error));
}
