// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// create_connection and create_server. This file replaces the C library's getaddrinfo, so that tests choose the
// addresses of a name and how long the look-up takes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <langinfo.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <afplug/connect.hpp>
#include <afplug/resolver.hpp>
#include <algorithm>
#include <clocale>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "../support/descriptors.hpp"
#include "../support/ipv6.hpp"

namespace {

using afplug::address;
using afplug::connection_error;
using afplug::connection_options;
using afplug::errc;
using afplug::error_code;
using afplug::testing_support::has_ipv6_loopback;
using afplug::testing_support::non_blocking;
using afplug::testing_support::open_descriptor_count;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

// ---- the resolver of these tests ----

struct resolver {
  std::mutex lock;
  std::condition_variable changed;
  std::map<std::string, std::vector<address>> names;
  bool blocked = false;  // look-ups wait while it is set
  int started = 0;       // number of look-ups
  int finished = 0;
  int last_flags = 0;
  std::string last_encoding;  // of the calling thread
};

resolver& fake_resolver() {
  static resolver instance;
  return instance;
}

struct node {
  ::addrinfo info;
  ::sockaddr_storage storage;
};

}  // namespace

extern "C" int getaddrinfo(const char* host, const char*, const ::addrinfo* hints, ::addrinfo** out) {
  auto& r = fake_resolver();
  std::unique_lock hold(r.lock);
  r.last_flags = hints->ai_flags;
  r.last_encoding = ::nl_langinfo(CODESET);
  if ((hints->ai_flags & AI_NUMERICHOST) != 0) return EAI_NONAME;
  ++r.started;
  r.changed.notify_all();
  r.changed.wait(hold, [&] { return !r.blocked; });
  ++r.finished;
  r.changed.notify_all();
  const auto found = r.names.find(host ? host : "");
  if (found == r.names.end()) return EAI_NONAME;
  ::addrinfo** end = out;
  *out = nullptr;
  for (const auto& a : found->second) {
    if (hints->ai_family != AF_UNSPEC && hints->ai_family != a.family()) continue;
    auto* n = new node{};
    std::memcpy(&n->storage, a.data(), a.size());
    n->info.ai_family = a.family();
    n->info.ai_socktype = SOCK_STREAM;
    n->info.ai_addr = reinterpret_cast<::sockaddr*>(&n->storage);
    n->info.ai_addrlen = static_cast<socklen_t>(a.size());
    *end = &n->info;
    end = &n->info.ai_next;
  }
  return *out ? 0 : EAI_NONAME;
}

extern "C" void freeaddrinfo(::addrinfo* list) {
  while (list) {
    auto* next = list->ai_next;
    delete reinterpret_cast<node*>(list);
    list = next;
  }
}

namespace {

// A listening socket.
struct listener {
  explicit listener(const char* family = "inet", const char* at = "127.0.0.1:0") : s(family, SOCK_STREAM) {
    s.bind(at);
    s.listen(16);
  }
  address at() const { return s.getsockname(); }
  afplug::socket s;
};

// A listening socket with a full backlog, so that the kernel drops further SYNs.
struct full_backlog {
  full_backlog() : s("inet", SOCK_STREAM), filler("inet", SOCK_STREAM) {
    s.bind("127.0.0.1:0");
    s.listen(0);
    filler.connect(s.getsockname());
  }
  address at() const { return s.getsockname(); }
  afplug::socket s, filler;
};

// A bound socket that does not listen, so that connections to it are refused.
struct closed_port {
  explicit closed_port(const char* family = "inet", const char* at = "127.0.0.1:0") : s(family, SOCK_STREAM) {
    s.bind(at);
  }
  address at() const { return s.getsockname(); }
  afplug::socket s;
};

class create_connection : public testing::Test {
 protected:
  void TearDown() override {
    resolve({}, {});
    afplug::socket::default_timeout({});
  }
  // Makes these the addresses of host.test, or of another name.
  static void resolve_to(std::vector<address> addresses) { resolve("host.test", std::move(addresses)); }
  static void resolve(const std::string& host, std::vector<address> addresses) {
    const std::lock_guard hold(fake_resolver().lock);
    fake_resolver().names.clear();
    if (!host.empty()) fake_resolver().names[host] = std::move(addresses);
  }
  static connection_options fast_options() {
    connection_options o;
    o.attempt_delay = 10ms;
    o.timeout = 60s;
    return o;
  }
};

// ---- Happy Eyeballs, RFC 8305 ----

TEST_F(create_connection, unresponsive_address_does_not_delay_the_next) {
  const full_backlog unresponsive;
  const listener open_port;
  resolve_to({unresponsive.at(), open_port.at()});
  std::vector<connection_error::attempt> failed;
  error_code ec;
  const auto s = afplug::create_connection("host.test", "80", fast_options(), ec, &failed);
  ASSERT_FALSE(ec) << afplug::last_detail();
  EXPECT_EQ(s.getpeername(), open_port.at());
  EXPECT_TRUE(failed.empty());
}

TEST_F(create_connection, several_unresponsive_addresses_do_not_delay_the_next) {
  const full_backlog one, two, three;
  const listener open_port;
  resolve_to({one.at(), two.at(), three.at(), open_port.at()});
  EXPECT_EQ(afplug::create_connection("host.test", "80", fast_options()).getpeername(), open_port.at());
}

// The attempt delay is an hour, so only the failure of one attempt can start the next.
TEST_F(create_connection, refused_attempt_starts_the_next_at_once) {
  const closed_port first, second;
  const listener open_port;
  resolve_to({first.at(), second.at(), open_port.at()});
  auto options = fast_options();
  options.attempt_delay = 1h;
  std::vector<connection_error::attempt> failed;
  error_code ec;
  const auto s = afplug::create_connection("host.test", "80", options, ec, &failed);
  ASSERT_FALSE(ec);
  EXPECT_EQ(s.getpeername(), open_port.at());
  ASSERT_EQ(failed.size(), 2u);
  EXPECT_EQ(failed[0].to, first.at());
  EXPECT_EQ(failed[1].to, second.at());
  EXPECT_EQ(failed[0].ec.value(), ECONNREFUSED);
}

TEST_F(create_connection, refused_attempt_starts_the_next_while_another_is_pending) {
  const closed_port refusing;
  const full_backlog unresponsive;
  const listener open_port;
  resolve_to({refusing.at(), unresponsive.at(), refusing.at(), open_port.at()});
  EXPECT_EQ(afplug::create_connection("host.test", "80", fast_options()).getpeername(), open_port.at());
}

// If each of the 60 failed attempts delayed the next by the attempt delay, that would take 12 s. The kernel refuses a
// broadcast address within connect(2), and reports a closed port later, by poll(2).
TEST_F(create_connection, failed_attempts_do_not_delay_the_next_while_another_is_pending) {
  const full_backlog unresponsive;
  const closed_port refusing;
  const listener open_port;
  for (const auto& failing : {refusing.at(), address("inet", "255.255.255.255:80")}) {
    std::vector<address> all(61, failing);
    all.front() = unresponsive.at();
    all.push_back(open_port.at());
    resolve_to(all);
    auto options = fast_options();
    options.attempt_delay = 200ms;
    options.timeout = 8s;
    std::vector<connection_error::attempt> failed;
    error_code ec;
    const auto s = afplug::create_connection("host.test", "80", options, ec, &failed);
    ASSERT_FALSE(ec) << afplug::last_detail();
    EXPECT_EQ(s.getpeername(), open_port.at());
    EXPECT_EQ(failed.size(), 60u);
  }
}

TEST_F(create_connection, address_families_are_interleaved) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "this machine has no IPv6 loopback address";
  const closed_port six1("inet6", "[::1]:0"), six2("inet6", "[::1]:0"), six3("inet6", "[::1]:0"), four1, four2;
  const auto order = [](bool happy) {
    auto options = fast_options();
    options.happy_eyeballs = happy;
    std::vector<connection_error::attempt> failed;
    error_code ec;
    afplug::create_connection("host.test", "80", options, ec, &failed);
    std::vector<address> to;
    for (const auto& each : failed) to.push_back(each.to);
    return to;
  };
  resolve_to({six1.at(), six2.at(), six3.at(), four1.at(), four2.at()});
  EXPECT_THAT(order(true), ElementsAre(six1.at(), four1.at(), six2.at(), four2.at(), six3.at()));
  EXPECT_THAT(order(false), ElementsAre(six1.at(), six2.at(), six3.at(), four1.at(), four2.at()));
  resolve_to({four1.at(), six1.at(), six2.at()});
  EXPECT_THAT(order(true), ElementsAre(four1.at(), six1.at(), six2.at()));
}

TEST_F(create_connection, without_happy_eyeballs_attempts_are_sequential) {
  const full_backlog unresponsive;
  const listener open_port;
  resolve_to({unresponsive.at(), open_port.at()});
  auto options = fast_options();
  options.happy_eyeballs = false;
  options.timeout = 100ms;
  error_code ec;
  std::vector<connection_error::attempt> failed;
  afplug::create_connection("host.test", "80", options, ec, &failed);
  EXPECT_EQ(ec, errc::timed_out);
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].to, unresponsive.at());
  const closed_port refusing;
  resolve_to({refusing.at(), open_port.at()});
  EXPECT_EQ(afplug::create_connection("host.test", "80", options).getpeername(), open_port.at());
}

TEST_F(create_connection, other_attempts_are_closed) {
  const full_backlog one, two;
  const listener open_port;
  resolve_to({one.at(), two.at(), open_port.at()});
  const auto before = open_descriptor_count();
  {
    const auto s = afplug::create_connection("host.test", "80", fast_options());
    EXPECT_EQ(open_descriptor_count(), before + 1);
  }
  auto options = fast_options();
  options.timeout = 50ms;
  resolve_to({one.at(), two.at()});
  error_code ec;
  afplug::create_connection("host.test", "80", options, ec);
  EXPECT_EQ(ec, errc::timed_out);
  EXPECT_EQ(open_descriptor_count(), before);
}

// ---- errors ----

TEST_F(create_connection, error_has_all_failed_attempts) {
  const closed_port first, second;
  resolve_to({first.at(), second.at()});
  try {
    afplug::create_connection("host.test", "80", fast_options());
    FAIL() << "connected";
  } catch (const connection_error& e) {
    EXPECT_EQ(e.code().value(), ECONNREFUSED);
    EXPECT_EQ(e.code().category(), boost::system::system_category());
    ASSERT_EQ(e.attempts().size(), 2u);
    EXPECT_EQ(e.attempts()[0].to, first.at());
    EXPECT_EQ(e.attempts()[1].to, second.at());
    EXPECT_THAT(e.what(), HasSubstr(first.at().to_string()));
    EXPECT_THAT(e.what(), HasSubstr(second.at().to_string()));
  }
  error_code ec;
  EXPECT_FALSE(afplug::create_connection("host.test", "80", fast_options(), ec).is_open());
  EXPECT_EQ(ec.value(), ECONNREFUSED);
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr(first.at().to_string()));
}

TEST_F(create_connection, timeout_covers_all_attempts) {
  const full_backlog unresponsive;
  const closed_port refusing;
  resolve_to({unresponsive.at(), refusing.at()});
  auto options = fast_options();
  options.timeout = 100ms;
  try {
    afplug::create_connection("host.test", "80", options);
    FAIL() << "connected";
  } catch (const connection_error& e) {
    EXPECT_EQ(e.code(), errc::timed_out);
    ASSERT_EQ(e.attempts().size(), 2u);
    EXPECT_EQ(e.attempts()[0].ec, errc::timed_out);
    EXPECT_EQ(e.attempts()[1].ec.value(), ECONNREFUSED);
  }
}

TEST_F(create_connection, default_timeout_applies_without_a_timeout) {
  const full_backlog unresponsive;
  resolve_to({unresponsive.at()});
  afplug::socket::default_timeout(50ms);
  error_code ec;
  afplug::create_connection("host.test", "80", {}, ec);
  EXPECT_EQ(ec, errc::timed_out);
}

TEST_F(create_connection, look_up_failure_is_the_resolvers_error) {
  try {
    afplug::create_connection("nosuch.test", "80", fast_options());
    FAIL() << "connected";
  } catch (const connection_error&) {
    FAIL() << "no connection was attempted";
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.code(), error_code(EAI_NONAME, afplug::resolver_category()));
    EXPECT_THAT(e.what(), HasSubstr("nosuch.test"));
  }
  auto options = fast_options();
  options.timeout = -1ns;
  error_code ec;
  afplug::create_connection("host.test", "80", options, ec);
  EXPECT_EQ(ec, errc::invalid_argument);
}

// ---- the socket ----

TEST_F(create_connection, socket_has_the_timeout_of_the_options) {
  const listener open_port;
  resolve_to({open_port.at()});
  const auto limited = afplug::create_connection("host.test", "80", fast_options());
  EXPECT_EQ(limited.timeout(), std::optional<std::chrono::nanoseconds>(60s));
  EXPECT_TRUE(non_blocking(limited.native_handle()));
  const auto blocking = afplug::create_connection("host.test", "80");
  EXPECT_EQ(blocking.timeout(), std::nullopt);
  EXPECT_FALSE(non_blocking(blocking.native_handle()));
  EXPECT_FALSE(blocking.inheritable());
  EXPECT_EQ(blocking.type(), SOCK_STREAM);
  EXPECT_EQ(blocking.owner()->id(), "inet");
  afplug::socket::default_timeout(7s);
  EXPECT_EQ(afplug::create_connection("host.test", "80").timeout(), std::optional<std::chrono::nanoseconds>(7s));
}

TEST_F(create_connection, socket_transfers_data) {
  const listener open_port;
  resolve_to({open_port.at()});
  auto client = afplug::create_connection("host.test", "80", fast_options());
  auto server = const_cast<afplug::socket&>(open_port.s).accept();
  client.sendall(std::string_view("hello"));
  char got[5];
  EXPECT_EQ(server.recvall(got), 5u);
  EXPECT_EQ(std::string_view(got, 5), "hello");
}

TEST_F(create_connection, source_address_is_bound_and_selects_the_family) {
  const listener open_port;
  std::vector<address> all{open_port.at()};
  std::optional<closed_port> six;
  if (has_ipv6_loopback()) all.insert(all.begin(), six.emplace("inet6", "[::1]:0").at());
  resolve_to(all);
  auto options = fast_options();
  options.source = address("inet", "127.0.0.2:0");
  std::vector<connection_error::attempt> failed;
  error_code ec;
  const auto s = afplug::create_connection("host.test", "80", options, ec, &failed);
  ASSERT_FALSE(ec);
  EXPECT_THAT(s.getsockname().to_string(), testing::StartsWith("127.0.0.2:"));
  EXPECT_TRUE(failed.empty());
  options.source = address("inet6", "[::1]:0");
  resolve_to({open_port.at()});
  afplug::create_connection("host.test", "80", options, ec);
  EXPECT_EQ(ec.value(), EAFNOSUPPORT);
}

TEST_F(create_connection, unavailable_source_address_fails_every_attempt) {
  const listener open_port;
  resolve_to({open_port.at()});
  auto options = fast_options();
  options.source = address("inet", "192.0.2.1:0");
  try {
    afplug::create_connection("host.test", "80", options);
    FAIL() << "connected";
  } catch (const connection_error& e) {
    EXPECT_EQ(e.code().value(), EADDRNOTAVAIL);
    ASSERT_EQ(e.attempts().size(), 1u);
    EXPECT_TRUE(e.attempts().front().source_failed);
    EXPECT_THAT(std::string(e.what()), testing::HasSubstr("cannot bind to the source address 192.0.2.1:0: "));
  }
}

TEST_F(create_connection, family_option_selects_the_addresses) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "this machine has no IPv6 loopback address";
  const listener four;
  const listener six("inet6", "[::1]:0");
  resolve_to({four.at(), six.at()});
  auto options = fast_options();
  options.family = AF_INET6;
  EXPECT_EQ(afplug::create_connection("host.test", "80", options).getpeername(), six.at());
}

// ---- slow look-ups ----

class slow_resolver : public create_connection {
 protected:
  void SetUp() override {
    const std::lock_guard hold(fake_resolver().lock);
    fake_resolver().blocked = true;
    finished_ = fake_resolver().finished;
    started_ = fake_resolver().started;
  }
  void TearDown() override {
    release();
    auto& r = fake_resolver();
    std::unique_lock hold(r.lock);
    // Abandoned look-ups end as well.
    r.changed.wait(hold, [&] { return r.finished - finished_ == r.started - started_; });
    hold.unlock();
    create_connection::TearDown();
  }
  static void release() {
    const std::lock_guard hold(fake_resolver().lock);
    fake_resolver().blocked = false;
    fake_resolver().changed.notify_all();
  }

 private:
  int finished_ = 0, started_ = 0;
};

TEST_F(slow_resolver, look_up_times_out) {
  error_code ec;
  EXPECT_TRUE(afplug::getaddrinfo("host.test", "80", {AF_UNSPEC, SOCK_STREAM, 0, 0, 20ms}, ec).empty());
  EXPECT_EQ(ec, errc::timed_out);
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr("host.test"));
  auto options = fast_options();
  options.timeout = 20ms;
  afplug::create_connection("host.test", "80", options, ec);
  EXPECT_EQ(ec, errc::timed_out);
}

TEST_F(slow_resolver, timeout_of_zero_starts_no_look_up) {
  const int started = fake_resolver().started;
  error_code ec;
  afplug::getaddrinfo("host.test", "80", {AF_UNSPEC, SOCK_STREAM, 0, 0, 0ns}, ec);
  EXPECT_EQ(ec, errc::timed_out);
  EXPECT_EQ(fake_resolver().started, started);
}

TEST_F(slow_resolver, look_up_that_ends_in_time_is_used) {
  const listener open_port;
  resolve_to({open_port.at()});
  std::thread later([started = fake_resolver().started] {
    auto& r = fake_resolver();
    std::unique_lock hold(r.lock);
    r.changed.wait(hold, [&] { return r.started > started; });
    hold.unlock();
    release();
  });
  error_code ec;
  const auto found = afplug::getaddrinfo("host.test", "80", {AF_UNSPEC, SOCK_STREAM, 0, 0, 60s}, ec);
  later.join();
  ASSERT_FALSE(ec) << ec;
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].address, open_port.at());
}

// Sends SIGUSR1 to the calling thread every millisecond.
class periodic_signals {
 public:
  periodic_signals() : target_(::pthread_self()) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, &before_);
    sender_ = std::jthread([this](std::stop_token stop) {
      while (!stop.stop_requested()) {
        ::pthread_kill(target_, SIGUSR1);
        std::this_thread::sleep_for(1ms);
      }
    });
  }
  ~periodic_signals() {
    sender_.request_stop();
    sender_.join();
    ::sigaction(SIGUSR1, &before_, nullptr);
  }

 private:
  pthread_t target_;
  struct sigaction before_ {};
  std::jthread sender_;
};

TEST_F(slow_resolver, interrupt_hook_ends_the_look_up) {
  int calls = 0;
  const afplug::scoped_interrupt_hook hook([&] { return ++calls == 3; });
  error_code ec;
  {
    const periodic_signals signals;
    afplug::getaddrinfo("host.test", "80", {AF_UNSPEC, SOCK_STREAM, 0, 0, 60s}, ec);
  }
  EXPECT_EQ(ec, errc::interrupted);
  EXPECT_EQ(calls, 3);
}

TEST_F(create_connection, interrupt_hook_ends_the_attempts) {
  const full_backlog unresponsive;
  resolve_to({unresponsive.at()});
  int calls = 0;
  const afplug::scoped_interrupt_hook hook([&] { return ++calls >= 3; });
  const auto before = open_descriptor_count();
  error_code ec;
  {
    const periodic_signals signals;
    afplug::create_connection("host.test", "80", fast_options(), ec);
  }
  EXPECT_EQ(ec, errc::interrupted);
  EXPECT_EQ(open_descriptor_count(), before);
}

// ---- internationalized names ----

TEST_F(create_connection, non_ascii_names_are_looked_up_as_idna_in_any_locale) {
  const listener open_port;
  resolve("bücher.test", {open_port.at()});
  const std::string locale = std::setlocale(LC_ALL, nullptr);
  for (const auto limit : {std::optional<std::chrono::nanoseconds>(), std::optional<std::chrono::nanoseconds>(60s)}) {
    EXPECT_EQ(afplug::getaddrinfo("bücher.test", "80", {AF_UNSPEC, SOCK_STREAM, 0, 0, limit})[0].address,
              open_port.at());
    EXPECT_NE(fake_resolver().last_flags & AI_IDN, 0);
    EXPECT_EQ(fake_resolver().last_encoding, "UTF-8");
  }
  EXPECT_EQ(std::setlocale(LC_ALL, nullptr), locale);
  EXPECT_EQ(::uselocale(nullptr), LC_GLOBAL_LOCALE);
  resolve_to({open_port.at()});
  afplug::getaddrinfo("host.test", "80");
  EXPECT_EQ(fake_resolver().last_flags & AI_IDN, 0);
}

// ---- create_server ----

int int_option(const afplug::socket& s, int level, int number) {
  int value = -1;
  s.getsockopt(level, number, afplug::mutable_bytes(&value, sizeof value));
  return value;
}

TEST(create_server, returns_a_listening_socket) {
  auto server = afplug::create_server(address("inet", "127.0.0.1:0"));
  EXPECT_EQ(server.type(), SOCK_STREAM);
  EXPECT_EQ(server.family(), AF_INET);
  EXPECT_EQ(int_option(server, SOL_SOCKET, SO_ACCEPTCONN), 1);
  EXPECT_EQ(int_option(server, SOL_SOCKET, SO_REUSEADDR), 1);
  EXPECT_EQ(int_option(server, SOL_SOCKET, SO_REUSEPORT), 0);
  EXPECT_FALSE(server.inheritable());
  afplug::socket client("inet", SOCK_STREAM);
  client.connect(server.getsockname());
  EXPECT_TRUE(server.accept().is_open());
}

TEST(create_server, unix_address_gets_no_ip_options) {
  auto server = afplug::create_server(address("unix", "@afplug-create-server-" + std::to_string(::getpid())));
  EXPECT_EQ(int_option(server, SOL_SOCKET, SO_ACCEPTCONN), 1);
  EXPECT_EQ(int_option(server, SOL_SOCKET, SO_REUSEADDR), 0);
}

TEST(create_server, socket_has_the_type_of_the_address) {
  auto server =
      afplug::create_server(address("unix", "@afplug-seqpacket-server-" + std::to_string(::getpid()), SOCK_SEQPACKET));
  EXPECT_EQ(server.type(), SOCK_SEQPACKET);
}

TEST(create_server, address_in_use_is_named_and_no_descriptor_leaks) {
  const auto first = afplug::create_server(address("inet", "127.0.0.1:0"));
  const auto before = open_descriptor_count();
  error_code ec;
  EXPECT_FALSE(afplug::create_server(first.getsockname(), {}, ec).is_open());
  EXPECT_EQ(ec.value(), EADDRINUSE);
  const auto expected = "(while attempting to bind on address " + first.getsockname().to_string() + ")";
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr(expected));
  try {
    afplug::create_server(first.getsockname());
    FAIL() << "bound an address that is in use";
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.code().value(), EADDRINUSE);
    EXPECT_THAT(e.what(), HasSubstr(expected));
  }
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST(create_server, reuse_port_shares_the_address) {
  afplug::server_options options;
  options.reuse_port = true;
  const auto first = afplug::create_server(address("inet", "127.0.0.1:0"), options);
  EXPECT_EQ(int_option(first, SOL_SOCKET, SO_REUSEPORT), 1);
  const auto second = afplug::create_server(first.getsockname(), options);
  EXPECT_EQ(first.getsockname(), second.getsockname());
}

TEST(create_server, inet6_server_refuses_ipv4) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "this machine has no IPv6 loopback address";
  const auto server = afplug::create_server(address("inet6", "[::]:0"));
  EXPECT_EQ(int_option(server, IPPROTO_IPV6, IPV6_V6ONLY), 1);
  afplug::socket client("inet", SOCK_STREAM);
  error_code ec;
  client.connect(address("inet", "127.0.0.1:" + std::to_string(*server.getsockname().number("port"))), ec);
  EXPECT_EQ(ec.value(), ECONNREFUSED);
}

TEST(create_server, dualstack_server_accepts_ipv4_and_ipv6) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "this machine has no IPv6 loopback address";
  EXPECT_TRUE(afplug::has_dualstack_ipv6());
  afplug::server_options options;
  options.dualstack_ipv6 = true;
  auto server = afplug::create_server(address("inet6", "[::]:0"), options);
  EXPECT_EQ(int_option(server, IPPROTO_IPV6, IPV6_V6ONLY), 0);
  const auto port = std::to_string(*server.getsockname().number("port"));
  for (const auto& to : {address("inet", "127.0.0.1:" + port), address("inet6", "[::1]:" + port)}) {
    afplug::socket client(to.family(), SOCK_STREAM);
    client.connect(to);
    address peer;
    EXPECT_TRUE(server.accept(peer).is_open());
    EXPECT_EQ(peer.family(), AF_INET6);
  }
}

TEST(create_server, dualstack_is_refused_for_other_families) {
  afplug::server_options options;
  options.dualstack_ipv6 = true;
  for (const auto& at : {address("inet", "127.0.0.1:0"), address("unix", "@x")}) {
    error_code ec;
    afplug::create_server(at, options, ec);
    EXPECT_EQ(ec, errc::invalid_argument) << at;
  }
}

TEST(create_server, datagram_address_is_refused) {
  const auto before = open_descriptor_count();
  error_code ec;
  afplug::create_server(address("inet", "127.0.0.1:0", SOCK_DGRAM), {}, ec);
  EXPECT_EQ(ec.value(), EOPNOTSUPP);
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST(create_server, backlog_is_passed_to_listen) {
  afplug::server_options options;
  options.backlog = 3;
  const auto server = afplug::create_server(address("inet", "127.0.0.1:0"), options);
  ::tcp_info info{};
  server.getsockopt(IPPROTO_TCP, TCP_INFO, afplug::mutable_bytes(&info, sizeof info));
  EXPECT_EQ(info.tcpi_sacked, 3u);  // of a listener: its backlog
}

}  // namespace
