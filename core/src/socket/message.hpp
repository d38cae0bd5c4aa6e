// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// One attempt to send or receive a message, alike for sockets of the kernel and of user space: −1 with errno.
#pragma once

#include <afplug/socket.hpp>

#include "io_wait.hpp"
#include "user_socket.hpp"

namespace afplug::detail {

/// A message that goes.
struct outbound {
  std::span<const const_bytes> data;
  std::span<const std::byte> control;
  const address* to = nullptr;
  int flags = 0;
};

/// Room for one that comes.
struct inbound {
  std::span<const mutable_bytes> into;
  std::byte* control = nullptr;
  std::size_t control_size = 0;
  address* from = nullptr;
  int flags = 0;
};

::msghdr to_native(const outbound& m) noexcept;
::msghdr to_native(const inbound& m) noexcept;

ssize_t send_user(const user_socket& u, const outbound& m);
ssize_t send_kernel(const socket& s, const outbound& m);
ssize_t receive_user(const user_socket& u, const inbound& m, received& out, std::size_t& control_size);
ssize_t receive_kernel(int fd, const inbound& m, received& out, std::size_t& control_size);

/// Whether a call failed for MSG_NOSIGNAL, which protocols of messages that raise no signal need not know: AF_QIPCRTR,
/// AF_RDS.
inline bool knows_no_signals(const socket& s, int error) noexcept {
  return s.type() == SOCK_DGRAM ? error == EINVAL : s.type() == SOCK_SEQPACKET && error == EOPNOTSUPP;
}

/// The mode of one call. The error queue is never waited for, not even by the kernel.
std::int64_t mode_of(const socket& s, int flags) noexcept;

/// With a stop token nothing may block in the kernel: the call waits, and the attempt does not. Not ready: `ec` says
/// why.
struct with_stop {
  bool ready;
  int extra;  ///< flags of the attempt
};
with_stop arm(io_wait& wait, const std::stop_token* stop, error_code& ec);

}  // namespace afplug::detail
