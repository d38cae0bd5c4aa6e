// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What is sent arrives, whole and in order: PARITY §4.4.
#include <poll.h>

#include <algorithm>
#include <array>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE_OF_ALL(any_data, 0, 0);
CONFORMANCE(data, 0, 0);
CONFORMANCE(bytes, stream, 0);
CONFORMANCE(few_bytes, stream | small_sends, 0);
CONFORMANCE(nameless_bytes, stream, names_peer);
CONFORMANCE(messages, 0, stream);
CONFORMANCE(peeking, peeks, 0);
CONFORMANCE(no_peeking, 0, peeks);
CONFORMANCE(to_anyone, connectionless, 0);
CONFORMANCE(to_anyone_but, connectionless, hears_all);
CONFORMANCE(to_its_peer, 0, connectionless | bus | echoes | names_peer);
CONFORMANCE(slow_receiver, connectionless | flow, 0);

std::vector<afplug::const_bytes> pieces(const std::string& whole, std::size_t count) {
  std::vector<afplug::const_bytes> v;
  for (std::size_t i = 0; i < count; ++i) {
    const auto from = whole.size() * i / count, to = whole.size() * (i + 1) / count;
    v.emplace_back(whole.data() + from, to - from);
  }
  return v;
}

TEST_P(data, goes_both_ways) {
  auto l = connected();
  l.a.send(message(1));
  l.b.send(message(2));
  EXPECT_EQ(receive(l.b), message(1));
  EXPECT_EQ(receive(l.a), message(2));
  l.a.sendall(message(3));
  EXPECT_EQ(receive(l.b), message(3));
}

TEST_P(any_data, without_a_connection) {
  auto s = open();
  s.timeout(0ns);
  EXPECT_EQ(ERROR_OF(s.send(message(), 0, _)), sys(error().send_unconnected));
  EXPECT_EQ(ERROR_OF(open().sendto(message(), nobody(), 0, _)), sys(error().sendto_unconnected));
}

TEST_P(data, with_an_address_on_a_connected_socket) {
  auto l = connected();
  const auto to = name_to_reach(l.b);
  ASSERT_EQ(ERROR_OF(l.a.sendto(message(4), to, 0, _)), sys(error().sendto_connected));
  if (error().sendto_connected == 0) {
    EXPECT_EQ(receive(l.b), message(4));
  }
}

TEST_P(data, is_gathered_and_scattered) {
  auto l = connected();
  const std::string text = message(5);
  EXPECT_EQ(l.a.sendmsg(pieces(text, 3)), text.size());
  std::string first(arriving(2), '\0'), second(3, '\0'), third(1000, '\0');
  const afplug::mutable_bytes into[] = {first, {}, second, third};
  afplug::control_buffer control;
  address from = fresh();
  const auto got = l.b.recvmsg(into, control, 0, &from);
  EXPECT_EQ(got.size, arriving(text.size()));
  EXPECT_EQ(got.flags & (MSG_TRUNC | MSG_CTRUNC), can(annotates) ? MSG_CTRUNC : 0);
  const std::string whole = first + second + third;
  EXPECT_EQ(sent(whole.data(), got.size), text);
  if (can(connectionless) || can(names_peer)) {
    EXPECT_EQ(from, name_as_sender(l.a));
  } else if (!can(bus) && !can(echoes)) {
    EXPECT_TRUE(from.empty()) << from;
  }
}

TEST_P(data, is_gathered_from_1024_buffers_at_most) {
  auto l = connected();
  const std::string text = message(6);
  auto most = pieces(text, 1);
  most.resize(1024);
  EXPECT_EQ(l.a.sendmsg(most), text.size());
  most.resize(1025);
  EXPECT_EQ(ERROR_OF(l.a.sendmsg(most, {}, 0, nullptr, _)), sys(EMSGSIZE));
  std::string room(1000, '\0');
  std::vector<afplug::mutable_bytes> into(1025);
  into.front() = room;
  afplug::control_buffer control;
  EXPECT_EQ(ERROR_OF(l.b.recvmsg(into, control, 0, nullptr, _)), sys(EMSGSIZE));
  into.resize(1024);
  EXPECT_EQ(l.b.recvmsg(into, control).size, arriving(text.size()));
}

TEST_P(peeking, leaves_the_data) {
  auto l = connected();
  l.a.send(message(1));
  EXPECT_EQ(receive(l.b, MSG_PEEK), message(1));
  EXPECT_EQ(receive(l.b, MSG_PEEK, 4), message(1).substr(0, 4));
  address from;
  std::string room(100, '\0');
  EXPECT_EQ(l.b.recvfrom(room, from, MSG_PEEK), arriving(message(1).size()));
  EXPECT_EQ(receive(l.b), message(1));
  EXPECT_EQ(ERROR_OF(l.b.recv(room, MSG_PEEK | MSG_DONTWAIT, _)), sys(EAGAIN));
}

TEST_P(no_peeking, is_refused) {
  auto l = connected();
  l.a.send(message(1));
  std::string room(100, '\0');
  EXPECT_NE(error().recv_peek, 0);
  EXPECT_EQ(ERROR_OF(l.b.recv(room, MSG_PEEK, _)), sys(error().recv_peek));
  EXPECT_EQ(receive(l.b), message(1));
}

TEST_P(data, of_no_bytes) {
  auto l = connected();
  ASSERT_EQ(ERROR_OF(l.a.send({}, 0, _)), sys(error().send_empty));
  if (!can(stream) && !can(ignores_nothing) && !can(drops_nothing) && error().send_empty == 0) {
    EXPECT_EQ(receive(l.b), "") << "an empty message is a message";
  }
  // Room for no bytes takes none from a stream, and a whole message from the rest.
  l.a.send(message(1));
  l.a.send(message(2));
  ASSERT_TRUE(l.b.wait(POLLIN, patience));
  EXPECT_EQ(ERROR_OF(l.b.recv({}, 0, _)), sys(error().recv_empty));
  const bool left = can(stream) || can(ignores_nothing) || can(keeps_rest) || error().recv_empty != 0;
  EXPECT_EQ(receive(l.b, 0, message().size()), message(left ? 1 : 2));
}

TEST_P(data, flags_that_are_not_there) {
  auto l = connected();
  EXPECT_EQ(ERROR_OF(l.a.send(message(), MSG_OOB, _)), sys(error().send_oob));
}

TEST_P(data, may_carry_nothing_else_on_the_side) {
  auto l = connected();
  l.a.send(message(1));
  afplug::control_buffer control(256);
  std::string room(1000, '\0');
  const afplug::mutable_bytes into[] = {room};
  EXPECT_EQ(l.b.recvmsg(into, control).size, arriving(message(1).size()));
  EXPECT_EQ(control.begin() == control.end(), !can(annotates));
  EXPECT_FALSE(control.truncated());
  EXPECT_FALSE(control.malformed());
}

TEST_P(data, of_a_megabyte_and_more_is_the_same_on_the_other_side) {
  const std::size_t total = r().own.bulk;
  auto l = connected();
  if (can(stream)) {
    const std::string there = pattern(total, 1), back = pattern(total, 2);
    std::string got_there(total, '\0'), got_back(total, '\0');
    error_code e1, e2, e3;
    const auto sendall = [&](afplug::socket& s, std::string_view rest, error_code& ec) {
      const auto most = can(small_sends) ? r().own.message_size : r().own.one_send ? r().own.one_send : total;
      while (!rest.empty() && !ec) {
        s.sendall(rest.substr(0, most), 0, ec);
        rest.remove_prefix(std::min(most, rest.size()));
      }
    };
    {
      helper w1([&] { sendall(l.a, there, e1); });
      helper w2([&] { sendall(l.b, back, e2); });
      helper r1([&] { l.b.recvall(got_there, 0, e3); });
      l.a.recvall(got_back);
    }
    EXPECT_EQ(e1, sys(0));
    EXPECT_EQ(e2, sys(0));
    EXPECT_EQ(e3, sys(0));
    EXPECT_TRUE(there == got_there);
    EXPECT_TRUE(back == got_back);
    return;
  }
  // One at a time: not every kind holds back a fast sender.
  std::size_t sum = 0;
  for (unsigned i = 0; sum < total && i < 2000; ++i) {
    std::string sent = r().own.message ? message(i) : pattern(r().own.message_size - i % 7, i);
    sum += sent.size();
    for (const auto& [from, to] : {std::pair(&l.a, &l.b), std::pair(&l.b, &l.a)}) {
      ASSERT_EQ(from->send(sent), sent.size());
      ASSERT_TRUE(receive(*to) == sent) << i;
    }
  }
}

TEST_P(data, has_one_reader_and_one_writer_in_two_threads) {
  auto l = connected();
  if (can(waits_alone)) {
    l.a.timeout(patience);
    l.b.timeout(patience);
  }
  constexpr unsigned rounds = 500;
  error_code e1, e2;
  unsigned echoed = 0;
  {
    helper writer([&] {
      // A window of one, so that nothing is lost where nothing holds a sender back.
      for (unsigned i = 0; i < rounds && !e1; ++i) {
        l.a.sendall(message(i), 0, e1);
        eventually([&] { return std::atomic_ref(echoed) > i; });
      }
    });
    helper echo([&] {
      std::string got(1 << 16, '\0');
      for (unsigned i = 0; i < rounds && !e2 && !can(echoes); ++i) {
        const auto n = l.b.recv(got, 0, e2);
        if (!e2) l.b.sendall(sent(got.data(), n), 0, e2);
      }
    });
    for (unsigned i = 0; i < rounds; ++i) {
      EXPECT_EQ(receive(l.a), message(i));
      ++std::atomic_ref(echoed);
    }
  }
  EXPECT_EQ(e1, sys(0));
  EXPECT_EQ(e2, sys(0));
}

// ---- streams ----

TEST_P(bytes, have_no_boundaries) {
  auto l = connected();
  l.a.sendall("abc"sv);
  l.a.sendall("def"sv);
  char into[6];
  EXPECT_EQ(l.b.recvall(into), 6u);
  EXPECT_EQ(std::string(into, 6), "abcdef");
  l.a.sendall("abcdef"sv);
  EXPECT_EQ(receive(l.b, 0, 2), "ab");
  EXPECT_EQ(receive(l.b, 0, 3), "cde");
  EXPECT_EQ(receive(l.b), "f");
}

TEST_P(bytes, waitall_waits_for_all) {
  auto l = connected();
  std::string got;
  error_code ec;
  {
    helper reader([&] {
      got.resize(6);
      got.resize(l.b.recv(got, MSG_WAITALL, ec));
    });
    l.a.sendall("abc"sv);
    reader.until_asleep();
    l.a.sendall("def"sv);
  }
  EXPECT_EQ(got, "abcdef");
}

TEST_P(nameless_bytes, tell_no_address) {
  auto l = connected();
  l.a.sendall("abc"sv);
  char into[6];
  address from = fresh();
  EXPECT_EQ(l.b.recvfrom(into, from), 3u);
  EXPECT_TRUE(from.empty()) << from;
}

TEST_P(few_bytes, are_sent_by_one_call) {
  auto l = connected();
  const std::string large(1 << 16, 'x');
  EXPECT_EQ(ERROR_OF(l.a.send(large, 0, _)), sys(EMSGSIZE));
  std::size_t sent = 1;
  EXPECT_EQ(ERROR_OF(l.a.sendall(large, 0, _, &sent)), sys(EMSGSIZE));
  EXPECT_EQ(sent, 0u);
  l.a.send(message(1));
  EXPECT_EQ(receive(l.b), message(1));
}

// ---- messages ----

TEST_P(messages, have_boundaries) {
  auto l = connected();
  for (unsigned i = 0; i < 5; ++i) l.a.send(message(i));
  for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(receive(l.b), message(i));
}

TEST_P(messages, are_cut_where_there_is_no_room_and_say_so) {
  auto l = connected();
  const std::string text = message(1);
  if (can(keeps_rest)) {
    l.a.send(text);
    EXPECT_EQ(receive(l.b, 0, 3), text.substr(0, 3));
    EXPECT_EQ(receive(l.b), text.substr(3));
    return;
  }
  for (int flag : {0, static_cast<int>(MSG_TRUNC)}) {
    l.a.send(text);
    std::string few(arriving(3), '\0');
    if (flag && error().recv_trunc != 0) {
      EXPECT_EQ(ERROR_OF(l.b.recv(few, flag, _)), sys(error().recv_trunc));
      receive(l.b);
      continue;
    }
    EXPECT_EQ(l.b.recv(few, flag), arriving(flag && !can(short_counts) ? text.size() : 3));
    EXPECT_EQ(sent(few.data(), few.size()), text.substr(0, 3));
  }
  l.a.send(text);
  char few[3];
  const afplug::mutable_bytes into[] = {few};
  afplug::control_buffer control;
  auto got = l.b.recvmsg(into, control);
  EXPECT_EQ(got.size, 3u);
  EXPECT_EQ(got.flags & MSG_TRUNC, can(cuts_untold) ? 0 : MSG_TRUNC);
  l.a.send(text);
  const auto fds = l.b.recv_fds(few, 1);
  EXPECT_EQ(fds.size, 3u);
  EXPECT_EQ(fds.flags & MSG_TRUNC, can(cuts_untold) ? 0 : MSG_TRUNC);
  // The rest is gone.
  l.a.send(message(2));
  EXPECT_EQ(receive(l.b), message(2));
}

TEST_P(messages, that_are_too_large_are_refused) {
  auto l = connected();
  const std::string large(r().own.too_large, 'x');
  EXPECT_EQ(ERROR_OF(l.a.send(large, 0, _)), sys(error().send_big));
  EXPECT_EQ(ERROR_OF(l.a.sendall(large, 0, _)), sys(error().send_big));
  l.a.timeout(1s);
  EXPECT_EQ(ERROR_OF(l.a.send(large, 0, _)), sys(error().send_big));
  EXPECT_EQ(l.a.send(message(1)), message(1).size());
  EXPECT_EQ(receive(l.b), message(1));
}

TEST_P(to_anyone, tells_from_whom) {
  auto server = bound(), one = bound(), two = bound();
  const auto name = server.getsockname();
  EXPECT_EQ(one.sendto(message(1), name), message(1).size());
  two.sendto(message(2), name);
  for (auto [client, i] : {std::pair(&one, 1u), std::pair(&two, 2u)}) {
    std::string got(1000, '\0');
    address from;
    EXPECT_EQ(sent(got.data(), server.recvfrom(got, from)), message(i));
    EXPECT_EQ(from, name_as_sender(*client));
    EXPECT_EQ(from.protocol(), server.what());
    server.sendto(message(i + 10), from);
    EXPECT_EQ(sent(got.data(), client->recvfrom(got, from)), message(i + 10));
    EXPECT_EQ(from, name_as_sender(server));
  }
}

TEST_P(to_anyone, by_sendmsg_too) {
  auto server = bound(), client = bound();
  const auto name = server.getsockname();
  const std::string text = message(1);
  EXPECT_EQ(client.sendmsg(pieces(text, 2), {}, 0, &name), text.size());
  address from;
  std::string room(1000, '\0');
  const afplug::mutable_bytes into[] = {room};
  afplug::control_buffer control;
  EXPECT_EQ(server.recvmsg(into, control, 0, &from).size, arriving(text.size()));
  EXPECT_EQ(from, name_as_sender(client));
}

TEST_P(to_anyone_but, connected_hears_its_peer_alone) {
  auto l = connected();
  auto stranger = bound();
  EXPECT_EQ(ERROR_OF(stranger.sendto(message(9), name_to_reach(l.a), 0, _)), sys(error().sendto_taken));
  l.b.send(message(1));
  EXPECT_EQ(receive(l.a), message(1));
}

TEST_P(slow_receiver, of_messages_by_address_is_waited_for_without_spinning) {
  // Not connected: poll knows nothing of the receiver.
  auto to = bound(), from = bound();
  const auto name = to.getsockname();
  from.timeout(0ns);
  error_code ec;
  while (!ec) from.sendto(message(0), name, 0, ec);
  ASSERT_EQ(ec, sys(EAGAIN));
  from.timeout(300ms);
  auto cpu = cpu_time();
  const auto late = refused([&](error_code& e) {
    cpu = cpu_time();
    from.sendto(message(0), name, 0, e);
  });
  EXPECT_EQ(late.ec, timed_out);
  EXPECT_GE(late.took, 300ms);
  EXPECT_LT(cpu_time() - cpu, 100ms);
  for (const auto& limit : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    from.timeout(limit);
    helper sender([&] { from.sendto(message(0), name, 0, ec); });
    sender.until_asleep();
    std::string got(1 << 16, '\0');
    for (error_code none; !none;) to.recv(got, MSG_DONTWAIT, none);
    sender.join();
    EXPECT_EQ(ec, sys(0));
    from.timeout(0ns);
    while (!ec) from.sendto(message(0), name, 0, ec);
  }
}

TEST_P(to_its_peer, has_no_address_to_receive_from) {
  auto l = connected();
  l.a.send(message(1));
  address from = fresh();
  std::string room(1000, '\0');
  EXPECT_EQ(l.b.recvfrom(room, from), message(1).size());
  EXPECT_TRUE(from.empty()) << from;
}

}  // namespace
}  // namespace conformance
