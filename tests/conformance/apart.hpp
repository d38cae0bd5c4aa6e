// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A network namespace of the suite's own, for rows that would meet the machine's traffic or need what it need not have.
#pragma once

#include <string>

namespace conformance {

/// While it lives, this thread and those that it makes are in the namespace. There: lo; a cable from veth0, which
/// is 10.254.0.1, to veth1; fd00:af::/64 on this machine; ping sockets for everyone.
class apart_network {
 public:
  apart_network();
  ~apart_network();
  apart_network(const apart_network&) = delete;

  /// Why there is none, or "". It takes CAP_SYS_ADMIN.
  static const std::string& why_not();
};

}  // namespace conformance
