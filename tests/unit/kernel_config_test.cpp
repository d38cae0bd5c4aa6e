// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// /proc/config.gz, where afplug::explain() looks for the kernel's configuration. The library reads it once in a
// process, so that each case is a child process, in which a directory with one such file is mounted at /proc.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <afplug/verdict.hpp>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "../support/plugin_files.hpp"

namespace {

using namespace afplug::testing_support;
using namespace std::string_literals;

// A gzip file (RFC 1952) with one stored block (RFC 1951, section 3.2.4). `size`: that of the text according to the
// last four bytes. The checksum before them is 0: the library does not verify it.
std::string gzip(std::string_view text, std::uint32_t size) {
  const auto little_endian = [](std::uint32_t number, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(number >> (8 * i));
    return out;
  };
  const auto length = static_cast<std::uint16_t>(text.size());
  return "\x1f\x8b\x08\0\0\0\0\0\0\x03\x01"s + little_endian(length, 2) + little_endian(~length, 2) +
         std::string(text) + little_endian(0, 4) + little_endian(size, 4);
}

enum result { not_built, built, not_permitted };

// What explain() finds out about a family of CONFIG_AFPLUG_TEST where this is /proc/config.gz.
result explain_with(const std::string& config) {
  const temporary_directory dir;
  copy_plugin("with_config", dir.path());
  afplug::registry r(search_only({dir.path()}));
  const auto& family = r.family("good");
  const auto proc = dir.subdirectory("proc");
  std::ofstream(proc / "config.gz", std::ios::binary) << config;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS | (::geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount(proc.c_str(), "/proc", nullptr, MS_BIND, nullptr) != 0)
      ::_exit(not_permitted);
    const auto detail = afplug::explain(family, SOCK_STREAM, 0, EAFNOSUPPORT).detail;
    ::_exit(detail.find("has no AF_GOOD") == detail.npos ? built : not_built);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status)) << status;
  return static_cast<result>(WEXITSTATUS(status));
}

TEST(kernel_config, is_used_up_to_16_MiB) {
  constexpr std::uint32_t limit = 16u << 20;
  const auto text = "CONFIG_AFPLUG_TEST=y\n"s;
  const auto size = static_cast<std::uint32_t>(text.size());
  const auto first = explain_with(gzip(text, size));
  if (first == not_permitted) GTEST_SKIP() << "unshare(2) or mount(2) is not permitted";
  EXPECT_EQ(first, built);
  EXPECT_EQ(explain_with(gzip("CONFIG_AFPLUG=y\n", 16)), not_built);
  EXPECT_EQ(explain_with(gzip(text, limit)), built);
  EXPECT_EQ(explain_with(gzip(text, limit + 1)), not_built);
  EXPECT_EQ(explain_with(gzip(text, UINT32_MAX)), not_built);
}

TEST(kernel_config, is_ignored_if_malformed) {
  const auto whole = gzip("CONFIG_AFPLUG_TEST=y\n", 21);
  for (const std::size_t size : {0u, 1u, 10u, 17u, 18u}) {
    const auto found = explain_with(whole.substr(0, size));
    if (found == not_permitted) GTEST_SKIP() << "unshare(2) or mount(2) is not permitted";
    EXPECT_EQ(found, not_built) << size;
  }
  for (std::size_t at = 0; at < 4; ++at) {
    auto other = whole;
    other[at] = static_cast<char>(other[at] ^ 0x08);
    EXPECT_EQ(explain_with(other), not_built) << at;
  }
}

}  // namespace
