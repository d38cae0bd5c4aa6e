// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Fixture and helpers of the tests of CAN. They use virtual interfaces only, because a physical bus may control a
// machine.
#pragma once

#include <net/if_arp.h>

#include <afplug/can.hpp>

#include "support.hpp"

namespace families {

class can_test : public protocol_test {
 protected:
  can_test(afplug::socket_type type, int protocol) : protocol_test("can", AF_CAN, type, protocol) {}
  void SetUp() override {
    protocol_test::SetUp();
    if (IsSkipped()) return;
    for (const auto& name : interfaces(ARPHRD_CAN))
      if (bus.empty() && name.starts_with("vcan")) bus = name;
    if (bus.empty()) GTEST_SKIP() << "can: there is no virtual CAN interface: ip link add vcan0 type vcan";
  }
  std::string bus;  ///< name of the interface, "vcan0"
};

/// Parses the text of a frame. Throws if it is malformed.
inline afplug::can::frame frame(std::string_view text) { return afplug::can::frame::parse(text).value(); }

/// Receives a frame and returns its text, or "N bytes" if the message does not have the size of a frame.
inline std::string receive_frame(afplug::socket& s) {
  const auto bytes = receive(s);
  const auto f = afplug::can::frame::from_bytes(std::as_bytes(std::span(bytes)));
  return f ? f->to_string() : std::to_string(bytes.size()) + " bytes";
}

inline void send_frame(afplug::socket& s, std::string_view text) { s.send(frame(text).bytes()); }

}  // namespace families
