// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Platform truth as a program asks for it; the situations that take another process are in tests/command/truth_test.py.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <afplug/registry.hpp>
#include <afplug/socket.hpp>
#include <afplug/verdict.hpp>

#include <cerrno>
#include <string>
#include <vector>

namespace {

using afplug::check_flags;
using afplug::verdict;
using state_t = verdict::state_t;

const afplug::family& unix_family() { return afplug::registry::global().family("unix"); }
const afplug::family& inet_family() { return afplug::registry::global().family("inet"); }

/// The lowest free descriptor: where anything leaked it is another.
int next_descriptor() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(fd);
  return fd;
}

TEST(verdict, opens_and_leaves_nothing_behind) {
  const auto& f = unix_family();
  const int before = next_descriptor();
  for (const auto& r : f.rows()) {
    if (r.flags & AFPLUG_ROW_HIDDEN) continue;
    const verdict v = afplug::check(f, r);
    EXPECT_TRUE(v.available()) << v.detail;
    EXPECT_EQ(v.error, 0);
    EXPECT_EQ(v.reason, "");
  }
  EXPECT_EQ(next_descriptor(), before);
}

TEST(verdict, keeps_errno_and_the_last_detail) {
  const auto& here = unix_family();
  const auto& there = inet_family();
  afplug::error_code ec;
  afplug::registry::global().family("nosuch", ec);
  const std::string detail(afplug::last_detail());
  ASSERT_FALSE(detail.empty());
  errno = ELOOP;
  afplug::check(here, SOCK_STREAM, 0);
  afplug::check(there, SOCK_STREAM, 9999);
  EXPECT_EQ(errno, ELOOP);
  EXPECT_EQ(afplug::last_detail(), detail);
}

TEST(verdict, without_a_descriptor_left_nothing_is_known) {
  const auto& f = unix_family();
  ::rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  const int taken = next_descriptor();
  ::rlimit tight = old;
  tight.rlim_cur = static_cast<rlim_t>(taken);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  const verdict v = afplug::check(f, SOCK_STREAM, 0);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
  EXPECT_EQ(v.state, state_t::unknown);
  EXPECT_EQ(v.error, EMFILE);
  EXPECT_EQ(v.reason, "resource-limit");
  EXPECT_NE(v.detail.find(std::to_string(taken)), v.detail.npos) << v.detail;
  EXPECT_EQ(v.remedy, "ulimit -n " + std::to_string(old.rlim_max));
}

TEST(verdict, each_errno_has_its_reason) {
  struct expectation {
    int error;
    state_t state;
    const char* reason;
  };
  // AF_UNIX is in every kernel that these tests run on: that it should be missing is another's word, or a switch.
  const expectation all[] = {
      {EAFNOSUPPORT, state_t::unavailable, "kernel-lacks-family"},
      {EPROTONOSUPPORT, state_t::unavailable, "kernel-lacks-protocol"},
      {ESOCKTNOSUPPORT, state_t::unavailable, "kernel-lacks-protocol"},
      {EINVAL, state_t::unavailable, "kernel-lacks-protocol"},
      {ENFILE, state_t::unknown, "resource-limit"},
      {ENOBUFS, state_t::unknown, "resource-limit"},
      {ENOMEM, state_t::unknown, "resource-limit"},
      {ENODEV, state_t::unavailable, "no-device"},
      {ENXIO, state_t::unavailable, "no-device"},
      {EIO, state_t::unavailable, "probe-failed"},
  };
  for (const auto& [error, state, reason] : all) {
    const verdict v = afplug::explain(unix_family(), SOCK_STREAM, 0, error);
    EXPECT_EQ(v.state, state) << error;
    EXPECT_EQ(v.error, error);
    EXPECT_NE(v.detail, "") << error;
    // In a container the same answers may come from its walls.
    if (v.reason != "sandbox") {
      EXPECT_EQ(v.reason, reason) << error << ": " << v.detail;
    }
  }
  EXPECT_TRUE(afplug::explain(unix_family(), SOCK_STREAM, 0, 0).available());
}

TEST(verdict, a_type_or_protocol_that_the_table_has_not) {
  const verdict protocol = afplug::check(inet_family(), SOCK_STREAM, 9999);
  EXPECT_EQ(protocol.state, state_t::unavailable);
  EXPECT_EQ(protocol.reason, "kernel-lacks-protocol");
  EXPECT_NE(protocol.error, 0);
  EXPECT_NE(protocol.detail, "");
}

TEST(verdict, flags_in_the_type_are_ignored) {
  EXPECT_TRUE(afplug::check(unix_family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0).available());
}

TEST(verdict, a_family_without_a_plugin) {
  afplug::error_code ec;
  ASSERT_EQ(afplug::registry::global().family("nosuch", ec), nullptr);
  const verdict v = afplug::explain("nosuch", ec);
  EXPECT_EQ(v.state, state_t::unavailable);
  EXPECT_EQ(v.reason, "plugin-missing");
  EXPECT_NE(v.detail.find("no plugin answers"), v.detail.npos) << v.detail;
  EXPECT_NE(v.remedy, "");
  EXPECT_EQ(afplug::explain("x", afplug::errc::plugin_refused, "x: x.so has no note").reason, "plugin-refused");
  EXPECT_EQ(afplug::explain("x", afplug::errc::plugin_refused, "x: x.so has no note").detail, "x.so has no note");
}

TEST(verdict, states_have_names) {
  EXPECT_EQ(afplug::to_string(state_t::available), "available");
  EXPECT_EQ(afplug::to_string(state_t::unavailable), "unavailable");
  EXPECT_EQ(afplug::to_string(state_t::unknown), "unknown");
}

}  // namespace
