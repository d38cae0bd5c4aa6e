// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// IP, TCP and UDP for programs: options with types, memberships of multicast groups, the state of a TCP connection.
// Needs no library; the options are structural (Asio's level, name, data, size) and serve afplug::socket and Asio's
// sockets alike. ip(7), ipv6(7), tcp(7), udp(7).
//
//   s.option(afplug::opt::tcp::nodelay(true));
//   s.option(afplug::opt::ip::join_group(afplug::address("inet", "239.1.2.3:0"), if_index));
//   auto rtt = s.option<afplug::opt::tcp::info>().value().round_trip_time();
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <afplug/typed_option.hpp>

#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

namespace afplug::opt {

namespace ip_detail {

/// An option whose value is a T, as the kernel has it; which may answer in one byte where a byte is enough.
template <int Level, int Name, class T>
class value_option : public plain<Level, Name, T> {
 public:
  using plain<Level, Name, T>::plain;

  template <class P>
  void resize(const P&, std::size_t size) noexcept {
    if constexpr (std::is_integral_v<T>) {
      if (size != 1) return;
      std::uint8_t byte;
      std::memcpy(&byte, &this->value(), 1);
      this->value() = byte;
    }
  }
};

/// An int.
template <int Level, int Name>
using integer = value_option<Level, Name, int>;

/// An int that is 0 or 1.
template <int Level, int Name>
class boolean : public value_option<Level, Name, int> {
 public:
  boolean() noexcept = default;
  explicit boolean(bool on) noexcept : value_option<Level, Name, int>(on) {}
  bool value() const noexcept { return value_option<Level, Name, int>::value() != 0; }
  explicit operator bool() const noexcept { return value(); }
};

/// A time span that counts in an int; below zero becomes 0, and what is too long the longest that there is.
template <int Level, int Name, class Unit>
class time_span : public value_option<Level, Name, int> {
 public:
  time_span() noexcept = default;
  explicit time_span(Unit time) noexcept : value_option<Level, Name, int>(clamped(time.count())) {}
  Unit value() const noexcept { return Unit(value_option<Level, Name, int>::value()); }

 private:
  static int clamped(typename Unit::rep count) noexcept {
    constexpr int most = std::numeric_limits<int>::max();
    return count < 0 ? 0 : count > most ? most : static_cast<int>(count);
  }
};

/// A name of at most 15 bytes; more is cut.
template <int Level, int Name>
class short_name {
 public:
  short_name() noexcept = default;
  explicit short_name(std::string_view text) noexcept : size_(text.copy(text_, sizeof text_ - 1)) {}
  std::string value() const { return {text_, ::strnlen(text_, sizeof text_)}; }

  template <class P>
  int level(const P&) const noexcept {
    return Level;
  }
  template <class P>
  int name(const P&) const noexcept {
    return Name;
  }
  template <class P>
  void* data(const P&) noexcept {
    return text_;
  }
  template <class P>
  const void* data(const P&) const noexcept {
    return text_;
  }
  /// Of the name; all the room there is where there is none yet, for reading.
  template <class P>
  std::size_t size(const P&) const noexcept {
    return size_ != 0 ? size_ : sizeof text_;
  }
  template <class P>
  void resize(const P&, std::size_t size) noexcept {
    size_ = size < sizeof text_ ? size : sizeof text_;
  }

 private:
  char text_[16] = {};
  std::size_t size_ = 0;
};

/// What group options hold of an address: afplug::address and Asio's endpoints have data() and size(), a sockaddr is
/// one.
template <class Address>
concept address_like = requires(const Address& a) {
  { a.data() } -> std::convertible_to<const ::sockaddr*>;
  { a.size() } -> std::convertible_to<std::size_t>;
};

template <address_like Address>
void store(::sockaddr_storage& to, const Address& from) noexcept {
  const std::size_t size = from.size();
  std::memcpy(&to, from.data(), size < sizeof to ? size : sizeof to);
}

/// The options of RFC 3678: the level is that of the group's family.
template <int Name, class Request>
class group_option {
 public:
  template <class P>
  int level(const P&) const noexcept {
    return request_family() == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
  }
  template <class P>
  int name(const P&) const noexcept {
    return Name;
  }
  template <class P>
  const void* data(const P&) const noexcept {
    return &request_;
  }
  template <class P>
  std::size_t size(const P&) const noexcept {
    return sizeof request_;
  }

 protected:
  group_option() noexcept : request_{} {}
  Request request_;

 private:
  int request_family() const noexcept {
    if constexpr (std::is_same_v<Request, ::group_req>)
      return request_.gr_group.ss_family;
    else
      return request_.gsr_group.ss_family;
  }
};

/// A group on an interface (0: the system chooses).
template <int Name>
class group : public group_option<Name, ::group_req> {
 public:
  template <address_like Address>
  explicit group(const Address& of, unsigned interface_index = 0) noexcept {
    this->request_.gr_interface = interface_index;
    store(this->request_.gr_group, of);
  }
};

/// One source of a group on an interface (0: the system chooses).
template <int Name>
class group_source : public group_option<Name, ::group_source_req> {
 public:
  template <address_like Address>
  group_source(const Address& of, const Address& source, unsigned interface_index = 0) noexcept {
    this->request_.gsr_interface = interface_index;
    store(this->request_.gsr_group, of);
    store(this->request_.gsr_source, source);
  }
};

// Numbers that <netinet/tcp.h> and <linux/tcp.h>, of which a program may include but one, do not both have.
inline constexpr int tcp = 6, udp = 17;

}  // namespace ip_detail

/// Options of level IPPROTO_IP, and the multicast groups of both versions. ip(7).
namespace ip {

using ttl = ip_detail::integer<IPPROTO_IP, IP_TTL>;                        ///< hops, 1–255
using tos = ip_detail::integer<IPPROTO_IP, IP_TOS>;                        ///< type of service, DSCP and ECN
using multicast_ttl = ip_detail::integer<IPPROTO_IP, IP_MULTICAST_TTL>;    ///< hops of multicast packets, 0–255
using multicast_loop = ip_detail::boolean<IPPROTO_IP, IP_MULTICAST_LOOP>;  ///< they come back to this host too
using multicast_all = ip_detail::boolean<IPPROTO_IP, 49>;                  ///< groups that others joined as well
using receive_ttl = ip_detail::boolean<IPPROTO_IP, IP_RECVTTL>;            ///< ancillary IP_TTL
using receive_tos = ip_detail::boolean<IPPROTO_IP, IP_RECVTOS>;            ///< ancillary IP_TOS
using receive_packet_info = ip_detail::boolean<IPPROTO_IP, IP_PKTINFO>;    ///< ancillary IP_PKTINFO
using receive_error = ip_detail::boolean<IPPROTO_IP, IP_RECVERR>;          ///< errors go to MSG_ERRQUEUE
using mtu_discover = ip_detail::integer<IPPROTO_IP, IP_MTU_DISCOVER>;      ///< IP_PMTUDISC_*
using mtu = ip_detail::integer<IPPROTO_IP, 14>;                            ///< of the path; connected sockets
using free_bind = ip_detail::boolean<IPPROTO_IP, IP_FREEBIND>;             ///< bind to what is not there yet
using transparent = ip_detail::boolean<IPPROTO_IP, IP_TRANSPARENT>;        ///< takes CAP_NET_ADMIN
using min_ttl = ip_detail::integer<IPPROTO_IP, IP_MINTTL>;                 ///< packets with less are dropped
using header_included = ip_detail::boolean<IPPROTO_IP, IP_HDRINCL>;        ///< raw sockets write the header
using bind_address_no_port = ip_detail::boolean<IPPROTO_IP, 24>;           ///< the port is chosen at connect

/// Interface of outgoing multicast packets, by index or by one of its addresses.
class multicast_interface : public ip_detail::value_option<IPPROTO_IP, IP_MULTICAST_IF, ::ip_mreqn> {
 public:
  explicit multicast_interface(unsigned index) noexcept { value().imr_ifindex = static_cast<int>(index); }
  explicit multicast_interface(::in_addr address) noexcept { value().imr_address = address; }
};

using join_group = ip_detail::group<MCAST_JOIN_GROUP>;                         ///< receive a group
using leave_group = ip_detail::group<MCAST_LEAVE_GROUP>;                       ///< no more
using join_source_group = ip_detail::group_source<MCAST_JOIN_SOURCE_GROUP>;    ///< receive one source of a group (SSM)
using leave_source_group = ip_detail::group_source<MCAST_LEAVE_SOURCE_GROUP>;  ///< no more
using block_source = ip_detail::group_source<MCAST_BLOCK_SOURCE>;              ///< one source of a joined group
using unblock_source = ip_detail::group_source<MCAST_UNBLOCK_SOURCE>;          ///< again

}  // namespace ip

/// Options of level IPPROTO_IPV6. ipv6(7), RFC 3542.
namespace ipv6 {

using v6_only = ip_detail::boolean<IPPROTO_IPV6, IPV6_V6ONLY>;                    ///< no IPv4 beside
using unicast_hops = ip_detail::integer<IPPROTO_IPV6, IPV6_UNICAST_HOPS>;         ///< 0–255, -1: the default
using multicast_hops = ip_detail::integer<IPPROTO_IPV6, IPV6_MULTICAST_HOPS>;     ///< 0–255, -1: the default
using multicast_loop = ip_detail::boolean<IPPROTO_IPV6, IPV6_MULTICAST_LOOP>;     ///< they come back to this host too
using multicast_interface = ip_detail::integer<IPPROTO_IPV6, IPV6_MULTICAST_IF>;  ///< by index
using multicast_all = ip_detail::boolean<IPPROTO_IPV6, 29>;                       ///< groups that others joined as well
using traffic_class = ip_detail::integer<IPPROTO_IPV6, IPV6_TCLASS>;              ///< 0–255, -1: the default
using receive_packet_info = ip_detail::boolean<IPPROTO_IPV6, IPV6_RECVPKTINFO>;   ///< ancillary IPV6_PKTINFO
using receive_hop_limit = ip_detail::boolean<IPPROTO_IPV6, IPV6_RECVHOPLIMIT>;    ///< ancillary IPV6_HOPLIMIT
using receive_traffic_class = ip_detail::boolean<IPPROTO_IPV6, IPV6_RECVTCLASS>;  ///< ancillary IPV6_TCLASS
using receive_error = ip_detail::boolean<IPPROTO_IPV6, IPV6_RECVERR>;             ///< errors go to MSG_ERRQUEUE
using mtu_discover = ip_detail::integer<IPPROTO_IPV6, IPV6_MTU_DISCOVER>;         ///< IPV6_PMTUDISC_*
using mtu = ip_detail::integer<IPPROTO_IPV6, IPV6_MTU>;                           ///< of the path
using dont_fragment = ip_detail::boolean<IPPROTO_IPV6, IPV6_DONTFRAG>;            ///< EMSGSIZE instead
using free_bind = ip_detail::boolean<IPPROTO_IPV6, IPV6_FREEBIND>;                ///< bind to what is not there yet
using transparent = ip_detail::boolean<IPPROTO_IPV6, IPV6_TRANSPARENT>;           ///< takes CAP_NET_ADMIN

}  // namespace ipv6

/// Options of level IPPROTO_TCP. tcp(7).
namespace tcp {

using nodelay = ip_detail::boolean<ip_detail::tcp, 1>;                            ///< no Nagle algorithm
using max_segment = ip_detail::integer<ip_detail::tcp, 2>;                        ///< bytes
using cork = ip_detail::boolean<ip_detail::tcp, 3>;                               ///< hold partial segments back
using keep_idle = ip_detail::time_span<ip_detail::tcp, 4, std::chrono::seconds>;  ///< silence before the first probe
using keep_interval = ip_detail::time_span<ip_detail::tcp, 5, std::chrono::seconds>;  ///< between probes
using keep_count = ip_detail::integer<ip_detail::tcp, 6>;                             ///< unanswered probes that end it
using syn_count = ip_detail::integer<ip_detail::tcp, 7>;                              ///< SYN retransmissions
using linger2 = ip_detail::time_span<ip_detail::tcp, 8, std::chrono::seconds>;        ///< life in FIN-WAIT-2
using defer_accept = ip_detail::time_span<ip_detail::tcp, 9, std::chrono::seconds>;   ///< accept when data has come
using window_clamp = ip_detail::integer<ip_detail::tcp, 10>;                          ///< bytes
using quick_ack =
    ip_detail::boolean<ip_detail::tcp, 12>;  ///< acknowledge at once; the kernel goes back to its own ways by itself
using congestion = ip_detail::short_name<ip_detail::tcp, 13>;  ///< "cubic"
using user_timeout =
    ip_detail::time_span<ip_detail::tcp, 18, std::chrono::milliseconds>;  ///< data unacknowledged at most
using fast_open = ip_detail::integer<ip_detail::tcp, 23>;                 ///< listener: pending requests
using notsent_lowat = ip_detail::integer<ip_detail::tcp, 25>;             ///< bytes unsent that stop POLLOUT
using save_syn = ip_detail::boolean<ip_detail::tcp, 27>;                  ///< listener: keep SYN headers
using fast_open_connect = ip_detail::boolean<ip_detail::tcp, 30>;         ///< the first send opens
using upper_layer = ip_detail::short_name<ip_detail::tcp, 31>;            ///< "tls"
using inq = ip_detail::boolean<ip_detail::tcp, 36>;                       ///< ancillary: bytes left to read

/// struct tcp_info of <linux/tcp.h>, members by their names there without tcpi_. Kernels append to it: what this one
/// does not give is 0, and `given` tells it.
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
  std::chrono::microseconds round_trip_variation() const noexcept {
    return std::chrono::microseconds(rttvar);
  }  ///< how much it varies
  std::chrono::microseconds least_round_trip_time() const noexcept {
    return std::chrono::microseconds(min_rtt);
  }  ///< so far
  std::chrono::microseconds retransmission_timeout() const noexcept { return std::chrono::microseconds(rto); }  ///< now
  unsigned send_window_scale() const noexcept { return scale(true); }      ///< bits: of the peer's window
  unsigned receive_window_scale() const noexcept { return scale(false); }  ///< bits: of our window
  /// Whether the application, not the path, bounded delivery_rate.
  bool application_limited() const noexcept { return (bits & (little ? 0x01 : 0x80)) != 0; }
  /// "ESTABLISHED", "LISTEN" …, as RFC 9293 names the states.
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
class info {
 public:
  const connection_info& value() const noexcept { return value_; }
  /// Whether the kernel gave that member: info.given(&connection_info::rcv_wnd).
  template <class T>
  bool given(T connection_info::*member) const noexcept {
    const auto* at = reinterpret_cast<const std::byte*>(&(value_.*member));
    return static_cast<std::size_t>(at - reinterpret_cast<const std::byte*>(&value_)) + sizeof(T) <= size_;
  }

  template <class P>
  int level(const P&) const noexcept {
    return ip_detail::tcp;
  }
  template <class P>
  int name(const P&) const noexcept {
    return 11;
  }
  template <class P>
  void* data(const P&) noexcept {
    return &value_;
  }
  template <class P>
  const void* data(const P&) const noexcept {
    return &value_;
  }
  template <class P>
  std::size_t size(const P&) const noexcept {
    return sizeof value_;
  }
  template <class P>
  void resize(const P&, std::size_t size) noexcept {
    size_ = size;
  }

 private:
  connection_info value_{};
  std::size_t size_ = 0;
};

}  // namespace tcp

/// Options of level IPPROTO_UDP. udp(7).
namespace udp {

using cork = ip_detail::boolean<ip_detail::udp, 1>;            ///< gather sends into one datagram
using no_check6_tx = ip_detail::boolean<ip_detail::udp, 101>;  ///< send without checksums over IPv6
using no_check6_rx = ip_detail::boolean<ip_detail::udp, 102>;  ///< receive such
using segment = ip_detail::integer<ip_detail::udp, 103>;       ///< bytes: one send becomes datagrams of this size
using gro = ip_detail::boolean<ip_detail::udp, 104>;           ///< receive several as one, with their size beside

}  // namespace udp

}  // namespace afplug::opt
