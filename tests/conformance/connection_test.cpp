// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// listen, accept, connect, shutdown: PARITY §4.3.
#include <poll.h>

#include <stop_token>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE_OF_ALL(no_connection, 0, 0);
CONFORMANCE(connection, 0, 0);
CONFORMANCE(listener, listens, 0);
CONFORMANCE_OF_ALL(no_listener, 0, listens | one_to_many);
CONFORMANCE(no_connected_peer, 0, listens);
CONFORMANCE(wakeable_listener, listens | wakeable, 0);
CONFORMANCE(forgetful_listener, listens | drops_closed, 0);
CONFORMANCE(crowded_listener, listens | full_waits, 0);
CONFORMANCE(associated, 0, listens | bus | nameless | own_header | mutual | one_to_many);
CONFORMANCE(many, one_to_many, 0);

// ---- listen ----

TEST_P(listener, takes_any_backlog) {
  for (int backlog : {-1, -5, 0, 1, 5, SOMAXCONN, 1 << 20}) {
    auto s = bound();
    if (backlog == 0) {
      EXPECT_EQ(ERROR_OF(s.listen(0, _)), sys(error().listen_zero));
      if (error().listen_zero != 0) continue;
    } else {
      s.listen(backlog);
    }
    auto client = open();
    EXPECT_TRUE(meet(client, s).is_open()) << backlog;
    EXPECT_EQ(ERROR_OF(s.listen(3, _)), sys(error().listen_twice)) << "again, with another one";
  }
}

TEST_P(listener, that_was_not_bound) {
  auto s = open();
  ASSERT_EQ(ERROR_OF(s.listen(1, _)), sys(error().listen_unbound));
  if (error().listen_unbound != 0) return;
  EXPECT_NE(s.getsockname().to_string(), r().unbound);
}

TEST_P(listener, is_not_one_that_is_connected) {
  auto l = connected();
  EXPECT_EQ(ERROR_OF(l.a.listen(1, _)), sys(error().listen_connected));
}

TEST_P(no_listener, says_so) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.listen(1, _)), sys(error().listen_unbound));
  EXPECT_NE(error().listen_unbound, 0);
  auto b = bound();
  EXPECT_EQ(ERROR_OF(b.listen(-1, _)), sys(error().listen_bound ? error().listen_bound : error().listen_unbound));
  EXPECT_EQ(ERROR_OF(connected().a.listen(1, _)), sys(error().listen_connected));
}

// ---- accept ----

TEST_P(no_connection, accept_needs_a_listener_in_every_mode) {
  auto s = bound();
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {0ns}, {10s}}) {
    s.timeout(mode);
    EXPECT_EQ(ERROR_OF(s.accept(_)), sys(error().accept_unlistening));
  }
}

TEST_P(listener, accepts_a_socket_of_its_own_kind_with_its_peer) {
  auto s = listening();
  auto client = named();
  set_out(client, s.getsockname());
  address peer;
  auto accepted = s.accept(peer);
  arrive(client);
  EXPECT_EQ(accepted.what(), s.what());
  EXPECT_EQ(accepted.owner(), s.owner());
  EXPECT_EQ(accepted.type(), s.type());
  EXPECT_EQ(accepted.protocol(), s.protocol());
  EXPECT_EQ(accepted.in_user_space(), s.in_user_space());
  EXPECT_TRUE(close_on_exec(accepted.fileno()));
  EXPECT_EQ(peer, client.getsockname());
  EXPECT_EQ(peer.protocol(), s.what());
  EXPECT_EQ(accepted.getpeername(), peer);
  EXPECT_EQ(bare(accepted.getsockname()) == s.getsockname(), !can(identified));
}

TEST_P(listener, gives_accepted_sockets_the_default_mode_and_never_its_own) {
  auto s = listening();
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {10s}, {0ns}}) {
    s.timeout(mode);
    for (const auto& standard : {std::optional<std::chrono::nanoseconds>{}, {3s}, {0ns}}) {
      auto client = open();
      set_out(client, s.getsockname());
      ASSERT_TRUE(s.wait(POLLIN, patience));
      afplug::socket::default_timeout(standard);
      auto accepted = s.accept();
      afplug::socket::default_timeout({});
      EXPECT_EQ(accepted.timeout(), standard);
      if (in_kernel()) {
        EXPECT_EQ(non_blocking(accepted.fileno()), standard.has_value());
      }
      part(client, accepted);
    }
  }
}

TEST_P(listener, with_nobody_there) {
  auto s = listening();
  s.timeout(0ns);
  EXPECT_EQ(ERROR_OF(s.accept(_)), sys(EAGAIN));
  s.timeout(20ms);
  const auto before = clock::now();
  EXPECT_EQ(ERROR_OF(s.accept(_)), timed_out);
  EXPECT_GE(clock::now() - before, 20ms);
  EXPECT_THROW(s.accept(), afplug::error);
}

TEST_P(listener, waits_in_every_mode) {
  auto s = listening();
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    s.timeout(mode);
    afplug::socket client = open();
    const auto name = s.getsockname();
    afplug::socket accepted;
    {
      helper connector([&] {
        std::this_thread::sleep_for(20ms);
        set_out(client, name);
      });
      accepted = s.accept();
    }
    EXPECT_TRUE(accepted.is_open());
    part(client, accepted);
  }
}

TEST_P(listener, serves_clients_in_their_order) {
  auto s = listening(8);
  std::vector<afplug::socket> clients;
  const unsigned count = can(one_at_a_time) ? 1 : 5;
  for (unsigned i = 0; i < count; ++i) {
    clients.push_back(open());
    set_out(clients.back(), s.getsockname());
    if (!can(meets)) clients.back().send(message(i));
  }
  for (unsigned i = 0; i < count; ++i) {
    auto accepted = s.accept();
    arrive(clients[i]);
    if (can(meets)) clients[i].send(message(i));
    EXPECT_EQ(receive(accepted), message(i));
    accepted.send(message(i + 10));
    EXPECT_EQ(receive(clients[i]), message(i + 10));
  }
}

// ---- connect ----

TEST_P(no_connection, to_nobody) {
  const auto name = nobody();
  auto s = open();
  EXPECT_EQ(reach(s, name), sys(error().connect_refused));
  if (error().connect_refused == 0) return;
  EXPECT_NE(std::string(afplug::last_detail()).find(name.to_string()), std::string::npos) << afplug::last_detail();
  EXPECT_EQ(open().connect_ex(name), error().connect_refused);
  auto patient = open();
  patient.timeout(patience);
  EXPECT_EQ(patient.connect_ex(name), error().connect_refused);
  EXPECT_THROW(open().connect(name), afplug::error);
}

TEST_P(listener, that_does_not_listen_refuses) {
  const auto s = bound();
  auto client = open();
  EXPECT_EQ(reach(client, s.getsockname()), sys(error().connect_refused));
}

TEST_P(listener, takes_a_connection_in_every_mode) {
  auto s = listening();
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    auto client = open();
    client.timeout(mode);
    error_code got = timed_out;
    helper connector([&] { got = reach(client, s.getsockname()); });
    ASSERT_TRUE(s.wait(POLLIN, patience));
    auto accepted = s.accept();
    connector.join();
    EXPECT_EQ(got, sys(0));
    EXPECT_EQ(bare(client.getpeername()), bare(accepted.getsockname()));
    client.send(message());
    EXPECT_EQ(receive(accepted), message());
    // Where the first one was waited for, Linux says 0 once more.
    client.connect_ex(s.getsockname());
    EXPECT_EQ(client.connect_ex(s.getsockname()), error().connect_twice);
    EXPECT_EQ(ERROR_OF(client.connect(s.getsockname(), _)), sys(error().connect_twice));
    part(client, accepted);
  }
}

TEST_P(listener, is_reached_without_blocking) {
  auto s = listening();
  auto client = open(SOCK_NONBLOCK);
  EXPECT_EQ(reach(client, s.getsockname()), sys(error().connect_at_once));
  afplug::socket accepted;
  if (can(meets)) accepted = s.accept();
  ASSERT_TRUE(client.wait(POLLOUT, patience) & POLLOUT);
  EXPECT_EQ(client.option_number("SO_ERROR"), 0);
  if (!can(meets)) accepted = s.accept();
  EXPECT_EQ(bare(client.getpeername()), bare(accepted.getsockname()));
  client.send(message());
  EXPECT_EQ(receive(accepted), message());
}

TEST_P(listener, is_reached_by_text) {
  auto s = listening();
  auto client = open();
  afplug::socket accepted;  // until both ends know of it
  const auto name = s.getsockname().to_string();
  error_code got = timed_out;
  helper connector([&] { got = conformance::reach(r(), client, [&](auto& ec) { client.connect(name, ec); }); });
  accepted = s.accept();
  connector.join();
  EXPECT_EQ(got, sys(0));
}

// A listener that takes no more, and the clients that filled it.
struct crowd {
  afplug::socket server;
  std::vector<afplug::socket> clients;
};
crowd full(const row& r) {
  crowd c{listening(r, 0), {}};
  const auto name = c.server.getsockname();
  for (;;) {
    auto client = conformance::open(r, SOCK_NONBLOCK);
    const int got = client.connect_ex(name);
    if (got == EINPROGRESS && client.wait(POLLOUT, 200ms)) {
      c.clients.push_back(std::move(client));
      continue;
    }
    if (got != 0) return c;
    c.clients.push_back(std::move(client));
  }
}

TEST_P(crowded_listener, lets_wait_until_the_timeout) {
  auto c = full(r());
  auto client = open();
  client.timeout(0ns);
  EXPECT_EQ(client.connect_ex(c.server.getsockname()), error().connect_full);
  for (int twice = 0; twice < 2; ++twice) {
    auto waiting = open();
    waiting.timeout(300ms);
    const auto before = clock::now();
    const auto cpu = cpu_time();
    if (twice == 0) {
      EXPECT_EQ(ERROR_OF(waiting.connect(c.server.getsockname(), _)), timed_out);
    } else {
      EXPECT_EQ(waiting.connect_ex(c.server.getsockname()), EAGAIN);
    }
    EXPECT_GE(clock::now() - before, 300ms);
    EXPECT_LT(cpu_time() - cpu, 100ms) << "it does not spin";
    EXPECT_EQ(waiting.timeout(), 300ms);
    if (in_kernel()) {
      EXPECT_TRUE(non_blocking(waiting.fileno())) << "as before the call";
      EXPECT_EQ(waiting.option<afplug::opt::sndtimeo>().value(), 0s);
    }
  }
}

TEST_P(crowded_listener, takes_who_waited) {
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    auto c = full(r());
    auto client = open();
    client.timeout(mode);
    error_code ec = timed_out;
    {
      helper connector([&] { client.connect(c.server.getsockname(), ec); });
      connector.until_asleep();
      std::vector<afplug::socket> accepted;
      c.server.timeout(patience);
      for (std::size_t i = 0; i < c.clients.size(); ++i) accepted.push_back(c.server.accept());
      accepted.push_back(c.server.accept());
      connector.join();
      ASSERT_EQ(ec, sys(0));
      client.send(message());
      bool arrived = false;
      for (auto& a : accepted) arrived |= (a.wait(POLLIN, 0ns) & POLLIN) != 0 && receive(a) == message();
      EXPECT_TRUE(arrived || eventually([&] { return accepted.back().wait(POLLIN, 0ns) != 0; }));
    }
  }
}

TEST_P(associated, connects_to_a_name_and_again_and_off) {
  auto s = open();
  auto first = bound(), second = bound();
  EXPECT_EQ(ERROR_OF(open().connect(first.getsockname(), _)), sys(error().connect_unbound));
  if (!can(unnamed) && (error().connect_unbound != 0 || error().sendto_unconnected != 0)) s.bind(fresh());
  const auto before = ERROR_OF(s.getpeername(_));
  s.connect(first.getsockname());
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(error().getpeername_connected));
  if (error().getpeername_connected == 0) {
    EXPECT_EQ(bare(s.getpeername()), first.getsockname());
  }
  s.send(message(1));
  EXPECT_EQ(receive(can(echoes) ? s : first), message(1));
  EXPECT_EQ(s.connect_ex(second.getsockname()), error().connect_twice);
  s.send(message(2));
  EXPECT_EQ(receive(can(echoes) ? s : error().connect_twice == 0 ? second : first), message(2));
  // connect(2): AF_UNSPEC dissolves the association.
  const sockaddr nothing{};
  EXPECT_EQ(ERROR_OF(s.connect(address(&nothing, sizeof nothing), _)), sys(error().disconnect));
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), error().disconnect == 0 ? before : sys(error().getpeername_connected));
}

// ---- one to many ----

TEST_P(many, reach_who_listens_and_are_not_accepted) {
  auto s = open();
  s.bind(fresh());
  const auto name = s.getsockname();
  EXPECT_EQ(s.option_number("SO_ACCEPTCONN"), 0);
  EXPECT_EQ(open().connect_ex(name), error().connect_refused);
  EXPECT_EQ(ERROR_OF(s.listen(0, _)), sys(error().listen_zero));
  for (int backlog : {-1, 1, 5}) {
    s.listen(backlog);
    EXPECT_EQ(s.option_number("SO_ACCEPTCONN"), 1);
    open().connect(name);
    EXPECT_EQ(ERROR_OF(s.accept(_)), sys(error().accept_unlistening));
  }
  s.listen(0);
  EXPECT_EQ(s.option_number("SO_ACCEPTCONN"), 0);
  EXPECT_EQ(open().connect_ex(name), error().connect_refused);
  EXPECT_EQ(ERROR_OF(connected().a.listen(1, _)), sys(error().listen_connected));
}

TEST_P(many, are_told_apart_by_their_addresses) {
  auto s = open(), first = bound(), second = bound();
  s.connect(first.getsockname());
  EXPECT_EQ(s.connect_ex(first.getsockname()), error().connect_twice);
  s.connect(second.getsockname());
  EXPECT_EQ(s.connect_ex(second.getsockname()), error().connect_twice);
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(error().getpeername_unconnected));
  EXPECT_EQ(ERROR_OF(s.send(message(), 0, _)), sys(error().send_unconnected));
  s.sendto(message(1), first.getsockname());
  s.sendto(message(2), second.getsockname());
  EXPECT_EQ(receive(first), message(1));
  EXPECT_EQ(receive(second), message(2));
  second.sendto(message(3), s.getsockname());
  address from;
  std::string got(1000, '\0');
  got.resize(s.recvfrom(got, from));
  EXPECT_EQ(got, message(3));
  EXPECT_EQ(from, second.getsockname());
  const sockaddr nothing{};
  EXPECT_EQ(ERROR_OF(s.connect(address(&nothing, sizeof nothing), _)), sys(error().disconnect));
}

TEST_P(many, that_never_answer_are_waited_for_as_long_as_was_said) {
  if (!apart_network::why_not().empty()) GTEST_SKIP() << r().family << ": " << apart_network::why_not();
  const apart_network away;
  const address silent(r().family, r().family == "inet6"sv ? "[::ffff:10.254.0.2]:5" : "10.254.0.2:5", r().type,
                       r().protocol);
  EXPECT_EQ(open(SOCK_NONBLOCK).connect_ex(silent), EINPROGRESS);
  auto patient = open();
  patient.timeout(100ms);
  const auto before = clock::now();
  const auto cpu = cpu_time();
  EXPECT_EQ(ERROR_OF(patient.connect(silent, _)), timed_out);
  EXPECT_GE(clock::now() - before, 100ms);
  EXPECT_LT(cpu_time() - cpu, 100ms);
  for (const auto& limit : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    auto stopped = open(), interrupted = open();
    stopped.timeout(limit);
    interrupted.timeout(limit);
    std::stop_source source;
    error_code ec;
    {
      helper connector([&] { stopped.connect(silent, source.get_token(), ec); });
      connector.until_asleep();
      source.request_stop();
    }
    EXPECT_EQ(ec, error_code(afplug::errc::stopped));
    int asked = 0;
    {
      const signal_storm storm;
      const afplug::scoped_interrupt_hook scope([&] { return ++asked == 3; });
      interrupted.connect(silent, ec);
    }
    EXPECT_EQ(ec, error_code(afplug::errc::interrupted));
    EXPECT_EQ(asked, 3);
    for (const auto* s : {&stopped, &interrupted}) {
      EXPECT_EQ(non_blocking(s->fileno()), limit.has_value()) << "as before the call";
      EXPECT_EQ(s->option<afplug::opt::sndtimeo>().value(), 0s);
    }
  }
}

// ---- shutdown ----

TEST_P(no_connection, can_be_shut_down) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.shutdown(SHUT_WR, _)), sys(error().shutdown_unconnected));
}

TEST_P(connection, shutdown_takes_three_values) {
  auto l = connected();
  EXPECT_EQ(ERROR_OF(l.a.shutdown(99, _)), sys(error().shutdown_bad));
  EXPECT_EQ(ERROR_OF(l.a.shutdown(-1, _)), sys(error().shutdown_bad));
  EXPECT_EQ(ERROR_OF(l.a.shutdown(SHUT_RDWR, _)), sys(error().shutdown_connected));
}

TEST_P(connection, shutdown_ends_sending) {
  auto l = connected();
  EXPECT_EQ(ERROR_OF(l.a.shutdown(SHUT_WR, _)), sys(error().shutdown_half));
  if (error().told_shut != 0) {
    EXPECT_TRUE(eventually([&] { return l.a.option_number("SO_ERROR") == error().told_shut; }));
  }
  EXPECT_EQ(ERROR_OF(l.a.send(message(), 0, _)), sys(error().send_shut));
  EXPECT_EQ(ERROR_OF(l.a.sendall(message(), 0, _)), sys(error().send_shut));
  const std::string text = message();
  const afplug::const_bytes data[] = {text};
  EXPECT_EQ(ERROR_OF(l.a.sendmsg(data, {}, 0, nullptr, _)), sys(error().send_shut));
  if (can(half_close)) {
    EXPECT_EQ(receive(l.b), "") << "the end of the peer's data";
  }
  if (can(echoes) || can(shuts_whole)) return;
  // The other direction is as it was.
  l.b.send(message(1));
  EXPECT_EQ(receive(l.a), message(1));
}

TEST_P(connection, shutdown_ends_receiving_in_every_mode_at_once) {
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    auto l = connected();
    l.a.timeout(mode);
    error_code ec;
    std::size_t size = 1;
    char bytes[64];
    if (error().shutdown_half != 0) {
      EXPECT_EQ(ERROR_OF(l.a.shutdown(SHUT_RD, _)), sys(error().shutdown_half));
      continue;
    }
    std::chrono::nanoseconds cpu{};
    if (can(sleeps_on)) l.a.shutdown(SHUT_RD);
    {
      helper reader([&] {
        size = l.a.recv(bytes, 0, ec);
        cpu = cpu_time();
      });
      if (!can(sleeps_on)) {
        reader.until_asleep();
        l.a.shutdown(SHUT_RD);
      }
    }
    EXPECT_EQ(ec, sys(0));
    EXPECT_EQ(size, 0u);
    EXPECT_LT(cpu, 1s) << "it does not spin";
    EXPECT_EQ(l.a.recv(bytes), 0u) << "and stays so";
    address from;
    EXPECT_EQ(l.a.recvfrom(bytes, from), 0u);
    EXPECT_EQ(l.a.recvall(bytes), 0u);
  }
}

TEST_P(wakeable_listener, wakes_from_accept_by_shutdown) {
  auto s = listening();
  error_code ec;
  {
    helper acceptor([&] { s.accept(ec); });
    acceptor.until_asleep();
    s.shutdown(SHUT_RDWR);
  }
  EXPECT_EQ(ec, sys(EINVAL));
}

TEST_P(forgetful_listener, accepts_nobody_who_has_gone) {
  auto s = listening();
  auto client = open();
  set_out(client, s.getsockname());
  ASSERT_TRUE(s.wait(POLLIN, patience));
  client.close();
  EXPECT_TRUE(eventually([&] { return s.wait(POLLIN, 0ns) == 0; }));
  s.timeout(0ns);
  EXPECT_EQ(ERROR_OF(s.accept(_)), sys(EAGAIN));
}

// ---- the end of the peer ----

TEST_P(listener, peer_that_closes_is_the_end_of_data_and_a_broken_pipe) {
  auto l = connected();
  l.b.close();
  for (int twice = 0; twice < 2 && error().recv_closed != 0; twice += can(keeps_reset) ? 1 : 2) {
    char byte[1];
    EXPECT_EQ(ERROR_OF(l.a.recv(byte, 0, _)), sys(error().recv_closed));
  }
  for (int twice = 0; twice < 2 && error().recv_ended != 0; ++twice) {
    char byte[1];
    if (error().recv_ended == EAGAIN) l.a.timeout(20ms);
    EXPECT_EQ(ERROR_OF(l.a.recv(byte, 0, _)), error().recv_ended == EAGAIN ? timed_out : sys(error().recv_ended));
  }
  for (int twice = 0; twice < 2 && !can(keeps_reset) && error().recv_ended == 0; ++twice) EXPECT_EQ(receive(l.a), "");
  error_code ec;
  const int rounds = error().send_closed != 0 ? 50 : 3;
  for (int i = 0; i < rounds && !ec; ++i) {
    l.a.send(message(), 0, ec);
    if (!ec) l.a.wait(POLLERR, 20ms);  // until the peer's reset is here
  }
  EXPECT_EQ(ec, sys(error().send_closed));
}

TEST_P(listener, peer_that_closes_with_data_unread_resets) {
  auto l = connected();
  l.a.send(message());
  ASSERT_TRUE(l.b.wait(POLLIN, patience));
  l.b.close();
  ASSERT_TRUE(l.a.wait(POLLIN, patience));
  char bytes[64];
  EXPECT_EQ(ERROR_OF(l.a.recv(bytes, 0, _)), sys(error().recv_reset));
  const std::string text = message();
  const afplug::const_bytes data[] = {text};
  EXPECT_EQ(ERROR_OF(l.a.send(text, 0, _)), sys(error().send_reset));
  EXPECT_EQ(ERROR_OF(l.a.sendall(text, 0, _)), sys(error().send_reset));
  EXPECT_EQ(ERROR_OF(l.a.sendmsg(data, {}, 0, nullptr, _)), sys(error().send_reset));
  EXPECT_EQ(ERROR_OF(l.a.send_fds(data, {}, 0, nullptr, _)), sys(error().send_reset));
  EXPECT_EQ(ERROR_OF(l.a.send(text, 0, std::stop_token(), _)), sys(error().send_reset));
  l.a.timeout(patience);
  EXPECT_EQ(ERROR_OF(l.a.sendall(text, 0, _)), sys(error().send_reset));
}

TEST_P(no_connected_peer, that_closes_is_told_by_the_next_send) {
  auto l = connected();
  l.b.close();
  error_code ec;
  const int rounds = error().send_closed != 0 ? 100 : 3;
  for (int i = 0; i < rounds && !ec; ++i) {
    l.a.send(message(), 0, ec);
    if (!ec) l.a.wait(POLLERR, 100ms);
  }
  EXPECT_EQ(ec, sys(error().send_closed));
}

}  // namespace
}  // namespace conformance
