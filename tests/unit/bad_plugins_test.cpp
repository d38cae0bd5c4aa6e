// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Faulty plugins. Each is refused with a code and with an error text that has the file and the field, and does not keep
// the registry from a valid plugin of the same family.
#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <gmock/gmock.h>
#include <afplug/inspect.hpp>
#include <afplug/log.hpp>
#include <afplug/registry.hpp>
#include <afplug/socket.hpp>
#include <chrono>

#include <fstream>
#include <functional>
#include <ostream>
#include <set>

#include "../support/elf_image.hpp"

// The plugins entry_calls_registry and constructor_calls_registry call this while they are loaded.
static std::function<void()> test_hook;
extern "C" __attribute__((visibility("default"))) void afplug_test_hook() {
  if (test_hook) test_hook();
}

namespace {

using namespace afplug::testing_support;
using testing::HasSubstr;
using state_t = afplug::plugin_info::state_t;

// Parses and formats an address.
void expect_works(const afplug::family* f) {
  ASSERT_NE(f, nullptr) << afplug::last_detail();
  const auto identity = f->identity(SOCK_STREAM, 0);
  afplug_sockaddr address{};
  afplug_text error_text{};
  EXPECT_EQ(f->codec().parse(&identity, "abc", 3, &address, &error_text), 0);
  char text[8] = {};
  afplug_text out{text, sizeof text, 0};
  EXPECT_EQ(f->codec().format(&identity, address.u.bytes, address.length, &out), 0);
  EXPECT_EQ(std::string_view(text, out.size), "abc");
}

class plugin_directory : public testing::Test {
 protected:
  temporary_directory dir;
  const std::map<int, std::string> descriptors = open_descriptors();

  void TearDown() override { EXPECT_EQ(open_descriptors(), descriptors) << "descriptors leaked"; }

  // Expects that the registry refuses the file and uses the valid plugin 2.so in the same directory, and that without
  // the latter the error has the reason. A plugin whose note cannot be read is not known to have the family "good".
  static void expect_refused(const fs::path& bad, std::string_view code, std::string_view field) {
    const auto directory = bad.parent_path();
    const auto good = copy_plugin("good", directory, "2");
    {
      afplug::registry r(search_only({directory}));
      afplug::error_code ec;
      const auto* f = r.family("good", ec);
      expect_works(f);
      if (f) {
        EXPECT_EQ(f->path(), good.string());
      }
      expect_listed_as_refused(r, bad, code, field);
    }
    fs::remove(good);
    afplug::registry r(search_only({directory}));
    for (int attempt = 0; attempt < 2; ++attempt) {
      afplug::error_code ec;
      EXPECT_EQ(r.family("good", ec), nullptr);
      EXPECT_EQ(ec, note_is_readable(code) ? afplug::errc::plugin_refused : afplug::errc::unknown_family) << code;
      if (ec == afplug::errc::unknown_family) continue;
      EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr(bad.string()));
      EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr(std::string(field)));
    }
    expect_listed_as_refused(r, bad, code, field);
  }

  static bool note_is_readable(std::string_view code) {
    return std::set<std::string_view>{"abi-major",     "abi-minor",   "descriptor",    "dlopen",     "entry-failed",
                                      "entry-missing", "entry-threw", "note-mismatch", "plugin-size"}
        .contains(code);
  }

  static void expect_listed_as_refused(afplug::registry& r, const fs::path& bad, std::string_view code,
                                       std::string_view field) {
    const auto all = r.families();
    const auto it = std::find_if(all.begin(), all.end(), [&](const auto& i) { return i.path == bad; });
    ASSERT_NE(it, all.end());
    EXPECT_EQ(it->state, state_t::refused) << it->reason;
    EXPECT_EQ(it->code, code) << it->reason;
    EXPECT_THAT(it->reason, HasSubstr(bad.string()));
    EXPECT_THAT(it->reason, HasSubstr(std::string(field)));
  }
};

struct bad_case {
  const char *plugin, *code, *field;
  friend std::ostream& operator<<(std::ostream& out, const bad_case& c) { return out << c.plugin; }
};

class bad_plugin : public plugin_directory, public testing::WithParamInterface<bad_case> {};

TEST_P(bad_plugin, is_refused) {
  const auto& [plugin, code, field] = GetParam();
  expect_refused(copy_plugin(plugin, dir.path(), "1"), code, field);
}

constexpr bad_case versions[] = {
    {"major_new", "abi-major", "abi_major is 2"},
    {"major_zero", "abi-major", "abi_major is 0"},
    {"descriptor_major_new", "abi-major", "plugin.abi_major: it is 2"},
    {"descriptor_major_zero", "abi-major", "plugin.abi_major: it is 0"},
    {"minor_not_lowered", "abi-minor", "plugin.abi_minor: it is 7"},
    {"minor_unsupported", "entry-failed", "afplug_entry returned"},
};
constexpr bad_case sizes[] = {
    {"plugin_size_zero", "plugin-size", "plugin.size: it is 0"},
    {"plugin_size_small", "plugin-size", "plugin.size: it is 8"},
    {"plugin_size_max", "plugin-size", "plugin.size: it is 4294967295"},
    {"families_stride_max", "descriptor", "families.stride"},
    {"families_null", "descriptor", "families.data"},
    {"family_size_zero", "descriptor", "families[0].size: it is 0"},
    {"family_size_small", "descriptor", "families[0].size"},
    {"family_size_max", "descriptor", "families[0].size: it is 4294967295"},
    {"row_size_small", "descriptor", "rows[0].size: it is 12"},
    {"row_size_beyond_stride", "descriptor", "rows[0].size"},
    {"rows_empty", "descriptor", "rows.count"},
    {"rows_null", "descriptor", "rows.data"},
    {"rows_stride_zero", "descriptor", "rows.stride"},
    {"options_count_max", "descriptor", "options.count"},
    {"codec_size_zero", "descriptor", "codec.size"},
    {"kernel_ops_size_max", "descriptor", "kernel_ops.size"},
};
constexpr bad_case slots[] = {
    {"codec_null", "descriptor", "codec: it is NULL"},
    {"codec_parse_null", "descriptor", "codec.parse"},
    {"codec_set_null", "descriptor", "codec.set"},
    {"user_ops_null", "descriptor", "user_ops"},
    {"user_ops_open_null", "descriptor", "user_ops.open"},
    {"user_ops_connect_result_null", "descriptor", "user_ops.connect_result"},
    {"backing_zero", "descriptor", "backing"},
    {"option_call_without_get", "descriptor", "options[0].get"},
};
constexpr bad_case values[] = {
    {"id_null", "descriptor", "families[0].id"},
    {"id_upper_case", "descriptor", "families[0].id"},
    {"id_4096_bytes", "descriptor", "families[0].id"},
    {"name_null", "descriptor", "families[0].name: it is NULL"},
    {"name_not_utf8", "descriptor", "families[0].name: it is not UTF-8"},
    {"name_4096_bytes", "descriptor", "families[0].name: it is longer"},
    {"help_4096_bytes", "descriptor", "families[0].help: it is longer"},
    {"help_two_lines", "descriptor", "families[0].help: it contains a control character"},
    {"number_negative", "descriptor", "families[0].number: it is -1"},
    {"number_int_min", "descriptor", "families[0].number: it is -2147483648"},
    {"number_large", "descriptor", "families[0].number: it is 16384"},
    {"row_type_invalid", "descriptor", "rows[0].type"},
    {"row_type_name_null", "descriptor", "rows[0].type_name"},
    {"option_kind_invalid", "descriptor", "options[0].kind: it is 99"},
    {"option_flags_zero", "descriptor", "options[0].flags"},
    {"option_unit_invalid", "descriptor", "options[0].unit: it is 99"},
    {"option_too_large", "descriptor", "options[0].max_bytes"},
    {"option_size_zero", "descriptor", "options[0].max_bytes"},
    {"option_min_above_max", "descriptor", "options[0].min_bytes"},
    {"option_members_unexpected", "descriptor", "options[0].members.count"},
    {"array_element_size_zero", "descriptor", "options[0].element_size"},
    {"member_outside", "descriptor", "options[0].members[0].offset: it is 5"},
    {"member_far_outside", "descriptor", "options[0].members[0].offset: it is 4294967295"},
    {"member_bytes_invalid", "descriptor", "options[0].members[0].bytes"},
    {"member_nested", "descriptor", "options[0].members[0].kind"},
    {"field_name_null", "descriptor", "codec.fields[0].name"},
    {"constant_name_empty", "descriptor", "constants[0].name"},
    {"second_family_invalid", "descriptor", "families[1].codec"},
};
constexpr bad_case notes[] = {
    {"note_missing", "note-missing", "\"afplug\" note"},
    {"note_twice", "note-twice", "note"},
    {"note_id_malformed", "note-field", "families[0].id"},
    {"note_number_negative", "note-field", "families[0].number is -1"},
    {"note_number_int_min", "note-field", "families[0].number is -2147483648"},
    {"note_id_twice", "note-field", "families[1].id"},
    {"note_other_provider", "note-mismatch", "plugin.provider"},
    {"note_other_version", "note-mismatch", "plugin.version"},
    {"note_other_id", "note-mismatch", "families[0].id"},
    {"note_other_number", "note-mismatch", "families[0].number"},
    {"note_other_flags", "note-mismatch", "families[0].flags"},
    {"note_extra_family", "note-mismatch", "families.count"},
    {"provider_null", "note-mismatch", "plugin.provider"},
};
constexpr bad_case loading[] = {
    {"entry_missing", "entry-missing", "afplug_entry"},
    {"entry_is_data", "entry-missing", "not a function"},
    {"entry_fails", "entry-failed", "Permission denied"},
    {"entry_throws", "entry-threw", "not today"},
    {"entry_throws_int", "entry-threw", "afplug_entry threw"},
    {"undefined_symbol", "dlopen", "defined_nowhere"},
    {"missing_dependency", "dlopen", "libbad_plugin_dependency.so"},
};

std::string name_of(const testing::TestParamInfo<bad_case>& info) { return info.param.plugin; }
INSTANTIATE_TEST_SUITE_P(version, bad_plugin, testing::ValuesIn(versions), name_of);
INSTANTIATE_TEST_SUITE_P(size, bad_plugin, testing::ValuesIn(sizes), name_of);
INSTANTIATE_TEST_SUITE_P(slot, bad_plugin, testing::ValuesIn(slots), name_of);
INSTANTIATE_TEST_SUITE_P(value, bad_plugin, testing::ValuesIn(values), name_of);
INSTANTIATE_TEST_SUITE_P(note, bad_plugin, testing::ValuesIn(notes), name_of);
INSTANTIATE_TEST_SUITE_P(loading, bad_plugin, testing::ValuesIn(loading), name_of);

class malformed_file : public plugin_directory {
 protected:
  elf_image image{read_bytes(built_plugin("good"))};
  fs::path write() { return write_bytes(dir / "1.so", image.data); }

  // The file offset of a table of the dynamic section: it is in the first segment, which lies at its file offset.
  std::size_t table(ElfW(Sxword) tag) { return static_cast<std::size_t>(image.dynamic_entry_of(tag)->d_un.d_ptr); }

  patched<ElfW(Sym)> symbol(std::string_view name) {
    for (auto at = table(DT_SYMTAB);; at += sizeof(ElfW(Sym))) {
      const auto begin = table(DT_STRTAB) + patched<ElfW(Sym)>(image.data, at)->st_name;
      if (reinterpret_cast<const char*>(image.data.data()) + begin == name) return {image.data, at};
    }
  }
};

// dlopen(3) of such a file ends the process with SIGBUS.
TEST_F(malformed_file, truncated_at_any_page_is_refused) {
  constexpr std::size_t page = 4096;
  const auto whole = image.data;
  const auto needed = image.end_of_segments();
  std::vector<std::size_t> cuts{needed - 1, needed - (needed % page) / 2, needed / 2};
  for (std::size_t cut = page; cut < needed; cut += page) cuts.push_back(cut);
  for (const auto cut : cuts) {
    SCOPED_TRACE(cut);
    image.data.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    const auto directory = dir.subdirectory(std::to_string(cut));
    expect_refused(write_bytes(directory / "1.so", image.data), "truncated",
                   "exceed the file size of " + std::to_string(cut));
  }
}

TEST_F(malformed_file, empty_is_refused) {
  image.data.clear();
  expect_refused(write(), "empty", "empty");
}

TEST_F(malformed_file, text_is_refused) {
  image.data.assign(5000, std::byte{'#'});
  expect_refused(write(), "not-elf", "e_ident");
}

TEST_F(malformed_file, header_alone_is_refused) {
  image.data.resize(sizeof(ElfW(Ehdr)));
  expect_refused(write(), "truncated", "e_phoff");
}

TEST_F(malformed_file, another_machine_is_refused) {
  image.header()->e_machine = EM_NONE;
  expect_refused(write(), "elf-machine", "e_machine");
}

TEST_F(malformed_file, another_class_is_refused) {
  image.header()->e_ident[EI_CLASS] ^= ELFCLASS32 ^ ELFCLASS64;
  expect_refused(write(), "elf-class", "EI_CLASS");
}

TEST_F(malformed_file, another_byte_order_is_refused) {
  image.header()->e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
  expect_refused(write(), "elf-byte-order", "EI_DATA");
}

TEST_F(malformed_file, oversized_note_is_refused) {
  const auto at = image.note();
  patched<ElfW(Nhdr)>(image.data, at)->n_descsz = 1 << 30;
  expect_refused(write(), "note-size", "n_descsz");
}

// The section table is not read: boost::dll::library_info needed 4 GB and 18 s for this one.
TEST_F(malformed_file, oversized_section_table_is_ignored) {
  image.header()->e_shoff = 64;
  image.header()->e_shnum = 0xfffe;
  image.header()->e_shentsize = 0xffff;
  image.header()->e_shstrndx = 0xfffe;
  write();
  afplug::registry r(search_only({dir.path()}));
  EXPECT_EQ(r.families().at(0).state, state_t::found);
  afplug::error_code ec;
  expect_works(r.family("good", ec));
}

TEST_F(malformed_file, entry_that_is_not_a_function_in_code_is_refused) {
  const auto original = image;
  symbol("afplug_entry")->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
  EXPECT_EQ(afplug::load_plugin(write_bytes(dir / "object.so", image.data)).code, "entry-missing");
  image = original;
  const auto in_data = image.segment_of(PT_DYNAMIC)->p_vaddr;
  symbol("afplug_entry")->st_value = in_data;
  EXPECT_EQ(afplug::load_plugin(write_bytes(dir / "data.so", image.data)).code, "entry-missing");
}

// dladdr(3) trusts the number of symbols in DT_HASH.
TEST_F(malformed_file, wrong_number_of_symbols_is_refused_or_survived) {
  image = elf_image(read_bytes(built_plugin("sysv_hash")));
  const auto set_count = [&](std::uint32_t n) { *patched<std::uint32_t>(image.data, table(DT_HASH) + 4) = n; };
  const auto symbols = (image.segment_of(PT_LOAD)->p_filesz - table(DT_SYMTAB)) / sizeof(ElfW(Sym));
  for (const std::uint32_t n : {0x7fffffffu, 0xffffffffu, static_cast<std::uint32_t>(symbols + 1)}) {
    set_count(n);
    const auto refused = afplug::inspect(write());
    EXPECT_EQ(refused.code, "dynamic");
    EXPECT_THAT(refused.reason, HasSubstr("DT_HASH has " + std::to_string(n) + " symbols"));
  }
  const auto possible = std::min(symbols, (image.segment_of(PT_LOAD)->p_filesz - table(DT_HASH)) / 4 - 8);
  set_count(static_cast<std::uint32_t>(possible));  // more than there are
  const auto report = afplug::load_plugin(write());
  EXPECT_FALSE(report.families.empty()) << report.reason;
}

class irregular_file : public plugin_directory {};

TEST_F(irregular_file, fifo_is_refused) {
  ASSERT_EQ(::mkfifo((dir / "1.so").c_str(), 0644), 0);
  expect_refused(dir / "1.so", "not-regular", "a FIFO");
}

TEST_F(irregular_file, directory_is_refused) {
  dir.subdirectory("1.so");
  expect_refused(dir / "1.so", "not-regular", "a directory");
}

TEST_F(irregular_file, dangling_link_is_refused) {
  fs::create_symlink("nowhere", dir / "1.so");
  expect_refused(dir / "1.so", "not-found", "No such file");
}

TEST_F(irregular_file, link_to_itself_is_refused) {
  fs::create_symlink("1.so", dir / "1.so");
  expect_refused(dir / "1.so", "not-found", "symbolic links");
}

TEST_F(irregular_file, device_is_refused) {
  fs::create_symlink("/dev/zero", dir / "1.so");
  expect_refused(dir / "1.so", "not-regular", "a character device");
}

TEST_F(irregular_file, socket_is_refused) {
  const int s = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  (dir / "1.so").string().copy(name.sun_path, sizeof name.sun_path - 1);
  ASSERT_EQ(::bind(s, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  ::close(s);
  expect_refused(dir / "1.so", "not-regular", "a socket");
}

TEST_F(plugin_directory, plugin_of_a_newer_minor_is_loaded_with_the_minor_of_the_library) {
  copy_plugin("minor_newer", dir.path());
  afplug::registry r(search_only({dir.path()}));
  afplug::error_code ec;
  expect_works(r.family("good", ec));
}

constexpr auto plain_flags = AFPLUG_ROW_DEFAULT | AFPLUG_ROW_STREAM | AFPLUG_ROW_CONNECTION;

TEST_F(plugin_directory, flags_of_minor_1_are_ignored_in_a_plugin_of_minor_0_and_set_by_its_number) {
  copy_plugin("minor_0_unix", dir.path());
  const auto& f = afplug::registry(search_only({dir.path()})).family("good");
  EXPECT_EQ(f.flags(), 0u);
  EXPECT_EQ(f.rows()[0].flags, plain_flags | AFPLUG_ROW_CONNECT_EAGAIN);
}

TEST_F(plugin_directory, flags_of_an_ipv6_plugin_of_minor_0_are_set_by_its_number_and_type) {
  copy_plugin("minor_0_inet6", dir.path());
  const auto& f = afplug::registry(search_only({dir.path()})).family("good");
  EXPECT_EQ(f.flags(), AFPLUG_FAMILY_DUAL_STACK);
  EXPECT_EQ(f.rows()[0].flags, plain_flags | AFPLUG_ROW_CONNECT_UNREPORTED);
}

TEST_F(plugin_directory, flags_of_a_plugin_of_minor_1_are_as_it_sets_them) {
  copy_plugin("minor_1_unix", dir.path());
  const auto& f = afplug::registry(search_only({dir.path()})).family("good");
  EXPECT_EQ(f.flags(), AFPLUG_FAMILY_DUAL_STACK);
  EXPECT_EQ(f.rows()[0].flags, plain_flags | AFPLUG_ROW_CONNECT_UNREPORTED);
}

TEST_F(plugin_directory, members_of_newer_minors_are_ignored) {
  copy_plugin("larger_structs", dir.path());
  afplug::registry r(search_only({dir.path()}));
  const auto& f = r.family("good");
  expect_works(&f);
  EXPECT_STREQ(f.rows()[0].type_name, "SOCK_STREAM");
}

TEST_F(plugin_directory, optional_slots_may_be_null) {
  copy_plugin("optional_null", dir.path());
  afplug::registry r(search_only({dir.path()}));
  const auto& f = r.family("good");
  expect_works(&f);
  EXPECT_EQ(f.extension("test.name/1"), nullptr);
  EXPECT_TRUE(f.options().empty());
  EXPECT_EQ(f.kernel_ops().open, nullptr);
}

TEST_F(plugin_directory, user_space_family_is_accepted) {
  copy_plugin("user_space", dir.path());
  afplug::registry r(search_only({dir.path()}));
  const auto& f = r.family("good");
  EXPECT_TRUE(f.in_user_space());
  EXPECT_NE(f.user_ops().open, nullptr);
  EXPECT_EQ(f.user_ops().bind, nullptr);
}

TEST_F(plugin_directory, sendall_times_out_even_if_send_never_blocks) {
  copy_plugin("slow_send", dir.path());
  afplug::registry r(search_only({dir.path()}));
  afplug::error_code ec;
  auto s = afplug::socket::open(r.family("good"), SOCK_STREAM, 0, ec);
  ASSERT_FALSE(ec) << afplug::last_detail();
  s.timeout(std::chrono::milliseconds(50));
  const std::string much(3000, 'x');
  std::size_t sent = 0;
  s.sendall(much, 0, ec, &sent);
  EXPECT_EQ(ec, afplug::errc::timed_out);
  EXPECT_GT(sent, 0u);
  EXPECT_LT(sent, much.size());
}

TEST_F(plugin_directory, one_invalid_family_refuses_the_whole_plugin) {
  copy_plugin("second_family_invalid", dir.path());
  afplug::registry r(search_only({dir.path()}));
  afplug::error_code ec;
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(ec, afplug::errc::plugin_refused);
  EXPECT_EQ(r.family("second", ec), nullptr);
  EXPECT_EQ(ec, afplug::errc::plugin_refused);
}

TEST_F(plugin_directory, out_of_memory_in_the_entry_is_not_cached) {
  copy_plugin("entry_out_of_memory", dir.path());
  afplug::registry r(search_only({dir.path()}));
  for (int attempt = 0; attempt < 2; ++attempt) {
    afplug::error_code ec;
    EXPECT_EQ(r.family("good", ec), nullptr);
    EXPECT_EQ(ec, boost::system::errc::not_enough_memory);
  }
  EXPECT_EQ(r.families().at(0).state, state_t::found);
}

TEST_F(plugin_directory, file_that_changes_while_loading_is_refused) {
  const auto file = copy_plugin("file_changes_while_loading", dir.path());
  afplug::registry r(search_only({dir.path()}));
  afplug::error_code ec;
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(ec, afplug::errc::changed_while_loading);
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr(file.string()));
  EXPECT_EQ(r.families().at(0).code, "changed-while-loading");
}

TEST_F(plugin_directory, file_that_replaced_a_loaded_one_is_refused) {
  copy_plugin("good", dir.path(), "1");
  afplug::registry first(search_only({dir.path()}));
  expect_works(&first.family("good"));
  copy_plugin("other_provider", dir.path(), "new");
  fs::rename(dir / "new.so", dir / "1.so");
  afplug::registry second(search_only({dir.path()}));
  afplug::error_code ec;
  EXPECT_EQ(second.family("good", ec), nullptr);
  EXPECT_EQ(second.families().at(0).code, "replaced");
  expect_works(&first.family("good"));
}

// The same file under another name is the loaded plugin, but only as long as nobody writes to it.
TEST_F(plugin_directory, file_that_changed_after_it_was_loaded_is_refused) {
  const auto file = copy_plugin("good", dir.path(), "1");
  afplug::registry first(search_only({dir.path()}));
  expect_works(&first.family("good"));
  fs::rename(file, dir / "2.so");
  afplug::registry second(search_only({dir.path()}));
  expect_works(&second.family("good"));
  std::ofstream(dir / "2.so", std::ios::app) << 'x';
  afplug::registry third(search_only({dir.path()}));
  afplug::error_code ec;
  EXPECT_EQ(third.family("good", ec), nullptr);
  EXPECT_EQ(third.families().at(0).code, "replaced");
  expect_works(&first.family("good"));
}

// dlopen(3) returns the library that is mapped from this path already.
TEST_F(plugin_directory, file_that_replaced_one_that_the_program_mapped_is_refused) {
  const auto file = fs::canonical(copy_plugin("good", dir.path(), "1"));
  void* const mapped = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(mapped, nullptr) << ::dlerror();
  copy_plugin("good", dir.path(), "new");
  fs::rename(dir / "new.so", file);
  afplug::registry r(search_only({dir.path()}));
  afplug::error_code ec;
  EXPECT_EQ(r.family("good", ec), nullptr);
  EXPECT_EQ(ec, afplug::errc::changed_while_loading);
  EXPECT_EQ(r.families().at(0).code, "changed-while-loading");
  ::dlclose(mapped);
}

// dlsym(3) searches the libraries that a library needs, too.
TEST_F(plugin_directory, entry_function_of_another_library_is_refused) {
  const auto library = dir.subdirectory("lib") / "libbad_plugin_with_entry.so";
  fs::copy_file(fs::path(AFPLUG_BAD_PLUGINS) / "hidden" / library.filename(), library);
  ::chmod(library.c_str(), 0644);
  expect_refused(copy_plugin("entry_in_dependency", dir.path(), "1"), "entry-missing",
                 "afplug_entry is defined by a library that it depends on, not by the plugin");
}

TEST_F(plugin_directory, registry_calls_while_loading_fail_with_registry_reentered) {
  for (const char* plugin : {"entry_calls_registry", "constructor_calls_registry"}) {
    SCOPED_TRACE(plugin);
    const auto directory = dir.subdirectory(plugin);
    copy_plugin(plugin, directory);
    copy_plugin("second", directory);
    afplug::registry r(search_only({directory}));
    int calls = 0;
    test_hook = [&] {
      for (const auto& call : std::vector<std::function<void(afplug::error_code&)>>{
               [&](auto& ec) { r.family("good", ec); }, [&](auto& ec) { r.family(200, ec); },
               [&](auto& ec) { r.family("second", ec); }, [&](auto& ec) { r.family("good", "test", ec); },
               [&](auto& ec) { r.unload("good", ec); }}) {
        afplug::error_code ec;
        call(ec);
        EXPECT_EQ(ec, afplug::errc::registry_reentered);
        ++calls;
      }
      EXPECT_EQ(afplug::load_plugin(directory / "second.so").code, "reentered");
    };
    expect_works(&r.family("good"));
    EXPECT_EQ(calls, 5);
    test_hook = nullptr;
    expect_works(&r.family("second"));
  }
}

std::vector<std::string>& warnings() {
  static std::vector<std::string> lines;
  return lines;
}

TEST_F(plugin_directory, exports_of_the_same_name_do_not_clash_and_are_warned_of) {
  const auto a = copy_plugin("clash_a", dir.path());
  const auto b = copy_plugin("clash_b", dir.path());
  warnings().clear();
  const auto before = afplug::set_log_sink([](afplug::log_level level, std::string_view, std::string_view text) {
    if (level == afplug::log_level::warning) warnings().emplace_back(text);
  });
  afplug::registry r(search_only({dir.path()}));
  EXPECT_EQ(r.family("good").help(), "a");
  EXPECT_EQ(r.family("second").help(), "b");
  afplug::set_log_sink(before);
  EXPECT_THAT(warnings(), testing::ElementsAre(testing::AllOf(HasSubstr(a.string()), HasSubstr("helper")),
                                               testing::AllOf(HasSubstr(b.string()), HasSubstr("helper"))));
  EXPECT_THAT(afplug::load_plugin(a).warnings, testing::ElementsAre(HasSubstr("helper")));
}

TEST_F(plugin_directory, valid_plugin_has_no_warnings) {
  EXPECT_THAT(afplug::load_plugin(copy_plugin("good", dir.path())).warnings, testing::IsEmpty());
}

}  // namespace
