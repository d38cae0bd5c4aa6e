// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Asio's sockets with the typed protocols of the families, what they refuse to compile, and formatting with {fmt},
// whose header is before afplug's.
#include <fmt/core.h>
// Its if_nametoindex() must not be taken for the C library's function by the headers below.
#include <afplug/resolver.hpp>

#include "../support/endpoints.hpp"
#include "../support/ipv6.hpp"

#include <afplug/address.hpp>

#include <gtest/gtest.h>
#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/basic_seq_packet_socket.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <concepts>
#include <string>
#include <utility>

namespace {

namespace asio = boost::asio;

// ---- what compiles ----

template <class Socket, class Endpoint>
concept connects_to = requires(Socket& s, const Endpoint& e) {
  s.connect(e);
};
template <class Socket, class Endpoint>
concept binds_to = requires(Socket& s, const Endpoint& e) {
  s.bind(e);
};
template <class Acceptor, class Endpoint>
concept listens_at = std::constructible_from<Acceptor, asio::io_context&, const Endpoint&>;

// A socket takes the endpoints of its family, and no others.
template <class Protocol, class... Others>
constexpr bool takes_only_its_endpoints() {
  using socket = typename Protocol::socket;
  using own = typename Protocol::endpoint;
  static_assert(connects_to<socket, own> && binds_to<socket, own>);
  static_assert((!connects_to<socket, Others> && ...) && (!binds_to<socket, Others> && ...));
  return true;
}
using ip_endpoint = asio::ip::tcp::endpoint;
using afplug::address;

static_assert(
    takes_only_its_endpoints<vsock::stream, inet::endpoint, inet6::endpoint, unix_::endpoint, ip_endpoint, address>());
static_assert(takes_only_its_endpoints<vsock::seq_packet, inet::endpoint, address>());
static_assert(takes_only_its_endpoints<vsock::datagram, inet::endpoint, address>());
static_assert(takes_only_its_endpoints<inet::stream, inet6::endpoint, vsock::endpoint, ip_endpoint, address>());
static_assert(takes_only_its_endpoints<inet::datagram, inet6::endpoint, address>());
static_assert(takes_only_its_endpoints<inet::raw, inet6::endpoint, address>());
static_assert(takes_only_its_endpoints<inet6::stream, inet::endpoint, ip_endpoint, address>());
static_assert(takes_only_its_endpoints<inet6::datagram, inet::endpoint, address>());
static_assert(takes_only_its_endpoints<unix_::stream, inet::endpoint, address>());
static_assert(takes_only_its_endpoints<unix_::datagram, inet::endpoint, address>());
static_assert(takes_only_its_endpoints<unix_::seq_packet, inet::endpoint, address>());
static_assert(takes_only_its_endpoints<bluetooth::l2cap::seq_packet, bluetooth::rfcomm::endpoint, address>());
static_assert(takes_only_its_endpoints<bluetooth::l2cap::stream, bluetooth::sco::endpoint, inet::endpoint>());
static_assert(takes_only_its_endpoints<bluetooth::rfcomm::stream, bluetooth::l2cap::endpoint, inet::endpoint>());
static_assert(takes_only_its_endpoints<bluetooth::sco::seq_packet, bluetooth::l2cap::endpoint, address>());
static_assert(takes_only_its_endpoints<bluetooth::iso::seq_packet, bluetooth::sco::endpoint, address>());
static_assert(takes_only_its_endpoints<bluetooth::hci::raw, bluetooth::l2cap::endpoint, address>());
static_assert(takes_only_its_endpoints<can::raw, inet::endpoint, address>());
static_assert(takes_only_its_endpoints<can::j1939, vsock::endpoint, address>());
static_assert(takes_only_its_endpoints<packet::raw, inet::endpoint, address>());
static_assert(takes_only_its_endpoints<packet::datagram, inet::endpoint, address>());
static_assert(takes_only_its_endpoints<netlink::raw, inet::endpoint, address>());
static_assert(takes_only_its_endpoints<hyperv::stream, vsock::endpoint, inet::endpoint, address>());
static_assert(listens_at<vsock::stream::acceptor, vsock::endpoint>);
static_assert(!listens_at<vsock::stream::acceptor, inet::endpoint>);
// An address takes every endpoint, and gives back only what is asked for.
static_assert(std::convertible_to<vsock::endpoint, address> && std::convertible_to<ip_endpoint, address>);
static_assert(!std::convertible_to<address, vsock::endpoint> && std::constructible_from<vsock::endpoint, address>);
static_assert(!std::convertible_to<std::string, address> && !std::convertible_to<int, vsock::cid>);
static_assert(!std::constructible_from<vsock::endpoint, int, int>, "a CID and a port cannot be swapped");

// ---- what it does ----

template <class Protocol>
void echo(const typename Protocol::endpoint& at) {
  asio::io_context io;
  typename Protocol::acceptor acceptor(io, at);
  typename Protocol::socket client(io), server(io);
  client.connect(acceptor.local_endpoint());
  typename Protocol::endpoint peer;
  acceptor.accept(server, peer);
  EXPECT_EQ(peer, client.local_endpoint());
  EXPECT_EQ(server.remote_endpoint(), client.local_endpoint());
  EXPECT_EQ(client.remote_endpoint(), server.local_endpoint());
  EXPECT_EQ(client.remote_endpoint().to_string(), acceptor.local_endpoint().to_string());
  asio::write(client, asio::buffer("hello", 5));
  std::string got(5, '\0');
  asio::read(server, asio::buffer(got));
  EXPECT_EQ(got, "hello");
}

template <class Protocol>
void exchange_datagrams(const typename Protocol::endpoint& one, const typename Protocol::endpoint& other) {
  asio::io_context io;
  typename Protocol::socket a(io, one), b(io, other);
  a.send_to(asio::buffer("x", 1), b.local_endpoint());
  typename Protocol::endpoint from;
  std::array<char, 8> got{};
  ASSERT_EQ(b.receive_from(asio::buffer(got), from), 1u);
  EXPECT_EQ(from, a.local_endpoint());
  EXPECT_EQ(from.to_string(), a.local_endpoint().to_string());
}

TEST(endpoint_asio, typed_streams_of_inet) { echo<inet::stream>(inet::endpoint::loopback(0)); }
TEST(endpoint_asio, typed_datagrams_of_inet) {
  exchange_datagrams<inet::datagram>(inet::endpoint::loopback(0), inet::endpoint::loopback(0));
}
TEST(endpoint_asio, typed_streams_and_datagrams_of_inet6) {
  if (!afplug::testing_support::has_ipv6_loopback()) GTEST_SKIP() << "this machine has no IPv6 loopback address";
  echo<inet6::stream>(inet6::endpoint::loopback(0));
  exchange_datagrams<inet6::datagram>(inet6::endpoint::loopback(0), inet6::endpoint::loopback(0));
}
TEST(endpoint_asio, typed_streams_and_datagrams_of_unix) {
  const auto name = "afplug-endpoint-" + std::to_string(::getpid());
  echo<unix_::stream>(unix_::endpoint::abstract(name));
  exchange_datagrams<unix_::datagram>(unix_::endpoint::abstract(name + "a"), unix_::endpoint::abstract(name + "b"));
}

TEST(endpoint_asio, typed_raw_sockets_of_netlink) {
  asio::io_context io;
  netlink::raw::socket s(io);
  s.open(netlink::raw(NETLINK_ROUTE));
  s.bind(netlink::endpoint());
  EXPECT_NE(s.local_endpoint().port(), 0u);
  EXPECT_EQ(s.local_endpoint().groups(), 0u);
  EXPECT_EQ(s.local_endpoint().to_string(), std::to_string(s.local_endpoint().port()));
}

TEST(endpoint_asio, protocols_are_the_arguments_of_socket) {
  EXPECT_EQ(inet::stream().family(), AF_INET);
  EXPECT_EQ(inet::stream().type(), SOCK_STREAM);
  EXPECT_EQ(inet::stream().protocol(), 0);
  EXPECT_EQ(inet::raw(IPPROTO_ICMP).protocol(), IPPROTO_ICMP);
  EXPECT_EQ(inet::seq_packet().protocol(), IPPROTO_SCTP);
  EXPECT_EQ(vsock::seq_packet().family(), AF_VSOCK);
  EXPECT_EQ(vsock::seq_packet().type(), SOCK_SEQPACKET);
  EXPECT_EQ(unix_::datagram().type(), SOCK_DGRAM);
  EXPECT_EQ(can::isotp().protocol(), CAN_ISOTP);
  EXPECT_EQ(can::raw(can::endpoint().protocol()).protocol(), CAN_RAW);
  EXPECT_EQ(bluetooth::rfcomm::stream().protocol(), bluetooth::btproto_rfcomm);
}

TEST(endpoint_asio, asio_s_endpoints_convert_to_addresses) {
  const ip_endpoint asio_endpoint(asio::ip::make_address("127.0.0.1"), 80);
  EXPECT_EQ(address(asio_endpoint), address("inet", "127.0.0.1:80"));
  EXPECT_EQ(inet::endpoint(asio_endpoint), inet::endpoint("127.0.0.1:80"));
}

TEST(endpoint_asio, is_formatted_by_fmt) {
  const inet::endpoint e("1.2.3.4:5");
  EXPECT_EQ(fmt::format("{}", e), "1.2.3.4:5");
  EXPECT_EQ(fmt::format("{:>12}|", e), "   1.2.3.4:5|");
  EXPECT_EQ(fmt::format("{}", address(e)), "1.2.3.4:5");
}

}  // namespace
