// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The files of sdk/template, which the build puts into the command.
#pragma once

#include <span>
#include <string_view>

namespace afplug::command {

struct template_file {
  std::string_view path;  ///< below sdk/template: "c/src/@name@.c"
  std::string_view text;
};

std::span<const template_file> template_files();

}  // namespace afplug::command
