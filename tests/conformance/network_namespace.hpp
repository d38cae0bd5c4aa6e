// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

namespace conformance {

/// While it lives, this thread, and threads that it starts, are in the suite's own network namespace: for rows that
/// would receive the machine's traffic, or that need interfaces, routes or settings which the machine need not have. It
/// has lo; the veth pair veth0 (10.254.0.1/24) and veth1; fd00:af::/64 as local addresses; ping sockets for every
/// group. Made once.
class network_namespace {
 public:
  network_namespace();
  ~network_namespace();
  network_namespace(const network_namespace&) = delete;

  /// Why it could not be made, or "". It takes CAP_SYS_ADMIN.
  static const std::string& why_unavailable();
};

}  // namespace conformance
