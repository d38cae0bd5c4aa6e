// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Options of UDP and UDP-Lite: udp(7), <linux/udp.h>.
#pragma once

#include <afplug/plugin.hpp>
#include "numbers.hpp"

namespace ip_common {
namespace ap = afplug::plugin;

inline constexpr ap::option_group udp{SOL_UDP, "udp"};
inline constexpr std::array udp_options{
    udp(AFPLUG_NAMED(UDP_CORK), ap::kind::flag, ap::read_write,
        "gather what is sent into one datagram until the option is off"),
    udp(AFPLUG_NAMED(UDP_ENCAP), ap::kind::i32.with_values("UDP_ENCAP_"), ap::read_write,
        "protocol encapsulated in these datagrams"),
    udp(AFPLUG_NAMED(UDP_NO_CHECK6_TX), ap::kind::flag, ap::read_write, "send without checksum over IPv6"),
    udp(AFPLUG_NAMED(UDP_NO_CHECK6_RX), ap::kind::flag, ap::read_write, "accept datagrams without checksum over IPv6"),
    udp(AFPLUG_NAMED(UDP_SEGMENT), ap::kind::i32, ap::read_write,
        "size of the datagrams that a large send is split into (GSO), bytes; 0: off"),
    udp(AFPLUG_NAMED(UDP_GRO), ap::kind::flag, ap::read_write,
        "receive several datagrams of one sender in one call (GRO)"),
};

inline constexpr ap::option_group udplite{SOL_UDPLITE, "udplite"};
inline constexpr std::array udplite_options{
    udplite(AFPLUG_NAMED(UDPLITE_SEND_CSCOV), ap::kind::i32, ap::read_write,
            "bytes covered by the checksum of datagrams sent; 0: all"),
    udplite(AFPLUG_NAMED(UDPLITE_RECV_CSCOV), ap::kind::i32, ap::read_write,
            "smallest checksum coverage accepted, bytes; 0: all"),
};

}  // namespace ip_common
