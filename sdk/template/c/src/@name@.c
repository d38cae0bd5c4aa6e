/* The family @name@: local sockets named by paths.
 *
 * Addresses as text: the path, of at most 107 bytes. The empty text is the address of a socket without a name. */
#include <afplug/plugin.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

AFPLUG_NOTE(1, "@name@", "0.1.0", {"@name@", 0, AFPLUG_FAMILY_SECONDARY})

#define COUNT(table) ((uint32_t)(sizeof(table) / sizeof((table)[0])))
#define TABLE(table) \
  { (table), COUNT(table), (uint32_t)sizeof((table)[0]) }

enum {
  path_offset = offsetof(struct sockaddr_un, sun_path),
  path_max = sizeof(((struct sockaddr_un*)0)->sun_path) - 1
};

/* ---- rows: what a program may ask for ---- */

#define CONNECTED (AFPLUG_ROW_DEFAULT | AFPLUG_ROW_PAIR | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE)

static const struct afplug_row rows[] = {
    {.size = sizeof(struct afplug_row),
     .flags = CONNECTED | AFPLUG_ROW_STREAM,
     .type = SOCK_STREAM,
     .native_domain = AF_UNIX,
     .native_type = AFPLUG_ANY,
     .type_name = "SOCK_STREAM",
     .help = "byte stream"},
    {.size = sizeof(struct afplug_row),
     .flags = CONNECTED | AFPLUG_ROW_MESSAGE,
     .type = SOCK_SEQPACKET,
     .native_domain = AF_UNIX,
     .native_type = AFPLUG_ANY,
     .type_name = "SOCK_SEQPACKET",
     .help = "records over a connection"},
};

static const struct afplug_constant constants[] = {
    {sizeof(struct afplug_constant), 0, "@SYMBOL@_PATH_MAX", "@SYMBOL@_", path_max, NULL},
};

/* ---- addresses ---- */

static const struct afplug_member fields[] = {
    {.size = sizeof(struct afplug_member),
     .kind = AFPLUG_KIND_TEXT,
     .name = "path",
     .bytes = path_max,
     .help = "path in the file system"},
};

static int32_t refuse(int error, struct afplug_text* why, const char* text) {
  const size_t size = strlen(text);
  if (why != NULL) {
    if (why->data != NULL) memcpy(why->data, text, size < why->capacity ? size : why->capacity);
    why->size = (uint32_t)size;
  }
  return -error;
}

static int32_t make(const char* path, size_t size, struct afplug_sockaddr* out, struct afplug_text* why) {
  struct sockaddr_un made;
  if (size > path_max) return refuse(ENAMETOOLONG, why, "the path is longer than 107 bytes");
  if (size > 0 && memchr(path, 0, size) != NULL) return refuse(EINVAL, why, "the path contains a NUL");
  memset(&made, 0, sizeof made);
  made.sun_family = AF_UNIX;
  if (size > 0) memcpy(made.sun_path, path, size);
  memset(out, 0, sizeof *out);
  memcpy(out->u.bytes, &made, sizeof made);
  out->length = (uint32_t)(size == 0 ? path_offset : path_offset + size + 1);
  return 0;
}

/* The path in an address, or NULL where it is not an address of this family. */
static const char* path_of(const void* address, uint32_t length, size_t* size) {
  sa_family_t family;
  const char* path = (const char*)address + path_offset;
  if (length < path_offset || length > sizeof(struct sockaddr_un)) return NULL;
  memcpy(&family, address, sizeof family);
  if (family != AF_UNIX) return NULL;
  *size = length > path_offset ? length - path_offset - 1 : 0;
  if (length > path_offset && (*size == 0 || path[*size] != 0 || memchr(path, 0, *size) != NULL)) return NULL;
  return path;
}

static int32_t parse(const struct afplug_identity* who, const char* text, size_t size, struct afplug_sockaddr* out,
                     struct afplug_text* why) {
  (void)who;
  return make(text, size, out, why);
}

static int32_t format(const struct afplug_identity* who, const void* address, uint32_t length,
                      struct afplug_text* out) {
  size_t size;
  const char* path = path_of(address, length, &size);
  (void)who;
  if (path == NULL) return -EINVAL;
  if (out->data != NULL) memcpy(out->data, path, size < out->capacity ? size : out->capacity);
  out->size = (uint32_t)size;
  return 0;
}

static int32_t get(const struct afplug_identity* who, const void* address, uint32_t length, struct afplug_value* values,
                   uint32_t capacity) {
  size_t size;
  const char* path = path_of(address, length, &size);
  (void)who;
  if (path == NULL) return -EINVAL;
  if (capacity > 0) {
    values[0].kind = AFPLUG_KIND_TEXT;
    values[0].size = (uint32_t)size;
    memcpy(values[0].bytes, path, size);
  }
  return 1;
}

static int32_t set(const struct afplug_identity* who, const struct afplug_value* values, uint32_t count,
                   struct afplug_sockaddr* out, struct afplug_text* why) {
  (void)who;
  if (count != 1 || (values[0].kind != AFPLUG_KIND_TEXT && values[0].kind != AFPLUG_KIND_BYTES))
    return refuse(EINVAL, why, "an address has one field, path, which is text");
  return make((const char*)values[0].bytes, values[0].size, out, why);
}

static const struct afplug_codec codec = {sizeof codec, 0, TABLE(fields), parse, format, get, set};

/* ---- the family ---- */

static const struct afplug_family family = {
    .size = sizeof family,
    .backing = AFPLUG_BACKING_KERNEL,
    .flags = AFPLUG_FAMILY_SECONDARY,
    .id = "@name@",
    .name = "AF_@SYMBOL@",
    .help = "local sockets named by paths",
    .module = "unix",
    .config = "CONFIG_UNIX",
    .rows = TABLE(rows),
    .constants = TABLE(constants),
    .codec = &codec,
};

int32_t afplug_entry(const struct afplug_host* host, struct afplug_plugin* out) {
  struct afplug_plugin made;
  if (host->abi_major != AFPLUG_ABI_MAJOR) return -EPROTONOSUPPORT;
  memset(&made, 0, sizeof made);
  made.size = out->size < sizeof made ? out->size : (uint32_t)sizeof made;
  made.abi_major = AFPLUG_ABI_MAJOR;
  made.abi_minor = host->abi_minor; /* at most the one in the note */
  made.provider = "@name@";
  made.version = "0.1.0";
  made.families.data = &family;
  made.families.count = 1;
  made.families.stride = sizeof family;
  memcpy(out, &made, made.size);
  return 0;
}
