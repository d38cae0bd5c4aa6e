// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family unix on Windows, which has it from Windows 10 1803 on: streams alone, no socketpair, no descriptors to
// pass.
#include <windows_common/winsock.hpp>
#include "codec.hpp"

namespace {
namespace ap = afplug::plugin;

constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_STREAM), nullptr, 0,
            AFPLUG_ROW_DEFAULT | AFPLUG_ROW_STREAM | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE, "", {},
            "a connection that carries bytes in order"),
    ap::pass_through(""),
};

static_assert(AF_UNIX == 1 && unix_family::codec::most == UNIX_PATH_MAX && SIO_AF_UNIX_GETPEERPID == 0x58000100);
constexpr ap::constant_group af{"AF_"}, unix_constant{"UNIX_"}, control{"SIO_"};
constexpr std::array constants{
    af(AFPLUG_NAMED(AF_UNIX)),
    unix_constant(AFPLUG_NAMED(UNIX_PATH_MAX)),
    control(AFPLUG_NAMED(SIO_AF_UNIX_GETPEERPID)),
};

/// Says which Windows has no AF_UNIX: one that is too old, or one that lost its provider.
std::int32_t check(const afplug_identity*, std::uint32_t flags, afplug_verdict* verdict) {
  constexpr unsigned long first_build = 17134;
  const bool untried = (flags & AFPLUG_CHECK_PASSIVE) != 0 && verdict->state == AFPLUG_UNKNOWN;
  if (!untried && (verdict->state != AFPLUG_UNAVAILABLE || !windows_common::lacks(verdict->error))) return 0;
  if (windows_common::provides(AF_UNIX)) return 0;
  const auto build = windows_common::build();
  if (build < first_build)
    ap::set_verdict(*verdict, AFPLUG_UNAVAILABLE, "kernel-lacks-family",
                    ap::concat("AF_UNIX needs Windows 10 1803 (build ", first_build,
                               ") or later, and this Windows is build ", build),
                    "update Windows");
  else
    ap::set_verdict(*verdict, AFPLUG_UNAVAILABLE, "kernel-lacks-family",
                    ap::concat("Winsock's catalogue has no provider of AF_UNIX, though Windows brings one from build ",
                               first_build, " on and this is build ", build),
                    "see `netsh winsock show catalog` and `sc query afunix`");
  return 0;
}

constexpr std::array families{ap::kernel_family({
    .id = "unix",
    .name = "AF_UNIX",
    .number = AF_UNIX,
    .help = "sockets inside this machine",
    .rows = ap::array(rows),
    .constants = ap::array(constants),
    .codec = &ap::codec_of<unix_family::codec>,
    .check = ap::slot<&check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
