// Calls the plugin as a host does, without one: the entry, and the address codec.
#include <afplug/plugin.h>
#include <dlfcn.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
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
  expect(entry != nullptr && entry(&host, &plugin) == 0, "the entry accepts this host");
  if (failures > 0) return 1;
  const auto& family = *static_cast<const afplug_family*>(plugin.families.data);
  expect(std::string_view(family.id) == "@name@", "the family is @name@");

  const afplug_identity who{"@name@", AFPLUG_NUMBER_LOCAL, 1, 0, 0};
  constexpr std::string_view path = "/run/@name@.sock";
  afplug_sockaddr address{};
  std::string room(256, '\0');
  afplug_text text{room.data(), 256, 0};
  expect(family.codec->parse(&who, path.data(), path.size(), &address, &text) == 0, "a path is an address");
  expect(family.codec->format(&who, address.u.bytes, address.length, &text) == 0, "an address has a text");
  expect(std::string_view(room).substr(0, text.size) == path, "its text is what it was made from");
  expect(family.codec->parse(&who, "a%00b", 5, &address, &text) < 0 && text.size > 0, "a NUL is refused with a reason");
  return failures > 0;
}
