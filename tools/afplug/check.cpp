// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug check: the conformance kit against one plugin.
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
#include "kit.hpp"
#include "report.hpp"

namespace afplug::command {
namespace {

namespace fs = std::filesystem;

/// How a check went.
struct result {
  std::string name, family, sentence, outcome, detail;

  json::object to_json() const {
    return {{"check", name},
            {"family", text_or_null(family)},
            {"outcome", outcome},
            {"sentence", sentence},
            {"detail", text_or_null(detail)}};
  }
};

std::vector<const kit::check*> all_checks() {
  std::vector<const kit::check*> out;
  for (const auto group : {kit::tables, kit::addresses, kit::sockets})
    for (const auto& c : group) out.push_back(&c);
  return out;
}

/// The plugin's own entry, once more than the registry calls it: with this host's version, then with a major that
/// nobody has.
void entry_is_steady(const fs::path& file) {
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  kit::expect(library != nullptr, "it is not loaded");
  const auto entry = reinterpret_cast<afplug_entry_fn>(::dlsym(library, "afplug_entry"));
  kit::expect(entry != nullptr, "it has no afplug_entry");
  static afplug_host host{};
  host.size = sizeof host;
  host.abi_major = AFPLUG_ABI_MAJOR;
  host.abi_minor = AFPLUG_ABI_MINOR;
  host.version = AFPLUG_VERSION;
  host.log = [](std::int32_t, const char*, const char*) {};
  host.extension = [](const char*) -> const void* { return nullptr; };
  afplug_plugin first{}, second{};
  first.size = second.size = sizeof first;
  kit::expect(entry(&host, &first) == 0 && entry(&host, &second) == 0, "the entry fails when it is called again");
  kit::expect(std::memcmp(&first, &second, sizeof first) == 0, "the entry gives other tables each time");
  static afplug_host other = host;
  other.abi_major = AFPLUG_ABI_MAJOR + 1;
  afplug_plugin none{};
  none.size = sizeof none;
  kit::expect(entry(&other, &none) < 0, "the entry accepts a host of ABI {}.0", AFPLUG_ABI_MAJOR + 1);
}

/// In the child: loads the file and tells what came of it; then runs the checks from `first` on, one (family, check)
/// after the other.
void run_kit(const fs::path& file, std::size_t first, const child::tell& tell) {
  const load_report loaded = load_plugin(file);
  json::array names, warnings;
  for (const auto* f : loaded.families) names.push_back(json::string(f->id()));
  for (const auto& w : loaded.warnings) warnings.push_back(json::string(w));
  json::object head{
      {"families", std::move(names)}, {"warnings", std::move(warnings)}, {"reason", text_or_null(loaded.reason)}};
  try {
    if (!loaded.families.empty()) entry_is_steady(file);
    head["entry"] = nullptr;
  } catch (const kit::broken& e) {
    head["entry"] = e.what();
  }
  tell(head);
  const auto checks = all_checks();
  for (std::size_t i = first; i < loaded.families.size() * checks.size(); ++i) {
    const auto& c = *checks[i % checks.size()];
    std::string outcome = "pass", detail;
    try {
      c.run(*loaded.families[i / checks.size()]);
    } catch (const kit::beside_the_point& e) {
      outcome = "not-applicable";
      detail = e.what();
    } catch (const std::exception& e) {
      outcome = "fail";
      detail = e.what();
    }
    tell(json::object{{"outcome", outcome}, {"detail", text_or_null(detail)}});
  }
}

class examination {
 public:
  examination(fs::path file, const common& all) : file_(std::move(file)), all_(all) {}

  std::vector<result> run() {
    const inspection seen = inspect(file_);
    note("file", "the file passes the gate: kind, owner, mode, ELF headers, note", seen.acceptable, seen.reason);
    if (!seen.acceptable) return std::move(results_);
    const auto checks = all_checks();
    std::size_t count = 1;
    for (std::size_t next = 0; next < count;) {
      child process([&](const child::tell& tell) { run_kit(file_, next, tell); }, all_.patience() * 4);
      const auto head = process.next();
      if (!head) {
        if (next == 0)
          note("load", load_sentence, false, fmt::format("its process {} while it was loaded", process.trouble()));
        else
          note("load", load_sentence, false, fmt::format("loaded once more, its process {}", process.trouble()));
        break;
      }
      if (next == 0) {
        take_head(head->as_object());
        count = families_.size() * checks.size();
      }
      while (next < count) {
        const auto& c = *checks[next % checks.size()];
        const std::string& family = families_[next / checks.size()];
        const auto answer = process.next();
        if (answer)
          results_.push_back({c.name, family, c.sentence, text_of(answer->as_object(), "outcome"),
                              text_of(answer->as_object(), "detail")});
        else
          results_.push_back({c.name, family, c.sentence, "fail", "its process " + process.trouble()});
        ++next;
        if (!answer) break;  // the rest gets another process
      }
    }
    return std::move(results_);
  }

 private:
  static constexpr const char* load_sentence = "it loads, and describes what its note says";

  void note(const char* name, const char* sentence, bool holds, const std::string& detail) {
    results_.push_back({name, "", sentence, holds ? "pass" : "fail", holds ? "" : detail});
  }

  void take_head(const json::object& head) {
    for (const auto& f : head.at("families").as_array()) families_.emplace_back(f.as_string());
    note("load", load_sentence, !families_.empty(), text_of(head, "reason"));
    if (families_.empty()) return;
    note("entry", "the entry gives the same tables each time, and nothing to a host of another major",
         head.at("entry").is_null(), text_of(head, "entry"));
    std::string warnings;
    for (const auto& w : head.at("warnings").as_array())
      warnings += fmt::format("{}{}", warnings.empty() ? "" : "; ", std::string_view(w.as_string()));
    note("exports", "nothing is warned about: the entry alone is exported", warnings.empty(), warnings);
  }

  fs::path file_;
  const common& all_;
  std::vector<std::string> families_;
  std::vector<result> results_;
};

int run(const common& all, const std::string& text) {
  const fs::path file = fs::absolute(text);
  const auto results = examination(file, all).run();
  const auto count = [&](std::string_view outcome) {
    return std::count_if(results.begin(), results.end(), [&](const result& r) { return r.outcome == outcome; });
  };
  const bool holds = count("fail") == 0;
  if (all.json) {
    auto out = with_schema("check");
    out["path"] = file.string();
    out["holds"] = holds;
    json::array listed;
    for (const auto& r : results) listed.push_back(r.to_json());
    out["checks"] = std::move(listed);
    print(out);
    return holds ? success : negative;
  }
  table shown({"FAMILY", "CHECK", "OUTCOME", "WHAT HOLDS, OR WHY NOT"});
  for (const auto& r : results)
    shown.add({{r.family.empty() ? "-" : r.family, colour::strong},
               {r.name},
               {r.outcome, r.outcome == "pass"   ? colour::good
                           : r.outcome == "fail" ? colour::bad
                                                 : colour::quiet},
               {r.detail.empty() ? r.sentence : r.detail}});
  shown.print();
  fmt::print("\n{} hold, {} fail, {} do not apply here\n", count("pass"), count("fail"), count("not-applicable"));
  return holds ? success : negative;
}

}  // namespace

const subcommand check_plugin{"check", "Hold a plugin to the conformance kit: exit 0 only if all of it holds",
                              "afplug check ./build/example.so",
                              [](CLI::App& app, const common& all) -> std::function<int()> {
                                auto file = std::make_shared<std::string>();
                                app.add_option("PLUGIN.so", *file, "The plugin's file")->type_name("")->required();
                                return [=, &all] { return run(all, *file); };
                              }};

}  // namespace afplug::command
