// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug options: lists the socket options of a family.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <afplug/plugin/value_kind.hpp>
#include <iterator>
#include <memory>

#include "command.hpp"
#include "report.hpp"

namespace afplug::command {
namespace {

constexpr std::string_view units[] = {"", "timeval", "timeval64", "s", "ms", "us", "ns", "timespec"};

std::string_view kind_name(std::uint32_t kind) {
  return kind < std::size(plugin::value_kinds) ? plugin::value_kinds[kind].name : "?";
}

std::string_view unit_name(std::uint32_t unit) { return unit < std::size(units) ? units[unit] : "?"; }

json::value text_or_null(const char* text) {
  return command::text_or_null(text ? std::string_view(text) : std::string_view());
}

json::object member_of(const member_info& m) {
  return {{"name", text_or_null(m.name)},
          {"kind", kind_name(m.kind)},
          {"unit", command::text_or_null(unit_name(m.unit))},
          {"optional", (m.flags & AFPLUG_MEMBER_OPTIONAL) != 0},
          {"values", text_or_null(m.values)},
          {"help", text_or_null(m.help)}};
}

json::object option_of(const option_info& o) {
  json::array members;
  for (const auto& m : o.members) members.push_back(member_of(m));
  return {{"name", text_or_null(o.name)},
          {"level", o.level},
          {"number", o.number},
          {"group", text_or_null(o.group)},
          {"kind", kind_name(o.kind)},
          {"unit", command::text_or_null(unit_name(o.unit))},
          {"readable", (o.flags & AFPLUG_OPTION_READ) != 0},
          {"writable", (o.flags & AFPLUG_OPTION_WRITE) != 0},
          {"min_bytes", o.min_bytes},
          {"max_bytes", o.max_bytes},
          {"members", std::move(members)},
          {"values", text_or_null(o.values)},
          {"help", text_or_null(o.help)}};
}

int run(const common_options& common, const std::string& text) {
  const std::string id = family_id(text);
  const json::object reply = query_family(id, common, [&](const family& f) {
    json::array listed;
    for (const auto& o : f.options()) listed.push_back(option_of(o));
    // Skip options of SOL_SOCKET that the family's own option of the same name replaces.
    for (const auto& o : socket_options())
      if (f.find_option(o.name) == &o) listed.push_back(option_of(o));
    return json::object{
        {"family", json::object{{"name", f.id()},
                                {"number", f.has_kernel_number() ? json::value(f.number()) : json::value(nullptr)}}},
        {"options", std::move(listed)}};
  });
  if (common.json) {
    auto out = with_schema("options");
    for (const auto& [member, value] : reply) out[member] = value;
    print(out);
    return success;
  }
  table output({"OPTION", "LEVEL", "NUMBER", "KIND", "ACCESS", "HELP"});
  for (const auto& value : reply.at("options").as_array()) {
    const auto& o = value.as_object();
    std::string kind = text_of(o, "kind");
    if (const std::string unit = text_of(o, "unit"); !unit.empty()) kind += " " + unit;
    std::string help = text_of(o, "help");
    if (const auto& members = o.at("members").as_array(); members.size() > 8) {
      help += fmt::format(" ({} fields: see --json)", members.size());
    } else if (!members.empty()) {
      std::string names;
      for (const auto& m : members)
        names += fmt::format("{}{}", names.empty() ? "" : ",", text_of(m.as_object(), "name"));
      help += fmt::format(" ({})", names);
    }
    output.add({{text_of(o, "name"), colour::strong},
                {text_of(o, "level")},
                {text_of(o, "number")},
                {kind},
                {fmt::format("{}{}", o.at("readable").as_bool() ? "r" : "-", o.at("writable").as_bool() ? "w" : "-")},
                {help}});
  }
  output.print();
  return success;
}

}  // namespace

const subcommand options_command{
    "options", "List the socket options of a family", "afplug options inet",
    [](CLI::App& app, const common_options& common) -> std::function<int()> {
      auto text = std::make_shared<std::string>();
      app.add_option("FAMILY", *text, "The address family: inet, AF_INET or its number")->type_name("")->required();
      return [=, &common] { return run(common, *text); };
    }};

}  // namespace afplug::command
