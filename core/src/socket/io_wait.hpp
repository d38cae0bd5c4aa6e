// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The loop around system calls: EINTR (PEP 475), the three timeout modes, stop tokens.
#pragma once

#include <afplug/error.hpp>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>

namespace afplug::detail {

using clock = std::chrono::steady_clock;

/// Waits for `events` on a descriptor until `deadline` (empty: for ever) or until the descriptor `wake` (−1: none) is
/// readable. EINTR asks the thread's interrupt hook and goes on. The bits that hold; 0 with errc::timed_out or
/// errc::stopped.
short wait_ready(int fd, short events, std::optional<clock::time_point> deadline, int wake, error_code& ec);

/// The time so long from now; what no clock can say is the end of time.
inline clock::time_point deadline_after(std::chrono::nanoseconds limit) noexcept {
  const auto now = clock::now();
  return limit < clock::time_point::max() - now ? now + limit : clock::time_point::max();
}

/// Asks this thread's interrupt hook; true: `ec` is errc::interrupted.
bool interrupted(error_code& ec);

/// One call of the program's: how long it may take, and what may end it. Made before the first attempt of the slow
/// path.
class io_wait {
 public:
  /// timeout: nanoseconds; 0: non-blocking; below 0: blocking. `polls`: in blocking mode EAGAIN is waited for here
  /// (user space, stop tokens), else it is the caller's.
  io_wait(int fd, short events, std::int64_t timeout, bool polls) noexcept
      : fd_(fd), events_(events), timeout_(timeout), polls_(polls) {
    if (timeout_ > 0) deadline_ = deadline_after(std::chrono::nanoseconds(timeout_));
  }
  io_wait(const io_wait&) = delete;
  io_wait& operator=(const io_wait&) = delete;
  ~io_wait();

  /// Lets a stop token end the waits. False: no descriptor for it could be made (ec).
  bool stop_with(const std::stop_token& stop, error_code& ec);

  /// After an attempt failed with errno `error`: true when it is to be tried again, else `ec` says why not. No error:
  /// the socket receives no more, though the attempt did not say so.
  bool should_retry(int error, error_code& ec);

  /// Waits for readiness within the deadline, whatever the mode.
  bool ready(short events, error_code& ec) { return wait_ready(fd_, events, deadline_, wake_, ec) != 0; }

  /// Lets a moment pass, longer each time, where readiness was in vain. False: `ec`, as of a wait.
  bool back_off(error_code& ec);

  std::optional<clock::time_point> deadline() const noexcept { return deadline_; }
  int wake() const noexcept { return wake_; }

  /// Tries until it gives a result: `attempt` returns 0 or above, or −1 with errno. Below 0: as should_retry() says.
  template <class F>
  auto run(F attempt, error_code& ec) -> decltype(attempt()) {
    for (;;) {
      const auto n = attempt();
      if (n >= 0) {
        ready_ = 0;
        spurious_wakeups_ = 0;
        ec.clear();
        return n;
      }
      if (!should_retry(errno, ec)) return n;
    }
  }

 private:
  int fd_;
  short events_;
  std::int64_t timeout_;
  bool polls_;
  std::optional<clock::time_point> deadline_;
  int wake_ = -1;
  short ready_ = 0;                // what the last wait found, after which nothing was done yet
  unsigned spurious_wakeups_ = 0;  // how often in a row it was ready in vain
  struct waker {
    int fd;
    void operator()() const noexcept;
  };
  std::optional<std::stop_callback<waker>> callback_;
};

}  // namespace afplug::detail
