// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The note reader by the public inspect(): images forged from a good plugin's bytes.
#include <afplug/plugin.h>
#include <gmock/gmock.h>
#include <afplug/inspect.hpp>

#include <limits>

#include "../support/elf_image.hpp"

namespace {

using namespace afplug::testing_support;
using testing::HasSubstr;

class elf_note : public testing::Test {
 protected:
  elf_image image{read_bytes(built("good"))};

  afplug::inspection read() const { return afplug::inspect(image.data, "image"); }

  void refused(const char* code, const char* field) const {
    const auto seen = read();
    EXPECT_FALSE(seen.acceptable);
    EXPECT_EQ(seen.code, code);
    EXPECT_THAT(seen.reason, HasSubstr("image: "));
    EXPECT_THAT(seen.reason, HasSubstr(field));
  }

  patched<afplug_note_header> note_header() { return {image.data, image.note() + 20}; }
  patched<afplug_note_family> note_family() { return {image.data, image.note() + 20 + sizeof(afplug_note_header)}; }
  patched<ElfW(Nhdr)> note() { return {image.data, image.note()}; }
};

TEST_F(elf_note, reads_what_the_plugin_says_of_itself) {
  const auto seen = read();
  ASSERT_TRUE(seen.acceptable) << seen.reason;
  ASSERT_TRUE(seen.note);
  EXPECT_EQ(seen.note->provider, "test");
  EXPECT_EQ(seen.note->version, "1.0");
  EXPECT_EQ(seen.note->abi_major, AFPLUG_ABI_MAJOR);
  EXPECT_EQ(seen.note->abi_minor, AFPLUG_ABI_MINOR);
  ASSERT_EQ(seen.note->families.size(), 1u);
  EXPECT_EQ(seen.note->families[0].id, "good");
  EXPECT_EQ(seen.note->families[0].number, 200);
  EXPECT_EQ(seen.note->families[0].flags, 0u);
}

TEST_F(elf_note, reads_several_families) {
  const auto seen = afplug::inspect(read_bytes(built("two_families")), "image");
  ASSERT_TRUE(seen.note);
  ASSERT_EQ(seen.note->families.size(), 2u);
  EXPECT_EQ(seen.note->families[1].id, "second");
  EXPECT_EQ(seen.note->families[1].number, 201);
}

TEST_F(elf_note, refuses_every_length_that_cuts_a_segment) {
  const auto whole = image.data;
  const auto needed = image.end_of_segments();
  for (std::size_t size = 0; size < whole.size(); size += size < 256 ? 1 : 97) {
    const auto seen = afplug::inspect(std::span(whole).first(size), "image");
    EXPECT_EQ(seen.acceptable, size >= needed) << size;
    const char* expected = size == 0 ? "empty" : size < needed ? "truncated" : "";
    EXPECT_EQ(seen.code, expected) << size;
  }
}

TEST_F(elf_note, refuses_what_is_no_elf_file) {
  const std::string text =
      "#!/bin/sh\necho this is no plugin, whatever its name says, and it is long enough to hold a header\n";
  const auto seen = afplug::inspect(std::as_bytes(std::span(text)), "image");
  EXPECT_EQ(seen.code, "not-elf");
  image.data.assign(5, std::byte{'x'});
  refused("not-elf", "e_ident");
}

TEST_F(elf_note, refuses_another_class) {
  image.header()->e_ident[EI_CLASS] ^= ELFCLASS32 ^ ELFCLASS64;
  refused("elf-class", "EI_CLASS");
}

TEST_F(elf_note, refuses_another_byte_order) {
  image.header()->e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
  refused("elf-byte-order", "EI_DATA");
}

TEST_F(elf_note, refuses_another_version) {
  image.header()->e_ident[EI_VERSION] = 2;
  refused("elf-version", "EI_VERSION");
}

TEST_F(elf_note, refuses_another_machine) {
  image.header()->e_machine = EM_S390;
  refused("elf-machine", "e_machine");
}

TEST_F(elf_note, refuses_other_types) {
  for (const int type : {ET_NONE, ET_REL, ET_EXEC, ET_CORE}) {
    image.header()->e_type = static_cast<ElfW(Half)>(type);
    refused("elf-type", "e_type");
  }
}

TEST_F(elf_note, refuses_unbelievable_program_headers) {
  const elf_image whole = image;
  image.header()->e_phentsize = 8;
  refused("program-headers", "e_phentsize");
  image = whole;
  image.header()->e_phnum = 0;
  refused("program-headers", "e_phnum");
  image.header()->e_phnum = PN_XNUM;
  refused("program-headers", "e_phnum");
  image = whole;
  image.header()->e_phoff = std::numeric_limits<ElfW(Off)>::max() - 8;
  refused("truncated", "e_phoff");
}

TEST_F(elf_note, refuses_segments_whose_sums_overflow) {
  const elf_image whole = image;
  image.segment_of(PT_LOAD)->p_offset = std::numeric_limits<ElfW(Off)>::max();
  refused("truncated", "p_offset");
  image = whole;
  image.segment_of(PT_LOAD)->p_filesz = std::numeric_limits<ElfW(Xword)>::max();
  refused("truncated", "p_filesz");
  image = whole;
  image.segment_of(PT_LOAD)->p_memsz = 1;
  refused("segment", "p_memsz");
  image = whole;
  image.segment_of(PT_LOAD)->p_memsz = std::numeric_limits<ElfW(Xword)>::max();
  refused("segment", "p_vaddr");
}

TEST_F(elf_note, refuses_what_could_not_be_loaded) {
  const elf_image whole = image;
  image.segment_of(PT_DYNAMIC)->p_vaddr = std::numeric_limits<ElfW(Addr)>::max() - 4;
  refused("segment", "PT_DYNAMIC");
  image = whole;
  image.segment_of(PT_DYNAMIC)->p_type = PT_NULL;
  refused("segment", "PT_DYNAMIC");
  image = whole;
  for (std::size_t i = 0; i < image.segments(); ++i)
    if (auto s = image.segment(i); s->p_type == PT_LOAD) s->p_type = PT_NULL;
  refused("segment", "PT_LOAD");
}

TEST_F(elf_note, never_reads_section_headers) {
  image.header()->e_shoff = std::numeric_limits<ElfW(Off)>::max() / 2;
  image.header()->e_shnum = 0xfffe;
  image.header()->e_shentsize = 0xffff;
  image.header()->e_shstrndx = 0xfffe;
  EXPECT_TRUE(read().acceptable);
}

TEST_F(elf_note, refuses_a_missing_note) {
  EXPECT_EQ(afplug::inspect(read_bytes(built("note_absent")), "image").code, "note-missing");
  note()->n_type = 2;
  refused("note-missing", "\"afplug\" note");
}

TEST_F(elf_note, refuses_a_second_note) {
  const auto seen = afplug::inspect(read_bytes(built("note_twice")), "image");
  EXPECT_EQ(seen.code, "note-twice");
}

TEST_F(elf_note, refuses_note_segments_beyond_belief) {
  image.data.resize(image.data.size() + (1 << 20));
  image.segment_of(PT_NOTE)->p_filesz = 70000;
  refused("note-size", "p_filesz");
}

TEST_F(elf_note, refuses_sizes_that_do_not_fit) {
  const elf_image whole = image;
  for (const std::uint32_t size : {0xffffffffu, 0xfffffff0u, 1u << 20}) {
    note()->n_descsz = size;
    refused("note-size", "n_descsz");
    image = whole;
  }
  note()->n_namesz = 0xffffffff;
  refused("note-size", "n_namesz");
  image = whole;
  note()->n_descsz = sizeof(afplug_note_header) - 4;
  refused("note-size", "note");
  image = whole;
  for (const std::uint32_t size : {0u, 4u, 5000u, 0xffffffffu}) {
    note_header()->size = size;
    refused("note-size", "header.size");
  }
  image = whole;
  for (const std::uint32_t count : {0u, 65u, 0xffffffffu}) {
    note_header()->family_count = count;
    refused("note-size", "family_count");
  }
  image = whole;
  for (const std::uint32_t stride : {0u, 39u, 5000u, 0xffffffffu}) {
    note_header()->stride = stride;
    refused("note-size", "stride");
  }
  image = whole;
  note_header()->family_count = 2;
  refused("note-size", "2 families");
}

TEST_F(elf_note, refuses_a_description_that_ends_inside_its_header) {
  constexpr std::uint32_t size = sizeof(afplug_note_header) - 4;
  const auto at = image.note();
  note()->n_descsz = size;
  {
    auto s = image.segment_of(PT_NOTE);
    s->p_offset = at;
    s->p_filesz = 20 + size;
  }
  for (std::size_t i = 0, seen = 0; i < image.segments(); ++i)
    if (auto s = image.segment(i); s->p_type == PT_NOTE && ++seen > 1) s->p_type = PT_NULL;
  refused("note-size", "its description has 76 bytes");
}

TEST_F(elf_note, refuses_names_that_are_none) {
  const elf_image whole = image;
  const auto fill = [](char* field, std::size_t size) { std::memset(field, 'a', size); };
  fill(note_header()->provider, sizeof afplug_note_header{}.provider);
  refused("note-field", "provider");
  image = whole;
  note_header()->provider[0] = 'T';
  refused("note-field", "provider");
  image = whole;
  note_header()->version[0] = '\n';
  refused("note-field", "version");
  image = whole;
  note_header()->version[0] = '\0';
  refused("note-field", "version");
  image = whole;
  fill(note_header()->version, sizeof afplug_note_header{}.version);
  refused("note-field", "version");
  image = whole;
  fill(note_family()->id, sizeof afplug_note_family{}.id);
  refused("note-field", "families[0].id");
  image = whole;
  for (const char first : {'\0', '1', '-', '/', 'G', '\xc3'}) {
    note_family()->id[0] = first;
    refused("note-field", "families[0].id");
  }
  image = whole;
  for (const std::int32_t number : {-1, std::numeric_limits<std::int32_t>::min(), 256, 0x4000}) {
    note_family()->number = number;
    refused("note-field", "families[0].number");
  }
}

TEST_F(elf_note, says_which_family_another_abi_would_have_served) {
  note_header()->abi_major = 2;
  refused("abi-major", "abi_major is 2");
  const auto seen = read();
  ASSERT_TRUE(seen.note);
  EXPECT_EQ(seen.note->families.at(0).id, "good");
  note_header()->abi_major = 0;
  refused("abi-major", "abi_major is 0");
  note_family()->id[0] = '\xff';
  refused("abi-major", "abi_major is 0");
  EXPECT_FALSE(read().note);
}

TEST_F(elf_note, accepts_a_newer_minor) {
  note_header()->abi_minor = 9;
  ASSERT_TRUE(read().acceptable);
  EXPECT_EQ(read().note->abi_minor, 9u);
}

// Any one byte changed gives a verdict, and nothing worse; the sanitizers watch.
TEST_F(elf_note, survives_any_byte) {
  const auto whole = image.data;
  const auto limit = std::min<std::size_t>(whole.size(), image.note() + 256);
  for (std::size_t at = 0; at < limit; ++at)
    for (const int flip : {0x01, 0x80, 0xff}) {
      image.data[at] = whole[at] ^ std::byte(flip);
      const auto seen = read();
      EXPECT_EQ(seen.acceptable, seen.code.empty());
      image.data[at] = whole[at];
    }
}

}  // namespace
