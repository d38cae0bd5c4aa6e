// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The events of poll(2) by name, for socket::wait and selector, without <poll.h> and its macros.
#pragma once

#include <concepts>

namespace afplug {

/// A set of events. Converts to and from the bits of poll(2), so that POLLIN and events::readable are interchangeable.
class events {
 public:
  constexpr events() noexcept = default;                            ///< none
  constexpr events(short poll_bits) noexcept : bits_(poll_bits) {}  ///< POLLIN, …
  constexpr operator short() const noexcept { return bits_; }       ///< the bits of poll(2)

  static const events readable;       ///< POLLIN: data, a connection to accept, or the end of the stream
  static const events writable;       ///< POLLOUT: a send or the result of a connect would not block
  static const events urgent;         ///< POLLPRI: urgent data (MSG_OOB)
  static const events error;          ///< POLLERR: an error is pending; reported although it was not asked for
  static const events hung_up;        ///< POLLHUP: both directions are shut down; likewise
  static const events peer_shutdown;  ///< POLLRDHUP: the peer has shut down its sending direction

 private:
  short bits_ = 0;
};

// For two sets only: a set and an int of poll(2) bits are combined as integers.
template <std::same_as<events> E>
constexpr events operator|(E a, E b) noexcept {
  return static_cast<short>(short{a} | short{b});
}
template <std::same_as<events> E>
constexpr events operator&(E a, E b) noexcept {
  return static_cast<short>(short{a} & short{b});
}

inline constexpr events events::readable{0x001};        ///< POLLIN
inline constexpr events events::writable{0x004};        ///< POLLOUT
inline constexpr events events::urgent{0x002};          ///< POLLPRI
inline constexpr events events::error{0x008};           ///< POLLERR
inline constexpr events events::hung_up{0x010};         ///< POLLHUP
inline constexpr events events::peer_shutdown{0x2000};  ///< POLLRDHUP

}  // namespace afplug
