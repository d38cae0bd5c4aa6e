// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// create_connection and create_server. The C library's getaddrinfo is this file's own here, so that a name has whatever
// addresses a test wants, and takes as long.
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

namespace {

using afplug::address;
using afplug::connection_error;
using afplug::connection_options;
using afplug::errc;
using afplug::error_code;
using afplug::testing_support::non_blocking;
using afplug::testing_support::open_descriptor_count;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

// ---- the names of these tests ----

struct name_server {
  std::mutex lock;
  std::condition_variable changed;
  std::map<std::string, std::vector<address>> names;
  bool held = false;  // look-ups wait until it is false
  int asked = 0;      // look-ups begun
  int answered = 0;   // look-ups ended
  int last_flags = 0;
  std::string last_encoding;  // of the thread that asked
};

name_server& names() {
  static name_server it;
  return it;
}

struct node {
  ::addrinfo info;
  ::sockaddr_storage storage;
};

}  // namespace

extern "C" int getaddrinfo(const char* host, const char*, const ::addrinfo* hints, ::addrinfo** out) {
  auto& ns = names();
  std::unique_lock hold(ns.lock);
  ns.last_flags = hints->ai_flags;
  ns.last_encoding = ::nl_langinfo(CODESET);
  if ((hints->ai_flags & AI_NUMERICHOST) != 0) return EAI_NONAME;
  ++ns.asked;
  ns.changed.notify_all();
  ns.changed.wait(hold, [&] { return !ns.held; });
  ++ns.answered;
  ns.changed.notify_all();
  const auto found = ns.names.find(host ? host : "");
  if (found == ns.names.end()) return EAI_NONAME;
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

bool has_ipv6() {
  error_code ec;
  afplug::socket s = afplug::socket::open(afplug::registry::global().family("inet6"), SOCK_STREAM, 0, ec);
  if (!ec) s.bind(address("inet6", "[::1]:0"), ec);
  return !ec;
}

// An address that accepts.
struct listener {
  explicit listener(const char* family = "inet", const char* at = "127.0.0.1:0") : s(family, SOCK_STREAM) {
    s.bind(at);
    s.listen(16);
  }
  address at() const { return s.getsockname(); }
  afplug::socket s;
};

// An address that never answers: its backlog is full, so that a SYN is dropped.
struct black_hole {
  black_hole() : s("inet", SOCK_STREAM), filler("inet", SOCK_STREAM) {
    s.bind("127.0.0.1:0");
    s.listen(0);
    filler.connect(s.getsockname());
  }
  address at() const { return s.getsockname(); }
  afplug::socket s, filler;
};

// An address that refuses: nobody listens there, and the port stays taken.
struct refusal {
  explicit refusal(const char* family = "inet", const char* at = "127.0.0.1:0") : s(family, SOCK_STREAM) { s.bind(at); }
  address at() const { return s.getsockname(); }
  afplug::socket s;
};

class connecting : public testing::Test {
 protected:
  void TearDown() override {
    name_only({}, {});
    afplug::socket::default_timeout({});
  }
  static void name(std::vector<address> addresses) { name_only("host.test", std::move(addresses)); }
  static void name_only(const std::string& host, std::vector<address> addresses) {
    const std::lock_guard hold(names().lock);
    names().names.clear();
    if (!host.empty()) names().names[host] = std::move(addresses);
  }
  static connection_options fast() {
    connection_options o;
    o.attempt_delay = 10ms;
    o.timeout = 60s;
    return o;
  }
};

// ---- the race ----

TEST_F(connecting, an_address_that_hangs_does_not_hold_the_next_up) {
  const black_hole hole;
  const listener good;
  name({hole.at(), good.at()});
  std::vector<connection_error::attempt> failed;
  error_code ec;
  const auto s = afplug::create_connection("host.test", "80", fast(), ec, &failed);
  ASSERT_FALSE(ec) << afplug::last_detail();
  EXPECT_EQ(s.getpeername(), good.at());
  EXPECT_TRUE(failed.empty());
}

TEST_F(connecting, many_that_hang_neither) {
  const black_hole one, two, three;
  const listener good;
  name({one.at(), two.at(), three.at(), good.at()});
  EXPECT_EQ(afplug::create_connection("host.test", "80", fast()).getpeername(), good.at());
}

// The delay is an hour: only the failure can have let the next start.
TEST_F(connecting, an_address_that_refuses_is_followed_at_once) {
  const refusal first, second;
  const listener good;
  name({first.at(), second.at(), good.at()});
  auto options = fast();
  options.attempt_delay = 1h;
  std::vector<connection_error::attempt> failed;
  error_code ec;
  const auto s = afplug::create_connection("host.test", "80", options, ec, &failed);
  ASSERT_FALSE(ec);
  EXPECT_EQ(s.getpeername(), good.at());
  ASSERT_EQ(failed.size(), 2u);
  EXPECT_EQ(failed[0].to, first.at());
  EXPECT_EQ(failed[1].to, second.at());
  EXPECT_EQ(failed[0].ec.value(), ECONNREFUSED);
}

// A refusal while another is under way lets the next start as well.
TEST_F(connecting, a_refusal_beside_one_that_hangs_is_followed_at_once) {
  const refusal bad;
  const black_hole hole;
  const listener good;
  name({bad.at(), hole.at(), bad.at(), good.at()});
  EXPECT_EQ(afplug::create_connection("host.test", "80", fast()).getpeername(), good.at());
}

TEST_F(connecting, families_take_turns_and_the_resolvers_first_begins) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6 loopback";
  const refusal six1("inet6", "[::1]:0"), six2("inet6", "[::1]:0"), six3("inet6", "[::1]:0"), four1, four2;
  const auto order = [](bool happy) {
    auto options = fast();
    options.happy_eyeballs = happy;
    std::vector<connection_error::attempt> failed;
    error_code ec;
    afplug::create_connection("host.test", "80", options, ec, &failed);
    std::vector<address> to;
    for (const auto& each : failed) to.push_back(each.to);
    return to;
  };
  name({six1.at(), six2.at(), six3.at(), four1.at(), four2.at()});
  EXPECT_THAT(order(true), ElementsAre(six1.at(), four1.at(), six2.at(), four2.at(), six3.at()));
  EXPECT_THAT(order(false), ElementsAre(six1.at(), six2.at(), six3.at(), four1.at(), four2.at()));
  name({four1.at(), six1.at(), six2.at()});
  EXPECT_THAT(order(true), ElementsAre(four1.at(), six1.at(), six2.at()));
}

TEST_F(connecting, one_after_the_other_waits_for_each) {
  const black_hole hole;
  const listener good;
  name({hole.at(), good.at()});
  auto options = fast();
  options.happy_eyeballs = false;
  options.timeout = 100ms;
  error_code ec;
  std::vector<connection_error::attempt> failed;
  afplug::create_connection("host.test", "80", options, ec, &failed);
  EXPECT_EQ(ec, errc::timed_out);
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].to, hole.at());
  const refusal bad;
  name({bad.at(), good.at()});
  EXPECT_EQ(afplug::create_connection("host.test", "80", options).getpeername(), good.at());
}

TEST_F(connecting, losers_are_closed) {
  const black_hole one, two;
  const listener good;
  name({one.at(), two.at(), good.at()});
  const auto before = open_descriptor_count();
  {
    const auto s = afplug::create_connection("host.test", "80", fast());
    EXPECT_EQ(open_descriptor_count(), before + 1);
  }
  auto options = fast();
  options.timeout = 50ms;
  name({one.at(), two.at()});
  error_code ec;
  afplug::create_connection("host.test", "80", options, ec);
  EXPECT_EQ(ec, errc::timed_out);
  EXPECT_EQ(open_descriptor_count(), before);
}

// ---- failures ----

TEST_F(connecting, all_refusals_are_told) {
  const refusal first, second;
  name({first.at(), second.at()});
  try {
    afplug::create_connection("host.test", "80", fast());
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
  EXPECT_FALSE(afplug::create_connection("host.test", "80", fast(), ec).is_open());
  EXPECT_EQ(ec.value(), ECONNREFUSED);
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr(first.at().to_string()));
}

TEST_F(connecting, the_time_limit_is_for_the_whole) {
  const black_hole hole;
  const refusal bad;
  name({hole.at(), bad.at()});
  auto options = fast();
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

TEST_F(connecting, the_default_timeout_is_the_limit_where_none_is_given) {
  const black_hole hole;
  name({hole.at()});
  afplug::socket::default_timeout(50ms);
  error_code ec;
  afplug::create_connection("host.test", "80", {}, ec);
  EXPECT_EQ(ec, errc::timed_out);
}

TEST_F(connecting, a_name_without_addresses_is_the_resolvers_error) {
  try {
    afplug::create_connection("nosuch.test", "80", fast());
    FAIL() << "connected";
  } catch (const connection_error&) {
    FAIL() << "there was no attempt";
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.code(), error_code(EAI_NONAME, afplug::resolver_category()));
    EXPECT_THAT(e.what(), HasSubstr("nosuch.test"));
  }
  auto options = fast();
  options.timeout = -1ns;
  error_code ec;
  afplug::create_connection("host.test", "80", options, ec);
  EXPECT_EQ(ec, errc::invalid_argument);
}

// ---- what comes out ----

TEST_F(connecting, the_socket_has_the_mode_that_was_asked_for) {
  const listener good;
  name({good.at()});
  const auto limited = afplug::create_connection("host.test", "80", fast());
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

TEST_F(connecting, data_flows) {
  const listener good;
  name({good.at()});
  auto client = afplug::create_connection("host.test", "80", fast());
  auto server = const_cast<afplug::socket&>(good.s).accept();
  client.sendall(std::string_view("hello"));
  char got[5];
  EXPECT_EQ(server.recvall(got), 5u);
  EXPECT_EQ(std::string_view(got, 5), "hello");
}

TEST_F(connecting, the_source_is_bound_and_picks_the_family) {
  const listener good;
  std::vector<address> all{good.at()};
  std::optional<refusal> six;
  if (has_ipv6()) all.insert(all.begin(), six.emplace("inet6", "[::1]:0").at());
  name(all);
  auto options = fast();
  options.source = address("inet", "127.0.0.2:0");
  std::vector<connection_error::attempt> failed;
  error_code ec;
  const auto s = afplug::create_connection("host.test", "80", options, ec, &failed);
  ASSERT_FALSE(ec);
  EXPECT_THAT(s.getsockname().to_string(), testing::StartsWith("127.0.0.2:"));
  EXPECT_TRUE(failed.empty());
  options.source = address("inet6", "[::1]:0");
  name({good.at()});
  afplug::create_connection("host.test", "80", options, ec);
  EXPECT_EQ(ec.value(), EAFNOSUPPORT);
}

TEST_F(connecting, a_source_that_is_not_ours_fails_every_attempt) {
  const listener good;
  name({good.at()});
  auto options = fast();
  options.source = address("inet", "192.0.2.1:0");
  try {
    afplug::create_connection("host.test", "80", options);
    FAIL() << "connected";
  } catch (const connection_error& e) {
    EXPECT_EQ(e.code().value(), EADDRNOTAVAIL);
  }
}

TEST_F(connecting, the_family_can_be_chosen) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6 loopback";
  const listener four;
  const listener six("inet6", "[::1]:0");
  name({four.at(), six.at()});
  auto options = fast();
  options.family = AF_INET6;
  EXPECT_EQ(afplug::create_connection("host.test", "80", options).getpeername(), six.at());
}

// ---- look-ups that take long ----

class slow_names : public connecting {
 protected:
  void SetUp() override {
    const std::lock_guard hold(names().lock);
    names().held = true;
    before_ = names().answered;
    asked_ = names().asked;
  }
  void TearDown() override {
    release();
    auto& ns = names();
    std::unique_lock hold(ns.lock);
    // The look-up that nobody waits for any more ends too.
    ns.changed.wait(hold, [&] { return ns.answered - before_ == ns.asked - asked_; });
    hold.unlock();
    connecting::TearDown();
  }
  static void release() {
    const std::lock_guard hold(names().lock);
    names().held = false;
    names().changed.notify_all();
  }

 private:
  int before_ = 0, asked_ = 0;
};

TEST_F(slow_names, end_at_the_limit) {
  error_code ec;
  EXPECT_TRUE(afplug::getaddrinfo("host.test", "80", {AF_UNSPEC, SOCK_STREAM, 0, 0, 20ms}, ec).empty());
  EXPECT_EQ(ec, errc::timed_out);
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr("host.test"));
  auto options = fast();
  options.timeout = 20ms;
  afplug::create_connection("host.test", "80", options, ec);
  EXPECT_EQ(ec, errc::timed_out);
}

TEST_F(slow_names, with_no_time_at_all_are_not_begun) {
  const int asked = names().asked;
  error_code ec;
  afplug::getaddrinfo("host.test", "80", {AF_UNSPEC, SOCK_STREAM, 0, 0, 0ns}, ec);
  EXPECT_EQ(ec, errc::timed_out);
  EXPECT_EQ(names().asked, asked);
}

TEST_F(slow_names, that_answer_in_time_are_used) {
  const listener good;
  name({good.at()});
  std::thread later([asked = names().asked] {
    auto& ns = names();
    std::unique_lock hold(ns.lock);
    ns.changed.wait(hold, [&] { return ns.asked > asked; });
    hold.unlock();
    release();
  });
  error_code ec;
  const auto found = afplug::getaddrinfo("host.test", "80", {AF_UNSPEC, SOCK_STREAM, 0, 0, 60s}, ec);
  later.join();
  ASSERT_FALSE(ec) << ec;
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].address, good.at());
}

// Signals come until the call has ended; the hook says at the third that it shall.
class with_signals {
 public:
  with_signals() : target_(::pthread_self()) {
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
  ~with_signals() {
    sender_.request_stop();
    sender_.join();
    ::sigaction(SIGUSR1, &before_, nullptr);
  }

 private:
  pthread_t target_;
  struct sigaction before_ {};
  std::jthread sender_;
};

TEST_F(slow_names, end_when_the_interrupt_hook_says_so) {
  int calls = 0;
  const afplug::scoped_interrupt_hook hook([&] { return ++calls == 3; });
  error_code ec;
  {
    const with_signals signals;
    afplug::getaddrinfo("host.test", "80", {AF_UNSPEC, SOCK_STREAM, 0, 0, 60s}, ec);
  }
  EXPECT_EQ(ec, errc::interrupted);
  EXPECT_EQ(calls, 3);
}

TEST_F(connecting, ends_when_the_interrupt_hook_says_so) {
  const black_hole hole;
  name({hole.at()});
  int calls = 0;
  const afplug::scoped_interrupt_hook hook([&] { return ++calls >= 3; });
  const auto before = open_descriptor_count();
  error_code ec;
  {
    const with_signals signals;
    afplug::create_connection("host.test", "80", fast(), ec);
  }
  EXPECT_EQ(ec, errc::interrupted);
  EXPECT_EQ(open_descriptor_count(), before);
}

// ---- names outside ASCII ----

TEST_F(connecting, names_outside_ascii_go_out_as_idna_whatever_the_locale) {
  const listener good;
  name_only("bücher.test", {good.at()});
  const std::string locale = std::setlocale(LC_ALL, nullptr);
  for (const auto limit : {std::optional<std::chrono::nanoseconds>(), std::optional<std::chrono::nanoseconds>(60s)}) {
    EXPECT_EQ(afplug::getaddrinfo("bücher.test", "80", {AF_UNSPEC, SOCK_STREAM, 0, 0, limit})[0].address, good.at());
    EXPECT_NE(names().last_flags & AI_IDN, 0);
    EXPECT_EQ(names().last_encoding, "UTF-8");
  }
  EXPECT_EQ(std::setlocale(LC_ALL, nullptr), locale);
  EXPECT_EQ(::uselocale(nullptr), LC_GLOBAL_LOCALE);
  name({good.at()});
  afplug::getaddrinfo("host.test", "80");
  EXPECT_EQ(names().last_flags & AI_IDN, 0);
}

// ---- create_server ----

int flag_of(const afplug::socket& s, int level, int number) {
  int value = -1;
  s.getsockopt(level, number, afplug::mutable_bytes(&value, sizeof value));
  return value;
}

TEST(create_server, listens) {
  auto server = afplug::create_server(address("inet", "127.0.0.1:0"));
  EXPECT_EQ(server.type(), SOCK_STREAM);
  EXPECT_EQ(server.family(), AF_INET);
  EXPECT_EQ(flag_of(server, SOL_SOCKET, SO_ACCEPTCONN), 1);
  EXPECT_EQ(flag_of(server, SOL_SOCKET, SO_REUSEADDR), 1);
  EXPECT_EQ(flag_of(server, SOL_SOCKET, SO_REUSEPORT), 0);
  EXPECT_FALSE(server.inheritable());
  afplug::socket client("inet", SOCK_STREAM);
  client.connect(server.getsockname());
  EXPECT_TRUE(server.accept().is_open());
}

TEST(create_server, of_a_unix_path_needs_no_ip_options) {
  auto server = afplug::create_server(address("unix", "@afplug-create-server-" + std::to_string(::getpid())));
  EXPECT_EQ(flag_of(server, SOL_SOCKET, SO_ACCEPTCONN), 1);
  EXPECT_EQ(flag_of(server, SOL_SOCKET, SO_REUSEADDR), 0);
}

TEST(create_server, takes_the_type_of_the_address) {
  auto server =
      afplug::create_server(address("unix", "@afplug-seqpacket-server-" + std::to_string(::getpid()), SOCK_SEQPACKET));
  EXPECT_EQ(server.type(), SOCK_SEQPACKET);
}

TEST(create_server, says_which_address_is_taken_and_leaves_nothing_open) {
  const auto first = afplug::create_server(address("inet", "127.0.0.1:0"));
  const auto before = open_descriptor_count();
  error_code ec;
  EXPECT_FALSE(afplug::create_server(first.getsockname(), {}, ec).is_open());
  EXPECT_EQ(ec.value(), EADDRINUSE);
  const auto expected = "(while attempting to bind on address " + first.getsockname().to_string() + ")";
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr(expected));
  try {
    afplug::create_server(first.getsockname());
    FAIL() << "bound twice";
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.code().value(), EADDRINUSE);
    EXPECT_THAT(e.what(), HasSubstr(expected));
  }
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST(create_server, with_reuse_port_shares_its_address) {
  afplug::server_options options;
  options.reuse_port = true;
  const auto first = afplug::create_server(address("inet", "127.0.0.1:0"), options);
  EXPECT_EQ(flag_of(first, SOL_SOCKET, SO_REUSEPORT), 1);
  const auto second = afplug::create_server(first.getsockname(), options);
  EXPECT_EQ(first.getsockname(), second.getsockname());
}

TEST(create_server, over_ipv6_serves_ipv6_alone) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6 loopback";
  const auto server = afplug::create_server(address("inet6", "[::]:0"));
  EXPECT_EQ(flag_of(server, IPPROTO_IPV6, IPV6_V6ONLY), 1);
  afplug::socket client("inet", SOCK_STREAM);
  error_code ec;
  client.connect(address("inet", "127.0.0.1:" + std::to_string(*server.getsockname().number("port"))), ec);
  EXPECT_EQ(ec.value(), ECONNREFUSED);
}

TEST(create_server, with_dualstack_serves_both) {
  if (!afplug::has_dualstack_ipv6() || !has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  afplug::server_options options;
  options.dualstack_ipv6 = true;
  auto server = afplug::create_server(address("inet6", "[::]:0"), options);
  EXPECT_EQ(flag_of(server, IPPROTO_IPV6, IPV6_V6ONLY), 0);
  const auto port = std::to_string(*server.getsockname().number("port"));
  for (const auto& to : {address("inet", "127.0.0.1:" + port), address("inet6", "[::1]:" + port)}) {
    afplug::socket client(to.family(), SOCK_STREAM);
    client.connect(to);
    address peer;
    EXPECT_TRUE(server.accept(peer).is_open());
    EXPECT_EQ(peer.family(), AF_INET6);
  }
}

TEST(create_server, with_dualstack_is_for_inet6) {
  afplug::server_options options;
  options.dualstack_ipv6 = true;
  for (const auto& at : {address("inet", "127.0.0.1:0"), address("unix", "@x")}) {
    error_code ec;
    afplug::create_server(at, options, ec);
    EXPECT_EQ(ec, errc::invalid_argument) << at;
  }
}

TEST(create_server, refuses_what_can_not_listen) {
  const auto before = open_descriptor_count();
  error_code ec;
  afplug::create_server(address("inet", "127.0.0.1:0", SOCK_DGRAM), {}, ec);
  EXPECT_EQ(ec.value(), EOPNOTSUPP);
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST(create_server, backlog_bounds_the_queue) {
  afplug::server_options options;
  options.backlog = 0;
  const auto server = afplug::create_server(address("inet", "127.0.0.1:0"), options);
  ::tcp_info info{};
  server.getsockopt(IPPROTO_TCP, TCP_INFO, afplug::mutable_bytes(&info, sizeof info));
  EXPECT_EQ(info.tcpi_sacked, 0u);  // of a listener: the most that its queue holds
}

}  // namespace
