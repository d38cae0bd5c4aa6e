// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "elf_note.hpp"

#include <afplug/plugin.h>
#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

// This library's ELF header in memory, defined by the linker. A plugin must have the same class, byte order and
// machine.
extern "C" __attribute__((visibility("hidden"))) const ElfW(Ehdr) __ehdr_start;

namespace afplug::detail {
namespace {

using elf_header = ElfW(Ehdr);
using program_header = ElfW(Phdr);
using note_header = ElfW(Nhdr);
using dynamic_entry = ElfW(Dyn);
#if defined(__s390x__) || defined(__alpha__)
using hash_word = std::uint64_t;  // of DT_HASH
#else
using hash_word = std::uint32_t;
#endif

constexpr std::size_t segments_max = 64;
constexpr std::uint64_t notes_max = 64 * 1024;  // bytes of all PT_NOTE segments together
constexpr std::uint32_t stride_max = 4096;
constexpr std::uint32_t header_max = 4096;
constexpr std::size_t dynamic_entries_max = 4096;
constexpr std::size_t references_max = 256;
constexpr std::size_t text_max = 4096;  // as PATH_MAX
constexpr int number_max = 255;
constexpr char note_name[] = AFPLUG_NOTE_NAME;

refusal unreadable(int error) {
  return {"unreadable", "cannot read it: " + std::generic_category().message(error), error};
}

std::uint64_t page_size() noexcept { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

// offset + length <= limit, without overflow.
constexpr bool fits(std::uint64_t offset, std::uint64_t length, std::uint64_t limit) noexcept {
  return offset <= limit && length <= limit - offset;
}

template <typename T>
int read_object(byte_source& file, std::uint64_t offset, T& out) {
  return file.read_at(offset, std::as_writable_bytes(std::span{&out, 1}));
}

std::optional<refusal> check_identity(const elf_header& header) {
  const elf_header& own = __ehdr_start;
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return refusal{"not-elf", "it is not an ELF file: e_ident does not have the magic number"};
  const struct {
    bool wrong;
    const char *code, *field;
    unsigned actual, expected;
  } checks[] = {
      {header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS], "elf-class", "e_ident[EI_CLASS]", header.e_ident[EI_CLASS],
       own.e_ident[EI_CLASS]},
      {header.e_ident[EI_DATA] != own.e_ident[EI_DATA], "elf-byte-order", "e_ident[EI_DATA]", header.e_ident[EI_DATA],
       own.e_ident[EI_DATA]},
      {header.e_ident[EI_VERSION] != EV_CURRENT, "elf-version", "e_ident[EI_VERSION]", header.e_ident[EI_VERSION],
       EV_CURRENT},
      {header.e_machine != own.e_machine, "elf-machine", "e_machine", header.e_machine, own.e_machine},
      {header.e_type != ET_DYN, "elf-type", "e_type", header.e_type, ET_DYN},
      {header.e_phentsize != sizeof(program_header), "program-headers", "e_phentsize", header.e_phentsize,
       sizeof(program_header)},
  };
  for (const auto& c : checks)
    if (c.wrong)
      return refusal{c.code, std::string("ELF header: ") + c.field + " is " + std::to_string(c.actual) +
                                 ", this machine requires " + std::to_string(c.expected)};
  return std::nullopt;
}

refusal bad_headers(const std::string& text) { return {"segment", "program headers: " + text}; }

// What the dynamic linker does not check itself, or ends the process for.
std::optional<refusal> check_loads(std::span<const program_header> segments, std::uint64_t file_size) {
  const auto page = page_size();
  std::uint64_t end = 0;  // of the pages of the segments before
  bool loads = false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto& s = segments[i];
    const std::string which = "segment " + std::to_string(i) + ": ";
    if (s.p_filesz > 0 && s.p_type != PT_NULL && !fits(s.p_offset, s.p_filesz, file_size))
      return refusal{"truncated", which + "p_offset " + std::to_string(s.p_offset) + " + p_filesz " +
                                      std::to_string(s.p_filesz) + " exceed the file size of " +
                                      std::to_string(file_size)};
    if (s.p_type != PT_LOAD) continue;
    if (s.p_memsz < s.p_filesz) return refusal{"segment", which + "p_memsz is less than p_filesz"};
    if (!fits(s.p_vaddr, s.p_memsz, UINTPTR_MAX / 2))
      return refusal{"segment", which + "p_vaddr + p_memsz is out of range"};
    if (loads && s.p_vaddr / page * page < end)
      return refusal{"segment", which + "it overlaps the PT_LOAD segment before it, or its address is lower"};
    end = (s.p_vaddr + s.p_memsz + page - 1) / page * page;
    loads = true;
  }
  if (!loads) return bad_headers("no PT_LOAD, so there is nothing to load");
  return std::nullopt;
}

std::optional<refusal> check_segments(std::span<const program_header> segments, std::uint64_t file_size) {
  if (auto refused = check_loads(segments, file_size)) return refused;
  const auto in_load = [&](std::uint64_t address, std::uint64_t size, auto&& load_size) {
    return std::any_of(segments.begin(), segments.end(), [&](const program_header& load) {
      return load.p_type == PT_LOAD && address >= load.p_vaddr && fits(address - load.p_vaddr, size, load_size(load));
    });
  };
  const auto in_file = [](const program_header& load) -> std::uint64_t { return load.p_filesz; };
  // The linker may round the end of PT_GNU_RELRO up to that of the page.
  const auto writable = [](const program_header& load) -> std::uint64_t {
    if ((load.p_flags & (PF_W | PF_X)) != PF_W) return 0;
    return (load.p_vaddr + load.p_memsz + page_size() - 1) / page_size() * page_size() - load.p_vaddr;
  };
  std::map<ElfW(Word), int> count;
  for (const auto& s : segments) {
    ++count[s.p_type];
    if (s.p_type == PT_DYNAMIC && (s.p_filesz < sizeof(dynamic_entry) || !in_load(s.p_vaddr, s.p_filesz, in_file)))
      return bad_headers("PT_DYNAMIC is not inside a PT_LOAD segment");
    if (s.p_type == PT_TLS && s.p_filesz > 0 && !in_load(s.p_vaddr, s.p_filesz, in_file))
      return bad_headers("PT_TLS is not inside a PT_LOAD segment");
    if (s.p_type == PT_TLS && (s.p_memsz < s.p_filesz || (s.p_align & (s.p_align - 1)) != 0))
      return bad_headers("PT_TLS: p_memsz is less than p_filesz, or p_align is not a power of two");
    if (s.p_type == PT_GNU_RELRO && s.p_memsz > 0 && !in_load(s.p_vaddr, s.p_memsz, writable))
      return bad_headers("PT_GNU_RELRO is not inside a writable PT_LOAD segment");
    if (s.p_type == PT_GNU_STACK && (s.p_flags & PF_X))
      return refusal{"stack",
                     "program headers: PT_GNU_STACK is executable, so loading it would make the stack of this "
                     "process executable; link with -z noexecstack"};
  }
  if (count[PT_DYNAMIC] == 0) return bad_headers("no PT_DYNAMIC, so it is not a shared object");
  for (const auto& [type, name] : {std::pair<ElfW(Word), const char*>{PT_DYNAMIC, "PT_DYNAMIC"},
                                   {PT_TLS, "PT_TLS"},
                                   {PT_GNU_RELRO, "PT_GNU_RELRO"},
                                   {PT_GNU_STACK, "PT_GNU_STACK"}})
    if (count[type] > 1) return bad_headers(std::string("more than one ") + name);
  if (count[PT_GNU_STACK] == 0)
    return refusal{"stack",
                   "program headers: no PT_GNU_STACK, so loading it may make the stack of this process "
                   "executable; link with -z noexecstack"};
  return std::nullopt;
}

// Reads the dynamic section and its strings by their addresses in memory, as the dynamic linker does.
class dynamic_section {
 public:
  dynamic_section(byte_source& file, std::span<const program_header> segments) : file_(file), segments_(segments) {}

  std::optional<refusal> read(note_result& out) {
    const auto it = std::find_if(segments_.begin(), segments_.end(),
                                 [](const program_header& s) { return s.p_type == PT_DYNAMIC; });
    const auto count = it->p_filesz / sizeof(dynamic_entry);
    if (count > dynamic_entries_max)
      return refused("it has " + std::to_string(count) + " entries, more than " + std::to_string(dynamic_entries_max));
    std::vector<dynamic_entry> entries(count);
    const auto offset = offset_of(it->p_vaddr, count * sizeof(dynamic_entry));
    if (!offset) return refused("it is not inside the file");
    if (const int error = file_.read_at(*offset, std::as_writable_bytes(std::span{entries}))) return unreadable(error);
    const auto end =
        std::find_if(entries.begin(), entries.end(), [](const dynamic_entry& e) { return e.d_tag == DT_NULL; });
    if (end == entries.end()) return refused("it does not end with DT_NULL");
    entries.erase(end, entries.end());
    for (const auto& e : entries) {
      if (e.d_tag == DT_STRTAB) strings_ = e.d_un.d_ptr;
      if (e.d_tag == DT_STRSZ) strings_size_ = e.d_un.d_val;
      if (e.d_tag == DT_SYMTAB) symbols_ = e.d_un.d_ptr;
      if (e.d_tag == DT_HASH) hash_ = e.d_un.d_ptr;
    }
    if (auto why = check_hash_table()) return why;
    for (const auto& e : entries)
      for (const auto& known : reference_tags)
        if (e.d_tag == known.tag)
          if (auto why = add_reference(e, known, out)) return why;
    return std::nullopt;
  }

 private:
  struct reference_tag {
    std::int64_t tag;
    const char* name;
    std::vector<library_reference> note_result::*list;
  };
  static constexpr reference_tag reference_tags[] = {
      {DT_NEEDED, "DT_NEEDED", &note_result::libraries},      {DT_AUXILIARY, "DT_AUXILIARY", &note_result::libraries},
      {DT_FILTER, "DT_FILTER", &note_result::libraries},      {DT_RPATH, "DT_RPATH", &note_result::search_paths},
      {DT_RUNPATH, "DT_RUNPATH", &note_result::search_paths},
  };

  static refusal refused(const std::string& text) { return {"dynamic", "dynamic section: " + text}; }

  // Where an address range of the loaded image lies in the file.
  std::optional<std::uint64_t> offset_of(std::uint64_t address, std::uint64_t size) const {
    for (const auto& s : segments_)
      if (s.p_type == PT_LOAD && address >= s.p_vaddr && fits(address - s.p_vaddr, size, s.p_filesz))
        return s.p_offset + (address - s.p_vaddr);
    return std::nullopt;
  }

  // dladdr(3) trusts the number of symbols in DT_HASH.
  std::optional<refusal> check_hash_table() const {
    if (hash_ == 0) return std::nullopt;
    std::array<hash_word, 2> counts{};  // of buckets and of symbols
    const auto offset = offset_of(hash_, sizeof counts);
    if (!offset) return refused("DT_HASH is not inside the file");
    if (const int error = file_.read_at(*offset, std::as_writable_bytes(std::span{counts}))) return unreadable(error);
    constexpr std::uint64_t count_max = std::numeric_limits<std::uint32_t>::max();
    if (counts[0] > count_max || counts[1] > count_max ||
        !offset_of(hash_, (2 + std::uint64_t{counts[0]} + counts[1]) * sizeof(hash_word)) ||
        !offset_of(symbols_, std::uint64_t{counts[1]} * sizeof(ElfW(Sym))))
      return refused("DT_HASH has " + std::to_string(counts[1]) + " symbols, which the file does not have");
    return std::nullopt;
  }

  std::optional<refusal> add_reference(const dynamic_entry& entry, const reference_tag& tag, note_result& out) {
    auto& list = out.*tag.list;
    if (list.size() == references_max)
      return refused("it refers to more than " + std::to_string(references_max) + " libraries or search paths");
    auto& text = list.emplace_back(library_reference{tag.name, {}}).text;
    const std::uint64_t at = entry.d_un.d_val;
    const auto table = offset_of(strings_, strings_size_);
    const auto size = table && at < strings_size_ ? std::min<std::uint64_t>(strings_size_ - at, text_max) : 0;
    while (text.size() < size) {
      std::array<char, 64> buffer;
      const auto block =
          std::span{buffer}.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - text.size())));
      if (const int error = file_.read_at(*table + at + text.size(), std::as_writable_bytes(block)))
        return unreadable(error);
      const auto nul = std::find(block.begin(), block.end(), '\0');
      text.append(block.begin(), nul);
      if (nul != block.end()) return std::nullopt;
    }
    return refused(std::string("the text of ") + tag.name + " is not inside DT_STRTAB");
  }

  byte_source& file_;
  std::span<const program_header> segments_;
  std::uint64_t strings_ = 0, strings_size_ = 0, symbols_ = 0, hash_ = 0;
};

// The text in a fixed-size field, up to its NUL; empty if there is no NUL.
template <std::size_t N>
std::optional<std::string> fixed_text(const char (&field)[N]) {
  const char* end = std::find(field, field + N, '\0');
  if (end == field + N) return std::nullopt;
  return std::string(field, end);
}

bool printable(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::optional<refusal> parse_header(const afplug_note_header& header, plugin_note& out) {
  out.abi_major = header.abi_major;
  out.abi_minor = header.abi_minor;
  const auto provider = fixed_text(header.provider);
  if (!provider || !is_id(*provider))
    return refusal{"note-field", "note: provider is not a name of the form [a-z][a-z0-9_-]*"};
  const auto version = fixed_text(header.version);
  if (!version || !printable(*version)) return refusal{"note-field", "note: version is not printable text"};
  out.provider = *provider;
  out.version = *version;
  return std::nullopt;
}

std::optional<refusal> parse_family(const afplug_note_family& raw, std::size_t index, plugin_note& out) {
  const std::string which = "note: families[" + std::to_string(index) + "].";
  const auto id = fixed_text(raw.id);
  if (!id || !is_id(*id)) return refusal{"note-field", which + "id is not a name of the form [a-z][a-z0-9_-]*"};
  if (raw.number < 0 || raw.number > number_max)
    return refusal{"note-field",
                   which + "number is " + std::to_string(raw.number) + ", not in 0.." + std::to_string(number_max)};
  for (const auto& f : out.families)
    if (f.id == *id) return refusal{"note-field", which + "id \"" + *id + "\" is not unique"};
  out.families.push_back({*id, raw.number, raw.flags});
  return std::nullopt;
}

// Parses the note's description, `size` bytes at `offset`. The caller has checked that they lie inside the file.
std::optional<refusal> parse_description(byte_source& file, std::uint64_t offset, std::uint32_t size,
                                         plugin_note& out) {
  afplug_note_header header{};
  if (size < sizeof header)
    return refusal{"note-size", "note: the description has " + std::to_string(size) + " bytes, less than a header of " +
                                    std::to_string(sizeof header)};
  if (const int error = read_object(file, offset, header)) return unreadable(error);
  auto refused = parse_header(header, out);
  if (header.size < sizeof header || header.size > header_max || header.size > size)
    return refusal{"note-size", "note: header.size is " + std::to_string(header.size) + ", not in " +
                                    std::to_string(sizeof header) + ".." + std::to_string(std::min(size, header_max))};
  if (header.family_count < 1 || header.family_count > AFPLUG_NOTE_FAMILIES_MAX)
    return refusal{"note-size", "note: family_count is " + std::to_string(header.family_count) + ", not in 1.." +
                                    std::to_string(AFPLUG_NOTE_FAMILIES_MAX)};
  if (header.stride < sizeof(afplug_note_family) || header.stride > stride_max)
    return refusal{"note-size", "note: stride is " + std::to_string(header.stride) + ", not in " +
                                    std::to_string(sizeof(afplug_note_family)) + ".." + std::to_string(stride_max)};
  if (!fits(header.size, std::uint64_t{header.family_count} * header.stride, size))
    return refusal{"note-size", "note: " + std::to_string(header.family_count) + " families do not fit its " +
                                    std::to_string(size) + " bytes"};
  for (std::uint32_t i = 0; i < header.family_count && !refused; ++i) {
    afplug_note_family raw{};
    if (const int error = read_object(file, offset + header.size + std::uint64_t{i} * header.stride, raw))
      return unreadable(error);
    refused = parse_family(raw, i, out);
  }
  return refused;
}

struct note_location {
  std::uint64_t offset;
  std::uint32_t size;
};

// Searches one PT_NOTE segment for the plugin's note. The contents of other notes do not matter, but their sizes must
// fit.
std::optional<refusal> find_in_segment(byte_source& file, const program_header& segment,
                                       std::optional<note_location>& found) {
  const std::uint64_t align = segment.p_align == 8 ? 8 : 4;
  const auto padded = [align](std::uint64_t n) { return (n + align - 1) / align * align; };
  std::uint64_t at = 0;
  const std::uint64_t end = segment.p_filesz;
  while (end - at >= sizeof(note_header)) {
    note_header header{};
    if (const int error = read_object(file, segment.p_offset + at, header)) return unreadable(error);
    const std::uint64_t description = padded(sizeof header + std::uint64_t{header.n_namesz});
    if (!fits(description, header.n_descsz, end - at))
      return refusal{"note-size", "PT_NOTE: a note with n_namesz " + std::to_string(header.n_namesz) +
                                      " and n_descsz " + std::to_string(header.n_descsz) + " does not fit its segment"};
    if (header.n_type == AFPLUG_NOTE_TYPE && header.n_namesz == sizeof note_name) {
      char name[sizeof note_name];
      if (const int error = read_object(file, segment.p_offset + at + sizeof header, name)) return unreadable(error);
      if (std::memcmp(name, note_name, sizeof name) == 0) {
        if (found) return refusal{"note-twice", "note: \"" AFPLUG_NOTE_NAME "\" is there more than once"};
        found = note_location{segment.p_offset + at + description, header.n_descsz};
      }
    }
    at += std::min(padded(description + header.n_descsz), end - at);
  }
  return std::nullopt;
}

class elf_note_parser {
 public:
  elf_note_parser(byte_source& file, bool is_plugin) : file_(file), is_plugin_(is_plugin) {}

  std::optional<refusal> read(note_result& out) {
    if (file_.size() == 0) return refusal{"empty", "the file is empty"};
    elf_header header{};
    // A file shorter than an ELF header is "truncated" if it begins like one, else "not-elf".
    const auto available = static_cast<std::size_t>(std::min<std::uint64_t>(file_.size(), sizeof header));
    if (const int error = file_.read_at(0, std::as_writable_bytes(std::span{&header, 1}).first(available)))
      return unreadable(error);
    if (available < sizeof header && (available < SELFMAG || std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0))
      return refusal{"truncated", "ELF header: the file has only " + std::to_string(available) + " bytes"};
    if (auto refused = check_identity(header)) return refused;
    if (header.e_phnum < 1 || header.e_phnum > segments_max)
      return refusal{"program-headers", "ELF header: e_phnum is " + std::to_string(header.e_phnum) + ", not in 1.." +
                                            std::to_string(segments_max)};
    const std::uint64_t table_size = std::uint64_t{header.e_phnum} * sizeof(program_header);
    if (!fits(header.e_phoff, table_size, file_.size()))
      return refusal{"truncated", "ELF header: the program headers at e_phoff " + std::to_string(header.e_phoff) +
                                      " exceed the file size of " + std::to_string(file_.size())};
    std::array<program_header, segments_max> table;
    const auto segments = std::span{table}.first(header.e_phnum);
    if (const int error = file_.read_at(header.e_phoff, std::as_writable_bytes(segments))) return unreadable(error);
    if (auto refused = check_segments(segments, file_.size())) return refused;
    auto refused = is_plugin_ ? find_note(segments, out) : std::nullopt;
    if (!refused) refused = dynamic_section(file_, segments).read(out);
    return refused;
  }

 private:
  std::optional<refusal> find_note(std::span<const program_header> segments, note_result& out) {
    std::optional<note_location> place;
    std::uint64_t remaining = notes_max;
    for (const auto& s : segments) {
      if (s.p_type != PT_NOTE) continue;
      if (s.p_filesz > remaining)
        return refusal{"note-size", "PT_NOTE: p_filesz is " + std::to_string(s.p_filesz) +
                                        "; all notes together may have at most " + std::to_string(notes_max) +
                                        " bytes"};
      remaining -= s.p_filesz;
      if (auto refused = find_in_segment(file_, s, place)) return refused;
    }
    if (!place)
      return refusal{"note-missing", "it has no \"" AFPLUG_NOTE_NAME "\" note, so it is not an afplug plugin"};

    plugin_note note;
    auto refused = parse_description(file_, place->offset, place->size, note);
    if (place->size >= sizeof(afplug_note_header) && note.abi_major != AFPLUG_ABI_MAJOR &&
        !(refused && refused->code == "unreadable"))
      refused = refusal{"abi-major", "note: abi_major is " + std::to_string(note.abi_major) +
                                         ", this library supports " + std::to_string(AFPLUG_ABI_MAJOR) +
                                         "; rebuild the plugin with this library's plugin.h"};
    // For another ABI version the families are reported if they could be read.
    if (!refused || (refused->code == "abi-major" && !note.families.empty())) out.note = std::move(note);
    return refused;
  }

  byte_source& file_;
  const bool is_plugin_;
};

}  // namespace

bool is_id(std::string_view text) noexcept {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return !text.empty() && text.size() <= AFPLUG_ID_MAX && lower(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

note_result read_note(byte_source& file) {
  note_result out;
  out.refused = elf_note_parser(file, true).read(out);
  return out;
}

note_result read_library(byte_source& file) {
  note_result out;
  out.refused = elf_note_parser(file, false).read(out);
  return out;
}

}  // namespace afplug::detail
