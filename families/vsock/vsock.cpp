// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family vsock: sockets between virtual machines and their host. vsock(7).
#include "codec.hpp"
#include "constants.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

// Newer than the oldest supported headers.
#ifndef VMADDR_CID_LOCAL
#define VMADDR_CID_LOCAL 1
#endif
#ifndef VMADDR_FLAG_TO_HOST
#define VMADDR_FLAG_TO_HOST 1
#endif

namespace {
namespace ap = afplug::plugin;

// IOCTL_VM_SOCKETS_GET_LOCAL_CID on /dev/vsock, vsock(7).
std::int32_t get_local_cid(std::int64_t, const afplug_identity&, afplug_text* out) {
  const int device = ::open("/dev/vsock", O_RDONLY | O_CLOEXEC);
  if (device < 0) return -errno;
  unsigned cid = 0;
  const std::int32_t result = ::ioctl(device, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) == 0 ? 0 : -errno;
  ::close(device);
  if (result == 0) ap::write_text(out, std::to_string(cid));
  return result;
}

constexpr ap::option_group vm{AF_VSOCK, nullptr};
constexpr std::array options{
    vm(AFPLUG_NAMED(SO_VM_SOCKETS_BUFFER_SIZE), ap::kind::u64, ap::read_write, "buffer size in bytes"),
    vm(AFPLUG_NAMED(SO_VM_SOCKETS_BUFFER_MIN_SIZE), ap::kind::u64, ap::read_write, "smallest buffer size in bytes"),
    vm(AFPLUG_NAMED(SO_VM_SOCKETS_BUFFER_MAX_SIZE), ap::kind::u64, ap::read_write, "largest buffer size in bytes"),
    vm(AFPLUG_NAMED(SO_VM_SOCKETS_PEER_HOST_VM_ID), ap::kind::i32, ap::read_only,
       "id of the peer's virtual machine on its host; VMCI only"),
    vm(AFPLUG_NAMED(SO_VM_SOCKETS_TRUSTED), ap::kind::flag, ap::read_only, "the socket is trusted; VMCI only"),
    vm(AFPLUG_NAMED(SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD), ap::kind::timeval, ap::read_write,
       "time limit of connect, as the C library's struct timeval"),
    vm(AFPLUG_NAMED(SO_VM_SOCKETS_NONBLOCK_TXRX), ap::kind::flag, ap::read_write,
       "kernel callers send and receive without blocking; VMCI only"),
    vm(AFPLUG_NAMED(SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW), ap::kind::timeval64, ap::read_write,
       "time limit of connect, as a struct timeval of two 64-bit integers"),
    ap::with_functions<&get_local_cid, nullptr>(vm("IOCTL_VM_SOCKETS_GET_LOCAL_CID", -1, ap::kind::call, ap::read_only,
                                                   "the context id of this machine, from /dev/vsock")),
};

constexpr auto connection_flags = AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE;
constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_STREAM), nullptr, 0, connection_flags | AFPLUG_ROW_STREAM | AFPLUG_ROW_DEFAULT, "", {},
            "connections between a virtual machine and its host, byte streams"),
    ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), nullptr, 0, connection_flags | AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT, "",
            {}, "connections that keep record boundaries"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), nullptr, 0, AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT, "", {},
            "datagrams; VMCI transport only"),
    ap::pass_through(""),
};

struct transport {
  const char* module;
  const char* name;
};
constexpr transport transports[] = {
    {"vsock_loopback", "loopback"},    {"vmw_vsock_virtio_transport", "virtio (a guest)"},
    {"vhost_vsock", "vhost (a host)"}, {"vmw_vsock_vmci_transport", "vmci (VMware's guests and hosts)"},
    {"hv_sock", "hyperv (a guest)"},
};

// The loaded transports, by /sys/module. A transport that is built into the kernel is listed there only if it has
// module parameters, so the list may be incomplete.
std::string loaded_transports() {
  std::string list;
  for (const auto& t : transports)
    if (::access((std::string("/sys/module/") + t.module).c_str(), F_OK) == 0)
      (list += list.empty() ? "" : ", ") += t.name;
  return list;
}

// Whether a transport has connections within this machine: whether bind to VMADDR_CID_LOCAL succeeds. connect would not
// show it, because in a guest VMADDR_CID_LOCAL may go to the host, and time out (net/vmw_vsock/af_vsock.c).
bool has_loopback() {
  const int fd = ::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const sockaddr_vm local = vsock::endpoint(vsock::cid::local, afplug::vsock::any_port).native();
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) == 0;
  ::close(fd);
  return bound;
}

// A socket opens without any transport: reports which are loaded.
std::int32_t check(const afplug_identity* who, std::uint32_t flags, afplug_verdict* verdict) {
  constexpr std::string_view remedy = "modprobe vsock_loopback";
  if (verdict->error == ENODEV) {
    ap::set_verdict(*verdict, AFPLUG_UNAVAILABLE, "no-device", "no loaded vsock transport supports this socket type",
                    "modprobe vmw_vsock_vmci_transport");
    return 0;
  }
  if (verdict->state != AFPLUG_AVAILABLE) return 0;
  if (who->type == SOCK_DGRAM) {
    ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "", "transport: vmci, the only one with datagrams", "");
    return 0;
  }
  const auto list = loaded_transports();
  if (list.empty() && ::access("/sys/module", F_OK) != 0)
    ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "",
                    "the socket opens; the transports are unknown, because /sys is not mounted",
                    "mount -t sysfs sysfs /sys");
  else if (list.empty())
    ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "no-device",
                    "the socket opens, but no vsock transport is loaded, so it cannot connect", remedy);
  else if ((flags & AFPLUG_CHECK_PASSIVE) == 0 && !has_loopback())
    ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "",
                    ap::concat("transport: ", list, "; none for connections within this machine (local:PORT)"), remedy);
  else
    ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "", ap::concat("transport: ", list), "");
  return 0;
}

constexpr std::array families{ap::kernel_family({
    .id = "vsock",
    .name = "AF_VSOCK",
    .number = AF_VSOCK,
    .help = "sockets between virtual machines and their host",
    .requirements = {.module = "vsock", .config = "CONFIG_VSOCKETS"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(vsock::constants),
    .codec = &ap::codec_of<vsock::codec>,
    .check = ap::slot<&check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
