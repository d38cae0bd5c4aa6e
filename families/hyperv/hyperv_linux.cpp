// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family hyperv on Linux: Hyper-V sockets by AF_VSOCK, with the GUIDs of Windows as addresses. It has no number of
// its own.
#include <unistd.h>
#include "codec_linux.hpp"
#include "constants.hpp"

namespace {
namespace ap = afplug::plugin;

#ifndef SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW
#define SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW 8
#endif

constexpr std::array rows{
    ap::with_native(ap::row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(HV_PROTOCOL_RAW),
                            AFPLUG_ROW_STREAM | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE | AFPLUG_ROW_DEFAULT, "",
                            {.module = "hv_sock", .config = "CONFIG_HYPERV_VSOCKETS"},
                            "connections between a virtual machine and its host, byte streams"),
                    AF_VSOCK, SOCK_STREAM, 0),
};

/// Options that only Windows has. They are listed on Linux too, to have an error text of their own.
[[noreturn]] void fail_windows_only() {
  ap::fail(ENOPROTOOPT, "only Windows has this option; Linux uses vsock for Hyper-V sockets");
}
std::int32_t windows_only_get(std::int64_t, const afplug_identity&, afplug_text*) { fail_windows_only(); }
std::int32_t windows_only_set(std::int64_t, const afplug_identity&, std::string_view) { fail_windows_only(); }
constexpr afplug_option windows_only(const char* name, int number) {
  return ap::with_functions<&windows_only_get, &windows_only_set>(ap::option_group{HV_PROTOCOL_RAW, nullptr}(
      name, number, ap::kind::call, ap::read_write, "Windows only; ENOPROTOOPT on Linux"));
}
constexpr std::array options{
    ap::option_group{AF_VSOCK, nullptr}("HVSOCKET_CONNECT_TIMEOUT", SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW,
                                        ap::kind::timeval64, ap::read_write,
                                        "time limit of connect; on Linux SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW"),
    windows_only(AFPLUG_NAMED(HVSOCKET_CONTAINER_PASSTHRU)),
    windows_only(AFPLUG_NAMED(HVSOCKET_CONNECTED_SUSPEND)),
    windows_only(AFPLUG_NAMED(HVSOCKET_HIGH_VTL)),
};

/// AF_VSOCK opens on every machine: reports whether this one is a Hyper-V guest, which has the VMBus.
std::int32_t check(const afplug_identity*, std::uint32_t, afplug_verdict* verdict) {
  if (verdict->state != AFPLUG_AVAILABLE || ::access("/sys/bus/vmbus", F_OK) == 0) return 0;
  const bool has_loopback = ::access("/sys/module/vsock_loopback", F_OK) == 0;
  ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "no-device",
                  "the socket opens, but this machine is not a Hyper-V guest: only HV_GUID_LOOPBACK can be reached",
                  has_loopback ? "run it in a Hyper-V virtual machine" : "modprobe vsock_loopback");
  return 0;
}

constexpr std::array families{ap::kernel_family({
    .id = "hyperv",
    .name = "AF_HYPERV",
    .flags = AFPLUG_FAMILY_SECONDARY,
    .help = "sockets between Hyper-V virtual machines and their host",
    .requirements = {.module = "vsock", .config = "CONFIG_VSOCKETS"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(hyperv::constants),
    .codec = &ap::codec_of<hyperv::codec>,
    .check = ap::slot<&check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
