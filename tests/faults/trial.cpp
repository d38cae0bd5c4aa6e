// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "trial.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/system/system_error.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <system_error>
#include <thread>

#include "../support/descriptors.hpp"

namespace afplug::testing_support {
namespace {

constexpr unsigned seconds_until_hung = 30;

/// What a child reports, in memory that it shares with its parent.
struct report {
  char call[64];   // the call that was made last
  char fault[64];  // the fault that was injected
  char failure[400];
  long points;
  long leaked_descriptors;
  long leaked_allocations;
};

report* mine = nullptr;  // in a child

template <std::size_t N>
void copy(char (&to)[N], std::string_view text) noexcept {
  to[text.copy(to, N - 1)] = '\0';
}

[[noreturn]] void fail(std::string_view text) {
  copy(mine->failure, text);
  ::_exit(1);
}

/// Reports the fault before the process ends.
void on_signal(int number) {
  if (const char* fault = faults_injected()) copy(mine->fault, fault);
  if (std::getenv("AFPLUG_FAULTS_TRACE") != nullptr) {
    void* frames[64];
    ::backtrace_symbols_fd(frames, ::backtrace(frames, 64), STDERR_FILENO);
  }
  ::signal(number, SIG_DFL);
  ::raise(number);
}

long descriptors() { return static_cast<long>(open_descriptors().size()); }

/// The live allocations, once the process's other threads have freed theirs.
long settled_allocations(bool threads) {
  long now = faults_live_allocations();
  for (int same = 0; threads && same < 3;) {
    ::poll(nullptr, 0, 2);
    const long later = faults_live_allocations();
    same = later == now ? same + 1 : 0;
    now = later;
  }
  return now;
}

/// The error texts of a thread, afplug's and dlerror(3)'s, keep their memory: gives them the same size in every run.
void normalise_error_text() {
  static_cast<void>(::dlopen("/", RTLD_NOW));
  error_code ec;
  detail::fail(ec, errc::invalid_argument, std::string(300, 'x'));
}

void run_once(const scenario& s, int what, long n) {
  trial t;
  faults_arm(what, n);
  faults_count_here(0);
  try {
    s.run(t);
  } catch (const std::exception& e) {
    fail(std::string("failed without a fault: ") + e.what());
  }
  mine->points = faults_disarm();
  if (const char* fault = faults_injected(); fault && mine->fault[0] == '\0') copy(mine->fault, fault);
  normalise_error_text();
}

[[noreturn]] void run_child(const scenario& s, int what, long n) {
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGALRM}) ::signal(number, on_signal);
  ::alarm(seconds_until_hung);
  normalise_error_text();
  long descriptors_before = descriptors(), allocations_before = settled_allocations(s.threads);
  run_once(s, what, n);
  const auto points = mine->points;
  // The first run may leave memory that is kept on purpose, such as that of lazily made tables: two rounds of a run
  // with the fault and one without must end alike.
  run_once(s, what, -1);
  if (!s.once) {
    descriptors_before = descriptors();
    allocations_before = settled_allocations(s.threads);
    run_once(s, what, n);
    run_once(s, what, -1);
  }
  mine->points = points;
  mine->leaked_descriptors = descriptors() - descriptors_before;
  mine->leaked_allocations = settled_allocations(s.threads) - allocations_before;
  ::_exit(0);
}

class children {
 public:
  children(const scenario& s, int what)
      : scenario_(s), what_(what), most_(std::max(1u, std::thread::hardware_concurrency())) {
    shared_ = static_cast<report*>(
        ::mmap(nullptr, most_ * sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (shared_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  }
  ~children() { ::munmap(shared_, most_ * sizeof(report)); }
  children(const children&) = delete;
  children& operator=(const children&) = delete;

  /// Tries all points, or `only` this one.
  std::string run(long only = -1) {
    // A run without a fault counts the points, and what a scenario leaves that is run once.
    start(0, -1);
    wait_for_one();
    if (!failures_.empty()) return failures_;
    const long points = shared_[0].points;
    for (long n = std::max(0L, only); n < (only < 0 ? points : only + 1) && failed_ < 5; ++n) {
      std::size_t slot = 0;
      while (slot < most_ && busy(slot)) ++slot;
      if (slot == most_) slot = wait_for_one();
      start(slot, n);
    }
    while (!running_.empty()) wait_for_one();
    points_ = points;
    std::printf("[  points  ] %ld %s\n", points,
                what_ == FAULTS_SYSTEM_CALL  ? "of system calls"
                : what_ == FAULTS_ALLOCATION ? "allocations"
                                             : "allocations and all later ones");
    return failures_;
  }

  /// The number of points, after run().
  long points() const { return points_; }

 private:
  struct child {
    std::size_t slot;
    long n;
  };
  bool busy(std::size_t slot) const {
    for (const auto& [pid, c] : running_)
      if (c.slot == slot) return true;
    return false;
  }

  void start(std::size_t slot, long n) {
    shared_[slot] = {};
    const auto pid = ::fork();
    if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid == 0) {
      mine = &shared_[slot];
      run_child(scenario_, what_, n);
    }
    running_[pid] = {slot, n};
  }

  std::size_t wait_for_one() {
    int status = 0;
    const auto pid = ::waitpid(-1, &status, 0);
    const auto found = running_.find(pid);
    if (found == running_.end()) throw std::system_error(errno, std::generic_category(), "waitpid");
    const auto [slot, n] = found->second;
    running_.erase(found);
    check(shared_[slot], status, n);
    return slot;
  }

  void check(const report& r, int status, long n) {
    std::string why;
    if (WIFSIGNALED(status))
      why = WTERMSIG(status) == SIGALRM ? "it hangs" : std::string("it ends with ") + ::strsignal(WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
      why = r.failure[0] != '\0' ? r.failure : "it exits with " + std::to_string(WEXITSTATUS(status));
    else if (n < 0)
      expected_ = r;
    else if (r.leaked_descriptors != expected_.leaked_descriptors)
      why = std::to_string(r.leaked_descriptors - expected_.leaked_descriptors) + " descriptors are left open";
    else if (r.leaked_allocations > expected_.leaked_allocations)
      why = std::to_string(r.leaked_allocations - expected_.leaked_allocations) + " allocations are not freed";
    if (why.empty()) return;
    ++failed_;
    failures_ += "\n  point " + std::to_string(n) + " (" + std::to_string(what_) + "), " + r.fault + ", in " + r.call +
                 ": " + why;
  }

  const scenario& scenario_;
  const int what_;
  const std::size_t most_;
  report* shared_;
  report expected_{};
  std::map<::pid_t, child> running_;
  std::string failures_;
  int failed_ = 0;
  long points_ = 0;
};

}  // namespace

void trial::begin(const char* what) noexcept { copy(mine->call, what); }

void trial::require(bool condition, const char* text) {
  if (!condition) fail(std::string(mine->call) + ": " + text);
}

void trial::check_error(const error_code& ec, const std::string& text) {
  const char* fault = faults_injected();
  if (!fault) fail(std::string(mine->call) + ": fails without a fault: " + ec.message() + ": " + text);
  copy(mine->fault, fault);
}

void trial::check_exception(bool needs_fault) {
  const auto fault = [&](const char* text) {
    const char* injected = faults_injected();
    if (!injected && needs_fault) fail(std::string(mine->call) + ": fails without a fault: " + text);
    if (injected) copy(mine->fault, injected);
  };
  try {
    throw;
  } catch (const std::bad_alloc& e) {
    fault(e.what());
  } catch (const boost::system::system_error& e) {
    fault(e.what());
    // More than the message of the code: what was asked.
    if (std::string_view(e.what()).size() <= e.code().message().size() || e.code().message().empty())
      fail(std::string("an error without text: \"") + e.what() + '"');
  } catch (const std::system_error& e) {
    fault(e.what());
    if (std::string_view(e.what()).empty()) fail("a std::system_error without text");
  } catch (const std::exception& e) {
    fail(std::string("an unexpected exception: ") + e.what());
  } catch (...) {
    fail("an exception of unknown type");
  }
}

std::string try_all_faults(const scenario& s) {
  if (s.prepare) s.prepare();
  // AFPLUG_FAULTS_ONLY=WHAT:N tries one fault, to be debugged with AFPLUG_FAULTS_TRACE.
  if (const char* only = std::getenv("AFPLUG_FAULTS_ONLY")) {
    char* end = nullptr;
    const auto what = static_cast<int>(std::strtol(only, &end, 10));
    return children(s, what).run(*end == ':' ? std::strtol(end + 1, nullptr, 10) : 0);
  }
  std::string failures;
  long points = 0;
  for (const int what : {int{FAULTS_ALLOCATION}, FAULTS_ALLOCATION | FAULTS_PERSISTENT, int{FAULTS_SYSTEM_CALL}}) {
    if (s.one_fault_only && (what & FAULTS_PERSISTENT) != 0) continue;
    children all(s, what);
    failures += all.run();
    if (!failures.empty()) return failures;
    points += all.points();
  }
  if (points == 0) return "no fault was injected: are the functions of faults.cpp called?";
  return failures;
}

}  // namespace afplug::testing_support
