// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family hyperv on Linux: Hyper-V sockets, which Linux reaches through AF_VSOCK. Here the family has no number of
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
                            "a byte stream between a virtual machine and its host"),
                    AF_VSOCK, SOCK_STREAM, 0),
};

/// Options that only Windows has: asking for them is no mistake in spelling, and the answer says so.
[[noreturn]] void refuse() {
  ap::fail(ENOPROTOOPT, "only Windows has this option; Linux reaches Hyper-V through vsock");
}
std::int32_t windows_only_get(std::int64_t, const afplug_identity&, afplug_text*) { refuse(); }
std::int32_t windows_only_set(std::int64_t, const afplug_identity&, std::string_view) { refuse(); }
constexpr afplug_option windows_only(const char* name, int number) {
  return ap::with_functions<&windows_only_get, &windows_only_set>(ap::option_group{HV_PROTOCOL_RAW, nullptr}(
      name, number, ap::kind::call, ap::read_write, "on Windows alone: here ENOPROTOOPT"));
}
constexpr std::array options{
    ap::option_group{AF_VSOCK, nullptr}("HVSOCKET_CONNECT_TIMEOUT", SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW,
                                        ap::kind::timeval64, ap::read_write,
                                        "how long connect may take; here vsock's SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW"),
    windows_only(AFPLUG_NAMED(HVSOCKET_CONTAINER_PASSTHRU)),
    windows_only(AFPLUG_NAMED(HVSOCKET_CONNECTED_SUSPEND)),
    windows_only(AFPLUG_NAMED(HVSOCKET_HIGH_VTL)),
};

/// vsock opens anywhere; only a guest of Hyper-V has the bus to its host.
std::int32_t check(const afplug_identity*, std::uint32_t, afplug_verdict* verdict) {
  if (verdict->state != AFPLUG_AVAILABLE || ::access("/sys/bus/vmbus", F_OK) == 0) return 0;
  const bool has_loopback = ::access("/sys/module/vsock_loopback", F_OK) == 0;
  ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "no-device",
                  "the socket opens, but this machine is no guest of Hyper-V: HV_GUID_LOOPBACK alone can answer",
                  has_loopback ? "run it in a virtual machine of Hyper-V" : "modprobe vsock_loopback");
  return 0;
}

constexpr std::array families{ap::kernel_family({
    .id = "hyperv",
    .name = "AF_HYPERV",
    .flags = AFPLUG_FAMILY_SECONDARY,
    .help = "between Hyper-V's virtual machines and their host",
    .requirements = {.module = "vsock", .config = "CONFIG_VSOCKETS"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(hyperv::constants),
    .codec = &ap::codec_of<hyperv::codec>,
    .check = ap::slot<&check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
