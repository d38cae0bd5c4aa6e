// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "endpoint.hpp"

#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <map>

#include "ancillary.hpp"

namespace loop {

namespace {

std::mutex endpoints_mutex;

// Holds the mutex across fork, so that a child never inherits it locked, or an endpoint that another thread was
// changing.
[[maybe_unused]] const int fork_handlers = ::pthread_atfork(
    [] { endpoints_mutex.lock(); }, [] { endpoints_mutex.unlock(); }, [] { endpoints_mutex.unlock(); });

// The bound endpoints by name. Never destroyed: threads may close sockets while static destructors run.
std::map<std::string, endpoint*, std::less<>>& bound_endpoints() {
  static auto& all = *new std::map<std::string, endpoint*, std::less<>>;
  return all;
}

endpoint* find_bound(std::string_view name) {
  const auto found = bound_endpoints().find(name);
  return found == bound_endpoints().end() ? nullptr : found->second;
}

std::string unused_name() {
  static unsigned last = 0;
  char name[16];
  do std::snprintf(name, sizeof name, "#%05x", ++last & 0xfffff);
  while (find_bound(name) != nullptr);
  return name;
}

constexpr unsigned max_backlog = 4096;

}  // namespace

locked_section::locked_section() : lock(endpoints_mutex) {}

readiness_update::~readiness_update() { of_.update_readiness(); }

// ---- names and connections ----

std::int32_t endpoint::bind(std::string_view name) {
  if (name.empty() && !name_.empty()) return 0;
  if (!name_.empty() || state_ == state::connecting) return -EINVAL;
  if (!name.empty() && find_bound(name) != nullptr) return -EADDRINUSE;
  auto chosen = name.empty() ? unused_name() : std::string(name);
  bound_endpoints().emplace(chosen, this);
  name_ = std::move(chosen);
  owns_name_ = true;
  return 0;
}

std::int32_t endpoint::listen(std::int32_t backlog) {
  if (!has_connections()) return -EOPNOTSUPP;
  if ((state_ != state::unconnected && state_ != state::listening) || name_.empty()) return -EINVAL;
  backlog_ = std::min(static_cast<unsigned>(backlog), max_backlog);
  state_ = state::listening;
  add_waiting_clients();
  update_readiness();
  return 0;
}

std::int32_t endpoint::connect(std::string_view name) {
  if (!has_connections()) {
    endpoint* to = find_bound(name);
    if (to == nullptr) return -ECONNREFUSED;
    if (to->type_ != type_) return -EPROTOTYPE;
    if (to->peer_ && to->peer_.get() != this) return -EPERM;
    std::string peer_name(name);
    to->add_sender(this);
    if (peer_.get() != to) drop_peer();
    peer_ = to->shared_from_this();
    peer_name_ = std::move(peer_name);
    peer_closed_ = false;
    state_ = state::connected;
    update_readiness();
    return 0;
  }
  if (state_ == state::connected) return -EISCONN;
  if (state_ == state::connecting) return -EALREADY;
  if (state_ == state::listening || name.empty()) return -EINVAL;
  endpoint* to = find_bound(name);
  if (to == nullptr) return -ECONNREFUSED;
  if (to->type_ != type_) return -EPROTOTYPE;
  if (to->state_ != state::listening || to->read_shut_) return -ECONNREFUSED;
  std::list<connection> begun;
  begun.push_back({std::make_shared<endpoint>(type_, family_), this});
  endpoint& accepted = *begun.front().accepted;
  accepted.name_ = to->name_;
  accepted.peer_name_ = name_;
  std::string peer_name = to->name_;
  if (!to->readiness.set_readable()) return -ENOBUFS;
  const readiness_update later(*to);
  peer_name_ = std::move(peer_name);
  error_ = 0;
  listener_ = to;
  state_ = state::connecting;
  to->waiting_clients_.splice(to->waiting_clients_.end(), begun);
  to->add_waiting_clients();
  update_readiness();
  return state_ == state::connected ? 0 : -EINPROGRESS;
}

// Connects clients for as long as there is space in the backlog.
void endpoint::add_waiting_clients() noexcept {
  while (!waiting_clients_.empty() && !backlog_full()) {
    pending_.splice(pending_.end(), waiting_clients_, waiting_clients_.begin());
    const auto& [accepted, client] = pending_.back();
    client->listener_ = nullptr;
    accepted->send_buffer_ = send_buffer_;
    accepted->receive_buffer_ = receive_buffer_;
    accepted->pass_credentials_ = pass_credentials_;
    link(accepted, client->shared_from_this());
  }
}

void endpoint::link(const endpoint_ptr& a, const endpoint_ptr& b) noexcept {
  a->peer_ = b;
  b->peer_ = a;
  a->state_ = b->state_ = state::connected;
  a->update_readiness();
  b->update_readiness();
}

void endpoint::connect_pair(const endpoint_ptr& a, const endpoint_ptr& b) {
  if (!a->has_connections()) {
    a->senders_.reserve(a->senders_.size() + 1);
    b->senders_.reserve(b->senders_.size() + 1);
    a->add_sender(b.get());
    b->add_sender(a.get());
  }
  link(a, b);
}

std::int32_t endpoint::connect_result() {
  if (state_ == state::connecting) return -EALREADY;
  if (error_ == 0) return state_ == state::connected ? 0 : -ENOTCONN;
  const auto result = take_error();
  update_readiness();
  return result;
}

std::int32_t endpoint::first_pending(endpoint_ptr& out) const {
  if (!has_connections()) return -EOPNOTSUPP;
  if (state_ != state::listening) return -EINVAL;
  if (pending_.empty()) return read_shut_ ? -EINVAL : -EAGAIN;
  out = pending_.front().accepted;
  return 0;
}

void endpoint::pop_pending() {
  pending_.pop_front();
  add_waiting_clients();
  update_readiness();
}

std::int32_t endpoint::shutdown(std::int32_t how) {
  if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return -EINVAL;
  if (has_connections() && state_ != state::connected && state_ != state::listening) return -ENOTCONN;
  const bool reading = how != SHUT_WR, writing = how != SHUT_RD;
  read_shut_ |= reading;
  write_shut_ |= writing;
  if (has_connections() && peer_) {
    peer_->read_shut_ |= writing;
    peer_->write_shut_ |= reading;
    peer_->update_readiness();
  }
  if (state_ == state::listening && reading)
    for (; !waiting_clients_.empty(); waiting_clients_.pop_front()) {
      endpoint& client = *waiting_clients_.front().client;
      client.listener_ = nullptr;
      client.state_ = state::unconnected;
      client.error_ = ECONNREFUSED;
      client.update_readiness();
    }
  update_readiness();
  return 0;
}

// ---- sending ----

std::size_t endpoint::capacity(const endpoint& to) const noexcept {
  const auto space = static_cast<std::size_t>(to.receive_buffer_);
  return has_connections() ? space + static_cast<std::size_t>(send_buffer_) : space;
}

// POLLOUT is set once a quarter of the receiver's buffer is free, so that a blocked sender is not woken for every byte
// received. sock_writeable() in include/net/sock.h has a threshold for the same reason.
bool endpoint::has_write_space(const endpoint& to) const noexcept {
  return to.receive_queue_.memory() <= capacity(to) / 4 * 3;
}

std::int64_t endpoint::send(message& sent, const buffer_sequence& data, const std::string_view* to) {
  if (is_stream() && to != nullptr) return state_ == state::connected ? -EISCONN : -EOPNOTSUPP;
  if (write_shut_) return -EPIPE;
  if (has_connections()) {
    if (state_ == state::connecting) return -EAGAIN;
    if (state_ != state::connected) return -ENOTCONN;
    return is_stream() ? send_bytes(sent, data) : send_record(sent, data, *peer_);
  }
  endpoint_ptr receiver;
  if (const auto error = find_receiver(to, receiver)) return error;
  return send_record(sent, data, *receiver);
}

std::int32_t endpoint::find_receiver(const std::string_view* to, endpoint_ptr& out) {
  if (to == nullptr) {
    if (peer_closed_) {
      peer_closed_ = false;
      state_ = state::unconnected;
      return -ECONNREFUSED;
    }
    if (!peer_) return -ENOTCONN;
    out = peer_;
    return 0;
  }
  if (to->empty()) return -EINVAL;
  endpoint* receiver = find_bound(*to);
  if (receiver == nullptr) return -ECONNREFUSED;
  if (receiver->type_ != type_) return -EPROTOTYPE;
  if (receiver->peer_ && receiver->peer_.get() != this) return -EPERM;
  out = receiver->shared_from_this();
  return 0;
}

std::int64_t endpoint::send_bytes(message& sent, const buffer_sequence& data) {
  const auto all = data.size();
  if (all == 0) return 0;
  const auto most = capacity(*peer_), used = peer_->receive_queue_.memory();
  if (used >= most) return -EAGAIN;
  const auto count = std::min(all, most - used);
  data.gather(0, count, sent.bytes);
  if (peer_->pass_credentials_ && !sent.sender) sent.sender = own_credentials();
  if (!peer_->readiness.set_readable()) return -ENOBUFS;
  const readiness_update later(*peer_);
  peer_->receive_queue_.append_bytes(std::move(sent));
  update_readiness();
  return static_cast<std::int64_t>(count);
}

std::int64_t endpoint::send_record(message& sent, const buffer_sequence& data, endpoint& to) {
  const auto size = data.size();
  if (size > static_cast<std::size_t>(send_buffer_)) return -EMSGSIZE;
  if (to.read_shut_) return -EPIPE;
  if (to.receive_queue_.memory() >= capacity(to)) {
    if (!has_connections() && &to != peer_.get()) {
      to.add_sender(this);
      if (blocked_on_ != nullptr && blocked_on_ != &to && blocked_on_ != peer_.get()) blocked_on_->remove_sender(this);
      blocked_on_ = &to;
      update_readiness();
    }
    return -EAGAIN;
  }
  data.gather(0, size, sent.bytes);
  sent.from = name_;
  if (to.pass_credentials_ && !sent.sender) sent.sender = own_credentials();
  if (!to.readiness.set_readable()) return -ENOBUFS;
  const readiness_update later(to);
  to.receive_queue_.push_record(std::move(sent));
  for (endpoint* other : to.senders_) other->update_readiness();
  update_readiness();
  return static_cast<std::int64_t>(size);
}

// ---- receiving ----

std::int32_t endpoint::receive_from_empty() {
  if (error_ != 0) {
    const auto result = take_error();
    update_readiness();
    return result;
  }
  if (read_shut_) return 0;
  if (has_connections() && state_ != state::connected && state_ != state::connecting) return -ENOTCONN;
  return -EAGAIN;
}

std::int64_t endpoint::receive(afplug_message& into, locked_section& section) {
  if (state_ == state::listening) return -ENOTCONN;
  if (receive_queue_.empty()) {
    const bool nothing_requested = is_stream() && state_ == state::connected && buffer_sequence(into).size() == 0;
    const auto result = nothing_requested ? 0 : receive_from_empty();
    if (result == 0) into.address_size = into.control_size = 0, into.flags = 0;
    return result;
  }
  return is_stream() ? receive_bytes(into, section) : receive_record(into, section);
}

namespace {

std::vector<unique_fd> duplicates(const std::vector<unique_fd>& all) {
  std::vector<unique_fd> made;
  made.reserve(all.size());
  for (const auto& one : all) made.push_back(duplicate(one.get()));
  return made;
}

}  // namespace

std::int64_t endpoint::receive_bytes(afplug_message& into, locked_section& section) {
  const buffer_sequence buffers(into);
  const bool peek = (into.flags & MSG_PEEK) != 0;
  std::size_t count = 0;
  std::optional<::ucred> sender;
  std::vector<unique_fd> rights;
  for (const message& segment : receive_queue_.segments()) {
    auto from = pass_credentials_ ? segment.sender : std::nullopt;
    if (pass_credentials_ && !from) from = own_credentials();
    if (sender && !same_credentials(*sender, *from)) break;
    const auto n = buffers.scatter(count, std::string_view(segment.bytes).substr(segment.consumed));
    if (n == 0) break;
    count += n;
    sender = from;
    if (!segment.rights.empty()) {
      if (peek) rights = duplicates(segment.rights);
      break;
    }
  }
  if (!peek) {
    receive_queue_.consume(count, rights);
    space_freed();
  }
  into.flags = write_control(into, sender, rights);
  into.address_size = 0;
  section.descriptors = std::move(rights);
  return static_cast<std::int64_t>(count);
}

std::int64_t endpoint::receive_record(afplug_message& into, locked_section& section) {
  const bool peek = (into.flags & MSG_PEEK) != 0, report_full_size = (into.flags & MSG_TRUNC) != 0;
  std::vector<unique_fd> rights;
  if (peek) {
    rights = duplicates(receive_queue_.front().rights);
  } else {
    receive_queue_.pop_record(section.messages);
    rights = std::move(section.messages.back().rights);
  }
  const message& record = peek ? receive_queue_.front() : section.messages.back();
  const auto count = buffer_sequence(into).scatter(0, record.bytes);
  std::optional<::ucred> sender;
  if (pass_credentials_) sender = record.sender ? *record.sender : own_credentials();
  if (into.address != nullptr && !record.from.empty()) {
    const auto from = address_of(record.from, family_);
    std::copy_n(from.u.bytes, std::min(into.address_size, from.length), static_cast<std::uint8_t*>(into.address));
    into.address_size = from.length;
  } else {
    into.address_size = 0;
  }
  into.flags = write_control(into, sender, rights);
  if (count < record.bytes.size()) into.flags |= MSG_TRUNC;
  if (record.end_of_record) into.flags |= MSG_EOR;
  const auto size = report_full_size ? record.bytes.size() : count;
  section.descriptors = std::move(rights);
  if (!peek) space_freed();
  return static_cast<std::int64_t>(size);
}

// Called when data was received: blocked senders can continue.
void endpoint::space_freed() noexcept {
  if (has_connections()) {
    if (peer_) peer_->update_readiness();
  } else {
    for (std::size_t i = senders_.size(); i-- > 0;) {
      endpoint* sender = senders_[i];
      if (sender->blocked_on_ == this && sender->has_write_space(*this)) {
        sender->blocked_on_ = nullptr;
        if (sender->peer_.get() != this) remove_sender(sender);
      }
      sender->update_readiness();
    }
  }
  update_readiness();
}

// ---- senders ----

void endpoint::add_sender(endpoint* sender) {
  if (std::find(senders_.begin(), senders_.end(), sender) == senders_.end()) senders_.push_back(sender);
}

void endpoint::remove_sender(endpoint* sender) noexcept { std::erase(senders_, sender); }

void endpoint::drop_peer() noexcept {
  if (peer_ && blocked_on_ != peer_.get()) peer_->remove_sender(this);
  peer_.reset();
}

std::int32_t endpoint::disconnect() {
  if (has_connections()) return -EINVAL;
  drop_peer();
  peer_closed_ = false;
  state_ = state::unconnected;
  update_readiness();
  return 0;
}

void endpoint::close(locked_section& section, bool notify) noexcept {
  const auto update = [&](endpoint& other) {
    if (notify) other.update_readiness();
  };
  if (owns_name_) bound_endpoints().erase(name_);
  owns_name_ = false;
  if (listener_ != nullptr)
    std::erase_if(listener_->waiting_clients_, [this](const connection& one) { return one.client == this; });
  listener_ = nullptr;
  for (const auto& [unused, client] : waiting_clients_) {
    client->listener_ = nullptr;
    client->state_ = state::unconnected;
    client->error_ = ECONNREFUSED;
    update(*client);
  }
  waiting_clients_.clear();
  for (const auto& [accepted, client] : pending_) {
    if (accepted->peer_) accepted->peer_->error_ = ECONNRESET;
    accepted->close(section, notify);
  }
  pending_.clear();

  if (blocked_on_ != nullptr) blocked_on_->remove_sender(this);
  blocked_on_ = nullptr;
  if (has_connections()) {
    if (peer_) {
      peer_->read_shut_ = peer_->write_shut_ = true;
      if (!receive_queue_.empty()) peer_->error_ = ECONNRESET;
      peer_->peer_.reset();
      update(*peer_);
    }
  } else {
    if (peer_) peer_->remove_sender(this);
    for (endpoint* sender : senders_) {
      if (sender->blocked_on_ == this) sender->blocked_on_ = nullptr;
      if (sender->peer_.get() == this && sender != this) {
        sender->peer_.reset();
        sender->peer_closed_ = true;
      }
      update(*sender);
    }
    senders_.clear();
  }
  peer_.reset();
  receive_queue_.clear(section.messages);
}

// ---- readiness ----

bool endpoint::readable() const noexcept {
  if (error_ != 0 || read_shut_ || !receive_queue_.empty()) return true;
  return !pending_.empty();
}

bool endpoint::writable() const noexcept {
  if (state_ == state::listening || state_ == state::connecting || blocked_on_ != nullptr) return false;
  return write_shut_ || !peer_ || has_write_space(*peer_);
}

void endpoint::update_readiness() noexcept {
  readiness.update(readable(), writable(), read_shut_, read_shut_ && write_shut_);
}

std::int32_t endpoint::poll_bits() const noexcept {
  std::int32_t bits = 0;
  if (readable()) bits |= POLLIN | POLLRDNORM;
  if (writable()) bits |= POLLOUT | POLLWRNORM;
  if (error_ != 0) bits |= POLLERR;
  if (read_shut_) bits |= POLLRDHUP;
  if (read_shut_ && write_shut_) bits |= POLLHUP;
  return bits;
}

}  // namespace loop
