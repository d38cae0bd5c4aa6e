// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Needs two adapters that can connect to each other, the second connectable and advertising: the set `bt` of tests/lab.
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <afplug/bluetooth.hpp>
#include <algorithm>
#include <thread>

#include "../support/bluetooth.hpp"
#include "support.hpp"

namespace families {
namespace {

namespace bt = afplug::bluetooth;

class bluetooth : public protocol_test {
 protected:
  bluetooth(afplug::socket_type type, int protocol) : protocol_test("bluetooth", AF_BLUETOOTH, type, protocol) {}
  void SetUp() override {
    protocol_test::SetUp();
    if (IsSkipped()) return;
    const int up = bluetooth_adapters_up();
    if (up < 2) GTEST_SKIP() << "bluetooth: needs two adapters that can connect to each other (tests/lab), has " << up;
    for (const auto& a : bt::adapters())
      if (a.up) adapters.push_back(a);
    ASSERT_EQ(adapters.size(), static_cast<std::size_t>(up));
    std::sort(adapters.begin(), adapters.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  }
  // Addresses of the two adapters.
  std::string here(const std::string& keys = "") const { return adapters[0].address.to_string() + keys; }
  std::string there(const std::string& keys = "") const { return adapters[1].address.to_string() + keys; }

  struct link {
    afplug::socket a, b;
  };
  link connected(const std::string& from_keys, const std::string& to_keys,
                 const std::function<void(afplug::socket&)>& prepare = {}) {
    auto server = open();
    link l{open(), {}};
    for (auto* s : {&server, &l.a})
      if (prepare) prepare(*s);
    server.bind(there(to_keys));
    server.listen(1);
    l.a.bind(here(from_keys));
    error_code ec;
    l.a.connect(there(to_keys), ec);
    // The kernel may still be closing the link of the previous test, which resets the new channel.
    for (int tries = 0; ec == sys(ECONNRESET) && tries < 10; ++tries) {
      std::this_thread::sleep_for(200ms);
      l.a = open();
      if (prepare) prepare(l.a);
      l.a.bind(here(from_keys));
      l.a.connect(there(to_keys), ec);
    }
    EXPECT_EQ(ec, sys(0));
    l.b = server.accept();
    l.b.timeout(io_timeout);
    return l;
  }
  std::vector<bt::adapter> adapters;
};

class l2cap : public bluetooth {
 protected:
  explicit l2cap(afplug::socket_type type = SOCK_SEQPACKET) : bluetooth(type, bt::btproto_l2cap) {}
};
class l2cap_stream : public l2cap {
 protected:
  l2cap_stream() : l2cap(SOCK_STREAM) {}
};
class l2cap_dgram : public l2cap {
 protected:
  l2cap_dgram() : l2cap(SOCK_DGRAM) {}
};
class rfcomm : public bluetooth {
 protected:
  rfcomm() : bluetooth(SOCK_STREAM, bt::btproto_rfcomm) {}
};
class sco : public bluetooth {
 protected:
  sco() : bluetooth(SOCK_SEQPACKET, bt::btproto_sco) {}
};
class hci : public bluetooth {
 protected:
  hci() : bluetooth(SOCK_RAW, bt::btproto_hci) {}
};

TEST_F(hci, adapters_have_names_and_addresses) {
  for (const auto& a : adapters) {
    EXPECT_EQ(a.name, "hci" + std::to_string(a.id));
    EXPECT_NE(a.address, bt::any_address);
    EXPECT_EQ(bt::bdaddr::parse(a.address.to_string()), a.address);
  }
  EXPECT_NE(adapters[0].address, adapters[1].address);
}

TEST_F(l2cap, transfers_packets_both_ways) {
  auto l = connected("", "?psm=0x1001");
  EXPECT_EQ(l.a.getpeername().to_string().substr(0, 17), there());
  EXPECT_EQ(l.a.getpeername().number("psm"), 0x1001u);
  for (const auto& sent : {"hello"s, pattern(600)}) {
    EXPECT_EQ(l.a.send(sent), sent.size());
    EXPECT_TRUE(receive(l.b) == sent);
    EXPECT_EQ(l.b.send(sent), sent.size());
    EXPECT_TRUE(receive(l.a) == sent);
  }
  EXPECT_EQ(ERROR_OF(l.a.send(pattern(5000), 0, _)), sys(EMSGSIZE));
  EXPECT_EQ(l.a.option_bytes("L2CAP_CONNINFO").size(), sizeof(bt::conninfo));
  EXPECT_GT(l.a.option_number("BT_PHY"), 0);
  l.b.close();
  EXPECT_EQ(receive(l.a), "") << "end of file";
}

TEST_F(l2cap, address_has_a_device_and_a_psm) {
  auto s = open();
  EXPECT_EQ(s.getsockname().to_string(), "00:00:00:00:00:00");
  s.bind(there("?psm=0x1003"));
  EXPECT_EQ(s.getsockname().to_string(), there("?psm=0x1003"));
  EXPECT_EQ(ERROR_OF(open().bind(there("?psm=0x1003"), _)), sys(EADDRINUSE));
  EXPECT_EQ(ERROR_OF(open().bind(there("?psm=0x1002"), _)), sys(EINVAL)) << "a PSM is odd";
  EXPECT_EQ(ERROR_OF(open().bind("12:34:56:78:9A:BC?psm=0x1005", _)), sys(0))
      << "bind accepts the address of no adapter";
}

TEST_F(l2cap, connect_without_a_listener_is_refused) {
  auto s = open();
  s.bind(here());
  EXPECT_EQ(ERROR_OF(s.connect(there("?psm=0x1007"), _)), sys(ECONNREFUSED));
}

TEST_F(l2cap, options) {
  auto s = open();
  EXPECT_EQ(s.option_text("BT_SECURITY").substr(0, 9), "level=BT_");
  s.option("BT_SECURITY", "level=MEDIUM");
  EXPECT_EQ(s.option_text("BT_SECURITY").substr(0, 24), "level=BT_SECURITY_MEDIUM");
  s.option("L2CAP_OPTIONS", "omtu=700,imtu=900");
  EXPECT_EQ(s.option_text("L2CAP_OPTIONS").substr(0, 17), "omtu=700,imtu=900");
  s.option("BT_FLUSHABLE", 1);
  EXPECT_EQ(s.option_number("BT_FLUSHABLE"), 1);
  s.option("BT_POWER", "force_active=0");
  EXPECT_EQ(s.option_text("BT_POWER"), "force_active=0");
  s.option(bt::security_level({.level = 3, .key_size = 0}));
  EXPECT_EQ(s.option<bt::security_level>().value().level, 3);
  auto channel = s.option<bt::l2cap_channel>().value();
  EXPECT_EQ(channel.omtu, 700);
  channel.imtu = 1000;
  s.option(bt::l2cap_channel(channel));
  EXPECT_EQ(s.option<bt::l2cap_channel>().value().imtu, 1000);
  EXPECT_EQ(s.option<bt::force_active>().value(), 0);
  EXPECT_EQ(ERROR_OF(s.option_number("BT_SNDMTU", _)), sys(EINVAL)) << "only LE sockets have it";
  EXPECT_EQ(ERROR_OF(s.option_number("BT_PHY", _)), sys(ENOTCONN));
}

TEST_F(l2cap, deferred_setup_completes_on_the_first_read) {
  auto server = open();
  EXPECT_EQ(ERROR_OF(server.option("BT_DEFER_SETUP", 1, _)), sys(EINVAL)) << "not bound";
  server.bind(there("?psm=0x1009"));
  server.option("BT_DEFER_SETUP", 1);
  EXPECT_EQ(server.option_number("BT_DEFER_SETUP"), 1);
  server.listen(1);
  auto client = open();
  client.bind(here());
  std::jthread connector([&] { client.connect(there("?psm=0x1009")); });
  auto accepted = server.accept();
  accepted.timeout(io_timeout);
  EXPECT_EQ(ERROR_OF(accepted.send("early"sv, 0, _)), sys(ENOTCONN));
  EXPECT_EQ(accepted.recv({}), 0u) << "accepts the connection";
  connector.join();
  client.send("late"sv);
  EXPECT_EQ(receive(accepted), "late");
}

TEST_F(l2cap, le_credit_based_channels) {
  auto l = connected("?type=1", "?psm=0x80&type=1");
  EXPECT_EQ(l.a.getpeername().number("bdaddr_type"), 1u);
  EXPECT_GT(l.a.option_number("BT_SNDMTU"), 22);
  EXPECT_GT(l.a.option_number("BT_RCVMTU"), 22);
  const auto sent = pattern(200);
  for (int i = 0; i < 30; ++i) {
    l.a.send(sent);
    EXPECT_TRUE(receive(l.b) == sent) << i;
    l.b.send(sent);
    EXPECT_TRUE(receive(l.a) == sent) << i;
  }
}

TEST_F(l2cap, out_of_range_numbers_are_refused) {
  for (const auto* keys : {"?psm=65536", "?psm=-1", "?cid=65536", "?type=256"})
    EXPECT_EQ(ERROR_OF(address::parse(open().what(), here(keys), _)), error_code(afplug::errc::malformed_address))
        << keys;
}

TEST_F(l2cap, every_channel_policy_has_a_constant) {
  const auto& family = *open().owner();
  for (const auto& [name, value] : {std::pair("BT_CHANNEL_POLICY_BREDR_ONLY", 0),
                                    {"BT_CHANNEL_POLICY_BREDR_PREFERRED", 1},
                                    {"BT_CHANNEL_POLICY_AMP_PREFERRED", 2}}) {
    ASSERT_NE(family.find_constant(name), nullptr) << name;
    EXPECT_EQ(family.find_constant(name)->value, value) << name;
  }
}

TEST_F(l2cap_stream, transfers_bytes_both_ways) {
  auto l = connected("", "?psm=0x100b");
  const auto sent = pattern(3000);
  std::string got(sent.size(), '\0');
  l.a.sendall(afplug::const_bytes(sent.data(), 500));
  got.resize(500);
  EXPECT_EQ(l.b.recvall(got), 500u);
  EXPECT_TRUE(got == sent.substr(0, 500));
  l.b.sendall(afplug::const_bytes(sent.data(), 500));
  EXPECT_EQ(l.a.recvall(got), 500u);
  EXPECT_TRUE(got == sent.substr(0, 500));
}

TEST_F(l2cap_dgram, transfers_connectionless_datagrams) {
  auto b = open();
  b.bind(there("?psm=0x100d"));
  auto a = open();
  a.bind(here());
  a.connect(there("?psm=0x100d"));
  a.send("hello"sv);
  const auto m = receive_message(b);
  EXPECT_EQ(m.data, "hello");
  EXPECT_EQ(m.from.to_string().substr(0, 17), here());
  EXPECT_EQ(ERROR_OF(a.listen(1, _)), sys(EBADFD));
}

TEST_F(rfcomm, transfers_bytes_both_ways) {
  auto l = connected("", "?channel=3");
  EXPECT_EQ(l.a.getpeername().to_string(), there("?channel=3"));
  constexpr std::size_t size = 20000;
  const auto there_bytes = pattern(size, 1), back = pattern(size, 2);
  std::string got_there(size, '\0'), got_back(size, '\0');
  {
    std::jthread a([&] { l.a.sendall(there_bytes); });
    std::jthread b([&] { l.b.sendall(back); });
    std::jthread c([&] { l.b.recvall(got_there); });
    l.a.recvall(got_back);
  }
  EXPECT_TRUE(there_bytes == got_there);
  EXPECT_TRUE(back == got_back);
  EXPECT_EQ(l.a.option_bytes("RFCOMM_CONNINFO").size(), sizeof(bt::conninfo));
}

TEST_F(rfcomm, address_has_a_device_and_a_channel) {
  auto s = open();
  EXPECT_EQ(s.getsockname().to_string(), "00:00:00:00:00:00");
  s.bind(there("?channel=5"));
  EXPECT_EQ(s.getsockname().to_string(), there("?channel=5"));
  s.listen(1);
  auto other = open();
  other.bind(there());
  other.listen(1);
  EXPECT_GT(other.getsockname().number("channel").value(), 0u) << "listen(2) chooses a free channel";
}

TEST_F(rfcomm, options) {
  auto s = open();
  EXPECT_EQ(s.option_text("BT_SECURITY").substr(0, 21), "level=BT_SECURITY_LOW");
  s.option("RFCOMM_LM", "RFCOMM_LM_AUTH|RFCOMM_LM_ENCRYPT");
  EXPECT_EQ(s.option_number("RFCOMM_LM") & 6, 6);
  s.option("BT_SECURITY", "level=HIGH");
  EXPECT_EQ(s.option_text("BT_SECURITY").substr(0, 22), "level=BT_SECURITY_HIGH");
}

TEST_F(rfcomm, out_of_range_channels_are_refused) {
  for (const auto* keys : {"?channel=256", "?channel=-1"})
    EXPECT_EQ(ERROR_OF(address::parse(open().what(), here(keys), _)), error_code(afplug::errc::malformed_address))
        << keys;
}

TEST_F(sco, transfers_voice_both_ways) {
  auto l = connected("", "");
  EXPECT_EQ(l.a.getpeername().to_string(), there());
  EXPECT_TRUE(l.a.option_text("SCO_OPTIONS").starts_with("mtu="));
  for (int i = 0; i < 5; ++i) {
    const auto sent = pattern(48, static_cast<unsigned>(i));
    l.a.send(sent);
    EXPECT_TRUE(receive(l.b) == sent) << i;
    l.b.send(sent);
    EXPECT_TRUE(receive(l.a) == sent) << i;
  }
}

TEST_F(sco, voice_setting) {
  auto s = open();
  EXPECT_EQ(s.option_text("BT_VOICE"), "setting=BT_VOICE_CVSD_16BIT");
  s.option("BT_VOICE", "setting=TRANSPARENT");
  EXPECT_EQ(s.option_text("BT_VOICE"), "setting=BT_VOICE_TRANSPARENT");
}

TEST_F(hci, raw_channel_with_a_filter) {
  auto s = open();
  s.option(bt::hci_filter().pass_type(4).pass_event(0x0e).only_opcode(0x1001));
  EXPECT_EQ(s.option_text("HCI_FILTER"), "type_mask=0x10,event_mask_low=0x4000,event_mask_high=0x0,opcode=0x1001");
  s.bind(adapters[0].name);
  EXPECT_EQ(s.getsockname().to_string(), adapters[0].name);
  s.option("HCI_DATA_DIR", 1);
  EXPECT_EQ(s.option_number("HCI_DATA_DIR"), 1);
  s.send("\x01\x09\x10\x00"s);  // Read BD_ADDR: the filter drops its Command Complete event
  s.send("\x01\x01\x10\x00"s);  // Read Local Version
  const auto event = receive(s);
  ASSERT_GE(event.size(), 7u);
  EXPECT_EQ(event.substr(0, 2), "\x04\x0e");
  EXPECT_EQ(event.substr(4, 3), "\x01\x10\x00"s) << "opcode and status";
}

TEST_F(hci, control_channel_answers_management_commands) {
  auto s = bound("none?channel=3");
  EXPECT_EQ(ERROR_OF(s.getsockname(_)), sys(EBADFD)) << "the channel has no adapter";
  s.send("\x01\x00\xff\xff\x00\x00"s);  // Read Management Version Information
  const auto event = receive(s);
  ASSERT_EQ(event.size(), 12u);
  EXPECT_EQ(event.substr(0, 9), "\x01\x00\xff\xff\x06\x00\x01\x00\x00"s);
}

TEST_F(hci, monitor_channel_receives_packets_of_all_adapters) {
  auto s = bound("none?channel=2");
  int announced = 0;
  // The channel first announces each adapter: opcode 0 is HCI_MON_NEW_INDEX.
  while (announced < 2) announced += receive(s).substr(0, 2) == "\0\0"s;
  auto raw = bound(adapters[0].name);
  raw.send("\x01\x01\x10\x00"s);
  // Opcode 2 is HCI_MON_COMMAND_PKT.
  for (std::string packet; packet.substr(0, 2) != "\x02\0"s || packet.substr(6, 2) != "\x01\x10";) packet = receive(s);
}

TEST_F(hci, user_channel_needs_an_adapter_that_is_down) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.bind(adapters[0].name + "?channel=1", _)), sys(EBUSY));
  EXPECT_EQ(ERROR_OF(open().bind("hci99?channel=1", _)), sys(ENODEV));
  constexpr unsigned long hci_dev_up = _IOW('H', 201, int), hci_dev_down = _IOW('H', 202, int);
  auto control = open();
  ASSERT_EQ(::ioctl(control.fileno(), hci_dev_down, adapters[0].id), 0);
  {
    auto user = bound(adapters[0].name + "?channel=1");
    EXPECT_EQ(user.getsockname().to_string(), adapters[0].name + "?channel=1");
    user.send("\x01\x03\x0c\x00"s);  // Reset
    EXPECT_EQ(receive(user).substr(0, 2), "\x04\x0e");
  }
  EXPECT_EQ(::ioctl(control.fileno(), hci_dev_up, adapters[0].id), 0);
}

// ---- isochronous streams -------------------------------------------------------------------------------------------

constexpr bt::bdaddr device{{1, 2, 3, 4, 5, 6}}, broadcaster{{0x66, 0x55, 0x44, 0x33, 0x22, 0x11}};

address rebuild_from_fields(const address& a) {
  std::vector<afplug::field_value> values;
  for (const auto& field : a.fields()) values.push_back(field.value);
  return address::from_fields(a.protocol(), values);
}

TEST(iso_address, unicast) {
  const address a("bluetooth", "06:05:04:03:02:01?type=2", SOCK_SEQPACKET, bt::btproto_iso);
  EXPECT_EQ(a.size(), sizeof(bt::sockaddr_iso));
  bt::sockaddr_iso raw;
  std::memcpy(static_cast<void*>(&raw), a.data(), sizeof raw);
  EXPECT_EQ(raw.device, device);
  EXPECT_EQ(raw.type, bt::le_random);
  EXPECT_EQ(a.to_string(), "06:05:04:03:02:01?type=2");
}

TEST(iso_address, broadcast) {
  const std::string text = "06:05:04:03:02:01?bc=11:22:33:44:55:66&bctype=2&sid=3&bis=1,2,31";
  const address a("bluetooth", text, SOCK_SEQPACKET, bt::btproto_iso);
  ASSERT_EQ(a.size(), sizeof(bt::sockaddr_iso_broadcast));
  bt::sockaddr_iso_broadcast raw;
  std::memcpy(static_cast<void*>(&raw), a.data(), sizeof raw);
  EXPECT_EQ(raw.device, device);
  EXPECT_EQ(raw.broadcaster, broadcaster);
  EXPECT_EQ(raw.broadcaster_type, bt::le_random);
  EXPECT_EQ(raw.sid, 3);
  EXPECT_EQ(raw.count, 3);
  EXPECT_EQ(raw.streams[2], 31);
  EXPECT_EQ(a.to_string(), text);
  EXPECT_EQ(rebuild_from_fields(a), a);
}

TEST(iso_address, broadcast_with_arbitrary_bytes_round_trips) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    auto bytes = pattern(sizeof(bt::sockaddr_iso_broadcast), seed);
    const std::uint16_t family = AF_BLUETOOTH;
    std::memcpy(bytes.data(), &family, sizeof family);
    if (seed % 2) std::fill(bytes.begin() + 20, bytes.end(), '\0');
    const address a(bytes.data(), bytes.size(),
                    {afplug::registry::global().family("bluetooth"), SOCK_SEQPACKET, bt::btproto_iso});
    EXPECT_EQ(address("bluetooth", a.to_string(), SOCK_SEQPACKET, bt::btproto_iso), a) << a;
    EXPECT_EQ(rebuild_from_fields(a), a) << a;
  }
}

TEST(iso_address, malformed_text_is_refused) {
  const afplug::basic_protocol iso(afplug::registry::global().family("bluetooth"), SOCK_SEQPACKET, bt::btproto_iso);
  std::string many = "1";
  for (int i = 0; i < 32; ++i) many += ",1";
  for (const auto& text :
       {"06:05:04:03:02:01?bc=here"s, "06:05:04:03:02:01?bc=11:22:33:44:55:66&bis=x"s,
        "06:05:04:03:02:01?bc=11:22:33:44:55:66&bis=256"s, "06:05:04:03:02:01?bc=11:22:33:44:55:66&bis=" + many,
        "06:05:04:03:02:01?sid=1"s, "06:05:04:03:02:01?bc=11:22:33:44:55:66&psm=1"s})
    EXPECT_EQ(ERROR_OF(address::parse(iso, text, _)), error_code(afplug::errc::malformed_address)) << text;
}

class iso : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = socket_unavailable({AF_BLUETOOTH, SOCK_SEQPACKET, bt::btproto_l2cap}); !why.empty())
      GTEST_SKIP() << "bluetooth: " << why;
    was_on_ = has_iso_sockets();
    if (!was_on_ && !enable_iso_sockets(true))
      GTEST_SKIP() << "bluetooth: cannot enable isochronous sockets: needs Linux 6.0 and CAP_NET_ADMIN";
  }
  void TearDown() override {
    if (!was_on_) enable_iso_sockets(false);
  }
  static int iso_socket_errno() { return try_socket({AF_BLUETOOTH, SOCK_SEQPACKET, bt::btproto_iso}); }
  static const afplug::family& family() { return afplug::registry::global().family("bluetooth"); }
  bool was_on_ = true;
};

TEST_F(iso, verdict_depends_on_the_experimental_feature) {
  ASSERT_TRUE(enable_iso_sockets(false));
  ASSERT_EQ(iso_socket_errno(), EPROTONOSUPPORT);
  const auto off = afplug::check(family(), SOCK_SEQPACKET, bt::btproto_iso);
  EXPECT_FALSE(off.available());
  EXPECT_EQ(off.error, EPROTONOSUPPORT);
  EXPECT_EQ(off.reason, "kernel-lacks-protocol");
  EXPECT_NE(off.detail.find("experimental"), off.detail.npos) << off.detail;
  EXPECT_NE(off.remedy.find("KernelExperimental"), off.remedy.npos) << off.remedy;
  ASSERT_TRUE(enable_iso_sockets(true));
  ASSERT_EQ(iso_socket_errno(), 0);
  EXPECT_TRUE(afplug::check(family(), SOCK_SEQPACKET, bt::btproto_iso).available());
}

TEST_F(iso, local_address_and_quality_of_service) {
  afplug::socket s("bluetooth", SOCK_SEQPACKET, bt::btproto_iso);
  const auto text = s.option_text("BT_ISO_QOS");
  EXPECT_TRUE(text.starts_with("group=")) << text;
  bt::iso_qos qos;
  qos.in = {20000, 20, 100, 1, 3};  // the default is {10000, 10, 40, 2, 2}
  qos.out = {7500, 15, 60, 1, 4};
  s.option(bt::iso_quality(qos));
  const auto got = s.option<bt::iso_quality>().value();
  EXPECT_EQ(got.in.interval, 20000u);
  EXPECT_EQ(got.in.latency, 20);
  EXPECT_EQ(got.out.interval, 7500u);
  EXPECT_EQ(got.out.sdu, 60);
  EXPECT_NE(s.option_text("BT_ISO_QOS").find("in_interval=20000"), std::string::npos) << s.option_text("BT_ISO_QOS");
  EXPECT_EQ(s.getsockname().to_string().substr(0, 17), "00:00:00:00:00:00");
}

}  // namespace
}  // namespace families
