// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Options of Multipath TCP: <linux/mptcp.h>.
#pragma once

#include <afplug/plugin.hpp>
#include "numbers.hpp"

namespace ip_common {
namespace ap = afplug::plugin;

#define IP_COMMON_MPTCPI(name, kind) AFPLUG_MEMBER(mptcp_info, mptcpi_##name, #name, kind)
inline constexpr std::array mptcp_info_members{
    IP_COMMON_MPTCPI(subflows, AFPLUG_KIND_U8),
    IP_COMMON_MPTCPI(add_addr_signal, AFPLUG_KIND_U8),
    IP_COMMON_MPTCPI(add_addr_accepted, AFPLUG_KIND_U8),
    IP_COMMON_MPTCPI(subflows_max, AFPLUG_KIND_U8),
    IP_COMMON_MPTCPI(add_addr_signal_max, AFPLUG_KIND_U8),
    IP_COMMON_MPTCPI(add_addr_accepted_max, AFPLUG_KIND_U8),
    ap::hex(ap::with_values(IP_COMMON_MPTCPI(flags, AFPLUG_KIND_U32), "MPTCP_INFO_FLAG_")),
    ap::hex(IP_COMMON_MPTCPI(token, AFPLUG_KIND_U32)),
    IP_COMMON_MPTCPI(write_seq, AFPLUG_KIND_U64),
    IP_COMMON_MPTCPI(snd_una, AFPLUG_KIND_U64),
    IP_COMMON_MPTCPI(rcv_nxt, AFPLUG_KIND_U64),
    IP_COMMON_MPTCPI(local_addr_used, AFPLUG_KIND_U8),
    IP_COMMON_MPTCPI(local_addr_max, AFPLUG_KIND_U8),
    IP_COMMON_MPTCPI(csum_enabled, AFPLUG_KIND_U8),
};
#undef IP_COMMON_MPTCPI

/// struct mptcp_subflow_data and the array behind it, for at most eight subflows.
inline constexpr auto subflow_bytes = ap::kind::bytes(sizeof(mptcp_subflow_data), 4096);

inline constexpr ap::option_group mptcp{SOL_MPTCP, "mptcp"};
inline constexpr std::array mptcp_options{
    mptcp(AFPLUG_NAMED(MPTCP_INFO), ap::kind::structure<mptcp_info>(mptcp_info_members, 1), ap::read_only,
          "subflows, addresses and sequence numbers of the connection"),
    mptcp(AFPLUG_NAMED(MPTCP_TCPINFO), subflow_bytes, ap::read_with_input,
          "struct mptcp_subflow_data and a struct tcp_info for each subflow"),
    mptcp(AFPLUG_NAMED(MPTCP_SUBFLOW_ADDRS), subflow_bytes, ap::read_with_input,
          "struct mptcp_subflow_data and both addresses of each subflow"),
    mptcp(AFPLUG_NAMED(MPTCP_FULL_INFO), subflow_bytes, ap::read_with_input,
          "struct mptcp_full_info: MPTCP_INFO, MPTCP_TCPINFO and MPTCP_SUBFLOW_ADDRS in one call"),
};

}  // namespace ip_common
