// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The checks of a test for Windows, counted.
#pragma once

#include <cstdio>
#include <string>

namespace test {

inline int checks = 0, failures = 0;

/// One check; `seen` says what there was instead.
inline void expect(bool holds, const std::string& what, const std::string& seen = {}) {
  ++checks;
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s (%s)\n", what.c_str(), seen.c_str());
}

/// Says how many there were; what main returns.
inline int outcome(const std::string& of) {
  std::printf("%s: %d checks, %d failed\n", of.c_str(), checks, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace test
