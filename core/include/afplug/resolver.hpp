// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Names: hosts, services, protocols, this machine. getaddrinfo(3) and relatives; PARITY §1.3.
#pragma once

#include <netdb.h>

#include <afplug/address.hpp>
#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace afplug {

/// One answer of getaddrinfo.
struct addrinfo_entry {
  int family = 0;              ///< AF_INET, AF_INET6
  int type = 0;                ///< SOCK_*
  int protocol = 0;            ///< IPPROTO_*
  std::string canonical_name;  ///< with AI_CANONNAME, of the first entry
  afplug::address address;
};

/// What getaddrinfo is asked; all may stay as they are.
struct addrinfo_hints {
  int family = AF_UNSPEC;
  int type = 0;
  int protocol = 0;
  int flags = 0;  ///< AI_*
  /// How long the look-up may take; empty: as long as the system lets it. It then goes on in a thread of its own, and its answer is dropped.
  std::optional<std::chrono::nanoseconds> timeout;
};

/// Looks up a host and a service. Empty host: the wildcard with AI_PASSIVE, else the loopback; empty service: port 0. The service is a name or a number from 0
/// to 65535 (more is errc::invalid_argument: the C library would wrap it). Errors: resolver_category(), or the system's (EAI_SYSTEM), errc::timed_out.
AFPLUG_API std::vector<addrinfo_entry> getaddrinfo(std::string_view host, std::string_view service,
                                                   const addrinfo_hints& hints = {});
AFPLUG_API std::vector<addrinfo_entry> getaddrinfo(std::string_view host, std::string_view service,
                                                   const addrinfo_hints& hints, error_code& ec);

/// Host and service names of an address; flags NI_*. getnameinfo(3).
AFPLUG_API std::pair<std::string, std::string> getnameinfo(const address& a, int flags = 0);
AFPLUG_API std::pair<std::string, std::string> getnameinfo(const address& a, int flags, error_code& ec);

/// Splits "host:service", "[v6]:service", "host" (service empty). errc::malformed_address.
AFPLUG_API std::pair<std::string, std::string> split_host_service(std::string_view text);
AFPLUG_API std::pair<std::string, std::string> split_host_service(std::string_view text, error_code& ec);

/// A host's canonical name, aliases and addresses (text).
struct host_entry {
  std::string name;
  std::vector<std::string> aliases;
  std::vector<std::string> addresses;
};
AFPLUG_API std::string gethostbyname(
    std::string_view name);  ///< the first IPv4 address; "": 0.0.0.0, "<broadcast>": 255.255.255.255
AFPLUG_API host_entry gethostbyname_ex(std::string_view name);       ///< IPv4 alone; netdb_category() errors
AFPLUG_API host_entry gethostbyaddr(std::string_view address_text);  ///< IPv4 or IPv6 text, or a name
AFPLUG_API std::string getfqdn(
    std::string_view name = {});  ///< never fails for want of an answer: the name itself then
AFPLUG_API std::string gethostname();
AFPLUG_API void sethostname(std::string_view name);  ///< EPERM without CAP_SYS_ADMIN

AFPLUG_API int getservbyname(std::string_view name,
                             std::string_view protocol = {});  ///< port, host order; netdb errors
AFPLUG_API std::string getservbyport(int port,
                                     std::string_view protocol = {});  ///< port 0–65535: errc::invalid_argument outside
AFPLUG_API int getprotobyname(std::string_view name);

/// A network interface.
struct interface_entry {
  unsigned index = 0;
  std::string name;
};
AFPLUG_API std::vector<interface_entry> if_nameindex();
AFPLUG_API unsigned if_nametoindex(std::string_view name);  ///< ENODEV: no such interface; the sentence names it
AFPLUG_API std::string if_indextoname(unsigned index);      ///< ENXIO: none has this index

/// inet_aton: 1–4 parts, decimal, octal or hex, as the C library reads them. inet_ntoa and the rest as in inet(3). errc::malformed_address.
AFPLUG_API std::array<std::byte, 4> inet_aton(std::string_view text);
AFPLUG_API std::string inet_ntoa(std::span<const std::byte> packed);  ///< exactly 4 bytes
AFPLUG_API std::vector<std::byte> inet_pton(int family,
                                            std::string_view text);  ///< AF_INET: 4 bytes, AF_INET6: 16; EAFNOSUPPORT
AFPLUG_API std::string inet_ntop(int family, std::span<const std::byte> packed);

}  // namespace afplug
