// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family netlink: messages between the kernel and programs, netlink(7). An example of a plugin that uses only the
// SDK.
//
// <afplug/netlink.hpp> describes the text of addresses.
#include <sys/socket.h>
#include <afplug/netlink.hpp>
#include <afplug/plugin.hpp>

#include <linux/netlink.h>

#include "constants.hpp"

namespace {
namespace ap = afplug::plugin;

struct protocol {
  const char* name;
  int number;
  ap::requirements need;
  const char* help;
};
constexpr std::array protocols{
    protocol{AFPLUG_NAMED(NETLINK_ROUTE), {}, "links, addresses, routes, neighbours, rules: rtnetlink(7)"},
    protocol{AFPLUG_NAMED(NETLINK_USERSOCK), {}, "messages between programs"},
    protocol{AFPLUG_NAMED(NETLINK_SOCK_DIAG), {}, "sockets of this host: sock_diag(7)"},
    protocol{AFPLUG_NAMED(NETLINK_XFRM), {"xfrm_user", "CONFIG_XFRM_USER"}, "IPsec policies and associations"},
    protocol{AFPLUG_NAMED(NETLINK_SELINUX), {nullptr, "CONFIG_SECURITY_SELINUX"}, "SELinux events"},
    protocol{AFPLUG_NAMED(NETLINK_ISCSI), {"scsi_transport_iscsi", "CONFIG_SCSI_ISCSI_ATTRS"}, "Open-iSCSI"},
    protocol{AFPLUG_NAMED(NETLINK_AUDIT), {nullptr, "CONFIG_AUDIT"}, "the audit system"},
    protocol{AFPLUG_NAMED(NETLINK_FIB_LOOKUP), {}, "lookups in the routing tables"},
    protocol{AFPLUG_NAMED(NETLINK_CONNECTOR), {"cn", "CONFIG_CONNECTOR"}, "the kernel connector: process events"},
    protocol{AFPLUG_NAMED(NETLINK_NETFILTER), {"nfnetlink", "CONFIG_NETFILTER_NETLINK"}, "the packet filter"},
    protocol{AFPLUG_NAMED(NETLINK_KOBJECT_UEVENT), {}, "kernel events of devices, uevents"},
    protocol{AFPLUG_NAMED(NETLINK_GENERIC), {}, "generic netlink: families by name"},
    protocol{AFPLUG_NAMED(NETLINK_SCSITRANSPORT), {"scsi_mod", "CONFIG_SCSI_NETLINK"}, "SCSI transports"},
    protocol{AFPLUG_NAMED(NETLINK_RDMA), {"ib_core", "CONFIG_INFINIBAND"}, "remote direct memory access"},
    protocol{AFPLUG_NAMED(NETLINK_CRYPTO), {"crypto_user", "CONFIG_CRYPTO_USER"}, "the kernel crypto API"},
};

/// Each protocol has a row for SOCK_RAW and one for SOCK_DGRAM, which netlink does not distinguish.
constexpr auto rows = [] {
  std::array<afplug_row, 2 * protocols.size() + 1> made{};
  std::size_t at = 0;
  for (const auto& [name, number, need, help] : protocols) {
    made[at++] = ap::row(AFPLUG_NAMED(SOCK_RAW), name, number, AFPLUG_ROW_MESSAGE, "", need, help);
    made[at++] = ap::row(AFPLUG_NAMED(SOCK_DGRAM), name, number, AFPLUG_ROW_MESSAGE, "", need, help);
  }
  made[at] = ap::pass_through("");
  return made;
}();

constexpr ap::option_group netlink{SOL_NETLINK, nullptr};
constexpr std::array options{
    netlink(AFPLUG_NAMED(NETLINK_ADD_MEMBERSHIP), ap::kind::i32, ap::write_only, "join a group, by its number"),
    netlink(AFPLUG_NAMED(NETLINK_DROP_MEMBERSHIP), ap::kind::i32, ap::write_only, "leave a group, by its number"),
    netlink(AFPLUG_NAMED(NETLINK_PKTINFO), ap::kind::flag, ap::read_write,
            "receive the group of messages as ancillary data"),
    netlink(AFPLUG_NAMED(NETLINK_BROADCAST_ERROR), ap::kind::flag, ap::read_write,
            "broadcasts that could not be delivered fail for the sender"),
    netlink(AFPLUG_NAMED(NETLINK_NO_ENOBUFS), ap::kind::flag, ap::read_write,
            "lost messages are not reported with ENOBUFS"),
    netlink(AFPLUG_NAMED(NETLINK_LISTEN_ALL_NSID), ap::kind::flag, ap::read_write,
            "receive from all network namespaces that have an id here"),
    netlink(AFPLUG_NAMED(NETLINK_LIST_MEMBERSHIPS), ap::kind::bytes(0, 512), ap::read_only,
            "bitmap of the groups joined"),
    netlink(AFPLUG_NAMED(NETLINK_CAP_ACK), ap::kind::flag, ap::read_write,
            "acknowledgements do not contain the request"),
    netlink(AFPLUG_NAMED(NETLINK_EXT_ACK), ap::kind::flag, ap::read_write,
            "acknowledgements contain extended error information"),
    netlink(AFPLUG_NAMED(NETLINK_GET_STRICT_CHK), ap::kind::flag, ap::read_write, "strict checking of dump requests"),
};

struct codec {
  using address = sockaddr_nl;
  using endpoint = afplug::netlink::endpoint;
  static constexpr int family = AF_NETLINK;
  static constexpr std::array fields{
      ap::field("pid", AFPLUG_KIND_U32, "port id; 0: the kernel, for bind: chosen by the kernel"),
      ap::field("groups", AFPLUG_KIND_U32, "mask of the groups 1 to 32", AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX),
  };
  static constexpr std::uint32_t max_u32 = 0xffffffff;

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    return endpoint::decode(text);
  }
  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    return it.as<endpoint>().encode();
  }
  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    const auto e = it.as<endpoint>();
    out.number(e.port()).number(e.groups());
  }
  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    const auto port = in.number(0, max_u32), groups = in.number(1, max_u32);
    return endpoint(port, static_cast<std::uint32_t>(groups));
  }
};

constexpr std::array families{ap::kernel_family({
    .id = "netlink",
    .name = "AF_NETLINK",
    .number = AF_NETLINK,
    .help = "messages between the kernel and programs",
    .requirements = {.config = "CONFIG_NET"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(netlink_family::constants),
    .codec = &ap::codec_of<codec>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", "1.0.0", families)
