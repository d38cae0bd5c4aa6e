// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family hyperv on Windows: AF_HYPERV, hvsocket.h.
#include "codec_windows.hpp"
#include "constants.hpp"

namespace {
namespace ap = afplug::plugin;

constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(HV_PROTOCOL_RAW),
            AFPLUG_ROW_STREAM | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE | AFPLUG_ROW_DEFAULT, "", {},
            "connections between a virtual machine and its host, byte streams"),
};

constexpr ap::option_group level{HV_PROTOCOL_RAW, nullptr};
constexpr std::array options{
    level(AFPLUG_NAMED(HVSOCKET_CONNECT_TIMEOUT), ap::kind::milliseconds, ap::read_write,
          "time limit of connect, at most HVSOCKET_CONNECT_TIMEOUT_MAX"),
    level(AFPLUG_NAMED(HVSOCKET_CONTAINER_PASSTHRU), ap::kind::u32, ap::read_write,
          "connect to the host from a container"),
    level(AFPLUG_NAMED(HVSOCKET_CONNECTED_SUSPEND), ap::kind::u32, ap::read_write,
          "keep the connection while the virtual machine is suspended"),
    level(AFPLUG_NAMED(HVSOCKET_HIGH_VTL), ap::kind::u32, ap::read_write, "listen at a higher virtual trust level"),
};

constexpr std::array families{ap::kernel_family({
    .id = "hyperv",
    .name = "AF_HYPERV",
    .number = 34,
    .help = "sockets between Hyper-V virtual machines and their host",
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(hyperv::constants),
    .codec = &ap::codec_of<hyperv::codec>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
