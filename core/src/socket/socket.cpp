// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A socket's life and modes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <afplug/socket.hpp>
#include <afplug/verdict.hpp>

#include <algorithm>
#include <atomic>
#include <memory>

#include "socket_access.hpp"
#include "trace.hpp"

namespace afplug {
namespace {

using detail::socket_access;

constexpr int type_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

std::atomic<std::int64_t>& default_slot() noexcept {
  static std::atomic<std::int64_t> it{-1};
  return it;
}

// The parsing of PARITY §5: below zero is refused, the rest is exact.
bool parse_timeout(std::optional<std::chrono::nanoseconds> limit, std::int64_t& out, error_code& ec) {
  if (limit && limit->count() < 0) {
    detail::fail(ec, errc::invalid_argument,
                 *limit == std::chrono::nanoseconds::min()
                     ? "timeout: it is no number, or more than 2^63 ns (292 years) from zero"
                     : "timeout: " + std::to_string(limit->count()) + " ns is below zero");
    return false;
  }
  out = limit ? limit->count() : -1;
  return true;
}

// What socket(2) says where a family lacks the type, or has it without that protocol.
int no_row(const family& f, int type) noexcept {
  const bool known = std::ranges::any_of(f.rows(), [&](const row& other) { return other.type == type; });
  return known ? EPROTONOSUPPORT : ESOCKTNOSUPPORT;
}

// Opens by the family's override, or by socket(2) on the row's native triple. −1 with errno.
int open_native(const family& f, int type, int proto, bool nonblock) {
  if (const auto slot = f.kernel_ops().open) {
    const auto who = f.identity(type, proto);
    std::int64_t handle = -1;
    const int r = slot(&who, nonblock ? AFPLUG_OPEN_NONBLOCK : 0u, &handle);
    if (r == 0) return static_cast<int>(handle);
    if (r < 0) {
      errno = -r;
      return -1;
    }
  }
  const row* r = f.find_row(type, proto);
  if (!r) {
    errno = no_row(f, type);
    return -1;
  }
  const auto native = [](int wanted, int asked) { return wanted == AFPLUG_ANY ? asked : wanted; };
  return ::socket(native(r->native_domain, f.number()),
                  native(r->native_type, type) | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0),
                  native(r->native_protocol, proto));
}

}  // namespace

namespace detail {

socket socket_access::make_user(void* state, std::int64_t pollable, const family& f, int type, int proto,
                                std::int64_t timeout) {
  try {
    auto* u = new user_socket{state, &f, ::getpid()};
    f.live().fetch_add(1, std::memory_order_relaxed);
    return make(static_cast<int>(pollable), &f, type, proto, timeout, u);
  } catch (...) {
    f.user_ops().close(state, 0);
    throw;
  }
}

bool set_nonblocking(int fd, bool on) noexcept {
  const int now = ::fcntl(fd, F_GETFL);
  if (now < 0) return false;
  const int next = on ? now | O_NONBLOCK : now & ~O_NONBLOCK;
  return next == now || ::fcntl(fd, F_SETFL, next) == 0;
}

std::int64_t default_mode() noexcept { return default_slot().load(std::memory_order_relaxed); }

std::string type_text(int type) {
  // The types stand first among the SOCK_ constants.
  for (const auto& c : socket_constants())
    if (c.value == type && std::string_view(c.group) == "SOCK_") return c.name;
  return "type " + std::to_string(type);
}

std::string describe(const family& f, int type, int proto) {
  std::string text(f.id());
  const row* r = f.find_row(type, proto);
  text += ' ';
  text += r && r->type == type && r->type_name ? std::string(r->type_name) : type_text(type);
  if (r && r->protocol_name && (r->protocol == proto || proto == 0))
    (text += ' ') += r->protocol_name;
  else if (proto != 0)
    (text += " protocol ") += std::to_string(proto);
  return text;
}

void fail_call(error_code& ec, int number, const socket& s, const char* verb, const std::string& subject,
               std::string_view why) {
  const error_code code(number, boost::system::system_category());
  std::string sentence;
  if (s.owner()) (sentence += s.owner()->id()) += ' ';
  sentence += verb;
  if (!subject.empty()) (sentence += ' ') += subject;
  (sentence += ": ") += why.empty() ? code.message() : std::string(why);
  fail(ec, code, sentence);
}

}  // namespace detail

// ---- opening ----

namespace {

socket open_now(const family& family, int type, int proto, error_code& ec) {
  const int plain = type & ~type_flags;
  const std::int64_t mode = (type & SOCK_NONBLOCK) != 0 ? 0 : detail::default_mode();
  int failed = 0;
  if (family.in_user_space()) {
    const auto who = family.identity(plain, proto);
    void* state = nullptr;
    std::int64_t pollable = -1;
    failed = family.find_row(plain, proto) ? -family.user_ops().open(&who, &state, &pollable) : no_row(family, plain);
    if (failed == 0) {
      ec.clear();
      return socket_access::make_user(state, pollable, family, plain, proto, mode);
    }
  } else {
    const int fd = open_native(family, plain, proto, mode >= 0);
    if (fd >= 0) {
      ec.clear();
      return socket_access::make(fd, &family, plain, proto, mode);
    }
    failed = errno;
  }
  const error_code code(failed, boost::system::system_category());
  detail::fail(ec, code, detail::describe(family, plain, proto) + ": " + code.message());
  return {};
}

bool may_make(int family, int type, int proto, error_code& ec) {
  return detail::allowed({.event = trace_event::socket, .family = family, .type = type, .protocol = proto}, ec);
}

// Throws with the reason that explain() finds: what is missing here, and what to do about it.
socket opened_or_thrown(const family& f, int type, int proto) {
  error_code ec;
  if (!may_make(f.number(), type, proto, ec)) detail::raise(ec, "socket");
  socket s = open_now(f, type, proto, ec);
  if (!ec) return s;
  if (ec.category() == boost::system::system_category()) {
    const int plain = type & ~type_flags;
    const verdict why = explain(f, plain, proto, ec.value());
    if (!why.detail.empty())
      throw error(ec, detail::describe(f, plain, proto) + " is unavailable: " + why.detail +
                          (why.remedy.empty() ? "" : "; " + why.remedy));
  }
  detail::raise(ec, "socket");
}

}  // namespace

socket::socket(std::string_view family, int type, int proto)
    : socket(opened_or_thrown(registry::global().family(family), type, proto)) {}

socket::socket(int family, int type, int proto)
    : socket(opened_or_thrown(registry::global().family(family), type, proto)) {}

socket socket::open(const afplug::family& family, int type, int proto, error_code& ec) {
  if (!may_make(family.number(), type, proto, ec)) return {};
  return open_now(family, type, proto, ec);
}

socket registry::socket(int family, int type, int proto) { return opened_or_thrown(this->family(family), type, proto); }

socket registry::socket(std::string_view family, int type, int proto) {
  return opened_or_thrown(this->family(family), type, proto);
}

// ---- around descriptors that came from elsewhere ----

socket socket::adopt(int descriptor, int family, int type, int proto) {
  error_code ec;
  socket s = adopt(descriptor, family, type, proto, ec);
  detail::check(ec, "adopt");
  return s;
}

socket socket::adopt(int descriptor, int family, int type, int proto, error_code& ec) {
  if (!may_make(family, type, proto, ec)) return {};
  struct stat st {};
  const auto refuse = [&](int number) {
    const error_code code(number, boost::system::system_category());
    detail::fail(ec, code, "descriptor " + std::to_string(descriptor) + ": " + code.message());
    return socket();
  };
  if (::fstat(descriptor, &st) != 0) return refuse(errno);
  if (!S_ISSOCK(st.st_mode)) return refuse(ENOTSOCK);
  const auto ask = [&](int number, int& value) {
    ::socklen_t size = sizeof value;
    return value >= 0 || ::getsockopt(descriptor, SOL_SOCKET, number, &value, &size) == 0;
  };
  if (!ask(SO_DOMAIN, family) || !ask(SO_TYPE, type) || !ask(SO_PROTOCOL, proto)) return refuse(errno);
  const auto* owner = registry::global().family(family, ec);
  if (!owner) return {};
  const int mode = ::fcntl(descriptor, F_GETFL);
  if (mode < 0) return refuse(errno);
  ec.clear();
  return socket_access::make(descriptor, owner, type & ~type_flags, proto, (mode & O_NONBLOCK) != 0 ? 0 : -1);
}

socket socket::fromfd(int descriptor, int family, int type, int proto) {
  error_code ec;
  socket s = fromfd(descriptor, family, type, proto, ec);
  detail::check(ec, "fromfd");
  return s;
}

socket socket::fromfd(int descriptor, int family, int type, int proto, error_code& ec) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);  // mutate:cloexec-fromfd
  if (copy < 0) {
    const error_code code(errno, boost::system::system_category());
    detail::fail(ec, code, "descriptor " + std::to_string(descriptor) + ": " + code.message());
    return {};
  }
  socket s = adopt(copy, family, type, proto, ec);
  if (ec) ::close(copy);
  return s;
}

std::pair<socket, socket> socket::pair(std::string_view family, int type, int proto) {
  error_code ec;
  auto both = pair(registry::global().family(family), type, proto, ec);
  detail::check(ec, "socketpair");
  return both;
}

std::pair<socket, socket> socket::pair(const afplug::family& family, int type, int proto, error_code& ec) {
  if (!may_make(family.number(), type, proto, ec)) return {};
  const int plain = type & ~type_flags;
  const std::int64_t mode = (type & SOCK_NONBLOCK) != 0 ? 0 : detail::default_mode();
  int failed = 0;
  if (family.in_user_space()) {
    const auto who = family.identity(plain, proto);
    void* states[2] = {};
    std::int64_t pollables[2] = {-1, -1};
    const auto slot = family.user_ops().pair;
    failed = slot ? -slot(&who, states, pollables) : EOPNOTSUPP;
    if (failed == 0) {
      ec.clear();
      return {socket_access::make_user(states[0], pollables[0], family, plain, proto, mode),
              socket_access::make_user(states[1], pollables[1], family, plain, proto, mode)};
    }
  } else {
    const basic_protocol native(family, plain, proto);
    int fds[2];
    if (::socketpair(native.family(), native.type() | SOCK_CLOEXEC | (mode >= 0 ? SOCK_NONBLOCK : 0), native.protocol(),
                     fds) == 0) {
      ec.clear();
      return {socket_access::make(fds[0], &family, plain, proto, mode),
              socket_access::make(fds[1], &family, plain, proto, mode)};
    }
    failed = errno;
  }
  const error_code code(failed, boost::system::system_category());
  detail::fail(ec, code, "socketpair " + detail::describe(family, plain, proto) + ": " + code.message());
  return {};
}

std::string socket::to_string() const {
  if (!is_open()) return "<afplug.socket closed>";
  std::string text = "<afplug.socket fd=" + std::to_string(fd_);
  if (family_) (text += ' ') += detail::describe(*family_, type_, protocol_);
  error_code ec;
  if (const auto a = getsockname(ec); !ec) (text += " local=") += a.to_string();
  if (const auto a = getpeername(ec); !ec) (text += " peer=") += a.to_string();
  return text += '>';
}

// ---- life ----

void socket::close() {
  error_code ec;
  close(ec);
  detail::check(ec, "close");
}

void socket::close(error_code& ec) noexcept {
  ec.clear();
  if (fd_ < 0) return;
  const int fd = std::exchange(fd_, -1);
  if (auto* u = std::exchange(user_, nullptr)) {
    u->ops().close(u->state, u->opener == ::getpid() ? 0u : AFPLUG_CLOSE_FORKED);
    u->owner->live().fetch_sub(1, std::memory_order_relaxed);
    delete u;
    return;
  }
  // Whatever close(2) says, the descriptor is gone. A reset by the peer is no failure of closing.
  if (::close(fd) != 0 && errno != ECONNRESET && errno != EINTR) detail::fail_errno(ec, errno);
}

void socket::close_quietly() noexcept {
  error_code ignored;
  close(ignored);
}

int socket::detach() {
  error_code ec;
  const int fd = detach(ec);
  detail::check(ec, "detach");
  return fd;
}

int socket::detach(error_code& ec) noexcept {
  ec.clear();
  if (user_) {
    detail::fail(ec, {EOPNOTSUPP, boost::system::system_category()},
                 "detach: a socket of a family in user space is more than its descriptor");
    return -1;
  }
  return std::exchange(fd_, -1);
}

socket socket::dup() const {
  error_code ec;
  socket s = dup(ec);
  detail::check(ec, "dup");
  return s;
}

socket socket::dup(error_code& ec) const {
  if (user_) {
    void* state = nullptr;
    std::int64_t pollable = -1;
    if (detail::user_call(*user_, user_->ops().dup, &state, &pollable) < 0) {
      detail::fail_call(ec, errno, *this, "dup", {});
      return {};
    }
    ec.clear();
    return socket_access::make_user(state, pollable, *family_, type_, protocol_, timeout_);
  }
  const int fd = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);  // mutate:cloexec-dup
  if (fd < 0) {
    detail::fail_errno(ec, errno);
    return {};
  }
  ec.clear();
  return socket_access::make(fd, family_, type_, protocol_, timeout_);
}

bool socket::inheritable() const {
  error_code ec;
  const bool on = inheritable(ec);
  detail::check(ec, "get inheritable");
  return on;
}

bool socket::inheritable(error_code& ec) const noexcept {
  const int flags = ::fcntl(fd_, F_GETFD);
  if (flags < 0) {
    detail::fail_errno(ec, errno);
    return false;
  }
  ec.clear();
  return (flags & FD_CLOEXEC) == 0;
}

void socket::inheritable(bool on) {
  error_code ec;
  inheritable(on, ec);
  detail::check(ec, "set inheritable");
}

void socket::inheritable(bool on, error_code& ec) noexcept {
  const int flags = ::fcntl(fd_, F_GETFD);
  if (flags < 0 || ::fcntl(fd_, F_SETFD, on ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC) != 0)
    detail::fail_errno(ec, errno);
  else
    ec.clear();
}

// ---- modes ----

void socket::timeout(std::optional<std::chrono::nanoseconds> limit) {
  error_code ec;
  timeout(limit, ec);
  detail::check(ec, "timeout");
}

void socket::timeout(std::optional<std::chrono::nanoseconds> limit, error_code& ec) noexcept {
  std::int64_t next = -1;
  if (!parse_timeout(limit, next, ec)) return;
  if (fd_ < 0) return detail::fail_errno(ec, EBADF);
  // The descriptor first: where that fails, the socket and its descriptor still agree.
  if (!user_ && !detail::set_nonblocking(fd_, next >= 0)) return detail::fail_errno(ec, errno);
  timeout_ = next;
  ec.clear();
}

void socket::default_timeout(std::optional<std::chrono::nanoseconds> limit) {
  error_code ec;
  std::int64_t next = -1;
  if (!parse_timeout(limit, next, ec)) detail::raise(ec, "default timeout");
  default_slot().store(next, std::memory_order_relaxed);
}

std::optional<std::chrono::nanoseconds> socket::default_timeout() noexcept {
  const auto mode = detail::default_mode();
  return mode < 0 ? std::nullopt : std::optional(std::chrono::nanoseconds(mode));
}

}  // namespace afplug
