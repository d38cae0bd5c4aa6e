// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace conformance {
namespace {

volatile sig_atomic_t broken_pipes = 0;
std::atomic<long> alarms{0};
static_assert(std::atomic<long>::is_always_lock_free);

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigaction(number, &action, nullptr);
}

}  // namespace

void fixture::SetUp() {
  if (traits().environment.in_network_namespace) network_.emplace();
  if (traits().environment.on_one_cpu) {
    ::sched_getaffinity(0, sizeof cpus_, &cpus_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(::sched_getcpu(), &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  }
  broken_pipes = 0;
  handle(SIGPIPE, [](int) { broken_pipes = 1; });
  descriptors_ = open_descriptors();
}

void fixture::TearDown() {
  EXPECT_EQ(broken_pipes, 0) << "a call raised SIGPIPE";
  EXPECT_EQ(afplug::socket::default_timeout(), std::nullopt);
  for (const auto& [fd, what] : open_descriptors())
    EXPECT_TRUE(descriptors_.count(fd)) << "leaked descriptor " << fd << ": " << what;
  for (const auto& [fd, what] : descriptors_)
    EXPECT_NE(::fcntl(fd, F_GETFD), -1) << "closed descriptor " << fd << " of another owner: " << what;
  network_.reset();
  if (traits().environment.on_one_cpu) ::sched_setaffinity(0, sizeof cpus_, &cpus_);
}

std::string name_of(const testing::TestParamInfo<const row*>& test) { return test.param->name; }

address fixture::unused_address() const { return destination_address(bound()); }

afplug::socket fixture::connect_and_accept(afplug::socket& client, afplug::socket& listener) const {
  begin_connect(client, listener.getsockname());
  auto accepted = listener.accept();
  finish_connect(client);
  return accepted;
}

void fixture::close_both(afplug::socket& client, afplug::socket& accepted) const {
  if (traits().connection.one_per_address_pair) {
    // After a message in each direction no packet of the set-up is in transit, which the next connection between the
    // same addresses would receive.
    for (auto [from, to] : {std::pair(&client, &accepted), std::pair(&accepted, &client)}) {
      from->timeout(patience);
      to->timeout(patience);
      from->send(message());
      EXPECT_EQ(receive(*to), message());
    }
    client.close();
    accepted.wait(POLLIN, patience);
  }
  client.close();
  accepted.close();
}

std::string fixture::receive(afplug::socket& s, int flags, std::size_t capacity) const {
  std::string got(received_size(capacity), '\0');
  got.resize(std::min(got.size(), s.recv(got, flags)));
  return conformance::as_sent(r(), std::move(got));
}

namespace {
std::vector<suite>& registered_suites() {
  static std::vector<suite> all;
  return all;
}
}  // namespace

const std::vector<suite>& suites() { return registered_suites(); }

bool register_suite(suite s) {
  registered_suites().push_back(s);
  return true;
}

void PrintTo(const suite& s, std::ostream* out) { *out << s.name; }

std::chrono::nanoseconds cpu_time() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

bool eventually(const std::function<bool()>& condition) {
  for (const auto end = clock::now() + patience; !condition(); std::this_thread::sleep_for(1ms))
    if (clock::now() > end) return false;
  return true;
}

helper_thread::helper_thread(std::function<void()> run) {
  sigset_t all, old;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);
  thread_ = std::thread([this, run = std::move(run)] {
    id_ = static_cast<int>(::syscall(SYS_gettid));
    run();
    done_ = true;
  });
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

void helper_thread::until_asleep() const {
  int asleep = 0;
  eventually([&] {
    if (done_) return true;
    std::ifstream stat("/proc/self/task/" + std::to_string(id_) + "/stat");
    std::string text;
    std::getline(stat, text);
    const auto at = text.rfind(") ");
    asleep = at != std::string::npos && text[at + 2] == 'S' ? asleep + 1 : 0;
    return asleep == 5;
  });
}

signal_storm::signal_storm(std::chrono::microseconds every) {
  alarms = 0;
  handle(SIGALRM, [](int) { alarms.fetch_add(1, std::memory_order_relaxed); });
  const timeval interval{0, static_cast<suseconds_t>(every.count())};
  const itimerval timer{interval, interval};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

signal_storm::~signal_storm() {
  const itimerval off{};
  ::setitimer(ITIMER_REAL, &off, nullptr);
  // A signal may still be pending: the default action would end the process.
  handle(SIGALRM, SIG_IGN);
}

long signal_storm::count() noexcept { return alarms; }

void signal_storm::wait_for(long more) {
  const long enough = alarms + more;
  eventually([&] { return alarms >= enough; });
}

std::size_t fill(afplug::socket& s, const row& r) {
  const auto timeout = s.timeout();
  s.timeout(0ns);
  std::size_t sent = 0;
  error_code ec;
  const std::string chunk = r.traits.delivery.stream ? std::string(65536, 'f') : message(r, 0);
  while (!ec) sent += s.send(chunk, 0, ec);
  // The send buffer of a stream may have space for less than one chunk.
  if (r.traits.delivery.stream)
    for (ec.clear(); !ec;) sent += s.send("f"sv, 0, ec);
  EXPECT_EQ(ec, sys(EAGAIN));
  s.timeout(timeout);
  return sent;
}

void drain(afplug::socket& s, const std::atomic<bool>& done) {
  std::string into(1 << 18, '\0');
  eventually([&] {
    for (error_code ec; !ec && !done;) s.recv(into, MSG_DONTWAIT, ec);
    return done.load();
  });
}

}  // namespace conformance
