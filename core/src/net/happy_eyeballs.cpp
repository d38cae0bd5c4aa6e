// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Happy eyeballs (RFC 8305): connects to whichever of a host's addresses answers first.
#include <afplug/connect.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/resolver.hpp>

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "socket_access.hpp"
#include "throwing.hpp"

namespace afplug {
namespace {

using attempt = connection_error::attempt;
using detail::clock;
using detail::socket_access;

constexpr auto min_attempt_delay = std::chrono::milliseconds(10);  // RFC 8305, section 8
const error_code timed_out = errc::timed_out;

// Alternates the families, and otherwise keeps the resolver's order (RFC 8305, section 4).
std::vector<address> interleave_families(std::vector<address> addresses) {
  std::vector<address> interleaved;
  interleaved.reserve(addresses.size());
  while (!addresses.empty()) {
    const int previous = interleaved.empty() ? AF_UNSPEC : interleaved.back().family();
    auto next = std::ranges::find_if(addresses, [&](const address& a) { return a.family() != previous; });
    if (next == addresses.end()) next = addresses.begin();
    interleaved.push_back(*next);
    addresses.erase(next);
  }
  return interleaved;
}

struct pending_connect {
  socket s;
  std::size_t attempt;  // its index in attempts_
};

enum class state { in_progress, connected, failed };

class happy_eyeballs {
 public:
  happy_eyeballs(const std::vector<address>& addresses, const connection_options& options,
                 std::optional<clock::time_point> deadline)
      : options_(options), deadline_(deadline) {
    for (const auto& to : addresses) attempts_.push_back({to, {}});
  }

  // Returns the first socket that connects. If none does `ec` is timed_out and failures() has each attempt's error; any
  // other `ec` means that poll failed or was interrupted.
  socket run(error_code& ec) {
    const auto delay = std::max<std::chrono::milliseconds>(options_.attempt_delay, min_attempt_delay);
    auto next_start = clock::now();
    for (;;) {
      const auto now = clock::now();
      const bool more = started_ < attempts_.size();
      if (more && (pending_.empty() || (options_.happy_eyeballs && now >= next_start))) {
        const auto how = start();
        if (how == state::connected) return std::move(pending_.back().s);
        next_start = how == state::failed ? now : now + delay;
        continue;
      }
      if (pending_.empty()) break;
      if (deadline_ && now >= *deadline_) {
        for (const auto& each : pending_) attempts_[each.attempt].ec = timed_out;
        break;
      }
      auto until = deadline_;
      if (more && options_.happy_eyeballs) until = until ? std::min(*until, next_start) : next_start;
      if (!wait(until, ec)) return {};
      for (std::size_t i = 0; i < pending_.size(); ++i)
        if (poll_fds_[i].revents != 0 && check(pending_[i]) == state::connected) return std::move(pending_[i].s);
      // After a failure the next attempt starts at once.
      if (std::erase_if(pending_, [&](const pending_connect& each) { return bool(attempts_[each.attempt].ec); }) != 0)
        next_start = clock::now();
    }
    ec = timed_out;
    return {};
  }

  std::vector<attempt> failures() const {
    std::vector<attempt> failed;
    for (const auto& each : attempts_)
      if (each.ec) failed.push_back(each);
    return failed;
  }

 private:
  // Starts the next attempt.
  state start() {
    const auto index = started_++;
    auto& [to, ec, source_failed] = attempts_[index];
    const auto* f = registry::global().family(to.family(), ec);
    if (!f) return state::failed;
    to.protocol(basic_protocol(*f, SOCK_STREAM, options_.protocol));
    auto s = socket::open(*f, socket_type(SOCK_STREAM | SOCK_NONBLOCK), options_.protocol, ec);
    if (!ec && options_.source) {
      s.bind(*options_.source, ec);
      source_failed = bool(ec);
    }
    if (!ec) s.connect(to, ec);
    const bool connected = !ec;
    if (ec && ec != error_code(EINPROGRESS, boost::system::system_category())) return state::failed;
    ec.clear();
    pending_.push_back({std::move(s), index});
    return connected ? state::connected : state::in_progress;
  }

  // Polls the pending sockets. Returns false, with `ec` set, on a poll error or an interrupt.
  bool wait(std::optional<clock::time_point> until, error_code& ec) {
    poll_fds_.clear();
    for (const auto& each : pending_) poll_fds_.push_back({each.s.native_handle(), POLLOUT, 0});
    for (;;) {
      ::timespec left{};
      if (until) left = detail::time_until(*until);
      if (::ppoll(poll_fds_.data(), poll_fds_.size(), until ? &left : nullptr, nullptr) >= 0) return true;
      if (errno != EINTR) return detail::fail_errno(ec, errno), false;
      if (detail::interrupted(ec)) return false;
    }
  }

  // Reads the state of a socket that poll reported.
  state check(pending_connect& pending) {
    int error = 0;
    if (const auto* u = socket_access::user(pending.s)) {
      if (detail::user_call(*u, u->ops().connect_result) != 0) error = errno;
    } else {
      ::socklen_t size = sizeof error;
      if (::getsockopt(pending.s.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    }
    if (error == EALREADY) return state::in_progress;
    if (error == 0 || error == EISCONN) return state::connected;
    attempts_[pending.attempt].ec = {error, boost::system::system_category()};
    return state::failed;
  }

  const connection_options& options_;
  std::optional<clock::time_point> deadline_;
  std::vector<attempt> attempts_;
  std::size_t started_ = 0;
  std::vector<pending_connect> pending_;
  std::vector<::pollfd> poll_fds_;
};

error_code code_of(const std::vector<attempt>& attempts) {
  if (attempts.empty()) return timed_out;
  for (const auto& each : attempts)
    if (each.ec == timed_out) return timed_out;
  return attempts.back().ec;
}

std::string describe(const std::vector<attempt>& attempts, const connection_options& options,
                     std::optional<std::chrono::nanoseconds> limit) {
  std::string text = attempts.size() == 1 ? "cannot connect" : "cannot connect to any of the addresses";
  const char* before = ": ";
  for (const auto& [to, ec, source_failed] : attempts) {
    text += before + detail::printable(to) + ": ";
    if (source_failed) text += "cannot bind to the source address " + detail::printable(*options.source) + ": ";
    text += ec == timed_out && limit ? "no connection within " + detail::duration_text(*limit) : ec.message();
    before = "; ";
  }
  return text;
}

std::vector<address> resolve(std::string_view host, std::string_view service, const connection_options& options,
                             std::optional<std::chrono::nanoseconds> limit, error_code& ec) {
  std::vector<address> found;
  for (auto& entry : getaddrinfo(host, service, {options.family, SOCK_STREAM, 0, 0, limit}, ec))
    if (!options.source || options.source->family() == entry.family) found.push_back(entry.address);
  if (ec || !found.empty()) return found;
  detail::fail(ec, {EAFNOSUPPORT, boost::system::system_category()},
               plugin::quote(host) + " has no address of the same family as the source address " +
                   detail::printable(*options.source));
  return found;
}

}  // namespace

connection_error::connection_error(std::vector<attempt> attempts, std::string text)
    : error(code_of(attempts), std::move(text)), attempts_(std::move(attempts)) {}
connection_error::~connection_error() = default;

socket create_connection(std::string_view host, std::string_view service, const connection_options& options) {
  error_code ec;
  std::vector<attempt> attempts;
  auto s = create_connection(host, service, options, ec, &attempts);
  if (ec && !attempts.empty() && ec == code_of(attempts))
    throw connection_error(std::move(attempts), std::string(last_detail()));
  detail::check(ec, "create_connection");
  return s;
}

socket create_connection(std::string_view host, std::string_view service, const connection_options& options,
                         error_code& ec, std::vector<attempt>* attempts) {
  ec.clear();
  if (attempts) attempts->clear();
  const auto limit = options.timeout ? options.timeout : socket::default_timeout();
  if (limit && limit->count() < 0) {
    detail::fail(ec, errc::invalid_argument, "create_connection: the timeout is negative");
    return {};
  }
  std::optional<clock::time_point> deadline;
  if (limit) deadline = clock::now() + std::min<std::chrono::nanoseconds>(*limit, std::chrono::hours(24 * 365));
  auto addresses = resolve(host, service, options, limit, ec);
  if (ec) return {};
  if (options.happy_eyeballs) addresses = interleave_families(std::move(addresses));

  happy_eyeballs connecting(addresses, options, deadline);
  auto connected = connecting.run(ec);
  auto failed = connecting.failures();
  if (connected) {
    connected.timeout(limit, ec);
    if (ec) connected = {};
  } else if (ec == timed_out) {
    detail::fail(ec, code_of(failed), describe(failed, options, limit));
  }
  if (attempts) *attempts = std::move(failed);
  return connected;
}

}  // namespace afplug
