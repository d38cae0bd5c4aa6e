// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Many messages in one call: socket::send_many and recv_many take spans of these.
//
//   std::array<std::array<char, 2048>, 64> rooms;
//   std::array<afplug::incoming, 64> messages;
//   for (std::size_t i = 0; i < 64; ++i) messages[i].into = rooms[i];
//   for (const auto& m : std::span(messages).first(s.recv_many(messages))) use(m.into, m.size);
#pragma once

#include <afplug/address.hpp>
#include <afplug/buffer.hpp>
#include <afplug/control.hpp>
#include <cstddef>

namespace afplug {

/// A message to be sent.
struct outgoing {
  buffers<const_bytes> data;                 ///< one buffer, or several that are gathered
  const address* to = nullptr;               ///< none: the peer
  const control_builder* control = nullptr;  ///< ancillary data; none: no such
  std::size_t size = 0;                      ///< bytes that went; set by the call
};

/// Room for a message to be received, and what came.
struct incoming {
  buffers<mutable_bytes> into;        ///< one buffer, or several that are filled in order
  address* from = nullptr;            ///< becomes the sender's address; none: not asked for
  control_buffer* control = nullptr;  ///< room for ancillary data; none: it is discarded
  std::size_t size = 0;               ///< bytes that came; set by the call, as is what follows
  int flags = 0;                      ///< MSG_TRUNC, MSG_CTRUNC, MSG_EOR, …
};

}  // namespace afplug
