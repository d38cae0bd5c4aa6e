// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Loads plugin files, each once in the life of the process, whichever registry asks.
#pragma once

#include <afplug/inspect.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace afplug::detail {

/// The code of a refusal by dlopen(3). It may be temporary, of which ld.so's text says nothing (it reports a lack of
/// memory in several ways, translated): loading is tried again when the family is requested again.
constexpr char dlopen_failed[] = "dlopen";

/// Checks the file and loads it, unless it is loaded. `directory` is the search directory it was
/// found in.
load_report load_file(const std::filesystem::path& file, const std::filesystem::path& directory);

/// Whether this thread is running a plugin's initialization.
bool loading_here() noexcept;

/// The process-local number of a family without one of its own: an id keeps it as long as the process runs.
int local_number(std::string_view id);
/// The id that has this process-local number.
std::optional<std::string> local_id(int number);

/// The symbols that the loaded library offers to others, without those that the linker itself makes.
std::vector<std::string> exported_symbols(void* handle);
/// Whether `symbol` lies in that library itself, not in one that it depends on.
bool defines(void* handle, const void* symbol) noexcept;
/// Whether the symbol is a function, and lies in an executable segment.
bool is_function(const void* symbol) noexcept;
/// Whether the loaded library is a mapping of the file that the descriptor is open on. True where /proc is missing.
bool maps_file(void* handle, int fd);

}  // namespace afplug::detail
