// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "support.hpp"

namespace families {
namespace {

class rds : public protocol_test {
 protected:
  rds() : protocol_test("rds", AF_RDS, SOCK_SEQPACKET) {}
};

TEST_F(rds, address_has_a_host_and_a_port) {
  auto s = open();
  s.bind("127.0.0.1:0");
  EXPECT_EQ(std::get<std::string>(s.getsockname().field("host")), "127.0.0.1");
  EXPECT_NE(s.getsockname().number("port").value(), 0u);
  EXPECT_EQ(ERROR_OF(s.bind("127.0.0.1:0", _)), sys(EINVAL));
  auto other = open();
  EXPECT_EQ(ERROR_OF(other.bind(s.getsockname(), _)), sys(EADDRINUSE));
  EXPECT_EQ(ERROR_OF(other.bind("192.0.2.1:0", _)), sys(EADDRNOTAVAIL));
}

TEST_F(rds, options) {
  auto s = open();
  EXPECT_EQ(s.option_number("RDS_RECVERR"), 0);
  s.option("RDS_RECVERR", 1);
  EXPECT_EQ(s.option_number("RDS_RECVERR"), 1);
  s.option("RDS_CONG_MONITOR", 1);
  EXPECT_EQ(ERROR_OF(s.option_number("RDS_CONG_MONITOR", _)), error_code(afplug::errc::not_readable));
}

// rds_sendmsg() in net/rds/send.c refuses MSG_NOSIGNAL.
TEST_F(rds, transfers_messages) {
  auto a = bound("127.0.0.1:0"), b = bound("127.0.0.1:0");
  a.sendto("one"sv, b.getsockname());
  const auto first = receive_message(b);
  EXPECT_EQ(first.data, "one");
  EXPECT_EQ(first.from, a.getsockname());
  b.sendto("two"sv, first.from);
  EXPECT_EQ(receive(a), "two");
}

TEST_F(rds, receive_would_block_without_a_message) {
  auto s = bound("127.0.0.1:0");
  EXPECT_TRUE(receive_would_block(s));
}

}  // namespace
}  // namespace families
