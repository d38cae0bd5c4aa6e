// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Opening, adopting, duplicating and closing sockets; timeouts.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <afplug/plugin/encoding.hpp>
#include <afplug/socket.hpp>

#include <atomic>
#include <cstdio>
#include <memory>

#include "family_data.hpp"
#include "no_cancellation.hpp"
#include "open.hpp"
#include "socket_access.hpp"
#include "throwing.hpp"
#include "trace.hpp"

namespace afplug {
namespace {

using detail::socket_access;

std::atomic<std::int64_t>& default_slot() noexcept {
  static std::atomic<std::int64_t> it{-1};
  return it;
}

// Converts a timeout to nanoseconds (−1: none); refuses negative ones, as Python's settimeout() does.
bool parse_timeout(std::optional<std::chrono::nanoseconds> limit, std::int64_t& out, error_code& ec) noexcept {
  if (limit && limit->count() < 0) {
    char text[64] = "timeout: not a number, or larger than 2^63 ns (292 years)";
    if (*limit != std::chrono::nanoseconds::min())
      std::snprintf(text, sizeof text, "timeout: %lld ns is negative", static_cast<long long>(limit->count()));
    detail::fail(ec, errc::invalid_argument, text);
    return false;
  }
  out = limit ? limit->count() : -1;
  return true;
}

}  // namespace

namespace detail {

socket socket_access::make_user(std::unique_ptr<user_socket> user, std::int64_t pollable, socket_type type, int proto,
                                std::int64_t timeout) noexcept {
  const family* f = user->owner;
  family_data::of(*f).open_user_sockets.fetch_add(1, std::memory_order_relaxed);
  return make(static_cast<int>(pollable), f, type, proto, timeout, user.release());
}

bool may_open(int family, socket_type type, int proto, error_code& ec) {
  return allowed({.event = trace_event::socket, .family = family, .type = type, .protocol = proto}, ec);
}

bool set_nonblocking(int fd, bool on) noexcept {
  const int now = ::fcntl(fd, F_GETFL);
  if (now < 0) return false;
  const int next = on ? now | O_NONBLOCK : now & ~O_NONBLOCK;
  return next == now || ::fcntl(fd, F_SETFL, next) == 0;
}

std::int64_t default_mode() noexcept { return default_slot().load(std::memory_order_relaxed); }

void fail_call(error_code& ec, int number, const socket& s, const char* verb, const std::string& subject,
               std::string_view why) {
  const error_code code(number, boost::system::system_category());
  std::string text;
  if (s.owner()) (text += s.owner()->id()) += ' ';
  text += verb;
  if (!subject.empty()) (text += ' ') += subject;
  (text += ": ") += why.empty() ? code.message() : std::string(why);
  fail(ec, code, text);
}

namespace {

std::string family_name(const address& a) {
  if (a.family() == AF_UNSPEC) return "AF_UNSPEC";
  const auto* owner = a.protocol().owner();
  return owner ? std::string(owner->id()) : std::to_string(a.family());
}

// Whether the address is that of a file, which an abstract name is not.
bool is_file(const address& a) {
  const auto path = a.field("path");
  const auto* bytes = std::get_if<std::vector<std::byte>>(&path);
  return bytes && !bytes->empty() && bytes->front() != std::byte{};
}

// What explains that a call with this address failed; empty: nothing more than the errno.
std::string address_fault(const socket& s, const address& to, int error) {
  if (!s.owner()) return {};
  if (to.empty()) return ": the address is empty";
  const int expected = s.in_user_space() ? s.family() : s.owner()->native(s.type(), s.protocol()).domain;
  if (to.family() != expected) {
    if (error != EINVAL && error != EAFNOSUPPORT && error != EPROTOTYPE) return {};
    return ": the address is of family " + family_name(to) + ", the socket of family " + std::string(s.owner()->id());
  }
  if (error == ECONNREFUSED && is_file(to))
    return ": the file exists, but no socket listens on it; start the server, or remove the file if its server has "
           "ended";
  if (error == EADDRINUSE && is_file(to)) return ": the file exists; remove it if no server uses it";
  return {};
}

}  // namespace

void fail_with_address(error_code& ec, int number, const socket& s, const char* verb, const address& to) {
  fail_call(ec, number, s, verb, printable(to),
            error_code(number, boost::system::system_category()).message() + address_fault(s, to, number));
}

std::string printable(const address& a) { return plugin::excerpt(a.to_string(), 400); }

std::string duration_text(std::chrono::nanoseconds time) {
  const auto ns = time.count();
  if (ns % 1'000'000'000 == 0) return std::to_string(ns / 1'000'000'000) + " s";
  if (ns % 1'000'000 == 0) return std::to_string(ns / 1'000'000) + " ms";
  return ns % 1'000 == 0 ? std::to_string(ns / 1'000) + " us" : std::to_string(ns) + " ns";
}

}  // namespace detail

// ---- opening ----

namespace {

// Returns the timeout of a new socket: 0 with SOCK_NONBLOCK, else the default.
std::int64_t initial_timeout(socket_type type) noexcept {
  return (type & SOCK_NONBLOCK) != 0 ? 0 : detail::default_mode();
}

}  // namespace

socket socket::open(std::string_view family, socket_type type, int proto, error_code& ec) {
  const auto* f = registry::global().family(family, ec);
  return f ? open(*f, type, proto, ec) : socket();
}

socket socket::open(int family, socket_type type, int proto, error_code& ec) {
  const auto* f = registry::global().family(family, ec);
  return f ? open(*f, type, proto, ec) : socket();
}

socket registry::socket(int family, socket_type type, int proto, error_code& ec) {
  const auto* f = this->family(family, ec);
  return f ? afplug::socket::open(*f, type, proto, ec) : afplug::socket();
}

socket registry::socket(std::string_view family, socket_type type, int proto, error_code& ec) {
  const auto* f = this->family(family, ec);
  return f ? afplug::socket::open(*f, type, proto, ec) : afplug::socket();
}

socket registry::socket(int family, socket_type type, error_code& ec) { return socket(family, type, 0, ec); }

socket registry::socket(std::string_view family, socket_type type, error_code& ec) {
  return socket(family, type, 0, ec);
}

socket socket::open(const basic_protocol& p, error_code& ec) {
  if (p.owner()) return open(*p.owner(), p.asked_type(), p.asked_protocol(), ec);
  return open(p.family(), p.asked_type(), p.asked_protocol(), ec);
}

socket socket::open(const afplug::family& family, socket_type type, int proto, error_code& ec) {
  if (!detail::may_open(detail::family_data::of(family).number, type, proto, ec)) return {};
  return socket_access::open(family, type, proto, ec);
}

namespace detail {

socket socket_access::open(const family& family, socket_type type, int proto, error_code& ec) {
  const socket_type plain = type.without_flags();
  const std::int64_t timeout = initial_timeout(type);
  auto user = family_data::of(family).in_user_space() ? user_socket::unopened(family) : nullptr;
  const auto* row = family.find_row(plain, proto);
  const auto made = open_row(family, row, plain, proto, timeout >= 0);
  if (made.error != 0) {
    const error_code code(made.error, boost::system::system_category());
    const bool unknown =
        (!row || row->protocol == AFPLUG_ANY) && (made.error == EPROTONOSUPPORT || made.error == ESOCKTNOSUPPORT);
    fail(ec, code,
         describe(family, plain, proto) + ": " + code.message() +
             (unknown ? "; " + alternatives(family, plain, proto) : std::string()));
    return {};
  }
  ec.clear();
  if (user) {
    user->state = made.state;
    return make_user(std::move(user), made.handle, plain, proto, timeout);
  }
  return make(static_cast<int>(made.handle), &family, plain, proto, timeout);
}

}  // namespace detail

// ---- adopting descriptors ----

socket socket::adopt(int descriptor, int family, socket_type type, int proto) {
  return detail::throwing("adopt", [&](error_code& ec) { return adopt(descriptor, family, type, proto, ec); });
}

socket socket::adopt(int descriptor, int family, socket_type type, int proto, error_code& ec) {
  if (!detail::may_open(family, type, proto, ec)) return {};
  struct stat st {};
  const auto refuse = [&](int number) {
    const error_code code(number, boost::system::system_category());
    detail::fail(ec, code, "descriptor " + std::to_string(descriptor) + ": " + code.message());
    return socket();
  };
  if (::fstat(descriptor, &st) != 0) return refuse(errno);
  if (!S_ISSOCK(st.st_mode)) return refuse(ENOTSOCK);
  const auto complete = [&](int number, int& value) {
    ::socklen_t size = sizeof value;
    return value >= 0 || ::getsockopt(descriptor, SOL_SOCKET, number, &value, &size) == 0;
  };
  int type_number = type;
  if (!complete(SO_DOMAIN, family) || !complete(SO_TYPE, type_number) || !complete(SO_PROTOCOL, proto))
    return refuse(errno);
  const auto* owner = registry::global().family(family, ec);
  if (!owner) return {};
  const int mode = ::fcntl(descriptor, F_GETFL);
  if (mode < 0) return refuse(errno);
  ec.clear();
  return socket_access::make(descriptor, owner, socket_type(type_number).without_flags(), proto,
                             (mode & O_NONBLOCK) != 0 ? 0 : -1);
}

socket socket::fromfd(int descriptor, int family, socket_type type, int proto) {
  return detail::throwing("fromfd", [&](error_code& ec) { return fromfd(descriptor, family, type, proto, ec); });
}

socket socket::fromfd(int descriptor, int family, socket_type type, int proto, error_code& ec) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    const error_code code(errno, boost::system::system_category());
    detail::fail(ec, code, "descriptor " + std::to_string(descriptor) + ": " + code.message());
    return {};
  }
  socket s = adopt(copy, family, type, proto, ec);
  if (ec) ::close(copy);
  return s;
}

std::pair<socket, socket> socket::pair(std::string_view family, socket_type type, int proto) {
  return detail::throwing("socketpair", [&](error_code& ec) { return pair(family, type, proto, ec); });
}

std::pair<socket, socket> socket::pair(std::string_view family, socket_type type, int proto, error_code& ec) {
  const auto* f = registry::global().family(family, ec);
  return f ? pair(*f, type, proto, ec) : std::pair<socket, socket>();
}

std::pair<socket, socket> socket::pair(const afplug::family& family, socket_type type, int proto, error_code& ec) {
  if (!detail::may_open(family.number(), type, proto, ec)) return {};
  const socket_type plain = type.without_flags();
  const std::int64_t timeout = initial_timeout(type);
  int failed = 0;
  if (family.in_user_space()) {
    const auto who = family.identity(plain, proto);
    auto first = detail::user_socket::unopened(family), second = detail::user_socket::unopened(family);
    void* states[2] = {};
    std::int64_t pollables[2] = {-1, -1};
    const auto slot = family.user_ops().pair;
    const detail::no_cancellation here;
    failed = slot ? -slot(&who, states, pollables) : EOPNOTSUPP;
    if (failed == 0) {
      ec.clear();
      first->state = states[0];
      second->state = states[1];
      return {socket_access::make_user(std::move(first), pollables[0], plain, proto, timeout),
              socket_access::make_user(std::move(second), pollables[1], plain, proto, timeout)};
    }
  } else {
    const auto native = family.native(plain, proto);
    int fds[2];
    if (::socketpair(native.domain, native.type | SOCK_CLOEXEC | (timeout >= 0 ? SOCK_NONBLOCK : 0), native.protocol,
                     fds) == 0) {
      ec.clear();
      return {socket_access::make(fds[0], &family, plain, proto, timeout),
              socket_access::make(fds[1], &family, plain, proto, timeout)};
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

// ---- closing and duplicating ----

void socket::close() {
  detail::throwing("close", [&](error_code& ec) { close(ec); });
}

void socket::close(error_code& ec) noexcept {
  ec.clear();
  if (fd_ < 0) return;
  const detail::no_cancellation here;
  const int fd = std::exchange(fd_, -1);
  if (auto* u = std::exchange(user_, nullptr)) {
    u->ops().close(u->state, u->opener == ::getpid() ? 0u : AFPLUG_CLOSE_FORKED);
    detail::family_data::of(*u->owner).open_user_sockets.fetch_sub(1, std::memory_order_relaxed);
    delete u;
    return;
  }
  // close(2) releases the descriptor even on an error. As in Python, ECONNRESET is not an error of close.
  if (::close(fd) != 0 && errno != ECONNRESET && errno != EINTR) detail::fail_errno(ec, errno);
}

void socket::close_quietly() noexcept {
  error_code ignored;
  close(ignored);
}

int socket::detach() {
  return detail::throwing("detach", [&](error_code& ec) { return detach(ec); });
}

int socket::detach(error_code& ec) noexcept {
  ec.clear();
  if (user_) {
    detail::fail(ec, {EOPNOTSUPP, boost::system::system_category()},
                 "detach: a socket of a family in user space cannot be separated from its plugin");
    return -1;
  }
  return std::exchange(fd_, -1);
}

socket socket::dup() const {
  return detail::throwing("dup", [&](error_code& ec) { return dup(ec); });
}

socket socket::dup(error_code& ec) const {
  if (user_) {
    auto copy = detail::user_socket::unopened(*family_);
    std::int64_t pollable = -1;
    if (detail::user_call(*user_, user_->ops().dup, &copy->state, &pollable) < 0) {
      detail::fail_call(ec, errno, *this, "dup", {});
      return {};
    }
    ec.clear();
    return socket_access::make_user(std::move(copy), pollable, type_, protocol_, timeout_);
  }
  const int fd = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) {
    detail::fail_errno(ec, errno);
    return {};
  }
  ec.clear();
  return socket_access::make(fd, family_, type_, protocol_, timeout_);
}

bool socket::inheritable() const {
  return detail::throwing("get inheritable", [&](error_code& ec) { return inheritable(ec); });
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
  detail::throwing("set inheritable", [&](error_code& ec) { inheritable(on, ec); });
}

void socket::inheritable(bool on, error_code& ec) noexcept {
  const int flags = ::fcntl(fd_, F_GETFD);
  if (flags < 0 || ::fcntl(fd_, F_SETFD, on ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC) != 0)
    detail::fail_errno(ec, errno);
  else
    ec.clear();
}

// ---- timeouts ----

void socket::timeout(std::optional<std::chrono::nanoseconds> limit) {
  detail::throwing("timeout", [&](error_code& ec) { timeout(limit, ec); });
}

void socket::timeout(std::optional<std::chrono::nanoseconds> limit, error_code& ec) noexcept {
  std::int64_t next = -1;
  if (!parse_timeout(limit, next, ec)) return;
  if (fd_ < 0) return detail::fail_errno(ec, EBADF);
  // Changes the descriptor first, so that timeout_ stays consistent with it on failure.
  if (!user_ && !detail::set_nonblocking(fd_, next >= 0)) return detail::fail_errno(ec, errno);
  timeout_ = next;
  ec.clear();
}

void socket::default_timeout(std::optional<std::chrono::nanoseconds> limit) {
  detail::throwing("default timeout", [&](error_code& ec) { default_timeout(limit, ec); });
}

void socket::default_timeout(std::optional<std::chrono::nanoseconds> limit, error_code& ec) noexcept {
  std::int64_t next = -1;
  if (!parse_timeout(limit, next, ec)) return;
  default_slot().store(next, std::memory_order_relaxed);
  ec.clear();
}

std::optional<std::chrono::nanoseconds> socket::default_timeout() noexcept {
  const auto mode = detail::default_mode();
  return mode < 0 ? std::nullopt : std::optional(std::chrono::nanoseconds(mode));
}

}  // namespace afplug
