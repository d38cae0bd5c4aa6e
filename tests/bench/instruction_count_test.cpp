// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Counts the user-space instructions of a send or receive. Unlike a time, the number does not depend on the machine's
// load.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace {

// The instructions of one run of bench_operations, counted by valgrind's callgrind.
long count_instructions(const std::string& what, int times) {
  const auto command = "valgrind --tool=callgrind --callgrind-out-file=/dev/null " AFPLUG_OPERATIONS " " + what + " " +
                       std::to_string(times) + " 2>&1";
  const std::unique_ptr<FILE, int (*)(FILE*)> child(::popen(command.c_str(), "r"), ::pclose);
  char line[512];
  std::string output;
  long found = -1;
  while (child && std::fgets(line, sizeof line, child.get()) != nullptr) {
    output += line;
    if (const auto at = std::string_view(line).find("Collected : "); at != std::string_view::npos)
      found = std::atol(line + at + 12);
  }
  EXPECT_GT(found, 0) << command << "\n" << output;
  return found;
}

// The instructions of one send or receive.
double instructions_per_operation(const std::string& what) {
  constexpr int few = 1000, many = 5000;
  return static_cast<double>(count_instructions(what, many) - count_instructions(what, few)) / (2.0 * (many - few));
}

TEST(instruction_count, an_operation_takes_at_most_14_more_than_the_system_call) {
  if (std::string_view(AFPLUG_SANITIZED) != "") GTEST_SKIP() << "would count the sanitizer's instructions";
  if (std::string_view(AFPLUG_BUILT_AS) != "Release") GTEST_SKIP() << "the limit is for Release builds";
  const double bare = instructions_per_operation("bare"), ours = instructions_per_operation("afplug");
  RecordProperty("bare", std::to_string(bare));
  RecordProperty("afplug", std::to_string(ours));
  std::printf("instructions per operation: bare %.1f, afplug %.1f\n", bare, ours);
  EXPECT_LE(ours - bare, 14);
}

}  // namespace
