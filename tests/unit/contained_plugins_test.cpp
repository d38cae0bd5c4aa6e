// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Plugins that would take the whole process with them: the command meets them in a child with a time limit.
#include <gmock/gmock.h>

#include <ostream>

#include "../support/plugin_files.hpp"
#include "../support/run.hpp"

namespace {

using namespace afplug::testing_support;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// `limit` is how long the command waits: long where the plugin ends by itself, so that a slow machine does not matter.
struct hostile {
  const char *plugin, *limit, *words;
  friend std::ostream& operator<<(std::ostream& out, const hostile& h) { return out << h.plugin; }
};

class contained_plugin : public testing::TestWithParam<hostile> {
 protected:
  scratch dir;

  outcome command(const std::string& arguments) const {
    return run("unset AFPLUG_PATH AFPLUG_PROVIDER; exec '" AFPLUG_COMMAND "' " + arguments + " --plugin-path '" +
               dir.path().string() + "' 2>&1");
  }
};

TEST_P(contained_plugin, fails_the_check) {
  const auto& [plugin, limit, words] = GetParam();
  const auto file = put(plugin, dir.path());
  const auto done = command("check '" + file.string() + "' --limit " + limit);
  EXPECT_EQ(done.code, 1) << done.out;
  EXPECT_THAT(done.out, AllOf(HasSubstr("while it was loaded"), HasSubstr(words)));
}

TEST_P(contained_plugin, costs_its_own_family_and_no_other) {
  const auto& [plugin, limit, words] = GetParam();
  const auto file = put(plugin, dir.path());
  put("second", dir.path());
  const auto done = command("caps good second --json --limit " + std::string(limit));
  EXPECT_EQ(done.code, 0) << done.out;
  const auto second = done.out.find(R"("name":"second")");
  ASSERT_NE(second, std::string::npos) << done.out;
  EXPECT_THAT(done.out.substr(0, second),
              AllOf(HasSubstr(R"("reason":"plugin-refused")"), HasSubstr(file.string()), HasSubstr(words)));
  EXPECT_THAT(done.out.substr(second), HasSubstr(R"("verdict":"available")"));
}

TEST_P(contained_plugin, is_listed_without_being_run) {
  const auto file = put(GetParam().plugin, dir.path());
  const auto done = command("families --json");
  EXPECT_EQ(done.code, 0) << done.out;
  EXPECT_THAT(done.out, HasSubstr(file.string()));
}

INSTANTIATE_TEST_SUITE_P(all, contained_plugin,
                         testing::Values(hostile{"constructor_throws", "60", "too early"},
                                         hostile{"entry_crashes", "60", "SIGABRT"},
                                         hostile{"constructor_sleeps", "1", "did not answer"},
                                         hostile{"entry_sleeps", "1", "did not answer"}),
                         [](const auto& one) { return one.param.plugin; });

// What the bad ones were made of is right in everything.
TEST(good_plugin, passes_the_check) {
  const scratch dir;
  const auto done = run("'" AFPLUG_COMMAND "' check '" + put("good", dir.path()).string() + "' 2>&1");
  EXPECT_EQ(done.code, 0) << done.out;
}

}  // namespace
