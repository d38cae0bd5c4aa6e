// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// wait(), and poll, select and epoll on the native handle.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE_ALL(readiness_any_row, true);
CONFORMANCE(readiness, true);
CONFORMANCE(readiness_full_receiver, t.delivery.flow_control&& t.delivery.pollout_clears_when_full);
CONFORMANCE(readiness_listener, t.connection.listens);

char buffer[1 << 16];

short polled(int fd, short events, int milliseconds = 0) {
  pollfd p{fd, events, 0};
  return ::poll(&p, 1, milliseconds) > 0 ? p.revents : short{0};
}

bool selected(int fd) {
  if (fd >= FD_SETSIZE) throw std::runtime_error("select takes no such descriptor");
  fd_set set;
  FD_ZERO(&set);
  FD_SET(fd, &set);
  timeval now{};
  return ::select(fd + 1, &set, nullptr, nullptr, &now) == 1 && FD_ISSET(fd, &set);
}

class epoll {
 public:
  epoll(int fd, std::uint32_t events) : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event e{};
    e.events = events;
    EXPECT_EQ(::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &e), 0);
  }
  ~epoll() { ::close(fd_); }
  std::uint32_t next(int milliseconds = 0) const {
    epoll_event e{};
    return ::epoll_wait(fd_, &e, 1, milliseconds) == 1 ? e.events : 0;
  }

 private:
  int fd_;
};

constexpr int soon = 60000;  // milliseconds; for data in transit

TEST_P(readiness, pollin) {
  auto l = connected();
  EXPECT_EQ(l.a.wait(POLLIN, 0ns), traits().delivery.readable_once_at_start ? POLLIN : 0);
  EXPECT_EQ(l.a.wait(POLLIN, 0ns), 0);
  EXPECT_EQ(polled(l.a.native_handle(), POLLIN) & POLLIN, 0);
  EXPECT_FALSE(selected(l.a.native_handle()));
  const auto before = clock::now();
  EXPECT_EQ(l.a.wait(POLLIN, 20ms), 0);
  EXPECT_GE(clock::now() - before, 20ms);
  l.b.send(message(1));
  EXPECT_EQ(l.a.wait(POLLIN, patience), POLLIN);
  EXPECT_EQ(l.a.wait(POLLIN), POLLIN);
  EXPECT_EQ(l.a.wait(POLLIN, std::chrono::nanoseconds::max()), POLLIN);
  EXPECT_EQ(polled(l.a.native_handle(), POLLIN) & POLLIN, POLLIN);
  EXPECT_TRUE(selected(l.a.native_handle()));
  l.a.recv(buffer);
  EXPECT_EQ(l.a.wait(POLLIN, 0ns), 0);
  EXPECT_EQ(polled(l.a.native_handle(), POLLIN) & POLLIN, 0);
}

TEST_P(readiness, pollout) {
  auto l = connected();
  EXPECT_EQ(l.a.wait(POLLOUT, patience), POLLOUT);
  EXPECT_EQ(polled(l.a.native_handle(), POLLOUT), POLLOUT);
  EXPECT_EQ(l.a.wait(POLLIN | POLLOUT, patience), POLLOUT);
}

TEST_P(readiness_any_row, of_a_closed_socket) {
  afplug::socket none;
  EXPECT_EQ(ERROR_OF(none.wait(POLLIN, 0ns, _)), sys(EBADF));
}

TEST_P(readiness, epoll_level_triggered) {
  auto l = connected();
  const epoll e(l.a.native_handle(), EPOLLIN);
  EXPECT_EQ(e.next(), 0u);
  l.b.send(message(1));
  EXPECT_EQ(e.next(soon) & EPOLLIN, EPOLLIN);
  EXPECT_EQ(e.next() & EPOLLIN, EPOLLIN) << "as long as there is data";
  l.a.recv(buffer);
  EXPECT_EQ(e.next(), 0u);
}

TEST_P(readiness, epoll_edge_triggered) {
  auto l = connected();
  const epoll e(l.a.native_handle(), EPOLLIN | EPOLLET);
  l.a.timeout(0ns);
  for (unsigned i = 0; i < 20; ++i) {
    l.b.send(message(i));
    EXPECT_EQ(e.next(soon) & EPOLLIN, EPOLLIN) << "an edge after each EAGAIN";
    // A loop that receives until EAGAIN gets all data.
    std::string got;
    error_code ec;
    while (got.size() < received_size(message(i).size()) || !ec) {
      const auto n = l.a.recv(buffer, 0, ec);
      if (ec && got.size() >= received_size(message(i).size())) break;
      ASSERT_TRUE(!ec || ec == sys(EAGAIN));
      got.append(buffer, n);
    }
    EXPECT_EQ(as_sent(got.data(), got.size()), message(i));
    EXPECT_EQ(ERROR_OF(l.a.recv(buffer, 0, _)), sys(EAGAIN));
  }
}

TEST_P(readiness, epoll_edges_wake_a_waiting_thread) {
  auto l = connected();
  l.a.timeout(0ns);
  const epoll e(l.a.native_handle(), EPOLLIN | EPOLLET);
  constexpr unsigned count = 200;
  std::atomic<unsigned> seen{0};
  error_code failed;
  {
    helper_thread reader([&] {
      while (seen < count) {
        if (e.next(soon) == 0) return;
        for (error_code ec; !ec;) {
          const auto n = l.a.recv(buffer, 0, ec);
          if (!ec) seen += static_cast<unsigned>(traits().delivery.stream ? n : 1);
        }
      }
    });
    // No more in transit than every row can queue.
    for (unsigned i = 0; i < count && !failed; ++i) {
      l.b.send(traits().delivery.stream ? std::string("x") : message(0), 0, failed);
      if (i % 8 == 7) eventually([&] { return seen > i; });
    }
  }
  EXPECT_EQ(failed, sys(0));
  EXPECT_EQ(seen, count);
}

TEST_P(readiness_full_receiver, pollout_ends_and_returns) {
  auto l = connected();
  const epoll e(l.a.native_handle(), EPOLLOUT | EPOLLET);
  EXPECT_EQ(e.next(soon) & EPOLLOUT, EPOLLOUT);
  fill(l.a, r());
  // Data in transit may free buffer space for some time.
  EXPECT_TRUE(eventually([&] {
    fill(l.a, r());
    return l.a.wait(POLLOUT, 20ms) == 0;
  }));
  while (e.next() != 0) {
  }
  std::atomic<bool> done{false};
  helper_thread reader([&] { drain(l.b, done); });
  EXPECT_EQ(l.a.wait(POLLOUT, patience), POLLOUT);
  EXPECT_EQ(e.next(soon) & EPOLLOUT, EPOLLOUT) << "an edge after EAGAIN";
  done = true;
}

TEST_P(readiness_listener, pollin_of_a_listener) {
  auto s = listening();
  const epoll e(s.native_handle(), EPOLLIN | EPOLLET);
  EXPECT_EQ(s.wait(POLLIN, 0ns), 0);
  s.timeout(0ns);
  for (int i = 0; i < 3; ++i) {
    auto client = open();
    begin_connect(client, s.getsockname());
    EXPECT_EQ(s.wait(POLLIN, patience), POLLIN);
    EXPECT_TRUE(selected(s.native_handle()));
    EXPECT_EQ(e.next(soon) & EPOLLIN, EPOLLIN);
    auto accepted = s.accept();
    EXPECT_TRUE(accepted.is_open());
    EXPECT_EQ(ERROR_OF(s.accept(_)), sys(EAGAIN));
    EXPECT_EQ(s.wait(POLLIN, 0ns), 0);
    close_both(client, accepted);
  }
}

TEST_P(readiness_listener, reports_that_the_peer_has_closed) {
  auto l = connected();
  l.b.close();
  // poll(2) reports a pending error as POLLERR.
  const short expected = errors().shutdown.recv_again_after_close == 0 ? POLLIN : POLLERR;
  EXPECT_EQ(l.a.wait(POLLIN, patience) & expected, expected) << "the end can be received";
  EXPECT_EQ(polled(l.a.native_handle(), POLLIN, soon) & expected, expected);
  if (errors().shutdown.recv_after_close != 0) {
    EXPECT_EQ(ERROR_OF(l.a.recv(buffer, 0, _)), sys(errors().shutdown.recv_after_close));
    if (traits().shutdown.recv_repeats_reset) return;
    if (errors().shutdown.recv_again_after_close != 0) {
      EXPECT_EQ(polled(l.a.native_handle(), POLLIN), POLLHUP) << "the error was read, the hang-up stays";
      return;
    }
  }
  EXPECT_EQ(l.a.recv(buffer), 0u);
}

}  // namespace
}  // namespace conformance
