// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// write_constants OUTPUT PLUGIN…: writes the table of constants_table.hpp as C++, from the plugins' own tables. Part of
// the build: it loads the plugins without the checks that libafplug makes.
#include <afplug/plugin.h>
#include <dlfcn.h>

#include <cstdio>
#include <fstream>
#include <iomanip>
#include <set>
#include <stdexcept>
#include <string>

namespace {

template <class T, class F>
void for_each(const afplug_array& table, F f) {
  for (std::uint32_t i = 0; i < table.count; ++i)
    f(*reinterpret_cast<const T*>(static_cast<const char*>(table.data) + std::size_t{i} * table.stride));
}

afplug_plugin descriptor_of(const char* file) {
  static const afplug_host host{
      .size = sizeof(afplug_host),
      .abi_major = AFPLUG_ABI_MAJOR,
      .abi_minor = AFPLUG_ABI_MINOR,
      .version = "",
      .log = [](std::int32_t, const char*, const char*) {},
      .extension = [](const char*) -> const void* { return nullptr; },
  };
  void* const library = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library) throw std::runtime_error(::dlerror());
  const auto entry = reinterpret_cast<afplug_entry_fn>(::dlsym(library, "afplug_entry"));
  afplug_plugin out{};
  out.size = sizeof out;
  if (!entry || entry(&host, &out) != 0)
    throw std::runtime_error(std::string(file) + ": it is not a plugin for this version of afplug");
  return out;
}

std::ostream& operator<<(std::ostream& out, const afplug_constant& c) {
  out << "    {" << std::quoted(c.name) << ", nullptr, " << c.value << ", ";
  if (c.text)
    out << std::quoted(c.text);
  else
    out << "nullptr";
  return out << "},\n";
}

void write(std::ostream& out, const char* const* files) {
  out << "#include \"constants_table.hpp\"\n\n#include <array>\n\nnamespace afplug::python {\nnamespace {\n\n";
  std::set<std::string> seen;
  std::string families;
  for (; *files; ++files)
    for_each<afplug_family>(descriptor_of(*files).families, [&](const afplug_family& f) {
      if (!seen.insert(f.id).second) return;
      const std::string table = "constants_" + std::to_string(seen.size());
      out << "constexpr std::array<constant, " << f.constants.count << "> " << table << "{{\n";
      for_each<afplug_constant>(f.constants, [&](const afplug_constant& c) { out << c; });
      out << "}};\n\n";
      families +=
          std::string("    {\"") + f.id + "\", \"" + f.name + "\", " + std::to_string(f.number) + ", " + table + "},\n";
    });
  out << "constexpr std::array<table_family, " << seen.size() << "> families{{\n"
      << families << "}};\n\n}  // namespace\n\nconst std::span<const table_family> table_families(families);\n\n"
      << "}  // namespace afplug::python\n";
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count < 2) throw std::runtime_error("usage: write_constants OUTPUT PLUGIN…");
    std::ofstream out(arguments[1]);
    write(out, arguments + 2);
    out.close();
    if (!out) throw std::runtime_error(std::string(arguments[1]) + ": cannot be written");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "write_constants: %s\n", e.what());
    std::remove(arguments[1]);
    return 1;
  }
}
