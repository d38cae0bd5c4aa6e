// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Which rows this machine has: the one place where a row is skipped. System calls decide it; the reason is afplug's
// error text, if it has one.
#include <algorithm>
#include <set>

#include "fixture.hpp"

namespace conformance {
namespace {

class availability : public testing::TestWithParam<const row*> {};
INSTANTIATE_TEST_SUITE_P(rows, availability, testing::ValuesIn(all_rows()), name_of);

TEST_P(availability, row) {
  const row& r = *GetParam();
  std::string why = why_unavailable(r);
  if (why.empty()) return;
  EXPECT_FALSE(r.traits.environment.always_available) << why;
  std::optional<network_namespace> network;
  if (r.traits.environment.in_network_namespace) network.emplace();
  try {
    bound(r);
  } catch (const afplug::error& e) {
    why = e.what();
  }
  EXPECT_NE(why.find(r.family), std::string::npos) << "the error text does not name the family: " << why;
  GTEST_SKIP() << why;
}

TEST_P(availability, row_is_in_a_ctest_group) {
  const std::string name = GetParam()->name;
  const std::vector<std::string> groups{AFPLUG_ROW_GROUPS};
  EXPECT_TRUE(std::ranges::any_of(groups, [&](const auto& group) { return name.starts_with(group); }))
      << name << " is in no group of CMakeLists.txt";
}

// ---- no test suite without rows ----

class suite_availability : public testing::TestWithParam<suite> {};
INSTANTIATE_TEST_SUITE_P(suites, suite_availability, testing::ValuesIn(suites()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(suite_availability, has_rows) {
  const auto condition = GetParam().condition;
  ASSERT_TRUE(any_row(condition)) << "no row satisfies the condition of the suite: its tests never run";
  if (!rows(condition).empty()) return;
  std::string why;
  for (const row* r : all_rows())
    if (condition(r->traits)) why += std::string(why.empty() ? "" : "; ") + r->name + ": " + why_unavailable(*r);
  GTEST_SKIP() << "no row of the suite is available: " << why;
}

// ---- no row that is missing ----

// Whether the suite has the row of a family.
bool has_row(const afplug::family& family, const afplug::row& listed) {
  return std::ranges::any_of(all_rows(), [&](const row* r) {
    return r->family == family.id() && family.find_row(r->type, r->protocol) == &listed;
  });
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
