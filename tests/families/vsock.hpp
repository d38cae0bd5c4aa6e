// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What the kernel's vsock has on this machine, for the tests of vsock and hyperv.
#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include <cerrno>

namespace families {

/// Whether the kernel has vsock's loopback transport: bind(2) to VMADDR_CID_LOCAL fails with EADDRNOTAVAIL without it
/// (vsock_find_cid() in net/vmw_vsock/af_vsock.c).
inline bool has_vsock_loopback() {
  const int fd = ::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = VMADDR_CID_LOCAL;
  address.svm_port = VMADDR_PORT_ANY;
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

/// This machine's context identifier; VMADDR_CID_ANY if it has none.
inline unsigned local_vsock_cid() {
  const int fd = ::open("/dev/vsock", O_RDONLY | O_CLOEXEC);
  unsigned cid = VMADDR_CID_ANY;
  if (fd < 0 || ::ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) != 0) cid = VMADDR_CID_ANY;
  if (fd >= 0) ::close(fd);
  return cid;
}

}  // namespace families
