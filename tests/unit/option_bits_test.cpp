// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Members of an option's struct that are bit-fields.
#include <gtest/gtest.h>
#include <afplug/option.hpp>
#include <array>

namespace {

constexpr afplug_member bits(const char* name, std::uint32_t kind, std::uint32_t offset, std::uint32_t bytes,
                             unsigned shift, unsigned width) {
  return {sizeof(afplug_member),  kind,    name,   offset, bytes, AFPLUG_BITS(shift, width),
          AFPLUG_MEMBER_OPTIONAL, nullptr, nullptr};
}

constexpr std::array members{
    bits("low", AFPLUG_KIND_U8, 0, 1, 0, 4),
    bits("high", AFPLUG_KIND_U8, 0, 1, 4, 4),
    bits("one", AFPLUG_KIND_U16BE, 1, 2, 8, 1),
};

afplug::option_info option() {
  afplug::option_info made{};
  made.size = sizeof(afplug_option);
  made.name = "BITS";
  made.kind = AFPLUG_KIND_STRUCT;
  made.min_bytes = made.max_bytes = 3;
  made.member_table = members;
  return made;
}

using bytes = std::vector<std::byte>;
bytes of(std::initializer_list<int> values) {
  bytes made;
  for (const int v : values) made.push_back(static_cast<std::byte>(v));
  return made;
}

TEST(option_bits, are_read_from_their_place) {
  EXPECT_EQ(afplug::format_option(option(), of({0xa5, 0x01, 0x00})), "low=5,high=10,one=1");
  EXPECT_EQ(afplug::format_option(option(), of({0x0f, 0xfe, 0xff})), "low=15,high=0,one=0");
}

TEST(option_bits, are_written_beside_each_other) {
  EXPECT_EQ(afplug::parse_option(option(), "low=5,high=10,one=1"), of({0xa5, 0x01, 0x00}));
  EXPECT_EQ(afplug::parse_option(option(), "one=1,high=15,low=1"), of({0xf1, 0x01, 0x00}));
  EXPECT_EQ(afplug::parse_option(option(), "high=0"), of({0, 0, 0}));
}

TEST(option_bits, have_their_own_range) {
  for (const char* text : {"low=16", "high=16", "one=2", "low=-1", "low=256"}) {
    afplug::error_code ec;
    afplug::parse_option(option(), text, nullptr, ec);
    EXPECT_EQ(ec, afplug::errc::invalid_argument) << text;
  }
}

}  // namespace
