// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Input: the command's arguments, one a line. listen, connect, check and new parse theirs and do nothing: they would
// wait, run code or write files.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command.hpp"
#include "require.hpp"
#include "templates.hpp"

int afplug_main(int argc, char** argv);  // main() of main.cpp

namespace afplug::command {

// In their files these are defined with another name: see CMakeLists.txt.
extern const subcommand real_listen_command, real_connect_command, real_check_command, real_new_command;

namespace {

template <const subcommand& Real>
std::function<int()> only_parse(CLI::App& app, const common_options& common) {
  // The options refer to what the function owns.
  return [kept = Real.add_arguments(app, common)] { return 0; };
}

}  // namespace

std::span<const template_file> template_files() { return {}; }

const subcommand listen_command{"listen", "", "", &only_parse<real_listen_command>};
const subcommand connect_command{"connect", "", "", &only_parse<real_connect_command>};
const subcommand check_command{"check", "", "", &only_parse<real_check_command>};
const subcommand new_command{"new", "", "", &only_parse<real_new_command>, false};

}  // namespace afplug::command

namespace {

/// Sends stdout and stderr elsewhere for a scope.
class quiet {
 public:
  quiet() {
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (const int fd : {1, 2}) {
      kept_[fd - 1] = ::fcntl(fd, F_DUPFD_CLOEXEC, 10);
      ::dup2(null, fd);
    }
    ::close(null);
  }
  ~quiet() {
    std::fflush(stdout);
    for (const int fd : {1, 2}) {
      ::dup2(kept_[fd - 1], fd);
      ::close(kept_[fd - 1]);
    }
  }
  quiet(const quiet&) = delete;
  quiet& operator=(const quiet&) = delete;

 private:
  int kept_[2];
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> arguments{"afplug"};
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty() && arguments.size() < 12) {
    const auto end = std::min(rest.find('\n'), rest.size());
    arguments.emplace_back(rest.substr(0, end));
    arguments.back().resize(std::min(arguments.back().size(), arguments.back().find('\0')));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::vector<char*> argv;
  for (auto& one : arguments) argv.push_back(one.data());
  argv.push_back(nullptr);
  int code = -1;
  {
    const quiet here;
    code = afplug_main(static_cast<int>(arguments.size()), argv.data());
  }
  REQUIRE(code >= 0 && code <= 3);
  return 0;
}
