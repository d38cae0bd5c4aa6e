// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <poll.h>
#include <sys/utsname.h>

#include <cstdio>

#include "can.hpp"

namespace families {
namespace {

namespace can = afplug::can;

class can_raw : public can_test {
 protected:
  can_raw() : can_test(SOCK_RAW, CAN_RAW) {}
  afplug::socket on_bus() { return bound(bus); }
};

TEST_F(can_raw, address_is_an_interface_name) {
  auto s = open();
  EXPECT_EQ(s.getsockname().to_string(), "any");
  s.bind("any");
  EXPECT_EQ(s.getsockname().to_string(), "any");
  s.bind(bus);
  EXPECT_EQ(s.getsockname().to_string(), bus);
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(EOPNOTSUPP));
}

TEST_F(can_raw, bind_refuses_other_interfaces) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.bind("missing", _)), sys(ENODEV));
  EXPECT_NE(afplug::last_detail().find("missing"), std::string_view::npos) << afplug::last_detail();
  EXPECT_EQ(ERROR_OF(s.bind("fifteen-letters", _)), sys(ENODEV));
  EXPECT_EQ(ERROR_OF(s.bind("lo", _)), sys(ENODEV)) << "not a CAN interface";
}

TEST_F(can_raw, has_no_connections) {
  auto s = on_bus();
  EXPECT_EQ(ERROR_OF(s.connect(bus, _)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.listen(1, _)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.accept(_)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.shutdown(SHUT_WR, _)), sys(EOPNOTSUPP));
}

TEST_F(can_raw, transfers_frames) {
  auto a = on_bus(), b = on_bus();
  for (const auto* text : {"123#3132333435363738", "12345678#", "7FF#R5", "000#00"}) {
    EXPECT_EQ(a.send(frame(text).bytes()), 16u);
    char bytes[100];
    address from;
    const auto n = b.recvfrom(bytes, from);
    EXPECT_EQ(can::frame::from_bytes(std::as_bytes(std::span(bytes, n))), frame(text));
    EXPECT_EQ(from.to_string(), bus);
  }
}

TEST_F(can_raw, any_receives_from_all_interfaces) {
  auto all = bound("any"), sender = on_bus();
  send_frame(sender, "123#01");
  const auto m = receive_message(all);
  EXPECT_EQ(m.from.to_string(), bus);
  EXPECT_EQ(m.data.size(), 16u);
}

TEST_F(can_raw, unbound_socket_sends_only_with_an_address) {
  auto s = open(), peer = on_bus();
  EXPECT_EQ(ERROR_OF(s.send(frame("001#").bytes(), 0, _)), sys(ENXIO));
  EXPECT_EQ(s.sendto(frame("001#").bytes(), at(bus)), 16u);
  EXPECT_EQ(receive_frame(peer), "001#");
}

TEST_F(can_raw, messages_that_are_not_frames_are_refused) {
  auto s = on_bus(), peer = on_bus();
  const std::string bytes(17, '\0');
  EXPECT_EQ(ERROR_OF(s.send(afplug::const_bytes(bytes.data(), 15), 0, _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(s.send(bytes, 0, _)), sys(EINVAL));
  std::string nine(16, '\0');
  nine[4] = 9;
  EXPECT_EQ(ERROR_OF(s.send(nine, 0, _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(s.send(frame("123##0AA").bytes(), 0, _)), sys(EINVAL)) << "CAN_RAW_FD_FRAMES is off";
}

TEST_F(can_raw, short_buffer_truncates_a_frame) {
  auto a = on_bus(), b = on_bus();
  send_frame(a, "123#0102");
  const auto m = receive_message(b, 8);
  EXPECT_EQ(m.data.size(), 8u);
  EXPECT_EQ(m.flags, MSG_TRUNC | MSG_DONTROUTE);
}

TEST_F(can_raw, transfers_fd_frames) {
  auto a = on_bus(), b = on_bus(), classic = on_bus();
  for (auto* s : {&a, &b}) s->option(can::opt::fd_frames(true));
  EXPECT_EQ(a.option_number("CAN_RAW_FD_FRAMES"), 1);
  const std::string text = "123##1" + std::string(128, 'A');
  EXPECT_EQ(a.send(frame(text).bytes()), 72u);
  send_frame(a, "7FF#");
  EXPECT_EQ(receive_frame(b), text);
  EXPECT_EQ(receive_frame(b), "7FF#");
  EXPECT_EQ(receive_frame(classic), "7FF#") << "a socket without the option receives none";
}

// A virtual interface with the MTU of XL frames, until the end of the scope.
class xl_interface {
 public:
  xl_interface()
      : up_(run("ip link add vcanxl type vcan 2>/dev/null && ip link set vcanxl mtu 2060 2>/dev/null && "
                "ip link set vcanxl up")) {}
  ~xl_interface() { run("ip link del vcanxl 2>/dev/null"); }
  explicit operator bool() const { return up_; }

 private:
  bool up_;
};

TEST_F(can_raw, transfers_xl_frames) {
  const xl_interface xl;
  if (!xl) GTEST_SKIP() << "can: cannot create an interface for XL frames: needs root and Linux 6.1";
  auto a = bound("vcanxl"), b = bound("vcanxl"), classic = bound("vcanxl");
  EXPECT_EQ(ERROR_OF(a.send(can::xl_frame(1, 0, 0, std::vector<std::uint8_t>(1)).bytes(), 0, _)), sys(EINVAL))
      << "CAN_RAW_XL_FRAMES is off";
  for (auto* s : {&a, &b}) s->option(can::opt::xl_frames(true));
  EXPECT_EQ(a.option_number("CAN_RAW_XL_FRAMES"), 1);
  for (const std::size_t size : {1u, 65u, 2048u}) {
    const auto bytes = pattern(size);
    const can::xl_frame sent(0x123, 3, 0x12345678, {reinterpret_cast<const std::uint8_t*>(bytes.data()), size});
    EXPECT_EQ(a.send(sent.bytes()), CANXL_HDR_SIZE + size);
    const auto data = receive(b);
    const auto got = can::xl_frame::from_bytes(std::as_bytes(std::span(data)));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->to_string(), sent.to_string());
  }
  send_frame(a, "7FF#");
  EXPECT_EQ(receive_frame(b), "7FF#");
  EXPECT_EQ(receive_frame(classic), "7FF#") << "a socket without the option receives none";
}

TEST_F(can_raw, virtual_network_option_exists_since_linux_6_9) {
  utsname running{};
  int major = 0, minor = 0;
  ::uname(&running);
  ASSERT_EQ(std::sscanf(running.release, "%d.%d", &major, &minor), 2);
  auto s = on_bus();
  const bool has = major > 6 || (major == 6 && minor >= 9);
  const afplug::option_value value{"flags=TX_SET|RX_FILTER,tx_vcid=0x45,rx_vcid=0x45,rx_vcid_mask=0xff"s};
  EXPECT_EQ(ERROR_OF(s.option("CAN_RAW_XL_VCID_OPTS", value, _)), sys(has ? 0 : ENOPROTOOPT));
  if (has) {
    EXPECT_EQ(s.option<can::opt::xl_virtual_network>().value().tx_vcid, 0x45);
  }
}

TEST_F(can_raw, filters) {
  auto a = on_bus(), b = on_bus();
  b.option(can::opt::filters({*can::parse_filter("100:7FF"), *can::parse_filter("200:700")}));
  const auto set = b.option<can::opt::filters>().value();
  ASSERT_EQ(set.size(), 2u);
  EXPECT_EQ(set[1].can_id, 0x200u);
  EXPECT_EQ(b.option_text("CAN_RAW_FILTER"), "{id=0x100,mask=0x7ff},{id=0x200,mask=0x700}");
  for (const auto* text : {"101#", "100#", "2AB#", "300#", "100#FF"}) send_frame(a, text);
  for (const auto* text : {"100#", "2AB#", "100#FF"}) EXPECT_EQ(receive_frame(b), text);
  EXPECT_TRUE(receive_would_block(b));
  // An inverted filter.
  b.option(can::opt::filters({*can::parse_filter("100~7FF")}));
  for (const auto* text : {"100#", "101#"}) send_frame(a, text);
  EXPECT_EQ(receive_frame(b), "101#");
  // With CAN_RAW_JOIN_FILTERS a frame must match all filters.
  b.option(can::opt::filters({*can::parse_filter("100~7FF"), *can::parse_filter("101~7FF")}));
  b.option(can::opt::join_filters(true));
  EXPECT_EQ(b.option_number("CAN_RAW_JOIN_FILTERS"), 1);
  for (const auto* text : {"100#", "101#", "102#"}) send_frame(a, text);
  EXPECT_EQ(receive_frame(b), "102#");
}

TEST_F(can_raw, empty_filter_list_receives_nothing) {
  auto a = on_bus(), receives_none = on_bus(), b = on_bus();
  receives_none.option(can::opt::filters(std::vector<can_filter>{}));
  EXPECT_TRUE(receives_none.option<can::opt::filters>().value().empty());
  send_frame(a, "100#");
  EXPECT_EQ(receive_frame(b), "100#");
  EXPECT_TRUE(receive_would_block(receives_none));
}

TEST_F(can_raw, filter_list_size_is_checked) {
  auto s = on_bus();
  const std::string bytes(513 * 8, '\0');
  EXPECT_EQ(ERROR_OF(s.setsockopt(SOL_CAN_RAW, CAN_RAW_FILTER, afplug::const_bytes(bytes.data(), 7), _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(s.setsockopt(SOL_CAN_RAW, CAN_RAW_FILTER, bytes, _)), sys(EINVAL));
  s.setsockopt(SOL_CAN_RAW, CAN_RAW_FILTER, afplug::const_bytes(bytes.data(), 512 * 8));  // CAN_RAW_FILTER_MAX
  EXPECT_EQ(s.option<can::opt::filters>().value().size(), 512u);
}

TEST_F(can_raw, error_filter_selects_error_frames) {
  auto a = on_bus(), b = on_bus(), other = on_bus();
  b.option(can::opt::error_filter(CAN_ERR_BUSOFF | CAN_ERR_ACK));
  EXPECT_EQ(b.option_number("CAN_RAW_ERR_FILTER"), CAN_ERR_BUSOFF | CAN_ERR_ACK);
  for (const auto* text : {"20000040#0000000000000000", "20000002#0000000000000000", "123#"}) send_frame(a, text);
  EXPECT_EQ(receive_frame(b), "20000040#0000000000000000");
  EXPECT_EQ(receive_frame(b), "123#");
  EXPECT_EQ(receive_frame(other), "123#");
}

TEST_F(can_raw, recv_own_msgs_marks_own_frames_with_msg_confirm) {
  auto a = on_bus(), b = on_bus();
  EXPECT_FALSE(a.option<can::opt::receive_own>().value());
  send_frame(a, "001#");
  EXPECT_EQ(receive_message(b).flags, MSG_DONTROUTE) << "sent on this host";
  EXPECT_TRUE(receive_would_block(a));
  a.option(can::opt::receive_own(true));
  send_frame(a, "002#");
  EXPECT_EQ(receive_message(a).flags, MSG_DONTROUTE | MSG_CONFIRM);
  EXPECT_EQ(receive_frame(b), "002#");
}

TEST_F(can_raw, loopback_can_be_switched_off) {
  auto a = on_bus(), b = on_bus(), c = on_bus();
  EXPECT_TRUE(a.option<can::opt::loopback>().value());
  a.option("CAN_RAW_LOOPBACK", 0);
  send_frame(a, "001#");
  send_frame(c, "002#");
  EXPECT_EQ(receive_frame(b), "002#");
  EXPECT_EQ(receive_frame(a), "002#");
}

TEST_F(can_raw, receive_timestamp) {
  auto a = on_bus(), b = on_bus();
  b.option(afplug::opt::timestamp_ns(true));
  const auto before = std::chrono::system_clock::now().time_since_epoch();
  send_frame(a, "001#");
  char bytes[16];
  const afplug::mutable_bytes into[] = {bytes};
  afplug::control_buffer control(256);
  b.recvmsg(into, control);
  const auto item = control.find(SOL_SOCKET, SCM_TIMESTAMPNS);
  ASSERT_TRUE(item);
  EXPECT_GE(*item->timestamp(), before);
  EXPECT_LE(*item->timestamp(), std::chrono::system_clock::now().time_since_epoch());
}

TEST_F(can_raw, other_types_and_protocols_are_refused) {
  for (const auto type : {SOCK_DGRAM, SOCK_STREAM})
    EXPECT_EQ(ERROR_OF(afplug::socket::open(afplug::registry::global().family("can"), type, CAN_RAW, _)),
              sys(EPROTOTYPE));
  EXPECT_EQ(ERROR_OF(afplug::socket::open(afplug::registry::global().family("can"), SOCK_RAW, 99, _)), sys(EINVAL));
}

}  // namespace
}  // namespace families
