// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "handle.hpp"

#include <poll.h>

#include <afplug/plugin.hpp>

#include "ancillary.hpp"

namespace loop {

namespace ap = afplug::plugin;

namespace {

endpoint_ptr make(const afplug_identity& who) {
  if (who.type != SOCK_STREAM && who.type != SOCK_DGRAM && who.type != SOCK_SEQPACKET)
    ap::fail(ESOCKTNOSUPPORT, "no such type");
  if (who.protocol != 0) ap::fail(EPROTONOSUPPORT, "no such protocol");
  auto made = std::make_shared<endpoint>(who.type, who.number);
  made->polled.open();
  return made;
}

void give(std::unique_ptr<handle> made, int number, void** state, std::int64_t* pollable) noexcept {
  *state = made.release();
  *pollable = number;
}

}  // namespace

handle::handle(endpoint_ptr at, int pollable) noexcept : at_(std::move(at)), pollable_(pollable) { ++at_->handles; }

std::int32_t handle::open(const afplug_identity* who, void** state, std::int64_t* pollable) {
  const auto at = make(*who);
  give(std::make_unique<handle>(at, at->polled.first()), at->polled.first(), state, pollable);
  return 0;
}

std::int32_t handle::pair(const afplug_identity* who, void** states, std::int64_t* pollables) {
  const endpoint_ptr ends[] = {make(*who), make(*who)};
  auto a = std::make_unique<handle>(ends[0], ends[0]->polled.first());
  auto b = std::make_unique<handle>(ends[1], ends[1]->polled.first());
  {
    critical section;
    endpoint::join(ends[0], ends[1]);
  }
  give(std::move(a), ends[0]->polled.first(), &states[0], &pollables[0]);
  give(std::move(b), ends[1]->polled.first(), &states[1], &pollables[1]);
  return 0;
}

// In a forked child the beacons are the parent's too: they are closed, and nothing is shown on them.
void handle::close(void* state, std::uint32_t flags) {
  const std::unique_ptr<handle> gone(static_cast<handle*>(state));
  critical section;
  endpoint_ptr at = std::move(gone->at_);
  at->polled.remove(gone->pollable_);
  if (--at->handles > 0) return;
  at->polled = beacon();
  at->leave(section, (flags & AFPLUG_CLOSE_FORKED) == 0);
}

std::int32_t handle::sendmsg(const afplug_message* sent, std::uint64_t* count) {
  if ((sent->flags & MSG_OOB) != 0) return -EOPNOTSUPP;
  message made;
  read_ancillary(*sent, made);
  made.end_of_record = (sent->flags & MSG_EOR) != 0;
  std::string_view to;
  const bool addressed = sent->address != nullptr && sent->address_size > 0;
  if (addressed) to = name_in(sent->address, sent->address_size, at_->number());
  critical section;
  const auto result = at_->send(made, buffers(*sent), addressed ? &to : nullptr);
  if (result < 0) return static_cast<std::int32_t>(result);
  *count = static_cast<std::uint64_t>(result);
  return 0;
}

std::int32_t handle::recvmsg(afplug_message* into, std::uint64_t* count) {
  if ((into->flags & (MSG_OOB | MSG_ERRQUEUE)) != 0) return -EOPNOTSUPP;
  critical section;
  const auto result = at_->receive(*into, section);
  if (result < 0) return static_cast<std::int32_t>(result);
  *count = static_cast<std::uint64_t>(result);
  return 0;
}

std::int32_t handle::readiness(std::int32_t events) {
  critical section;
  return at_->poll_bits() & (events | POLLERR | POLLHUP);
}

std::int32_t handle::bind(const void* raw, std::uint32_t length) {
  const auto name = name_in(raw, length, at_->number());
  critical section;
  return at_->bind(name);
}

std::int32_t handle::listen(std::int32_t backlog) {
  critical section;
  return at_->listen(backlog);
}

std::int32_t handle::accept(void** state, std::int64_t* pollable, afplug_sockaddr* peer) {
  critical section;
  endpoint_ptr made;
  if (const auto error = at_->acceptable(made)) return error;
  made->polled.open();
  std::unique_ptr<handle> hold;
  try {
    hold = std::make_unique<handle>(made, made->polled.first());
  } catch (...) {
    made->polled = beacon();
    throw;
  }
  at_->accepted();
  made->show();
  if (peer != nullptr) *peer = address_of(*made->peer_name(), at_->number());
  give(std::move(hold), made->polled.first(), state, pollable);
  return 0;
}

std::int32_t handle::connect(const void* raw, std::uint32_t length) {
  critical section;
  std::uint16_t family = AF_UNSPEC;
  if (length >= sizeof family) std::memcpy(&family, raw, sizeof family);
  if (family == AF_UNSPEC && length >= sizeof family) return at_->disconnect();
  return at_->connect(name_in(raw, length, at_->number()));
}

std::int32_t handle::connect_result() {
  critical section;
  return at_->connect_result();
}

std::int32_t handle::shutdown(std::int32_t how) {
  critical section;
  return at_->shutdown(how);
}

std::int32_t handle::getsockname(afplug_sockaddr* out) {
  critical section;
  *out = address_of(at_->name(), at_->number());
  return 0;
}

std::int32_t handle::getpeername(afplug_sockaddr* out) {
  critical section;
  const auto* name = at_->peer_name();
  if (name == nullptr) return -ENOTCONN;
  *out = address_of(*name, at_->number());
  return 0;
}

std::int32_t handle::get_option(std::int32_t level, std::int32_t number, void* data, std::uint32_t* bytes) {
  critical section;
  return at_->get_option(level, number, data, bytes);
}

std::int32_t handle::set_option(std::int32_t level, std::int32_t number, const void* data, std::uint32_t bytes) {
  critical section;
  return at_->set_option(level, number, data, bytes);
}

std::string_view handle::stage() {
  critical section;
  return at_->stage_name();
}

std::int32_t handle::dup(void** state, std::int64_t* pollable) {
  critical section;
  const int number = at_->polled.add();
  std::unique_ptr<handle> made;
  try {
    made = std::make_unique<handle>(at_, number);
  } catch (...) {
    at_->polled.remove(number);
    throw;
  }
  give(std::move(made), number, state, pollable);
  return 0;
}

}  // namespace loop
