// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A socket of the family: what all handles on it share.
//
// One lock guards all endpoints. It is held for a copy of at most a buffer's size and a few calls on beacons, which
// never block, and while it is held nothing outside of the plugin is called: so there is no order of locks to keep, and
// whoever forks finds every endpoint in a whole state.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "address.hpp"
#include "beacon.hpp"
#include "inbox.hpp"

namespace loop {

class endpoint;
using endpoint_ptr = std::shared_ptr<endpoint>;

/// The lock, and what goes once it is released: closing a descriptor that was passed may take the kernel a while.
struct critical {
  std::list<message> messages;
  std::vector<descriptor> descriptors;
  std::unique_lock<std::mutex> lock;
  critical();
};

/// What an option remembers, and nothing else: the family has no use for it, and programs that set it mean no harm.
struct remembered {
  std::int32_t reuse_address = 0, reuse_port = 0, keep_alive = 0, broadcast = 0, dont_route = 0, priority = 0;
  ::linger linger{};
};

/// All members want the lock held. Those that return int32 give 0 or -errno.
class endpoint : public std::enable_shared_from_this<endpoint> {
 public:
  endpoint(std::int32_t type, std::int32_t number) noexcept : type_(type), number_(number) {}

  std::int32_t bind(std::string_view name);
  std::int32_t listen(std::int32_t backlog);
  std::int32_t connect(std::string_view name);
  /// Of datagrams: connects to nobody.
  std::int32_t disconnect();
  std::int32_t connect_result();
  /// The connection that waits longest, or -EAGAIN. It stays where it is until `accepted`.
  std::int32_t acceptable(endpoint_ptr& out) const;
  void accepted();
  std::int32_t shutdown(std::int32_t how);
  static void join(const endpoint_ptr& a, const endpoint_ptr& b);

  /// Takes `sent` if it has room; `data` are its bytes, copied as far as there is room. The count, or -errno.
  std::int64_t send(message& sent, const buffers& data, const std::string_view* to);
  std::int64_t receive(afplug_message& into, critical& section);

  /// Undoes all its ties, and empties it. `tell`: and lets the others know.
  void leave(critical& section, bool tell) noexcept;

  std::int32_t get_option(std::int32_t level, std::int32_t number, void* data, std::uint32_t* bytes);
  std::int32_t set_option(std::int32_t level, std::int32_t number, const void* data, std::uint32_t bytes);

  std::int32_t poll_bits() const noexcept;
  /// Shows on the beacon what holds now.
  void show() noexcept;

  std::int32_t type() const noexcept { return type_; }
  std::int32_t number() const noexcept { return number_; }
  const std::string& name() const noexcept { return name_; }
  /// How far it is: "fresh", "listening", "connecting", "connected".
  std::string_view stage_name() const noexcept {
    constexpr std::string_view names[] = {"fresh", "listening", "connecting", "connected"};
    return names[static_cast<std::size_t>(stage_)];
  }
  const std::string* peer_name() const noexcept { return stage_ == stage::connected ? &peer_name_ : nullptr; }

  beacon polled;  // closed while it waits to be accepted
  std::size_t handles = 0;

 private:
  enum class stage { fresh, listening, connecting, connected };

  bool is_stream() const noexcept { return type_ == SOCK_STREAM; }
  bool has_connections() const noexcept { return type_ != SOCK_DGRAM; }
  bool readable() const noexcept;
  bool writable() const noexcept;
  /// What `to` takes in of ours.
  std::size_t capacity(const endpoint& to) const noexcept;
  bool worth_sending(const endpoint& to) const noexcept;
  bool backlog_full() const noexcept { return pending_.size() > backlog_; }
  void admit(endpoint& client);
  void admit_waiting();
  std::int32_t take_error() noexcept { return -std::exchange(error_, 0); }
  std::int64_t send_bytes(message& sent, const buffers& data);
  std::int64_t send_record(message& sent, const buffers& data, endpoint& to);
  std::int32_t find_receiver(const std::string_view* to, endpoint_ptr& out);
  std::int64_t receive_bytes(afplug_message& into, critical& section);
  std::int64_t receive_record(afplug_message& into, critical& section);
  std::int32_t nothing_to_receive();
  void receiver_of(endpoint* sender);
  void forget_sender(endpoint* sender) noexcept;
  void made_room() noexcept;
  void let_go_of_peer() noexcept;
  std::int32_t own_option(std::int32_t number) const noexcept;

  const std::int32_t type_;
  const std::int32_t number_;  // of the family, in the host that opened it
  stage stage_ = stage::fresh;
  bool read_shut_ = false, write_shut_ = false;
  std::int32_t error_ = 0;

  std::string name_;
  bool owns_name_ = false;  // an accepted one has its listener's
  std::string peer_name_;
  endpoint_ptr peer_;
  bool peer_died_ = false;

  inbox inbox_;
  std::vector<endpoint*> senders_;  // datagrams: those connected here, and those that wait for room here
  endpoint* held_by_ = nullptr;     // datagrams: the receiver that had no room

  std::deque<endpoint_ptr> pending_;  // connected, not yet accepted
  std::deque<endpoint*> waiting_;     // connecting: there was no room in pending_
  std::size_t backlog_ = 0;
  endpoint* listener_ = nullptr;  // of one that is connecting

  std::int32_t send_buffer_ = 212992, receive_buffer_ = 212992;
  bool pass_credentials_ = false;
  remembered remembered_;

  friend struct option_access;
};

}  // namespace loop
