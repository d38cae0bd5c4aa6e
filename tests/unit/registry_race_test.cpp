// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The registry used by many threads at once: all get the same result, and ThreadSanitizer reports no data race.
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <afplug/registry.hpp>
#include <atomic>
#include <barrier>
#include <thread>

#include "../support/plugin_files.hpp"

namespace {

using namespace afplug::testing_support;

constexpr int thread_count = 16;

// Runs `function` in `thread_count` threads at once, with the index of the thread.
template <typename F>
void run_in_threads(F function) {
  std::barrier start(thread_count);
  std::vector<std::jthread> threads;
  for (int i = 0; i < thread_count; ++i)
    threads.emplace_back([&start, &function, i] {
      start.arrive_and_wait();
      function(i);
    });
}

TEST(registry_race, concurrent_requests_load_a_family_once) {
  for (int round = 0; round < 20; ++round) {
    const temporary_directory dir;
    copy_plugin("good", dir.path());
    afplug::registry r(search_only({dir.path()}));
    std::atomic<const afplug::family*> seen{nullptr};
    std::atomic<int> same{0};
    run_in_threads([&](int i) {
      afplug::error_code ec;
      const auto* f = i % 2 ? r.family("good", ec) : r.family(200, ec);
      const afplug::family* expected = nullptr;
      if (f && (seen.compare_exchange_strong(expected, f) || expected == f)) ++same;
    });
    EXPECT_EQ(same, thread_count);
  }
}

TEST(registry_race, all_threads_get_the_same_refusal) {
  const temporary_directory dir;
  copy_plugin("entry_fails", dir.path());
  afplug::registry r(search_only({dir.path()}));
  std::atomic<int> refused{0};
  run_in_threads([&](int) {
    afplug::error_code ec;
    if (!r.family("good", ec) && ec == afplug::errc::plugin_refused &&
        afplug::last_detail().find("afplug_entry") != std::string_view::npos)
      ++refused;
  });
  EXPECT_EQ(refused, thread_count);
}

TEST(registry_race, different_families_load_concurrently) {
  const temporary_directory dir;
  copy_plugin("good", dir.path());
  copy_plugin("second", dir.path());
  copy_plugin("no_number", dir.path());
  afplug::registry r(search_only({dir.path()}));
  const char* ids[] = {"good", "second", "no_number"};
  std::atomic<int> found{0};
  run_in_threads([&](int i) {
    afplug::error_code ec;
    const auto* f = r.family(ids[i % 3], ec);
    if (f && f->id() == ids[i % 3]) ++found;
  });
  EXPECT_EQ(found, thread_count);
}

TEST(registry_race, all_functions_run_concurrently) {
  const temporary_directory dir;
  copy_plugin("good", dir.path(), "a");
  copy_plugin("other_provider", dir.path(), "b");
  copy_plugin("second", dir.path(), "c");
  copy_plugin("entry_fails", dir.path(), "d");
  afplug::registry r(search_only({dir.path()}));
  std::atomic<int> wrong{0};
  run_in_threads([&](int i) {
    for (int round = 0; round < 50; ++round) {
      afplug::error_code ec;
      switch (i % 8) {
        case 0:
          r.rescan();
          break;
        case 1:
          if (r.families().size() < 4) ++wrong;
          break;
        case 2:
          r.unload("second", ec);
          break;
        case 3:
          r.add_directory(dir.path());
          break;
        case 4:
          if (const auto* f = r.family("second", ec); !f && ec != afplug::errc::family_unloaded) ++wrong;
          break;
        case 5:
          if (const auto* f = r.family("good", "other", ec); !f || f->provider() != "other") ++wrong;
          break;
        case 6:
          if (const auto* f = r.loaded(200); f && f->id() != "good") ++wrong;
          break;
        default:
          if (const auto* f = r.family(200, ec); !f || f->provider() != "test") ++wrong;
          break;
      }
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(registry_race, two_registries_load_the_same_file) {
  const temporary_directory dir;
  copy_plugin("good", dir.path());
  afplug::registry registries[2] = {afplug::registry(search_only({dir.path()})),
                                    afplug::registry(search_only({dir.path()}))};
  std::atomic<const afplug::family*> seen[2] = {nullptr, nullptr};
  run_in_threads([&](int i) {
    afplug::error_code ec;
    seen[i % 2] = registries[i % 2].family("good", ec);
  });
  EXPECT_NE(seen[0], nullptr);
  EXPECT_EQ(seen[0], seen[1]);
}

// fork(2) copies mutexes in the state that they are in: a child could not lock those that another thread of its parent
// held.
TEST(registry_race, child_of_fork_can_use_the_registry_while_another_thread_scans_and_loads) {
  const temporary_directory dir;
  copy_plugin("good", dir.path());
  copy_plugin("second", dir.path());
  afplug::registry r(search_only({dir.path()}));
  std::jthread other([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      r.rescan();
      r.families();
      afplug::registry fresh(search_only({dir.path()}));
      afplug::error_code ec;
      fresh.family("good", ec);
    }
  });
  for (int i = 0; i < 40; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(10);
      afplug::error_code ec;
      ::_exit(r.family("second", ec) && r.families().size() == 2 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "child " << i << " was ended by signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
}

}  // namespace
