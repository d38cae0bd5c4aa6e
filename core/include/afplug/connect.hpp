// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// From names to connections: create_connection with happy eyeballs (RFC 8305), create_server with dual stack. PARITY §1.1.
#pragma once

#include <afplug/socket.hpp>
#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace afplug {

/// How create_connection goes about it.
struct connection_options {
  std::optional<std::chrono::nanoseconds>
      timeout;  ///< for the whole, look-up included; empty: default_timeout(). It becomes the socket's.
  std::optional<address> source;  ///< bound first; addresses of another family are skipped
  bool happy_eyeballs = true;     ///< false: one address after the other, in the resolver's order
  std::chrono::milliseconds attempt_delay{
      250};  ///< RFC 8305 §5: before the next address is tried beside the ones under way; 10 ms at least
  int family = AF_UNSPEC;
  int protocol = 0;
};

/// Every address failed: the errors of all, in the order of the attempts.
class AFPLUG_API connection_error : public error {
 public:
  struct attempt {
    address to;
    error_code ec;
  };
  connection_error(std::vector<attempt> attempts);
  ~connection_error() override;
  const std::vector<attempt>& attempts() const noexcept { return attempts_; }

 private:
  std::vector<attempt> attempts_;
};

/// Connects a SOCK_STREAM socket to a host and service. Throws connection_error (whose code is the last attempt's), or the resolver's error.
AFPLUG_API socket create_connection(std::string_view host, std::string_view service,
                                    const connection_options& options = {});
/// The same without exceptions; `attempts`, if given, gets each failure.
AFPLUG_API socket create_connection(std::string_view host, std::string_view service, const connection_options& options,
                                    error_code& ec, std::vector<connection_error::attempt>* attempts = nullptr);

/// How create_server goes about it.
struct server_options {
  int backlog = -1;         ///< as listen's
  bool reuse_port = false;  ///< SO_REUSEPORT
  bool dualstack_ipv6 =
      false;  ///< inet6: serve IPv4 as well (IPV6_V6ONLY 0); otherwise it is set to 1. errc::invalid_argument for others
};

/// A listening socket at an address of any family with listen: SO_REUSEADDR for IP. On a bind error the sentence names the address; nothing stays open.
AFPLUG_API socket create_server(const address& at, const server_options& options = {});
AFPLUG_API socket create_server(const address& at, const server_options& options, error_code& ec);

/// Whether one IPv6 socket can serve IPv4 here.
AFPLUG_API bool has_dualstack_ipv6();

}  // namespace afplug
