// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The numbers and layouts of afplug/ip.hpp compared with the kernel's headers. afplug/ip.hpp is included first, which
// shows that it needs no other header.
#include <afplug/ip.hpp>
// <linux/tcp.h> has the newest struct tcp_info. It conflicts with <netinet/tcp.h>, which Asio includes.
#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <linux/udp.h>

namespace {

namespace opt = afplug::opt;
using info = opt::tcp::connection_info;

#define SAME_LAYOUT(member)                                                     \
  static_assert(offsetof(info, member) == offsetof(::tcp_info, tcpi_##member)); \
  static_assert(sizeof(info::member) == sizeof(::tcp_info::tcpi_##member))
SAME_LAYOUT(state);
SAME_LAYOUT(options);
SAME_LAYOUT(rto);
SAME_LAYOUT(fackets);
SAME_LAYOUT(last_ack_recv);
SAME_LAYOUT(rtt);
SAME_LAYOUT(rcv_space);
SAME_LAYOUT(total_retrans);
SAME_LAYOUT(pacing_rate);
SAME_LAYOUT(bytes_received);
SAME_LAYOUT(segs_out);
SAME_LAYOUT(min_rtt);
SAME_LAYOUT(delivery_rate);
SAME_LAYOUT(sndbuf_limited);
SAME_LAYOUT(delivered_ce);
SAME_LAYOUT(bytes_retrans);
SAME_LAYOUT(rcv_ooopack);
SAME_LAYOUT(snd_wnd);
static_assert(offsetof(info, rcv_wnd) == offsetof(info, snd_wnd) + 4);
static_assert(sizeof(info) == offsetof(info, rcv_wnd) + 16);

template <class Option>
void expect_number(int level, int number) {
  EXPECT_EQ(Option().level(0), level);
  EXPECT_EQ(Option().name(0), number);
}

TEST(ip_options, have_the_numbers_of_the_headers) {
  expect_number<opt::tcp::nodelay>(IPPROTO_TCP, TCP_NODELAY);
  expect_number<opt::tcp::max_segment>(IPPROTO_TCP, TCP_MAXSEG);
  expect_number<opt::tcp::cork>(IPPROTO_TCP, TCP_CORK);
  expect_number<opt::tcp::keep_idle>(IPPROTO_TCP, TCP_KEEPIDLE);
  expect_number<opt::tcp::keep_interval>(IPPROTO_TCP, TCP_KEEPINTVL);
  expect_number<opt::tcp::keep_count>(IPPROTO_TCP, TCP_KEEPCNT);
  expect_number<opt::tcp::syn_count>(IPPROTO_TCP, TCP_SYNCNT);
  expect_number<opt::tcp::linger2>(IPPROTO_TCP, TCP_LINGER2);
  expect_number<opt::tcp::defer_accept>(IPPROTO_TCP, TCP_DEFER_ACCEPT);
  expect_number<opt::tcp::window_clamp>(IPPROTO_TCP, TCP_WINDOW_CLAMP);
  expect_number<opt::tcp::info>(IPPROTO_TCP, TCP_INFO);
  expect_number<opt::tcp::quick_ack>(IPPROTO_TCP, TCP_QUICKACK);
  expect_number<opt::tcp::congestion>(IPPROTO_TCP, TCP_CONGESTION);
  expect_number<opt::tcp::user_timeout>(IPPROTO_TCP, TCP_USER_TIMEOUT);
  expect_number<opt::tcp::fast_open>(IPPROTO_TCP, TCP_FASTOPEN);
  expect_number<opt::tcp::notsent_lowat>(IPPROTO_TCP, TCP_NOTSENT_LOWAT);
  expect_number<opt::tcp::save_syn>(IPPROTO_TCP, TCP_SAVE_SYN);
  expect_number<opt::tcp::fast_open_connect>(IPPROTO_TCP, TCP_FASTOPEN_CONNECT);
  expect_number<opt::tcp::upper_layer>(IPPROTO_TCP, TCP_ULP);
  expect_number<opt::tcp::inq>(IPPROTO_TCP, TCP_INQ);
  expect_number<opt::udp::cork>(IPPROTO_UDP, UDP_CORK);
  expect_number<opt::udp::no_check6_tx>(IPPROTO_UDP, UDP_NO_CHECK6_TX);
  expect_number<opt::udp::no_check6_rx>(IPPROTO_UDP, UDP_NO_CHECK6_RX);
  expect_number<opt::udp::segment>(IPPROTO_UDP, UDP_SEGMENT);
  expect_number<opt::udp::gro>(IPPROTO_UDP, UDP_GRO);
  expect_number<opt::ip::multicast_all>(IPPROTO_IP, IP_MULTICAST_ALL);
  expect_number<opt::ip::mtu>(IPPROTO_IP, IP_MTU);
  expect_number<opt::ip::bind_address_no_port>(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  expect_number<opt::ipv6::multicast_all>(IPPROTO_IPV6, IPV6_MULTICAST_ALL);
}

}  // namespace
