// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug constants: lists the constants of all families.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/registry.hpp>
#include <algorithm>
#include <memory>
#include <set>

#include "command.hpp"
#include "report.hpp"

namespace afplug::command {
namespace {

json::object constant_of(const constant& c) {
  return {{"name", c.name},
          {"value", c.text ? json::value(c.text) : json::value(c.value)},
          {"group", text_or_null(c.group ? c.group : "")}};
}

bool begins_with(std::string_view name, std::string_view prefix) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return name.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), name.begin(), same);
}

int run(const common_options& common, const std::string& prefix) {
  json::array listed;
  std::set<std::string, std::less<>> seen;
  const auto add = [&](const json::object& c) {
    const std::string name = text_of(c, "name");
    if (begins_with(name, prefix) && seen.insert(name).second) listed.push_back(c);
  };
  for (const constant& c : socket_constants()) add(constant_of(c));
  std::set<std::string> families_seen;
  for (const auto& p : registry::global().families()) {
    if (p.family.empty() || p.state == plugin_info::state_t::refused || !families_seen.insert(p.family).second)
      continue;
    try {
      const auto reply = query_family(p.family, common, [](const family& f) {
        json::array own;
        for (const constant& c : f.constants()) own.push_back(constant_of(c));
        return json::object{{"constants", std::move(own)}};
      });
      for (const auto& c : reply.at("constants").as_array()) add(c.as_object());
    } catch (const failure& e) {
      print_message(e.what());  // continue with the constants of the other plugins
    }
  }
  if (common.json) {
    auto out = with_schema("constants");
    out["constants"] = std::move(listed);
    const bool none = out.at("constants").as_array().empty();
    print(out);
    return none ? failed : success;
  }
  if (listed.empty()) throw failure(failed, "no constant begins with " + plugin::quote(prefix));
  table output({"NAME", "VALUE", "HEX"});
  for (const auto& value : listed) {
    const auto& c = value.as_object();
    const auto* number = c.at("value").if_int64();
    output.add({{text_of(c, "name"), colour::strong},
                {text_of(c, "value")},
                {number && *number > 9 ? fmt::format("0x{:x}", *number) : ""}});
  }
  output.print();
  return success;
}

}  // namespace

const subcommand constants_command{
    "constants", "List the constants of all families", "afplug constants CAN_",
    [](CLI::App& app, const common_options& common) -> std::function<int()> {
      auto prefix = std::make_shared<std::string>();
      app.add_option("PREFIX", *prefix, "List only names that begin with PREFIX, ignoring case")->type_name("");
      return [=, &common] { return run(common, *prefix); };
    }};

}  // namespace afplug::command
