// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <time.h>
// after time.h, whose structs it takes
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <poll.h>

#include <thread>

#include "can.hpp"

namespace families {
namespace {

namespace can = afplug::can;

class can_j1939 : public can_test {
 protected:
  can_j1939() : can_test(SOCK_DGRAM, CAN_J1939) {}
  std::string name(const std::string& keys) const { return bus + "?" + keys; }
  afplug::socket unit(const std::string& keys) { return bound(name(keys)); }
  static std::optional<std::uint8_t> byte_item(const afplug::control_buffer& control, int type) {
    const auto item = control.find(SOL_CAN_J1939, type);
    return item ? item->as<std::uint8_t>(SOL_CAN_J1939, type) : std::nullopt;
  }
};

TEST_F(can_j1939, has_a_name_a_group_and_an_address) {
  auto s = open();
  EXPECT_EQ(s.getsockname().to_string(), "any");
  EXPECT_EQ(s.getsockname().number("pgn"), std::uint64_t{J1939_NO_PGN});
  EXPECT_EQ(s.getsockname().number("addr"), std::uint64_t{J1939_NO_ADDR});
  s.bind(name("addr=0x20"));
  EXPECT_EQ(s.getsockname().to_string(), bus + "?addr=0x20");
  EXPECT_EQ(s.getsockname().number("name"), 0u);
}

TEST_F(can_j1939, refuses_to_bind_badly) {
  EXPECT_EQ(ERROR_OF(open().bind("any?addr=0x20", _)), sys(ENODEV));
  EXPECT_EQ(ERROR_OF(open().bind("lo?addr=0x20", _)), sys(ENODEV));
  EXPECT_EQ(ERROR_OF(open().bind(name("pgn=0x12345"), _)), sys(EINVAL)) << "a group to one has no last byte";
}

TEST_F(can_j1939, carries_messages_to_an_address) {
  auto a = unit("addr=0x20"), b = unit("addr=0x30");
  const auto to = at(name("pgn=0x12300&addr=0x30"));
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 8, 9, 36, 1785}) {
    const auto sent = pattern(size, 1);
    EXPECT_EQ(a.sendto(sent, to), size);
    const auto m = receive_message(b);
    EXPECT_TRUE(m.data == sent) << size;
    EXPECT_EQ(m.from.number("addr"), 0x20u);
    EXPECT_EQ(m.from.number("pgn"), 0x12300u);
    EXPECT_EQ(m.from.number("name"), 0u);
  }
}

TEST_F(can_j1939, carries_more_than_a_transport_session_of_the_old_kind) {
  auto a = unit("addr=0x21"), b = unit("addr=0x31");
  const auto sent = pattern(5000, 2);
  EXPECT_EQ(a.sendto(sent, at(name("pgn=0x12300&addr=0x31"))), sent.size());
  EXPECT_TRUE(receive(b) == sent);
}

TEST_F(can_j1939, connects) {
  auto a = unit("addr=0x22"), b = unit("addr=0x32");
  a.connect(name("pgn=0x12300&addr=0x32"));
  EXPECT_EQ(a.getpeername().number("addr"), 0x32u);
  a.send("hello"sv);
  EXPECT_EQ(receive(b), "hello");
}

TEST_F(can_j1939, broadcasts_where_it_is_allowed_to) {
  auto a = unit("addr=0x23"), b = unit("addr=0x33");
  b.option("SO_BROADCAST", 1);
  const auto all = at(name("pgn=0xFEF1"));
  EXPECT_EQ(ERROR_OF(a.sendto("to all"sv, all, 0, _)), sys(EACCES));
  a.option("SO_BROADCAST", 1);
  a.sendto("to all"sv, all);
  EXPECT_EQ(receive(b), "to all");
}

TEST_F(can_j1939, filters) {
  auto a = unit("addr=0x24"), other = unit("addr=0x25"), b = unit("addr=0x34");
  b.option("SO_J1939_FILTER", "{addr=0x24,addr_mask=0xff}");
  const auto to = at(name("pgn=0x12300&addr=0x34"));
  other.sendto("no"sv, to);
  a.sendto("yes"sv, to);
  EXPECT_EQ(receive(b), "yes");
  j1939_filter by_address{};
  by_address.addr = 0x25;
  by_address.addr_mask = 0xff;
  b.option(can::opt::j1939_filters({by_address}));
  a.sendto("no"sv, to);
  other.sendto("the other"sv, to);
  EXPECT_EQ(receive(b), "the other");
  b.option("SO_J1939_FILTER", "");
  other.sendto("all"sv, to);
  EXPECT_EQ(receive(b), "all");
}

TEST_F(can_j1939, tells_priority_and_destination) {
  auto a = unit("addr=0x26"), b = unit("addr=0x36");
  EXPECT_EQ(a.option_number("SO_J1939_SEND_PRIO"), 6);
  a.option(can::opt::j1939_priority(3));
  EXPECT_EQ(a.option<can::opt::j1939_priority>().value(), 3);
  a.sendto("first"sv, at(name("pgn=0x12300&addr=0x36")));
  char bytes[16];
  const afplug::mutable_bytes into[] = {bytes};
  afplug::control_buffer control(256);
  b.recvmsg(into, control);
  EXPECT_EQ(byte_item(control, SCM_J1939_PRIO), 3);
  EXPECT_EQ(byte_item(control, SCM_J1939_DEST_ADDR), 0x36);
  EXPECT_FALSE(control.find(SOL_CAN_J1939, SCM_J1939_DEST_NAME));
  const auto beside = can::j1939_message::of(control);
  EXPECT_EQ(beside.priority, 3);
  EXPECT_EQ(beside.destination, 0x36);
  EXPECT_FALSE(beside.destination_name);
  EXPECT_EQ(ERROR_OF(a.option("SO_J1939_SEND_PRIO", 8, _)), sys(EDOM));
}

TEST_F(can_j1939, promiscuous_hears_what_is_for_others) {
  auto a = unit("addr=0x27"), b = unit("addr=0x37"), spy = unit("addr=0x47"), other = unit("addr=0x57");
  spy.option(can::opt::j1939_promiscuous(1));
  EXPECT_EQ(spy.option_number("SO_J1939_PROMISC"), 1);
  a.sendto("secret"sv, at(name("pgn=0x12300&addr=0x37")));
  EXPECT_EQ(receive(b), "secret");
  EXPECT_EQ(receive(spy), "secret");
  EXPECT_TRUE(silent(other));
}

TEST_F(can_j1939, claims_an_address_for_its_name) {
  const std::uint64_t mine = 0x8123456789abcdefu;
  auto a = unit("name=0x8123456789abcdef&addr=0x58"), b = unit("addr=0x38");
  a.option("SO_BROADCAST", 1);
  const auto to = at(name("pgn=0x12300&addr=0x38"));
  EXPECT_EQ(ERROR_OF(a.sendto("early"sv, to, 0, _)), sys(EADDRNOTAVAIL)) << "nobody knows the name yet";
  a.sendto(afplug::const_bytes(&mine, sizeof mine), at(name("pgn=0xEE00")));
  error_code ec = sys(EADDRNOTAVAIL);
  for (const auto end = std::chrono::steady_clock::now() + patience;
       ec == sys(EADDRNOTAVAIL) && std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(20ms))
    a.sendto("claimed"sv, to, 0, ec);
  EXPECT_EQ(ec, sys(0));
  const auto m = receive_message(b);
  EXPECT_EQ(m.data, "claimed");
  EXPECT_EQ(m.from.number("name"), mine);
  EXPECT_EQ(m.from.number("addr"), 0x58u);
}

TEST_F(can_j1939, tells_on_the_error_queue_that_all_arrived) {
  auto a = unit("addr=0x29"), b = unit("addr=0x39");
  a.option("SO_J1939_ERRQUEUE", 1);
  const int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_CMSG | SOF_TIMESTAMPING_TX_ACK |
                    SOF_TIMESTAMPING_OPT_STATS | SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_OPT_ID;
  a.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, afplug::const_bytes(&flags, sizeof flags));
  const auto sent = pattern(100);
  a.sendto(sent, at(name("pgn=0x12300&addr=0x39")));
  EXPECT_TRUE(receive(b) == sent);
  ASSERT_TRUE(a.wait(POLLERR, patience) & POLLERR);
  char byte;
  const afplug::mutable_bytes into[] = {afplug::mutable_bytes(&byte, 1)};
  afplug::control_buffer control(1024);
  a.recvmsg(into, control, MSG_ERRQUEUE);
  const auto item = control.find(SOL_CAN_J1939, SCM_J1939_ERRQUEUE);
  ASSERT_TRUE(item);
  const auto told = item->as<sock_extended_err>(SOL_CAN_J1939, SCM_J1939_ERRQUEUE);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->ee_origin, SO_EE_ORIGIN_TIMESTAMPING);
  EXPECT_EQ(told->ee_info, unsigned{SCM_TSTAMP_ACK});
  const auto report = can::j1939_report::of(control);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->what, can::j1939_report::event::acknowledged);
  EXPECT_EQ(report->key, 0u);
  EXPECT_EQ(report->bytes, sent.size());
}

TEST_F(can_j1939, tells_on_the_error_queue_that_nobody_took_it) {
  auto a = unit("addr=0x2a");
  a.option(can::opt::j1939_error_queue(1));
  const int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_CMSG | SOF_TIMESTAMPING_TX_ACK |
                    SOF_TIMESTAMPING_OPT_STATS | SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_OPT_ID;
  a.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, afplug::const_bytes(&flags, sizeof flags));
  // More than a frame, to an address that no one has: nobody clears it to be sent.
  a.sendto(pattern(100), at(name("pgn=0x12300&addr=0x3b")));
  ASSERT_TRUE(a.wait(POLLERR, patience) & POLLERR);
  char byte;
  const afplug::mutable_bytes into[] = {afplug::mutable_bytes(&byte, 1)};
  afplug::control_buffer control(1024);
  a.recvmsg(into, control, MSG_ERRQUEUE);
  const auto report = can::j1939_report::of(control);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->what, can::j1939_report::event::aborted);
  EXPECT_NE(report->error, 0);
}

TEST_F(can_j1939, defect_2_an_address_may_lack_parts) {
  auto s = open();
  s.bind(bus);
  EXPECT_EQ(s.getsockname().to_string(), bus);
  const afplug::field_value nothing[] = {std::uint64_t{3}};
  EXPECT_EQ(ERROR_OF(address::from_fields(s.what(), nothing, _)).category(), afplug::afplug_category())
      << afplug::last_detail();
}

TEST_F(can_j1939, defect_3_numbers_do_not_wrap) {
  auto s = open();
  for (const auto* keys : {"addr=256", "addr=-1", "pgn=0x100000000", "name=0x10000000000000000"})
    EXPECT_EQ(ERROR_OF(s.bind(name(keys), _)), error_code(afplug::errc::malformed_address)) << keys;
  const afplug::field_value fields[] = {bus, {}, {}, {}, {}, std::uint64_t{256}};
  EXPECT_EQ(ERROR_OF(address::from_fields(s.what(), fields, _)), error_code(afplug::errc::malformed_address));
}

}  // namespace
}  // namespace families
