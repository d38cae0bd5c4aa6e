// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Look-up of hosts, services, protocols and network interfaces: getaddrinfo(3), gethostbyname(3), getservbyname(3),
// if_nameindex(3) and related functions, as Python's socket module has them. Any thread may call any of them.
#pragma once

#include <netdb.h>

#include <afplug/address.hpp>
#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <afplug/socket_type.hpp>
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

/// One result of getaddrinfo.
struct addrinfo_entry {
  int family = 0;              ///< AF_INET, AF_INET6
  socket_type type;            ///< SOCK_*
  int protocol = 0;            ///< IPPROTO_*
  std::string canonical_name;  ///< with AI_CANONNAME, in the first entry; else empty
  afplug::address address;     ///< its protocol() has the type and protocol: socket::open(entry.address.protocol(), ec)
};

/// Options of getaddrinfo.
struct addrinfo_hints {
  int family = AF_UNSPEC;  ///< AF_INET, AF_INET6; AF_UNSPEC: both
  socket_type type{};      ///< SOCK_*; 0: any
  int protocol = 0;        ///< IPPROTO_*; 0: any
  int flags = 0;           ///< AI_*
  /// Time limit; empty: that of the system's resolver (resolv.conf(5)). With a limit the look-up runs in another
  /// thread, which goes on after the limit has expired and discards its result, and the interrupt hook of the calling
  /// thread can end the call. There are at most max_lookup_threads such threads; further calls wait, within their
  /// limit, for one to be free. Zero: numeric addresses only, errc::timed_out for others. Negative:
  /// errc::invalid_argument.
  std::optional<std::chrono::nanoseconds> timeout{};
};

/// How many threads look up names for calls with a time limit, in this process.
inline constexpr std::size_t max_lookup_threads = 64;

/// Looks up a host and a service: getaddrinfo(3). An empty host is the wildcard address with AI_PASSIVE, else the
/// loopback address; an empty service is port 0; if both are empty the error is EAI_NONAME. Host names outside ASCII
/// are UTF-8 and are converted to IDNA (AI_IDN). The service is a name or a port from 0 to 65535; larger numbers are
/// errc::invalid_argument (the C library takes them modulo 65536). Errors: EAI_* in resolver_category(), the system's
/// for EAI_SYSTEM; errc::malformed_address for a host with a NUL, that is not UTF-8, or longer than RFC 1035 allows (63
/// bytes a label, 253 in all); errc::timed_out; errc::interrupted. May block as the system's resolver does.
AFPLUG_API std::vector<addrinfo_entry> getaddrinfo(std::string_view host, std::string_view service,
                                                   const addrinfo_hints& hints = {});
AFPLUG_API std::vector<addrinfo_entry> getaddrinfo(std::string_view host, std::string_view service,
                                                   const addrinfo_hints& hints, error_code& ec);
inline std::vector<addrinfo_entry> getaddrinfo(std::string_view host, std::string_view service, error_code& ec) {
  return getaddrinfo(host, service, {}, ec);
}

/// The host and service name of an address: getnameinfo(3). `flags`: NI_*. Errors as getaddrinfo's.
AFPLUG_API std::pair<std::string, std::string> getnameinfo(const address& a, int flags = 0);
AFPLUG_API std::pair<std::string, std::string> getnameinfo(const address& a, int flags, error_code& ec);
inline std::pair<std::string, std::string> getnameinfo(const address& a, error_code& ec) {
  return getnameinfo(a, 0, ec);
}

/// Splits "host:service", "[IPv6 address]:service" or "host" into host and service, which is empty if absent. Looks
/// nothing up. errc::malformed_address for any other form.
AFPLUG_API std::pair<std::string, std::string> split_host_service(std::string_view text);
AFPLUG_API std::pair<std::string, std::string> split_host_service(std::string_view text, error_code& ec);

/// A host's canonical name, its aliases, and its addresses as text.
struct host_entry {
  std::string name;
  std::vector<std::string> aliases;
  std::vector<std::string> addresses;
};

// The functions of netdb.h, through their reentrant forms. They block as long as the system's resolver takes, without a
// time limit. A name with a NUL is errc::malformed_address.

/// The first IPv4 address of a name, as text; as in Python "" is 0.0.0.0 and "<broadcast>" is 255.255.255.255. Errors
/// as getaddrinfo's.
AFPLUG_API std::string gethostbyname(std::string_view name);
AFPLUG_API std::string gethostbyname(std::string_view name, error_code& ec);
/// The entry of a host name, with its IPv4 addresses: gethostbyname(3). Takes ASCII names only. Errors:
/// netdb_category().
AFPLUG_API host_entry gethostbyname_ex(std::string_view name);
AFPLUG_API host_entry gethostbyname_ex(std::string_view name, error_code& ec);
/// The entry of an IPv4 or IPv6 address, given as text or as a host name that is looked up first: gethostbyaddr(3).
/// Errors: netdb_category(); getaddrinfo's.
AFPLUG_API host_entry gethostbyaddr(std::string_view address_text);
AFPLUG_API host_entry gethostbyaddr(std::string_view address_text, error_code& ec);
/// The fully qualified domain name of a host; empty, "0.0.0.0" and "::" mean this host. Returns the first of the host's
/// names and aliases that contains a dot, and the name itself if the look-up fails, as Python's getfqdn().
AFPLUG_API std::string getfqdn(std::string_view name = {});
/// The name of this host: gethostname(2).
AFPLUG_API std::string gethostname();
AFPLUG_API std::string gethostname(error_code& ec);
/// Sets the name of this host: sethostname(2). EPERM without CAP_SYS_ADMIN.
AFPLUG_API void sethostname(std::string_view name);
AFPLUG_API void sethostname(std::string_view name, error_code& ec);

/// The port of a service in host byte order: getservbyname(3). `proto` is "tcp" or "udp"; empty: any. Errors:
/// HOST_NOT_FOUND in netdb_category() if there is no such service.
AFPLUG_API int getservbyname(std::string_view name, std::string_view proto = {});
AFPLUG_API int getservbyname(std::string_view name, std::string_view proto, error_code& ec);
inline int getservbyname(std::string_view name, error_code& ec) { return getservbyname(name, {}, ec); }
/// The service at a port, 0 to 65535 in host byte order: getservbyport(3). errc::invalid_argument outside of the range;
/// other errors as getservbyname's.
AFPLUG_API std::string getservbyport(int port, std::string_view proto = {});
AFPLUG_API std::string getservbyport(int port, std::string_view proto, error_code& ec);
inline std::string getservbyport(int port, error_code& ec) { return getservbyport(port, {}, ec); }
/// The number of an IP protocol: getprotobyname(3). Errors as getservbyname's.
AFPLUG_API int getprotobyname(std::string_view name);
AFPLUG_API int getprotobyname(std::string_view name, error_code& ec);

/// A network interface.
struct interface_entry {
  unsigned index = 0;
  std::string name;
};
/// All network interfaces of this network namespace: if_nameindex(3).
AFPLUG_API std::vector<interface_entry> if_nameindex();
AFPLUG_API std::vector<interface_entry> if_nameindex(error_code& ec);
/// The index of an interface: if_nametoindex(3). ENODEV if there is none of that name.
AFPLUG_API unsigned if_nametoindex(std::string_view name);
AFPLUG_API unsigned if_nametoindex(std::string_view name, error_code& ec);
/// The name of an interface: if_indextoname(3). ENXIO if there is none with that index.
AFPLUG_API std::string if_indextoname(unsigned index);
AFPLUG_API std::string if_indextoname(unsigned index, error_code& ec);

/// Parses an IPv4 address of 1 to 4 decimal, octal or hexadecimal parts, into network byte order: inet_aton(3). Like
/// the C library ignores what follows a blank. Error: errc::malformed_address.
AFPLUG_API std::array<std::byte, 4> inet_aton(std::string_view text);
AFPLUG_API std::array<std::byte, 4> inet_aton(std::string_view text, error_code& ec);
/// Formats an IPv4 address of exactly 4 bytes in network byte order, else errc::malformed_address.
AFPLUG_API std::string inet_ntoa(std::span<const std::byte> packed);
AFPLUG_API std::string inet_ntoa(std::span<const std::byte> packed, error_code& ec);
/// Parses an address of AF_INET into 4 bytes, of AF_INET6 into 16, in network byte order: inet_pton(3). Errors:
/// errc::malformed_address; EAFNOSUPPORT for other families.
AFPLUG_API std::vector<std::byte> inet_pton(int family, std::string_view text);
AFPLUG_API std::vector<std::byte> inet_pton(int family, std::string_view text, error_code& ec);
/// Formats an address of AF_INET (4 bytes) or AF_INET6 (16), in network byte order: inet_ntop(3). Errors:
/// errc::malformed_address for another number of bytes; EAFNOSUPPORT for other families.
AFPLUG_API std::string inet_ntop(int family, std::span<const std::byte> packed);
AFPLUG_API std::string inet_ntop(int family, std::span<const std::byte> packed, error_code& ec);

}  // namespace afplug
