// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Options of IP version 6: ipv6(7), RFC 3493, RFC 3542.
#pragma once

#include <ip_common/multicast.hpp>
#include <ip_common/numbers.hpp>

namespace inet6 {
namespace ap = afplug::plugin;

inline constexpr std::array pktinfo_members{
    ap::optional(AFPLUG_MEMBER(in6_pktinfo, ipi6_addr, "addr", AFPLUG_KIND_IPV6)),
    ap::optional(AFPLUG_MEMBER(in6_pktinfo, ipi6_ifindex, "ifindex", AFPLUG_KIND_IFINDEX)),
};
inline constexpr std::array mtuinfo_members{
    AFPLUG_MEMBER(ip6_mtuinfo, ip6m_addr, "addr", AFPLUG_KIND_SOCKADDR),
    AFPLUG_MEMBER(ip6_mtuinfo, ip6m_mtu, "mtu", AFPLUG_KIND_U32),
};

/// struct in6_flowlabel_req of <linux/in6.h>, a header that conflicts with <netinet/in.h>.
struct flowlabel_req {
  in6_addr dst;
  std::uint32_t label;
  std::uint8_t action, share;
  std::uint16_t flags, expires, linger;
  std::uint32_t pad;
};
static_assert(sizeof(flowlabel_req) == 32);
inline constexpr std::array flowlabel_members{
    ap::optional(AFPLUG_MEMBER(flowlabel_req, dst, "dst", AFPLUG_KIND_IPV6)),
    ap::optional(ap::hex(AFPLUG_MEMBER(flowlabel_req, label, "label", AFPLUG_KIND_U32BE))),
    ap::with_values(AFPLUG_MEMBER(flowlabel_req, action, "action", AFPLUG_KIND_U8), "IPV6_FL_A_"),
    ap::optional(ap::with_values(AFPLUG_MEMBER(flowlabel_req, share, "share", AFPLUG_KIND_U8), "IPV6_FL_S_")),
    ap::optional(ap::hex(ap::with_values(AFPLUG_MEMBER(flowlabel_req, flags, "flags", AFPLUG_KIND_U16), "IPV6_FL_F_"))),
    ap::optional(ap::with_help(AFPLUG_MEMBER(flowlabel_req, expires, "expires", AFPLUG_KIND_U16), "seconds")),
    ap::optional(ap::with_help(AFPLUG_MEMBER(flowlabel_req, linger, "linger", AFPLUG_KIND_U16), "seconds")),
};

using ip_common::ipv6_membership;
inline constexpr auto discover = ap::kind::i32.with_values("IPV6_PMTUDISC_");
inline constexpr auto header = ap::kind::bytes(0, 2048);
inline constexpr auto policy = ap::kind::bytes(0, 1024);

inline constexpr ap::option_group ipv6{IPPROTO_IPV6, nullptr}, raw{IPPROTO_IPV6, "raw"},
    datagram{IPPROTO_IPV6, "datagram"};

inline constexpr std::array ipv6_options{
    ipv6(AFPLUG_NAMED(IPV6_ADDRFORM), ap::kind::i32.with_values("AF_"), ap::read_write,
         "written: converts a socket connected to a mapped address to AF_INET; read: the family"),
    ipv6(AFPLUG_NAMED(IPV6_2292PKTINFO), ap::kind::flag, ap::read_write, "IPV6_RECVPKTINFO in the form of RFC 2292"),
    ipv6(AFPLUG_NAMED(IPV6_2292HOPOPTS), ap::kind::flag, ap::read_write, "IPV6_RECVHOPOPTS in the form of RFC 2292"),
    ipv6(AFPLUG_NAMED(IPV6_2292DSTOPTS), ap::kind::flag, ap::read_write, "IPV6_RECVDSTOPTS in the form of RFC 2292"),
    ipv6(AFPLUG_NAMED(IPV6_2292RTHDR), ap::kind::flag, ap::read_write, "IPV6_RECVRTHDR in the form of RFC 2292"),
    ipv6(AFPLUG_NAMED(IPV6_2292PKTOPTIONS), ap::kind::bytes(0, 2048), ap::read_write,
         "control messages for packets sent, as one block (RFC 2292)"),
    raw(AFPLUG_NAMED(IPV6_CHECKSUM), ap::kind::i32, ap::read_write,
        "offset of the checksum that the kernel computes and verifies; -1: none"),
    ipv6(AFPLUG_NAMED(IPV6_2292HOPLIMIT), ap::kind::flag, ap::read_write, "IPV6_RECVHOPLIMIT in the form of RFC 2292"),
    ipv6(AFPLUG_NAMED(IPV6_FLOWINFO), ap::kind::flag, ap::read_write,
         "receive the flow label and traffic class of packets as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_UNICAST_HOPS), ap::kind::i32, ap::read_write,
         "hop limit of unicasts sent, 0 to 255; -1: the system's default"),
    datagram(AFPLUG_NAMED(IPV6_MULTICAST_IF), ap::kind::ifindex, ap::read_write,
             "interface for multicasts sent; 0: by route"),
    datagram(AFPLUG_NAMED(IPV6_MULTICAST_HOPS), ap::kind::i32, ap::read_write,
             "hop limit of multicasts sent, 0 to 255; -1: the default, 1"),
    ipv6(AFPLUG_NAMED(IPV6_MULTICAST_LOOP), ap::kind::flag, ap::read_write,
         "this host receives the multicasts that it sends"),
    datagram(AFPLUG_NAMED(IPV6_JOIN_GROUP), ipv6_membership, ap::write_only, "join a multicast group on an interface"),
    datagram(AFPLUG_NAMED(IPV6_LEAVE_GROUP), ipv6_membership, ap::write_only, "leave a multicast group"),
    raw(AFPLUG_NAMED(IPV6_ROUTER_ALERT), ap::kind::i32, ap::read_write,
        "receive forwarded packets with this router alert value; -1: none"),
    ipv6(AFPLUG_NAMED(IPV6_MTU_DISCOVER), discover, ap::read_write, "path MTU discovery"),
    ipv6(AFPLUG_NAMED(IPV6_MTU), ap::kind::i32, ap::read_write,
         "read: known path MTU of a connected socket; written: upper limit of it; bytes"),
    ipv6(AFPLUG_NAMED(IPV6_RECVERR), ap::kind::flag, ap::read_write, "queue network errors for MSG_ERRQUEUE"),
    ipv6(AFPLUG_NAMED(IPV6_V6ONLY), ap::kind::flag, ap::read_write, "IPv6 only, no IPv4 through mapped addresses"),
    ipv6(AFPLUG_NAMED(IPV6_JOIN_ANYCAST), ipv6_membership, ap::write_only, "join an anycast address"),
    ipv6(AFPLUG_NAMED(IPV6_LEAVE_ANYCAST), ipv6_membership, ap::write_only, "leave an anycast address"),
    ipv6(AFPLUG_NAMED(IPV6_MULTICAST_ALL), ap::kind::flag, ap::read_write,
         "receive multicasts of all groups that any socket of this host joined"),
    ipv6(AFPLUG_NAMED(IPV6_ROUTER_ALERT_ISOLATE), ap::kind::flag, ap::read_write,
         "receive router alert packets of this network namespace only"),
    ipv6(AFPLUG_NAMED(IPV6_RECVERR_RFC4884), ap::kind::flag, ap::read_write,
         "queued errors have the offset of ICMP extensions (RFC 4884)"),
    ipv6(AFPLUG_NAMED(IPV6_FLOWLABEL_MGR), ap::kind::structure<flowlabel_req>(flowlabel_members),
         ap::read_with_input | ap::write_only, "get, renew or release a flow label"),
    ipv6(AFPLUG_NAMED(IPV6_FLOWINFO_SEND), ap::kind::flag, ap::read_write,
         "use the flow label and traffic class of the destination's sin6_flowinfo"),
    ipv6(AFPLUG_NAMED(IPV6_IPSEC_POLICY), policy, ap::write_only, "IPsec policy in PF_KEY form (CAP_NET_ADMIN)"),
    ipv6(AFPLUG_NAMED(IPV6_XFRM_POLICY), policy, ap::write_only, "IPsec policy in XFRM form (CAP_NET_ADMIN)"),
    raw(AFPLUG_NAMED(IPV6_HDRINCL), ap::kind::flag, ap::read_write,
        "the program writes the IPv6 header of packets sent"),
    ipv6(AFPLUG_NAMED(IPV6_RECVPKTINFO), ap::kind::flag, ap::read_write,
         "receive the interface and destination of packets as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_PKTINFO), ap::kind::structure<in6_pktinfo>(pktinfo_members), ap::write_only,
         "source address and interface of packets sent"),
    ipv6(AFPLUG_NAMED(IPV6_RECVHOPLIMIT), ap::kind::flag, ap::read_write,
         "receive the hop limit of packets as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_RECVHOPOPTS), ap::kind::flag, ap::read_write,
         "receive hop-by-hop options as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_HOPOPTS), header, ap::read_write, "hop-by-hop options of packets sent"),
    ipv6(AFPLUG_NAMED(IPV6_RTHDRDSTOPTS), header, ap::read_write,
         "destination options before the routing header of packets sent"),
    ipv6(AFPLUG_NAMED(IPV6_RECVRTHDR), ap::kind::flag, ap::read_write, "receive the routing header as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_RTHDR), header, ap::read_write, "routing header of packets sent"),
    ipv6(AFPLUG_NAMED(IPV6_RECVDSTOPTS), ap::kind::flag, ap::read_write,
         "receive destination options as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_DSTOPTS), header, ap::read_write, "destination options of packets sent"),
    ipv6(AFPLUG_NAMED(IPV6_RECVPATHMTU), ap::kind::flag, ap::read_write,
         "receive changes of the path MTU as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_PATHMTU), ap::kind::structure<ip6_mtuinfo>(mtuinfo_members), ap::read_only,
         "destination and path MTU of a connected socket"),
    ipv6(AFPLUG_NAMED(IPV6_DONTFRAG), ap::kind::flag, ap::read_write,
         "EMSGSIZE for packets larger than the path MTU, instead of fragments"),
    ipv6(AFPLUG_NAMED(IPV6_RECVTCLASS), ap::kind::flag, ap::read_write,
         "receive the traffic class of packets as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_TCLASS), ap::kind::i32, ap::read_write,
         "traffic class of packets sent, 0 to 255; -1: the default, 0"),
    ipv6(AFPLUG_NAMED(IPV6_AUTOFLOWLABEL), ap::kind::flag, ap::read_write, "the kernel sets flow labels"),
    ipv6(AFPLUG_NAMED(IPV6_ADDR_PREFERENCES), ap::kind::i32.with_values("IPV6_PREFER_SRC_"), ap::read_write,
         "preference for source addresses (RFC 5014)"),
    ipv6(AFPLUG_NAMED(IPV6_MINHOPCOUNT), ap::kind::i32, ap::read_write,
         "drop packets with a lower hop limit (RFC 5082); 0: off"),
    ipv6(AFPLUG_NAMED(IPV6_RECVORIGDSTADDR), ap::kind::flag, ap::read_write,
         "receive the destination before redirection as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_TRANSPARENT), ap::kind::flag, ap::read_write,
         "bind to any address, for transparent proxies (CAP_NET_ADMIN)"),
    ipv6(AFPLUG_NAMED(IPV6_UNICAST_IF), ap::kind::u32be, ap::read_write,
         "interface for unicasts sent, by its index; 0: by route"),
    ipv6(AFPLUG_NAMED(IPV6_RECVFRAGSIZE), ap::kind::flag, ap::read_write,
         "receive the size of the largest fragment as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_FREEBIND), ap::kind::flag, ap::read_write,
         "bind to addresses that this host does not have (yet)"),
};

inline constexpr ap::option_group icmp6{SOL_ICMPV6, "icmp"};
inline constexpr std::array icmp6_options{
    icmp6(AFPLUG_NAMED(ICMP6_FILTER), ap::kind::bytes(sizeof(icmp6_filter), sizeof(icmp6_filter)), ap::read_write,
          "bit n set: drop messages of ICMPv6 type n"),
};
/// An option of netfilter; its constant is in the group IP6T_.
inline constexpr std::array nat_options{
    ipv6(AFPLUG_NAMED(IP6T_SO_ORIGINAL_DST), ap::kind::sockaddr(sizeof(sockaddr_in6), 128), ap::read_only,
         "destination before NAT redirected the connection"),
};

}  // namespace inet6
