// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <random>
#include <utility>
#include "family_plugin.hpp"

namespace {
using namespace family_plugin;

sockaddr_in6 ipv6(const char* host, std::uint16_t port, std::uint32_t flow = 0, std::uint32_t scope = 0) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_flowinfo = htonl(flow);
  address.sin6_scope_id = scope;
  EXPECT_EQ(inet_pton(AF_INET6, host, &address.sin6_addr), 1);
  return address;
}

// The loopback interface has index 1 and the name lo in every network namespace. No interface has index 123456.
TEST(codec_inet6, texts_round_trip) {
  const codec c("inet6", SOCK_STREAM);
  using row = std::pair<const char*, const char*>;  // text, canonical text
  for (const auto& [text, canonical] : {
           row{"[::]:0", "[::]:0"},
           row{"*:80", "[::]:80"},
           row{":80", "[::]:80"},
           row{"[]:80", "[::]:80"},
           row{"[FE80::1%lo]:80", "[fe80::1%lo]:80"},
           row{"[fe80::1%1]:80", "[fe80::1%lo]:80"},
           row{"[fe80::1%%6co]:80", "[fe80::1%lo]:80"},
           row{"[fe80::1%123456]:1", "[fe80::1%123456]:1"},
           row{"[2001:db8:0:0::1]:65535", "[2001:db8::1]:65535"},
           row{"[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]:1"},
           row{"[::1]:80?flowinfo=0xfffff", "[::1]:80?flowinfo=0xfffff"},
           row{"[::1]:80?flowinfo=18", "[::1]:80?flowinfo=0x12"},
           row{"[::1]:80?tclass=255&flowinfo=1", "[::1]:80?flowinfo=0x1&tclass=0xff"},
           row{"[::1]:80?flowinfo=0", "[::1]:80"},
       })
    expect_round_trip(c, text, canonical);
  EXPECT_EQ(c.parse("[fe80::1%lo]:80?flowinfo=0x12&tclass=0x34").bytes, raw(ipv6("fe80::1", 80, 0x3400012, 1)));
}

TEST(codec_inet6, error_texts_name_the_invalid_part) {
  const codec c("inet6", SOCK_STREAM);
  expect_refusal(c, "[::1]:65536", ERANGE, "port must be 0-65535, not 65536");
  expect_refusal(c, "[::1]:x", EINVAL, "port \"x\" is not a number");
  expect_refusal(c, "[::1]:", EINVAL, "port \"\" is not a number");
  expect_refusal(c, "[::1]:80?flowinfo=0x100000", ERANGE, "flowinfo must be 0-1048575");
  expect_refusal(c, "[::1]:80?flowinfo=-1", ERANGE, "flowinfo must be 0-1048575, not -1");
  expect_refusal(c, "[::1]:80?tclass=256", ERANGE, "tclass must be 0-255");
  expect_refusal(c, "[::1]:80?flowinfo", EINVAL, "key=value");
  expect_refusal(c, "[::1]:80?", EINVAL, "key=value");
  expect_refusal(c, "[::1]:80?flowinfo=1&", EINVAL, "key=value");
  expect_refusal(c, "[::1]:80?flowinfo=1&flowinfo=1", EINVAL, "twice");
  expect_refusal(c, "[::1]:80?scope=1", EINVAL, "unknown key \"scope\"");
  expect_refusal(c, "[::1", EINVAL, "']' is missing");
  expect_refusal(c, "[::1]80", EINVAL, "after ']'");
  for (const char* host : {"::1::", "1.2.3.4", "localhost", "fe80::g", ":", " ::1", "[::1"})
    expect_refusal(c, std::string("[") + host + "]:80", EINVAL, "is not an IPv6 address");
  expect_refusal(c, "localhost:80", EINVAL, "\"localhost\" is not an IPv6 address");
  for (const char* text : {"", "::1", "[::1]", "2001:db8::", "*"})
    expect_refusal(c, text, EINVAL, "the port is missing");
  expect_refusal(c, "::1:80", EINVAL, "write [::1]:80, or [::1:80]:PORT");
  expect_refusal(c, "[fe80::1%nosuchif]:80", ENODEV, "\"nosuchif\"");
  expect_refusal(c, "[fe80::1%sixteencharacter]:80", ENAMETOOLONG, "sixteencharacter");
  expect_refusal(c, "[fe80::1%]:80", EINVAL, "scope");
  expect_refusal(c, "[fe80::1%4294967296]:80", ERANGE, "scope");
  expect_refusal(c, "[fe80::1%a%zz]:80", EINVAL, "two hexadecimal digits");
}

TEST(codec_inet6, port_is_optional_for_raw_sockets) {
  const codec c("inet6", SOCK_RAW, IPPROTO_ICMPV6);
  expect_round_trip(c, "::1", "::1");
  expect_round_trip(c, "[::1]", "::1");
  expect_round_trip(c, "[::1]:0", "::1");
  expect_round_trip(c, "[::1]:58", "[::1]:58");
  expect_round_trip(c, "fe80::1%lo?flowinfo=1", "fe80::1%lo?flowinfo=0x1");
}

TEST(codec_inet6, random_addresses_round_trip) {
  const codec c("inet6", SOCK_DGRAM);
  std::mt19937 random(6);
  for (int i = 0; i < 20000; ++i) {
    auto address = ipv6("::", static_cast<std::uint16_t>(random()), static_cast<std::uint32_t>(random() & 0xfffffff),
                        i % 3 == 0 ? static_cast<std::uint32_t>(random()) : 0);
    for (auto& byte : address.sin6_addr.s6_addr) byte = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : 0);
    const auto back = c.parse(c.format(raw(address)));
    ASSERT_EQ(back.error, 0) << back.error_text;
    ASSERT_EQ(back.bytes, raw(address)) << c.format(raw(address));
  }
}

TEST(codec_inet6, port_is_required_without_a_type) {
  const codec c("inet6", 0);
  expect_refusal(c, "::1", EINVAL, "write [ADDRESS]:PORT, with port 0 for any port");
  expect_refusal(c, "::1:80", EINVAL, "write [::1]:80");
  expect_refusal(c, "", EINVAL, "the port is missing");
}

TEST(codec_inet6, fields_are_those_of_pythons_tuple) {
  const codec c("inet6", SOCK_STREAM);
  const auto address = raw(ipv6("fe80::1", 80, 0x12, 1));
  EXPECT_EQ(c.get(address), (std::vector{text("fe80::1"), number(80), number(0x12), number(1)}));
  EXPECT_EQ(c.set({text("fe80::1"), number(80), number(0x12), number(1)}).bytes, address);
  EXPECT_EQ(c.set({text("fe80::1%lo"), number(80), number(0x12)}).bytes, address);
  EXPECT_EQ(c.set({text("::1"), number(80)}).bytes, raw(ipv6("::1", 80)));
  EXPECT_EQ(c.set({text("::1"), number(80), none(), number(7)}).bytes, raw(ipv6("::1", 80, 0, 7)));
  EXPECT_EQ(c.set({text(""), number(0)}).bytes, raw(ipv6("::", 0)));
  expect_refusal(c, {text("::1"), number(0), number(1 << 20)}, ERANGE, "flowinfo must be 0-1048575");
  expect_refusal(c, {text("::1"), number(0), negative(-1)}, ERANGE, "flowinfo must be 0-1048575, not -1");
  expect_refusal(c, {text("::1"), number(65536)}, ERANGE, "port must be 0-65535");
  expect_refusal(c, {text("::1"), number(0), number(0), number(1ull << 32)}, ERANGE, "scope_id must be 0-4294967295");
  expect_refusal(c, {text("<broadcast>"), number(0)}, EINVAL, "is not an IPv6 address");
  expect_refusal(c, {text("127.0.0.1"), number(0)}, EINVAL, "is not an IPv6 address");
  expect_refusal(c, {text("::1")}, EINVAL, "port is missing");
}

TEST(codec_inet6, refuses_addresses_of_other_families_and_sizes) {
  const codec c("inet6", SOCK_STREAM);
  auto address = ipv6("::", 1);
  EXPECT_EQ(c.format(raw(address, 27)), "errno 22");
  address.sin6_family = AF_INET;
  EXPECT_EQ(c.format(raw(address)), "errno 22");
}

}  // namespace
