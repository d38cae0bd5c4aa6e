// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What Winsock alone has: sockets shared with other processes, and the controls of WSAIoctl. PARITY §1.1, §4.2, §4.5.
// Header-only, for Windows; empty elsewhere. It works on plain SOCKETs and needs no libafplug: link ws2_32.
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

namespace afplug::windows {

using boost::system::error_code;

/// A socket on its way to another process: a WSAPROTOCOL_INFOW, as bytes to be sent there by any means. Good for one
/// fromshare.
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

inline void check(const error_code& ec, const char* what) {
  if (ec) throw boost::system::system_error(ec, what);
}
}  // namespace detail

// Every call comes twice, as in socket.hpp: one throws boost::system::system_error, its twin sets `ec`. Any thread may
// make them. Winsock must have been started (WSAStartup). Errors are Winsock's in the system category, and
// invalid_argument of the generic one where an argument is refused here.

/// Makes a socket ready to be taken over by the process `pid`, which has to call fromshare before this one closes its
/// own. WSADuplicateSocketW. Errors: WSAENOTSOCK; WSAEINVAL for a process that there is not.
inline shared_socket share(::SOCKET s, ::DWORD pid, error_code& ec) noexcept {
  ::WSAPROTOCOL_INFOW info{};
  shared_socket bytes{};
  ec = ::WSADuplicateSocketW(s, pid, &info) == 0 ? error_code() : detail::last_error();
  if (!ec) std::memcpy(bytes.data(), &info, sizeof info);
  return bytes;
}
inline shared_socket share(::SOCKET s, ::DWORD pid) {
  error_code ec;
  const auto bytes = share(s, pid, ec);
  detail::check(ec, "share");
  return bytes;
}

/// Takes over a socket that another process shared with this one. It is overlapped, and not inherited by processes that
/// this one starts. INVALID_SOCKET on an error: invalid_argument where there are more or fewer bytes than share gives;
/// WSAEINVAL for bytes that are no shared socket of this process.
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
  error_code ec;
  const ::SOCKET s = fromshare(bytes, ec);
  detail::check(ec, "fromshare");
  return s;
}

/// Which packets of its interface a raw socket that is bound to an address of it receives. SIO_RCVALL.
enum class rcvall_mode : ::DWORD {
  off = RCVALL_OFF,  ///< those for this socket
  on = RCVALL_ON,    ///< all of the network: the interface becomes promiscuous
  socket_level_only =
      RCVALL_SOCKETLEVELONLY,  ///< all that reaches this machine, for this socket alone; few drivers have it
  ip_level = RCVALL_IPLEVEL    ///< all that is for this machine
};

/// Sets it; takes an administrator. Errors: WSAEINVAL for a socket that is not raw or not bound, invalid_argument for a
/// number that is no mode.
inline void rcvall(::SOCKET s, rcvall_mode mode, error_code& ec) noexcept {
  if (mode > rcvall_mode::ip_level)
    ec = detail::invalid();
  else
    detail::control(s, SIO_RCVALL, static_cast<::DWORD>(mode), ec);
}
inline void rcvall(::SOCKET s, rcvall_mode mode) {
  error_code ec;
  rcvall(s, mode, ec);
  detail::check(ec, "rcvall");
}

/// Keepalive probes of a TCP connection: whether, after how long a silence, and how far apart. Both times are from 1 ms
/// to 2^32-1 ms, else invalid_argument. SIO_KEEPALIVE_VALS.
inline void keepalive_vals(::SOCKET s, bool on, std::chrono::milliseconds silence, std::chrono::milliseconds interval,
                           error_code& ec) noexcept {
  constexpr auto most = static_cast<long long>((std::numeric_limits<::u_long>::max)());
  for (const auto time : {silence.count(), interval.count()})
    if (time < (on ? 1 : 0) || time > most) {
      ec = detail::invalid();
      return;
    }
  const ::tcp_keepalive values{on ? 1u : 0u, static_cast<::u_long>(silence.count()),
                               static_cast<::u_long>(interval.count())};
  detail::control(s, SIO_KEEPALIVE_VALS, values, ec);
}
inline void keepalive_vals(::SOCKET s, bool on, std::chrono::milliseconds silence, std::chrono::milliseconds interval) {
  error_code ec;
  keepalive_vals(s, on, silence, interval, ec);
  detail::check(ec, "keepalive_vals");
}

/// TCP over the loopback without most of the network's layers, where both ends ask for it before they connect; Windows
/// 10 2004 and later answer WSAEOPNOTSUPP. SIO_LOOPBACK_FAST_PATH.
inline void loopback_fast_path(::SOCKET s, bool on, error_code& ec) noexcept {
  detail::control(s, SIO_LOOPBACK_FAST_PATH, static_cast<::DWORD>(on ? 1 : 0), ec);
}
inline void loopback_fast_path(::SOCKET s, bool on) {
  error_code ec;
  loopback_fast_path(s, on, ec);
  detail::check(ec, "loopback_fast_path");
}

/// After how many segments an acknowledgement is sent: 1 at once, which is what Linux's TCP_QUICKACK is for, to 255;
/// else invalid_argument. SIO_TCP_SET_ACK_FREQUENCY.
inline void ack_frequency(::SOCKET s, int segments, error_code& ec) noexcept {
  if (segments < 1 || segments > 255)
    ec = detail::invalid();
  else
    detail::control(s, SIO_TCP_SET_ACK_FREQUENCY, segments, ec);
}
inline void ack_frequency(::SOCKET s, int segments) {
  error_code ec;
  ack_frequency(s, segments, ec);
  detail::check(ec, "ack_frequency");
}

}  // namespace afplug::windows

#endif  // defined(_WIN32)
