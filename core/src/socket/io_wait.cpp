// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "io_wait.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <afplug/interrupt.hpp>
#include <algorithm>
#include <utility>

#include "no_cancellation.hpp"
#include "thread_storage.hpp"

namespace afplug {
namespace {

std::function<bool()>* hook() noexcept { return detail::thread_storage<std::function<bool()>>(); }

}  // namespace

std::function<bool()> set_interrupt_hook(std::function<bool()> next) {
  auto* mine = hook();
  if (!mine) throw std::bad_alloc();
  return std::exchange(*mine, std::move(next));
}

namespace detail {

bool interrupted(error_code& ec) {
  const auto* mine = hook();
  if (!mine || !*mine || !(*mine)()) return false;
  fail(ec, errc::interrupted, {});
  return true;
}

::timespec time_until(clock::time_point deadline) noexcept {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - clock::now()).count();
  ::timespec left{};
  if (ns > 0) left.tv_sec = ns / 1000000000, left.tv_nsec = static_cast<long>(ns % 1000000000);
  return left;
}

short wait_ready(int fd, short events, std::optional<clock::time_point> deadline, int wake, error_code& ec) {
  for (;;) {
    ::timespec left{};
    if (deadline) left = time_until(*deadline);
    ::pollfd fds[2] = {{fd, events, 0}, {wake, POLLIN, 0}};
    const int n = ::ppoll(fds, wake < 0 ? 1 : 2, deadline ? &left : nullptr, nullptr);
    if (n < 0) {
      if (errno != EINTR) {
        fail_errno(ec, errno);
        return 0;
      }
      if (interrupted(ec)) return 0;
      continue;
    }
    if (fds[1].revents) {
      fail(ec, errc::stopped, {});
      return 0;
    }
    if (n > 0) {
      ec.clear();
      return fds[0].revents;
    }
    if (clock::now() >= *deadline) {
      fail(ec, errc::timed_out, {});
      return 0;
    }
  }
}

io_wait::~io_wait() {
  const no_cancellation here;
  callback_.reset();  // waits for a running callback, which writes to the descriptor
  if (wake_ >= 0) ::close(wake_);
}

void io_wait::waker::operator()() const noexcept {
  const no_cancellation here;
  const std::uint64_t one = 1;
  // Fails with EAGAIN only if the counter is at its maximum; then the eventfd is readable anyway.
  [[maybe_unused]] const auto n = ::write(fd, &one, sizeof one);
}

bool io_wait::stop_with(const std::stop_token& stop, error_code& ec) {
  if (stop.stop_requested()) {
    fail(ec, errc::stopped, {});
    return false;
  }
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) {
    fail_errno(ec, errno);
    return false;
  }
  callback_.emplace(stop, waker{wake_});
  return true;
}

// A datagram socket polls writable while the receiver given to sendto(2) is full. Without a pause the call would spin.
bool io_wait::back_off(error_code& ec) {
  ::pollfd now{fd_, events_, 0};
  if (::poll(&now, 1, 0) <= 0) return true;
  const auto rest = std::chrono::milliseconds(1 << std::min(spurious_wakeups_++, 3u));
  auto until = clock::now() + rest;
  if (deadline_) until = std::min(until, *deadline_);
  // poll(2) ignores negative descriptors.
  if (wait_ready(-1, 0, until, wake_, ec) == 0 && ec != errc::timed_out) return false;
  if (deadline_ && clock::now() >= *deadline_) return false;
  return true;
}

bool io_wait::should_retry(int error, error_code& ec) {
  if (error == EINTR) {
    if (interrupted(ec)) return false;
    if (deadline_ && clock::now() >= *deadline_) {
      fail(ec, errc::timed_out, {});
      return false;
    }
    return true;
  }
  if ((error == EAGAIN || error == EWOULDBLOCK) && (timeout_ > 0 || (timeout_ < 0 && polls_))) {
    // A datagram socket after SHUT_RD: poll(2) always reports it readable, but a non-blocking recv(2) fails with
    // EAGAIN, where a blocking one returns 0.
    if ((ready_ & POLLRDHUP) != 0) {
      ec.clear();
      return false;
    }
    if (ready_ != 0 && !back_off(ec)) return false;
    ready_ = wait_ready(fd_, (events_ & POLLIN) != 0 ? static_cast<short>(events_ | POLLRDHUP) : events_, deadline_,
                        wake_, ec);
    return ready_ != 0;
  }
  fail_errno(ec, error);
  return false;
}

}  // namespace detail
}  // namespace afplug
