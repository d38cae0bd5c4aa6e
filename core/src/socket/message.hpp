// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// One attempt to send or receive a message, through the kernel or a user-space family. Like sendmsg(2) and recvmsg(2)
// these functions return the number of bytes, or −1 and set errno.
#pragma once

#include <afplug/socket.hpp>

#include "io_wait.hpp"
#include "user_socket.hpp"

namespace afplug::detail {

/// The arguments of sendmsg.
struct outbound {
  std::span<const const_bytes> data;
  std::span<const std::byte> control;
  const address* to = nullptr;
  int flags = 0;
};

/// The arguments of recvmsg.
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

/// Whether a send failed with `error` because the protocol rejects MSG_NOSIGNAL as an unknown flag, as message
/// protocols that never raise SIGPIPE may: then repeat it without the flag.
inline bool rejects_nosignal(const socket& s, int error) noexcept {
  return s.type() == SOCK_DGRAM ? error == EINVAL : s.type() == SOCK_SEQPACKET && error == EOPNOTSUPP;
}

/// The timeout of one call in nanoseconds, below 0 for none. 0 with MSG_DONTWAIT, and with MSG_ERRQUEUE, since
/// recvmsg(2) does not block for the error queue.
std::int64_t call_timeout(const socket& s, int flags) noexcept;

/// Connects a stop token, if there is one, to the wait loop. Attempts then must not block in the kernel. If not
/// `ready`, `ec` has the error.
struct stop_setup {
  bool ready;
  int extra;  ///< MSG_* to add to the attempt's flags
};
stop_setup set_stop_token(io_wait& wait, const std::stop_token* stop, error_code& ec);

}  // namespace afplug::detail
