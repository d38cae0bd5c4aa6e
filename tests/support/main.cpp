// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// main() of the GoogleTest binaries. If the environment variable AFPLUG_TEST_SKIPS names a file, it appends one line
// for each skipped test, with the reason; tests/run summarises the lines of all binaries.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

class skip_recorder : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo& test) override {
    const char* file = std::getenv("AFPLUG_TEST_SKIPS");
    if (file == nullptr || !test.result()->Skipped()) return;
    std::string line = std::string(test.test_suite_name()) + "." + test.name() + ":";
    for (int i = 0; i < test.result()->total_part_count(); ++i) {
      const auto& part = test.result()->GetTestPartResult(i);
      if (part.skipped()) line += std::string(" ") + part.message();
    }
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::ofstream(file, std::ios::app) << line + "\n";
  }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new skip_recorder);
  return RUN_ALL_TESTS();
}
