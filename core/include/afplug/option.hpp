// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Socket options: typed ones, which are structural (Asio's level, name, data, size: they serve Asio's sockets too), and
// the text forms by which the tables of the families speak of any.
#pragma once

#include <sys/socket.h>

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <afplug/family.hpp>
#include <afplug/typed_option.hpp>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace afplug {

namespace opt {

// Level SOL_SOCKET: socket(7).
using reuse_address = boolean<SOL_SOCKET, SO_REUSEADDR>;    ///< SO_REUSEADDR
using reuse_port = boolean<SOL_SOCKET, SO_REUSEPORT>;       ///< SO_REUSEPORT
using keep_alive = boolean<SOL_SOCKET, SO_KEEPALIVE>;       ///< SO_KEEPALIVE
using broadcast = boolean<SOL_SOCKET, SO_BROADCAST>;        ///< SO_BROADCAST
using dont_route = boolean<SOL_SOCKET, SO_DONTROUTE>;       ///< SO_DONTROUTE
using oob_inline = boolean<SOL_SOCKET, SO_OOBINLINE>;       ///< SO_OOBINLINE
using pass_credentials = boolean<SOL_SOCKET, SO_PASSCRED>;  ///< SO_PASSCRED
using timestamp_ns = boolean<SOL_SOCKET, SO_TIMESTAMPNS>;   ///< SO_TIMESTAMPNS
using rcvbuf = integer<SOL_SOCKET, SO_RCVBUF>;              ///< SO_RCVBUF: the kernel doubles what is set
using sndbuf = integer<SOL_SOCKET, SO_SNDBUF>;              ///< SO_SNDBUF: the kernel doubles what is set
using rcvlowat = integer<SOL_SOCKET, SO_RCVLOWAT>;          ///< SO_RCVLOWAT
using priority = integer<SOL_SOCKET, SO_PRIORITY>;          ///< SO_PRIORITY
using mark = integer<SOL_SOCKET, SO_MARK>;                  ///< SO_MARK, takes CAP_NET_ADMIN
using socket_error = integer<SOL_SOCKET, SO_ERROR>;         ///< SO_ERROR: reading clears it
using rcvtimeo =
    timeval_duration<SOL_SOCKET, SO_RCVTIMEO>;  ///< SO_RCVTIMEO: the kernel's own; socket::timeout is better
using sndtimeo = timeval_duration<SOL_SOCKET, SO_SNDTIMEO>;        ///< SO_SNDTIMEO
using peer_credentials = plain<SOL_SOCKET, SO_PEERCRED, ::ucred>;  ///< SO_PEERCRED

/// SO_LINGER.
class linger : public plain<SOL_SOCKET, SO_LINGER, ::linger> {
 public:
  linger() noexcept = default;
  linger(bool on, std::chrono::seconds time) noexcept : plain(::linger{on, static_cast<int>(time.count())}) {}
  bool enabled() const noexcept { return value().l_onoff != 0; }
  std::chrono::seconds time() const noexcept { return std::chrono::seconds(value().l_linger); }
};

}  // namespace opt

/// Text form of an option's bytes, by its kind: on, 42, 1.5s, eth0, cubic, onoff=on,linger=5s, {..},{..}, hex. Values
/// that constants of the option's `values` prefix name (the family's first, then socket_constants()) are printed by
/// name, sets of bits as A|B. Text and interface names are percent-encoded where they would not print. errc::wrong_kind
/// where the bytes do not fit the kind.
AFPLUG_API std::string format_option(const option_info& option, std::span<const std::byte> bytes,
                                     const afplug::family* family = nullptr);
AFPLUG_API std::string format_option(const option_info& option, std::span<const std::byte> bytes, error_code& ec,
                                     const afplug::family* family = nullptr);

/// Bytes of an option from its text form; for AFPLUG_KIND_LENGTH as many zero bytes. Names of constants with the
/// option's `values` prefix may stand for numbers, the prefix and the case left out if one likes; A|B combines them. A
/// duration takes a unit (ns, us, ms, s, min, h), which may be left out where the option counts in one. The sentence of
/// a failure names the part that is wrong and what is taken instead.
AFPLUG_API std::vector<std::byte> parse_option(const option_info& option, std::string_view text,
                                               const afplug::family* family = nullptr);
AFPLUG_API std::vector<std::byte> parse_option(const option_info& option, std::string_view text,
                                               const afplug::family* family, error_code& ec);

}  // namespace afplug
