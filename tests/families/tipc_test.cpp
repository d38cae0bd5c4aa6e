// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <linux/tipc.h>
#include <unistd.h>

#include <thread>

#include "support.hpp"

namespace families {
namespace {

// A service that no other test has.
std::string service() {
  static unsigned count = 0;
  return std::to_string(100000u + static_cast<unsigned>(::getpid()) * 16 + ++count);
}

class tipc_rdm : public row_test {
 protected:
  explicit tipc_rdm(int type = SOCK_RDM) : row_test("tipc", type) {}
};
class tipc_stream : public tipc_rdm {
 protected:
  explicit tipc_stream(int type = SOCK_STREAM) : tipc_rdm(type) {}
  struct link {
    afplug::socket a, b;
  };
  // connect ends when the peer has accepted.
  link connected() {
    const auto type = service();
    auto server = bound("nameseq/" + type + "/1/9");
    server.listen();
    link l{open(), {}};
    std::jthread connector([&] { l.a.connect("name/" + type + "/5"); });
    l.b = server.accept();
    l.b.timeout(patience);
    return l;
  }
};
class tipc_seqpacket : public tipc_stream {
 protected:
  tipc_seqpacket() : tipc_stream(SOCK_SEQPACKET) {}
};

TEST_F(tipc_rdm, is_reached_by_the_name_of_a_service) {
  const auto type = service();
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

TEST_F(tipc_rdm, has_an_identity_whatever_its_names) {
  auto s = open();
  const auto id = s.getsockname();
  EXPECT_EQ(id.number("addr_type"), std::uint64_t{TIPC_ADDR_ID});
  s.bind("nameseq/" + service() + "/1/1");
  s.bind("nameseq/" + service() + "/1/1");
  EXPECT_EQ(s.getsockname(), id);
  EXPECT_EQ(at(id.to_string()), id);
  auto other = open();
  other.sendto("to the identity"sv, id);
  EXPECT_EQ(receive(s), "to the identity");
}

TEST_F(tipc_rdm, refuses_to_bind_badly) {
  EXPECT_EQ(ERROR_OF(open().bind("nameseq/" + service() + "/9/1", _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(open().bind("nameseq/1/1/1", _)), sys(EACCES)) << "reserved for the system";
  EXPECT_EQ(ERROR_OF(open().listen(1, _)), sys(EOPNOTSUPP));
}

TEST_F(tipc_rdm, reaches_all_of_a_range) {
  const auto type = service();
  auto one = bound("nameseq/" + type + "/1/5"), two = bound("nameseq/" + type + "/6/9"), client = open();
  client.sendto("to all"sv, at("nameseq/" + type + "/0/100"));
  EXPECT_EQ(receive(one), "to all");
  EXPECT_EQ(receive(two), "to all");
}

TEST_F(tipc_rdm, tells_what_did_not_arrive) {
  auto s = open();
  s.option("TIPC_DEST_DROPPABLE", 0);
  EXPECT_EQ(ERROR_OF(s.sendto("x"sv, at("name/" + service() + "/1"), 0, _)), sys(EHOSTUNREACH));
}

TEST_F(tipc_rdm, tells_of_services_that_come_and_go) {
  auto watcher = afplug::socket("tipc", SOCK_SEQPACKET);
  watcher.timeout(patience);
  watcher.connect("name/" + std::to_string(TIPC_TOP_SRV) + "/" + std::to_string(TIPC_TOP_SRV));
  const auto type = service();
  const tipc_subscr subscription{{static_cast<unsigned>(std::stoul(type)), 0, 100}, ~0u, TIPC_SUB_PORTS, {}};
  watcher.send(afplug::const_bytes(&subscription, sizeof subscription));
  const auto event = [&] {
    tipc_event e{};
    watcher.recv(afplug::mutable_bytes(&e, sizeof e));
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
}

TEST_F(tipc_stream, carries_bytes_both_ways) {
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

TEST_F(tipc_stream, nobody_is_there) {
  EXPECT_EQ(ERROR_OF(open().connect("name/" + service() + "/1", _)), sys(EHOSTUNREACH));
}

TEST_F(tipc_stream, pairs) {
  auto [a, b] = afplug::socket::pair("tipc", SOCK_STREAM);
  a.sendall("hello"sv);
  EXPECT_EQ(receive(b), "hello");
}

TEST_F(tipc_seqpacket, keeps_boundaries) {
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
