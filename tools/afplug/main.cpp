// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The afplug command: reports which sockets this machine can open, and transfers data over any address family.
#include <fcntl.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/registry.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <string_view>
#include <vector>

#include "command.hpp"

namespace {

using namespace afplug::command;

constexpr const subcommand* subcommands[] = {&families_command,  &caps_command,    &explain_command, &options_command,
                                             &constants_command, &address_command, &listen_command,  &connect_command,
                                             &check_command,     &new_command};

int run(int argc, char** argv) {
  CLI::App app(
      "afplug: every socket address family as a plugin.\nReports which sockets this machine can open, explains why "
      "others cannot be opened, and transfers data over any family.");
  app.name("afplug");
  app.set_version_flag("--version", "afplug " AFPLUG_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 available or successful, 1 unavailable or failed, 2 usage error, 3 unknown (explain).\n"
      "afplug COMMAND --help shows an example.");

  common_options common;
  std::vector<std::string> plugin_path;
  std::function<int()> chosen;
  for (const auto* s : subcommands) {
    auto* sub = app.add_subcommand(s->name, s->summary);
    sub->footer(fmt::format("Example:\n  {}", s->example));
    if (s->has_json) sub->add_flag("--json", common.json, "Print one JSON object");
    sub->add_option("--plugin-path", plugin_path, "Search this directory for plugins first; may be repeated")
        ->type_name("DIR")
        ->allow_extra_args(false)
        ->check(CLI::Validator(CLI::ExistingDirectory).description(""));
    sub->add_option("--limit", common.limit, "Maximum time for each reply of a plugin (default 5)")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.01, 86400.0).description(""));
    sub->callback([&chosen, body = s->add_arguments(*sub, common)] { chosen = body; });
  }
  if (argc > 1 && argv[1][0] != '-' && std::none_of(std::begin(subcommands), std::end(subcommands), [&](const auto* s) {
        return std::string_view(argv[1]) == s->name;
      }))
    throw failure(usage,
                  fmt::format("there is no command {}; afplug --help lists them", afplug::plugin::quote(argv[1])));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::ostringstream help, problem;
    const bool wanted = app.exit(e, help, problem) == 0;
    fmt::print("{}", help.str());
    std::istringstream lines(problem.str());
    for (std::string line; std::getline(lines, line);)
      fmt::print(stderr, "{}\n", afplug::plugin::escape_unprintable(line));
    return wanted ? success : usage;
  }
  for (const auto& directory : plugin_path)
    afplug::registry::global().add_directory(std::filesystem::absolute(directory));
  return chosen();
}

// Opens /dev/null as each of the descriptors 0 to 2 that is closed: else the command's sockets and pipes would get
// these numbers, and output would go to them.
void open_standard_descriptors() {
  for (const int fd : {0, 1, 2})
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) std::_Exit(failed);
}

}  // namespace

void afplug::command::print_message(std::string_view text) {
  fmt::print(stderr, "afplug: {}\n", plugin::escape_unprintable(text));
}

int main(int argc, char** argv) {
  open_standard_descriptors();
  int code = failed;
  try {
    code = run(argc, argv);
  } catch (const failure& e) {
    print_message(e.what());
    code = e.code();
  } catch (const std::exception& e) {
    print_message(e.what());
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    fmt::print(stderr, "afplug: writing to stdout failed\n");
    return failed;
  }
  return code;
}
