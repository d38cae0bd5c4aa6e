// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Defects of CPython's socket module (Lib/socket.py, Modules/socketmodule.c of 3.13) that afplug does not have. Those
// of single families are in tests/families (out_of_range_…_are_refused, every_option_has_its_own_size, …); AF_UNIX and
// BTPROTO_L2CAP on Windows are in tests/windows: unix_test.cpp and bluetooth_test.cpp.
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

// Lib/socket.py: send_fds() ignores its arguments flags and address.
TEST(defect_1, send_fds_uses_flags_and_address) {
  afplug::socket a("unix", SOCK_DGRAM), b("unix", SOCK_DGRAM);
  b.bind("@defect_1");
  const int fd = a.fileno();
  const afplug::const_bytes one[] = {"x"sv};
  const auto to = b.getsockname();
  a.send_fds(one, {&fd, 1}, 0, &to);  // not connected, so it fails without the address
  char buffer[4];
  auto got = b.recv_fds(buffer, 1);
  ASSERT_EQ(got.descriptors.size(), 1u);
  ::close(got.descriptors[0]);
  error_code ec;
  while (!ec) a.sendto("x"sv, to, MSG_DONTWAIT, ec);
  EXPECT_EQ(ERROR_OF(a.send_fds(one, {&fd, 1}, MSG_DONTWAIT, &to, _)), sys(EAGAIN));
}

// getsockaddrarg() converts numbers without checks for overflow.
TEST(defect_3, numbers_in_addresses_do_not_wrap) {
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
    EXPECT_EQ(ERROR_OF(address::parse(afplug::basic_protocol(*f, {}, 0), text, _)), malformed) << family << ' ' << text;
  }
}

// socket.getaddrinfo() passes 65536 to glibc, which takes it modulo 65536.
TEST(defect_5, getaddrinfo_refuses_ports_above_65535) {
  EXPECT_EQ(ERROR_OF(afplug::getaddrinfo("127.0.0.1", "65536", {}, _)), error_code(errc::invalid_argument));
  EXPECT_NE(afplug::last_detail().find("0 to 65535"), std::string_view::npos);
}

// AF_DIVERT is in getsockaddrarg() but not in getsockaddrlen(), so getsockname() and recvfrom() fail.
TEST(defect_6, every_family_formats_the_addresses_that_it_parses) {
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
    const address again(read.data(), read.size(), read.protocol());  // as a system call returns it
    EXPECT_EQ(again.to_string(), read.to_string()) << family;
    EXPECT_FALSE(again.fields().empty()) << family;
  }
}

// settimeout() stores the timeout before ioctl(FIONBIO) can fail, after which object and descriptor differ.
TEST(defect_8, failed_timeout_leaves_the_old_one) {
  afplug::socket s("inet", SOCK_STREAM);
  s.timeout(5s);
  const int descriptor = s.fileno();
  const int copy = ::dup(descriptor);
  ::close(descriptor);  // fcntl(2) fails
  EXPECT_EQ(ERROR_OF(s.timeout({}, _)), sys(EBADF));
  EXPECT_EQ(s.timeout(), 5s);
  ::dup2(copy, descriptor);
  ::close(copy);
}

// The timeout of sendfile() is for each wait, that of sendall() for the whole call.
TEST(defect_9, sendfile_has_one_deadline) {
  auto ab = afplug::socket::pair();
  auto &a = ab.first, &b = ab.second;
  const int file = ::memfd_create("defect_9", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(file, 64 << 20), 0);
  a.timeout(300ms);
  b.timeout(10s);
  // The reader makes progress in every wait, so that a timeout for each wait would never expire.
  std::jthread reader([&](std::stop_token stop) {
    std::vector<char> buffer(4096);
    error_code ec;
    while (!stop.stop_requested() && !ec) {
      b.recv(buffer, 0, ec);
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

// Python decodes no TCP_INFO and cannot query what the system supports. Its other missing functions are tested in
// control_test (ancillary data), connect_test (Happy Eyeballs), ip_options_test (multicast) and async_socket_test.
TEST(defect_11, tcp_info_is_decoded_and_availability_is_reported) {
  const afplug::socket s("inet", SOCK_STREAM);
  const auto text = s.option_text("TCP_INFO");
  EXPECT_NE(text.find("state="), std::string::npos) << text;
  EXPECT_NE(text.find("rto="), std::string::npos) << text;
  EXPECT_TRUE(afplug::check(afplug::registry::global().family("inet"), SOCK_STREAM, 0).available());
}

// socket.getaddrinfo() ignores the timeout. connect_test tests look-ups that time out later.
TEST(defect_12, look_ups_have_a_timeout) {
  EXPECT_EQ(ERROR_OF(afplug::getaddrinfo("a.name.to.look.up.example", "80", {.timeout = 0ns}, _)), timed_out);
  EXPECT_EQ(ERROR_OF(afplug::create_connection("a.name.to.look.up.example", "80", {.timeout = 0ns}, _)), timed_out);
}

}  // namespace
