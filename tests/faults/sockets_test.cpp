// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Every call of a socket, while each of its allocations and system calls fails in turn.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <afplug/socket.hpp>
#include <afplug/stream.hpp>
#include <afplug/verdict.hpp>
#include <array>
#include <stop_token>
#include <string>
#include <thread>

#include "trial.hpp"

namespace afplug {
namespace {

using testing_support::scenario;
using testing_support::trial;
using testing_support::try_all_faults;
using namespace std::chrono_literals;

std::string unix_name() { return "@afplug-faults-" + std::to_string(::getpid()); }

/// Loads the families, and makes what the explanation of a failed open makes once.
void load_families() {
  for (const char* id : {"inet", "inet6", "unix", "loop"}) {
    auto& f = registry::global().family(id);
    error_code ec;
    static_cast<void>(socket::open(f, SOCK_STREAM, 0, ec));
    static_cast<void>(explain(f, SOCK_STREAM, 0, EMFILE));
  }
  static_cast<void>(registry::global().families());
}

struct connected {
  socket server, client, accepted;
};

connected connect(trial& t, const char* family, socket_type type, const std::string& at) {
  connected c;
  c.server = t.call("socket", [&] { return socket(family, type); });
  t.call("bind", [&] { c.server.bind(at); });
  t.call("listen", [&] { c.server.listen(); });
  const auto bound = t.call("getsockname", [&] { return c.server.getsockname(); });
  c.client = t.call("socket", [&] { return socket(family, type); });
  t.call("connect", [&] { c.client.connect(bound); });
  address peer;
  c.accepted = t.call("accept", [&] { return c.server.accept(peer); });
  t.require(c.accepted.is_open(), "accept returned no socket");
  static_cast<void>(t.call("getpeername", [&] { return c.client.getpeername(); }));
  return c;
}

/// Sends all bytes with calls that may send fewer.
void exchange_bytes(trial& t, socket& from, socket& to) {
  constexpr std::string_view text = "good morning";
  std::array<char, 64> buffer{};
  t.call("sendall", [&] { from.sendall(const_bytes(text.data(), text.size())); });
  std::size_t got = 0;
  while (got < text.size())
    got += t.call("recv", [&] { return to.recv(mutable_bytes(buffer.data() + got, buffer.size() - got)); });
  t.require(got == text.size() && std::string_view(buffer.data(), got) == text, "the bytes differ");

  for (std::size_t sent = 0; sent < text.size();)
    sent += t.call_ec(
        "send", [&](error_code& ec) { return from.send(const_bytes(text.data() + sent, text.size() - sent), 0, ec); });
  buffer = {};
  std::stop_source stop;
  for (got = 0; got < text.size();)
    got += t.call_ec("recv with a stop token", [&](error_code& ec) {
      return to.recv(mutable_bytes(buffer.data() + got, buffer.size() - got), 0, stop.get_token(), ec);
    });
  t.require(std::string_view(buffer.data(), got) == text, "the bytes differ");
}

/// Messages of several forms, which arrive whole or not at all.
void exchange_messages(trial& t, socket& from, socket& to) {
  const std::string first = "first", second = "second";
  const std::array<const_bytes, 2> parts{const_bytes(first.data(), first.size()),
                                         const_bytes(second.data(), second.size())};
  std::array<char, 64> buffer{};
  const std::array<mutable_bytes, 1> into{mutable_bytes(buffer.data(), buffer.size())};
  t.call("sendmsg", [&] { from.sendmsg(parts); });
  control_buffer control(256);
  address sender;
  const auto got = t.call("recvmsg", [&] { return to.recvmsg(into, control, 0, &sender); });
  t.require(std::string_view(buffer.data(), got.size) == "firstsecond", "the message differs");

  std::array<outgoing, 2> sent;
  sent[0].data = const_bytes(first.data(), first.size());
  sent[1].data = const_bytes(second.data(), second.size());
  for (std::size_t done = 0; done < 2;)
    done += t.call("send_many", [&] { return from.send_many(std::span(sent).subspan(done)); });
  std::array<incoming, 2> received;
  std::array<char, 64> other{};
  received[0].into = mutable_bytes(buffer.data(), buffer.size());
  received[1].into = mutable_bytes(other.data(), other.size());
  for (std::size_t done = 0; done < 2;)
    done += t.call("recv_many", [&] { return to.recv_many(std::span(received).subspan(done)); });
  t.require(std::string_view(buffer.data(), received[0].size) == first, "the first message differs");
  t.require(std::string_view(other.data(), received[1].size) == second, "the second message differs");
}

/// Passes a descriptor.
void pass_descriptor(trial& t, socket& from, socket& to) {
  const int passed = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const char byte = 'x';
  const std::array<const_bytes, 1> data{const_bytes(&byte, 1)};
  t.call("send_fds", [&] { from.send_fds(data, std::span(&passed, 1)); });
  ::close(passed);
  char into = 0;
  const auto got = t.call("recv_fds", [&] { return to.recv_fds(mutable_bytes(&into, 1), 4); });
  for (const int fd : got.descriptors) ::close(fd);
  t.require(got.size == 1 && into == 'x', "the data differs");
  t.require(got.descriptors.size() == 1 && (got.flags & MSG_CTRUNC) == 0, "the descriptor is lost");
}

void send_file(trial& t, socket& from, socket& to) {
  const int file = ::memfd_create("faults", MFD_CLOEXEC);
  t.require(file >= 0 && ::ftruncate(file, 100) == 0, "memfd_create");
  const auto sent = t.call("sendfile", [&] {
    error_code ec;
    const auto n = from.sendfile(file, 0, 100, ec);
    // What was sent before the error counts; the rest is sent by the next call.
    if (ec && n == 0) throw boost::system::system_error(ec, "sendfile");
    return n;
  });
  ::close(file);
  std::string buffer(static_cast<std::size_t>(sent), 'x');
  t.require(sent > 0 && to.recvall(mutable_bytes(buffer.data(), buffer.size())) == sent, "the file differs");
}

void inspect(trial& t, socket& s) {
  t.require(!t.call("to_string", [&] { return s.to_string(); }).empty(), "no text");
  t.call("timeout", [&] { s.timeout(5s); });
  const socket copy = t.call("dup", [&] { return s.dup(); });
  t.require(copy.is_open(), "dup returned no socket");
  t.call("set an option", [&] { s.option("SO_RCVBUF", 16384); });
  t.require(t.call("option_number", [&] { return s.option_number("SO_RCVBUF"); }) >= 16384, "the option differs");
  t.require(!t.call("option_text", [&] { return s.option_text("SO_LINGER"); }).empty(), "no text");
  t.call("set an option by text", [&] { s.option("SO_LINGER", "onoff=on,linger=2s"); });
  t.attempt("an unknown option", [&] { return s.option_text("SO_RCVBUFF"); });
  t.attempt("a negative timeout", [&] { s.timeout(-1s); });
  t.require(t.call("wait", [&] { return s.wait(POLLOUT, 1s); }) == POLLOUT, "not writable");
  t.call("timeout", [&] { s.timeout({}); });
}

void finish(trial& t, connected& c) {
  t.call("shutdown", [&] { c.client.shutdown(SHUT_WR); });
  char byte = 0;
  const auto n = t.call("recv at the end", [&] { return c.accepted.recv(mutable_bytes(&byte, 1)); });
  t.require(n == 0, "not the end of the stream");
  t.call("close", [&] { c.accepted.close(); });
}

template <const char* (*Family)()>
void tcp(trial& t) {
  auto c = connect(t, Family(), SOCK_STREAM, std::string_view(Family()) == "inet" ? "127.0.0.1:0" : "[::1]:0");
  exchange_bytes(t, c.client, c.accepted);
  send_file(t, c.client, c.accepted);
  inspect(t, c.client);
  finish(t, c);
}
constexpr const char* inet() { return "inet"; }
constexpr const char* inet6() { return "inet6"; }

TEST(faults, inet_stream) { EXPECT_EQ(try_all_faults({load_families, tcp<inet>}), ""); }
TEST(faults, inet6_stream) { EXPECT_EQ(try_all_faults({load_families, tcp<inet6>}), ""); }

void datagrams(trial& t, const char* family, const char* at, const char* sender_at) {
  auto a = t.call("socket", [&] { return socket(family, SOCK_DGRAM); });
  auto b = t.call("socket", [&] { return socket(family, SOCK_DGRAM); });
  t.call("bind", [&] { a.bind(at); });
  t.call("bind", [&] { b.bind(sender_at); });
  const auto bound = t.call("getsockname", [&] { return a.getsockname(); });
  t.call("sendto", [&] { b.sendto(const_bytes("hello", 5), bound); });
  std::array<char, 64> buffer{};
  address from;
  const auto n = t.call("recvfrom", [&] { return a.recvfrom(mutable_bytes(buffer.data(), buffer.size()), from); });
  t.require(std::string_view(buffer.data(), n) == "hello", "the message differs");
  t.require(!t.call("to_string", [&] { return from.to_string(); }).empty(), "no text");
  t.call("connect", [&] { b.connect(bound); });
  exchange_messages(t, b, a);
  t.call("connect by text", [&] { b.connect(bound.to_string()); });
  inspect(t, a);
}

TEST(faults, inet_datagram) {
  EXPECT_EQ(try_all_faults({load_families, [](trial& t) { datagrams(t, "inet", "127.0.0.1:0", "127.0.0.1:0"); }}), "");
}

TEST(faults, unix_stream) {
  EXPECT_EQ(try_all_faults({load_families,
                            [](trial& t) {
                              auto c = connect(t, "unix", SOCK_STREAM, unix_name());
                              exchange_bytes(t, c.client, c.accepted);
                              pass_descriptor(t, c.client, c.accepted);
                              send_file(t, c.client, c.accepted);
                              inspect(t, c.client);
                              finish(t, c);
                            }}),
            "");
}

TEST(faults, unix_records) {
  EXPECT_EQ(try_all_faults({load_families,
                            [](trial& t) {
                              auto c = connect(t, "unix", SOCK_SEQPACKET, unix_name());
                              exchange_messages(t, c.client, c.accepted);
                              pass_descriptor(t, c.client, c.accepted);
                              finish(t, c);
                            }}),
            "");
}

void pair(trial& t, const char* family, socket_type type) {
  auto [a, b] = t.call("pair", [&] { return socket::pair(family, type); });
  exchange_messages(t, a, b);
  pass_descriptor(t, a, b);
}

TEST(faults, unix_pair) {
  EXPECT_EQ(try_all_faults({load_families, [](trial& t) { pair(t, "unix", SOCK_DGRAM); }}), "");
}
TEST(faults, loop_pair) {
  EXPECT_EQ(try_all_faults({load_families, [](trial& t) { pair(t, "loop", SOCK_DGRAM); }}), "");
}

TEST(faults, loop_stream) {
  EXPECT_EQ(try_all_faults({load_families,
                            [](trial& t) {
                              auto c = connect(t, "loop", SOCK_STREAM, "faults");
                              exchange_bytes(t, c.client, c.accepted);
                              pass_descriptor(t, c.client, c.accepted);
                              send_file(t, c.client, c.accepted);
                              inspect(t, c.client);
                              finish(t, c);
                            }}),
            "");
}

TEST(faults, loop_records) {
  EXPECT_EQ(try_all_faults({load_families,
                            [](trial& t) {
                              auto c = connect(t, "loop", SOCK_SEQPACKET, "faults");
                              exchange_messages(t, c.client, c.accepted);
                              pass_descriptor(t, c.client, c.accepted);
                              finish(t, c);
                            }}),
            "");
}

TEST(faults, loop_datagrams) {
  EXPECT_EQ(try_all_faults({load_families, [](trial& t) { datagrams(t, "loop", "faults", ""); }}), "");
}

// More clients than the backlog: connects that wait, and are admitted by accept.
TEST(faults, loop_backlog) {
  EXPECT_EQ(try_all_faults({load_families,
                            [](trial& t) {
                              auto server = t.call("socket", [] { return socket("loop", SOCK_STREAM); });
                              t.call("bind", [&] { server.bind("faults"); });
                              t.call("listen", [&] { server.listen(0); });
                              const auto at = t.call("getsockname", [&] { return server.getsockname(); });
                              std::array<socket, 3> clients;
                              for (auto& client : clients) {
                                client = t.call(
                                    "socket", [] { return socket("loop", socket_type(SOCK_STREAM | SOCK_NONBLOCK)); });
                                t.call_ec("connect", [&](error_code& ec) {
                                  client.connect(at, ec);
                                  if (ec.value() == EINPROGRESS) ec.clear();
                                });
                              }
                              for (int accepted = 0; accepted < 3; ++accepted)
                                t.require(t.call("accept", [&] { return server.accept(); }).is_open(), "no socket");
                              for (auto& client : clients)
                                t.call_ec("connect_result", [&](error_code& ec) { client.connect_result(ec); });
                            }}),
            "");
}

TEST(faults, iostream) {
  EXPECT_EQ(try_all_faults({load_families,
                            [](trial& t) {
                              auto pair = t.call("pair", [] { return socket::pair("unix", SOCK_STREAM); });
                              t.attempt("stream", [&] {
                                socket_stream a(std::move(pair.first)), b(std::move(pair.second));
                                a << "line " << 1 << std::endl;
                                std::string line;
                                if (a.good()) std::getline(b, line);
                                return line;
                              });
                            }}),
            "");
}

// The first error of a thread makes what holds its text.
TEST(faults, first_error_of_a_thread) {
  for (long n = 0, points = 1; n < points; ++n) {
    error_code ec;
    std::thread([&] {
      faults_arm(FAULTS_ALLOCATION | FAULTS_PERSISTENT, n);
      socket().timeout(-1s, ec);
      points = faults_disarm();
    }).join();
    EXPECT_EQ(ec, errc::invalid_argument);
    EXPECT_LT(points, 10);
  }
}

TEST(faults, descriptors) {
  EXPECT_EQ(try_all_faults({load_families,
                            [](trial& t) {
                              const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                              const auto copy = t.call("fromfd", [&] { return socket::fromfd(fd); });
                              const auto adopted = t.call("adopt", [&] { return socket::adopt(fd); });
                              t.require(adopted.fileno() == fd && copy.is_open(), "not adopted");
                            }}),
            "");
}

}  // namespace
}  // namespace afplug
