// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug new: a plugin's project, to begin from.
#include <fmt/core.h>

#include <afplug/plugin.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "command.hpp"
#include "templates.hpp"

namespace afplug::command {
namespace {

namespace fs = std::filesystem;

bool is_id(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= AFPLUG_ID_MAX && name[0] >= 'a' && name[0] <= 'z' &&
         std::all_of(name.begin(), name.end(), fits);
}

std::string replaced(std::string_view text, const std::string& name) {
  std::string symbol = name;
  std::replace(symbol.begin(), symbol.end(), '-', '_');
  std::string capitals = symbol;
  std::transform(capitals.begin(), capitals.end(), capitals.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  std::string out(text);
  for (const auto& [mark, value] :
       {std::pair<std::string_view, std::string_view>{"@name@", name}, {"@symbol@", symbol}, {"@SYMBOL@", capitals}})
    for (auto at = out.find(mark); at != out.npos; at = out.find(mark, at + value.size()))
      out.replace(at, mark.size(), value);
  return out;
}

void write(const fs::path& file, const std::string& text) {
  std::error_code ec;
  fs::create_directories(file.parent_path(), ec);
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw failure(negative, fmt::format("{} can't be written", file.string()));
}

int run(const std::string& name, const std::string& language) {
  if (!is_id(name))
    throw failure(usage, fmt::format("'{}' is no family id: a lower-case letter, then at most {} of a-z 0-9 _ -", name,
                                     AFPLUG_ID_MAX - 1));
  const fs::path folder = name;
  std::error_code ec;
  if (fs::exists(fs::symlink_status(folder, ec)))
    throw failure(negative, fmt::format("{} exists already; remove it, or choose another name", name));
  for (const auto& file : template_files())
    for (const std::string& part : {std::string("common/"), language + "/"})
      if (file.path.starts_with(part))
        write(folder / replaced(file.path.substr(part.size()), name), replaced(file.text, name));
  fmt::print(
      stderr,
      "afplug: made {0}; next: cmake -S {0} -B {0}/build && cmake --build {0}/build && ctest --test-dir {0}/build\n",
      name);
  return success;
}

}  // namespace

const subcommand new_plugin{
    "new", "Make a plugin's project that builds, tests and loads as it is", "afplug new carrier-pigeon --lang c",
    [](CLI::App& app, const common&) -> std::function<int()> {
      auto name = std::make_shared<std::string>();
      auto language = std::make_shared<std::string>("c++");
      app.add_option("NAME", *name, "The family's id; the project goes to a folder of that name")
          ->type_name("")
          ->required();
      app.add_option("--lang", *language, "c++, if not given")
          ->type_name("c|c++")
          ->check(CLI::IsMember({"c", "c++"}).description(""));
      return [=] { return run(*name, *language); };
    },
    false};

}  // namespace afplug::command
