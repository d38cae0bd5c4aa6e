/* Loads the plugin without libafplug, and calls its entry and its address codec. */
#include <afplug/plugin.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

static void expect(int holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "failed: %s\n", what);
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
  char buffer[256];
  struct afplug_text text = {buffer, sizeof buffer, 0};
  const char* path = "/run/@name@.sock";

  if (library == NULL) {
    fprintf(stderr, "usage: %s PLUGIN.so: %s\n", argv[0], argc > 1 ? dlerror() : "no plugin");
    return 2;
  }
  *(void**)&entry = dlsym(library, "afplug_entry");
  expect(entry != NULL && entry(&host, &plugin) == 0, "afplug_entry accepts this host");
  if (failures > 0) return 1;
  family = plugin.families.data;
  expect(strcmp(family->id, "@name@") == 0, "the family is @name@");

  expect(family->codec->parse(&who, path, strlen(path), &address, &text) == 0, "parses a path");
  expect(family->codec->format(&who, address.u.bytes, address.length, &text) == 0, "formats an address");
  expect(text.size == strlen(path) && memcmp(buffer, path, text.size) == 0, "formats what it parsed");
  expect(family->codec->parse(&who, "a\0b", 3, &address, &text) < 0 && text.size > 0,
         "refuses a NUL with an error text");
  return failures > 0;
}
