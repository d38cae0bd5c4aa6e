// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug explain: one verdict in words.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <afplug/registry.hpp>
#include <memory>

#include "command.hpp"
#include "report.hpp"

namespace afplug::command {
namespace {

/// The verdict with the family's name and plugin; a plugin that is missing, is refused, crashes or hangs has one too.
json::object judge(const spelling& text, const std::string& id, bool passive, const common& all) {
  const auto found = registry::global().families();
  const plugin_info* file = file_of(id, found);
  json::object out{{"name", id},
                   {"number", file && file->number ? json::value(*file->number) : json::value(nullptr)},
                   {"plugin", plugin_of(file)}};
  const auto finish = [&](const json::object& verdict_object) {
    for (const auto& [member, value] : verdict_object) out[member] = value;
    return out;
  };
  std::string doing = "it was loaded", reason = "plugin-refused";
  child process(
      [&](const child::tell& tell) {
        error_code ec;
        const family* f = registry::global().family(id, ec);
        if (!f) {
          tell(describe(explain(id, ec)));
          return;
        }
        try {
          const choice c = choose(*f, text);
          tell(json::object{{"checking", c.to_string()}});
          tell(describe(check(*f, c.type, c.protocol, passive ? check_flags::passive : check_flags::none), &c));
        } catch (const failure& e) {
          tell(json::object{{"usage", e.what()}});
        }
      },
      all.patience());
  for (auto answer = process.next(); answer; answer = process.next()) {
    const auto& said = answer->as_object();
    if (said.contains("usage")) throw failure(usage, text_of(said, "usage"));
    if (said.contains("verdict")) return finish(said);
    doing = "checking " + text_of(said, "checking");
    reason = "probe-failed";
  }
  return finish(describe(blame(process, file, id, reason, doing)));
}

int run(const common& all, const std::string& text, bool passive) {
  const spelling asked = spelling::of(text);
  const std::string id = family_id(asked.family);
  const json::object v = judge(asked, id, passive, all);
  const std::string verdict_text = text_of(v, "verdict");
  if (all.json) {
    auto out = with_schema("explain");
    for (const auto& [member, value] : v) out[member] = value;
    print(out);
  } else {
    const std::string type = text_of(v, "type"), protocol = text_of(v, "protocol");
    const std::string subject = type.empty()       ? ""
                                : protocol.empty() ? ": " + type
                                                   : fmt::format(": {} ({})", protocol, type);
    const std::string detail = text_of(v, "detail"), remedy = text_of(v, "remedy"), reason = text_of(v, "reason");
    fmt::print("{}{} is {}", id, subject, paint(colour_of(verdict_text), verdict_text));
    if (!detail.empty()) fmt::print(": {}", detail);
    if (!reason.empty()) fmt::print(" [{}]", reason);
    fmt::print("\n");
    if (!remedy.empty()) fmt::print("to do: {}\n", remedy);
  }
  return verdict_text == "available" ? success : verdict_text == "unavailable" ? negative : undecided;
}

}  // namespace

const subcommand explain_one{"explain", "Say whether one socket can be opened: exit 0 yes, 1 no, 3 unknown",
                             "afplug explain can:isotp", [](CLI::App& app, const common& all) -> std::function<int()> {
                               auto text = std::make_shared<std::string>();
                               auto passive = std::make_shared<bool>(false);
                               app.add_option("FAMILY[:TYPE[:PROTOCOL]]", *text,
                                              "As the constants are spelled, with or without their prefixes")
                                   ->type_name("")
                                   ->required();
                               app.add_flag("--passive", *passive, "Open no socket");
                               return [=, &all] { return run(all, *text, *passive); };
                             }};

}  // namespace afplug::command
