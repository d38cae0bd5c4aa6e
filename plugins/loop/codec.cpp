// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The text of an address is its name with unprintable bytes percent-encoded. The empty text is the empty name.
#include <afplug/plugin.hpp>
#include <array>
#include <cstring>

#include "address.hpp"

namespace loop {

namespace ap = afplug::plugin;

std::string_view name_of(const void* raw, std::uint32_t length, std::int32_t family) {
  std::uint16_t stored = 0;
  if (length < unnamed_size || length > sizeof(address))
    ap::fail(EINVAL, "the address has ", length, " bytes, not ", unnamed_size, "-", sizeof(address));
  std::memcpy(&stored, raw, sizeof stored);
  if (stored != family) ap::fail(EINVAL, "the address is of family ", stored, ", not ", family);
  return {static_cast<const char*>(raw) + unnamed_size, length - unnamed_size};
}

afplug_sockaddr address_of(std::string_view name, std::int32_t family) noexcept {
  afplug_sockaddr made{};
  const auto stored = static_cast<std::uint16_t>(family);
  std::memcpy(made.u.bytes, &stored, sizeof stored);
  std::memcpy(made.u.bytes + unnamed_size, name.data(), name.size());
  made.length = unnamed_size + static_cast<std::uint32_t>(name.size());
  return made;
}

namespace {

constexpr std::array fields{
    ap::field("name", AFPLUG_KIND_TEXT, "0-126 bytes; empty or omitted: bind chooses a name", AFPLUG_MEMBER_OPTIONAL)};

afplug_sockaddr make_address(const afplug_identity& who, std::string_view name) {
  if (name.size() > sizeof address::name)
    ap::fail(ENAMETOOLONG, "the name has ", name.size(), " bytes, at most ", sizeof address::name, " are allowed");
  return address_of(name, who.number);
}

std::int32_t parse(const afplug_identity* who, const char* text, std::size_t size, afplug_sockaddr* out,
                   afplug_text* why) {
  return ap::catch_errors(
      [&]() -> std::int32_t {
        *out = make_address(*who, ap::percent_decode({text, size}));
        return 0;
      },
      why);
}

std::int32_t format(const afplug_identity* who, const void* raw, std::uint32_t length, afplug_text* out) {
  return ap::catch_errors([&]() -> std::int32_t {
    ap::write_text(out, ap::percent_encode(name_of(raw, length, who->number)));
    return 0;
  });
}

std::int32_t get(const afplug_identity* who, const void* raw, std::uint32_t length, afplug_value* values,
                 std::uint32_t capacity) {
  return ap::catch_errors([&]() -> std::int32_t {
    ap::field_writer made;
    made.text(name_of(raw, length, who->number));
    if (capacity > 0) values[0] = made.values()[0];
    return fields.size();
  });
}

std::int32_t set(const afplug_identity* who, const afplug_value* values, std::uint32_t count, afplug_sockaddr* out,
                 afplug_text* why) {
  return ap::catch_errors(
      [&]() -> std::int32_t {
        *out = make_address(*who, ap::field_reader(fields, {values, count}).text(0));
        return 0;
      },
      why);
}

}  // namespace

const afplug_codec codec{sizeof(afplug_codec), 0, ap::array(fields), parse, format, get, set};

}  // namespace loop
