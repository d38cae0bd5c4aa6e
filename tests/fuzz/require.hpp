// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdio>
#include <cstdlib>

/// Aborts unless the condition is true. Unlike assert(), in every build type.
#define REQUIRE(condition) ((condition) ? void() : afplug_fuzz::fail(#condition, __FILE__, __LINE__))

namespace afplug_fuzz {
[[noreturn]] inline void fail(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: requirement failed: %s\n", file, line, condition);
  std::abort();
}
}  // namespace afplug_fuzz
