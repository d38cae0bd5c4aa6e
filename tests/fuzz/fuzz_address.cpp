// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Input: one byte that selects a family by its number (AF_INET is 2), one byte that selects one of its rows, one byte
// for the kind of the rest, which is the text of an address ('t') or its bytes. Text is refused or gives an address
// that round-trips through its text and its fields.
#include <afplug/address.hpp>
#include <afplug/registry.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "require.hpp"

namespace {

std::vector<const afplug::family*> all_families() {
  std::vector<const afplug::family*> out;
  for (const auto& plugin : afplug::registry::global().families())
    if (plugin.state == afplug::plugin_info::state_t::found)
      out.push_back(&afplug::registry::global().family(plugin.family));
  REQUIRE(!out.empty());
  return out;
}

const afplug::family& pick(std::uint8_t number) {
  static const auto families = all_families();
  const auto it = std::find_if(families.begin(), families.end(), [&](auto* f) { return f->number() == number; });
  return it != families.end() ? **it : *families[number % families.size()];
}

bool has_text(const afplug::address& a, const afplug::basic_protocol& p) {
  const auto identity = p.owner()->identity(p.asked_type(), p.asked_protocol());
  afplug_text discarded{nullptr, 0, 0};
  return p.owner()->codec().format(&identity, a.data(), static_cast<std::uint32_t>(a.size()), &discarded) >= 0;
}

std::vector<afplug::field_value> fields_of(const afplug::address& a) {
  std::vector<afplug::field_value> out;
  for (auto& field : a.fields()) out.push_back(std::move(field.value));
  return out;
}

// The text has every byte of an address. Python's fields do not have all (an interface index without a name) and are
// not always accepted (a hardware address of more than 8 bytes); if they are, they round-trip.
void check_round_trip(const afplug::address& a, const afplug::basic_protocol& p) {
  afplug::error_code ec;
  REQUIRE(afplug::address::parse(p, a.to_string(), ec) == a && !ec);
  const auto fields = fields_of(a);
  const auto again = afplug::address::from_fields(p, fields, ec);
  REQUIRE(ec || fields_of(again) == fields);
}

// An address made of any bytes has no padding, so that its text has every byte, also where the text is that of bytes
// that the family rejects. The path of a UNIX peer may fill sun_path, while a path to bind needs a null byte.
void check_text_round_trip(const afplug::address& a, const afplug::basic_protocol& p) {
  if (a.size() < sizeof(sa_family_t) || a.family() != p.family()) return;
  afplug::error_code ec;
  const auto b = afplug::address::parse(p, a.to_string(), ec);
  if (ec == afplug::errc::address_too_long) return;
  REQUIRE(!ec && b == a);
  if (has_text(a, p)) check_round_trip(a, p);
}

// Calls the codec with a buffer of the exact size, so that AddressSanitizer finds reads outside of it.
void check_bounds(const std::vector<std::uint8_t>& bytes, const afplug::family& family,
                  const afplug_identity& identity) {
  const auto length = static_cast<std::uint32_t>(bytes.size());
  std::vector<char> buffer(1024);
  afplug_text text{buffer.data(), static_cast<std::uint32_t>(buffer.size()), 0};
  family.codec().format(&identity, bytes.data(), length, &text);
  std::vector<afplug_value> values(family.address_fields().size());
  const auto count =
      family.codec().get(&identity, bytes.data(), length, values.data(), static_cast<std::uint32_t>(values.size()));
  REQUIRE(count <= static_cast<std::int32_t>(values.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const auto& family = pick(data[0]);
  const auto& row = family.rows()[data[1] % family.rows().size()];
  const afplug::basic_protocol p(family, afplug::socket_type(row.type), row.protocol);
  const bool is_text = data[2] == 't';
  data += 3, size -= 3;
  if (is_text) {
    afplug::error_code ec;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto a = afplug::address::parse(p, text, ec);
    REQUIRE(ec.failed() == a.empty());
    if (!ec) {
      REQUIRE(has_text(a, p) || text.starts_with("%family="));
      check_text_round_trip(a, p);
    }
  } else if (size > 0 && size <= AFPLUG_ADDRESS_MAX) {
    check_text_round_trip(afplug::address(data, size, p), p);
    check_bounds({data, data + size}, family, family.identity(afplug::socket_type(row.type), row.protocol));
  }
  return 0;
}
