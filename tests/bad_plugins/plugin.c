/* Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
 *
 * A minimal valid plugin, which compiles as C and as C++. tests/bad_plugins/CMakeLists.txt makes others of it by
 * macros:
 *
 * - FAULT: a statement at the end of afplug_entry(), which may change the descriptors below.
 * - NOTE_*: values of the ELF note alone.
 * - PROVIDER, FAMILY_ID, FAMILY_NUMBER, FAMILY_FLAGS: values of the note and of the descriptor.
 * - NO_NOTE, SECOND_NOTE: the plugin has no note, or two.
 * - TWO_FAMILIES: it has two families.
 * - CONSTRUCTOR_TOUCHES_FILE, CONSTRUCTOR_CALLS_HOOK, CONSTRUCTOR_HANGS, CONSTRUCTOR_THROWS: what its static
 * constructor does, which runs within dlopen().
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <afplug/plugin.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __cplusplus
#include <stdexcept>
#endif

#ifdef TWO_FAMILIES
#define NOTE_COUNT 2
#define NOTE_FAMILIES \
  {"good", 200, 0}, { "second", 201, 0 }
#endif
#ifndef PROVIDER
#define PROVIDER "test"
#endif
#ifndef FAMILY_ID
#define FAMILY_ID "good"
#endif
#ifndef FAMILY_NUMBER
#define FAMILY_NUMBER 200
#endif
#ifndef FAMILY_FLAGS
#define FAMILY_FLAGS 0
#endif
#ifndef NOTE_MAJOR
#define NOTE_MAJOR AFPLUG_ABI_MAJOR
#endif
#ifndef NOTE_MINOR
#define NOTE_MINOR AFPLUG_ABI_MINOR
#endif
#ifndef NOTE_PROVIDER
#define NOTE_PROVIDER PROVIDER
#endif
#ifndef NOTE_VERSION
#define NOTE_VERSION "1.0"
#endif
#ifndef NOTE_COUNT
#define NOTE_COUNT 1
#endif
#ifndef NOTE_FAMILIES
#define NOTE_FAMILIES \
  { FAMILY_ID, FAMILY_NUMBER, FAMILY_FLAGS }
#endif
#ifndef FAULT
#define FAULT (void)0
#endif

#ifndef NO_NOTE
AFPLUG_NOTE_AS(NOTE_MAJOR, NOTE_MINOR, NOTE_COUNT, NOTE_PROVIDER, NOTE_VERSION, NOTE_FAMILIES)
#endif

#ifdef SECOND_NOTE
AFPLUG_NOTE_PLACE const struct {
  uint32_t name_size, description_size, type;
  char name[8];
} second_note = {sizeof(AFPLUG_NOTE_NAME), 0, AFPLUG_NOTE_TYPE, AFPLUG_NOTE_NAME};
#endif

/* Calls the function that the test program exports under this name, if there is one. */
static inline void call_test_hook(void) {
  void (*hook)(void) = NULL;
  void* found = dlsym(RTLD_DEFAULT, "afplug_test_hook");
  memcpy(&hook, &found, sizeof hook);
  if (hook) hook();
}

#ifdef CONSTRUCTOR_CALLS_HOOK
__attribute__((constructor)) static void constructor(void) { call_test_hook(); }
#endif
#ifdef CONSTRUCTOR_HANGS
__attribute__((constructor)) static void constructor(void) {
  for (;;) pause();
}
#endif
#ifdef CONSTRUCTOR_TOUCHES_FILE
__attribute__((constructor)) static void constructor(void) {
  static const char here = 0;
  Dl_info me;
  if (dladdr(&here, &me)) utimensat(AT_FDCWD, me.dli_fname, NULL, 0);
}
#endif
#ifdef CONSTRUCTOR_THROWS
static int throws() { throw std::runtime_error("thrown by a constructor"); }
static const int constructor = throws();
#endif

/* An address is the family's number (16 bits) and a name of lower-case letters and digits. */
#define NAME_OFFSET ((uint32_t)sizeof(uint16_t))

static int32_t fail(struct afplug_text* error_text, int32_t error, const char* message) {
  error_text->size = (uint32_t)strlen(message);
  if (error_text->capacity > 0)
    memcpy(error_text->data, message,
           error_text->size < error_text->capacity ? error_text->size : error_text->capacity);
  return error;
}

static int is_valid_name(const char* name, size_t size) {
  size_t i = 0;
  for (; i < size; ++i)
    if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9'))) return 0;
  return size > 0;
}

static int32_t parse(const struct afplug_identity* identity, const char* text, size_t text_size,
                     struct afplug_sockaddr* out, struct afplug_text* error_text) {
  const uint16_t number = (uint16_t)identity->number;
  if (text_size > AFPLUG_ADDRESS_MAX - NAME_OFFSET) return fail(error_text, -ENAMETOOLONG, "the name is too long");
  if (!is_valid_name(text, text_size)) return fail(error_text, -EINVAL, "a name consists of letters and digits");
  memcpy(out->u.bytes, &number, sizeof number);
  memcpy(out->u.bytes + NAME_OFFSET, text, text_size);
  out->length = NAME_OFFSET + (uint32_t)text_size;
  return 0;
}

/* The length of the name in an address, or -EINVAL. */
static int32_t name_length(const struct afplug_identity* identity, const void* address, uint32_t length) {
  uint16_t number = 0;
  if (length <= NAME_OFFSET || length > AFPLUG_ADDRESS_MAX) return -EINVAL;
  memcpy(&number, address, sizeof number);
  if (number != (uint16_t)identity->number || !is_valid_name((const char*)address + NAME_OFFSET, length - NAME_OFFSET))
    return -EINVAL;
  return (int32_t)(length - NAME_OFFSET);
}

static int32_t format(const struct afplug_identity* identity, const void* address, uint32_t length,
                      struct afplug_text* out) {
  const int32_t size = name_length(identity, address, length);
  if (size < 0) return size;
  out->size = (uint32_t)size;
  if (out->capacity > 0)
    memcpy(out->data, (const char*)address + NAME_OFFSET, out->size < out->capacity ? out->size : out->capacity);
  return 0;
}

static int32_t get(const struct afplug_identity* identity, const void* address, uint32_t length,
                   struct afplug_value* values, uint32_t capacity) {
  const int32_t size = name_length(identity, address, length);
  if (size < 0) return size;
  if (capacity > 0) {
    values[0].kind = AFPLUG_KIND_TEXT;
    values[0].size = (uint32_t)size;
    memcpy(values[0].bytes, (const char*)address + NAME_OFFSET, (size_t)size);
  }
  return 1;
}

static int32_t set(const struct afplug_identity* identity, const struct afplug_value* values, uint32_t count,
                   struct afplug_sockaddr* out, struct afplug_text* error_text) {
  if (count < 1 || values[0].kind != AFPLUG_KIND_TEXT) return fail(error_text, -EINVAL, "name is missing");
  return parse(identity, (const char*)values[0].bytes, values[0].size, out, error_text);
}

static inline int32_t hostile_set(const struct afplug_identity* identity, const struct afplug_value* values,
                                  uint32_t count, struct afplug_sockaddr* out, struct afplug_text* error_text) {
  (void)identity, (void)values, (void)count, (void)out;
  return fail(error_text, -EINVAL, "\x1b[31mred\nforged \xff");
}

static int32_t check(const struct afplug_identity* identity, uint32_t flags, struct afplug_verdict* verdict) {
  (void)identity, (void)flags, (void)verdict;
  return 0;
}

static const void* extension(const char* id) { return strcmp(id, "test.name/1") == 0 ? FAMILY_ID : NULL; }

/* Structs with space after them, as a later minor version of the ABI might add members. */
static struct {
  struct afplug_row row;
  char tail[64];
} row;
static struct {
  struct afplug_option option;
  char tail[64];
} option;
static struct afplug_member member;
static struct afplug_member field;
static struct afplug_constant constant;
static struct afplug_kernel_ops kernel_ops;
static struct afplug_user_ops user_ops;
static struct afplug_codec codec;
static struct {
  struct afplug_family family;
  char tail[64];
} family;

/* For FAULT. */
static char long_text[4097];
#define FAMILY family.family
#define ROW row.row
#define OPTION option.option

static int32_t user_open(const struct afplug_identity* identity, void** state, int64_t* pollable) {
  (void)identity, (void)state, (void)pollable;
  return -EMFILE;
}
static void user_close(void* state, uint32_t flags) { (void)state, (void)flags; }
static int32_t user_sendmsg(void* state, const struct afplug_message* message, uint64_t* sent) {
  (void)state, (void)message, (void)sent;
  return -EPIPE;
}
static int32_t user_recvmsg(void* state, struct afplug_message* message, uint64_t* received) {
  (void)state, (void)message, (void)received;
  return -EPIPE;
}
static int32_t user_readiness(void* state, int32_t events) { return (void)state, events; }
static inline int32_t user_connect(void* state, const void* address, uint32_t length) {
  return (void)state, (void)address, (void)length, -ECONNREFUSED;
}

static void fill_descriptors(void) {
  memset(long_text, 'x', sizeof long_text - 1);

  memset(&ROW, 0, sizeof ROW);
  ROW.size = sizeof ROW;
  ROW.flags = AFPLUG_ROW_DEFAULT | AFPLUG_ROW_STREAM | AFPLUG_ROW_CONNECTION;
  ROW.type = SOCK_STREAM;
  ROW.native_domain = AF_UNIX;
  ROW.native_type = AFPLUG_ANY;
  ROW.type_name = "SOCK_STREAM";
  ROW.help = "bytes";

  memset(&member, 0, sizeof member);
  member.size = sizeof member;
  member.kind = AFPLUG_KIND_I32;
  member.name = "onoff";

  memset(&OPTION, 0, sizeof OPTION);
  OPTION.size = sizeof OPTION;
  OPTION.flags = AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE;
  OPTION.name = "TEST_OPTION";
  OPTION.help = "an option";
  OPTION.level = 1;
  OPTION.number = 2;
  OPTION.kind = AFPLUG_KIND_STRUCT;
  OPTION.max_bytes = 8;
  OPTION.members.data = &member;
  OPTION.members.count = 1;
  OPTION.members.stride = sizeof member;

  memset(&constant, 0, sizeof constant);
  constant.size = sizeof constant;
  constant.name = "TEST_CONSTANT";
  constant.value = 42;

  memset(&field, 0, sizeof field);
  field.size = sizeof field;
  field.kind = AFPLUG_KIND_TEXT;
  field.name = "name";
  field.help = "a name";
  field.bytes = AFPLUG_ADDRESS_MAX - 2;

  memset(&codec, 0, sizeof codec);
  codec.size = sizeof codec;
  codec.fields.data = &field;
  codec.fields.count = 1;
  codec.fields.stride = sizeof field;
  codec.parse = parse;
  codec.format = format;
  codec.get = get;
  codec.set = set;

  memset(&kernel_ops, 0, sizeof kernel_ops);
  kernel_ops.size = sizeof kernel_ops;

  memset(&user_ops, 0, sizeof user_ops);
  user_ops.size = sizeof user_ops;
  user_ops.open = user_open;
  user_ops.close = user_close;
  user_ops.sendmsg = user_sendmsg;
  user_ops.recvmsg = user_recvmsg;
  user_ops.readiness = user_readiness;

  memset(&FAMILY, 0, sizeof FAMILY);
  FAMILY.size = sizeof FAMILY;
  FAMILY.backing = AFPLUG_BACKING_KERNEL;
  FAMILY.flags = FAMILY_FLAGS;
  FAMILY.number = FAMILY_NUMBER;
  FAMILY.id = FAMILY_ID;
  FAMILY.name = "AF_GOOD";
  FAMILY.rows.data = &row;
  FAMILY.rows.count = 1;
  FAMILY.rows.stride = sizeof row;
  FAMILY.options.data = &option;
  FAMILY.options.count = 1;
  FAMILY.options.stride = sizeof option;
  FAMILY.constants.data = &constant;
  FAMILY.constants.count = 1;
  FAMILY.constants.stride = sizeof constant;
  FAMILY.codec = &codec;
  FAMILY.kernel_ops = &kernel_ops;
  FAMILY.check = check;
  FAMILY.extension = extension;
}

#ifdef TWO_FAMILIES
static struct afplug_family families[2];
static void two_families(struct afplug_plugin* out) {
  families[0] = families[1] = FAMILY;
  families[1].id = "second";
  families[1].number = 201;
  out->families.data = families;
  out->families.count = 2;
  out->families.stride = sizeof families[0];
}
#endif

int32_t afplug_entry(const struct afplug_host* host, struct afplug_plugin* out) {
  int32_t result = 0;
  if (host->abi_major != AFPLUG_ABI_MAJOR) return -EPROTONOSUPPORT;
  fill_descriptors();
  out->abi_major = AFPLUG_ABI_MAJOR;
  out->abi_minor = host->abi_minor;
  out->provider = PROVIDER;
  out->version = "1.0";
  out->families.data = &family;
  out->families.count = 1;
  out->families.stride = sizeof family;
  FAULT;
  return result;
}
