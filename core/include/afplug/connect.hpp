// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// From names to connections: create_connection with happy eyeballs (RFC 8305), create_server with dual stack. PARITY
// §1.1.
#pragma once

#include <afplug/socket.hpp>
#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace afplug {

/// How create_connection goes about it.
struct connection_options {
  /// For the whole, look-up included; empty: default_timeout(). It becomes the socket's. Zero: only what connects at
  /// once.
  std::optional<std::chrono::nanoseconds> timeout{};
  std::optional<address> source{};  ///< bound first; addresses of another family are skipped
  bool happy_eyeballs = true;       ///< false: one address after the other, in the resolver's order
  /// RFC 8305 §5: how long an address is tried alone before the next joins; 10 ms at least. One that fails is followed
  /// at once.
  std::chrono::milliseconds attempt_delay{250};
  int family = AF_UNSPEC;  ///< AF_INET, AF_INET6: addresses of this one alone
  int protocol = 0;        ///< of the sockets, IPPROTO_MPTCP for instance
};

/// Every address failed: the errors of all, in the order of the attempts. The code is errc::timed_out where the time
/// limit ended an attempt, else the last attempt's.
class AFPLUG_API connection_error : public error {
 public:
  /// One address that was tried, and how that ended.
  struct attempt {
    address to;
    error_code ec;
  };
  explicit connection_error(std::vector<attempt> attempts);
  ~connection_error() override;
  const std::vector<attempt>& attempts() const noexcept { return attempts_; }

 private:
  std::vector<attempt> attempts_;
};

/// Connects a SOCK_STREAM socket to a host and service: to all its addresses, families in turn, the resolver's
/// favourite first, each with a head start on the next; who connects first wins and the others are closed (RFC 8305).
/// Throws connection_error, or the resolver's or registry's error.
AFPLUG_API socket create_connection(std::string_view host, std::string_view service,
                                    const connection_options& options = {});
/// The same without exceptions; `attempts`, if given, gets each failure, also those before a success.
AFPLUG_API socket create_connection(std::string_view host, std::string_view service, const connection_options& options,
                                    error_code& ec, std::vector<connection_error::attempt>* attempts = nullptr);

/// How create_server goes about it.
struct server_options {
  int backlog = -1;         ///< as listen's
  bool reuse_port = false;  ///< SO_REUSEPORT
  /// inet6: serve IPv4 as well (IPV6_V6ONLY 0); otherwise it is set to 1. errc::invalid_argument for other families and
  /// where it can't be had.
  bool dualstack_ipv6 = false;
};

/// A listening socket at an address of any family with listen, SOCK_STREAM unless the address says otherwise:
/// SO_REUSEADDR for IP. On a bind error the sentence names the address; nothing stays open.
AFPLUG_API socket create_server(const address& at, const server_options& options = {});
AFPLUG_API socket create_server(const address& at, const server_options& options, error_code& ec);

/// Whether one IPv6 socket can serve IPv4 here.
AFPLUG_API bool has_dualstack_ipv6();

}  // namespace afplug
