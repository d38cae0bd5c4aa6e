// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Asio's sockets with the typed protocols of the families whose sockets this machine's kernel may lack: the addresses
// that Asio returns have all their fields.
#include <linux/if_ether.h>
#include <net/if.h>

#include <afplug/bluetooth.hpp>
#include <afplug/can.hpp>
#include <afplug/hyperv.hpp>
#include <afplug/packet.hpp>
#include <afplug/vsock.hpp>

#include <gtest/gtest.h>
#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/basic_seq_packet_socket.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "../support/bluetooth.hpp"
#include "support.hpp"
#include "vsock.hpp"

namespace families {
namespace {

namespace asio = boost::asio;
namespace bt = afplug::bluetooth;
namespace can = afplug::can;
namespace vsock = afplug::vsock;
namespace hyperv = afplug::hyperv;

// An accepted connection, and the addresses that Asio returned.
template <class Protocol>
struct connection {
  explicit connection(const typename Protocol::endpoint& server, const typename Protocol::endpoint& client_at)
      : acceptor(io), client(io), accepted(io) {
    acceptor.open(Protocol());
    acceptor.bind(server);
    acceptor.listen();
    client.open(Protocol());
    if (client_at != typename Protocol::endpoint()) client.bind(client_at);
    boost::system::error_code ec;
    client.connect(acceptor.local_endpoint(), ec);
    error = ec;
    if (!ec) acceptor.accept(accepted, peer);
  }
  asio::io_context io;
  typename Protocol::acceptor acceptor;
  typename Protocol::socket client, accepted;
  typename Protocol::endpoint peer;
  boost::system::error_code error;
};

class typed_vsock : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_vsock_loopback())
      GTEST_SKIP() << "vsock: the kernel has no vsock loopback transport (CONFIG_VSOCKETS_LOOPBACK)";
  }
};

TEST_F(typed_vsock, stream) {
  connection<vsock::stream> c(vsock::endpoint(vsock::cid::local, vsock::any_port), {});
  ASSERT_FALSE(c.error) << c.error.message();
  EXPECT_EQ(c.acceptor.local_endpoint().cid(), vsock::cid::local);
  EXPECT_EQ(c.client.remote_endpoint(), c.acceptor.local_endpoint());
  EXPECT_EQ(c.peer.port(), c.client.local_endpoint().port());
  EXPECT_EQ(c.accepted.remote_endpoint(), c.peer);
}

TEST_F(typed_vsock, hyperv_stream) {
  connection<hyperv::stream> c(hyperv::endpoint::loopback(VMADDR_PORT_ANY), {});
  ASSERT_FALSE(c.error) << c.error.message();
  const auto at = c.acceptor.local_endpoint();
  EXPECT_EQ(at.vm_id(), "e0e16197-dd56-4a10-9195-5ee7a155a838");
  EXPECT_EQ(c.client.remote_endpoint(), at);
  EXPECT_TRUE(at.to_string().starts_with("e0e16197-dd56-4a10-9195-5ee7a155a838/")) << at;
  EXPECT_NE(at.port(), VMADDR_PORT_ANY);
}

class typed_can : public testing::Test {
 protected:
  void SetUp() override {
    if (::if_nametoindex("vcan0") == 0) GTEST_SKIP() << "can: there is no interface vcan0: ip link add vcan0 type vcan";
  }
  asio::io_context io;
};

TEST_F(typed_can, raw) {
  const can::endpoint bus("vcan0");
  can::raw::socket a(io, bus), b(io, bus);
  EXPECT_EQ(a.local_endpoint(), bus);
  const auto sent = can::frame::parse("123#11").value();
  a.send(asio::buffer(sent.bytes().data(), sent.bytes().size()));
  std::array<std::byte, 72> into{};
  can::endpoint from;
  EXPECT_EQ(b.receive_from(asio::buffer(into), from), sent.bytes().size());
  EXPECT_EQ(from, bus);
  EXPECT_EQ(from.to_string(), "vcan0");
}

TEST_F(typed_can, isotp) {
  if (const auto why = socket_unavailable({AF_CAN, SOCK_DGRAM, CAN_ISOTP}); !why.empty())
    GTEST_SKIP() << "can: " << why;
  const can::endpoint here("vcan0", can::isotp_ids{.rx = 0x321, .tx = 0x123});
  const can::endpoint there("vcan0", can::isotp_ids{.rx = 0x123, .tx = 0x321});
  can::isotp::socket a(io, here), b(io, there);
  EXPECT_EQ(a.local_endpoint(), here);
  a.send(asio::buffer("hello", 5));
  std::array<char, 16> into{};
  can::endpoint from;
  EXPECT_EQ(b.receive_from(asio::buffer(into), from), 5u);
  EXPECT_TRUE(from.is_isotp()) << from;
  EXPECT_EQ(from.index(), there.index());
}

TEST_F(typed_can, j1939) {
  if (const auto why = socket_unavailable({AF_CAN, SOCK_DGRAM, CAN_J1939}); !why.empty())
    GTEST_SKIP() << "can: " << why;
  const can::endpoint here("vcan0", can::j1939_parts{.addr = 0x20});
  const can::endpoint there("vcan0", can::j1939_parts{.pgn = 0x12300, .addr = 0x30});
  can::j1939::socket a(io, here), b(io, can::endpoint("vcan0", can::j1939_parts{.addr = 0x30}));
  EXPECT_EQ(a.local_endpoint().j1939().addr, 0x20);
  a.send_to(asio::buffer("hello", 5), there);
  std::array<char, 16> into{};
  can::endpoint from;
  EXPECT_EQ(b.receive_from(asio::buffer(into), from), 5u);
  ASSERT_TRUE(from.is_j1939()) << from;
  EXPECT_EQ(from.j1939().addr, 0x20);
  EXPECT_EQ(from.j1939().pgn, 0x12300u);
  EXPECT_EQ(from.to_string(), "vcan0?pgn=0x12300&addr=0x20");
}

class typed_bluetooth : public testing::Test {
 protected:
  void SetUp() override {
    const int up = bluetooth_adapters_up();
    if (up < 2) GTEST_SKIP() << "bluetooth: needs two adapters that can connect to each other (tests/lab), has " << up;
    auto all = bt::adapters();
    std::erase_if(all, [](const auto& a) { return !a.up; });
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    here = all.at(0).address, there = all.at(1).address;
  }
  bt::bdaddr here, there;
};

TEST_F(typed_bluetooth, l2cap) {
  connection<bt::l2cap::seq_packet> c({there, 0x1003}, {here, 0});
  ASSERT_FALSE(c.error) << c.error.message();
  EXPECT_EQ(c.client.remote_endpoint().psm(), 0x1003);
  EXPECT_EQ(c.client.remote_endpoint().device(), there);
  EXPECT_EQ(c.peer.device(), here);
}

TEST_F(typed_bluetooth, rfcomm) {
  connection<bt::rfcomm::stream> c({there, 5}, {here, 0});
  ASSERT_FALSE(c.error) << c.error.message();
  EXPECT_EQ(c.client.remote_endpoint(), bt::rfcomm::endpoint(there, 5));
  EXPECT_EQ(c.client.remote_endpoint().to_string(), there.to_string() + "?channel=5");
  EXPECT_EQ(c.peer.device(), here);
}

TEST_F(typed_bluetooth, hci) {
  asio::io_context io;
  bt::hci::raw::socket s(io, bt::hci::endpoint(0));
  EXPECT_EQ(s.local_endpoint(), bt::hci::endpoint(0));
  EXPECT_EQ(s.local_endpoint().to_string(), "hci0");
}

TEST(typed_packet, raw_on_the_loopback_interface) {
  if (const auto why = socket_unavailable({AF_PACKET, SOCK_DGRAM, 0}); !why.empty()) GTEST_SKIP() << "packet: " << why;
  asio::io_context io;
  afplug::packet::datagram::socket s(io);
  s.open(afplug::packet::datagram());
  const afplug::packet::endpoint lo("lo", 0x88b5);  // an EtherType for local experiments
  s.bind(lo);
  EXPECT_EQ(s.local_endpoint().index(), lo.index());
  EXPECT_EQ(s.local_endpoint().ethertype(), 0x88b5);
  s.send_to(asio::buffer("hello", 5), lo);
  std::array<char, 16> into{};
  afplug::packet::endpoint from;
  EXPECT_EQ(s.receive_from(asio::buffer(into), from), 5u);
  EXPECT_EQ(from.ethertype(), 0x88b5);
  EXPECT_EQ(from.interface(), "lo");
}

}  // namespace
}  // namespace families
