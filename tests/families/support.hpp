// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What the families' tests stand on: a fixture that opens sockets of one row, or skips in afplug's own words.
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

/// Longest wait for what must happen; nothing that works comes near it.
inline constexpr auto patience = 60s;

/// Why sockets of that row carry nothing on this machine, as afplug says it; empty: they do.
std::string lacking(std::string_view family, int type, int protocol = 0);

/// Sockets of one row. Every one that it opens has `patience` as its timeout, so that no test hangs.
class row_test : public testing::Test {
 protected:
  row_test(std::string_view family, int type, int protocol = 0) : family_(family), type_(type), protocol_(protocol) {}
  void SetUp() override;

  afplug::socket open() const;
  address at(std::string_view text) const { return address(family_, text, type_, protocol_); }
  afplug::socket bound(std::string_view text) const;
  std::string_view family() const { return family_; }

 private:
  std::string_view family_;
  int type_, protocol_;
};

/// What one recv gives.
std::string receive(afplug::socket& s, std::size_t room = 1 << 17);
/// The same with the flags and the sender.
struct message {
  std::string data;
  int flags = 0;
  address from;
};
message receive_message(afplug::socket& s, std::size_t room = 1 << 17);

/// Whether nothing waits to be received.
bool silent(afplug::socket& s);

/// Runs a shell command; false: it failed.
bool run(const std::string& command);

/// Network interfaces of that ARPHRD_ type, in order.
std::vector<std::string> interfaces(int hardware_type);
/// The hardware address and type of an interface.
sockaddr hardware_of(const std::string& interface);

}  // namespace families
