// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Diagnosis: whether sockets of a family, type and protocol can be opened on this system, and if not, why and what to
// do about it.
#pragma once

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <afplug/family.hpp>
#include <afplug/socket_type.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace afplug {

/// The result of a check.
struct verdict {
  enum class state_t {
    available = AFPLUG_AVAILABLE,      ///< a socket can be opened
    unavailable = AFPLUG_UNAVAILABLE,  ///< a socket cannot be opened, or cannot be used
    unknown = AFPLUG_UNKNOWN           ///< no attempt was made, or it is inconclusive (EMFILE for example)
  };
  state_t state = state_t::unknown;
  int error = 0;       ///< errno of the attempt to open a socket; 0: no error or no attempt
  std::string reason;  ///< one of reason_codes(); empty: nothing to explain
  std::string detail;  ///< the reason in words
  std::string remedy;  ///< what to do: a shell command, or text if no command can help; may be empty

  /// The state is `available`.
  bool available() const noexcept { return state == state_t::available; }
};

/// Returns all values of verdict::reason, except the empty one: "kernel-lacks-family", "module-not-loaded",
/// "permission", …. The afplug command prints them in JSON, so that none is ever removed or renamed; new ones may be
/// added.
AFPLUG_API std::span<const std::string_view> reason_codes() noexcept;

/// Returns "available", "unavailable" or "unknown".
AFPLUG_API std::string_view to_string(verdict::state_t state) noexcept;

/// Flags of check().
enum class check_flags : std::uint32_t {
  none = 0,
  passive = AFPLUG_CHECK_PASSIVE  ///< opens no socket, since that may make the kernel load modules
};

/// Checks whether a socket of a family and row can be opened, by opening and closing one. On failure looks for the
/// reason: the running kernel's configuration and modules (below /proc, /boot and /lib/modules), capabilities, seccomp,
/// namespaces, limits. Then calls the plugin's own check function, if it has one, which may look for devices for
/// example. For a row that takes any type or protocol it opens SOCK_RAW or protocol 0. Takes as long as socket(2) and
/// the plugin's check, which must return within a second. Any thread may call it. Leaves errno and last_detail()
/// unchanged. Never throws: if memory runs out the state is unknown and the error ENOMEM.
AFPLUG_API verdict check(const family& of, const row& what, check_flags flags = check_flags::none) noexcept;

/// As above for a type and protocol, which need not be in the family's table.
AFPLUG_API verdict check(const family& of, socket_type type, int proto, check_flags flags = check_flags::none) noexcept;

/// Returns why opening a socket failed with the errno `error`. Opens no socket and does not call the plugin's check.
AFPLUG_API verdict explain(const family& of, socket_type type, int proto, int error) noexcept;

/// Converts an error of registry::family(id) to a verdict, with the reason plugin-missing or plugin-refused. `text`:
/// the error text, which becomes `detail`; if empty, why.message().
AFPLUG_API verdict explain(std::string_view id, const error_code& why, std::string_view text = last_detail());

}  // namespace afplug
