// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug caps: whether each row (type and protocol) of each family can be opened on this machine.
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

/// The families that ship with afplug. They are listed even if their plugins are missing.
struct shipped_family {
  std::string_view id;
  std::optional<int> number;
};
constexpr shipped_family shipped[] = {{"inet", AF_INET},   {"inet6", AF_INET6},     {"unix", AF_UNIX},
                                      {"can", AF_CAN},     {"packet", AF_PACKET},   {"bluetooth", AF_BLUETOOTH},
                                      {"vsock", AF_VSOCK}, {"hyperv", std::nullopt}};

/// Runs in the child process: replies with the plugin, then with the verdict of each row from `first` on.
void send_rows(std::string_view id, std::size_t first, check_flags flags, const child_process::reply_function& reply) {
  error_code ec;
  const family* f = registry::global().family(id, ec);
  if (!f) {
    reply(json::object{{"refused", to_json(explain(id, ec))}});
    return;
  }
  const auto rows = listed_rows(*f);
  json::array unchecked;
  for (const row* r : rows) {
    const resolved_spec c(*r, {});
    unchecked.push_back(to_json({}, &c));
  }
  reply(json::object{{"number", f->has_kernel_number() ? json::value(f->number()) : json::value(nullptr)},
                     {"plugin", plugin_to_json(*f)},
                     {"rows", std::move(unchecked)}});
  for (std::size_t i = first; i < rows.size(); ++i) {
    const resolved_spec c(*rows[i], {});
    reply(to_json(check(*f, *rows[i], flags), &c));
  }
}

/// The report for one family. A row whose check crashes or times out is reported as such; the remaining rows are
/// checked in a new process.
json::object check_family(const std::string& id, check_flags flags, const common_options& common,
                          const std::vector<plugin_info>& found) {
  const plugin_info* file = find_plugin_file(id, found);
  const auto* known = std::find_if(std::begin(shipped), std::end(shipped), [&](const auto& s) { return s.id == id; });
  const std::optional<int> number = file ? file->number : known != std::end(shipped) ? known->number : std::nullopt;
  json::object out{
      {"name", id}, {"number", number ? json::value(*number) : json::value(nullptr)}, {"plugin", plugin_to_json(file)}};
  json::array sockets;
  std::size_t rows = 1;
  for (std::size_t next = 0; next < rows;) {
    child_process process([&](const child_process::reply_function& reply) { send_rows(id, next, flags, reply); },
                          common.timeout());
    const auto first_reply = process.next();
    if (!first_reply) {
      sockets.push_back(to_json(process_failure(process, file, id, "plugin-refused", "loading it")));
      break;
    }
    const auto& loaded = first_reply->as_object();
    if (const auto* refused = loaded.if_contains("refused")) {
      sockets.push_back(*refused);
      break;
    }
    out["number"] = loaded.at("number");
    out["plugin"] = loaded.at("plugin");
    const auto& unchecked = loaded.at("rows").as_array();
    rows = unchecked.size();
    while (next < rows) {
      if (auto row_verdict = process.next()) {
        sockets.push_back(std::move(*row_verdict));
        ++next;
        continue;
      }
      // The check ended the process; the outer loop starts another for the remaining rows.
      json::object failed = unchecked[next].as_object();
      const std::string name = text_of(failed, failed.at("protocol").is_null() ? "type" : "protocol");
      const json::object why_failed = to_json(process_failure(process, file, id, "probe-failed", "checking " + name));
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

std::vector<std::string> selected_families(const std::vector<std::string>& requested,
                                           const std::vector<plugin_info>& found) {
  std::vector<std::string> ids;
  const auto add = [&](const std::string& id) {
    if (!id.empty() && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  };
  for (const auto& text : requested) add(family_id(text));
  if (!requested.empty()) return ids;
  for (const auto& s : shipped) add(std::string(s.id));
  for (const auto& p : found) add(p.family);
  return ids;
}

void print_table(const json::array& checked) {
  table output({"FAMILY", "TYPE", "PROTOCOL", "VERDICT", "WHY"});
  for (const auto& f : checked)
    for (const auto& s : f.at("sockets").as_array()) {
      const auto& v = s.as_object();
      const auto or_dash = [&](std::string_view member) {
        const std::string text = text_of(v, member);
        return cell{text.empty() ? "-" : text};
      };
      const std::string verdict_text = text_of(v, "verdict");
      output.add({{text_of(f.as_object(), "name"), colour::strong},
                  or_dash("type"),
                  or_dash("protocol"),
                  {verdict_text, colour_of(verdict_text)},
                  {reason_text(v)}});
    }
  output.print();
}

int run(const common_options& common, const std::vector<std::string>& requested, bool passive) {
  const auto found = registry::global().families();
  json::array checked;
  for (const auto& id : selected_families(requested, found))
    checked.push_back(check_family(id, passive ? check_flags::passive : check_flags::none, common, found));
  if (!common.json) {
    print_table(checked);
    return success;
  }
  ::utsname here{};
  ::uname(&here);
  auto out = with_schema("caps");
  out["host"] = json::object{{"system", here.sysname}, {"release", here.release}, {"machine", here.machine}};
  out["families"] = std::move(checked);
  print(out);
  return success;
}

}  // namespace

const subcommand caps_command{
    "caps", "List the sockets that this machine can open, and why it cannot open others",
    "afplug caps can bluetooth --json", [](CLI::App& app, const common_options& common) -> std::function<int()> {
      auto requested = std::make_shared<std::vector<std::string>>();
      auto passive = std::make_shared<bool>(false);
      app.add_option("FAMILY", *requested, "The families to check (default: all)")->type_name("");
      app.add_flag("--passive", *passive, "Do not open sockets (opening one may load kernel modules)");
      return [=, &common] { return run(common, *requested, *passive); };
    }};

}  // namespace afplug::command
