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
#include <span>
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
  /// How long the look-up may take; empty: as long as the system lets it. It then goes on in a thread of its own, and
  /// its answer is dropped. Zero: only what takes no look-up (addresses in digits), else errc::timed_out. The thread's
  /// `interrupt` hook can end it while a limit is set.
  std::optional<std::chrono::nanoseconds> timeout{};
};

/// Looks up a host and a service. Empty host: the wildcard with AI_PASSIVE, else the loopback; empty service: port 0;
/// one of them must be given (EAI_NONAME). Host names outside ASCII are UTF-8 and go out as IDNA (AI_IDN). The service
/// is a name or a number from 0 to 65535 (more is errc::invalid_argument: the C library would wrap it). Errors:
/// resolver_category(), or the system's (EAI_SYSTEM); errc::malformed_address for a name with a NUL, with a label of
/// more than 63 bytes or of more than 253 in all, or of no UTF-8; errc::timed_out.
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

// The C library's older look-ups, by their thread-safe forms; they take as long as the system lets them. A name with a
// NUL is errc::malformed_address.

/// The first IPv4 address of a name; "": 0.0.0.0, "<broadcast>": 255.255.255.255. Errors as getaddrinfo's.
AFPLUG_API std::string gethostbyname(std::string_view name);
AFPLUG_API std::string gethostbyname(std::string_view name, error_code& ec);
/// All about a name, IPv4 alone. gethostbyname(3); errors: netdb_category(). Names in ASCII alone.
AFPLUG_API host_entry gethostbyname_ex(std::string_view name);
AFPLUG_API host_entry gethostbyname_ex(std::string_view name, error_code& ec);
/// All about an address, as IPv4 or IPv6 text or a name. gethostbyaddr(3); errors: netdb_category(), getaddrinfo's for
/// the name.
AFPLUG_API host_entry gethostbyaddr(std::string_view address_text);
AFPLUG_API host_entry gethostbyaddr(std::string_view address_text, error_code& ec);
/// The full name of a host (empty, 0.0.0.0, ::  for this one): the first of its names with a dot in it. Never fails for
/// want of an answer: the name itself then.
AFPLUG_API std::string getfqdn(std::string_view name = {});
/// This machine's name. gethostname(2).
AFPLUG_API std::string gethostname();
AFPLUG_API std::string gethostname(error_code& ec);
/// Sets it; EPERM without CAP_SYS_ADMIN. sethostname(2).
AFPLUG_API void sethostname(std::string_view name);
AFPLUG_API void sethostname(std::string_view name, error_code& ec);

/// Port of a service, in host order; proto "tcp", "udp", empty: any. getservbyname(3). netdb_category() HOST_NOT_FOUND:
/// there is none.
AFPLUG_API int getservbyname(std::string_view name, std::string_view proto = {});
AFPLUG_API int getservbyname(std::string_view name, std::string_view proto, error_code& ec);
/// Service at a port from 0 to 65535, errc::invalid_argument outside; errors as getservbyname's.
AFPLUG_API std::string getservbyport(int port, std::string_view proto = {});
AFPLUG_API std::string getservbyport(int port, std::string_view proto, error_code& ec);
/// Number of an IP protocol. getprotobyname(3); errors as getservbyname's.
AFPLUG_API int getprotobyname(std::string_view name);
AFPLUG_API int getprotobyname(std::string_view name, error_code& ec);

/// A network interface.
struct interface_entry {
  unsigned index = 0;
  std::string name;
};
/// All interfaces. if_nameindex(3).
AFPLUG_API std::vector<interface_entry> if_nameindex();
AFPLUG_API std::vector<interface_entry> if_nameindex(error_code& ec);
/// ENODEV: no such interface; the sentence names it.
AFPLUG_API unsigned if_nametoindex(std::string_view name);
AFPLUG_API unsigned if_nametoindex(std::string_view name, error_code& ec);
/// ENXIO: none has this index.
AFPLUG_API std::string if_indextoname(unsigned index);
AFPLUG_API std::string if_indextoname(unsigned index, error_code& ec);

/// inet_aton(3): 1–4 parts, decimal, octal or hex; what follows a blank is not looked at, as in the C library.
/// errc::malformed_address.
AFPLUG_API std::array<std::byte, 4> inet_aton(std::string_view text);
AFPLUG_API std::array<std::byte, 4> inet_aton(std::string_view text, error_code& ec);
/// From exactly 4 bytes, else errc::malformed_address.
AFPLUG_API std::string inet_ntoa(std::span<const std::byte> packed);
AFPLUG_API std::string inet_ntoa(std::span<const std::byte> packed, error_code& ec);
/// AF_INET: to 4 bytes, AF_INET6: to 16; EAFNOSUPPORT for others. inet_pton(3); errc::malformed_address.
AFPLUG_API std::vector<std::byte> inet_pton(int family, std::string_view text);
AFPLUG_API std::vector<std::byte> inet_pton(int family, std::string_view text, error_code& ec);
/// The other way: 4 or 16 bytes, else errc::malformed_address. inet_ntop(3).
AFPLUG_API std::string inet_ntop(int family, std::span<const std::byte> packed);
AFPLUG_API std::string inet_ntop(int family, std::span<const std::byte> packed, error_code& ec);

}  // namespace afplug
