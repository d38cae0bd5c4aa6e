// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// pthread_cancel(3) while a thread is in calls of afplug.
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <afplug/inspect.hpp>
#include <afplug/log.hpp>
#include <afplug/registry.hpp>
#include <afplug/socket.hpp>
#include <afplug/stream.hpp>
#include <afplug/verdict.hpp>
#include <array>
#include <atomic>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "../support/descriptors.hpp"

namespace afplug {
namespace {

using testing_support::open_descriptor_count;

struct call_in_thread {
  std::function<void()> call;
  std::atomic<bool> started{false};
  bool returned = false;
  bool pending = false;

  /// Makes the call in a thread, with a cancellation pending or cancelled by `cancel_when_waiting`. Returns whether the
  /// thread ended by cancellation.
  bool run(bool cancel_when_waiting) {
    pending = !cancel_when_waiting;
    pthread_t thread{};
    EXPECT_EQ(::pthread_create(&thread, nullptr, &call_in_thread::body, this), 0);
    if (cancel_when_waiting) {
      while (!started) ::sched_yield();
      ::usleep(20000);
      ::pthread_cancel(thread);
    }
    void* result = nullptr;
    ::pthread_join(thread, &result);
    return result == PTHREAD_CANCELED;
  }

  static void* body(void* self) {
    auto& me = *static_cast<call_in_thread*>(self);
    int before = 0;
    if (me.pending) {
      ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
      ::pthread_cancel(::pthread_self());
      ::pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    }
    me.started = true;
    me.call();
    me.returned = true;
    ::pthread_testcancel();
    return nullptr;
  }
};

/// A call that is not a cancellation point returns, and the thread is cancelled after it.
void expect_not_cancelled(std::function<void()> call) {
  call_in_thread thread{std::move(call)};
  EXPECT_TRUE(thread.run(false));
  EXPECT_TRUE(thread.returned);
}

TEST(cancellation, close_and_destructors_complete) {
  const auto before = open_descriptor_count();
  for (const char* family : {"inet", "loop"}) {
    SCOPED_TRACE(family);
    expect_not_cancelled([&] { socket(family, SOCK_STREAM).close(); });
    expect_not_cancelled([&] { const socket destroyed(family, SOCK_STREAM); });
  }
  expect_not_cancelled([] {
    error_code ec;
    static_cast<void>(socket::pair(registry::global().family("loop"), SOCK_STREAM, 0, ec));
  });
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST(cancellation, received_descriptors_are_closed) {
  auto [a, b] = socket::pair("unix", SOCK_STREAM);
  const auto before = open_descriptor_count();
  const char byte = 'x';
  const std::array<const_bytes, 1> data{const_bytes(&byte, 1)};
  const int passed = 0;
  a.send_fds(data, std::span(&passed, 1));
  std::optional<control_buffer> control(std::in_place, 256);
  char into = 0;
  const std::array<mutable_bytes, 1> buffer{mutable_bytes(&into, 1)};
  b.recvmsg(buffer, *control);
  EXPECT_EQ(open_descriptor_count(), before + 1);
  expect_not_cancelled([&] { control.reset(); });
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST(cancellation, functions_of_plugins_complete) {
  auto pair = socket::pair("loop", SOCK_STREAM);
  auto& a = pair.first;
  auto& b = pair.second;
  expect_not_cancelled([&] {
    error_code ec;
    a.send(const_bytes("hello", 5), 0, ec);
    EXPECT_FALSE(ec);
    std::array<char, 8> buffer{};
    EXPECT_EQ(b.recv(mutable_bytes(buffer.data(), buffer.size()), 0, ec), 5u);
    a.shutdown(SHUT_WR, ec);
    EXPECT_EQ(b.recv(mutable_bytes(buffer.data(), buffer.size()), 0, ec), 0u);
  });
}

TEST(cancellation, loading_logging_and_verdicts_complete) {
  registry fresh;
  expect_not_cancelled([&] {
    error_code ec;
    EXPECT_NE(fresh.family("unix", ec), nullptr);
  });
  expect_not_cancelled([&] { EXPECT_TRUE(inspect(fresh.family("unix").path()).acceptable); });
  ::setenv("AFPLUG_LOG", "debug", 1);
  expect_not_cancelled([] { log(log_level::debug, "test", "a line"); });
  ::unsetenv("AFPLUG_LOG");
  expect_not_cancelled([&] { static_cast<void>(check(fresh.family("unix"), SOCK_STREAM, 0)); });
  expect_not_cancelled([&] { static_cast<void>(explain(fresh.family("unix"), SOCK_STREAM, 0, EMFILE)); });
}

TEST(cancellation, a_stream_is_flushed_by_its_destructor) {
  auto pair = socket::pair("unix", SOCK_STREAM);
  auto& a = pair.first;
  auto& b = pair.second;
  expect_not_cancelled([&] {
    socket_stream stream(std::move(a));
    stream << "text";
  });
  std::array<char, 8> buffer{};
  EXPECT_EQ(b.recv(mutable_bytes(buffer.data(), buffer.size())), 4u);
}

TEST(cancellation, a_waiting_call_is_cancelled_and_its_sockets_are_closed) {
  const auto before = open_descriptor_count();
  for (const char* family : {"unix", "loop"}) {
    SCOPED_TRACE(family);
    std::stop_source stop;
    const std::function<void(socket&)> calls[] = {
        [](socket& s) {
          char byte = 0;
          s.recv(mutable_bytes(&byte, 1));
        },
        [&](socket& s) {
          char byte = 0;
          error_code ec;
          s.recv(mutable_bytes(&byte, 1), 0, stop.get_token(), ec);
        },
        [](socket& s) { s.wait(POLLIN); },
    };
    for (const auto& call : calls) {
      call_in_thread thread{[&] {
        auto both = socket::pair(family, SOCK_STREAM);
        call(both.first);
      }};
      EXPECT_TRUE(thread.run(true));
      EXPECT_FALSE(thread.returned);
      EXPECT_EQ(open_descriptor_count(), before);
    }
  }
}

}  // namespace
}  // namespace afplug
