// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family unix on Windows, since Windows 10 1803: stream sockets, without socketpair and descriptor passing.
#include <windows_common/winsock.hpp>
#include "codec.hpp"

namespace {
namespace ap = afplug::plugin;

constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_STREAM), nullptr, 0,
            AFPLUG_ROW_DEFAULT | AFPLUG_ROW_STREAM | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE, "", {},
            "connections, byte streams"),
    ap::pass_through(""),
};

static_assert(AF_UNIX == 1 && unix_family::codec::max_path == UNIX_PATH_MAX && SIO_AF_UNIX_GETPEERPID == 0x58000100);
constexpr ap::constant_group af{"AF_"}, unix_constant{"UNIX_"}, control{"SIO_"};
constexpr std::array constants{
    af(AFPLUG_NAMED(AF_UNIX)),
    unix_constant(AFPLUG_NAMED(UNIX_PATH_MAX)),
    control(AFPLUG_NAMED(SIO_AF_UNIX_GETPEERPID)),
};

/// Explains why AF_UNIX is missing: Windows is too old, or its Winsock provider is not installed.
std::int32_t check(const afplug_identity*, std::uint32_t flags, afplug_verdict* verdict) {
  constexpr unsigned long first_build = 17134;
  const bool not_tried = (flags & AFPLUG_CHECK_PASSIVE) != 0 && verdict->state == AFPLUG_UNKNOWN;
  if (!not_tried && (verdict->state != AFPLUG_UNAVAILABLE || !windows_common::is_unsupported_error(verdict->error)))
    return 0;
  if (windows_common::has_provider(AF_UNIX)) return 0;
  const auto build = windows_common::windows_build();
  if (build < first_build)
    ap::set_verdict(
        *verdict, AFPLUG_UNAVAILABLE, "kernel-lacks-family",
        ap::concat("AF_UNIX needs Windows 10 1803 (build ", first_build, ") or later, this is build ", build),
        "update Windows");
  else
    ap::set_verdict(*verdict, AFPLUG_UNAVAILABLE, "kernel-lacks-family",
                    ap::concat("the Winsock catalog has no provider of AF_UNIX; Windows has one since build ",
                               first_build, ", and this is build ", build),
                    "check `netsh winsock show catalog` and `sc query afunix`");
  return 0;
}

constexpr std::array families{ap::kernel_family({
    .id = "unix",
    .name = "AF_UNIX",
    .number = AF_UNIX,
    .help = "sockets within this host",
    .rows = ap::array(rows),
    .constants = ap::array(constants),
    .codec = &ap::codec_of<unix_family::codec>,
    .check = ap::slot<&check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
