// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family inet6 on Windows: IPv6, TCP, UDP and raw sockets.
#include <ip_common/windows.hpp>
#include "codec.hpp"

namespace {
namespace ap = afplug::plugin;
using ip_common::flag, ip_common::number, ip_common::ipv6_membership;

constexpr auto rows = ap::join(ip_common::transport_rows, ip_common::raw_rows(AFPLUG_NAMED(IPPROTO_ICMPV6)));

constexpr ap::option_group ipv6{IPPROTO_IPV6, nullptr}, raw{IPPROTO_IPV6, "raw"}, datagram{IPPROTO_IPV6, "datagram"};
constexpr std::array ipv6_options{
    ipv6(AFPLUG_NAMED(IPV6_HOPOPTS), ap::kind::bytes(0, 2048), ap::read_write, "hop-by-hop options of packets sent"),
    raw(AFPLUG_NAMED(IPV6_HDRINCL), flag, ap::read_write, "the program writes the IPv6 header of packets sent"),
    ipv6(AFPLUG_NAMED(IPV6_UNICAST_HOPS), number, ap::read_write, "hop limit of packets sent"),
    datagram(AFPLUG_NAMED(IPV6_MULTICAST_IF), ap::kind::ifindex, ap::read_write, "interface for multicasts sent"),
    datagram(AFPLUG_NAMED(IPV6_MULTICAST_HOPS), number, ap::read_write, "hop limit of multicasts sent"),
    datagram(AFPLUG_NAMED(IPV6_MULTICAST_LOOP), flag, ap::read_write, "receive the multicasts that this host sends"),
    datagram(AFPLUG_NAMED(IPV6_JOIN_GROUP), ipv6_membership, ap::write_only, "join a group"),
    datagram(AFPLUG_NAMED(IPV6_LEAVE_GROUP), ipv6_membership, ap::write_only, "leave a group"),
    datagram(AFPLUG_NAMED(IPV6_DONTFRAG), flag, ap::read_write, "do not fragment packets sent"),
    datagram(AFPLUG_NAMED(IPV6_PKTINFO), flag, ap::read_write,
             "receive the interface and destination of packets as ancillary data"),
    datagram(AFPLUG_NAMED(IPV6_HOPLIMIT), flag, ap::read_write, "receive the hop limit of packets as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_PROTECTION_LEVEL), ap::kind::i32.with_values("PROTECTION_LEVEL_"), ap::read_write,
         "peers allowed: this site only, or any, or any also through tunnels"),
    datagram(AFPLUG_NAMED(IPV6_RECVIF), flag, ap::read_write, "receive the interface of packets as ancillary data"),
    datagram(AFPLUG_NAMED(IPV6_RECVDSTADDR), flag, ap::read_write,
             "receive the destination of packets as ancillary data"),
    raw(AFPLUG_NAMED(IPV6_CHECKSUM), ap::kind::i32, ap::read_write, "offset of the checksum in a packet; -1: none"),
    ipv6(AFPLUG_NAMED(IPV6_V6ONLY), flag, ap::read_write, "IPv6 only, no IPv4 through mapped addresses"),
    ipv6(AFPLUG_NAMED(IPV6_UNICAST_IF), ap::kind::ifindex, ap::read_write, "interface for packets sent"),
    datagram(AFPLUG_NAMED(IPV6_RECVRTHDR), flag, ap::read_write, "receive routing headers as ancillary data"),
    datagram(AFPLUG_NAMED(IPV6_RECVTCLASS), flag, ap::read_write,
             "receive the traffic class of packets as ancillary data"),
    ipv6(AFPLUG_NAMED(IPV6_MTU_DISCOVER), ap::kind::i32.with_values("IP_PMTUDISC_"), ap::read_write,
         "path MTU discovery"),
    ipv6(AFPLUG_NAMED(IPV6_MTU), number, ap::read_only, "known path MTU of a connected socket, in bytes"),
    ipv6(AFPLUG_NAMED(IPV6_USER_MTU), number, ap::read_write, "upper limit of the path MTU, in bytes"),
};
constexpr auto options =
    ap::join(ipv6_options, ip_common::group_options(IPPROTO_IPV6), ip_common::tcp_options, ip_common::udp_options);

constexpr ap::constant_group ipv6_constant{"IPV6_"};
constexpr auto constants = ap::join(
    std::array{
        ap::constant_group{"AF_"}(AFPLUG_NAMED(AF_INET6)),
        ip_common::sol_(AFPLUG_NAMED(SOL_IPV6)),
        ipv6_constant(AFPLUG_NAMED(IPV6_ADD_MEMBERSHIP)),
        ipv6_constant(AFPLUG_NAMED(IPV6_DROP_MEMBERSHIP)),
        ipv6_constant(AFPLUG_NAMED(IPV6_RTHDR)),
        ipv6_constant(AFPLUG_NAMED(IPV6_TCLASS)),
    },
    ap::constants_of("IPV6_", ipv6_options), ip_common::constants);

constexpr std::array families{ap::kernel_family({
    .id = "inet6",
    .name = "AF_INET6",
    .number = AF_INET6,
    .flags = AFPLUG_FAMILY_RESOLVES | AFPLUG_FAMILY_DUAL_STACK,
    .help = "IP version 6",
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(constants),
    .codec = &ap::codec_of<inet6::codec>,
    .check = ap::slot<&ip_common::check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
