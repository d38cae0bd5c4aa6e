// Loads the plugin without libafplug, and calls its entry and its address codec.
#include <afplug/plugin.h>
#include <dlfcn.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "failed: %s\n", what);
  ++failures;
}

}  // namespace

int main(int argc, char** argv) {
  void* library = argc > 1 ? ::dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (library == nullptr) {
    std::fprintf(stderr, "usage: %s PLUGIN.so: %s\n", argv[0], argc > 1 ? ::dlerror() : "no plugin");
    return 2;
  }
  static const afplug_host host{sizeof host, AFPLUG_ABI_MAJOR, AFPLUG_ABI_MINOR, "test", nullptr, nullptr};
  afplug_plugin plugin{};
  plugin.size = sizeof plugin;
  const auto entry = reinterpret_cast<afplug_entry_fn>(::dlsym(library, "afplug_entry"));
  expect(entry != nullptr && entry(&host, &plugin) == 0, "afplug_entry accepts this host");
  if (failures > 0) return 1;
  const auto& family = *static_cast<const afplug_family*>(plugin.families.data);
  expect(std::string_view(family.id) == "@name@", "the family is @name@");

  const afplug_identity who{"@name@", AFPLUG_NUMBER_LOCAL, 1, 0, 0};
  constexpr std::string_view path = "/run/@name@.sock";
  afplug_sockaddr address{};
  std::string buffer(256, '\0');
  afplug_text text{buffer.data(), 256, 0};
  expect(family.codec->parse(&who, path.data(), path.size(), &address, &text) == 0, "parses a path");
  expect(family.codec->format(&who, address.u.bytes, address.length, &text) == 0, "formats an address");
  expect(std::string_view(buffer).substr(0, text.size) == path, "formats what it parsed");
  expect(family.codec->parse(&who, "a%00b", 5, &address, &text) < 0 && text.size > 0,
         "refuses a NUL with an error text");
  return failures > 0;
}
