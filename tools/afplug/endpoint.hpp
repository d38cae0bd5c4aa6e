// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Arguments of the listen and connect subcommands, and the socket that they describe.
#pragma once

#include <afplug/socket.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command.hpp"
#include "socket_spec.hpp"
#include "transfer.hpp"

namespace afplug::command {

struct endpoint_arguments {
  std::string family, address, type, protocol;
  std::string local;  ///< connect only: the address to bind before connecting
  std::vector<std::string> options;
  double timeout = 0;  ///< seconds; 0: no timeout
  double idle = 0;     ///< seconds; 0: no timeout
  std::size_t message_size = 8192;
  bool progress = false;

  /// Adds the arguments to the parser.
  void add_arguments(CLI::App& app, bool connects);
};

/// The requested family, type and protocol, and the operations on sockets of that kind.
class endpoint {
 public:
  /// Loads the family's plugin into this process. Throws `failure`. Keeps a reference to `arguments`.
  explicit endpoint(const endpoint_arguments& arguments);

  bool connects() const noexcept;  ///< whether the socket type is connection-oriented
  std::string name() const;        ///< "inet IPPROTO_TCP (SOCK_STREAM)"

  /// Opens a socket and sets the options. Throws `failure` with the reason and the remedy if that fails.
  socket open() const;
  /// The addresses for a text: the address itself, or, for families with host names, the result of getaddrinfo(3).
  /// `passive`: AI_PASSIVE.
  std::vector<address> find_addresses(const std::string& text, bool passive) const;
  /// Transfers stdin and stdout over the socket and returns the exit code. `peer`: discard messages from other
  /// addresses; `received`: data that was received before.
  int transfer_stdio(socket& s, const address* peer = nullptr, std::span<const std::byte> received = {}) const;

 private:
  const endpoint_arguments& arguments_;
  const family* family_;
  resolved_spec resolved_;
};

/// The arguments of listen or connect, with the function `run`: for subcommand::add_arguments.
template <int (*run)(const endpoint_arguments&), bool connects>
std::function<int()> add_endpoint_arguments(CLI::App& app, const common_options&) {
  auto arguments = std::make_shared<endpoint_arguments>();
  arguments->add_arguments(app, connects);
  return [=] { return run(*arguments); };
}

/// Sets the socket's timeout; 0: no timeout.
void set_timeout(socket& s, double seconds);

}  // namespace afplug::command
