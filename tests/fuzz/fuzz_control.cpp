// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Ancillary data of any bytes: the iterator stays inside, ends, and what it gives can be built again.
#include <afplug/control.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of its own, of the exact size, so that a read outside is seen.
  const std::vector<std::byte> bytes(reinterpret_cast<const std::byte*>(data),
                                     reinterpret_cast<const std::byte*>(data) + size);
  afplug::control_builder again;
  std::vector<afplug::control_item> items;
  for (const auto& item : afplug::control_view(bytes)) {
    if (!item.data.empty()) {
      require(item.data.data() >= bytes.data());
      require(item.data.data() + item.data.size() <= bytes.data() + bytes.size());
    }
    require(!item.truncated || item.data.data() + item.data.size() == bytes.data() + bytes.size());
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
    require(items.size() <= size / 16);
  }
  std::size_t i = 0;
  for (const auto& item : afplug::control_view(again.bytes())) {
    require(i < items.size());
    require(!item.truncated && item.is(items[i].level, items[i].type));
    require(std::ranges::equal(item.data, items[i].data));
    ++i;
  }
  require(i == items.size());
  return 0;
}
