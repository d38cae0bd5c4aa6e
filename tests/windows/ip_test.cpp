// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// inet.dll and inet6.dll: the constants that Python's socket module has on Windows, addresses, and a connection.
#include <winsock2.h>

#include <ws2tcpip.h>

#include "plugin_test.hpp"

namespace {

using test::expect;

void check_common(const afplug_family& f) {
  const struct {
    const char* name;
    int value;
  } known[] = {
      {"IPPROTO_IP", 0},       {"IPPROTO_HOPOPTS", 0},    {"IPPROTO_ICMP", 1},
      {"IPPROTO_IGMP", 2},     {"IPPROTO_GGP", 3},        {"IPPROTO_IPV4", 4},
      {"IPPROTO_ST", 5},       {"IPPROTO_TCP", 6},        {"IPPROTO_CBT", 7},
      {"IPPROTO_EGP", 8},      {"IPPROTO_IGP", 9},        {"IPPROTO_PUP", 12},
      {"IPPROTO_UDP", 17},     {"IPPROTO_IDP", 22},       {"IPPROTO_RDP", 27},
      {"IPPROTO_IPV6", 41},    {"IPPROTO_ROUTING", 43},   {"IPPROTO_FRAGMENT", 44},
      {"IPPROTO_ESP", 50},     {"IPPROTO_AH", 51},        {"IPPROTO_ICMPV6", 58},
      {"IPPROTO_NONE", 59},    {"IPPROTO_DSTOPTS", 60},   {"IPPROTO_ND", 77},
      {"IPPROTO_ICLFXBM", 78}, {"IPPROTO_PIM", 103},      {"IPPROTO_PGM", 113},
      {"IPPROTO_L2TP", 115},   {"IPPROTO_SCTP", 132},     {"IPPROTO_RAW", 255},
      {"IPPROTO_MAX", 256},    {"IPPORT_RESERVED", 1024}, {"IPPORT_USERRESERVED", 5000},
      {"SOL_TCP", 6},          {"SOL_UDP", 17},           {"TCP_NODELAY", 1},
      {"TCP_KEEPIDLE", 3},     {"TCP_MAXSEG", 4},         {"TCP_FASTOPEN", 15},
      {"TCP_KEEPCNT", 16},     {"TCP_KEEPINTVL", 17},
  };
  for (const auto& [name, value] : known) test::expect_constant(f, name, value);
  const auto* stream = test::find_row(f, SOCK_STREAM, IPPROTO_TCP);
  const auto* datagram = test::find_row(f, SOCK_DGRAM, IPPROTO_UDP);
  expect(stream && (stream->flags & AFPLUG_ROW_DEFAULT) != 0 && datagram && (datagram->flags & AFPLUG_ROW_DEFAULT) != 0,
         "TCP and UDP are listed as defaults");
  expect(test::find_row(f, SOCK_RAW, IPPROTO_RAW) != nullptr, "raw sockets are listed");
  const test::protocol raw(f, SOCK_RAW, IPPROTO_RAW);
  for (const int error : {WSAEACCES, EACCES})
    expect(raw.check(AFPLUG_UNAVAILABLE, error).reason == std::string_view("permission"),
           "raw sockets need an administrator");
  expect(raw.check(AFPLUG_UNAVAILABLE, WSAENOBUFS).reason[0] == '\0', "no reason is added to another error");
}

void check_inet(const afplug_family& f) {
  const struct {
    const char* name;
    std::int64_t value;
  } known[] = {
      {"AF_INET", 2},
      {"SOL_IP", 0},
      {"IP_OPTIONS", 1},
      {"IP_HDRINCL", 2},
      {"IP_TOS", 3},
      {"IP_TTL", 4},
      {"IP_MULTICAST_IF", 9},
      {"IP_MULTICAST_TTL", 10},
      {"IP_MULTICAST_LOOP", 11},
      {"IP_ADD_MEMBERSHIP", 12},
      {"IP_DROP_MEMBERSHIP", 13},
      {"IP_RECVDSTADDR", 25},
      {"IP_RECVTOS", 40},
      {"INADDR_ANY", 0},
      {"INADDR_BROADCAST", 0xffffffff},
      {"INADDR_NONE", 0xffffffff},
      {"INADDR_LOOPBACK", 0x7f000001},
      {"INADDR_UNSPEC_GROUP", 0xe0000000},
      {"INADDR_ALLHOSTS_GROUP", 0xe0000001},
      {"INADDR_MAX_LOCAL_GROUP", 0xe00000ff},
  };
  for (const auto& [name, value] : known) test::expect_constant(f, name, value);
  const test::protocol tcp(f, SOCK_STREAM, IPPROTO_TCP), raw(f, SOCK_RAW, IPPROTO_ICMP);
  const unsigned char bytes[16] = {2, 0, 0, 80, 192, 0, 2, 1};
  tcp.expect_bytes("192.0.2.1:0x50", bytes, "192.0.2.1:80");
  tcp.expect_text("*:80", "0.0.0.0:80");
  tcp.expect_text(":0", "0.0.0.0:0");
  tcp.expect_text("<broadcast>:9", "255.255.255.255:9");
  raw.expect_text("192.0.2.1", "192.0.2.1");
  tcp.expect_refused(
      EINVAL, {"", "192.0.2.1", "192.0.2:1", "192.0.2.256:1", "192.0.2.010:1", "0xc0.0.2.1:1", "host:1", "::1:1"});
  tcp.expect_refused(ERANGE, {"192.0.2.1:65536", "192.0.2.1:-1"});
  tcp.expect_from_fields({test::field("192.0.2.1"), test::field(80)}, "192.0.2.1:80");
  tcp.expect_fields_refused(ERANGE, {test::field("192.0.2.1"), test::field(65536)});
}

void check_inet6(const afplug_family& f) {
  const struct {
    const char* name;
    int value;
  } known[] = {
      {"AF_INET6", 23},         {"IPV6_HOPOPTS", 1},         {"IPV6_UNICAST_HOPS", 4},
      {"IPV6_MULTICAST_IF", 9}, {"IPV6_MULTICAST_HOPS", 10}, {"IPV6_MULTICAST_LOOP", 11},
      {"IPV6_JOIN_GROUP", 12},  {"IPV6_LEAVE_GROUP", 13},    {"IPV6_DONTFRAG", 14},
      {"IPV6_PKTINFO", 19},     {"IPV6_HOPLIMIT", 21},       {"IPV6_CHECKSUM", 26},
      {"IPV6_V6ONLY", 27},      {"IPV6_RTHDR", 32},          {"IPV6_RECVRTHDR", 38},
      {"IPV6_TCLASS", 39},      {"IPV6_RECVTCLASS", 40},
  };
  for (const auto& [name, value] : known) test::expect_constant(f, name, value);
  const test::protocol tcp(f, SOCK_STREAM, IPPROTO_TCP), raw(f, SOCK_RAW, IPPROTO_ICMPV6);
  const unsigned char bytes[28] = {23, 0, 0, 80, 0, 0, 0, 1, 0xfe, 0x80, 0, 0, 0, 0,
                                   0,  0, 0, 0,  0, 0, 0, 0, 0,    1,    7, 0, 0, 0};
  tcp.expect_bytes("[fe80::1%7]:80?flowinfo=1", bytes, tcp.format(tcp.parse("[FE80:0::1%7]:80?flowinfo=1").address));
  tcp.expect_text("*:80", "[::]:80");
  tcp.expect_text("[::1]:80", "[::1]:80");
  raw.expect_text("2001:db8::1", "2001:db8::1");
  tcp.expect_refused(EINVAL,
                     {"", "::1", "[::1]", "[::1:80", "[::g]:80", "[192.0.2.1]:80", "[::1%]:80", "[::1]:80?port=1"});
  tcp.expect_refused(ENODEV, {"[fe80::1%missing]:80"});
  tcp.expect_from_fields({test::field("::1"), test::field(80), test::field(1)}, "[::1]:80?flowinfo=0x1");
  tcp.expect_fields_refused(ERANGE, {test::field("::1"), test::field(80), test::field(0x100000)});
  tcp.expect_refused(ERANGE, {"[::1]:65536", "[::1]:80?flowinfo=0x100000"});
}

// Connects over addresses from the codec and sets an option by the level and number of the table.
void check_sockets(const afplug_family& f, const char* loopback) {
  const test::protocol tcp(f, SOCK_STREAM, IPPROTO_TCP);
  const auto* row = test::find_row(f, SOCK_STREAM, IPPROTO_TCP);
  const SOCKET listener = ::socket(f.number, row->type, row->native_protocol);
  auto at = tcp.parse(loopback).address;
  if (::bind(listener, reinterpret_cast<const sockaddr*>(at.u.bytes), static_cast<int>(at.length)) != 0) {
    const int error = ::WSAGetLastError();
    expect(
        f.number == AF_INET6 && (error == WSAEADDRNOTAVAIL || error == WSAEAFNOSUPPORT || listener == INVALID_SOCKET),
        "bind", std::to_string(error));
    std::printf("%s: not available, connection not tested\n", f.id);
    return;
  }
  ::listen(listener, 1);
  int size = sizeof at.u.bytes;
  expect(::getsockname(listener, reinterpret_cast<sockaddr*>(at.u.bytes), &size) == 0, "getsockname");
  at.length = static_cast<std::uint32_t>(size);
  const std::string text = tcp.format(at);
  expect(text.starts_with(std::string_view(loopback).substr(0, std::string_view(loopback).size() - 1)),
         "the local address is the bound one", text);
  const auto to = tcp.parse(text).address;
  const SOCKET client = ::socket(f.number, row->type, row->native_protocol);
  expect(::connect(client, reinterpret_cast<const sockaddr*>(to.u.bytes), static_cast<int>(to.length)) == 0, "connect",
         std::to_string(::WSAGetLastError()));
  const SOCKET server = ::accept(listener, nullptr, nullptr);
  char got[3] = {};
  expect(::send(client, "ab", 2, 0) == 2 && ::recv(server, got, 2, MSG_WAITALL) == 2 && got == std::string_view("ab"),
         "data arrives", got);
  const auto options = test::table<afplug_option>(f.options);
  const auto no_delay = std::find_if(options.begin(), options.end(),
                                     [](const afplug_option& o) { return o.name == std::string_view("TCP_NODELAY"); });
  DWORD on = 1, value = 0;
  size = sizeof value;
  expect(
      no_delay != options.end() &&
          ::setsockopt(client, no_delay->level, no_delay->number, reinterpret_cast<const char*>(&on), sizeof on) == 0 &&
          ::getsockopt(client, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<char*>(&value), &size) == 0 &&
          (value & 1) == 1,
      "TCP_NODELAY has the table's level and number", std::to_string(::WSAGetLastError()));
  for (const SOCKET s : {server, client, listener}) ::closesocket(s);
}

}  // namespace

int main(int argc, char** argv) {
  WSADATA data;
  ::WSAStartup(MAKEWORD(2, 2), &data);
  const auto* inet = test::load_family(argc > 1 ? argv[1] : "inet.dll", "inet", AF_INET);
  const auto* inet6 = test::load_family(argc > 2 ? argv[2] : "inet6.dll", "inet6", AF_INET6);
  if (!inet || !inet6) return 1;
  check_common(*inet);
  check_common(*inet6);
  check_inet(*inet);
  check_inet6(*inet6);
  check_sockets(*inet, "127.0.0.1:0");
  check_sockets(*inet6, "[::1]:0");
  return test::report("AF_INET and AF_INET6");
}
