// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Sending and receiving: the slow paths of the inline functions in socket.hpp, and the functions that are not inline.
#include <poll.h>
#include <afplug/socket.hpp>

#include <algorithm>

#include "message.hpp"
#include "socket_access.hpp"
#include "throwing.hpp"
#include "trace.hpp"

namespace afplug {
namespace {

using detail::call_timeout;
using detail::inbound;
using detail::io_wait;
using detail::outbound;
using detail::receive_kernel;
using detail::receive_user;
using detail::rejects_nosignal;
using detail::send_kernel;
using detail::send_user;
using detail::set_stop_token;
using detail::socket_access;

std::size_t send_message(const socket& s, outbound m, const std::stop_token* stop, error_code& ec) {
  io_wait wait(s.fileno(), POLLOUT, call_timeout(s, m.flags), stop || s.in_user_space());
  const auto [ready, extra] = set_stop_token(wait, stop, ec);
  if (!ready) return 0;
  m.flags |= extra;
  const auto* u = socket_access::user(s);
  const auto n = wait.run([&] { return u ? send_user(*u, m) : send_kernel(s, m); }, ec);
  if (n >= 0) return static_cast<std::size_t>(n);
  if (m.to && (ec.value() == EINVAL || ec.value() == EAFNOSUPPORT) && ec.category() == boost::system::system_category())
    detail::fail_with_address(ec, ec.value(), s, "send to", *m.to);
  return 0;
}

received receive_message(const socket& s, inbound m, const std::stop_token* stop, std::size_t& control_size,
                         error_code& ec) {
  io_wait wait(s.fileno(), POLLIN, call_timeout(s, m.flags), stop || s.in_user_space());
  const auto [ready, extra] = set_stop_token(wait, stop, ec);
  if (!ready) return {};
  m.flags |= extra;
  const auto* u = socket_access::user(s);
  received out;
  const auto n = wait.run(
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

std::size_t receive_into(const socket& s, mutable_bytes into, address* from, int flags, const std::stop_token* stop,
                         error_code& ec) {
  std::size_t no_control = 0;
  return receive_message(s, {{&into, 1}, nullptr, 0, from, flags}, stop, no_control, ec).size;
}

const_bytes rest(const_bytes whole, std::size_t done) noexcept {
  return {static_cast<const char*>(whole.data()) + done, whole.size() - done};
}

void send_all(const socket& s, const_bytes data, int flags, const std::stop_token* stop, std::size_t* sent,
              error_code& ec) {
  std::size_t done = 0;
  io_wait wait(s.fileno(), POLLOUT, call_timeout(s, flags), stop || s.in_user_space());
  const auto [ready, extra] = set_stop_token(wait, stop, ec);
  const auto* u = socket_access::user(s);
  // Sends at least once: an empty message is a message on datagram sockets.
  while (ready) {
    const const_bytes left = rest(data, done);
    const outbound m{{&left, 1}, {}, nullptr, flags | extra};
    const auto n = wait.run([&] { return u ? send_user(*u, m) : send_kernel(s, m); }, ec);
    if (n < 0) break;
    done += static_cast<std::size_t>(n);
    if (done >= data.size()) break;
    if (wait.deadline() && detail::clock::now() >= *wait.deadline()) {
      detail::fail(ec, errc::timed_out, {});
      break;
    }
  }
  if (sent) *sent = done;
}

}  // namespace

ssize_t detail::socket_access::send_once(const socket& s, const_bytes data) {
  const outbound m{{&data, 1}, {}, nullptr, 0};
  return s.user_ ? send_user(*s.user_, m) : send_kernel(s, m);
}

// ---- slow paths of send and recv ----

std::size_t socket::send_slow(const_bytes data, int flags, error_code& ec) {
  const int error = errno;  // set by the inline attempt, unless the family is in user space
  io_wait wait(fd_, POLLOUT, call_timeout(*this, flags), user_ != nullptr);
  if (!user_ && !rejects_nosignal(*this, error) && !wait.should_retry(error, ec)) return 0;
  const outbound m{{&data, 1}, {}, nullptr, flags};
  const auto n = wait.run([&] { return user_ ? send_user(*user_, m) : send_kernel(*this, m); }, ec);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

std::size_t socket::recv_slow(mutable_bytes into, int flags, error_code& ec) {
  const int error = errno;
  // The kernel implements MSG_WAITALL; user-space families need not.
  if (user_ && type_ == SOCK_STREAM && (flags & (MSG_WAITALL | MSG_DONTWAIT | MSG_PEEK)) == MSG_WAITALL)
    return recvall(into, flags & ~MSG_WAITALL, ec);
  io_wait wait(fd_, POLLIN, call_timeout(*this, flags), user_ != nullptr);
  if (!user_ && !wait.should_retry(error, ec)) return 0;
  received out;
  std::size_t no_control = 0;
  const inbound m{{&into, 1}, nullptr, 0, nullptr, flags};
  const auto n = wait.run(
      [&] { return user_ ? receive_user(*user_, m, out, no_control) : ::recv(fd_, into.data(), into.size(), flags); },
      ec);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

// ---- one buffer ----

std::size_t socket::send(const_bytes data, int flags, std::stop_token stop) {
  return detail::throwing("send", [&](error_code& ec) { return send(data, flags, stop, ec); });
}

std::size_t socket::send(const_bytes data, int flags, std::stop_token stop, error_code& ec) {
  return send_message(*this, {{&data, 1}, {}, nullptr, flags}, &stop, ec);
}

std::size_t socket::recv(mutable_bytes into, int flags, std::stop_token stop) {
  return detail::throwing("recv", [&](error_code& ec) { return recv(into, flags, stop, ec); });
}

std::size_t socket::recv(mutable_bytes into, int flags, std::stop_token stop, error_code& ec) {
  return receive_into(*this, into, nullptr, flags, &stop, ec);
}

void socket::sendall(const_bytes data, int flags) {
  detail::throwing("sendall", [&](error_code& ec) { sendall(data, flags, ec); });
}

void socket::sendall(const_bytes data, int flags, error_code& ec, std::size_t* sent) {
  send_all(*this, data, flags, nullptr, sent, ec);
}

void socket::sendall(const_bytes data, int flags, std::stop_token stop) {
  detail::throwing("sendall", [&](error_code& ec) { sendall(data, flags, stop, ec); });
}

void socket::sendall(const_bytes data, int flags, std::stop_token stop, error_code& ec, std::size_t* sent) {
  send_all(*this, data, flags, &stop, sent, ec);
}

std::size_t socket::recvall(mutable_bytes into, int flags) {
  return detail::throwing("recvall", [&](error_code& ec) { return recvall(into, flags, ec); });
}

std::size_t socket::recvall(mutable_bytes into, int flags, error_code& ec) {
  std::size_t done = 0;
  io_wait wait(fd_, POLLIN, call_timeout(*this, flags), user_ != nullptr);
  ec.clear();
  while (done < into.size()) {
    const mutable_bytes left(static_cast<char*>(into.data()) + done, into.size() - done);
    const inbound m{{&left, 1}, nullptr, 0, nullptr, flags};
    received out;
    std::size_t no_control = 0;
    const auto n = wait.run(
        [&] { return user_ ? receive_user(*user_, m, out, no_control) : receive_kernel(fd_, m, out, no_control); }, ec);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
    if (done < into.size() && wait.deadline() && detail::clock::now() >= *wait.deadline()) {
      detail::fail(ec, errc::timed_out, {});
      break;
    }
  }
  return done;
}

// ---- with addresses ----

std::size_t socket::sendto(const_bytes data, const address& to, int flags) {
  return detail::throwing("sendto", [&](error_code& ec) { return sendto(data, to, flags, ec); });
}

std::size_t socket::sendto(const_bytes data, const address& to, int flags, error_code& ec) {
  if (!detail::allowed({.event = trace_event::sendto, .socket = this, .address = &to}, ec)) return 0;
  return send_message(*this, {{&data, 1}, {}, &to, flags}, nullptr, ec);
}

std::size_t socket::sendto(const_bytes data, const address& to, int flags, std::stop_token stop) {
  return detail::throwing("sendto", [&](error_code& ec) { return sendto(data, to, flags, stop, ec); });
}

std::size_t socket::sendto(const_bytes data, const address& to, int flags, std::stop_token stop, error_code& ec) {
  if (!detail::allowed({.event = trace_event::sendto, .socket = this, .address = &to}, ec)) return 0;
  return send_message(*this, {{&data, 1}, {}, &to, flags}, &stop, ec);
}

std::size_t socket::recvfrom(mutable_bytes into, address& from, int flags) {
  return detail::throwing("recvfrom", [&](error_code& ec) { return recvfrom(into, from, flags, ec); });
}

std::size_t socket::recvfrom(mutable_bytes into, address& from, int flags, error_code& ec) {
  return receive_into(*this, into, &from, flags, nullptr, ec);
}

std::size_t socket::recvfrom(mutable_bytes into, address& from, int flags, std::stop_token stop) {
  return detail::throwing("recvfrom", [&](error_code& ec) { return recvfrom(into, from, flags, stop, ec); });
}

std::size_t socket::recvfrom(mutable_bytes into, address& from, int flags, std::stop_token stop, error_code& ec) {
  return receive_into(*this, into, &from, flags, &stop, ec);
}

// ---- messages ----

std::size_t socket::sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags,
                            const address* to) {
  return detail::throwing("sendmsg", [&](error_code& ec) { return sendmsg(data, control, flags, to, ec); });
}

std::size_t socket::sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags,
                            const address* to, error_code& ec) {
  if (!detail::allowed({.event = trace_event::sendmsg, .socket = this, .address = to}, ec)) return 0;
  return send_message(*this, {data, control.bytes(), to, flags}, nullptr, ec);
}

std::size_t socket::sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags,
                            const address* to, std::stop_token stop) {
  return detail::throwing("sendmsg", [&](error_code& ec) { return sendmsg(data, control, flags, to, stop, ec); });
}

std::size_t socket::sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags,
                            const address* to, std::stop_token stop, error_code& ec) {
  if (!detail::allowed({.event = trace_event::sendmsg, .socket = this, .address = to}, ec)) return 0;
  return send_message(*this, {data, control.bytes(), to, flags}, &stop, ec);
}

namespace {

received receive_with_control(const socket& s, std::span<const mutable_bytes> into, control_buffer& control, int flags,
                              address* from, const std::stop_token* stop, error_code& ec) {
  std::byte* control_data = control.prepare();
  std::size_t control_size = 0;
  const auto out =
      receive_message(s, {into, control.capacity() == 0 ? nullptr : control_data, control.capacity(), from, flags},
                      stop, control_size, ec);
  control.received(ec ? 0 : control_size, (out.flags & MSG_CTRUNC) != 0);
  return out;
}

}  // namespace

received socket::recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from) {
  return detail::throwing("recvmsg", [&](error_code& ec) { return recvmsg(into, control, flags, from, ec); });
}

received socket::recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from,
                         error_code& ec) {
  return receive_with_control(*this, into, control, flags, from, nullptr, ec);
}

received socket::recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from,
                         std::stop_token stop) {
  return detail::throwing("recvmsg", [&](error_code& ec) { return recvmsg(into, control, flags, from, stop, ec); });
}

received socket::recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from,
                         std::stop_token stop, error_code& ec) {
  return receive_with_control(*this, into, control, flags, from, &stop, ec);
}

// ---- descriptors ----

namespace {
constexpr std::size_t most_descriptors = 253;  // of a message: SCM_MAX_FD in include/net/scm.h
}

std::size_t socket::send_fds(std::span<const const_bytes> data, std::span<const int> descriptors, int flags,
                             const address* to) {
  return detail::throwing("send_fds", [&](error_code& ec) { return send_fds(data, descriptors, flags, to, ec); });
}

std::size_t socket::send_fds(std::span<const const_bytes> data, std::span<const int> descriptors, int flags,
                             const address* to, error_code& ec) {
  const auto refuse = [&](const std::string& why) {
    detail::fail_call(ec, EINVAL, *this, "send_fds", {}, why);
    return std::size_t{0};
  };
  if (descriptors.size() > most_descriptors)
    return refuse(std::to_string(descriptors.size()) + " descriptors given, a message has at most " +
                  std::to_string(most_descriptors) + " (SCM_MAX_FD); send several messages");
  // Of a stream's send without data the kernel returns 0 and closes its copies of the descriptors.
  if (type_ == SOCK_STREAM && !descriptors.empty() &&
      std::ranges::all_of(data, [](const const_bytes& each) { return each.size() == 0; }))
    return refuse("on a stream descriptors are sent with data; send at least one byte");
  control_builder control;
  if (!descriptors.empty()) control.rights(descriptors);
  return sendmsg(data, control, flags, to, ec);
}

received_fds socket::recv_fds(mutable_bytes into, std::size_t max_descriptors, int flags, address* from) {
  return detail::throwing("recv_fds", [&](error_code& ec) { return recv_fds(into, max_descriptors, flags, from, ec); });
}

received_fds socket::recv_fds(mutable_bytes into, std::size_t max_descriptors, int flags, address* from,
                              error_code& ec) {
  max_descriptors = std::min(max_descriptors, most_descriptors);
  // CMSG_LEN, not CMSG_SPACE: with an odd count the padding would have space for one descriptor more.
  control_buffer control(cmsg_len(max_descriptors * sizeof(int)));
  received_fds out;
  out.descriptors.reserve(max_descriptors);  // before the message is received, so that it cannot be lost
  const auto got = recvmsg({&into, 1}, control, flags, from, ec);
  if (ec) return {};
  out.size = got.size;
  out.flags = got.flags;
  control.take_rights(out.descriptors);
  return out;
}

}  // namespace afplug
