// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Loading a plugin happens once in a process: so each time is a process of its own.
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
  const auto found = clock::now();
  registry.family(family);
  const auto loaded = clock::now();
  const auto us = [](auto span) { return std::chrono::duration<double, std::micro>(span).count(); };
  std::printf("%f %f\n", us(found - start), us(loaded - found));
  return 0;
}

std::vector<loading> measure_loading(const char* self, int times) {
  std::vector<loading> made;
  for (const char* family : {"inet", "inet6", "unix"}) {
    std::vector<double> looks, loads;
    for (int i = 0; i < times; ++i) {
      const auto command = std::string(self) + " --load-once " + family;
      const std::unique_ptr<FILE, int (*)(FILE*)> child(::popen(command.c_str(), "r"), ::pclose);
      double look = 0, load = 0;
      if (!child || std::fscanf(child.get(), "%lf %lf", &look, &load) != 2)
        throw std::runtime_error(command + " says nothing");
      looks.push_back(look);
      loads.push_back(load);
    }
    made.push_back({family, median(looks), median(loads), quantile(loads, 0.25)});
  }
  return made;
}

}  // namespace bench
