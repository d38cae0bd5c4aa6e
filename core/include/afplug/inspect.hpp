// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// One plugin file under the glass: what its note says, whether the gate lets it pass, and what comes out when it is
// loaded.
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

/// A family as the note names it.
struct note_family {
  std::string id;           ///< "can"
  int number = 0;           ///< AF_*; 0: none on this platform
  std::uint32_t flags = 0;  ///< AFPLUG_FAMILY_*
};

/// What a plugin's ELF note says.
struct plugin_note {
  std::string provider, version;
  unsigned abi_major = 0, abi_minor = 0;
  std::vector<note_family> families;
};

/// What is known of a plugin file without loading it.
struct inspection {
  std::filesystem::path path;
  bool acceptable = false;          ///< the gate would let it be loaded
  std::string code;                 ///< where it would not: a stable word, "truncated", "writable", "abi-major", …
  std::string reason;               ///< where it would not: a sentence that names file and field
  std::optional<plugin_note> note;  ///< where it could be read; a file can have one and be refused all the same
};

/// Passes a file through the gate: its kind, its owner and mode and its directory's, its ELF headers, its note. Loads
/// nothing and runs nothing. `file` must be absolute. Any thread may call it; throws nothing but std::bad_alloc.
AFPLUG_API inspection inspect(const std::filesystem::path& file);

/// The same for a file's bytes: headers and note alone. A pure function; `name` stands in the sentences.
AFPLUG_API inspection inspect(std::span<const std::byte> image, std::string_view name);

/// What came of loading a plugin file.
struct load_report : inspection {
  std::vector<const family*> families;  ///< in the note's order; empty where the file was refused
  std::vector<std::string> warnings;    ///< what does not stop it from working but should be mended, one sentence each
  int error = 0;  ///< an errno that will pass (ENOMEM, EMFILE, ENFILE): the file is not to blame; else 0
};

/// Passes a file through the gate, loads it, runs its entry and checks everything that it describes. The code stays
/// mapped for the life of the process, and a file that was loaded is not loaded again. Blocks as dlopen(3) does. Any
/// thread may call it; from a plugin's own initialisation the file is refused ("reentered"). Throws nothing but
/// std::bad_alloc.
AFPLUG_API load_report load_plugin(const std::filesystem::path& file);

}  // namespace afplug
