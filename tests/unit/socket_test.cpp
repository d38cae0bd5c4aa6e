// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug::socket independent of a family: opening, the closed socket, and the error texts. The behaviour of families is
// tested in tests/conformance.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <afplug/resolver.hpp>
#include <afplug/socket.hpp>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "../support/errors.hpp"

namespace {

using afplug::address;
using afplug::error_code;
using afplug::testing_support::sys;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

static_assert(!std::is_copy_constructible_v<afplug::socket> && !std::is_copy_assignable_v<afplug::socket>);
static_assert(std::is_nothrow_move_constructible_v<afplug::socket> &&
              std::is_nothrow_default_constructible_v<afplug::socket>);

// A family and a type in the wrong order do not compile.
using sock = decltype(SOCK_STREAM);
static_assert(std::is_constructible_v<afplug::socket, int, sock> &&
              std::is_constructible_v<afplug::socket, const char*, sock, int>);
static_assert(!std::is_constructible_v<afplug::socket, sock, int>, "socket(SOCK_STREAM, AF_INET)");
static_assert(!std::is_constructible_v<afplug::socket, sock, sock> &&
              !std::is_constructible_v<afplug::socket, afplug::socket_type, sock, int>);
static_assert(!std::is_constructible_v<afplug::socket, int, int>, "socket(AF_INET, AF_INET)");
static_assert(!std::is_constructible_v<afplug::basic_protocol, sock, int, int> &&
              std::is_constructible_v<afplug::basic_protocol, int, sock, int>);
static_assert(!std::is_constructible_v<afplug::basic_protocol, const afplug::family&, int, sock>);
template <class... A>
concept registry_opens = requires(afplug::registry& r, A... a) {
  r.socket(a...);
};
static_assert(registry_opens<int, sock> && !registry_opens<sock, int> && !registry_opens<sock, sock>);
template <class... A>
concept opens_pair = requires(A... a) {
  afplug::socket::pair("unix", a...);
};
static_assert(opens_pair<sock> && !opens_pair<int>, "pair(\"unix\", AF_UNIX)");

std::string what_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const afplug::error& e) {
    return e.what();
  }
  return "no exception";
}

// close(2) of this program: closes the descriptor, then fails with `close_error` of the calling thread if it is set.
// Linux releases the descriptor although close fails.
thread_local int close_error = 0;

// Static destructors run after the thread_local objects of the main thread are destroyed.
struct static_object {
  const afplug::family* inet = &afplug::registry::global().family("inet");
  ~static_object() {
    error_code ec;
    afplug::socket::open(*inet, afplug::socket_type(9), 0, ec);
    bool thrown = false;
    try {
      afplug::socket("inet", afplug::socket_type(9), 0);
    } catch (const afplug::error& e) {
      thrown = e.code() == ec;
    }
    if (!ec || !thrown || afplug::last_detail().empty()) ::_exit(1);
  }
};
TEST(socket, errors_in_static_destructors_have_a_detail) {
  EXPECT_EXIT(
      {
        static const static_object last;
        error_code ec;
        afplug::socket::open(*last.inet, afplug::socket_type(9), 0, ec);
        std::exit(afplug::last_detail().empty() ? 2 : 0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(socket, calls_on_a_closed_socket_fail_with_ebadf) {
  afplug::socket s;
  EXPECT_FALSE(s.is_open());
  EXPECT_EQ(s.fileno(), -1);
  EXPECT_EQ(s.owner(), nullptr);
  EXPECT_EQ(s.family(), 0);
  EXPECT_EQ(s.what().owner(), nullptr);
  EXPECT_FALSE(s.in_user_space());
  EXPECT_EQ(s.timeout(), std::nullopt);
  EXPECT_NE(s.to_string().find("closed"), std::string::npos);
  char byte[1];
  address peer;
  const address to("inet", "127.0.0.1:9");
  const afplug::const_bytes out[] = {"x"sv};
  const afplug::mutable_bytes into[] = {byte};
  afplug::control_buffer control;
  const std::function<void(error_code&)> calls[] = {
      [&](error_code& ec) { s.bind(to, ec); },
      [&](error_code& ec) { s.listen(1, ec); },
      [&](error_code& ec) { s.accept(ec); },
      [&](error_code& ec) { s.accept(peer, ec); },
      [&](error_code& ec) { s.accept(peer, std::stop_token(), ec); },
      [&](error_code& ec) { s.connect(to, ec); },
      [&](error_code& ec) { s.connect(to, std::stop_token(), ec); },
      [&](error_code& ec) { s.shutdown(SHUT_RD, ec); },
      [&](error_code& ec) { s.getsockname(ec); },
      [&](error_code& ec) { s.getpeername(ec); },
      [&](error_code& ec) { s.send("x"sv, 0, ec); },
      [&](error_code& ec) { s.send("x"sv, 0, std::stop_token(), ec); },
      [&](error_code& ec) { s.recv(byte, 0, ec); },
      [&](error_code& ec) { s.recv(byte, 0, std::stop_token(), ec); },
      [&](error_code& ec) { s.sendall("x"sv, 0, ec); },
      [&](error_code& ec) { s.recvall(byte, 0, ec); },
      [&](error_code& ec) { s.sendto("x"sv, to, 0, ec); },
      [&](error_code& ec) { s.recvfrom(byte, peer, 0, ec); },
      [&](error_code& ec) { s.sendmsg(out, {}, 0, nullptr, ec); },
      [&](error_code& ec) { s.recvmsg(into, control, 0, nullptr, ec); },
      [&](error_code& ec) { s.sendfile(0, 0, {}, ec); },
      [&](error_code& ec) { s.send_fds(out, {}, 0, nullptr, ec); },
      [&](error_code& ec) { s.recv_fds(byte, 1, 0, nullptr, ec); },
      [&](error_code& ec) { s.timeout(1s, ec); },
      [&](error_code& ec) { s.dup(ec); },
      [&](error_code& ec) { s.inheritable(ec); },
      [&](error_code& ec) { s.inheritable(true, ec); },
      [&](error_code& ec) { s.getsockopt(SOL_SOCKET, SO_TYPE, byte, ec); },
      [&](error_code& ec) { s.setsockopt(SOL_SOCKET, SO_RCVBUF, "1234"sv, ec); },
      [&](error_code& ec) { s.option("SO_RCVBUF", std::int64_t{1}, ec); },
      [&](error_code& ec) { s.option_text("SO_RCVBUF", ec); },
      [&](error_code& ec) { s.option_number("SO_RCVBUF", ec); },
      [&](error_code& ec) { s.option_bytes("SO_RCVBUF", ec); },
      [&](error_code& ec) { s.wait(POLLIN, 0ns, ec); },
  };
  for (const auto& call : calls) {
    error_code ec;
    call(ec);
    EXPECT_EQ(ec, sys(EBADF)) << "call " << &call - calls;
  }
  EXPECT_EQ(s.connect_ex(to), EBADF);
  EXPECT_EQ(s.detach(), -1);
  s.close();
  afplug::socket moved = std::move(s);
  EXPECT_FALSE(moved.is_open());
}

TEST(socket, registry_opens_by_number_and_by_id) {
  auto& r = afplug::registry::global();
  const auto by_number = r.socket(AF_INET, SOCK_STREAM);
  const auto by_id = r.socket("inet", SOCK_STREAM, 0);
  EXPECT_TRUE(by_number.is_open());
  EXPECT_EQ(by_number.owner(), by_id.owner());
  EXPECT_EQ(by_number.owner(), &r.family(AF_INET));
  error_code ec;
  EXPECT_TRUE(afplug::socket::open(r.family("inet"), SOCK_DGRAM, 0, ec).is_open());
  EXPECT_FALSE(ec);
}

TEST(socket, error_of_an_unknown_family_names_it_and_the_remedy) {
  for (const auto& open :
       {std::function<void()>([] { afplug::socket("no_such_family", SOCK_STREAM); }),
        std::function<void()>([] { afplug::registry::global().socket("no_such_family", SOCK_STREAM); })}) {
    const std::string text = what_of(open);
    EXPECT_NE(text.find("no_such_family"), std::string::npos) << text;
    EXPECT_NE(text.find("AFPLUG_PATH"), std::string::npos) << "the error names the remedy: " << text;
  }
  for (int number : {0, -2, 255, 9999}) {
    try {
      afplug::socket s(number, SOCK_STREAM);
      FAIL() << number;
    } catch (const afplug::error& e) {
      EXPECT_EQ(e.code(), afplug::errc::unknown_family);
      EXPECT_EQ(e.code(), boost::system::errc::address_family_not_supported) << "equal to the portable condition";
      EXPECT_NE(std::string(e.what()).find(std::to_string(number)), std::string::npos) << e.what();
    }
  }
}

TEST(socket, error_texts_name_family_call_and_argument) {
  afplug::socket s("inet", SOCK_STREAM);
  s.bind("127.0.0.1:0");
  const std::string at = s.getsockname().to_string();
  afplug::socket other("inet", SOCK_STREAM);
  const struct {
    std::function<void()> call;
    std::vector<std::string> in_text;
  } cases[] = {
      {[&] { other.bind(at); }, {"inet", "bind", at, "Address already in use"}},
      {[&] { other.connect(at); }, {"inet", "connect", at, "Connection refused"}},
      {[&] { other.accept(); }, {"accept", "does not listen", "listen()"}},
      {[&] { other.bind("127.0.0.1"); }, {"inet", "127.0.0.1"}},
      {[&] { other.bind("127.0.0.1:65536"); }, {"inet", "65536"}},
      {[&] { other.bind("::1:80"); }, {"inet", "::1:80"}},
      {[&] { other.option("TCP_NODELAYS", 1); }, {"inet", "TCP_NODELAYS", "TCP_NODELAY"}},
      {[&] { other.option("UDP_CORK", 1); }, {"UDP_CORK", "SOCK_STREAM"}},
      {[&] { afplug::socket("inet", SOCK_STREAM, 250); }, {"inet", "SOCK_STREAM", "protocol 250", "unavailable"}},
      {[&] { afplug::socket::pair("inet"); }, {"inet", "socketpair", "not supported"}},
      {[&] { afplug::socket::adopt(9999); }, {"9999", "Bad file descriptor"}},
      {[&] { other.timeout(-1ns); }, {"timeout", "-1"}},
  };
  for (const auto& c : cases) {
    const auto text = what_of(c.call);
    for (const auto& part : c.in_text) EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << "one line: " << text;
  }
}

TEST(socket, both_overloads_report_the_same_error) {
  afplug::socket s("inet", SOCK_STREAM);
  error_code ec;
  s.connect(address("inet", "127.0.0.1:1"), ec);
  const std::string detail(afplug::last_detail());
  try {
    afplug::socket("inet", SOCK_STREAM).connect(address("inet", "127.0.0.1:1"));
    FAIL();
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.code(), ec);
    EXPECT_EQ(e.what(), detail);
  }
}

TEST(socket, last_detail_is_per_thread_and_of_the_last_error) {
  afplug::socket s("inet", SOCK_STREAM);
  error_code ec;
  s.option("NO_SUCH_ONE", std::int64_t{1}, ec);
  const std::string mine(afplug::last_detail());
  EXPECT_NE(mine.find("NO_SUCH_ONE"), std::string::npos);
  std::thread([] {
    error_code theirs;
    afplug::socket::adopt(-1, -1, afplug::socket_type(-1), -1, theirs);
    EXPECT_EQ(afplug::last_detail().find("NO_SUCH_ONE"), std::string_view::npos);
  }).join();
  EXPECT_EQ(afplug::last_detail(), mine);
  char byte[1];
  s.recv(byte, 0, ec);
  EXPECT_EQ(ec, sys(ENOTCONN));
  EXPECT_EQ(afplug::last_detail().find("NO_SUCH_ONE"), std::string_view::npos) << "the error text of an earlier error";
}

TEST(socket, success_clears_the_error_code) {
  afplug::socket s("inet", SOCK_STREAM);
  error_code ec = afplug::errc::stopped;
  s.bind(address("inet", "127.0.0.1:0"), ec);
  EXPECT_FALSE(ec);
  ec = afplug::errc::stopped;
  s.getsockname(ec);
  EXPECT_FALSE(ec);
  ec = afplug::errc::stopped;
  s.timeout(1s, ec);
  EXPECT_FALSE(ec);
  ec = afplug::errc::stopped;
  s.option("SO_KEEPALIVE", std::int64_t{1}, ec);
  EXPECT_FALSE(ec);
  ec = afplug::errc::stopped;
  s.close(ec);
  EXPECT_FALSE(ec);
}

TEST(socket, connect_resolves_names) {
  afplug::socket server("inet", SOCK_STREAM);
  server.bind("127.0.0.1:0");
  server.listen();
  const auto port = std::to_string(*server.getsockname().number("port"));
  afplug::socket client("inet", SOCK_STREAM);
  client.connect("localhost:" + port);
  EXPECT_TRUE(server.accept().is_open());
  EXPECT_EQ(client.getpeername().to_string(), "127.0.0.1:" + port);
  EXPECT_NE(what_of([&] { afplug::socket("inet", SOCK_STREAM).bind("localhost:" + port); }).find("localhost"),
            std::string::npos)
      << "bind does not resolve names";
}

TEST(socket, send_to_a_closed_peer_fails_without_sigpipe) {
  auto sockets = afplug::socket::pair();
  sockets.second.close();
  EXPECT_EQ(ERROR_OF(sockets.first.send("abc"sv, 0, _)), sys(EPIPE));  // SIGPIPE would end the process
}

TEST(socket, opens_results_of_getaddrinfo_and_numbers_without_exceptions) {
  error_code ec;
  const auto found = afplug::getaddrinfo("127.0.0.1", "80", {.type = SOCK_DGRAM}, ec);
  ASSERT_FALSE(found.empty());
  const auto s = afplug::socket::open(found.front().address.protocol(), ec);
  ASSERT_FALSE(ec) << ec.message();
  EXPECT_EQ(s.family(), AF_INET);
  EXPECT_EQ(s.type(), SOCK_DGRAM);
  EXPECT_EQ(s.protocol(), IPPROTO_UDP);
  EXPECT_EQ(afplug::socket(found.front().address.protocol()).what(), s.what());
  EXPECT_EQ(afplug::socket::open(AF_UNIX, SOCK_STREAM, ec).family(), AF_UNIX);
  EXPECT_EQ(afplug::socket::open("inet", SOCK_STREAM, ec).family(), AF_INET);
  EXPECT_FALSE(ec);
  EXPECT_FALSE(afplug::socket::open(199, SOCK_STREAM, ec).is_open());
  EXPECT_EQ(ec, afplug::errc::unknown_family);
  EXPECT_FALSE(afplug::socket::open("no_such_family", SOCK_STREAM, 0, ec).is_open());
  EXPECT_EQ(ec, afplug::errc::unknown_family);
}

TEST(socket, batches_set_the_size_of_messages_not_sent_or_received_to_0) {
  auto [a, b] = afplug::socket::pair("unix", SOCK_DGRAM);
  a.blocking(false);
  b.blocking(false);
  const std::string text(4096, 'x');
  std::vector<afplug::outgoing> messages(200);
  for (auto& m : messages) m.data = text, m.size = 99;
  const auto sent = a.send_many(messages);  // the kernel's send buffer is smaller
  ASSERT_GT(sent, 0u);
  ASSERT_LT(sent, messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) ASSERT_EQ(messages[i].size, i < sent ? text.size() : 0u) << i;

  for (auto& m : messages) m.size = 99;
  std::stop_source stop;
  stop.request_stop();
  error_code ec;
  EXPECT_EQ(a.send_many(messages, 0, stop.get_token(), ec), 0u);
  EXPECT_TRUE(ec);
  for (const auto& m : messages) ASSERT_EQ(m.size, 0u);

  std::string into(text.size(), '\0');
  std::vector<afplug::incoming> arrived(messages.size());
  for (auto& m : arrived) m.into = into, m.size = 99;
  EXPECT_EQ(b.recv_many(arrived), sent);
  for (std::size_t i = 0; i < arrived.size(); ++i) ASSERT_EQ(arrived[i].size, i < sent ? text.size() : 0u) << i;
}

TEST(socket, close_ignores_errors_after_which_the_connection_is_closed) {
  for (const int error : {ECONNRESET, EINTR, EIO, ENOSPC}) {
    afplug::socket s("unix", SOCK_STREAM);
    const int fd = s.native_handle();
    error_code ec;
    close_error = error;
    s.close(ec);
    close_error = 0;
    const bool ignored = error == ECONNRESET || error == EINTR;
    EXPECT_EQ(ec, sys(ignored ? 0 : error));
    EXPECT_FALSE(s.is_open());
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "the descriptor is released in either case";
  }
}

}  // namespace

extern "C" int close(int fd) {
  const auto result = static_cast<int>(::syscall(SYS_close, fd));
  if (result != 0 || close_error == 0) return result;
  errno = close_error;
  return -1;
}
