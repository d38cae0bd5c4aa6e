// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The option tables compared with the running kernel: getsockopt(2) returns the size in the table, and setsockopt(2)
// accepts that size.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>
#include "family_plugin.hpp"

namespace {
using namespace family_plugin;

struct counts {
  int read = 0, written = 0, failed = 0;
};

/// The errors of options that a kernel does not have, or not in the state of a new socket.
bool is_expected(int error) {
  const std::set<int> known{ENOPROTOOPT, EOPNOTSUPP, ENOTCONN, EPERM, EINVAL, ENOENT, ENOBUFS};
  return known.contains(error);
}

/// Reads every option of the row that needs no argument, and writes its value back.
counts read_all(const afplug_family& family, const afplug_row& row, int fd) {
  counts result;
  std::istringstream in(row.options);
  const std::set<std::string> groups{std::istream_iterator<std::string>(in), std::istream_iterator<std::string>()};
  for (const auto& option : table<afplug_option>(family.options)) {
    if (option.kind == AFPLUG_KIND_CALL || !(option.flags & AFPLUG_OPTION_READ) ||
        option.flags & AFPLUG_OPTION_ARGUMENT)
      continue;
    if (option.group != nullptr && !groups.contains(option.group)) continue;
    std::string value(option.max_bytes, '\0');
    socklen_t size = option.max_bytes;
    if (getsockopt(fd, option.level, option.number, value.data(), &size) != 0) {
      ++result.failed;
      EXPECT_TRUE(is_expected(errno)) << option.name << " of " << row.protocol_name << ": " << std::strerror(errno);
      continue;
    }
    ++result.read;
    EXPECT_GE(size, option.min_bytes) << option.name;
    EXPECT_LE(size, option.max_bytes) << option.name;
    std::int32_t number = 0;
    std::memcpy(&number, value.data(), std::min<std::size_t>(size, sizeof number));
    if (option.kind == AFPLUG_KIND_FLAG) {
      EXPECT_TRUE(number == 0 || number == 1) << option.name << " is " << number;
    }
    if (!(option.flags & AFPLUG_OPTION_WRITE)) continue;
    if (setsockopt(fd, option.level, option.number, value.data(), size) == 0)
      ++result.written;
    else
      EXPECT_TRUE(is_expected(errno)) << option.name << " of " << row.protocol_name << ": " << std::strerror(errno);
  }
  return result;
}

/// Whether the process has a group in net.ipv4.ping_group_range: ping_init_sock() in net/ipv4/ping.c.
bool may_open_icmp_sockets() {
  gid_t low = 1, high = 0;
  std::ifstream("/proc/sys/net/ipv4/ping_group_range") >> low >> high;
  std::vector<gid_t> groups(static_cast<std::size_t>(getgroups(0, nullptr)));
  getgroups(static_cast<int>(groups.size()), groups.data());
  groups.push_back(getegid());
  return std::ranges::any_of(groups, [&](gid_t group) { return low <= group && group <= high; });
}

class options : public testing::TestWithParam<const char*> {};

TEST_P(options, have_the_sizes_of_the_kernel) {
  const auto family = load_family(GetParam());
  counts all;
  int opened = 0;
  for (const auto& row : table<afplug_row>(family.rows)) {
    if (row.flags & AFPLUG_ROW_HIDDEN) continue;
    const bool ping = row.type == SOCK_DGRAM && (row.protocol == IPPROTO_ICMP || row.protocol == IPPROTO_ICMPV6);
    const int fd = socket(family.number, row.type | SOCK_CLOEXEC, row.native_protocol);
    if (ping && !may_open_icmp_sockets()) {
      EXPECT_EQ(fd, -1) << row.help;
      EXPECT_EQ(errno, EACCES) << row.help;
    } else if (fd < 0) {
      // Not in every kernel; raw sockets need CAP_NET_RAW.
      std::set<int> expected{EPROTONOSUPPORT, ESOCKTNOSUPPORT, ENOPROTOOPT};
      if (row.type == SOCK_RAW) expected.insert(EPERM);
      EXPECT_TRUE(expected.contains(errno)) << row.help << ": " << std::strerror(errno);
    }
    if (fd < 0) continue;
    ++opened;
    const auto one = read_all(family, row, fd);
    close(fd);
    const bool tcp = row.protocol == IPPROTO_TCP && row.type == SOCK_STREAM,
               udp = row.protocol == IPPROTO_UDP && row.type == SOCK_DGRAM;
    if (tcp) {
      EXPECT_GE(one.read, 40);
      EXPECT_GE(one.written, 40);
    }
    if (udp) {
      EXPECT_GE(one.read, 20);
      EXPECT_GE(one.written, 20);
    }
    all.read += one.read;
    all.failed += one.failed;
  }
  EXPECT_GE(opened, 2) << "TCP and UDP";
  EXPECT_GE(all.read, 60) << "failed: " << all.failed;
}

INSTANTIATE_TEST_SUITE_P(of, options, testing::Values("inet", "inet6"),
                         [](const auto& of) { return std::string(of.param); });

TEST(options, of_netlink_have_the_sizes_of_the_kernel) {
  const auto family = load_family("netlink");
  const auto row = table<afplug_row>(family.rows).at(0);
  const int fd = socket(AF_NETLINK, row.type | SOCK_CLOEXEC, row.protocol);
  ASSERT_GE(fd, 0);
  EXPECT_GE(read_all(family, row, fd).read, 6);
  close(fd);
}

/// The members have the offsets of struct tcp_info in include/uapi/linux/tcp.h.
TEST(options, tcp_info_has_the_values_of_a_connection) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
            client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  ASSERT_EQ(connect(client, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(send(client, "seven..", 7, MSG_NOSIGNAL), 7);
  const int server = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  char buffer[7];
  ASSERT_EQ(recv(server, buffer, sizeof buffer, MSG_WAITALL), 7);

  std::map<std::string, std::uint64_t> info;
  for (const auto& option : table<afplug_option>(load_family("inet").options)) {
    if (std::string_view(option.name) != "TCP_INFO") continue;
    std::string value(option.max_bytes, '\0');
    length = option.max_bytes;
    ASSERT_EQ(getsockopt(server, option.level, option.number, value.data(), &length), 0);
    for (const auto& member : table<afplug_member>(option.members)) {
      if (member.offset + member.bytes > length) continue;
      std::uint64_t number = 0;
      std::memcpy(&number, value.data() + member.offset,
                  member.bytes);  // little-endian
      if (member.unit != 0) number = number >> (member.unit >> 8 & 0xff) & ((1u << (member.unit & 0xff)) - 1);
      info[member.name] = number;
    }
  }
  for (const int fd : {server, client, listener}) close(fd);
  EXPECT_EQ(info["state"], 1u) << "TCP_ESTABLISHED";
  EXPECT_EQ(info["ca_state"], 0u);
  EXPECT_EQ(info["bytes_received"], 7u);
  EXPECT_GE(info["rcv_mss"], 7u);
  EXPECT_GE(info["segs_in"], 2u);
  EXPECT_EQ(info["data_segs_in"], 1u);
  EXPECT_LE(info["rcv_wscale"], 14u);
  EXPECT_LE(info["fastopen_client_fail"], 3u);
  EXPECT_GT(info["snd_wnd"], 0u);
  EXPECT_GT(info["rto"], 1000u);
}

}  // namespace
