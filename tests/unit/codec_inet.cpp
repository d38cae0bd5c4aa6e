// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <array>
#include <utility>
#include "family_plugin.hpp"

namespace {
using namespace family_plugin;

sockaddr_in ipv4(std::uint32_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(host);
  return address;
}

TEST(codec_inet, texts_round_trip) {
  const codec c("inet", SOCK_STREAM);
  using row = std::pair<const char*, const char*>;  // text, canonical text
  for (const auto& [text, canonical] : {
           row{"192.0.2.1:80", "192.0.2.1:80"},
           row{"*:80", "0.0.0.0:80"},
           row{":80", "0.0.0.0:80"},
           row{"0.0.0.0:0", "0.0.0.0:0"},
           row{"255.255.255.255:65535", "255.255.255.255:65535"},
           row{"<broadcast>:9", "255.255.255.255:9"},
           row{"127.0.0.1:0x1f", "127.0.0.1:31"},
           row{"127.0.0.1:0080", "127.0.0.1:80"},
       })
    expect_round_trip(c, text, canonical);
  EXPECT_EQ(c.parse("192.0.2.1:80").bytes, raw(ipv4(0xc0000201, 80)));
}

TEST(codec_inet, error_texts_name_the_invalid_part) {
  const codec c("inet", SOCK_STREAM);
  expect_refusal(c, "1.2.3.4:65536", ERANGE, "port must be 0-65535, not 65536");
  expect_refusal(c, "1.2.3.4:-1", ERANGE, "port must be 0-65535, not -1");
  expect_refusal(c, "1.2.3.4:1099511627776", ERANGE, "port must be 0-65535");
  expect_refusal(c, "1.2.3.4:99999999999999999999999", ERANGE, "port must be 0-65535");
  expect_refusal(c, "1.2.3.4:0x10000", ERANGE, "port must be 0-65535");
  for (const char* port : {"", "x", "80 ", " 80", "+80", "8 0", "0x", "80:", "-", "1e3", "--1"})
    expect_refusal(c, std::string("1.2.3.4:") + port, EINVAL,
                   port[0] == '8' && port[2] == ':' ? "port" : "is not a number");
  for (const char* host : {"1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "0x7f.0.0.1", "localhost", " 1.2.3.4",
                           "1.2.3.4 ", "[::1]", "::1", "**"})
    expect_refusal(c, std::string(host) + ":80", EINVAL, std::string("\"") + host + "\" is not an IPv4 address");
  expect_refusal(c, std::string_view("1.2.3.4\0:80", 11), EINVAL, "\"1.2.3.4\\x00\" is not an IPv4 address");
  expect_refusal(c, "192.0.2.1", EINVAL, "the port is missing");
  expect_refusal(c, "", EINVAL, "the port is missing");
}

TEST(codec_inet, invalid_port_is_reported_before_invalid_host) {
  const codec c("inet", SOCK_STREAM);
  expect_refusal(c, "localhost:65536", ERANGE, "port");
}

TEST(codec_inet, port_is_optional_for_raw_sockets) {
  const codec c("inet", SOCK_RAW, IPPROTO_ICMP);
  expect_round_trip(c, "192.0.2.1", "192.0.2.1");
  expect_round_trip(c, "192.0.2.1:0", "192.0.2.1");
  expect_round_trip(c, "192.0.2.1:1", "192.0.2.1:1");
  expect_round_trip(c, "*", "0.0.0.0");
}

TEST(codec_inet, all_ports_and_many_hosts_round_trip) {
  const codec c("inet", SOCK_DGRAM);
  for (std::uint32_t port = 0; port <= 65535; ++port) {
    const auto address = raw(ipv4(0x7f000001 + port * 65537u, static_cast<std::uint16_t>(port)));
    const auto back = c.parse(c.format(address));
    ASSERT_EQ(back.error, 0) << back.error_text;
    ASSERT_EQ(back.bytes, address);
  }
}

TEST(codec_inet, port_is_required_without_a_type) {
  const codec c("inet", 0);
  expect_round_trip(c, "192.0.2.1:0", "192.0.2.1:0");
  expect_refusal(c, "192.0.2.1", EINVAL, "write ADDRESS:PORT, with port 0 for any port");
  expect_refusal(c, "", EINVAL, "the port is missing");
}

TEST(codec_inet, fields_are_those_of_pythons_tuple) {
  const codec c("inet", SOCK_STREAM);
  const auto address = raw(ipv4(0xc0000201, 80));
  EXPECT_EQ(c.get(address), (std::vector{text("192.0.2.1"), number(80)}));
  EXPECT_EQ(c.set({text("192.0.2.1"), number(80)}).bytes, address);
  EXPECT_EQ(c.set({bytes("192.0.2.1"), negative(80)}).bytes, address);
  EXPECT_EQ(c.set({text(""), number(0)}).bytes, raw(ipv4(INADDR_ANY, 0)));
  EXPECT_EQ(c.set({text("<broadcast>"), number(9)}).bytes, raw(ipv4(INADDR_BROADCAST, 9)));
  EXPECT_EQ(c.set({text("192.0.2.1"), number(80), none()}).bytes, address);
  expect_refusal(c, {text(""), number(65536)}, ERANGE, "port must be 0-65535, not 65536");
  expect_refusal(c, {text(""), negative(-1)}, ERANGE, "port must be 0-65535, not -1");
  expect_refusal(c, {text(""), number(1ull << 40)}, ERANGE, "port must be 0-65535");
  expect_refusal(c, {text("")}, EINVAL, "port is missing");
  expect_refusal(c, {none(), number(1)}, EINVAL, "host is missing");
  expect_refusal(c, {text(""), text("80")}, EINVAL, "port must be a number");
  expect_refusal(c, {number(1), number(80)}, EINVAL, "host must be text");
  expect_refusal(c, {text(""), number(1), number(2)}, EINVAL, "2 fields");
  expect_refusal(c, {text("localhost"), number(80)}, EINVAL, "\"localhost\" is not an IPv4 address");
  expect_refusal(c, {text(std::string_view("\0\xff", 2)), number(1)}, EINVAL, "\"\\x00\\xff\" is not an IPv4 address");
}

TEST(codec_inet, refuses_addresses_of_other_families_and_sizes) {
  const codec c("inet", SOCK_STREAM);
  auto address = ipv4(INADDR_ANY, 1);
  EXPECT_EQ(c.format(raw(address, 15)), "errno 22");
  EXPECT_EQ(c.format(""), "errno 22");
  EXPECT_TRUE(c.get("").empty());
  address.sin_family = AF_INET6;
  EXPECT_EQ(c.format(raw(address)), "errno 22");
}

TEST(codec_inet, text_is_truncated_to_the_buffer_and_its_full_size_reported) {
  const codec c("inet", SOCK_STREAM);
  const auto address = raw(ipv4(0xc0000201, 80));
  char buffer[5] = {'x', 'x', 'x', 'x', 'x'};
  afplug_text out{buffer, 4, 0};
  ASSERT_EQ(c.slots().format(&c.identity(), address.data(), 16, &out), 0);
  EXPECT_EQ(out.size, 12u);
  EXPECT_EQ(std::string(buffer, 5), "192.x");
  afplug_text nothing{nullptr, 0, 0};
  ASSERT_EQ(c.slots().format(&c.identity(), address.data(), 16, &nothing), 0);
  EXPECT_EQ(nothing.size, 12u);
  afplug_sockaddr parsed{};
  EXPECT_EQ(c.slots().parse(&c.identity(), "x", 1, &parsed, nullptr), -EINVAL);
  afplug_value one{};
  EXPECT_EQ(c.slots().get(&c.identity(), address.data(), 16, &one, 1), 2);
  EXPECT_EQ(one.kind, AFPLUG_KIND_TEXT);
}

}  // namespace
