// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What every conformance test stands on: it leaves no descriptor behind and met no SIGPIPE.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include <afplug/socket.hpp>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "../support/descriptors.hpp"
#include "../support/errors.hpp"
#include "../support/pattern.hpp"
#include "apart.hpp"
#include "row.hpp"

namespace conformance {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;
using afplug::address;
using afplug::error_code;
using afplug::testing_support::close_on_exec;
using afplug::testing_support::non_blocking;
using afplug::testing_support::open_descriptor_count;
using afplug::testing_support::open_descriptors;
using afplug::testing_support::pattern;
using afplug::testing_support::sys;
using clock = std::chrono::steady_clock;

/// Longest wait for what must happen; nothing that works comes near it.
inline constexpr auto patience = 60s;

class fixture : public testing::TestWithParam<const row*> {
 protected:
  void SetUp() override;
  void TearDown() override;

  const row& r() const { return *GetParam(); }
  bool can(std::uint64_t t) const { return r().has(t); }
  bool in_kernel() const { return !can(user_space); }
  const errors& error() const { return r().error; }

  afplug::socket open(int type_flags = 0) const { return conformance::open(r(), type_flags); }
  address fresh() const { return conformance::fresh(r()); }
  afplug::socket bound() const { return conformance::bound(r()); }
  afplug::socket listening(int backlog = -1) const { return conformance::listening(r(), backlog); }
  /// A client that has a name.
  afplug::socket named() const { return can(unnamed) || can(identified) ? open() : bound(); }
  error_code reach(afplug::socket& client, const address& to) const { return conformance::reach(r(), client, to); }
  void set_out(afplug::socket& client, const address& to) const { conformance::set_out(r(), client, to); }
  void arrive(afplug::socket& client) const { conformance::arrive(r(), client); }
  /// What a listener accepts when `client` connects to it.
  afplug::socket meet(afplug::socket& client, afplug::socket& listener) const;
  /// Closes both ends, one after the other where the next connection of the same names waits for the end of this one.
  void part(afplug::socket& client, afplug::socket& accepted) const;
  /// Ends what its peer hears, and no more where the row can.
  void end(afplug::socket& s) const { s.shutdown(error().shutdown_half == 0 ? SHUT_WR : SHUT_RDWR); }
  /// What a receive tells after the last that a peer sent which has ended; 0: the end of file.
  int last_told() const { return error().recv_ended != 0 ? error().recv_closed : 0; }
  /// So many bytes, of a stream as many as one call can send, or less; else a message.
  std::string much() const {
    const auto most = r().own.one_send;
    return can(stream) ? std::string(most ? most : 65536, 'x') : message();
  }
  link connected() const { return conformance::connected(r()); }
  std::string message(unsigned i = 0) const { return conformance::message(r(), i); }
  /// What arrives next, as it was sent; of a message at most `room` bytes.
  std::string receive(afplug::socket& s, int flags = 0, std::size_t room = 1 << 17) const;
  /// The same of `size` bytes that were received into `bytes`.
  std::string sent(const char* bytes, std::size_t size) const { return conformance::sent(r(), {bytes, size}); }
  /// How many bytes a message of `size` bytes arrives as.
  std::size_t arriving(std::size_t size) const { return size + r().own.header; }
  // The name of a socket: as it can be bound again, as a receiver is told it, as it can be sent to, as its peer knows
  // it.
  address name_to_bind(const afplug::socket& s) const { return seen(s, r().own.as_bound); }
  address bare(const address& name) const { return r().own.as_bound ? r().own.as_bound(name) : name; }
  address name_as_sender(const afplug::socket& s) const { return seen(s, r().own.as_sender); }
  address name_to_reach(const afplug::socket& s) const { return can(nameless) ? fresh() : seen(s, r().own.as_goal); }
  address name_as_peer(const afplug::socket& s) const { return seen(s, r().own.as_peer); }
  /// An address that nobody is at.
  address nobody() const;

 private:
  static address seen(const afplug::socket& s, address (*as)(address)) {
    return as ? as(s.getsockname()) : s.getsockname();
  }
  std::optional<apart_network> apart_;
  cpu_set_t cpus_{};
  std::map<int, std::string> descriptors_;
};

std::string name_of(const testing::TestParamInfo<const row*>& test);

/// Defines the test suite `name` for the rows with all of `with` and none of `without`.
#define CONFORMANCE_OF_ALL(name, with, without)                                                   \
  class name : public ::conformance::fixture {};                                                  \
  GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(name);                                            \
  INSTANTIATE_TEST_SUITE_P(rows, name, testing::ValuesIn(::conformance::rows((with), (without))), \
                           ::conformance::name_of)
/// The same without rows that are mute.
#define CONFORMANCE(name, with, without) CONFORMANCE_OF_ALL(name, with, (without) | ::conformance::mute)

inline const error_code timed_out = afplug::errc::timed_out;

/// What the system clock of this thread's CPU time says.
std::chrono::nanoseconds cpu_time();

/// Waits until `condition` holds; false: it did not within `patience`.
bool eventually(const std::function<bool()>& condition);

/// A thread that takes no signals; joins at the end of its scope.
class helper {
 public:
  explicit helper(std::function<void()> run);
  ~helper() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  /// Waits until the thread sleeps, in a system call as a rule. A test may rely on it for its strength, not its
  /// outcome.
  void until_asleep() const;

 private:
  std::atomic<int> id_{0};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

/// SIGALRM in this thread, time and again, by a handler without SA_RESTART.
class signal_storm {
 public:
  explicit signal_storm(std::chrono::microseconds every = 5ms);
  ~signal_storm();
  static long count() noexcept;
  /// Waits (in another thread) until so many more have come.
  static void wait_for(long more);
};

/// Sends until the system takes no more; the bytes that went.
std::size_t fill(afplug::socket& s, const row& r);

/// Reads whatever comes until `done`: one sweep may not make enough room for the sender, whose kernel holds more.
void drain(afplug::socket& s, const std::atomic<bool>& done);

/// The error of a call that sends into a full socket, and how long it took. What the kernel still moves to the receiver
/// may make room a few times.
struct refusal {
  error_code ec;
  std::chrono::nanoseconds took;
};
template <class Call>
refusal refused(Call call) {
  for (;;) {
    refusal r;
    const auto before = clock::now();
    call(r.ec);
    r.took = clock::now() - before;
    if (r.ec) return r;
  }
}

}  // namespace conformance
