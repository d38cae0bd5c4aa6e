// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family unix: sockets inside one machine, named by paths or abstract names. Its options are those of SOL_SOCKET.
#include "codec.hpp"

namespace {
namespace ap = afplug::plugin;

constexpr auto every = AFPLUG_ROW_DEFAULT | AFPLUG_ROW_PAIR | AFPLUG_ROW_RIGHTS;
constexpr auto connected = every | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE;
constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_STREAM), nullptr, 0, connected | AFPLUG_ROW_STREAM, "", {},
            "a connection that carries bytes in order"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), nullptr, 0, every | AFPLUG_ROW_MESSAGE, "", {},
            "datagrams, in order and none lost"),
    ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), nullptr, 0, connected | AFPLUG_ROW_MESSAGE, "", {},
            "a connection that carries records in order"),
    ap::with_native(ap::row(AFPLUG_NAMED(SOCK_RAW), nullptr, 0, every | AFPLUG_ROW_MESSAGE | AFPLUG_ROW_HIDDEN, "", {},
                            "on Linux another name of SOCK_DGRAM"),
                    AFPLUG_ANY, SOCK_DGRAM, 0),
    ap::pass_through(""),
};

constexpr ap::constant_group unix_constant{"UNIX_"};
constexpr std::array constants{unix_constant("UNIX_PATH_MAX", unix_family::codec::most)};

constexpr std::array families{ap::kernel_family({
    .id = "unix",
    .name = "AF_UNIX",
    .number = AF_UNIX,
    .help = "sockets inside this machine",
    .requirements = {.module = "unix", .config = "CONFIG_UNIX"},
    .rows = ap::array(rows),
    .constants = ap::array(constants),
    .codec = &ap::codec_of<unix_family::codec>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
