// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug connect: connects to a peer, or sets the peer of a datagram socket, and transfers stdin and stdout.
#include <fmt/core.h>

#include <cerrno>

#include "endpoint.hpp"

namespace afplug::command {
namespace {

int run(const endpoint_arguments& arguments) {
  const endpoint e(arguments);
  std::string last_error;
  for (const auto& to : e.find_addresses(arguments.address, false)) {
    socket s = e.open();
    error_code ec;
    if (!arguments.local.empty())
      s.bind(e.find_addresses(arguments.local, true).front());
    else if (const address own = s.getsockname(ec); !e.connects() && own.size() == sizeof(sa_family_t))
      // Autobind (unix(7)): a datagram socket without an address cannot receive replies. Other families reject it.
      s.bind(own, ec);
    set_timeout(s, arguments.timeout);
    s.connect(to, ec);
    // Sockets without a peer (CAN_RAW, CAN_ISOTP, packet) do not implement connect(2): bind to the address instead, and
    // exchange data with everybody on that interface.
    if (ec.value() == EOPNOTSUPP && !e.connects()) s.bind(to, ec);
    if (!ec) {
      set_timeout(s, 0);
      return e.transfer_stdio(s);
    }
    last_error = ec == errc::timed_out
                     ? fmt::format("{} {}: no connection within {} s", e.name(), to.to_string(), arguments.timeout)
                     : error_text(ec);
  }
  throw failure(failed, last_error);
}

}  // namespace

const subcommand connect_command{"connect", "Connect, and transfer stdin and stdout over the connection",
                                 "echo hello | afplug connect inet localhost:8080 --timeout 5",
                                 add_endpoint_arguments<run, true>, false};

}  // namespace afplug::command
