// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The headers with a C library whose SOCK_* are macros of integers, as in musl.
#include <sys/socket.h>

namespace {
constexpr int type_stream = SOCK_STREAM, type_datagram = SOCK_DGRAM, type_raw = SOCK_RAW,
              type_seq_packet = SOCK_SEQPACKET, flag_nonblock = SOCK_NONBLOCK, flag_cloexec = SOCK_CLOEXEC;
}  // namespace
#undef SOCK_STREAM
#undef SOCK_DGRAM
#undef SOCK_RAW
#undef SOCK_SEQPACKET
#undef SOCK_NONBLOCK
#undef SOCK_CLOEXEC
#define SOCK_STREAM type_stream
#define SOCK_DGRAM type_datagram
#define SOCK_RAW type_raw
#define SOCK_SEQPACKET type_seq_packet
#define SOCK_NONBLOCK flag_nonblock
#define SOCK_CLOEXEC flag_cloexec

#include <gtest/gtest.h>

#include <afplug/connect.hpp>
#include <afplug/selector.hpp>
#include <afplug/socket.hpp>
#include <afplug/stream.hpp>
#include <afplug/verdict.hpp>

namespace {

TEST(integer_socket_types, are_socket_types) {
  static_assert(std::is_convertible_v<int, afplug::socket_type>);
  afplug::socket by_id("unix", SOCK_DGRAM), by_number(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);
  EXPECT_EQ(by_id.type(), type_datagram);
  EXPECT_EQ(by_number.type(), type_stream);
  EXPECT_FALSE(by_number.blocking());
  const auto [first, second] = afplug::socket::pair();
  EXPECT_EQ(first.type(), type_stream);
}

TEST(integer_socket_types, are_written_as_socket_type_after_the_text_of_an_address) {
  const afplug::address at("inet", "127.0.0.1:80", afplug::socket_type(SOCK_STREAM));
  EXPECT_EQ(at, afplug::address("inet", "127.0.0.1", 80));
  EXPECT_EQ(at.protocol().asked_type(), type_stream);
}

}  // namespace
