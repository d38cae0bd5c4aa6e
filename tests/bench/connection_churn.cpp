// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Opens, connects, accepts and closes a connection. TCP clients close with a reset (SO_LINGER 0), because connections
// in TIME_WAIT would use up the ports.
#include <sys/un.h>
#include <afplug/socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>
#include <memory>

#include "measure.hpp"
#include "syscalls.hpp"

namespace bench {

namespace {

namespace net = boost::asio;

constexpr ::linger reset{1, 0};

variant bare(const char* name, afplug::address at, std::shared_ptr<descriptor> listener) {
  return {name, [at, listener](int n) {
            for (int i = 0; i < n; ++i) {
              descriptor client(::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
              if (at.family() == AF_INET)
                must(::setsockopt(client.number(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
              must(::connect(client.number(), at.data(), static_cast<::socklen_t>(at.size())));
              descriptor server(::accept4(listener->number(), nullptr, nullptr, SOCK_CLOEXEC));
            }
          }};
}

variant ours(afplug::address at, std::shared_ptr<afplug::socket> listener) {
  return {"afplug", [at, listener](int n) {
            for (int i = 0; i < n; ++i) {
              afplug::socket client(at.family(), SOCK_STREAM);
              if (at.family() == AF_INET) client.option(afplug::opt::linger(true, std::chrono::seconds(0)));
              client.connect(at);
              const auto server = listener->accept();
            }
          }};
}

template <class Protocol>
variant asio(const typename Protocol::endpoint& at) {
  struct server {
    net::io_context context;
    typename Protocol::acceptor acceptor;
    explicit server(const typename Protocol::endpoint& where) : acceptor(context, where) {}
  };
  const auto made = std::make_shared<server>(at);
  return {"Boost.Asio", [made, to = made->acceptor.local_endpoint()](int n) {
            for (int i = 0; i < n; ++i) {
              typename Protocol::socket client(made->context, to.protocol());
              if (to.protocol().family() == AF_INET) client.set_option(net::socket_base::linger(true, 0));
              client.connect(to);
              const auto accepted = made->acceptor.accept();
            }
          }};
}

std::shared_ptr<afplug::socket> listening(const afplug::address& at) {
  auto made = std::make_shared<afplug::socket>(at.family(), SOCK_STREAM);
  made->bind(at);
  made->listen(16);
  return made;
}

template <class Protocol>
benchmark over(const char* name, const afplug::address& any, const typename Protocol::endpoint& asio_at) {
  const auto our_listener = listening(any), other = listening(any);
  const auto bare_listener = std::make_shared<descriptor>(other->dup().release());
  const auto at = other->getsockname();
  return {name,
          1,
          {bare("bare", at, bare_listener), bare("bare again", at, bare_listener),
           ours(our_listener->getsockname(), our_listener), asio<Protocol>(asio_at)}};
}

}  // namespace

std::vector<benchmark> connection_churn() {
  using tcp = net::ip::tcp;
  using local = net::local::stream_protocol;
  return {over<local>("socket, connect, accept, close: UNIX", afplug::address("unix", ""),
                      local::endpoint(std::string("\0afplug-bench", 13))),
          over<tcp>("socket, connect, accept, close: TCP", afplug::address("inet", "127.0.0.1:0"),
                    tcp::endpoint(net::ip::address_v4::loopback(), 0))};
}

}  // namespace bench
