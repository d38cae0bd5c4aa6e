// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Plugins that end or block the process that loads them: the afplug command loads plugins in a child process, with a
// time limit.
#include <gmock/gmock.h>

#include <ostream>

#include "../support/plugin_files.hpp"
#include "../support/run.hpp"

namespace {

using namespace afplug::testing_support;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct faulty_plugin {
  const char* plugin;
  const char* limit;  // of the command, in seconds; long if the plugin ends by itself, for slow machines
  const char* error_text;
  friend std::ostream& operator<<(std::ostream& out, const faulty_plugin& p) { return out << p.plugin; }
};

class contained_plugin : public testing::TestWithParam<faulty_plugin> {
 protected:
  temporary_directory dir;

  command_result command(const std::string& arguments) const {
    return run_command("unset AFPLUG_PATH AFPLUG_PROVIDER AFPLUG_FAMILIES; exec '" AFPLUG_COMMAND "' " + arguments +
                       " --plugin-path '" + dir.path().string() + "' 2>&1");
  }
};

TEST_P(contained_plugin, check_fails) {
  const auto& [plugin, limit, error_text] = GetParam();
  const auto file = copy_plugin(plugin, dir.path());
  const auto done = command("check '" + file.string() + "' --limit " + limit);
  EXPECT_EQ(done.exit_code, 1) << done.out;
  EXPECT_THAT(done.out, AllOf(HasSubstr("while loading the plugin"), HasSubstr(error_text)));
}

TEST_P(contained_plugin, caps_reports_the_other_families) {
  const auto& [plugin, limit, error_text] = GetParam();
  const auto file = copy_plugin(plugin, dir.path());
  copy_plugin("second", dir.path());
  const auto done = command("caps good second --json --limit " + std::string(limit));
  EXPECT_EQ(done.exit_code, 0) << done.out;
  const auto second = done.out.find(R"("name":"second")");
  ASSERT_NE(second, std::string::npos) << done.out;
  EXPECT_THAT(done.out.substr(0, second),
              AllOf(HasSubstr(R"("reason":"plugin-refused")"), HasSubstr(file.string()), HasSubstr(error_text)));
  EXPECT_THAT(done.out.substr(second), HasSubstr(R"("verdict":"available")"));
}

TEST_P(contained_plugin, families_lists_it_without_loading_it) {
  const auto file = copy_plugin(GetParam().plugin, dir.path());
  const auto done = command("families --json");
  EXPECT_EQ(done.exit_code, 0) << done.out;
  EXPECT_THAT(done.out, HasSubstr(file.string()));
}

INSTANTIATE_TEST_SUITE_P(all, contained_plugin,
                         testing::Values(faulty_plugin{"constructor_throws", "60", "thrown by a constructor"},
                                         faulty_plugin{"entry_crashes", "60", "SIGABRT"},
                                         faulty_plugin{"constructor_sleeps", "1", "did not reply"},
                                         faulty_plugin{"entry_sleeps", "1", "did not reply"}),
                         [](const auto& one) { return one.param.plugin; });

TEST(valid_plugin, check_succeeds) {
  const temporary_directory dir;
  const auto done = run_command("'" AFPLUG_COMMAND "' check '" + copy_plugin("good", dir.path()).string() + "' 2>&1");
  EXPECT_EQ(done.exit_code, 0) << done.out;
}

}  // namespace
