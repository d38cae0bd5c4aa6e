// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Checks of the test programs for Windows, which are built without GoogleTest.
#pragma once

#include <cstdio>
#include <string>

namespace test {

inline int checks = 0, failures = 0;

/// Counts a check. Prints `what` and the `actual` value if it fails.
inline void expect(bool holds, const std::string& what, const std::string& actual = {}) {
  ++checks;
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s (%s)\n", what.c_str(), actual.c_str());
}

/// Prints the number of checks. Returns the exit status of main().
inline int report(const std::string& subject) {
  std::printf("%s: %d checks, %d failed\n", subject.c_str(), checks, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace test
