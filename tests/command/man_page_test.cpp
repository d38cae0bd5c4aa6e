// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug.1 documents exactly the reason codes of afplug::reason_codes(), which are part of the JSON output.
#include <gtest/gtest.h>

#include <afplug/verdict.hpp>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

TEST(man_page, lists_all_reason_codes) {
  constexpr std::string_view item = ".It Cm ";
  std::ifstream page(AFPLUG_MAN_PAGE);
  ASSERT_TRUE(page) << AFPLUG_MAN_PAGE;
  std::multiset<std::string, std::less<>> documented;
  bool in_section = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with(".Ss ") || line.starts_with(".Sh ")) in_section = line == ".Ss Reasons";
    if (in_section && line.starts_with(item)) documented.insert(line.substr(item.size()));
  }
  const auto codes = afplug::reason_codes();
  EXPECT_EQ(documented, (std::multiset<std::string, std::less<>>(codes.begin(), codes.end())));
}
