// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <span>
#include <string_view>

#include "loader.hpp"

namespace afplug::detail {
namespace {

link_map* link_map_of(void* handle) noexcept {
  link_map* map = nullptr;
  return ::dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 ? map : nullptr;
}

/// The loaded segment that contains an address.
struct segment {
  const char* begin = nullptr;
  std::size_t size = 0;
  unsigned flags = 0;

  /// The objects at `address`, up to the end of the segment.
  template <typename T>
  std::span<const T> at(const void* address) const noexcept {
    const auto offset = static_cast<std::size_t>(static_cast<const char*>(address) - begin);
    return offset > size ? std::span<const T>()
                         : std::span(static_cast<const T*>(address), (size - offset) / sizeof(T));
  }
};

segment segment_of(const void* address) noexcept {
  struct query {
    const char* address;
    segment found;
  } q{static_cast<const char*>(address), {}};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& wanted = *static_cast<query*>(data);
        for (const auto& s : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
          const auto begin = info->dlpi_addr + s.p_vaddr;
          const auto at = reinterpret_cast<std::uintptr_t>(wanted.address);
          if (s.p_type != PT_LOAD || at < begin || at - begin >= s.p_memsz) continue;
          wanted.found = {reinterpret_cast<const char*>(begin), s.p_memsz, s.p_flags};
          return 1;
        }
        return 0;
      },
      &q);
  return q.found;
}

/// A table of the dynamic section, and all that its segment has after it. Its true size is not trusted.
template <typename T>
std::span<const T> table_at(const void* address) noexcept {
  return segment_of(address).at<T>(address);
}

struct symbol_table {
  std::span<const ElfW(Sym)> symbols;
  std::span<const char> names;
  std::span<const std::uint32_t> hash, gnu_hash;
};

symbol_table table_of(const link_map& map) noexcept {
  symbol_table out;
  for (const auto* d = map.l_ld; d->d_tag != DT_NULL; ++d) {
    // glibc relocates these addresses in memory, except on a few architectures (DL_RO_DYN_SECTION).
    const auto address = d->d_un.d_ptr < map.l_addr ? d->d_un.d_ptr + map.l_addr : d->d_un.d_ptr;
    const auto* at = reinterpret_cast<const void*>(address);
    if (d->d_tag == DT_SYMTAB) out.symbols = table_at<ElfW(Sym)>(at);
    if (d->d_tag == DT_STRTAB) out.names = table_at<char>(at);
    if (d->d_tag == DT_HASH) out.hash = table_at<std::uint32_t>(at);
    if (d->d_tag == DT_GNU_HASH) out.gnu_hash = table_at<std::uint32_t>(at);
  }
  return out;
}

// ELF does not store the number of dynamic symbols. DT_HASH has one chain entry a symbol; the last chain of DT_GNU_HASH
// ends with an entry whose lowest bit is set. Both come from the file and may be wrong.
std::size_t count_symbols(const symbol_table& t) noexcept {
  std::size_t count = 0;
  if (t.gnu_hash.size() > 4) {
    const std::size_t buckets = t.gnu_hash[0], first = t.gnu_hash[1], bloom = t.gnu_hash[2];
    const std::size_t begin = 4 + bloom * (sizeof(ElfW(Addr)) / sizeof(std::uint32_t));
    if (begin < t.gnu_hash.size() && buckets > 0 && buckets <= t.gnu_hash.size() - begin) {
      const auto bucket = t.gnu_hash.subspan(begin, buckets);
      const auto chain = t.gnu_hash.subspan(begin + buckets);
      count = *std::max_element(bucket.begin(), bucket.end());
      while (count >= first && count - first < chain.size() && (chain[count - first] & 1u) == 0) ++count;
      count = std::max(count + 1, first);
    }
  } else if (t.hash.size() > 1) {
    count = t.hash[1];
  }
  return std::min(count, t.symbols.size());
}

// The text at an offset of DT_STRTAB; empty if it has no end.
std::string_view name_at(const symbol_table& t, std::size_t offset) noexcept {
  if (offset >= t.names.size()) return {};
  const auto rest = t.names.subspan(offset);
  const auto end = std::find(rest.begin(), rest.end(), '\0');
  return end == rest.end() ? std::string_view()
                           : std::string_view(rest.data(), static_cast<std::size_t>(end - rest.begin()));
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
  for (const auto& symbol : table.symbols.first(count_symbols(table))) {
    const auto name = name_at(table, symbol.st_name);
    if (!name.empty() && is_exported(symbol) &&
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

bool is_function(const void* symbol) noexcept {
  Dl_info info{};
  const ElfW(Sym)* entry = nullptr;
  if (::dladdr1(symbol, &info, reinterpret_cast<void**>(const_cast<ElfW(Sym)**>(&entry)), RTLD_DL_SYMENT) == 0)
    return false;
  return (segment_of(symbol).flags & PF_X) != 0 && entry && ELF64_ST_TYPE(entry->st_info) == STT_FUNC;
}

// fstat(2) and /proc/self/maps have different device numbers on some file systems (btrfs, overlayfs): the file is
// mapped once more, and the two mappings are compared.
bool maps_file(void* handle, int fd) {
  const auto* map = link_map_of(handle);
  const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* page = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (!map || page == MAP_FAILED) return map != nullptr;
  std::string library, file;
  {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      std::uintptr_t begin = 0, end = 0;
      int at = 0;
      if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %*s %*s %n", &begin, &end, &at) != 2 || at == 0)
        continue;
      const auto rest = line.substr(static_cast<std::size_t>(at));  // device, inode, path
      const auto device_and_inode = rest.substr(0, rest.find(' ', rest.find(' ') + 1));
      const auto contains = [=](const void* address) {
        const auto a = reinterpret_cast<std::uintptr_t>(address);
        return a >= begin && a < end;
      };
      if (contains(map->l_ld)) library = device_and_inode;
      if (contains(page)) file = device_and_inode;
    }
  }
  ::munmap(page, size);
  return library == file;
}

}  // namespace afplug::detail
