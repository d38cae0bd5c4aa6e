// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Data arrives whole and in order: send(2), recv(2) and the calls beside them.
#include <poll.h>

#include <algorithm>
#include <array>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE_ALL(data_unconnected, true);
CONFORMANCE(data, true);
CONFORMANCE(byte_stream, t.delivery.stream);
CONFORMANCE(send_limited_to_mtu, t.delivery.stream&& t.delivery.send_limited_to_mtu);
CONFORMANCE(byte_stream_addresses, t.delivery.stream && !t.addressing.recvfrom_names_peer);
CONFORMANCE(messages, !t.delivery.stream);
CONFORMANCE(msg_peek, t.delivery.msg_peek);
CONFORMANCE(msg_peek_unsupported, !t.delivery.msg_peek);
CONFORMANCE(connectionless, t.connection.connectionless);
CONFORMANCE(connectionless_connected, t.connection.connectionless && !t.connection.receives_from_any_peer);
CONFORMANCE(recvfrom_connected, !t.connection.connectionless && !t.connection.no_connect && !t.delivery.loops_back &&
                                    !t.addressing.recvfrom_names_peer);
CONFORMANCE(sendto_full_receiver, t.connection.connectionless&& t.delivery.flow_control);

std::vector<afplug::const_bytes> pieces(const std::string& whole, std::size_t count) {
  std::vector<afplug::const_bytes> v;
  for (std::size_t i = 0; i < count; ++i) {
    const auto from = whole.size() * i / count, to = whole.size() * (i + 1) / count;
    v.emplace_back(whole.data() + from, to - from);
  }
  return v;
}

TEST_P(data, arrives_in_both_directions) {
  auto l = connected();
  l.a.send(message(1));
  l.b.send(message(2));
  EXPECT_EQ(receive(l.b), message(1));
  EXPECT_EQ(receive(l.a), message(2));
  l.a.sendall(message(3));
  EXPECT_EQ(receive(l.b), message(3));
}

TEST_P(data_unconnected, send_reports_the_errno) {
  auto s = open();
  s.timeout(0ns);
  EXPECT_EQ(ERROR_OF(s.send(message(), 0, _)), sys(errors().delivery.send_unconnected));
  EXPECT_EQ(ERROR_OF(open().sendto(message(), unused_address(), 0, _)), sys(errors().delivery.sendto_no_receiver));
}

TEST_P(data, is_sent_to_an_address_on_a_connected_socket) {
  auto l = connected();
  const auto to = destination_address(l.b);
  ASSERT_EQ(ERROR_OF(l.a.sendto(message(4), to, 0, _)), sys(errors().delivery.sendto_when_connected));
  if (errors().delivery.sendto_when_connected == 0) {
    EXPECT_EQ(receive(l.b), message(4));
  }
}

TEST_P(data, is_gathered_and_scattered) {
  auto l = connected();
  const std::string text = message(5);
  EXPECT_EQ(l.a.sendmsg(pieces(text, 3)), text.size());
  std::string first(received_size(2), '\0'), second(3, '\0'), third(1000, '\0');
  const afplug::mutable_bytes into[] = {first, {}, second, third};
  afplug::control_buffer control;
  address from = fresh_address();
  const auto got = l.b.recvmsg(into, control, 0, &from);
  EXPECT_EQ(got.size, received_size(text.size()));
  EXPECT_EQ(got.flags & (MSG_TRUNC | MSG_CTRUNC), traits().ancillary.on_every_message ? MSG_CTRUNC : 0);
  const std::string whole = first + second + third;
  EXPECT_EQ(as_sent(whole.data(), got.size), text);
  if (traits().connection.connectionless || traits().addressing.recvfrom_names_peer) {
    EXPECT_EQ(from, sender_address(l.a));
  } else if (!traits().connection.no_connect && !traits().delivery.loops_back) {
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
  std::string buffer(1000, '\0');
  std::vector<afplug::mutable_bytes> into(1025);
  into.front() = buffer;
  afplug::control_buffer control;
  EXPECT_EQ(ERROR_OF(l.b.recvmsg(into, control, 0, nullptr, _)), sys(EMSGSIZE));
  into.resize(1024);
  EXPECT_EQ(l.b.recvmsg(into, control).size, received_size(text.size()));
}

TEST_P(msg_peek, leaves_the_data) {
  auto l = connected();
  l.a.send(message(1));
  EXPECT_EQ(receive(l.b, MSG_PEEK), message(1));
  EXPECT_EQ(receive(l.b, MSG_PEEK, 4), message(1).substr(0, 4));
  address from;
  std::string buffer(100, '\0');
  EXPECT_EQ(l.b.recvfrom(buffer, from, MSG_PEEK), received_size(message(1).size()));
  EXPECT_EQ(receive(l.b), message(1));
  EXPECT_EQ(ERROR_OF(l.b.recv(buffer, MSG_PEEK | MSG_DONTWAIT, _)), sys(EAGAIN));
}

TEST_P(msg_peek_unsupported, is_refused) {
  auto l = connected();
  l.a.send(message(1));
  std::string buffer(100, '\0');
  ASSERT_TRUE(l.b.wait(POLLIN, patience));
  EXPECT_EQ(::recv(l.b.fileno(), buffer.data(), buffer.size(), MSG_PEEK), -1);
  EXPECT_EQ(errno, errors().delivery.recv_msg_peek);
  EXPECT_EQ(ERROR_OF(l.b.recv(buffer, MSG_PEEK, _)), sys(errors().delivery.recv_msg_peek));
  EXPECT_EQ(receive(l.b), message(1));
}

TEST_P(data, may_be_empty) {
  auto l = connected();
  ASSERT_EQ(ERROR_OF(l.a.send({}, 0, _)), sys(errors().delivery.send_empty));
  if (!traits().delivery.stream && !traits().delivery.zero_length_does_nothing &&
      !traits().delivery.drops_empty_messages && errors().delivery.send_empty == 0) {
    EXPECT_EQ(receive(l.b), "") << "an empty message arrives";
  }
  // Receiving no bytes takes nothing from a stream; else it takes a whole message.
  l.a.send(message(1));
  l.a.send(message(2));
  ASSERT_TRUE(l.b.wait(POLLIN, patience));
  EXPECT_EQ(ERROR_OF(l.b.recv({}, 0, _)), sys(errors().delivery.recv_empty));
  const bool left = traits().delivery.stream || traits().delivery.zero_length_does_nothing ||
                    traits().delivery.keeps_rest_of_message || errors().delivery.recv_empty != 0;
  EXPECT_EQ(receive(l.b, 0, message().size()), message(left ? 1 : 2));
}

TEST_P(data, msg_oob_is_sent_or_refused) {
  auto l = connected();
  EXPECT_EQ(ERROR_OF(l.a.send(message(), MSG_OOB, _)), sys(errors().delivery.send_msg_oob));
}

TEST_P(data, has_no_ancillary_data_unasked) {
  auto l = connected();
  l.a.send(message(1));
  afplug::control_buffer control(256);
  std::string buffer(1000, '\0');
  const afplug::mutable_bytes into[] = {buffer};
  EXPECT_EQ(l.b.recvmsg(into, control).size, received_size(message(1).size()));
  EXPECT_EQ(control.begin() == control.end(), !traits().ancillary.on_every_message);
  EXPECT_FALSE(control.truncated());
  EXPECT_FALSE(control.malformed());
}

TEST_P(data, arrives_unchanged_in_bulk) {
  const std::size_t total = r().parameters.bulk_size;
  auto l = connected();
  if (traits().delivery.stream) {
    const std::string there = pattern(total, 1), back = pattern(total, 2);
    std::string got_there(total, '\0'), got_back(total, '\0');
    error_code e1, e2, e3;
    const auto sendall = [&](afplug::socket& s, std::string_view rest, error_code& ec) {
      const auto most = traits().delivery.send_limited_to_mtu ? r().parameters.large_message
                        : r().parameters.largest_send         ? r().parameters.largest_send
                                                              : total;
      while (!rest.empty() && !ec) {
        s.sendall(rest.substr(0, most), 0, ec);
        rest.remove_prefix(std::min(most, rest.size()));
      }
    };
    {
      helper_thread w1([&] { sendall(l.a, there, e1); });
      helper_thread w2([&] { sendall(l.b, back, e2); });
      helper_thread r1([&] { l.b.recvall(got_there, 0, e3); });
      l.a.recvall(got_back);
    }
    EXPECT_EQ(e1, sys(0));
    EXPECT_EQ(e2, sys(0));
    EXPECT_EQ(e3, sys(0));
    EXPECT_TRUE(there == got_there);
    EXPECT_TRUE(back == got_back);
    return;
  }
  // One at a time, because not every row has flow control.
  std::size_t sum = 0;
  for (unsigned i = 0; sum < total && i < 2000; ++i) {
    std::string sent = r().parameters.make_message ? message(i) : pattern(r().parameters.large_message - i % 7, i);
    sum += sent.size();
    for (const auto& [from, to] : {std::pair(&l.a, &l.b), std::pair(&l.b, &l.a)}) {
      ASSERT_EQ(from->send(sent), sent.size());
      ASSERT_TRUE(receive(*to) == sent) << i;
    }
  }
}

TEST_P(data, is_read_and_written_by_two_threads) {
  auto l = connected();
  if (traits().delivery.blocking_call_holds_lock) {
    l.a.timeout(patience);
    l.b.timeout(patience);
  }
  constexpr unsigned rounds = 500;
  error_code e1, e2;
  unsigned echoed = 0;
  {
    helper_thread writer([&] {
      // One message in transit, because not every row has flow control.
      for (unsigned i = 0; i < rounds && !e1; ++i) {
        l.a.sendall(message(i), 0, e1);
        eventually([&] { return std::atomic_ref(echoed) > i; });
      }
    });
    helper_thread echo([&] {
      std::string got(1 << 16, '\0');
      for (unsigned i = 0; i < rounds && !e2 && !traits().delivery.loops_back; ++i) {
        const auto n = l.b.recv(got, 0, e2);
        if (!e2) l.b.sendall(as_sent(got.data(), n), 0, e2);
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

TEST_P(byte_stream, has_no_message_boundaries) {
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

TEST_P(byte_stream, msg_waitall_waits_for_all) {
  auto l = connected();
  std::string got;
  error_code ec;
  {
    helper_thread reader([&] {
      got.resize(6);
      got.resize(l.b.recv(got, MSG_WAITALL, ec));
    });
    l.a.sendall("abc"sv);
    reader.until_asleep();
    l.a.sendall("def"sv);
  }
  EXPECT_EQ(got, "abcdef");
}

TEST_P(byte_stream_addresses, recvfrom_returns_no_address) {
  auto l = connected();
  l.a.sendall("abc"sv);
  char into[6];
  address from = fresh_address();
  EXPECT_EQ(l.b.recvfrom(into, from), 3u);
  EXPECT_TRUE(from.empty()) << from;
}

TEST_P(send_limited_to_mtu, one_send_is_at_most_a_message) {
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

TEST_P(messages, keep_their_boundaries) {
  auto l = connected();
  for (unsigned i = 0; i < 5; ++i) l.a.send(message(i));
  for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(receive(l.b), message(i));
}

TEST_P(messages, are_truncated_to_the_buffer) {
  auto l = connected();
  const std::string text = message(1);
  if (traits().delivery.keeps_rest_of_message) {
    l.a.send(text);
    EXPECT_EQ(receive(l.b, 0, 3), text.substr(0, 3));
    EXPECT_EQ(receive(l.b), text.substr(3));
    return;
  }
  for (int flag : {0, static_cast<int>(MSG_TRUNC)}) {
    l.a.send(text);
    std::string few(received_size(3), '\0');
    if (flag && errors().delivery.recv_msg_trunc != 0) {
      EXPECT_EQ(ERROR_OF(l.b.recv(few, flag, _)), sys(errors().delivery.recv_msg_trunc));
      receive(l.b);
      continue;
    }
    EXPECT_EQ(l.b.recv(few, flag),
              received_size(flag && !traits().delivery.msg_trunc_returns_copied_size ? text.size() : 3));
    EXPECT_EQ(as_sent(few.data(), few.size()), text.substr(0, 3));
  }
  l.a.send(text);
  char few[3];
  const afplug::mutable_bytes into[] = {few};
  afplug::control_buffer control;
  auto got = l.b.recvmsg(into, control);
  EXPECT_EQ(got.size, 3u);
  EXPECT_EQ(got.flags & MSG_TRUNC, traits().delivery.no_msg_trunc ? 0 : MSG_TRUNC);
  l.a.send(text);
  const auto fds = l.b.recv_fds(few, 1);
  EXPECT_EQ(fds.size, 3u);
  EXPECT_EQ(fds.flags & MSG_TRUNC, traits().delivery.no_msg_trunc ? 0 : MSG_TRUNC);
  // The rest of the message is discarded.
  l.a.send(message(2));
  EXPECT_EQ(receive(l.b), message(2));
}

TEST_P(messages, that_are_too_large_are_refused) {
  auto l = connected();
  const std::string large(r().parameters.too_large_message, 'x');
  EXPECT_EQ(ERROR_OF(l.a.send(large, 0, _)), sys(errors().delivery.send_too_large));
  EXPECT_EQ(ERROR_OF(l.a.sendall(large, 0, _)), sys(errors().delivery.send_too_large));
  l.a.timeout(1s);
  EXPECT_EQ(ERROR_OF(l.a.send(large, 0, _)), sys(errors().delivery.send_too_large));
  EXPECT_EQ(l.a.send(message(1)), message(1).size());
  EXPECT_EQ(receive(l.b), message(1));
}

TEST_P(connectionless, recvfrom_returns_the_sender) {
  auto server = bound(), one = bound(), two = bound();
  const auto name = server.getsockname();
  EXPECT_EQ(one.sendto(message(1), name), message(1).size());
  two.sendto(message(2), name);
  for (auto [client, i] : {std::pair(&one, 1u), std::pair(&two, 2u)}) {
    std::string got(1000, '\0');
    address from;
    EXPECT_EQ(as_sent(got.data(), server.recvfrom(got, from)), message(i));
    EXPECT_EQ(from, sender_address(*client));
    EXPECT_EQ(from.protocol(), server.what());
    server.sendto(message(i + 10), from);
    EXPECT_EQ(as_sent(got.data(), client->recvfrom(got, from)), message(i + 10));
    EXPECT_EQ(from, sender_address(server));
  }
}

TEST_P(connectionless, recvmsg_returns_the_sender) {
  auto server = bound(), client = bound();
  const auto name = server.getsockname();
  const std::string text = message(1);
  EXPECT_EQ(client.sendmsg(pieces(text, 2), {}, 0, &name), text.size());
  address from;
  std::string buffer(1000, '\0');
  const afplug::mutable_bytes into[] = {buffer};
  afplug::control_buffer control;
  EXPECT_EQ(server.recvmsg(into, control, 0, &from).size, received_size(text.size()));
  EXPECT_EQ(from, sender_address(client));
}

TEST_P(connectionless_connected, receives_from_the_peer_only) {
  auto l = connected();
  auto third = bound();
  EXPECT_EQ(ERROR_OF(third.sendto(message(9), destination_address(l.a), 0, _)),
            sys(errors().delivery.sendto_connected_receiver));
  l.b.send(message(1));
  EXPECT_EQ(receive(l.a), message(1));
}

TEST_P(sendto_full_receiver, is_waited_for_without_spinning) {
  // The sender is not connected, so poll(2) cannot report whether the receiver has buffer.
  auto to = bound(), from = bound();
  const auto name = to.getsockname();
  from.timeout(0ns);
  error_code ec;
  while (!ec) from.sendto(message(0), name, 0, ec);
  ASSERT_EQ(ec, sys(EAGAIN));
  from.timeout(300ms);
  auto cpu = cpu_time();
  const auto late = until_refused([&](error_code& e) {
    cpu = cpu_time();
    from.sendto(message(0), name, 0, e);
  });
  EXPECT_EQ(late.ec, timed_out);
  EXPECT_GE(late.took, 300ms);
  EXPECT_LT(cpu_time() - cpu, 100ms);
  for (const auto& limit : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    from.timeout(limit);
    helper_thread sender([&] { from.sendto(message(0), name, 0, ec); });
    sender.until_asleep();
    std::string got(1 << 16, '\0');
    for (error_code none; !none;) to.recv(got, MSG_DONTWAIT, none);
    sender.join();
    EXPECT_EQ(ec, sys(0));
    from.timeout(0ns);
    while (!ec) from.sendto(message(0), name, 0, ec);
  }
}

TEST_P(recvfrom_connected, returns_no_address) {
  auto l = connected();
  l.a.send(message(1));
  address from = fresh_address();
  std::string buffer(1000, '\0');
  EXPECT_EQ(l.b.recvfrom(buffer, from), message(1).size());
  EXPECT_TRUE(from.empty()) << from;
}

}  // namespace
}  // namespace conformance
