// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "message.hpp"

#include <array>

#include "socket_access.hpp"

namespace afplug::detail {
namespace {

// UIO_MAXIOV, the kernel's limit; applies to user-space families too.
constexpr std::size_t max_buffers = 1024;

template <class Bytes>
int to_plugin_buffers(std::span<const Bytes> from, std::array<afplug_buffer, max_buffers>& to) {
  if (from.size() > to.size()) {
    errno = EMSGSIZE;
    return -1;
  }
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = {const_cast<void*>(from[i].data()), from[i].size()};
  return 0;
}

}  // namespace

std::int64_t call_timeout(const socket& s, int flags) noexcept {
  return (flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) != 0 ? 0 : socket_access::timeout(s);
}

stop_setup set_stop_token(io_wait& wait, const std::stop_token* stop, error_code& ec) {
  if (!stop) return {true, 0};
  return {wait.stop_with(*stop, ec), MSG_DONTWAIT};
}

::msghdr to_native(const outbound& m) noexcept {
  ::msghdr raw{};
  raw.msg_name = m.to ? const_cast<::sockaddr*>(m.to->data()) : nullptr;
  raw.msg_namelen = m.to ? static_cast<::socklen_t>(m.to->size()) : 0;
  raw.msg_iov = reinterpret_cast<::iovec*>(const_cast<const_bytes*>(m.data.data()));
  raw.msg_iovlen = m.data.size();
  raw.msg_control = const_cast<std::byte*>(m.control.data());
  raw.msg_controllen = m.control.size();
  return raw;
}

::msghdr to_native(const inbound& m) noexcept {
  ::msghdr raw{};
  raw.msg_name = m.from ? m.from->data() : nullptr;
  raw.msg_namelen = m.from ? static_cast<::socklen_t>(m.from->capacity()) : 0;
  raw.msg_iov = reinterpret_cast<::iovec*>(const_cast<mutable_bytes*>(m.into.data()));
  raw.msg_iovlen = m.into.size();
  raw.msg_control = m.control;
  raw.msg_controllen = m.control_size;
  return raw;
}

ssize_t send_user(const user_socket& u, const outbound& m) {
  std::array<afplug_buffer, max_buffers> buffers;
  if (to_plugin_buffers(m.data, buffers) < 0) return -1;
  afplug_message raw{};
  raw.size = sizeof raw;
  raw.flags = m.flags;
  raw.address = m.to ? const_cast<::sockaddr*>(m.to->data()) : nullptr;
  raw.address_size = m.to ? static_cast<std::uint32_t>(m.to->size()) : 0;
  raw.buffers = buffers.data();
  raw.buffer_count = static_cast<std::uint32_t>(m.data.size());
  raw.control = const_cast<std::byte*>(m.control.data());
  raw.control_size = static_cast<std::uint32_t>(m.control.size());
  std::uint64_t sent = 0;
  return user_call(u, u.ops().sendmsg, static_cast<const afplug_message*>(&raw), &sent) < 0
             ? -1
             : static_cast<ssize_t>(sent);
}

ssize_t send_kernel(const socket& s, const outbound& m) {
  const auto raw = to_native(m);
  const ssize_t n = ::sendmsg(s.fileno(), &raw, m.flags | MSG_NOSIGNAL);
  return n < 0 && rejects_nosignal(s, errno) ? ::sendmsg(s.fileno(), &raw, m.flags) : n;
}

ssize_t receive_user(const user_socket& u, const inbound& m, received& out, std::size_t& control_size) {
  std::array<afplug_buffer, max_buffers> buffers;
  if (to_plugin_buffers(m.into, buffers) < 0) return -1;
  afplug_sockaddr from{};
  afplug_message raw{};
  raw.size = sizeof raw;
  raw.flags = m.flags;
  raw.address = m.from ? from.u.bytes : nullptr;
  raw.address_size = m.from ? sizeof from.u.bytes : 0;
  raw.buffers = buffers.data();
  raw.buffer_count = static_cast<std::uint32_t>(m.into.size());
  raw.control = m.control;
  raw.control_size = static_cast<std::uint32_t>(m.control_size);
  std::uint64_t got = 0;
  if (user_call(u, u.ops().recvmsg, &raw, &got) < 0) return -1;
  out.flags = raw.flags;
  control_size = m.control ? raw.control_size : 0;
  from.length = raw.address_size;
  if (m.from) *m.from = to_address(from, {});
  return static_cast<ssize_t>(got);
}

ssize_t receive_kernel(int fd, const inbound& m, received& out, std::size_t& control_size) {
  auto raw = to_native(m);
  ssize_t n = ::recvmsg(fd, &raw, m.flags | MSG_CMSG_CLOEXEC);
  // Some protocols reject MSG_CMSG_CLOEXEC as an unknown flag.
  if (n < 0 && errno == EINVAL) n = ::recvmsg(fd, &raw, m.flags);
  if (n < 0) return n;
  out.flags = raw.msg_flags & ~MSG_CMSG_CLOEXEC;
  control_size = raw.msg_controllen;
  if (m.from) m.from->resize(raw.msg_namelen);
  return n;
}

}  // namespace afplug::detail
