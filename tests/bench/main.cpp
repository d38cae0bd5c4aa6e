// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// bench [--json FILE] [--gate] [--rounds N] [--only TEXT]
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>

#include "report.hpp"

namespace {

constexpr const char* usage =
    "usage: bench [--json FILE] [--gate] [--rounds N] [--only TEXT]\n"
    "  --json FILE   write the numbers there as well\n"
    "  --gate        exit 1 where a gate fails, 3 where none fails but the machine is too restless to tell\n"
    "  --rounds N    rounds a subject, by default 301; gates take 151 at least\n"
    "  --only TEXT   only the subjects with TEXT in their names\n";

struct arguments {
  std::string json, only;
  bool gate = false;
  int rounds = 301;
};

int run(const arguments& all, const char* self) {
  bench::report made;
  for (const auto& make : {bench::ping_pong, bench::opening, bench::churn, bench::datagrams, bench::packets})
    for (const auto& subject : make()) {
      if (subject.name.find(all.only) == std::string::npos) continue;
      if (subject.missing.empty())
        made.results.push_back(bench::measure(subject, all.rounds));
      else
        std::fprintf(stderr, "bench: not measured: %s: %s\n", subject.name.c_str(), subject.missing.c_str());
    }
  if (std::string_view("loading").find(all.only) != std::string_view::npos)
    made.loads = bench::measure_loading(self, 41);
  made.print();
  if (!all.json.empty()) made.write_json(all.json);
  if (!all.gate) return 0;
  int exit = 0;
  for (const auto& g : made.gates()) {
    if (!g.is_void && !g.holds()) return 1;
    if (g.is_void) exit = 3;
  }
  return exit;
}

}  // namespace

int main(int count, char** words) try {
  arguments all;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const char* value = i + 1 < count ? words[i + 1] : nullptr;
    if (word == "--load-once" && value) return bench::load_once(value);
    if (word == "--gate") {
      all.gate = true;
    } else if (word == "--json" && value) {
      all.json = value, ++i;
    } else if (word == "--only" && value) {
      all.only = value, ++i;
    } else if (word == "--rounds" && value && std::atoi(value) > 0) {
      all.rounds = std::atoi(value), ++i;
    } else {
      std::fputs(usage, word == "--help" ? stdout : stderr);
      return word == "--help" ? 0 : 2;
    }
  }
  if (all.gate && all.rounds < 151) {
    std::fputs("bench: fewer than 151 rounds can't gate\n", stderr);
    return 2;
  }
  return run(all, std::filesystem::read_symlink("/proc/self/exe").c_str());
} catch (const std::exception& e) {
  std::fprintf(stderr, "bench: %s\n", e.what());
  return 1;
}
