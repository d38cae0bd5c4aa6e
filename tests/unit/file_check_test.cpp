// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Who may own and write to a plugin's file and the directories that lead to it, by the public inspect().
#include <gmock/gmock.h>
#include <afplug/inspect.hpp>

#include "../support/plugin_files.hpp"
#include "../support/run.hpp"

namespace {

using namespace afplug::testing_support;
using testing::HasSubstr;

constexpr uid_t stranger = 54321;

class file_check : public testing::Test {
 protected:
  scratch dir;
  const fs::path folder = dir.folder("plugins");
  const fs::path file = put("good", folder);

  static void refused(const fs::path& path, const char* code, const std::string& word) {
    const auto seen = afplug::inspect(path);
    EXPECT_FALSE(seen.acceptable);
    EXPECT_EQ(seen.code, code) << seen.reason;
    EXPECT_THAT(seen.reason, HasSubstr(path.string()));
    EXPECT_THAT(seen.reason, HasSubstr(word));
  }
  static void accepted(const fs::path& path) {
    const auto seen = afplug::inspect(path);
    EXPECT_TRUE(seen.acceptable) << seen.reason;
  }
};

#define NEEDS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files to others"

TEST_F(file_check, passes_what_is_ours) { accepted(file); }

TEST_F(file_check, wants_an_absolute_path) {
  EXPECT_EQ(afplug::inspect("good.so").code, "not-found");
  EXPECT_THAT(afplug::inspect("good.so").reason, HasSubstr("not absolute"));
}

TEST_F(file_check, refuses_a_file_that_the_world_may_write) {
  ::chmod(file.c_str(), 0646);
  refused(file, "writable", "0646");
}

TEST_F(file_check, passes_group_write_for_the_own_group_alone) {
  ASSERT_EQ(::chown(file.c_str(), static_cast<uid_t>(-1), ::getegid()), 0);
  ::chmod(file.c_str(), 0664);
  accepted(file);
  NEEDS_ROOT();
  ASSERT_EQ(::chown(file.c_str(), static_cast<uid_t>(-1), stranger), 0);
  ::chmod(file.c_str(), 0664);
  refused(file, "writable", "0664");
}

TEST_F(file_check, refuses_a_directory_that_the_world_may_write) {
  ::chmod(folder.c_str(), 0777);
  refused(file, "directory-writable", folder.string());
  ::chmod(folder.c_str(), 01777);
  refused(file, "directory-writable", "1777");
}

TEST_F(file_check, leaves_what_is_above_the_search_directory_to_its_owner) {
  ::chmod(dir.path().c_str(), 0777);
  accepted(file);
}

TEST_F(file_check, refuses_a_file_of_a_stranger) {
  NEEDS_ROOT();
  ASSERT_EQ(::chown(file.c_str(), stranger, static_cast<gid_t>(-1)), 0);
  refused(file, "owner", std::to_string(stranger));
}

TEST_F(file_check, refuses_a_directory_of_a_stranger) {
  NEEDS_ROOT();
  ASSERT_EQ(::chown(folder.c_str(), stranger, static_cast<gid_t>(-1)), 0);
  refused(file, "directory-owner", folder.string());
}

TEST_F(file_check, refuses_a_directory_that_a_strange_group_may_write) {
  NEEDS_ROOT();
  ASSERT_EQ(::chown(folder.c_str(), static_cast<uid_t>(-1), stranger), 0);
  ::chmod(folder.c_str(), 0775);
  refused(file, "directory-writable", "0775");
}

TEST_F(file_check, says_what_the_note_said_even_so) {
  ::chmod(file.c_str(), 0666);
  const auto seen = afplug::inspect(file);
  EXPECT_FALSE(seen.acceptable);
  ASSERT_TRUE(seen.note);
  EXPECT_EQ(seen.note->families.at(0).id, "good");
}

class file_check_links : public file_check {
 protected:
  const fs::path elsewhere = dir.folder("elsewhere");
  const fs::path target = put("good", elsewhere, "target");
  const fs::path link = folder / "link.so";
};

TEST_F(file_check_links, follows_a_link_to_a_file_that_passes) {
  fs::create_symlink(target, link);
  accepted(link);
}

TEST_F(file_check_links, follows_a_relative_link_with_steps_up) {
  fs::create_symlink("../elsewhere/./target.so", link);
  accepted(link);
  fs::create_symlink("../plugins/good.so", folder / "round.so");
  accepted(folder / "round.so");
}

TEST_F(file_check_links, holds_the_target_to_the_same_rules) {
  fs::create_symlink(target, link);
  ::chmod(target.c_str(), 0666);
  refused(link, "writable", "0666");
}

TEST_F(file_check_links, holds_the_targets_directory_to_the_same_rules) {
  fs::create_symlink(target, link);
  ::chmod(elsewhere.c_str(), 0777);
  refused(link, "directory-writable", elsewhere.string());
  ::chmod(elsewhere.c_str(), 0755);
  accepted(link);
}

// The scratch folder lies in /tmp, which is sticky: nobody can put another folder in the place of ours.
TEST_F(file_check_links, holds_the_directories_above_the_target_to_them_too) {
  const auto deep = dir.folder("elsewhere/deeper");
  put("good", deep, "target");
  fs::create_symlink(deep / "target.so", link);
  accepted(link);
  ::chmod(elsewhere.c_str(), 0777);
  refused(link, "directory-writable", elsewhere.string());
  ::chmod(elsewhere.c_str(), 01777);
  accepted(link);
}

TEST_F(file_check_links, holds_every_directory_of_a_chain_of_links_to_them) {
  const auto between = dir.folder("between");
  fs::create_symlink(target, between / "hop.so");
  fs::create_symlink(between / "hop.so", link);
  accepted(link);
  ::chmod(between.c_str(), 0777);
  refused(link, "directory-writable", between.string());
}

TEST_F(file_check_links, holds_directories_that_are_links_to_them) {
  const auto between = dir.folder("between");
  fs::create_directory_symlink(elsewhere, between / "door");
  fs::create_symlink(between / "door" / "target.so", link);
  accepted(link);
  ::chmod(between.c_str(), 0777);
  refused(link, "directory-writable", between.string());
}

TEST_F(file_check_links, search_directory_may_be_a_link_itself) {
  fs::create_directory_symlink(folder, dir / "alias");
  accepted(dir / "alias" / "good.so");
  ::chmod(folder.c_str(), 0777);
  refused(dir / "alias" / "good.so", "directory-writable", folder.string());
}

TEST_F(file_check_links, subfolder_of_the_search_directory_counts) {
  const auto sub = dir.folder("plugins/sub");
  put("good", sub, "target");
  fs::create_symlink("sub/target.so", link);
  accepted(link);
  ::chmod(sub.c_str(), 01777);
  refused(link, "directory-writable", sub.string());
}

// Runs a copy of the probe that somebody else owns, the library being inside it.
class privileged_process : public file_check {
 protected:
  const fs::path probe = dir / "probe";

  void own_probe(uid_t user, gid_t group, mode_t mode) const {
    ::chmod(dir.path().c_str(), 0755);
    fs::copy_file(AFPLUG_FILE_CHECK_PROBE, probe);
    ASSERT_EQ(::chown(probe.c_str(), user, group), 0);
    ASSERT_EQ(::chmod(probe.c_str(), mode), 0);
    ASSERT_EQ(said("privileged"), mode & (S_ISUID | S_ISGID) ? "yes\n" : "no\n")
        << "is " << dir.path() << " mounted nosuid?";
  }

  std::string said(const std::string& arguments) const {
    const auto done = run("AFPLUG_PATH=" + folder.string() + " " + probe.string() + " " + arguments);
    return done.code == 0 ? done.out : "failed";
  }

  static void give(const fs::path& path, uid_t user) {
    ASSERT_EQ(::chown(path.c_str(), user, static_cast<gid_t>(-1)), 0);
  }
};

// A checkout under sudo: root runs what a user built.
TEST_F(privileged_process, passes_the_owner_of_the_library) {
  NEEDS_ROOT();
  own_probe(stranger, 0, 0755);
  give(file, stranger);
  give(folder, stranger);
  EXPECT_EQ(said("inspect " + file.string()), "accepted\n");
  give(file, stranger + 1);
  EXPECT_EQ(said("inspect " + file.string()), "owner\n");
}

TEST_F(privileged_process, passes_the_owner_of_the_library_to_no_privileged_process) {
  NEEDS_ROOT();
  own_probe(stranger, stranger, 02755);
  EXPECT_EQ(said("inspect " + file.string()), "accepted\n");
  give(file, stranger);
  EXPECT_EQ(said("inspect " + file.string()), "owner\n");
  give(file, 0);
  give(folder, stranger);
  EXPECT_EQ(said("inspect " + file.string()), "directory-owner\n");
}

TEST_F(privileged_process, passes_root_and_the_effective_user_to_a_privileged_process) {
  NEEDS_ROOT();
  own_probe(stranger, 0, 04755);
  give(folder, stranger);
  EXPECT_EQ(said("inspect " + file.string()), "accepted\n");
  give(file, stranger);
  EXPECT_EQ(said("inspect " + file.string()), "accepted\n");
}

TEST_F(privileged_process, passes_no_group_write_to_a_privileged_process) {
  NEEDS_ROOT();
  own_probe(stranger, 0, 04755);
  ::chmod(file.c_str(), 0664);
  EXPECT_EQ(said("inspect " + file.string()), "writable\n");
}

TEST_F(privileged_process, hears_the_environment_in_no_privileged_process) {
  NEEDS_ROOT();
  own_probe(0, 0, 0755);
  EXPECT_THAT(said("directories"), HasSubstr(folder.string()));
  fs::remove(probe);
  own_probe(stranger, 0, 04755);
  const auto searched = said("directories");
  EXPECT_THAT(searched, testing::EndsWith("/afplug\n"));  // beside the library
  EXPECT_THAT(searched, testing::Not(HasSubstr(folder.string())));
}

}  // namespace
