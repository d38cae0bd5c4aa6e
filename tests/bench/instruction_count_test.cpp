// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What an operation costs in user space, in instructions: the one number that does not depend on what else the machine
// does.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace {

// Instructions of a whole run, by callgrind.
long instructions(const std::string& what, int times) {
  const auto command = "valgrind --tool=callgrind --callgrind-out-file=/dev/null " AFPLUG_OPERATIONS " " + what + " " +
                       std::to_string(times) + " 2>&1";
  const std::unique_ptr<FILE, int (*)(FILE*)> child(::popen(command.c_str(), "r"), ::pclose);
  char line[512];
  std::string all;
  long found = -1;
  while (child && std::fgets(line, sizeof line, child.get()) != nullptr) {
    all += line;
    if (const auto at = std::string_view(line).find("Collected : "); at != std::string_view::npos)
      found = std::atol(line + at + 12);
  }
  EXPECT_GT(found, 0) << command << "\n" << all;
  return found;
}

// Of one operation: a send or a recv.
double each(const std::string& what) {
  constexpr int few = 1000, many = 5000;
  return static_cast<double>(instructions(what, many) - instructions(what, few)) / (2.0 * (many - few));
}

TEST(instructions, an_operation_costs_at_most_14_more_than_the_bare_call) {
  if (std::string_view(AFPLUG_SANITIZED) != "") GTEST_SKIP() << "a sanitizer's instructions would be counted";
  if (std::string_view(AFPLUG_BUILT_AS) != "Release") GTEST_SKIP() << "counts what a Release build costs";
  const double bare = each("bare"), ours = each("afplug");
  RecordProperty("bare", std::to_string(bare));
  RecordProperty("afplug", std::to_string(ours));
  std::printf("instructions an operation: bare %.1f, afplug %.1f\n", bare, ours);
  EXPECT_LE(ours - bare, 14);
}

}  // namespace
