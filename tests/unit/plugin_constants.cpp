// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The values of the constants of Python's socket module on Linux, and of further options. They are literals, not taken
// from the headers that the plugins were built with.
#include <map>
#include "family_plugin.hpp"

namespace {
using namespace family_plugin;

using numbers = std::map<std::string, std::int64_t>;

numbers constants_of(const std::string& plugin) {
  numbers all;
  for (const auto& constant : table<afplug_constant>(load_family(plugin).constants))
    if (constant.text == nullptr) all[constant.name] = constant.value;
  return all;
}

void expect_all(const std::string& plugin, const numbers& expected) {
  const auto have = constants_of(plugin);
  for (const auto& [name, value] : expected) {
    const auto at = have.find(name);
    if (at == have.end())
      ADD_FAILURE() << plugin << " has no " << name;
    else
      EXPECT_EQ(at->second, value) << name;
  }
}

const numbers protocols{
    {"IPPROTO_IP", 0},
    {"IPPROTO_HOPOPTS", 0},
    {"IPPROTO_ICMP", 1},
    {"IPPROTO_IGMP", 2},
    {"IPPROTO_IPV6", 41},
    {"IPPROTO_IPIP", 4},
    {"IPPROTO_TCP", 6},
    {"IPPROTO_EGP", 8},
    {"IPPROTO_PUP", 12},
    {"IPPROTO_UDP", 17},
    {"IPPROTO_UDPLITE", 136},
    {"IPPROTO_IDP", 22},
    {"IPPROTO_TP", 29},
    {"IPPROTO_ROUTING", 43},
    {"IPPROTO_FRAGMENT", 44},
    {"IPPROTO_RSVP", 46},
    {"IPPROTO_GRE", 47},
    {"IPPROTO_ESP", 50},
    {"IPPROTO_AH", 51},
    {"IPPROTO_ICMPV6", 58},
    {"IPPROTO_NONE", 59},
    {"IPPROTO_DSTOPTS", 60},
    {"IPPROTO_PIM", 103},
    {"IPPROTO_SCTP", 132},
    {"IPPROTO_MPTCP", 0x106},
    {"IPPROTO_RAW", 255},
    {"UDPLITE_SEND_CSCOV", 10},
    {"UDPLITE_RECV_CSCOV", 11},
    {"IPPORT_RESERVED", 0x400},
    {"IPPORT_USERRESERVED", 0x1388},
    {"SOL_TCP", 6},
    {"SOL_UDP", 17},
    {"SOL_UDPLITE", 136},
    {"SOL_SCTP", 132},
    {"SOL_MPTCP", 284},
};

const numbers transports{
    {"TCP_NODELAY", 1},
    {"TCP_MAXSEG", 2},
    {"TCP_CORK", 3},
    {"TCP_KEEPIDLE", 4},
    {"TCP_KEEPINTVL", 5},
    {"TCP_KEEPCNT", 6},
    {"TCP_SYNCNT", 7},
    {"TCP_LINGER2", 8},
    {"TCP_DEFER_ACCEPT", 9},
    {"TCP_WINDOW_CLAMP", 10},
    {"TCP_INFO", 11},
    {"TCP_QUICKACK", 12},
    {"TCP_CONGESTION", 13},
    {"TCP_MD5SIG", 14},
    {"TCP_THIN_LINEAR_TIMEOUTS", 16},
    {"TCP_THIN_DUPACK", 17},
    {"TCP_USER_TIMEOUT", 18},
    {"TCP_REPAIR", 19},
    {"TCP_REPAIR_QUEUE", 20},
    {"TCP_QUEUE_SEQ", 21},
    {"TCP_REPAIR_OPTIONS", 22},
    {"TCP_FASTOPEN", 23},
    {"TCP_TIMESTAMP", 24},
    {"TCP_NOTSENT_LOWAT", 25},
    {"TCP_CC_INFO", 26},
    {"TCP_SAVE_SYN", 27},
    {"TCP_SAVED_SYN", 28},
    {"TCP_REPAIR_WINDOW", 29},
    {"TCP_FASTOPEN_CONNECT", 30},
    {"TCP_ULP", 31},
    {"TCP_MD5SIG_EXT", 32},
    {"TCP_FASTOPEN_KEY", 33},
    {"TCP_FASTOPEN_NO_COOKIE", 34},
    {"TCP_ZEROCOPY_RECEIVE", 35},
    {"TCP_INQ", 36},
    {"TCP_TX_DELAY", 37},
    {"TCP_AO_ADD_KEY", 38},
    {"TCP_AO_REPAIR", 42},
    {"TCP_IS_MPTCP", 43},
    {"TCP_RTO_MAX_MS", 44},
    {"TCP_RTO_MIN_US", 45},
    {"TCP_DELACK_MAX_US", 46},
    {"UDP_CORK", 1},
    {"UDP_ENCAP", 100},
    {"UDP_NO_CHECK6_TX", 101},
    {"UDP_NO_CHECK6_RX", 102},
    {"UDP_SEGMENT", 103},
    {"UDP_GRO", 104},
    {"MPTCP_INFO", 1},
    {"MPTCP_TCPINFO", 2},
    {"MPTCP_SUBFLOW_ADDRS", 3},
    {"MPTCP_FULL_INFO", 4},
    {"MCAST_JOIN_GROUP", 42},
    {"MCAST_BLOCK_SOURCE", 43},
    {"MCAST_UNBLOCK_SOURCE", 44},
    {"MCAST_LEAVE_GROUP", 45},
    {"MCAST_JOIN_SOURCE_GROUP", 46},
    {"MCAST_LEAVE_SOURCE_GROUP", 47},
    {"MCAST_MSFILTER", 48},
    {"SCTP_RTOINFO", 0},
    {"SCTP_INITMSG", 2},
    {"SCTP_NODELAY", 3},
    {"SCTP_EVENTS", 11},
    {"SCTP_STATUS", 14},
    {"SCTP_RECVRCVINFO", 32},
    {"SCTP_DEFAULT_SNDINFO", 34},
    {"SCTP_REUSE_PORT", 36},
    {"SCTP_EVENT", 127},
    {"SCTP_UNORDERED", 1},
    {"SCTP_EOF", 0x200},
};

TEST(plugin_constants, inet) {
  expect_all("inet", protocols);
  expect_all("inet", transports);
  expect_all("inet", {
                         {"INADDR_ANY", 0},
                         {"INADDR_BROADCAST", 0xffffffff},
                         {"INADDR_LOOPBACK", 0x7f000001},
                         {"INADDR_UNSPEC_GROUP", 0xe0000000},
                         {"INADDR_ALLHOSTS_GROUP", 0xe0000001},
                         {"INADDR_MAX_LOCAL_GROUP", 0xe00000ff},
                         {"INADDR_NONE", 0xffffffff},
                         {"SOL_IP", 0},
                         {"IP_OPTIONS", 4},
                         {"IP_HDRINCL", 3},
                         {"IP_TOS", 1},
                         {"IP_TTL", 2},
                         {"IP_RECVERR", 11},
                         {"IP_RECVOPTS", 6},
                         {"IP_RECVORIGDSTADDR", 20},
                         {"IP_RECVRETOPTS", 7},
                         {"IP_RECVTOS", 13},
                         {"IP_RECVTTL", 12},
                         {"IP_RETOPTS", 7},
                         {"IP_MULTICAST_IF", 32},
                         {"IP_MULTICAST_TTL", 33},
                         {"IP_MULTICAST_LOOP", 34},
                         {"IP_ADD_MEMBERSHIP", 35},
                         {"IP_DROP_MEMBERSHIP", 36},
                         {"IP_DEFAULT_MULTICAST_TTL", 1},
                         {"IP_DEFAULT_MULTICAST_LOOP", 1},
                         {"IP_MAX_MEMBERSHIPS", 20},
                         {"IP_FREEBIND", 15},
                         {"IP_TRANSPARENT", 19},
                         {"IP_PKTINFO", 8},
                         {"IP_BIND_ADDRESS_NO_PORT", 24},
                         {"IP_UNBLOCK_SOURCE", 37},
                         {"IP_BLOCK_SOURCE", 38},
                         {"IP_ADD_SOURCE_MEMBERSHIP", 39},
                         {"IP_DROP_SOURCE_MEMBERSHIP", 40},
                         {"IP_MTU_DISCOVER", 10},
                         {"IP_MTU", 14},
                         {"IP_MINTTL", 21},
                         {"IP_MULTICAST_ALL", 49},
                         {"IP_UNICAST_IF", 50},
                         {"IP_LOCAL_PORT_RANGE", 51},
                         {"ICMP_FILTER", 1},
                         {"ICMP_ECHO", 8},
                     });
}

TEST(plugin_constants, inet6) {
  expect_all("inet6", protocols);
  expect_all("inet6", transports);
  expect_all("inet6", {
                          {"IPV6_JOIN_GROUP", 20},   {"IPV6_LEAVE_GROUP", 21},    {"IPV6_MULTICAST_HOPS", 18},
                          {"IPV6_MULTICAST_IF", 17}, {"IPV6_MULTICAST_LOOP", 19}, {"IPV6_UNICAST_HOPS", 16},
                          {"IPV6_V6ONLY", 26},       {"IPV6_CHECKSUM", 7},        {"IPV6_DONTFRAG", 62},
                          {"IPV6_DSTOPTS", 59},      {"IPV6_HDRINCL", 36},        {"IPV6_HOPLIMIT", 52},
                          {"IPV6_HOPOPTS", 54},      {"IPV6_NEXTHOP", 9},         {"IPV6_PATHMTU", 61},
                          {"IPV6_PKTINFO", 50},      {"IPV6_RECVDSTOPTS", 58},    {"IPV6_RECVERR", 25},
                          {"IPV6_RECVHOPLIMIT", 51}, {"IPV6_RECVHOPOPTS", 53},    {"IPV6_RECVPKTINFO", 49},
                          {"IPV6_RECVRTHDR", 56},    {"IPV6_RECVTCLASS", 66},     {"IPV6_RTHDR", 57},
                          {"IPV6_RTHDRDSTOPTS", 55}, {"IPV6_RTHDR_TYPE_0", 0},    {"IPV6_RECVPATHMTU", 60},
                          {"IPV6_TCLASS", 67},       {"IPV6_ADD_MEMBERSHIP", 20}, {"IPV6_MTU_DISCOVER", 23},
                          {"ICMP6_FILTER", 1},       {"ICMP6_ECHO_REQUEST", 128}, {"SOL_IPV6", 41},
                          {"SOL_ICMPV6", 58},
                      });
}

TEST(plugin_constants, netlink) {
  expect_all("netlink", {
                            {"NETLINK_ROUTE", 0},
                            {"NETLINK_USERSOCK", 2},
                            {"NETLINK_FIREWALL", 3},
                            {"NETLINK_NFLOG", 5},
                            {"NETLINK_XFRM", 6},
                            {"NETLINK_IP6_FW", 13},
                            {"NETLINK_DNRTMSG", 14},
                            {"NETLINK_CRYPTO", 21},
                            {"NETLINK_GENERIC", 16},
                            {"NETLINK_SOCK_DIAG", 4},
                            {"NETLINK_AUDIT", 9},
                            {"NETLINK_KOBJECT_UEVENT", 15},
                            {"SOL_NETLINK", 270},
                            {"NETLINK_ADD_MEMBERSHIP", 1},
                            {"NETLINK_EXT_ACK", 11},
                        });
}

TEST(plugin_constants, hyperv) {
  expect_all("hyperv", {{"HV_PROTOCOL_RAW", 1},
                        {"HVSOCKET_CONNECT_TIMEOUT", 1},
                        {"HVSOCKET_CONNECT_TIMEOUT_MAX", 0x493e0},
                        {"HVSOCKET_CONNECTED_SUSPEND", 4},
                        {"HVSOCKET_ADDRESS_FLAG_PASSTHRU", 1},
                        {"HVSOCKET_HIGH_VTL", 8}});
  std::map<std::string, std::string> guids;
  for (const auto& constant : table<afplug_constant>(load_family("hyperv").constants))
    if (constant.text != nullptr) guids[constant.name] = constant.text;
  EXPECT_EQ(guids,
            (std::map<std::string, std::string>{{"HV_GUID_ZERO", "00000000-0000-0000-0000-000000000000"},
                                                {"HV_GUID_WILDCARD", "00000000-0000-0000-0000-000000000000"},
                                                {"HV_GUID_BROADCAST", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"},
                                                {"HV_GUID_CHILDREN", "90DB8B89-0D35-4F79-8CE9-49EA0AC8B7CD"},
                                                {"HV_GUID_LOOPBACK", "E0E16197-DD56-4A10-9195-5EE7A155A838"},
                                                {"HV_GUID_PARENT", "A42E7CDA-D03F-480C-9CC2-A4DE20ABB878"},
                                                {"HV_GUID_SILOHOST", "36BD0C5C-7276-4223-88BA-7D03B654C568"},
                                                {"HV_GUID_VSOCK_TEMPLATE", "00000000-FACB-11E6-BD58-64006A7986D3"}}));
}

TEST(plugin_constants, do_not_include_constants_of_core) {
  for (const char* plugin : {"inet", "inet6", "unix", "netlink", "hyperv"})
    for (const auto& [name, value] : constants_of(plugin))
      for (const char* prefix :
           {"AF_", "PF_", "SOCK_", "SO_", "SCM_", "MSG_", "SHUT_", "EAI_", "AI_", "NI_", "SOL_SOCKET", "SOMAXCONN"})
        EXPECT_FALSE(name.starts_with(prefix)) << plugin << " has " << name << " = " << value;
}

}  // namespace
