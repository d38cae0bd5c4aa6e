// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Options of SCTP: sctp(7), RFC 6458, <linux/sctp.h>. Structs begin with the id of an association, which is 0 for the
// association of a one-to-one socket.
#pragma once

#include <afplug/plugin.hpp>
#include "numbers.hpp"

namespace ip_common {
namespace ap = afplug::plugin;

inline constexpr std::array sctp_rtoinfo_members{
    ap::optional(AFPLUG_MEMBER(sctp_rtoinfo, srto_assoc_id, "assoc_id", AFPLUG_KIND_I32)),
    ap::optional(ap::with_help(AFPLUG_MEMBER(sctp_rtoinfo, srto_initial, "initial", AFPLUG_KIND_U32),
                               "milliseconds; 0: unchanged")),
    ap::optional(
        ap::with_help(AFPLUG_MEMBER(sctp_rtoinfo, srto_max, "max", AFPLUG_KIND_U32), "milliseconds; 0: unchanged")),
    ap::optional(
        ap::with_help(AFPLUG_MEMBER(sctp_rtoinfo, srto_min, "min", AFPLUG_KIND_U32), "milliseconds; 0: unchanged")),
};
inline constexpr std::array sctp_assocparams_members{
    ap::optional(AFPLUG_MEMBER(sctp_assocparams, sasoc_assoc_id, "assoc_id", AFPLUG_KIND_I32)),
    ap::optional(AFPLUG_MEMBER(sctp_assocparams, sasoc_asocmaxrxt, "asocmaxrxt", AFPLUG_KIND_U16)),
    ap::optional(
        AFPLUG_MEMBER(sctp_assocparams, sasoc_number_peer_destinations, "number_peer_destinations", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(sctp_assocparams, sasoc_peer_rwnd, "peer_rwnd", AFPLUG_KIND_U32)),
    ap::optional(AFPLUG_MEMBER(sctp_assocparams, sasoc_local_rwnd, "local_rwnd", AFPLUG_KIND_U32)),
    ap::optional(ap::with_help(AFPLUG_MEMBER(sctp_assocparams, sasoc_cookie_life, "cookie_life", AFPLUG_KIND_U32),
                               "milliseconds")),
};
inline constexpr std::array sctp_initmsg_members{
    ap::optional(AFPLUG_MEMBER(sctp_initmsg, sinit_num_ostreams, "num_ostreams", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(sctp_initmsg, sinit_max_instreams, "max_instreams", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(sctp_initmsg, sinit_max_attempts, "max_attempts", AFPLUG_KIND_U16)),
    ap::optional(ap::with_help(AFPLUG_MEMBER(sctp_initmsg, sinit_max_init_timeo, "max_init_timeo", AFPLUG_KIND_U16),
                               "milliseconds")),
};
inline constexpr std::array sctp_paddrparams_members{
    ap::optional(AFPLUG_MEMBER(sctp_paddrparams, spp_assoc_id, "assoc_id", AFPLUG_KIND_I32)),
    ap::optional(AFPLUG_MEMBER(sctp_paddrparams, spp_address, "address", AFPLUG_KIND_SOCKADDR)),
    ap::optional(
        ap::with_help(AFPLUG_MEMBER(sctp_paddrparams, spp_hbinterval, "hbinterval", AFPLUG_KIND_U32), "milliseconds")),
    ap::optional(AFPLUG_MEMBER(sctp_paddrparams, spp_pathmaxrxt, "pathmaxrxt", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(sctp_paddrparams, spp_pathmtu, "pathmtu", AFPLUG_KIND_U32)),
    ap::optional(
        ap::with_help(AFPLUG_MEMBER(sctp_paddrparams, spp_sackdelay, "sackdelay", AFPLUG_KIND_U32), "milliseconds")),
    ap::optional(
        ap::hex(ap::with_values(AFPLUG_MEMBER(sctp_paddrparams, spp_flags, "flags", AFPLUG_KIND_U32), "SPP_"))),
    ap::optional(ap::hex(AFPLUG_MEMBER(sctp_paddrparams, spp_ipv6_flowlabel, "ipv6_flowlabel", AFPLUG_KIND_U32))),
    ap::optional(AFPLUG_MEMBER(sctp_paddrparams, spp_dscp, "dscp", AFPLUG_KIND_U8)),
};
inline constexpr std::array sctp_event_subscribe_members{
    ap::optional(AFPLUG_MEMBER(sctp_event_subscribe, sctp_data_io_event, "data_io", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(sctp_event_subscribe, sctp_association_event, "association", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(sctp_event_subscribe, sctp_address_event, "address", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(sctp_event_subscribe, sctp_send_failure_event, "send_failure", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(sctp_event_subscribe, sctp_peer_error_event, "peer_error", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(sctp_event_subscribe, sctp_shutdown_event, "shutdown", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(sctp_event_subscribe, sctp_partial_delivery_event, "partial_delivery", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(sctp_event_subscribe, sctp_adaptation_layer_event, "adaptation_layer", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(sctp_event_subscribe, sctp_authentication_event, "authentication", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(sctp_event_subscribe, sctp_sender_dry_event, "sender_dry", AFPLUG_KIND_U8)),
};
inline constexpr std::array sctp_event_members{
    ap::optional(AFPLUG_MEMBER(sctp_event, se_assoc_id, "assoc_id", AFPLUG_KIND_I32)),
    ap::hex(AFPLUG_MEMBER(sctp_event, se_type, "type", AFPLUG_KIND_U16)),
    AFPLUG_MEMBER(sctp_event, se_on, "on", AFPLUG_KIND_U8),
};
inline constexpr std::array sctp_status_members{
    AFPLUG_MEMBER(sctp_status, sstat_assoc_id, "assoc_id", AFPLUG_KIND_I32),
    AFPLUG_MEMBER(sctp_status, sstat_state, "state", AFPLUG_KIND_I32),
    AFPLUG_MEMBER(sctp_status, sstat_rwnd, "rwnd", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(sctp_status, sstat_unackdata, "unackdata", AFPLUG_KIND_U16),
    AFPLUG_MEMBER(sctp_status, sstat_penddata, "penddata", AFPLUG_KIND_U16),
    AFPLUG_MEMBER(sctp_status, sstat_instrms, "instrms", AFPLUG_KIND_U16),
    AFPLUG_MEMBER(sctp_status, sstat_outstrms, "outstrms", AFPLUG_KIND_U16),
    AFPLUG_MEMBER(sctp_status, sstat_fragmentation_point, "fragmentation_point", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(sctp_status, sstat_primary.spinfo_assoc_id, "primary_assoc_id", AFPLUG_KIND_I32),
    AFPLUG_MEMBER(sctp_status, sstat_primary.spinfo_address, "primary_address", AFPLUG_KIND_SOCKADDR),
    AFPLUG_MEMBER(sctp_status, sstat_primary.spinfo_state, "primary_state", AFPLUG_KIND_I32),
    AFPLUG_MEMBER(sctp_status, sstat_primary.spinfo_cwnd, "primary_cwnd", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(sctp_status, sstat_primary.spinfo_srtt, "primary_srtt", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(sctp_status, sstat_primary.spinfo_rto, "primary_rto", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(sctp_status, sstat_primary.spinfo_mtu, "primary_mtu", AFPLUG_KIND_U32),
};
inline constexpr std::array sctp_prim_members{
    ap::optional(AFPLUG_MEMBER(sctp_prim, ssp_assoc_id, "assoc_id", AFPLUG_KIND_I32)),
    AFPLUG_MEMBER(sctp_prim, ssp_addr, "address", AFPLUG_KIND_SOCKADDR),
};
inline constexpr std::array sctp_sndinfo_members{
    ap::optional(AFPLUG_MEMBER(sctp_sndinfo, snd_sid, "sid", AFPLUG_KIND_U16)),
    ap::optional(ap::hex(AFPLUG_MEMBER(sctp_sndinfo, snd_flags, "flags", AFPLUG_KIND_U16))),
    ap::optional(ap::with_help(AFPLUG_MEMBER(sctp_sndinfo, snd_ppid, "ppid", AFPLUG_KIND_U32BE),
                               "not converted; network order by convention")),
    ap::optional(AFPLUG_MEMBER(sctp_sndinfo, snd_context, "context", AFPLUG_KIND_U32)),
    ap::optional(AFPLUG_MEMBER(sctp_sndinfo, snd_assoc_id, "assoc_id", AFPLUG_KIND_I32)),
};
inline constexpr std::array sctp_sack_info_members{
    ap::optional(AFPLUG_MEMBER(sctp_sack_info, sack_assoc_id, "assoc_id", AFPLUG_KIND_I32)),
    ap::optional(ap::with_help(AFPLUG_MEMBER(sctp_sack_info, sack_delay, "delay", AFPLUG_KIND_U32), "milliseconds")),
    ap::optional(ap::with_help(AFPLUG_MEMBER(sctp_sack_info, sack_freq, "freq", AFPLUG_KIND_U32),
                               "packets; 1: acknowledge every packet")),
};
inline constexpr std::array sctp_assoc_value_members{
    ap::optional(AFPLUG_MEMBER(sctp_assoc_value, assoc_id, "assoc_id", AFPLUG_KIND_I32)),
    AFPLUG_MEMBER(sctp_assoc_value, assoc_value, "value", AFPLUG_KIND_U32),
};
inline constexpr auto assoc_value = ap::kind::structure<sctp_assoc_value>(sctp_assoc_value_members);

inline constexpr ap::option_group sctp{SOL_SCTP, "sctp"};
inline constexpr std::array sctp_options{
    sctp(AFPLUG_NAMED(SCTP_RTOINFO), ap::kind::structure<sctp_rtoinfo>(sctp_rtoinfo_members), ap::read_write,
         "initial, lowest and highest retransmission timeout"),
    sctp(AFPLUG_NAMED(SCTP_ASSOCINFO), ap::kind::structure<sctp_assocparams>(sctp_assocparams_members), ap::read_write,
         "retransmissions, windows and cookie lifetime of an association"),
    sctp(AFPLUG_NAMED(SCTP_INITMSG), ap::kind::structure<sctp_initmsg>(sctp_initmsg_members), ap::read_write,
         "streams and connection attempts of new associations"),
    sctp(AFPLUG_NAMED(SCTP_NODELAY), ap::kind::flag, ap::read_write, "send small chunks at once (no Nagle algorithm)"),
    sctp(AFPLUG_NAMED(SCTP_AUTOCLOSE), ap::kind::seconds, ap::read_write,
         "close associations that are idle this long; 0: never"),
    sctp(AFPLUG_NAMED(SCTP_PRIMARY_ADDR), ap::kind::structure<sctp_prim>(sctp_prim_members), ap::read_write,
         "the peer's primary address"),
    sctp(AFPLUG_NAMED(SCTP_ADAPTATION_LAYER), ap::kind::u32, ap::read_write,
         "adaptation layer indication of new associations"),
    sctp(AFPLUG_NAMED(SCTP_DISABLE_FRAGMENTS), ap::kind::flag, ap::read_write,
         "EMSGSIZE for messages larger than a packet, instead of fragments"),
    sctp(
        AFPLUG_NAMED(SCTP_PEER_ADDR_PARAMS),
        ap::kind::structure<sctp_paddrparams>(sctp_paddrparams_members, offsetof(sctp_paddrparams, spp_ipv6_flowlabel)),
        ap::read_write, "heartbeat, path MTU and retransmissions of a peer's address"),
    sctp(AFPLUG_NAMED(SCTP_EVENTS), ap::kind::structure<sctp_event_subscribe>(sctp_event_subscribe_members, 1),
         ap::read_write, "notifications that recvmsg returns"),
    sctp(AFPLUG_NAMED(SCTP_EVENT), ap::kind::structure<sctp_event>(sctp_event_members),
         ap::read_with_input | ap::write_only, "enables one notification by its type"),
    sctp(AFPLUG_NAMED(SCTP_I_WANT_MAPPED_V4_ADDR), ap::kind::flag, ap::read_write,
         "IPv4 peers of an IPv6 socket have mapped addresses"),
    sctp(AFPLUG_NAMED(SCTP_MAXSEG), assoc_value, ap::read_write, "largest chunk, in bytes; 0: by the path MTU"),
    sctp(AFPLUG_NAMED(SCTP_STATUS), ap::kind::structure<sctp_status>(sctp_status_members), ap::read_with_input,
         "state of an association and its primary path"),
    sctp(AFPLUG_NAMED(SCTP_DELAYED_SACK), ap::kind::structure<sctp_sack_info>(sctp_sack_info_members), ap::read_write,
         "delay and frequency of acknowledgements"),
    sctp(AFPLUG_NAMED(SCTP_CONTEXT), assoc_value, ap::read_write, "default context of received messages"),
    sctp(AFPLUG_NAMED(SCTP_FRAGMENT_INTERLEAVE), ap::kind::i32, ap::read_write,
         "whether messages of several associations may interleave"),
    sctp(AFPLUG_NAMED(SCTP_PARTIAL_DELIVERY_POINT), ap::kind::u32, ap::read_write,
         "bytes of a message from which partial delivery begins"),
    sctp(AFPLUG_NAMED(SCTP_MAX_BURST), assoc_value, ap::read_write, "packets sent in one burst at most"),
    sctp(AFPLUG_NAMED(SCTP_GET_ASSOC_NUMBER), ap::kind::u32, ap::read_only, "number of associations"),
    sctp(AFPLUG_NAMED(SCTP_AUTO_ASCONF), ap::kind::flag, ap::read_write,
         "inform peers when addresses of this host are added and removed"),
    sctp(AFPLUG_NAMED(SCTP_RECVRCVINFO), ap::kind::flag, ap::read_write,
         "receive struct sctp_rcvinfo as ancillary data"),
    sctp(AFPLUG_NAMED(SCTP_RECVNXTINFO), ap::kind::flag, ap::read_write,
         "receive struct sctp_nxtinfo as ancillary data"),
    sctp(AFPLUG_NAMED(SCTP_DEFAULT_SNDINFO), ap::kind::structure<sctp_sndinfo>(sctp_sndinfo_members), ap::read_write,
         "parameters of sends without ancillary data"),
    sctp(AFPLUG_NAMED(SCTP_REUSE_PORT), ap::kind::flag, ap::read_write, "share a port with other one-to-one sockets"),
    sctp(AFPLUG_NAMED(SCTP_PR_SUPPORTED), assoc_value, ap::read_write, "partial reliability (RFC 3758)"),
    sctp(AFPLUG_NAMED(SCTP_RECONFIG_SUPPORTED), assoc_value, ap::read_write, "stream reconfiguration (RFC 6525)"),
    sctp(AFPLUG_NAMED(SCTP_STREAM_SCHEDULER), assoc_value, ap::read_write,
         "scheduler of outgoing streams: a constant SCTP_SS_*"),
    sctp(AFPLUG_NAMED(SCTP_INTERLEAVING_SUPPORTED), assoc_value, ap::read_write, "message interleaving (RFC 8260)"),
    sctp(AFPLUG_NAMED(SCTP_ASCONF_SUPPORTED), assoc_value, ap::read_write, "address reconfiguration (RFC 5061)"),
    sctp(AFPLUG_NAMED(SCTP_AUTH_SUPPORTED), assoc_value, ap::read_write, "authenticated chunks (RFC 4895)"),
    sctp(AFPLUG_NAMED(SCTP_ECN_SUPPORTED), assoc_value, ap::read_write, "explicit congestion notification"),
};

}  // namespace ip_common
