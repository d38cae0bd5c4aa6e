// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The files of sdk/template, compiled into the command by embed.cmake.
#pragma once

#include <span>
#include <string_view>

namespace afplug::command {

struct template_file {
  std::string_view path;  ///< relative to sdk/template: "c/src/@name@.c"
  std::string_view text;
};

std::span<const template_file> template_files();

}  // namespace afplug::command
