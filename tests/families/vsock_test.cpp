// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <linux/vm_sockets.h>
#include <poll.h>

#include <algorithm>
#include <thread>

#include "support.hpp"

namespace families {
namespace {

// The socket alone, without anybody to talk to.
class vsock : public row_test {
 protected:
  vsock() : row_test("vsock", SOCK_STREAM) {}
  void SetUp() override {
    const auto verdict = afplug::check(afplug::registry::global().family("vsock"), SOCK_STREAM, 0);
    if (!verdict.available()) GTEST_SKIP() << "vsock: " << verdict.detail << ": " << verdict.remedy;
  }
};

class vsock_loopback : public row_test {
 protected:
  explicit vsock_loopback(int type = SOCK_STREAM) : row_test("vsock", type) {}
  void SetUp() override {
    row_test::SetUp();
    if (IsSkipped()) return;
    const auto verdict = afplug::check(afplug::registry::global().family("vsock"), SOCK_STREAM, 0);
    if (!verdict.remedy.empty()) GTEST_SKIP() << "vsock: " << verdict.detail << ": " << verdict.remedy;
  }
  struct link {
    afplug::socket a, b;
  };
  link connected() {
    auto server = bound("any:any");
    server.listen();
    link l{open(), {}};
    l.a.connect("local:" + std::to_string(*server.getsockname().number("port")));
    l.b = server.accept();
    l.b.timeout(patience);
    return l;
  }
};
class vsock_seqpacket : public vsock_loopback {
 protected:
  vsock_seqpacket() : vsock_loopback(SOCK_SEQPACKET) {}
};

TEST_F(vsock, has_a_context_and_a_port) {
  auto s = open();
  EXPECT_EQ(s.getsockname().to_string(), "any:any");
  s.bind("any:any");
  const auto name = s.getsockname();
  EXPECT_EQ(name.number("cid"), VMADDR_CID_ANY);
  EXPECT_NE(name.number("port"), VMADDR_PORT_ANY);
  EXPECT_EQ(ERROR_OF(s.bind("any:any", _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(open().bind(name, _)), sys(EADDRINUSE));
  EXPECT_EQ(ERROR_OF(open().bind("12345:1234", _)), sys(EADDRNOTAVAIL)) << "another machine's";
}

TEST_F(vsock, options_of_64_bits) {
  auto s = open();
  for (const auto* name :
       {"SO_VM_SOCKETS_BUFFER_MAX_SIZE", "SO_VM_SOCKETS_BUFFER_SIZE", "SO_VM_SOCKETS_BUFFER_MIN_SIZE"})
    EXPECT_EQ(s.option_bytes(name).size(), 8u) << name;
  const std::int64_t large = std::int64_t{5} << 32;
  s.option("SO_VM_SOCKETS_BUFFER_MAX_SIZE", large);
  EXPECT_EQ(s.option_number("SO_VM_SOCKETS_BUFFER_MAX_SIZE"), large);
  s.option("SO_VM_SOCKETS_BUFFER_SIZE", large - 1);
  EXPECT_EQ(s.option_number("SO_VM_SOCKETS_BUFFER_SIZE"), large - 1);
  s.option("SO_VM_SOCKETS_BUFFER_MIN_SIZE", 4096);
  EXPECT_EQ(s.option_number("SO_VM_SOCKETS_BUFFER_MIN_SIZE"), 4096);
}

TEST_F(vsock, defect_7_every_option_has_its_own_size) {
  auto s = open();
  s.option("SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD", 1500ms);
  EXPECT_EQ(s.option_text("SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD"), "1.5s");
  EXPECT_EQ(s.option_bytes("SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD").size(), sizeof(timeval));
  EXPECT_EQ(s.option_text("SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW"), "1.5s") << "they are one";
  s.option("SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW", 500ms);
  EXPECT_EQ(s.option_text("SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW"), "500ms");
  s.option(afplug::opt::rcvbuf(65536));
  EXPECT_GT(s.option<afplug::opt::rcvbuf>().value(), 0) << "SOL_SOCKET's are ints as everywhere";
  const std::uint64_t size = 100000;
  s.setsockopt(AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, afplug::const_bytes(&size, sizeof size));
  std::uint64_t got = 0;
  EXPECT_EQ(s.getsockopt(AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, afplug::mutable_bytes(&got, sizeof got)), sizeof got);
  EXPECT_EQ(got, size);
}

TEST_F(vsock, defect_3_numbers_do_not_wrap) {
  for (const auto* text : {"-1:5", "1:-1", "4294967296:5", "1:4294967296", "1", "1:", ":1", "1:2:3"})
    EXPECT_EQ(ERROR_OF(address::parse(open().what(), text, _)), error_code(afplug::errc::malformed_address)) << text;
  const afplug::field_value negative[] = {std::int64_t{-1}, std::uint64_t{5}};
  EXPECT_EQ(ERROR_OF(address::from_fields(open().what(), negative, _)).category(), afplug::afplug_category());
}

TEST_F(vsock, options_that_one_transport_alone_has) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.option_number("SO_VM_SOCKETS_TRUSTED", _)), sys(ENOPROTOOPT));
  EXPECT_EQ(ERROR_OF(s.option_number("SO_VM_SOCKETS_PEER_HOST_VM_ID", _)), sys(ENOPROTOOPT));
}

TEST_F(vsock_loopback, to_where_nobody_can_go) {
  if (open().option_text("IOCTL_VM_SOCKETS_GET_LOCAL_CID") != "1")
    GTEST_SKIP() << "vsock: this machine has a host to go to";
  EXPECT_EQ(ERROR_OF(open().connect("hypervisor:5", _)), sys(ENODEV));
  EXPECT_EQ(ERROR_OF(open().connect("any:5", _)), sys(ENODEV));
}

TEST_F(vsock_loopback, carries_a_megabyte_both_ways) {
  auto l = connected();
  EXPECT_EQ(l.a.getpeername().number("cid"), 1u);
  EXPECT_EQ(l.b.getpeername().number("cid"), 1u);
  EXPECT_EQ(l.b.getpeername().number("port"), l.a.getsockname().number("port"));
  constexpr std::size_t size = 1 << 20;
  const auto there = pattern(size, 1), back = pattern(size, 2);
  std::string got_there(size, '\0'), got_back(size, '\0');
  {
    std::jthread a([&] { l.a.sendall(there); });
    std::jthread b([&] { l.b.sendall(back); });
    std::jthread c([&] { l.b.recvall(got_there); });
    l.a.recvall(got_back);
  }
  EXPECT_TRUE(there == got_there);
  EXPECT_TRUE(back == got_back);
  l.a.shutdown(SHUT_WR);
  EXPECT_EQ(receive(l.b), "");
  l.b.sendall("still"sv);
  EXPECT_EQ(receive(l.a), "still");
}

TEST_F(vsock_loopback, says_its_own_context) {
  const auto own = open().option_text("IOCTL_VM_SOCKETS_GET_LOCAL_CID");
  EXPECT_NE(own, "");
  auto s = open();
  s.bind(own + ":any");
  EXPECT_EQ(s.getsockname().field("cid"), afplug::field_value(std::stoull(own)));
}

TEST_F(vsock_loopback, resets_who_connects_to_nobody) {
  EXPECT_EQ(ERROR_OF(open().connect("local:54321", _)), sys(ECONNRESET));
  EXPECT_NE(afplug::last_detail().find("local:54321"), std::string_view::npos) << afplug::last_detail();
}

TEST_F(vsock_loopback, gives_up_connecting_when_the_kernels_time_is_over) {
  auto server = bound("any:any");
  server.listen(0);
  const auto name = "local:" + std::to_string(*server.getsockname().number("port"));
  std::vector<afplug::socket> clients;
  // Loopback connects before accept; a full backlog is answered with a reset.
  error_code ec;
  while (!ec && clients.size() < 20) {
    clients.push_back(open());
    clients.back().timeout({});
    clients.back().option("SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW", 200ms);
    clients.back().connect(name, ec);
  }
  EXPECT_TRUE(ec == sys(ECONNRESET) || ec == sys(ETIMEDOUT)) << ec.message();
}

TEST_F(vsock_loopback, privileged_ports_are_as_others_for_root) {
  auto s = open();
  const auto ec = ERROR_OF(s.bind("any:1000", _));
  EXPECT_EQ(ec, sys(::geteuid() == 0 ? 0 : EACCES));
}

TEST_F(vsock_seqpacket, keeps_boundaries) {
  auto l = connected();
  const auto large = pattern(60000);
  l.a.send("one"sv);
  l.a.send(large);
  l.a.send("three"sv);
  EXPECT_EQ(receive(l.b), "one");
  EXPECT_TRUE(receive(l.b) == large);
  EXPECT_EQ(receive(l.b), "three");
  l.b.send(large);
  EXPECT_TRUE(receive(l.a) == large);
}

TEST_F(vsock_seqpacket, says_what_it_cut) {
  auto l = connected();
  l.a.send("abc"sv);
  l.a.send("defghi"sv);
  EXPECT_EQ(receive(l.b), "abc");
  const auto m = receive_message(l.b, 1);
  EXPECT_EQ(m.data, "d");
  EXPECT_EQ(m.flags & MSG_TRUNC, MSG_TRUNC);
  EXPECT_TRUE(m.from.empty());
}

// VMCI's, which carries them from the host to itself where no virtual machine is.
class vsock_dgram : public row_test {
 protected:
  vsock_dgram() : row_test("vsock", SOCK_DGRAM) {}
  static std::string port(const afplug::socket& s) { return std::to_string(*s.getsockname().number("port")); }
};

TEST_F(vsock_dgram, is_told_as_the_hosts) {
  auto to = bound("any:any"), from = bound("any:any");
  EXPECT_EQ(from.sendto("one"sv, at("host:" + port(to))), 3u);
  const auto m = receive_message(to, 100);
  EXPECT_EQ(m.data, "one");
  EXPECT_EQ(m.from.to_string(), "host:" + port(from));
  to.sendto("two"sv, m.from);
  EXPECT_EQ(receive(from), "two");
}

TEST_F(vsock_dgram, goes_to_no_context_but_the_hosts) {
  auto to = bound("any:any");
  for (const auto* cid : {"hypervisor:", "local:", "12345:"})
    EXPECT_EQ(ERROR_OF(open().sendto("x"sv, at(cid + port(to)), 0, _)), sys(EINVAL)) << cid;
  EXPECT_EQ(ERROR_OF(open().bind("host:" + port(to), _)), sys(EADDRNOTAVAIL)) << "it is told so, and not bound so";
}

TEST_F(vsock_dgram, has_a_largest_size) {
  auto to = bound("any:any"), from = open();
  const auto most = pattern(17 * 4096 - 24);  // VMCI_MAX_DG_PAYLOAD_SIZE
  from.connect("host:" + port(to));
  from.send(most);
  EXPECT_TRUE(receive(to) == most);
  EXPECT_EQ(ERROR_OF(from.send(most + "x", 0, _)), sys(EMSGSIZE));
}

TEST_F(vsock_dgram, has_none_of_the_streams_options) {
  const auto s = open();
  for (const auto* name : {"SO_VM_SOCKETS_BUFFER_SIZE", "SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW"})
    EXPECT_EQ(ERROR_OF(s.option_text(name, _)), sys(EOPNOTSUPP)) << name;
}

TEST(vsock_dgram_verdict, says_which_transport_it_takes) {
  const auto& family = afplug::registry::global().family("vsock");
  const auto verdict = afplug::check(family, SOCK_DGRAM, 0);
  error_code ec;
  const auto s = afplug::socket::open(family, SOCK_DGRAM, 0, ec);
  EXPECT_EQ(verdict.available(), s.is_open());
  if (s.is_open()) {
    EXPECT_EQ(verdict.reason, "");
    EXPECT_NE(verdict.detail.find("transport: vmci"), std::string::npos) << verdict.detail;
    EXPECT_EQ(verdict.remedy, "");
    return;
  }
  if (ec == sys(EAFNOSUPPORT)) return;
  EXPECT_EQ(ec, sys(ENODEV));
  EXPECT_EQ(verdict.reason, "no-device");
}

}  // namespace
}  // namespace families
