// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Many operations, cancelled and interrupted at random points, after which descriptors and memory are as before. With
// AFPLUG_SOAK set 10 times as many.
#include <gtest/gtest.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <afplug/asio.hpp>
#include <afplug/registry.hpp>
#include <afplug/socket.hpp>
#include <array>
#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <fstream>
#include <random>
#include <stop_token>
#include <string>
#include <thread>

#include "../support/descriptors.hpp"

namespace afplug {
namespace {

namespace asio = boost::asio;
using testing_support::open_descriptor_count;
using namespace std::chrono_literals;

long times(long in_the_whole_form) { return std::getenv("AFPLUG_SOAK") ? in_the_whole_form : in_the_whole_form / 10; }

/// The memory of the process that is in RAM, in kB: VmRSS of proc_pid_status(5).
long resident() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  return 0;
}

/// Runs `round` some times to warm up, then the rest, and compares descriptors and memory.
template <class F>
void expect_flat(long rounds, F round) {
  for (long i = 0; i < rounds / 10 + 1; ++i) round();
  ::malloc_trim(0);
  const auto descriptors = open_descriptor_count();
  const auto in_use = ::mallinfo2().uordblks;
  const auto memory = resident();
  for (long i = 0; i < rounds; ++i) round();
  EXPECT_EQ(open_descriptor_count(), descriptors);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  ::malloc_trim(0);
  EXPECT_LT(::mallinfo2().uordblks, in_use + 256 * 1024) << rounds << " rounds";
  EXPECT_LT(resident(), memory + 4096) << "kB, " << rounds << " rounds";
#else
  static_cast<void>(in_use);
  static_cast<void>(memory);
#endif
}

class soak : public testing::TestWithParam<const char*> {
 protected:
  std::string family() const { return GetParam(); }
  std::string address_text() const {
    if (family() == "inet") return "127.0.0.1:0";
    return (family() == "unix" ? "@afplug-soak-" : "soak-") + std::to_string(::getpid());
  }
  socket listening() const {
    socket s(family(), SOCK_STREAM);
    s.bind(address_text());
    s.listen();
    return s;
  }
};

TEST_P(soak, open_and_close) {
  expect_flat(times(1'000'000), [&] { socket(family(), SOCK_STREAM).close(); });
}

// Calls that wait are stopped at random points of a connection's life.
TEST_P(soak, connections_that_are_stopped) {
  auto server = listening();
  const auto at = server.getsockname();
  std::minstd_rand random(1);
  expect_flat(times(100'000), [&] {
    std::stop_source stop;
    const auto stops_after = random() % 6;
    unsigned step = 0;
    const auto next = [&] {
      if (step++ == stops_after) stop.request_stop();
      return stop.get_token();
    };
    error_code ec;
    std::array<char, 16> buffer{};
    address from;
    socket client(family(), SOCK_STREAM);
    client.connect(at, next(), ec);
    const bool connected = !ec;
    // Where the connect was stopped, the connection may be there or not.
    server.timeout(connected ? std::nullopt : std::optional<std::chrono::nanoseconds>(0));
    socket accepted = server.accept(from, connected ? std::stop_token() : next(), ec);
    server.timeout({});
    if (!accepted) {
      EXPECT_FALSE(connected) << ec.message();
      return;
    }
    client.send(const_bytes("hello", 5), 0, next(), ec);
    const bool sent = !ec;
    if (sent) {
      EXPECT_EQ(accepted.recv(mutable_bytes(buffer.data(), buffer.size())), 5u);
    }
    accepted.recv(mutable_bytes(buffer.data(), buffer.size()), MSG_DONTWAIT, next(), ec);
    EXPECT_TRUE(ec);
  });
}

// The same with asynchronous operations, which are cancelled after a random number of the context's handlers.
TEST_P(soak, asynchronous_connections_that_are_cancelled) {
  asio::io_context io;
  std::minstd_rand random(2);
  expect_flat(times(100'000), [&] {
    async_socket listener(io, listening());
    const auto at = listener.next_layer().getsockname();
    async_socket client(io, socket(family(), SOCK_STREAM));
    std::array<asio::cancellation_signal, 3> signals;
    std::array<char, 16> buffer{};
    int completed = 0;
    std::optional<async_socket> accepted;
    listener.async_accept(asio::bind_cancellation_slot(signals[0].slot(), [&](error_code ec, async_socket s) {
      ++completed;
      if (ec) return;
      accepted.emplace(std::move(s));
      accepted->async_read_some(
          asio::buffer(buffer),
          asio::bind_cancellation_slot(signals[2].slot(), [&](error_code, std::size_t) { ++completed; }));
    }));
    client.async_connect(at, asio::bind_cancellation_slot(signals[1].slot(), [&](error_code) { ++completed; }));
    for (auto n = random() % 5; n > 0; --n) io.poll_one();
    for (auto& signal : signals) signal.emit(asio::cancellation_type::total);
    client.close();
    listener.close();
    if (accepted) accepted->close();
    io.restart();
    io.run();
    EXPECT_GE(completed, 2);
    io.restart();
  });
}

// A signal each 200 microseconds interrupts whatever system call the thread is in (EINTR).
TEST_P(soak, signals_interrupt_every_call) {
  struct ::sigaction action {};
  struct ::sigaction before {};
  static std::atomic<long> signals;
  signals = 0;
  action.sa_handler = [](int) { ++signals; };
  ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
  const ::itimerval timer{{0, 200}, {0, 200}};
  ::itimerval off{};
  auto server = listening();
  const auto at = server.getsockname();
  const std::string text(300'000, 'x');
  const auto round = [&] {
    socket client(family(), SOCK_STREAM);
    client.connect(at);
    socket accepted = server.accept();
    std::jthread reader([&] {
      ::sigset_t all;
      ::sigfillset(&all);
      ::pthread_sigmask(SIG_BLOCK, &all, nullptr);  // the signals go to the other thread
      std::string got(text.size(), '\0');
      EXPECT_EQ(accepted.recvall(mutable_bytes(got.data(), got.size())), got.size());
      EXPECT_EQ(got, text);
      accepted.sendall(const_bytes("done", 4));
    });
    client.timeout(10s);
    client.sendall(const_bytes(text.data(), text.size()));
    std::array<char, 4> answer{};
    EXPECT_EQ(client.recvall(mutable_bytes(answer.data(), answer.size())), 4u);
  };
  round();
  ::setitimer(ITIMER_REAL, &timer, nullptr);
  expect_flat(times(20'000), round);
  ::setitimer(ITIMER_REAL, &off, nullptr);
  EXPECT_GT(signals, 10);
  ::sigaction(SIGALRM, &before, nullptr);
}

INSTANTIATE_TEST_SUITE_P(soak, soak, testing::Values("inet", "unix", "loop"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace afplug
