// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A process loads a plugin once, so that each measurement starts a process.
#include <afplug/registry.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include "measure.hpp"

namespace bench {

int load_once(const char* family) {
  using clock = std::chrono::steady_clock;
  auto& registry = afplug::registry::global();
  const auto start = clock::now();
  registry.families();
  const auto scanned = clock::now();
  registry.family(family);
  const auto loaded = clock::now();
  const auto us = [](auto span) { return std::chrono::duration<double, std::micro>(span).count(); };
  std::printf("%f %f\n", us(scanned - start), us(loaded - scanned));
  return 0;
}

std::vector<loading> measure_loading(const char* self, int times) {
  std::vector<loading> made;
  for (const char* family : {"inet", "inet6", "unix"}) {
    std::vector<double> scans, loads;
    for (int i = 0; i < times; ++i) {
      const auto command = std::string(self) + " --load-once " + family;
      const std::unique_ptr<FILE, int (*)(FILE*)> child(::popen(command.c_str(), "r"), ::pclose);
      double scan = 0, load = 0;
      if (!child || std::fscanf(child.get(), "%lf %lf", &scan, &load) != 2)
        throw std::runtime_error(command + " printed no times");
      scans.push_back(scan);
      loads.push_back(load);
    }
    made.push_back({family, median(scans), median(loads), quantile(loads, 0.25)});
  }
  return made;
}

}  // namespace bench
