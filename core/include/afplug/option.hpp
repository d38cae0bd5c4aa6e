// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Socket options: typed options of level SOL_SOCKET, which meet Asio's GettableSocketOption and SettableSocketOption
// requirements, and the text form of every option in the families' tables.
#pragma once

#include <sys/socket.h>

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <afplug/family.hpp>
#include <afplug/typed_option.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace afplug {

namespace opt {

// Level SOL_SOCKET: socket(7).
using reuse_address = boolean<SOL_SOCKET, SO_REUSEADDR>;           ///< SO_REUSEADDR
using reuse_port = boolean<SOL_SOCKET, SO_REUSEPORT>;              ///< SO_REUSEPORT
using keep_alive = boolean<SOL_SOCKET, SO_KEEPALIVE>;              ///< SO_KEEPALIVE
using broadcast = boolean<SOL_SOCKET, SO_BROADCAST>;               ///< SO_BROADCAST
using dont_route = boolean<SOL_SOCKET, SO_DONTROUTE>;              ///< SO_DONTROUTE
using oob_inline = boolean<SOL_SOCKET, SO_OOBINLINE>;              ///< SO_OOBINLINE
using pass_credentials = boolean<SOL_SOCKET, SO_PASSCRED>;         ///< SO_PASSCRED
using timestamp_ns = boolean<SOL_SOCKET, SO_TIMESTAMPNS>;          ///< SO_TIMESTAMPNS
using rcvbuf = non_negative<SOL_SOCKET, SO_RCVBUF>;                ///< SO_RCVBUF, bytes; the kernel doubles what is set
using sndbuf = non_negative<SOL_SOCKET, SO_SNDBUF>;                ///< SO_SNDBUF, bytes; the kernel doubles what is set
using rcvlowat = non_negative<SOL_SOCKET, SO_RCVLOWAT>;            ///< SO_RCVLOWAT, bytes
using priority = number<SOL_SOCKET, SO_PRIORITY, std::uint32_t>;   ///< SO_PRIORITY; above 6 requires CAP_NET_ADMIN
using mark = number<SOL_SOCKET, SO_MARK, std::uint32_t>;           ///< SO_MARK; requires CAP_NET_ADMIN
using socket_error = integer<SOL_SOCKET, SO_ERROR>;                ///< SO_ERROR; reading clears it
using rcvtimeo = timeval_duration<SOL_SOCKET, SO_RCVTIMEO>;        ///< SO_RCVTIMEO; use socket::timeout instead
using sndtimeo = timeval_duration<SOL_SOCKET, SO_SNDTIMEO>;        ///< SO_SNDTIMEO; use socket::timeout instead
using peer_credentials = plain<SOL_SOCKET, SO_PEERCRED, ::ucred>;  ///< SO_PEERCRED

/// SO_LINGER; the kernel counts whole seconds, from 0 to 2^31-1.
class linger : public plain<SOL_SOCKET, SO_LINGER, ::linger> {
 public:
  linger() noexcept = default;
  linger(bool on, std::chrono::seconds time) {
    if (accept_duration<std::chrono::seconds>(time, 0, std::numeric_limits<int>::max()))
      value() = {on, static_cast<int>(time.count())};
  }
  bool enabled() const noexcept { return value().l_onoff != 0; }
  std::chrono::seconds time() const noexcept { return std::chrono::seconds(value().l_linger); }
};

}  // namespace opt

/// Formats an option's bytes by its kind (AFPLUG_KIND_* in plugin.h): "on", "42", "1.5s", "eth0", "cubic",
/// "onoff=on,linger=5s", "{..},{..}", hexadecimal. A value is formatted as the name of a constant with the option's
/// `values` prefix, if there is one (of the family, or in socket_constants()); a set of flags as A|B. Unprintable bytes
/// of text and interface names are percent-encoded. errc::wrong_kind if the bytes do not fit the kind.
AFPLUG_API std::string format_option(const option_info& option, std::span<const std::byte> bytes,
                                     const afplug::family* family = nullptr);
AFPLUG_API std::string format_option(const option_info& option, std::span<const std::byte> bytes,
                                     const afplug::family* family, error_code& ec);
inline std::string format_option(const option_info& option, std::span<const std::byte> bytes, error_code& ec) {
  return format_option(option, bytes, nullptr, ec);
}

/// Parses an option's text form into the bytes for setsockopt(2); AFPLUG_KIND_LENGTH gives that number of zero bytes. A
/// number may be given as the name of a constant with the option's `values` prefix, in any case and without the prefix,
/// and A|B combines flags. A duration has a unit (ns, us, ms, s, min, h), which may be omitted if the option counts in
/// one. Errors: errc::invalid_argument, also for text with a NUL (%00); errc::wrong_kind for options without a layout.
/// The error text names the part that is wrong and what is accepted.
AFPLUG_API std::vector<std::byte> parse_option(const option_info& option, std::string_view text,
                                               const afplug::family* family = nullptr);
AFPLUG_API std::vector<std::byte> parse_option(const option_info& option, std::string_view text,
                                               const afplug::family* family, error_code& ec);
inline std::vector<std::byte> parse_option(const option_info& option, std::string_view text, error_code& ec) {
  return parse_option(option, text, nullptr, ec);
}

}  // namespace afplug
