// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Bit-fields in the struct of an option (AFPLUG_BITS).
#include <gtest/gtest.h>
#include <afplug/option.hpp>
#include <array>

namespace {

constexpr afplug::member_info bits(const char* name, std::uint32_t kind, std::uint32_t offset, std::uint32_t bytes,
                                   unsigned shift, unsigned width) {
  return {kind, name, offset, bytes, AFPLUG_BITS(shift, width), AFPLUG_MEMBER_OPTIONAL, nullptr, nullptr};
}

constexpr std::array members{
    bits("low", AFPLUG_KIND_U8, 0, 1, 0, 4),
    bits("high", AFPLUG_KIND_U8, 0, 1, 4, 4),
    bits("one", AFPLUG_KIND_U16BE, 1, 2, 8, 1),
};

afplug::option_info option() {
  afplug::option_info option{};
  option.name = "BITS";
  option.kind = AFPLUG_KIND_STRUCT;
  option.min_bytes = option.max_bytes = 3;
  option.members = members;
  return option;
}

using bytes = std::vector<std::byte>;
bytes bytes_of(std::initializer_list<int> values) {
  bytes result;
  for (const int v : values) result.push_back(static_cast<std::byte>(v));
  return result;
}

TEST(option_bits, are_formatted) {
  EXPECT_EQ(afplug::format_option(option(), bytes_of({0xa5, 0x01, 0x00})), "low=5,high=10,one=1");
  EXPECT_EQ(afplug::format_option(option(), bytes_of({0x0f, 0xfe, 0xff})), "low=15,high=0,one=0");
}

TEST(option_bits, are_parsed_into_the_same_bytes) {
  EXPECT_EQ(afplug::parse_option(option(), "low=5,high=10,one=1"), bytes_of({0xa5, 0x01, 0x00}));
  EXPECT_EQ(afplug::parse_option(option(), "one=1,high=15,low=1"), bytes_of({0xf1, 0x01, 0x00}));
  EXPECT_EQ(afplug::parse_option(option(), "high=0"), bytes_of({0, 0, 0}));
}

TEST(option_bits, values_out_of_range_are_refused) {
  for (const char* text : {"low=16", "high=16", "one=2", "low=-1", "low=256"}) {
    afplug::error_code ec;
    afplug::parse_option(option(), text, nullptr, ec);
    EXPECT_EQ(ec, afplug::errc::invalid_argument) << text;
  }
}

}  // namespace
