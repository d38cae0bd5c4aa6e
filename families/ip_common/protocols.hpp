// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The rows that inet and inet6 have in common.
#pragma once

#include <afplug/plugin.hpp>
#include "constants.hpp"

namespace ip_common {
namespace ap = afplug::plugin;

inline constexpr auto stream_flags = AFPLUG_ROW_STREAM | AFPLUG_ROW_CONNECTION;
inline constexpr std::array transport_rows{
    ap::row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(IPPROTO_TCP),
            stream_flags | AFPLUG_ROW_HALF_CLOSE | AFPLUG_ROW_DEFAULT, "tcp", {}, "TCP: connections, byte streams"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), AFPLUG_NAMED(IPPROTO_UDP), AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT,
            "datagram udp", {}, "UDP: datagrams, unordered and unreliable"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), AFPLUG_NAMED(IPPROTO_UDPLITE), AFPLUG_ROW_MESSAGE, "datagram udp udplite", {},
            "UDP-Lite: datagrams with partial checksum coverage (RFC 3828)"),
    ap::row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(IPPROTO_MPTCP), stream_flags | AFPLUG_ROW_HALF_CLOSE, "tcp mptcp",
            {.config = "CONFIG_MPTCP"}, "Multipath TCP: one connection over several paths (RFC 8684)"),
    ap::row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(IPPROTO_SCTP), stream_flags, "sctp",
            {.module = "sctp", .config = "CONFIG_IP_SCTP"}, "SCTP, one association per socket"),
    ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), AFPLUG_NAMED(IPPROTO_SCTP),
            AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT | AFPLUG_ROW_CONNECT_UNREPORTED, "sctp",
            {.module = "sctp", .config = "CONFIG_IP_SCTP"}, "SCTP, many associations on one socket"),
};

/// All option groups, for the row that passes other types and protocols to the kernel.
inline constexpr const char* every_group = "datagram raw icmp tcp udp udplite mptcp sctp";

/// The rows of ICMP echo sockets (ping) and of SOCK_RAW, and the pass-through row. `icmp` is the ICMP of the version of
/// IP, `ping_help` and `icmp_help` describe its two rows.
constexpr auto icmp_and_raw_rows(const char* icmp_name, int icmp, const char* ping_help, const char* icmp_help) {
  constexpr ap::requirements raw{.capability = "CAP_NET_RAW"};
  return std::array{
      ap::row(AFPLUG_NAMED(SOCK_DGRAM), icmp_name, icmp, AFPLUG_ROW_MESSAGE, "datagram", {}, ping_help),
      ap::row(AFPLUG_NAMED(SOCK_RAW), icmp_name, icmp, AFPLUG_ROW_MESSAGE, "datagram raw icmp", raw, icmp_help),
      ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(IPPROTO_TCP), AFPLUG_ROW_MESSAGE, "datagram raw", raw,
              "TCP segments as raw packets"),
      ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(IPPROTO_UDP), AFPLUG_ROW_MESSAGE, "datagram raw", raw,
              "UDP datagrams as raw packets"),
      ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(IPPROTO_RAW), AFPLUG_ROW_MESSAGE, "datagram raw", raw,
              "packets whose IP header the program writes; send only"),
      ap::row(AFPLUG_NAMED(SOCK_RAW), nullptr, AFPLUG_ANY, AFPLUG_ROW_MESSAGE | AFPLUG_ROW_HIDDEN, "datagram raw", raw,
              "packets of any other protocol"),
      ap::pass_through(every_group),
  };
}

/// Explains why the kernel refused a row: an unprivileged ping socket outside net.ipv4.ping_group_range
/// (net/ipv4/ping.c, ping_init_sock), MPTCP with net.mptcp.enabled=0 (net/mptcp/ctrl.c).
inline std::int32_t check(const afplug_identity* who, std::uint32_t, afplug_verdict* verdict) {
  if (verdict->state != AFPLUG_UNAVAILABLE) return 0;
  const bool ping = who->type == SOCK_DGRAM && (who->protocol == IPPROTO_ICMP || who->protocol == IPPROTO_ICMPV6);
  if (ping && verdict->error == EACCES)
    ap::set_verdict(*verdict, AFPLUG_UNAVAILABLE, "permission",
                    "no group of this process is in net.ipv4.ping_group_range",
                    "sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"");
  if (who->protocol == IPPROTO_MPTCP && verdict->error == ENOPROTOOPT)
    ap::set_verdict(*verdict, AFPLUG_UNAVAILABLE, "permission",
                    "MPTCP is disabled in this network namespace (net.mptcp.enabled=0)",
                    "sysctl -w net.mptcp.enabled=1");
  return 0;
}

}  // namespace ip_common
