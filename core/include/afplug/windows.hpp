// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Functions that exist only on Windows: sharing sockets with other processes, and the SIO_* codes of WSAIoctl that
// Python's socket.share(), fromshare() and ioctl() provide. Header-only; empty on other platforms. Takes plain SOCKETs
// and does not need libafplug: link ws2_32.
#pragma once

#if defined(_WIN32)

#include <winsock2.h>
#include <ws2tcpip.h>

#include <mstcpip.h>

#include <array>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

namespace afplug::windows {

using boost::system::error_code;

/// A socket to be passed to another process: the bytes of a WSAPROTOCOL_INFOW, to be sent there by any means. Can be
/// passed to fromshare once.
using shared_socket = std::array<std::byte, sizeof(::WSAPROTOCOL_INFOW)>;

namespace detail {
inline error_code last_error() noexcept { return {::WSAGetLastError(), boost::system::system_category()}; }

inline error_code invalid() noexcept {
  return boost::system::errc::make_error_code(boost::system::errc::invalid_argument);
}

template <class T>
void control(::SOCKET s, ::DWORD code, T value, error_code& ec) noexcept {
  ::DWORD none = 0;
  ec =
      ::WSAIoctl(s, code, &value, sizeof value, nullptr, 0, &none, nullptr, nullptr) == 0 ? error_code() : last_error();
}

/// Implements a throwing overload by its error_code overload.
template <class F>
auto throwing(const char* what, F f) {
  error_code ec;
  if constexpr (std::is_void_v<std::invoke_result_t<F, error_code&>>) {
    f(ec);
    if (ec) throw boost::system::system_error(ec, what);
  } else {
    auto result = f(ec);
    if (ec) throw boost::system::system_error(ec, what);
    return result;
  }
}
}  // namespace detail

// Each function has two overloads, as in socket.hpp: one throws boost::system::system_error, the other sets `ec`. Any
// thread may call them. Winsock must have been initialised (WSAStartup). Errors: Winsock's in the system category;
// invalid_argument of the generic category for an argument out of its range.

/// Prepares a socket for use by the process `pid`, which must call fromshare before this process closes its own:
/// WSADuplicateSocketW. Errors: WSAENOTSOCK; WSAEINVAL if the process does not exist.
inline shared_socket share(::SOCKET s, ::DWORD pid, error_code& ec) noexcept {
  ::WSAPROTOCOL_INFOW info{};
  shared_socket bytes{};
  ec = ::WSADuplicateSocketW(s, pid, &info) == 0 ? error_code() : detail::last_error();
  if (!ec) std::memcpy(bytes.data(), &info, sizeof info);
  return bytes;
}
inline shared_socket share(::SOCKET s, ::DWORD pid) {
  return detail::throwing("share", [&](error_code& ec) { return share(s, pid, ec); });
}

/// Opens a socket that another process prepared for this one: WSASocketW with FROM_PROTOCOL_INFO. It is overlapped and
/// not inherited by child processes. Returns INVALID_SOCKET on an error: invalid_argument if `bytes` is not as long as
/// a shared_socket; WSAEINVAL if it was not prepared for this process.
inline ::SOCKET fromshare(std::span<const std::byte> bytes, error_code& ec) noexcept {
  ::WSAPROTOCOL_INFOW info{};
  if (bytes.size() != sizeof info) {
    ec = detail::invalid();
    return INVALID_SOCKET;
  }
  std::memcpy(&info, bytes.data(), sizeof info);
  const ::SOCKET s = ::WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0,
                                  WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  ec = s == INVALID_SOCKET ? detail::last_error() : error_code();
  return s;
}
inline ::SOCKET fromshare(std::span<const std::byte> bytes) {
  return detail::throwing("fromshare", [&](error_code& ec) { return fromshare(bytes, ec); });
}

/// Modes of SIO_RCVALL: which packets a raw socket receives from the interface to whose address it is bound. See
/// "SIO_RCVALL Control Code", https://learn.microsoft.com/windows/win32/winsock/sio-rcvall.
enum class rcvall_mode : ::DWORD {
  off = RCVALL_OFF,                            ///< packets for this socket
  on = RCVALL_ON,                              ///< all IP packets on the network: the interface becomes promiscuous
  socket_level_only = RCVALL_SOCKETLEVELONLY,  ///< not implemented by Windows: has no effect
  ip_level = RCVALL_IPLEVEL                    ///< all IP packets that the interface receives without promiscuous mode
};

/// Sets the mode: SIO_RCVALL. Requires an administrator. Errors: WSAEINVAL if the socket is not raw or not bound;
/// invalid_argument for a value that is not a mode.
inline void rcvall(::SOCKET s, rcvall_mode mode, error_code& ec) noexcept {
  if (mode > rcvall_mode::ip_level)
    ec = detail::invalid();
  else
    detail::control(s, SIO_RCVALL, static_cast<::DWORD>(mode), ec);
}
inline void rcvall(::SOCKET s, rcvall_mode mode) {
  detail::throwing("rcvall", [&](error_code& ec) { rcvall(s, mode, ec); });
}

/// Turns keepalive probes of a TCP connection on or off: SIO_KEEPALIVE_VALS. The first probe is sent after `idle`,
/// further ones every `interval`; both are 1 to 2^32-1 ms (0 too if `on` is false), else invalid_argument.
inline void keepalive_vals(::SOCKET s, bool on, std::chrono::milliseconds idle, std::chrono::milliseconds interval,
                           error_code& ec) noexcept {
  constexpr auto most = static_cast<long long>((std::numeric_limits<::u_long>::max)());
  for (const auto time : {idle.count(), interval.count()})
    if (time < (on ? 1 : 0) || time > most) {
      ec = detail::invalid();
      return;
    }
  const ::tcp_keepalive values{on ? 1u : 0u, static_cast<::u_long>(idle.count()),
                               static_cast<::u_long>(interval.count())};
  detail::control(s, SIO_KEEPALIVE_VALS, values, ec);
}
inline void keepalive_vals(::SOCKET s, bool on, std::chrono::milliseconds idle, std::chrono::milliseconds interval) {
  detail::throwing("keepalive_vals", [&](error_code& ec) { keepalive_vals(s, on, idle, interval, ec); });
}

/// Makes TCP over the loopback interface bypass most of the network stack, if both ends set it before they connect:
/// SIO_LOOPBACK_FAST_PATH. WSAEOPNOTSUPP on Windows 10 version 2004 and later.
inline void loopback_fast_path(::SOCKET s, bool on, error_code& ec) noexcept {
  detail::control(s, SIO_LOOPBACK_FAST_PATH, static_cast<::DWORD>(on ? 1 : 0), ec);
}
inline void loopback_fast_path(::SOCKET s, bool on) {
  detail::throwing("loopback_fast_path", [&](error_code& ec) { loopback_fast_path(s, on, ec); });
}

/// Sets after how many received segments TCP sends an acknowledgement: SIO_TCP_SET_ACK_FREQUENCY. 1 (at once, as
/// Linux's TCP_QUICKACK) to 255, else invalid_argument.
inline void ack_frequency(::SOCKET s, int segments, error_code& ec) noexcept {
  if (segments < 1 || segments > 255)
    ec = detail::invalid();
  else
    detail::control(s, SIO_TCP_SET_ACK_FREQUENCY, segments, ec);
}
inline void ack_frequency(::SOCKET s, int segments) {
  detail::throwing("ack_frequency", [&](error_code& ec) { ack_frequency(s, segments, ec); });
}

}  // namespace afplug::windows

#endif  // defined(_WIN32)
