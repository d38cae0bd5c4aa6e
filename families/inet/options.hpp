// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Options of IP version 4: ip(7), raw(7), icmp(7).
#pragma once

#include <ip_common/multicast.hpp>
#include <ip_common/numbers.hpp>

namespace inet {
namespace ap = afplug::plugin;

inline constexpr std::array mreqn_members{
    AFPLUG_MEMBER(ip_mreqn, imr_multiaddr, "multiaddr", AFPLUG_KIND_IPV4),
    ap::optional(AFPLUG_MEMBER(ip_mreqn, imr_address, "address", AFPLUG_KIND_IPV4)),
    ap::optional(AFPLUG_MEMBER(ip_mreqn, imr_ifindex, "ifindex", AFPLUG_KIND_IFINDEX)),
};
inline constexpr std::array mreq_source_members{
    AFPLUG_MEMBER(ip_mreq_source, imr_multiaddr, "multiaddr", AFPLUG_KIND_IPV4),
    AFPLUG_MEMBER(ip_mreq_source, imr_interface, "interface", AFPLUG_KIND_IPV4),
    AFPLUG_MEMBER(ip_mreq_source, imr_sourceaddr, "sourceaddr", AFPLUG_KIND_IPV4),
};
/// The kernel also accepts a struct ip_mreq, which ends before imr_ifindex (net/ipv4/ip_sockglue.c).
inline constexpr auto membership = ap::kind::structure<ip_mreqn>(mreqn_members, sizeof(ip_mreq));
inline constexpr auto source = ap::kind::structure<ip_mreq_source>(mreq_source_members);
inline constexpr auto discover = ap::kind::i32.with_values("IP_PMTUDISC_");
inline constexpr auto policy = ap::kind::bytes(0, 1024);

inline constexpr ap::option_group ip{IPPROTO_IP, nullptr}, raw{IPPROTO_IP, "raw"}, datagram{IPPROTO_IP, "datagram"},
    tcp{IPPROTO_IP, "tcp"}, udp{IPPROTO_IP, "udp"};

inline constexpr std::array ip_options{
    ip(AFPLUG_NAMED(IP_TOS), ap::kind::i32, ap::read_write, "type of service byte of packets sent: DSCP and ECN"),
    ip(AFPLUG_NAMED(IP_TTL), ap::kind::i32, ap::read_write,
       "time to live of packets sent, 1 to 255; -1: the system's default"),
    raw(AFPLUG_NAMED(IP_HDRINCL), ap::kind::flag, ap::read_write, "the program writes the IP header of packets sent"),
    ip(AFPLUG_NAMED(IP_OPTIONS), ap::kind::bytes(0, 40), ap::read_write, "IP options of packets sent"),
    raw(AFPLUG_NAMED(IP_ROUTER_ALERT), ap::kind::flag, ap::read_write,
        "receive forwarded packets that have the router alert option"),
    ip(AFPLUG_NAMED(IP_RECVOPTS), ap::kind::flag, ap::read_write,
       "receive the IP options of packets as ancillary data"),
    ip(AFPLUG_NAMED(IP_RETOPTS), ap::kind::flag, ap::read_write,
       "receive the IP options of packets as ancillary data, in the form for a reply"),
    ip(AFPLUG_NAMED(IP_PKTINFO), ap::kind::flag, ap::read_write,
       "receive the interface and destination of packets as ancillary data"),
    tcp(AFPLUG_NAMED(IP_PKTOPTIONS), ap::kind::bytes(0, 512), ap::read_only,
        "control messages of the last packet received, as one block"),
    ip(AFPLUG_NAMED(IP_MTU_DISCOVER), discover, ap::read_write, "path MTU discovery"),
    ip(AFPLUG_NAMED(IP_RECVERR), ap::kind::flag, ap::read_write, "queue network errors for MSG_ERRQUEUE"),
    ip(AFPLUG_NAMED(IP_RECVTTL), ap::kind::flag, ap::read_write,
       "receive the time to live of packets as ancillary data"),
    ip(AFPLUG_NAMED(IP_RECVTOS), ap::kind::flag, ap::read_write,
       "receive the type of service of packets as ancillary data"),
    ip(AFPLUG_NAMED(IP_MTU), ap::kind::i32, ap::read_only, "known path MTU of a connected socket, in bytes"),
    ip(AFPLUG_NAMED(IP_FREEBIND), ap::kind::flag, ap::read_write,
       "bind to addresses that this host does not have (yet)"),
    ip(AFPLUG_NAMED(IP_IPSEC_POLICY), policy, ap::write_only, "IPsec policy in PF_KEY form (CAP_NET_ADMIN)"),
    ip(AFPLUG_NAMED(IP_XFRM_POLICY), policy, ap::write_only, "IPsec policy in XFRM form (CAP_NET_ADMIN)"),
    ip(AFPLUG_NAMED(IP_PASSSEC), ap::kind::flag, ap::read_write,
       "receive the security context of packets as ancillary data"),
    ip(AFPLUG_NAMED(IP_TRANSPARENT), ap::kind::flag, ap::read_write,
       "bind to any address, for transparent proxies (CAP_NET_ADMIN)"),
    ip(AFPLUG_NAMED(IP_RECVORIGDSTADDR), ap::kind::flag, ap::read_write,
       "receive the destination before redirection as ancillary data"),
    ip(AFPLUG_NAMED(IP_MINTTL), ap::kind::i32, ap::read_write,
       "drop packets with a lower time to live (RFC 5082); 0: off"),
    raw(AFPLUG_NAMED(IP_NODEFRAG), ap::kind::flag, ap::read_write,
        "connection tracking does not reassemble fragments sent"),
    ip(AFPLUG_NAMED(IP_CHECKSUM), ap::kind::flag, ap::read_write,
       "receive the checksum of datagrams as ancillary data"),
    ip(AFPLUG_NAMED(IP_BIND_ADDRESS_NO_PORT), ap::kind::flag, ap::read_write,
       "bind to port 0 leaves the choice of the port to connect"),
    datagram(AFPLUG_NAMED(IP_RECVFRAGSIZE), ap::kind::flag, ap::read_write,
             "receive the size of the largest fragment as ancillary data"),
    ip(AFPLUG_NAMED(IP_RECVERR_RFC4884), ap::kind::flag, ap::read_write,
       "queued errors have the offset of ICMP extensions (RFC 4884)"),
    datagram(AFPLUG_NAMED(IP_MULTICAST_IF), ap::kind::ipv4, ap::read_write,
             "interface for multicasts sent, by its address; 0.0.0.0: by route"),
    datagram(AFPLUG_NAMED(IP_MULTICAST_TTL), ap::kind::i32, ap::read_write,
             "time to live of multicasts sent, 0 to 255; -1: the default, 1"),
    ip(AFPLUG_NAMED(IP_MULTICAST_LOOP), ap::kind::flag, ap::read_write,
       "this host receives the multicasts that it sends"),
    datagram(AFPLUG_NAMED(IP_ADD_MEMBERSHIP), membership, ap::write_only, "join a multicast group on an interface"),
    datagram(AFPLUG_NAMED(IP_DROP_MEMBERSHIP), membership, ap::write_only, "leave a multicast group"),
    datagram(AFPLUG_NAMED(IP_UNBLOCK_SOURCE), source, ap::write_only, "receive a blocked source again"),
    datagram(AFPLUG_NAMED(IP_BLOCK_SOURCE), source, ap::write_only, "drop packets from one source of a joined group"),
    datagram(AFPLUG_NAMED(IP_ADD_SOURCE_MEMBERSHIP), source, ap::write_only, "receive one source of a group"),
    datagram(AFPLUG_NAMED(IP_DROP_SOURCE_MEMBERSHIP), source, ap::write_only,
             "stop receiving that source of the group"),
    datagram(AFPLUG_NAMED(IP_MSFILTER), ap::kind::bytes(IP_MSFILTER_SIZE(0), IP_MSFILTER_SIZE(64)),
             ap::read_with_input | ap::write_only,
             "source filter of a group: struct ip_msfilter; reading needs the group, the interface and the capacity"),
    ip(AFPLUG_NAMED(IP_MULTICAST_ALL), ap::kind::flag, ap::read_write,
       "receive multicasts of all groups that any socket of this host joined"),
    ip(AFPLUG_NAMED(IP_UNICAST_IF), ap::kind::u32be, ap::read_write,
       "interface for unicasts sent, by its index; 0: by route"),
    ip(AFPLUG_NAMED(IP_LOCAL_PORT_RANGE), ap::kind::u32, ap::read_write,
       "range of ports chosen by the kernel: lowest in the low 16 bits, highest in the high 16; 0: all"),
    ip(AFPLUG_NAMED(IP_PROTOCOL), ap::kind::i32.with_values("IPPROTO_"), ap::read_only, "protocol of the socket"),
};

inline constexpr ap::option_group icmp{SOL_RAW, "icmp"};
inline constexpr std::array icmp_options{
    icmp(AFPLUG_NAMED(ICMP_FILTER), ap::kind::u32, ap::read_write, "bit n set: drop messages of ICMP type n"),
};
/// Level SOL_IP in spite of the name (net/ipv4/netfilter/nf_conntrack_proto.c). The constant SO_ORIGINAL_DST is defined
/// by the core, with the other names that begin with SO_.
inline constexpr std::array nat_options{
    ip(AFPLUG_NAMED(SO_ORIGINAL_DST), ap::kind::sockaddr(sizeof(sockaddr_in), 128), ap::read_only,
       "destination before NAT redirected the connection"),
};

}  // namespace inet
