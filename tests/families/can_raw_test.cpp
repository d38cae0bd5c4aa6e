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

TEST_F(can_raw, has_the_names_of_interfaces) {
  auto s = open();
  EXPECT_EQ(s.getsockname().to_string(), "any");
  s.bind("any");
  EXPECT_EQ(s.getsockname().to_string(), "any");
  s.bind(bus);
  EXPECT_EQ(s.getsockname().to_string(), bus);
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(EOPNOTSUPP));
}

TEST_F(can_raw, binds_to_can_interfaces_alone) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.bind("nope", _)), sys(ENODEV));
  EXPECT_NE(afplug::last_detail().find("nope"), std::string_view::npos) << afplug::last_detail();
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

TEST_F(can_raw, carries_frames_to_others) {
  auto a = on_bus(), b = on_bus();
  for (const auto* text : {"123#3132333435363738", "12345678#", "7FF#R5", "000#00"}) {
    EXPECT_EQ(a.send(frame(text).bytes()), 16u);
    char bytes[100];
    address from;
    const auto n = b.recvfrom(bytes, from);
    EXPECT_EQ(can::frame::from(std::as_bytes(std::span(bytes, n))), frame(text));
    EXPECT_EQ(from.to_string(), bus);
  }
}

TEST_F(can_raw, hears_all_interfaces_and_tells_which) {
  auto all = bound("any"), one = on_bus();
  send_frame(one, "123#01");
  const auto m = receive_message(all);
  EXPECT_EQ(m.from.to_string(), bus);
  EXPECT_EQ(m.data.size(), 16u);
}

TEST_F(can_raw, sends_unbound_by_address_alone) {
  auto s = open(), peer = on_bus();
  EXPECT_EQ(ERROR_OF(s.send(frame("001#").bytes(), 0, _)), sys(ENXIO));
  EXPECT_EQ(s.sendto(frame("001#").bytes(), at(bus)), 16u);
  EXPECT_EQ(receive_frame(peer), "001#");
}

TEST_F(can_raw, refuses_what_is_no_frame) {
  auto s = on_bus(), peer = on_bus();
  const std::string bytes(17, '\0');
  EXPECT_EQ(ERROR_OF(s.send(afplug::const_bytes(bytes.data(), 15), 0, _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(s.send(bytes, 0, _)), sys(EINVAL));
  std::string nine(16, '\0');
  nine[4] = 9;
  EXPECT_EQ(ERROR_OF(s.send(nine, 0, _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(s.send(frame("123##0AA").bytes(), 0, _)), sys(EINVAL)) << "FD frames must be asked for";
}

TEST_F(can_raw, cuts_a_frame_where_there_is_no_room) {
  auto a = on_bus(), b = on_bus();
  send_frame(a, "123#0102");
  const auto m = receive_message(b, 8);
  EXPECT_EQ(m.data.size(), 8u);
  EXPECT_EQ(m.flags, MSG_TRUNC | MSG_DONTROUTE);
}

TEST_F(can_raw, carries_fd_frames) {
  auto a = on_bus(), b = on_bus(), classic = on_bus();
  for (auto* s : {&a, &b}) s->option(can::opt::fd_frames(1));
  EXPECT_EQ(a.option_number("CAN_RAW_FD_FRAMES"), 1);
  const std::string text = "123##1" + std::string(128, 'A');
  EXPECT_EQ(a.send(frame(text).bytes()), 72u);
  send_frame(a, "7FF#");
  EXPECT_EQ(receive_frame(b), text);
  EXPECT_EQ(receive_frame(b), "7FF#");
  EXPECT_EQ(receive_frame(classic), "7FF#") << "one that did not ask for them gets none";
}

// An interface whose MTU is that of XL frames, for the scope's time.
class xl_bus {
 public:
  xl_bus()
      : up_(run("ip link add vcanxl type vcan 2>/dev/null && ip link set vcanxl mtu 2060 2>/dev/null && "
                "ip link set vcanxl up")) {}
  ~xl_bus() { run("ip link del vcanxl 2>/dev/null"); }
  explicit operator bool() const { return up_; }

 private:
  bool up_;
};

TEST_F(can_raw, carries_xl_frames) {
  const xl_bus xl;
  if (!xl) GTEST_SKIP() << "can: no interface for XL frames can be made: it takes root, and Linux 6.1";
  auto a = bound("vcanxl"), b = bound("vcanxl"), classic = bound("vcanxl");
  EXPECT_EQ(ERROR_OF(a.send(can::xl_frame(1, 0, 0, std::vector<std::uint8_t>(1)).bytes(), 0, _)), sys(EINVAL))
      << "they must be asked for";
  for (auto* s : {&a, &b}) s->option(can::opt::xl_frames(1));
  EXPECT_EQ(a.option_number("CAN_RAW_XL_FRAMES"), 1);
  for (const std::size_t size : {1u, 65u, 2048u}) {
    const auto bytes = pattern(size);
    const can::xl_frame sent(0x123, 3, 0x12345678, {reinterpret_cast<const std::uint8_t*>(bytes.data()), size});
    EXPECT_EQ(a.send(sent.bytes()), CANXL_HDR_SIZE + size);
    const auto data = receive(b);
    const auto got = can::xl_frame::from(std::as_bytes(std::span(data)));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->to_string(), sent.to_string());
  }
  send_frame(a, "7FF#");
  EXPECT_EQ(receive_frame(b), "7FF#");
  EXPECT_EQ(receive_frame(classic), "7FF#") << "one that did not ask for them gets none";
}

TEST_F(can_raw, has_virtual_networks_from_linux_6_9_on) {
  utsname running{};
  int major = 0, minor = 0;
  ::uname(&running);
  ASSERT_EQ(std::sscanf(running.release, "%d.%d", &major, &minor), 2);
  auto s = on_bus();
  const bool has = major > 6 || (major == 6 && minor >= 9);
  const afplug::option_value own{"flags=TX_SET|RX_FILTER,tx_vcid=0x45,rx_vcid=0x45,rx_vcid_mask=0xff"s};
  EXPECT_EQ(ERROR_OF(s.option("CAN_RAW_XL_VCID_OPTS", own, _)), sys(has ? 0 : ENOPROTOOPT));
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
  EXPECT_TRUE(silent(b));
  // All but one.
  b.option(can::opt::filters({*can::parse_filter("100~7FF")}));
  for (const auto* text : {"100#", "101#"}) send_frame(a, text);
  EXPECT_EQ(receive_frame(b), "101#");
  // All of them must match.
  b.option(can::opt::filters({*can::parse_filter("100~7FF"), *can::parse_filter("101~7FF")}));
  b.option(can::opt::join_filters(1));
  EXPECT_EQ(b.option_number("CAN_RAW_JOIN_FILTERS"), 1);
  for (const auto* text : {"100#", "101#", "102#"}) send_frame(a, text);
  EXPECT_EQ(receive_frame(b), "102#");
}

TEST_F(can_raw, without_filters_hears_nothing) {
  auto a = on_bus(), deaf = on_bus(), b = on_bus();
  deaf.option(can::opt::filters(std::vector<can_filter>{}));
  EXPECT_TRUE(deaf.option<can::opt::filters>().value().empty());
  send_frame(a, "100#");
  EXPECT_EQ(receive_frame(b), "100#");
  EXPECT_TRUE(silent(deaf));
  deaf.setsockopt(SOL_CAN_RAW, CAN_RAW_FILTER, nullptr, 0);
}

TEST_F(can_raw, filters_have_a_size_and_a_number) {
  auto s = on_bus();
  const std::string bytes(513 * 8, '\0');
  EXPECT_EQ(ERROR_OF(s.setsockopt(SOL_CAN_RAW, CAN_RAW_FILTER, afplug::const_bytes(bytes.data(), 7), _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(s.setsockopt(SOL_CAN_RAW, CAN_RAW_FILTER, bytes, _)), sys(EINVAL));
  s.option(can::opt::filters());  // 512
}

TEST_F(can_raw, hears_errors_that_it_asked_for) {
  auto a = on_bus(), b = on_bus(), other = on_bus();
  b.option(can::opt::error_filter(CAN_ERR_BUSOFF | CAN_ERR_ACK));
  EXPECT_EQ(b.option_number("CAN_RAW_ERR_FILTER"), CAN_ERR_BUSOFF | CAN_ERR_ACK);
  for (const auto* text : {"20000040#0000000000000000", "20000002#0000000000000000", "123#"}) send_frame(a, text);
  EXPECT_EQ(receive_frame(b), "20000040#0000000000000000");
  EXPECT_EQ(receive_frame(b), "123#");
  EXPECT_EQ(receive_frame(other), "123#");
}

TEST_F(can_raw, own_frames_come_where_asked_for_and_say_so) {
  auto a = on_bus(), b = on_bus();
  EXPECT_EQ(a.option<can::opt::receive_own>().value(), 0);
  send_frame(a, "001#");
  EXPECT_EQ(receive_message(b).flags, MSG_DONTROUTE) << "from this machine";
  EXPECT_TRUE(silent(a));
  a.option(can::opt::receive_own(1));
  send_frame(a, "002#");
  EXPECT_EQ(receive_message(a).flags, MSG_DONTROUTE | MSG_CONFIRM);
  EXPECT_EQ(receive_frame(b), "002#");
}

TEST_F(can_raw, loopback_may_be_off) {
  auto a = on_bus(), b = on_bus(), c = on_bus();
  EXPECT_EQ(a.option<can::opt::loopback>().value(), 1);
  a.option("CAN_RAW_LOOPBACK", 0);
  send_frame(a, "001#");
  send_frame(c, "002#");
  EXPECT_EQ(receive_frame(b), "002#");
  EXPECT_EQ(receive_frame(a), "002#");
}

TEST_F(can_raw, stamps_time) {
  auto a = on_bus(), b = on_bus();
  b.option(afplug::opt::timestamp_ns(true));
  send_frame(a, "001#");
  char bytes[16];
  const afplug::mutable_bytes into[] = {bytes};
  afplug::control_buffer control(256);
  b.recvmsg(into, control);
  const auto item = control.find(SOL_SOCKET, SCM_TIMESTAMPNS);
  ASSERT_TRUE(item);
  EXPECT_GT(item->timestamp()->count(), 0);
}

TEST_F(can_raw, is_raw_alone) {
  for (int type : {SOCK_DGRAM, SOCK_STREAM})
    EXPECT_EQ(ERROR_OF(afplug::socket::open(afplug::registry::global().family("can"), type, CAN_RAW, _)),
              sys(EPROTOTYPE));
  EXPECT_EQ(ERROR_OF(afplug::socket::open(afplug::registry::global().family("can"), SOCK_RAW, 99, _)), sys(EINVAL));
}

}  // namespace
}  // namespace families
