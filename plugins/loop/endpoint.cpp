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

std::mutex everything;

// A child finds the lock free, and no endpoint half changed by a thread that it does not have.
[[maybe_unused]] const int at_fork =
    ::pthread_atfork([] { everything.lock(); }, [] { everything.unlock(); }, [] { everything.unlock(); });

// Who has which name. Never destroyed: a thread may close its sockets while the process ends.
std::map<std::string, endpoint*, std::less<>>& names() {
  static auto& all = *new std::map<std::string, endpoint*, std::less<>>;
  return all;
}

endpoint* find(std::string_view name) {
  const auto found = names().find(name);
  return found == names().end() ? nullptr : found->second;
}

std::string unused_name() {
  static unsigned last = 0;
  char name[16];
  do std::snprintf(name, sizeof name, "#%05x", ++last & 0xfffff);
  while (find(name) != nullptr);
  return name;
}

constexpr unsigned most_backlog = 4096;

}  // namespace

critical::critical() : lock(everything) {}

// ---- names and connections ----

std::int32_t endpoint::bind(std::string_view name) {
  if (name.empty() && !name_.empty()) return 0;
  if (!name_.empty() || stage_ == stage::connecting) return -EINVAL;
  if (!name.empty() && find(name) != nullptr) return -EADDRINUSE;
  auto chosen = name.empty() ? unused_name() : std::string(name);
  names().emplace(chosen, this);
  name_ = std::move(chosen);
  owns_name_ = true;
  return 0;
}

std::int32_t endpoint::listen(std::int32_t backlog) {
  if (!has_connections()) return -EOPNOTSUPP;
  if ((stage_ != stage::fresh && stage_ != stage::listening) || name_.empty()) return -EINVAL;
  backlog_ = std::min(static_cast<unsigned>(backlog), most_backlog);
  stage_ = stage::listening;
  admit_waiting();
  show();
  return 0;
}

std::int32_t endpoint::connect(std::string_view name) {
  if (!has_connections()) {
    endpoint* to = find(name);
    if (to == nullptr) return -ECONNREFUSED;
    if (to->type_ != type_) return -EPROTOTYPE;
    if (to->peer_ && to->peer_.get() != this) return -EPERM;
    std::string their_name(name);
    to->receiver_of(this);
    if (peer_.get() != to) let_go_of_peer();
    peer_ = to->shared_from_this();
    peer_name_ = std::move(their_name);
    peer_died_ = false;
    stage_ = stage::connected;
    show();
    return 0;
  }
  if (stage_ == stage::connected) return -EISCONN;
  if (stage_ == stage::connecting) return -EALREADY;
  if (stage_ == stage::listening || name.empty()) return -EINVAL;
  endpoint* to = find(name);
  if (to == nullptr) return -ECONNREFUSED;
  if (to->type_ != type_) return -EPROTOTYPE;
  if (to->stage_ != stage::listening || to->read_shut_) return -ECONNREFUSED;
  error_ = 0;
  if (to->backlog_full()) {
    to->waiting_.push_back(this);
    listener_ = to;
    stage_ = stage::connecting;
    show();
    return -EINPROGRESS;
  }
  to->admit(*this);
  return 0;
}

// Ties a client to a new endpoint of ours that waits to be accepted.
void endpoint::admit(endpoint& client) {
  const auto made = std::make_shared<endpoint>(type_, number_);
  made->name_ = name_;
  made->send_buffer_ = send_buffer_;
  made->receive_buffer_ = receive_buffer_;
  made->pass_credentials_ = pass_credentials_;
  pending_.push_back(made);
  join(made, client.shared_from_this());
  show();
}

void endpoint::join(const endpoint_ptr& a, const endpoint_ptr& b) {
  a->peer_name_ = b->name_;
  b->peer_name_ = a->name_;
  a->peer_ = b;
  b->peer_ = a;
  a->stage_ = b->stage_ = stage::connected;
  if (!a->has_connections()) {
    a->receiver_of(b.get());
    b->receiver_of(a.get());
  }
  a->show();
  b->show();
}

void endpoint::admit_waiting() {
  while (!waiting_.empty() && !backlog_full()) {
    endpoint& client = *waiting_.front();
    waiting_.pop_front();
    client.listener_ = nullptr;
    client.stage_ = stage::fresh;
    try {
      admit(client);
    } catch (const std::bad_alloc&) {
      client.error_ = ENOMEM;
      client.show();
    }
  }
}

std::int32_t endpoint::connect_result() {
  if (stage_ == stage::connecting) return -EALREADY;
  if (error_ == 0) return stage_ == stage::connected ? 0 : -ENOTCONN;
  const auto result = take_error();
  show();
  return result;
}

std::int32_t endpoint::acceptable(endpoint_ptr& out) const {
  if (!has_connections()) return -EOPNOTSUPP;
  if (stage_ != stage::listening) return -EINVAL;
  if (pending_.empty()) return read_shut_ ? -EINVAL : -EAGAIN;
  out = pending_.front();
  return 0;
}

void endpoint::accepted() {
  pending_.pop_front();
  admit_waiting();
  show();
}

std::int32_t endpoint::shutdown(std::int32_t how) {
  if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return -EINVAL;
  if (has_connections() && stage_ != stage::connected && stage_ != stage::listening) return -ENOTCONN;
  const bool reading = how != SHUT_WR, writing = how != SHUT_RD;
  read_shut_ |= reading;
  write_shut_ |= writing;
  if (has_connections() && peer_) {
    peer_->read_shut_ |= writing;
    peer_->write_shut_ |= reading;
    peer_->show();
  }
  if (stage_ == stage::listening && reading)
    for (; !waiting_.empty(); waiting_.pop_front()) {
      endpoint& client = *waiting_.front();
      client.listener_ = nullptr;
      client.stage_ = stage::fresh;
      client.error_ = ECONNREFUSED;
      client.show();
    }
  show();
  return 0;
}

// ---- sending ----

std::size_t endpoint::capacity(const endpoint& to) const noexcept {
  const auto room = static_cast<std::size_t>(to.receive_buffer_);
  return has_connections() ? room + static_cast<std::size_t>(send_buffer_) : room;
}

// A sender that has filled the other side is only told of room again when a quarter is free: it would else be woken for
// every byte.
bool endpoint::worth_sending(const endpoint& to) const noexcept { return to.inbox_.weight() <= capacity(to) / 4 * 3; }

std::int64_t endpoint::send(message& sent, const buffers& data, const std::string_view* to) {
  if (is_stream() && to != nullptr) return stage_ == stage::connected ? -EISCONN : -EOPNOTSUPP;
  if (write_shut_) return -EPIPE;
  if (has_connections()) {
    if (stage_ == stage::connecting) return -EAGAIN;
    if (stage_ != stage::connected) return -ENOTCONN;
    return is_stream() ? send_bytes(sent, data) : send_record(sent, data, *peer_);
  }
  endpoint_ptr receiver;
  if (const auto error = find_receiver(to, receiver)) return error;
  return send_record(sent, data, *receiver);
}

std::int32_t endpoint::find_receiver(const std::string_view* to, endpoint_ptr& out) {
  if (to == nullptr) {
    if (peer_died_) {
      peer_died_ = false;
      stage_ = stage::fresh;
      return -ECONNREFUSED;
    }
    if (!peer_) return -ENOTCONN;
    out = peer_;
    return 0;
  }
  if (to->empty()) return -EINVAL;
  endpoint* receiver = find(*to);
  if (receiver == nullptr) return -ECONNREFUSED;
  if (receiver->type_ != type_) return -EPROTOTYPE;
  if (receiver->peer_ && receiver->peer_.get() != this) return -EPERM;
  out = receiver->shared_from_this();
  return 0;
}

std::int64_t endpoint::send_bytes(message& sent, const buffers& data) {
  const auto all = data.size();
  if (all == 0) return 0;
  const auto most = capacity(*peer_), used = peer_->inbox_.weight();
  if (used >= most) return -EAGAIN;
  const auto count = std::min(all, most - used);
  data.read(0, count, sent.bytes);
  if (peer_->pass_credentials_ && !sent.sender) sent.sender = self();
  peer_->inbox_.put_bytes(std::move(sent));
  peer_->show();
  show();
  return static_cast<std::int64_t>(count);
}

std::int64_t endpoint::send_record(message& sent, const buffers& data, endpoint& to) {
  const auto size = data.size();
  if (size > static_cast<std::size_t>(send_buffer_)) return -EMSGSIZE;
  if (to.read_shut_) return -EPIPE;
  if (to.inbox_.weight() >= capacity(to)) {
    if (!has_connections() && &to != peer_.get()) {
      if (held_by_ != nullptr) held_by_->forget_sender(this);
      to.receiver_of(this);
      held_by_ = &to;
      show();
    }
    return -EAGAIN;
  }
  data.read(0, size, sent.bytes);
  sent.from = name_;
  if (to.pass_credentials_ && !sent.sender) sent.sender = self();
  to.inbox_.put_record(std::move(sent));
  to.show();
  for (endpoint* other : to.senders_) other->show();
  show();
  return static_cast<std::int64_t>(size);
}

// ---- receiving ----

std::int32_t endpoint::nothing_to_receive() {
  if (error_ != 0) {
    const auto result = take_error();
    show();
    return result;
  }
  if (read_shut_) return 0;
  if (has_connections() && stage_ != stage::connected && stage_ != stage::connecting) return -ENOTCONN;
  return -EAGAIN;
}

std::int64_t endpoint::receive(afplug_message& into, critical& section) {
  if (stage_ == stage::listening) return -ENOTCONN;
  if (inbox_.empty()) {
    const bool nothing_asked = is_stream() && stage_ == stage::connected && buffers(into).size() == 0;
    const auto result = nothing_asked ? 0 : nothing_to_receive();
    if (result == 0) into.address_size = into.control_size = 0, into.flags = 0;
    return result;
  }
  return is_stream() ? receive_bytes(into, section) : receive_record(into, section);
}

namespace {

std::vector<descriptor> copies(const std::vector<descriptor>& all) {
  std::vector<descriptor> made;
  made.reserve(all.size());
  for (const auto& one : all) made.push_back(duplicate(one.number()));
  return made;
}

}  // namespace

std::int64_t endpoint::receive_bytes(afplug_message& into, critical& section) {
  const buffers room(into);
  const bool peek = (into.flags & MSG_PEEK) != 0;
  std::size_t count = 0;
  std::optional<::ucred> sender;
  std::vector<descriptor> rights;
  for (const message& piece : inbox_.pieces()) {
    const auto n = room.write(count, std::string_view(piece.bytes).substr(piece.taken));
    if (n == 0) break;
    count += n;
    if (pass_credentials_ && !sender) sender = piece.sender ? *piece.sender : self();
    if (!piece.rights.empty()) {
      if (peek) rights = copies(piece.rights);
      break;
    }
  }
  if (!peek) {
    inbox_.drop_bytes(count, rights);
    made_room();
  }
  into.flags = write_ancillary(into, sender, rights);
  into.address_size = 0;
  section.descriptors = std::move(rights);
  return static_cast<std::int64_t>(count);
}

std::int64_t endpoint::receive_record(afplug_message& into, critical& section) {
  const bool peek = (into.flags & MSG_PEEK) != 0, whole_size = (into.flags & MSG_TRUNC) != 0;
  std::vector<descriptor> rights;
  if (peek) {
    rights = copies(inbox_.front().rights);
  } else {
    inbox_.pop_record(section.messages);
    rights = std::move(section.messages.back().rights);
  }
  const message& record = peek ? inbox_.front() : section.messages.back();
  const auto count = buffers(into).write(0, record.bytes);
  std::optional<::ucred> sender;
  if (pass_credentials_) sender = record.sender ? *record.sender : self();
  if (into.address != nullptr && !record.from.empty()) {
    const auto from = address_of(record.from, number_);
    std::copy_n(from.u.bytes, std::min(into.address_size, from.length), static_cast<std::uint8_t*>(into.address));
    into.address_size = from.length;
  } else {
    into.address_size = 0;
  }
  into.flags = write_ancillary(into, sender, rights);
  if (count < record.bytes.size()) into.flags |= MSG_TRUNC;
  if (record.end_of_record) into.flags |= MSG_EOR;
  const auto size = whole_size ? record.bytes.size() : count;
  section.descriptors = std::move(rights);
  if (!peek) made_room();
  return static_cast<std::int64_t>(size);
}

// There is less in the inbox: those who send here may go on.
void endpoint::made_room() noexcept {
  if (has_connections()) {
    if (peer_) peer_->show();
  } else {
    for (std::size_t i = senders_.size(); i-- > 0;) {
      endpoint* sender = senders_[i];
      if (sender->held_by_ == this && sender->worth_sending(*this)) {
        sender->held_by_ = nullptr;
        if (sender->peer_.get() != this) forget_sender(sender);
      }
      sender->show();
    }
  }
  show();
}

// ---- who sends here ----

void endpoint::receiver_of(endpoint* sender) {
  if (std::find(senders_.begin(), senders_.end(), sender) == senders_.end()) senders_.push_back(sender);
}

void endpoint::forget_sender(endpoint* sender) noexcept { std::erase(senders_, sender); }

void endpoint::let_go_of_peer() noexcept {
  if (peer_ && held_by_ != peer_.get()) peer_->forget_sender(this);
  peer_.reset();
}

std::int32_t endpoint::disconnect() {
  if (has_connections()) return -EINVAL;
  let_go_of_peer();
  peer_died_ = false;
  stage_ = stage::fresh;
  show();
  return 0;
}

void endpoint::leave(critical& section, bool tell) noexcept {
  const auto changed = [&](endpoint& other) {
    if (tell) other.show();
  };
  if (owns_name_) names().erase(name_);
  owns_name_ = false;
  if (listener_ != nullptr) std::erase(listener_->waiting_, this);
  for (endpoint* client : waiting_) {
    client->listener_ = nullptr;
    client->stage_ = stage::fresh;
    client->error_ = ECONNREFUSED;
    changed(*client);
  }
  waiting_.clear();
  for (auto& embryo : pending_) {
    if (embryo->peer_) embryo->peer_->error_ = ECONNRESET;
    embryo->leave(section, tell);
  }
  pending_.clear();

  if (held_by_ != nullptr) held_by_->forget_sender(this);
  held_by_ = nullptr;
  if (has_connections()) {
    if (peer_) {
      peer_->read_shut_ = peer_->write_shut_ = true;
      if (!inbox_.empty()) peer_->error_ = ECONNRESET;
      peer_->peer_.reset();
      changed(*peer_);
    }
  } else {
    if (peer_) peer_->forget_sender(this);
    for (endpoint* sender : senders_) {
      if (sender->held_by_ == this) sender->held_by_ = nullptr;
      if (sender->peer_.get() == this && sender != this) {
        sender->peer_.reset();
        sender->peer_died_ = true;
      }
      changed(*sender);
    }
    senders_.clear();
  }
  peer_.reset();
  inbox_.clear(section.messages);
}

// ---- readiness ----

bool endpoint::readable() const noexcept {
  if (error_ != 0 || read_shut_ || !inbox_.empty()) return true;
  return !pending_.empty();
}

bool endpoint::writable() const noexcept {
  if (stage_ == stage::listening || stage_ == stage::connecting || held_by_ != nullptr) return false;
  return write_shut_ || !peer_ || worth_sending(*peer_);
}

void endpoint::show() noexcept { polled.show(readable(), writable(), read_shut_, read_shut_ && write_shut_); }

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
