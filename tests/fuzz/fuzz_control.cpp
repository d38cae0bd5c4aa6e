// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Input: ancillary data. The iterator stays within the buffer and ends, and its items can be built again.
#include <afplug/control.hpp>
#include <algorithm>
#include <cstdint>
#include <vector>

#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of the exact size, so that AddressSanitizer finds reads outside of it.
  const std::vector<std::byte> bytes(reinterpret_cast<const std::byte*>(data),
                                     reinterpret_cast<const std::byte*>(data) + size);
  afplug::control_builder again;
  std::vector<afplug::control_item> items;
  for (const auto& item : afplug::control_view(bytes)) {
    if (!item.data.empty()) {
      REQUIRE(item.data.data() >= bytes.data());
      REQUIRE(item.data.data() + item.data.size() <= bytes.data() + bytes.size());
    }
    REQUIRE(!item.truncated || item.data.data() + item.data.size() == bytes.data() + bytes.size());
    item.credentials();
    item.packet_info4();
    item.packet_info6();
    item.hop_limit();
    item.traffic_class();
    item.timestamp();
    item.timestamping();
    item.gro_segment_size();
    items.push_back(item);
    again.add(item.level, item.type, item.data.data(), item.data.size());
    REQUIRE(items.size() <= size / 16);
  }
  std::size_t i = 0;
  for (const auto& item : afplug::control_view(again.bytes())) {
    REQUIRE(i < items.size());
    REQUIRE(!item.truncated && item.is(items[i].level, items[i].type));
    REQUIRE(std::ranges::equal(item.data, items[i].data));
    ++i;
  }
  REQUIRE(i == items.size());
  return 0;
}
