// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug::selector with sockets of kernel families and of a family in user space.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <afplug/interrupt.hpp>
#include <afplug/selector.hpp>
#include <afplug/socket.hpp>
#include <chrono>
#include <csignal>
#include <map>
#include <thread>
#include <vector>

#include "../support/errors.hpp"

namespace {

using afplug::errc;
using afplug::error_code;
using afplug::events;
using afplug::selector;
using afplug::socket;
using afplug::testing_support::sys;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

constexpr auto patience = 20s;

std::pair<socket, socket> connected(std::string_view family) {
  if (family != "inet") return socket::pair(family);
  socket listener("inet", SOCK_STREAM), client("inet", SOCK_STREAM);
  listener.bind("127.0.0.1:0");
  listener.listen();
  client.connect(listener.getsockname());
  return {std::move(client), listener.accept()};
}

std::map<std::size_t, events> ready(std::span<const afplug::selected> found) {
  std::map<std::size_t, events> out;
  for (const auto& each : found) out[each.key] = each.ready;
  return out;
}
using keys = std::map<std::size_t, events>;

class selector_families : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(families, selector_families, testing::Values("inet", "unix", "loop"));

TEST_P(selector_families, reports_sockets_as_long_as_they_are_ready) {
  auto [a, b] = connected(GetParam());
  selector set;
  set.add(a, events::readable, 7);
  set.add(b, events::readable, 8);
  EXPECT_EQ(set.size(), 2u);
  EXPECT_TRUE(set.wait(0ns).empty());
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(set.wait(30ms).empty());
  EXPECT_GE(std::chrono::steady_clock::now() - before, 30ms);

  a.sendall("hello"sv);
  EXPECT_EQ(ready(set.wait(patience)), (keys{{8, events::readable}}));
  const auto found = set.wait(patience);
  ASSERT_EQ(found.size(), 1u) << "level-triggered";
  EXPECT_EQ(found[0].descriptor, b.fileno());
  char text[3];
  EXPECT_EQ(b.recv(text), 3u);
  EXPECT_EQ(ready(set.wait(patience)), (keys{{8, events::readable}})) << "two bytes are left";
  EXPECT_EQ(b.recv(text), 2u);
  EXPECT_TRUE(set.wait(0ns).empty());

  set.modify(a, events::readable | events::writable);
  EXPECT_EQ(ready(set.wait(patience)), (keys{{7, events::writable}}));
  set.modify(a, {});
  EXPECT_TRUE(set.wait(0ns).empty());
  set.remove(a);
  EXPECT_FALSE(set.contains(a));
  EXPECT_TRUE(set.contains(b));
  a.shutdown(SHUT_WR);
  const auto end = ready(set.wait(patience));
  ASSERT_TRUE(end.contains(8));
  EXPECT_TRUE(end.at(8) & events::readable) << "the end of the stream";
}

TEST_P(selector_families, closed_socket_is_not_reported) {
  selector set;
  auto [a, b] = connected(GetParam());
  set.add(b, events::readable, 1);
  a.sendall("x"sv);
  EXPECT_EQ(set.wait(patience).size(), 1u);
  const int number = b.fileno();
  b.close();
  EXPECT_TRUE(set.wait(0ns).empty());
  // Another socket with the same descriptor takes the place of the closed one.
  auto [c, d] = connected(GetParam());
  error_code ec;
  set.add(d.fileno() == number ? d : c, events::writable, 2, ec);
  EXPECT_FALSE(ec) << ec.message();
  EXPECT_EQ(ready(set.wait(patience)), (keys{{2, events::writable}}));
}

TEST(selector, closed_socket_with_a_duplicate_is_not_reported) {
  for (const bool reused : {false, true}) {
    selector set;
    auto [a, b] = connected("unix");
    auto [c, d] = connected("unix");
    set.add(b, events::readable, 1);
    set.add(d, events::readable, 2);
    a.sendall("x"sv);
    const socket copy = b.dup();
    const int number = b.fileno();
    b.close();
    const int file = reused ? ::dup2(STDIN_FILENO, number) : -1;
    EXPECT_TRUE(set.wait(0ns).empty()) << "the kernel reports the duplicate";
    EXPECT_TRUE(set.wait(20ms).empty());
    EXPECT_EQ(set.size(), 1u) << "its entry is dropped";
    c.sendall("x"sv);
    EXPECT_EQ(ready(set.wait(patience)), (keys{{2, events::readable}}));
    if (reused) ::close(file);
  }
}

TEST(selector, socket_with_the_descriptor_of_a_closed_one_has_events_of_its_own) {
  selector set;
  auto [a, b] = connected("unix");
  set.add(b, events::readable, 1);
  a.sendall("x"sv);
  const socket copy = b.dup();
  const int number = b.fileno();
  b.close();
  auto [c, d] = connected("unix");
  const socket& next = c.fileno() == number ? c : d;
  ASSERT_EQ(next.fileno(), number);
  set.add(next, events::readable, 2);
  EXPECT_TRUE(set.wait(20ms).empty()) << "the kernel reports the duplicate";
}

TEST(selector, closed_socket_can_be_removed) {
  selector set;
  auto [a, b] = connected("unix");
  set.add(b, events::readable);
  const socket copy = b.dup();
  const int number = b.fileno();
  b.close();
  set.remove(number);
  EXPECT_TRUE(set.empty());
  a.sendall("x"sv);
  EXPECT_TRUE(set.wait(20ms).empty());
}

TEST(selector, refuses_wrong_calls) {
  selector set;
  auto pair = connected("unix");
  auto &a = pair.first, &b = pair.second;
  const socket closed;
  EXPECT_EQ(ERROR_OF(set.add(closed, events::readable, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(set.modify(closed, events::readable, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(set.modify(a, events::readable, _)), error_code(errc::invalid_argument));
  EXPECT_EQ(ERROR_OF(set.remove(a, _)), error_code(errc::invalid_argument));
  set.add(a, events::readable);
  EXPECT_EQ(ERROR_OF(set.add(a, events::readable, _)), error_code(errc::invalid_argument));
  EXPECT_NE(afplug::last_detail().find("modify()"), std::string_view::npos);
  EXPECT_EQ(set.size(), 1u);
  EXPECT_EQ(ERROR_OF(set.wait(-1ns, _)), error_code(errc::invalid_argument));
  EXPECT_THROW(set.add(a, events::readable), afplug::error);
  EXPECT_THROW(set.modify(b, events::readable), afplug::error);
  EXPECT_THROW(set.remove(b), afplug::error);
  EXPECT_THROW(set.wait(-1ns), afplug::error);
}

TEST(selector, creation_reports_missing_descriptors) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{0, limit.rlim_max};
  error_code ec;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  selector::create(ec);
  bool thrown = false;
  try {
    selector();
  } catch (const afplug::error&) {
    thrown = true;
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(ec, sys(EMFILE));
  EXPECT_TRUE(thrown);
}

TEST(selector, wake_ends_the_present_or_the_next_wait) {
  selector set;
  set.wake();
  EXPECT_TRUE(set.wait(patience).empty());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(set.wait(30ms).empty());
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
  std::jthread other([&] {
    std::this_thread::sleep_for(20ms);
    set.wake();
  });
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(set.wait().empty());
  EXPECT_LT(std::chrono::steady_clock::now() - before, patience);
}

TEST(selector, stop_token_ends_a_wait) {
  selector set;
  std::stop_source stop;
  EXPECT_TRUE(set.wait(1ms, stop.get_token()).empty());
  std::jthread other([&] {
    std::this_thread::sleep_for(20ms);
    stop.request_stop();
  });
  EXPECT_EQ(ERROR_OF(set.wait(std::nullopt, stop.get_token(), _)), error_code(errc::stopped));
  EXPECT_EQ(ERROR_OF(set.wait(std::nullopt, stop.get_token(), _)), error_code(errc::stopped));
  EXPECT_THROW(set.wait({}, stop.get_token()), afplug::error);
  // The stop does not end waits without the token.
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(set.wait(30ms).empty());
  EXPECT_GE(std::chrono::steady_clock::now() - before, 30ms);
}

TEST(selector, interrupt_hook_ends_a_wait) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  struct sigaction before {};
  ::sigaction(SIGALRM, &action, &before);
  selector set;
  {
    const afplug::scoped_interrupt_hook hook([] { return true; });
    ::ualarm(20000, 0);
    EXPECT_EQ(ERROR_OF(set.wait(patience, _)), error_code(errc::interrupted));
  }
  ::ualarm(10000, 0);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(set.wait(60ms).empty()) << "continues with the rest of the time";
  EXPECT_GE(std::chrono::steady_clock::now() - start, 60ms);
  ::sigaction(SIGALRM, &before, nullptr);
}

TEST(selector, moves_with_its_sockets) {
  auto [a, b] = connected("unix");
  selector first;
  first.add(b, events::readable, 3);
  selector second = std::move(first);
  a.sendall("x"sv);
  EXPECT_EQ(ready(second.wait(patience)), (keys{{3, events::readable}}));
}

// 500 pairs, of kernel families and in user space: each is reported exactly while it has data.
TEST(selector, serves_a_thousand_sockets) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit more{std::max<rlim_t>(limit.rlim_cur, std::min<rlim_t>(limit.rlim_max, 8192)), limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &more), 0);
  if (more.rlim_cur < 4096) GTEST_SKIP() << "takes 4,096 descriptors (RLIMIT_NOFILE)";
  constexpr std::size_t count = 500;
  std::vector<std::pair<socket, socket>> pairs;
  selector set;
  const char* families[] = {"unix", "loop", "inet"};
  for (std::size_t i = 0; i < count; ++i) {
    pairs.push_back(connected(families[i % 3]));
    set.add(pairs[i].first, events::readable, 2 * i);
    set.add(pairs[i].second, events::readable, 2 * i + 1);
  }
  EXPECT_EQ(set.size(), 2 * count);
  EXPECT_TRUE(set.wait(0ns).empty());
  for (auto& [a, b] : pairs) a.sendall("x"sv);
  std::map<std::size_t, int> received;
  while (received.size() < count) {
    const auto found = set.wait(patience);
    ASSERT_FALSE(found.empty());
    for (const auto& each : found) {
      char text;
      ASSERT_EQ(each.key % 2, 1u);
      EXPECT_EQ(pairs[each.key / 2].second.recv(afplug::mutable_bytes(&text, 1)), 1u);
      ++received[each.key];
    }
  }
  for (const auto& [key, times] : received) EXPECT_EQ(times, 1) << key;
  EXPECT_TRUE(set.wait(0ns).empty());
  for (auto& [a, b] : pairs) {
    set.remove(a);
    set.remove(b);
  }
  EXPECT_TRUE(set.empty());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

}  // namespace
