// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Inspection of one plugin file: its ELF note, the result of the file check, and the result of loading it.
#pragma once

#include <afplug/config.hpp>
#include <afplug/family.hpp>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace afplug {

/// A family that the note declares.
struct note_family {
  std::string id;           ///< "can"
  int number = 0;           ///< AF_*; 0: the platform has no number for it
  std::uint32_t flags = 0;  ///< AFPLUG_FAMILY_*
};

/// The contents of a plugin's ELF note.
struct plugin_note {
  std::string provider, version;
  unsigned abi_major = 0, abi_minor = 0;
  std::vector<note_family> families;
};

/// The result of checking a plugin file without loading it.
struct inspection {
  std::filesystem::path path;
  bool acceptable = false;          ///< it passed all checks and would be loaded
  std::string code;                 ///< if not acceptable: a stable identifier, as "truncated", "writable", "abi-major"
  std::string reason;               ///< if not acceptable: an error text that names the file and the field
  std::optional<plugin_note> note;  ///< empty if it could not be read; may be there if not acceptable
  /// The libraries that it and its libraries need (DT_NEEDED), as far as they were checked.
  std::vector<std::string> libraries;
  /// Where the dynamic linker searches them first (DT_RUNPATH, DT_RPATH, $ORIGIN replaced).
  std::vector<std::filesystem::path> library_path;
};

/// Checks a file as the registry does before it loads a plugin: that it is a regular file, who may change it and the
/// directories and links on its path, ELF headers, note, and the libraries that it needs. Loads nothing and executes
/// nothing. `file` must be absolute. Any thread may call it. Throws nothing but std::bad_alloc.
AFPLUG_API inspection inspect(const std::filesystem::path& file);

/// Checks the ELF headers and the note in the contents of a file. `name` is used in the error text.
AFPLUG_API inspection inspect(std::span<const std::byte> image, std::string_view name);

/// The result of loading a plugin file.
struct load_report : inspection {
  std::vector<const family*> families;  ///< in the note's order; empty if the file was refused
  std::vector<std::string> warnings;    ///< defects that do not prevent its use but should be fixed
  int error = 0;                        ///< a transient errno (ENOMEM, EMFILE, ENFILE) that prevented loading; 0: none
};

/// Checks a file as inspect() does, loads it, calls its entry and validates the descriptors it returns. The code stays
/// mapped until the process ends; a file that is already loaded is not loaded again. Blocks as dlopen(3) does. Any
/// thread may call it; a call from a plugin's own initialisation refuses the file with the code "reentered". Throws
/// nothing but std::bad_alloc.
AFPLUG_API load_report load_plugin(const std::filesystem::path& file);

}  // namespace afplug
