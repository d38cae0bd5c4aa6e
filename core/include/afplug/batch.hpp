// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Several messages in one call: the arguments of socket::send_many and recv_many (sendmmsg(2), recvmmsg(2)).
//
//   std::array<std::array<char, 2048>, 64> data;
//   std::array<afplug::incoming, 64> messages;
//   for (std::size_t i = 0; i < 64; ++i) messages[i].into = data[i];
//   for (const auto& m : std::span(messages).first(s.recv_many(messages))) use(m.into, m.size);
#pragma once

#include <afplug/address.hpp>
#include <afplug/buffer.hpp>
#include <afplug/control.hpp>
#include <cstddef>

namespace afplug {

/// A message to send. What it points to must stay valid until the call has returned or completed.
struct outgoing {
  buffers<const_bytes> data;                 ///< one buffer, or several that are sent as one message
  const address* to = nullptr;               ///< destination; null: the connected peer
  const control_builder* control = nullptr;  ///< ancillary data; null: none
  std::size_t size = 0;                      ///< bytes sent; set by the call
};

/// A buffer for a message to receive, and the result.
struct incoming {
  buffers<mutable_bytes> into;        ///< one buffer, or several that are filled in order
  address* from = nullptr;            ///< set to the sender's address; null: not wanted
  control_buffer* control = nullptr;  ///< receives ancillary data; null: it is discarded
  std::size_t size = 0;               ///< bytes received; set by the call
  int flags = 0;                      ///< MSG_TRUNC, MSG_CTRUNC, MSG_EOR, …; set by the call
};

}  // namespace afplug
