// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "tuple_layout.hpp"

#include <afplug/family.hpp>
#include <array>

namespace afplug::python {
namespace {

using names = std::string_view;
constexpr std::array l2cap{names("bdaddr"), names("psm"), names("cid"), names("bdaddr_type")};
constexpr std::array rfcomm{names("bdaddr"), names("channel")};
constexpr std::array hci{names("device"), names("channel")};
constexpr std::array sco{names("bdaddr")};
constexpr std::array can{names("interface")};
constexpr std::array isotp{names("interface"), names("rx"), names("tx")};
constexpr std::array j1939{names("interface"), names("name"), names("pgn"), names("addr")};
constexpr std::array link{names("interface"), names("proto"), names("pkttype"), names("hatype"), names("addr")};
constexpr std::array netlink{names("pid"), names("groups")};
constexpr std::array vsock{names("cid"), names("port")};
constexpr std::array qipcrtr{names("node"), names("port")};
constexpr std::array tipc{names("addr_type"), names("v1"), names("v2"), names("v3"), names("scope")};
constexpr std::array alg{names("type"), names("name"), names("feat"), names("mask")};

constexpr std::array hyperv{names("vm_id"), names("service_id")};

constexpr tuple_layout layouts[] = {
    {AF_BLUETOOTH, 0, 2, l2cap, nullptr},
    {AF_BLUETOOTH, 1, 1, hci, nullptr},
    {AF_BLUETOOTH, 2, 1, sco, nullptr},
    {AF_BLUETOOTH, 3, 2, rfcomm, nullptr},
    {AF_CAN, 6, 3, isotp, "AF_CAN address must be a tuple (interface, rx_addr, tx_addr)"},
    {AF_CAN, 7, 4, j1939, "AF_CAN address must be a tuple (interface, name, pgn, addr)"},
    {AF_CAN, -1, 1, can, "AF_CAN address must be a tuple (interface, )"},
    {AF_PACKET, -1, 2, link, "AF_PACKET address must be a tuple of two to five elements"},
    {AF_NETLINK, -1, 2, netlink, "AF_NETLINK address must be a pair (pid, groups)"},
    {AF_VSOCK, -1, 2, vsock, "AF_VSOCK address must be a pair (cid, port)"},
    {AF_QIPCRTR, -1, 2, qipcrtr, "AF_QIPCRTR address must be a pair (node, port)"},
    {AF_TIPC, -1, 4, tipc, "AF_TIPC address must be a tuple (addr_type, v1, v2, v3[, scope])"},
    {AF_ALG, -1, 2, alg, "AF_ALG address must be a tuple (type, name[, feat[, mask]])"},
};
// AF_HYPERV has no number on Linux; it is recognised by its name.
constexpr tuple_layout hyperv_layout{-1, -1, 2, hyperv, "AF_HYPERV address must be a str tuple (vm_id, service_id)"};

}  // namespace

const tuple_layout* find_tuple_layout(const basic_protocol& protocol) noexcept {
  const auto* f = protocol.owner();
  if (!f) return nullptr;
  if (f->name() == "AF_HYPERV") return &hyperv_layout;
  for (const auto& s : layouts)
    if (s.family == f->number() && (s.protocol == protocol.asked_protocol() || s.protocol == -1)) return &s;
  return nullptr;
}

}  // namespace afplug::python
