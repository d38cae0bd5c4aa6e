/* Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
 *
 * An example of a family in C: NETLINK_ROUTE of netlink(7), with the id netlink_c. Address text: PORT or PORT ","
 * GROUPS, both decimal.
 */
#include <afplug/plugin.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>

AFPLUG_NOTE(1, "example-c", "1.0.0", {"netlink_c", AF_NETLINK, AFPLUG_FAMILY_SECONDARY})

#define COUNT(table) ((uint32_t)(sizeof(table) / sizeof((table)[0])))
#define TABLE(table) \
  { (table), COUNT(table), (uint32_t)sizeof((table)[0]) }

static int32_t fail(int error, struct afplug_text* why, const char* text) {
  const size_t size = strlen(text);
  if (why != NULL) {
    if (why->data != NULL) memcpy(why->data, text, size < why->capacity ? size : why->capacity);
    why->size = (uint32_t)size;
  }
  return -error;
}

static void store(struct afplug_sockaddr* out, uint64_t pid, uint64_t groups) {
  struct sockaddr_nl made;
  memset(&made, 0, sizeof made);
  made.nl_family = AF_NETLINK;
  made.nl_pid = (uint32_t)pid;
  made.nl_groups = (uint32_t)groups;
  memset(out, 0, sizeof *out);
  memcpy(out->u.bytes, &made, sizeof made);
  out->length = sizeof made;
}

static int32_t load(const void* address, uint32_t length, struct sockaddr_nl* out) {
  if (length < sizeof *out) return -EINVAL;
  memcpy(out, address, sizeof *out);
  return out->nl_family == AF_NETLINK ? 0 : -EINVAL;
}

/* Parses the decimal number at text[*at] and advances *at. Returns 0, -EINVAL or -ERANGE. */
static int32_t number(const char* text, size_t size, size_t* at, uint64_t* out) {
  const size_t begin = *at;
  *out = 0;
  for (; *at < size && text[*at] >= '0' && text[*at] <= '9'; ++*at) {
    *out = *out * 10 + (uint64_t)(text[*at] - '0');
    if (*out > UINT32_MAX) return -ERANGE;
  }
  return *at > begin ? 0 : -EINVAL;
}

static int32_t parse(const struct afplug_identity* who, const char* text, size_t size, struct afplug_sockaddr* out,
                     struct afplug_text* why) {
  uint64_t pid, groups = 0;
  size_t at = 0;
  int32_t result = number(text, size, &at, &pid);
  (void)who;
  if (result == 0 && at < size && text[at] == ',') {
    ++at;
    result = number(text, size, &at, &groups);
  }
  if (result == -ERANGE) return fail(ERANGE, why, "port and groups must be 0-4294967295");
  if (result != 0 || at != size) return fail(EINVAL, why, "the address must be PORT or PORT,GROUPS");
  store(out, pid, groups);
  return 0;
}

static int32_t format(const struct afplug_identity* who, const void* address, uint32_t length,
                      struct afplug_text* out) {
  struct sockaddr_nl it;
  char text[32];
  const int32_t result = load(address, length, &it);
  (void)who;
  if (result != 0) return result;
  snprintf(text, sizeof text, "%u,%u", it.nl_pid, it.nl_groups);
  fail(0, out, text);
  return 0;
}

static int32_t get(const struct afplug_identity* who, const void* address, uint32_t length, struct afplug_value* values,
                   uint32_t capacity) {
  struct sockaddr_nl it;
  const int32_t result = load(address, length, &it);
  (void)who;
  if (result != 0) return result;
  for (uint32_t i = 0; i < 2 && i < capacity; ++i) {
    memset(&values[i], 0, sizeof values[i]);
    values[i].kind = AFPLUG_KIND_U64;
    values[i].n.u = i == 0 ? it.nl_pid : it.nl_groups;
  }
  return 2;
}

static int32_t set(const struct afplug_identity* who, const struct afplug_value* values, uint32_t count,
                   struct afplug_sockaddr* out, struct afplug_text* why) {
  uint64_t numbers[2] = {0, 0};
  (void)who;
  if (count < 1 || values[0].kind == 0) return fail(EINVAL, why, "pid is missing");
  for (uint32_t i = 0; i < 2 && i < count; ++i) {
    if (values[i].kind == 0) continue;
    if (values[i].kind != AFPLUG_KIND_U64 && values[i].kind != AFPLUG_KIND_I64)
      return fail(EINVAL, why, "pid and groups must be numbers");
    if (values[i].n.u > UINT32_MAX) return fail(ERANGE, why, "pid and groups must be 0-4294967295");
    numbers[i] = values[i].n.u;
  }
  store(out, numbers[0], numbers[1]);
  return 0;
}

static const struct afplug_member fields[] = {
    {sizeof(struct afplug_member), AFPLUG_KIND_U32, "pid", 0, 0, 0, 0, NULL, "port id"},
    {sizeof(struct afplug_member), AFPLUG_KIND_U32, "groups", 0, 0, 0, AFPLUG_MEMBER_OPTIONAL, NULL, "mask of groups"},
};
static const struct afplug_codec codec = {.size = sizeof(struct afplug_codec),
                                          .fields = TABLE(fields),
                                          .parse = parse,
                                          .format = format,
                                          .get = get,
                                          .set = set};

static const struct afplug_row rows[] = {{.size = sizeof(struct afplug_row),
                                          .flags = AFPLUG_ROW_MESSAGE,
                                          .type = SOCK_RAW,
                                          .protocol = NETLINK_ROUTE,
                                          .native_domain = AFPLUG_ANY,
                                          .native_type = AFPLUG_ANY,
                                          .native_protocol = NETLINK_ROUTE,
                                          .type_name = "SOCK_RAW",
                                          .protocol_name = "NETLINK_ROUTE",
                                          .options = "",
                                          .help = "links, addresses and routes"}};
static const struct afplug_option options[] = {{.size = sizeof(struct afplug_option),
                                                .flags = AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE,
                                                .name = "NETLINK_PKTINFO",
                                                .level = SOL_NETLINK,
                                                .number = NETLINK_PKTINFO,
                                                .kind = AFPLUG_KIND_FLAG,
                                                .min_bytes = 4,
                                                .max_bytes = 4,
                                                .help = "receive the group of messages as ancillary data"}};
static const struct afplug_constant constants[] = {
    {.size = sizeof(struct afplug_constant), .name = "NETLINK_ROUTE", .group = "NETLINK_", .value = NETLINK_ROUTE}};

static const struct afplug_family families[] = {{.size = sizeof(struct afplug_family),
                                                 .backing = AFPLUG_BACKING_KERNEL,
                                                 .flags = AFPLUG_FAMILY_SECONDARY,
                                                 .number = AF_NETLINK,
                                                 .id = "netlink_c",
                                                 .name = "AF_NETLINK",
                                                 .help = "netlink, from C",
                                                 .rows = TABLE(rows),
                                                 .options = TABLE(options),
                                                 .constants = TABLE(constants),
                                                 .codec = &codec}};

int32_t afplug_entry(const struct afplug_host* host, struct afplug_plugin* out) {
  const struct afplug_array table = TABLE(families);
  struct afplug_plugin made;
  if (host->abi_major != AFPLUG_ABI_MAJOR) return -EPROTONOSUPPORT;
  if (out->size < sizeof made) return -EINVAL;
  memset(&made, 0, sizeof made);
  made.size = sizeof made;
  made.abi_major = AFPLUG_ABI_MAJOR;
  made.abi_minor = AFPLUG_ABI_MINOR;
  if (host->abi_minor < made.abi_minor) made.abi_minor = host->abi_minor;
  made.provider = "example-c";
  made.version = "1.0.0";
  made.families = table;
  memcpy(out, &made, sizeof made);
  return 0;
}
