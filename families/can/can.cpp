// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family can: SocketCAN, and the transport protocols that the kernel has on it.
#include "codec.hpp"
#include "constants.hpp"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>

namespace {
namespace ap = afplug::plugin;

constexpr std::array filter_members{
    ap::hex(AFPLUG_MEMBER(can_filter, can_id, "id", AFPLUG_KIND_U32)),
    ap::hex(AFPLUG_MEMBER(can_filter, can_mask, "mask", AFPLUG_KIND_U32)),
};
/// struct can_raw_vcid_options of <linux/can/raw.h>, since Linux 6.9.
struct vcid_options {
  std::uint8_t flags, tx_vcid, rx_vcid, rx_vcid_mask;
};
constexpr std::array vcid_members{
    ap::hex(ap::with_values(AFPLUG_MEMBER(vcid_options, flags, "flags", AFPLUG_KIND_U8), "CAN_RAW_XL_VCID_")),
    ap::optional(ap::hex(AFPLUG_MEMBER(vcid_options, tx_vcid, "tx_vcid", AFPLUG_KIND_U8))),
    ap::optional(ap::hex(AFPLUG_MEMBER(vcid_options, rx_vcid, "rx_vcid", AFPLUG_KIND_U8))),
    ap::optional(ap::hex(AFPLUG_MEMBER(vcid_options, rx_vcid_mask, "rx_vcid_mask", AFPLUG_KIND_U8))),
};
constexpr ap::option_group raw{SOL_CAN_RAW, "raw"};
constexpr std::array raw_options{
    raw(AFPLUG_NAMED(CAN_RAW_FILTER), ap::kind::array_of<can_filter>(filter_members, CAN_RAW_FILTER_MAX),
        ap::read_write, "receive frames that match one of these filters; an empty list: none"),
    raw(AFPLUG_NAMED(CAN_RAW_ERR_FILTER), ap::kind::u32.with_values("CAN_ERR_"), ap::read_write,
        "classes of error frames to receive"),
    raw(AFPLUG_NAMED(CAN_RAW_LOOPBACK), ap::kind::flag, ap::read_write,
        "other sockets of this host receive what is sent; on by default"),
    raw(AFPLUG_NAMED(CAN_RAW_RECV_OWN_MSGS), ap::kind::flag, ap::read_write, "this socket receives what it sends"),
    raw(AFPLUG_NAMED(CAN_RAW_FD_FRAMES), ap::kind::flag, ap::read_write,
        "send and receive CAN FD frames, up to 64 bytes"),
    raw(AFPLUG_NAMED(CAN_RAW_JOIN_FILTERS), ap::kind::flag, ap::read_write,
        "frames must match all filters instead of one"),
    raw(AFPLUG_NAMED(CAN_RAW_XL_FRAMES), ap::kind::flag, ap::read_write,
        "send and receive CAN XL frames, up to 2048 bytes"),
    raw(AFPLUG_NAMED(CAN_RAW_XL_VCID_OPTS), ap::kind::structure<vcid_options>(vcid_members), ap::read_write,
        "virtual CAN network id of XL frames: CAN_RAW_XL_VCID_TX_SET, _TX_PASS, _RX_FILTER"),
};

constexpr std::array isotp_members{
    ap::hex(ap::with_values(AFPLUG_MEMBER(can_isotp_options, flags, "flags", AFPLUG_KIND_U32), "CAN_ISOTP_")),
    ap::optional(AFPLUG_MEMBER(can_isotp_options, frame_txtime, "frame_txtime", AFPLUG_KIND_U32)),
    ap::optional(ap::hex(AFPLUG_MEMBER(can_isotp_options, ext_address, "ext_address", AFPLUG_KIND_U8))),
    ap::optional(ap::hex(AFPLUG_MEMBER(can_isotp_options, txpad_content, "txpad_content", AFPLUG_KIND_U8))),
    ap::optional(ap::hex(AFPLUG_MEMBER(can_isotp_options, rxpad_content, "rxpad_content", AFPLUG_KIND_U8))),
    ap::optional(ap::hex(AFPLUG_MEMBER(can_isotp_options, rx_ext_address, "rx_ext_address", AFPLUG_KIND_U8))),
};
constexpr std::array flow_members{
    AFPLUG_MEMBER(can_isotp_fc_options, bs, "bs", AFPLUG_KIND_U8),
    AFPLUG_MEMBER(can_isotp_fc_options, stmin, "stmin", AFPLUG_KIND_U8),
    AFPLUG_MEMBER(can_isotp_fc_options, wftmax, "wftmax", AFPLUG_KIND_U8),
};
constexpr std::array link_members{
    AFPLUG_MEMBER(can_isotp_ll_options, mtu, "mtu", AFPLUG_KIND_U8),
    AFPLUG_MEMBER(can_isotp_ll_options, tx_dl, "tx_dl", AFPLUG_KIND_U8),
    ap::hex(AFPLUG_MEMBER(can_isotp_ll_options, tx_flags, "tx_flags", AFPLUG_KIND_U8)),
};
constexpr ap::option_group isotp{SOL_CAN_ISOTP, "isotp"};
constexpr std::array isotp_options{
    isotp(AFPLUG_NAMED(CAN_ISOTP_OPTS), ap::kind::structure<can_isotp_options>(isotp_members), ap::read_write,
          "flags, frame time in ns, extended addresses, padding; before bind"),
    isotp(AFPLUG_NAMED(CAN_ISOTP_RECV_FC), ap::kind::structure<can_isotp_fc_options>(flow_members), ap::read_write,
          "flow control sent: block size, separation time, wait frames; before bind"),
    isotp(AFPLUG_NAMED(CAN_ISOTP_TX_STMIN), ap::kind::u32, ap::read_write,
          "smallest gap between frames sent, ns; needs CAN_ISOTP_FORCE_TXSTMIN"),
    isotp(AFPLUG_NAMED(CAN_ISOTP_RX_STMIN), ap::kind::u32, ap::read_write,
          "ignore frames that arrive with a smaller gap, ns; needs CAN_ISOTP_FORCE_RXSTMIN"),
    isotp(AFPLUG_NAMED(CAN_ISOTP_LL_OPTS), ap::kind::structure<can_isotp_ll_options>(link_members), ap::read_write,
          "link layer: frame size 16 or 72 bytes (CAN FD), payload length, flags; before bind"),
};

constexpr std::array j1939_members{
    ap::optional(ap::hex(AFPLUG_MEMBER(j1939_filter, name, "name", AFPLUG_KIND_U64))),
    ap::optional(ap::hex(AFPLUG_MEMBER(j1939_filter, name_mask, "name_mask", AFPLUG_KIND_U64))),
    ap::optional(ap::hex(AFPLUG_MEMBER(j1939_filter, pgn, "pgn", AFPLUG_KIND_U32))),
    ap::optional(ap::hex(AFPLUG_MEMBER(j1939_filter, pgn_mask, "pgn_mask", AFPLUG_KIND_U32))),
    ap::optional(ap::hex(AFPLUG_MEMBER(j1939_filter, addr, "addr", AFPLUG_KIND_U8))),
    ap::optional(ap::hex(AFPLUG_MEMBER(j1939_filter, addr_mask, "addr_mask", AFPLUG_KIND_U8))),
};
constexpr ap::option_group j1939{SOL_CAN_J1939, "j1939"};
constexpr std::array j1939_options{
    j1939(AFPLUG_NAMED(SO_J1939_FILTER), ap::kind::array_of<j1939_filter>(j1939_members, J1939_FILTER_MAX),
          ap::write_only, "receive messages that match one of these filters"),
    j1939(AFPLUG_NAMED(SO_J1939_PROMISC), ap::kind::flag, ap::read_write, "receive messages for other addresses too"),
    j1939(AFPLUG_NAMED(SO_J1939_SEND_PRIO), ap::kind::i32, ap::read_write,
          "priority of messages sent, 0 (highest) to 7"),
    j1939(AFPLUG_NAMED(SO_J1939_ERRQUEUE), ap::kind::flag, ap::read_write,
          "report on the error queue whether messages were sent"),
};
constexpr auto options = ap::join(raw_options, isotp_options, j1939_options);

constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(CAN_RAW), AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT, "raw",
            {.module = "can_raw", .config = "CONFIG_CAN_RAW"}, "frames: classic, FD, XL"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), AFPLUG_NAMED(CAN_BCM), AFPLUG_ROW_MESSAGE, "",
            {.module = "can_bcm", .config = "CONFIG_CAN_BCM"}, "broadcast manager: cyclic sending, content filters"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), AFPLUG_NAMED(CAN_ISOTP), AFPLUG_ROW_MESSAGE, "isotp",
            {.module = "can_isotp", .config = "CONFIG_CAN_ISOTP"},
            "ISO 15765-2: messages of one or more frames between two identifiers"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), AFPLUG_NAMED(CAN_J1939), AFPLUG_ROW_MESSAGE, "j1939",
            {.module = "can_j1939", .config = "CONFIG_CAN_J1939"},
            "SAE J1939: addressed messages between control units"),
    ap::pass_through("raw isotp j1939"),
};

// The CAN interfaces of this network namespace. Not from /sys/class/net, which may have been mounted in another one.
std::string can_interfaces() {
  std::string found;
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);  // for the ioctl, netdevice(7); any family works
  struct if_nameindex* all = ::if_nameindex();
  for (const auto* i = all; fd >= 0 && i && i->if_index != 0; ++i) {
    ifreq request{};
    std::strncpy(request.ifr_name, i->if_name, sizeof request.ifr_name - 1);
    if (::ioctl(fd, SIOCGIFHWADDR, &request) == 0 && request.ifr_hwaddr.sa_family == ARPHRD_CAN)
      (found += found.empty() ? "" : ", ") += i->if_name;
  }
  if (all) ::if_freenameindex(all);
  if (fd >= 0) ::close(fd);
  return found;
}

// A socket opens without an interface: reports the CAN interfaces.
std::int32_t check(const afplug_identity*, std::uint32_t, afplug_verdict* verdict) {
  if (verdict->state != AFPLUG_AVAILABLE) return 0;
  const std::string found = can_interfaces();
  if (found.empty())
    ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "no-device", "the socket opens, but there is no CAN interface",
                    "ip link add vcan0 type vcan && ip link set vcan0 up");
  else
    ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "", ap::concat("interfaces: ", found), "");
  return 0;
}

constexpr std::array families{ap::kernel_family({
    .id = "can",
    .name = "AF_CAN",
    .number = AF_CAN,
    .help = "Controller Area Network",
    .requirements = {.module = "can", .config = "CONFIG_CAN"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(can::constants),
    .codec = &ap::codec_of<can::codec>,
    .check = ap::slot<&check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
