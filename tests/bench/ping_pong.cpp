// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// 64 bytes to the peer and back over a connection. One thread uses both sockets.
#include <afplug/socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>

#include "measure.hpp"
#include "syscalls.hpp"

namespace bench {

namespace {

constexpr std::size_t size = 64;

void require_full(std::size_t n) {
  if (n != size) throw std::runtime_error("a short read or write");
}

template <class Ends>
variant bare(const char* name, Ends ends) {
  const auto both = std::make_shared<Ends>(std::move(ends));
  return {name, [both](int n) {
            char data[size] = {};
            const auto pass = [&](const descriptor& from, const descriptor& to) {
              require_full(static_cast<std::size_t>(::send(from.number(), data, size, MSG_NOSIGNAL)));
              require_full(static_cast<std::size_t>(::recv(to.number(), data, size, 0)));
            };
            for (int i = 0; i < n; ++i) {
              pass(both->a, both->b);
              pass(both->b, both->a);
            }
          }};
}

variant ours(pair ends) {
  struct sockets {
    afplug::socket a, b;
  };
  const auto both = std::make_shared<sockets>(
      sockets{afplug::socket::adopt(ends.a.release()), afplug::socket::adopt(ends.b.release())});
  return {"afplug", [both](int n) {
            char data[size] = {};
            const auto pass = [&](afplug::socket& from, afplug::socket& to) {
              require_full(from.send(data));
              require_full(to.recv(data));
            };
            for (int i = 0; i < n; ++i) {
              pass(both->a, both->b);
              pass(both->b, both->a);
            }
          }};
}

variant asio(pair ends, int domain) {
  using protocol = boost::asio::generic::stream_protocol;
  struct sockets {
    boost::asio::io_context context;
    protocol::socket a{context}, b{context};
  };
  const auto both = std::make_shared<sockets>();
  both->a.assign(protocol(domain, 0), ends.a.release());
  both->b.assign(protocol(domain, 0), ends.b.release());
  return {"Boost.Asio", [both](int n) {
            char data[size] = {};
            const auto pass = [&](protocol::socket& from, protocol::socket& to) {
              require_full(from.send(boost::asio::buffer(data)));
              require_full(to.receive(boost::asio::buffer(data)));
            };
            for (int i = 0; i < n; ++i) {
              pass(both->a, both->b);
              pass(both->b, both->a);
            }
          }};
}

benchmark over(const char* name, pair (*make)(), int domain) {
  return {name, 8, {bare("bare", make()), bare("bare again", make()), ours(make()), asio(make(), domain)}};
}

}  // namespace

std::vector<benchmark> ping_pong() {
  return {over("ping-pong 64 B, UNIX", unix_pair, AF_UNIX), over("ping-pong 64 B, TCP", tcp_pair, AF_INET)};
}

}  // namespace bench
