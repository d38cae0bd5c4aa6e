// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The codecs of the families: text that parses is written as text that gives the same address in every byte; any bytes
// are refused, or written as text that parses; fields lead back to the address that they came from. The first byte of
// the input picks the family.
#include <afplug/address.hpp>
#include <afplug/registry.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

const std::vector<const afplug::family*>& families() {
  static const auto all = [] {
    std::vector<const afplug::family*> found;
    for (const char* id : {"inet", "inet6", "unix"}) found.push_back(&afplug::registry::global().family(id));
    return found;
  }();
  return all;
}

void require(bool holds, const afplug::address& a, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s: %s\n", what, a.to_string().c_str());
  std::abort();
}

// Everything that an address can be turned into gives the same address back.
void round_trip(const afplug::basic_protocol& p, const afplug::address& a) {
  const auto text = a.to_string();
  afplug::error_code ec;
  const auto from_text = afplug::address::parse(p, text, ec);
  require(!ec && from_text == a, a, "text");
  require(from_text.to_string() == text, a, "text of the text");
  std::vector<afplug::field_value> values;
  for (auto& field : a.fields()) values.push_back(field.value);
  const auto from_fields = afplug::address::from_fields(p, values, ec);
  // Fields have Python's limits, which are narrower (a flowinfo of 20 bits).
  require(ec || from_fields == a, a, "fields");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto& family = *families()[data[0] % families().size()];
  const afplug::basic_protocol p(family, SOCK_STREAM);
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);

  afplug::error_code ec;
  const auto parsed = afplug::address::parse(p, rest, ec);
  if (!ec) round_trip(p, parsed);

  if (rest.size() <= AFPLUG_ADDRESS_MAX) {
    const std::vector<char> exact(rest.begin(), rest.end());
    const auto who = family.identity(SOCK_STREAM, 0);
    char text[1024];
    afplug_text out{text, sizeof text, 0};
    const auto length = static_cast<std::uint32_t>(exact.size());
    if (family.codec().format(&who, exact.data(), length, &out) >= 0) {
      // Padding that no text can say (sin_zero) may differ; what is said may not. A peer's UNIX path may fill sun_path
      // to its last byte, which our own may not.
      const afplug::address raw(exact.data(), exact.size(), p);
      const auto again = afplug::address::parse(p, raw.to_string(), ec);
      if (ec != afplug::errc::address_too_long) {
        require(!ec && again.to_string() == raw.to_string(), raw, "text of the bytes");
        round_trip(p, again);
      }
    }
    std::vector<afplug_value> values(family.address_fields().size());
    family.codec().get(&who, exact.data(), length, values.data(), static_cast<std::uint32_t>(values.size()));
  }
  return 0;
}
