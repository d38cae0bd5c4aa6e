// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "ancillary.hpp"
#include "endpoint.hpp"
#include "options.hpp"

namespace loop {

/// Gives the option tables access to the members of an endpoint.
struct option_access {
  // Doubles the size and limits it, as sock_setsockopt() in net/core/sock.c does (SOCK_MIN_SNDBUF).
  static std::int32_t buffer_size(std::int32_t requested) noexcept {
    constexpr std::int32_t min = 4608, max = 1 << 24;
    return std::max(std::clamp(requested, 0, max) * 2, min);
  }

  struct getter {
    std::int32_t level, number;
    std::int32_t (*get)(endpoint&);
  };
  static constexpr std::array getters{
      getter{SOL_SOCKET, SO_TYPE, [](endpoint& e) { return e.type_; }},
      getter{SOL_SOCKET, SO_DOMAIN, [](endpoint& e) { return e.family_; }},
      getter{SOL_SOCKET, SO_PROTOCOL, [](endpoint&) { return 0; }},
      getter{SOL_SOCKET, SO_ACCEPTCONN, [](endpoint& e) { return e.state_ == endpoint::state::listening ? 1 : 0; }},
      getter{SOL_SOCKET, SO_SNDBUF, [](endpoint& e) { return e.send_buffer_; }},
      getter{SOL_SOCKET, SO_RCVBUF, [](endpoint& e) { return e.receive_buffer_; }},
      getter{SOL_SOCKET, SO_PASSCRED, [](endpoint& e) { return e.pass_credentials_ ? 1 : 0; }},
      getter{SOL_SOCKET, SO_ERROR,
             [](endpoint& e) {
               const auto error = std::exchange(e.error_, 0);
               e.update_readiness();
               return error;
             }},
      getter{SOL_SOCKET, SO_REUSEADDR, [](endpoint& e) { return e.stored_options_.reuse_address; }},
      getter{SOL_SOCKET, SO_REUSEPORT, [](endpoint& e) { return e.stored_options_.reuse_port; }},
      getter{SOL_SOCKET, SO_KEEPALIVE, [](endpoint& e) { return e.stored_options_.keep_alive; }},
      getter{SOL_SOCKET, SO_BROADCAST, [](endpoint& e) { return e.stored_options_.broadcast; }},
      getter{SOL_SOCKET, SO_DONTROUTE, [](endpoint& e) { return e.stored_options_.dont_route; }},
      getter{SOL_SOCKET, SO_PRIORITY, [](endpoint& e) { return e.stored_options_.priority; }},
      getter{SOL_LOOP, LOOP_INQ,
             [](endpoint& e) {
               const auto bytes = e.receive_queue_.empty() || e.is_stream() ? e.receive_queue_.bytes()
                                                                            : e.receive_queue_.front().bytes.size();
               return static_cast<std::int32_t>(bytes);
             }},
      getter{SOL_LOOP, LOOP_OUTQ,
             [](endpoint& e) { return e.peer_ ? static_cast<std::int32_t>(e.peer_->receive_queue_.bytes()) : 0; }},
      getter{SOL_LOOP, LOOP_BACKLOG, [](endpoint& e) { return static_cast<std::int32_t>(e.backlog_); }},
      getter{SOL_LOOP, LOOP_PENDING, [](endpoint& e) { return static_cast<std::int32_t>(e.pending_.size()); }},
  };

  struct setter {
    std::int32_t level, number;
    std::int32_t (*set)(endpoint&, std::int32_t);
  };
  template <auto Member>
  static std::int32_t store_flag(endpoint& e, std::int32_t value) {
    e.stored_options_.*Member = value != 0;
    return 0;
  }
  static void buffer_size_changed(endpoint& e) {
    e.space_freed();
    if (e.peer_) e.peer_->update_readiness();
  }
  static constexpr std::array setters{
      setter{SOL_SOCKET, SO_SNDBUF,
             [](endpoint& e, std::int32_t value) {
               e.send_buffer_ = buffer_size(value);
               buffer_size_changed(e);
               return 0;
             }},
      setter{SOL_SOCKET, SO_RCVBUF,
             [](endpoint& e, std::int32_t value) {
               e.receive_buffer_ = buffer_size(value);
               buffer_size_changed(e);
               return 0;
             }},
      setter{SOL_SOCKET, SO_PASSCRED,
             [](endpoint& e, std::int32_t value) {
               e.pass_credentials_ = value != 0;
               return 0;
             }},
      setter{SOL_SOCKET, SO_REUSEADDR, &store_flag<&stored_options::reuse_address>},
      setter{SOL_SOCKET, SO_REUSEPORT, &store_flag<&stored_options::reuse_port>},
      setter{SOL_SOCKET, SO_KEEPALIVE, &store_flag<&stored_options::keep_alive>},
      setter{SOL_SOCKET, SO_BROADCAST, &store_flag<&stored_options::broadcast>},
      setter{SOL_SOCKET, SO_DONTROUTE, &store_flag<&stored_options::dont_route>},
      setter{SOL_SOCKET, SO_PRIORITY,
             [](endpoint& e, std::int32_t value) {
               e.stored_options_.priority = value;
               return 0;
             }},
      setter{SOL_LOOP, LOOP_BACKLOG,
             [](endpoint& e, std::int32_t value) {
               return e.state_ == endpoint::state::listening ? e.listen(value) : -EINVAL;
             }},
  };

  static ::ucred peer_credentials(const endpoint& e) noexcept {
    const bool has_peer = e.state_ == endpoint::state::connected || e.state_ == endpoint::state::listening;
    return has_peer ? own_credentials() : ::ucred{0, static_cast<uid_t>(-1), static_cast<gid_t>(-1)};
  }
};

namespace {

template <class Table>
auto find(const Table& table, std::int32_t level, std::int32_t number) {
  return std::find_if(table.begin(), table.end(),
                      [&](const auto& row) { return row.level == level && row.number == number; });
}

template <class T>
std::int32_t copy_out(const T& value, void* data, std::uint32_t* bytes) {
  *bytes = std::min<std::uint32_t>(*bytes, sizeof value);
  std::memcpy(data, &value, *bytes);
  return 0;
}

}  // namespace

std::int32_t endpoint::get_option(std::int32_t level, std::int32_t number, void* data, std::uint32_t* bytes) {
  if (level == SOL_SOCKET && number == SO_LINGER) return copy_out(stored_options_.linger, data, bytes);
  if (level == SOL_SOCKET && number == SO_PEERCRED)
    return copy_out(option_access::peer_credentials(*this), data, bytes);
  const auto found = find(option_access::getters, level, number);
  if (found == option_access::getters.end()) return -ENOPROTOOPT;
  return copy_out(found->get(*this), data, bytes);
}

std::int32_t endpoint::set_option(std::int32_t level, std::int32_t number, const void* data, std::uint32_t bytes) {
  if (data == nullptr && bytes != 0) return -EFAULT;
  if (level == SOL_SOCKET && number == SO_LINGER) {
    if (bytes < sizeof stored_options_.linger) return -EINVAL;
    std::memcpy(&stored_options_.linger, data, sizeof stored_options_.linger);
    stored_options_.linger.l_onoff = stored_options_.linger.l_onoff != 0;
    return 0;
  }
  const auto found = find(option_access::setters, level, number);
  if (found == option_access::setters.end()) return -ENOPROTOOPT;
  std::int32_t value;
  if (bytes < sizeof value) return -EINVAL;
  std::memcpy(&value, data, sizeof value);
  return found->set(*this, value);
}

}  // namespace loop
