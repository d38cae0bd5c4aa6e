// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdio>
#include <cstdlib>

/// Ends the program where something that must hold does not; unlike assert(), in every kind of build.
#define HOLDS(condition) ((condition) ? void() : afplug_fuzz::broken(#condition, __FILE__, __LINE__))

namespace afplug_fuzz {
[[noreturn]] inline void broken(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
  std::abort();
}
}  // namespace afplug_fuzz
