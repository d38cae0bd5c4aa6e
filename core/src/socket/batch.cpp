// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Several messages in one call.
#include <poll.h>

#include <algorithm>
#include <array>

#include "message.hpp"
#include "socket_access.hpp"
#include "throwing.hpp"
#include "trace.hpp"

namespace afplug {
namespace {

using detail::inbound;
using detail::io_wait;
using detail::outbound;
using detail::socket_access;
using detail::user_socket;

// Limits the stack that the mmsghdr array takes; larger batches are not measurably faster.
constexpr std::size_t max_messages = 256;

using native_messages = std::array<::mmsghdr, max_messages>;

outbound to_outbound(const outgoing& m, int flags) noexcept {
  return {m.data.all(), m.control ? m.control->bytes() : std::span<const std::byte>(), m.to, flags};
}

template <class Send>
int send_one_by_one(std::span<outgoing> messages, int flags, Send send) {
  int sent = 0;
  for (auto& m : messages) {
    const auto n = send(to_outbound(m, flags));
    if (n < 0) return sent > 0 ? sent : -1;
    m.size = static_cast<std::size_t>(n);
    ++sent;
  }
  return sent;
}

int send_kernel_many(const socket& s, std::span<outgoing> messages, int flags) {
  native_messages raw;
  for (std::size_t i = 0; i < messages.size(); ++i) raw[i] = {detail::to_native(to_outbound(messages[i], flags)), 0};
  const auto count = static_cast<unsigned>(messages.size());
  const int n = ::sendmmsg(s.fileno(), raw.data(), count, flags | MSG_NOSIGNAL);
  // sendmmsg(2) sets MSG_BATCH on all messages but the last. Some protocols reject it, as they do MSG_NOSIGNAL, with
  // EINVAL: send one by one.
  if (n < 0 && (errno == EINVAL || detail::rejects_nosignal(s, errno)))
    return send_one_by_one(messages, flags, [&](const outbound& m) { return detail::send_kernel(s, m); });
  for (int i = 0; i < n; ++i) messages[static_cast<std::size_t>(i)].size = raw[static_cast<std::size_t>(i)].msg_len;
  return n;
}

int send_user_many(const user_socket& u, std::span<outgoing> messages, int flags) {
  return send_one_by_one(messages, flags, [&](const outbound& m) { return detail::send_user(u, m); });
}

// One message's memory for ancillary data.
struct control_memory {
  std::byte* data;
  std::size_t size;
};
using control_memories = std::array<control_memory, max_messages>;

inbound to_inbound(const incoming& m, const control_memory& control, int flags) noexcept {
  return {m.into.all(), control.data, control.size, m.from, flags};
}

void store_result(incoming& m, const socket& s, std::size_t size, int flags, std::size_t control_size) {
  m.size = size;
  m.flags = flags;
  if (m.from) m.from->protocol(s.what());
  if (m.control) m.control->received(control_size, (flags & MSG_CTRUNC) != 0);
}

int receive_kernel_many(const socket& s, std::span<incoming> messages, const control_memories& control, int flags) {
  native_messages raw;
  for (std::size_t i = 0; i < messages.size(); ++i)
    raw[i] = {detail::to_native(to_inbound(messages[i], control[i], flags)), 0};
  const auto count = static_cast<unsigned>(messages.size());
  const int all = flags | MSG_WAITFORONE;
  int n = ::recvmmsg(s.fileno(), raw.data(), count, all | MSG_CMSG_CLOEXEC, nullptr);
  // Some protocols reject MSG_CMSG_CLOEXEC: see receive_kernel.
  if (n < 0 && errno == EINVAL) n = ::recvmmsg(s.fileno(), raw.data(), count, all, nullptr);
  for (int k = 0; k < n; ++k) {
    const auto i = static_cast<std::size_t>(k);
    const auto& got = raw[i].msg_hdr;
    if (messages[i].from) messages[i].from->resize(got.msg_namelen);
    store_result(messages[i], s, raw[i].msg_len, got.msg_flags & ~MSG_CMSG_CLOEXEC, got.msg_controllen);
  }
  return n;
}

int receive_user_many(const socket& s, const user_socket& u, std::span<incoming> messages,
                      const control_memories& control, int flags) {
  int count = 0;
  for (std::size_t i = 0; i < messages.size(); ++i, ++count) {
    received got;
    std::size_t control_size = 0;
    const auto n = detail::receive_user(u, to_inbound(messages[i], control[i], flags), got, control_size);
    if (n < 0) return count > 0 ? count : -1;
    store_result(messages[i], s, static_cast<std::size_t>(n), got.flags, control_size);
  }
  return count;
}

std::size_t send_all(const socket& s, std::span<outgoing> messages, int flags, const std::stop_token* stop,
                     error_code& ec) {
  messages = messages.first(std::min(messages.size(), max_messages));
  for (auto& m : messages) {
    m.size = 0;
    if (!detail::allowed({.event = trace_event::sendmsg, .socket = &s, .address = m.to}, ec)) return 0;
  }
  ec.clear();
  if (messages.empty()) return 0;
  io_wait wait(s.fileno(), POLLOUT, detail::call_timeout(s, flags), stop || s.in_user_space());
  const auto [ready, extra] = detail::set_stop_token(wait, stop, ec);
  if (!ready) return 0;
  flags |= extra;
  const auto* u = socket_access::user(s);
  const int n =
      wait.run([&] { return u ? send_user_many(*u, messages, flags) : send_kernel_many(s, messages, flags); }, ec);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

std::size_t receive_all(const socket& s, std::span<incoming> messages, int flags, const std::stop_token* stop,
                        error_code& ec) {
  messages = messages.first(std::min(messages.size(), max_messages));
  control_memories control;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto& m = messages[i];
    m.size = 0;
    m.flags = 0;
    control[i] = {};
    if (!m.control) continue;
    auto* const data = m.control->prepare();
    if (m.control->capacity() != 0) control[i] = {data, m.control->capacity()};
    m.control->received(0, false);
  }
  ec.clear();
  if (messages.empty()) return 0;
  io_wait wait(s.fileno(), POLLIN, detail::call_timeout(s, flags), stop || s.in_user_space());
  const auto [ready, extra] = detail::set_stop_token(wait, stop, ec);
  if (!ready) return 0;
  flags |= extra;
  const auto* u = socket_access::user(s);
  const int n = wait.run(
      [&] {
        return u ? receive_user_many(s, *u, messages, control, flags)
                 : receive_kernel_many(s, messages, control, flags);
      },
      ec);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

}  // namespace

std::size_t socket::send_many(std::span<outgoing> messages, int flags) {
  return detail::throwing("send_many", [&](error_code& ec) { return send_many(messages, flags, ec); });
}

std::size_t socket::send_many(std::span<outgoing> messages, int flags, error_code& ec) {
  return send_all(*this, messages, flags, nullptr, ec);
}

std::size_t socket::send_many(std::span<outgoing> messages, int flags, std::stop_token stop) {
  return detail::throwing("send_many", [&](error_code& ec) { return send_many(messages, flags, stop, ec); });
}

std::size_t socket::send_many(std::span<outgoing> messages, int flags, std::stop_token stop, error_code& ec) {
  return send_all(*this, messages, flags, &stop, ec);
}

std::size_t socket::recv_many(std::span<incoming> messages, int flags) {
  return detail::throwing("recv_many", [&](error_code& ec) { return recv_many(messages, flags, ec); });
}

std::size_t socket::recv_many(std::span<incoming> messages, int flags, error_code& ec) {
  return receive_all(*this, messages, flags, nullptr, ec);
}

std::size_t socket::recv_many(std::span<incoming> messages, int flags, std::stop_token stop) {
  return detail::throwing("recv_many", [&](error_code& ec) { return recv_many(messages, flags, stop, ec); });
}

std::size_t socket::recv_many(std::span<incoming> messages, int flags, std::stop_token stop, error_code& ec) {
  return receive_all(*this, messages, flags, &stop, ec);
}

}  // namespace afplug
