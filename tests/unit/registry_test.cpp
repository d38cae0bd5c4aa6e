// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <afplug/inspect.hpp>
#include <afplug/log.hpp>
#include <afplug/registry.hpp>

#include <optional>

#include "../support/allocations.hpp"
#include "../support/plugin_files.hpp"

namespace {

using namespace afplug::testing_support;
using afplug::errc;
using afplug::error_code;
using testing::ElementsAre;
using testing::HasSubstr;
using state_t = afplug::plugin_info::state_t;

std::string last() { return std::string(afplug::last_detail()); }

afplug::registry_options only(std::vector<fs::path> directories) {
  afplug::registry_options o;
  o.directories = std::move(directories);
  o.use_environment = false;
  o.use_install_directory = false;
  return o;
}

// Sets an environment variable while it lives.
class environment {
 public:
  environment(const char* name, const std::string& value) : name_(name) {
    if (const char* old = ::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~environment() {
    if (old_)
      ::setenv(name_, old_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

bool mapped(const fs::path& file) {
  std::ifstream maps("/proc/self/maps");
  const std::string text{std::istreambuf_iterator<char>(maps), {}};
  return text.find(file.string()) != std::string::npos;
}

class registry : public testing::Test {
 protected:
  scratch dir;
  const fs::path first = dir.folder("first");
  const fs::path second = dir.folder("second");
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

TEST_F(registry, lists_families_without_loading_anything) {
  const auto file = put("good", first);
  afplug::registry r(only({first}));
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
  EXPECT_FALSE(mapped(file));
}

TEST_F(registry, loads_what_is_asked_for_and_nothing_else) {
  const auto good = put("good", first), other = put("second", first);
  afplug::registry r(only({first}));
  EXPECT_EQ(r.loaded(200), nullptr);
  const auto& f = r.family("good");
  EXPECT_TRUE(mapped(good));
  EXPECT_FALSE(mapped(other));
  EXPECT_EQ(r.loaded(200), &f);
  EXPECT_EQ(r.loaded(201), nullptr);
  EXPECT_EQ(state(r, good), state_t::loaded);
  EXPECT_EQ(state(r, other), state_t::found);
}

TEST_F(registry, hands_out_the_same_family_by_id_and_by_number) {
  const auto file = put("good", first);
  afplug::registry r(only({first}));
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

TEST_F(registry, families_know_their_tables) {
  put("good", first);
  afplug::registry r(only({first}));
  const auto& f = r.family("good");
  ASSERT_EQ(f.rows().size(), 1u);
  EXPECT_EQ(f.find_row(SOCK_STREAM, 0), &f.rows()[0]);
  EXPECT_EQ(f.find_row(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), &f.rows()[0]);
  EXPECT_EQ(f.find_row(SOCK_STREAM, 6), nullptr);
  EXPECT_EQ(f.find_row(SOCK_DGRAM, 0), nullptr);
  const auto* option = f.find_option("TEST_OPTION");
  ASSERT_NE(option, nullptr);
  ASSERT_EQ(option->member_table.size(), 1u);
  EXPECT_EQ(option->member_table[0].bytes, 4u);  // what its kind implies
  EXPECT_EQ(f.find_option("test_option"), nullptr);
  ASSERT_NE(f.find_constant("TEST_CONSTANT"), nullptr);
  EXPECT_EQ(f.find_constant("TEST_CONSTANT")->value, 42);
  EXPECT_EQ(f.find_constant("TEST"), nullptr);
  ASSERT_EQ(f.address_fields().size(), 1u);
  EXPECT_STREQ(f.address_fields()[0].name, "name");
  EXPECT_EQ(f.identity(SOCK_STREAM, 3).number, 200);
}

TEST_F(registry, look_up_after_the_first_allocates_nothing) {
  put("good", first);
  put("numberless", first);
  afplug::registry r(only({first}));
  const int local = r.family("numberless").number();
  const auto* good = r.family(200, ec);
  const auto before = allocations();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(r.family(200, ec), good);
    ASSERT_EQ(r.family("good", ec), good);
    ASSERT_NE(r.family(local, ec), nullptr);
    ASSERT_NE(r.family("numberless", ec), nullptr);
  }
  EXPECT_EQ(allocations(), before);
}

TEST_F(registry, unknown_families_are_named_with_the_directories) {
  afplug::registry r(only({first}));
  EXPECT_EQ(r.family("nosuch", ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_family);
  EXPECT_EQ(ec, boost::system::errc::address_family_not_supported);
  EXPECT_THAT(last(), testing::AllOf(HasSubstr("nosuch"), HasSubstr(first.string())));
  for (const int number : {0, -1, 77, 255, 256, 0x3fff, AFPLUG_NUMBER_LOCAL + 5000, 0x7fffffff}) {
    EXPECT_EQ(r.family(number, ec), nullptr);
    EXPECT_EQ(ec, errc::unknown_family) << number;
    EXPECT_THAT(last(), HasSubstr(std::to_string(number)));
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

TEST_F(registry, succeeding_clears_the_error) {
  put("good", first);
  afplug::registry r(only({first}));
  r.family("nosuch", ec);
  ASSERT_TRUE(ec);
  r.family("good", ec);
  EXPECT_FALSE(ec);
  ec = errc::unknown_family;
  r.family(200, ec);
  EXPECT_FALSE(ec);
}

TEST_F(registry, says_why_a_family_that_is_there_was_refused) {
  const auto file = put("good", first);
  ::chmod(file.c_str(), 0666);
  afplug::registry r(only({first}));
  for (int by_number = 0; by_number < 2; ++by_number) {
    EXPECT_EQ(by_number ? r.family(200, ec) : r.family("good", ec), nullptr);
    EXPECT_EQ(ec, errc::plugin_refused);
    EXPECT_THAT(last(), testing::AllOf(HasSubstr("good: "), HasSubstr(file.string()), HasSubstr("0666")));
  }
}

TEST_F(registry, names_a_refused_file_by_its_name_where_nothing_can_be_read) {
  write_bytes(first / "lost.so", bytes(10));
  afplug::registry r(only({first}));
  EXPECT_EQ(r.family("lost", ec), nullptr);
  EXPECT_EQ(ec, errc::plugin_refused);
  EXPECT_THAT(last(), HasSubstr((first / "lost.so").string()));
}

// ---- the order of search

TEST_F(registry, searches_in_order_and_each_directory_sorted) {
  const auto b = put("good", second, "b"), a = put("good", second, "a"), z = put("good", first, "z");
  afplug::registry r(only({first, second}));
  std::vector<fs::path> order;
  for (const auto& i : r.families()) order.push_back(i.path);
  EXPECT_THAT(order, ElementsAre(z, a, b));
  EXPECT_EQ(r.family("good").path(), z.string());
  EXPECT_EQ(state(r, a), state_t::shadowed);
  EXPECT_THAT(reason(r, a), testing::AllOf(HasSubstr(a.string()), HasSubstr(z.string())));
}

TEST_F(registry, looks_at_shared_objects_alone) {
  put("good", first);
  write_bytes(first / "README.md", bytes(3));
  write_bytes(first / "libx.so.1", bytes(3));
  afplug::registry r(only({first, dir / "absent"}));
  EXPECT_EQ(r.families().size(), 1u);
}

TEST_F(registry, same_file_by_a_link_is_shadowed) {
  const auto file = put("good", first, "a");
  fs::create_symlink("a.so", first / "b.so");
  fs::create_hard_link(file, first / "c.so");
  afplug::registry r(only({first}));
  EXPECT_EQ(r.family("good").path(), file.string());
  for (const char* name : {"b.so", "c.so"}) {
    EXPECT_EQ(state(r, first / name), state_t::shadowed);
    EXPECT_THAT(reason(r, first / name), testing::AllOf(HasSubstr("same file"), HasSubstr(file.string())));
  }
}

TEST_F(registry, no_relative_directory_is_searched) {
  EXPECT_THROW(afplug::registry(only({"plugins"})), afplug::error);
  EXPECT_THROW(afplug::registry(only({""})), afplug::error);
  afplug::registry r(only({}));
  EXPECT_THROW(r.add_directory("plugins"), afplug::error);
  EXPECT_THROW(r.add_directory("."), afplug::error);
}

TEST_F(registry, environment_comes_after_the_program) {
  const environment path("AFPLUG_PATH", ":" + second.string() + "::relative:./also:" + second.string() + "/:");
  afplug::registry_options o;
  o.directories = {first};
  const auto searched = afplug::registry(o).directories();
  ASSERT_EQ(searched.size(), 3u);
  EXPECT_EQ(searched[0], first);
  EXPECT_EQ(searched[1], second);
  EXPECT_EQ(searched[2].filename(), "afplug");  // beside libafplug
  o.use_install_directory = false;
  EXPECT_THAT(afplug::registry(o).directories(), ElementsAre(first, second));
  o.use_environment = false;
  EXPECT_THAT(afplug::registry(o).directories(), ElementsAre(first));
}

TEST_F(registry, added_directory_is_found_before_the_environment) {
  const environment path("AFPLUG_PATH", first.string());
  afplug::registry_options o;
  o.use_install_directory = false;
  afplug::registry r(o);
  EXPECT_EQ(r.family("second", ec), nullptr);
  put("second", second);
  r.add_directory(second);
  EXPECT_THAT(r.directories(), ElementsAre(second, first));
  EXPECT_EQ(r.family("second").id(), "second");
  const auto third = dir.folder("third");
  r.add_directory(third);
  EXPECT_THAT(r.directories(), ElementsAre(second, third, first));
}

// ---- providers

TEST_F(registry, first_provider_answers_unless_another_is_chosen) {
  const auto a = put("good", first, "a"), b = put("other", first, "b");
  {
    afplug::registry r(only({first}));
    EXPECT_EQ(r.family("good").provider(), "test");
    EXPECT_EQ(r.family("good", "other", ec)->provider(), "other");
    EXPECT_EQ(r.family("good").provider(), "test");
    EXPECT_EQ(r.family(200).provider(), "test");
    EXPECT_EQ(state(r, b), state_t::loaded);
  }
  auto o = only({first});
  o.providers = {{"good", "other"}};
  afplug::registry r(o);
  EXPECT_EQ(state(r, a), state_t::shadowed);
  EXPECT_EQ(state(r, b), state_t::found);
  EXPECT_EQ(r.family("good").provider(), "other");
  EXPECT_EQ(r.family(200).provider(), "other");
}

TEST_F(registry, environment_chooses_where_the_program_does_not) {
  put("good", first, "a");
  put("other", first, "b");
  const environment choice("AFPLUG_PROVIDER", "nonsense,=,second=x,good=other");
  auto o = only({first});
  EXPECT_EQ(afplug::registry(o).family("good").provider(), "test");
  o.use_environment = true;
  EXPECT_EQ(afplug::registry(o).family("good").provider(), "other");
  o.providers = {{"good", "test"}};
  EXPECT_EQ(afplug::registry(o).family("good").provider(), "test");
}

TEST_F(registry, provider_that_is_not_there_is_an_error) {
  put("good", first);
  auto o = only({first});
  o.providers = {{"good", "nobody"}};
  afplug::registry r(o);
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_provider);
  EXPECT_THAT(last(), testing::AllOf(HasSubstr("good"), HasSubstr("nobody")));
  EXPECT_EQ(r.family("good", "noone", ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_provider);
  EXPECT_EQ(r.family("nosuch", "noone", ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_family);
  EXPECT_EQ(state(r, first / "good.so"), state_t::shadowed);
  o.providers = {{"good", "not a name"}};
  EXPECT_THROW(afplug::registry{o}, afplug::error);
}

TEST_F(registry, chosen_provider_is_not_replaced_when_it_is_refused) {
  put("good", first, "a");
  put("note_other_provider", first, "b");  // "another", by its note
  auto o = only({first});
  o.providers = {{"good", "another"}};
  afplug::registry r(o);
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(ec, errc::plugin_refused);
}

// ---- numbers

TEST_F(registry, ours_is_primary_for_a_number) {
  put("good", first, "a");
  put("ours", first, "b");
  afplug::registry r(only({first}));
  EXPECT_EQ(r.family("good").number(), 200);
  EXPECT_EQ(r.loaded(200), nullptr) << "an address of this number is not the stranger's";
  EXPECT_EQ(r.family(200).id(), "ours");
  EXPECT_EQ(r.loaded(200)->id(), "ours");
}

TEST_F(registry, secondary_family_is_never_primary) {
  put("secondary", first, "a");
  afplug::registry r(only({first}));
  EXPECT_EQ(r.family("secondary").number(), 200);
  EXPECT_EQ(r.loaded(200), nullptr);
  EXPECT_EQ(r.family(200, ec), nullptr);
  EXPECT_EQ(ec, errc::unknown_family);
  put("good", first, "b");
  r.rescan();
  EXPECT_EQ(r.family(200).id(), "good");
}

TEST_F(registry, next_claim_answers_where_the_first_is_refused) {
  put("note_other_id", first, "a");  // claims 200 as "good" and turns out to be "evil"
  put("ours", second, "b");
  afplug::registry r(only({first, second}));
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(r.family(200).id(), "ours");
}

TEST_F(registry, family_without_a_number_gets_one_of_the_process) {
  put("numberless", first);
  afplug::registry r(only({first}));
  EXPECT_EQ(r.families().at(0).number, std::nullopt);
  const auto& f = r.family("numberless");
  EXPECT_GE(f.number(), AFPLUG_NUMBER_LOCAL);
  EXPECT_FALSE(f.has_kernel_number());
  EXPECT_EQ(&r.family(f.number()), &f);
  EXPECT_EQ(r.loaded(f.number()), &f);
  afplug::registry another(only({first}));
  EXPECT_EQ(another.loaded(f.number()), nullptr);
  EXPECT_EQ(another.family(f.number()).id(), "numberless");
}

TEST_F(registry, one_plugin_may_serve_several_families) {
  const auto both = put("two_families", first, "a"), alone = put("good", second, "b");
  afplug::registry r(only({second, first}));
  EXPECT_EQ(r.family("second").path(), both.string());
  EXPECT_EQ(r.family("good").path(), alone.string());
  EXPECT_EQ(state(r, both, "good"), state_t::shadowed);
  EXPECT_EQ(state(r, both, "second"), state_t::loaded);
}

// ---- failures are remembered

TEST_F(registry, failure_is_remembered_until_the_next_look) {
  const auto file = put("good", first);
  ::chmod(file.c_str(), 0666);
  afplug::registry r(only({first}));
  EXPECT_EQ(r.family("good", ec), nullptr);
  ::chmod(file.c_str(), 0644);
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(ec, errc::plugin_refused);
  r.rescan();
  EXPECT_NE(r.family("good", ec), nullptr);
}

TEST_F(registry, failure_of_loading_is_remembered_with_its_words) {
  put("undefined_symbol", first);
  afplug::registry r(only({first}));
  EXPECT_EQ(r.family("good", ec), nullptr);
  const auto words = last();
  EXPECT_THAT(words, HasSubstr("defined_nowhere"));
  r.family("nosuch", ec);
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(last(), words);
  EXPECT_EQ(r.family(200, ec), nullptr);
  EXPECT_EQ(last(), words);
}

TEST_F(registry, refused_file_answers_as_soon_as_a_good_one_is_found) {
  put("undefined_symbol", first, "a");
  afplug::registry r(only({first}));
  EXPECT_EQ(r.family("good", ec), nullptr);
  put("good", first, "b");
  EXPECT_EQ(r.family("good", ec), nullptr) << "nobody has looked again";
  r.rescan();
  EXPECT_NE(r.family("good", ec), nullptr);
  EXPECT_EQ(state(r, first / "a.so"), state_t::refused);
  EXPECT_EQ(state(r, first / "b.so"), state_t::loaded);
}

// Uses up this process's descriptors while it lives.
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

TEST_F(registry, being_short_of_descriptors_is_not_remembered) {
  put("good", first);
  for (const bool looked : {false, true}) {
    afplug::registry r(only({first}));
    if (looked) {
      EXPECT_EQ(r.families().size(), 1u);
    }
    {
      const no_descriptors shortage;
      EXPECT_EQ(r.family("good", ec), nullptr);
      EXPECT_EQ(ec, boost::system::errc::too_many_files_open) << last();
      EXPECT_EQ(r.family(200, ec), nullptr);
      EXPECT_EQ(ec, boost::system::errc::too_many_files_open) << last();
    }
    EXPECT_NE(r.family("good", ec), nullptr) << last();
    EXPECT_EQ(r.families().size(), 1u);
  }
}

// ---- unload

TEST_F(registry, unloaded_family_is_not_handed_out) {
  const auto file = put("good", first);
  afplug::registry r(only({first}));
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
  EXPECT_TRUE(mapped(file));
  EXPECT_EQ(f.id(), "good");
  r.rescan();
  EXPECT_EQ(&r.family("good"), &f);
}

TEST_F(registry, family_in_use_is_not_unloaded) {
  put("good", first);
  afplug::registry r(only({first}));
  const auto& f = r.family("good");
  ++f.live();
  r.unload("good", ec);
  EXPECT_EQ(ec, errc::family_in_use);
  EXPECT_THROW(r.unload("good"), afplug::error);
  EXPECT_EQ(&r.family("good"), &f);
  --f.live();
  r.unload("good", ec);
  EXPECT_FALSE(ec);
}

TEST_F(registry, unknown_family_cannot_be_unloaded) {
  afplug::registry r(only({first}));
  r.unload("nosuch", ec);
  EXPECT_EQ(ec, errc::unknown_family);
}

TEST_F(registry, two_registries_share_what_is_loaded) {
  put("good", first);
  afplug::registry a(only({first}));
  const auto& f = a.family("good");
  {
    afplug::registry b(only({first}));
    EXPECT_EQ(b.loaded(200), nullptr);
    EXPECT_EQ(&b.family("good"), &f);
  }
  EXPECT_EQ(f.id(), "good");
}

TEST_F(registry, global_is_one) { EXPECT_EQ(&afplug::registry::global(), &afplug::registry::global()); }

// ---- one file

TEST_F(registry, load_report_holds_the_families) {
  const auto file = put("two_families", first);
  const auto report = afplug::load_plugin(file);
  EXPECT_TRUE(report.acceptable);
  ASSERT_EQ(report.families.size(), 2u);
  EXPECT_EQ(report.families[1]->id(), "second");
  EXPECT_EQ(afplug::load_plugin(file).families, report.families);
  EXPECT_EQ(afplug::load_plugin("relative.so").code, "not-found");
  EXPECT_EQ(afplug::load_plugin(first / "absent.so").code, "not-found");
}

// ---- the log

struct line {
  afplug::log_level level;
  std::string source, text;
};
std::vector<line>& logged() {
  static std::vector<line> it;
  return it;
}

TEST_F(registry, log_goes_where_the_program_says) {
  logged().clear();
  const auto before = afplug::set_log_sink([](afplug::log_level level, std::string_view source, std::string_view text) {
    logged().push_back({level, std::string(source), std::string(text)});
  });
  afplug::log(afplug::log_level::info, "x", "a\nb");
  afplug::log(static_cast<afplug::log_level>(77), "x", "c");
  EXPECT_EQ(afplug::load_plugin(put("entry_fails", first)).code, "entry-failed");
  EXPECT_NE(afplug::set_log_sink(before), nullptr);
  ASSERT_EQ(logged().size(), 3u);
  EXPECT_EQ(logged()[0].level, afplug::log_level::info);
  EXPECT_EQ(logged()[0].source, "x");
  EXPECT_EQ(logged()[0].text, "a b");
  EXPECT_EQ(logged()[1].level, afplug::log_level::error);
  EXPECT_EQ(logged()[2].level, afplug::log_level::error);
  EXPECT_THAT(logged()[2].text, HasSubstr("entry_fails.so"));
}

TEST_F(registry, log_is_silent_unless_the_environment_asks) {
  const auto said = [](std::optional<std::string> value, afplug::log_level level) {
    std::optional<environment> set;
    if (value) set.emplace("AFPLUG_LOG", *value);
    testing::internal::CaptureStderr();
    afplug::log(level, "x", "words");
    return testing::internal::GetCapturedStderr();
  };
  ::unsetenv("AFPLUG_LOG");
  EXPECT_EQ(said(std::nullopt, afplug::log_level::error), "");
  EXPECT_EQ(said("1", afplug::log_level::warning), "x: warning: words\n");
  EXPECT_EQ(said("1", afplug::log_level::info), "");
  EXPECT_EQ(said("debug", afplug::log_level::debug), "x: debug: words\n");
  EXPECT_EQ(said("error", afplug::log_level::warning), "");
}

}  // namespace
