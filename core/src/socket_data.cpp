// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Sending and receiving: what stands behind the inline attempts of socket.hpp, and the calls with more than a buffer.
#include <poll.h>
#include <afplug/socket.hpp>

#include <array>

#include "socket_access.hpp"
#include "trace.hpp"

namespace afplug {
namespace {

using detail::call;
using detail::socket_access;
using detail::user_call;

// What a user-space family may be handed at once; the kernel's limit too.
constexpr std::size_t max_buffers = 1024;

// The mode of one call. The error queue is never waited for, not even by the kernel.
std::int64_t mode_of(const socket& s, int flags) noexcept {
  return (flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) != 0 ? 0 : socket_access::timeout(s);
}

// One message, as either side of the house takes it.
struct outgoing {
  std::span<const const_bytes> data;
  std::span<const std::byte> control;
  const address* to = nullptr;
  int flags = 0;
};

struct incoming {
  std::span<const mutable_bytes> into;
  std::byte* control = nullptr;
  std::size_t control_size = 0;
  address* from = nullptr;
  int flags = 0;
};

template <class Bytes>
int as_buffers(std::span<const Bytes> from, std::array<afplug_buffer, max_buffers>& to) {
  if (from.size() > to.size()) {
    errno = EMSGSIZE;
    return -1;
  }
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = {const_cast<void*>(from[i].data()), from[i].size()};
  return 0;
}

ssize_t send_user(const detail::user_socket& u, const outgoing& m) {
  std::array<afplug_buffer, max_buffers> buffers;
  if (as_buffers(m.data, buffers) < 0) return -1;
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

// Whether the call just failed for MSG_NOSIGNAL, which protocols of messages that raise no signal need not know:
// AF_QIPCRTR, AF_RDS.
bool knows_no_signals(const socket& s, int error) noexcept {
  return s.type() == SOCK_DGRAM ? error == EINVAL : s.type() == SOCK_SEQPACKET && error == EOPNOTSUPP;
}

ssize_t send_kernel(const socket& s, const outgoing& m) {
  ::msghdr raw{};
  raw.msg_name = m.to ? const_cast<::sockaddr*>(m.to->data()) : nullptr;
  raw.msg_namelen = m.to ? static_cast<::socklen_t>(m.to->size()) : 0;
  raw.msg_iov = reinterpret_cast<::iovec*>(const_cast<const_bytes*>(m.data.data()));
  raw.msg_iovlen = m.data.size();
  raw.msg_control = const_cast<std::byte*>(m.control.data());
  raw.msg_controllen = m.control.size();
  const ssize_t n = ::sendmsg(s.fileno(), &raw, m.flags | MSG_NOSIGNAL);  // mutate:nosignal-sendmsg
  return n < 0 && knows_no_signals(s, errno) ? ::sendmsg(s.fileno(), &raw, m.flags) : n;
}

ssize_t receive_user(const detail::user_socket& u, const incoming& m, received& out, std::size_t& control_size) {
  std::array<afplug_buffer, max_buffers> buffers;
  if (as_buffers(m.into, buffers) < 0) return -1;
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
  if (m.from) *m.from = raw.address_size == 0 ? address() : address(from.u.bytes, raw.address_size);
  return static_cast<ssize_t>(got);
}

ssize_t receive_kernel(int fd, const incoming& m, received& out, std::size_t& control_size) {
  ::msghdr raw{};
  raw.msg_name = m.from ? m.from->data() : nullptr;
  raw.msg_namelen = m.from ? static_cast<::socklen_t>(m.from->capacity()) : 0;
  raw.msg_iov = reinterpret_cast<::iovec*>(const_cast<mutable_bytes*>(m.into.data()));
  raw.msg_iovlen = m.into.size();
  raw.msg_control = m.control;
  raw.msg_controllen = m.control_size;
  ssize_t n = ::recvmsg(fd, &raw, m.flags | MSG_CMSG_CLOEXEC);  // mutate:cloexec-recvmsg
  // Protocols that pass no descriptors may not know the flag: CAN_ISOTP, CAN_J1939.
  if (n < 0 && errno == EINVAL) n = ::recvmsg(fd, &raw, m.flags);
  if (n < 0) return n;
  out.flags = raw.msg_flags & ~MSG_CMSG_CLOEXEC;
  control_size = raw.msg_controllen;
  if (m.from) m.from->resize(raw.msg_namelen);
  return n;
}

// With a stop token nothing may block in the kernel: the call waits, and the attempt does not.
struct with_stop {
  bool ready;
  int extra;
};
with_stop arm(call& waiting, const std::stop_token* stop, error_code& ec) {
  if (!stop) return {true, 0};
  return {waiting.stop_with(*stop, ec), MSG_DONTWAIT};
}

std::size_t send_message(const socket& s, outgoing m, const std::stop_token* stop, error_code& ec) {
  call waiting(s.fileno(), POLLOUT, mode_of(s, m.flags), stop || s.in_user_space());
  const auto [ready, extra] = arm(waiting, stop, ec);
  if (!ready) return 0;
  m.flags |= extra;
  const auto* u = socket_access::user(s);
  const auto n = waiting.run([&] { return u ? send_user(*u, m) : send_kernel(s, m); }, ec);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

received receive_message(const socket& s, incoming m, const std::stop_token* stop, std::size_t& control_size,
                         error_code& ec) {
  call waiting(s.fileno(), POLLIN, mode_of(s, m.flags), stop || s.in_user_space());
  const auto [ready, extra] = arm(waiting, stop, ec);
  if (!ready) return {};
  m.flags |= extra;
  const auto* u = socket_access::user(s);
  received out;
  const auto n = waiting.run(
      [&] { return u ? receive_user(*u, m, out, control_size) : receive_kernel(s.fileno(), m, out, control_size); },
      ec);
  if (n < 0) {
    if (m.from && !ec) *m.from = {};
    return {};
  }
  if (m.from) m.from->protocol(s.what());
  out.size = static_cast<std::size_t>(n);
  return out;
}

std::size_t receive_plain(const socket& s, mutable_bytes into, address* from, int flags, const std::stop_token* stop,
                          error_code& ec) {
  std::size_t no_control = 0;
  return receive_message(s, {{&into, 1}, nullptr, 0, from, flags}, stop, no_control, ec).size;
}

const_bytes rest(const_bytes whole, std::size_t done) noexcept {
  return {static_cast<const char*>(whole.data()) + done, whole.size() - done};
}

void send_everything(const socket& s, const_bytes data, int flags, const std::stop_token* stop, std::size_t* sent,
                     error_code& ec) {
  std::size_t done = 0;
  call waiting(s.fileno(), POLLOUT, mode_of(s, flags), stop || s.in_user_space());
  const auto [ready, extra] = arm(waiting, stop, ec);
  const auto* u = socket_access::user(s);
  // An empty message is one on sockets that have messages: it is sent, once.
  while (ready) {
    const const_bytes left = rest(data, done);
    const outgoing m{{&left, 1}, {}, nullptr, flags | extra};
    const auto n = waiting.run([&] { return u ? send_user(*u, m) : send_kernel(s, m); }, ec);
    if (n < 0) break;
    done += static_cast<std::size_t>(n);
    if (done >= data.size()) break;
    if (waiting.deadline() && detail::clock::now() >= *waiting.deadline()) {  // mutate:deadline-sendall
      detail::fail(ec, errc::timed_out, {});
      break;
    }
  }
  if (sent) *sent = done;
}

}  // namespace

ssize_t detail::socket_access::send_once(const socket& s, const_bytes data) {
  const outgoing m{{&data, 1}, {}, nullptr, 0};
  return s.user_ ? send_user(*s.user_, m) : send_kernel(s, m);
}

// ---- behind the inline attempts ----

std::size_t socket::send_slow(const_bytes data, int flags, error_code& ec) {
  const int error = errno;  // the inline attempt's, on a kernel-backed family
  call waiting(fd_, POLLOUT, mode_of(*this, flags), user_ != nullptr);
  if (!user_ && !knows_no_signals(*this, error) && !waiting.again(error, ec)) return 0;
  const outgoing m{{&data, 1}, {}, nullptr, flags};
  const auto n = waiting.run([&] { return user_ ? send_user(*user_, m) : send_kernel(*this, m); }, ec);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

std::size_t socket::recv_slow(mutable_bytes into, int flags, error_code& ec) {
  const int error = errno;
  // What the kernel does by itself.
  if (user_ && type_ == SOCK_STREAM && (flags & (MSG_WAITALL | MSG_DONTWAIT | MSG_PEEK)) == MSG_WAITALL)
    return recvall(into, flags & ~MSG_WAITALL, ec);
  call waiting(fd_, POLLIN, mode_of(*this, flags), user_ != nullptr);
  if (!user_ && !waiting.again(error, ec)) return 0;
  received out;
  std::size_t no_control = 0;
  const incoming m{{&into, 1}, nullptr, 0, nullptr, flags};
  const auto n = waiting.run(
      [&] { return user_ ? receive_user(*user_, m, out, no_control) : ::recv(fd_, into.data(), into.size(), flags); },
      ec);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

// ---- one buffer ----

std::size_t socket::send(const_bytes data, int flags, std::stop_token stop, error_code& ec) {
  return send_message(*this, {{&data, 1}, {}, nullptr, flags}, &stop, ec);
}

std::size_t socket::recv(mutable_bytes into, int flags, std::stop_token stop, error_code& ec) {
  return receive_plain(*this, into, nullptr, flags, &stop, ec);
}

void socket::sendall(const_bytes data, int flags) {
  error_code ec;
  sendall(data, flags, ec);
  detail::check(ec, "sendall");
}

void socket::sendall(const_bytes data, int flags, error_code& ec, std::size_t* sent) {
  send_everything(*this, data, flags, nullptr, sent, ec);
}

void socket::sendall(const_bytes data, int flags, std::stop_token stop, error_code& ec, std::size_t* sent) {
  send_everything(*this, data, flags, &stop, sent, ec);
}

std::size_t socket::recvall(mutable_bytes into, int flags) {
  error_code ec;
  const auto n = recvall(into, flags, ec);
  detail::check(ec, "recvall");
  return n;
}

std::size_t socket::recvall(mutable_bytes into, int flags, error_code& ec) {
  std::size_t done = 0;
  call waiting(fd_, POLLIN, mode_of(*this, flags), user_ != nullptr);
  ec.clear();
  while (done < into.size()) {
    const mutable_bytes left(static_cast<char*>(into.data()) + done, into.size() - done);
    const incoming m{{&left, 1}, nullptr, 0, nullptr, flags};
    received out;
    std::size_t no_control = 0;
    const auto n = waiting.run(
        [&] { return user_ ? receive_user(*user_, m, out, no_control) : receive_kernel(fd_, m, out, no_control); }, ec);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
    if (done < into.size() && waiting.deadline() && detail::clock::now() >= *waiting.deadline()) {
      detail::fail(ec, errc::timed_out, {});
      break;
    }
  }
  return done;
}

// ---- with addresses ----

std::size_t socket::sendto(const_bytes data, const address& to, int flags) {
  error_code ec;
  const auto n = sendto(data, to, flags, ec);
  detail::check(ec, "sendto");
  return n;
}

std::size_t socket::sendto(const_bytes data, const address& to, int flags, error_code& ec) {
  if (!detail::allowed({.event = trace_event::sendto, .on = this, .where = &to}, ec)) return 0;
  return send_message(*this, {{&data, 1}, {}, &to, flags}, nullptr, ec);
}

std::size_t socket::sendto(const_bytes data, const address& to, int flags, std::stop_token stop, error_code& ec) {
  if (!detail::allowed({.event = trace_event::sendto, .on = this, .where = &to}, ec)) return 0;
  return send_message(*this, {{&data, 1}, {}, &to, flags}, &stop, ec);
}

std::size_t socket::recvfrom(mutable_bytes into, address& from, int flags) {
  error_code ec;
  const auto n = recvfrom(into, from, flags, ec);
  detail::check(ec, "recvfrom");
  return n;
}

std::size_t socket::recvfrom(mutable_bytes into, address& from, int flags, error_code& ec) {
  return receive_plain(*this, into, &from, flags, nullptr, ec);
}

std::size_t socket::recvfrom(mutable_bytes into, address& from, int flags, std::stop_token stop, error_code& ec) {
  return receive_plain(*this, into, &from, flags, &stop, ec);
}

// ---- messages ----

std::size_t socket::sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags,
                            const address* to) {
  error_code ec;
  const auto n = sendmsg(data, control, flags, to, ec);
  detail::check(ec, "sendmsg");
  return n;
}

std::size_t socket::sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags,
                            const address* to, error_code& ec) {
  if (!detail::allowed({.event = trace_event::sendmsg, .on = this, .where = to}, ec)) return 0;
  return send_message(*this, {data, control.bytes(), to, flags}, nullptr, ec);
}

std::size_t socket::sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags,
                            const address* to, std::stop_token stop, error_code& ec) {
  if (!detail::allowed({.event = trace_event::sendmsg, .on = this, .where = to}, ec)) return 0;
  return send_message(*this, {data, control.bytes(), to, flags}, &stop, ec);
}

namespace {

received receive_with_control(const socket& s, std::span<const mutable_bytes> into, control_buffer& control, int flags,
                              address* from, const std::stop_token* stop, error_code& ec) {
  std::byte* room = control.prepare();
  std::size_t control_size = 0;
  const auto out = receive_message(s, {into, control.capacity() == 0 ? nullptr : room, control.capacity(), from, flags},
                                   stop, control_size, ec);
  control.received(ec ? 0 : control_size, (out.flags & MSG_CTRUNC) != 0);
  return out;
}

}  // namespace

received socket::recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from) {
  error_code ec;
  const auto out = recvmsg(into, control, flags, from, ec);
  detail::check(ec, "recvmsg");
  return out;
}

received socket::recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from,
                         error_code& ec) {
  return receive_with_control(*this, into, control, flags, from, nullptr, ec);
}

received socket::recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from,
                         std::stop_token stop, error_code& ec) {
  return receive_with_control(*this, into, control, flags, from, &stop, ec);
}

// ---- descriptors ----

std::size_t socket::send_fds(std::span<const const_bytes> data, std::span<const int> descriptors, int flags,
                             const address* to) {
  error_code ec;
  const auto n = send_fds(data, descriptors, flags, to, ec);
  detail::check(ec, "send_fds");
  return n;
}

std::size_t socket::send_fds(std::span<const const_bytes> data, std::span<const int> descriptors, int flags,
                             const address* to, error_code& ec) {
  control_builder control;
  if (!descriptors.empty()) control.rights(descriptors);
  return sendmsg(data, control, flags, to, ec);
}

received_fds socket::recv_fds(mutable_bytes into, std::size_t max_descriptors, int flags, address* from) {
  error_code ec;
  auto out = recv_fds(into, max_descriptors, flags, from, ec);
  detail::check(ec, "recv_fds");
  return out;
}

received_fds socket::recv_fds(mutable_bytes into, std::size_t max_descriptors, int flags, address* from,
                              error_code& ec) {
  // CMSG_LEN, not CMSG_SPACE: in the padding of an odd count the kernel would fit one more.
  control_buffer control(cmsg_len(max_descriptors * sizeof(int)));
  const auto got = recvmsg({&into, 1}, control, flags, from, ec);
  if (ec) return {};
  return {got.size, control.take_rights(), got.flags};
}

}  // namespace afplug
