// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug check: runs the conformance checks on one plugin.
#include <dlfcn.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <afplug/inspect.hpp>
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "command.hpp"
#include "conformance.hpp"
#include "report.hpp"

namespace afplug::command {
namespace {

namespace fs = std::filesystem;

/// The result of one check; the members of the same names in the JSON output.
struct result {
  std::string name, family, description, outcome, detail;

  json::object to_json() const {
    return {{"check", name},
            {"family", text_or_null(family)},
            {"outcome", outcome},
            {"sentence", description},
            {"detail", text_or_null(detail)}};
  }
};

std::vector<const conformance::check*> all_checks() {
  std::vector<const conformance::check*> out;
  for (const auto group : {conformance::table_checks, conformance::address_checks, conformance::socket_checks})
    for (const auto& c : group) out.push_back(&c);
  return out;
}

/// Calls the plugin's entry again, after the registry did: twice with this host's ABI version, when it must return the
/// same tables, then with an unsupported ABI major, which it must reject.
void check_entry(const fs::path& file) {
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  conformance::expect(library != nullptr, "the plugin is not loaded");
  const auto entry = reinterpret_cast<afplug_entry_fn>(::dlsym(library, "afplug_entry"));
  conformance::expect(entry != nullptr, "the plugin does not export afplug_entry");
  static afplug_host host{};
  host.size = sizeof host;
  host.abi_major = AFPLUG_ABI_MAJOR;
  host.abi_minor = AFPLUG_ABI_MINOR;
  host.version = AFPLUG_VERSION;
  host.log = [](std::int32_t, const char*, const char*) {};
  host.extension = [](const char*) -> const void* { return nullptr; };
  afplug_plugin first{}, second{};
  first.size = second.size = sizeof first;
  conformance::expect(entry(&host, &first) == 0 && entry(&host, &second) == 0,
                      "afplug_entry fails when it is called a second time");
  conformance::expect(std::memcmp(&first, &second, sizeof first) == 0,
                      "afplug_entry returns different tables each time");
  static afplug_host other = host;
  other.abi_major = AFPLUG_ABI_MAJOR + 1;
  afplug_plugin none{};
  none.size = sizeof none;
  conformance::expect(entry(&other, &none) < 0, "afplug_entry accepts a host of ABI {}.0, which does not exist",
                      AFPLUG_ABI_MAJOR + 1);
}

/// Runs in the child process: loads the file and replies with the result, then runs the checks from `first` on. Checks
/// are numbered through all families: number = family index * number of checks + check index.
void run_checks(const fs::path& file, std::size_t first, const child_process::reply_function& reply) {
  const load_report loaded = load_plugin(file);
  json::array names, warnings;
  for (const auto* f : loaded.families) names.push_back(json::string(f->id()));
  for (const auto& w : loaded.warnings) warnings.push_back(json::string(w));
  json::object loaded_json{
      {"families", std::move(names)}, {"warnings", std::move(warnings)}, {"reason", text_or_null(loaded.reason)}};
  try {
    if (!loaded.families.empty()) check_entry(file);
    loaded_json["entry"] = nullptr;
  } catch (const conformance::check_failed& e) {
    loaded_json["entry"] = e.what();
  }
  reply(loaded_json);
  const auto checks = all_checks();
  for (std::size_t i = first; i < loaded.families.size() * checks.size(); ++i) {
    const auto& c = *checks[i % checks.size()];
    std::string outcome = "pass", detail;
    try {
      c.run(*loaded.families[i / checks.size()]);
    } catch (const conformance::not_applicable& e) {
      outcome = "not-applicable";
      detail = e.what();
    } catch (const std::exception& e) {
      outcome = "fail";
      detail = e.what();
    }
    reply(json::object{{"outcome", outcome}, {"detail", text_or_null(detail)}});
  }
}

class plugin_check {
 public:
  plugin_check(fs::path file, const common_options& common) : file_(std::move(file)), common_(common) {}

  std::vector<result> run() {
    const inspection seen = inspect(file_);
    add_result("file", "the file check accepts the file: type, owner, mode, ELF headers, note", seen.acceptable,
               seen.reason);
    if (!seen.acceptable) return std::move(results_);
    results_.push_back(
        {"libraries", "", "the libraries that it needs cannot be changed by others", "pass", libraries_text(seen)});
    const auto checks = all_checks();
    std::size_t count = 1;
    for (std::size_t next = 0; next < count;) {
      child_process process([&](const child_process::reply_function& reply) { run_checks(file_, next, reply); },
                            common_.timeout() * 4);
      const auto first_reply = process.next();
      if (!first_reply) {
        add_result("load", load_text, false,
                   fmt::format("the process {} while {}", process.failure_text(),
                               next == 0 ? "loading the plugin" : "loading the plugin again"));
        break;
      }
      if (next == 0) {
        add_load_results(first_reply->as_object());
        count = families_.size() * checks.size();
      }
      while (next < count) {
        const auto& c = *checks[next % checks.size()];
        const std::string& family = families_[next / checks.size()];
        const auto reply = process.next();
        if (reply)
          results_.push_back({c.name, family, c.description, text_of(reply->as_object(), "outcome"),
                              text_of(reply->as_object(), "detail")});
        else
          results_.push_back({c.name, family, c.description, "fail", "the process " + process.failure_text()});
        ++next;
        if (!reply) break;  // the remaining checks run in a new process
      }
    }
    return std::move(results_);
  }

 private:
  static constexpr const char* load_text = "the plugin loads, and its tables match its note";

  static std::string libraries_text(const inspection& seen) {
    std::string text = "it needs";
    for (const auto& library : seen.libraries) text += (library == seen.libraries.front() ? " " : ", ") + library;
    if (seen.libraries.empty()) text += " no libraries";
    for (const auto& directory : seen.library_path)
      text += (directory == seen.library_path.front() ? "; they are searched in " : ", ") + directory.string();
    return text;
  }

  void add_result(const char* name, const char* description, bool passed, const std::string& detail) {
    results_.push_back({name, "", description, passed ? "pass" : "fail", passed ? "" : detail});
  }

  void add_load_results(const json::object& loaded) {
    for (const auto& f : loaded.at("families").as_array()) families_.emplace_back(f.as_string());
    add_result("load", load_text, !families_.empty(), text_of(loaded, "reason"));
    if (families_.empty()) return;
    add_result("entry", "afplug_entry returns the same tables each time, and rejects an unsupported ABI major",
               loaded.at("entry").is_null(), text_of(loaded, "entry"));
    std::string warnings;
    for (const auto& w : loaded.at("warnings").as_array())
      warnings += fmt::format("{}{}", warnings.empty() ? "" : "; ", std::string_view(w.as_string()));
    add_result("exports", "loading gives no warnings; only afplug_entry is exported", warnings.empty(), warnings);
  }

  fs::path file_;
  const common_options& common_;
  std::vector<std::string> families_;
  std::vector<result> results_;
};

int run(const common_options& common, const std::string& text) {
  const fs::path file = fs::absolute(text);
  const auto results = plugin_check(file, common).run();
  const auto count = [&](std::string_view outcome) {
    return std::count_if(results.begin(), results.end(), [&](const result& r) { return r.outcome == outcome; });
  };
  const bool passed = count("fail") == 0;
  if (common.json) {
    auto out = with_schema("check");
    out["path"] = path_json(file.native());
    out["holds"] = passed;
    json::array listed;
    for (const auto& r : results) listed.push_back(r.to_json());
    out["checks"] = std::move(listed);
    print(out);
    return passed ? success : failed;
  }
  table output({"FAMILY", "CHECK", "OUTCOME", "REQUIREMENT, OR WHY IT IS NOT MET"});
  for (const auto& r : results)
    output.add({{r.family.empty() ? "-" : r.family, colour::strong},
                {r.name},
                {r.outcome, r.outcome == "pass"   ? colour::good
                            : r.outcome == "fail" ? colour::bad
                                                  : colour::quiet},
                {r.detail.empty() ? r.description : r.detail}});
  output.print();
  fmt::print("\n{} passed, {} failed, {} not applicable\n", count("pass"), count("fail"), count("not-applicable"));
  return passed ? success : failed;
}

}  // namespace

const subcommand check_command{"check", "Run the conformance checks on a plugin; exit code 0 if all pass",
                               "afplug check ./build/example.so",
                               [](CLI::App& app, const common_options& common) -> std::function<int()> {
                                 auto file = std::make_shared<std::string>();
                                 app.add_option("PLUGIN.so", *file, "The plugin file")->type_name("")->required();
                                 return [=, &common] { return run(common, *file); };
                               }};

}  // namespace afplug::command
