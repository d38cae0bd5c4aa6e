/* Calls the plugin as a host does, without one: the entry, and the address codec. */
#include <afplug/plugin.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

static void expect(int holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "does not hold: %s\n", what);
  ++failures;
}

int main(int argc, char** argv) {
  static struct afplug_host host = {sizeof host, AFPLUG_ABI_MAJOR, AFPLUG_ABI_MINOR, "test", NULL, NULL};
  struct afplug_plugin plugin = {sizeof plugin, 0, 0, NULL, NULL, {NULL, 0, 0}};
  struct afplug_identity who = {"@name@", AFPLUG_NUMBER_LOCAL, 1, 0, 0};
  struct afplug_sockaddr address = {0, 0, {0}};
  const struct afplug_family* family;
  afplug_entry_fn entry;
  void* library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  char room[256];
  struct afplug_text text = {room, sizeof room, 0};
  const char* path = "/run/@name@.sock";

  if (library == NULL) {
    fprintf(stderr, "usage: %s PLUGIN.so: %s\n", argv[0], argc > 1 ? dlerror() : "no plugin");
    return 2;
  }
  *(void**)&entry = dlsym(library, "afplug_entry");
  expect(entry != NULL && entry(&host, &plugin) == 0, "the entry accepts this host");
  if (failures > 0) return 1;
  family = plugin.families.data;
  expect(strcmp(family->id, "@name@") == 0, "the family is @name@");

  expect(family->codec->parse(&who, path, strlen(path), &address, &text) == 0, "a path is an address");
  expect(family->codec->format(&who, address.u.bytes, address.length, &text) == 0, "an address has a text");
  expect(text.size == strlen(path) && memcmp(room, path, text.size) == 0, "its text is what it was made from");
  expect(family->codec->parse(&who, "a\0b", 3, &address, &text) < 0 && text.size > 0, "a NUL is refused with a reason");
  return failures > 0;
}
