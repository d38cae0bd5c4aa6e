// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>

#include <linux/netlink.h>
#include "family_plugin.hpp"

namespace {
using namespace family_plugin;

std::string nl(std::uint32_t pid, std::uint32_t groups) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_pid = pid;
  address.nl_groups = groups;
  return raw(address);
}

TEST(codec_netlink, texts_round_trip) {
  const codec c("netlink", SOCK_RAW);
  struct row {
    const char *text, *canonical;
    std::uint32_t pid, groups;
  };
  for (const auto& [text, canonical, pid, groups] : {
           row{"0", "0", 0, 0},
           row{"4294967295?groups=4294967295", "4294967295?groups=0xffffffff", 0xffffffff, 0xffffffff},
           row{"0x10?groups=0x1", "16?groups=0x1", 16, 1},
           row{"7?groups=0", "7", 7, 0},
       }) {
    expect_round_trip(c, text, canonical);
    EXPECT_EQ(c.parse(text).bytes, nl(pid, groups)) << text;
  }
  expect_refusal(c, "4294967296", ERANGE, "pid must be 0-4294967295");
  expect_refusal(c, "0?groups=4294967296", ERANGE, "groups must be 0-4294967295");
  expect_refusal(c, "", EINVAL, "pid");
  expect_refusal(c, "x", EINVAL, "pid");
  expect_refusal(c, "0?group=1", EINVAL, "unknown key \"group\"");
  expect_refusal(c, "0,1", EINVAL, "pid");
}

TEST(codec_netlink, fields_are_those_of_pythons_tuple) {
  const codec c("netlink", SOCK_RAW);
  EXPECT_EQ(c.get(nl(7, 3)), (std::vector{number(7), number(3)}));
  EXPECT_EQ(c.set({number(7), number(3)}).bytes, nl(7, 3));
  EXPECT_EQ(c.set({number(7)}).bytes, nl(7, 0));
  expect_refusal(c, {number(1ull << 32), number(0)}, ERANGE, "pid must be 0-4294967295");
  expect_refusal(c, {number(0), negative(-1)}, ERANGE, "groups must be 0-4294967295, not -1");
  expect_refusal(c, std::vector<value>{}, EINVAL, "pid is missing");
  EXPECT_EQ(c.format(nl(1, 1).substr(1)), "errno 22");
}

TEST(codec_netlink_c, c_plugin_reads_and_writes_addresses) {
  const codec c("../afplug_test/netlink_c", SOCK_RAW);
  expect_round_trip(c, "7,3", "7,3");
  expect_round_trip(c, "7", "7,0");
  EXPECT_EQ(c.parse("7,3").bytes, nl(7, 3));
  expect_refusal(c, "4294967296", ERANGE, "0-4294967295");
  for (const char* text : {"", "x", "1,", "1,2,3", "1 "}) expect_refusal(c, text, EINVAL, "PORT,GROUPS");
  EXPECT_EQ(c.get(nl(7, 3)), (std::vector{number(7), number(3)}));
  EXPECT_EQ(c.set({number(7), number(3)}).bytes, nl(7, 3));
  expect_refusal(c, std::vector<value>{}, EINVAL, "pid is missing");
  expect_refusal(c, {text("7")}, EINVAL, "numbers");
  expect_refusal(c, {negative(-1)}, ERANGE, "0-4294967295");
  EXPECT_EQ(c.format("x"), "errno 22");
}

}  // namespace
