// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The protocol-independent multicast options of RFC 3678, which have the same numbers at IPPROTO_IP and IPPROTO_IPV6,
// and the memberships of RFC 3493 for IPv6.
#pragma once

#include <afplug/plugin.hpp>
#if !defined(_WIN32)
#include "numbers.hpp"
#endif

namespace ip_common {
namespace ap = afplug::plugin;

inline constexpr std::array group_req_members{
    AFPLUG_MEMBER(group_req, gr_interface, "interface", AFPLUG_KIND_IFINDEX),
    AFPLUG_MEMBER(group_req, gr_group, "group", AFPLUG_KIND_SOCKADDR),
};
inline constexpr std::array group_source_req_members{
    AFPLUG_MEMBER(group_source_req, gsr_interface, "interface", AFPLUG_KIND_IFINDEX),
    AFPLUG_MEMBER(group_source_req, gsr_group, "group", AFPLUG_KIND_SOCKADDR),
    AFPLUG_MEMBER(group_source_req, gsr_source, "source", AFPLUG_KIND_SOCKADDR),
};

inline constexpr std::array ipv6_mreq_members{
    AFPLUG_MEMBER(ipv6_mreq, ipv6mr_multiaddr, "multiaddr", AFPLUG_KIND_IPV6),
    ap::optional(AFPLUG_MEMBER(ipv6_mreq, ipv6mr_interface, "interface", AFPLUG_KIND_IFINDEX)),
};
/// The value of IPV6_JOIN_GROUP and IPV6_LEAVE_GROUP.
inline constexpr auto ipv6_membership = ap::kind::structure<ipv6_mreq>(ipv6_mreq_members);

/// The multicast options of the level, IPPROTO_IP or IPPROTO_IPV6.
constexpr auto group_options(int level) {
  const ap::option_group mcast{level, "datagram"};
  constexpr auto group = ap::kind::structure<group_req>(group_req_members);
  constexpr auto source = ap::kind::structure<group_source_req>(group_source_req_members);
  return std::array {
    mcast(AFPLUG_NAMED(MCAST_JOIN_GROUP), group, ap::write_only, "join a multicast group on an interface"),
        mcast(AFPLUG_NAMED(MCAST_BLOCK_SOURCE), source, ap::write_only,
              "drop packets from one source of a joined group"),
        mcast(AFPLUG_NAMED(MCAST_UNBLOCK_SOURCE), source, ap::write_only, "receive a blocked source again"),
        mcast(AFPLUG_NAMED(MCAST_LEAVE_GROUP), group, ap::write_only, "leave a multicast group"),
        mcast(AFPLUG_NAMED(MCAST_JOIN_SOURCE_GROUP), source, ap::write_only, "receive one source of a group"),
        mcast(AFPLUG_NAMED(MCAST_LEAVE_SOURCE_GROUP), source, ap::write_only,
              "stop receiving that source of the group"),
#if defined(MCAST_MSFILTER)
        // struct group_filter with at most 64 sources.
        mcast(AFPLUG_NAMED(MCAST_MSFILTER), ap::kind::bytes(GROUP_FILTER_SIZE(0), GROUP_FILTER_SIZE(64)),
              ap::read_with_input | ap::write_only,
              "source filter of a group: struct group_filter; reading needs the interface, the group and the capacity"),
#endif
  };
}

}  // namespace ip_common
