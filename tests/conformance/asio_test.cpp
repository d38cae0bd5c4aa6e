// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Boost.Asio on every row: Asio's own classes for the four socket types, and afplug::async_socket for all. Addresses
// that come through Asio are compared, as text and in their protocol, with those that afplug::socket returns.
#include <afplug/asio.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <type_traits>

#include "fixture.hpp"

namespace conformance {
namespace {

namespace asio = boost::asio;

/// Calls `f` with the class of Asio's protocols of that type; false: there is none.
template <class F>
bool with_protocol_class(int type, F f) {
  switch (type) {
    case SOCK_STREAM:
      return f(afplug::stream()), true;
    case SOCK_DGRAM:
      return f(afplug::datagram()), true;
    case SOCK_SEQPACKET:
      return f(afplug::seq_packet()), true;
    case SOCK_RAW:
      return f(afplug::raw()), true;
    default:
      return false;
  }
}

class asio_fixture : public fixture {
 protected:
  /// Runs until the operations have completed.
  void run() {
    context_->restart();
    context_->run_for(patience);
    ASSERT_TRUE(context_->stopped()) << "an operation did not complete";
  }
  void SetUp() override {
    fixture::SetUp();
    context_.emplace();
  }
  void TearDown() override {
    context_.reset();
    fixture::TearDown();
  }
  asio::io_context& context() { return *context_; }

  /// Whether `got` is the address `expected` of a socket of the row.
  void expect_same(const address& got, const address& expected) {
    EXPECT_EQ(got.to_string(), expected.to_string());
    if (expected.empty()) return;
    const auto p = got.protocol();
    ASSERT_NE(p.owner(), nullptr);
    EXPECT_EQ(p.owner()->id(), r().family);
    EXPECT_EQ(int{p.asked_type()}, r().type);
    EXPECT_EQ(p.asked_protocol(), r().protocol);
  }
  /// A handler that expects success and stores the number of bytes.
  static auto store(std::size_t& n, const char* what) {
    return [&n, what](error_code ec, std::size_t bytes) {
      EXPECT_FALSE(ec) << what << ": " << ec.message() << ": " << afplug::last_detail();
      n = bytes;
    };
  }

  /// Runs until a handler has set `done`.
  void run_until(const bool& done) {
    context_->restart();
    const auto end = clock::now() + patience;
    while (!done && context_->run_one_until(end) != 0) continue;
    ASSERT_TRUE(done) << "an operation did not complete";
  }
  template <class Socket>
  void start_connect(Socket& client, const address& to, error_code& result) {
    bool done = false;
    client.async_connect(to, [&](error_code ec) {
      result = ec;
      done = true;
    });
    run_until(done);
  }
  /// Connects a named socket by Asio's class.
  template <class AsioSocket>
  void connect_asio(AsioSocket& client, const address& to) {
    auto plain = named_client();
    const auto ec = conformance::connect(r(), plain, [&](error_code& result) {
      client = afplug::to_asio<typename AsioSocket::protocol_type>(std::move(plain), context());
      start_connect(client, to, result);
    });
    ASSERT_FALSE(ec) << ec.message();
  }
  /// The socket as afplug::socket, by a duplicate of its descriptor.
  template <class AsioSocket>
  afplug::socket reference(AsioSocket& s) {
    return afplug::socket::fromfd(s.native_handle(), afplug::registry::global().family(r().family).number(), r().type,
                                  r().protocol);
  }
  /// Checks the addresses of a connection, transfers data both ways and closes it.
  template <class AsioSocket>
  void expect_connected(AsioSocket& client, AsioSocket& accepted) {
    for (auto* s : {&client, &accepted}) {
      expect_same(s->local_endpoint(), reference(*s).getsockname());
      expect_same(s->remote_endpoint(), reference(*s).getpeername());
    }
    transfer(client, accepted, 1);
    transfer(accepted, client, 2);
    auto plain_client = reference(client), plain_accepted = reference(accepted);
    client.close();
    accepted.close();
    close_both(plain_client, plain_accepted);
  }

  // What Asio's four classes name differently.
  template <class Handler>
  static void async_send(afplug::async_socket& s, const std::string& m, Handler h) {
    s.async_write_some(asio::buffer(m), h);
  }
  template <class Handler>
  static void async_send(afplug::seq_packet::socket& s, const std::string& m, Handler h) {
    s.async_send(asio::buffer(m), 0, h);
  }
  template <class AsioSocket, class Handler>
  static void async_send(AsioSocket& s, const std::string& m, Handler h) {
    s.async_send(asio::buffer(m), h);
  }
  template <class Handler>
  void async_receive(afplug::async_socket& s, std::string& into, Handler h) {
    s.async_read_some(asio::buffer(into), h);
  }
  template <class Handler>
  void async_receive(afplug::seq_packet::socket& s, std::string& into, Handler h) {
    s.async_receive(asio::buffer(into), flags_, h);
  }
  template <class AsioSocket, class Handler>
  void async_receive(AsioSocket& s, std::string& into, Handler h) {
    s.async_receive(asio::buffer(into), h);
  }

  /// Sends a message from `a` to `b`.
  template <class Socket>
  void transfer(Socket& a, Socket& b, unsigned number) {
    const auto sent = message(number);
    std::string got(received_size(sent.size()) + 100, '\0');
    std::size_t sent_size = 0, got_size = 0;
    async_receive(b, got, store(got_size, "receive"));
    async_send(a, sent, store(sent_size, "send"));
    run();
    EXPECT_EQ(sent_size, sent.size());
    EXPECT_EQ(as_sent(got.data(), got_size), sent);
  }
  /// Sends a message from `a` to the address `to` of `b`, and expects the address `from` of `a`.
  template <class Socket>
  void transfer_to(Socket& a, Socket& b, const address& to, const address& from) {
    const auto sent = message(7);
    std::string got(received_size(sent.size()) + 100, '\0');
    std::size_t sent_size = 0, got_size = 0;
    address sender;
    b.async_receive_from(asio::buffer(got), sender, store(got_size, "receive_from"));
    a.async_send_to(asio::buffer(sent), to, store(sent_size, "send_to"));
    run();
    EXPECT_EQ(sent_size, sent.size());
    EXPECT_EQ(as_sent(got.data(), got_size), sent);
    expect_same(sender, from);
  }

 private:
  std::optional<asio::io_context> context_;
  asio::socket_base::message_flags flags_ = 0;
};

#define CONFORMANCE_ASIO(name, condition) CONFORMANCE_WITH(name, asio_fixture, (condition) && !t.delivery.no_data)

CONFORMANCE_ASIO(asio_socket, !t.environment.user_space && !t.delivery.refuses_msg_nosignal);
CONFORMANCE_ASIO(asio_datagrams,
                 t.connection.connectionless && !t.environment.user_space && !t.delivery.refuses_msg_nosignal);
CONFORMANCE_ASIO(asio_acceptor, t.connection.listens && !t.environment.user_space);
CONFORMANCE_ASIO(asio_async_socket, true);
CONFORMANCE_ASIO(asio_async_datagrams, t.connection.connectionless);
CONFORMANCE_ASIO(asio_async_acceptor, t.connection.listens);

TEST_P(asio_socket, transfers_and_has_the_addresses_of_the_socket) {
  with_protocol_class(r().type, [&](auto protocol) {
    using protocol_class = decltype(protocol);
    link l = connected();
    error_code local_error, peer_error;
    const auto local = l.a.getsockname(local_error), peer = l.a.getpeername(peer_error);
    auto a = afplug::to_asio<protocol_class>(std::move(l.a), context());
    auto b = afplug::to_asio<protocol_class>(std::move(l.b), context());
    EXPECT_EQ(a.protocol().owner()->id(), r().family);
    EXPECT_EQ(a.protocol().asked_protocol(), r().protocol);
    error_code ec;
    expect_same(a.local_endpoint(ec), local);
    EXPECT_EQ(ec, local_error);
    expect_same(a.remote_endpoint(ec), peer);
    EXPECT_EQ(ec, peer_error);
    transfer(a, b, 1);
    transfer(b, a, 2);
    auto moved = std::move(a);
    expect_same(moved.local_endpoint(ec), local);
  });
}

TEST_P(asio_datagrams, receive_from_has_the_sender) {
  with_protocol_class(r().type, [&](auto protocol) {
    using protocol_class = decltype(protocol);
    if constexpr (std::is_same_v<protocol_class, afplug::datagram> || std::is_same_v<protocol_class, afplug::raw>) {
      auto plain_a = bound(), plain_b = bound();
      const auto to = destination_address(plain_b), from = sender_address(plain_a);
      auto a = afplug::to_asio<protocol_class>(std::move(plain_a), context());
      auto b = afplug::to_asio<protocol_class>(std::move(plain_b), context());
      transfer_to(a, b, to, from);
    }
  });
}

TEST_P(asio_acceptor, accepts_with_the_peers_address) {
  with_protocol_class(r().type, [&](auto protocol) {
    using protocol_class = decltype(protocol);
    if constexpr (requires { typename protocol_class::acceptor; }) {
      using socket_class = typename protocol_class::socket;
      auto plain = listening();
      const auto name = plain.getsockname();
      typename protocol_class::acceptor acceptor(context());
      acceptor.assign(protocol_class(plain.what()), plain.detach());
      expect_same(acceptor.local_endpoint(), name);
      socket_class accepted(context()), client(context());
      address peer;
      bool done = false;
      acceptor.async_accept(accepted, peer, [&](error_code ec) {
        EXPECT_FALSE(ec) << ec.message();
        done = true;
      });
      connect_asio(client, name);
      run_until(done);
      expect_same(peer, reference(client).getsockname());
      expect_connected(client, accepted);
    }
  });
}

TEST_P(asio_acceptor, afplug_acceptor_accepts) {
  with_protocol_class(r().type, [&](auto protocol) {
    using protocol_class = decltype(protocol);
    if constexpr (requires { typename protocol_class::acceptor; }) {
      using socket_class = typename protocol_class::socket;
      afplug::basic_acceptor<protocol_class> acceptor(context(), listening());
      socket_class accepted(context()), client(context());
      bool done = false;
      acceptor.async_accept([&](error_code ec, socket_class s) {
        EXPECT_FALSE(ec) << ec.message();
        accepted = std::move(s);
        done = true;
      });
      connect_asio(client, acceptor.local_endpoint());
      run_until(done);
      EXPECT_TRUE(close_on_exec(accepted.native_handle()));
      expect_connected(client, accepted);
    }
  });
}

TEST_P(asio_async_socket, transfers) {
  link l = connected();
  afplug::async_socket a(context(), std::move(l.a)), b(context(), std::move(l.b));
  transfer(a, b, 1);
  transfer(b, a, 2);
}

TEST_P(asio_async_datagrams, receive_from_has_the_sender) {
  afplug::async_socket a(context(), bound()), b(context(), bound());
  const auto to = destination_address(b.next_layer()), from = sender_address(a.next_layer());
  transfer_to(a, b, to, from);
}

TEST_P(asio_async_acceptor, accepts_with_the_peers_address) {
  afplug::async_socket listener(context(), listening()), accepted(context()), client(context());
  const auto name = listener.next_layer().getsockname();
  address peer;
  bool done = false;
  listener.async_accept(peer, [&](error_code ec, afplug::async_socket s) {
    EXPECT_FALSE(ec) << ec.message() << ": " << afplug::last_detail();
    accepted = std::move(s);
    done = true;
  });
  auto plain = named_client();
  const auto ec = conformance::connect(r(), plain, [&](error_code& result) {
    client = afplug::async_socket(context(), std::move(plain));
    start_connect(client, name, result);
  });
  ASSERT_FALSE(ec) << ec.message();
  run_until(done);
  expect_same(peer, client.next_layer().getsockname());
  transfer(client, accepted, 1);
  transfer(accepted, client, 2);
  auto plain_client = client.release(), plain_accepted = accepted.release();
  close_both(plain_client, plain_accepted);
}

}  // namespace
}  // namespace conformance
