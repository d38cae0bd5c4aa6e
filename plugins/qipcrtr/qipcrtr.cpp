// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family qipcrtr: Qualcomm IPC router, messages between the processors of a system-on-chip. net/qrtr.
//
// Address text:  NODE ":" PORT     decimal, or hexadecimal with 0x; NODE may be any (QRTR_NODE_BCAST), PORT control
//                                  (QRTR_PORT_CTRL)
#include <linux/qrtr.h>
#include <sys/socket.h>

#include <afplug/plugin.hpp>

#include "constants.hpp"

namespace {
namespace ap = afplug::plugin;

/// struct sockaddr_qrtr with its padding as a member: the padding is part of the bytes of an address, and copying a
/// struct need not copy padding.
struct address_qrtr {
  sa_family_t sq_family;
  std::uint16_t padding;
  std::uint32_t sq_node, sq_port;
};
static_assert(sizeof(address_qrtr) == sizeof(sockaddr_qrtr) &&
              offsetof(address_qrtr, sq_node) == offsetof(sockaddr_qrtr, sq_node) &&
              offsetof(address_qrtr, sq_port) == offsetof(sockaddr_qrtr, sq_port));

struct codec {
  using address = address_qrtr;
  static constexpr int family = AF_QIPCRTR;
  static constexpr std::uint64_t max_u32 = 0xffffffff;
  static constexpr std::array fields{
      ap::field("node", AFPLUG_KIND_U32, "node id"),
      ap::field("port", AFPLUG_KIND_U32, "port id"),
  };

  static address make(std::uint64_t node, std::uint64_t port) {
    address made{};
    made.sq_family = AF_QIPCRTR;
    made.sq_node = static_cast<std::uint32_t>(node);
    made.sq_port = static_cast<std::uint32_t>(port);
    return made;
  }

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    const auto colon = text.find(':');
    if (colon == text.npos) ap::fail(EINVAL, "the port is missing in ", ap::quote(text), ": write NODE:PORT");
    const auto node = text.substr(0, colon), port = text.substr(colon + 1);
    return make(node == "any" ? QRTR_NODE_BCAST : ap::parse_integer("node", node, 0, max_u32),
                port == "control" ? QRTR_PORT_CTRL : ap::parse_integer("port", port, 0, max_u32));
  }

  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    return ap::concat(it->sq_node == QRTR_NODE_BCAST ? "any" : std::to_string(it->sq_node), ":",
                      it->sq_port == QRTR_PORT_CTRL ? "control" : std::to_string(it->sq_port));
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.number(it->sq_node).number(it->sq_port);
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    return make(in.number(0, max_u32), in.number(1, max_u32));
  }
};

constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), nullptr, 0, AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT, "", {}, "datagrams"),
    ap::pass_through(""),
};

constexpr std::array families{ap::kernel_family({
    .id = "qipcrtr",
    .name = "AF_QIPCRTR",
    .number = AF_QIPCRTR,
    .help = "Qualcomm IPC router",
    .requirements = {.module = "qrtr", .config = "CONFIG_QRTR"},
    .rows = ap::array(rows),
    .constants = ap::array(qipcrtr_family::constants),
    .codec = &ap::codec_of<codec>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", "0.1.0", families)
