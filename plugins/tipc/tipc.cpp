// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family tipc: messages between the nodes of a cluster, with services as addresses.
// Documentation/networking/tipc.rst.
//
// Address text:
//   name/TYPE/INSTANCE [?scope=N&domain=N]   TIPC_ADDR_NAME: a service, for connect and sendto
//   nameseq/TYPE/LOWER/UPPER [?scope=N]      TIPC_ADDR_NAMESEQ: a range of services, for bind; for sendto: multicast
//   id/NODE/REF [?scope=N]                   TIPC_ADDR_ID: a socket
//   scope: 1 TIPC_ZONE_SCOPE, 2 TIPC_CLUSTER_SCOPE (default), 3 TIPC_NODE_SCOPE
#include <linux/tipc.h>
#include <sys/socket.h>

#include <afplug/plugin.hpp>

#include "constants.hpp"

namespace {
namespace ap = afplug::plugin;

struct codec {
  using address = sockaddr_tipc;
  static constexpr int family = AF_TIPC;
  static constexpr std::uint64_t max_u32 = 0xffffffff;
  static constexpr std::array fields{
      ap::field("addr_type", AFPLUG_KIND_U8, "TIPC_ADDR_NAMESEQ, TIPC_ADDR_NAME, TIPC_ADDR_ID"),
      ap::field("v1", AFPLUG_KIND_U32, "type; for an id the node"),
      ap::field("v2", AFPLUG_KIND_U32, "instance, or lower end of a range; for an id the reference"),
      ap::field("v3", AFPLUG_KIND_U32, "upper end of a range; otherwise unused", AFPLUG_MEMBER_OPTIONAL),
      ap::field("scope", AFPLUG_KIND_U8, "TIPC_ZONE_SCOPE, TIPC_CLUSTER_SCOPE (default), TIPC_NODE_SCOPE",
                AFPLUG_MEMBER_OPTIONAL),
  };

  static address make(std::uint64_t kind, std::uint64_t v1, std::uint64_t v2, std::uint64_t v3, std::uint64_t scope) {
    const auto u32 = [](std::uint64_t v) { return static_cast<__u32>(v); };
    address made{};
    made.family = AF_TIPC;
    made.addrtype = static_cast<std::uint8_t>(kind);
    made.scope = static_cast<std::int8_t>(scope);
    if (kind == TIPC_ADDR_NAMESEQ)
      made.addr.nameseq = {u32(v1), u32(v2), u32(v3)};
    else if (kind == TIPC_ADDR_NAME)
      made.addr.name = {{u32(v1), u32(v2)}, u32(v3)};
    else if (kind == TIPC_ADDR_ID)
      made.addr.id = {u32(v2), u32(v1)};
    else
      ap::fail(EINVAL, "addr_type must be TIPC_ADDR_NAMESEQ (1), TIPC_ADDR_NAME (2) or TIPC_ADDR_ID (3), not ", kind);
    return made;
  }

  struct form {
    std::string_view name;
    std::uint8_t kind;
    std::size_t numbers;
  };
  static constexpr form forms[] = {
      {"nameseq", TIPC_ADDR_NAMESEQ, 3}, {"name", TIPC_ADDR_NAME, 2}, {"id", TIPC_ADDR_ID, 2}};

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    ap::query query(text);
    std::string_view rest = query.body();
    const auto next = [&] {
      const auto part = rest.substr(0, rest.find('/'));
      rest.remove_prefix(std::min(part.size() + 1, rest.size()));
      return part;
    };
    const auto form_name = next();
    for (const auto& f : forms) {
      if (form_name != f.name) continue;
      std::uint64_t numbers[3] = {};
      for (std::size_t i = 0; i < f.numbers; ++i) numbers[i] = ap::parse_integer("number", next(), 0, max_u32);
      if (!rest.empty()) ap::fail(EINVAL, ap::quote(rest), " is superfluous: ", f.name, " has ", f.numbers, " numbers");
      const auto scope = query.take("scope", 255, TIPC_CLUSTER_SCOPE);
      if (f.kind == TIPC_ADDR_NAME) numbers[2] = query.take("domain", max_u32, 0);
      query.reject_unknown("scope, and domain for a name");
      return make(f.kind, numbers[0], numbers[1], numbers[2], scope);
    }
    ap::fail(EINVAL, ap::quote(form_name), " is not name, nameseq or id: write name/TYPE/INSTANCE");
  }

  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    std::string text;
    if (it->addrtype == TIPC_ADDR_NAMESEQ)
      text = ap::concat("nameseq/", it->addr.nameseq.type, "/", it->addr.nameseq.lower, "/", it->addr.nameseq.upper);
    else if (it->addrtype == TIPC_ADDR_NAME)
      text = ap::concat("name/", it->addr.name.name.type, "/", it->addr.name.name.instance);
    else if (it->addrtype == TIPC_ADDR_ID)
      text = ap::concat("id/", it->addr.id.node, "/", it->addr.id.ref);
    else
      ap::fail(EINVAL, "a TIPC address of type ", it->addrtype);
    if (it->scope != TIPC_CLUSTER_SCOPE)
      ap::append_key(text, "scope", std::to_string(static_cast<std::uint8_t>(it->scope)));
    if (it->addrtype == TIPC_ADDR_NAME && it->addr.name.domain != 0)
      ap::append_key(text, "domain", std::to_string(it->addr.name.domain));
    return text;
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.number(it->addrtype);
    if (it->addrtype == TIPC_ADDR_NAMESEQ)
      out.number(it->addr.nameseq.type).number(it->addr.nameseq.lower).number(it->addr.nameseq.upper);
    else if (it->addrtype == TIPC_ADDR_NAME)  // the instance twice, as in makesockaddr() of Python's socketmodule.c
      out.number(it->addr.name.name.type).number(it->addr.name.name.instance).number(it->addr.name.name.instance);
    else
      out.number(it->addr.id.node).number(it->addr.id.ref).number(0);
    out.number(static_cast<std::uint8_t>(it->scope));
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    const auto kind = in.number(0, 255);
    // v3 is not part of a TIPC_ADDR_NAME; Python ignores it too (socketmodule.c, getsockaddrarg).
    const auto v3 = kind == TIPC_ADDR_NAME ? 0 : in.number(3, max_u32);
    return make(kind, in.number(1, max_u32), in.number(2, max_u32), v3, in.number(4, 255, TIPC_CLUSTER_SCOPE));
  }
};

constexpr ap::option_group tipc{SOL_TIPC, nullptr};
constexpr std::array group_members{
    ap::member("type", AFPLUG_KIND_U32, offsetof(tipc_group_req, type), 4),
    ap::member("instance", AFPLUG_KIND_U32, offsetof(tipc_group_req, instance), 4),
    ap::member("scope", AFPLUG_KIND_U32, offsetof(tipc_group_req, scope), 4),
    ap::optional(ap::hex(ap::member("flags", AFPLUG_KIND_U32, offsetof(tipc_group_req, flags), 4))),
};
constexpr std::array options{
    tipc(AFPLUG_NAMED(TIPC_IMPORTANCE), ap::kind::u32.with_values("TIPC_"), ap::read_write,
         "importance of messages sent: TIPC_LOW_IMPORTANCE to TIPC_CRITICAL_IMPORTANCE"),
    tipc(AFPLUG_NAMED(TIPC_SRC_DROPPABLE), ap::kind::flag, ap::read_write,
         "messages may be dropped if this node is congested"),
    tipc(AFPLUG_NAMED(TIPC_DEST_DROPPABLE), ap::kind::flag, ap::read_write,
         "undeliverable messages are dropped instead of returned"),
    tipc(AFPLUG_NAMED(TIPC_CONN_TIMEOUT), ap::kind::milliseconds, ap::read_write, "time limit of connect"),
    tipc(AFPLUG_NAMED(TIPC_NODE_RECVQ_DEPTH), ap::kind::u32, ap::read_only, "messages queued on this node"),
    tipc(AFPLUG_NAMED(TIPC_SOCK_RECVQ_DEPTH), ap::kind::u32, ap::read_only, "messages queued in this socket"),
    tipc(AFPLUG_NAMED(TIPC_MCAST_BROADCAST), ap::kind::length, ap::write_only, "always send multicasts as broadcast"),
    tipc(AFPLUG_NAMED(TIPC_MCAST_REPLICAST), ap::kind::length, ap::write_only,
         "always send multicasts as replicated unicasts"),
    tipc(AFPLUG_NAMED(TIPC_GROUP_JOIN), ap::kind::structure<tipc_group_req>(group_members, 4), ap::read_write,
         "join a communication group"),
    tipc(AFPLUG_NAMED(TIPC_GROUP_LEAVE), ap::kind::length, ap::write_only, "leave a communication group"),
    tipc(AFPLUG_NAMED(TIPC_SOCK_RECVQ_USED), ap::kind::u32, ap::read_only, "bytes queued in this socket"),
    tipc(AFPLUG_NAMED(TIPC_NODELAY), ap::kind::flag, ap::read_write,
         "streams send small messages at once (no Nagle algorithm)"),
};

constexpr auto connection_flags = AFPLUG_ROW_CONNECTION | AFPLUG_ROW_PAIR;
constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_RDM), nullptr, 0, AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT, "", {},
            "reliable datagrams; undeliverable ones are returned"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), nullptr, 0, AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT, "", {}, "datagrams"),
    ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), nullptr, 0, connection_flags | AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT, "",
            {}, "connections that keep message boundaries"),
    ap::row(AFPLUG_NAMED(SOCK_STREAM), nullptr, 0, connection_flags | AFPLUG_ROW_STREAM | AFPLUG_ROW_DEFAULT, "", {},
            "connections, byte streams"),
    ap::pass_through(""),
};

constexpr std::array families{ap::kernel_family({
    .id = "tipc",
    .name = "AF_TIPC",
    .number = AF_TIPC,
    .help = "services in a cluster, addressed by name",
    .requirements = {.module = "tipc", .config = "CONFIG_TIPC"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(tipc_family::constants),
    .codec = &ap::codec_of<codec>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", "0.1.0", families)
