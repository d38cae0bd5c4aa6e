// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The fixture of every conformance test: a row, and the check that the test left no descriptor open and raised no
// SIGPIPE. And the tools that several tests use.
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
#include "network_namespace.hpp"
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

/// How long tests wait at most for what must happen. It takes far less.
inline constexpr auto patience = 60s;

class fixture : public testing::TestWithParam<const row*> {
 protected:
  void SetUp() override;
  void TearDown() override;

  const row& r() const { return *GetParam(); }
  const row_traits& traits() const { return r().traits; }
  const row_errors& errors() const { return r().errors; }
  bool in_kernel() const { return !traits().environment.user_space; }

  afplug::socket open(int type_flags = 0) const { return conformance::open(r(), type_flags); }
  address fresh_address() const { return conformance::fresh_address(r()); }
  afplug::socket bound() const { return conformance::bound(r()); }
  afplug::socket listening(int backlog = -1) const { return conformance::listening(r(), backlog); }
  /// A client with a name.
  afplug::socket named_client() const {
    return traits().addressing.clients_unbound || traits().addressing.named_at_creation ? open() : bound();
  }
  error_code connect(afplug::socket& client, const address& to) const { return conformance::connect(r(), client, to); }
  void begin_connect(afplug::socket& client, const address& to) const { conformance::begin_connect(r(), client, to); }
  void finish_connect(afplug::socket& client) const { conformance::finish_connect(r(), client); }
  /// Connects `client` to `listener` and returns the accepted socket.
  afplug::socket connect_and_accept(afplug::socket& client, afplug::socket& listener) const;
  /// Closes both ends. For rows with `one_per_address_pair` waits for the end of the connection in between.
  void close_both(afplug::socket& client, afplug::socket& accepted) const;
  /// Shuts down sending; for rows that cannot, both directions.
  void end_sending(afplug::socket& s) const { s.shutdown(errors().shutdown.one_direction == 0 ? SHUT_WR : SHUT_RDWR); }
  /// The error of a receive after the last data of a peer that has ended sending; 0: the end of file.
  int error_at_end() const {
    return errors().shutdown.recv_again_after_close != 0 ? errors().shutdown.recv_after_close : 0;
  }
  /// Data that fills much of a buffer: 64 KiB of a stream, or what one call can send of it; else a message.
  std::string large_data() const {
    const auto most = r().parameters.largest_send;
    return traits().delivery.stream ? std::string(most ? most : 65536, 'x') : message();
  }
  link connected() const { return conformance::connected(r()); }
  std::string message(unsigned i = 0) const { return conformance::message(r(), i); }
  /// Receives data or a message, of at most `capacity` bytes, and returns it as it was sent.
  std::string receive(afplug::socket& s, int flags = 0, std::size_t capacity = 1 << 17) const;
  /// What was sent of which `size` bytes arrived at `bytes`.
  std::string as_sent(const char* bytes, std::size_t size) const { return conformance::as_sent(r(), {bytes, size}); }
  /// The number of bytes as which a message of `size` bytes arrives.
  std::size_t received_size(std::size_t size) const { return size + r().parameters.header_size; }
  // The socket's address as another socket can be bound to it, as a receiver gets it, as it is sent to, as its peer's
  // getpeername returns it.
  address bindable_address(const afplug::socket& s) const { return converted(s, r().parameters.as_bound); }
  address without_kernel_fields(const address& a) const {
    return r().parameters.as_bound ? r().parameters.as_bound(a) : a;
  }
  address sender_address(const afplug::socket& s) const { return converted(s, r().parameters.as_sender); }
  address destination_address(const afplug::socket& s) const {
    return traits().addressing.no_local_address ? fresh_address() : converted(s, r().parameters.as_destination);
  }
  address peer_address(const afplug::socket& s) const { return converted(s, r().parameters.as_peer); }
  /// An address that no socket is bound to.
  address unused_address() const;

 private:
  static address converted(const afplug::socket& s, address (*convert)(address)) {
    return convert ? convert(s.getsockname()) : s.getsockname();
  }
  std::optional<network_namespace> network_;
  cpu_set_t cpus_{};
  std::map<int, std::string> descriptors_;
};

std::string name_of(const testing::TestParamInfo<const row*>& test);

/// A test suite and the condition for its rows. availability_test.cpp fails if no row satisfies it.
struct suite {
  const char* name;
  bool (*condition)(const row_traits&);
};
const std::vector<suite>& suites();
bool register_suite(suite s);
void PrintTo(const suite& s, std::ostream* out);

/// Defines the test suite `name` with the fixture `base` for the rows whose traits `t` satisfy `condition`.
#define CONFORMANCE_WITH(name, base, condition)                                                             \
  class name : public base {};                                                                              \
  bool name##_condition([[maybe_unused]] const ::conformance::row_traits& t) { return condition; }          \
  [[maybe_unused]] const bool name##_registered = ::conformance::register_suite({#name, name##_condition}); \
  GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(name); /* no row of it is available here */                 \
  INSTANTIATE_TEST_SUITE_P(rows, name, testing::ValuesIn(::conformance::rows(name##_condition)), ::conformance::name_of)
#define CONFORMANCE_ALL(name, condition) CONFORMANCE_WITH(name, ::conformance::fixture, condition)
/// Without the rows that exchange no data.
#define CONFORMANCE(name, condition) CONFORMANCE_ALL(name, (condition) && !t.delivery.no_data)

inline const error_code timed_out = afplug::errc::timed_out;

/// CPU time of this thread.
std::chrono::nanoseconds cpu_time();

/// Waits until `condition` holds; false: it did not within `patience`.
bool eventually(const std::function<bool()>& condition);

/// A thread that blocks all signals. The destructor joins it.
class helper_thread {
 public:
  explicit helper_thread(std::function<void()> run);
  ~helper_thread() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  /// Waits until the thread sleeps, as a rule in a system call. A test must not depend on it: the thread may not have
  /// got that far, and the test then only tests less.
  void until_asleep() const;

 private:
  std::atomic<int> id_{0};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

/// Interrupts this thread with SIGALRM periodically. The handler has no SA_RESTART.
class signal_storm {
 public:
  explicit signal_storm(std::chrono::microseconds every = 5ms);
  ~signal_storm();
  static long count() noexcept;
  /// Waits (in another thread) for so many more.
  static void wait_for(long more);
};

/// Sends until the call would block; the number of bytes sent.
std::size_t fill(afplug::socket& s, const row& r);

/// Receives until `done`. Emptying the buffer once may not be enough for a sender that waits: the kernel holds more.
void drain(afplug::socket& s, const std::atomic<bool>& done);

/// Repeats a call that sends into a full socket until it fails, because data that is still in transit may free buffer
/// space: its error, and how long the last call took.
struct refusal {
  error_code ec;
  std::chrono::nanoseconds took;
};
template <class Call>
refusal until_refused(Call call) {
  for (;;) {
    refusal r;
    const auto before = clock::now();
    call(r.ec);
    r.took = clock::now() - before;
    if (r.ec) return r;
  }
}

}  // namespace conformance
