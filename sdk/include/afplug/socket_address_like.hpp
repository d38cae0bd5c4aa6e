// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The concept of classes that hold a socket address.
#pragma once

#if defined(_WIN32)
#include <winsock2.h>
#else
#include <sys/socket.h>
#endif

#include <concepts>
#include <cstddef>

namespace afplug {

/// A socket address as data() and size(): the endpoints of afplug and Asio, and afplug::address.
template <class T>
concept socket_address_like = requires(const T& a) {
  { a.data() } -> std::convertible_to<const ::sockaddr*>;
  { a.size() } -> std::convertible_to<std::size_t>;
};

}  // namespace afplug
