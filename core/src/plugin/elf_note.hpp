// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Reads the note of a plugin from an ELF file. The file is not trusted: every offset and size is checked, section
// headers are not used, and memory and the number of reads are bounded whatever the file contains.
#pragma once

#include <afplug/inspect.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace afplug::detail {

/// Why a file was refused: a stable code, and the error text without the file's name.
struct refusal {
  std::string code;
  std::string text;
  int error = 0;  ///< the errno of the call that failed; 0: none
};

/// Random access to the bytes of a file or of memory.
class byte_source {
 public:
  virtual std::uint64_t size() const = 0;
  /// Reads out.size() bytes at `offset`. Returns 0, or an errno.
  virtual int read_at(std::uint64_t offset, std::span<std::byte> out) = 0;

 protected:
  ~byte_source() = default;
};

/// A text of the dynamic section that makes the dynamic linker load or search something.
struct library_reference {
  const char* tag;  ///< "DT_NEEDED", "DT_RUNPATH", …
  std::string text;
};

struct note_result {
  std::optional<plugin_note> note;  ///< may be set together with `refused`
  std::vector<library_reference> libraries, search_paths;
  std::optional<refusal> refused;
};

/// Checks the ELF header (class, byte order, machine, type) and the program headers, and reads the note and what the
/// dynamic section refers to.
note_result read_note(byte_source& file);
/// The same for a library that is no plugin: without the note.
note_result read_library(byte_source& file);

/// Whether `text` is a valid family id or provider name: [a-z][a-z0-9_-]*, at most AFPLUG_ID_MAX bytes.
bool is_id(std::string_view text) noexcept;

}  // namespace afplug::detail
