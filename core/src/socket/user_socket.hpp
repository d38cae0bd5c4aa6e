// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A socket of a family in user space, and calls of its plugin.
#pragma once

#include <unistd.h>

#include <afplug/address.hpp>
#include <afplug/error.hpp>
#include <afplug/family.hpp>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "copy_address.hpp"
#include "family_data.hpp"
#include "no_cancellation.hpp"

namespace afplug::detail {

struct user_socket {
  void* state;
  const family* owner;
  pid_t opener;

  /// A socket that the plugin has not opened yet: allocate it before calling the plugin, so that nothing can fail
  /// after.
  static std::unique_ptr<user_socket> unopened(const family& f) {
    return std::make_unique<user_socket>(user_socket{nullptr, &f, ::getpid()});
  }

  const afplug_user_ops& ops() const noexcept { return family_data::of(*owner).user_ops; }
  bool usable_here() const noexcept {
    return (family_data::of(*owner).flags & AFPLUG_FAMILY_FORK_SAFE) != 0 || opener == ::getpid();
  }
};

// Functions of plugins are noexcept, and do not wait: a thread is not cancelled in them.

/// Calls a slot of user_ops. Returns its result (0 and above), or −1 and sets errno, as system calls do. EOPNOTSUPP:
/// the plugin does not have the slot, or the socket was inherited over fork(2) without AFPLUG_FAMILY_FORK_SAFE.
template <class Slot, class... A>
int user_call(const user_socket& u, Slot slot, A... arguments) {
  if (!slot || !u.usable_here()) {
    errno = EOPNOTSUPP;
    return -1;
  }
  const no_cancellation here;
  const int result = slot(u.state, arguments...);
  if (result >= 0) return result;
  errno = -result;
  return -1;
}

/// Calls `get` or `set` of an option. Returns 0 and above, or -errno; -EOPNOTSUPP after fork(2) as above.
template <class Slot, class... A>
int option_call(int descriptor, const user_socket* u, Slot slot, A... arguments) {
  const no_cancellation here;
  if (!u) return slot(descriptor, arguments...);
  if (!u->usable_here()) return -EOPNOTSUPP;
  return slot(static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(u->state)), arguments...);
}

/// The address that a plugin returned; empty if it has none, or a length that is out of range.
inline address to_address(const afplug_sockaddr& from, const basic_protocol& p) {
  return from.length == 0 || from.length > sizeof from.u.bytes ? address() : copy_address(from.u.bytes, from.length, p);
}

}  // namespace afplug::detail
