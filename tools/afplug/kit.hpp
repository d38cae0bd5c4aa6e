// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The conformance kit: what a plugin is held to, whatever its family.
#pragma once

#include <fmt/core.h>

#include <afplug/family.hpp>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace afplug::command::kit {

/// What a check throws when it does not hold.
class broken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a check throws when there is nothing here to hold it to; the sentence says why.
class beside_the_point : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <class... Parts>
void expect(bool holds, fmt::format_string<Parts...> sentence, Parts&&... parts) {
  if (!holds) throw broken(fmt::format(sentence, std::forward<Parts>(parts)...));
}

/// One check of a family.
struct check {
  const char* name;      ///< "address-round-trip"
  const char* sentence;  ///< what holds
  void (*run)(const family& f);
};

extern const std::span<const check> tables, addresses, sockets;

/// The rows that are listed.
std::vector<const row*> listed_rows(const family& f);
/// "SOCK_DGRAM CAN_ISOTP".
std::string name_of(const row& r);

}  // namespace afplug::command::kit
