// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <afplug/bluetooth.hpp>
#include <afplug/socket.hpp>
#include <chrono>
#include <string>

/// Bluetooth's isochronous sockets are an experimental feature, which the management channel switches. False: it could
/// not.
inline bool switch_isochronous(bool on) {
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
  // Command complete (1) of that command with status 0; other events may come before.
  for (char event[512]; !ec;) {
    const auto n = s.recv(event, 0, ec);
    if (ec || n < 9 || event[6] != 0x4a || event[7] != 0) continue;
    return event[0] == 1 && event[8] == 0;
  }
  return false;
}
