// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Rows, options and constants that inet and inet6 have in common on Windows (ws2def.h, ws2ipdef.h, ws2tcpip.h).
#pragma once

#include <afplug/plugin.hpp>
#include "multicast.hpp"

// Constants of ws2ipdef.h that older versions of mingw-w64 do not have.
#ifndef TCP_KEEPALIVE
#define TCP_KEEPALIVE 3
#endif
#ifndef TCP_MAXSEG
#define TCP_MAXSEG 4
#define TCP_MAXRT 5
#define TCP_TIMESTAMPS 10
#define TCP_MAXRTMS 14
#define TCP_FASTOPEN 15
#define TCP_KEEPCNT 16
#define TCP_KEEPIDLE TCP_KEEPALIVE
#define TCP_KEEPINTVL 17
#define TCP_FAIL_CONNECT_ON_ICMP_ERROR 18
#define UDP_SEND_MSG_SIZE 2
#define UDP_RECV_MAX_COALESCED_SIZE 3
#endif
// Names that other systems have and no header of Windows has.
#define SOL_IP IPPROTO_IP
#define SOL_IPV6 IPPROTO_IPV6
#define SOL_TCP IPPROTO_TCP
#define SOL_UDP IPPROTO_UDP
#define IPPORT_USERRESERVED 5000

namespace ip_common {
namespace ap = afplug::plugin;

// ---- rows ----

inline constexpr std::array transport_rows{
    ap::row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(IPPROTO_TCP),
            AFPLUG_ROW_STREAM | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE | AFPLUG_ROW_DEFAULT, "tcp", {},
            "TCP: connections, byte streams"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), AFPLUG_NAMED(IPPROTO_UDP), AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT,
            "datagram udp", {}, "UDP: datagrams, unordered and unreliable"),
};
constexpr auto raw_rows(const char* icmp_name, int icmp) {
  return std::array{
      ap::row(AFPLUG_NAMED(SOCK_RAW), icmp_name, icmp, AFPLUG_ROW_MESSAGE, "datagram raw", {}, "ICMP packets"),
      ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(IPPROTO_UDP), AFPLUG_ROW_MESSAGE, "datagram raw", {},
              "UDP datagrams as raw packets"),
      ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(IPPROTO_RAW), AFPLUG_ROW_MESSAGE, "datagram raw", {},
              "packets whose IP header the program writes"),
      ap::row(AFPLUG_NAMED(SOCK_RAW), nullptr, AFPLUG_ANY, AFPLUG_ROW_MESSAGE | AFPLUG_ROW_HIDDEN, "datagram raw", {},
              "packets of any other protocol"),
      ap::pass_through("datagram raw tcp udp"),
  };
}

inline std::int32_t check(const afplug_identity* who, std::uint32_t, afplug_verdict* verdict) {
  const bool denied = verdict->error == WSAEACCES || verdict->error == EACCES;
  if (who->type == SOCK_RAW && verdict->state == AFPLUG_UNAVAILABLE && denied)
    ap::set_verdict(*verdict, AFPLUG_UNAVAILABLE, "permission",
                    "raw sockets need membership of the group Administrators", "run the program as administrator");
  return 0;
}

// ---- options ----

inline constexpr auto flag = ap::kind::flag, number = ap::kind::u32;

inline constexpr ap::option_group tcp{IPPROTO_TCP, "tcp"}, udp{IPPROTO_UDP, "udp"};
inline constexpr std::array tcp_options{
    tcp(AFPLUG_NAMED(TCP_NODELAY), flag, ap::read_write, "send small segments at once (no Nagle algorithm)"),
    tcp(AFPLUG_NAMED(TCP_EXPEDITED_1122), flag, ap::read_write, "urgent data as in RFC 1122"),
    tcp(AFPLUG_NAMED(TCP_KEEPIDLE), ap::kind::seconds, ap::read_write, "idle time before the first keepalive probe"),
    tcp(AFPLUG_NAMED(TCP_KEEPINTVL), ap::kind::seconds, ap::read_write, "time between keepalive probes"),
    tcp(AFPLUG_NAMED(TCP_KEEPCNT), number, ap::read_write,
        "unanswered keepalive probes before the connection is dropped, at most 255"),
    tcp(AFPLUG_NAMED(TCP_MAXSEG), number, ap::read_only, "largest segment sent, in bytes"),
    tcp(AFPLUG_NAMED(TCP_MAXRT), ap::kind::seconds, ap::read_write,
        "time that data may stay unacknowledged; -1s: no limit"),
    tcp(AFPLUG_NAMED(TCP_MAXRTMS), ap::kind::milliseconds, ap::read_write, "TCP_MAXRT in milliseconds"),
    tcp(AFPLUG_NAMED(TCP_TIMESTAMPS), flag, ap::read_write, "timestamps (RFC 1323)"),
    tcp(AFPLUG_NAMED(TCP_FASTOPEN), flag, ap::read_write, "Fast Open (RFC 7413)"),
    tcp(AFPLUG_NAMED(TCP_FAIL_CONNECT_ON_ICMP_ERROR), flag, ap::read_write,
        "connect fails with WSAEHOSTUNREACH at the first ICMP error"),
};
inline constexpr std::array udp_options{
    udp(AFPLUG_NAMED(UDP_NOCHECKSUM), flag, ap::read_write, "send without checksum; IPv4 only"),
    udp(AFPLUG_NAMED(UDP_CHECKSUM_COVERAGE), flag, ap::read_write, "send with a checksum"),
    udp(AFPLUG_NAMED(UDP_SEND_MSG_SIZE), number, ap::read_write,
        "size of the datagrams that a large send is split into, bytes; 0: off"),
    udp(AFPLUG_NAMED(UDP_RECV_MAX_COALESCED_SIZE), number, ap::read_write,
        "receive several datagrams of one sender in one call, at most this many bytes; 0: off"),
};

// ---- constants ----

inline constexpr ap::constant_group ipproto_{"IPPROTO_"}, ipport_{"IPPORT_"}, sol_{"SOL_"}, pmtudisc_{"IP_PMTUDISC_"},
    protection_{"PROTECTION_LEVEL_"};
inline constexpr auto constants = ap::join(std::to_array<afplug_constant>({
                                               ipproto_(AFPLUG_NAMED(IPPROTO_IP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_HOPOPTS)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_ICMP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_IGMP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_GGP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_IPV4)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_ST)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_TCP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_CBT)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_EGP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_IGP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_PUP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_UDP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_IDP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_RDP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_IPV6)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_ROUTING)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_FRAGMENT)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_ESP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_AH)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_ICMPV6)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_NONE)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_DSTOPTS)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_ND)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_ICLFXBM)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_PIM)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_PGM)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_L2TP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_SCTP)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_RAW)),
                                               ipproto_(AFPLUG_NAMED(IPPROTO_MAX)),
                                               ipport_(AFPLUG_NAMED(IPPORT_ECHO)),
                                               ipport_(AFPLUG_NAMED(IPPORT_DISCARD)),
                                               ipport_(AFPLUG_NAMED(IPPORT_SYSTAT)),
                                               ipport_(AFPLUG_NAMED(IPPORT_DAYTIME)),
                                               ipport_(AFPLUG_NAMED(IPPORT_NETSTAT)),
                                               ipport_(AFPLUG_NAMED(IPPORT_FTP)),
                                               ipport_(AFPLUG_NAMED(IPPORT_TELNET)),
                                               ipport_(AFPLUG_NAMED(IPPORT_SMTP)),
                                               ipport_(AFPLUG_NAMED(IPPORT_TIMESERVER)),
                                               ipport_(AFPLUG_NAMED(IPPORT_NAMESERVER)),
                                               ipport_(AFPLUG_NAMED(IPPORT_WHOIS)),
                                               ipport_(AFPLUG_NAMED(IPPORT_MTP)),
                                               ipport_(AFPLUG_NAMED(IPPORT_TFTP)),
                                               ipport_(AFPLUG_NAMED(IPPORT_RJE)),
                                               ipport_(AFPLUG_NAMED(IPPORT_FINGER)),
                                               ipport_(AFPLUG_NAMED(IPPORT_TTYLINK)),
                                               ipport_(AFPLUG_NAMED(IPPORT_SUPDUP)),
                                               ipport_(AFPLUG_NAMED(IPPORT_EXECSERVER)),
                                               ipport_(AFPLUG_NAMED(IPPORT_LOGINSERVER)),
                                               ipport_(AFPLUG_NAMED(IPPORT_CMDSERVER)),
                                               ipport_(AFPLUG_NAMED(IPPORT_EFSSERVER)),
                                               ipport_(AFPLUG_NAMED(IPPORT_BIFFUDP)),
                                               ipport_(AFPLUG_NAMED(IPPORT_WHOSERVER)),
                                               ipport_(AFPLUG_NAMED(IPPORT_ROUTESERVER)),
                                               ipport_(AFPLUG_NAMED(IPPORT_RESERVED)),
                                               ipport_(AFPLUG_NAMED(IPPORT_USERRESERVED)),
                                               sol_(AFPLUG_NAMED(SOL_TCP)),
                                               sol_(AFPLUG_NAMED(SOL_UDP)),
                                               pmtudisc_(AFPLUG_NAMED(IP_PMTUDISC_NOT_SET)),
                                               pmtudisc_(AFPLUG_NAMED(IP_PMTUDISC_DO)),
                                               pmtudisc_(AFPLUG_NAMED(IP_PMTUDISC_DONT)),
                                               pmtudisc_(AFPLUG_NAMED(IP_PMTUDISC_PROBE)),
                                               protection_(AFPLUG_NAMED(PROTECTION_LEVEL_UNRESTRICTED)),
                                               protection_(AFPLUG_NAMED(PROTECTION_LEVEL_EDGERESTRICTED)),
                                               protection_(AFPLUG_NAMED(PROTECTION_LEVEL_RESTRICTED)),
                                               ap::constant_group{"TCP_"}(AFPLUG_NAMED(TCP_KEEPALIVE)),
                                           }),
                                           ap::constants_of("TCP_", tcp_options), ap::constants_of("UDP_", udp_options),
                                           ap::constants_of("MCAST_", group_options(IPPROTO_IP)));

}  // namespace ip_common
