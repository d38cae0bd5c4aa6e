// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Typed socket options of IP, TCP and UDP, multicast memberships, and the state of a TCP connection. ip(7), ipv6(7),
// tcp(7), udp(7). Needs no library. afplug::socket and Asio's sockets take the options alike (typed_option.hpp).
//
//   s.option(afplug::opt::tcp::nodelay(true));
//   s.option(afplug::opt::ip::join_group(afplug::address("inet", "239.1.2.3:0"), if_index));
//   auto rtt = s.option<afplug::opt::tcp::info>().value().round_trip_time();
//
// Values are in host byte order. Different objects may be used from different threads.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <afplug/socket_address_like.hpp>
#include <afplug/typed_option.hpp>

#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <string_view>
#include <type_traits>

namespace afplug::opt {

namespace ip_detail {

template <socket_address_like Address>
void store(::sockaddr_storage& to, const Address& from) noexcept {
  const std::size_t size = from.size();
  std::memcpy(&to, from.data(), size < sizeof to ? size : sizeof to);
}

/// The protocol-independent options of RFC 3678. Their level is IPPROTO_IP or IPPROTO_IPV6, by the family of the group.
template <int Name, class Request>
class group_option : public plain<IPPROTO_IP, Name, Request> {
 public:
  template <class Protocol>
  int level(const Protocol&) const noexcept {
    return group_family() == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
  }

 private:
  int group_family() const noexcept {
    if constexpr (std::is_same_v<Request, ::group_req>)
      return this->value().gr_group.ss_family;
    else
      return this->value().gsr_group.ss_family;
  }
};

/// A multicast group on the interface of that index; 0: the kernel chooses by its routes.
template <int Name>
class group : public group_option<Name, ::group_req> {
 public:
  template <socket_address_like Address>
  explicit group(const Address& of, unsigned interface_index = 0) noexcept {
    this->value().gr_interface = interface_index;
    store(this->value().gr_group, of);
  }
};

/// One source of a multicast group on the interface of that index; 0: the kernel chooses by its routes.
template <int Name>
class group_source : public group_option<Name, ::group_source_req> {
 public:
  template <socket_address_like Address>
  group_source(const Address& of, const Address& source, unsigned interface_index = 0) noexcept {
    this->value().gsr_interface = interface_index;
    store(this->value().gsr_group, of);
    store(this->value().gsr_source, source);
  }
};

// IPPROTO_TCP and IPPROTO_UDP. Options of tcp(7) and udp(7) are written as numbers below: <netinet/tcp.h> and
// <linux/tcp.h> conflict, neither has all of them, and the choice between them is the program's.
inline constexpr int tcp = 6, udp = 17;

}  // namespace ip_detail

/// Options of level IPPROTO_IP, and the multicast memberships of IPv4 and IPv6. ip(7).
namespace ip {

using ttl = integer<IPPROTO_IP, IP_TTL, -1, 255>;  ///< time to live of packets sent, 1-255; -1: the default
using tos = integer<IPPROTO_IP, IP_TOS, 0, 255>;   ///< type of service: DSCP and ECN, 0-255
using multicast_ttl =
    integer<IPPROTO_IP, IP_MULTICAST_TTL, -1, 255>;  ///< time to live of multicasts, 0-255; -1: 1, the default
using multicast_loop = boolean<IPPROTO_IP, IP_MULTICAST_LOOP>;  ///< this host receives its multicasts; initially on
using multicast_all = boolean<IPPROTO_IP, 49>;                  ///< also groups that other sockets joined; initially on
using receive_ttl = boolean<IPPROTO_IP, IP_RECVTTL>;            ///< receive ancillary data IP_TTL
using receive_tos = boolean<IPPROTO_IP, IP_RECVTOS>;            ///< receive ancillary data IP_TOS
using receive_packet_info = boolean<IPPROTO_IP, IP_PKTINFO>;    ///< receive ancillary data IP_PKTINFO
using receive_error = boolean<IPPROTO_IP, IP_RECVERR>;          ///< queue errors for MSG_ERRQUEUE
using mtu_discover = integer<IPPROTO_IP, IP_MTU_DISCOVER, 0, 5>;  ///< path MTU discovery: IP_PMTUDISC_*
using mtu = integer<IPPROTO_IP, 14>;                      ///< known path MTU of a connected socket, bytes; read only
using free_bind = boolean<IPPROTO_IP, IP_FREEBIND>;       ///< bind to addresses that this host does not have (yet)
using transparent = boolean<IPPROTO_IP, IP_TRANSPARENT>;  ///< transparent proxying; needs CAP_NET_ADMIN
using min_ttl = integer<IPPROTO_IP, IP_MINTTL, 0, 255>;   ///< drop packets with a lower time to live, 0-255
using header_included = boolean<IPPROTO_IP, IP_HDRINCL>;  ///< raw sockets: the program writes the IP header
using bind_address_no_port = boolean<IPPROTO_IP, 24>;     ///< bind to port 0 chooses the port at connect

/// The interface by which multicasts leave, by its index or by one of its addresses (network byte order).
class multicast_interface : public plain<IPPROTO_IP, IP_MULTICAST_IF, ::ip_mreqn> {
 public:
  explicit multicast_interface(unsigned index) {
    if (accept(index, 0, std::numeric_limits<int>::max())) value().imr_ifindex = static_cast<int>(index);
  }
  explicit multicast_interface(::in_addr address) noexcept { value().imr_address = address; }
};

using join_group = ip_detail::group<MCAST_JOIN_GROUP>;                         ///< receive a group
using leave_group = ip_detail::group<MCAST_LEAVE_GROUP>;                       ///< stop receiving a group
using join_source_group = ip_detail::group_source<MCAST_JOIN_SOURCE_GROUP>;    ///< receive one source of a group (SSM)
using leave_source_group = ip_detail::group_source<MCAST_LEAVE_SOURCE_GROUP>;  ///< stop receiving that source
using block_source = ip_detail::group_source<MCAST_BLOCK_SOURCE>;              ///< drop one source of a joined group
using unblock_source = ip_detail::group_source<MCAST_UNBLOCK_SOURCE>;          ///< receive a blocked source again

}  // namespace ip

/// Options of level IPPROTO_IPV6. ipv6(7), RFC 3542.
namespace ipv6 {

using v6_only = boolean<IPPROTO_IPV6, IPV6_V6ONLY>;                      ///< no IPv4 by mapped addresses
using unicast_hops = integer<IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1, 255>;  ///< hop limit, 0-255; -1: the default
using multicast_hops =
    integer<IPPROTO_IPV6, IPV6_MULTICAST_HOPS, -1, 255>;            ///< hop limit of multicasts, 0-255; -1: the default
using multicast_loop = boolean<IPPROTO_IPV6, IPV6_MULTICAST_LOOP>;  ///< this host receives its multicasts; initially on
using multicast_interface =
    non_negative<IPPROTO_IPV6, IPV6_MULTICAST_IF>;  ///< interface by which multicasts leave: its index
using multicast_all = boolean<IPPROTO_IPV6, 29>;    ///< also groups that other sockets joined; initially on
using traffic_class = integer<IPPROTO_IPV6, IPV6_TCLASS, -1, 255>;     ///< DSCP and ECN, 0-255; -1: the default
using receive_packet_info = boolean<IPPROTO_IPV6, IPV6_RECVPKTINFO>;   ///< receive ancillary data IPV6_PKTINFO
using receive_hop_limit = boolean<IPPROTO_IPV6, IPV6_RECVHOPLIMIT>;    ///< receive ancillary data IPV6_HOPLIMIT
using receive_traffic_class = boolean<IPPROTO_IPV6, IPV6_RECVTCLASS>;  ///< receive ancillary data IPV6_TCLASS
using receive_error = boolean<IPPROTO_IPV6, IPV6_RECVERR>;             ///< queue errors for MSG_ERRQUEUE
using mtu_discover = integer<IPPROTO_IPV6, IPV6_MTU_DISCOVER, 0, 5>;   ///< path MTU discovery: IPV6_PMTUDISC_*
using mtu = non_negative<IPPROTO_IPV6, IPV6_MTU>;                      ///< path MTU in bytes
using dont_fragment = boolean<IPPROTO_IPV6, IPV6_DONTFRAG>;            ///< EMSGSIZE instead of fragments
using free_bind = boolean<IPPROTO_IPV6, IPV6_FREEBIND>;       ///< bind to addresses that this host does not have (yet)
using transparent = boolean<IPPROTO_IPV6, IPV6_TRANSPARENT>;  ///< transparent proxying; needs CAP_NET_ADMIN

}  // namespace ipv6

/// Options of level IPPROTO_TCP. tcp(7).
namespace tcp {

/// A duration in whole seconds, level IPPROTO_TCP.
template <int Name, int Least = 0, int Most = std::numeric_limits<int>::max()>
using seconds_option = integer_duration<ip_detail::tcp, Name, std::chrono::seconds, Least, Most>;
/// A duration in milliseconds, level IPPROTO_TCP.
template <int Name>
using milliseconds_option = integer_duration<ip_detail::tcp, Name, std::chrono::milliseconds>;

using nodelay = boolean<ip_detail::tcp, 1>;  ///< TCP_NODELAY: send small segments at once (no Nagle algorithm)
using max_segment = integer<ip_detail::tcp, 2, 0, 32767>;  ///< TCP_MAXSEG: largest segment, bytes; 0: the default
using cork = boolean<ip_detail::tcp, 3>;                   ///< TCP_CORK: hold partial segments back, at most 200 ms
using keep_idle = seconds_option<4, 1, 32767>;             ///< TCP_KEEPIDLE: idle time before the first keepalive probe
using keep_interval = seconds_option<5, 1, 32767>;         ///< TCP_KEEPINTVL: time between keepalive probes
using keep_count =
    integer<ip_detail::tcp, 6, 1, 127>;  ///< TCP_KEEPCNT: unanswered probes before the connection is dropped
using syn_count = integer<ip_detail::tcp, 7, 1, 127>;   ///< TCP_SYNCNT: SYN retransmissions
using linger2 = seconds_option<8, -1>;                  ///< TCP_LINGER2: lifetime in FIN-WAIT-2; -1: none
using defer_accept = seconds_option<9>;                 ///< TCP_DEFER_ACCEPT: listener: accept once data has arrived
using window_clamp = non_negative<ip_detail::tcp, 10>;  ///< TCP_WINDOW_CLAMP: limit of the advertised window, bytes
using quick_ack = boolean<ip_detail::tcp, 12>;          ///< TCP_QUICKACK: acknowledge at once; the kernel may reset it
using congestion = text<ip_detail::tcp, 13, 16>;        ///< TCP_CONGESTION: congestion control algorithm, "cubic"
using user_timeout = milliseconds_option<18>;  ///< TCP_USER_TIMEOUT: limit for unacknowledged data; 0: the default
using fast_open = non_negative<ip_detail::tcp, 23>;  ///< TCP_FASTOPEN: listener: limit of pending Fast Open requests
using notsent_lowat =
    number<ip_detail::tcp, 25, std::uint32_t>;          ///< TCP_NOTSENT_LOWAT: unsent bytes from which POLLOUT ends
using save_syn = boolean<ip_detail::tcp, 27>;           ///< TCP_SAVE_SYN: listener: keep the headers of SYNs
using fast_open_connect = boolean<ip_detail::tcp, 30>;  ///< TCP_FASTOPEN_CONNECT: the first send opens the connection
using upper_layer = text<ip_detail::tcp, 31, 16>;       ///< TCP_ULP: upper layer protocol, "tls"
using inq = boolean<ip_detail::tcp, 36>;  ///< TCP_INQ: receive the unread bytes as ancillary data TCP_CM_INQ

/// struct tcp_info of <linux/tcp.h>; members have their names there without "tcpi_". Units are those of tcp_get_info in
/// net/ipv4/tcp.c: last_* and total_rto_time in milliseconds, other times in microseconds, rates in bytes per second.
/// Kernels append members: those that this kernel does not write are 0, info::given returns whether it wrote a member.
struct connection_info {
  std::uint8_t state, ca_state, retransmits, probes, backoff, options, window_scales, bits;
  std::uint32_t rto, ato, snd_mss, rcv_mss, unacked, sacked, lost, retrans, fackets;
  std::uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
  std::uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering, rcv_rtt, rcv_space;
  std::uint32_t total_retrans;
  std::uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
  std::uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
  std::uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
  std::uint32_t delivered, delivered_ce;
  std::uint64_t bytes_sent, bytes_retrans;
  std::uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd, rcv_wnd, rehash;
  std::uint16_t total_rto, total_rto_recoveries;
  std::uint32_t total_rto_time;

  std::chrono::microseconds round_trip_time() const noexcept { return std::chrono::microseconds(rtt); }  ///< smoothed
  /// Mean deviation of the round trip time.
  std::chrono::microseconds round_trip_variation() const noexcept { return std::chrono::microseconds(rttvar); }
  /// The shortest round trip time measured.
  std::chrono::microseconds min_round_trip_time() const noexcept { return std::chrono::microseconds(min_rtt); }
  /// The current retransmission timeout.
  std::chrono::microseconds retransmission_timeout() const noexcept { return std::chrono::microseconds(rto); }
  unsigned send_window_scale() const noexcept { return scale(true); }      ///< shift of the peer's window, bits
  unsigned receive_window_scale() const noexcept { return scale(false); }  ///< shift of this side's window, bits
  /// Whether the application, not the path, limited delivery_rate.
  bool application_limited() const noexcept { return (bits & (little ? 0x01 : 0x80)) != 0; }
  /// The state as RFC 9293 names it: "ESTABLISHED", "LISTEN" …; "?" for an unknown one.
  std::string_view state_name() const noexcept {
    constexpr std::string_view names[] = {"?",          "ESTABLISHED", "SYN-SENT",    "SYN-RECEIVED", "FIN-WAIT-1",
                                          "FIN-WAIT-2", "TIME-WAIT",   "CLOSED",      "CLOSE-WAIT",   "LAST-ACK",
                                          "LISTEN",     "CLOSING",     "SYN-RECEIVED"};
    return names[state < std::size(names) ? state : 0];
  }

 private:
  static constexpr bool little = std::endian::native == std::endian::little;
  unsigned scale(bool send) const noexcept { return send == little ? window_scales & 15u : window_scales >> 4; }
};

/// TCP_INFO, read only.
using info = extensible_struct<ip_detail::tcp, 11, connection_info>;

}  // namespace tcp

/// Options of level IPPROTO_UDP. udp(7).
namespace udp {

using cork = boolean<ip_detail::udp, 1>;            ///< UDP_CORK: gather what is sent into one datagram until it is off
using no_check6_tx = boolean<ip_detail::udp, 101>;  ///< UDP_NO_CHECK6_TX: send without checksums over IPv6
using no_check6_rx = boolean<ip_detail::udp, 102>;  ///< UDP_NO_CHECK6_RX: accept datagrams without checksum over IPv6
using segment =
    integer<ip_detail::udp, 103, 0, 65535>;  ///< UDP_SEGMENT: cut what is sent into datagrams of so many bytes
using gro =
    boolean<ip_detail::udp, 104>;  ///< UDP_GRO: receive several datagrams at once; ancillary data has their size

}  // namespace udp

}  // namespace afplug::opt
