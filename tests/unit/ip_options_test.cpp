// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The options of afplug/ip.hpp on sockets of afplug and of Asio.
#include <gtest/gtest.h>
#include <net/if.h>

#include <afplug/ip.hpp>
#include <afplug/socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include "../support/ipv6.hpp"

namespace {

namespace opt = afplug::opt;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using info = opt::tcp::connection_info;

template <class Option, class Socket, class Value>
void round_trip(Socket& s, const Value& value) {
  EXPECT_NE(s.template option<Option>().value(), value) << "setting the default value would test nothing";
  s.option(Option(value));
  EXPECT_EQ(s.template option<Option>().value(), value);
}

TEST(ip_options, of_tcp_are_set_and_read_back) {
  afplug::socket s("inet", SOCK_STREAM);
  round_trip<opt::ip::ttl>(s, 17);
  round_trip<opt::ip::tos>(s, 0x10);
  round_trip<opt::ip::free_bind>(s, true);
  round_trip<opt::ip::bind_address_no_port>(s, true);
  round_trip<opt::ip::mtu_discover>(s, IP_PMTUDISC_DO);
  round_trip<opt::tcp::nodelay>(s, true);
  round_trip<opt::tcp::keep_idle>(s, 33s);
  round_trip<opt::tcp::keep_interval>(s, 7s);
  round_trip<opt::tcp::keep_count>(s, 5);
  round_trip<opt::tcp::syn_count>(s, 3);
  round_trip<opt::tcp::user_timeout>(s, 1500ms);
  round_trip<opt::tcp::notsent_lowat>(s, 4096);
  const bool is_reno = s.option<opt::tcp::congestion>().value() == "reno";
  round_trip<opt::tcp::congestion>(s, std::string(is_reno ? "cubic" : "reno"));
  EXPECT_EQ(s.option<opt::tcp::congestion>().value(), s.option_text("TCP_CONGESTION"));
}

TEST(ip_options, of_udp_are_set_and_read_back) {
  afplug::socket s("inet", SOCK_DGRAM);
  round_trip<opt::ip::multicast_ttl>(s, 9);
  round_trip<opt::ip::multicast_loop>(s, false);
  round_trip<opt::ip::multicast_all>(s, false);
  round_trip<opt::ip::receive_ttl>(s, true);
  round_trip<opt::ip::receive_tos>(s, true);
  round_trip<opt::ip::receive_packet_info>(s, true);
  round_trip<opt::ip::receive_error>(s, true);
  round_trip<opt::udp::segment>(s, 1200);
  round_trip<opt::udp::gro>(s, true);
}

TEST(ip_options, of_ipv6_are_set_and_read_back) {
  afplug::socket s("inet6", SOCK_DGRAM);
  round_trip<opt::ipv6::v6_only>(s, true);
  round_trip<opt::ipv6::unicast_hops>(s, 12);
  round_trip<opt::ipv6::multicast_hops>(s, 13);
  round_trip<opt::ipv6::multicast_loop>(s, false);
  round_trip<opt::ipv6::traffic_class>(s, 0x20);
  round_trip<opt::ipv6::receive_packet_info>(s, true);
  round_trip<opt::ipv6::receive_hop_limit>(s, true);
  round_trip<opt::ipv6::receive_traffic_class>(s, true);
  round_trip<opt::ipv6::dont_fragment>(s, true);
  round_trip<opt::ipv6::multicast_interface>(s, static_cast<int>(::if_nametoindex("lo")));
}

// The kernel returns some options of ip(7) in one byte.
TEST(ip_options, value_of_one_byte_is_read) {
  opt::ip::multicast_ttl o;
  o.value() = 0x7fffff00 | 9;
  o.resize(0, 1);
  EXPECT_EQ(o.value(), std::endian::native == std::endian::little ? 9 : 0x7f);
}

TEST(tcp_info, has_the_state_of_a_connection) {
  afplug::socket listener("inet", SOCK_STREAM), client("inet", SOCK_STREAM);
  EXPECT_EQ(client.option<opt::tcp::info>().value().state_name(), "CLOSED");
  listener.bind("127.0.0.1:0");
  listener.listen();
  EXPECT_EQ(listener.option<opt::tcp::info>().value().state_name(), "LISTEN");
  client.connect(listener.getsockname());
  auto server = listener.accept();
  client.sendall("hello"sv);
  char got[5];
  server.recvall(got);
  const auto read = client.option<opt::tcp::info>();
  const auto& now = read.value();
  EXPECT_EQ(now.state_name(), "ESTABLISHED");
  EXPECT_GT(now.retransmission_timeout(), 0us);
  EXPECT_GT(now.snd_mss, 0u);
  EXPECT_TRUE(read.given(&info::state));
  EXPECT_TRUE(read.given(&info::bytes_sent));
  EXPECT_EQ(now.bytes_sent, 5u);
  EXPECT_NE(client.option_text("TCP_INFO").find("snd_wscale=" + std::to_string(now.send_window_scale())),
            std::string::npos);
  EXPECT_NE(client.option_text("TCP_INFO").find("rcv_wscale=" + std::to_string(now.receive_window_scale())),
            std::string::npos);
}

TEST(tcp_info, members_beyond_the_size_are_not_given) {
  opt::tcp::info o;
  o.resize(0, offsetof(info, snd_wnd));
  EXPECT_TRUE(o.given(&info::rcv_ooopack));
  EXPECT_FALSE(o.given(&info::snd_wnd));
}

TEST(multicast, ipv4_and_ipv6_groups_are_joined_and_left) {
  const auto lo = ::if_nametoindex("lo");
  afplug::socket four("inet", SOCK_DGRAM);
  const afplug::address group4("inet", "239.1.2.3:0"), source4("inet", "127.0.0.1:0");
  four.option(opt::ip::join_group(group4, lo));
  afplug::error_code again;
  const opt::ip::join_group twice(group4, lo);
  four.setsockopt(twice.level(0), twice.name(0), afplug::const_bytes(twice.data(0), twice.size(0)), again);
  EXPECT_EQ(again.value(), EADDRINUSE);
  four.option(opt::ip::block_source(group4, source4, lo));
  four.option(opt::ip::unblock_source(group4, source4, lo));
  four.option(opt::ip::leave_group(group4, lo));
  four.option(opt::ip::join_group(group4, lo));
  four.option(opt::ip::leave_group(group4, lo));
  four.option(opt::ip::join_source_group(group4, source4, lo));
  four.option(opt::ip::leave_source_group(group4, source4, lo));
  four.option(opt::ip::multicast_interface(lo));
  four.option(opt::ip::multicast_interface(in_addr{htonl(INADDR_LOOPBACK)}));

  if (!afplug::testing_support::has_ipv6_loopback()) GTEST_SKIP() << "this machine has no IPv6 loopback address";
  afplug::socket six("inet6", SOCK_DGRAM);
  const opt::ip::join_group join6(afplug::address("inet6", "[ff02::1:2]:0"), lo);
  EXPECT_EQ(join6.level(0), IPPROTO_IPV6);
  six.setsockopt(join6.level(0), join6.name(0), afplug::const_bytes(join6.data(0), join6.size(0)));
  six.option(opt::ip::leave_group(afplug::address("inet6", "[ff02::1:2]:0"), lo));
}

TEST(asio, sockets_accept_the_same_options) {
  namespace asio = boost::asio;
  asio::io_context context;
  asio::ip::tcp::socket stream(context, asio::ip::tcp::v4());
  stream.set_option(opt::tcp::nodelay(true));
  stream.set_option(opt::tcp::user_timeout(2s));
  opt::tcp::user_timeout timeout;
  stream.get_option(timeout);
  EXPECT_EQ(timeout.value(), 2s);
  opt::tcp::congestion algorithm;
  stream.get_option(algorithm);
  EXPECT_EQ(algorithm.value(), afplug::socket("inet", SOCK_STREAM).option_text("TCP_CONGESTION"));
  opt::tcp::info state;
  stream.get_option(state);
  EXPECT_EQ(state.value().state_name(), "CLOSED");
  asio::ip::udp::socket datagram(context, asio::ip::udp::v4());
  datagram.set_option(
      opt::ip::join_group(asio::ip::udp::endpoint(asio::ip::make_address("239.1.2.3"), 0), ::if_nametoindex("lo")));
}

}  // namespace
