// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The listen and connect commands over CAN protocols, whose sockets have no connections.
#include <fstream>
#include <sstream>

#include "../support/temporary_directory.hpp"
#include "can.hpp"

namespace families {
namespace {

std::string contents(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path, std::ios::binary).rdbuf();
  return all.str();
}

// Sends `input` with `connect`. Returns what `listen` wrote.
std::string transfer(const std::string& listener, const std::string& sender, const std::string& input) {
  const afplug::testing_support::temporary_directory tmp;
  std::ofstream(tmp / "in", std::ios::binary) << input;
  const std::string command = "timeout 60 " AFPLUG_COMMAND, out = tmp / "out", ready = tmp / "ready";
  EXPECT_TRUE(run(command + " listen " + listener + " </dev/null >" + out + " 2>" + ready + " & listener=$!; " +
                  "while kill -0 $listener 2>/dev/null && ! grep -qs listening " + ready + "; do sleep 0.1; done; " +
                  command + " connect " + sender + " --idle 1 <" + (tmp / "in").string() + "; ended=$?; " +
                  "while kill -0 $listener 2>/dev/null && [ $(wc -c <" + out + ") -lt " + std::to_string(input.size()) +
                  " ]; do sleep 0.1; done; kill $listener 2>/dev/null; exit $ended"));
  return contents(out);
}

class can_command : public can_test {
 protected:
  can_command() : can_test(SOCK_RAW, CAN_RAW) {}
};

TEST_F(can_command, transfers_frames) {
  const auto f = frame("123#DEADBEEF");
  const std::string bytes(reinterpret_cast<const char*>(f.bytes().data()), f.bytes().size());
  EXPECT_EQ(transfer("can " + bus, "can " + bus, bytes), bytes);
}

TEST_F(can_command, idle_ends_a_listener_that_receives_nothing) {
  EXPECT_TRUE(run("timeout 60 " AFPLUG_COMMAND " listen can " + bus + " --idle 0.5 </dev/null 2>/dev/null"));
}

class can_isotp_command : public can_test {
 protected:
  can_isotp_command() : can_test(SOCK_DGRAM, CAN_ISOTP) {}
};

TEST_F(can_isotp_command, transfers_messages) {
  EXPECT_TRUE(transfer("can:isotp '" + bus + "?rx=0x3f0&tx=0x3f1'", "can:isotp '" + bus + "?rx=0x3f1&tx=0x3f0'",
                       pattern(2000)) == pattern(2000));
}

class can_j1939_command : public can_test {
 protected:
  can_j1939_command() : can_test(SOCK_DGRAM, CAN_J1939) {}
};

TEST_F(can_j1939_command, transfers_messages) {
  EXPECT_TRUE(transfer("can:j1939 '" + bus + "?addr=0x61'",
                       "can:j1939 '" + bus + "?pgn=0x12300&addr=0x61' --bind '" + bus + "?addr=0x60'",
                       pattern(100)) == pattern(100));
}

}  // namespace
}  // namespace families
