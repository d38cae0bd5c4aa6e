// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug families: lists the plugin files from their ELF notes, without loading them.
#include <CLI/CLI.hpp>
#include <afplug/registry.hpp>

#include "command.hpp"
#include "report.hpp"

namespace afplug::command {
namespace {

constexpr std::string_view states[] = {"found", "loaded", "shadowed", "refused", "unloaded"};
constexpr colour colours[] = {colour::good, colour::good, colour::doubtful, colour::bad, colour::quiet};

int run(const common_options& common) {
  table output({"FAMILY", "NUMBER", "PROVIDER", "VERSION", "STATE", "PATH"});
  json::array listed;
  for (const auto& p : registry::global().families()) {
    const auto state = static_cast<std::size_t>(p.state);
    listed.push_back(json::object{{"name", text_or_null(p.family)},
                                  {"number", p.number ? json::value(*p.number) : json::value(nullptr)},
                                  {"provider", text_or_null(p.provider)},
                                  {"version", text_or_null(p.version)},
                                  {"path", path_json(p.path.native())},
                                  {"state", states[state]},
                                  {"reason", text_or_null(p.reason)},
                                  {"code", text_or_null(p.code)}});
    const auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
    const auto& path = p.path.native();
    // The reason of a refused file begins with its path.
    auto location = p.reason.starts_with(path) ? p.reason : path + (p.reason.empty() ? "" : ": ") + p.reason;
    output.add({{or_dash(p.family), colour::strong},
                {p.number ? std::to_string(*p.number) : "-"},
                {or_dash(p.provider)},
                {or_dash(p.version)},
                {std::string(states[state]), colours[state]},
                {std::move(location)}});
  }
  const auto warnings = registry::global().warnings();
  if (common.json) {
    auto out = with_schema("families");
    out["families"] = std::move(listed);
    out["warnings"] = json::array(warnings.begin(), warnings.end());
    print(out);
    return success;
  }
  for (const auto& warning : warnings) print_message("warning: " + warning);
  if (output.empty()) {
    std::string where;
    for (const auto& d : registry::global().directories()) where += " " + d.string();
    throw failure(failed, "no plugin was found; searched directories:" + where);
  }
  output.print();
  return success;
}

}  // namespace

const subcommand families_command{
    "families", "List the plugins that were found, without running their code",
    "afplug families --plugin-path ./build/lib/afplug",
    [](CLI::App&, const common_options& common) -> std::function<int()> { return [&common] { return run(common); }; }};

}  // namespace afplug::command
