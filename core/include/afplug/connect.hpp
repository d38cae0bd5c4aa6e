// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Connections to and servers at a host and service: create_connection with happy eyeballs (RFC 8305), create_server
// with dual-stack sockets. They correspond to the functions of these names in Python's socket module.
#pragma once

#include <afplug/socket.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace afplug {

/// Options of create_connection.
struct connection_options {
  /// Time limit for the whole call, look-up included, and afterwards the socket's timeout. Empty:
  /// socket::default_timeout(). Zero: fails unless a connection is made without waiting. Negative:
  /// errc::invalid_argument.
  std::optional<std::chrono::nanoseconds> timeout{};
  std::optional<address> source{};  ///< local address to bind to; host addresses of other families are skipped
  bool happy_eyeballs = true;       ///< false: tries one address after the other, in the resolver's order
  /// Delay between the starts of two attempts, at least 10 ms (RFC 8305, sections 5 and 8). After a failure the next
  /// attempt starts at once.
  std::chrono::milliseconds attempt_delay{250};
  int family = AF_UNSPEC;  ///< AF_INET or AF_INET6: uses only addresses of this family
  int protocol = 0;        ///< of the sockets, as IPPROTO_MPTCP
};

/// Thrown by create_connection if the connection to every address failed. The code is errc::timed_out if the time limit
/// ended an attempt, else that of the last attempt.
class AFPLUG_API connection_error : public error {
 public:
  /// An address that was tried, and its error.
  struct attempt {
    address to;
    error_code ec;
    bool source_failed = false;  ///< `ec` is that of the bind to connection_options::source
  };
  connection_error(std::vector<attempt> attempts, std::string text);
  ~connection_error() override;
  /// All attempts, in the order of their starts.
  const std::vector<attempt>& attempts() const noexcept { return attempts_; }

 private:
  std::vector<attempt> attempts_;
};

/// Connects a SOCK_STREAM socket to a host and service, as RFC 8305 describes: tries the host's addresses with
/// alternating families, beginning with the resolver's first; starts the next attempt after `attempt_delay`; returns
/// the first socket that connects and closes the others. Throws connection_error, or the errors of getaddrinfo and
/// registry::family. Blocks; any thread may call it.
AFPLUG_API socket create_connection(std::string_view host, std::string_view service,
                                    const connection_options& options = {});
/// As above; stores every failed attempt in `attempts`, if given, those before a success too.
AFPLUG_API socket create_connection(std::string_view host, std::string_view service, const connection_options& options,
                                    error_code& ec, std::vector<connection_error::attempt>* attempts = nullptr);
inline socket create_connection(std::string_view host, std::string_view service, error_code& ec) {
  return create_connection(host, service, {}, ec);
}

/// Options of create_server.
struct server_options {
  int backlog = -1;         ///< as of socket::listen
  bool reuse_port = false;  ///< sets SO_REUSEPORT
  /// Accepts IPv4 connections too: sets IPV6_V6ONLY to 0, else to 1. errc::invalid_argument for families other than
  /// inet6, and if has_dualstack_ipv6() is false.
  bool dualstack_ipv6 = false;
};

/// Opens a socket, binds it to the address and listens. Works for every family that has listen(2). The type is that of
/// the address's protocol, SOCK_STREAM if it has none. Sets SO_REUSEADDR for inet and inet6. Errors: those of
/// socket::open, bind (the error text names the address) and listen; no socket stays open then. Any thread may call it.
AFPLUG_API socket create_server(const address& at, const server_options& options = {});
AFPLUG_API socket create_server(const address& at, const server_options& options, error_code& ec);
inline socket create_server(const address& at, error_code& ec) { return create_server(at, {}, ec); }

/// Whether an IPv6 socket can accept IPv4 connections on this system. Opens a socket to find out.
AFPLUG_API bool has_dualstack_ipv6();

}  // namespace afplug
