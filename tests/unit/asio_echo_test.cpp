// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Asio's sockets over descriptors of afplug: an echo by coroutines over TCP and AF_UNIX.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <unistd.h>
#include <afplug/asio.hpp>

#include <afplug/inet.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <vector>

#include "../support/descriptors.hpp"
#include "../support/temporary_directory.hpp"

namespace {

namespace asio = boost::asio;
using afplug::testing_support::close_on_exec;
using afplug::testing_support::open_descriptor_count;
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

// What `call` throws as afplug::error; empty if it throws nothing.
template <class Call>
std::string text_thrown_by(Call call) {
  try {
    call();
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.code(), afplug::errc::invalid_argument);
    return e.what();
  }
  return {};
}

TEST(acceptor, listener_of_another_type_is_refused_and_stays_with_the_caller) {
  asio::io_context context;
  afplug::socket packets("unix", SOCK_SEQPACKET), bytes("unix", SOCK_STREAM);
  const auto text = text_thrown_by([&] { afplug::acceptor(context, std::move(packets)); });
  EXPECT_NE(text.find("SOCK_SEQPACKET"), std::string::npos) << text;
  EXPECT_NE(text.find("SOCK_STREAM"), std::string::npos) << text;
  EXPECT_TRUE(packets.is_open());
  EXPECT_NE(text_thrown_by([&] { afplug::seq_packet_acceptor(context, std::move(bytes)); }), "");
  EXPECT_TRUE(bytes.is_open());
}

TEST(acceptor, address_of_another_type_is_refused_before_it_is_bound) {
  asio::io_context context;
  const afplug::testing_support::temporary_directory directory;
  const auto path = directory / "socket";
  const auto before = open_descriptor_count();
  EXPECT_NE(text_thrown_by([&] { afplug::acceptor(context, afplug::address("unix", path.string(), SOCK_SEQPACKET)); }),
            "");
  EXPECT_NE(::access(path.c_str(), F_OK), 0) << "no file is left";
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST(acceptor, address_without_a_type_gets_that_of_the_acceptor) {
  asio::io_context context;
  afplug::seq_packet_acceptor acceptor(context, afplug::address("unix", "@afplug-asio-seqpacket"));
  afplug::socket client("unix", SOCK_SEQPACKET);
  client.connect(acceptor.local_endpoint());
  bool accepted = false;
  acceptor.async_accept([&](boost::system::error_code ec, afplug::seq_packet::socket s) {
    EXPECT_FALSE(ec) << ec.message();
    accepted = s.is_open();
  });
  context.run();
  EXPECT_TRUE(accepted);
}

TEST(acceptor, moved_from_acceptor_has_no_socket) {
  asio::io_context context;
  afplug::acceptor from(context, afplug::address("inet", "127.0.0.1:0"));
  const afplug::acceptor acceptor(std::move(from));
  boost::system::error_code ec;
  EXPECT_TRUE(acceptor.is_open());
  EXPECT_FALSE(from.is_open());
  EXPECT_TRUE(from.local_endpoint(ec).empty());
  EXPECT_EQ(ec, asio::error::bad_descriptor);
  from.cancel(ec);
  EXPECT_FALSE(ec);
  from.close(ec);
  EXPECT_FALSE(ec);
  from.async_accept([&](boost::system::error_code e, const afplug::stream::socket& s) {
    ec = e;
    EXPECT_FALSE(s.is_open());
  });
  context.run();
  EXPECT_EQ(ec, asio::error::bad_descriptor);
}

// ---- the type of a protocol ----

template <class Protocol>
class asio_type : public testing::Test {
 protected:
  const afplug::socket_type own{Protocol().type()};
  asio::io_context context;
};
using asio_protocols = testing::Types<afplug::stream, afplug::datagram, afplug::seq_packet, afplug::raw>;
TYPED_TEST_SUITE(asio_type, asio_protocols);

TYPED_TEST(asio_type, protocol_of_another_type_is_refused) {
  using socket_class = typename TypeParam::socket;
  const auto before = open_descriptor_count();
  for (const auto type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW}) {
    const afplug::address to("inet", "127.0.0.1:9", type);
    if (type == this->own) {
      EXPECT_EQ(TypeParam(to.protocol()).type(), int{type});
      continue;
    }
    socket_class s(this->context);
    boost::system::error_code ec;
    s.connect(to, ec);
    EXPECT_EQ(ec, afplug::errc::invalid_argument) << type;
    const auto text = text_thrown_by([&] { s.connect(to); });
    EXPECT_NE(text.find(afplug::detail::type_text(type)), std::string::npos) << text;
    EXPECT_NE(text.find(afplug::detail::type_text(this->own)), std::string::npos) << text;
    s.open(to.protocol(), ec);
    EXPECT_EQ(ec, afplug::errc::invalid_argument) << type;
    EXPECT_NE(text_thrown_by([&] { s.open(to.protocol()); }), "");
    ec = {};
    s.async_connect(to, [&](boost::system::error_code e) {
      ec = e;
      EXPECT_EQ(std::string(afplug::last_detail()).find("async_connect: "), 0u) << afplug::last_detail();
    });
    this->context.restart();
    this->context.run();
    EXPECT_EQ(ec, afplug::errc::invalid_argument) << type;
    EXPECT_FALSE(s.is_open());
    // Functions of Asio open the socket by its base class.
    static_cast<asio::basic_socket<TypeParam>&>(s).connect(to, ec);
    EXPECT_EQ(ec, asio::error::invalid_argument) << type;
    EXPECT_THROW(socket_class(this->context, TypeParam(to.protocol())), boost::system::system_error);
    EXPECT_FALSE(s.is_open());
  }
  EXPECT_LE(open_descriptor_count(), before + 3) << "those of the context";
}

TYPED_TEST(asio_type, protocol_without_a_type_gets_that_of_the_class) {
  typename TypeParam::socket s(this->context);
  EXPECT_EQ(s.protocol().type(), this->own);
  EXPECT_EQ(TypeParam(afplug::address("inet", "127.0.0.1:0").protocol()).type(), this->own);
  EXPECT_EQ(TypeParam().type(), this->own);
}

// Each address once, as getaddrinfo(3) returns them for a hint with the class's type.
TYPED_TEST(asio_type, resolver_returns_addresses_of_the_class) {
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = this->own;
  const int failed = ::getaddrinfo("127.0.0.1", "80", &hints, &list);
  std::vector<afplug::address> expected;
  for (const auto* one = list; failed == 0 && one; one = one->ai_next)
    expected.emplace_back(one->ai_addr, one->ai_addrlen);
  if (list) ::freeaddrinfo(list);
  boost::system::error_code ec;
  std::vector<afplug::address> got;
  asio::ip::basic_resolver<TypeParam> resolver(this->context);
  for (const auto& entry : resolver.resolve("127.0.0.1", "80", ec)) got.push_back(entry.endpoint());
  EXPECT_EQ(bool(ec), failed != 0);
  EXPECT_EQ(got, expected);
  if (this->own == SOCK_STREAM || this->own == SOCK_DGRAM) {
    EXPECT_FALSE(ec);
    EXPECT_GE(got.size(), 1u);
  }
}

TEST(to_asio, classes_of_one_family) {
  using afplug::inet::stream;
  asio::io_context context;
  afplug::basic_acceptor<stream> acceptor(context, afplug::address("inet", "127.0.0.1:0"));
  auto client = afplug::to_asio<stream>(afplug::socket("inet", SOCK_STREAM), context);
  static_assert(std::same_as<decltype(client), stream::socket>);
  client.connect(afplug::inet::endpoint::from(acceptor.local_endpoint()));
  bool accepted = false;
  acceptor.async_accept([&](boost::system::error_code ec, stream::socket s) {
    EXPECT_FALSE(ec) << ec.message();
    EXPECT_TRUE(close_on_exec(s.native_handle()));
    EXPECT_EQ(s.remote_endpoint(), client.local_endpoint());
    accepted = true;
  });
  context.run();
  EXPECT_TRUE(accepted);
  for (const auto type : {SOCK_DGRAM, SOCK_STREAM}) {
    afplug::socket other(type == SOCK_STREAM ? "unix" : "inet", type);
    EXPECT_NE(text_thrown_by([&] { static_cast<void>(afplug::to_asio<stream>(std::move(other), context)); }), "");
    EXPECT_TRUE(other.is_open());
  }
}

TEST(asio_type_resolver, results_connect) {
  asio::io_context context;
  afplug::acceptor acceptor(context, afplug::address("inet", "127.0.0.1:0"));
  const auto port = std::to_string(*acceptor.local_endpoint().number("port"));
  asio::ip::basic_resolver<afplug::stream> resolver(context);
  const auto results = resolver.resolve("127.0.0.1", port);
  EXPECT_EQ(results.size(), 1u);
  afplug::stream::socket s(context);
  asio::connect(s, results);
  EXPECT_EQ(s.remote_endpoint(), acceptor.local_endpoint());
  const auto by_family = resolver.resolve(afplug::stream(afplug::registry::global().family("inet")), "127.0.0.1", port);
  EXPECT_EQ(by_family.size(), 1u);
}

}  // namespace
