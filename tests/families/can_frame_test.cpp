// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Frames, filters and broadcast manager messages as values. Needs no kernel with CAN.
#include "can.hpp"

namespace families {
namespace {

namespace can = afplug::can;

TEST(can_frame, text_round_trip) {
  for (const auto* text :
       {"123#DEADBEEF", "000#", "7FF#0102030405060708", "12345678#00", "00000001#FF", "123#R", "123#R4", "1FFFFFFF#R8",
        "123##0", "123##3AABB", "12345678##10102030405060708AABBCCDD", "20000040#0000000000000000"}) {
    const auto f = can::frame::parse(text);
    ASSERT_TRUE(f) << text;
    EXPECT_EQ(f->to_string(), text);
    EXPECT_EQ(can::frame::from_bytes(f->bytes()), f) << text;
  }
}

TEST(can_frame, text_may_have_dots_and_lower_case_digits) {
  EXPECT_EQ(frame("123#de.ad.BE.ef"), frame("123#DEADBEEF"));
  EXPECT_EQ(frame("0ab#r"), frame("0AB#R"));
}

TEST(can_frame, malformed_text_is_refused) {
  for (const auto* text :
       {"", "123", "#", "12#00", "1234#00", "800#00", "123#0", "123#010203040506070809", "123#GG", "123#R9", "20000#00",
        "123#.00", "123#00.", "123##", "123##G00", "123##0010203040506070809", "12x#00", " 123#00", "123#00 "})
    EXPECT_FALSE(can::frame::parse(text)) << text;
}

TEST(can_frame, accessors) {
  const auto plain = frame("123#0102");
  EXPECT_EQ(plain.id(), 0x123u);
  EXPECT_EQ(plain.data().size(), 2u);
  EXPECT_EQ(plain.bytes().size(), 16u);
  EXPECT_FALSE(plain.is_extended() || plain.is_fd() || plain.is_remote() || plain.is_error());
  const auto extended = frame("00000123#");
  EXPECT_TRUE(extended.is_extended());
  EXPECT_EQ(extended.id(), 0x123u);
  EXPECT_EQ(extended.raw_id(), 0x123u | CAN_EFF_FLAG);
  EXPECT_NE(extended, frame("123#"));
  const auto fd = frame("123##1AA");
  EXPECT_TRUE(fd.is_fd());
  EXPECT_EQ(fd.bytes().size(), 72u);
  EXPECT_EQ(fd.flags(), CANFD_BRS | CANFD_FDF);
  const auto remote = can::frame::remote(0x800, 4);
  EXPECT_TRUE(remote.is_remote() && remote.is_extended());
  EXPECT_EQ(remote.to_string(), "00000800#R4");
}

TEST(can_frame, invalid_bytes_are_refused) {
  const std::byte bytes[80] = {};
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 15, 17, 71, 73, 80})
    EXPECT_FALSE(can::frame::from_bytes({bytes, size})) << size;
  std::byte classic[16] = {};
  classic[4] = std::byte{9};
  EXPECT_FALSE(can::frame::from_bytes(classic)) << "a classic frame has at most 8 bytes";
}

TEST(can_frame, fd_lengths) {
  EXPECT_EQ(can::frame::fd_length(8), 8u);
  EXPECT_EQ(can::frame::fd_length(9), 12u);
  EXPECT_EQ(can::frame::fd_length(33), 48u);
  EXPECT_EQ(can::frame::fd_length(64), 64u);
}

TEST(can_frame, error_frames_as_text) {
  EXPECT_EQ(can::describe_error(frame("123#00")), "");
  EXPECT_EQ(can::describe_error(frame("20000040#0000000000000000")), "bus-off");
  EXPECT_EQ(can::describe_error(frame("20000020#0000000000000000")), "no acknowledgement");
  EXPECT_EQ(can::describe_error(frame("20000004#0004000000000000")), "controller: receive warning");
  EXPECT_EQ(can::describe_error(frame("20000008#0000040A00000000")), "protocol: stuff error (at data)");
  EXPECT_EQ(can::describe_error(frame("20000204#0030000000008001")),
            "controller: receive passive, transmit passive; counters: tx 128, rx 1");
}

TEST(can_filter, parse) {
  const auto match = can::parse_filter("123:7FF"), inverted = can::parse_filter("123~7FF"),
             extended = can::parse_filter("00000123:1FFFFFFF");
  ASSERT_TRUE(match && inverted && extended);
  EXPECT_EQ(match->can_id, 0x123u);
  EXPECT_EQ(match->can_mask, 0x7ffu);
  EXPECT_EQ(inverted->can_id, 0x123u | CAN_INV_FILTER);
  EXPECT_EQ(extended->can_id, 0x123u | CAN_EFF_FLAG);
  for (const auto* text : {"", "123", "123:", ":7FF", "x:7FF", "123:7FF:"})
    EXPECT_FALSE(can::parse_filter(text)) << text;
}

TEST(can_xl_frame, bytes_round_trip) {
  const std::uint8_t data[] = {1, 2, 3, 4, 5};
  const can::xl_frame f(0x7ff, 3, 0x12345678, data);
  const auto back = can::xl_frame::from_bytes(f.bytes());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->priority(), 0x7ffu);
  EXPECT_EQ(back->sdu_type(), 3);
  EXPECT_EQ(back->acceptance(), 0x12345678u);
  EXPECT_TRUE(std::equal(back->data().begin(), back->data().end(), std::begin(data), std::end(data)));
  EXPECT_FALSE(can::xl_frame::from_bytes(f.bytes().first(12)));
}

TEST(can_xl_frame, text_round_trip) {
  const auto f = can::xl_frame::parse("45123#81:02:12345678#11223344");
  ASSERT_TRUE(f);
  EXPECT_EQ(f->virtual_network(), 0x45);
  EXPECT_EQ(f->priority(), 0x123u);
  EXPECT_EQ(f->flags(), 0x81);
  EXPECT_EQ(f->sdu_type(), 2);
  EXPECT_EQ(f->acceptance(), 0x12345678u);
  EXPECT_EQ(f->data().size(), 4u);
  EXPECT_EQ(f->to_string(), "45123#81:02:12345678#11223344");
  const std::uint8_t data[] = {1, 2};
  can::xl_frame built(0x7ff, 3, 1, data);
  EXPECT_EQ(built.to_string(), "007FF#80:03:00000001#0102");
  built.virtual_network(0xab);
  EXPECT_EQ(built.to_string(), "AB7FF#80:03:00000001#0102");
  EXPECT_EQ(can::xl_frame::parse("00001#80:00:00000000#" + std::string(2 * CANXL_MAX_DLEN, '7'))->data().size(), 2048u);
  for (const auto* malformed : {"", "123#01", "45123#81:02:12345678#", "45123#01:02:12345678#11",
                                "45800#81:02:12345678#11", "45123#81:02:1234567#11", "45123#81:02:12345678#1",
                                "45123#81:02:12345678#xy", "45123#81:02:1234567x#11", "45123:81:02:12345678#11"})
    EXPECT_FALSE(can::xl_frame::parse(malformed)) << malformed;
  EXPECT_FALSE(can::xl_frame::parse("00001#80:00:00000000#" + std::string(2 * CANXL_MAX_DLEN + 2, '7')));
}

TEST(can_bcm_message, bytes_round_trip) {
  const can::frame frames[] = {frame("123#01"), frame("123#02")};
  const auto m = can::bcm_message::cyclic(frames, 20ms);
  EXPECT_EQ(m.bytes().size(), 56u + 2 * 16u);
  const auto back = can::bcm_message::from_bytes(m.bytes());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->opcode(), static_cast<std::uint32_t>(TX_SETUP));
  EXPECT_EQ(back->id(), 0x123u);
  EXPECT_EQ(back->frames(), m.frames());
  EXPECT_EQ(back->head().ival2.tv_usec, 20000);
  auto truncated = m.bytes();
  truncated.pop_back();
  EXPECT_FALSE(can::bcm_message::from_bytes(truncated));
  EXPECT_FALSE(can::bcm_message::from_bytes(std::span(truncated).first(55)));
}

}  // namespace
}  // namespace families
