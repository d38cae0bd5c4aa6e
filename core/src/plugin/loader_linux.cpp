// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "loader.hpp"

namespace afplug::detail {
namespace {

link_map* link_map_of(void* handle) noexcept {
  link_map* map = nullptr;
  return ::dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 ? map : nullptr;
}

struct symbol_table {
  const ElfW(Sym) * symbols = nullptr;
  const char* names = nullptr;
  const std::uint32_t* hash = nullptr;
  const std::uint32_t* gnu_hash = nullptr;
};

symbol_table table_of(const link_map& map) noexcept {
  symbol_table out;
  for (const auto* d = map.l_ld; d->d_tag != DT_NULL; ++d) {
    // glibc relocates these addresses in memory, except on a few architectures (DL_RO_DYN_SECTION).
    const auto address = d->d_un.d_ptr < map.l_addr ? d->d_un.d_ptr + map.l_addr : d->d_un.d_ptr;
    if (d->d_tag == DT_SYMTAB) out.symbols = reinterpret_cast<const ElfW(Sym)*>(address);
    if (d->d_tag == DT_STRTAB) out.names = reinterpret_cast<const char*>(address);
    if (d->d_tag == DT_HASH) out.hash = reinterpret_cast<const std::uint32_t*>(address);
    if (d->d_tag == DT_GNU_HASH) out.gnu_hash = reinterpret_cast<const std::uint32_t*>(address);
  }
  return out;
}

// ELF does not store the number of dynamic symbols. DT_HASH has one chain entry a symbol; the last chain of DT_GNU_HASH
// ends with an entry whose lowest bit is set.
std::size_t count_symbols(const symbol_table& t) noexcept {
  if (t.hash) return t.hash[1];
  if (!t.gnu_hash) return 0;
  const std::uint32_t buckets = t.gnu_hash[0], first = t.gnu_hash[1], bloom = t.gnu_hash[2];
  const auto* bucket = t.gnu_hash + 4 + bloom * (sizeof(ElfW(Addr)) / sizeof(std::uint32_t));
  const auto* chain = bucket + buckets;
  std::size_t last = buckets == 0 ? 0 : *std::max_element(bucket, bucket + buckets);
  if (last < first) return first;
  while ((chain[last - first] & 1u) == 0) ++last;
  return last + 1;
}

bool is_exported(const ElfW(Sym) & s) noexcept {
  const auto bind = ELF64_ST_BIND(s.st_info);
  const auto type = ELF64_ST_TYPE(s.st_info);
  const auto visibility = ELF64_ST_VISIBILITY(s.st_other);
  return s.st_shndx != SHN_UNDEF && s.st_shndx != SHN_ABS && bind != STB_LOCAL && type != STT_SECTION &&
         type != STT_FILE && (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

constexpr std::string_view linker_defined[] = {"_init",       "_fini",  "_end",    "_edata",
                                               "__bss_start", "_etext", "__end__", "_bss_end__"};

}  // namespace

std::vector<std::string> exported_symbols(void* handle) {
  std::vector<std::string> out;
  const link_map* map = link_map_of(handle);
  if (!map) return out;
  const auto table = table_of(*map);
  if (!table.symbols || !table.names) return out;
  const auto count = count_symbols(table);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name = table.names + table.symbols[i].st_name;
    if (is_exported(table.symbols[i]) &&
        std::find(std::begin(linker_defined), std::end(linker_defined), name) == std::end(linker_defined))
      out.emplace_back(name);
  }
  return out;
}

bool defines(void* handle, const void* symbol) noexcept {
  Dl_info info{};
  link_map* map = nullptr;
  return ::dladdr1(symbol, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) != 0 && map &&
         map == link_map_of(handle);
}

}  // namespace afplug::detail
