// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family inet6: IPv6 and its transport protocols. ipv6(7).
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

constexpr auto rows =
    ap::join(ip_common::transport_rows,
             ip_common::icmp_and_raw_rows(AFPLUG_NAMED(IPPROTO_ICMPV6),
                                          "ICMPv6 echo, unprivileged for groups in net.ipv4.ping_group_range",
                                          "ICMPv6 packets"));

constexpr auto options = ap::join(inet6::ipv6_options, ip_common::group_options(IPPROTO_IPV6), inet6::nat_options,
                                  inet6::icmp6_options, ip_common::tcp_options, ip_common::mptcp_options,
                                  ip_common::udp_options, ip_common::udplite_options, ip_common::sctp_options);

constexpr auto constants = ap::join(ip_common::constants, inet6::constants);

constexpr std::array families{ap::kernel_family({
    .id = "inet6",
    .name = "AF_INET6",
    .number = AF_INET6,
    .flags = AFPLUG_FAMILY_RESOLVES | AFPLUG_FAMILY_DUAL_STACK,
    .help = "IP version 6",
    .requirements = {.module = "ipv6", .config = "CONFIG_IPV6"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(constants),
    .codec = &ap::codec_of<inet6::codec>,
    .check = ap::slot<&ip_common::check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
