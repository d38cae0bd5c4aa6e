// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Finding, checking and loading plugins, while each allocation and system call fails in turn. Nothing may be loaded
// before the children are forked, so this is a program of its own.
#include <gtest/gtest.h>

#include <afplug/inspect.hpp>
#include <afplug/registry.hpp>
#include <afplug/socket.hpp>
#include <afplug/verdict.hpp>

#include "../support/plugin_files.hpp"
#include "trial.hpp"

namespace afplug {
namespace {

using testing_support::trial;
using testing_support::try_all_faults;
namespace fs = std::filesystem;

/// Loads a family, and uses what was read from its tables.
void load(trial& t, registry& from, const char* id) {
  const auto& f = t.call("family", [&]() -> const family& { return from.family(id); });
  t.require(f.id() == id && !f.rows().empty() && !f.constants().empty(), "the family is incomplete");
  t.require(&t.call("family again", [&]() -> const family& { return from.family(id); }) == &f, "another family");
}

TEST(faults, a_directory_is_scanned) {
  EXPECT_EQ(try_all_faults({nullptr,
                            [](trial& t) {
                              auto all = t.call("registry", [] {
                                return std::make_unique<registry>(testing_support::search_only({AFPLUG_PLUGINS}));
                              });
                              t.attempt("families", [&] { return all->families(); });
                              // A transient error may hide files once, and they are there again afterwards.
                              std::size_t acceptable = 0;
                              for (const auto& one : all->families())
                                acceptable += one.state == plugin_info::state_t::found;
                              t.require(acceptable >= 8, "plugins are missing");
                              t.attempt("a missing family", [&] { return all->family("nothing").id(); });
                            }}),
            "");
}

template <const char* const& Id>
void load_one(trial& t) {
  auto all =
      t.call("registry", [] { return std::make_unique<registry>(testing_support::search_only({AFPLUG_PLUGINS})); });
  load(t, *all, Id);
}

class loading : public testing::TestWithParam<const char*> {
 public:
  static inline const char* id;
};

TEST_P(loading, succeeds_after_a_failure) {
  id = GetParam();
  EXPECT_EQ(try_all_faults({.run = &load_one<loading::id>, .once = true}), "");
}

INSTANTIATE_TEST_SUITE_P(faults, loading, testing::Values("inet", "unix", "bluetooth", "can", "loop"),
                         [](const auto& one) { return std::string(one.param); });

TEST(faults, a_file_is_inspected) {
  EXPECT_EQ(try_all_faults({nullptr,
                            [](trial& t) {
                              const auto file = fs::path(AFPLUG_PLUGINS) / "inet.so";
                              t.attempt("inspect", [&] { return inspect(file); });
                              t.require(inspect(file).acceptable, "the file is refused");
                            }}),
            "");
}

TEST(faults, a_socket_of_a_family_that_is_not_loaded) {
  EXPECT_EQ(try_all_faults({.run =
                                [](trial& t) {
                                  t.require(t.call("socket", [] { return socket("loop", SOCK_STREAM); }).is_open(),
                                            "closed");
                                },
                            .once = true}),
            "");
}

}  // namespace
}  // namespace afplug
