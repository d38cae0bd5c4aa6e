// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Fixture and helpers of the tests of address families. Whether a test is skipped is decided by system calls of its
// own, never by afplug: a defect in afplug must fail a test.
#pragma once

#include <gtest/gtest.h>
#include <net/if.h>

#include <afplug/socket.hpp>
#include <afplug/verdict.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "../support/errors.hpp"
#include "../support/pattern.hpp"

namespace families {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;
using afplug::address;
using afplug::error_code;
using afplug::testing_support::pattern;
using afplug::testing_support::sys;

/// Timeout of every socket in the tests. It only keeps a failing test from hanging.
inline constexpr auto io_timeout = 60s;

/// The arguments of socket(2).
struct native_protocol {
  int domain;
  afplug::socket_type type;
  int protocol;
};

/// Opens a socket with socket(2) and closes it. Returns 0 or errno.
int try_socket(const native_protocol& native);

/// Why the kernel does not offer such sockets to this process: the error text of socket(2). Empty if it does. Throws
/// std::system_error if socket(2) fails with an error that does not mean this, such as EMFILE.
std::string socket_unavailable(const native_protocol& native);

/// Fixture for tests of one protocol. Skips the test if socket(2) cannot open such sockets, and fails it if the
/// family's plugin cannot be loaded.
class protocol_test : public testing::Test {
 protected:
  /// Where afplug's type and protocol are the numbers that socket(2) takes.
  protocol_test(std::string_view family, int domain, afplug::socket_type type, int protocol = 0)
      : protocol_test(family, type, protocol, native_protocol{domain, type, protocol}) {}
  protocol_test(std::string_view family, afplug::socket_type type, int protocol, const native_protocol& native)
      : family_(family), type_(type), protocol_(protocol), native_(native) {}
  void SetUp() override;

  /// A new socket with `io_timeout`.
  afplug::socket open() const;
  /// The same, bound to an address text.
  afplug::socket bound(std::string_view text) const;
  /// The address that a text of this protocol means.
  address at(std::string_view text) const { return address(family_, text, type_, protocol_); }

 private:
  std::string_view family_;
  afplug::socket_type type_;
  int protocol_;
  native_protocol native_;
};

/// Receives one message of at most `capacity` bytes.
std::string receive(afplug::socket& s, std::size_t capacity = 1 << 17);
/// The same with its flags and its sender's address.
struct message {
  std::string data;
  int flags = 0;
  address from;
};
message receive_message(afplug::socket& s, std::size_t capacity = 1 << 17);

/// True if a non-blocking receive fails with EAGAIN: the receive queue is empty.
bool receive_would_block(afplug::socket& s);

/// Runs a shell command. Returns whether its exit status is 0.
bool run(const std::string& command);

/// The network interfaces of an ARPHRD_ type, sorted by name.
std::vector<std::string> interfaces(int hardware_type);
/// The type and hardware address of an interface of this thread's network namespace (SIOCGIFHWADDR); all zeros if there
/// is no such interface. /sys/class/net may show another namespace's interfaces.
sockaddr hardware_address(const std::string& interface);

}  // namespace families
