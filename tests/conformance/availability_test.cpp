// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Which rows this machine has: the one place where a row is skipped, in afplug's words.
#include <set>

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

// ---- none is forgotten ----

// What the suite runs of a family.
bool has_row(const afplug::family& family, const afplug::row& listed) {
  for (const row* r : all_rows())
    if (r->family == family.id() && family.find_row(r->type, r->protocol) == &listed) return true;
  return false;
}

TEST(coverage, every_row_of_every_family_is_in_the_suite) {
  std::set<std::string> ids;
  for (const auto& plugin : afplug::registry::global().families()) ids.insert(plugin.family);
  ids.erase("");
  EXPECT_GE(ids.size(), 8u);
  for (const auto& id : ids) {
    error_code ec;
    const auto* family = afplug::registry::global().family(id, ec);
    if (!family) continue;
    for (const auto& listed : family->rows())
      if ((listed.flags & AFPLUG_ROW_HIDDEN) == 0) {
        EXPECT_TRUE(has_row(*family, listed))
            << id << " " << listed.type_name << " " << (listed.protocol_name ? listed.protocol_name : "");
      }
  }
}

}  // namespace
}  // namespace conformance
