// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// bind, listen, accept, connect, shutdown, getsockname, getpeername.
#include <poll.h>
#include <sys/time.h>
#include <afplug/plugin/encoding.hpp>
#include <afplug/socket.hpp>

#include <algorithm>

#include "socket_access.hpp"
#include "throwing.hpp"
#include "trace.hpp"

namespace afplug {
namespace {

using detail::io_wait;
using detail::socket_access;
using detail::user_call;

// Reads and clears SO_ERROR (socket(7)), and returns it; if getsockopt(2) fails returns its errno.
int pending_error(int fd) noexcept {
  int value = 0;
  ::socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size) == 0 ? value : errno;
}

// Waits for a connect in progress. Returns 0 or its errno; −1 with `ec` if the wait failed.
int finish_connect(int fd, io_wait& wait, error_code& ec) {
  if (!wait.ready(POLLOUT, ec)) return -1;
  const int error = pending_error(fd);
  return error == EISCONN ? 0 : error;
}

bool has_peer(int fd) noexcept {
  ::sockaddr_storage peer;
  ::socklen_t size = sizeof peer;
  return ::getpeername(fd, reinterpret_cast<::sockaddr*>(&peer), &size) == 0;
}

// Sets or clears O_NONBLOCK for a scope, if `wanted`.
class mode_scope {
 public:
  mode_scope(int fd, bool wanted, bool nonblocking) noexcept : fd_(fd), back_(!nonblocking), active_(wanted) {
    if (active_ && !detail::set_nonblocking(fd, nonblocking)) error_ = errno;
  }
  ~mode_scope() {
    if (active_ && error_ == 0) detail::set_nonblocking(fd_, back_);
  }
  mode_scope(const mode_scope&) = delete;
  mode_scope& operator=(const mode_scope&) = delete;
  int error() const noexcept { return error_; }

 private:
  int fd_;
  bool back_, active_;
  int error_ = 0;
};

// Restores SO_SNDTIMEO at the end of a scope.
class send_timeout_scope {
 public:
  explicit send_timeout_scope(int fd) noexcept : fd_(fd) {
    ::socklen_t size = sizeof old_;
    if (::getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &old_, &size) != 0) error_ = errno;
  }
  ~send_timeout_scope() {
    if (error_ == 0) ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &old_, sizeof old_);
  }
  send_timeout_scope(const send_timeout_scope&) = delete;
  send_timeout_scope& operator=(const send_timeout_scope&) = delete;
  int error() const noexcept { return error_; }
  bool set(std::chrono::microseconds limit) const noexcept {
    const ::timeval t{limit.count() / 1000000, limit.count() % 1000000};
    return ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) == 0;
  }

 private:
  int fd_;
  ::timeval old_{};
  int error_ = 0;
};

// How often a connect that waits in the kernel checks its stop token.
constexpr std::chrono::microseconds stop_interval{20000};

// Returns the flags of the socket's row; AFPLUG_ROW_CONNECT_* describe how connect(2) behaves.
std::uint32_t row_flags(const socket& s) noexcept {
  const row* r = s.owner() ? s.owner()->find_row(s.type(), s.protocol()) : nullptr;
  return r ? r->flags : 0;
}

// Waits in connect(2), with a blocking descriptor and SO_SNDTIMEO set to the rest of the timeout. For sockets on which
// poll(2) does not report the end of a connect (AFPLUG_ROW_CONNECT_UNREPORTED), or that a connect can be retried
// (AFPLUG_ROW_CONNECT_EAGAIN). `begun`: an earlier connect(2) is in progress. Returns 0, an errno, or −1 with `ec`.
int connect_blocking(int fd, const address& to, io_wait& wait, const std::stop_token* stop, bool begun,
                     error_code& ec) {
  const send_timeout_scope timeout(fd);
  if (timeout.error() != 0) return timeout.error();
  const mode_scope blocking(fd, wait.deadline() || stop, false);
  if (blocking.error() != 0) return blocking.error();
  for (;; begun = true) {
    auto left = std::chrono::microseconds::max();
    if (wait.deadline())
      left = std::chrono::duration_cast<std::chrono::microseconds>(*wait.deadline() - detail::clock::now());
    if (left.count() <= 0) {
      detail::fail(ec, errc::timed_out, {});
      return -1;
    }
    if (stop && stop->stop_requested()) {
      detail::fail(ec, errc::stopped, {});
      return -1;
    }
    if (!timeout.set(stop ? std::min(left, stop_interval) : left)) return errno;
    if (::connect(fd, to.data(), static_cast<::socklen_t>(to.size())) == 0) return 0;
    const int error = errno;
    if (error == EINTR && detail::interrupted(ec)) return -1;
    if (error == EISCONN && begun) return 0;
    if (error == EALREADY && begun) {
      // connect(2) does not wait for a connect that an earlier call started.
      if (!wait.back_off(ec)) return -1;
      ec.clear();
    } else if (error != EINTR && error != EAGAIN && error != EINPROGRESS) {
      return error;
    }
  }
}

// `stop`: null if the call has no stop token or is non-blocking. Returns 0, an errno, or −1 with `ec`.
int connect_kernel(const socket& s, const address& to, io_wait& wait, const std::stop_token* stop, error_code& ec) {
  const int fd = s.native_handle();
  const std::int64_t timeout = socket_access::timeout(s);
  const bool waits = timeout > 0 || stop;
  if (waits && (row_flags(s) & AFPLUG_ROW_CONNECT_UNREPORTED) != 0)
    return connect_blocking(fd, to, wait, stop, false, ec);
  for (;;) {
    if (::connect(fd, to.data(), static_cast<::socklen_t>(to.size())) == 0) return 0;
    int error = errno;
    if (error == EINTR) {
      if (timeout == 0) return EINTR;
      if (detail::interrupted(ec)) return -1;
      if ((row_flags(s) & AFPLUG_ROW_CONNECT_UNREPORTED) != 0) return connect_blocking(fd, to, wait, stop, true, ec);
      // As in PEP 475. Either the kernel continues to connect, or the signal ended the attempt and it is repeated.
      error = finish_connect(fd, wait, ec);
      if (error == 0 && !has_peer(fd)) continue;
      return error;
    }
    if (error == EINPROGRESS && waits) return finish_connect(fd, wait, ec);
    if (error == EAGAIN && waits && (row_flags(s) & AFPLUG_ROW_CONNECT_EAGAIN) != 0)
      return connect_blocking(fd, to, wait, stop, false, ec);
    return error;
  }
}

int connect_user(const detail::user_socket& u, std::int64_t timeout, const address& to, io_wait& wait, error_code& ec) {
  if (user_call(u, u.ops().connect, static_cast<const void*>(to.data()), static_cast<std::uint32_t>(to.size())) == 0)
    return 0;
  if (errno != EINPROGRESS || timeout == 0) return errno;
  for (;;) {
    if (!wait.ready(POLLOUT, ec)) return -1;
    if (user_call(u, u.ops().connect_result) == 0) return 0;
    if (errno != EALREADY) return errno;
  }
}

}  // namespace

// ---- bind, listen ----

namespace {

// Whether the text before a service looks like a host name, which only a resolver could turn into an address.
bool names_a_host(const socket& s, std::string_view text) noexcept {
  if (!s.owner() || (s.owner()->flags() & AFPLUG_FAMILY_RESOLVES) == 0) return false;
  const auto host = text.substr(0, text.rfind(':'));
  return host.find_first_of(":[%") == std::string_view::npos &&
         std::ranges::any_of(host, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

}  // namespace

void socket::bind(const address& to) {
  detail::throwing("bind", [&](error_code& ec) { bind(to, ec); });
}

void socket::bind(const address& to, error_code& ec) {
  if (!detail::allowed({.event = trace_event::bind, .socket = this, .address = &to}, ec)) return;
  const int r = user_ ? user_call(*user_, user_->ops().bind, static_cast<const void*>(to.data()),
                                  static_cast<std::uint32_t>(to.size()))
                      : ::bind(fd_, to.data(), static_cast<::socklen_t>(to.size()));
  if (r == 0)
    ec.clear();
  else
    detail::fail_with_address(ec, errno, *this, "bind", to);
}

void socket::bind(std::string_view text) {
  detail::throwing("bind", [&](error_code& ec) { bind(text, ec); });
}

void socket::bind(std::string_view text, error_code& ec) {
  const address to = address::parse(what(), text, ec);
  if (!ec) return bind(to, ec);
  if (ec == errc::malformed_address && names_a_host(*this, text))
    detail::fail(ec, ec,
                 std::string(last_detail()) +
                     "; bind() looks up no host names: pass an address that getaddrinfo() "
                     "returned, or use create_server()");
}

void socket::listen(int backlog) {
  detail::throwing("listen", [&](error_code& ec) { listen(backlog, ec); });
}

void socket::listen(int backlog, error_code& ec) {
  const int depth = backlog < 0 ? std::min(SOMAXCONN, 128) : backlog;
  const int r = user_ ? user_call(*user_, user_->ops().listen, depth) : ::listen(fd_, depth);
  if (r == 0)
    ec.clear();
  else
    detail::fail_call(ec, errno, *this, "listen", {});
}

// ---- accept ----

namespace {

// Explains the failure of an accept on a socket that does not listen.
void explain_accept(const socket& s, error_code& ec) {
  if (ec != error_code(EINVAL, boost::system::system_category()) && ec.value() != EOPNOTSUPP) return;
  int listening = 0;
  error_code unknown;
  const int error = ec.value();
  s.getsockopt(SOL_SOCKET, SO_ACCEPTCONN, {&listening, sizeof listening}, unknown);
  if (unknown || listening != 0) return detail::fail_errno(ec, error);
  detail::fail_call(ec, error, s, "accept", {},
                    error == EINVAL ? "the socket does not listen; call listen() first (shutdown() ends listening)"
                                    : "sockets of this type do not accept connections");
}

socket accept_on(socket& s, address& peer, io_wait& wait, bool poll_first, error_code& ec) {
  const auto& f = *s.owner();
  const std::int64_t mode = detail::default_mode();
  if (auto* u = socket_access::user(s)) {
    auto accepted = detail::user_socket::unopened(f);
    std::int64_t pollable = -1;
    afplug_sockaddr from{};
    wait.run([&] { return user_call(*u, u->ops().accept, &accepted->state, &pollable, &from); }, ec);
    if (ec) return explain_accept(s, ec), socket();
    socket made = socket_access::make_user(std::move(accepted), pollable, s.type(), s.protocol(), mode);
    peer = detail::to_address(from, s.what());
    return made;
  }
  if (poll_first && !wait.ready(POLLIN, ec)) return {};
  const auto slot = f.kernel_ops().accept;
  const auto who = f.identity(s.type(), s.protocol());
  address from;
  const int fd = wait.run(
      [&]() -> int {
        if (slot) {
          std::int64_t handle = -1;
          afplug_sockaddr raw{};
          const int r = slot(s.native_handle(), &who, &handle, &raw);
          if (r == 0) {
            from = detail::to_address(raw, {});
            return static_cast<int>(handle);
          }
          if (r < 0) {
            errno = -r;
            return -1;
          }
        }
        ::socklen_t size = static_cast<::socklen_t>(from.capacity());
        const int got = ::accept4(s.native_handle(), from.data(), &size, SOCK_CLOEXEC);
        if (got >= 0) from.resize(size);
        return got;
      },
      ec);
  if (fd < 0 && !ec) detail::fail_errno(ec, EINVAL);  // the listening socket was shut down
  if (ec) return explain_accept(s, ec), socket();
  socket accepted = socket_access::make(fd, &f, s.type(), s.protocol(), mode);
  if (mode >= 0 && !detail::set_nonblocking(fd, true)) {
    detail::fail_errno(ec, errno);
    return {};
  }
  peer = from;
  peer.protocol(s.what());
  return accepted;
}

}  // namespace

socket socket::accept() {
  address ignored;
  return accept(ignored);
}

socket socket::accept(error_code& ec) {
  address ignored;
  return accept(ignored, ec);
}

socket socket::accept(address& peer) {
  return detail::throwing("accept", [&](error_code& ec) { return accept(peer, ec); });
}

socket socket::accept(address& peer, error_code& ec) {
  if (!family_) return detail::fail_errno(ec, EBADF), socket();
  io_wait wait(fd_, POLLIN, timeout_, user_ != nullptr);
  return accept_on(*this, peer, wait, false, ec);
}

socket socket::accept(address& peer, std::stop_token stop) {
  return detail::throwing("accept", [&](error_code& ec) { return accept(peer, stop, ec); });
}

socket socket::accept(address& peer, std::stop_token stop, error_code& ec) {
  if (!family_) return detail::fail_errno(ec, EBADF), socket();
  io_wait wait(fd_, POLLIN, timeout_, true);
  if (!wait.stop_with(stop, ec)) return {};
  return accept_on(*this, peer, wait, timeout_ < 0, ec);
}

// ---- connect ----

namespace {

// EINPROGRESS has no text, whose allocation could fail: the caller would not know that the connect goes on.
void fail_connect(const socket& s, const address& to, int error, error_code& ec) {
  if (error == EINPROGRESS) return detail::fail_errno(ec, error);
  if (error > 0) return detail::fail_with_address(ec, error, s, "connect", to);
  if (ec == errc::timed_out) {
    const auto limit = std::chrono::nanoseconds(socket_access::timeout(s));
    detail::fail(ec, ec,
                 std::string(s.owner()->id()) + " connect " + detail::printable(to) + ": no connection within " +
                     detail::duration_text(limit));
  }
}

}  // namespace

void socket::connect(const address& to) {
  detail::throwing("connect", [&](error_code& ec) { connect(to, ec); });
}

void socket::connect(const address& to, error_code& ec) {
  if (!detail::allowed({.event = trace_event::connect, .socket = this, .address = &to}, ec)) return;
  io_wait wait(fd_, POLLOUT, timeout_, user_ != nullptr);
  ec.clear();
  const int error = user_ ? connect_user(*user_, timeout_, to, wait, ec) : connect_kernel(*this, to, wait, nullptr, ec);
  if (error != 0) fail_connect(*this, to, error, ec);
}

void socket::connect(const address& to, std::stop_token stop) {
  detail::throwing("connect", [&](error_code& ec) { connect(to, stop, ec); });
}

void socket::connect(const address& to, std::stop_token stop, error_code& ec) {
  if (!detail::allowed({.event = trace_event::connect, .socket = this, .address = &to}, ec)) return;
  io_wait wait(fd_, POLLOUT, timeout_, true);
  if (!wait.stop_with(stop, ec)) return;
  ec.clear();
  // A blocking connect(2) cannot be stopped: starts it with O_NONBLOCK and waits in poll(2).
  const mode_scope started(fd_, !user_ && timeout_ < 0, true);
  if (started.error() != 0) return detail::fail_errno(ec, started.error());
  const int error = user_ ? connect_user(*user_, timeout_, to, wait, ec)
                          : connect_kernel(*this, to, wait, timeout_ != 0 ? &stop : nullptr, ec);
  if (error != 0) fail_connect(*this, to, error, ec);
}

int socket::connect_ex(const address& to) {
  return detail::throwing("connect", [&](error_code& ec) { return connect_ex(to, ec); });
}

int socket::connect_ex(const address& to, error_code& ec) {
  connect(to, ec);
  const bool timed_out = ec == errc::timed_out;
  if (ec && ec.category() != boost::system::system_category() && !timed_out) return -1;
  const int error = timed_out ? EAGAIN : ec.value();
  ec.clear();
  return error;
}

void socket::connect_result() {
  detail::throwing("connect", [&](error_code& ec) { connect_result(ec); });
}

void socket::connect_result(error_code& ec) {
  int error = 0;
  if (user_) {
    if (user_call(*user_, user_->ops().connect_result) < 0) error = errno;
  } else if (error = pending_error(fd_); error == 0) {
    ::pollfd one{fd_, POLLOUT, 0};
    if (::poll(&one, 1, 0) == 0) error = EALREADY;
  }
  if (error == 0)
    ec.clear();
  else
    detail::fail_call(ec, error, *this, "connect", {});
}

// ---- shutdown, getsockname, getpeername ----

void socket::shutdown(int how) {
  detail::throwing("shutdown", [&](error_code& ec) { shutdown(how, ec); });
}

void socket::shutdown(int how, error_code& ec) {
  const int r = user_ ? user_call(*user_, user_->ops().shutdown, how) : ::shutdown(fd_, how);
  if (r == 0)
    ec.clear();
  else
    detail::fail_call(ec, errno, *this, "shutdown", {});
}

namespace {

template <class System, class Slot>
address address_of(const socket& s, const detail::user_socket* u, System system_call, Slot slot, error_code& ec) {
  ec.clear();
  if (u) {
    afplug_sockaddr raw{};
    if (user_call(*u, slot, &raw) == 0) return detail::to_address(raw, s.what());
  } else {
    address a;
    ::socklen_t size = static_cast<::socklen_t>(a.capacity());
    if (system_call(s.native_handle(), a.data(), &size) == 0) {
      a.resize(size);
      a.protocol(s.what());
      return a;
    }
  }
  detail::fail_errno(ec, errno);
  return {};
}

}  // namespace

address socket::getsockname() const {
  return detail::throwing("getsockname", [&](error_code& ec) { return getsockname(ec); });
}

address socket::getsockname(error_code& ec) const {
  return address_of(*this, user_, ::getsockname, user_ ? user_->ops().getsockname : nullptr, ec);
}

address socket::getpeername() const {
  return detail::throwing("getpeername", [&](error_code& ec) { return getpeername(ec); });
}

address socket::getpeername(error_code& ec) const {
  return address_of(*this, user_, ::getpeername, user_ ? user_->ops().getpeername : nullptr, ec);
}

}  // namespace afplug
