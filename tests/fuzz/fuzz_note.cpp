// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Input: a plugin file. inspect() accepts it with all values in range, or refuses it with a code and a reason.
#include <afplug/plugin.h>
#include <afplug/inspect.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto inspection = afplug::inspect(std::as_bytes(std::span(data, size)), "fuzz.so");
  REQUIRE(inspection.acceptable == inspection.code.empty());
  REQUIRE(inspection.acceptable == inspection.reason.empty());
  REQUIRE(inspection.acceptable || inspection.reason.find("fuzz.so") != std::string::npos);
  REQUIRE(!inspection.acceptable || inspection.note);
  if (inspection.note) {
    REQUIRE(inspection.note->provider.size() <= AFPLUG_ID_MAX && inspection.note->version.size() <= AFPLUG_VERSION_MAX);
    REQUIRE(inspection.note->families.size() <= AFPLUG_NOTE_FAMILIES_MAX);
    REQUIRE(!inspection.acceptable || !inspection.note->families.empty());
    for (const auto& family : inspection.note->families) {
      REQUIRE(!family.id.empty() && family.id.size() <= AFPLUG_ID_MAX);
      REQUIRE(family.number >= 0 && family.number < AFPLUG_NUMBER_LOCAL);
    }
  }
  return 0;
}
