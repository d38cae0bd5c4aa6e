// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Input: one byte that selects a family, two for one of its options or those of SOL_SOCKET, one for the kind of the
// rest: text to be parsed ('t') or bytes to be formatted. What is accepted round-trips.
#include <afplug/option.hpp>
#include <afplug/registry.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "require.hpp"

namespace {

using one_option = std::pair<const afplug::family*, const afplug::option_info*>;

std::vector<one_option> all_options() {
  std::vector<one_option> out;
  for (const auto& plugin : afplug::registry::global().families()) {
    if (plugin.state != afplug::plugin_info::state_t::found) continue;
    const auto& f = afplug::registry::global().family(plugin.family);
    for (const auto& o : f.options()) out.emplace_back(&f, &o);
    for (const auto& o : afplug::socket_options()) out.emplace_back(&f, &o);
  }
  REQUIRE(!out.empty());
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto all = all_options();
  if (size < 3) return 0;
  const auto [family, option] = all[(data[0] | std::size_t{data[1]} << 8) % all.size()];
  const bool is_text = data[2] == 't';
  data += 3, size -= 3;
  afplug::error_code ec;
  if (is_text) {
    const auto bytes = afplug::parse_option(*option, {reinterpret_cast<const char*>(data), size}, family, ec);
    REQUIRE(!ec || bytes.empty());
    if (ec || option->kind == AFPLUG_KIND_LENGTH) return 0;
    const auto text = afplug::format_option(*option, bytes, family, ec);
    REQUIRE(!ec);
    REQUIRE(afplug::parse_option(*option, text, family, ec) == bytes && !ec);
  } else {
    const std::vector<std::byte> bytes(reinterpret_cast<const std::byte*>(data),
                                       reinterpret_cast<const std::byte*>(data) + size);
    const auto text = afplug::format_option(*option, bytes, family, ec);
    REQUIRE(!ec || text.empty());
    if (ec) return 0;
    REQUIRE(text.find_first_of(std::string_view("\0\x1b\n", 3)) == std::string::npos);
    // The text leaves out what has no meaning, padding for example, and the members that a shorter struct does not
    // have: they are parsed as 0.
    const auto again = afplug::parse_option(*option, text, family, ec);
    if (ec) return 0;
    REQUIRE(afplug::format_option(*option, again, family, ec).starts_with(text) && !ec);
  }
  return 0;
}
