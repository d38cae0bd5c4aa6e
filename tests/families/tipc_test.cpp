// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <linux/tipc.h>
#include <unistd.h>

#include <thread>

#include "support.hpp"

namespace families {
namespace {

// A service type that no other test uses.
std::string unused_service() {
  static unsigned count = 0;
  return std::to_string(100000u + static_cast<unsigned>(::getpid()) * 16 + ++count);
}

class tipc_rdm : public protocol_test {
 protected:
  explicit tipc_rdm(afplug::socket_type type = SOCK_RDM) : protocol_test("tipc", AF_TIPC, type) {}
};
class tipc_stream : public tipc_rdm {
 protected:
  explicit tipc_stream(afplug::socket_type type = SOCK_STREAM) : tipc_rdm(type) {}
  struct link {
    afplug::socket a, b;
  };
  // connect(2) returns when the peer has called accept(2) (tipc_accept() in net/tipc/socket.c).
  link connected() {
    const auto type = unused_service();
    auto server = bound("nameseq/" + type + "/1/9");
    server.listen();
    link l{open(), {}};
    std::jthread connector([&] { l.a.connect("name/" + type + "/5"); });
    l.b = server.accept();
    l.b.timeout(io_timeout);
    return l;
  }
};
class tipc_seqpacket : public tipc_stream {
 protected:
  tipc_seqpacket() : tipc_stream(SOCK_SEQPACKET) {}
};

TEST_F(tipc_rdm, receives_messages_to_its_service_name) {
  const auto type = unused_service();
  auto server = bound("nameseq/" + type + "/10/20"), client = open();
  for (const auto& sent : {"hello"s, pattern(66000)}) {
    EXPECT_EQ(client.sendto(sent, at("name/" + type + "/15")), sent.size());
    const auto m = receive_message(server);
    EXPECT_TRUE(m.data == sent);
    EXPECT_EQ(m.from.number("addr_type"), std::uint64_t{TIPC_ADDR_ID});
    server.sendto("back"sv, m.from);
    EXPECT_EQ(receive(client), "back");
  }
}

TEST_F(tipc_rdm, socket_identity_does_not_depend_on_bound_names) {
  auto s = open();
  const auto id = s.getsockname();
  EXPECT_EQ(id.number("addr_type"), std::uint64_t{TIPC_ADDR_ID});
  s.bind("nameseq/" + unused_service() + "/1/1");
  s.bind("nameseq/" + unused_service() + "/1/1");
  EXPECT_EQ(s.getsockname(), id);
  EXPECT_EQ(at(id.to_string()), id);
  auto other = open();
  other.sendto("to the identity"sv, id);
  EXPECT_EQ(receive(s), "to the identity");
}

TEST_F(tipc_rdm, invalid_names_are_refused) {
  EXPECT_EQ(ERROR_OF(open().bind("nameseq/" + unused_service() + "/9/1", _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(open().bind("nameseq/1/1/1", _)), sys(EACCES)) << "reserved for the system";
  EXPECT_EQ(ERROR_OF(open().listen(1, _)), sys(EOPNOTSUPP));
}

TEST_F(tipc_rdm, multicasts_to_a_service_range) {
  const auto type = unused_service();
  auto one = bound("nameseq/" + type + "/1/5"), two = bound("nameseq/" + type + "/6/9"), client = open();
  client.sendto("to all"sv, at("nameseq/" + type + "/0/100"));
  EXPECT_EQ(receive(one), "to all");
  EXPECT_EQ(receive(two), "to all");
}

TEST_F(tipc_rdm, unreachable_service_is_an_error) {
  auto s = open();
  s.option("TIPC_DEST_DROPPABLE", 0);
  EXPECT_EQ(ERROR_OF(s.sendto("x"sv, at("name/" + unused_service() + "/1"), 0, _)), sys(EHOSTUNREACH));
}

TEST_F(tipc_rdm, topology_service_reports_published_and_withdrawn_names) {
  auto topology = afplug::socket("tipc", SOCK_SEQPACKET);
  topology.timeout(io_timeout);
  topology.connect("name/" + std::to_string(TIPC_TOP_SRV) + "/" + std::to_string(TIPC_TOP_SRV));
  const auto type = unused_service();
  const tipc_subscr subscription{{static_cast<unsigned>(std::stoul(type)), 0, 100}, ~0u, TIPC_SUB_PORTS, {}};
  topology.send(afplug::const_bytes(&subscription, sizeof subscription));
  const auto event = [&] {
    tipc_event e{};
    topology.recv(afplug::mutable_bytes(&e, sizeof e));
    return e;
  };
  {
    const auto s = bound("nameseq/" + type + "/7/8");
    const auto e = event();
    EXPECT_EQ(e.event, unsigned{TIPC_PUBLISHED});
    EXPECT_EQ(e.found_lower, 7u);
    EXPECT_EQ(e.found_upper, 8u);
  }
  EXPECT_EQ(event().event, unsigned{TIPC_WITHDRAWN});
}

TEST_F(tipc_rdm, options) {
  auto s = open();
  EXPECT_EQ(s.option_text("TIPC_IMPORTANCE"), "TIPC_LOW_IMPORTANCE");
  s.option("TIPC_IMPORTANCE", "HIGH_IMPORTANCE");
  EXPECT_EQ(s.option_number("TIPC_IMPORTANCE"), TIPC_HIGH_IMPORTANCE);
  s.option("TIPC_CONN_TIMEOUT", 2s);
  EXPECT_EQ(s.option_text("TIPC_CONN_TIMEOUT"), "2s");
  EXPECT_EQ(s.option_number("TIPC_SOCK_RECVQ_DEPTH"), 0);
  s.sendto("one"sv, s.getsockname());
  EXPECT_EQ(s.option_number("TIPC_SOCK_RECVQ_DEPTH"), 1);
}

TEST_F(tipc_stream, transfers_bytes_both_ways) {
  auto l = connected();
  EXPECT_EQ(l.a.getpeername(), l.b.getsockname());
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
}

TEST_F(tipc_stream, connect_to_an_unpublished_service_fails) {
  EXPECT_EQ(ERROR_OF(open().connect("name/" + unused_service() + "/1", _)), sys(EHOSTUNREACH));
}

TEST_F(tipc_stream, socketpair) {
  auto [a, b] = afplug::socket::pair("tipc", SOCK_STREAM);
  a.sendall("hello"sv);
  EXPECT_EQ(receive(b), "hello");
}

TEST_F(tipc_seqpacket, keeps_message_boundaries) {
  auto l = connected();
  l.a.send("one"sv);
  l.a.send("two"sv);
  EXPECT_EQ(receive(l.b), "one");
  EXPECT_EQ(receive(l.b), "two");
  l.b.send("back"sv);
  const auto m = receive_message(l.a, 2);
  EXPECT_EQ(m.data, "ba");
  EXPECT_EQ(m.flags & MSG_TRUNC, MSG_TRUNC);
}

}  // namespace
}  // namespace families
