// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug new: creates a plugin project from sdk/template.
#include <fmt/core.h>

#include <afplug/plugin.h>
#include <CLI/CLI.hpp>
#include <afplug/plugin/encoding.hpp>
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
  const auto is_id_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= AFPLUG_ID_MAX && name[0] >= 'a' && name[0] <= 'z' &&
         std::all_of(name.begin(), name.end(), is_id_char);
}

std::string expand_placeholders(std::string_view text, const std::string& name) {
  std::string symbol = name;
  std::replace(symbol.begin(), symbol.end(), '-', '_');
  std::string upper = symbol;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  std::string out(text);
  for (const auto& [placeholder, value] :
       {std::pair<std::string_view, std::string_view>{"@name@", name}, {"@symbol@", symbol}, {"@SYMBOL@", upper}})
    for (auto at = out.find(placeholder); at != out.npos; at = out.find(placeholder, at + value.size()))
      out.replace(at, placeholder.size(), value);
  return out;
}

void write(const fs::path& file, const std::string& text) {
  std::error_code ec;
  fs::create_directories(file.parent_path(), ec);
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw failure(failed, fmt::format("cannot write {}", file.string()));
}

int run(const std::string& name, const std::string& language) {
  if (!is_id(name))
    throw failure(usage, fmt::format("{} is not a valid family id: use a lower-case letter, followed by at most {} of "
                                     "a-z 0-9 _ -",
                                     plugin::quote(name), AFPLUG_ID_MAX - 1));
  const fs::path folder = name;
  std::error_code ec;
  if (fs::exists(fs::symlink_status(folder, ec)))
    throw failure(failed, fmt::format("{} already exists; remove it or choose another name", name));
  for (const auto& file : template_files())
    for (const std::string& part : {std::string("common/"), language + "/"})
      if (file.path.starts_with(part))
        write(folder / expand_placeholders(file.path.substr(part.size()), name), expand_placeholders(file.text, name));
  fmt::print(
      stderr,
      "afplug: created {0}; next: cmake -S {0} -B {0}/build && cmake --build {0}/build && ctest --test-dir {0}/build\n",
      name);
  return success;
}

}  // namespace

const subcommand new_command{
    "new", "Create a plugin project that builds and passes its tests", "afplug new carrier-pigeon --lang c",
    [](CLI::App& app, const common_options&) -> std::function<int()> {
      auto name = std::make_shared<std::string>();
      auto language = std::make_shared<std::string>("c++");
      app.add_option("NAME", *name, "The family id, also the name of the new folder")->type_name("")->required();
      app.add_option("--lang", *language, "The language of the project (default: c++)")
          ->type_name("c|c++")
          ->check(CLI::IsMember({"c", "c++"}).description(""));
      return [=] { return run(*name, *language); };
    },
    false};

}  // namespace afplug::command
