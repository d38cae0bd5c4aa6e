// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Reads a plugin's note out of an ELF file that may be anything at all. Trusts nothing, reads no section headers, and
// needs a fixed small amount of memory and of reads whatever the file says.
#pragma once

#include <afplug/inspect.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace afplug::detail {

/// Why something was refused: a stable word, and what is wrong without the file's name.
struct refusal {
  std::string code;
  std::string text;
};

/// Bytes at an offset, of a file or of memory.
class byte_source {
 public:
  virtual std::uint64_t size() const = 0;
  /// Fills `out` from `offset`, all of it: 0, or an errno.
  virtual int read_at(std::uint64_t offset, std::span<std::byte> out) = 0;

 protected:
  ~byte_source() = default;
};

struct note_result {
  std::optional<plugin_note> note;  ///< may be there beside a refusal (another ABI's)
  std::optional<refusal> refused;
};

/// Checks the headers (class, byte order, machine, type, every segment inside the file) and reads the note.
note_result read_note(byte_source& file);

/// `text` is an id or a provider's name: [a-z][a-z0-9_-]*, at most AFPLUG_ID_MAX bytes.
bool is_id(std::string_view text) noexcept;

}  // namespace afplug::detail
