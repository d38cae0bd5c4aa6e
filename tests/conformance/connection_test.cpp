// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// listen(2), accept(2), connect(2), shutdown(2).
#include <poll.h>

#include <stop_token>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE_ALL(unconnected, true);
CONFORMANCE(shutdown_calls, true);
CONFORMANCE(listener, t.connection.listens);
CONFORMANCE_ALL(listen_unsupported, !t.connection.listens && !t.connection.one_to_many);
CONFORMANCE(peer_without_connection, !t.connection.listens);
CONFORMANCE(shutdown_wakes_accept, t.connection.listens&& t.shutdown.wakes_accept);
CONFORMANCE(drops_closed_connections, t.connection.listens&& t.connection.drops_closed_connections);
CONFORMANCE(backlog_full, t.connection.listens&& t.connection.waits_when_backlog_full);
CONFORMANCE(association, !t.connection.listens && !t.connection.no_connect && !t.addressing.no_local_address &&
                             !t.delivery.header_included && !t.connection.receives_only_when_connected &&
                             !t.connection.one_to_many);
CONFORMANCE(one_to_many, t.connection.one_to_many);

// ---- listen ----

TEST_P(listener, takes_any_backlog) {
  for (int backlog : {-1, -5, 0, 1, 5, SOMAXCONN, 1 << 20}) {
    auto s = bound();
    if (backlog == 0) {
      EXPECT_EQ(ERROR_OF(s.listen(0, _)), sys(errors().connection.listen_backlog_zero));
      if (errors().connection.listen_backlog_zero != 0) continue;
    } else {
      s.listen(backlog);
    }
    auto client = open();
    EXPECT_TRUE(connect_and_accept(client, s).is_open()) << backlog;
    EXPECT_EQ(ERROR_OF(s.listen(3, _)), sys(errors().connection.listen_again)) << "again, with another backlog";
  }
}

TEST_P(listener, listen_without_bind) {
  auto s = open();
  ASSERT_EQ(ERROR_OF(s.listen(1, _)), sys(errors().connection.listen_unbound));
  if (errors().connection.listen_unbound != 0) return;
  EXPECT_NE(s.getsockname().to_string(), r().unbound);
}

TEST_P(listener, listen_on_a_connected_socket) {
  auto l = connected();
  EXPECT_EQ(ERROR_OF(l.a.listen(1, _)), sys(errors().connection.listen_connected));
}

TEST_P(listen_unsupported, reports_the_errno) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.listen(1, _)), sys(errors().connection.listen_unbound));
  if (in_kernel()) {
    EXPECT_EQ(::listen(s.fileno(), 1), -1);
    EXPECT_EQ(errno, errors().connection.listen_unbound);
  }
  auto b = bound();
  EXPECT_EQ(ERROR_OF(b.listen(-1, _)), sys(errors().connection.listen_bound ? errors().connection.listen_bound
                                                                            : errors().connection.listen_unbound));
  EXPECT_EQ(ERROR_OF(connected().a.listen(1, _)), sys(errors().connection.listen_connected));
}

// ---- accept ----

TEST_P(unconnected, accept_needs_a_listener_with_any_timeout) {
  auto s = bound();
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {0ns}, {10s}}) {
    s.timeout(mode);
    EXPECT_EQ(ERROR_OF(s.accept(_)), sys(errors().connection.accept_not_listening));
  }
}

TEST_P(listener, accepts_a_socket_of_its_protocol_with_the_peers_address) {
  auto s = listening();
  auto client = named_client();
  begin_connect(client, s.getsockname());
  address peer;
  auto accepted = s.accept(peer);
  finish_connect(client);
  EXPECT_EQ(accepted.what(), s.what());
  EXPECT_EQ(accepted.owner(), s.owner());
  EXPECT_EQ(accepted.type(), s.type());
  EXPECT_EQ(accepted.protocol(), s.protocol());
  EXPECT_EQ(accepted.in_user_space(), s.in_user_space());
  EXPECT_TRUE(close_on_exec(accepted.fileno()));
  EXPECT_EQ(peer, client.getsockname());
  EXPECT_EQ(peer.protocol(), s.what());
  EXPECT_EQ(accepted.getpeername(), peer);
  EXPECT_EQ(without_kernel_fields(accepted.getsockname()) == s.getsockname(), !traits().addressing.named_at_creation);
}

TEST_P(listener, gives_accepted_sockets_the_default_timeout) {
  auto s = listening();
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {10s}, {0ns}}) {
    s.timeout(mode);
    for (const auto& standard : {std::optional<std::chrono::nanoseconds>{}, {3s}, {0ns}}) {
      auto client = open();
      begin_connect(client, s.getsockname());
      ASSERT_TRUE(s.wait(POLLIN, patience));
      afplug::socket::default_timeout(standard);
      auto accepted = s.accept();
      afplug::socket::default_timeout({});
      EXPECT_EQ(accepted.timeout(), standard);
      if (in_kernel()) {
        EXPECT_EQ(non_blocking(accepted.fileno()), standard.has_value());
      }
      close_both(client, accepted);
    }
  }
}

TEST_P(listener, accept_without_a_client) {
  auto s = listening();
  s.timeout(0ns);
  EXPECT_EQ(ERROR_OF(s.accept(_)), sys(EAGAIN));
  s.timeout(20ms);
  const auto before = clock::now();
  EXPECT_EQ(ERROR_OF(s.accept(_)), timed_out);
  EXPECT_GE(clock::now() - before, 20ms);
  EXPECT_THROW(s.accept(), afplug::error);
}

TEST_P(listener, accept_waits_for_a_client) {
  auto s = listening();
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    s.timeout(mode);
    afplug::socket client = open();
    const auto name = s.getsockname();
    afplug::socket accepted;
    {
      helper_thread connector([&] {
        std::this_thread::sleep_for(20ms);
        begin_connect(client, name);
      });
      accepted = s.accept();
    }
    EXPECT_TRUE(accepted.is_open());
    close_both(client, accepted);
  }
}

TEST_P(listener, accepts_clients_in_order) {
  auto s = listening(8);
  std::vector<afplug::socket> clients;
  const unsigned count = traits().connection.one_per_address_pair ? 1 : 5;
  for (unsigned i = 0; i < count; ++i) {
    clients.push_back(open());
    begin_connect(clients.back(), s.getsockname());
    if (!traits().connection.waits_for_accept) clients.back().send(message(i));
  }
  for (unsigned i = 0; i < count; ++i) {
    auto accepted = s.accept();
    finish_connect(clients[i]);
    if (traits().connection.waits_for_accept) clients[i].send(message(i));
    EXPECT_EQ(receive(accepted), message(i));
    accepted.send(message(i + 10));
    EXPECT_EQ(receive(clients[i]), message(i + 10));
  }
}

// ---- connect ----

TEST_P(unconnected, connect_to_an_unused_address) {
  const auto name = unused_address();
  auto s = open();
  EXPECT_EQ(connect(s, name), sys(errors().connection.connect_no_listener));
  if (errors().connection.connect_no_listener == 0) return;
  EXPECT_NE(std::string(afplug::last_detail()).find(name.to_string()), std::string::npos) << afplug::last_detail();
  EXPECT_EQ(open().connect_ex(name), errors().connection.connect_no_listener);
  auto patient = open();
  patient.timeout(patience);
  EXPECT_EQ(patient.connect_ex(name), errors().connection.connect_no_listener);
  EXPECT_THROW(open().connect(name), afplug::error);
}

TEST_P(listener, connect_to_a_bound_socket_that_does_not_listen) {
  const auto s = bound();
  auto client = open();
  EXPECT_EQ(connect(client, s.getsockname()), sys(errors().connection.connect_no_listener));
}

TEST_P(listener, connect_with_and_without_a_timeout) {
  auto s = listening();
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    auto client = open();
    client.timeout(mode);
    error_code got = timed_out;
    helper_thread connector([&] { got = connect(client, s.getsockname()); });
    ASSERT_TRUE(s.wait(POLLIN, patience));
    auto accepted = s.accept();
    connector.join();
    EXPECT_EQ(got, sys(0));
    EXPECT_EQ(without_kernel_fields(client.getpeername()), without_kernel_fields(accepted.getsockname()));
    client.send(message());
    EXPECT_EQ(receive(accepted), message());
    // After a connect that was completed by waiting, Linux returns 0 once more.
    client.connect_ex(s.getsockname());
    EXPECT_EQ(client.connect_ex(s.getsockname()), errors().connection.connect_connected);
    EXPECT_EQ(ERROR_OF(client.connect(s.getsockname(), _)), sys(errors().connection.connect_connected));
    close_both(client, accepted);
  }
}

TEST_P(listener, connect_without_blocking) {
  auto s = listening();
  auto client = open(SOCK_NONBLOCK);
  EXPECT_EQ(connect(client, s.getsockname()), sys(errors().connection.connect_nonblocking));
  afplug::socket accepted;
  if (traits().connection.waits_for_accept) accepted = s.accept();
  ASSERT_TRUE(client.wait(POLLOUT, patience) & POLLOUT);
  EXPECT_EQ(client.option_number("SO_ERROR"), 0);
  if (!traits().connection.waits_for_accept) accepted = s.accept();
  EXPECT_EQ(without_kernel_fields(client.getpeername()), without_kernel_fields(accepted.getsockname()));
  client.send(message());
  EXPECT_EQ(receive(accepted), message());
}

TEST_P(listener, connect_to_an_address_given_as_text) {
  auto s = listening();
  auto client = open();
  afplug::socket accepted;  // lives until both ends are connected
  const auto name = s.getsockname().to_string();
  error_code got = timed_out;
  helper_thread connector(
      [&] { got = conformance::connect(r(), client, [&](auto& ec) { client.connect(name, ec); }); });
  accepted = s.accept();
  connector.join();
  EXPECT_EQ(got, sys(0));
}

// A listener whose backlog is full, and the clients that filled it.
struct filled_listener {
  afplug::socket server;
  std::vector<afplug::socket> clients;
};
filled_listener fill_backlog(const row& r) {
  filled_listener c{listening(r, 0), {}};
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

TEST_P(backlog_full, connect_waits_until_the_timeout) {
  auto c = fill_backlog(r());
  auto client = open();
  client.timeout(0ns);
  EXPECT_EQ(client.connect_ex(c.server.getsockname()), errors().connection.connect_backlog_full);
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
    EXPECT_LT(cpu_time() - cpu, 100ms) << "it waits without spinning";
    EXPECT_EQ(waiting.timeout(), 300ms);
    if (in_kernel()) {
      EXPECT_TRUE(non_blocking(waiting.fileno())) << "as before the call";
      EXPECT_EQ(waiting.option<afplug::opt::sndtimeo>().value(), 0s);
    }
  }
}

TEST_P(backlog_full, connect_completes_when_the_backlog_has_room) {
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    auto c = fill_backlog(r());
    auto client = open();
    client.timeout(mode);
    error_code ec = timed_out;
    {
      helper_thread connector([&] { client.connect(c.server.getsockname(), ec); });
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

TEST_P(association, connect_again_and_disconnect) {
  auto s = open();
  auto first = bound(), second = bound();
  EXPECT_EQ(ERROR_OF(open().connect(first.getsockname(), _)), sys(errors().connection.connect_unbound));
  if (!traits().addressing.clients_unbound &&
      (errors().connection.connect_unbound != 0 || errors().delivery.sendto_no_receiver != 0))
    s.bind(fresh_address());
  const auto before = ERROR_OF(s.getpeername(_));
  s.connect(first.getsockname());
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(errors().addressing.getpeername_connected));
  if (errors().addressing.getpeername_connected == 0) {
    EXPECT_EQ(without_kernel_fields(s.getpeername()), first.getsockname());
  }
  s.send(message(1));
  EXPECT_EQ(receive(traits().delivery.loops_back ? s : first), message(1));
  EXPECT_EQ(s.connect_ex(second.getsockname()), errors().connection.connect_connected);
  s.send(message(2));
  EXPECT_EQ(receive(traits().delivery.loops_back                 ? s
                    : errors().connection.connect_connected == 0 ? second
                                                                 : first),
            message(2));
  // connect(2): AF_UNSPEC dissolves the association.
  const sockaddr nothing{};
  EXPECT_EQ(ERROR_OF(s.connect(address(&nothing, sizeof nothing), _)), sys(errors().connection.connect_unspec));
  EXPECT_EQ(ERROR_OF(s.getpeername(_)),
            errors().connection.connect_unspec == 0 ? before : sys(errors().addressing.getpeername_connected));
}

// ---- one to many ----

TEST_P(one_to_many, connect_reaches_listeners_and_accept_fails) {
  auto s = open();
  s.bind(fresh_address());
  const auto name = s.getsockname();
  EXPECT_EQ(s.option_number("SO_ACCEPTCONN"), 0);
  EXPECT_EQ(open().connect_ex(name), errors().connection.connect_no_listener);
  EXPECT_EQ(ERROR_OF(s.listen(0, _)), sys(errors().connection.listen_backlog_zero));
  for (int backlog : {-1, 1, 5}) {
    s.listen(backlog);
    EXPECT_EQ(s.option_number("SO_ACCEPTCONN"), 1);
    open().connect(name);
    EXPECT_EQ(ERROR_OF(s.accept(_)), sys(errors().connection.accept_not_listening));
  }
  s.listen(0);
  EXPECT_EQ(s.option_number("SO_ACCEPTCONN"), 0);
  EXPECT_EQ(open().connect_ex(name), errors().connection.connect_no_listener);
  EXPECT_EQ(ERROR_OF(connected().a.listen(1, _)), sys(errors().connection.listen_connected));
}

TEST_P(one_to_many, peers_are_distinguished_by_address) {
  auto s = open(), first = bound(), second = bound();
  s.connect(first.getsockname());
  EXPECT_EQ(s.connect_ex(first.getsockname()), errors().connection.connect_connected);
  s.connect(second.getsockname());
  EXPECT_EQ(s.connect_ex(second.getsockname()), errors().connection.connect_connected);
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(errors().addressing.getpeername_unconnected));
  EXPECT_EQ(ERROR_OF(s.send(message(), 0, _)), sys(errors().delivery.send_unconnected));
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
  EXPECT_EQ(ERROR_OF(s.connect(address(&nothing, sizeof nothing), _)), sys(errors().connection.connect_unspec));
}

TEST_P(one_to_many, connect_to_a_silent_host_waits_until_the_timeout) {
  if (!network_namespace::why_unavailable().empty())
    GTEST_SKIP() << r().family << ": " << network_namespace::why_unavailable();
  const network_namespace away;
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
      helper_thread connector([&] { stopped.connect(silent, source.get_token(), ec); });
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

TEST_P(unconnected, shutdown_reports_the_errno) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.shutdown(SHUT_WR, _)), sys(errors().shutdown.unconnected));
}

TEST_P(shutdown_calls, shutdown_takes_three_values) {
  auto l = connected();
  EXPECT_EQ(ERROR_OF(l.a.shutdown(99, _)), sys(errors().shutdown.bad_how));
  EXPECT_EQ(ERROR_OF(l.a.shutdown(-1, _)), sys(errors().shutdown.bad_how));
  EXPECT_EQ(ERROR_OF(l.a.shutdown(SHUT_RDWR, _)), sys(errors().shutdown.both));
}

TEST_P(shutdown_calls, shut_wr_ends_sending) {
  auto l = connected();
  EXPECT_EQ(ERROR_OF(l.a.shutdown(SHUT_WR, _)), sys(errors().shutdown.one_direction));
  if (errors().shutdown.so_error != 0) {
    EXPECT_TRUE(eventually([&] { return l.a.option_number("SO_ERROR") == errors().shutdown.so_error; }));
  }
  EXPECT_EQ(ERROR_OF(l.a.send(message(), 0, _)), sys(errors().shutdown.send_after_shutdown));
  EXPECT_EQ(ERROR_OF(l.a.sendall(message(), 0, _)), sys(errors().shutdown.send_after_shutdown));
  const std::string text = message();
  const afplug::const_bytes data[] = {text};
  EXPECT_EQ(ERROR_OF(l.a.sendmsg(data, {}, 0, nullptr, _)), sys(errors().shutdown.send_after_shutdown));
  if (traits().shutdown.half_close) {
    EXPECT_EQ(receive(l.b), "") << "the end of the peer's data";
  }
  if (traits().delivery.loops_back || traits().shutdown.closes_both_directions) return;
  // The other direction still works.
  l.b.send(message(1));
  EXPECT_EQ(receive(l.a), message(1));
}

TEST_P(shutdown_calls, shut_rd_ends_receiving_with_and_without_a_timeout) {
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    auto l = connected();
    l.a.timeout(mode);
    error_code ec;
    std::size_t size = 1;
    char bytes[64];
    if (errors().shutdown.one_direction != 0) {
      EXPECT_EQ(ERROR_OF(l.a.shutdown(SHUT_RD, _)), sys(errors().shutdown.one_direction));
      continue;
    }
    std::chrono::nanoseconds cpu{};
    if (traits().shutdown.does_not_wake_recv) l.a.shutdown(SHUT_RD);
    {
      helper_thread reader([&] {
        size = l.a.recv(bytes, 0, ec);
        cpu = cpu_time();
      });
      if (!traits().shutdown.does_not_wake_recv) {
        reader.until_asleep();
        l.a.shutdown(SHUT_RD);
      }
    }
    EXPECT_EQ(ec, sys(0));
    EXPECT_EQ(size, 0u);
    EXPECT_LT(cpu, 1s) << "it waits without spinning";
    EXPECT_EQ(l.a.recv(bytes), 0u) << "and so does every later receive";
    address from;
    EXPECT_EQ(l.a.recvfrom(bytes, from), 0u);
    EXPECT_EQ(l.a.recvall(bytes), 0u);
  }
}

TEST_P(shutdown_wakes_accept, accept_returns_einval) {
  auto s = listening();
  error_code ec;
  {
    helper_thread acceptor([&] { s.accept(ec); });
    acceptor.until_asleep();
    s.shutdown(SHUT_RDWR);
  }
  EXPECT_EQ(ec, sys(EINVAL));
}

TEST_P(drops_closed_connections, accept_skips_a_closed_connection) {
  auto s = listening();
  auto client = open();
  begin_connect(client, s.getsockname());
  ASSERT_TRUE(s.wait(POLLIN, patience));
  client.close();
  EXPECT_TRUE(eventually([&] { return s.wait(POLLIN, 0ns) == 0; }));
  s.timeout(0ns);
  EXPECT_EQ(ERROR_OF(s.accept(_)), sys(EAGAIN));
}

// ---- the end of the peer ----

TEST_P(listener, peer_that_closes_ends_receiving_and_sending) {
  auto l = connected();
  l.b.close();
  for (int twice = 0; twice < 2 && errors().shutdown.recv_after_close != 0;
       twice += traits().shutdown.recv_repeats_reset ? 1 : 2) {
    char byte[1];
    EXPECT_EQ(ERROR_OF(l.a.recv(byte, 0, _)), sys(errors().shutdown.recv_after_close));
  }
  for (int twice = 0; twice < 2 && errors().shutdown.recv_again_after_close != 0; ++twice) {
    char byte[1];
    if (errors().shutdown.recv_again_after_close == EAGAIN) l.a.timeout(20ms);
    EXPECT_EQ(ERROR_OF(l.a.recv(byte, 0, _)), errors().shutdown.recv_again_after_close == EAGAIN
                                                  ? timed_out
                                                  : sys(errors().shutdown.recv_again_after_close));
  }
  for (int twice = 0;
       twice < 2 && !traits().shutdown.recv_repeats_reset && errors().shutdown.recv_again_after_close == 0; ++twice)
    EXPECT_EQ(receive(l.a), "");
  error_code ec;
  const int rounds = errors().shutdown.send_after_close != 0 ? 50 : 3;
  for (int i = 0; i < rounds && !ec; ++i) {
    l.a.send(message(), 0, ec);
    if (!ec) l.a.wait(POLLERR, 20ms);  // until the peer's reset has arrived
  }
  EXPECT_EQ(ec, sys(errors().shutdown.send_after_close));
}

TEST_P(listener, peer_that_closes_with_data_unread_resets_the_connection) {
  auto l = connected();
  l.a.send(message());
  ASSERT_TRUE(l.b.wait(POLLIN, patience));
  l.b.close();
  ASSERT_TRUE(l.a.wait(POLLIN, patience));
  char bytes[64];
  EXPECT_EQ(ERROR_OF(l.a.recv(bytes, 0, _)), sys(errors().shutdown.recv_after_reset));
  const std::string text = message();
  const afplug::const_bytes data[] = {text};
  EXPECT_EQ(ERROR_OF(l.a.send(text, 0, _)), sys(errors().shutdown.send_after_reset));
  EXPECT_EQ(ERROR_OF(l.a.sendall(text, 0, _)), sys(errors().shutdown.send_after_reset));
  EXPECT_EQ(ERROR_OF(l.a.sendmsg(data, {}, 0, nullptr, _)), sys(errors().shutdown.send_after_reset));
  EXPECT_EQ(ERROR_OF(l.a.send_fds(data, {}, 0, nullptr, _)), sys(errors().shutdown.send_after_reset));
  EXPECT_EQ(ERROR_OF(l.a.send(text, 0, std::stop_token(), _)), sys(errors().shutdown.send_after_reset));
  l.a.timeout(patience);
  EXPECT_EQ(ERROR_OF(l.a.sendall(text, 0, _)), sys(errors().shutdown.send_after_reset));
}

TEST_P(peer_without_connection, close_is_reported_by_the_next_send) {
  auto l = connected();
  l.b.close();
  error_code ec;
  const int rounds = errors().shutdown.send_after_close != 0 ? 100 : 3;
  for (int i = 0; i < rounds && !ec; ++i) {
    l.a.send(message(), 0, ec);
    if (!ec) l.a.wait(POLLERR, 100ms);
  }
  EXPECT_EQ(ec, sys(errors().shutdown.send_after_close));
}

}  // namespace
}  // namespace conformance
