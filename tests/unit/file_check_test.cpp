// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Who may own and write to a plugin's file and to the directories on its path, by the public inspect().
#include <gmock/gmock.h>
#include <afplug/inspect.hpp>

#include "../support/plugin_files.hpp"
#include "../support/run.hpp"

namespace {

using namespace afplug::testing_support;
using testing::HasSubstr;

constexpr uid_t other_user = 54321;  // and group

class file_check : public testing::Test {
 protected:
  temporary_directory dir;
  const fs::path plugins = dir.subdirectory("plugins");
  const fs::path file = copy_plugin("good", plugins);

  static void expect_refused(const fs::path& path, const char* code, const std::string& in_reason) {
    const auto inspection = afplug::inspect(path);
    EXPECT_FALSE(inspection.acceptable);
    EXPECT_EQ(inspection.code, code) << inspection.reason;
    EXPECT_THAT(inspection.reason, HasSubstr(path.string()));
    EXPECT_THAT(inspection.reason, HasSubstr(in_reason));
  }
  static void expect_accepted(const fs::path& path) {
    const auto inspection = afplug::inspect(path);
    EXPECT_TRUE(inspection.acceptable) << inspection.reason;
  }
};

#define NEEDS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "only root can change the owner of a file"

TEST_F(file_check, accepts_own_files) { expect_accepted(file); }

TEST_F(file_check, refuses_a_relative_path) {
  EXPECT_EQ(afplug::inspect("good.so").code, "not-found");
  EXPECT_THAT(afplug::inspect("good.so").reason, HasSubstr("not absolute"));
}

TEST_F(file_check, refuses_a_world_writable_file) {
  ::chmod(file.c_str(), 0646);
  expect_refused(file, "writable", "0646");
}

TEST_F(file_check, accepts_group_write_of_its_own_group_only) {
  ASSERT_EQ(::chown(file.c_str(), static_cast<uid_t>(-1), ::getegid()), 0);
  ::chmod(file.c_str(), 0664);
  expect_accepted(file);
  NEEDS_ROOT();
  ASSERT_EQ(::chown(file.c_str(), static_cast<uid_t>(-1), other_user), 0);
  ::chmod(file.c_str(), 0664);
  expect_refused(file, "writable", "0664");
}

TEST_F(file_check, refuses_a_world_writable_directory) {
  ::chmod(plugins.c_str(), 0777);
  expect_refused(file, "directory-writable", plugins.string());
  ::chmod(plugins.c_str(), 01777);
  expect_refused(file, "directory-writable", "1777");
}

TEST_F(file_check, does_not_check_above_the_search_directory) {
  ::chmod(dir.path().c_str(), 0777);
  expect_accepted(file);
}

TEST_F(file_check, refuses_a_file_of_another_user) {
  NEEDS_ROOT();
  ASSERT_EQ(::chown(file.c_str(), other_user, static_cast<gid_t>(-1)), 0);
  expect_refused(file, "owner", std::to_string(other_user));
}

TEST_F(file_check, refuses_a_directory_of_another_user) {
  NEEDS_ROOT();
  ASSERT_EQ(::chown(plugins.c_str(), other_user, static_cast<gid_t>(-1)), 0);
  expect_refused(file, "directory-owner", plugins.string());
}

TEST_F(file_check, refuses_a_directory_writable_by_another_group) {
  NEEDS_ROOT();
  ASSERT_EQ(::chown(plugins.c_str(), static_cast<uid_t>(-1), other_user), 0);
  ::chmod(plugins.c_str(), 0775);
  expect_refused(file, "directory-writable", "0775");
}

TEST_F(file_check, reads_the_note_of_a_refused_file) {
  ::chmod(file.c_str(), 0666);
  const auto inspection = afplug::inspect(file);
  EXPECT_FALSE(inspection.acceptable);
  ASSERT_TRUE(inspection.note);
  EXPECT_EQ(inspection.note->families.at(0).id, "good");
}

class file_check_links : public file_check {
 protected:
  const fs::path elsewhere = dir.subdirectory("elsewhere");
  const fs::path target = copy_plugin("good", elsewhere, "target");
  const fs::path link = plugins / "link.so";
};

TEST_F(file_check_links, accepts_a_link_to_an_acceptable_file) {
  fs::create_symlink(target, link);
  expect_accepted(link);
}

TEST_F(file_check_links, follows_relative_links_with_dot_dot) {
  fs::create_symlink("../elsewhere/./target.so", link);
  expect_accepted(link);
  fs::create_symlink("../plugins/good.so", plugins / "dot_dot.so");
  expect_accepted(plugins / "dot_dot.so");
}

TEST_F(file_check_links, checks_the_target) {
  fs::create_symlink(target, link);
  ::chmod(target.c_str(), 0666);
  expect_refused(link, "writable", "0666");
}

TEST_F(file_check_links, checks_the_directory_of_the_target) {
  fs::create_symlink(target, link);
  ::chmod(elsewhere.c_str(), 0777);
  expect_refused(link, "directory-writable", elsewhere.string());
  ::chmod(elsewhere.c_str(), 0755);
  expect_accepted(link);
}

// Above the temporary directory is /tmp, which is sticky: other users cannot replace directories in it.
TEST_F(file_check_links, checks_the_directories_above_the_target) {
  const auto deep = dir.subdirectory("elsewhere/deeper");
  copy_plugin("good", deep, "target");
  fs::create_symlink(deep / "target.so", link);
  expect_accepted(link);
  ::chmod(elsewhere.c_str(), 0777);
  expect_refused(link, "directory-writable", elsewhere.string());
  ::chmod(elsewhere.c_str(), 01777);
  expect_accepted(link);
}

TEST_F(file_check_links, checks_every_directory_of_a_chain_of_links) {
  const auto between = dir.subdirectory("between");
  fs::create_symlink(target, between / "hop.so");
  fs::create_symlink(between / "hop.so", link);
  expect_accepted(link);
  ::chmod(between.c_str(), 0777);
  expect_refused(link, "directory-writable", between.string());
}

TEST_F(file_check_links, checks_the_directory_of_a_directory_link) {
  const auto between = dir.subdirectory("between");
  fs::create_directory_symlink(elsewhere, between / "link");
  fs::create_symlink(between / "link" / "target.so", link);
  expect_accepted(link);
  ::chmod(between.c_str(), 0777);
  expect_refused(link, "directory-writable", between.string());
}

TEST_F(file_check_links, search_directory_may_be_a_link) {
  fs::create_directory_symlink(plugins, dir / "alias");
  expect_accepted(dir / "alias" / "good.so");
  ::chmod(plugins.c_str(), 0777);
  expect_refused(dir / "alias" / "good.so", "directory-writable", plugins.string());
}

TEST_F(file_check_links, checks_subdirectories_of_the_search_directory) {
  const auto sub = dir.subdirectory("plugins/sub");
  copy_plugin("good", sub, "target");
  fs::create_symlink("sub/target.so", link);
  expect_accepted(link);
  ::chmod(sub.c_str(), 01777);
  expect_refused(link, "directory-writable", sub.string());
}

// Runs a copy of file_check_probe, which contains the library, with another owner or mode.
class probe_process : public file_check {
 protected:
  const fs::path probe = dir / "probe";

  void install_probe(uid_t user, gid_t group, mode_t mode) const {
    ::chmod(dir.path().c_str(), 0755);
    fs::copy_file(AFPLUG_FILE_CHECK_PROBE, probe);
    ASSERT_EQ(::chown(probe.c_str(), user, group), 0);
    ASSERT_EQ(::chmod(probe.c_str(), mode), 0);
    ASSERT_EQ(output_of("privileged"), mode & (S_ISUID | S_ISGID) ? "yes\n" : "no\n")
        << "is " << dir.path() << " mounted nosuid?";
  }

  std::string output_of(const std::string& arguments) const {
    const auto done = run_command("AFPLUG_PATH=" + plugins.string() + " " + probe.string() + " " + arguments);
    return done.exit_code == 0 ? done.out : "failed";
  }

  static void change_owner(const fs::path& path, uid_t user) {
    ASSERT_EQ(::chown(path.c_str(), user, static_cast<gid_t>(-1)), 0);
  }
};

// As in a build tree under sudo: root runs what another user built.
TEST_F(probe_process, accepts_files_of_the_owner_of_the_library) {
  NEEDS_ROOT();
  install_probe(other_user, 0, 0755);
  change_owner(file, other_user);
  change_owner(plugins, other_user);
  EXPECT_EQ(output_of("inspect " + file.string()), "accepted\n");
  change_owner(file, other_user + 1);
  EXPECT_EQ(output_of("inspect " + file.string()), "owner\n");
}

TEST_F(probe_process, setgid_refuses_files_of_the_owner_of_the_library) {
  NEEDS_ROOT();
  install_probe(other_user, other_user, 02755);
  EXPECT_EQ(output_of("inspect " + file.string()), "accepted\n");
  change_owner(file, other_user);
  EXPECT_EQ(output_of("inspect " + file.string()), "owner\n");
  change_owner(file, 0);
  change_owner(plugins, other_user);
  EXPECT_EQ(output_of("inspect " + file.string()), "directory-owner\n");
}

TEST_F(probe_process, setuid_accepts_files_of_root_and_of_the_effective_user) {
  NEEDS_ROOT();
  install_probe(other_user, 0, 04755);
  change_owner(plugins, other_user);
  EXPECT_EQ(output_of("inspect " + file.string()), "accepted\n");
  change_owner(file, other_user);
  EXPECT_EQ(output_of("inspect " + file.string()), "accepted\n");
}

TEST_F(probe_process, setuid_refuses_group_writable_files) {
  NEEDS_ROOT();
  install_probe(other_user, 0, 04755);
  ::chmod(file.c_str(), 0664);
  EXPECT_EQ(output_of("inspect " + file.string()), "writable\n");
}

TEST_F(probe_process, setuid_ignores_the_environment) {
  NEEDS_ROOT();
  install_probe(0, 0, 0755);
  EXPECT_THAT(output_of("directories"), HasSubstr(plugins.string()));
  fs::remove(probe);
  install_probe(other_user, 0, 04755);
  const auto searched = output_of("directories");
  EXPECT_THAT(searched, testing::EndsWith("/afplug\n"));  // next to the library
  EXPECT_THAT(searched, testing::Not(HasSubstr(plugins.string())));
}

}  // namespace
