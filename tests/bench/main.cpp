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
    "  --json FILE   also write the results to FILE\n"
    "  --gate        exit 1 if a value exceeds its limit, 3 if the machine is too noisy for a result\n"
    "  --rounds N    rounds per benchmark, by default 301; --gate needs at least 151\n"
    "  --only TEXT   run only benchmarks with TEXT in their name\n";

struct arguments {
  std::string json, only;
  bool gate = false;
  int rounds = 301;
};

int run(const arguments& all, const char* self) {
  bench::report made;
  for (const auto& make :
       {bench::ping_pong, bench::socket_open, bench::connection_churn, bench::datagrams, bench::packets})
    for (const auto& benchmark : make()) {
      if (benchmark.name.find(all.only) == std::string::npos) continue;
      if (benchmark.unavailable.empty())
        made.results.push_back(bench::measure(benchmark, all.rounds));
      else
        std::fprintf(stderr, "bench: not measured: %s: %s\n", benchmark.name.c_str(), benchmark.unavailable.c_str());
    }
  if (std::string_view("loading").find(all.only) != std::string_view::npos)
    made.loads = bench::measure_loading(self, 41);
  made.print();
  if (!all.json.empty()) made.write_json(all.json);
  if (!all.gate) return 0;
  int exit = 0;
  for (const auto& g : made.gates()) {
    if (!g.inconclusive && !g.holds()) return 1;
    if (g.inconclusive) exit = 3;
  }
  return exit;
}

}  // namespace

int main(int argc, char** argv) try {
  arguments all;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (option == "--load-once" && value) return bench::load_once(value);
    if (option == "--gate") {
      all.gate = true;
    } else if (option == "--json" && value) {
      all.json = value, ++i;
    } else if (option == "--only" && value) {
      all.only = value, ++i;
    } else if (option == "--rounds" && value && std::atoi(value) > 0) {
      all.rounds = std::atoi(value), ++i;
    } else {
      std::fputs(usage, option == "--help" ? stdout : stderr);
      return option == "--help" ? 0 : 2;
    }
  }
  if (all.gate && all.rounds < 151) {
    std::fputs("bench: --gate needs at least 151 rounds\n", stderr);
    return 2;
  }
  return run(all, std::filesystem::read_symlink("/proc/self/exe").c_str());
} catch (const std::exception& e) {
  std::fprintf(stderr, "bench: %s\n", e.what());
  return 1;
}
