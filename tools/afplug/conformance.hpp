// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The conformance checks: requirements on a plugin of any family. `afplug check` runs them.
#pragma once

#include <fmt/core.h>

#include <afplug/family.hpp>
#include <functional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "socket_spec.hpp"

namespace afplug::command::conformance {

/// Thrown by a check that fails.
class check_failed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Thrown by a check that does not apply to the family or to this machine; what() is the reason.
class not_applicable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws check_failed with the formatted message if `condition` is false.
template <class... Args>
void expect(bool condition, fmt::format_string<Args...> message, Args&&... args) {
  if (!condition) throw check_failed(fmt::format(message, std::forward<Args>(args)...));
}

/// One check of a family.
struct check {
  const char* name;         ///< "address-round-trip"
  const char* description;  ///< the requirement
  void (*run)(const family& f);
};

extern const std::span<const check> table_checks, address_checks, socket_checks;

/// "SOCK_DGRAM CAN_ISOTP".
std::string name_of(const row& r);
/// The option groups of a row: {"ip", "tcp"}.
std::set<std::string> option_groups(const row& r);

}  // namespace afplug::command::conformance
