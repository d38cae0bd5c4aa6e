// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "can.hpp"

namespace families {
namespace {

namespace can = afplug::can;

class can_isotp : public can_test {
 protected:
  can_isotp() : can_test(SOCK_DGRAM, CAN_ISOTP) {}
  // Each test has identifiers of its own.
  std::string name(unsigned rx, unsigned tx) const {
    return bus + "?rx=" + std::to_string(rx) + "&tx=" + std::to_string(tx);
  }
  struct pair {
    afplug::socket a, b;
  };
  pair two(unsigned id, const std::function<void(afplug::socket&)>& prepare = {}) {
    pair p{open(), open()};
    for (auto* s : {&p.a, &p.b})
      if (prepare) prepare(*s);
    p.a.bind(name(id, id + 1));
    p.b.bind(name(id + 1, id));
    return p;
  }
  static void passes(pair& p, std::size_t size) {
    const auto there = pattern(size, 1), back = pattern(size, 2);
    EXPECT_EQ(p.a.send(there), size);
    EXPECT_TRUE(receive(p.b) == there) << size;
    EXPECT_EQ(p.b.send(back), size);
    EXPECT_TRUE(receive(p.a) == back) << size;
  }
};

TEST_F(can_isotp, has_an_interface_and_two_identifiers) {
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

TEST_F(can_isotp, takes_identifiers_of_29_bits) {
  auto a = bound(name(0x80000123u, 0x98DAF1F1u)), b = bound(name(0x98DAF1F1u, 0x80000123u));
  EXPECT_EQ(a.getsockname().number("rx"), 0x80000123u);
  a.send("extended"sv);
  EXPECT_EQ(receive(b), "extended");
}

TEST_F(can_isotp, refuses_to_bind_badly) {
  EXPECT_EQ(ERROR_OF(open().bind("any?rx=0x1&tx=0x2", _)), sys(ENODEV));
  EXPECT_EQ(ERROR_OF(open().bind("lo?rx=0x1&tx=0x2", _)), sys(ENODEV));
  EXPECT_EQ(ERROR_OF(open().bind(name(5, 5), _)), sys(EADDRNOTAVAIL));
  EXPECT_EQ(ERROR_OF(open().send("x"sv, 0, _)), sys(EADDRNOTAVAIL));
}

TEST_F(can_isotp, options_are_there_from_the_start) {
  const auto s = open();
  const auto options = s.option<can::opt::isotp>().value();
  EXPECT_EQ(options.flags, 0u);
  EXPECT_EQ(options.frame_txtime, 50000u);
  EXPECT_EQ(options.txpad_content, 0xcc);
  EXPECT_EQ(options.rxpad_content, 0xcc);
  EXPECT_EQ(s.option_text("CAN_ISOTP_RECV_FC"), "bs=0,stmin=0,wftmax=0");
  EXPECT_EQ(s.option_text("CAN_ISOTP_LL_OPTS"), "mtu=16,tx_dl=8,tx_flags=0x0");
}

TEST_F(can_isotp, options_are_set_before_bind) {
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

TEST_F(can_isotp, carries_messages_of_any_size) {
  auto p = two(0x320);
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 7, 8, 300, 4095}) passes(p, size);
}

TEST_F(can_isotp, carries_messages_beyond_four_kilobytes) {
  auto p = two(0x330);
  for (const std::size_t size : std::initializer_list<std::size_t>{4096, 8200}) passes(p, size);
}

TEST_F(can_isotp, carries_more_in_frames_of_fd) {
  auto p = two(0x340, [](auto& s) { s.option("CAN_ISOTP_LL_OPTS", "mtu=72,tx_dl=64,tx_flags=0"); });
  for (const std::size_t size : std::initializer_list<std::size_t>{60, 300, 4095, 8200}) passes(p, size);
}

TEST_F(can_isotp, with_flow_control) {
  auto p = two(0x350, [](auto& s) { s.option(can::opt::isotp_flow({4, 1, 0})); });
  passes(p, 300);
}

TEST_F(can_isotp, pads_its_frames) {
  auto p = two(0x360, [](auto& s) { s.option("CAN_ISOTP_OPTS", "flags=TX_PADDING,txpad_content=0x55"); });
  afplug::socket raw("can", SOCK_RAW, CAN_RAW);
  raw.timeout(patience);
  raw.bind(bus);
  raw.option(can::opt::filters({*can::parse_filter("361:7FF")}));
  p.a.send("abc"sv);
  EXPECT_EQ(receive(p.b), "abc");
  EXPECT_EQ(receive_frame(raw), "361#0361626355555555");
}

TEST_F(can_isotp, with_extended_addresses) {
  auto p = two(0x370, [](auto& s) {
    s.option("CAN_ISOTP_OPTS", "flags=EXTEND_ADDR|RX_EXT_ADDR,ext_address=0x12,rx_ext_address=0x12");
  });
  passes(p, 100);
}

TEST_F(can_isotp, reaches_all_by_a_functional_address) {
  auto all = open(), one = bound(bus + "?rx=0x7df&tx=0x7e8");
  all.option("CAN_ISOTP_OPTS", "flags=SF_BROADCAST");
  all.bind(bus + "?rx=0&tx=0x7df");
  all.send("hello"sv);
  EXPECT_EQ(receive(one), "hello");
  EXPECT_EQ(ERROR_OF(all.send(pattern(100), 0, _)), sys(EINVAL)) << "only what fits one frame";
}

TEST_F(can_isotp, keeps_gaps_between_frames) {
  auto p = two(0x3b0, [](auto& s) {
    can_isotp_options with{};
    with.flags = CAN_ISOTP_FORCE_TXSTMIN;
    s.option(can::opt::isotp(with));
    s.option(can::opt::isotp_tx_gap(1000000));
  });
  EXPECT_EQ(p.a.option_number("CAN_ISOTP_TX_STMIN"), 1000000);
  const auto before = std::chrono::steady_clock::now();
  passes(p, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms) << "28 frames, a millisecond apart";
}

TEST_F(can_isotp, of_no_bytes_and_of_too_many) {
  auto p = two(0x380);
  EXPECT_EQ(ERROR_OF(p.a.send({}, 0, _)), sys(EINVAL));
  passes(p, 10);
}

TEST_F(can_isotp, tells_the_interface_of_the_sender) {
  auto p = two(0x390);
  p.a.send("w"sv);
  const auto m = receive_message(p.b);
  EXPECT_EQ(m.data, "w");
  EXPECT_EQ(m.from.to_string(), bus + "?rx=0x0&tx=0x0");
}

TEST_F(can_isotp, waits_until_all_is_sent_where_asked_for) {
  auto p = two(0x3a0, [](auto& s) {
    s.option("CAN_ISOTP_OPTS", "flags=WAIT_TX_DONE");
    s.timeout({});
  });
  passes(p, 4095);
}

TEST_F(can_isotp, defect_2_an_address_that_lacks_parts_is_refused_with_a_sentence) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.bind(bus, _)), error_code(afplug::errc::malformed_address));
  EXPECT_NE(afplug::last_detail().find("rx"), std::string_view::npos) << afplug::last_detail();
  const afplug::field_value one[] = {bus};
  EXPECT_EQ(ERROR_OF(address::from_fields(s.what(), one, _)), error_code(afplug::errc::malformed_address));
  EXPECT_NE(afplug::last_detail().find("tx"), std::string_view::npos) << afplug::last_detail();
}

TEST_F(can_isotp, defect_3_identifiers_do_not_wrap) {
  auto s = open();
  for (const auto* ids : {"?rx=0x100000001&tx=1", "?rx=1&tx=-1", "?rx=1&tx=99999999999999999999"})
    EXPECT_EQ(ERROR_OF(s.bind(bus + ids, _)), error_code(afplug::errc::malformed_address)) << ids;
  const afplug::field_value fields[] = {bus, std::uint64_t{1} << 32, std::uint64_t{1}};
  EXPECT_EQ(ERROR_OF(address::from_fields(s.what(), fields, _)), error_code(afplug::errc::malformed_address));
}

}  // namespace
}  // namespace families
