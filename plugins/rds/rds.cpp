// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family rds: reliable datagrams, over one connection for each pair of hosts. Documentation/networking/rds.rst.
//
// Address text:  192.0.2.1:4000
#include <arpa/inet.h>
#include <linux/rds.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <afplug/plugin.hpp>

#include "constants.hpp"

namespace {
namespace ap = afplug::plugin;

struct codec {
  using address = sockaddr_in;
  static constexpr int family = AF_INET;  // of the sockaddr; the socket has AF_RDS
  static constexpr std::array fields{
      ap::field("host", AFPLUG_KIND_TEXT, "192.0.2.1; empty: any"),
      ap::field("port", AFPLUG_KIND_U16, "0-65535"),
  };

  static address make(std::string_view host, std::uint64_t port) {
    address made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(static_cast<std::uint16_t>(port));
    if (!host.empty() && inet_pton(AF_INET, std::string(host).c_str(), &made.sin_addr) != 1)
      ap::fail(EINVAL, ap::quote(host), " is not an IPv4 address");
    return made;
  }

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == text.npos) ap::fail(EINVAL, "the port is missing in ", ap::quote(text), ": write ADDRESS:PORT");
    return make(text.substr(0, colon), ap::parse_integer("port", text.substr(colon + 1), 0, 65535));
  }

  static std::string host(const ap::native_address<address>& it) {
    char text[INET_ADDRSTRLEN];
    return inet_ntop(AF_INET, &it->sin_addr, text, sizeof text);
  }

  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    return ap::concat(host(it), ":", ntohs(it->sin_port));
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.text(host(it)).number(ntohs(it->sin_port));
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    return make(in.text(0), in.number(1, 65535));
  }
};

constexpr ap::option_group rds{SOL_RDS, nullptr};
constexpr std::array options{
    rds(AFPLUG_NAMED(RDS_CANCEL_SENT_TO), ap::kind::sockaddr(16, 28), ap::write_only,
        "cancel messages queued for an address"),
    rds(AFPLUG_NAMED(RDS_GET_MR), ap::kind::bytes(32, 32), ap::write_only, "register memory for RDMA"),
    rds(AFPLUG_NAMED(RDS_FREE_MR), ap::kind::bytes(16, 16), ap::write_only, "deregister memory for RDMA"),
    rds(AFPLUG_NAMED(RDS_RECVERR), ap::kind::flag, ap::read_write,
        "receive the status of RDMA operations as ancillary data"),
    rds(AFPLUG_NAMED(RDS_CONG_MONITOR), ap::kind::flag, ap::write_only,
        "receive the ports that are no longer congested as ancillary data"),
    rds(AFPLUG_NAMED(RDS_GET_MR_FOR_DEST), ap::kind::bytes(160, 160), ap::write_only,
        "register memory for RDMA with one peer"),
    rds(AFPLUG_NAMED(SO_RDS_TRANSPORT), ap::kind::i32.with_values("RDS_TRANS_"), ap::read_write,
        "transport: RDS_TRANS_IB, RDS_TRANS_TCP"),
    rds(AFPLUG_NAMED(SO_RDS_MSG_RXPATH_LATENCY), ap::kind::bytes(0, 8), ap::write_only,
        "receive the latency of messages within this host as ancillary data"),
};

constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), nullptr, 0, AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT, "",
            {.module = "rds_tcp", .config = "CONFIG_RDS_TCP"}, "reliable datagrams, in order and without duplicates"),
    ap::pass_through(""),
};

constexpr std::array families{ap::kernel_family({
    .id = "rds",
    .name = "AF_RDS",
    .number = AF_RDS,
    .help = "reliable datagrams",
    .requirements = {.module = "rds", .config = "CONFIG_RDS"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(rds_family::constants),
    .codec = &ap::codec_of<codec>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", "0.1.0", families)
