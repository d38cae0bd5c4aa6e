// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Asio's sockets over descriptors of afplug: an echo by coroutines over TCP and AF_UNIX.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <afplug/asio.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <string>

#include "../support/descriptors.hpp"

namespace {

namespace asio = boost::asio;
using afplug::testing_support::close_on_exec;
using asio::awaitable;
using asio::use_awaitable;

struct endpoint {
  const char* family;
  std::string address;
};

void PrintTo(const endpoint& p, std::ostream* out) { *out << p.family; }

class asio_echo : public testing::TestWithParam<endpoint> {
 protected:
  afplug::socket listening(afplug::socket_type type) const {
    afplug::socket s(GetParam().family, type);
    s.bind(GetParam().address);
    s.listen();
    return s;
  }
};

awaitable<void> echo_server(afplug::acceptor& acceptor) {
  auto socket = co_await acceptor.async_accept(use_awaitable);
  EXPECT_TRUE(close_on_exec(socket.native_handle()));
  std::string data(1000, '\0');
  for (;;) {
    boost::system::error_code ec;
    const auto n = co_await socket.async_read_some(asio::buffer(data), asio::redirect_error(use_awaitable, ec));
    if (ec == asio::error::eof) break;
    co_await asio::async_write(socket, asio::buffer(data, n), use_awaitable);
  }
}

awaitable<void> echo_client(const char* family, afplug::address server, bool& done) {
  auto socket =
      afplug::to_asio<afplug::stream>(afplug::socket(family, SOCK_STREAM), co_await asio::this_coro::executor);
  EXPECT_TRUE(close_on_exec(socket.native_handle()));
  co_await socket.async_connect(server, use_awaitable);
  EXPECT_EQ(socket.remote_endpoint(), server);
  std::string sent(300'000, '\0'), back(sent.size(), '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i % 251);
  for (std::size_t at = 0; at < sent.size(); at += 100'000) {
    co_await asio::async_write(socket, asio::buffer(sent.data() + at, 100'000), use_awaitable);
    co_await asio::async_read(socket, asio::buffer(back.data() + at, 100'000), use_awaitable);
  }
  EXPECT_EQ(sent, back);
  done = true;
}

TEST_P(asio_echo, coroutines_echo) {
  asio::io_context context;
  afplug::acceptor acceptor(context, listening(SOCK_STREAM));
  bool done = false;
  asio::co_spawn(context, echo_server(acceptor), asio::detached);
  asio::co_spawn(context, echo_client(GetParam().family, acceptor.local_endpoint(), done), asio::detached);
  context.run();
  EXPECT_TRUE(done);
}

TEST_P(asio_echo, cancel_and_close_abort_accept) {
  asio::io_context context;
  afplug::acceptor acceptor(context, listening(SOCK_STREAM));
  int aborted = 0;
  const auto expect_aborted = [&](boost::system::error_code ec, const afplug::stream::socket& s) {
    EXPECT_EQ(ec, asio::error::operation_aborted);
    EXPECT_FALSE(s.is_open());
    ++aborted;
  };
  acceptor.async_accept(expect_aborted);
  acceptor.cancel();
  context.run();
  context.restart();
  acceptor.async_accept(expect_aborted);
  acceptor.close();
  context.run();
  EXPECT_EQ(aborted, 2);
}

INSTANTIATE_TEST_SUITE_P(families, asio_echo,
                         testing::Values(endpoint{"inet", "127.0.0.1:0"}, endpoint{"unix", "@afplug-asio-echo"}),
                         [](const auto& one) { return std::string(one.param.family); });

TEST(to_asio, datagram_sockets) {
  asio::io_context context;
  auto [a, b] = afplug::socket::pair("unix", SOCK_DGRAM);
  auto left = afplug::to_asio<afplug::datagram>(std::move(a), context);
  auto right = afplug::to_asio<afplug::datagram>(std::move(b), context);
  std::string got(10, '\0');
  std::size_t size = 0;
  right.async_receive(asio::buffer(got), [&](boost::system::error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    size = n;
  });
  left.async_send(asio::buffer("abc", 3), [](boost::system::error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    EXPECT_EQ(n, 3u);
  });
  context.run();
  EXPECT_EQ(got.substr(0, size), "abc");
}

TEST(to_asio, seqpacket_sockets) {
  asio::io_context context;
  auto [a, b] = afplug::socket::pair("unix", SOCK_SEQPACKET);
  auto left = afplug::to_asio<afplug::seq_packet>(std::move(a), context);
  auto right = afplug::to_asio<afplug::seq_packet>(std::move(b), context);
  left.send(asio::buffer("one", 3), 0);
  left.send(asio::buffer("two", 3), 0);
  char got[10];
  asio::socket_base::message_flags flags = 0;
  EXPECT_EQ(right.receive(asio::buffer(got), flags), 3u);
  EXPECT_EQ(std::string(got, 3), "one");
}

TEST(to_asio, refused_socket_stays_with_the_caller) {
  asio::io_context context;
  afplug::socket datagram("unix", SOCK_DGRAM), in_user_space("loop", SOCK_STREAM), none;
  boost::system::error_code ec;
  EXPECT_FALSE(afplug::to_asio<afplug::stream>(std::move(datagram), context.get_executor(), ec).is_open());
  EXPECT_EQ(ec, afplug::errc::invalid_argument);
  EXPECT_TRUE(datagram.is_open());
  EXPECT_FALSE(afplug::to_asio<afplug::stream>(std::move(in_user_space), context.get_executor(), ec).is_open());
  EXPECT_EQ(ec.value(), EOPNOTSUPP);
  EXPECT_TRUE(in_user_space.is_open());
  EXPECT_FALSE(afplug::to_asio<afplug::stream>(std::move(none), context.get_executor(), ec).is_open());
  EXPECT_EQ(ec.value(), EBADF);
  EXPECT_THROW(static_cast<void>(afplug::to_asio<afplug::stream>(std::move(datagram), context)), afplug::error);
}

TEST(acceptor, user_space_sockets_are_refused) {
  asio::io_context context;
  EXPECT_THROW(afplug::acceptor(context, afplug::socket("loop", SOCK_STREAM)), afplug::error);
}

}  // namespace
