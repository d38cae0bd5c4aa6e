// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <afplug/bluetooth.hpp>
#include <afplug/socket.hpp>
#include <chrono>
#include <string>

/// Switches the kernel's experimental ISO sockets (net/bluetooth/iso.c) on or off by the management command "Set
/// Experimental Feature". Returns false where the kernel refuses; the command needs CAP_NET_ADMIN.
inline bool enable_iso_sockets(bool on) {
  namespace bt = afplug::bluetooth;
  afplug::error_code ec;
  const auto& family = afplug::registry::global().family("bluetooth");
  auto s = afplug::socket::open(family, SOCK_RAW, bt::hci, ec);
  if (ec) return false;
  s.bind("none?channel=3", ec);
  if (ec) return false;
  s.timeout(std::chrono::seconds(5));
  std::string command("\x4a\x00\xff\xff\x11\x00\x3e\xe0\xb4\xfd\xdd\xd6\x85\x98\x6a\x49\xe0\x05\x88\xf1\xba\x6f", 22);
  command += on ? '\1' : '\0';
  s.send(command, 0, ec);
  // Waits for Command Complete (event 1) of command 0x4a with status 0. Other events may arrive first.
  for (char event[512]; !ec;) {
    const auto n = s.recv(event, 0, ec);
    if (ec || n < 9 || event[6] != 0x4a || event[7] != 0) continue;
    return event[0] == 1 && event[8] == 0;
  }
  return false;
}
