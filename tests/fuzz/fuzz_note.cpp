// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Input: a file that might be a plugin. Whatever it is, the note reader accepts it with everything in range, or says
// why not.
#include <afplug/plugin.h>
#include <afplug/inspect.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "holds.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto seen = afplug::inspect(std::as_bytes(std::span(data, size)), "fuzz.so");
  HOLDS(seen.acceptable == seen.code.empty());
  HOLDS(seen.acceptable == seen.reason.empty());
  HOLDS(seen.acceptable || seen.reason.find("fuzz.so") != std::string::npos);
  HOLDS(!seen.acceptable || seen.note);
  if (seen.note) {
    HOLDS(seen.note->provider.size() <= AFPLUG_ID_MAX && seen.note->version.size() <= AFPLUG_VERSION_MAX);
    HOLDS(seen.note->families.size() <= AFPLUG_NOTE_FAMILIES_MAX);
    HOLDS(!seen.acceptable || !seen.note->families.empty());
    for (const auto& family : seen.note->families) {
      HOLDS(!family.id.empty() && family.id.size() <= AFPLUG_ID_MAX);
      HOLDS(family.number >= 0 && family.number < AFPLUG_NUMBER_LOCAL);
    }
  }
  return 0;
}
