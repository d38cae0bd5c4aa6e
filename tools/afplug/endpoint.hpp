// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What listen and connect share: their arguments, and a socket made from them.
#pragma once

#include <afplug/socket.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "command.hpp"
#include "spelling.hpp"
#include "transfer.hpp"

namespace afplug::command {

/// The arguments.
struct endpoint_arguments {
  std::string family, address, type, protocol;
  std::string local;  ///< connect alone: bound first
  std::vector<std::string> options;
  double timeout = 0;  ///< seconds; 0: none
  double idle = 0;
  std::size_t message_size = 8192;
  bool progress = false;

  /// Adds them to the parser.
  void declare(CLI::App& app, bool connects);
};

/// The family and row that are meant, and everything that is done with sockets of it.
class endpoint {
 public:
  /// Loads the family, in this process. Throws failures.
  explicit endpoint(const endpoint_arguments& arguments);

  const choice& what() const noexcept { return choice_; }
  bool connects() const noexcept;  ///< the row has connections
  std::string name() const;        ///< "inet IPPROTO_TCP (SOCK_STREAM)"

  /// A socket with the options set. Where it does not open the failure says why and what to do.
  socket open() const;
  /// The addresses that a text means: one, or what a look-up gives where the family has names.
  std::vector<address> resolve(const std::string& text, bool passive) const;
  /// Carries stdin and stdout over a connected socket.
  int carry(socket& over, const address* peer = nullptr, std::span<const std::byte> first = {}) const;

 private:
  const endpoint_arguments& arguments_;
  const family* family_;
  choice choice_;
};

/// Sets the socket's timeout from seconds, 0 being none.
void limit(socket& s, double seconds);

/// The error's sentence.
std::string sentence(const error_code& ec);

}  // namespace afplug::command
