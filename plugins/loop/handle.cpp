// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "handle.hpp"

#include <poll.h>

#include <afplug/plugin.hpp>

#include "ancillary.hpp"

namespace loop {

namespace ap = afplug::plugin;

namespace {

endpoint_ptr make_endpoint(const afplug_identity& who) {
  if (who.type != SOCK_STREAM && who.type != SOCK_DGRAM && who.type != SOCK_SEQPACKET)
    ap::fail(ESOCKTNOSUPPORT, "the type is none of SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET");
  if (who.protocol != 0) ap::fail(EPROTONOSUPPORT, "the protocol must be 0");
  auto made = std::make_shared<endpoint>(who.type, who.number);
  made->readiness.open();
  return made;
}

void return_handle(std::unique_ptr<handle> made, int fd, void** state, std::int64_t* pollable) noexcept {
  *state = made.release();
  *pollable = fd;
}

}  // namespace

handle::handle(endpoint_ptr on, int pollable) noexcept : endpoint_(std::move(on)), pollable_(pollable) {
  ++endpoint_->handle_count;
}

std::int32_t handle::open(const afplug_identity* who, void** state, std::int64_t* pollable) {
  const auto made = make_endpoint(*who);
  return_handle(std::make_unique<handle>(made, made->readiness.get()), made->readiness.get(), state, pollable);
  return 0;
}

std::int32_t handle::pair(const afplug_identity* who, void** states, std::int64_t* pollables) {
  const endpoint_ptr ends[] = {make_endpoint(*who), make_endpoint(*who)};
  auto a = std::make_unique<handle>(ends[0], ends[0]->readiness.get());
  auto b = std::make_unique<handle>(ends[1], ends[1]->readiness.get());
  {
    locked_section section;
    endpoint::connect_pair(ends[0], ends[1]);
  }
  return_handle(std::move(a), ends[0]->readiness.get(), &states[0], &pollables[0]);
  return_handle(std::move(b), ends[1]->readiness.get(), &states[1], &pollables[1]);
  return 0;
}

// In a forked child the parent shares the readiness descriptors: they are closed without changing their events.
void handle::close(void* state, std::uint32_t flags) {
  const std::unique_ptr<handle> closing(static_cast<handle*>(state));
  locked_section section;
  endpoint_ptr on = std::move(closing->endpoint_);
  on->readiness.remove(closing->pollable_);
  if (--on->handle_count > 0) return;
  on->readiness = readiness_fd();
  on->close(section, (flags & AFPLUG_CLOSE_FORKED) == 0);
}

std::int32_t handle::sendmsg(const afplug_message* sent, std::uint64_t* count) {
  if ((sent->flags & MSG_OOB) != 0) return -EOPNOTSUPP;
  message made;
  parse_control(*sent, made);
  made.end_of_record = (sent->flags & MSG_EOR) != 0;
  std::string_view to;
  const bool addressed = sent->address != nullptr && sent->address_size > 0;
  if (addressed) to = name_of(sent->address, sent->address_size, endpoint_->family());
  locked_section section;
  const auto result = endpoint_->send(made, buffer_sequence(*sent), addressed ? &to : nullptr);
  if (result < 0) return static_cast<std::int32_t>(result);
  *count = static_cast<std::uint64_t>(result);
  return 0;
}

std::int32_t handle::recvmsg(afplug_message* into, std::uint64_t* count) {
  if ((into->flags & (MSG_OOB | MSG_ERRQUEUE)) != 0) return -EOPNOTSUPP;
  locked_section section;
  const auto result = endpoint_->receive(*into, section);
  if (result < 0) return static_cast<std::int32_t>(result);
  *count = static_cast<std::uint64_t>(result);
  return 0;
}

std::int32_t handle::readiness(std::int32_t events) {
  locked_section section;
  return endpoint_->poll_bits() & (events | POLLERR | POLLHUP);
}

std::int32_t handle::bind(const void* raw, std::uint32_t length) {
  const auto name = name_of(raw, length, endpoint_->family());
  locked_section section;
  return endpoint_->bind(name);
}

std::int32_t handle::listen(std::int32_t backlog) {
  locked_section section;
  return endpoint_->listen(backlog);
}

std::int32_t handle::accept(void** state, std::int64_t* pollable, afplug_sockaddr* peer) {
  locked_section section;
  endpoint_ptr made;
  if (const auto error = endpoint_->first_pending(made)) return error;
  std::unique_ptr<handle> accepted;
  try {
    made->readiness.open();
    accepted = std::make_unique<handle>(made, made->readiness.get());
  } catch (...) {
    made->readiness = readiness_fd();
    throw;
  }
  if (made->readable() && !made->readiness.set_readable()) {
    made->readiness = readiness_fd();
    return -ENOBUFS;
  }
  endpoint_->pop_pending();
  made->update_readiness();
  if (peer != nullptr) *peer = address_of(*made->peer_name(), endpoint_->family());
  return_handle(std::move(accepted), made->readiness.get(), state, pollable);
  return 0;
}

std::int32_t handle::connect(const void* raw, std::uint32_t length) {
  locked_section section;
  std::uint16_t family = AF_UNSPEC;
  if (length >= sizeof family) std::memcpy(&family, raw, sizeof family);
  if (family == AF_UNSPEC && length >= sizeof family) return endpoint_->disconnect();
  return endpoint_->connect(name_of(raw, length, endpoint_->family()));
}

std::int32_t handle::connect_result() {
  locked_section section;
  return endpoint_->connect_result();
}

std::int32_t handle::shutdown(std::int32_t how) {
  locked_section section;
  return endpoint_->shutdown(how);
}

std::int32_t handle::getsockname(afplug_sockaddr* out) {
  locked_section section;
  *out = address_of(endpoint_->name(), endpoint_->family());
  return 0;
}

std::int32_t handle::getpeername(afplug_sockaddr* out) {
  locked_section section;
  const auto* name = endpoint_->peer_name();
  if (name == nullptr) return -ENOTCONN;
  *out = address_of(*name, endpoint_->family());
  return 0;
}

std::int32_t handle::get_option(std::int32_t level, std::int32_t number, void* data, std::uint32_t* bytes) {
  locked_section section;
  return endpoint_->get_option(level, number, data, bytes);
}

std::int32_t handle::set_option(std::int32_t level, std::int32_t number, const void* data, std::uint32_t bytes) {
  locked_section section;
  return endpoint_->set_option(level, number, data, bytes);
}

std::string_view handle::state_name() {
  locked_section section;
  return endpoint_->state_name();
}

std::int32_t handle::dup(void** state, std::int64_t* pollable) {
  locked_section section;
  const int fd = endpoint_->readiness.add();
  std::unique_ptr<handle> made;
  try {
    made = std::make_unique<handle>(endpoint_, fd);
  } catch (...) {
    endpoint_->readiness.remove(fd);
    throw;
  }
  return_handle(std::move(made), fd, state, pollable);
  return 0;
}

}  // namespace loop
