// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family packet: frames of network interfaces. packet(7), Documentation/networking/packet_mmap.rst.
#include "codec.hpp"
#include "constants.hpp"
#include "ring.hpp"

#include <bit>

namespace {
namespace ap = afplug::plugin;

constexpr std::array membership_members{
    AFPLUG_MEMBER(packet_mreq, mr_ifindex, "ifindex", AFPLUG_KIND_IFINDEX),
    ap::with_values(AFPLUG_MEMBER(packet_mreq, mr_type, "type", AFPLUG_KIND_U16), "PACKET_MR_"),
    ap::optional(AFPLUG_MEMBER(packet_mreq, mr_alen, "alen", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(packet_mreq, mr_address, "address", AFPLUG_KIND_MAC)),
};
constexpr std::array statistics_members{
    AFPLUG_MEMBER(tpacket_stats_v3, tp_packets, "packets", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(tpacket_stats_v3, tp_drops, "drops", AFPLUG_KIND_U32),
    ap::optional(AFPLUG_MEMBER(tpacket_stats_v3, tp_freeze_q_cnt, "freezes", AFPLUG_KIND_U32)),
};
constexpr std::array rollover_members{
    AFPLUG_MEMBER(tpacket_rollover_stats, tp_all, "all", AFPLUG_KIND_U64),
    AFPLUG_MEMBER(tpacket_rollover_stats, tp_huge, "huge", AFPLUG_KIND_U64),
    AFPLUG_MEMBER(tpacket_rollover_stats, tp_failed, "failed", AFPLUG_KIND_U64),
};
constexpr std::array ring_members{
    AFPLUG_MEMBER(tpacket_req3, tp_block_size, "block_size", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(tpacket_req3, tp_block_nr, "block_nr", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(tpacket_req3, tp_frame_size, "frame_size", AFPLUG_KIND_U32),
    AFPLUG_MEMBER(tpacket_req3, tp_frame_nr, "frame_nr", AFPLUG_KIND_U32),
    ap::optional(AFPLUG_MEMBER(tpacket_req3, tp_retire_blk_tov, "retire_blk_tov", AFPLUG_KIND_U32)),
    ap::optional(AFPLUG_MEMBER(tpacket_req3, tp_sizeof_priv, "sizeof_priv", AFPLUG_KIND_U32)),
    ap::optional(AFPLUG_MEMBER(tpacket_req3, tp_feature_req_word, "feature_req_word", AFPLUG_KIND_U32)),
};
constexpr std::array fanout_members{
    AFPLUG_MEMBER(fanout_args, id, "id", AFPLUG_KIND_U16),
    ap::with_values(AFPLUG_MEMBER(fanout_args, type_flags, "type_flags", AFPLUG_KIND_U16), "PACKET_FANOUT_"),
    ap::optional(AFPLUG_MEMBER(fanout_args, max_num_members, "max_num_members", AFPLUG_KIND_U32)),
};
constexpr auto membership = ap::kind::structure<packet_mreq>(membership_members);
constexpr auto ring = ap::kind::structure<tpacket_req3>(ring_members, sizeof(tpacket_req));

// Whether `text` is "none" or a program in the form of tcpdump -ddd, "4,40 0 0 12,…": the host handles both.
bool is_program(std::string_view text) {
  const auto end = text.find_first_not_of("0123456789");
  return text == "none" || (end != 0 && end != text.npos && (text[end] == ',' || text[end] == '\n'));
}
std::int32_t get_filter(std::int64_t, const afplug_identity&, afplug_text*) { return AFPLUG_PASS; }
std::int32_t set_filter(std::int64_t handle, const afplug_identity&, std::string_view text) {
  if (is_program(text)) return AFPLUG_PASS;
  const int fd = static_cast<int>(handle);
  auto program = afplug::packet::compile(text, afplug::packet::link_type_of(fd));
  const sock_fprog value{static_cast<unsigned short>(program.size()), program.data()};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &value, sizeof value) == 0 ? 0 : -errno;
}

constexpr ap::option_group packet_level{SOL_PACKET, nullptr}, socket_level{SOL_SOCKET, nullptr};
constexpr std::array packet_options{
    packet_level(AFPLUG_NAMED(PACKET_ADD_MEMBERSHIP), membership, ap::write_only,
                 "receive promiscuously, all multicasts, or one multicast or unicast address of an interface"),
    packet_level(AFPLUG_NAMED(PACKET_DROP_MEMBERSHIP), membership, ap::write_only, "remove a membership"),
    packet_level(AFPLUG_NAMED(PACKET_RX_RING), ring, ap::write_only, "set up a receive ring shared with the kernel"),
    packet_level(AFPLUG_NAMED(PACKET_TX_RING), ring, ap::write_only, "set up a transmit ring shared with the kernel"),
    packet_level(AFPLUG_NAMED(PACKET_STATISTICS),
                 ap::kind::structure<tpacket_stats_v3>(statistics_members, sizeof(tpacket_stats)), ap::read_only,
                 "packets and drops since the last read of this option"),
    packet_level(AFPLUG_NAMED(PACKET_COPY_THRESH), ap::kind::i32, ap::write_only,
                 "not 0: packets that were cut to fit the ring are also queued whole"),
    packet_level(AFPLUG_NAMED(PACKET_AUXDATA), ap::kind::flag, ap::read_write,
                 "receive struct tpacket_auxdata (VLAN tag, lengths) as ancillary data"),
    packet_level(AFPLUG_NAMED(PACKET_ORIGDEV), ap::kind::flag, ap::read_write,
                 "addresses name the interface that received the packet, not the bond or team"),
    packet_level(AFPLUG_NAMED(PACKET_VERSION), ap::kind::i32.with_values("TPACKET_V"), ap::read_write,
                 "layout of the rings: TPACKET_V1, TPACKET_V2, TPACKET_V3"),
    packet_level(AFPLUG_NAMED(PACKET_HDRLEN), ap::kind::i32, ap::read_with_input,
                 "size of the frame header of a ring version"),
    packet_level(AFPLUG_NAMED(PACKET_RESERVE), ap::kind::u32, ap::read_write,
                 "bytes reserved before each frame in the ring"),
    packet_level(AFPLUG_NAMED(PACKET_LOSS), ap::kind::flag, ap::read_write,
                 "skip malformed frames of the transmit ring instead of stopping"),
    packet_level(AFPLUG_NAMED(PACKET_VNET_HDR), ap::kind::flag, ap::read_write,
                 "packets begin with a struct virtio_net_hdr; SOCK_RAW only"),
    packet_level(AFPLUG_NAMED(PACKET_VNET_HDR_SZ), ap::kind::i32, ap::read_write,
                 "size of the virtio_net header: 0, 10 or 12 bytes"),
    packet_level(AFPLUG_NAMED(PACKET_TX_TIMESTAMP), ap::kind::flag, ap::write_only, "time stamps in the transmit ring"),
    packet_level(AFPLUG_NAMED(PACKET_TIMESTAMP), ap::kind::i32, ap::read_write,
                 "source of the time stamps in rings: SOF_TIMESTAMPING_RAW_HARDWARE and others"),
    packet_level(AFPLUG_NAMED(PACKET_FANOUT), ap::kind::structure<fanout_args>(fanout_members, 4), ap::read_write,
                 "join a group of sockets among which packets are distributed"),
    packet_level(AFPLUG_NAMED(PACKET_TX_HAS_OFF), ap::kind::flag, ap::read_write,
                 "frames of the transmit ring have a data offset"),
    packet_level(AFPLUG_NAMED(PACKET_QDISC_BYPASS), ap::kind::flag, ap::read_write, "bypass the queueing discipline"),
    packet_level(AFPLUG_NAMED(PACKET_ROLLOVER_STATS), ap::kind::structure<tpacket_rollover_stats>(rollover_members),
                 ap::read_only, "counters of PACKET_FANOUT_ROLLOVER"),
    packet_level(AFPLUG_NAMED(PACKET_FANOUT_DATA), ap::kind::bytes(4, 4096), ap::write_only,
                 "BPF program of a PACKET_FANOUT_CBPF or _EBPF group"),
    packet_level(AFPLUG_NAMED(PACKET_IGNORE_OUTGOING), ap::kind::flag, ap::read_write,
                 "do not receive packets that this host sends"),
};
constexpr auto options =
    ap::join(packet_options, std::array{ap::with_functions<&get_filter, &set_filter>(socket_level(
                                 AFPLUG_NAMED(SO_ATTACH_FILTER), ap::kind::call, ap::read_write,
                                 "a pcap-filter(7) expression (\"tcp port 80\"), a classic BPF program, or none"))});

// AF_PACKET takes the protocol of socket(2) in network byte order: htons(ETH_P_ALL).
constexpr int to_network(int ethertype) {
  if (std::endian::native == std::endian::big) return ethertype;
  return ((ethertype & 0xff) << 8) | (ethertype >> 8);
}

constexpr ap::requirements needs{.module = "af_packet", .config = "CONFIG_PACKET", .capability = "CAP_NET_RAW"};

constexpr auto rows_for(const char* type_name, int socket_type, const char* what) {
  constexpr auto flags = AFPLUG_ROW_MESSAGE;
  return std::array{
      ap::row(type_name, socket_type, nullptr, 0, flags | AFPLUG_ROW_DEFAULT, "", needs, what),
      ap::row(type_name, socket_type, "ETH_P_ALL", to_network(ETH_P_ALL), flags, "", needs, "frames of every protocol"),
      ap::row(type_name, socket_type, "ETH_P_IP", to_network(ETH_P_IP), flags, "", needs, "IP version 4"),
      ap::row(type_name, socket_type, "ETH_P_IPV6", to_network(ETH_P_IPV6), flags, "", needs, "IP version 6"),
      ap::row(type_name, socket_type, "ETH_P_ARP", to_network(ETH_P_ARP), flags, "", needs, "ARP"),
      ap::row(type_name, socket_type, "ETH_P_8021Q", to_network(ETH_P_8021Q), flags, "", needs,
              "frames with a VLAN tag"),
      ap::row(type_name, socket_type, nullptr, AFPLUG_ANY, flags | AFPLUG_ROW_HIDDEN, "", needs, "any other EtherType"),
  };
}
constexpr auto rows =
    ap::join(rows_for(AFPLUG_NAMED(SOCK_RAW),
                      "frames with their link header; receives nothing before it is bound to a protocol"),
             rows_for(AFPLUG_NAMED(SOCK_DGRAM),
                      "frames without their link header; receives nothing before it is bound to a protocol"),
             std::array{ap::pass_through("")});

constexpr std::array families{ap::kernel_family({
    .id = "packet",
    .name = "AF_PACKET",
    .number = AF_PACKET,
    .help = "frames of network interfaces (link layer)",
    .requirements = {.module = "af_packet", .config = "CONFIG_PACKET"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(packet::constants),
    .codec = &ap::codec_of<packet::codec>,
    .extension = &packet::extension,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
