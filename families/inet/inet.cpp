// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family inet: IPv4 and its transport protocols. ip(7).
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

constexpr auto rows = ap::join(
    ip_common::transport_rows,
    ip_common::icmp_and_raw_rows(AFPLUG_NAMED(IPPROTO_ICMP),
                                 "ICMP echo, unprivileged for groups in net.ipv4.ping_group_range", "ICMP packets"));

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
