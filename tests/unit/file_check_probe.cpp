// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Prints what a process sees: file_check_test runs copies of this program that are setuid or setgid.
//
//   privileged     whether it is in secure-execution mode, getauxval(3): yes or no
//   inspect FILE   the code of the refusal, or "accepted"
//   directories    where plugins are searched for
#include <sys/auxv.h>

#include <afplug/inspect.hpp>
#include <afplug/registry.hpp>
#include <cstdio>
#include <string_view>

// LeakSanitizer cannot trace a setuid process and fails it.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "privileged") {
    std::puts(::getauxval(AT_SECURE) != 0 ? "yes" : "no");
    return 0;
  }
  if (command == "inspect" && argc == 3) {
    const auto inspection = afplug::inspect(argv[2]);
    std::puts(inspection.acceptable ? "accepted" : inspection.code.c_str());
    return 0;
  }
  for (const auto& d : afplug::registry().directories()) std::puts(d.c_str());
  return 0;
}
