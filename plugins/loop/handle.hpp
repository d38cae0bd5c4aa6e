// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The slots of struct afplug_user_ops. A handle is what the contract calls the state of a socket; duplicates of a
// socket are handles on one endpoint. The functions lock the endpoints and convert the structs of the contract.
#pragma once

#include <string_view>

#include "endpoint.hpp"

namespace loop {

class handle {
 public:
  static std::int32_t open(const afplug_identity* who, void** state, std::int64_t* pollable);
  static void close(void* state, std::uint32_t flags);
  static std::int32_t pair(const afplug_identity* who, void** states, std::int64_t* pollables);

  std::int32_t sendmsg(const afplug_message* sent, std::uint64_t* count);
  std::int32_t recvmsg(afplug_message* into, std::uint64_t* count);
  std::int32_t readiness(std::int32_t events);
  std::int32_t bind(const void* raw, std::uint32_t length);
  std::int32_t listen(std::int32_t backlog);
  std::int32_t accept(void** state, std::int64_t* pollable, afplug_sockaddr* peer);
  std::int32_t connect(const void* raw, std::uint32_t length);
  std::int32_t connect_result();
  std::int32_t shutdown(std::int32_t how);
  std::int32_t getsockname(afplug_sockaddr* out);
  std::int32_t getpeername(afplug_sockaddr* out);
  std::int32_t get_option(std::int32_t level, std::int32_t number, void* data, std::uint32_t* bytes);
  std::int32_t set_option(std::int32_t level, std::int32_t number, const void* data, std::uint32_t bytes);
  std::string_view state_name();
  std::int32_t dup(void** state, std::int64_t* pollable);

  /// `pollable` is a descriptor of the endpoint's readiness_fd.
  handle(endpoint_ptr on, int pollable) noexcept;

 private:
  endpoint_ptr endpoint_;
  int pollable_;
};

}  // namespace loop
