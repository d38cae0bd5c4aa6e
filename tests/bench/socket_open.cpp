// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Opening a socket and closing it.
#include <afplug/socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "measure.hpp"
#include "syscalls.hpp"

namespace bench {

std::vector<benchmark> socket_open() {
  const auto bare = [](int n) {
    for (int i = 0; i < n; ++i) descriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  };
  const auto ours = [](int n) {
    for (int i = 0; i < n; ++i) afplug::socket made(AF_INET, SOCK_STREAM);
  };
  const auto context = std::make_shared<boost::asio::io_context>();
  const auto asio = [context](int n) {
    for (int i = 0; i < n; ++i) boost::asio::ip::tcp::socket made(*context, boost::asio::ip::tcp::v4());
  };
  return {{"socket + close", 4, {{"bare", bare}, {"bare again", bare}, {"afplug", ours}, {"Boost.Asio", asio}}}};
}

}  // namespace bench
