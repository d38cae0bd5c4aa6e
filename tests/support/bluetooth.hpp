// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What the kernel's Bluetooth has on this machine, by system calls only, so that a test does not depend on the library
// that it tests.
#pragma once

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>

/// The number of adapters that are up, as HCIGETDEVLIST reports (hci_get_dev_list() in net/bluetooth/hci_core.c).
inline int bluetooth_adapters_up() {
  struct {
    std::uint16_t count;
    struct {
      std::uint16_t id;
      std::uint32_t flags;
    } adapters[16];
  } list{};
  list.count = std::size(list.adapters);
  const int fd = ::socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC, 1);  // BTPROTO_HCI
  const int result = ::ioctl(fd, _IOR('H', 210, int), &list);
  if (fd >= 0) ::close(fd);
  if (result != 0) return 0;
  return static_cast<int>(std::count_if(list.adapters, list.adapters + list.count,
                                        [](const auto& adapter) { return (adapter.flags & 1u) != 0; }));  // HCI_UP
}

/// Whether socket(AF_BLUETOOTH, SOCK_SEQPACKET, BTPROTO_ISO) succeeds.
inline bool has_iso_sockets() {
  const int fd = ::socket(AF_BLUETOOTH, SOCK_SEQPACKET | SOCK_CLOEXEC, 8);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

/// Switches the experimental feature "BT ISO socket" of the kernel's Bluetooth on or off: without it
/// socket(AF_BLUETOOTH, SOCK_SEQPACKET, BTPROTO_ISO) fails. Sends MGMT_OP_SET_EXP_FEATURE on the management channel
/// (set_iso_socket_func() in net/bluetooth/mgmt.c). Returns whether the kernel did so.
inline bool enable_iso_sockets(bool on) {
  struct {
    std::uint16_t family, device, channel;
  } const control{AF_BLUETOOTH, 0xffff, 3};                           // HCI_DEV_NONE, HCI_CHANNEL_CONTROL
  const int fd = ::socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC, 1);  // BTPROTO_HCI
  const timeval limit{5, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string command("\x4a\x00\xff\xff\x11\x00\x3e\xe0\xb4\xfd\xdd\xd6\x85\x98\x6a\x49\xe0\x05\x88\xf1\xba\x6f", 22);
  command += on ? '\1' : '\0';
  bool done = ::bind(fd, reinterpret_cast<const sockaddr*>(&control), sizeof control) == 0 &&
              ::send(fd, command.data(), command.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(command.size());
  // Waits for Command Complete (1) or Command Status (2) of this opcode; other events may come first.
  for (char event[512]; done;) {
    const auto size = ::recv(fd, event, sizeof event, 0);
    if (size < 0) done = false;
    if (size < 9 || (event[0] != 1 && event[0] != 2) || event[6] != 0x4a || event[7] != 0) continue;
    done = event[0] == 1 && event[8] == 0;
    break;
  }
  if (fd >= 0) ::close(fd);
  return done;
}
