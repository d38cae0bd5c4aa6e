// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The registry is changed while other threads open sockets and transfer data.
#include <gtest/gtest.h>

#include <afplug/registry.hpp>
#include <afplug/socket.hpp>
#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "../support/temporary_directory.hpp"

namespace afplug {
namespace {

/// Opens pairs and sends over them until `stop`. Returns how often that succeeded; the only other result is that the
/// family was unloaded.
long transfer(const char* family, const std::atomic<bool>& stop) {
  long done = 0;
  std::array<char, 16> buffer{};
  while (!stop) {
    error_code ec;
    const auto* f = registry::global().family(family, ec);
    if (f == nullptr) {
      EXPECT_EQ(ec, errc::family_unloaded) << last_detail();
      continue;
    }
    auto [a, b] = socket::pair(*f, SOCK_STREAM, 0, ec);
    EXPECT_FALSE(ec) << last_detail();
    a.send(const_bytes("hello", 5), 0, ec);
    EXPECT_EQ(b.recv(mutable_bytes(buffer.data(), buffer.size()), 0, ec), 5u);
    static_cast<void>(b.getsockname(ec).to_string());
    ++done;
  }
  return done;
}

TEST(registry_traffic, rescan_add_directory_and_unload) {
  constexpr int rounds = 200;
  const testing_support::temporary_directory top;
  auto& r = registry::global();
  std::atomic<bool> stop{false};
  std::atomic<long> transfers{0};
  std::vector<std::jthread> threads;
  for (const char* family : {"unix", "loop", "unix", "loop"})
    threads.emplace_back([&, family] { transfers += transfer(family, stop); });
  long unloaded = 0, in_use = 0;
  for (int i = 0; i < rounds; ++i) {
    if (i % 20 == 0) r.add_directory(top.subdirectory(std::to_string(i)));
    r.rescan();
    EXPECT_FALSE(r.families().empty());
    error_code ec;
    r.unload(i % 2 == 0 ? "loop" : "unix", ec);
    if (ec) {
      EXPECT_EQ(ec, errc::family_in_use) << last_detail();
      ++in_use;
    } else {
      ++unloaded;
    }
  }
  r.rescan();
  stop = true;
  threads.clear();
  EXPECT_GT(transfers, 0);
  EXPECT_GE(unloaded, rounds / 2) << "sockets of kernel families do not prevent it";
  EXPECT_EQ(unloaded + in_use, rounds);
}

}  // namespace
}  // namespace afplug
