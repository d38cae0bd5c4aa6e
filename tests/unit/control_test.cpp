// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Ancillary data: building it, reading valid and malformed data, and the ownership of received descriptors.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <afplug/control.hpp>
#include <afplug/socket.hpp>
#include <cstring>
#include <memory>

#include "../support/descriptors.hpp"
#include "../support/ipv6.hpp"

namespace {

using afplug::control_buffer;
using afplug::control_builder;
using afplug::control_item;
using afplug::control_view;
using afplug::errc;
using afplug::error_code;
using afplug::testing_support::open_descriptor_count;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

std::vector<control_item> items_of(std::span<const std::byte> bytes) {
  std::vector<control_item> items;
  for (const auto& item : control_view(bytes)) items.push_back(item);
  return items;
}

template <class F>
void expect_invalid(F f) {
  try {
    f();
    ADD_FAILURE() << "no exception";
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.code(), errc::invalid_argument);
  }
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

// ---- sizes ----

TEST(cmsg, sizes_equal_the_macros) {
  for (const std::size_t n : {0u, 1u, 4u, 8u, 12u, 1000u}) {
    EXPECT_EQ(afplug::cmsg_len(n), CMSG_LEN(n));
    EXPECT_EQ(afplug::cmsg_space(n), CMSG_SPACE(n));
  }
  if constexpr (sizeof(void*) == 8) {
    EXPECT_EQ(afplug::cmsg_len(0), 16u);
    EXPECT_EQ(afplug::cmsg_space(0), 16u);
    EXPECT_EQ(afplug::cmsg_len(4), 20u);
    EXPECT_EQ(afplug::cmsg_space(4), 24u);
  }
}

TEST(cmsg, sizes_out_of_range_are_refused) {
  expect_invalid([] { afplug::cmsg_len(static_cast<std::size_t>(-1)); });
  expect_invalid([] { afplug::cmsg_len(0x7fffffff); });
  expect_invalid([] { afplug::cmsg_space(SIZE_MAX / 2); });
  EXPECT_EQ(afplug::cmsg_len(0x7fffffff - CMSG_LEN(0)), 0x7fffffffu);
  EXPECT_LE(afplug::cmsg_space(0x7fffffff - CMSG_LEN(0) - 7), 0x7fffffffu);
}

// ---- building ----

TEST(control_builder, output_is_readable_with_the_macros) {
  control_builder b;
  EXPECT_TRUE(b.empty());
  const int fds[] = {3, 4, 5};
  b.rights(fds).ttl(64).add(7, 9, nullptr, 0);
  ::msghdr m{};
  std::vector<std::byte> bytes(b.bytes().begin(), b.bytes().end());
  m.msg_control = bytes.data();
  m.msg_controllen = bytes.size();
  auto* c = CMSG_FIRSTHDR(&m);
  ASSERT_NE(c, nullptr);
  EXPECT_EQ(c->cmsg_type, SCM_RIGHTS);
  EXPECT_EQ(c->cmsg_len, CMSG_LEN(sizeof fds));
  EXPECT_EQ(std::memcmp(CMSG_DATA(c), fds, sizeof fds), 0);
  c = CMSG_NXTHDR(&m, c);
  ASSERT_NE(c, nullptr);
  EXPECT_EQ(c->cmsg_type, IP_TTL);
  c = CMSG_NXTHDR(&m, c);
  ASSERT_NE(c, nullptr);
  EXPECT_EQ(c->cmsg_len, CMSG_LEN(0));
  EXPECT_EQ(CMSG_NXTHDR(&m, c), nullptr);
  b.clear();
  EXPECT_TRUE(b.empty());
}

TEST(control_builder, padding_is_zero) {
  control_builder b;
  b.add(1, 2, "abc", 3);
  const auto bytes = b.bytes();
  for (std::size_t i = CMSG_LEN(3); i < bytes.size(); ++i) EXPECT_EQ(bytes[i], std::byte{}) << i;
}

TEST(control_builder, items_are_read_back) {
  control_builder b;
  in_pktinfo v4{};
  v4.ipi_ifindex = 3;
  in6_pktinfo v6{};
  v6.ipi6_ifindex = 4;
  b.credentials(1, 2, 3).packet_info4(v4).packet_info6(v6).ttl(255).hop_limit(-1).tos(16).traffic_class(32);
  b.segment_size(1400).transmit_time(5s).timestamping(SOF_TIMESTAMPING_TX_SOFTWARE);
  const auto items = items_of(b.bytes());
  ASSERT_EQ(items.size(), 10u);
  EXPECT_EQ(items[0].credentials()->uid, 2u);
  EXPECT_EQ(items[1].packet_info4()->ipi_ifindex, 3);
  EXPECT_EQ(items[2].packet_info6()->ipi6_ifindex, 4u);
  EXPECT_EQ(items[3].hop_limit(), 255);
  EXPECT_EQ(items[4].hop_limit(), -1);
  EXPECT_EQ(items[5].traffic_class(), 16);
  EXPECT_EQ(items[6].traffic_class(), 32);
  EXPECT_EQ(items[7].as<std::uint16_t>(SOL_UDP, UDP_SEGMENT), 1400);
  EXPECT_EQ(items[8].as<std::uint64_t>(SOL_SOCKET, SCM_TXTIME), 5'000'000'000u);
  EXPECT_EQ(items[9].as<std::uint32_t>(SOL_SOCKET, SO_TIMESTAMPING), SOF_TIMESTAMPING_TX_SOFTWARE);
  for (const auto& item : items) {
    EXPECT_FALSE(item.truncated);
    EXPECT_FALSE(item.timestamp());
    EXPECT_FALSE(item.gro_segment_size());
  }
  EXPECT_FALSE(items[1].credentials());
  EXPECT_FALSE(items[0].hop_limit());
}

TEST(control_builder, values_out_of_range_are_refused) {
  control_builder b;
  for (const int hops : {0, 256, -1}) expect_invalid([&] { b.ttl(hops); });
  for (const int hops : {-2, 256}) expect_invalid([&] { b.hop_limit(hops); });
  for (const int value : {-1, 256}) expect_invalid([&] { b.tos(value); });
  for (const int value : {-2, 256}) expect_invalid([&] { b.traffic_class(value); });
  expect_invalid([&] { b.add(1, 1, "", 0x7fffffff); });
  EXPECT_TRUE(b.empty());
}

// ---- reading ----

TEST(control_item, timestamps_are_read_in_every_layout) {
  const struct {
    int type;
    std::int64_t fraction;
    std::chrono::nanoseconds expected;
  } cases[] = {{SO_TIMESTAMP_OLD, 250000, 1'250ms},
               {SO_TIMESTAMPNS_OLD, 250000, 1s + 250us},
               {SO_TIMESTAMP_NEW, 250000, 1'250ms},
               {SO_TIMESTAMPNS_NEW, 250000, 1s + 250us}};
  for (const auto& each : cases) {
    control_builder b;
    if (each.type == SO_TIMESTAMP_OLD || each.type == SO_TIMESTAMPNS_OLD)
      b.add(SOL_SOCKET, each.type, std::array<long, 2>{1, static_cast<long>(each.fraction)});
    else
      b.add(SOL_SOCKET, each.type, std::array<std::int64_t, 2>{1, each.fraction});
    EXPECT_EQ(items_of(b.bytes())[0].timestamp(), each.expected);
  }
  control_builder three;
  three.add(SOL_SOCKET, SO_TIMESTAMPING_OLD, std::array<long, 6>{1, 2, 0, 0, 3, 4});
  const auto times = items_of(three.bytes())[0].timestamping();
  ASSERT_TRUE(times);
  EXPECT_EQ((*times)[0], 1s + 2ns);
  EXPECT_EQ((*times)[1], 0ns);
  EXPECT_EQ((*times)[2], 3s + 4ns);
}

TEST(control_item, timestamps_out_of_range_are_ignored) {
  control_builder b;
  b.add(SOL_SOCKET, SO_TIMESTAMPNS_NEW, std::array<std::int64_t, 2>{INT64_MAX, 0});
  EXPECT_FALSE(items_of(b.bytes())[0].timestamp());
}

TEST(control_item, short_payload_is_ignored) {
  control_builder b;
  b.add(SOL_SOCKET, SCM_CREDENTIALS, "12345678901", 11).add(IPPROTO_IP, IP_TTL, "12", 2);
  const auto items = items_of(b.bytes());
  EXPECT_FALSE(items[0].credentials());
  EXPECT_FALSE(items[1].hop_limit());
}

// ip(7): IP_TOS is received in one byte.
TEST(control_item, int_of_one_byte_is_read) {
  control_builder b;
  b.add(IPPROTO_IP, IP_TOS, "\x20", 1);
  EXPECT_EQ(items_of(b.bytes())[0].traffic_class(), 32);
}

// A control message with that cmsg_len in a buffer of `present` bytes.
std::vector<std::byte> control_message(std::size_t cmsg_len, std::size_t present) {
  ::cmsghdr header{};
  header.cmsg_len = cmsg_len;
  header.cmsg_level = SOL_SOCKET;
  header.cmsg_type = SCM_CREDENTIALS;
  std::vector<std::byte> bytes(std::max(present, sizeof header));
  std::memcpy(bytes.data(), &header, sizeof header);
  bytes.resize(present);
  bytes.shrink_to_fit();
  return bytes;
}

constexpr std::size_t head = CMSG_LEN(0);

TEST(control_view, malformed_data_ends_the_iteration_within_the_buffer) {
  const struct {
    std::size_t cmsg_len, present;
    std::size_t items;
    bool truncated;
    std::size_t payload;
  } cases[] = {
      {0, 0, 0, false, 0},
      {head, head, 1, false, 0},
      {head + 4, head + 8, 1, false, 4},
      {head + 4, head + 4, 1, false, 4},
      {head + 8, head + 4, 1, true, 4},
      {head + 8, head, 1, true, 0},
      {SIZE_MAX, head + 16, 1, true, 16},
      {SIZE_MAX - 3, head + 1, 1, true, 1},
      {head, head - 1, 0, false, 0},
      {head - 1, 32, 0, false, 0},
      {0, 32, 0, false, 0},
      {1, 1, 0, false, 0},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE("cmsg_len " + std::to_string(each.cmsg_len) + " in " + std::to_string(each.present) + " bytes");
    const auto bytes = control_message(each.cmsg_len, each.present);
    const auto items = items_of(bytes);
    ASSERT_EQ(items.size(), each.items);
    if (items.empty()) continue;
    EXPECT_EQ(items[0].truncated, each.truncated);
    EXPECT_EQ(items[0].data.size(), each.payload);
  }
}

TEST(control_buffer, malformed_is_set_for_malformed_data) {
  const auto fill = [](control_buffer& b, const std::vector<std::byte>& bytes) {
    std::memcpy(b.prepare(), bytes.data(), bytes.size());
    b.received(bytes.size(), false);
  };
  control_buffer b(64);
  EXPECT_FALSE(b.malformed());
  fill(b, control_message(head + sizeof(::ucred), 32));
  EXPECT_FALSE(b.malformed());
  EXPECT_TRUE(b.find(SOL_SOCKET, SCM_CREDENTIALS));
  EXPECT_FALSE(b.find(SOL_SOCKET, SCM_RIGHTS));
  fill(b, control_message(64, 32));
  EXPECT_TRUE(b.malformed());
  fill(b, control_message(3, 32));
  EXPECT_TRUE(b.malformed());
  EXPECT_EQ(b.begin(), b.end());
}

// ---- descriptors ----

class descriptor_passing : public testing::Test {
 protected:
  void SetUp() override {
    std::tie(left, right) = afplug::socket::pair();
    for (int& fd : sent) fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  void TearDown() override {
    for (const int fd : sent) ::close(fd);
  }
  void send() {
    const afplug::const_bytes data("x"sv);
    control_builder b;
    b.rights(sent);
    left.sendmsg({&data, 1}, b);
  }
  afplug::received receive(control_buffer& into) {
    char byte;
    const afplug::mutable_bytes data(&byte, 1);
    return right.recvmsg({&data, 1}, into);
  }
  static std::vector<int> peek(const control_buffer& b) {
    std::vector<int> fds;
    for (const auto& item : b)
      for (std::size_t i = 0; i + sizeof(int) <= item.data.size(); i += sizeof(int)) {
        int fd;
        std::memcpy(&fd, item.data.data() + i, sizeof fd);
        fds.push_back(fd);
      }
    return fds;
  }

  afplug::socket left, right;
  int sent[3] = {-1, -1, -1};
};

TEST_F(descriptor_passing, taken_descriptors_belong_to_the_caller_and_are_close_on_exec) {
  std::vector<int> taken;
  {
    control_buffer b(afplug::cmsg_space(sizeof sent));
    send();
    EXPECT_EQ(receive(b).flags & MSG_CTRUNC, 0);
    EXPECT_FALSE(b.truncated());
    taken = b.take_rights();
    EXPECT_TRUE(b.take_rights().empty());
  }
  ASSERT_EQ(taken.size(), 3u);
  for (const int fd : taken) {
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
    ::close(fd);
  }
}

TEST_F(descriptor_passing, destructor_closes_descriptors_not_taken) {
  const auto before = open_descriptor_count();
  std::vector<int> arrived;
  {
    control_buffer b(afplug::cmsg_space(sizeof sent));
    send();
    receive(b);
    arrived = peek(b);
    ASSERT_EQ(arrived.size(), 3u);
    for (const int fd : arrived) EXPECT_TRUE(is_open(fd));
  }
  for (const int fd : arrived) EXPECT_FALSE(is_open(fd));
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST_F(descriptor_passing, next_recvmsg_closes_descriptors_not_taken) {
  const auto before = open_descriptor_count();
  control_buffer b(afplug::cmsg_space(sizeof sent));
  for (int i = 0; i < 10; ++i) {
    send();
    receive(b);
  }
  EXPECT_EQ(open_descriptor_count(), before + 3);
  left.sendall("y"sv);
  receive(b);
  EXPECT_EQ(b.begin(), b.end());
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST_F(descriptor_passing, failed_recvmsg_closes_descriptors_not_taken) {
  const auto before = open_descriptor_count();
  control_buffer b(afplug::cmsg_space(sizeof sent));
  send();
  receive(b);
  right.timeout(0s);
  char byte;
  const afplug::mutable_bytes data(&byte, 1);
  error_code ec;
  right.recvmsg({&data, 1}, b, 0, nullptr, ec);
  EXPECT_EQ(ec.value(), EAGAIN);
  EXPECT_TRUE(b.take_rights().empty());
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST_F(descriptor_passing, moving_a_buffer_moves_its_descriptors) {
  const auto before = open_descriptor_count();
  control_buffer target(afplug::cmsg_space(sizeof sent));
  send();
  receive(target);
  {
    control_buffer b(afplug::cmsg_space(sizeof sent));
    send();
    receive(b);
    target = std::move(b);
    EXPECT_EQ(b.begin(), b.end());
    EXPECT_TRUE(b.take_rights().empty());
  }
  EXPECT_EQ(open_descriptor_count(), before + 3);
  control_buffer other(std::move(target));
  auto taken = other.take_rights();
  EXPECT_EQ(taken.size(), 3u);
  for (const int fd : taken) ::close(fd);
  EXPECT_EQ(open_descriptor_count(), before);
}

// unix(7): the kernel passes as many descriptors as fit, closes the others and sets MSG_CTRUNC.
TEST_F(descriptor_passing, small_buffer_truncates_and_leaks_no_descriptor) {
  const std::pair<std::size_t, std::size_t> cases[] = {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 1}, {7, 1}, {8, 2}, {11, 2}};
  for (const auto& [payload, whole] : cases) {
    SCOPED_TRACE(payload);
    const auto before = open_descriptor_count();
    {
      control_buffer b(afplug::cmsg_len(payload));
      send();
      EXPECT_NE(receive(b).flags & MSG_CTRUNC, 0);
      EXPECT_TRUE(b.truncated());
      const auto taken = b.take_rights();
      EXPECT_EQ(taken.size(), whole);
      for (const int fd : taken) ::close(fd);
    }
    EXPECT_EQ(open_descriptor_count(), before);
  }
  const auto before = open_descriptor_count();
  control_buffer none;
  send();
  EXPECT_NE(receive(none).flags & MSG_CTRUNC, 0);
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST_F(descriptor_passing, credentials_and_pidfd_are_received_with_descriptors) {
  right.option("SO_PASSCRED", true);
  error_code ec;
  right.option("SO_PASSPIDFD", afplug::option_value(std::int64_t{1}), ec);
  const bool has_pidfd = !ec;
  const auto before = open_descriptor_count();
  control_buffer b(256);
  send();
  receive(b);
  const auto item = b.find(SOL_SOCKET, SCM_CREDENTIALS);
  ASSERT_TRUE(item);
  EXPECT_EQ(item->credentials()->pid, ::getpid());
  auto taken = b.take_rights();
  EXPECT_EQ(taken.size(), 3u);
  const auto pidfd = b.take_pidfd();
  EXPECT_EQ(pidfd.has_value(), has_pidfd);
  EXPECT_FALSE(b.take_pidfd());
  if (pidfd) taken.push_back(*pidfd);
  for (const int fd : taken) ::close(fd);
  EXPECT_EQ(open_descriptor_count(), before);
  send();
  receive(b);
  b = control_buffer();
  EXPECT_EQ(open_descriptor_count(), before);
}

// ---- over loopback ----

TEST(control, ipv4_datagrams) {
  afplug::socket a("inet", SOCK_DGRAM), b("inet", SOCK_DGRAM);
  b.bind("127.0.0.1:0");
  for (const char* option : {"IP_PKTINFO", "IP_RECVTTL", "IP_RECVTOS", "SO_TIMESTAMPNS"}) b.option(option, true);
  const afplug::const_bytes data("x"sv);
  const auto to = b.getsockname();
  a.sendmsg({&data, 1}, control_builder().ttl(7).tos(0x10), 0, &to);
  char byte;
  const afplug::mutable_bytes buffer(&byte, 1);
  control_buffer c(256);
  b.recvmsg({&buffer, 1}, c);
  EXPECT_FALSE(c.malformed());
  const auto info = c.find(IPPROTO_IP, IP_PKTINFO);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->packet_info4()->ipi_addr.s_addr, htonl(INADDR_LOOPBACK));
  EXPECT_EQ(c.find(IPPROTO_IP, IP_TTL)->hop_limit(), 7);
  EXPECT_EQ(c.find(IPPROTO_IP, IP_TOS)->traffic_class(), 0x10);
  EXPECT_GT(c.find(SOL_SOCKET, SO_TIMESTAMPNS)->timestamp().value(), 0ns);
}

TEST(control, ipv6_datagrams) {
  if (!afplug::testing_support::has_ipv6_loopback()) GTEST_SKIP() << "this machine has no IPv6 loopback address";
  afplug::socket a("inet6", SOCK_DGRAM), b("inet6", SOCK_DGRAM);
  b.bind("[::1]:0");
  for (const char* option : {"IPV6_RECVPKTINFO", "IPV6_RECVHOPLIMIT", "IPV6_RECVTCLASS"}) b.option(option, true);
  const afplug::const_bytes data("x"sv);
  const auto to = b.getsockname();
  a.sendmsg({&data, 1}, control_builder().hop_limit(9).traffic_class(0x20), 0, &to);
  char byte;
  const afplug::mutable_bytes buffer(&byte, 1);
  control_buffer c(256);
  b.recvmsg({&buffer, 1}, c);
  EXPECT_EQ(c.find(IPPROTO_IPV6, IPV6_HOPLIMIT)->hop_limit(), 9);
  EXPECT_EQ(c.find(IPPROTO_IPV6, IPV6_TCLASS)->traffic_class(), 0x20);
  EXPECT_TRUE(c.find(IPPROTO_IPV6, IPV6_PKTINFO)->packet_info6());
}

// udp(7): UDP_SEGMENT splits a send into datagrams. UDP_GRO may coalesce them and passes the segment size.
TEST(control, segmented_udp_datagrams) {
  afplug::socket a("inet", SOCK_DGRAM), b("inet", SOCK_DGRAM);
  b.bind("127.0.0.1:0");
  b.option("UDP_GRO", true);
  const std::vector<char> bytes(1000, 'x');
  const afplug::const_bytes data(bytes);
  const auto to = b.getsockname();
  a.sendmsg({&data, 1}, control_builder().segment_size(300), 0, &to);
  std::size_t total = 0;
  while (total < bytes.size()) {
    std::vector<char> buffer(2000);
    const afplug::mutable_bytes into(buffer);
    control_buffer c(64);
    const auto got = b.recvmsg({&into, 1}, c);
    const auto gro = c.find(SOL_UDP, UDP_GRO);
    if (gro)
      EXPECT_EQ(gro->gro_segment_size(), 300);
    else
      EXPECT_LE(got.size, 300u);
    ASSERT_GT(got.size, 0u);
    total += got.size;
  }
  EXPECT_EQ(total, bytes.size());
}

}  // namespace
