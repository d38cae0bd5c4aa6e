// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family inet on Windows: IPv4, TCP, UDP and raw sockets.
#include <ip_common/windows.hpp>
#include "codec.hpp"

// Constants that other systems have and no header of Windows has.
#define INADDR_UNSPEC_GROUP 0xe0000000u
#define INADDR_ALLHOSTS_GROUP 0xe0000001u
#define INADDR_MAX_LOCAL_GROUP 0xe00000ffu

namespace {
namespace ap = afplug::plugin;
using ip_common::flag, ip_common::number;

constexpr auto rows = ap::join(ip_common::transport_rows, ip_common::raw_rows(AFPLUG_NAMED(IPPROTO_ICMP)));

constexpr std::array mreq_members{
    AFPLUG_MEMBER(ip_mreq, imr_multiaddr, "multiaddr", AFPLUG_KIND_IPV4),
    ap::optional(AFPLUG_MEMBER(ip_mreq, imr_interface, "interface", AFPLUG_KIND_IPV4)),
};
constexpr std::array mreq_source_members{
    AFPLUG_MEMBER(ip_mreq_source, imr_multiaddr, "multiaddr", AFPLUG_KIND_IPV4),
    AFPLUG_MEMBER(ip_mreq_source, imr_sourceaddr, "sourceaddr", AFPLUG_KIND_IPV4),
    AFPLUG_MEMBER(ip_mreq_source, imr_interface, "interface", AFPLUG_KIND_IPV4),
};
constexpr auto membership = ap::kind::structure<ip_mreq>(mreq_members);
constexpr auto source = ap::kind::structure<ip_mreq_source>(mreq_source_members);

constexpr ap::option_group ip{IPPROTO_IP, nullptr}, raw{IPPROTO_IP, "raw"}, datagram{IPPROTO_IP, "datagram"};
constexpr std::array ip_options{
    ip(AFPLUG_NAMED(IP_OPTIONS), ap::kind::bytes(0, 40), ap::read_write, "IP options of packets sent"),
    raw(AFPLUG_NAMED(IP_HDRINCL), flag, ap::read_write, "the program writes the IP header of packets sent"),
    ip(AFPLUG_NAMED(IP_TOS), number, ap::read_write, "type of service byte; ignored, Windows sets it by QoS policies"),
    ip(AFPLUG_NAMED(IP_TTL), number, ap::read_write, "time to live of packets sent, 1 to 255"),
    datagram(AFPLUG_NAMED(IP_MULTICAST_IF), ap::kind::ipv4, ap::read_write,
             "interface for multicasts sent, by its address or as 0.0.0.INDEX"),
    datagram(AFPLUG_NAMED(IP_MULTICAST_TTL), number, ap::read_write, "time to live of multicasts sent"),
    datagram(AFPLUG_NAMED(IP_MULTICAST_LOOP), flag, ap::read_write, "receive the multicasts that this host sends"),
    datagram(AFPLUG_NAMED(IP_ADD_MEMBERSHIP), membership, ap::write_only, "join a group"),
    datagram(AFPLUG_NAMED(IP_DROP_MEMBERSHIP), membership, ap::write_only, "leave a group"),
    datagram(AFPLUG_NAMED(IP_DONTFRAGMENT), flag, ap::read_write, "do not fragment packets sent"),
    datagram(AFPLUG_NAMED(IP_ADD_SOURCE_MEMBERSHIP), source, ap::write_only, "receive one source of a group"),
    datagram(AFPLUG_NAMED(IP_DROP_SOURCE_MEMBERSHIP), source, ap::write_only,
             "stop receiving that source of the group"),
    datagram(AFPLUG_NAMED(IP_BLOCK_SOURCE), source, ap::write_only, "drop packets from one source of a joined group"),
    datagram(AFPLUG_NAMED(IP_UNBLOCK_SOURCE), source, ap::write_only, "receive a blocked source again"),
    datagram(AFPLUG_NAMED(IP_PKTINFO), flag, ap::read_write,
             "receive the interface and destination of packets as ancillary data"),
    datagram(AFPLUG_NAMED(IP_RECVTTL), flag, ap::read_write, "receive the time to live of packets as ancillary data"),
    datagram(AFPLUG_NAMED(IP_RECEIVE_BROADCAST), flag, ap::read_write, "receive broadcasts"),
    datagram(AFPLUG_NAMED(IP_RECVIF), flag, ap::read_write, "receive the interface of packets as ancillary data"),
    datagram(AFPLUG_NAMED(IP_RECVDSTADDR), flag, ap::read_write,
             "receive the destination of packets as ancillary data"),
    ip(AFPLUG_NAMED(IP_UNICAST_IF), ap::kind::u32be, ap::read_write, "interface for packets sent, by its index"),
    datagram(AFPLUG_NAMED(IP_RECVTOS), flag, ap::read_write,
             "receive the type of service of packets as ancillary data"),
    datagram(AFPLUG_NAMED(IP_ORIGINAL_ARRIVAL_IF), flag, ap::read_write,
             "receive the original interface of tunnelled packets as ancillary data"),
    ip(AFPLUG_NAMED(IP_MTU_DISCOVER), ap::kind::i32.with_values("IP_PMTUDISC_"), ap::read_write, "path MTU discovery"),
    ip(AFPLUG_NAMED(IP_MTU), number, ap::read_only, "known path MTU of a connected socket, in bytes"),
    ip(AFPLUG_NAMED(IP_USER_MTU), number, ap::read_write, "upper limit of the path MTU, in bytes"),
};
constexpr auto options =
    ap::join(ip_options, ip_common::group_options(IPPROTO_IP), ip_common::tcp_options, ip_common::udp_options);

constexpr ap::constant_group inaddr{"INADDR_"};
constexpr auto constants = ap::join(
    std::array{
        ap::constant_group{"AF_"}(AFPLUG_NAMED(AF_INET)),
        ip_common::sol_(AFPLUG_NAMED(SOL_IP)),
        inaddr(AFPLUG_NAMED(INADDR_ANY)),
        inaddr(AFPLUG_NAMED(INADDR_BROADCAST)),
        inaddr(AFPLUG_NAMED(INADDR_NONE)),
        inaddr(AFPLUG_NAMED(INADDR_LOOPBACK)),
        inaddr(AFPLUG_NAMED(INADDR_UNSPEC_GROUP)),
        inaddr(AFPLUG_NAMED(INADDR_ALLHOSTS_GROUP)),
        inaddr(AFPLUG_NAMED(INADDR_MAX_LOCAL_GROUP)),
    },
    ap::constants_of("IP_", ip_options), ip_common::constants);

constexpr std::array families{ap::kernel_family({
    .id = "inet",
    .name = "AF_INET",
    .number = AF_INET,
    .flags = AFPLUG_FAMILY_RESOLVES,
    .help = "IP version 4",
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(constants),
    .codec = &ap::codec_of<inet::codec>,
    .check = ap::slot<&ip_common::check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
