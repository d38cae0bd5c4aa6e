// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Who may own and write to a plugin's file and to the directories on its path, by the public inspect().
#include <endian.h>
#include <grp.h>
#include <link.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <afplug/inspect.hpp>
#include <cerrno>
#include <functional>

#include "../support/elf_image.hpp"
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

// The exit code that `run` returns in a child process.
int exit_code_of_child(const std::function<int()>& run) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(run());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

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

TEST_F(file_check, refuses_group_write_of_another_group) {
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

TEST_F(file_check, checks_the_directories_above_the_search_directory) {
  ::chmod(dir.path().c_str(), 0777);
  expect_refused(file, "directory-writable", dir.path().string());
  ::chmod(dir.path().c_str(), 01777);
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

// The dynamic linker would follow the link again, which could have been replaced since.
TEST_F(file_check_links, dynamic_linker_gets_the_path_without_links) {
  fs::create_symlink(target, link);
  ASSERT_FALSE(afplug::load_plugin(link).families.empty());
  const auto is_loaded_as = [](std::string path) {
    return ::dl_iterate_phdr([](dl_phdr_info* info, std::size_t,
                                void* wanted) { return *static_cast<std::string*>(wanted) == info->dlpi_name ? 1 : 0; },
                             &path) == 1;
  };
  EXPECT_TRUE(is_loaded_as(fs::canonical(target)));
  EXPECT_FALSE(is_loaded_as(link));
}

// With databases of our own, in a mount namespace of a child process.
class group_database : public file_check {
 protected:
  // The exit code of a child process that runs `check` with these files as /etc/passwd and /etc/group; 77: it cannot
  // have a mount namespace.
  int with_databases(const std::string& users, const std::string& groups, const std::function<bool()>& check) const {
    const auto write = [this](const char* name, const std::string& text) {
      std::ofstream(dir / name) << text;
      return (dir / name).string();
    };
    const auto user_file = write("passwd", users), group_file = write("group", groups);
    return exit_code_of_child([&] {
      if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount(user_file.c_str(), "/etc/passwd", nullptr, MS_BIND, nullptr) != 0 ||
          ::mount(group_file.c_str(), "/etc/group", nullptr, MS_BIND, nullptr) != 0)
        return 77;
      return check() ? 0 : 1;
    });
  }
};

TEST_F(group_database, group_may_write_if_it_has_no_member_but_the_owner) {
  if (::geteuid() != 0) GTEST_SKIP() << "the owner of a file has no name in a user namespace of its own";
  ASSERT_EQ(::chown(file.c_str(), 0, other_user), 0);
  ::chmod(file.c_str(), 0664);
  const struct {
    const char *users, *groups;
    bool accepted;
  } cases[] = {
      {"me:x:0:54321::/:/bin/sh\n", "mine:x:54321:\n", true},
      {"me:x:0:54321::/:/bin/sh\n", "mine:x:54321:me\n", true},
      {"me:x:0:54321::/:/bin/sh\n", "", true},
      {"me:x:0:54321::/:/bin/sh\n", "mine:x:54321:me,other\n", false},
      {"me:x:0:54321::/:/bin/sh\nother:x:1:54321::/:/bin/sh\n", "mine:x:54321:\n", false},
      {"me:x:0:0::/:/bin/sh\n", "mine:x:54321:me\n", false},
      {"", "mine:x:54321:\n", false},
  };
  for (const auto& c : cases) {
    const int code = with_databases(c.users, c.groups, [&] { return afplug::inspect(file).acceptable == c.accepted; });
    if (code == 77) GTEST_SKIP() << "unshare(2) or mount(2) is not permitted";
    EXPECT_EQ(code, 0) << c.users << c.groups;
  }
}

class file_check_libraries : public file_check {
 protected:
  const fs::path lib = dir.subdirectory("plugins/lib");
  const fs::path library = copy_library("libbad_plugin_dependency.so");

  fs::path copy_library(const char* name) const {
    const auto to = lib / name;
    fs::copy_file(fs::path(AFPLUG_BAD_PLUGINS) / "hidden" / name, to);
    ::chmod(to.c_str(), 0644);
    return to;
  }
};

TEST_F(file_check_libraries, lists_libraries_and_search_path) {
  for (const char* plugin : {"runpath_origin", "runpath_origin_braces"}) {
    const auto path = copy_plugin(plugin, plugins);
    expect_accepted(path);
    EXPECT_THAT(afplug::inspect(path).libraries, testing::Contains("libbad_plugin_dependency.so"));
    EXPECT_THAT(afplug::inspect(path).library_path, testing::Contains(lib));
    EXPECT_FALSE(afplug::load_plugin(path).families.empty()) << afplug::load_plugin(path).reason;
  }
}

TEST_F(file_check_libraries, refuses_a_relative_runpath) {
  expect_refused(copy_plugin("runpath_current", plugins), "dependency", "DT_RUNPATH \".\": it is relative");
  expect_refused(copy_plugin("runpath_empty", plugins), "dependency", "DT_RUNPATH \"\": it is relative");
  expect_refused(copy_plugin("runpath_lib", plugins), "dependency", "DT_RUNPATH \"$ORIGIN/$LIB\": only $ORIGIN");
}

TEST_F(file_check_libraries, refuses_a_relative_needed_library) {
  expect_refused(copy_plugin("needed_relative", plugins), "dependency",
                 "DT_NEEDED \"./libbad_plugin_relative.so\": it is relative");
}

TEST_F(file_check_libraries, refuses_a_runpath_that_others_may_write) {
  const auto path = copy_plugin("runpath_origin", plugins);
  for (const mode_t mode : {0777u, 01777u}) {
    ::chmod(lib.c_str(), mode);
    expect_refused(path, "dependency", "DT_RUNPATH \"$ORIGIN/lib\": directory " + lib.string());
  }
  ::chmod(lib.c_str(), 0755);
  expect_accepted(path);
  struct ::stat s {};
  if (::stat("/tmp", &s) != 0 || (s.st_mode & S_IWOTH) == 0) GTEST_SKIP() << "/tmp is not writable for all users";
  expect_refused(copy_plugin("runpath_tmp", plugins), "dependency", "DT_RUNPATH \"/tmp\"");
}

TEST_F(file_check_libraries, refuses_a_library_that_others_may_write) {
  const auto path = copy_plugin("runpath_origin", plugins);
  ::chmod(library.c_str(), 0666);
  expect_refused(path, "dependency", "DT_NEEDED \"libbad_plugin_dependency.so\": " + library.string());
}

TEST_F(file_check_libraries, checks_what_a_library_needs) {
  const auto path = copy_plugin("runpath_origin", plugins);
  fs::copy_file(built_plugin("needed_relative"), library, fs::copy_options::overwrite_existing);
  expect_refused(path, "dependency",
                 "DT_NEEDED \"./libbad_plugin_relative.so\" of " + library.string() + ": it is relative");
}

TEST_F(file_check_libraries, checks_all_entries_that_name_libraries_or_directories) {
  const struct {
    const char* plugin;
    ElfW(Sxword) tag, changed;
    const char* reason;
  } cases[] = {
      {"runpath_current", DT_RUNPATH, DT_RPATH, "DT_RPATH \".\": it is relative"},
      {"needed_relative", DT_NEEDED, DT_AUXILIARY, "DT_AUXILIARY \"./libbad_plugin_relative.so\": it is relative"},
      {"needed_relative", DT_NEEDED, DT_FILTER, "DT_FILTER \"./libbad_plugin_relative.so\": it is relative"}};
  for (const auto& c : cases) {
    elf_image image(read_bytes(built_plugin(c.plugin)));
    image.dynamic_entry_of(c.tag)->d_tag = c.changed;
    expect_refused(write_bytes(plugins / "changed.so", image.data), "dependency", c.reason);
  }
}

// What another user of the system could do. Each attack is tried by a process of that user; without it, the same file
// is loaded.
class hostile_user : public file_check_libraries {
 protected:
  void SetUp() override {
    if (!as_hostile([] { return true; })) GTEST_SKIP() << "setresuid(2) to another user is not permitted";
    ::chmod(dir.path().c_str(), 0755);
  }
  static bool as_hostile(const std::function<bool()>& attack) {
    return exit_code_of_child([&] {
             return ::setgroups(0, nullptr) == 0 && ::setresgid(other_user, other_user, other_user) == 0 &&
                            ::setresuid(other_user, other_user, other_user) == 0 && attack()
                        ? 0
                        : 1;
           }) == 0;
  }
  static bool can_write(const fs::path& path) { return ::access(path.c_str(), W_OK) == 0; }
  static void expect_loads(const fs::path& path) {
    const auto report = afplug::load_plugin(path);
    EXPECT_FALSE(report.families.empty()) << report.reason;
  }
  static void expect_not_loaded(const fs::path& path, const char* code, const std::string& in_reason) {
    expect_refused(path, code, in_reason);
    EXPECT_EQ(afplug::load_plugin(path).code, code);
  }

  // Of an access control list, acl(5): 7 lets write, 5 does not.
  struct rights {
    std::uint32_t user = 0;
    std::uint16_t of_user = 5, of_own_group = 5, of_other_group = 5, mask = 7, of_others = 5;
  };
  static constexpr const char* access_acl = "system.posix_acl_access";
  static constexpr const char* default_acl = "system.posix_acl_default";

  // Gives a file or directory an access control list. False: no ACLs here.
  static bool set_acl(const fs::path& path, const rights& r, const char* attribute = access_acl) {
    const struct {
      posix_acl_xattr_header header;
      posix_acl_xattr_entry entries[6];
    } acl{{htole32(POSIX_ACL_XATTR_VERSION)},
          {{htole16(ACL_USER_OBJ), htole16(7), htole32(ACL_UNDEFINED_ID)},
           {htole16(ACL_USER), htole16(r.of_user), htole32(r.user)},
           {htole16(ACL_GROUP_OBJ), htole16(r.of_own_group), htole32(ACL_UNDEFINED_ID)},
           {htole16(ACL_GROUP), htole16(r.of_other_group), htole32(other_user)},
           {htole16(ACL_MASK), htole16(r.mask), htole32(ACL_UNDEFINED_ID)},
           {htole16(ACL_OTHER), htole16(r.of_others), htole32(ACL_UNDEFINED_ID)}}};
    return ::setxattr(path.c_str(), attribute, &acl, sizeof acl, 0) == 0 || errno != ENOTSUP;
  }
  static bool let_write(const fs::path& path, std::uint32_t user, const char* attribute = access_acl) {
    return set_acl(path, {.user = user, .of_user = 7}, attribute);
  }
};

TEST_F(hostile_user, cannot_use_an_access_control_list_of_the_file) {
  if (!let_write(file, other_user)) GTEST_SKIP() << "setxattr(2): this file system has no ACLs";
  ASSERT_TRUE(as_hostile([&] { return can_write(file); }));
  expect_not_loaded(file, "writable", "its ACL lets user 54321 write");
  let_write(file, 0);
  ASSERT_FALSE(as_hostile([&] { return can_write(file); }));
  expect_loads(file);
}

TEST_F(hostile_user, cannot_use_an_access_control_list_of_the_directory) {
  if (!let_write(plugins, other_user)) GTEST_SKIP() << "setxattr(2): this file system has no ACLs";
  ASSERT_TRUE(as_hostile([&] { return can_write(plugins); }));
  expect_not_loaded(file, "directory-writable", plugins.string() + ": its ACL lets user 54321 write");
  ::removexattr(plugins.c_str(), "system.posix_acl_access");
  ::chmod(plugins.c_str(), 0755);
  let_write(dir.path(), other_user);
  ASSERT_TRUE(as_hostile([&] { return can_write(dir.path()); }));
  expect_not_loaded(file, "directory-writable", dir.path().string() + ": its ACL lets user 54321 write");
  ::removexattr(dir.path().c_str(), "system.posix_acl_access");
  ::chmod(dir.path().c_str(), 0755);
  let_write(plugins, other_user, default_acl);
  expect_not_loaded(file, "directory-writable", "default ACL");
  set_acl(plugins, {.of_others = 7}, default_acl);
  expect_not_loaded(file, "directory-writable", "default ACL, which new files get, lets all users write");
  ::removexattr(plugins.c_str(), default_acl);
  expect_loads(file);
}

TEST_F(hostile_user, cannot_use_an_access_control_list_for_a_group) {
  if (!set_acl(file, {.of_other_group = 7})) GTEST_SKIP() << "setxattr(2): this file system has no ACLs";
  ASSERT_TRUE(as_hostile([&] { return can_write(file); }));
  expect_not_loaded(file, "writable", "its ACL lets group 54321 write");
  set_acl(file, {.of_other_group = 7, .mask = 5});
  ASSERT_FALSE(as_hostile([&] { return can_write(file); }));
  expect_accepted(file);
  ASSERT_EQ(::chown(file.c_str(), 0, other_user), 0);
  set_acl(file, {.of_own_group = 7});
  ASSERT_TRUE(as_hostile([&] { return can_write(file); }));
  expect_not_loaded(file, "writable", "its ACL lets group 54321 write");
  // The group's bits of the mode are the mask: 0775 does not let the group write.
  set_acl(file, {.of_user = 7});
  ASSERT_FALSE(as_hostile([&] { return can_write(file); }));
  expect_loads(file);
}

TEST_F(hostile_user, cannot_use_a_shared_primary_group) {
  ASSERT_EQ(::chown(file.c_str(), 0, other_user), 0);
  ::chmod(file.c_str(), 0664);
  ASSERT_TRUE(as_hostile([&] { return can_write(file); }));
  expect_not_loaded(file, "writable", "not the private group of its owner");
  ::chmod(file.c_str(), 0644);
  expect_loads(file);
}

TEST_F(hostile_user, cannot_use_a_link_in_a_sticky_directory) {
  const auto sticky = dir.subdirectory("sticky"), link = sticky / "hop.so";
  ::chmod(sticky.c_str(), 01777);
  fs::create_symlink(link, plugins / "link.so");
  ASSERT_TRUE(as_hostile([&] { return ::symlink(file.c_str(), link.c_str()) == 0; }));
  expect_not_loaded(plugins / "link.so", "link-owner", link.string());
  ASSERT_EQ(::lchown(link.c_str(), 0, 0), 0);
  expect_loads(plugins / "link.so");
}

TEST_F(hostile_user, cannot_swap_a_link_while_it_is_loaded) {
  const auto sticky = dir.subdirectory("sticky"), hop = sticky / "hop";
  const auto evil = dir.subdirectory("evil");
  copy_plugin("other_provider", evil, "good");
  ::chmod(sticky.c_str(), 01777);
  fs::create_symlink(hop / "good.so", plugins / "link.so");
  ASSERT_TRUE(as_hostile([&] { return ::symlink(plugins.c_str(), hop.c_str()) == 0; }));
  const pid_t attacker = ::fork();
  if (attacker == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresuid(other_user, other_user, other_user) != 0) ::_exit(1);
    const auto next = (sticky / "next").string();
    for (bool to_evil = true;; to_evil = !to_evil)
      if (::symlink((to_evil ? evil : plugins).c_str(), next.c_str()) == 0) ::rename(next.c_str(), hop.c_str());
  }
  ASSERT_GT(attacker, 0);
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    const auto report = afplug::load_plugin(plugins / "link.so");
    EXPECT_TRUE(report.families.empty()) << "the link of user 54321 was followed";
  }
  ::kill(attacker, SIGKILL);
  ::waitpid(attacker, nullptr, 0);
  fs::remove(hop);
  fs::create_symlink(plugins, hop);
  expect_loads(plugins / "link.so");
}

TEST_F(hostile_user, cannot_use_the_runpath) {
  const auto path = copy_plugin("runpath_origin", plugins);
  ::chmod(lib.c_str(), 0777);
  ASSERT_TRUE(as_hostile([&] { return can_write(lib); }));
  expect_not_loaded(path, "dependency", "DT_RUNPATH");
  ASSERT_EQ(::chown(lib.c_str(), other_user, 0), 0);
  ::chmod(lib.c_str(), 0755);
  expect_not_loaded(path, "dependency", "its owner is user 54321");
  ASSERT_EQ(::chown(lib.c_str(), 0, 0), 0);
  expect_loads(path);
}

TEST_F(hostile_user, cannot_create_what_the_runpath_lacks) {
  const auto path = copy_plugin("runpath_origin", plugins);
  const auto open = dir.subdirectory("open"), missing = open / "missing";
  ::chmod(open.c_str(), 01777);
  fs::remove(library);
  fs::create_symlink(missing, library);
  expect_not_loaded(path, "dependency", "libbad_plugin_dependency.so\": directory " + open.string());
  fs::remove_all(lib);
  fs::create_directory_symlink(missing, lib);
  expect_not_loaded(path, "dependency", "DT_RUNPATH \"$ORIGIN/lib\": directory " + open.string());
  ASSERT_TRUE(as_hostile([&] { return ::mkdir(missing.c_str(), 0755) == 0; }));
  expect_not_loaded(path, "dependency", "its owner is user 54321");
  ASSERT_EQ(::chown(missing.c_str(), 0, 0), 0);
  copy_library("libbad_plugin_dependency.so");
  expect_loads(path);
}

TEST_F(hostile_user, cannot_use_a_relative_needed_library) {
  const auto path = copy_plugin("needed_relative", plugins);
  const auto work = dir.subdirectory("work"), before = fs::current_path();
  ASSERT_EQ(::chown(work.c_str(), other_user, other_user), 0);
  fs::copy_file(fs::path(AFPLUG_BAD_PLUGINS) / "hidden/libbad_plugin_relative.so", work / "libbad_plugin_relative.so");
  fs::current_path(work);
  expect_not_loaded(path, "dependency", "DT_NEEDED");
  fs::current_path(before);
  expect_loads(copy_plugin("runpath_origin", plugins));
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
