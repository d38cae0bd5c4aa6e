// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Look-ups with a time limit whose name server does not answer: this program's getaddrinfo() replaces the C library's.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <afplug/connect.hpp>
#include <afplug/resolver.hpp>
#include <afplug/socket.hpp>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "../support/errors.hpp"

namespace {

using namespace std::chrono_literals;
using afplug::address;
using afplug::errc;
using afplug::error_code;
using clock_type = std::chrono::steady_clock;
using testing::HasSubstr;

// "hung.test" has no answer until release() is called, "slow.test" has one after 150 ms; both are the loopback address.
std::mutex mutex;
std::condition_variable changed;
bool released = false;
int hung = 0, hung_ever = 0;  // look-ups of hung.test: at present, and all

void release() {
  const std::lock_guard lock(mutex);
  released = true;
  changed.notify_all();
}

std::size_t thread_count() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

std::string detail_text() { return std::string(afplug::last_detail()); }

std::vector<afplug::addrinfo_entry> look_up(const char* host, std::chrono::nanoseconds limit, error_code& ec) {
  return afplug::getaddrinfo(host, "80", {AF_INET, SOCK_STREAM, 0, 0, limit}, ec);
}

// A listening socket, and its port.
struct server {
  afplug::socket s{"inet", SOCK_STREAM};
  std::string port;
  server() {
    s.bind("127.0.0.1:0");
    s.listen();
    port = std::to_string(*s.getsockname().number("port"));
  }
};

}  // namespace

extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** result) {
  static const auto real = reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  const bool numeric = hints && (hints->ai_flags & AI_NUMERICHOST) != 0;
  if (host && !numeric && std::strcmp(host, "slow.test") == 0) std::this_thread::sleep_for(150ms);
  if (host && !numeric && std::strcmp(host, "hung.test") == 0) {
    std::unique_lock lock(mutex);
    ++hung;
    ++hung_ever;
    changed.notify_all();
    changed.wait(lock, [] { return released; });
    --hung;
    changed.notify_all();
  }
  const bool known = host && (std::strcmp(host, "slow.test") == 0 || std::strcmp(host, "hung.test") == 0);
  return real(known && !numeric ? "127.0.0.1" : host, service, hints, result);
}

namespace {

TEST(lookup_pool, connect_by_name_is_refused_on_a_non_blocking_socket) {
  const server to;
  for (const auto& host : {"slow.test", "hung.test"}) {
    afplug::socket s("inet", afplug::socket_type(SOCK_STREAM | SOCK_NONBLOCK));
    error_code ec;
    const auto start = clock_type::now();
    s.connect(host + (":" + to.port), ec);
    EXPECT_LT(clock_type::now() - start, 140ms);
    EXPECT_EQ(ec, errc::invalid_argument);
    EXPECT_THAT(detail_text(), testing::AllOf(HasSubstr(host), HasSubstr("non-blocking"), HasSubstr("getaddrinfo()"),
                                              HasSubstr("create_connection()")));
    // A service's name takes no waiting.
    s.connect("127.0.0.1:domain", ec);
    EXPECT_EQ(ec, afplug::testing_support::sys(EINPROGRESS));
  }
}

TEST(lookup_pool, timeout_of_connect_covers_lookup_and_connection) {
  const server to;
  afplug::socket s("inet", SOCK_STREAM);
  s.timeout(60ms);
  error_code ec;
  const auto start = clock_type::now();
  s.connect("slow.test:" + to.port, ec);
  EXPECT_EQ(ec, errc::timed_out);
  EXPECT_LT(clock_type::now() - start, 140ms);
  EXPECT_THAT(detail_text(), testing::AllOf(HasSubstr("slow.test"), HasSubstr("60 ms")));
  EXPECT_EQ(s.timeout(), 60ms);

  // A listener whose queue is full does not answer: the connection has what the look-up left of the time.
  afplug::socket listener("inet", SOCK_STREAM);
  listener.bind("127.0.0.1:0");
  listener.listen(0);
  const auto port = std::to_string(*listener.getsockname().number("port"));
  std::vector<afplug::socket> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back("inet", afplug::socket_type(SOCK_STREAM | SOCK_NONBLOCK));
    waiting.back().connect(listener.getsockname(), ec);
  }
  afplug::socket late("inet", SOCK_STREAM);
  late.timeout(250ms);
  const auto begun = clock_type::now();
  late.connect("slow.test:" + port, ec);
  const auto taken = clock_type::now() - begun;
  EXPECT_EQ(ec, errc::timed_out);
  EXPECT_GE(taken, 250ms);
  EXPECT_LT(taken, 390ms);
  EXPECT_THAT(detail_text(), testing::AllOf(HasSubstr("slow.test"), HasSubstr("no connection within 250 ms")));
  EXPECT_EQ(late.timeout(), 250ms);
}

TEST(lookup_pool, threads_are_bounded_and_end) {
  const auto before = thread_count();
  error_code ec;
  const auto all_hang = [] {
    const std::lock_guard lock(mutex);
    return hung == static_cast<int>(afplug::max_lookup_threads);
  };
  for (const auto end = clock_type::now() + 20s; !all_hang() && clock_type::now() < end;) {
    look_up("hung.test", 2ms, ec);
    EXPECT_EQ(ec, errc::timed_out);
    EXPECT_THAT(detail_text(), HasSubstr("within 2 ms"));
  }
  ASSERT_TRUE(all_hang());
  for (int i = 0; i < 500; ++i) {
    look_up("hung.test", 1ms, ec);
    EXPECT_EQ(ec, errc::timed_out);
    EXPECT_THAT(detail_text(),
                testing::AllOf(HasSubstr("64 earlier look-ups"), HasSubstr("1 ms"), HasSubstr("hung.test")));
  }
  EXPECT_EQ(thread_count(), before + afplug::max_lookup_threads);
  // Numeric addresses need no thread.
  EXPECT_EQ(look_up("127.0.0.1", 1s, ec).size(), 1u);

  // A child of fork(2) has threads of its own.
  const auto child = ::fork();
  if (child == 0) {
    error_code inside;
    const auto found = look_up("slow.test", 10s, inside);
    ::_exit(!inside && found.size() == 1 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);

  // A call that waits for a free thread is served when there is one.
  std::thread waiter([] {
    error_code inside;
    EXPECT_EQ(look_up("slow.test", 20s, inside).size(), 1u);
    EXPECT_FALSE(inside) << inside.message();
  });
  release();
  waiter.join();
  for (const auto end = clock_type::now() + 20s; thread_count() != before && clock_type::now() < end;)
    std::this_thread::sleep_for(1ms);
  EXPECT_EQ(thread_count(), before);
  EXPECT_EQ(hung_ever, static_cast<int>(afplug::max_lookup_threads))
      << "a look-up that was given up is not begun later";
}

}  // namespace
