// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What a privileged process sees: file_check_test makes a copy of this program setuid or setgid and runs it.
#include <sys/auxv.h>

#include <afplug/inspect.hpp>
#include <afplug/registry.hpp>
#include <cstdio>
#include <string_view>

// AddressSanitizer's leak checker cannot look into a setuid process, and fails it for that.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "privileged") {
    std::puts(::getauxval(AT_SECURE) != 0 ? "yes" : "no");
    return 0;
  }
  if (what == "inspect" && argc == 3) {
    const auto seen = afplug::inspect(argv[2]);
    std::puts(seen.acceptable ? "accepted" : seen.code.c_str());
    return 0;
  }
  for (const auto& d : afplug::registry().directories()) std::puts(d.c_str());
  return 0;
}
