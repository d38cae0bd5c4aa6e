// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <poll.h>

#include <algorithm>
#include <thread>

#include "support.hpp"
#include "vsock.hpp"

namespace families {
namespace {

// Tests that need no peer.
class vsock : public protocol_test {
 protected:
  vsock() : protocol_test("vsock", AF_VSOCK, SOCK_STREAM) {}
};

class vsock_loopback : public protocol_test {
 protected:
  explicit vsock_loopback(afplug::socket_type type = SOCK_STREAM) : protocol_test("vsock", AF_VSOCK, type) {}
  void SetUp() override {
    protocol_test::SetUp();
    if (IsSkipped()) return;
    if (!has_vsock_loopback()) GTEST_SKIP() << "vsock: the kernel has no loopback transport (CONFIG_VSOCKETS_LOOPBACK)";
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
    l.b.timeout(io_timeout);
    return l;
  }
};
class vsock_seqpacket : public vsock_loopback {
 protected:
  vsock_seqpacket() : vsock_loopback(SOCK_SEQPACKET) {}
};

TEST_F(vsock, address_has_a_context_identifier_and_a_port) {
  auto s = open();
  EXPECT_EQ(s.getsockname().to_string(), "any:any");
  s.bind("any:any");
  const auto name = s.getsockname();
  EXPECT_EQ(name.number("cid"), VMADDR_CID_ANY);
  EXPECT_NE(name.number("port").value(), VMADDR_PORT_ANY);
  EXPECT_EQ(ERROR_OF(s.bind("any:any", _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(open().bind(name, _)), sys(EADDRINUSE));
  EXPECT_EQ(ERROR_OF(open().bind("12345:1234", _)), sys(EADDRNOTAVAIL)) << "the context identifier of another machine";
}

TEST_F(vsock, buffer_size_options_have_64_bits) {
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

TEST_F(vsock, every_option_has_its_own_size) {
  auto s = open();
  s.option("SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD", 1500ms);
  EXPECT_EQ(s.option_text("SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD"), "1.5s");
  EXPECT_EQ(s.option_bytes("SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD").size(), sizeof(timeval));
  EXPECT_EQ(s.option_text("SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW"), "1.5s") << "both options set the same value";
  s.option("SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW", 500ms);
  EXPECT_EQ(s.option_text("SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW"), "500ms");
  s.option(afplug::opt::rcvbuf(65536));
  EXPECT_EQ(s.option<afplug::opt::rcvbuf>().value(), 2 * 65536) << "an int, which the kernel doubles (socket(7))";
  const std::uint64_t size = 100000;
  s.setsockopt(AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, afplug::const_bytes(&size, sizeof size));
  std::uint64_t got = 0;
  EXPECT_EQ(s.getsockopt(AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, afplug::mutable_bytes(&got, sizeof got)), sizeof got);
  EXPECT_EQ(got, size);
}

TEST_F(vsock, out_of_range_numbers_are_refused) {
  for (const auto* text : {"-1:5", "1:-1", "4294967296:5", "1:4294967296", "1", "1:", ":1", "1:2:3"})
    EXPECT_EQ(ERROR_OF(address::parse(open().what(), text, _)), error_code(afplug::errc::malformed_address)) << text;
  const afplug::field_value negative[] = {std::int64_t{-1}, std::uint64_t{5}};
  EXPECT_EQ(ERROR_OF(address::from_fields(open().what(), negative, _)).category(), afplug::afplug_category());
}

TEST_F(vsock, options_of_the_vmci_transport_are_refused) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.option_number("SO_VM_SOCKETS_TRUSTED", _)), sys(ENOPROTOOPT));
  EXPECT_EQ(ERROR_OF(s.option_number("SO_VM_SOCKETS_PEER_HOST_VM_ID", _)), sys(ENOPROTOOPT));
}

TEST_F(vsock_loopback, connect_to_a_missing_host_is_refused) {
  if (local_vsock_cid() != VMADDR_CID_LOCAL) GTEST_SKIP() << "vsock: this machine has a transport to a host";
  EXPECT_EQ(ERROR_OF(open().connect("hypervisor:5", _)), sys(ENODEV));
  EXPECT_EQ(ERROR_OF(open().connect("any:5", _)), sys(ENODEV));
}

TEST_F(vsock_loopback, transfers_a_megabyte_both_ways) {
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

TEST_F(vsock_loopback, local_context_identifier_is_the_one_of_dev_vsock) {
  const auto own = open().option_text("IOCTL_VM_SOCKETS_GET_LOCAL_CID");
  EXPECT_EQ(own, std::to_string(local_vsock_cid()));
  auto s = open();
  s.bind(own + ":any");
  EXPECT_EQ(s.getsockname().field("cid"), afplug::field_value(std::stoull(own)));
}

TEST_F(vsock_loopback, connect_without_a_listener_is_reset) {
  EXPECT_EQ(ERROR_OF(open().connect("local:54321", _)), sys(ECONNRESET));
  EXPECT_NE(afplug::last_detail().find("local:54321"), std::string_view::npos) << afplug::last_detail();
}

TEST_F(vsock_loopback, connect_to_a_full_backlog_fails) {
  auto server = bound("any:any");
  server.listen(0);
  const auto name = "local:" + std::to_string(*server.getsockname().number("port"));
  std::vector<afplug::socket> clients;
  // connect(2) completes before accept(2); the listener resets connections beyond its backlog
  // (virtio_transport_recv_listen() in net/vmw_vsock/virtio_transport_common.c).
  error_code ec;
  while (!ec && clients.size() < 20) {
    clients.push_back(open());
    clients.back().timeout({});
    clients.back().option("SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW", 200ms);
    clients.back().connect(name, ec);
  }
  EXPECT_TRUE(ec == sys(ECONNRESET) || ec == sys(ETIMEDOUT)) << ec.message();
}

TEST_F(vsock_loopback, ports_below_1024_need_cap_net_bind_service) {
  auto s = open();
  const auto ec = ERROR_OF(s.bind("any:1000", _));
  EXPECT_EQ(ec, sys(::geteuid() == 0 ? 0 : EACCES));
}

TEST_F(vsock_seqpacket, keeps_message_boundaries) {
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

TEST_F(vsock_seqpacket, truncated_messages_have_msg_trunc) {
  auto l = connected();
  l.a.send("abc"sv);
  l.a.send("defghi"sv);
  EXPECT_EQ(receive(l.b), "abc");
  const auto m = receive_message(l.b, 1);
  EXPECT_EQ(m.data, "d");
  EXPECT_EQ(m.flags & MSG_TRUNC, MSG_TRUNC);
  EXPECT_TRUE(m.from.empty());
}

// Only the VMCI transport has datagrams (net/vmw_vsock/vmci_transport.c). Outside of a virtual machine it delivers them
// to this host itself, VMADDR_CID_HOST.
class vsock_dgram : public protocol_test {
 protected:
  vsock_dgram() : protocol_test("vsock", AF_VSOCK, SOCK_DGRAM) {}
  static std::string port(const afplug::socket& s) { return std::to_string(*s.getsockname().number("port")); }
};

TEST_F(vsock_dgram, sender_address_has_the_hosts_context_identifier) {
  auto to = bound("any:any"), from = bound("any:any");
  EXPECT_EQ(from.sendto("one"sv, at("host:" + port(to))), 3u);
  const auto m = receive_message(to, 100);
  EXPECT_EQ(m.data, "one");
  EXPECT_EQ(m.from.to_string(), "host:" + port(from));
  to.sendto("two"sv, m.from);
  EXPECT_EQ(receive(from), "two");
}

TEST_F(vsock_dgram, reaches_only_the_hosts_context_identifier) {
  auto to = bound("any:any");
  for (const auto* cid : {"hypervisor:", "local:", "12345:"})
    EXPECT_EQ(ERROR_OF(open().sendto("x"sv, at(cid + port(to)), 0, _)), sys(EINVAL)) << cid;
  EXPECT_EQ(ERROR_OF(open().bind("host:" + port(to), _)), sys(EADDRNOTAVAIL))
      << "received datagrams have this address, but bind refuses it";
}

TEST_F(vsock_dgram, has_a_maximum_size) {
  auto to = bound("any:any"), from = open();
  const auto largest = pattern(17 * 4096 - 24);  // VMCI_MAX_DG_PAYLOAD_SIZE of include/linux/vmw_vmci_defs.h
  from.connect("host:" + port(to));
  from.send(largest);
  EXPECT_TRUE(receive(to) == largest);
  EXPECT_EQ(ERROR_OF(from.send(largest + "x", 0, _)), sys(EMSGSIZE));
}

TEST_F(vsock_dgram, stream_options_are_refused) {
  const auto s = open();
  for (const auto* name : {"SO_VM_SOCKETS_BUFFER_SIZE", "SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW"})
    EXPECT_EQ(ERROR_OF(s.option_text(name, _)), sys(EOPNOTSUPP)) << name;
}

TEST(vsock_dgram_verdict, agrees_with_socket_2) {
  const auto verdict = afplug::check(afplug::registry::global().family("vsock"), SOCK_DGRAM, 0);
  const int error = try_socket({AF_VSOCK, SOCK_DGRAM, 0});
  EXPECT_EQ(verdict.available(), error == 0);
  EXPECT_EQ(verdict.error, error);
  if (error == 0) {
    EXPECT_EQ(verdict.reason, "");
    EXPECT_NE(verdict.detail.find("transport: vmci"), std::string::npos) << verdict.detail;
    EXPECT_EQ(verdict.remedy, "");
  } else if (error == ENODEV) {
    EXPECT_EQ(verdict.reason, "no-device");
  } else {
    EXPECT_NE(verdict.reason, "");
  }
}

}  // namespace
}  // namespace families
