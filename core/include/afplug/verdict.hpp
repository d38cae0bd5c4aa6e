// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Platform truth: whether a (family, type, protocol) can be opened here, and where it can't, exactly why and what to do
// about it.
#pragma once

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <afplug/family.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace afplug {

/// What is known about opening a socket.
struct verdict {
  enum class state_t {
    available = AFPLUG_AVAILABLE,      ///< it opens
    unavailable = AFPLUG_UNAVAILABLE,  ///< it does not open, or not to any use
    unknown = AFPLUG_UNKNOWN           ///< the attempt says nothing (no descriptor was left), or none was made
  };
  state_t state = state_t::unknown;
  int error = 0;       ///< errno of the attempt; 0: none
  std::string reason;  ///< one of reason_codes(); empty: there is nothing to explain
  std::string detail;  ///< one sentence: what is the case
  std::string remedy;  ///< a command, or a sentence where no command helps: what to do about it

  /// It opens, by all that is known.
  bool available() const noexcept { return state == state_t::available; }
};

/// All values of verdict::reason: "kernel-lacks-family", "module-not-loaded", "permission", … They are part of the JSON
/// that the afplug command prints: none is removed or renamed.
AFPLUG_API std::span<const std::string_view> reason_codes() noexcept;

/// "available", "unavailable", "unknown".
AFPLUG_API std::string_view to_string(verdict::state_t state) noexcept;

/// How to check.
enum class check_flags : std::uint32_t {
  none = 0,
  passive = AFPLUG_CHECK_PASSIVE  ///< open no socket: opening one may make the kernel load modules
};

/// Opens a socket of that row and closes it: that is the evidence. Where it does not open, finds out why: the running
/// kernel's configuration, its modules, capabilities, seccomp, namespaces, limits. Then the family itself is asked,
/// which knows of its devices. A row that takes any type or protocol is opened with type SOCK_RAW or protocol 0. Reads
/// files below /proc, /boot and /lib/modules. May take as long as socket(2) and the family's own check, which ends
/// within a second. Any thread may call it. Leaves errno, last_detail() and the descriptors as they were.
AFPLUG_API verdict check(const family& of, const row& what, check_flags flags = check_flags::none) noexcept;

/// The same for any type and protocol, whether the family's table has a row for them or not.
AFPLUG_API verdict check(const family& of, int type, int proto, check_flags flags = check_flags::none) noexcept;

/// Why opening a socket failed with that errno. Opens nothing and does not ask the family.
AFPLUG_API verdict explain(const family& of, int type, int proto, int error) noexcept;

/// The verdict where there is no family to ask: the registry's error, from looking up `id`, as plugin-missing or
/// plugin-refused.
AFPLUG_API verdict explain(std::string_view id, const error_code& why, std::string_view sentence = last_detail());

}  // namespace afplug
