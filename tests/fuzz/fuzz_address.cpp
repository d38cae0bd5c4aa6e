// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Input: a byte that picks a family (its number, AF_INET = 2), a byte that picks one of its rows, a byte that says what
// the rest is: 't' an address's text, else its bytes. Text is refused or becomes an address, and what that says of
// itself, as text and as fields, gives it again.
#include <afplug/address.hpp>
#include <afplug/registry.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "holds.hpp"

namespace {

std::vector<const afplug::family*> all_families() {
  std::vector<const afplug::family*> out;
  for (const auto& plugin : afplug::registry::global().families())
    if (plugin.state == afplug::plugin_info::state_t::found)
      out.push_back(&afplug::registry::global().family(plugin.family));
  HOLDS(!out.empty());
  return out;
}

const afplug::family& pick(std::uint8_t number) {
  static const auto families = all_families();
  const auto it = std::find_if(families.begin(), families.end(), [&](auto* f) { return f->number() == number; });
  return it != families.end() ? **it : *families[number % families.size()];
}

bool has_text(const afplug::address& a, const afplug::basic_protocol& p) {
  const auto who = p.owner()->identity(p.asked_type(), p.asked_protocol());
  afplug_text nobody_asks{nullptr, 0, 0};
  return p.owner()->codec().format(&who, a.data(), static_cast<std::uint32_t>(a.size()), &nobody_asks) >= 0;
}

std::vector<afplug::field_value> fields_of(const afplug::address& a) {
  std::vector<afplug::field_value> out;
  for (auto& field : a.fields()) out.push_back(std::move(field.value));
  return out;
}

// The text tells every byte. The fields are Python's, which leave some out (an index without a name, a longer form) and
// refuse some (a hardware address of more than 8 bytes): where they are an address they give themselves.
void gives_itself_again(const afplug::address& a, const afplug::basic_protocol& p) {
  afplug::error_code ec;
  HOLDS(afplug::address::parse(p, a.to_string(), ec) == a && !ec);
  const auto fields = fields_of(a);
  const auto again = afplug::address::from_fields(p, fields, ec);
  HOLDS(ec || fields_of(again) == fields);
}

// Bytes may hold padding, which no text tells; what is read from their text is whole. A peer's UNIX path may fill
// sun_path to its last byte, which our own may not.
void gives_the_same_text_again(const afplug::address& a, const afplug::basic_protocol& p) {
  if (!has_text(a, p)) return;
  afplug::error_code ec;
  const auto text = a.to_string();
  const auto b = afplug::address::parse(p, text, ec);
  if (ec == afplug::errc::address_too_long) return;
  HOLDS(!ec && b.to_string() == text);
  gives_itself_again(b, p);
}

// The codec gets these bytes and no room around them, where AddressSanitizer sees it step out.
void reads_nothing_beyond(const std::vector<std::uint8_t>& bytes, const afplug::family& family,
                          const afplug_identity& who) {
  const auto length = static_cast<std::uint32_t>(bytes.size());
  std::vector<char> room(1024);
  afplug_text text{room.data(), static_cast<std::uint32_t>(room.size()), 0};
  family.codec().format(&who, bytes.data(), length, &text);
  std::vector<afplug_value> values(family.address_fields().size());
  const auto count =
      family.codec().get(&who, bytes.data(), length, values.data(), static_cast<std::uint32_t>(values.size()));
  HOLDS(count <= static_cast<std::int32_t>(values.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const auto& family = pick(data[0]);
  const auto& row = family.rows()[data[1] % family.rows().size()];
  const afplug::basic_protocol p(family, row.type, row.protocol);
  const bool is_text = data[2] == 't';
  data += 3, size -= 3;
  if (is_text) {
    afplug::error_code ec;
    const auto a = afplug::address::parse(p, {reinterpret_cast<const char*>(data), size}, ec);
    HOLDS(ec.failed() == a.empty());
    if (!ec) {
      HOLDS(has_text(a, p));
      gives_itself_again(a, p);
    }
  } else if (size > 0 && size <= AFPLUG_ADDRESS_MAX) {
    gives_the_same_text_again(afplug::address(data, size, p), p);
    reads_nothing_beyond({data, data + size}, family, family.identity(row.type, row.protocol));
  }
  return 0;
}
