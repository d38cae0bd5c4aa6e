// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug::check() and explain(). What needs another process (missing capabilities, seccomp filters, namespaces) is
// tested in tests/command.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <afplug/plugin/encoding.hpp>
#include <afplug/registry.hpp>
#include <afplug/socket.hpp>
#include <afplug/verdict.hpp>

#include <cerrno>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "../support/plugin_files.hpp"

namespace {

using afplug::check_flags;
using afplug::verdict;
using state_t = verdict::state_t;

const afplug::family& unix_family() { return afplug::registry::global().family("unix"); }
const afplug::family& inet_family() { return afplug::registry::global().family("inet"); }

/// The lowest free descriptor, which changes if descriptors leak.
int next_descriptor() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(fd);
  return fd;
}

TEST(verdict, check_leaves_no_descriptor_open) {
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

TEST(verdict, check_keeps_errno_and_last_detail) {
  const auto& unix = unix_family();
  const auto& inet = inet_family();
  afplug::error_code ec;
  afplug::registry::global().family("nosuch", ec);
  const std::string detail(afplug::last_detail());
  ASSERT_FALSE(detail.empty());
  errno = ELOOP;
  afplug::check(unix, SOCK_STREAM, 0);
  afplug::check(inet, SOCK_STREAM, 9999);
  EXPECT_EQ(errno, ELOOP);
  EXPECT_EQ(afplug::last_detail(), detail);
}

TEST(verdict, without_free_descriptors_check_is_unknown) {
  const auto& f = unix_family();
  ::rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  const int limit = next_descriptor();
  ::rlimit tight = old;
  tight.rlim_cur = static_cast<rlim_t>(limit);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  const verdict v = afplug::check(f, SOCK_STREAM, 0);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
  EXPECT_EQ(v.state, state_t::unknown);
  EXPECT_EQ(v.error, EMFILE);
  EXPECT_EQ(v.reason, "resource-limit");
  EXPECT_NE(v.detail.find(std::to_string(limit)), v.detail.npos) << v.detail;
  EXPECT_EQ(v.remedy, "ulimit -n " + std::to_string(old.rlim_max));
}

/// Whether a seccomp filter is in force, proc_pid_status(5).
bool has_seccomp_filter() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("Seccomp:")) return line.find_first_of("12") != line.npos;
  return false;
}

/// Whether this is not the initial network namespace, which alone has this setting.
bool in_network_namespace() { return ::access("/proc/sys/net/core/netdev_budget", F_OK) != 0; }

TEST(verdict, each_errno_has_its_reason) {
  struct expectation {
    int error;
    state_t state;
    const char* reason;
  };
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
    // A kernel that is known to have AF_UNIX can only report these errors because of a sandbox.
    const bool lacks = std::string_view(reason).starts_with("kernel-lacks-");
    if (lacks && (has_seccomp_filter() || (error == EAFNOSUPPORT && in_network_namespace()))) {
      EXPECT_TRUE(v.reason == reason || v.reason == "sandbox") << error << ": " << v.reason << ": " << v.detail;
    } else {
      EXPECT_EQ(v.reason, reason) << error << ": " << v.detail;
    }
  }
  EXPECT_TRUE(afplug::explain(unix_family(), SOCK_STREAM, 0, 0).available());
}

TEST(verdict, types_and_protocols_without_a_row_are_unavailable) {
  const auto& loop = afplug::registry::global().family("loop");  // has no row that passes others to the kernel
  const struct {
    afplug::socket_type type;
    int protocol, error;
  } cases[] = {{SOCK_STREAM, 9, EPROTONOSUPPORT}, {SOCK_RDM, 0, ESOCKTNOSUPPORT}};
  for (const auto& [type, protocol, error] : cases) {
    for (const verdict& v : {afplug::check(loop, type, protocol), afplug::explain(loop, type, protocol, error)}) {
      EXPECT_EQ(v.state, state_t::unavailable);
      EXPECT_EQ(v.reason, "kernel-lacks-protocol");
      EXPECT_EQ(v.error, error);
      EXPECT_EQ(v.remedy, "afplug caps loop");
    }
  }
}

TEST(verdict, unknown_types_and_protocols_are_unavailable) {
  const struct {
    afplug::socket_type type;
    int protocol, error;
  } cases[] = {{SOCK_STREAM, 250, EPROTONOSUPPORT}, {SOCK_STREAM, 9999, EINVAL}, {SOCK_RDM, 0, ESOCKTNOSUPPORT}};
  for (const auto& [type, protocol, error] : cases) {
    const verdict v = afplug::check(inet_family(), type, protocol);
    EXPECT_EQ(v.state, state_t::unavailable) << type << ' ' << protocol;
    EXPECT_EQ(v.reason, "kernel-lacks-protocol") << type << ' ' << protocol;
    EXPECT_EQ(v.error, error) << type << ' ' << protocol;
    EXPECT_NE(v.detail, "") << type << ' ' << protocol;
  }
}

TEST(verdict, flags_in_the_type_are_ignored) {
  EXPECT_TRUE(
      afplug::check(unix_family(), afplug::socket_type(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC), 0).available());
}

TEST(verdict, family_without_a_plugin_is_unavailable) {
  afplug::error_code ec;
  ASSERT_EQ(afplug::registry::global().family("nosuch", ec), nullptr);
  const verdict v = afplug::explain("nosuch", ec);
  EXPECT_EQ(v.state, state_t::unavailable);
  EXPECT_EQ(v.reason, "plugin-missing");
  EXPECT_NE(v.detail.find("no plugin provides"), v.detail.npos) << v.detail;
  EXPECT_NE(v.remedy, "");
  EXPECT_EQ(afplug::explain("x", afplug::errc::plugin_refused, "x: x.so has no note").reason, "plugin-refused");
  EXPECT_EQ(afplug::explain("x", afplug::errc::plugin_refused, "x: x.so has no note").detail, "x.so has no note");
}

// A remedy that is longer than afplug_verdict::remedy is cut to it, and not within a UTF-8 character.
TEST(verdict, texts_for_the_check_of_a_plugin_end_between_characters) {
  const afplug::testing_support::temporary_directory dir;
  afplug::testing_support::copy_plugin("check_sets_state", dir.path());
  afplug::registry r(afplug::testing_support::search_only({dir.path()}));
  const auto& f = r.family("good");
  const std::string whole = afplug::explain(f, SOCK_STREAM, 0, EAFNOSUPPORT).remedy;
  constexpr std::size_t longest = sizeof(afplug_verdict::remedy) - 1;
  ASSERT_GT(whole.size(), longest);
  ASSERT_EQ(whole[longest] & 0xc0, 0x80) << "the limit is between two characters";
  const verdict v = afplug::check(f, SOCK_STREAM, 0);
  ASSERT_EQ(v.error, EAFNOSUPPORT);
  EXPECT_EQ(v.state, state_t::unknown) << "the plugin's check was not called";
  const std::string& remedy = v.remedy;
  EXPECT_TRUE(whole.starts_with(remedy)) << remedy;
  EXPECT_GT(remedy.size(), longest - 3);
  for (std::string_view rest = remedy; !rest.empty();) {
    const auto size = afplug::plugin::utf8_length(rest);
    ASSERT_NE(size, 0u) << remedy;
    rest.remove_prefix(size);
  }
}

TEST(verdict, states_have_names) {
  EXPECT_EQ(afplug::to_string(state_t::available), "available");
  EXPECT_EQ(afplug::to_string(state_t::unavailable), "unavailable");
  EXPECT_EQ(afplug::to_string(state_t::unknown), "unknown");
}

}  // namespace
