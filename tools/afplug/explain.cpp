// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug explain: prints whether one socket can be opened, and why not.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/registry.hpp>
#include <memory>

#include "command.hpp"
#include "report.hpp"

namespace afplug::command {
namespace {

/// The verdict with the family's name and plugin. A plugin that is missing, refused, crashes or hangs gives a verdict
/// too.
json::object explain_socket(const socket_spec& text, const std::string& id, bool passive,
                            const common_options& common) {
  const auto found = registry::global().families();
  const plugin_info* file = find_plugin_file(id, found);
  json::object out{{"name", id},
                   {"number", file && file->number ? json::value(*file->number) : json::value(nullptr)},
                   {"plugin", plugin_to_json(file)}};
  const auto finish = [&](const json::object& verdict_object) {
    for (const auto& [member, value] : verdict_object) out[member] = value;
    return out;
  };
  std::string activity = "loading it", reason = "plugin-refused";
  child_process process(
      [&](const child_process::reply_function& reply) {
        error_code ec;
        const family* f = registry::global().family(id, ec);
        if (!f) {
          reply(to_json(explain(id, ec)));
          return;
        }
        try {
          const resolved_spec c = resolve(*f, text);
          reply(json::object{{"checking", c.to_string()}});
          reply(to_json(check(*f, c.type, c.protocol, passive ? check_flags::passive : check_flags::none), &c));
        } catch (const failure& e) {
          reply(json::object{{"usage", e.what()}});
        }
      },
      common.timeout());
  for (auto next = process.next(); next; next = process.next()) {
    const auto& reply = next->as_object();
    if (reply.contains("usage")) throw failure(usage, text_of(reply, "usage"));
    if (reply.contains("verdict")) return finish(reply);
    activity = "checking " + text_of(reply, "checking");
    reason = "probe-failed";
  }
  return finish(to_json(process_failure(process, file, id, reason, activity)));
}

int run(const common_options& common, const std::string& text, bool passive) {
  const socket_spec spec = socket_spec::parse(text);
  const std::string id = family_id(spec.family);
  const json::object v = explain_socket(spec, id, passive, common);
  const std::string verdict_text = text_of(v, "verdict");
  if (common.json) {
    auto out = with_schema("explain");
    for (const auto& [member, value] : v) out[member] = value;
    print(out);
  } else {
    const std::string type = text_of(v, "type"), protocol = text_of(v, "protocol");
    const std::string subject = type.empty()       ? ""
                                : protocol.empty() ? ": " + type
                                                   : fmt::format(": {} ({})", protocol, type);
    const std::string detail = text_of(v, "detail"), remedy = text_of(v, "remedy"), reason = text_of(v, "reason");
    fmt::print("{}{} is {}", plugin::excerpt(id, plugin::quoted_bytes), subject,
               paint(colour_of(verdict_text), verdict_text));
    if (!detail.empty()) fmt::print(": {}", detail);
    if (!reason.empty()) fmt::print(" [{}]", reason);
    fmt::print("\n");
    if (!remedy.empty()) fmt::print("to do: {}\n", remedy);
  }
  return verdict_text == "available" ? success : verdict_text == "unavailable" ? failed : unknown;
}

}  // namespace

const subcommand explain_command{
    "explain", "Report whether a socket can be opened; exit code 0 yes, 1 no, 3 unknown", "afplug explain can:isotp",
    [](CLI::App& app, const common_options& common) -> std::function<int()> {
      auto text = std::make_shared<std::string>();
      auto passive = std::make_shared<bool>(false);
      app.add_option("FAMILY[:TYPE[:PROTOCOL]]", *text,
                     "Names of constants, with or without their prefixes, or numbers")
          ->type_name("")
          ->required();
      app.add_flag("--passive", *passive, "Do not open sockets (opening one may load kernel modules)");
      return [=, &common] { return run(common, *text, *passive); };
    }};

}  // namespace afplug::command
