// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Blocking, non-blocking and timeout modes, as in Python's socket.settimeout(); stop tokens.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "fixture.hpp"

namespace conformance {
namespace {

using std::chrono::nanoseconds;

CONFORMANCE_ALL(timeout_any_row, true);
CONFORMANCE(timeout_mode, true);
CONFORMANCE_ALL(timeout_kernel, !t.environment.user_space);
CONFORMANCE(full_receiver, t.delivery.flow_control);
CONFORMANCE(full_stream, t.delivery.flow_control&& t.delivery.stream);

// ---- setting it ----

TEST_P(timeout_any_row, is_kept_exactly) {
  auto s = open();
  struct {
    std::optional<nanoseconds> set;
    bool blocking;
  } const modes[] = {{{}, true}, {0ns, false}, {1ns, true}, {1500us, true}, {3600s, true}, {nanoseconds::max(), true}};
  for (const auto& m : modes) {
    s.timeout(m.set);
    EXPECT_EQ(s.timeout(), m.set);
    EXPECT_EQ(s.blocking(), m.blocking);
    if (in_kernel()) {
      EXPECT_EQ(non_blocking(s.fileno()), m.set.has_value());
    }
  }
  s.blocking(false);
  EXPECT_EQ(s.timeout(), 0ns);
  s.blocking(true);
  EXPECT_EQ(s.timeout(), std::nullopt);
}

TEST_P(timeout_any_row, negative_is_refused_and_changes_nothing) {
  auto s = open();
  s.timeout(2s);
  for (nanoseconds wrong : {nanoseconds(-1), nanoseconds::min()}) {
    EXPECT_EQ(ERROR_OF(s.timeout(wrong, _)), error_code(afplug::errc::invalid_argument));
    EXPECT_THROW(s.timeout(wrong), afplug::error);
    EXPECT_THROW(afplug::socket::default_timeout(wrong), afplug::error);
  }
  EXPECT_EQ(s.timeout(), 2s);
}

TEST_P(timeout_kernel, failure_to_set_changes_nothing) {
  auto s = open();
  s.timeout(2s);
  ASSERT_EQ(::close(s.fileno()), 0);
  EXPECT_EQ(ERROR_OF(s.timeout(0ns, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.timeout({}, _)), sys(EBADF));
  EXPECT_EQ(s.timeout(), 2s);
  EXPECT_EQ(ERROR_OF(s.close(_)), sys(EBADF));
}

TEST_P(timeout_kernel, o_nonblock_is_shared_by_duplicates) {
  auto s = open();
  s.timeout(1s);
  const auto copy = s.dup();
  EXPECT_TRUE(non_blocking(copy.fileno()));
  s.timeout({});
  EXPECT_FALSE(non_blocking(copy.fileno()));
  EXPECT_EQ(copy.timeout(), 1s) << "each socket object has its own timeout";
}

// ---- every call that receives ----

struct receiving {
  const char* name;
  std::function<std::size_t(afplug::socket&, error_code&)> call;
};
char buffer[256];
const receiving receivers[] = {
    {"recv", [](auto& s, auto& ec) { return s.recv(buffer, 0, ec); }},
    {"recv dontwait", [](auto& s, auto& ec) { return s.recv(buffer, MSG_DONTWAIT, ec); }},
    {"recvfrom",
     [](auto& s, auto& ec) {
       address from;
       return s.recvfrom(buffer, from, 0, ec);
     }},
    {"recvmsg",
     [](auto& s, auto& ec) {
       afplug::control_buffer control;
       const afplug::mutable_bytes into[] = {buffer};
       return s.recvmsg(into, control, 0, nullptr, ec).size;
     }},
    {"recv_fds", [](auto& s, auto& ec) { return s.recv_fds(buffer, 1, 0, nullptr, ec).size; }},
    {"recvall", [](auto& s, auto& ec) { return s.recvall(afplug::mutable_bytes(buffer, 8), 0, ec); }},
};

TEST_P(timeout_mode, of_a_receive_without_data) {
  auto l = connected();
  for (const auto& [name, call] : receivers) {
    SCOPED_TRACE(name);
    error_code ec;
    l.a.timeout(0ns);
    EXPECT_EQ(call(l.a, ec), 0u);
    EXPECT_EQ(ec, sys(EAGAIN));
    const bool dontwait = std::string_view(name) == "recv dontwait";
    for (nanoseconds limit : {nanoseconds(1), nanoseconds(1999999), nanoseconds(20ms)}) {
      l.a.timeout(limit);
      const nanoseconds before = clock::now().time_since_epoch();
      EXPECT_EQ(call(l.a, ec), 0u);
      EXPECT_EQ(ec, dontwait ? sys(EAGAIN) : timed_out);
      if (!dontwait) {
        EXPECT_GE(clock::now().time_since_epoch() - before, limit);
      }
    }
    l.a.timeout({});
    if (dontwait) {
      EXPECT_EQ(call(l.a, ec), 0u);
      EXPECT_EQ(ec, sys(EAGAIN));
    }
  }
}

TEST_P(timeout_mode, of_a_receive_whose_data_comes_later) {
  const std::string text = message(3);
  for (const std::optional<nanoseconds>& limit : {std::optional<nanoseconds>{}, {patience}, {nanoseconds::max()}}) {
    auto l = connected();
    l.a.timeout(limit);
    for (const auto& [name, call] : receivers) {
      if (std::string_view(name) == "recv dontwait") continue;
      SCOPED_TRACE(name);
      error_code ec;
      std::size_t size = 0;
      {
        helper_thread reader([&, run = &call] { size = (*run)(l.a, ec); });
        reader.until_asleep();
        l.b.send(text);
      }
      EXPECT_EQ(ec, sys(0));
      EXPECT_EQ(size, std::string_view(name) == "recvall" ? 8 : received_size(text.size()));
      const auto got = as_sent(buffer, size);
      EXPECT_EQ(got, text.substr(0, got.size()));
    }
  }
}

TEST_P(timeout_any_row, of_an_unconnected_receive) {
  auto s = open();
  for (const std::optional<nanoseconds>& limit : {std::optional<nanoseconds>{0ns}, {1ms}}) {
    s.timeout(limit);
    EXPECT_EQ(ERROR_OF(s.recv(buffer, 0, _)), errors().delivery.recv_unconnected == EAGAIN && limit != 0ns
                                                  ? timed_out
                                                  : sys(errors().delivery.recv_unconnected));
  }
}

TEST_P(timeout_mode, does_not_apply_to_calls_that_do_not_wait) {
  auto s = open();
  s.timeout(1ns);
  EXPECT_EQ(ERROR_OF(s.bind(fresh_address(), _)), sys(errors().addressing.bind));
  error_code ec;
  EXPECT_EQ(s.getsockname(ec).empty(), errors().addressing.getsockname != 0);
  EXPECT_EQ(ec, sys(errors().addressing.getsockname));
  EXPECT_EQ(s.wait(POLLIN, 0ns) & POLLIN, traits().delivery.readable_once_at_start ? POLLIN : 0);
  EXPECT_EQ(s.wait(POLLIN, 0ns) & POLLIN, 0);
  s.close();
}

// ---- every call that sends ----

struct sending {
  const char* name;
  std::function<void(afplug::socket&, const std::string&, error_code&)> call;
};
const sending senders[] = {
    {"send", [](auto& s, auto& text, auto& ec) { s.send(text, 0, ec); }},
    {"sendall", [](auto& s, auto& text, auto& ec) { s.sendall(text, 0, ec); }},
    {"sendmsg",
     [](auto& s, auto& text, auto& ec) {
       const afplug::const_bytes data[] = {text};
       s.sendmsg(data, {}, 0, nullptr, ec);
     }},
    {"send_fds",
     [](auto& s, auto& text, auto& ec) {
       const afplug::const_bytes data[] = {text};
       s.send_fds(data, {}, 0, nullptr, ec);
     }},
};

TEST_P(full_receiver, send_waits_until_the_timeout) {
  auto l = connected();
  fill(l.a, r());
  const std::string text = large_data();
  for (const auto& [name, call] : senders) {
    SCOPED_TRACE(name);
    const auto send = [&, run = &call](error_code& ec) { (*run)(l.a, text, ec); };
    l.a.timeout(0ns);
    EXPECT_EQ(until_refused(send).ec, sys(EAGAIN));
    l.a.timeout(20ms);
    const auto late = until_refused(send);
    EXPECT_EQ(late.ec, timed_out);
    EXPECT_GE(late.took, 20ms);
    const auto at_once = [&](error_code& ec) { l.a.sendall(text, MSG_DONTWAIT, ec); };
    EXPECT_EQ(until_refused(at_once).ec, sys(EAGAIN));
    l.a.timeout({});
    EXPECT_EQ(until_refused(at_once).ec, sys(EAGAIN));
    EXPECT_EQ(until_refused([&](error_code& ec) { l.a.send(text, MSG_DONTWAIT, ec); }).ec, sys(EAGAIN));
  }
}

TEST_P(full_receiver, send_completes_when_the_receiver_reads) {
  const std::string text = message(0);
  for (const std::optional<nanoseconds>& limit : {std::optional<nanoseconds>{}, {patience}})
    for (const auto& [name, call] : senders) {
      SCOPED_TRACE(name);
      auto l = connected();
      fill(l.a, r());
      l.a.timeout(limit);
      error_code ec = timed_out;
      {
        std::atomic<bool> done{false};
        helper_thread sender([&, run = &call] {
          (*run)(l.a, text, ec);
          done = true;
        });
        sender.until_asleep();
        drain(l.b, done);
      }
      EXPECT_EQ(ec, sys(0));
    }
}

TEST_P(full_stream, sendall_has_one_deadline) {
  auto l = connected();
  l.a.timeout(200ms);
  const std::string data = pattern(64 << 20);
  std::atomic<bool> done{false};
  bool gave_up = false;
  std::string got, into(1 << 18, '\0');
  error_code ec, ended;
  std::size_t sent = 1;
  {
    // Each single wait of the sender is short; together they are far longer than the timeout.
    helper_thread reader([&] {
      const auto end = clock::now() + patience;
      while (!done && !gave_up && !ended) {
        got.append(into, 0, l.b.recv(afplug::mutable_bytes(into.data(), 4096), 0, ended));
        std::this_thread::sleep_for(1ms);
        gave_up = clock::now() > end;
      }
    });
    const auto before = clock::now();
    l.a.sendall(data, 0, ec, &sent);
    done = true;
    EXPECT_GE(clock::now() - before, 200ms);
    // Ends the reader, which may be waiting for more.
    end_sending(l.a);
  }
  EXPECT_EQ(ec, timed_out);
  EXPECT_FALSE(gave_up) << "sendall went on beyond its deadline";
  EXPECT_GT(sent, 0u);
  EXPECT_LT(sent, data.size());
  while (!ended) {
    const auto n = l.b.recv(into, 0, ended);
    if (n == 0) break;
    got.append(into, 0, n);
  }
  EXPECT_EQ(ended, sys(error_at_end()));
  ASSERT_EQ(got.size(), sent) << "`sent` is the number of bytes sent";
  EXPECT_TRUE(std::equal(got.begin(), got.end(), data.begin()));
}

TEST_P(full_stream, recvall_has_one_deadline) {
  auto l = connected();
  l.a.timeout(200ms);
  std::atomic<bool> done{false};
  bool gave_up = false;
  std::string into(64 << 20, '\0');
  error_code ec;
  std::size_t size = 0;
  {
    helper_thread writer([&] {
      const auto end = clock::now() + patience;
      while (!done && !gave_up) {
        l.b.send("x"sv);
        std::this_thread::sleep_for(1ms);
        gave_up = clock::now() > end;
      }
    });
    size = l.a.recvall(into, 0, ec);
    done = true;
  }
  EXPECT_EQ(ec, timed_out);
  EXPECT_FALSE(gave_up);
  EXPECT_GT(size, 0u);
}

TEST_P(full_stream, recvall_returns_less_at_the_end) {
  auto l = connected();
  l.b.sendall("12345"sv);
  end_sending(l.b);
  char into[10];
  error_code ec;
  EXPECT_EQ(l.a.recvall(into, 0, ec), 5u);
  EXPECT_EQ(ec, sys(error_at_end()));
  EXPECT_EQ(std::string(into, 5), "12345");
}

// ---- stop tokens ----

const std::function<void(afplug::socket&, std::stop_token, error_code&)> stoppable_receivers[] = {
    [](auto& s, auto stop, auto& ec) { s.recv(buffer, 0, stop, ec); },
    [](auto& s, auto stop, auto& ec) {
      address from;
      s.recvfrom(buffer, from, 0, stop, ec);
    },
    [](auto& s, auto stop, auto& ec) {
      afplug::control_buffer control;
      const afplug::mutable_bytes into[] = {buffer};
      s.recvmsg(into, control, 0, nullptr, stop, ec);
    },
};

template <class Call>
error_code stopped(Call call) {
  error_code ec;
  std::stop_source source;
  {
    helper_thread blocked([&] { call(source.get_token(), ec); });
    blocked.until_asleep();
    source.request_stop();
  }
  return ec;
}

TEST_P(timeout_mode, stop_token_ends_receiving_and_leaves_the_socket_usable) {
  for (const std::optional<nanoseconds>& limit : {std::optional<nanoseconds>{}, {patience}})
    for (const auto& call : stoppable_receivers) {
      auto l = connected();
      l.a.timeout(limit);
      EXPECT_EQ(stopped([&](auto stop, auto& ec) { call(l.a, stop, ec); }), error_code(afplug::errc::stopped));
      EXPECT_EQ(l.a.timeout(), limit);
      if (in_kernel()) {
        EXPECT_EQ(non_blocking(l.a.fileno()), limit.has_value());
      }
      l.b.send(message(7));
      EXPECT_EQ(l.a.recv(buffer), received_size(message(7).size()));
      // A token whose stop was requested before the call.
      std::stop_source source;
      source.request_stop();
      EXPECT_EQ(ERROR_OF(call(l.a, source.get_token(), _)), error_code(afplug::errc::stopped));
      // A token whose stop is never requested, and one without a stop state.
      l.b.send(message(8));
      EXPECT_EQ(ERROR_OF(call(l.a, std::stop_source().get_token(), _)), sys(0));
      l.b.send(message(9));
      EXPECT_EQ(ERROR_OF(call(l.a, std::stop_token(), _)), sys(0));
    }
}

TEST_P(timeout_mode, stop_token_does_not_make_a_non_blocking_socket_wait) {
  auto l = connected();
  l.a.timeout(0ns);
  for (const auto& call : stoppable_receivers) EXPECT_EQ(ERROR_OF(call(l.a, std::stop_token(), _)), sys(EAGAIN));
  l.a.timeout(1ms);
  for (const auto& call : stoppable_receivers) EXPECT_EQ(ERROR_OF(call(l.a, std::stop_token(), _)), timed_out);
}

TEST_P(full_receiver, stop_token_ends_sending) {
  const std::string text = large_data();
  const afplug::const_bytes data[] = {text};
  const std::function<void(afplug::socket&, std::stop_token, error_code&)> calls[] = {
      [&](auto& s, auto stop, auto& ec) { s.send(text, 0, stop, ec); },
      [&](auto& s, auto stop, auto& ec) { s.sendall(text, 0, stop, ec); },
      [&](auto& s, auto stop, auto& ec) { s.sendmsg(data, {}, 0, nullptr, stop, ec); },
  };
  for (const std::optional<nanoseconds>& limit : {std::optional<nanoseconds>{}, {patience}})
    for (const auto& call : calls) {
      auto l = connected();
      fill(l.a, r());
      l.a.timeout(limit);
      const auto late =
          until_refused([&](error_code& e) { e = stopped([&](auto stop, auto& ec) { call(l.a, stop, ec); }); });
      EXPECT_EQ(late.ec, error_code(afplug::errc::stopped));
      std::atomic<bool> done{false};
      helper_thread reader([&] { drain(l.b, done); });
      EXPECT_EQ(ERROR_OF(call(l.a, std::stop_token(), _)), sys(0));
      done = true;
    }
}

CONFORMANCE(stop_token_accept, t.connection.listens);

TEST_P(stop_token_accept, ends_accept) {
  for (const std::optional<nanoseconds>& limit : {std::optional<nanoseconds>{}, {patience}}) {
    auto s = listening();
    s.timeout(limit);
    address peer;
    EXPECT_EQ(stopped([&](auto stop, auto& ec) { s.accept(peer, stop, ec); }), error_code(afplug::errc::stopped));
    auto client = named_client();
    begin_connect(client, s.getsockname());
    error_code ec;
    EXPECT_TRUE(s.accept(peer, std::stop_token(), ec).is_open());
    EXPECT_EQ(peer, client.getsockname());
  }
}

CONFORMANCE(stop_token_connect, t.connection.listens&& t.connection.waits_when_backlog_full);

TEST_P(stop_token_connect, ends_connect) {
  for (const std::optional<nanoseconds>& limit : {std::optional<nanoseconds>{}, {patience}}) {
    // Connect clients until the backlog is full.
    auto s = listening(0);
    std::vector<afplug::socket> clients;
    error_code ec;
    do {
      clients.push_back(open());
      clients.back().timeout(limit);
      ec = stopped([&](auto stop, auto& out) {
        if (clients.size() > 1) {
          clients.back().connect(s.getsockname(), stop, out);
        } else {
          clients.back().connect(s.getsockname(), std::stop_token(), out);
        }
      });
      EXPECT_EQ(clients.back().timeout(), limit);
      if (in_kernel()) {
        EXPECT_EQ(non_blocking(clients.back().fileno()), limit.has_value());
      }
    } while (!ec && clients.size() < 50);
    EXPECT_EQ(ec, error_code(afplug::errc::stopped));
    std::stop_source source;
    source.request_stop();
    EXPECT_EQ(ERROR_OF(open().connect(s.getsockname(), source.get_token(), _)), error_code(afplug::errc::stopped));
  }
}

}  // namespace
}  // namespace conformance
