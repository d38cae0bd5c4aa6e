// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The defects of CPython's socket module that afplug does not have: PARITY §12. Those of one family are in
// tests/families, as defect_N: 2, 3, 4, 7, 10 and AF_HYPERV's part of 11. What is here needs no kernel but this one.
// 13, AF_UNIX and BTPROTO_L2CAP on Windows, is in tests/windows: unix_test.cpp and bluetooth_test.cpp.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <afplug/connect.hpp>
#include <afplug/resolver.hpp>
#include <afplug/verdict.hpp>
#include <chrono>
#include <thread>

#include "../families/support.hpp"

namespace {

using afplug::address;
using afplug::errc;
using afplug::error_code;
using families::sys;
using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;
using clock = std::chrono::steady_clock;

const error_code malformed = errc::malformed_address;
const error_code timed_out = errc::timed_out;

// PARITY §12.1: send_fds takes flags and an address, and uses both.
TEST(defect_1, send_fds_minds_its_flags_and_address) {
  afplug::socket a("unix", SOCK_DGRAM), b("unix", SOCK_DGRAM);
  b.bind("@defect_1");
  const int fd = a.fileno();
  const afplug::const_bytes one[] = {"x"sv};
  const auto to = b.getsockname();
  a.send_fds(one, {&fd, 1}, 0, &to);  // the socket is not connected: without the address it goes nowhere
  char room[4];
  auto got = b.recv_fds(room, 1);
  ASSERT_EQ(got.descriptors.size(), 1u);
  ::close(got.descriptors[0]);
  error_code ec;
  while (!ec) a.sendto("x"sv, to, MSG_DONTWAIT, ec);
  EXPECT_EQ(ERROR_OF(a.send_fds(one, {&fd, 1}, MSG_DONTWAIT, &to, _)), sys(EAGAIN));
}

// PARITY §12.3: numbers that do not fit are refused; what each family has is in its own tests.
TEST(defect_3, numbers_do_not_wrap) {
  const std::pair<const char*, const char*> cases[] = {
      {"inet", "127.0.0.1:65616"},
      {"inet6", "[::1]:65616"},
      {"inet6", "[::1]:1?flowinfo=0x100001"},
      {"inet6", "[fe80::1%4294967297]:1"},
      {"vsock", "4294967299:1"},
      {"vsock", "3:-1"},
      {"netlink", "-1"},
      {"netlink", "4294967297"},
      {"netlink", "1?groups=-1"},
      {"packet", "lo?proto=65539"},
  };
  for (const auto& each : cases) {
    const auto *family = each.first, *text = each.second;
    error_code ec;
    const auto* f = afplug::registry::global().family(family, ec);
    ASSERT_TRUE(f) << family;
    EXPECT_EQ(ERROR_OF(address::parse(afplug::basic_protocol(*f, 0, 0), text, _)), malformed) << family << ' ' << text;
  }
}

// PARITY §12.5: a port above 65535 is refused, not taken modulo 65536.
TEST(defect_5, ports_of_getaddrinfo_do_not_wrap) {
  EXPECT_EQ(ERROR_OF(afplug::getaddrinfo("127.0.0.1", "65536", {}, _)), error_code(errc::invalid_argument));
  EXPECT_NE(afplug::last_detail().find("0 to 65535"), std::string_view::npos);
}

// PARITY §12.6: one codec reads and writes, so a family whose addresses can be given can also tell them.
TEST(defect_6, every_family_that_reads_addresses_writes_them) {
  const std::pair<const char*, const char*> cases[] = {
      {"inet", "192.0.2.1:80"},
      {"inet6", "[2001:db8::1]:80"},
      {"unix", "@name"},
      {"can", "lo"},
      {"packet", "lo?proto=0x0800"},
      {"bluetooth", "AA:BB:CC:DD:EE:FF?psm=0x1001"},
      {"vsock", "3:5000"},
      {"hyperv", "a42e7cda-d03f-480c-9cc2-a4de20abb878/00001388-facb-11e6-bd58-64006a7986d3"},
      {"netlink", "7"},
      {"tipc", "name/100/1"},
      {"rds", "192.0.2.1:4000"},
      {"qipcrtr", "1:2"},
      {"alg", "hash/sha256"},
  };
  for (const auto& [family, text] : cases) {
    const address read(family, text);
    ASSERT_GT(read.size(), sizeof(sa_family_t)) << family;
    const address again(read.data(), read.size(), read.protocol());  // as a system call gives it back
    EXPECT_EQ(again.to_string(), read.to_string()) << family;
    EXPECT_FALSE(again.fields().empty()) << family;
  }
}

// PARITY §12.8: the descriptor first, then the socket: where the mode cannot be set, both are as they were.
TEST(defect_8, a_timeout_that_cannot_be_set_changes_nothing) {
  afplug::socket s("inet", SOCK_STREAM);
  s.timeout(5s);
  const int stolen = s.fileno();
  const int copy = ::dup(stolen);
  ::close(stolen);  // the descriptor goes from under the socket: fcntl fails
  EXPECT_EQ(ERROR_OF(s.timeout({}, _)), sys(EBADF));
  EXPECT_EQ(s.timeout(), 5s);
  ::dup2(copy, stolen);
  ::close(copy);
}

// PARITY §12.9: one deadline for a whole file, as for sendall.
TEST(defect_9, sendfile_has_one_deadline) {
  auto ab = afplug::socket::pair();
  auto &a = ab.first, &b = ab.second;
  const int file = ::memfd_create("defect_9", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(file, 64 << 20), 0);
  a.timeout(300ms);
  b.timeout(10s);
  // The reader takes a little in every wait: a limit of each wait would never pass.
  std::jthread reader([&](std::stop_token stop) {
    std::vector<char> room(4096);
    error_code ec;
    while (!stop.stop_requested() && !ec) {
      b.recv(room, 0, ec);
      std::this_thread::sleep_for(5ms);
    }
  });
  const auto before = clock::now();
  EXPECT_EQ(ERROR_OF(a.sendfile(file, 0, {}, _)), timed_out);
  EXPECT_GE(clock::now() - before, 300ms);
  reader.request_stop();
  a.shutdown(SHUT_RDWR);
  ::close(file);
}

// PARITY §12.11: TCP_INFO is read as what it is; whether a socket can be had is a question; ancillary data has a
// builder and a reader (control_test), names are raced for (connect_test), multicast has its options (ip_options_test),
// asynchronous calls are there (async_socket_test).
TEST(defect_11, tcp_info_is_decoded_and_availability_can_be_asked) {
  const afplug::socket s("inet", SOCK_STREAM);
  const auto text = s.option_text("TCP_INFO");
  EXPECT_NE(text.find("state="), std::string::npos) << text;
  EXPECT_NE(text.find("rto="), std::string::npos) << text;
  EXPECT_TRUE(afplug::check(afplug::registry::global().family("inet"), SOCK_STREAM, 0).available());
}

// PARITY §12.12: a look-up minds the limit. With none left nothing is asked; connect_test has a resolver that does not
// answer.
TEST(defect_12, look_ups_mind_the_timeout) {
  EXPECT_EQ(ERROR_OF(afplug::getaddrinfo("a.name.to.look.up.example", "80", {.timeout = 0ns}, _)), timed_out);
  EXPECT_EQ(ERROR_OF(afplug::create_connection("a.name.to.look.up.example", "80", {.timeout = 0ns}, _)), timed_out);
}

}  // namespace
