// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The type of a socket, as a C++ type: a call with family and type swapped does not compile.
#pragma once

#include <sys/socket.h>

#include <concepts>
#include <type_traits>

namespace afplug {

namespace detail {
// Whether T is the C library's enumeration of SOCK_* (glibc has one; in musl they are macros of integers).
template <class T>
concept native_socket_type = std::is_enum_v<T> && std::same_as<T, std::remove_cv_t<decltype(SOCK_STREAM)>>;
}  // namespace detail

/// A socket type: SOCK_STREAM, SOCK_DGRAM, …, perhaps with SOCK_NONBLOCK and SOCK_CLOEXEC; 0: none was requested.
/// Converts from the C library's enumeration of SOCK_*, not from integers such as the number of a family. A combination
/// of flags is an integer in C: write socket_type(SOCK_STREAM | SOCK_NONBLOCK).
///
/// Where SOCK_* are integers (musl), every int converts: swapped arguments compile there, and address(family, text,
/// SOCK_STREAM) takes the type for a port; write address(family, text, socket_type(SOCK_STREAM)).
class socket_type {
 public:
  constexpr socket_type() noexcept = default;  ///< 0
  template <detail::native_socket_type T>
  constexpr socket_type(T type) noexcept : value_(static_cast<int>(type)) {}  ///< SOCK_STREAM, …
  /// A number, such as SOCK_STREAM | SOCK_NONBLOCK.
  constexpr explicit(std::is_enum_v<decltype(SOCK_STREAM)>) socket_type(int type) noexcept : value_(type) {}

  /// The number, for socket(2) and comparisons with SOCK_*.
  constexpr operator int() const noexcept { return value_; }
  /// Without SOCK_NONBLOCK and SOCK_CLOEXEC.
  constexpr socket_type without_flags() const noexcept { return socket_type(value_ & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)); }

 private:
  int value_ = 0;
};

namespace detail {
// Socket types, which calls that take the number of a family refuse.
template <class T>
concept any_socket_type = std::same_as<T, socket_type> || native_socket_type<T>;
// Numbers of ports: neither SOCK_* nor a truth value.
template <class T>
concept port_number = std::integral<T> && !std::same_as<T, bool>;
}  // namespace detail

}  // namespace afplug
