// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Asio's requirements on an Endpoint, a Protocol and a stream, checked by the compiler, and explicit instantiations of
// Asio's class templates with afplug's types.
#include <afplug/asio.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <concepts>

namespace asio = boost::asio;

namespace {

template <class E>
concept endpoint = std::default_initializable<E> && std::copyable<E> &&
    requires(E e, const E& c, std::size_t size, typename E::protocol_type) {
  { c.protocol() } -> std::convertible_to<typename E::protocol_type>;
  { e.data() } -> std::convertible_to<::sockaddr*>;
  { c.data() } -> std::convertible_to<const ::sockaddr*>;
  { c.size() } -> std::same_as<std::size_t>;
  e.resize(size);
  { c.capacity() } -> std::same_as<std::size_t>;
};

template <class P>
concept protocol = std::copyable<P> && endpoint<typename P::endpoint> && requires(const P& p) {
  { p.family() } -> std::same_as<int>;
  { p.type() } -> std::same_as<int>;
  { p.protocol() } -> std::same_as<int>;
} && std::convertible_to<decltype(std::declval<const typename P::endpoint&>().protocol()), P>;

static_assert(endpoint<afplug::address>);
static_assert(protocol<afplug::stream>);
static_assert(protocol<afplug::datagram>);
static_assert(protocol<afplug::seq_packet>);
static_assert(protocol<afplug::raw>);
static_assert(std::derived_from<afplug::stream::socket, asio::basic_stream_socket<afplug::stream>>);
static_assert(std::derived_from<afplug::stream::acceptor, asio::basic_socket_acceptor<afplug::stream>>);
static_assert(std::convertible_to<asio::basic_stream_socket<afplug::stream>, afplug::stream::socket>);
static_assert(boost::beast::is_async_stream<afplug::stream::socket>::value);

static_assert(boost::beast::is_async_stream<afplug::async_socket>::value);
static_assert(std::movable<afplug::async_socket> && !std::copyable<afplug::async_socket>);

}  // namespace

template class boost::asio::basic_stream_socket<afplug::stream>;
template class boost::asio::basic_datagram_socket<afplug::datagram>;
template class boost::asio::basic_seq_packet_socket<afplug::seq_packet>;
template class boost::asio::basic_raw_socket<afplug::raw>;
template class boost::asio::basic_socket_acceptor<afplug::stream>;
template class boost::asio::basic_socket_acceptor<afplug::seq_packet>;
template class afplug::with_protocol<boost::asio::basic_stream_socket<afplug::stream>>;
template class afplug::with_protocol<boost::asio::basic_datagram_socket<afplug::datagram>>;
template class afplug::with_protocol<boost::asio::basic_seq_packet_socket<afplug::seq_packet>>;
template class afplug::with_protocol<boost::asio::basic_raw_socket<afplug::raw>>;
template class afplug::basic_async_socket<asio::io_context::executor_type>;
template class afplug::basic_acceptor<afplug::stream, asio::io_context::executor_type>;
