// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug caps: what can be opened here, row by row.
#include <sys/socket.h>
#include <sys/utsname.h>

#include <CLI/CLI.hpp>
#include <afplug/registry.hpp>
#include <algorithm>
#include <memory>

#include "command.hpp"
#include "report.hpp"

namespace afplug::command {
namespace {

/// The families that ship: named even where their plugins are missing.
struct shipped_family {
  std::string_view id;
  std::optional<int> number;
};
constexpr shipped_family shipped[] = {{"inet", AF_INET},   {"inet6", AF_INET6},     {"unix", AF_UNIX},
                                      {"can", AF_CAN},     {"packet", AF_PACKET},   {"bluetooth", AF_BLUETOOTH},
                                      {"vsock", AF_VSOCK}, {"hyperv", std::nullopt}};

std::vector<const row*> listed_rows(const family& f) {
  std::vector<const row*> out;
  for (const row& r : f.rows())
    if ((r.flags & AFPLUG_ROW_HIDDEN) == 0) out.push_back(&r);
  return out;
}

/// In the child: tells of the plugin, then of each row from `first` on.
void probe(std::string_view id, std::size_t first, check_flags flags, const child::tell& tell) {
  error_code ec;
  const family* f = registry::global().family(id, ec);
  if (!f) {
    tell(json::object{{"refused", describe(explain(id, ec))}});
    return;
  }
  const auto rows = listed_rows(*f);
  json::array unchecked;
  for (const row* r : rows) {
    const choice c(*r, {});
    unchecked.push_back(describe({}, &c));
  }
  tell(json::object{{"number", f->has_kernel_number() ? json::value(f->number()) : json::value(nullptr)},
                    {"plugin", plugin_of(*f)},
                    {"rows", std::move(unchecked)}});
  for (std::size_t i = first; i < rows.size(); ++i) {
    const choice c(*rows[i], {});
    tell(describe(check(*f, *rows[i], flags), &c));
  }
}

/// The family's part of the report, whatever its plugin does.
json::object survey(const std::string& id, check_flags flags, const common& all,
                    const std::vector<plugin_info>& found) {
  const plugin_info* file = file_of(id, found);
  const auto* known = std::find_if(std::begin(shipped), std::end(shipped), [&](const auto& s) { return s.id == id; });
  const std::optional<int> number = file ? file->number : known != std::end(shipped) ? known->number : std::nullopt;
  json::object out{
      {"name", id}, {"number", number ? json::value(*number) : json::value(nullptr)}, {"plugin", plugin_of(file)}};
  json::array sockets;
  std::size_t rows = 1;
  for (std::size_t next = 0; next < rows;) {
    child process([&](const child::tell& tell) { probe(id, next, flags, tell); }, all.patience());
    const auto head = process.next();
    if (!head) {
      sockets.push_back(describe(blame(process, file, id, "plugin-refused", "it was loaded")));
      break;
    }
    const auto& said = head->as_object();
    if (const auto* refused = said.if_contains("refused")) {
      sockets.push_back(*refused);
      break;
    }
    out["number"] = said.at("number");
    out["plugin"] = said.at("plugin");
    const auto& unchecked = said.at("rows").as_array();
    rows = unchecked.size();
    while (next < rows) {
      if (auto row_verdict = process.next()) {
        sockets.push_back(std::move(*row_verdict));
        ++next;
        continue;
      }
      // This row cost its process: the next ones get another.
      json::object failed = unchecked[next].as_object();
      const std::string name = text_of(failed, failed.at("protocol").is_null() ? "type" : "protocol");
      const json::object why_failed = describe(blame(process, file, id, "probe-failed", "checking " + name));
      for (const char* member : {"verdict", "errno", "reason", "detail", "remedy"})
        failed[member] = why_failed.at(member);
      sockets.push_back(std::move(failed));
      ++next;
      break;
    }
  }
  out["sockets"] = std::move(sockets);
  return out;
}

std::vector<std::string> chosen_families(const std::vector<std::string>& asked, const std::vector<plugin_info>& found) {
  std::vector<std::string> ids;
  const auto add = [&](const std::string& id) {
    if (!id.empty() && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  };
  for (const auto& text : asked) add(family_id(text));
  if (!asked.empty()) return ids;
  for (const auto& s : shipped) add(std::string(s.id));
  for (const auto& p : found) add(p.family);
  return ids;
}

void show(const json::array& surveyed) {
  table shown({"FAMILY", "TYPE", "PROTOCOL", "VERDICT", "WHY"});
  for (const auto& f : surveyed)
    for (const auto& s : f.at("sockets").as_array()) {
      const auto& v = s.as_object();
      const auto or_dash = [&](std::string_view member) {
        const std::string text = text_of(v, member);
        return cell{text.empty() ? "-" : text};
      };
      const std::string verdict_text = text_of(v, "verdict");
      shown.add({{text_of(f.as_object(), "name"), colour::strong},
                 or_dash("type"),
                 or_dash("protocol"),
                 {verdict_text, colour_of(verdict_text)},
                 {why(v)}});
    }
  shown.print();
}

int run(const common& all, const std::vector<std::string>& asked, bool passive) {
  const auto found = registry::global().families();
  json::array surveyed;
  for (const auto& id : chosen_families(asked, found))
    surveyed.push_back(survey(id, passive ? check_flags::passive : check_flags::none, all, found));
  if (!all.json) {
    show(surveyed);
    return success;
  }
  ::utsname here{};
  ::uname(&here);
  auto out = with_schema("caps");
  out["host"] = json::object{{"system", here.sysname}, {"release", here.release}, {"machine", here.machine}};
  out["families"] = std::move(surveyed);
  print(out);
  return success;
}

}  // namespace

const subcommand caps{
    "caps", "Show what this machine can open, and why not", "afplug caps can bluetooth --json",
    [](CLI::App& app, const common& all) -> std::function<int()> {
      auto asked = std::make_shared<std::vector<std::string>>();
      auto passive = std::make_shared<bool>(false);
      app.add_option("FAMILY", *asked, "The families to show; all, where none is named")->type_name("");
      app.add_flag("--passive", *passive, "Open no socket: opening one may load kernel modules");
      return [=, &all] { return run(all, *asked, *passive); };
    }};

}  // namespace afplug::command
