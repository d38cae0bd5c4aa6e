// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug connect: stdin and stdout over a connection, or to one peer by datagrams.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <memory>

#include "endpoint.hpp"

namespace afplug::command {
namespace {

int run(const endpoint_arguments& arguments) {
  const endpoint e(arguments);
  std::string trouble;
  for (const auto& to : e.resolve(arguments.address, false)) {
    socket s = e.open();
    error_code ec;
    if (!arguments.local.empty())
      s.bind(e.resolve(arguments.local, true).front());
    else if (const address own = s.getsockname(ec); !e.connects() && own.size() == sizeof(sa_family_t))
      s.bind(own,
             ec);  // one that has no name gets one of the system's choice where there is such a thing: who is nobody
                   // gets no answer
    limit(s, arguments.timeout);
    s.connect(to, ec);
    // CAN frames, ISO-TP and packets know no peer: the address is the socket's own, and everybody there is the peer.
    if (ec.value() == EOPNOTSUPP && !e.connects()) s.bind(to, ec);
    if (!ec) {
      limit(s, 0);
      return e.carry(s);
    }
    trouble = ec == errc::timed_out
                  ? fmt::format("{} {}: no connection within {} s", e.name(), to.to_string(), arguments.timeout)
                  : sentence(ec);
  }
  throw failure(negative, trouble);
}

}  // namespace

const subcommand connect{"connect", "Connect, and carry stdin and stdout over the connection",
                         "echo hello | afplug connect inet localhost:8080 --timeout 5",
                         [](CLI::App& app, const common&) -> std::function<int()> {
                           auto arguments = std::make_shared<endpoint_arguments>();
                           arguments->declare(app, true);
                           return [=] { return run(*arguments); };
                         },
                         false};

}  // namespace afplug::command
