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
    const bool ping_pong = r.subject.starts_with("ping-pong");
    if (ping_pong) made.push_back({r.subject + ": afplug to bare", r.of("afplug").ratio, 1.02, false, r.is_void});
    if (ping_pong && r.subject.ends_with("UNIX"))
      made.push_back({r.subject + ": Boost.Asio to afplug", r.ratio("Boost.Asio", "afplug"), 1.12, true, r.is_void});
    if (r.subject == "socket + close")
      made.push_back({r.subject + ": afplug to bare", r.of("afplug").ratio, 1.05, false, r.is_void});
  }
  for (const auto& l : loads) made.push_back({"loading " + l.family + ", µs", l.undisturbed, 200, false, false});
  return made;
}

void report::print() const {
  for (const auto& r : results) {
    std::printf("%s (%d rounds)%s\n", r.subject.c_str(), r.rounds,
                r.is_void ? "  VOID: the base differs from itself by more than 1.5 %" : "");
    for (const auto& one : r.outcomes)
      std::printf("  %-12s %9.2f µs  %6.3f\n", one.name.c_str(), one.nanoseconds / 1000, one.ratio);
  }
  for (const auto& l : loads)
    std::printf("loading %-6s %6.0f µs, undisturbed %.0f µs, after looking for all plugins: %.0f µs\n",
                l.family.c_str(), l.load, l.undisturbed, l.look);
  for (const auto& g : gates()) {
    const char* word = g.is_void ? "void" : g.holds() ? "ok" : "FAILED";
    std::printf("gate: %-48s %8.3f %s %-6g %s\n", g.what.c_str(), g.value, g.at_least ? ">=" : "<=", g.limit, word);
  }
}

namespace {

// Names here are plain text of ours.
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
  const auto truth = [](bool value) { return std::string(value ? "true" : "false"); };
  out << "{\"schema\": \"afplug.bench/1\", \"host\": {\"system\": " << quoted(host.sysname)
      << ", \"release\": " << quoted(host.release) << ", \"machine\": " << quoted(host.machine) << "},\n \"subjects\": "
      << array(results,
               [&](const result& r) {
                 return "{\"name\": " + quoted(r.subject) + ", \"rounds\": " + std::to_string(r.rounds) +
                        ", \"void\": " + truth(r.is_void) + ", \"variants\": " +
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
                 return "{\"family\": " + quoted(l.family) + ", \"look_us\": " + number(l.look) +
                        ", \"load_us\": " + number(l.load) + ", \"undisturbed_us\": " + number(l.undisturbed) + "}";
               })
      << ",\n \"gates\": "
      << array(gates(),
               [&](const gate& g) {
                 return "{\"what\": " + quoted(g.what) + ", \"value\": " + number(g.value) +
                        ", \"limit\": " + number(g.limit) + ", \"at_least\": " + truth(g.at_least) +
                        ", \"void\": " + truth(g.is_void) + ", \"holds\": " + truth(g.holds()) + "}";
               })
      << "}\n";
  if (!out.flush()) throw std::runtime_error("can't write " + file);
}

}  // namespace bench
