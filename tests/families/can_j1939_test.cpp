// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <time.h>
// These two need the types of time.h.
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
  std::string with(const std::string& keys) const { return bus + "?" + keys; }
  afplug::socket node(const std::string& keys) { return bound(with(keys)); }
  static std::optional<std::uint8_t> byte_item(const afplug::control_buffer& control, int type) {
    const auto item = control.find(SOL_CAN_J1939, type);
    return item ? item->as<std::uint8_t>(SOL_CAN_J1939, type) : std::nullopt;
  }
};

TEST_F(can_j1939, address_has_a_name_a_pgn_and_an_address) {
  auto s = open();
  EXPECT_EQ(s.getsockname().to_string(), "any");
  EXPECT_EQ(s.getsockname().number("pgn"), std::uint64_t{J1939_NO_PGN});
  EXPECT_EQ(s.getsockname().number("addr"), std::uint64_t{J1939_NO_ADDR});
  s.bind(with("addr=0x20"));
  EXPECT_EQ(s.getsockname().to_string(), bus + "?addr=0x20");
  EXPECT_EQ(s.getsockname().number("name"), 0u);
}

TEST_F(can_j1939, invalid_addresses_are_refused) {
  EXPECT_EQ(ERROR_OF(open().bind("any?addr=0x20", _)), sys(ENODEV));
  EXPECT_EQ(ERROR_OF(open().bind("lo?addr=0x20", _)), sys(ENODEV));
  EXPECT_EQ(ERROR_OF(open().bind(with("pgn=0x12345"), _)), sys(EINVAL)) << "the low byte of a PDU1 PGN is an address";
}

TEST_F(can_j1939, transfers_messages_to_an_address) {
  auto a = node("addr=0x20"), b = node("addr=0x30");
  const auto to = at(with("pgn=0x12300&addr=0x30"));
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

TEST_F(can_j1939, transfers_messages_of_more_than_1785_bytes) {
  auto a = node("addr=0x21"), b = node("addr=0x31");
  const auto sent = pattern(5000, 2);
  EXPECT_EQ(a.sendto(sent, at(with("pgn=0x12300&addr=0x31"))), sent.size());
  EXPECT_TRUE(receive(b) == sent);
}

TEST_F(can_j1939, connects) {
  auto a = node("addr=0x22"), b = node("addr=0x32");
  a.connect(with("pgn=0x12300&addr=0x32"));
  EXPECT_EQ(a.getpeername().number("addr"), 0x32u);
  a.send("hello"sv);
  EXPECT_EQ(receive(b), "hello");
}

TEST_F(can_j1939, broadcast_needs_so_broadcast) {
  auto a = node("addr=0x23"), b = node("addr=0x33");
  b.option("SO_BROADCAST", 1);
  const auto all = at(with("pgn=0xFEF1"));
  EXPECT_EQ(ERROR_OF(a.sendto("to all"sv, all, 0, _)), sys(EACCES));
  a.option("SO_BROADCAST", 1);
  a.sendto("to all"sv, all);
  EXPECT_EQ(receive(b), "to all");
}

TEST_F(can_j1939, filters) {
  auto a = node("addr=0x24"), other = node("addr=0x25"), b = node("addr=0x34");
  b.option("SO_J1939_FILTER", "{addr=0x24,addr_mask=0xff}");
  const auto to = at(with("pgn=0x12300&addr=0x34"));
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

TEST_F(can_j1939, control_data_has_priority_and_destination) {
  auto a = node("addr=0x26"), b = node("addr=0x36");
  EXPECT_EQ(a.option_number("SO_J1939_SEND_PRIO"), 6);
  a.option(can::opt::j1939_priority(3));
  EXPECT_EQ(a.option<can::opt::j1939_priority>().value(), 3);
  a.sendto("first"sv, at(with("pgn=0x12300&addr=0x36")));
  char bytes[16];
  const afplug::mutable_bytes into[] = {bytes};
  afplug::control_buffer control(256);
  b.recvmsg(into, control);
  EXPECT_EQ(byte_item(control, SCM_J1939_PRIO), 3);
  EXPECT_EQ(byte_item(control, SCM_J1939_DEST_ADDR), 0x36);
  EXPECT_FALSE(control.find(SOL_CAN_J1939, SCM_J1939_DEST_NAME));
  const auto typed = can::j1939_message::from_control(control);
  EXPECT_EQ(typed.priority, 3);
  EXPECT_EQ(typed.destination, 0x36);
  EXPECT_FALSE(typed.destination_name);
  EXPECT_EQ(ERROR_OF(a.option("SO_J1939_SEND_PRIO", 8, _)), sys(EDOM));
}

TEST_F(can_j1939, promiscuous_socket_receives_messages_to_others) {
  auto a = node("addr=0x27"), b = node("addr=0x37"), promiscuous = node("addr=0x47"), other = node("addr=0x57");
  promiscuous.option(can::opt::j1939_promiscuous(true));
  EXPECT_EQ(promiscuous.option_number("SO_J1939_PROMISC"), 1);
  a.sendto("secret"sv, at(with("pgn=0x12300&addr=0x37")));
  EXPECT_EQ(receive(b), "secret");
  EXPECT_EQ(receive(promiscuous), "secret");
  EXPECT_TRUE(receive_would_block(other));
}

TEST_F(can_j1939, address_claim) {
  const std::uint64_t claimed = 0x8123456789abcdefu;
  auto a = node("name=0x8123456789abcdef&addr=0x58"), b = node("addr=0x38");
  a.option("SO_BROADCAST", 1);
  const auto to = at(with("pgn=0x12300&addr=0x38"));
  EXPECT_EQ(ERROR_OF(a.sendto("early"sv, to, 0, _)), sys(EADDRNOTAVAIL)) << "no address is claimed for the name";
  a.sendto(afplug::const_bytes(&claimed, sizeof claimed), at(with("pgn=0xEE00")));
  error_code ec = sys(EADDRNOTAVAIL);
  for (const auto end = std::chrono::steady_clock::now() + io_timeout;
       ec == sys(EADDRNOTAVAIL) && std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(20ms))
    a.sendto("claimed"sv, to, 0, ec);
  EXPECT_EQ(ec, sys(0));
  const auto m = receive_message(b);
  EXPECT_EQ(m.data, "claimed");
  EXPECT_EQ(m.from.number("name"), claimed);
  EXPECT_EQ(m.from.number("addr"), 0x58u);
}

TEST_F(can_j1939, error_queue_reports_acknowledgement) {
  auto a = node("addr=0x29"), b = node("addr=0x39");
  a.option("SO_J1939_ERRQUEUE", 1);
  const int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_CMSG | SOF_TIMESTAMPING_TX_ACK |
                    SOF_TIMESTAMPING_OPT_STATS | SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_OPT_ID;
  a.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, afplug::const_bytes(&flags, sizeof flags));
  const auto sent = pattern(100);
  a.sendto(sent, at(with("pgn=0x12300&addr=0x39")));
  EXPECT_TRUE(receive(b) == sent);
  ASSERT_TRUE(a.wait(POLLERR, io_timeout) & POLLERR);
  char byte;
  const afplug::mutable_bytes into[] = {afplug::mutable_bytes(&byte, 1)};
  afplug::control_buffer control(1024);
  a.recvmsg(into, control, MSG_ERRQUEUE);
  const auto item = control.find(SOL_CAN_J1939, SCM_J1939_ERRQUEUE);
  ASSERT_TRUE(item);
  const auto error = item->as<sock_extended_err>(SOL_CAN_J1939, SCM_J1939_ERRQUEUE);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->ee_origin, SO_EE_ORIGIN_TIMESTAMPING);
  EXPECT_EQ(error->ee_info, unsigned{SCM_TSTAMP_ACK});
  const auto report = can::j1939_report::from_control(control);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->what, can::j1939_report::event::acknowledged);
  EXPECT_EQ(report->key, 0u);
  EXPECT_EQ(report->bytes, sent.size());
}

TEST_F(can_j1939, error_queue_reports_an_aborted_session) {
  auto a = node("addr=0x2a");
  a.option(can::opt::j1939_error_queue(true));
  const int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_CMSG | SOF_TIMESTAMPING_TX_ACK |
                    SOF_TIMESTAMPING_OPT_STATS | SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_OPT_ID;
  a.setsockopt(SOL_SOCKET, SO_TIMESTAMPING, afplug::const_bytes(&flags, sizeof flags));
  // A multi-packet message to an unused address: no node answers the request to send (TP.CM_CTS).
  a.sendto(pattern(100), at(with("pgn=0x12300&addr=0x3b")));
  ASSERT_TRUE(a.wait(POLLERR, io_timeout) & POLLERR);
  char byte;
  const afplug::mutable_bytes into[] = {afplug::mutable_bytes(&byte, 1)};
  afplug::control_buffer control(1024);
  a.recvmsg(into, control, MSG_ERRQUEUE);
  const auto report = can::j1939_report::from_control(control);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->what, can::j1939_report::event::aborted);
  EXPECT_EQ(report->error, EHOSTUNREACH) << "j1939_xtp_abort_to_errno() in net/can/j1939/transport.c";
}

TEST_F(can_j1939, address_may_be_an_interface_only) {
  auto s = open();
  s.bind(bus);
  EXPECT_EQ(s.getsockname().to_string(), bus);
  const afplug::field_value without_interface[] = {std::uint64_t{3}};
  EXPECT_EQ(ERROR_OF(address::from_fields(s.what(), without_interface, _)).category(), afplug::afplug_category())
      << afplug::last_detail();
}

TEST_F(can_j1939, out_of_range_numbers_are_refused) {
  auto s = open();
  for (const auto* keys : {"addr=256", "addr=-1", "pgn=0x100000000", "name=0x10000000000000000"})
    EXPECT_EQ(ERROR_OF(s.bind(with(keys), _)), error_code(afplug::errc::malformed_address)) << keys;
  const afplug::field_value fields[] = {bus, {}, {}, {}, {}, std::uint64_t{256}};
  EXPECT_EQ(ERROR_OF(address::from_fields(s.what(), fields, _)), error_code(afplug::errc::malformed_address));
}

}  // namespace
}  // namespace families
