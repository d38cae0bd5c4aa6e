// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The members of struct tcp_info of <linux/tcp.h>, set by tcp_get_info() in net/ipv4/tcp.c. Kernels append members.
// Those behind tcpi_snd_wnd are newer than the oldest supported headers and are given by their offsets; an older kernel
// returns a shorter struct without them.
#pragma once

#include <afplug/plugin.hpp>
#include <bit>
#include "numbers.hpp"

namespace ip_common {
namespace ap = afplug::plugin;

/// The bit-field of `width` bits that follows `before` bits in a byte, in the order of the C compiler.
constexpr std::uint32_t bits_after(unsigned before, unsigned width) {
  return AFPLUG_BITS(std::endian::native == std::endian::little ? before : 8 - before - width, width);
}

#define IP_COMMON_TCPI(name, kind) AFPLUG_MEMBER(tcp_info, tcpi_##name, #name, kind)

/// Offset of the two bytes of bit-fields before tcpi_rto.
inline constexpr std::size_t tcpi_bits = offsetof(tcp_info, tcpi_rto) - 2;
inline constexpr std::size_t tcpi_tail = offsetof(tcp_info, tcpi_snd_wnd) + sizeof(tcp_info::tcpi_snd_wnd);
inline constexpr std::size_t tcpi_size = tcpi_tail + 16;

inline constexpr std::array tcp_info_members{
    IP_COMMON_TCPI(state, AFPLUG_KIND_U8),
    ap::with_values(IP_COMMON_TCPI(ca_state, AFPLUG_KIND_U8), "TCP_CA_"),
    IP_COMMON_TCPI(retransmits, AFPLUG_KIND_U8),
    IP_COMMON_TCPI(probes, AFPLUG_KIND_U8),
    IP_COMMON_TCPI(backoff, AFPLUG_KIND_U8),
    ap::hex(ap::with_values(IP_COMMON_TCPI(options, AFPLUG_KIND_U8), "TCPI_OPT_")),
    ap::with_unit(ap::member("snd_wscale", AFPLUG_KIND_U8, tcpi_bits, 1), bits_after(0, 4)),
    ap::with_unit(ap::member("rcv_wscale", AFPLUG_KIND_U8, tcpi_bits, 1), bits_after(4, 4)),
    ap::with_unit(ap::member("delivery_rate_app_limited", AFPLUG_KIND_U8, tcpi_bits + 1, 1), bits_after(0, 1)),
    ap::with_unit(ap::with_values(ap::member("fastopen_client_fail", AFPLUG_KIND_U8, tcpi_bits + 1, 1), "TFO_"),
                  bits_after(1, 2)),
    ap::with_help(IP_COMMON_TCPI(rto, AFPLUG_KIND_U32), "retransmission timeout, microseconds"),
    ap::with_help(IP_COMMON_TCPI(ato, AFPLUG_KIND_U32), "delayed acknowledgement timeout, microseconds"),
    IP_COMMON_TCPI(snd_mss, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(rcv_mss, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(unacked, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(sacked, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(lost, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(retrans, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(fackets, AFPLUG_KIND_U32),
    ap::with_help(IP_COMMON_TCPI(last_data_sent, AFPLUG_KIND_U32), "time since then, milliseconds"),
    ap::with_help(IP_COMMON_TCPI(last_ack_sent, AFPLUG_KIND_U32), "not set by the kernel"),
    ap::with_help(IP_COMMON_TCPI(last_data_recv, AFPLUG_KIND_U32), "time since then, milliseconds"),
    ap::with_help(IP_COMMON_TCPI(last_ack_recv, AFPLUG_KIND_U32), "time since then, milliseconds"),
    IP_COMMON_TCPI(pmtu, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(rcv_ssthresh, AFPLUG_KIND_U32),
    ap::with_help(IP_COMMON_TCPI(rtt, AFPLUG_KIND_U32), "smoothed round trip time, microseconds"),
    ap::with_help(IP_COMMON_TCPI(rttvar, AFPLUG_KIND_U32), "mean deviation of the round trip time, microseconds"),
    IP_COMMON_TCPI(snd_ssthresh, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(snd_cwnd, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(advmss, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(reordering, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(rcv_rtt, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(rcv_space, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(total_retrans, AFPLUG_KIND_U32),
    ap::with_help(IP_COMMON_TCPI(pacing_rate, AFPLUG_KIND_U64), "bytes per second"),
    ap::with_help(IP_COMMON_TCPI(max_pacing_rate, AFPLUG_KIND_U64), "bytes per second"),
    IP_COMMON_TCPI(bytes_acked, AFPLUG_KIND_U64),
    IP_COMMON_TCPI(bytes_received, AFPLUG_KIND_U64),
    IP_COMMON_TCPI(segs_out, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(segs_in, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(notsent_bytes, AFPLUG_KIND_U32),
    ap::with_help(IP_COMMON_TCPI(min_rtt, AFPLUG_KIND_U32), "microseconds"),
    IP_COMMON_TCPI(data_segs_in, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(data_segs_out, AFPLUG_KIND_U32),
    ap::with_help(IP_COMMON_TCPI(delivery_rate, AFPLUG_KIND_U64), "bytes per second"),
    ap::with_help(IP_COMMON_TCPI(busy_time, AFPLUG_KIND_U64), "time busy sending, microseconds"),
    ap::with_help(IP_COMMON_TCPI(rwnd_limited, AFPLUG_KIND_U64), "time limited by the peer's window, microseconds"),
    ap::with_help(IP_COMMON_TCPI(sndbuf_limited, AFPLUG_KIND_U64), "time limited by the send buffer, microseconds"),
    IP_COMMON_TCPI(delivered, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(delivered_ce, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(bytes_sent, AFPLUG_KIND_U64),
    IP_COMMON_TCPI(bytes_retrans, AFPLUG_KIND_U64),
    IP_COMMON_TCPI(dsack_dups, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(reord_seen, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(rcv_ooopack, AFPLUG_KIND_U32),
    IP_COMMON_TCPI(snd_wnd, AFPLUG_KIND_U32),
    ap::member("rcv_wnd", AFPLUG_KIND_U32, tcpi_tail, 4),
    ap::member("rehash", AFPLUG_KIND_U32, tcpi_tail + 4, 4),
    ap::member("total_rto", AFPLUG_KIND_U16, tcpi_tail + 8, 2),
    ap::member("total_rto_recoveries", AFPLUG_KIND_U16, tcpi_tail + 10, 2),
    ap::with_help(ap::member("total_rto_time", AFPLUG_KIND_U32, tcpi_tail + 12, 4), "milliseconds"),
};
#undef IP_COMMON_TCPI

/// A kernel returns the part of the struct that it has, at least up to tcpi_total_retrans (Linux 2.6).
inline constexpr ap::value_layout tcp_info_layout{
    AFPLUG_KIND_STRUCT, 0, offsetof(tcp_info, tcpi_pacing_rate), tcpi_size, 0, ap::array(tcp_info_members), nullptr};

}  // namespace ip_common
