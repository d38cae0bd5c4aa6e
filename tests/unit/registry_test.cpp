// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <afplug/inspect.hpp>
#include <afplug/log.hpp>
#include <afplug/registry.hpp>
#include <afplug/socket.hpp>

#include <chrono>
#include <optional>

#include "../support/allocations.hpp"
#include "../support/plugin_files.hpp"

namespace {

using namespace afplug::testing_support;
using afplug::errc;
using afplug::error_code;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using state_t = afplug::plugin_info::state_t;

std::string last_detail() { return std::string(afplug::last_detail()); }

// Sets an environment variable; the destructor restores it.
class scoped_environment {
 public:
  scoped_environment(const char* name, const std::string& value) : name_(name) {
    if (const char* old = ::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~scoped_environment() {
    if (old_)
      ::setenv(name_, old_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  scoped_environment(const scoped_environment&) = delete;
  scoped_environment& operator=(const scoped_environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

bool is_mapped(const fs::path& file) {
  std::ifstream maps("/proc/self/maps");
  const std::string text{std::istreambuf_iterator<char>(maps), {}};
  return text.find(file.string()) != std::string::npos;
}

// Records the lines of the log; one at a time.
class log_recorder {
 public:
  log_recorder() : before_(afplug::set_log_sink(&record)) { lines().clear(); }
  ~log_recorder() { afplug::set_log_sink(before_); }
  log_recorder(const log_recorder&) = delete;
  log_recorder& operator=(const log_recorder&) = delete;

  std::vector<std::string> texts(afplug::log_level level) const {
    std::vector<std::string> out;
    for (const auto& [of, text] : lines())
      if (of == level) out.push_back(text);
    return out;
  }

 private:
  static std::vector<std::pair<afplug::log_level, std::string>>& lines() {
    static std::vector<std::pair<afplug::log_level, std::string>> all;
    return all;
  }
  static void record(afplug::log_level level, std::string_view, std::string_view text) {
    lines().emplace_back(level, text);
  }
  afplug::log_sink before_;
};

// Makes open(2) and openat(2) of this process fail with EPERM. False: the kernel has no seccomp filters.
bool forbid_opening_files() {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
#ifdef SYS_open
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 1, 0),
#endif
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(rules), rules};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

class registry : public testing::Test {
 protected:
  temporary_directory dir;
  const fs::path first = dir.subdirectory("first");
  const fs::path second = dir.subdirectory("second");
  error_code ec;

  static std::optional<state_t> state(afplug::registry& r, const fs::path& file, std::string_view family = {}) {
    for (const auto& i : r.families())
      if (i.path == file && (family.empty() || i.family == family)) return i.state;
    return std::nullopt;
  }
  static std::string reason(afplug::registry& r, const fs::path& file) {
    for (const auto& i : r.families())
      if (i.path == file) return i.reason;
    return "not listed";
  }
};

TEST_F(registry, families_lists_plugins_without_loading_them) {
  const auto file = copy_plugin("good", first);
  afplug::registry r(search_only({first}));
  const auto all = r.families();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].family, "good");
  EXPECT_EQ(all[0].number, 200);
  EXPECT_EQ(all[0].provider, "test");
  EXPECT_EQ(all[0].version, "1.0");
  EXPECT_EQ(all[0].path, file);
  EXPECT_EQ(all[0].state, state_t::found);
  EXPECT_EQ(all[0].reason, "");
  EXPECT_EQ(all[0].code, "");
  EXPECT_FALSE(is_mapped(file));
}

TEST_F(registry, loads_only_the_requested_family) {
  const auto good = copy_plugin("good", first), other = copy_plugin("second", first);
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.loaded(200), nullptr);
  const auto& f = r.family("good");
  EXPECT_TRUE(is_mapped(good));
  EXPECT_FALSE(is_mapped(other));
  EXPECT_EQ(r.loaded(200), &f);
  EXPECT_EQ(r.loaded(201), nullptr);
  EXPECT_EQ(state(r, good), state_t::loaded);
  EXPECT_EQ(state(r, other), state_t::found);
}

TEST_F(registry, returns_the_same_family_by_id_and_by_number) {
  const auto file = copy_plugin("good", first);
  afplug::registry r(search_only({first}));
  const auto& f = r.family(200);
  EXPECT_EQ(&f, &r.family("good"));
  EXPECT_EQ(&f, r.family("good", "test", ec));
  EXPECT_EQ(f.id(), "good");
  EXPECT_EQ(f.number(), 200);
  EXPECT_TRUE(f.has_kernel_number());
  EXPECT_EQ(f.name(), "AF_GOOD");
  EXPECT_EQ(f.provider(), "test");
  EXPECT_EQ(f.version(), "1.0");
  EXPECT_EQ(f.path(), file.string());
  EXPECT_FALSE(f.in_user_space());
  EXPECT_STREQ(static_cast<const char*>(f.extension("test.name/1")), "good");
  EXPECT_EQ(f.extension("test.other/1"), nullptr);
  EXPECT_EQ(f.extension(nullptr), nullptr);
}

TEST_F(registry, family_has_its_tables) {
  copy_plugin("good", first);
  afplug::registry r(search_only({first}));
  const auto& f = r.family("good");
  ASSERT_EQ(f.rows().size(), 1u);
  EXPECT_EQ(f.find_row(SOCK_STREAM, 0), &f.rows()[0]);
  EXPECT_EQ(f.find_row(afplug::socket_type(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK), 0), &f.rows()[0]);
  EXPECT_EQ(f.find_row(SOCK_STREAM, 6), nullptr);
  EXPECT_EQ(f.find_row(SOCK_DGRAM, 0), nullptr);
  const auto* option = f.find_option("TEST_OPTION");
  ASSERT_NE(option, nullptr);
  ASSERT_EQ(option->members.size(), 1u);
  EXPECT_EQ(option->members[0].bytes, 4u);  // by its kind; the descriptor has 0
  EXPECT_EQ(f.find_option("test_option"), nullptr);
  ASSERT_NE(f.find_constant("TEST_CONSTANT"), nullptr);
  EXPECT_EQ(f.find_constant("TEST_CONSTANT")->value, 42);
  EXPECT_EQ(f.find_constant("TEST"), nullptr);
  ASSERT_EQ(f.address_fields().size(), 1u);
  EXPECT_STREQ(f.address_fields()[0].name, "name");
  EXPECT_EQ(f.identity(SOCK_STREAM, 3).number, 200);
}

TEST_F(registry, repeated_lookup_does_not_allocate) {
  copy_plugin("good", first);
  copy_plugin("no_number", first);
  afplug::registry r(search_only({first}));
  const int local = r.family("no_number").number();
  const auto* good = r.family(200, ec);
  const auto before = allocations();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(r.family(200, ec), good);
    ASSERT_EQ(r.family("good", ec), good);
    ASSERT_NE(r.family(local, ec), nullptr);
    ASSERT_NE(r.family("no_number", ec), nullptr);
  }
  EXPECT_EQ(allocations(), before);
}

TEST_F(registry, error_of_an_unknown_family_names_it_and_the_directories) {
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.family("nosuch", ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_family);
  EXPECT_EQ(ec, boost::system::errc::address_family_not_supported);
  EXPECT_THAT(last_detail(), testing::AllOf(HasSubstr("nosuch"), HasSubstr(first.string())));
  for (const int number : {0, -1, 77, 255, 256, 0x3fff, AFPLUG_NUMBER_LOCAL + 5000, 0x7fffffff}) {
    EXPECT_EQ(r.family(number, ec), nullptr);
    EXPECT_EQ(ec, errc::unknown_family) << number;
    EXPECT_THAT(last_detail(), HasSubstr(std::to_string(number)));
    EXPECT_EQ(r.loaded(number), nullptr);
  }
  try {
    r.family("nosuch");
    FAIL();
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.code(), errc::unknown_family);
    EXPECT_THAT(e.what(), HasSubstr("nosuch"));
  }
  EXPECT_THROW(r.family(77), afplug::error);
}

TEST_F(registry, success_clears_the_error_code) {
  copy_plugin("good", first);
  afplug::registry r(search_only({first}));
  r.family("nosuch", ec);
  ASSERT_TRUE(ec);
  r.family("good", ec);
  EXPECT_FALSE(ec);
  ec = errc::unknown_family;
  r.family(200, ec);
  EXPECT_FALSE(ec);
}

TEST_F(registry, error_of_a_refused_plugin_has_file_and_reason) {
  const auto file = copy_plugin("good", first);
  ::chmod(file.c_str(), 0666);
  afplug::registry r(search_only({first}));
  for (int by_number = 0; by_number < 2; ++by_number) {
    EXPECT_EQ(by_number ? r.family(200, ec) : r.family("good", ec), nullptr);
    EXPECT_EQ(ec, errc::plugin_refused);
    EXPECT_THAT(last_detail(), testing::AllOf(HasSubstr("good: "), HasSubstr(file.string()), HasSubstr("0666")));
  }
}

TEST_F(registry, refused_file_without_a_note_is_found_by_its_file_name) {
  write_bytes(first / "unreadable.so", bytes(10));
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.family("unreadable", ec), nullptr);
  EXPECT_EQ(ec, errc::plugin_refused);
  EXPECT_THAT(last_detail(), HasSubstr((first / "unreadable.so").string()));
}

// ---- search order

TEST_F(registry, searches_directories_in_order_and_files_by_name) {
  const auto b = copy_plugin("good", second, "b"), a = copy_plugin("good", second, "a"),
             z = copy_plugin("good", first, "z");
  afplug::registry r(search_only({first, second}));
  std::vector<fs::path> order;
  for (const auto& i : r.families()) order.push_back(i.path);
  EXPECT_THAT(order, ElementsAre(z, a, b));
  EXPECT_EQ(r.family("good").path(), z.string());
  EXPECT_EQ(state(r, a), state_t::shadowed);
  EXPECT_THAT(reason(r, a), testing::AllOf(HasSubstr(a.string()), HasSubstr(z.string())));
}

TEST_F(registry, ignores_files_not_named_so) {
  copy_plugin("good", first);
  write_bytes(first / "README.md", bytes(3));
  write_bytes(first / "libx.so.1", bytes(3));
  afplug::registry r(search_only({first, dir / "absent"}));
  EXPECT_EQ(r.families().size(), 1u);
}

TEST_F(registry, link_to_a_listed_file_is_shadowed) {
  const auto file = copy_plugin("good", first, "a");
  fs::create_symlink("a.so", first / "b.so");
  fs::create_hard_link(file, first / "c.so");
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.family("good").path(), file.string());
  for (const char* name : {"b.so", "c.so"}) {
    EXPECT_EQ(state(r, first / name), state_t::shadowed);
    EXPECT_THAT(reason(r, first / name), testing::AllOf(HasSubstr("same file"), HasSubstr(file.string())));
  }
}

TEST_F(registry, relative_directories_are_refused) {
  EXPECT_THROW(afplug::registry(search_only({"plugins"})), afplug::error);
  EXPECT_THROW(afplug::registry(search_only({""})), afplug::error);
  afplug::registry r(search_only({}));
  EXPECT_THROW(r.add_directory("plugins"), afplug::error);
  EXPECT_THROW(r.add_directory("."), afplug::error);
}

TEST_F(registry, environment_directories_come_after_those_of_the_program) {
  const scoped_environment path("AFPLUG_PATH", ":" + second.string() + "::relative:./also:" + second.string() + "/:");
  afplug::registry_options o;
  o.directories = {first};
  const auto searched = afplug::registry(o).directories();
  ASSERT_EQ(searched.size(), 3u);
  EXPECT_EQ(searched[0], first);
  EXPECT_EQ(searched[1], second);
  EXPECT_EQ(searched[2].filename(), "afplug");  // next to libafplug
  o.use_install_directory = false;
  EXPECT_THAT(afplug::registry(o).directories(), ElementsAre(first, second));
  o.use_environment = false;
  EXPECT_THAT(afplug::registry(o).directories(), ElementsAre(first));
}

TEST_F(registry, added_directory_comes_before_the_environment) {
  const scoped_environment path("AFPLUG_PATH", first.string());
  afplug::registry_options o;
  o.use_install_directory = false;
  afplug::registry r(o);
  EXPECT_EQ(r.family("second", ec), nullptr);
  copy_plugin("second", second);
  r.add_directory(second);
  EXPECT_THAT(r.directories(), ElementsAre(second, first));
  EXPECT_EQ(r.family("second").id(), "second");
  const auto third = dir.subdirectory("third");
  r.add_directory(third);
  EXPECT_THAT(r.directories(), ElementsAre(second, third, first));
}

// ---- providers

TEST_F(registry, first_provider_is_used_unless_another_is_chosen) {
  const auto a = copy_plugin("good", first, "a"), b = copy_plugin("other_provider", first, "b");
  {
    afplug::registry r(search_only({first}));
    EXPECT_EQ(r.family("good").provider(), "test");
    EXPECT_EQ(r.family("good", "other", ec)->provider(), "other");
    EXPECT_EQ(r.family("good").provider(), "test");
    EXPECT_EQ(r.family(200).provider(), "test");
    EXPECT_EQ(state(r, b), state_t::loaded);
  }
  auto o = search_only({first});
  o.providers = {{"good", "other"}};
  afplug::registry r(o);
  EXPECT_EQ(state(r, a), state_t::shadowed);
  EXPECT_EQ(state(r, b), state_t::found);
  EXPECT_EQ(r.family("good").provider(), "other");
  EXPECT_EQ(r.family(200).provider(), "other");
}

TEST_F(registry, environment_chooses_providers_that_the_program_does_not) {
  copy_plugin("good", first, "a");
  copy_plugin("other_provider", first, "b");
  const scoped_environment choice("AFPLUG_PROVIDER", "nonsense,=,second=x,good=other");
  auto o = search_only({first});
  EXPECT_EQ(afplug::registry(o).family("good").provider(), "test");
  o.use_environment = true;
  EXPECT_EQ(afplug::registry(o).family("good").provider(), "other");
  o.providers = {{"good", "test"}};
  EXPECT_EQ(afplug::registry(o).family("good").provider(), "test");
}

TEST_F(registry, unknown_provider_is_an_error) {
  copy_plugin("good", first);
  auto o = search_only({first});
  o.providers = {{"good", "no_such_provider"}};
  afplug::registry r(o);
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_provider);
  EXPECT_THAT(last_detail(), testing::AllOf(HasSubstr("good"), HasSubstr("no_such_provider")));
  EXPECT_EQ(r.family("good", "absent", ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_provider);
  EXPECT_EQ(r.family("nosuch", "absent", ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_family);
  EXPECT_EQ(state(r, first / "good.so"), state_t::shadowed);
  o.providers = {{"good", "not a name"}};
  EXPECT_THROW(afplug::registry{o}, afplug::error);
}

TEST_F(registry, refused_provider_is_not_replaced_by_another) {
  copy_plugin("good", first, "a");
  copy_plugin("note_other_provider", first, "b");  // its note has the provider "another"
  auto o = search_only({first});
  o.providers = {{"good", "another"}};
  afplug::registry r(o);
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(ec, errc::plugin_refused);
}

// ---- numbers

TEST_F(registry, provider_afplug_is_primary_for_its_number) {
  copy_plugin("good", first, "a");
  copy_plugin("afplug_provider", first, "b");
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.family("good").number(), 200);
  EXPECT_EQ(r.loaded(200), nullptr) << "only the primary family of a number reads addresses of that number";
  EXPECT_EQ(r.family(200).id(), "afplug_family");
  EXPECT_EQ(r.loaded(200)->id(), "afplug_family");
}

TEST_F(registry, secondary_family_is_never_primary) {
  copy_plugin("secondary", first, "a");
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.family("secondary").number(), 200);
  EXPECT_EQ(r.loaded(200), nullptr);
  EXPECT_EQ(r.family(200, ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_family);
  copy_plugin("good", first, "b");
  r.rescan();
  EXPECT_EQ(r.family(200).id(), "good");
}

TEST_F(registry, number_falls_to_the_next_family_if_the_first_is_refused) {
  copy_plugin("note_other_id", first, "a");  // its note claims 200 for "good"; its descriptor has the id "evil"
  copy_plugin("afplug_provider", second, "b");
  afplug::registry r(search_only({first, second}));
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(r.family(200).id(), "afplug_family");
}

TEST_F(registry, family_without_a_number_gets_a_process_local_one) {
  copy_plugin("no_number", first);
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.families().at(0).number, std::nullopt);
  const auto& f = r.family("no_number");
  EXPECT_GE(f.number(), AFPLUG_NUMBER_LOCAL);
  EXPECT_FALSE(f.has_kernel_number());
  EXPECT_EQ(&r.family(f.number()), &f);
  EXPECT_EQ(r.loaded(f.number()), &f);
  afplug::registry another(search_only({first}));
  EXPECT_EQ(another.loaded(f.number()), nullptr);
  EXPECT_EQ(another.family(f.number()).id(), "no_number");
}

TEST_F(registry, number_of_a_family_does_not_load_it) {
  copy_plugin("no_number", first);
  copy_plugin("good", first);
  afplug::registry r(search_only({first}));
  const int local = r.number("no_number");
  EXPECT_GE(local, AFPLUG_NUMBER_LOCAL);
  EXPECT_EQ(r.number("good"), 200);
  for (const auto& p : r.families()) EXPECT_NE(p.state, state_t::loaded);
  EXPECT_EQ(r.loaded(local), nullptr);
  EXPECT_EQ(r.family("no_number").number(), local);
  EXPECT_EQ(&r.family(local), &r.family("no_number"));
  EXPECT_EQ(r.number("nosuch", ec), 0);
  EXPECT_EQ(ec, errc::unknown_family);
  EXPECT_THAT(last_detail(), HasSubstr("nosuch"));
  EXPECT_THROW(r.number("nosuch"), afplug::error);
  EXPECT_EQ(r.number("good", ec), 200);
  EXPECT_FALSE(ec);
}

TEST_F(registry, number_of_a_refused_family_is_an_error) {
  const auto file = copy_plugin("good", first);
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.number("good", ec), 0);
  EXPECT_EQ(ec, errc::plugin_refused);
  EXPECT_THAT(last_detail(), HasSubstr(file.string()));
  afplug::registry other([&] {
    auto options = search_only({second});
    options.providers = {{"good", "nobody"}};
    return options;
  }());
  copy_plugin("good", second);
  EXPECT_EQ(other.number("good", ec), 0);
  EXPECT_EQ(ec, errc::unknown_provider);
}

TEST_F(registry, plugin_may_have_several_families) {
  const auto both = copy_plugin("two_families", first, "a"), alone = copy_plugin("good", second, "b");
  afplug::registry r(search_only({second, first}));
  EXPECT_EQ(r.family("second").path(), both.string());
  EXPECT_EQ(r.family("good").path(), alone.string());
  EXPECT_EQ(state(r, both, "good"), state_t::shadowed);
  EXPECT_EQ(state(r, both, "second"), state_t::loaded);
}

// ---- failures are cached

TEST_F(registry, failure_is_cached_until_rescan) {
  const auto file = copy_plugin("good", first);
  ::chmod(file.c_str(), 0666);
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.family("good", ec), nullptr);
  ::chmod(file.c_str(), 0644);
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(ec, errc::plugin_refused);
  r.rescan();
  EXPECT_NE(r.family("good", ec), nullptr);
}

TEST_F(registry, load_failure_is_cached_with_its_error_text) {
  copy_plugin("undefined_symbol", first);
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.family("good", ec), nullptr);
  const auto error_text = last_detail();
  EXPECT_THAT(error_text, HasSubstr("defined_nowhere"));
  r.family("nosuch", ec);
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(last_detail(), error_text);
  EXPECT_EQ(r.family(200, ec), nullptr);
  EXPECT_EQ(last_detail(), error_text);
}

TEST_F(registry, valid_plugin_replaces_a_refused_one_after_rescan) {
  copy_plugin("undefined_symbol", first, "a");
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.family("good", ec), nullptr);
  copy_plugin("good", first, "b");
  EXPECT_EQ(r.family("good", ec), nullptr) << "rescan() was not called";
  r.rescan();
  EXPECT_NE(r.family("good", ec), nullptr);
  EXPECT_EQ(state(r, first / "a.so"), state_t::refused);
  EXPECT_EQ(state(r, first / "b.so"), state_t::loaded);
}

// Sets RLIMIT_NOFILE to 0; the destructor restores it.
class no_descriptors {
 public:
  no_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(registry, too_many_open_files_is_not_cached) {
  copy_plugin("good", first);
  for (const bool scanned : {false, true}) {
    afplug::registry r(search_only({first}));
    if (scanned) {
      EXPECT_EQ(r.families().size(), 1u);
    }
    {
      const no_descriptors shortage;
      EXPECT_EQ(r.family("good", ec), nullptr);
      EXPECT_EQ(ec, boost::system::errc::too_many_files_open) << last_detail();
      EXPECT_EQ(r.family(200, ec), nullptr);
      EXPECT_EQ(ec, boost::system::errc::too_many_files_open) << last_detail();
    }
    EXPECT_NE(r.family("good", ec), nullptr) << last_detail();
    EXPECT_EQ(r.families().size(), 1u);
  }
}

// ---- unload

TEST_F(registry, unloaded_family_is_not_returned_until_rescan) {
  const auto file = copy_plugin("good", first);
  afplug::registry r(search_only({first}));
  const auto& f = r.family(200);
  r.unload("good");
  EXPECT_EQ(r.loaded(200), nullptr);
  EXPECT_EQ(r.family(200, ec), nullptr);
  EXPECT_EQ(ec, errc::family_unloaded);
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(ec, errc::family_unloaded);
  EXPECT_EQ(r.family("good", "test", ec), nullptr);
  EXPECT_EQ(ec, errc::family_unloaded);
  EXPECT_EQ(state(r, file), state_t::unloaded);
  EXPECT_TRUE(is_mapped(file));
  EXPECT_EQ(f.id(), "good");
  r.rescan();
  EXPECT_EQ(&r.family("good"), &f);
}

TEST_F(registry, unload_fails_while_user_space_sockets_are_open) {
  afplug::registry r(search_only({AFPLUG_PLUGINS}));
  const auto& loop = r.family("loop");
  auto s = afplug::socket::open(loop, SOCK_STREAM, 0, ec);
  ASSERT_FALSE(ec) << last_detail();
  auto duplicate = s.dup();
  for (auto* open : {&s, &duplicate}) {
    r.unload("loop", ec);
    EXPECT_EQ(ec, errc::family_in_use);
    EXPECT_THAT(last_detail(), HasSubstr("loop"));
    EXPECT_THROW(r.unload("loop"), afplug::error);
    EXPECT_EQ(&r.family("loop"), &loop);
    open->close();
  }
  r.unload("loop", ec);
  EXPECT_FALSE(ec) << last_detail();
  EXPECT_EQ(r.family("loop", ec), nullptr);
  EXPECT_EQ(ec, errc::family_unloaded);
}

TEST_F(registry, kernel_sockets_work_after_unload) {
  afplug::registry r(search_only({AFPLUG_PLUGINS}));
  const auto& inet = r.family("inet");
  auto listener = afplug::socket::open(inet, SOCK_STREAM, 0, ec);
  ASSERT_FALSE(ec) << last_detail();
  auto client = afplug::socket::open(inet, SOCK_STREAM, 0, ec);
  ASSERT_FALSE(ec) << last_detail();
  listener.bind("127.0.0.1:0");
  r.unload("inet", ec);
  ASSERT_FALSE(ec) << last_detail();
  EXPECT_EQ(r.family("inet", ec), nullptr);
  EXPECT_EQ(ec, errc::family_unloaded);
  listener.listen();
  const auto address = listener.getsockname().to_string();
  EXPECT_THAT(address, testing::StartsWith("127.0.0.1:"));
  client.connect(address);
  auto accepted = listener.accept();
  EXPECT_EQ(accepted.owner(), &inet);
  client.option("TCP_NODELAY", true);
  EXPECT_EQ(client.option_text("TCP_NODELAY"), "on");
  client.sendall(std::string_view("hello"));
  char received[5];
  EXPECT_EQ(accepted.recvall(received), 5u);
  EXPECT_EQ(std::string_view(received, 5), "hello");
}

TEST_F(registry, unknown_family_cannot_be_unloaded) {
  afplug::registry r(search_only({first}));
  r.unload("nosuch", ec);
  EXPECT_EQ(ec, errc::unknown_family);
}

TEST_F(registry, registries_share_loaded_families) {
  copy_plugin("good", first);
  afplug::registry a(search_only({first}));
  const auto& f = a.family("good");
  {
    afplug::registry b(search_only({first}));
    EXPECT_EQ(b.loaded(200), nullptr);
    EXPECT_EQ(&b.family("good"), &f);
  }
  EXPECT_EQ(f.id(), "good");
}

TEST_F(registry, global_is_a_singleton) { EXPECT_EQ(&afplug::registry::global(), &afplug::registry::global()); }

// ---- warnings

TEST_F(registry, ignored_entries_of_the_environment_are_warnings) {
  const auto missing = dir / "missing";
  const scoped_environment path("AFPLUG_PATH", "relative:" + first.string() + ":" + missing.string());
  const scoped_environment provider("AFPLUG_PROVIDER", "inet,good=test");
  const scoped_environment families("AFPLUG_FAMILIES", "good,no\nid");
  afplug::registry_options o;
  o.directories = {dir / "absent"};  // a program may name directories that do not exist
  o.use_install_directory = false;
  afplug::registry r(o);
  const log_recorder log;
  EXPECT_THAT(r.warnings(),
              ElementsAre(AllOf(HasSubstr("AFPLUG_PATH"), HasSubstr("\"relative\""), HasSubstr("absolute")),
                          AllOf(HasSubstr("AFPLUG_PROVIDER"), HasSubstr("\"inet\""), HasSubstr("family=provider")),
                          AllOf(HasSubstr("AFPLUG_FAMILIES"), HasSubstr("\"no\\x0aid\""), HasSubstr("commas")),
                          AllOf(HasSubstr(missing.string()), HasSubstr("No such file"))));
  r.families();
  r.rescan();
  r.family("nosuch", ec);
  EXPECT_EQ(log.texts(afplug::log_level::warning), r.warnings()) << "each is logged once";
}

TEST_F(registry, warning_goes_away_with_its_cause) {
  const auto later = dir / "later";
  const scoped_environment path("AFPLUG_PATH", later.string());
  auto o = search_only({});
  o.use_environment = true;
  afplug::registry r(o);
  EXPECT_EQ(r.warnings().size(), 1u);
  dir.subdirectory("later");
  r.rescan();
  EXPECT_THAT(r.warnings(), testing::IsEmpty());
}

TEST_F(registry, refused_files_are_logged_once_as_errors) {
  ::chmod(copy_plugin("good", first, "a").c_str(), 0666);
  copy_plugin("good", second, "b");
  copy_plugin("note_missing", second, "c");
  afplug::registry r(search_only({first, second}));
  const log_recorder log;
  EXPECT_EQ(r.family("good").path(), (second / "b.so").string());
  r.rescan();
  r.families();
  EXPECT_THAT(log.texts(afplug::log_level::error), ElementsAre(AllOf(HasSubstr("a.so"), HasSubstr("0666"))));
  EXPECT_THAT(log.texts(afplug::log_level::debug), testing::Contains(HasSubstr("c.so")));
}

TEST_F(registry, error_of_an_unknown_family_names_refused_files_without_a_note) {
  write_bytes(first / "damaged.so", bytes(10));
  copy_plugin("note_missing", first);
  afplug::registry r(search_only({first}));
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_family);
  EXPECT_THAT(last_detail(), AllOf(HasSubstr((first / "damaged.so").string()), HasSubstr("ELF"),
                                   testing::Not(HasSubstr("note_missing.so"))));
}

// Each entry was once compared with all before it: 14,000 took 12 s.
TEST_F(registry, time_for_many_directories_is_linear) {
  const auto seconds_for = [&](int count) {
    std::string list;
    for (int i = 0; i < count; ++i) list += (dir / std::to_string(i)).string() + ":";
    const scoped_environment path("AFPLUG_PATH", list);
    auto o = search_only({});
    o.use_environment = true;
    const auto start = std::chrono::steady_clock::now();
    afplug::registry r(o);
    EXPECT_EQ(r.directories().size(), static_cast<std::size_t>(count));
    EXPECT_EQ(r.family("good", ec), nullptr);
    EXPECT_LT(last_detail().size(), 4096u);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const double few = seconds_for(1'000), many = seconds_for(16'000);
  EXPECT_LT(many, few * 64) << "16 times as many entries; 256 times as long if quadratic";
}

// ---- allowed families

TEST_F(registry, only_allowed_families_are_provided) {
  const auto good = copy_plugin("good", first), other = copy_plugin("second", first);
  const scoped_environment families("AFPLUG_FAMILIES", "second,nosuch");
  auto o = search_only({first});
  EXPECT_NE(afplug::registry(o).family("good", ec), nullptr) << "use_environment is off";
  o.use_environment = true;
  const auto expect_only_second = [&](afplug::registry& r, const char* named) {
    for (const int by : {0, 1, 2}) {
      const auto* f = by == 0 ? r.family("good", ec) : by == 1 ? r.family(200, ec) : r.family("good", "test", ec);
      EXPECT_EQ(f, nullptr);
      EXPECT_EQ(ec, errc::family_not_allowed) << by;
      EXPECT_THAT(last_detail(), AllOf(HasSubstr("good: "), HasSubstr(named)));
    }
    EXPECT_EQ(r.number("good", ec), 0);
    EXPECT_EQ(ec, errc::family_not_allowed);
    EXPECT_EQ(r.family("missing", ec), nullptr);
    EXPECT_THAT(last_detail(), HasSubstr("; available are second, from "));
    EXPECT_EQ(state(r, good), state_t::refused);
    EXPECT_THAT(reason(r, good), HasSubstr(named));
    EXPECT_NE(r.family("second", ec), nullptr) << last_detail();
    EXPECT_EQ(state(r, other), state_t::loaded);
  };
  afplug::registry by_environment(o);
  expect_only_second(by_environment, "AFPLUG_FAMILIES");
  o.families = {"good"};
  EXPECT_EQ(afplug::registry(o).family("good", ec), nullptr) << "a family must be in both lists";
  EXPECT_EQ(ec, errc::family_not_allowed);
  o.use_environment = false;
  o.families = {"second"};
  afplug::registry by_program(o);
  expect_only_second(by_program, "registry_options::families");
  o.families = {"no id"};
  EXPECT_THROW(afplug::registry{o}, afplug::error);
}

TEST_F(registry, list_of_allowed_families_without_a_valid_id_allows_none) {
  copy_plugin("good", first);
  auto o = search_only({first});
  o.use_environment = true;
  {
    const scoped_environment families("AFPLUG_FAMILIES", "good ");
    EXPECT_EQ(afplug::registry(o).family("good", ec), nullptr);
    EXPECT_EQ(ec, errc::family_not_allowed);
  }
  const scoped_environment families("AFPLUG_FAMILIES", "");
  EXPECT_NE(afplug::registry(o).family("good", ec), nullptr) << "an empty variable is like one that is not set";
}

// ---- preload and seal

TEST_F(registry, preload_loads_all_families) {
  copy_plugin("good", first);
  copy_plugin("second", first);
  afplug::registry r(search_only({first}));
  r.preload({"good", "second", "good"});
  EXPECT_NE(r.loaded(200), nullptr);
  EXPECT_NE(r.loaded(201), nullptr);
  r.preload({"good"}, ec);
  EXPECT_FALSE(ec);
  r.preload({}, ec);
  EXPECT_FALSE(ec);
}

TEST_F(registry, preload_maps_nothing_if_a_family_is_missing_or_refused) {
  const auto good = copy_plugin("good", first);
  ::chmod(copy_plugin("second", first).c_str(), 0666);
  afplug::registry r(search_only({first}));
  r.preload({"good", "nosuch", "second"}, ec);
  EXPECT_EQ(ec, errc::unknown_family);
  EXPECT_THAT(last_detail(), AllOf(HasSubstr("nosuch: "), HasSubstr("; second: "), HasSubstr("0666")));
  EXPECT_EQ(r.loaded(200), nullptr);
  EXPECT_FALSE(is_mapped(good));
  EXPECT_THROW(r.preload({"nosuch"}), afplug::error);
}

TEST_F(registry, preload_provides_nothing_if_a_plugin_fails_to_load) {
  copy_plugin("second", first);
  copy_plugin("entry_fails", first);  // of the family "good"
  afplug::registry r(search_only({first}));
  r.preload({"second", "good"}, ec);
  EXPECT_EQ(ec, errc::plugin_refused);
  EXPECT_THAT(last_detail(), AllOf(HasSubstr("good: "), HasSubstr("afplug_entry")));
  EXPECT_EQ(r.loaded(201), nullptr);
  EXPECT_EQ(state(r, first / "second.so"), state_t::found);
  EXPECT_NE(r.family("second", ec), nullptr);
}

TEST_F(registry, sealed_registry_loads_nothing_more) {
  copy_plugin("good", first);
  const auto other = copy_plugin("second", first);
  afplug::registry r(search_only({first}));
  r.preload({"good"});
  EXPECT_FALSE(r.sealed());
  r.seal();
  EXPECT_TRUE(r.sealed());
  EXPECT_EQ(r.family("good", ec), r.loaded(200));
  EXPECT_FALSE(ec);
  afplug::registry unused(search_only({first}));
  unused.seal();
  copy_plugin("no_number", first);
  EXPECT_EQ(unused.families().size(), 2u) << "files are searched by seal()";
  r.rescan();
  r.add_directory(second);
  EXPECT_EQ(r.families().size(), 2u) << "files are not searched again";
  EXPECT_EQ(r.find_constant("NO_SUCH_CONSTANT"), nullptr);
  for (const int by : {0, 1, 2, 3}) {
    if (by == 0) r.family("second", ec);
    if (by == 1) r.family(201, ec);
    if (by == 2) r.family("second", "test", ec);
    if (by == 3) r.preload({"second"}, ec);
    EXPECT_EQ(ec, errc::registry_sealed) << by;
    EXPECT_THAT(last_detail(), AllOf(HasSubstr("second: "), HasSubstr("preload")));
  }
  EXPECT_EQ(r.family("nosuch", ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_family);
  EXPECT_FALSE(is_mapped(other));
  EXPECT_NE(afplug::registry(search_only({first})).family("second", ec), nullptr) << "another registry";
}

// In a child process with a seccomp filter that forbids to open files, as after chroot(2).
TEST_F(registry, sealed_registry_opens_sockets_without_opening_files) {
  const auto in_child = [&](bool prepared) {
    afplug::registry r(search_only({AFPLUG_PLUGINS}));
    if (prepared) {
      r.preload({"inet", "loop"});
      r.seal();
    }
    if (!forbid_opening_files()) return 77;
    if (::open("/", O_RDONLY | O_CLOEXEC) >= 0 || errno != EPERM) return 78;
    const auto* inet = r.family("inet", ec);
    const auto* loop = r.family("loop", ec);
    if (!inet || !loop) return 1;
    auto listener = afplug::socket::open(*inet, SOCK_STREAM, 0, ec);
    if (ec) return 2;
    listener.bind("127.0.0.1:0");
    listener.listen();
    auto client = afplug::socket::open(*inet, SOCK_STREAM, 0, ec);
    client.connect(listener.getsockname());
    if (listener.accept().owner() != inet) return 3;
    if (afplug::socket::open(*loop, SOCK_STREAM, 0, ec); ec) return 4;
    if (r.family("unix", ec) || ec != errc::registry_sealed) return 5;
    return r.families().empty() ? 6 : 0;
  };
  const auto exit_code = [&](bool prepared) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(in_child(prepared));
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  const int result = exit_code(true);
  if (result == 77) GTEST_SKIP() << "seccomp(2) filters are not available";
  EXPECT_EQ(result, 0);
  EXPECT_EQ(exit_code(false), 1) << "without preload() and seal() no plugin can be loaded";
}

// ---- load_plugin

TEST_F(registry, load_report_has_the_families_of_the_plugin) {
  const auto file = copy_plugin("two_families", first);
  const auto report = afplug::load_plugin(file);
  EXPECT_TRUE(report.acceptable);
  ASSERT_EQ(report.families.size(), 2u);
  EXPECT_EQ(report.families[1]->id(), "second");
  EXPECT_EQ(afplug::load_plugin(file).families, report.families);
  EXPECT_EQ(afplug::load_plugin("relative.so").code, "not-found");
  EXPECT_EQ(afplug::load_plugin(first / "absent.so").code, "not-found");
}

// ---- the log

TEST_F(registry, log_sink_receives_one_line_per_message) {
  const log_recorder log;
  afplug::log(afplug::log_level::info, "x", "a\nb");
  afplug::log(static_cast<afplug::log_level>(77), "x", "c");
  EXPECT_EQ(afplug::load_plugin(copy_plugin("entry_fails", first)).code, "entry-failed");
  EXPECT_THAT(log.texts(afplug::log_level::info), ElementsAre("a\\x0ab"));
  EXPECT_THAT(log.texts(afplug::log_level::error), ElementsAre("c", HasSubstr("entry_fails.so")));
}

TEST_F(registry, default_log_sink_obeys_the_environment) {
  const auto written = [](std::optional<std::string> value, afplug::log_level level) {
    std::optional<scoped_environment> set;
    if (value) set.emplace("AFPLUG_LOG", *value);
    testing::internal::CaptureStderr();
    afplug::log(level, "x", "message");
    return testing::internal::GetCapturedStderr();
  };
  ::unsetenv("AFPLUG_LOG");
  EXPECT_EQ(written(std::nullopt, afplug::log_level::error), "");
  EXPECT_EQ(written("1", afplug::log_level::warning), "x: warning: message\n");
  EXPECT_EQ(written("1", afplug::log_level::info), "");
  EXPECT_EQ(written("debug", afplug::log_level::debug), "x: debug: message\n");
  EXPECT_EQ(written("error", afplug::log_level::warning), "");
}

}  // namespace
