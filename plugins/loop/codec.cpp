// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Text of an address: its name, percent-encoded where it does not print. The empty text is the address without a name.
#include <afplug/plugin.hpp>
#include <array>
#include <cstring>

#include "address.hpp"

namespace loop {

namespace ap = afplug::plugin;

std::string_view name_in(const void* raw, std::uint32_t length, std::int32_t family) {
  std::uint16_t is = 0;
  if (length < nameless || length > sizeof(address)) ap::fail(EINVAL, "an address of ", length, " bytes");
  std::memcpy(&is, raw, sizeof is);
  if (is != family) ap::fail(EINVAL, "an address of family ", is);
  return {static_cast<const char*>(raw) + nameless, length - nameless};
}

afplug_sockaddr address_of(std::string_view name, std::int32_t family) noexcept {
  afplug_sockaddr made{};
  const auto is = static_cast<std::uint16_t>(family);
  std::memcpy(made.u.bytes, &is, sizeof is);
  std::memcpy(made.u.bytes + nameless, name.data(), name.size());
  made.length = nameless + static_cast<std::uint32_t>(name.size());
  return made;
}

namespace {

constexpr std::array fields{ap::field("name", AFPLUG_KIND_TEXT, "1 to 126 bytes; left out: no name, and bind finds one",
                                      AFPLUG_MEMBER_OPTIONAL)};

afplug_sockaddr checked(const afplug_identity& who, std::string_view name) {
  if (name.size() > sizeof address::name)
    ap::fail(ENAMETOOLONG, "a name of ", name.size(), " bytes: there is room for ", sizeof address::name);
  return address_of(name, who.number);
}

std::int32_t parse(const afplug_identity* who, const char* text, std::size_t size, afplug_sockaddr* out,
                   afplug_text* why) {
  return ap::catch_errors(
      [&]() -> std::int32_t {
        *out = checked(*who, ap::percent_decode({text, size}));
        return 0;
      },
      why);
}

std::int32_t format(const afplug_identity* who, const void* raw, std::uint32_t length, afplug_text* out) {
  return ap::catch_errors([&]() -> std::int32_t {
    ap::write_text(out, ap::percent_encode(name_in(raw, length, who->number)));
    return 0;
  });
}

std::int32_t get(const afplug_identity* who, const void* raw, std::uint32_t length, afplug_value* values,
                 std::uint32_t capacity) {
  return ap::catch_errors([&]() -> std::int32_t {
    ap::field_writer made;
    made.text(name_in(raw, length, who->number));
    if (capacity > 0) values[0] = made.values()[0];
    return fields.size();
  });
}

std::int32_t set(const afplug_identity* who, const afplug_value* values, std::uint32_t count, afplug_sockaddr* out,
                 afplug_text* why) {
  return ap::catch_errors(
      [&]() -> std::int32_t {
        *out = checked(*who, ap::field_reader(fields, {values, count}).text(0));
        return 0;
      },
      why);
}

}  // namespace

const afplug_codec codec{sizeof(afplug_codec), 0, ap::array(fields), parse, format, get, set};

}  // namespace loop
