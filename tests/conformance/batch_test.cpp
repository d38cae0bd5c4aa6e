// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Many messages in one call: send_many and recv_many.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <stop_token>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE(batch, true);
CONFORMANCE(batch_of_messages, !t.delivery.stream);
CONFORMANCE(batch_connectionless, t.connection.connectionless);
CONFORMANCE(batch_to_full_receiver, t.delivery.flow_control && !t.delivery.stream);
CONFORMANCE(batch_on_stream, t.delivery.stream&& t.shutdown.half_close);
CONFORMANCE(batch_with_scm_rights, t.ancillary.scm_rights && !t.delivery.stream);
CONFORMANCE(batch_with_timestamps, t.ancillary.so_timestamp);

// Messages to send, and their memory.
class outgoing_batch {
 public:
  outgoing_batch(const row& r, unsigned count, unsigned first = 0) {
    for (unsigned i = 0; i < count; ++i) {
      texts_.push_back(message(r, first + i));
      all_.emplace_back().data = texts_.back();
    }
  }
  const std::string& text(std::size_t i) const { return texts_[i]; }
  afplug::outgoing& operator[](std::size_t i) { return all_[i]; }
  std::span<afplug::outgoing> all() { return all_; }

 private:
  std::deque<std::string> texts_;
  std::vector<afplug::outgoing> all_;
};

// Buffers for messages to receive.
class incoming_batch {
 public:
  explicit incoming_batch(const row& r, std::size_t count, std::size_t each = 1000)
      : row_(r), buffers_(count, std::string(each, '\0')), all_(count) {
    for (std::size_t i = 0; i < count; ++i) all_[i].into = buffers_[i];
  }
  std::string text(std::size_t i) const { return as_sent(row_, buffers_[i].substr(0, all_[i].size)); }
  afplug::incoming& operator[](std::size_t i) { return all_[i]; }
  std::span<afplug::incoming> all() { return all_; }

 private:
  const row& row_;
  std::vector<std::string> buffers_;
  std::vector<afplug::incoming> all_;
};

// Receives `count` messages, in as many calls as it takes.
void fill(incoming_batch& box, afplug::socket& s, std::size_t count) {
  s.timeout(patience);
  for (std::size_t done = 0; done < count;) {
    const auto n = s.recv_many(box.all().subspan(done, count - done));
    ASSERT_GT(n, 0u);
    done += n;
  }
}

TEST_P(batch_of_messages, arrives_in_order_in_both_directions) {
  auto l = connected();
  for (auto [from, to] : {std::pair(&l.a, &l.b), std::pair(&l.b, &l.a)}) {
    outgoing_batch sent(r(), 5);
    ASSERT_EQ(from->send_many(sent.all()), 5u);
    incoming_batch got(r(), 5);
    fill(got, *to, 5);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(sent[i].size, sent.text(i).size());
      EXPECT_EQ(got.text(i), sent.text(i));
      EXPECT_EQ(got[i].flags & (MSG_TRUNC | MSG_CTRUNC), traits().ancillary.on_every_message ? MSG_CTRUNC : 0);
    }
  }
}

TEST_P(batch_of_messages, is_gathered_and_scattered) {
  auto l = connected();
  outgoing_batch mail(r(), 2);
  const auto& text = mail.text(1);
  const afplug::const_bytes pieces[] = {{text.data(), 3}, {text.data() + 3, text.size() - 3}};
  mail[1].data = pieces;
  ASSERT_EQ(l.a.send_many(mail.all()), 2u);
  EXPECT_EQ(mail[1].size, text.size());
  incoming_batch got(r(), 2);
  std::string head(received_size(5), '\0'), tail(1000, '\0');
  const afplug::mutable_bytes buffers[] = {head, tail};
  got[1].into = buffers;
  fill(got, l.b, 2);
  EXPECT_EQ(got.text(0), mail.text(0));
  const std::string whole = head + tail;
  EXPECT_EQ(as_sent(whole.data(), got[1].size), text);
}

TEST_P(batch_of_messages, is_truncated_message_by_message) {
  auto l = connected();
  outgoing_batch mail(r(), 3);
  ASSERT_EQ(l.a.send_many(mail.all()), 3u);
  incoming_batch got(r(), 3);
  std::string few(received_size(4), '\0');
  got[1].into = few;
  fill(got, l.b, 3);
  EXPECT_EQ(got[1].size, few.size());
  EXPECT_EQ(as_sent(few.data(), few.size()), mail.text(1).substr(0, 4));
  if (traits().delivery.keeps_rest_of_message) {
    EXPECT_EQ(got.text(2), mail.text(1).substr(4));
    return;
  }
  EXPECT_EQ(got[1].flags & MSG_TRUNC, traits().delivery.no_msg_trunc ? 0 : MSG_TRUNC);
  EXPECT_EQ(got.text(2), mail.text(2)) << "the next message is not truncated";
  EXPECT_EQ(got[2].flags & MSG_TRUNC, 0);
}

TEST_P(batch, may_be_empty) {
  auto l = connected();
  EXPECT_EQ(l.a.send_many({}), 0u);
  EXPECT_EQ(l.b.recv_many({}), 0u);
  incoming_batch got(r(), 1);
  EXPECT_EQ(ERROR_OF(l.b.recv_many(got.all(), MSG_DONTWAIT, _)), sys(EAGAIN));
}

TEST_P(batch, recv_many_waits_for_the_first_message_only) {
  auto l = connected();
  incoming_batch got(r(), 4);
  for (const auto& limit : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    l.b.timeout(limit);
    std::size_t n = 0;
    error_code ec;
    {
      helper_thread reader([&] { n = l.b.recv_many(got.all(), 0, ec); });
      reader.until_asleep();
      l.a.sendall(message(7));
    }
    EXPECT_EQ(ec, sys(0));
    EXPECT_EQ(n, 1u);
    EXPECT_EQ(got.text(0), message(7));
  }
}

TEST_P(batch, obeys_the_timeout) {
  auto l = connected();
  incoming_batch got(r(), 4);
  l.b.timeout(0ns);
  EXPECT_EQ(ERROR_OF(l.b.recv_many(got.all(), 0, _)), sys(EAGAIN));
  l.b.timeout(20ms);
  const auto before = clock::now();
  EXPECT_EQ(ERROR_OF(l.b.recv_many(got.all(), 0, _)), timed_out);
  EXPECT_GE(clock::now() - before, 20ms);
  EXPECT_THROW(l.b.recv_many(got.all()), afplug::error);
}

TEST_P(batch, ends_with_a_stop_token) {
  auto l = connected();
  incoming_batch got(r(), 4);
  std::stop_source stop;
  error_code ec;
  {
    helper_thread reader([&] { l.b.recv_many(got.all(), 0, stop.get_token(), ec); });
    reader.until_asleep();
    stop.request_stop();
  }
  EXPECT_EQ(ec, error_code(afplug::errc::stopped));
  outgoing_batch sent(r(), 1);
  EXPECT_EQ(ERROR_OF(l.a.send_many(sent.all(), 0, stop.get_token(), _)), error_code(afplug::errc::stopped));
  EXPECT_EQ(sent[0].size, 0u);
}

TEST_P(batch_of_messages, returns_the_count_before_a_message_that_fails) {
  auto l = connected();
  const std::string large(r().parameters.too_large_message, 'x');
  outgoing_batch sent(r(), 3);
  sent[1].data = large;
  if (errors().delivery.send_too_large == 0) {
    ASSERT_EQ(l.a.send_many(sent.all()), 3u);
    EXPECT_EQ(receive(l.b), sent.text(0));
    EXPECT_EQ(receive(l.b), sent.text(2));
    return;
  }
  ASSERT_EQ(l.a.send_many(sent.all()), 1u);
  EXPECT_EQ(sent[0].size, sent.text(0).size());
  EXPECT_EQ(sent[1].size, 0u);
  EXPECT_EQ(ERROR_OF(l.a.send_many(sent.all().subspan(1), 0, _)), sys(errors().delivery.send_too_large));
  EXPECT_EQ(l.a.send_many(sent.all().subspan(2)), 1u);
  incoming_batch got(r(), 2);
  fill(got, l.b, 2);
  EXPECT_EQ(got.text(0), sent.text(0));
  EXPECT_EQ(got.text(1), sent.text(2));
}

TEST_P(batch_of_messages, has_at_most_256_messages) {
  auto l = connected();
  l.a.timeout(0ns);
  outgoing_batch sent(r(), 300);
  const auto count = l.a.send_many(sent.all());
  EXPECT_GT(count, 0u);
  EXPECT_LE(count, 256u);
  incoming_batch got(r(), 300);
  const auto received = l.b.recv_many(got.all());
  EXPECT_GT(received, 0u);
  EXPECT_LE(received, 256u);
}

TEST_P(batch_to_full_receiver, sends_as_many_as_fit) {
  auto l = connected();
  l.a.timeout(0ns);
  outgoing_batch sent(r(), 200);
  std::size_t went = 0, calls = 0;
  error_code ec;
  // The receiver reads nothing: at first a call sends some of the messages, at last one sends none.
  for (; !ec; ++calls) {
    const auto n = l.a.send_many(sent.all(), 0, ec);
    ASSERT_EQ(ec ? 0u : n, n);
    went += n;
  }
  EXPECT_EQ(ec, sys(EAGAIN));
  EXPECT_GT(calls, 1u);
  std::size_t came = 0;
  l.b.timeout(patience);
  incoming_batch got(r(), 200);
  while (came < went) {
    const auto n = l.b.recv_many(got.all());
    ASSERT_GT(n, 0u);
    came += n;
  }
  EXPECT_EQ(came, went) << "no message was lost or duplicated";
  l.a.timeout(patience);
  EXPECT_EQ(l.a.send_many(sent.all().first(1)), 1u);
}

TEST_P(batch_connectionless, has_an_address_for_each_message) {
  auto server = bound(), one = bound(), two = bound();
  const auto to = destination_address(server), first = destination_address(one), second = destination_address(two);
  for (auto* client : {&one, &two}) {
    outgoing_batch sent(r(), 2, client == &one ? 0 : 2);
    sent[0].to = sent[1].to = &to;
    ASSERT_EQ(client->send_many(sent.all()), 2u);
  }
  incoming_batch got(r(), 4);
  std::array<address, 4> from;
  for (std::size_t i = 0; i < 4; ++i) got[i].from = &from[i];
  fill(got, server, 4);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(got.text(i), message(static_cast<unsigned>(i)));
    EXPECT_EQ(from[i], sender_address(i < 2 ? one : two));
    EXPECT_EQ(from[i].protocol(), server.what());
  }
  outgoing_batch back(r(), 2, 10);
  back[0].to = &first;
  back[1].to = &second;
  ASSERT_EQ(server.send_many(back.all()), 2u);
  one.timeout(patience);
  two.timeout(patience);
  EXPECT_EQ(receive(one), message(10));
  EXPECT_EQ(receive(two), message(11));
}

TEST_P(batch_with_scm_rights, passes_descriptors_with_close_on_exec_without_a_leak) {
  auto l = connected();
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  {
    afplug::control_builder control;
    control.rights(std::array{ends[0]});
    outgoing_batch sent(r(), 3);
    sent[0].control = sent[2].control = &control;
    ASSERT_EQ(l.a.send_many(sent.all()), 3u);
    incoming_batch got(r(), 3);
    std::vector<afplug::control_buffer> buffer;
    for (std::size_t i = 0; i < 3; ++i) buffer.emplace_back(afplug::cmsg_space(sizeof(int)));
    for (std::size_t i = 0; i < 3; ++i) got[i].control = &buffer[i];
    fill(got, l.b, 3);
    const auto taken = buffer[0].take_rights();
    ASSERT_EQ(taken.size(), 1u);
    EXPECT_TRUE(close_on_exec(taken[0]));
    ::close(taken[0]);
    EXPECT_TRUE(buffer[1].take_rights().empty());
    // The third descriptor is not taken: the control buffer closes it, which the fixture checks.
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_P(batch_with_timestamps, has_ancillary_data_for_each_message) {
  auto l = connected();
  l.b.option(afplug::opt::timestamp_ns(true));
  outgoing_batch sent(r(), 3);
  ASSERT_EQ(l.a.send_many(sent.all()), 3u);
  incoming_batch got(r(), 3);
  std::vector<afplug::control_buffer> buffer;
  for (std::size_t i = 0; i < 3; ++i) buffer.emplace_back(256);
  got[0].control = &buffer[0];
  got[2].control = &buffer[2];
  fill(got, l.b, 3);
  for (std::size_t i : {0u, 2u}) {
    const auto item = buffer[i].find(SOL_SOCKET, SCM_TIMESTAMPNS);
    ASSERT_TRUE(item) << i;
    EXPECT_GT(item->timestamp()->count(), 0);
  }
  EXPECT_EQ(got[1].flags & MSG_CTRUNC, MSG_CTRUNC) << "it has no control buffer";
}

TEST_P(batch_on_stream, keeps_no_message_boundaries) {
  auto l = connected();
  outgoing_batch sent(r(), 3);
  ASSERT_EQ(l.a.send_many(sent.all()), 3u);
  const auto whole = sent.text(0) + sent.text(1) + sent.text(2);
  std::string got;
  incoming_batch box(r(), 2, 4);
  while (got.size() < whole.size()) {
    const auto n = l.b.recv_many(box.all());
    for (std::size_t i = 0; i < n; ++i) got += box.text(i);
  }
  EXPECT_EQ(got, whole);
  l.a.shutdown(SHUT_WR);
  ASSERT_EQ(l.b.recv_many(box.all()), 2u);
  EXPECT_EQ(box[0].size + box[1].size, 0u) << "the end of file";
}

TEST_P(batch_on_stream, raises_no_sigpipe) {
  auto l = connected();
  l.a.shutdown(SHUT_WR);
  outgoing_batch sent(r(), 2);
  EXPECT_EQ(ERROR_OF(l.a.send_many(sent.all(), 0, _)), sys(errors().shutdown.send_after_shutdown));
}

}  // namespace
}  // namespace conformance
