// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The race of RFC 8305 to one of a host's addresses.
#include <afplug/connect.hpp>
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

constexpr auto least_delay = std::chrono::milliseconds(10);
const error_code timed_out = errc::timed_out;

// RFC 8305 §4: the resolver's order, its families in turn.
std::vector<address> in_turn(std::vector<address> all) {
  std::vector<address> turns;
  turns.reserve(all.size());
  while (!all.empty()) {
    const int wanted = turns.empty() ? all.front().family() : turns.back().family();
    auto pick =
        turns.empty() ? all.begin() : std::ranges::find_if(all, [&](const address& a) { return a.family() != wanted; });
    if (pick == all.end()) pick = all.begin();
    turns.push_back(*pick);
    all.erase(pick);
  }
  return turns;
}

// One socket on its way to one address.
struct runner {
  socket s;
  std::size_t lane;
};

enum class state { under_way, connected, failed };

class race {
 public:
  race(std::vector<address> lanes, const connection_options& options, std::optional<clock::time_point> deadline)
      : options_(options), deadline_(deadline) {
    for (auto& to : lanes) lanes_.push_back({to, {}});
  }

  // The winner; without one `ec` says why, and failures() of which addresses.
  socket run(error_code& ec) {
    const auto delay = std::max<std::chrono::milliseconds>(options_.attempt_delay, least_delay);
    auto next_start = clock::now();
    for (;;) {
      const auto now = clock::now();
      const bool more = started_ < lanes_.size();
      if (more && (runners_.empty() || (options_.happy_eyeballs && now >= next_start))) {
        const auto how = start();
        if (how == state::connected) return std::move(runners_.back().s);
        next_start = how == state::failed ? now : now + delay;
        continue;
      }
      if (runners_.empty()) break;
      if (deadline_ && now >= *deadline_) {
        for (const auto& each : runners_) lanes_[each.lane].ec = timed_out;
        break;
      }
      auto until = deadline_;
      if (more && options_.happy_eyeballs) until = until ? std::min(*until, next_start) : next_start;
      if (!wait(until, ec)) return {};
      for (std::size_t i = 0; i < runners_.size(); ++i)
        if (polled_[i].revents != 0 && finish(runners_[i]) == state::connected) return std::move(runners_[i].s);
      // Who failed makes room for the next at once.
      if (std::erase_if(runners_, [&](const runner& each) { return bool(lanes_[each.lane].ec); }) != 0)
        next_start = clock::now();
    }
    ec = timed_out;
    return {};
  }

  std::vector<attempt> failures() const {
    std::vector<attempt> failed;
    for (const auto& each : lanes_)
      if (each.ec) failed.push_back(each);
    return failed;
  }

 private:
  // The next lane's socket sets out.
  state start() {
    const auto lane = started_++;
    auto& [to, ec] = lanes_[lane];
    const auto* f = registry::global().family(to.family(), ec);
    if (!f) return state::failed;
    to.protocol(basic_protocol(*f, SOCK_STREAM, options_.protocol));
    auto s = socket::open(*f, SOCK_STREAM | SOCK_NONBLOCK, options_.protocol, ec);
    if (!ec && options_.source) s.bind(*options_.source, ec);
    if (!ec) s.connect(to, ec);
    const bool connected = !ec;
    if (ec && ec != error_code(EINPROGRESS, boost::system::system_category())) return state::failed;
    ec.clear();
    runners_.push_back({std::move(s), lane});
    return connected ? state::connected : state::under_way;
  }

  // False: `ec`, the waiting itself ended it.
  bool wait(std::optional<clock::time_point> until, error_code& ec) {
    polled_.clear();
    for (const auto& each : runners_) polled_.push_back({each.s.native_handle(), POLLOUT, 0});
    for (;;) {
      ::timespec left{};
      if (until) {
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(*until - clock::now()).count();
        if (ns > 0) left = {ns / 1000000000, ns % 1000000000};
      }
      if (::ppoll(polled_.data(), polled_.size(), until ? &left : nullptr, nullptr) >= 0) return true;
      if (errno != EINTR) return detail::fail_errno(ec, errno), false;
      if (detail::interrupted(ec)) return false;
    }
  }

  // How it goes with a runner that poll has woken.
  state finish(runner& r) {
    int error = 0;
    if (const auto* u = socket_access::user(r.s)) {
      if (detail::user_call(*u, u->ops().connect_result) != 0) error = errno;
    } else {
      ::socklen_t size = sizeof error;
      if (::getsockopt(r.s.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    }
    if (error == EALREADY) return state::under_way;
    if (error == 0 || error == EISCONN) return state::connected;
    lanes_[r.lane].ec = {error, boost::system::system_category()};
    return state::failed;
  }

  const connection_options& options_;
  std::optional<clock::time_point> deadline_;
  std::vector<attempt> lanes_;
  std::size_t started_ = 0;
  std::vector<runner> runners_;
  std::vector<::pollfd> polled_;
};

error_code code_of(const std::vector<attempt>& attempts) {
  if (attempts.empty()) return timed_out;
  for (const auto& each : attempts)
    if (each.ec == timed_out) return timed_out;
  return attempts.back().ec;
}

std::string sentence_of(const std::vector<attempt>& attempts) {
  std::string text = attempts.size() == 1 ? "no connection" : "no connection to any of the addresses";
  const char* before = ": ";
  for (const auto& [to, ec] : attempts) {
    text.append(before).append(to.to_string()).append(": ").append(ec.message());
    before = "; ";
  }
  return text;
}

std::vector<address> look_up(std::string_view host, std::string_view service, const connection_options& options,
                             std::optional<std::chrono::nanoseconds> limit, error_code& ec) {
  std::vector<address> found;
  for (auto& entry : getaddrinfo(host, service, {options.family, SOCK_STREAM, 0, 0, limit}, ec))
    if (!options.source || options.source->family() == entry.family) found.push_back(entry.address);
  if (ec || !found.empty()) return found;
  detail::fail(ec, {EAFNOSUPPORT, boost::system::system_category()},
               std::string(host) + " has no address of the family of the source " + options.source->to_string());
  return found;
}

}  // namespace

connection_error::connection_error(std::vector<attempt> attempts)
    : error(code_of(attempts), sentence_of(attempts)), attempts_(std::move(attempts)) {}
connection_error::~connection_error() = default;

socket create_connection(std::string_view host, std::string_view service, const connection_options& options) {
  error_code ec;
  std::vector<attempt> attempts;
  auto s = create_connection(host, service, options, ec, &attempts);
  if (ec && !attempts.empty() && ec == code_of(attempts)) throw connection_error(std::move(attempts));
  detail::check(ec, "create_connection");
  return s;
}

socket create_connection(std::string_view host, std::string_view service, const connection_options& options,
                         error_code& ec, std::vector<attempt>* attempts) {
  ec.clear();
  if (attempts) attempts->clear();
  const auto limit = options.timeout ? options.timeout : socket::default_timeout();
  if (limit && limit->count() < 0) {
    detail::fail(ec, errc::invalid_argument, "create_connection: the timeout is below zero");
    return {};
  }
  std::optional<clock::time_point> deadline;
  if (limit) deadline = clock::now() + std::min<std::chrono::nanoseconds>(*limit, std::chrono::hours(24 * 365));
  auto addresses = look_up(host, service, options, limit, ec);
  if (ec) return {};
  if (options.happy_eyeballs) addresses = in_turn(std::move(addresses));

  race all(std::move(addresses), options, deadline);
  auto winner = all.run(ec);
  auto failed = all.failures();
  if (winner) {
    winner.timeout(limit, ec);
    if (ec) winner = {};
  } else if (ec == timed_out) {
    detail::fail(ec, code_of(failed), sentence_of(failed));
  }
  if (attempts) *attempts = std::move(failed);
  return winner;
}

}  // namespace afplug
