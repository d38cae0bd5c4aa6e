// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Which rows this machine has: the one place where a row is skipped, in afplug's words.
#include "fixture.hpp"

namespace conformance {
namespace {

class availability : public testing::TestWithParam<const row*> {};
INSTANTIATE_TEST_SUITE_P(rows, availability, testing::ValuesIn(all_rows()), name_of);

TEST_P(availability, row) {
  const row& r = *GetParam();
  const std::string& why = why_not(r);
  if (why.empty()) return;
  EXPECT_FALSE(r.has(always)) << why;
  EXPECT_NE(why.find(r.family), std::string::npos) << "the sentence does not say whose: " << why;
  GTEST_SKIP() << why;
}

TEST_P(availability, row_is_run_by_ctest) {
  const std::string name = GetParam()->name;
  bool found = false;
  for (const std::string& group : std::vector<std::string>{AFPLUG_ROW_GROUPS}) found |= name.rfind(group, 0) == 0;
  EXPECT_TRUE(found) << name << " is in no group of CMakeLists.txt";
}

}  // namespace
}  // namespace conformance
