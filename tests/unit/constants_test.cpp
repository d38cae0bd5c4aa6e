// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// registry::constant() and find_constant(): values of the constants that this platform has, by name.
#include <gtest/gtest.h>
#include <linux/can.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <afplug/registry.hpp>

namespace {

afplug::registry& registry() { return afplug::registry::global(); }

TEST(constants, have_the_values_of_the_headers) {
  EXPECT_EQ(registry().constant("SO_REUSEADDR"), SO_REUSEADDR);
  EXPECT_EQ(registry().constant("AF_APPLETALK"), AF_APPLETALK);
  EXPECT_EQ(registry().constant("TCP_NODELAY"), TCP_NODELAY);
  EXPECT_EQ(registry().constant("CAN_EFF_FLAG"), CAN_EFF_FLAG);
  EXPECT_EQ(registry().constant("EAI_NONAME"), -2);
}

TEST(constants, of_other_platforms_are_not_found) {
  for (const char* name : {"AF_HYPERV", "SO_USELOOPBACK", "SIO_RCVALL", "so_reuseaddr", "SO_", ""}) {
    EXPECT_EQ(registry().constant(name), std::nullopt) << name;
    EXPECT_EQ(registry().find_constant(name), nullptr) << name;
  }
}

TEST(constants, may_be_text) {
  const auto* any = registry().find_constant("BDADDR_ANY");
  ASSERT_NE(any, nullptr);
  EXPECT_STREQ(any->text, "00:00:00:00:00:00");
  EXPECT_STREQ(any->group, "BDADDR_");
  EXPECT_EQ(registry().constant("BDADDR_ANY"), std::nullopt);
}

TEST(constants, of_a_family_without_a_plugin_are_not_found) {
  afplug::registry_options options;
  options.use_environment = options.use_install_directory = false;
  afplug::registry empty(options);
  EXPECT_EQ(empty.constant("TCP_NODELAY"), std::nullopt);
  EXPECT_EQ(empty.constant("SO_REUSEADDR"), SO_REUSEADDR);
}

}  // namespace
