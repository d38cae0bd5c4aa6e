// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The constants of netlink. tools/constants writes this file.
// clang-format off
#pragma once

#include <sys/socket.h>
#include <linux/netlink.h>

#include <afplug/plugin.hpp>

namespace netlink_family {

inline constexpr afplug::plugin::constant_group netlink_{"NETLINK_"}, sol_{"SOL_"};
inline constexpr auto constants = std::to_array<afplug_constant>({
    netlink_(AFPLUG_NAMED(NETLINK_ROUTE)),
    netlink_(AFPLUG_NAMED(NETLINK_UNUSED)),
    netlink_(AFPLUG_NAMED(NETLINK_USERSOCK)),
    netlink_(AFPLUG_NAMED(NETLINK_FIREWALL)),
    netlink_(AFPLUG_NAMED(NETLINK_SOCK_DIAG)),
    netlink_(AFPLUG_NAMED(NETLINK_NFLOG)),
    netlink_(AFPLUG_NAMED(NETLINK_XFRM)),
    netlink_(AFPLUG_NAMED(NETLINK_SELINUX)),
    netlink_(AFPLUG_NAMED(NETLINK_ISCSI)),
    netlink_(AFPLUG_NAMED(NETLINK_AUDIT)),
    netlink_(AFPLUG_NAMED(NETLINK_FIB_LOOKUP)),
    netlink_(AFPLUG_NAMED(NETLINK_CONNECTOR)),
    netlink_(AFPLUG_NAMED(NETLINK_NETFILTER)),
    netlink_(AFPLUG_NAMED(NETLINK_IP6_FW)),
    netlink_(AFPLUG_NAMED(NETLINK_DNRTMSG)),
    netlink_(AFPLUG_NAMED(NETLINK_KOBJECT_UEVENT)),
    netlink_(AFPLUG_NAMED(NETLINK_GENERIC)),
    netlink_(AFPLUG_NAMED(NETLINK_SCSITRANSPORT)),
    netlink_(AFPLUG_NAMED(NETLINK_ECRYPTFS)),
    netlink_(AFPLUG_NAMED(NETLINK_RDMA)),
    netlink_(AFPLUG_NAMED(NETLINK_CRYPTO)),
    netlink_(AFPLUG_NAMED(NETLINK_SMC)),
    netlink_(AFPLUG_NAMED(NETLINK_INET_DIAG)),
    netlink_(AFPLUG_NAMED(NETLINK_ADD_MEMBERSHIP)),
    netlink_(AFPLUG_NAMED(NETLINK_DROP_MEMBERSHIP)),
    netlink_(AFPLUG_NAMED(NETLINK_PKTINFO)),
    netlink_(AFPLUG_NAMED(NETLINK_BROADCAST_ERROR)),
    netlink_(AFPLUG_NAMED(NETLINK_NO_ENOBUFS)),
    netlink_(AFPLUG_NAMED(NETLINK_RX_RING)),
    netlink_(AFPLUG_NAMED(NETLINK_TX_RING)),
    netlink_(AFPLUG_NAMED(NETLINK_LISTEN_ALL_NSID)),
    netlink_(AFPLUG_NAMED(NETLINK_LIST_MEMBERSHIPS)),
    netlink_(AFPLUG_NAMED(NETLINK_CAP_ACK)),
    netlink_(AFPLUG_NAMED(NETLINK_EXT_ACK)),
    netlink_(AFPLUG_NAMED(NETLINK_GET_STRICT_CHK)),
    sol_(AFPLUG_NAMED(SOL_NETLINK)),
});

}  // namespace netlink_family
