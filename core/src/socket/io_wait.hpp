// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The retry loop around system calls: EINTR as in PEP 475, blocking, non-blocking and timeout mode, stop tokens.
#pragma once

#include <afplug/error.hpp>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>
#include <stop_token>

namespace afplug::detail {

using clock = std::chrono::steady_clock;

/// Waits for `events` with ppoll(2) until `deadline` (empty: without limit) or until the descriptor `wake` (−1: none)
/// is readable. On EINTR it calls the thread's interrupt hook and continues. Returns the events that occurred, or 0 and
/// sets `ec`: errc::timed_out, stopped, interrupted, or an errno.
short wait_ready(int fd, short events, std::optional<clock::time_point> deadline, int wake, error_code& ec);

/// Returns now + limit, or time_point::max() if that would overflow.
inline clock::time_point deadline_after(std::chrono::nanoseconds limit) noexcept {
  const auto now = clock::now();
  return limit < clock::time_point::max() - now ? now + limit : clock::time_point::max();
}

/// Returns the time until `deadline` for ppoll(2); zero if it has passed.
::timespec time_until(clock::time_point deadline) noexcept;

/// Calls this thread's interrupt hook, if any. True: the hook ends the call, and `ec` is errc::interrupted.
bool interrupted(error_code& ec);

/// The waits and retries of one call: its deadline, stop token and descriptor. The deadline starts at construction.
class io_wait {
 public:
  /// timeout: nanoseconds; 0: non-blocking; below 0: blocking. `polls`: waits on EAGAIN in blocking mode too (families
  /// in user space, stop tokens); else EAGAIN is reported there, as a blocking descriptor returns it for SO_RCVTIMEO.
  io_wait(int fd, short events, std::int64_t timeout, bool polls) noexcept
      : fd_(fd), events_(events), timeout_(timeout), polls_(polls) {
    if (timeout_ > 0) deadline_ = deadline_after(std::chrono::nanoseconds(timeout_));
  }
  io_wait(const io_wait&) = delete;
  io_wait& operator=(const io_wait&) = delete;
  ~io_wait();

  /// Makes waits end when `stop` is triggered. False: it is triggered already (errc::stopped), or eventfd(2) failed.
  bool stop_with(const std::stop_token& stop, error_code& ec);

  /// Handles the failure of an attempt with errno `error`: waits for readiness if necessary and returns true if the
  /// attempt should be repeated; else sets `ec`. False with a clear `ec`: the socket was shut down for receiving,
  /// though the attempt returned EAGAIN.
  bool should_retry(int error, error_code& ec);

  /// Waits for `events` until the deadline, in non-blocking mode too. False: `ec` is set.
  bool ready(short events, error_code& ec) { return wait_ready(fd_, events, deadline_, wake_, ec) != 0; }

  /// Backs off (1–8 ms, doubling) after a spurious readiness notification. False: the wait ended with an error in `ec`,
  /// or the deadline has passed.
  bool back_off(error_code& ec);

  std::optional<clock::time_point> deadline() const noexcept { return deadline_; }
  int wake() const noexcept { return wake_; }

  /// Repeats `attempt`, which returns a result of 0 or above, or −1 and sets errno, until it succeeds or should_retry()
  /// returns false. Returns the last result; if that is negative `ec` is as should_retry() left it.
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
  short ready_ = 0;                // events of the last wait, until an attempt succeeds
  unsigned spurious_wakeups_ = 0;  // in a row
  struct waker {
    int fd;
    void operator()() const noexcept;
  };
  std::optional<std::stop_callback<waker>> callback_;
};

}  // namespace afplug::detail
