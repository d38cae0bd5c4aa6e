// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The constants of vsock. tools/constants writes this file.
// clang-format off
#pragma once

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>

#include <afplug/plugin.hpp>

namespace vsock {

inline constexpr afplug::plugin::constant_group so_vm_{"SO_VM_"}, vmaddr_{"VMADDR_"}, vm_sockets_{"VM_SOCKETS_"}, ioctl_vm_{"IOCTL_VM_"};
inline constexpr auto constants = std::to_array<afplug_constant>({
    so_vm_(AFPLUG_NAMED(SO_VM_SOCKETS_BUFFER_SIZE)),
    so_vm_(AFPLUG_NAMED(SO_VM_SOCKETS_BUFFER_MIN_SIZE)),
    so_vm_(AFPLUG_NAMED(SO_VM_SOCKETS_BUFFER_MAX_SIZE)),
    so_vm_(AFPLUG_NAMED(SO_VM_SOCKETS_PEER_HOST_VM_ID)),
    so_vm_(AFPLUG_NAMED(SO_VM_SOCKETS_TRUSTED)),
    so_vm_(AFPLUG_NAMED(SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD)),
    so_vm_(AFPLUG_NAMED(SO_VM_SOCKETS_NONBLOCK_TXRX)),
    so_vm_(AFPLUG_NAMED(SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW)),
    so_vm_(AFPLUG_NAMED(SO_VM_SOCKETS_CONNECT_TIMEOUT)),
    vmaddr_(AFPLUG_NAMED(VMADDR_CID_ANY)),
    vmaddr_(AFPLUG_NAMED(VMADDR_PORT_ANY)),
    vmaddr_(AFPLUG_NAMED(VMADDR_CID_HYPERVISOR)),
    vmaddr_(AFPLUG_NAMED(VMADDR_CID_LOCAL)),
    vmaddr_(AFPLUG_NAMED(VMADDR_CID_HOST)),
    vmaddr_(AFPLUG_NAMED(VMADDR_FLAG_TO_HOST)),
    vm_sockets_(AFPLUG_NAMED(VM_SOCKETS_INVALID_VERSION)),
    ioctl_vm_(AFPLUG_NAMED(IOCTL_VM_SOCKETS_GET_LOCAL_CID)),
});

}  // namespace vsock
