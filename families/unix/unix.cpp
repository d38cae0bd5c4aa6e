// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family unix: sockets within one host, bound to paths or abstract names. unix(7). It has no options other than
// those of SOL_SOCKET.
#include "codec.hpp"

namespace {
namespace ap = afplug::plugin;

constexpr auto common_flags = AFPLUG_ROW_DEFAULT | AFPLUG_ROW_PAIR | AFPLUG_ROW_RIGHTS;
constexpr auto connection_flags =
    common_flags | AFPLUG_ROW_CONNECT_EAGAIN | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE;
constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_STREAM), nullptr, 0, connection_flags | AFPLUG_ROW_STREAM, "", {},
            "connections, byte streams"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), nullptr, 0, common_flags | AFPLUG_ROW_MESSAGE, "", {},
            "reliable datagrams, in order"),
    ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), nullptr, 0, connection_flags | AFPLUG_ROW_MESSAGE, "", {},
            "connections that keep record boundaries"),
    ap::with_native(ap::row(AFPLUG_NAMED(SOCK_RAW), nullptr, 0, common_flags | AFPLUG_ROW_MESSAGE | AFPLUG_ROW_HIDDEN,
                            "", {}, "on Linux the same as SOCK_DGRAM"),
                    AFPLUG_ANY, SOCK_DGRAM, 0),
    ap::pass_through(""),
};

constexpr ap::constant_group unix_constant{"UNIX_"};
constexpr std::array constants{unix_constant("UNIX_PATH_MAX", unix_family::codec::max_path)};

constexpr std::array families{ap::kernel_family({
    .id = "unix",
    .name = "AF_UNIX",
    .number = AF_UNIX,
    .help = "sockets within this host",
    .requirements = {.module = "unix", .config = "CONFIG_UNIX"},
    .rows = ap::array(rows),
    .constants = ap::array(constants),
    .codec = &ap::codec_of<unix_family::codec>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
