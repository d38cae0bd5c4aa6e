// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The reader of ELF notes, by the public inspect(): images made from the bytes of a valid plugin.
#include <afplug/plugin.h>
#include <gmock/gmock.h>
#include <afplug/inspect.hpp>
#include <algorithm>
#include <limits>

#include "../support/elf_image.hpp"

namespace {

using namespace afplug::testing_support;
using testing::HasSubstr;

class elf_note : public testing::Test {
 protected:
  elf_image image{read_bytes(built_plugin("good"))};

  afplug::inspection inspect() const { return afplug::inspect(image.data, "image"); }

  void expect_refused(const char* code, const char* field) const {
    const auto inspection = inspect();
    EXPECT_FALSE(inspection.acceptable);
    EXPECT_EQ(inspection.code, code);
    EXPECT_THAT(inspection.reason, HasSubstr("image: "));
    EXPECT_THAT(inspection.reason, HasSubstr(field));
  }

  std::vector<std::size_t> segments_of(ElfW(Word) type) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < image.segments(); ++i)
      if (image.segment(i)->p_type == type) out.push_back(i);
    return out;
  }

  patched<afplug_note_header> note_header() { return {image.data, image.note() + 20}; }
  patched<afplug_note_family> note_family() { return {image.data, image.note() + 20 + sizeof(afplug_note_header)}; }
  patched<ElfW(Nhdr)> note() { return {image.data, image.note()}; }
};

TEST_F(elf_note, reads_all_fields) {
  const auto inspection = inspect();
  ASSERT_TRUE(inspection.acceptable) << inspection.reason;
  ASSERT_TRUE(inspection.note);
  EXPECT_EQ(inspection.note->provider, "test");
  EXPECT_EQ(inspection.note->version, "1.0");
  EXPECT_EQ(inspection.note->abi_major, AFPLUG_ABI_MAJOR);
  EXPECT_EQ(inspection.note->abi_minor, AFPLUG_ABI_MINOR);
  ASSERT_EQ(inspection.note->families.size(), 1u);
  EXPECT_EQ(inspection.note->families[0].id, "good");
  EXPECT_EQ(inspection.note->families[0].number, 200);
  EXPECT_EQ(inspection.note->families[0].flags, 0u);
}

TEST_F(elf_note, reads_several_families) {
  const auto inspection = afplug::inspect(read_bytes(built_plugin("two_families")), "image");
  ASSERT_TRUE(inspection.note);
  ASSERT_EQ(inspection.note->families.size(), 2u);
  EXPECT_EQ(inspection.note->families[1].id, "second");
  EXPECT_EQ(inspection.note->families[1].number, 201);
}

TEST_F(elf_note, refuses_files_that_end_within_a_segment) {
  const auto original = image.data;
  const auto needed = image.end_of_segments();
  for (std::size_t size = 0; size < original.size(); size += size < 256 ? 1 : 97) {
    const auto inspection = afplug::inspect(std::span(original).first(size), "image");
    EXPECT_EQ(inspection.acceptable, size >= needed) << size;
    const char* expected = size == 0 ? "empty" : size < needed ? "truncated" : "";
    EXPECT_EQ(inspection.code, expected) << size;
  }
}

TEST_F(elf_note, refuses_files_that_are_not_elf) {
  const std::string text =
      "#!/bin/sh\necho a shell script that is longer than the headers of an ELF file are together, not a plugin\n";
  const auto inspection = afplug::inspect(std::as_bytes(std::span(text)), "image");
  EXPECT_EQ(inspection.code, "not-elf");
  image.data.assign(5, std::byte{'x'});
  expect_refused("not-elf", "e_ident");
}

TEST_F(elf_note, refuses_another_elf_class) {
  image.header()->e_ident[EI_CLASS] ^= ELFCLASS32 ^ ELFCLASS64;
  expect_refused("elf-class", "EI_CLASS");
}

TEST_F(elf_note, refuses_another_byte_order) {
  image.header()->e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
  expect_refused("elf-byte-order", "EI_DATA");
}

TEST_F(elf_note, refuses_another_elf_version) {
  image.header()->e_ident[EI_VERSION] = 2;
  expect_refused("elf-version", "EI_VERSION");
}

TEST_F(elf_note, refuses_another_machine) {
  image.header()->e_machine = EM_NONE;
  expect_refused("elf-machine", "e_machine");
}

TEST_F(elf_note, refuses_files_that_are_not_shared_objects) {
  for (const int type : {ET_NONE, ET_REL, ET_EXEC, ET_CORE}) {
    image.header()->e_type = static_cast<ElfW(Half)>(type);
    expect_refused("elf-type", "e_type");
  }
}

TEST_F(elf_note, refuses_invalid_program_headers) {
  const elf_image original = image;
  image.header()->e_phentsize = 8;
  expect_refused("program-headers", "e_phentsize");
  image = original;
  image.header()->e_phnum = 0;
  expect_refused("program-headers", "e_phnum");
  image.header()->e_phnum = PN_XNUM;
  expect_refused("program-headers", "e_phnum");
  image = original;
  image.header()->e_phoff = std::numeric_limits<ElfW(Off)>::max() - 8;
  expect_refused("truncated", "e_phoff");
}

TEST_F(elf_note, refuses_segments_whose_end_overflows) {
  const elf_image original = image;
  image.segment_of(PT_LOAD)->p_offset = std::numeric_limits<ElfW(Off)>::max();
  expect_refused("truncated", "p_offset");
  image = original;
  image.segment_of(PT_LOAD)->p_filesz = std::numeric_limits<ElfW(Off)>::max();
  expect_refused("truncated", "p_filesz");
  image = original;
  image.segment_of(PT_LOAD)->p_memsz = 1;
  expect_refused("segment", "p_memsz");
  image = original;
  image.segment_of(PT_LOAD)->p_memsz = std::numeric_limits<ElfW(Off)>::max();
  expect_refused("segment", "p_vaddr");
}

TEST_F(elf_note, refuses_files_without_dynamic_or_loadable_segment) {
  const elf_image original = image;
  image.segment_of(PT_DYNAMIC)->p_vaddr = std::numeric_limits<ElfW(Addr)>::max() - 4;
  expect_refused("segment", "PT_DYNAMIC");
  image = original;
  image.segment_of(PT_DYNAMIC)->p_type = PT_NULL;
  expect_refused("segment", "PT_DYNAMIC");
  image = original;
  for (std::size_t i = 0; i < image.segments(); ++i)
    if (auto s = image.segment(i); s->p_type == PT_LOAD) s->p_type = PT_NULL;
  expect_refused("segment", "PT_LOAD");
}

// The dynamic linker maps one over the other, which ends the process.
TEST_F(elf_note, refuses_overlapping_loadable_segments) {
  const elf_image original = image;
  const auto loads = segments_of(PT_LOAD);
  ASSERT_GE(loads.size(), 2u);
  image.segment(loads[1])->p_vaddr = image.segment(loads[0])->p_vaddr;
  expect_refused("segment", "overlaps");
  image = original;
  image.segment(loads[0])->p_memsz = image.segment(loads[1])->p_vaddr + 1;  // one byte of the next segment's page
  expect_refused("segment", "overlaps");
  image = original;
  const ElfW(Phdr) first = *image.segment(loads[0]), second = *image.segment(loads[1]);
  *image.segment(loads[0]) = second;
  *image.segment(loads[1]) = first;
  expect_refused("segment", "overlaps");
}

TEST_F(elf_note, refuses_two_segments_of_a_kind_that_must_be_unique) {
  const elf_image original = image;
  for (const auto& [type, name] :
       {std::pair{PT_DYNAMIC, "PT_DYNAMIC"}, {PT_GNU_RELRO, "PT_GNU_RELRO"}, {PT_GNU_STACK, "PT_GNU_STACK"}}) {
    const ElfW(Phdr) copy = *image.segment_of(static_cast<ElfW(Word)>(type));
    *image.segment_of(PT_GNU_EH_FRAME) = copy;
    expect_refused("segment", (std::string("more than one ") + name).c_str());
    image = original;
  }
}

// mprotect(2) of it would make other memory read-only, or code not executable.
TEST_F(elf_note, refuses_a_read_only_segment_outside_of_writable_ones) {
  const elf_image original = image;
  const auto loads = segments_of(PT_LOAD);
  image.segment_of(PT_GNU_RELRO)->p_vaddr = image.segment(loads[0])->p_vaddr;
  expect_refused("segment", "PT_GNU_RELRO");
  image = original;
  image.segment_of(PT_GNU_RELRO)->p_memsz += 1 << 20;
  expect_refused("segment", "PT_GNU_RELRO");
  image = original;
  image.segment_of(PT_GNU_RELRO)->p_vaddr = std::numeric_limits<ElfW(Addr)>::max() - 4;
  expect_refused("segment", "PT_GNU_RELRO");
}

TEST_F(elf_note, refuses_invalid_thread_local_segments) {
  const elf_image original = image;
  const auto make_tls = [&](auto change) {
    image = original;
    auto s = image.segment_of(PT_GNU_EH_FRAME);
    s->p_type = PT_TLS;
    s->p_align = 8;
    change(*s);
  };
  make_tls([](ElfW(Phdr)&) {});
  EXPECT_TRUE(inspect().acceptable) << inspect().reason;
  make_tls([](ElfW(Phdr) & s) { s.p_vaddr = 1 << 30; });
  expect_refused("segment", "PT_TLS is not inside");
  make_tls([](ElfW(Phdr) & s) { s.p_align = 12; });
  expect_refused("segment", "p_align");
  make_tls([](ElfW(Phdr) & s) { s.p_memsz = s.p_filesz - 1; });
  expect_refused("segment", "p_memsz");
  make_tls([](ElfW(Phdr)&) {});
  const ElfW(Phdr) copy = *image.segment_of(PT_TLS);
  *image.segment_of(PT_GNU_RELRO) = copy;
  expect_refused("segment", "more than one PT_TLS");
}

// The dynamic linker would make the stack of this process executable; also without the header, on x86.
TEST_F(elf_note, refuses_an_executable_stack) {
  image.segment_of(PT_GNU_STACK)->p_flags |= PF_X;
  expect_refused("stack", "PT_GNU_STACK is executable");
  image.segment_of(PT_GNU_STACK)->p_type = PT_NULL;
  expect_refused("stack", "no PT_GNU_STACK");
}

TEST_F(elf_note, refuses_a_malformed_dynamic_section) {
  const elf_image original = image;
  for (const ElfW(Addr) address : {ElfW(Addr){0} - 1, ElfW(Addr){1} << 40}) {
    image.dynamic_entry_of(DT_STRTAB)->d_un.d_ptr = address;
    expect_refused("dynamic", "DT_NEEDED is not inside DT_STRTAB");
    image = original;
  }
  image.dynamic_entry_of(DT_NEEDED)->d_un.d_val = std::numeric_limits<ElfW(Xword)>::max();
  expect_refused("dynamic", "DT_NEEDED is not inside DT_STRTAB");
  image = original;
  image.dynamic_entry_of(DT_STRSZ)->d_un.d_val = 1;
  expect_refused("dynamic", "DT_NEEDED is not inside DT_STRTAB");
  image = original;
  image.segment_of(PT_DYNAMIC)->p_filesz = sizeof(ElfW(Dyn));
  expect_refused("dynamic", "does not end with DT_NULL");
  image = original;
  constexpr std::size_t size = 4097 * sizeof(ElfW(Dyn));
  {
    auto last = image.segment(segments_of(PT_LOAD).back());
    last->p_memsz = last->p_filesz += size;
    image.data.resize(std::max<std::size_t>(image.data.size(), last->p_offset + last->p_filesz));
  }
  image.segment_of(PT_DYNAMIC)->p_filesz = size;
  expect_refused("dynamic", "4097 entries");
}

TEST_F(elf_note, ignores_section_headers) {
  image.header()->e_shoff = std::numeric_limits<ElfW(Off)>::max() / 2;
  image.header()->e_shnum = 0xfffe;
  image.header()->e_shentsize = 0xffff;
  image.header()->e_shstrndx = 0xfffe;
  EXPECT_TRUE(inspect().acceptable);
}

TEST_F(elf_note, refuses_a_missing_note) {
  EXPECT_EQ(afplug::inspect(read_bytes(built_plugin("note_missing")), "image").code, "note-missing");
  note()->n_type = 2;
  expect_refused("note-missing", "\"afplug\" note");
}

TEST_F(elf_note, refuses_a_second_note) {
  const auto inspection = afplug::inspect(read_bytes(built_plugin("note_twice")), "image");
  EXPECT_EQ(inspection.code, "note-twice");
}

TEST_F(elf_note, refuses_oversized_note_segments) {
  image.data.resize(image.data.size() + (1 << 20));
  image.segment_of(PT_NOTE)->p_filesz = 70000;
  expect_refused("note-size", "p_filesz");
}

TEST_F(elf_note, refuses_sizes_out_of_range) {
  const elf_image original = image;
  for (const std::uint32_t size : {0xffffffffu, 0xfffffff0u, 1u << 20}) {
    note()->n_descsz = size;
    expect_refused("note-size", "n_descsz");
    image = original;
  }
  note()->n_namesz = 0xffffffff;
  expect_refused("note-size", "n_namesz");
  image = original;
  note()->n_descsz = sizeof(afplug_note_header) - 4;
  expect_refused("note-size", "note");
  image = original;
  for (const std::uint32_t size : {0u, 4u, 5000u, 0xffffffffu}) {
    note_header()->size = size;
    expect_refused("note-size", "header.size");
  }
  image = original;
  for (const std::uint32_t count : {0u, 65u, 0xffffffffu}) {
    note_header()->family_count = count;
    expect_refused("note-size", "family_count");
  }
  image = original;
  for (const std::uint32_t stride : {0u, 39u, 5000u, 0xffffffffu}) {
    note_header()->stride = stride;
    expect_refused("note-size", "stride");
  }
  image = original;
  note_header()->family_count = 2;
  expect_refused("note-size", "2 families");
}

// elf(5): in a segment with p_align 8 the description begins at a multiple of 8.
TEST_F(elf_note, reads_notes_aligned_to_8_bytes) {
  const std::size_t at = image.note(), size = note()->n_descsz;
  bytes moved(image.data.begin() + static_cast<std::ptrdiff_t>(at),
              image.data.begin() + static_cast<std::ptrdiff_t>(at + 20 + size));
  moved.insert(moved.begin() + 20, 4, {});
  note()->n_type = 2;  // the plugin's own note is another one now
  image.data.resize((image.data.size() + 7) / 8 * 8);
  const std::size_t end = image.data.size();
  image.data.insert(image.data.end(), moved.begin(), moved.end());
  {
    auto s = image.segment_of(PT_NOTE);
    s->p_offset = static_cast<ElfW(Off)>(end);
    s->p_filesz = s->p_memsz = static_cast<ElfW(Off)>(moved.size());
    s->p_align = 8;
  }
  const auto inspection = inspect();
  ASSERT_TRUE(inspection.acceptable) << inspection.reason;
  ASSERT_TRUE(inspection.note);
  EXPECT_EQ(inspection.note->provider, "test");
  EXPECT_EQ(inspection.note->families.at(0).id, "good");
}

TEST_F(elf_note, numbers_are_0_to_255) {
  note_family()->number = 255;
  const auto inspection = inspect();
  ASSERT_TRUE(inspection.acceptable) << inspection.reason;
  EXPECT_EQ(inspection.note->families.at(0).number, 255);
  note_family()->number = 256;
  EXPECT_FALSE(inspect().acceptable);
}

TEST_F(elf_note, refuses_a_description_smaller_than_its_header) {
  constexpr std::uint32_t size = sizeof(afplug_note_header) - 4;
  const auto at = image.note();
  note()->n_descsz = size;
  {
    auto s = image.segment_of(PT_NOTE);
    s->p_offset = at;
    s->p_filesz = 20 + size;
  }
  for (std::size_t i = 0, notes = 0; i < image.segments(); ++i)
    if (auto s = image.segment(i); s->p_type == PT_NOTE && ++notes > 1) s->p_type = PT_NULL;
  expect_refused("note-size", "the description has 76 bytes");
}

TEST_F(elf_note, refuses_invalid_names_and_numbers) {
  const elf_image original = image;
  const auto fill = [](char* field, std::size_t size) { std::memset(field, 'a', size); };
  fill(note_header()->provider, sizeof afplug_note_header{}.provider);
  expect_refused("note-field", "provider");
  image = original;
  note_header()->provider[0] = 'T';
  expect_refused("note-field", "provider");
  image = original;
  note_header()->version[0] = '\n';
  expect_refused("note-field", "version");
  image = original;
  note_header()->version[0] = '\0';
  expect_refused("note-field", "version");
  image = original;
  fill(note_header()->version, sizeof afplug_note_header{}.version);
  expect_refused("note-field", "version");
  image = original;
  fill(note_family()->id, sizeof afplug_note_family{}.id);
  expect_refused("note-field", "families[0].id");
  image = original;
  for (const char first : {'\0', '1', '-', '/', 'G', '\xc3'}) {
    note_family()->id[0] = first;
    expect_refused("note-field", "families[0].id");
  }
  image = original;
  for (const std::int32_t number : {-1, std::numeric_limits<std::int32_t>::min(), 256, 0x4000}) {
    note_family()->number = number;
    expect_refused("note-field", "families[0].number");
  }
}

TEST_F(elf_note, reads_families_of_another_abi_major) {
  note_header()->abi_major = 2;
  expect_refused("abi-major", "abi_major is 2");
  const auto inspection = inspect();
  ASSERT_TRUE(inspection.note);
  EXPECT_EQ(inspection.note->families.at(0).id, "good");
  note_header()->abi_major = 0;
  expect_refused("abi-major", "abi_major is 0");
  note_family()->id[0] = '\xff';
  expect_refused("abi-major", "abi_major is 0");
  EXPECT_FALSE(inspect().note);
}

TEST_F(elf_note, accepts_a_newer_minor) {
  note_header()->abi_minor = 9;
  ASSERT_TRUE(inspect().acceptable);
  EXPECT_EQ(inspect().note->abi_minor, 9u);
}

// Under the sanitizers this finds reads outside of the file.
TEST_F(elf_note, any_changed_byte_is_accepted_or_refused_with_a_code) {
  const auto original = image.data;
  const auto limit = std::min<std::size_t>(original.size(), image.note() + 256);
  for (std::size_t at = 0; at < limit; ++at)
    for (const int flip : {0x01, 0x80, 0xff}) {
      image.data[at] = original[at] ^ std::byte(flip);
      const auto inspection = inspect();
      EXPECT_EQ(inspection.acceptable, inspection.code.empty()) << at;
      image.data[at] = original[at];
    }
}

}  // namespace
