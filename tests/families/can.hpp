// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Tests of CAN run on a virtual interface: a real bus may have a car at its other end.
#pragma once

#include <net/if_arp.h>

#include <afplug/can.hpp>

#include "support.hpp"

namespace families {

class can_test : public row_test {
 protected:
  can_test(int type, int protocol) : row_test("can", type, protocol) {}
  void SetUp() override {
    row_test::SetUp();
    if (IsSkipped()) return;
    for (const auto& name : interfaces(ARPHRD_CAN))
      if (bus.empty() && name.starts_with("vcan")) bus = name;
    if (bus.empty()) GTEST_SKIP() << "can: there is no virtual CAN interface: ip link add vcan0 type vcan";
  }
  std::string bus;  ///< "vcan0"
};

/// A frame from its text, which must be right.
inline afplug::can::frame frame(std::string_view text) { return afplug::can::frame::parse(text).value(); }

/// The text of the next frame; of one of another size than a frame's: how many bytes.
inline std::string receive_frame(afplug::socket& s) {
  const auto bytes = receive(s);
  const auto f = afplug::can::frame::from(std::as_bytes(std::span(bytes)));
  return f ? f->to_string() : std::to_string(bytes.size()) + " bytes";
}

inline void send_frame(afplug::socket& s, std::string_view text) { s.send(frame(text).bytes()); }

}  // namespace families
