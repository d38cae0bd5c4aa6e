// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family inet: IP version 4 and what runs over it.
#include <ip_common/mptcp.hpp>
#include <ip_common/protocols.hpp>
#include <ip_common/sctp.hpp>
#include <ip_common/tcp.hpp>
#include <ip_common/udp.hpp>
#include "codec.hpp"
#include "constants.hpp"
#include "options.hpp"

namespace {
namespace ap = afplug::plugin;

constexpr ap::requirements raw_needs{.capability = "CAP_NET_RAW"};
constexpr auto rows =
    ap::join(ip_common::transport_rows,
             std::array{
                 ap::row(AFPLUG_NAMED(SOCK_DGRAM), AFPLUG_NAMED(IPPROTO_ICMP), AFPLUG_ROW_MESSAGE, "datagram", {},
                         "ICMP echo without privileges, for the groups in net.ipv4.ping_group_range"),
                 ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(IPPROTO_ICMP), AFPLUG_ROW_MESSAGE, "datagram raw icmp",
                         raw_needs, "ICMP packets"),
                 ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(IPPROTO_TCP), AFPLUG_ROW_MESSAGE, "datagram raw",
                         raw_needs, "TCP segments as packets"),
                 ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(IPPROTO_UDP), AFPLUG_ROW_MESSAGE, "datagram raw",
                         raw_needs, "UDP datagrams as packets"),
                 ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(IPPROTO_RAW), AFPLUG_ROW_MESSAGE, "datagram raw",
                         raw_needs, "packets with a header of one's own, send only"),
                 ap::row(AFPLUG_NAMED(SOCK_RAW), nullptr, AFPLUG_ANY, AFPLUG_ROW_MESSAGE | AFPLUG_ROW_HIDDEN,
                         "datagram raw", raw_needs, "packets of any other protocol"),
                 ap::pass_through(ip_common::every_group),
             });

constexpr auto options = ap::join(inet::ip_options, ip_common::group_options(IPPROTO_IP), inet::nat_options,
                                  inet::icmp_options, ip_common::tcp_options, ip_common::mptcp_options,
                                  ip_common::udp_options, ip_common::udplite_options, ip_common::sctp_options);

constexpr auto constants = ap::join(ip_common::constants, inet::constants);

constexpr std::array families{ap::kernel_family({
    .id = "inet",
    .name = "AF_INET",
    .number = AF_INET,
    .flags = AFPLUG_FAMILY_RESOLVES,
    .help = "IP version 4",
    .requirements = {.config = "CONFIG_INET"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(constants),
    .codec = &ap::codec_of<inet::codec>,
    .check = ap::slot<&ip_common::check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
