// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A socket of the family, shared by all handles on it (duplicates).
//
// One mutex guards all endpoints. It is held while at most one buffer is copied, and for calls on readiness_fd, which
// do not block. Nothing outside of the plugin is called under it, so there is no lock order to keep; fork waits for it,
// so that a child finds every endpoint consistent.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "address.hpp"
#include "readiness_fd.hpp"
#include "receive_queue.hpp"

namespace loop {

class endpoint;
using endpoint_ptr = std::shared_ptr<endpoint>;

/// Holds the mutex of all endpoints. Received messages and descriptors are destroyed after it is released, because
/// closing a descriptor may take the kernel a while.
struct locked_section {
  std::list<message> messages;
  std::vector<unique_fd> descriptors;
  std::unique_lock<std::mutex> lock;
  locked_section();
};

/// Sets the events of an endpoint at the end of a scope, with exceptions too.
class readiness_update {
 public:
  explicit readiness_update(endpoint& of) noexcept : of_(of) {}
  ~readiness_update();
  readiness_update(const readiness_update&) = delete;
  readiness_update& operator=(const readiness_update&) = delete;

 private:
  endpoint& of_;
};

/// Options of SOL_SOCKET that can be set and read and have no effect.
struct stored_options {
  std::int32_t reuse_address = 0, reuse_port = 0, keep_alive = 0, broadcast = 0, dont_route = 0, priority = 0;
  ::linger linger{};
};

/// All members require the mutex (locked_section). Those that return an int32 return 0 or -errno.
class endpoint : public std::enable_shared_from_this<endpoint> {
 public:
  endpoint(std::int32_t type, std::int32_t family) noexcept : type_(type), family_(family) {}

  std::int32_t bind(std::string_view name);
  std::int32_t listen(std::int32_t backlog);
  std::int32_t connect(std::string_view name);
  /// Datagrams: removes the peer, as connect(2) with AF_UNSPEC.
  std::int32_t disconnect();
  std::int32_t connect_result();
  /// The oldest pending connection, or -EAGAIN. It stays in the queue until `pop_pending`.
  std::int32_t first_pending(endpoint_ptr& out) const;
  void pop_pending();
  std::int32_t shutdown(std::int32_t how);
  static void connect_pair(const endpoint_ptr& a, const endpoint_ptr& b);  ///< if it throws, nothing is changed

  /// Copies as much of `data` as there is space for and moves `sent` to the receiver. Returns the bytes sent or -errno.
  std::int64_t send(message& sent, const buffer_sequence& data, const std::string_view* to);
  std::int64_t receive(afplug_message& into, locked_section& section);

  /// Disconnects from all other endpoints and discards the queue. `notify`: updates the readiness of the others.
  void close(locked_section& section, bool notify) noexcept;

  std::int32_t get_option(std::int32_t level, std::int32_t number, void* data, std::uint32_t* bytes);
  std::int32_t set_option(std::int32_t level, std::int32_t number, const void* data, std::uint32_t bytes);

  bool readable() const noexcept;
  std::int32_t poll_bits() const noexcept;  ///< POLLIN and others that are set now
  void update_readiness() noexcept;         ///< sets the events on the readiness_fd

  std::int32_t type() const noexcept { return type_; }
  std::int32_t family() const noexcept { return family_; }
  const std::string& name() const noexcept { return name_; }
  /// "unconnected", "listening", "connecting", "connected".
  std::string_view state_name() const noexcept {
    constexpr std::string_view names[] = {"unconnected", "listening", "connecting", "connected"};
    return names[static_cast<std::size_t>(state_)];
  }
  const std::string* peer_name() const noexcept { return state_ == state::connected ? &peer_name_ : nullptr; }

  readiness_fd readiness;  // not open before the connection is accepted
  std::size_t handle_count = 0;

 private:
  enum class state { unconnected, listening, connecting, connected };

  bool is_stream() const noexcept { return type_ == SOCK_STREAM; }
  bool has_connections() const noexcept { return type_ != SOCK_DGRAM; }
  bool writable() const noexcept;
  /// Bytes that `to` queues at most when this endpoint sends to it.
  std::size_t capacity(const endpoint& to) const noexcept;
  bool has_write_space(const endpoint& to) const noexcept;
  bool backlog_full() const noexcept { return pending_.size() > backlog_; }
  void add_waiting_clients() noexcept;
  std::int32_t take_error() noexcept { return -std::exchange(error_, 0); }
  std::int64_t send_bytes(message& sent, const buffer_sequence& data);
  std::int64_t send_record(message& sent, const buffer_sequence& data, endpoint& to);
  std::int32_t find_receiver(const std::string_view* to, endpoint_ptr& out);
  std::int64_t receive_bytes(afplug_message& into, locked_section& section);
  std::int64_t receive_record(afplug_message& into, locked_section& section);
  std::int32_t receive_from_empty();
  void add_sender(endpoint* sender);
  static void link(const endpoint_ptr& a, const endpoint_ptr& b) noexcept;
  void remove_sender(endpoint* sender) noexcept;
  void space_freed() noexcept;
  void drop_peer() noexcept;

  const std::int32_t type_;
  const std::int32_t family_;  // the number that the host gave the family
  state state_ = state::unconnected;
  bool read_shut_ = false, write_shut_ = false;
  std::int32_t error_ = 0;  // SO_ERROR

  std::string name_;
  bool owns_name_ = false;  // false for accepted connections, which have the name of their listener
  std::string peer_name_;
  endpoint_ptr peer_;
  bool peer_closed_ = false;

  receive_queue receive_queue_;
  std::vector<endpoint*> senders_;  // datagrams: those connected to this one, and those blocked on it
  endpoint* blocked_on_ = nullptr;  // datagrams: the receiver whose queue was full

  /// A connection that a client has begun: everything that it needs is allocated then, as the kernel does.
  struct connection {
    endpoint_ptr accepted;  // the end that accept returns
    endpoint* client;
  };
  std::list<connection> pending_;          // listener: connected, not yet accepted
  std::list<connection> waiting_clients_;  // listener: connecting, because pending_ was full
  std::size_t backlog_ = 0;
  endpoint* listener_ = nullptr;  // of a connecting client

  std::int32_t send_buffer_ = 212992, receive_buffer_ = 212992;  // bytes; the default of net.core.wmem_default
  bool pass_credentials_ = false;
  stored_options stored_options_;

  friend struct option_access;
};

}  // namespace loop
