// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Options of TCP: tcp(7), <linux/tcp.h>.
#pragma once

#include <afplug/plugin.hpp>
#include <bit>
#include "numbers.hpp"
#include "tcp_info.hpp"

namespace ip_common {
namespace ap = afplug::plugin;

inline constexpr std::array tcp_md5sig_members{
    AFPLUG_MEMBER(tcp_md5sig, tcpm_addr, "address", AFPLUG_KIND_SOCKADDR),
    ap::optional(ap::hex(AFPLUG_MEMBER(tcp_md5sig, tcpm_flags, "flags", AFPLUG_KIND_U8))),
    ap::optional(AFPLUG_MEMBER(tcp_md5sig, tcpm_prefixlen, "prefixlen", AFPLUG_KIND_U8)),
    AFPLUG_MEMBER(tcp_md5sig, tcpm_keylen, "keylen", AFPLUG_KIND_U16),
    ap::optional(AFPLUG_MEMBER(tcp_md5sig, tcpm_ifindex, "ifindex", AFPLUG_KIND_IFINDEX)),
    AFPLUG_MEMBER(tcp_md5sig, tcpm_key, "key", AFPLUG_KIND_BYTES),
};
inline constexpr std::array tcp_repair_opt_members{
    AFPLUG_MEMBER(tcp_repair_opt, opt_code, "code", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(tcp_repair_opt, opt_val, "value", AFPLUG_KIND_U32),
};
inline constexpr std::array tcp_repair_window_members{
    AFPLUG_MEMBER(tcp_repair_window, snd_wl1, "snd_wl1", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(tcp_repair_window, snd_wnd, "snd_wnd", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(tcp_repair_window, max_window, "max_window", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(tcp_repair_window, rcv_wnd, "rcv_wnd", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(tcp_repair_window, rcv_wup, "rcv_wup", AFPLUG_KIND_U32),
};
inline constexpr std::array tcp_zerocopy_members{
    ap::hex(AFPLUG_MEMBER(tcp_zerocopy_receive, address, "address", AFPLUG_KIND_U64)),
    AFPLUG_MEMBER(tcp_zerocopy_receive, length, "length", AFPLUG_KIND_U32),
    ap::optional(AFPLUG_MEMBER(tcp_zerocopy_receive, recv_skip_hint, "recv_skip_hint", AFPLUG_KIND_U32)),
    ap::optional(AFPLUG_MEMBER(tcp_zerocopy_receive, inq, "inq", AFPLUG_KIND_U32)),
    ap::optional(AFPLUG_MEMBER(tcp_zerocopy_receive, err, "err", AFPLUG_KIND_I32)),
    ap::optional(ap::hex(AFPLUG_MEMBER(tcp_zerocopy_receive, copybuf_address, "copybuf_address", AFPLUG_KIND_U64))),
    ap::optional(AFPLUG_MEMBER(tcp_zerocopy_receive, copybuf_len, "copybuf_len", AFPLUG_KIND_I32)),
    ap::optional(ap::hex(AFPLUG_MEMBER(tcp_zerocopy_receive, flags, "flags", AFPLUG_KIND_U32))),
    ap::optional(ap::hex(AFPLUG_MEMBER(tcp_zerocopy_receive, msg_control, "msg_control", AFPLUG_KIND_U64))),
    ap::optional(AFPLUG_MEMBER(tcp_zerocopy_receive, msg_controllen, "msg_controllen", AFPLUG_KIND_U64)),
    ap::optional(ap::hex(AFPLUG_MEMBER(tcp_zerocopy_receive, msg_flags, "msg_flags", AFPLUG_KIND_U32))),
    ap::optional(AFPLUG_MEMBER(tcp_zerocopy_receive, reserved, "reserved", AFPLUG_KIND_U32)),
};

inline constexpr auto md5sig = ap::kind::structure<tcp_md5sig>(tcp_md5sig_members);
/// The first version of struct tcp_zerocopy_receive (Linux 4.18) ended after recv_skip_hint.
inline constexpr auto zerocopy =
    ap::kind::structure<tcp_zerocopy_receive>(tcp_zerocopy_members, offsetof(tcp_zerocopy_receive, inq));
/// TCP_CA_NAME_MAX and TCP_ULP_NAME_MAX of include/net/tcp.h: 16 bytes with the NUL.
inline constexpr auto name_text = ap::kind::text(16);
inline constexpr auto ao_bytes = ap::kind::bytes(0, 512);

inline constexpr ap::option_group tcp{SOL_TCP, "tcp"};
inline constexpr std::array tcp_options{
    tcp(AFPLUG_NAMED(TCP_NODELAY), ap::kind::flag, ap::read_write, "send small segments at once (no Nagle algorithm)"),
    tcp(AFPLUG_NAMED(TCP_MAXSEG), ap::kind::i32, ap::read_write, "largest segment sent, in bytes"),
    tcp(AFPLUG_NAMED(TCP_CORK), ap::kind::flag, ap::read_write,
        "hold partial segments back until the option is off, at most 200 ms"),
    tcp(AFPLUG_NAMED(TCP_KEEPIDLE), ap::kind::seconds, ap::read_write, "idle time before the first keepalive probe"),
    tcp(AFPLUG_NAMED(TCP_KEEPINTVL), ap::kind::seconds, ap::read_write, "time between keepalive probes"),
    tcp(AFPLUG_NAMED(TCP_KEEPCNT), ap::kind::i32, ap::read_write,
        "unanswered keepalive probes before the connection is dropped"),
    tcp(AFPLUG_NAMED(TCP_SYNCNT), ap::kind::i32, ap::read_write, "SYN retransmissions before connect fails"),
    tcp(AFPLUG_NAMED(TCP_LINGER2), ap::kind::seconds, ap::read_write,
        "lifetime of an orphaned connection in FIN-WAIT-2"),
    tcp(AFPLUG_NAMED(TCP_DEFER_ACCEPT), ap::kind::seconds, ap::read_write,
        "accept a connection only once data has arrived; time to wait for data"),
    tcp(AFPLUG_NAMED(TCP_WINDOW_CLAMP), ap::kind::i32, ap::read_write,
        "upper limit of the advertised window, in bytes"),
    tcp(AFPLUG_NAMED(TCP_INFO), tcp_info_layout, ap::read_only, "state and counters of the connection"),
    tcp(AFPLUG_NAMED(TCP_QUICKACK), ap::kind::flag, ap::read_write, "acknowledge at once; the kernel may reset this"),
    tcp(AFPLUG_NAMED(TCP_CONGESTION), name_text, ap::read_write, "congestion control algorithm"),
    tcp(AFPLUG_NAMED(TCP_MD5SIG), md5sig, ap::write_only, "MD5 signature key for a peer (RFC 2385)"),
    tcp(AFPLUG_NAMED(TCP_THIN_LINEAR_TIMEOUTS), ap::kind::flag, ap::read_write,
        "linear retransmission timeouts for thin streams"),
    tcp(AFPLUG_NAMED(TCP_THIN_DUPACK), ap::kind::flag, ap::read_write,
        "retransmit a thin stream after one duplicate acknowledgement"),
    tcp(AFPLUG_NAMED(TCP_USER_TIMEOUT), ap::kind::milliseconds, ap::read_write,
        "time that data may stay unacknowledged; 0: the system's default"),
    tcp(AFPLUG_NAMED(TCP_REPAIR), ap::kind::i32.with_values("TCP_REPAIR_O"), ap::read_write,
        "repair mode, for checkpoint and restore (CAP_NET_ADMIN)"),
    tcp(AFPLUG_NAMED(TCP_REPAIR_QUEUE), ap::kind::i32, ap::read_write,
        "queue that repair works on: TCP_NO_QUEUE, TCP_RECV_QUEUE, TCP_SEND_QUEUE"),
    tcp(AFPLUG_NAMED(TCP_QUEUE_SEQ), ap::kind::u32, ap::read_write, "sequence number of the repaired queue"),
    tcp(AFPLUG_NAMED(TCP_REPAIR_OPTIONS), ap::kind::array_of<tcp_repair_opt>(tcp_repair_opt_members, 8), ap::write_only,
        "options negotiated by the repaired connection"),
    tcp(AFPLUG_NAMED(TCP_FASTOPEN), ap::kind::i32, ap::read_write, "listener: limit of pending Fast Open requests"),
    tcp(AFPLUG_NAMED(TCP_TIMESTAMP), ap::kind::u32, ap::read_write,
        "timestamp clock of the connection; can be set in repair mode"),
    tcp(AFPLUG_NAMED(TCP_NOTSENT_LOWAT), ap::kind::u32, ap::read_write,
        "writable only while fewer unsent bytes than this are queued"),
    tcp(AFPLUG_NAMED(TCP_CC_INFO), ap::kind::bytes(0, 64), ap::read_only,
        "data of the congestion control algorithm: union tcp_cc_info"),
    tcp(AFPLUG_NAMED(TCP_SAVE_SYN), ap::kind::i32, ap::read_write,
        "listener: keep the headers of the SYN; 2: the link layer's too"),
    tcp(AFPLUG_NAMED(TCP_SAVED_SYN), ap::kind::bytes(0, 512), ap::read_only,
        "headers of the SYN of this connection; reading removes them"),
    tcp(AFPLUG_NAMED(TCP_REPAIR_WINDOW), ap::kind::structure<tcp_repair_window>(tcp_repair_window_members),
        ap::read_write, "window of the repaired connection"),
    tcp(AFPLUG_NAMED(TCP_FASTOPEN_CONNECT), ap::kind::flag, ap::read_write,
        "connect returns at once, and the first send opens the connection with Fast Open"),
    tcp(AFPLUG_NAMED(TCP_ULP), name_text, ap::read_write, "upper layer protocol, such as tls"),
    tcp(AFPLUG_NAMED(TCP_MD5SIG_EXT), md5sig, ap::write_only, "MD5 signature key for a prefix or an interface"),
    tcp(AFPLUG_NAMED(TCP_FASTOPEN_KEY), ap::kind::bytes(0, 32), ap::read_write,
        "one or two 16-byte keys for Fast Open cookies"),
    tcp(AFPLUG_NAMED(TCP_FASTOPEN_NO_COOKIE), ap::kind::flag, ap::read_write, "Fast Open without a cookie"),
    tcp(AFPLUG_NAMED(TCP_ZEROCOPY_RECEIVE), zerocopy, ap::read_with_input,
        "map received bytes into memory instead of copying them"),
    tcp(AFPLUG_NAMED(TCP_INQ), ap::kind::flag, ap::read_write, "receive the number of unread bytes as ancillary data"),
    tcp(AFPLUG_NAMED(TCP_TX_DELAY), ap::kind::microseconds, ap::read_write,
        "delay of every packet sent, to emulate a longer path"),
    tcp(AFPLUG_NAMED(TCP_AO_ADD_KEY), ao_bytes, ap::write_only,
        "add a key of the authentication option (RFC 5925): struct tcp_ao_add"),
    tcp(AFPLUG_NAMED(TCP_AO_DEL_KEY), ao_bytes, ap::write_only,
        "remove a key of the authentication option: struct tcp_ao_del"),
    tcp(AFPLUG_NAMED(TCP_AO_INFO), ao_bytes, ap::read_with_input | ap::write_only,
        "current key and counters of the authentication option: struct tcp_ao_info_opt"),
    tcp(AFPLUG_NAMED(TCP_AO_GET_KEYS), ao_bytes, ap::read_with_input,
        "keys of the authentication option: struct tcp_ao_getsockopt"),
    tcp(AFPLUG_NAMED(TCP_AO_REPAIR), ao_bytes, ap::read_write,
        "state of the authentication option in repair mode: struct tcp_ao_repair"),
    tcp(AFPLUG_NAMED(TCP_IS_MPTCP), ap::kind::flag, ap::read_only, "whether the connection uses Multipath TCP"),
    tcp(AFPLUG_NAMED(TCP_RTO_MAX_MS), ap::kind::milliseconds, ap::read_write,
        "longest retransmission timeout, 1 s to 120 s"),
    tcp(AFPLUG_NAMED(TCP_RTO_MIN_US), ap::kind::microseconds, ap::read_write, "shortest retransmission timeout"),
    tcp(AFPLUG_NAMED(TCP_DELACK_MAX_US), ap::kind::microseconds, ap::read_write, "longest delay of an acknowledgement"),
};

}  // namespace ip_common
