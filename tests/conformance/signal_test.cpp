// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Signals without SA_RESTART while a call waits: the call continues with its deadline, as in PEP 475, unless the
// thread's interrupt hook ends it.
#include <poll.h>

#include <functional>
#include <stdexcept>

#include "fixture.hpp"

namespace conformance {
namespace {

using std::chrono::nanoseconds;
using limit_type = std::optional<nanoseconds>;

CONFORMANCE(signals, true);
CONFORMANCE(signals_full_receiver, t.delivery.flow_control);
CONFORMANCE(signals_stream, t.delivery.flow_control&& t.delivery.stream);
CONFORMANCE(signals_listener, t.connection.listens);
CONFORMANCE(signals_backlog_full, t.connection.listens&& t.connection.waits_when_backlog_full);

const limit_type blocking{}, patient{patience};

char buffer[256];
struct receiving {
  const char* name;
  std::function<std::size_t(afplug::socket&, error_code&)> call;
};
const receiving receivers[] = {
    {"recv", [](auto& s, auto& ec) { return s.recv(buffer, 0, ec); }},
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
    {"recv with a stop token", [](auto& s, auto& ec) { return s.recv(buffer, 0, std::stop_token(), ec); }},
};

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
    {"send with a stop token", [](auto& s, auto& text, auto& ec) { s.send(text, 0, std::stop_token(), ec); }},
};

// ---- they go on ----

TEST_P(signals, do_not_end_receive_calls) {
  const std::string text = message(3);
  for (const auto& limit : {blocking, patient})
    for (const auto& [name, call] : receivers) {
      SCOPED_TRACE(name);
      auto l = connected();
      l.a.timeout(limit);
      error_code ec, send_ec;
      const signal_storm storm;
      helper_thread peer([&] {
        signal_storm::wait_for(4);
        l.b.send(text, 0, send_ec);
      });
      const auto size = call(l.a, ec);
      peer.join();
      EXPECT_EQ(ec, sys(0));
      EXPECT_EQ(send_ec, sys(0));
      const auto got = as_sent(buffer, size);
      EXPECT_EQ(got, text.substr(0, got.size()));
      EXPECT_EQ(size, std::string_view(name) == "recvall" ? 8 : received_size(text.size()));
    }
}

TEST_P(signals_full_receiver, do_not_end_send_calls) {
  const std::string text = message(0);
  for (const auto& limit : {blocking, patient})
    for (const auto& [name, call] : senders) {
      SCOPED_TRACE(name);
      auto l = connected();
      fill(l.a, r());
      l.a.timeout(limit);
      error_code ec;
      const signal_storm storm;
      std::atomic<bool> done{false};
      helper_thread peer([&] {
        signal_storm::wait_for(4);
        drain(l.b, done);
      });
      call(l.a, text, ec);
      done = true;
      peer.join();
      EXPECT_EQ(ec, sys(0));
    }
}

TEST_P(signals_stream, do_not_end_sendall) {
  const std::size_t part = r().parameters.bulk_size / 10;
  const std::string text = pattern(8 * part);
  for (const auto& limit : {blocking, patient}) {
    auto l = connected();
    l.a.timeout(limit);
    std::string got(text.size(), '\0');
    error_code ec;
    std::size_t sent = 0;
    {
      const signal_storm storm(1ms);
      helper_thread peer([&] {
        error_code ignored;
        std::size_t size = 0;
        while (size < got.size() && !ignored) {
          const auto n = l.b.recv(
              afplug::mutable_bytes(got.data() + size, std::min<std::size_t>(got.size() - size, 1 << 20)), 0, ignored);
          if (n == 0) break;
          size += n;
          if (size < 3 * part) signal_storm::wait_for(1);
        }
      });
      l.a.sendall(text, 0, ec, &sent);
      end_sending(l.a);
    }
    EXPECT_EQ(ec, sys(0));
    EXPECT_EQ(sent, text.size());
    EXPECT_TRUE(got == text);
  }
}

TEST_P(signals_listener, do_not_end_accept) {
  for (const auto& limit : {blocking, patient})
    for (bool with_token : {false, true}) {
      auto s = listening();
      s.timeout(limit);
      auto client = named_client();
      const auto name = s.getsockname();
      error_code ec, connected_ec;
      const signal_storm storm;
      helper_thread peer([&] {
        signal_storm::wait_for(4);
        connected_ec = connect(client, name);
      });
      address from;
      const auto accepted = with_token ? s.accept(from, std::stop_token(), ec) : s.accept(from, ec);
      peer.join();
      EXPECT_EQ(ec, sys(0));
      EXPECT_EQ(connected_ec, sys(0));
      EXPECT_TRUE(accepted.is_open());
      EXPECT_EQ(from, client.getsockname());
    }
}

// Connects clients until the backlog is full, so that one more has to wait.
std::vector<afplug::socket> fill_backlog(const row& r, const afplug::socket& server) {
  std::vector<afplug::socket> clients;
  for (;;) {
    auto client = conformance::open(r, SOCK_NONBLOCK);
    const int got = client.connect_ex(server.getsockname());
    if (got != 0 && (got != EINPROGRESS || !client.wait(POLLOUT, 200ms))) return clients;
    clients.push_back(std::move(client));
  }
}

TEST_P(signals_backlog_full, do_not_end_connect) {
  for (const auto& limit : {blocking, patient})
    for (bool with_token : {false, true}) {
      SCOPED_TRACE(limit ? "timeout" : "blocking");
      auto s = listening(0);
      const auto name = s.getsockname();
      const auto clients = fill_backlog(r(), s);
      auto client = open();
      client.timeout(limit);
      std::vector<afplug::socket> accepted;
      error_code ec, accept_ec;
      const signal_storm storm;
      helper_thread server([&] {
        signal_storm::wait_for(4);
        for (std::size_t i = 0; i < clients.size() + 1 && !accept_ec; ++i) accepted.push_back(s.accept(accept_ec));
      });
      if (with_token) {
        client.connect(name, std::stop_token(), ec);
      } else {
        client.connect(name, ec);
      }
      ASSERT_EQ(ec, sys(0));
      EXPECT_EQ(ERROR_OF(client.getpeername(_)), sys(0)) << "the socket is connected";
      server.join();
      EXPECT_EQ(accept_ec, sys(0));
      client.send(message(1));
      EXPECT_EQ(accepted.back().wait(POLLIN, patience) & POLLIN, POLLIN);
      EXPECT_EQ(client.timeout(), limit);
      if (in_kernel()) {
        EXPECT_EQ(non_blocking(client.fileno()), limit.has_value());
      }
    }
}

TEST_P(signals, do_not_end_wait) {
  auto l = connected();
  const signal_storm storm;
  helper_thread peer([&] {
    signal_storm::wait_for(4);
    error_code ignored;
    l.b.send(message(), 0, ignored);
  });
  EXPECT_EQ(l.a.wait(POLLIN, {}) & POLLIN, POLLIN);
}

// ---- the deadline stays ----

TEST_P(signals, do_not_move_the_deadline) {
  auto l = connected();
  const signal_storm storm;
  for (const auto& [name, call] : receivers) {
    SCOPED_TRACE(name);
    l.a.timeout(60ms);
    error_code ec;
    const auto before = clock::now();
    EXPECT_EQ(call(l.a, ec), 0u);
    EXPECT_EQ(ec, timed_out);
    EXPECT_GE(clock::now() - before, 60ms);
  }
  EXPECT_EQ(l.a.wait(POLLIN, 60ms), 0);
}

TEST_P(signals_full_receiver, do_not_move_the_deadline) {
  auto l = connected();
  fill(l.a, r());
  const signal_storm storm;
  for (const auto& [name, call] : senders) {
    SCOPED_TRACE(name);
    l.a.timeout(60ms);
    const auto late = until_refused([&, run = &call](error_code& ec) { (*run)(l.a, message(0), ec); });
    EXPECT_EQ(late.ec, timed_out);
    EXPECT_GE(late.took, 60ms);
  }
}

TEST_P(signals_backlog_full, do_not_move_the_deadline) {
  auto s = listening(0);
  const auto clients = fill_backlog(r(), s);
  auto empty = listening();
  empty.timeout(60ms);
  auto client = open();
  client.timeout(60ms);
  const signal_storm storm;
  auto before = clock::now();
  EXPECT_EQ(ERROR_OF(empty.accept(_)), timed_out);
  EXPECT_GE(clock::now() - before, 60ms);
  before = clock::now();
  EXPECT_EQ(ERROR_OF(client.connect(s.getsockname(), _)), timed_out);
  EXPECT_GE(clock::now() - before, 60ms);
}

// ---- the hook decides ----

struct unwound : std::runtime_error {
  unwound() : std::runtime_error("from the hook") {}
};

TEST_P(signals, hook_ends_or_continues_a_call_or_throws) {
  for (const auto& limit : {blocking, patient})
    for (const auto& [name, call] : receivers) {
      SCOPED_TRACE(name);
      auto l = connected();
      l.a.timeout(limit);
      const signal_storm storm;
      int asked = 0;
      error_code ec;
      {
        const afplug::scoped_interrupt_hook scope([&] { return ++asked == 3; });
        EXPECT_EQ(call(l.a, ec), 0u);
      }
      EXPECT_EQ(ec, error_code(afplug::errc::interrupted));
      EXPECT_EQ(asked, 3);
      {
        const afplug::scoped_interrupt_hook scope([]() -> bool { throw unwound(); });
        EXPECT_THROW(call(l.a, ec), unwound);
      }
      // The socket still works.
      EXPECT_EQ(l.a.timeout(), limit);
      l.b.send(message(1));
      EXPECT_EQ(call(l.a, ec), std::string_view(name) == "recvall" ? 8 : received_size(message(1).size()));
      EXPECT_EQ(ec, sys(0));
    }
}

TEST_P(signals, hook_is_per_thread_and_scopes_nest) {
  auto l = connected();
  l.a.timeout(patience);
  const signal_storm storm;
  const afplug::scoped_interrupt_hook outer([] { return true; });
  {
    const afplug::scoped_interrupt_hook inner([]() -> bool { throw unwound(); });
    EXPECT_THROW(l.a.recv(buffer), unwound);
  }
  EXPECT_EQ(ERROR_OF(l.a.recv(buffer, 0, _)), error_code(afplug::errc::interrupted));
  EXPECT_EQ(ERROR_OF(l.a.wait(POLLIN, {}, _)), error_code(afplug::errc::interrupted));
  helper_thread([] { EXPECT_FALSE(afplug::set_interrupt_hook({})) << "another thread has no hook"; }).join();
}

TEST_P(signals_full_receiver, hook_ends_send_calls) {
  for (const auto& limit : {blocking, patient})
    for (const auto& [name, call] : senders) {
      SCOPED_TRACE(name);
      auto l = connected();
      fill(l.a, r());
      l.a.timeout(limit);
      const signal_storm storm;
      {
        const afplug::scoped_interrupt_hook scope([] { return true; });
        const auto stopped = until_refused([&, run = &call](error_code& e) { (*run)(l.a, message(0), e); });
        EXPECT_EQ(stopped.ec, error_code(afplug::errc::interrupted));
      }
      const afplug::scoped_interrupt_hook scope([]() -> bool { throw unwound(); });
      EXPECT_THROW(until_refused([&, run = &call](error_code& e) { (*run)(l.a, message(0), e); }), unwound);
    }
}

TEST_P(signals_stream, hook_ends_sendall_with_the_count_sent) {
  auto l = connected();
  const std::string text = pattern(64 << 20);
  std::size_t sent = 0;
  {
    const signal_storm storm;
    const afplug::scoped_interrupt_hook scope([] { return true; });
    EXPECT_EQ(ERROR_OF(l.a.sendall(text, 0, _, &sent)), error_code(afplug::errc::interrupted));
  }
  end_sending(l.a);
  EXPECT_GT(sent, 0u);
  EXPECT_LT(sent, text.size());
  std::string got(text.size(), '\0');
  error_code ec;
  got.resize(l.b.recvall(got, 0, ec));
  EXPECT_EQ(ec, sys(error_at_end()));
  EXPECT_EQ(got.size(), sent);
  EXPECT_TRUE(got == text.substr(0, sent));
}

TEST_P(signals_backlog_full, hook_ends_accept_and_connect) {
  for (const auto& limit : {blocking, patient}) {
    auto s = listening(0);
    auto empty = listening();
    const auto clients = fill_backlog(r(), s);
    auto client = open();
    client.timeout(limit);
    empty.timeout(limit);
    const signal_storm storm;
    {
      const afplug::scoped_interrupt_hook scope([] { return true; });
      EXPECT_EQ(ERROR_OF(empty.accept(_)), error_code(afplug::errc::interrupted));
      EXPECT_EQ(ERROR_OF(client.connect(s.getsockname(), _)), error_code(afplug::errc::interrupted));
    }
    const afplug::scoped_interrupt_hook scope([]() -> bool { throw unwound(); });
    EXPECT_THROW(empty.accept(), unwound);
    auto another = open();
    another.timeout(limit);
    EXPECT_THROW(another.connect(s.getsockname()), unwound);
    for (const auto* c : {&client, &another}) {
      EXPECT_EQ(c->timeout(), limit);
      if (in_kernel()) {
        EXPECT_EQ(non_blocking(c->fileno()), limit.has_value()) << "as before the call";
        EXPECT_EQ(c->option<afplug::opt::sndtimeo>().value(), 0s);
      }
    }
  }
}

}  // namespace
}  // namespace conformance
