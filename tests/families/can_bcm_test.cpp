// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "can.hpp"

namespace families {
namespace {

namespace can = afplug::can;
using can::bcm_message;

class can_bcm : public can_test {
 protected:
  can_bcm() : can_test(SOCK_DGRAM, CAN_BCM) {}
  afplug::socket manager() {
    auto s = open();
    s.connect(bus);
    return s;
  }
  afplug::socket raw(std::vector<can_filter> filters) {
    afplug::socket s("can", SOCK_RAW, CAN_RAW);
    s.timeout(io_timeout);
    s.option(can::opt::filters(std::move(filters)));
    s.bind(bus);
    return s;
  }
  static bcm_message receive_bcm(afplug::socket& s) {
    const auto bytes = receive(s);
    return bcm_message::from_bytes(std::as_bytes(std::span(bytes))).value();
  }
};

TEST_F(can_bcm, needs_connect_instead_of_bind) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.send(bcm_message::stop(1).bytes(), 0, _)), sys(ENOTCONN));
  EXPECT_EQ(ERROR_OF(s.bind(bus, _)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.connect("lo", _)), sys(ENODEV));
  s.connect(bus);
  EXPECT_EQ(ERROR_OF(s.connect(bus, _)), sys(EISCONN));
  EXPECT_EQ(ERROR_OF(s.getsockname(_)), sys(EOPNOTSUPP));
}

TEST_F(can_bcm, cyclic_transmission_until_deleted) {
  auto s = manager();
  auto listener = raw({*can::parse_filter("123:7FF")});
  const can::frame frames[] = {frame("123#01"), frame("123#02")};
  const auto setup = bcm_message::cyclic(frames, 10ms);
  EXPECT_EQ(s.send(setup.bytes()), 56u + 32u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(receive_frame(listener), "123#01");
    EXPECT_EQ(receive_frame(listener), "123#02");
  }
  s.send(bcm_message(TX_READ, 0x123).bytes());
  EXPECT_EQ(receive_bcm(s).frames().size(), 2u);
  EXPECT_EQ(s.send(bcm_message::stop(0x123).bytes()), 56u);
  EXPECT_EQ(ERROR_OF(s.send(bcm_message::stop(0x123).bytes(), 0, _)), sys(EINVAL)) << "deleted";
}

TEST_F(can_bcm, counted_transmission_ends_with_tx_expired) {
  auto s = manager();
  auto listener = raw({*can::parse_filter("124:7FF")});
  auto m = bcm_message(TX_SETUP, 0x124).flags(SETTIMER | STARTTIMER | TX_COUNTEVT).intervals(3, 5ms, {});
  m.add(frame("124#AA"));
  s.send(m.bytes());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(receive_frame(listener), "124#AA");
  EXPECT_EQ(receive_bcm(s).opcode(), static_cast<std::uint32_t>(TX_EXPIRED));
  EXPECT_TRUE(receive_would_block(listener));
}

TEST_F(can_bcm, tx_send_transmits_once) {
  auto s = manager();
  auto listener = raw({*can::parse_filter("125:7FF")});
  s.send(bcm_message(TX_SEND).add(frame("125#0102")).bytes());
  EXPECT_EQ(receive_frame(listener), "125#0102");
}

TEST_F(can_bcm, invalid_operations_are_refused) {
  auto s = manager();
  EXPECT_EQ(ERROR_OF(s.send(bcm_message::stop(0x7f0).bytes(), 0, _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(s.send(bcm_message::unwatch(0x7f0).bytes(), 0, _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(s.send(bcm_message(99).bytes(), 0, _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(s.send("short"sv, 0, _)), sys(EINVAL));
}

TEST_F(can_bcm, rx_changed_reports_masked_changes) {
  auto s = manager();
  auto sender = raw({});
  s.send(bcm_message::watch(0x130, frame("130#FF00")).bytes());
  for (const auto* text : {"130#0100", "130#0101", "131#0200", "130#0200"}) send_frame(sender, text);
  for (const auto* text : {"130#0100", "130#0200"}) {
    const auto changed = receive_bcm(s);
    EXPECT_EQ(changed.opcode(), static_cast<std::uint32_t>(RX_CHANGED));
    ASSERT_EQ(changed.frames().size(), 1u);
    EXPECT_EQ(changed.frames()[0].to_string(), text);
  }
  s.send(bcm_message::unwatch(0x130).bytes());
  send_frame(sender, "130#0300");
  EXPECT_TRUE(receive_would_block(s));
}

TEST_F(can_bcm, rx_timeout_reports_missing_frames) {
  auto s = manager();
  auto sender = raw({});
  s.send(bcm_message::watch(0x140, frame("140#FF"), 20ms).bytes());
  send_frame(sender, "140#01");
  EXPECT_EQ(receive_bcm(s).opcode(), static_cast<std::uint32_t>(RX_CHANGED));
  EXPECT_EQ(receive_bcm(s).opcode(), static_cast<std::uint32_t>(RX_TIMEOUT));
}

TEST_F(can_bcm, throttled_changes) {
  auto s = manager();
  auto sender = raw({});
  s.send(bcm_message::watch(0x150, frame("150#FF"), {}, 2s).bytes());
  for (const auto* text : {"150#01", "150#02", "150#03", "150#04"}) send_frame(sender, text);
  EXPECT_EQ(receive_bcm(s).frames().at(0).to_string(), "150#01");
  EXPECT_EQ(receive_bcm(s).frames().at(0).to_string(), "150#04")
      << "only the latest change in the interval is reported";
}

TEST_F(can_bcm, rx_changed_in_multiplexed_messages) {
  auto s = manager();
  auto sender = raw({});
  // The first byte selects the mask: 1 watches the second byte, 2 the third.
  const can::frame masks[] = {frame("170#FF0000"), frame("170#01FF00"), frame("170#0200FF")};
  s.send(bcm_message::watch(0x170, masks).bytes());
  for (const auto* text : {"170#010500", "170#010505", "170#020505", "170#020405", "170#010600", "170#030101"})
    send_frame(sender, text);
  for (const auto* text : {"170#010500", "170#020505", "170#010600"})
    EXPECT_EQ(receive_bcm(s).frames().at(0).to_string(), text);
  EXPECT_TRUE(receive_would_block(s));
}

TEST_F(can_bcm, watch_any_reports_every_frame_of_an_identifier) {
  auto s = manager();
  auto sender = raw({});
  s.send(bcm_message::watch_any(0x180).bytes());
  for (const auto* text : {"180#01", "180#01", "181#01"}) send_frame(sender, text);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(receive_bcm(s).frames().at(0).to_string(), "180#01");
  EXPECT_TRUE(receive_would_block(s));
}

TEST_F(can_bcm, replies_to_remote_requests) {
  auto s = manager();
  auto requester = raw({*can::parse_filter("190:7FF")});
  s.send(bcm_message::reply(frame("190#ABCD")).bytes());
  send_frame(requester, "190#R2");
  EXPECT_EQ(receive_frame(requester), "190#ABCD");
}

TEST_F(can_bcm, transmits_fd_frames) {
  auto s = manager();
  auto listener = raw({*can::parse_filter("160:7FF")});
  listener.option(can::opt::fd_frames(true));
  const can::frame frames[] = {frame("160##0" + std::string(128, '5'))};
  s.send(bcm_message::cyclic(frames, 10ms).bytes());
  EXPECT_EQ(receive_frame(listener), frames[0].to_string());
}

}  // namespace
}  // namespace families
