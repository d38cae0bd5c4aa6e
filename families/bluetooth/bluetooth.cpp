// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family bluetooth. Needs no headers of BlueZ: the numbers are from include/net/bluetooth/*.h of the kernel.
#include "codec.hpp"
#include "constants.hpp"

#include <filesystem>

namespace {
namespace ap = afplug::plugin;
namespace bt = afplug::bluetooth;

constexpr std::array security_members{
    ap::with_values(AFPLUG_MEMBER(bt::security, level, "level", AFPLUG_KIND_U8), "BT_SECURITY_"),
    ap::optional(AFPLUG_MEMBER(bt::security, key_size, "key_size", AFPLUG_KIND_U8)),
};
constexpr std::array power_members{ap::member("force_active", AFPLUG_KIND_U8, 0, 1)};
constexpr std::array voice_members{
    ap::hex(ap::with_values(ap::member("setting", AFPLUG_KIND_U16, 0, 2), "BT_VOICE_")),
};
constexpr std::array l2cap_members{
    AFPLUG_MEMBER(bt::l2cap_options, omtu, "omtu", AFPLUG_KIND_U16),
    AFPLUG_MEMBER(bt::l2cap_options, imtu, "imtu", AFPLUG_KIND_U16),
    ap::optional(AFPLUG_MEMBER(bt::l2cap_options, flush_to, "flush_to", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(bt::l2cap_options, mode, "mode", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::l2cap_options, fcs, "fcs", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::l2cap_options, max_tx, "max_tx", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::l2cap_options, txwin_size, "txwin_size", AFPLUG_KIND_U16)),
};
constexpr std::array conninfo_members{
    AFPLUG_MEMBER(bt::conninfo, hci_handle, "hci_handle", AFPLUG_KIND_U16),
    AFPLUG_MEMBER(bt::conninfo, dev_class, "dev_class", AFPLUG_KIND_BYTES),
};
constexpr std::array iso_members{
    AFPLUG_MEMBER(bt::iso_qos, group, "group", AFPLUG_KIND_U8),
    AFPLUG_MEMBER(bt::iso_qos, stream, "stream", AFPLUG_KIND_U8),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, sca, "sca", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, packing, "packing", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, framing, "framing", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, in.interval, "in_interval", AFPLUG_KIND_U32)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, in.latency, "in_latency", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, in.sdu, "in_sdu", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, in.phy, "in_phy", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, in.rtn, "in_rtn", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, out.interval, "out_interval", AFPLUG_KIND_U32)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, out.latency, "out_latency", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, out.sdu, "out_sdu", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, out.phy, "out_phy", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, out.rtn, "out_rtn", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, encryption, "encryption", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, code, "code", AFPLUG_KIND_BYTES)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, options, "options", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, skip, "skip", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, sync_timeout, "sync_timeout", AFPLUG_KIND_U16)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, sync_cte_type, "sync_cte_type", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, mse, "mse", AFPLUG_KIND_U8)),
    ap::optional(AFPLUG_MEMBER(bt::iso_qos, timeout, "timeout", AFPLUG_KIND_U16)),
};
constexpr std::array sco_members{ap::member("mtu", AFPLUG_KIND_U16, 0, 2)};
constexpr std::array filter_members{
    ap::hex(ap::member("type_mask", AFPLUG_KIND_U32, 0, 4)),
    ap::hex(ap::member("event_mask_low", AFPLUG_KIND_U32, 4, 4)),
    ap::hex(ap::member("event_mask_high", AFPLUG_KIND_U32, 8, 4)),
    ap::optional(ap::hex(ap::member("opcode", AFPLUG_KIND_U16, 12, 2))),
};
struct two_bytes {
  std::uint8_t bytes[2];
};
struct one_byte {
  std::uint8_t byte;
};
constexpr auto conninfo = ap::kind::structure<bt::conninfo>(conninfo_members, 5);

constexpr ap::option_group common{bt::sol_bluetooth, "bt"}, l2cap{bt::sol_l2cap, "l2cap"},
    rfcomm{bt::sol_rfcomm, "rfcomm"}, sco{bt::sol_sco, "sco"}, hci{bt::sol_hci, "hci"};
constexpr std::array options{
    common("BT_SECURITY", 4, ap::kind::structure<bt::security>(security_members), ap::read_write,
           "security level of connections"),
    common("BT_DEFER_SETUP", 7, ap::kind::u32, ap::read_write, "an accepted connection is completed by the first read"),
    common("BT_FLUSHABLE", 8, ap::kind::u32.with_values("BT_FLUSHABLE_"), ap::read_write, "packets may be flushed"),
    common("BT_POWER", 9, ap::kind::structure<one_byte>(power_members), ap::read_write,
           "leave sniff mode before sending (force_active)"),
    common("BT_CHANNEL_POLICY", 10, ap::kind::u32.with_values("BT_CHANNEL_POLICY_"), ap::read_write,
           "which controllers a channel may use"),
    common("BT_VOICE", 11, ap::kind::structure<two_bytes>(voice_members), ap::read_write, "voice setting of SCO links"),
    common("BT_SNDMTU", 12, ap::kind::u16, ap::read_write, "largest packet that can be sent, bytes"),
    common("BT_RCVMTU", 13, ap::kind::u16, ap::read_write, "largest packet that can be received, bytes"),
    common("BT_PHY", 14, ap::kind::u32.with_values("BT_PHY_"), ap::read_only, "radio modes in use"),
    common("BT_MODE", 15, ap::kind::u8.with_values("BT_MODE_"), ap::read_write, "mode of an L2CAP channel"),
    common("BT_PKT_STATUS", 16, ap::kind::u32, ap::read_write, "receive the status of SCO packets as ancillary data"),
    common("BT_ISO_QOS", 17, ap::kind::structure<bt::iso_qos>(iso_members, 32), ap::read_write,
           "quality of service of isochronous streams: intervals in µs, latencies in ms; 255: chosen by the kernel"),
    common("BT_CODEC", 19, ap::kind::bytes(0, 256), ap::read_write, "codec of SCO links"),
    common("BT_ISO_BASE", 20, ap::kind::bytes(0, 248), ap::read_write,
           "announcement of the streams of a broadcast (BASE); since Linux 6.0"),
    l2cap("L2CAP_OPTIONS", 1, ap::kind::structure<bt::l2cap_options>(l2cap_members), ap::read_write,
          "MTUs, mode and window of a BR/EDR channel"),
    l2cap("L2CAP_CONNINFO", 2, conninfo, ap::read_only, "HCI handle and device class of the peer"),
    l2cap("L2CAP_LM", 3, ap::kind::u32.with_values("L2CAP_LM_"), ap::read_write, "link mode"),
    rfcomm("RFCOMM_CONNINFO", 2, conninfo, ap::read_only, "HCI handle and device class of the peer"),
    rfcomm("RFCOMM_LM", 3, ap::kind::u32.with_values("RFCOMM_LM_"), ap::read_write, "link mode"),
    sco("SCO_OPTIONS", 1, ap::kind::structure<two_bytes>(sco_members), ap::read_only, "MTU of the link"),
    sco("SCO_CONNINFO", 2, conninfo, ap::read_only, "HCI handle and device class of the peer"),
    hci("HCI_DATA_DIR", 1, ap::kind::flag, ap::read_write, "receive the direction of packets as ancillary data"),
    hci("HCI_FILTER", 2, ap::kind::structure<bt::hci_filter_value>(filter_members, 14), ap::read_write,
        "filter for packet types and events received"),
    hci("HCI_TIME_STAMP", 3, ap::kind::flag, ap::read_write, "receive time stamps of packets as ancillary data"),
};

constexpr auto packet_flags = AFPLUG_ROW_CONNECTION | AFPLUG_ROW_MESSAGE;
constexpr auto stream_flags = AFPLUG_ROW_CONNECTION | AFPLUG_ROW_STREAM;
constexpr ap::requirements bredr_needs{.module = "bluetooth", .config = "CONFIG_BT_BREDR"};
constexpr ap::requirements rfcomm_needs{.module = "rfcomm", .config = "CONFIG_BT_RFCOMM"};
constexpr ap::requirements raw_needs{.module = "bluetooth", .config = "CONFIG_BT", .capability = "CAP_NET_RAW"};
constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), "BTPROTO_L2CAP", bt::btproto_l2cap, packet_flags | AFPLUG_ROW_DEFAULT,
            "bt l2cap", bredr_needs, "connections that keep packet boundaries, BR/EDR and LE"),
    ap::row(AFPLUG_NAMED(SOCK_STREAM), "BTPROTO_L2CAP", bt::btproto_l2cap, stream_flags | AFPLUG_ROW_DEFAULT,
            "bt l2cap", bredr_needs, "connections, byte streams"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), "BTPROTO_L2CAP", bt::btproto_l2cap, AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT,
            "bt l2cap", bredr_needs, "connectionless channel, datagrams"),
    ap::row(AFPLUG_NAMED(SOCK_RAW), "BTPROTO_L2CAP", bt::btproto_l2cap, AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT,
            "bt l2cap", raw_needs, "L2CAP signalling"),
    ap::row(AFPLUG_NAMED(SOCK_RAW), "BTPROTO_HCI", bt::btproto_hci, AFPLUG_ROW_MESSAGE, "bt hci",
            {.module = "bluetooth", .config = "CONFIG_BT"},
            "commands and events of an adapter; user, control and monitor channels"),
    ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), "BTPROTO_SCO", bt::btproto_sco, packet_flags, "bt sco", bredr_needs,
            "voice links"),
    ap::row(AFPLUG_NAMED(SOCK_STREAM), "BTPROTO_RFCOMM", bt::btproto_rfcomm, stream_flags, "bt rfcomm", rfcomm_needs,
            "serial port emulation, byte streams"),
    ap::row(AFPLUG_NAMED(SOCK_RAW), "BTPROTO_RFCOMM", bt::btproto_rfcomm, AFPLUG_ROW_MESSAGE, "bt rfcomm", rfcomm_needs,
            "control of RFCOMM devices"),
    ap::row(AFPLUG_NAMED(SOCK_RAW), "BTPROTO_BNEP", bt::btproto_bnep, AFPLUG_ROW_MESSAGE, "",
            {.module = "bnep", .config = "CONFIG_BT_BNEP"}, "control of network devices"),
    ap::row(AFPLUG_NAMED(SOCK_RAW), "BTPROTO_HIDP", bt::btproto_hidp, AFPLUG_ROW_MESSAGE, "",
            {.module = "hidp", .config = "CONFIG_BT_HIDP"}, "control of input devices"),
    ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), "BTPROTO_ISO", bt::btproto_iso, packet_flags, "bt",
            {.module = "bluetooth", .config = "CONFIG_BT_LE"}, "isochronous streams of LE Audio; since Linux 6.0"),
    ap::pass_through("bt l2cap rfcomm sco hci"),
};

// A socket opens without an adapter: reports the adapters. The monitor and control channels of HCI need none.
std::int32_t check(const afplug_identity* who, std::uint32_t, afplug_verdict* verdict) {
  if (who->protocol == bt::btproto_iso && verdict->error == EPROTONOSUPPORT)
    ap::set_verdict(
        *verdict, AFPLUG_UNAVAILABLE, "kernel-lacks-protocol",
        "isochronous sockets are an experimental feature (since Linux 6.0), which is not enabled",
        "set KernelExperimental = 6fbaf188-05e0-496a-9885-d6ddfdb4e03e in /etc/bluetooth/main.conf, then `systemctl "
        "restart bluetooth`");
  if (verdict->state != AFPLUG_AVAILABLE) return 0;
  std::string found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/bluetooth", ignored))
    if (const auto name = entry.path().filename().string(); name.find(':') == name.npos)
      (found += found.empty() ? "" : ", ") += name;
  if (!found.empty())
    ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "", ap::concat("adapters: ", found), "");
  else
    ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "no-device",
                    who->protocol == bt::btproto_hci
                        ? "the socket opens; there is no Bluetooth adapter, so only the control and monitor "
                          "channels work"
                        : "the socket opens, but there is no Bluetooth adapter",
                    "connect an adapter, or check `dmesg` and `rfkill list`");
  return 0;
}

constexpr std::array families{ap::kernel_family({
    .id = "bluetooth",
    .name = "AF_BLUETOOTH",
    .number = AF_BLUETOOTH,
    .help = "Bluetooth",
    .requirements = {.module = "bluetooth", .config = "CONFIG_BT"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(bluetooth::constants),
    .codec = &ap::codec_of<bluetooth::codec>,
    .check = ap::slot<&check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
