// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The text formats of options: every kind is parsed and formatted, and invalid text is refused with an error text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <afplug/option.hpp>
#include <afplug/registry.hpp>
#include <cstring>

namespace {

using afplug::errc;
using afplug::error_code;
using afplug::option_info;
using testing::HasSubstr;

option_info an_option(std::uint32_t kind, std::uint32_t unit = 0) {
  option_info o{};
  o.name = "SO_TEST";
  o.kind = kind;
  o.unit = unit;
  return o;
}

option_info with_values(std::uint32_t kind, const char* prefix) {
  auto o = an_option(kind);
  o.values = prefix;
  return o;
}

option_info bounded(std::uint32_t kind, std::uint32_t least, std::uint32_t most) {
  auto o = an_option(kind);
  o.min_bytes = least;
  o.max_bytes = most;
  return o;
}

struct all_kinds {
  std::int32_t flag;
  std::uint8_t u8;
  std::int8_t i8;
  std::uint16_t u16be;
  std::uint32_t addr4;
  std::uint8_t addr6[16];
  char name[8];
  char device[16];
  std::uint8_t mac[6];
  std::uint8_t raw[2];
  std::int32_t delay;
  std::uint32_t mask;
  std::int32_t index;
};

#define MEMBER(field, kind, unit, flags, values) \
  { kind, #field, offsetof(all_kinds, field), sizeof(all_kinds::field), unit, flags, values, "" }
constexpr afplug::member_info members[] = {
    MEMBER(flag, AFPLUG_KIND_FLAG, 0, 0, nullptr),
    MEMBER(u8, AFPLUG_KIND_U8, 0, AFPLUG_MEMBER_HEX, nullptr),
    MEMBER(i8, AFPLUG_KIND_I8, 0, AFPLUG_MEMBER_OPTIONAL, nullptr),
    MEMBER(u16be, AFPLUG_KIND_U16BE, 0, AFPLUG_MEMBER_OPTIONAL, nullptr),
    MEMBER(addr4, AFPLUG_KIND_IPV4, 0, AFPLUG_MEMBER_OPTIONAL, nullptr),
    MEMBER(addr6, AFPLUG_KIND_IPV6, 0, AFPLUG_MEMBER_OPTIONAL, nullptr),
    MEMBER(name, AFPLUG_KIND_TEXT, 0, AFPLUG_MEMBER_OPTIONAL, nullptr),
    MEMBER(device, AFPLUG_KIND_IFNAME, 0, AFPLUG_MEMBER_OPTIONAL, nullptr),
    MEMBER(mac, AFPLUG_KIND_MAC, 0, AFPLUG_MEMBER_OPTIONAL, nullptr),
    MEMBER(raw, AFPLUG_KIND_BYTES, 0, AFPLUG_MEMBER_OPTIONAL, nullptr),
    MEMBER(delay, AFPLUG_KIND_DURATION, AFPLUG_UNIT_MS, AFPLUG_MEMBER_OPTIONAL, nullptr),
    MEMBER(mask, AFPLUG_KIND_U32, 0, AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX, "SOF_TXTIME_"),
    MEMBER(index, AFPLUG_KIND_IFINDEX, 0, AFPLUG_MEMBER_OPTIONAL, nullptr),
};

option_info structure() {
  auto o = an_option(AFPLUG_KIND_STRUCT);
  o.min_bytes = o.max_bytes = sizeof(all_kinds);
  o.members = members;
  return o;
}

option_info array() {
  auto o = an_option(AFPLUG_KIND_ARRAY);
  o.element_size = 8;
  o.max_bytes = 16;
  static constexpr afplug::member_info pair[] = {
      {AFPLUG_KIND_U32, "id", 0, 4, 0, AFPLUG_MEMBER_HEX, nullptr, ""},
      {AFPLUG_KIND_U32, "mask", 4, 4, 0, AFPLUG_MEMBER_OPTIONAL, nullptr, ""},
  };
  o.members = pair;
  return o;
}

constexpr char all_kinds_text[] =
    "flag=on,u8=0xfe,i8=-128,u16be=258,addr4=192.0.2.1,addr6=fe80::1,name=a%2cb%3d%25%7d,device=vcan%7b0,"
    "mac=02:00:00:00:00:01,raw=dead,delay=1.5s,mask=SOF_TXTIME_DEADLINE_MODE|0x80,index=lo";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// ---- parsing and formatting ----

struct valid_text {
  option_info option;
  std::string text;
  std::string canonical;  // what format_option() returns; empty: the same text
  std::size_t size;       // of the bytes
};

std::ostream& operator<<(std::ostream& out, const valid_text& g) {
  return out << "kind " << g.option.kind << ": " << g.text;
}

class round_trip : public testing::TestWithParam<valid_text> {};

TEST_P(round_trip, gives_the_same_bytes) {
  const auto& [option, text, canonical, size] = GetParam();
  const auto bytes = afplug::parse_option(option, text);
  EXPECT_EQ(bytes.size(), size);
  const auto written = afplug::format_option(option, bytes);
  EXPECT_EQ(written, canonical.empty() ? text : canonical);
  EXPECT_EQ(afplug::parse_option(option, written), bytes);
}

INSTANTIATE_TEST_SUITE_P(
    kinds, round_trip,
    testing::Values(
        valid_text{an_option(AFPLUG_KIND_FLAG), "on", "", 4}, valid_text{an_option(AFPLUG_KIND_FLAG), "off", "", 4},
        valid_text{an_option(AFPLUG_KIND_FLAG), "1", "on", 4},
        valid_text{an_option(AFPLUG_KIND_FLAG), "FALSE", "off", 4},
        valid_text{an_option(AFPLUG_KIND_I32), "-2147483648", "", 4},
        valid_text{an_option(AFPLUG_KIND_I32), "2147483647", "", 4},
        valid_text{an_option(AFPLUG_KIND_I32), "-0x10", "-16", 4},
        valid_text{an_option(AFPLUG_KIND_I32), "007", "7", 4},
        valid_text{an_option(AFPLUG_KIND_U32), "4294967295", "", 4},
        valid_text{an_option(AFPLUG_KIND_U32), "0xFF", "255", 4},
        valid_text{an_option(AFPLUG_KIND_I64), "-9223372036854775808", "", 8},
        valid_text{an_option(AFPLUG_KIND_U64), "18446744073709551615", "", 8},
        valid_text{an_option(AFPLUG_KIND_U8), "255", "", 1}, valid_text{an_option(AFPLUG_KIND_I8), "-128", "", 1},
        valid_text{an_option(AFPLUG_KIND_U16), "65535", "", 2}, valid_text{an_option(AFPLUG_KIND_I16), "-32768", "", 2},
        valid_text{an_option(AFPLUG_KIND_U16BE), "8080", "", 2},
        valid_text{an_option(AFPLUG_KIND_U32BE), "0x01020304", "16909060", 4},
        valid_text{an_option(AFPLUG_KIND_TEXT), "cubic", "", 5},
        valid_text{an_option(AFPLUG_KIND_TEXT), "a=b,{c}", "", 7},
        valid_text{an_option(AFPLUG_KIND_TEXT), "100%25%0a", "", 5},
        valid_text{an_option(AFPLUG_KIND_IFNAME), "eth0", "", 5},
        valid_text{an_option(AFPLUG_KIND_IFNAME), "fifteen_bytes_x", "", 16},
        valid_text{an_option(AFPLUG_KIND_IFINDEX), "lo", "", 4}, valid_text{an_option(AFPLUG_KIND_IFINDEX), "0", "", 4},
        valid_text{an_option(AFPLUG_KIND_IFINDEX), "2147483647", "", 4},
        valid_text{an_option(AFPLUG_KIND_BYTES), "00ff7f", "", 3},
        valid_text{an_option(AFPLUG_KIND_BYTES), "0xDEAD", "dead", 2},
        valid_text{bounded(AFPLUG_KIND_BYTES, 2, 2), "0102", "", 2},
        valid_text{an_option(AFPLUG_KIND_LENGTH), "12", "", 12}, valid_text{an_option(AFPLUG_KIND_LENGTH), "0", "", 0},
        valid_text{an_option(AFPLUG_KIND_IPV4), "255.255.255.255", "", 4},
        valid_text{an_option(AFPLUG_KIND_IPV6), "::ffff:1.2.3.4", "", 16},
        valid_text{an_option(AFPLUG_KIND_IPV6), "::", "", 16},
        valid_text{an_option(AFPLUG_KIND_MAC), "AA:b:cc:00:01:02", "aa:0b:cc:00:01:02", 6},
        valid_text{bounded(AFPLUG_KIND_MAC, 8, 8), "01:02:03:04:05:06:07:08", "", 8},
        valid_text{an_option(AFPLUG_KIND_BDADDR), "01:02:03:04:05:06", "", 6}));

INSTANTIATE_TEST_SUITE_P(names, round_trip,
                         testing::Values(valid_text{with_values(AFPLUG_KIND_I32, "SOCK_"), "SOCK_SEQPACKET", "", 4},
                                         valid_text{with_values(AFPLUG_KIND_I32, "SOCK_"), "stream", "SOCK_STREAM", 4},
                                         valid_text{with_values(AFPLUG_KIND_I32, "AF_"), "Unix", "AF_UNIX", 4},
                                         valid_text{with_values(AFPLUG_KIND_I32, "AF_"), "AF_LOCAL", "AF_UNIX", 4},
                                         valid_text{with_values(AFPLUG_KIND_I32, "AF_"), "200", "", 4},
                                         valid_text{with_values(AFPLUG_KIND_U32, "SOF_TIMESTAMPING_"), "0", "", 4},
                                         valid_text{with_values(AFPLUG_KIND_U32, "SOF_TIMESTAMPING_"),
                                                    "tx_software|SOFTWARE|0x2",
                                                    "SOF_TIMESTAMPING_TX_SOFTWARE|SOF_TIMESTAMPING_SOFTWARE", 4},
                                         valid_text{with_values(AFPLUG_KIND_U32, "SOF_TIMESTAMPING_"),
                                                    "SOF_TIMESTAMPING_OPT_ID|0x80000000", "", 4},
                                         valid_text{with_values(AFPLUG_KIND_I32, "EAI_"), "EAI_NONAME", "", 4}));

INSTANTIATE_TEST_SUITE_P(
    durations, round_trip,
    testing::Values(
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), "1.5s", "", sizeof(timeval)},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), "200ms", "", sizeof(timeval)},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), "0.0002s", "200us", sizeof(timeval)},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), "-1.25s", "", sizeof(timeval)},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), "none", "0s", sizeof(timeval)},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL64), "2min", "120s", 16},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL64), "9223372036854775807s", "", 16},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMESPEC), "5ns", "", sizeof(timespec)},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMESPEC), "1.000000001s", "", sizeof(timespec)},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_S), "60", "60s", 4},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_S), "1h", "3600s", 4},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_S), "-1s", "", 4},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_MS), "1500ms", "1.5s", 4},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_US), "10µs", "10us", 4},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_US), "2.5ms", "", 4},
        valid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_NS), "4294967295ns", "4.294967295s", 4}));

INSTANTIATE_TEST_SUITE_P(
    structs, round_trip,
    testing::Values(
        valid_text{structure(), all_kinds_text, "", sizeof(all_kinds)},
        valid_text{structure(), "{u8=1,flag=off}",
                   "flag=off,u8=0x1,i8=0,u16be=0,addr4=0.0.0.0,addr6=::,name=,device=,mac=00:00:00:00:00:00,raw=0000,"
                   "delay=0s,mask=0x0,index=0",
                   sizeof(all_kinds)},
        valid_text{array(), "{id=0x123,mask=2047},{id=0x1,mask=0}", "", 16},
        valid_text{array(), "{id=1}", "{id=0x1,mask=0}", 8}, valid_text{array(), "", "", 0}));

TEST(option_text, struct_members_have_the_offsets_of_the_table) {
  const auto bytes = afplug::parse_option(structure(), all_kinds_text);
  all_kinds value;
  ASSERT_EQ(bytes.size(), sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  EXPECT_EQ(value.flag, 1);
  EXPECT_EQ(value.i8, -128);
  EXPECT_EQ(value.u16be, htons(258));
  EXPECT_STREQ(value.name, "a,b=%}");
  EXPECT_STREQ(value.device, "vcan{0");
  EXPECT_EQ(value.mac[0], 2);
  EXPECT_EQ(value.delay, 1500);
  EXPECT_EQ(value.mask, 0x81u);
  EXPECT_EQ(value.index, static_cast<int>(::if_nametoindex("lo")));
}

TEST(option_text, bluetooth_addresses_are_in_reverse_byte_order) {
  const auto bytes = afplug::parse_option(an_option(AFPLUG_KIND_BDADDR), "01:02:03:04:05:06");
  EXPECT_EQ(bytes.front(), std::byte{6});
  EXPECT_EQ(bytes.back(), std::byte{1});
}

// ---- invalid text ----

struct invalid_text {
  option_info option;
  std::string text;
  std::string error_text;  // a part of it
};

std::ostream& operator<<(std::ostream& out, const invalid_text& b) {
  return out << "kind " << b.option.kind << ": " << b.text;
}

class invalid_option_text : public testing::TestWithParam<invalid_text> {};

TEST_P(invalid_option_text, is_refused_with_the_reason) {
  const auto& [option, text, error_text] = GetParam();
  error_code ec;
  EXPECT_TRUE(afplug::parse_option(option, text, nullptr, ec).empty());
  EXPECT_EQ(ec, errc::invalid_argument);
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr("SO_TEST"));
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr(error_text));
  EXPECT_THROW(afplug::parse_option(option, text), afplug::error);
}

INSTANTIATE_TEST_SUITE_P(
    numbers, invalid_option_text,
    testing::Values(invalid_text{an_option(AFPLUG_KIND_FLAG), "2", "neither on nor off"},
                    invalid_text{an_option(AFPLUG_KIND_FLAG), "", "neither on nor off"},
                    invalid_text{an_option(AFPLUG_KIND_I32), "2147483648", "-2147483648 to 2147483647"},
                    invalid_text{an_option(AFPLUG_KIND_I32), "-2147483649", "outside"},
                    invalid_text{an_option(AFPLUG_KIND_U32), "-1", "0 to 4294967295"},
                    invalid_text{an_option(AFPLUG_KIND_U64), "18446744073709551616", "too large"},
                    invalid_text{an_option(AFPLUG_KIND_U8), "256", "0 to 255"},
                    invalid_text{an_option(AFPLUG_KIND_I8), "128", "-128 to 127"},
                    invalid_text{an_option(AFPLUG_KIND_U16BE), "65536", "0 to 65535"},
                    invalid_text{an_option(AFPLUG_KIND_I32), "", "is not a number"},
                    invalid_text{an_option(AFPLUG_KIND_I32), "1 ", "is not a number"},
                    invalid_text{an_option(AFPLUG_KIND_I32), "+1", "is not a number"},
                    invalid_text{an_option(AFPLUG_KIND_I32), "0x", "is not a number"},
                    invalid_text{an_option(AFPLUG_KIND_I32), "1|2", "is not a number"},
                    invalid_text{with_values(AFPLUG_KIND_I32, "SOCK_"), "SOCK_NOSUCH", "SOCK_STREAM"},
                    invalid_text{with_values(AFPLUG_KIND_U32, "SOF_TIMESTAMPING_"), "tx_software|",
                                 "neither a number nor one of"},
                    invalid_text{with_values(AFPLUG_KIND_U32, "SOF_TIMESTAMPING_"), "1|-1", "cannot be combined"}));

INSTANTIATE_TEST_SUITE_P(others, invalid_option_text,
                         testing::Values(invalid_text{bounded(AFPLUG_KIND_TEXT, 0, 4), "cubic", "at most 4"},
                                         invalid_text{an_option(AFPLUG_KIND_TEXT), "50%", "%25"},
                                         invalid_text{an_option(AFPLUG_KIND_TEXT), "%4", "%25"},
                                         invalid_text{an_option(AFPLUG_KIND_TEXT), "%gg", "%25"},
                                         invalid_text{an_option(AFPLUG_KIND_IFNAME), "sixteen_bytes__x", "15"},
                                         invalid_text{an_option(AFPLUG_KIND_IFINDEX), "no_such_if", "no interface"},
                                         invalid_text{an_option(AFPLUG_KIND_IFINDEX), "-1",
                                                      "-1 is outside 0 to 2147483647"},
                                         invalid_text{an_option(AFPLUG_KIND_BYTES), "abc", "hexadecimal"},
                                         invalid_text{an_option(AFPLUG_KIND_BYTES), "zz", "hexadecimal"},
                                         invalid_text{bounded(AFPLUG_KIND_BYTES, 2, 2), "01", "takes 2"},
                                         invalid_text{bounded(AFPLUG_KIND_BYTES, 1, 2), "010203", "1 to 2"},
                                         invalid_text{an_option(AFPLUG_KIND_IPV4), "1.2.3", "IPv4"},
                                         invalid_text{an_option(AFPLUG_KIND_IPV6), "1.2.3.4", "IPv6"},
                                         invalid_text{an_option(AFPLUG_KIND_MAC), "01:02:03", "takes 6"},
                                         invalid_text{an_option(AFPLUG_KIND_MAC), "01::02", "colons"},
                                         invalid_text{an_option(AFPLUG_KIND_MAC), "01:02:", "colons"},
                                         invalid_text{an_option(AFPLUG_KIND_BDADDR), "01:02:03:04:05", "Bluetooth"},
                                         invalid_text{an_option(AFPLUG_KIND_LENGTH), "-1", "not a length"},
                                         invalid_text{an_option(AFPLUG_KIND_LENGTH), "9999999", "outside"}));

INSTANTIATE_TEST_SUITE_P(
    durations, invalid_option_text,
    testing::Values(
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), "5", "write 1.5s"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), "5 s", "write 1.5s"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), "s", "write 1.5s"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), "1.s", "write 1.5s"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), "1.5", "write 1.5s"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), "5ns", "microseconds"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMESPEC), "0.1ns", "nanosecond"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL64), "9223372036854775808s", "outside"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL64), "99999999999999999999s", "too long"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_S), "1.5s", "seconds"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_S), "2147483648s", "outside"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_NS), "-1ns", "outside"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_NS), "4294967296ns", "outside"},
        invalid_text{an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_NS), "5s", "outside"}));

INSTANTIATE_TEST_SUITE_P(structs, invalid_option_text,
                         testing::Values(invalid_text{structure(), "flag=on", "\"u8\" is missing"},
                                         invalid_text{structure(), "flag=on,u8=1,flag=off", "twice"},
                                         invalid_text{structure(), "flag=on,nosuch=1", "the members are flag, u8"},
                                         invalid_text{structure(), "flag", "not of the form member=value"},
                                         invalid_text{structure(), "flag=on,u8=1,", "comma"},
                                         invalid_text{structure(), "{flag=on,u8=1", "closing }"},
                                         invalid_text{structure(), "flag=on,u8=256", "SO_TEST.u8"},
                                         invalid_text{structure(), "flag=on,u8=1,name=too_long_a_name", "at most 8"},
                                         invalid_text{structure(), "flag=on,u8=1,raw=010203", "at most 2"},
                                         invalid_text{array(), "id=1", "{…},{…}"},
                                         invalid_text{array(), "{id=1},", ",{…}"},
                                         invalid_text{array(), "{id=1}{id=2}", ",{…}"},
                                         invalid_text{array(), "{id=1},{id=2},{id=3}", "at most 16"},
                                         invalid_text{array(), "{mask=1}", "\"id\" is missing"}));

TEST(option_text, format_of_the_wrong_size_is_wrong_kind) {
  const struct {
    option_info option;
    std::size_t size;
  } cases[] = {{an_option(AFPLUG_KIND_I32), 0},
               {an_option(AFPLUG_KIND_I32), 3},
               {an_option(AFPLUG_KIND_I32), 8},
               {an_option(AFPLUG_KIND_U16BE), 1},
               {an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), 4},
               {an_option(AFPLUG_KIND_DURATION, 99), 4},
               {an_option(AFPLUG_KIND_IPV4), 16},
               {an_option(AFPLUG_KIND_IPV6), 4},
               {an_option(AFPLUG_KIND_SOCKADDR), 1},
               {structure(), 8},
               {array(), 12},
               {an_option(AFPLUG_KIND_CALL), 4},
               {an_option(999), 4}};
  for (const auto& [option, size] : cases) {
    error_code ec;
    EXPECT_EQ(afplug::format_option(option, std::vector<std::byte>(size), ec), "") << option.kind;
    EXPECT_EQ(ec, errc::wrong_kind) << option.kind << " of " << size;
  }
}

// ip(7): getsockopt(2) returns some options in one byte if the buffer has one byte.
TEST(option_text, shorter_integers_are_read_by_their_size) {
  EXPECT_EQ(afplug::format_option(an_option(AFPLUG_KIND_I32), bytes_of("\x40")), "64");
  EXPECT_EQ(afplug::format_option(an_option(AFPLUG_KIND_FLAG), bytes_of("\x01")), "on");
}

TEST(option_text, truncated_struct_is_formatted_up_to_its_size) {
  auto o = structure();
  o.min_bytes = 0;
  EXPECT_EQ(afplug::format_option(o, bytes_of({"\0\0\0\0\x07", 5})), "flag=off,u8=0x7");
}

TEST(option_text, invalid_timeval_is_refused) {
  const auto o = an_option(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL);
  const timeval invalid{0, 1000000};
  error_code ec;
  afplug::format_option(o, std::as_bytes(std::span(&invalid, 1)), ec);
  EXPECT_EQ(ec, errc::wrong_kind);
}

TEST(option_text, constants_of_the_family_are_used) {
  const auto& inet = afplug::registry::global().family("inet");
  const auto o = with_values(AFPLUG_KIND_I32, "IPPROTO_");
  const int tcp = IPPROTO_TCP;
  const auto bytes = std::as_bytes(std::span(&tcp, 1));
  EXPECT_EQ(afplug::format_option(o, bytes), "6");
  EXPECT_EQ(afplug::format_option(o, bytes, &inet), "IPPROTO_TCP");
  EXPECT_EQ(afplug::parse_option(o, "tcp", &inet), std::vector<std::byte>(bytes.begin(), bytes.end()));
}

TEST(option_text, socket_addresses_have_the_text_of_their_family) {
  auto o = an_option(AFPLUG_KIND_SOCKADDR);
  o.max_bytes = sizeof(sockaddr_storage);
  for (const char* text : {"192.0.2.1:80", "[fe80::1%lo]:443"}) {
    const auto bytes = afplug::parse_option(o, text);
    EXPECT_EQ(bytes.size(), sizeof(sockaddr_storage));
    EXPECT_EQ(afplug::format_option(o, bytes), text);
  }
  EXPECT_EQ(afplug::format_option(o, afplug::parse_option(o, "")), "");
  error_code ec;
  afplug::parse_option(o, "nonsense", nullptr, ec);
  EXPECT_EQ(ec, errc::invalid_argument);
}

}  // namespace
