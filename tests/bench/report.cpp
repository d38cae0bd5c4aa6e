// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace bench {

std::vector<gate> report::gates() const {
  std::vector<gate> made;
  for (const auto& r : results) {
    const bool ping_pong = r.benchmark.starts_with("ping-pong");
    if (ping_pong)
      made.push_back({r.benchmark + ": afplug to bare", r.of("afplug").ratio, 1.02, false, r.inconclusive});
    if (ping_pong && r.benchmark.ends_with("UNIX"))
      made.push_back(
          {r.benchmark + ": Boost.Asio to afplug", r.ratio("Boost.Asio", "afplug"), 1.12, true, r.inconclusive});
    if (r.benchmark == "socket + close")
      made.push_back({r.benchmark + ": afplug to bare", r.of("afplug").ratio, 1.05, false, r.inconclusive});
  }
  for (const auto& l : loads) made.push_back({"loading " + l.family + ", µs", l.load_quartile, 200, false, false});
  return made;
}

void report::print() const {
  for (const auto& r : results) {
    std::printf("%s (%d rounds)%s\n", r.benchmark.c_str(), r.rounds,
                r.inconclusive ? "  INCONCLUSIVE: two runs of the base differ by more than 1.5 %" : "");
    for (const auto& one : r.outcomes)
      std::printf("  %-12s %9.2f µs  %6.3f\n", one.name.c_str(), one.nanoseconds / 1000, one.ratio);
  }
  for (const auto& l : loads)
    std::printf("loading %-6s %6.0f µs, lower quartile %.0f µs, scan of all plugins before: %.0f µs\n",
                l.family.c_str(), l.load, l.load_quartile, l.scan);
  for (const auto& g : gates()) {
    const char* result = g.inconclusive ? "inconclusive" : g.holds() ? "ok" : "FAILED";
    std::printf("gate: %-48s %8.3f %s %-6g %s\n", g.what.c_str(), g.value, g.at_least ? ">=" : "<=", g.limit, result);
  }
}

namespace {

// The names need no escaping: they are plain text from this program.
std::string quoted(const std::string& text) { return '"' + text + '"'; }

template <class List, class Write>
std::string array(const List& list, Write write) {
  std::string made = "[";
  for (const auto& one : list) made += (made.size() > 1 ? ", " : "") + write(one);
  return made + "]";
}

}  // namespace

void report::write_json(const std::string& file) const {
  ::utsname host{};
  ::uname(&host);
  std::ofstream out(file);
  const auto number = [](double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4f", value);
    return std::string(text);
  };
  const auto boolean = [](bool value) { return std::string(value ? "true" : "false"); };
  out << "{\"schema\": \"afplug.bench/1\", \"host\": {\"system\": " << quoted(host.sysname)
      << ", \"release\": " << quoted(host.release) << ", \"machine\": " << quoted(host.machine) << "},\n \"subjects\": "
      << array(results,
               [&](const result& r) {
                 return "{\"name\": " + quoted(r.benchmark) + ", \"rounds\": " + std::to_string(r.rounds) +
                        ", \"void\": " + boolean(r.inconclusive) + ", \"variants\": " +
                        array(r.outcomes,
                              [&](const outcome& one) {
                                return "{\"name\": " + quoted(one.name) + ", \"ns\": " + number(one.nanoseconds) +
                                       ", \"ratio\": " + number(one.ratio) + "}";
                              }) +
                        "}";
               })
      << ",\n \"loading\": "
      << array(loads,
               [&](const loading& l) {
                 return "{\"family\": " + quoted(l.family) + ", \"look_us\": " + number(l.scan) +
                        ", \"load_us\": " + number(l.load) + ", \"undisturbed_us\": " + number(l.load_quartile) + "}";
               })
      << ",\n \"gates\": "
      << array(gates(),
               [&](const gate& g) {
                 return "{\"what\": " + quoted(g.what) + ", \"value\": " + number(g.value) +
                        ", \"limit\": " + number(g.limit) + ", \"at_least\": " + boolean(g.at_least) +
                        ", \"void\": " + boolean(g.inconclusive) + ", \"holds\": " + boolean(g.holds()) + "}";
               })
      << "}\n";
  if (!out.flush()) throw std::runtime_error("cannot write " + file);
}

}  // namespace bench
