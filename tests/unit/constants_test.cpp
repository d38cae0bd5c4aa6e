// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Constants by name at run time: a value where this platform has it, nothing where not.
#include <gtest/gtest.h>
#include <linux/can.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <afplug/registry.hpp>

namespace {

afplug::registry& all() { return afplug::registry::global(); }

TEST(constants, of_core_and_of_families_have_the_platforms_values) {
  EXPECT_EQ(all().constant("SO_REUSEADDR"), SO_REUSEADDR);
  EXPECT_EQ(all().constant("AF_APPLETALK"), AF_APPLETALK);
  EXPECT_EQ(all().constant("TCP_NODELAY"), TCP_NODELAY);
  EXPECT_EQ(all().constant("CAN_EFF_FLAG"), CAN_EFF_FLAG);
  EXPECT_EQ(all().constant("EAI_NONAME"), -2);
}

TEST(constants, of_other_platforms_are_not_there) {
  for (const char* name : {"AF_HYPERV", "SO_USELOOPBACK", "SIO_RCVALL", "so_reuseaddr", "SO_", ""}) {
    EXPECT_EQ(all().constant(name), std::nullopt) << name;
    EXPECT_EQ(all().find_constant(name), nullptr) << name;
  }
}

TEST(constants, may_be_text) {
  const auto* any = all().find_constant("BDADDR_ANY");
  ASSERT_NE(any, nullptr);
  EXPECT_STREQ(any->text, "00:00:00:00:00:00");
  EXPECT_STREQ(any->group, "BDADDR_");
  EXPECT_EQ(all().constant("BDADDR_ANY"), std::nullopt);
}

TEST(constants, of_a_family_that_cannot_be_loaded_are_not_there) {
  afplug::registry_options options;
  options.use_environment = options.use_install_directory = false;
  afplug::registry nothing(options);
  EXPECT_EQ(nothing.constant("TCP_NODELAY"), std::nullopt);
  EXPECT_EQ(nothing.constant("SO_REUSEADDR"), SO_REUSEADDR);
}

}  // namespace
