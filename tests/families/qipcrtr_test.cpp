// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "support.hpp"

namespace families {
namespace {

class qipcrtr : public protocol_test {
 protected:
  qipcrtr() : protocol_test("qipcrtr", AF_QIPCRTR, SOCK_DGRAM) {}
};

TEST_F(qipcrtr, address_has_a_node_and_a_port) {
  auto s = open();
  const auto name = s.getsockname();
  EXPECT_EQ(name.number("port"), 0u);
  ASSERT_TRUE(name.number("node"));
  s.bind(std::to_string(*name.number("node")) + ":0");
  EXPECT_EQ(s.getsockname().number("node"), name.number("node"));
  EXPECT_NE(s.getsockname().number("port").value(), 0u);
  const auto first = s.getsockname();
  s.bind(name);
  EXPECT_NE(s.getsockname().number("port").value(), 0u);
  EXPECT_NE(s.getsockname(), first) << "__qrtr_bind() in net/qrtr/af_qrtr.c assigns another port";
  EXPECT_EQ(at(s.getsockname().to_string()), s.getsockname());
}

TEST_F(qipcrtr, binds_only_to_the_local_node) {
  auto s = open();
  const auto node = *s.getsockname().number("node");
  EXPECT_EQ(ERROR_OF(s.bind(std::to_string(node + 1) + ":0", _)), sys(EINVAL));
}

TEST_F(qipcrtr, transfers_messages_both_ways) {
  auto a = open(), b = open();
  const auto node = std::to_string(*a.getsockname().number("node"));
  a.bind(node + ":0");
  b.bind(node + ":0");
  const auto large = pattern(16000);
  for (const auto& sent : {"hello"s, large}) {
    EXPECT_EQ(a.sendto(sent, b.getsockname()), sent.size());
    const auto m = receive_message(b);
    EXPECT_TRUE(m.data == sent);
    EXPECT_EQ(m.from, a.getsockname());
    EXPECT_EQ(b.sendto(sent, m.from), sent.size());
    EXPECT_TRUE(receive(a) == sent);
  }
}

TEST_F(qipcrtr, connects) {
  auto a = open(), b = open();
  const auto node = std::to_string(*a.getsockname().number("node"));
  b.bind(node + ":0");
  EXPECT_EQ(ERROR_OF(a.getpeername(_)), sys(ENOTCONN));
  a.connect(b.getsockname());
  EXPECT_EQ(a.getpeername(), b.getsockname());
  a.send("hello"sv);
  EXPECT_EQ(receive(b), "hello");
}

TEST_F(qipcrtr, out_of_range_numbers_are_refused) {
  for (const auto* text : {"4294967296:1", "1:4294967296", "-1:1", "1"})
    EXPECT_EQ(ERROR_OF(address::parse(open().what(), text, _)), error_code(afplug::errc::malformed_address)) << text;
}

}  // namespace
}  // namespace families
