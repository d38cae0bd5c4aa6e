// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Plugins are loaded on first use only: checks which are mapped into the process (/proc/self/maps).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <afplug/socket.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace {

// The plugins that are mapped into this process.
std::set<std::string> mapped_plugins() {
  std::set<std::string> names;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const auto at = line.find('/');
    if (at == line.npos) continue;
    const std::filesystem::path file = line.substr(at);
    if (file.parent_path().filename() == "afplug" && file.extension() == ".so") names.insert(file.stem());
  }
  return names;
}

TEST(lazy_loading, opening_a_family_maps_its_plugin_and_no_other) {
  EXPECT_THAT(mapped_plugins(), testing::IsEmpty());
  EXPECT_THAT(afplug::registry::global().families(),
              testing::Contains(testing::Field(&afplug::plugin_info::family, "loop")));
  EXPECT_THAT(mapped_plugins(), testing::IsEmpty()) << "listing loads nothing";
  const afplug::socket tcp("inet", SOCK_STREAM);
  EXPECT_THAT(mapped_plugins(), testing::ElementsAre("inet"));
  const afplug::socket again(AF_INET, SOCK_DGRAM);
  EXPECT_THAT(mapped_plugins(), testing::ElementsAre("inet"));
  const afplug::socket local("unix", SOCK_STREAM);
  EXPECT_THAT(mapped_plugins(), testing::ElementsAre("inet", "unix"));
}

}  // namespace
