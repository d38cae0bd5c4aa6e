// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "can.hpp"

namespace families {
namespace {

namespace can = afplug::can;

class can_isotp : public can_test {
 protected:
  can_isotp() : can_test(SOCK_DGRAM, CAN_ISOTP) {}
  // The tests use different identifiers, so that a late frame of one does not reach another.
  std::string name(unsigned rx, unsigned tx) const {
    return bus + "?rx=" + std::to_string(rx) + "&tx=" + std::to_string(tx);
  }
  struct pair {
    afplug::socket a, b;
  };
  pair connected(unsigned id, const std::function<void(afplug::socket&)>& prepare = {}) {
    pair p{open(), open()};
    for (auto* s : {&p.a, &p.b})
      if (prepare) prepare(*s);
    p.a.bind(name(id, id + 1));
    p.b.bind(name(id + 1, id));
    return p;
  }
  static void transfer_both_ways(pair& p, std::size_t size) {
    const auto there = pattern(size, 1), back = pattern(size, 2);
    EXPECT_EQ(p.a.send(there), size);
    EXPECT_TRUE(receive(p.b) == there) << size;
    EXPECT_EQ(p.b.send(back), size);
    EXPECT_TRUE(receive(p.a) == back) << size;
  }
};

TEST_F(can_isotp, address_has_an_interface_and_two_identifiers) {
  auto s = open();
  EXPECT_EQ(s.getsockname().to_string(), "any?rx=0x0&tx=0x0");
  s.bind(name(0x123, 0x456));
  const auto bound = s.getsockname();
  EXPECT_EQ(bound.to_string(), bus + "?rx=0x123&tx=0x456");
  EXPECT_EQ(bound.number("rx"), 0x123u);
  EXPECT_EQ(bound.number("tx"), 0x456u);
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.connect(name(1, 2), _)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.listen(1, _)), sys(EOPNOTSUPP));
}

TEST_F(can_isotp, identifiers_may_have_29_bits) {
  auto a = bound(name(0x80000123u, 0x98DAF1F1u)), b = bound(name(0x98DAF1F1u, 0x80000123u));
  EXPECT_EQ(a.getsockname().number("rx"), 0x80000123u);
  a.send("extended"sv);
  EXPECT_EQ(receive(b), "extended");
}

TEST_F(can_isotp, invalid_addresses_are_refused) {
  EXPECT_EQ(ERROR_OF(open().bind("any?rx=0x1&tx=0x2", _)), sys(ENODEV));
  EXPECT_EQ(ERROR_OF(open().bind("lo?rx=0x1&tx=0x2", _)), sys(ENODEV));
  EXPECT_EQ(ERROR_OF(open().bind(name(5, 5), _)), sys(EADDRNOTAVAIL));
  EXPECT_EQ(ERROR_OF(open().send("x"sv, 0, _)), sys(EADDRNOTAVAIL));
}

TEST_F(can_isotp, default_options) {
  const auto s = open();
  const auto options = s.option<can::opt::isotp>().value();
  EXPECT_EQ(options.flags, 0u);
  EXPECT_EQ(options.frame_txtime, 50000u);
  EXPECT_EQ(options.txpad_content, 0xcc);
  EXPECT_EQ(options.rxpad_content, 0xcc);
  EXPECT_EQ(s.option_text("CAN_ISOTP_RECV_FC"), "bs=0,stmin=0,wftmax=0");
  EXPECT_EQ(s.option_text("CAN_ISOTP_LL_OPTS"), "mtu=16,tx_dl=8,tx_flags=0x0");
}

TEST_F(can_isotp, options_cannot_be_set_after_bind) {
  auto s = open();
  s.option("CAN_ISOTP_OPTS", "flags=TX_PADDING|RX_PADDING,frame_txtime=0,txpad_content=0xaa");
  const auto options = s.option<can::opt::isotp>().value();
  EXPECT_EQ(options.flags, unsigned{CAN_ISOTP_TX_PADDING | CAN_ISOTP_RX_PADDING});
  EXPECT_EQ(options.txpad_content, 0xaa);
  s.option(can::opt::isotp_flow({8, 1, 2}));
  EXPECT_EQ(s.option_text("CAN_ISOTP_RECV_FC"), "bs=8,stmin=1,wftmax=2");
  s.option("CAN_ISOTP_LL_OPTS", "mtu=72,tx_dl=64,tx_flags=0x1");
  EXPECT_EQ(s.option<can::opt::isotp_link>().value().tx_dl, 64);
  s.bind(name(0x310, 0x311));
  EXPECT_EQ(ERROR_OF(s.option("CAN_ISOTP_OPTS", std::string("flags=0"), _)), sys(EISCONN));
  EXPECT_EQ(ERROR_OF(s.option("CAN_ISOTP_RECV_FC", std::string("bs=0,stmin=0,wftmax=0"), _)), sys(EISCONN));
}

TEST_F(can_isotp, transfers_messages_of_up_to_4095_bytes) {
  auto p = connected(0x320);
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 7, 8, 300, 4095}) transfer_both_ways(p, size);
}

TEST_F(can_isotp, transfers_messages_of_more_than_4095_bytes) {
  auto p = connected(0x330);
  for (const std::size_t size : std::initializer_list<std::size_t>{4096, 8200}) transfer_both_ways(p, size);
}

TEST_F(can_isotp, transfers_messages_in_fd_frames) {
  auto p = connected(0x340, [](auto& s) { s.option("CAN_ISOTP_LL_OPTS", "mtu=72,tx_dl=64,tx_flags=0"); });
  for (const std::size_t size : std::initializer_list<std::size_t>{60, 300, 4095, 8200}) transfer_both_ways(p, size);
}

TEST_F(can_isotp, flow_control) {
  auto p = connected(0x350, [](auto& s) { s.option(can::opt::isotp_flow({4, 1, 0})); });
  transfer_both_ways(p, 300);
}

TEST_F(can_isotp, padding) {
  auto p = connected(0x360, [](auto& s) { s.option("CAN_ISOTP_OPTS", "flags=TX_PADDING,txpad_content=0x55"); });
  afplug::socket raw("can", SOCK_RAW, CAN_RAW);
  raw.timeout(io_timeout);
  raw.bind(bus);
  raw.option(can::opt::filters({*can::parse_filter("361:7FF")}));
  p.a.send("abc"sv);
  EXPECT_EQ(receive(p.b), "abc");
  EXPECT_EQ(receive_frame(raw), "361#0361626355555555");
}

TEST_F(can_isotp, extended_addresses) {
  auto p = connected(0x370, [](auto& s) {
    s.option("CAN_ISOTP_OPTS", "flags=EXTEND_ADDR|RX_EXT_ADDR,ext_address=0x12,rx_ext_address=0x12");
  });
  transfer_both_ways(p, 100);
}

TEST_F(can_isotp, functional_addressing) {
  auto broadcaster = open(), receiver = bound(bus + "?rx=0x7df&tx=0x7e8");
  broadcaster.option("CAN_ISOTP_OPTS", "flags=SF_BROADCAST");
  broadcaster.bind(bus + "?rx=0&tx=0x7df");
  broadcaster.send("hello"sv);
  EXPECT_EQ(receive(receiver), "hello");
  EXPECT_EQ(ERROR_OF(broadcaster.send(pattern(100), 0, _)), sys(EINVAL)) << "longer than a single frame";
}

TEST_F(can_isotp, transmit_gap) {
  auto p = connected(0x3b0, [](auto& s) {
    can_isotp_options options{};
    options.flags = CAN_ISOTP_FORCE_TXSTMIN;
    s.option(can::opt::isotp(options));
    s.option(can::opt::isotp_tx_gap(1000000));
  });
  EXPECT_EQ(p.a.option_number("CAN_ISOTP_TX_STMIN"), 1000000);
  const auto before = std::chrono::steady_clock::now();
  transfer_both_ways(p, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms) << "28 frames, 1 ms apart";
}

TEST_F(can_isotp, empty_message_is_refused) {
  auto p = connected(0x380);
  EXPECT_EQ(ERROR_OF(p.a.send({}, 0, _)), sys(EINVAL));
  transfer_both_ways(p, 10);
}

TEST_F(can_isotp, sender_address_is_the_interface) {
  auto p = connected(0x390);
  p.a.send("w"sv);
  const auto m = receive_message(p.b);
  EXPECT_EQ(m.data, "w");
  EXPECT_EQ(m.from.to_string(), bus + "?rx=0x0&tx=0x0");
}

TEST_F(can_isotp, wait_tx_done_flag) {
  auto p = connected(0x3a0, [](auto& s) {
    s.option("CAN_ISOTP_OPTS", "flags=WAIT_TX_DONE");
    s.timeout({});
  });
  transfer_both_ways(p, 4095);
}

TEST_F(can_isotp, incomplete_address_is_refused_with_an_error_text) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.bind(bus, _)), error_code(afplug::errc::malformed_address));
  EXPECT_NE(afplug::last_detail().find("rx"), std::string_view::npos) << afplug::last_detail();
  const afplug::field_value one[] = {bus};
  EXPECT_EQ(ERROR_OF(address::from_fields(s.what(), one, _)), error_code(afplug::errc::malformed_address));
  EXPECT_NE(afplug::last_detail().find("tx"), std::string_view::npos) << afplug::last_detail();
}

TEST_F(can_isotp, out_of_range_identifiers_are_refused) {
  auto s = open();
  for (const auto* ids : {"?rx=0x100000001&tx=1", "?rx=1&tx=-1", "?rx=1&tx=99999999999999999999"})
    EXPECT_EQ(ERROR_OF(s.bind(bus + ids, _)), error_code(afplug::errc::malformed_address)) << ids;
  const afplug::field_value fields[] = {bus, std::uint64_t{1} << 32, std::uint64_t{1}};
  EXPECT_EQ(ERROR_OF(address::from_fields(s.what(), fields, _)), error_code(afplug::errc::malformed_address));
}

}  // namespace
}  // namespace families
