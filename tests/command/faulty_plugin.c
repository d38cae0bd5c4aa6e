/* Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
 *
 * A plugin for the tests whose faults are selected by environment variables. Its family, "faulty", is in user space;
 * each socket wraps a UNIX domain socket, so that it reaches other processes. Address text: a path of 1 to 107 bytes,
 * or empty.
 *
 * FAULTY_PLUGIN_CHECK: the behaviour of the availability check of SOCK_SEQPACKET: "crash", "hang", "garbled_text"; if
 * it is not set, the check succeeds. FAULTY_PLUGIN_FAULT: the name of one other fault; see the calls of fault(). If it
 * is not set, the plugin is correct.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <afplug/plugin.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

AFPLUG_NOTE(1, "test", "1.0", {"faulty", 0, 0})

#define PATH_OFFSET ((uint32_t)offsetof(struct sockaddr_un, sun_path))
#define PATH_MAX_SIZE (sizeof(((struct sockaddr_un*)0)->sun_path) - 1)

static int fault(const char* name) {
  const char* selected = getenv("FAULTY_PLUGIN_FAULT");
  return selected != NULL && strcmp(selected, name) == 0;
}

struct user_socket {
  int fd;
};

static int32_t make_socket(int fd, void** state, int64_t* pollable) {
  struct user_socket* made = fd < 0 ? NULL : (struct user_socket*)malloc(sizeof *made);
  if (fd < 0) return -errno;
  if (made == NULL) {
    close(fd);
    return -ENOMEM;
  }
  made->fd = fd;
  *state = made;
  *pollable = fd;
  return 0;
}

static int fd_of(void* state) { return ((struct user_socket*)state)->fd; }
static int32_t result(int r) { return r < 0 ? -errno : r; }

static int32_t user_open(const struct afplug_identity* identity, void** state, int64_t* pollable) {
  if (fault("leaks_descriptor")) (void)!dup(2);
  return make_socket(
      socket(AF_UNIX, identity->type | SOCK_NONBLOCK | (fault("not_close_on_exec") ? 0 : SOCK_CLOEXEC), 0), state,
      pollable);
}
static void user_close(void* state, uint32_t flags) {
  (void)flags;
  close(fd_of(state));
  free(state);
}

static struct msghdr header(const struct afplug_message* m) {
  struct msghdr h;
  memset(&h, 0, sizeof h);
  h.msg_name = m->address;
  h.msg_namelen = m->address == NULL ? 0 : m->address_size;
  h.msg_iov = (struct iovec*)(uintptr_t)m->buffers; /* struct afplug_buffer has the layout of struct iovec */
  h.msg_iovlen = m->buffer_count;
  h.msg_control = m->control;
  h.msg_controllen = m->control == NULL ? 0 : m->control_size;
  return h;
}
static int32_t user_sendmsg(void* state, const struct afplug_message* message, uint64_t* sent) {
  const struct msghdr h = header(message);
  const ssize_t n = sendmsg(fd_of(state), &h, message->flags | MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) return -errno;
  *sent = (uint64_t)n;
  return 0;
}
static int32_t user_recvmsg(void* state, struct afplug_message* message, uint64_t* received) {
  struct msghdr h = header(message);
  ssize_t n;
  if (fault("recv_fails")) return -ENOTCONN;
  n = recvmsg(fd_of(state), &h, message->flags | MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (n < 0) return -errno;
  message->flags = h.msg_flags;
  message->address_size = h.msg_namelen;
  message->control_size = (uint32_t)h.msg_controllen;
  *received = (uint64_t)n;
  return 0;
}
static int32_t user_readiness(void* state, int32_t events) {
  struct pollfd p = {fd_of(state), (short)events, 0};
  return poll(&p, 1, 0) < 0 ? -errno : fault("always_ready") ? events : p.revents;
}
static int32_t user_bind(void* state, const void* address, uint32_t length) {
  return result(bind(fd_of(state), (const struct sockaddr*)address, length));
}
static int32_t user_listen(void* state, int32_t backlog) { return result(listen(fd_of(state), backlog)); }

static void store_address(struct afplug_sockaddr* out, const struct sockaddr_storage* it, socklen_t length) {
  memset(out, 0, sizeof *out);
  memcpy(out->u.bytes, it, length);
  out->length = length;
}
static int32_t user_accept(void* state, void** new_state, int64_t* new_pollable, struct afplug_sockaddr* peer) {
  struct sockaddr_storage from;
  socklen_t length = sizeof from;
  const int32_t r = make_socket(accept4(fd_of(state), (struct sockaddr*)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC),
                                new_state, new_pollable);
  if (r == 0) store_address(peer, &from, length);
  return r;
}
static int32_t user_connect(void* state, const void* address, uint32_t length) {
  return result(connect(fd_of(state), (const struct sockaddr*)address, length));
}
static int32_t user_connect_result(void* state) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd_of(state), SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? -errno : -error;
}
static int32_t user_shutdown(void* state, int32_t how) { return result(shutdown(fd_of(state), how)); }
static int32_t user_getsockname(void* state, struct afplug_sockaddr* out) {
  struct sockaddr_storage it;
  socklen_t length = sizeof it;
  if (getsockname(fd_of(state), (struct sockaddr*)&it, &length) < 0) return -errno;
  store_address(out, &it, length);
  return 0;
}
static int32_t user_getpeername(void* state, struct afplug_sockaddr* out) {
  struct sockaddr_storage it;
  socklen_t length = sizeof it;
  if (getpeername(fd_of(state), (struct sockaddr*)&it, &length) < 0) return -errno;
  store_address(out, &it, length);
  return 0;
}
static int32_t user_pair(const struct afplug_identity* identity, void* states[2], int64_t pollables[2]) {
  int fds[2];
  int32_t r;
  const int type = fault("merges_messages") ? SOCK_STREAM : identity->type;
  if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0) return -errno;
  r = make_socket(fds[0], &states[0], &pollables[0]);
  if (r < 0) {
    close(fds[1]);
    return r;
  }
  r = make_socket(fds[1], &states[1], &pollables[1]);
  if (r < 0) user_close(states[0], 0);
  return r;
}

static const struct afplug_user_ops operations = {.size = sizeof operations,
                                                  .open = user_open,
                                                  .close = user_close,
                                                  .sendmsg = user_sendmsg,
                                                  .recvmsg = user_recvmsg,
                                                  .readiness = user_readiness,
                                                  .bind = user_bind,
                                                  .listen = user_listen,
                                                  .accept = user_accept,
                                                  .connect = user_connect,
                                                  .connect_result = user_connect_result,
                                                  .shutdown = user_shutdown,
                                                  .getsockname = user_getsockname,
                                                  .getpeername = user_getpeername,
                                                  .pair = user_pair};

/* ---- addresses ---- */

static const struct afplug_member fields[] = {{.size = sizeof(struct afplug_member),
                                               .kind = AFPLUG_KIND_TEXT,
                                               .name = "path",
                                               .bytes = PATH_MAX_SIZE,
                                               .help = "path in the file system"}};

static int32_t make(const char* path, size_t size, struct afplug_sockaddr* out, struct afplug_text* error_text) {
  static const char message[] = "a path has at most 107 bytes and no NUL";
  struct sockaddr_un made;
  if (size > PATH_MAX_SIZE || memchr(path, 0, size) != NULL) {
    if (fault("no_error_text")) return -EINVAL;
    if (error_text->data != NULL)
      memcpy(error_text->data, message,
             sizeof message - 1 < error_text->capacity ? sizeof message - 1 : error_text->capacity);
    error_text->size = sizeof message - 1;
    return -EINVAL;
  }
  memset(&made, 0, sizeof made);
  made.sun_family = AF_UNIX;
  memcpy(made.sun_path, path, size);
  memset(out, 0, sizeof *out);
  out->length = PATH_OFFSET + (size == 0 ? 0 : (uint32_t)size + 1);
  memcpy(out->u.bytes, &made, sizeof made);
  return 0;
}
static const char* path_of(const void* address, uint32_t length, uint32_t* size) {
  const struct sockaddr_un* it = (const struct sockaddr_un*)address;
  if (length < PATH_OFFSET || length > sizeof *it || (it->sun_family != AF_UNIX && !fault("accepts_other_family")))
    return NULL;
  *size = length == PATH_OFFSET ? 0 : length - PATH_OFFSET - 1;
  if (length > PATH_OFFSET && (*size == 0 || strnlen(it->sun_path, *size + 1) != *size)) return NULL;
  return it->sun_path;
}
static int32_t parse(const struct afplug_identity* identity, const char* text, size_t size, struct afplug_sockaddr* out,
                     struct afplug_text* error_text) {
  (void)identity;
  return make(text, size, out, error_text);
}
static int32_t format(const struct afplug_identity* identity, const void* address, uint32_t length,
                      struct afplug_text* out) {
  uint32_t size;
  const char* path = path_of(address, length, &size);
  (void)identity;
  if (path == NULL) return -EINVAL;
  if (fault("drops_last_byte") && size > 0) --size;
  if (out->data != NULL)
    memcpy(out->data, path, size < out->capacity || fault("overruns_buffer") ? size : out->capacity);
  out->size = size;
  return 0;
}
static int32_t get(const struct afplug_identity* identity, const void* address, uint32_t length,
                   struct afplug_value* values, uint32_t capacity) {
  uint32_t size;
  const char* path = path_of(address, length, &size);
  (void)identity;
  if (path == NULL) return -EINVAL;
  if (capacity > 0) {
    values[0].kind = AFPLUG_KIND_TEXT;
    values[0].size = size;
    memcpy(values[0].bytes, path, size);
  }
  return 1;
}
static int32_t set(const struct afplug_identity* identity, const struct afplug_value* values, uint32_t count,
                   struct afplug_sockaddr* out, struct afplug_text* error_text) {
  (void)identity;
  if (count == 1 && (values[0].kind == AFPLUG_KIND_TEXT || values[0].kind == AFPLUG_KIND_BYTES))
    return make((const char*)values[0].bytes, values[0].size, out, error_text);
  return make("", PATH_MAX_SIZE + 1, out, error_text);
}
static const struct afplug_codec codec = {sizeof codec, 0, {fields, 1, sizeof fields[0]}, parse, format, get, set};

/* ---- the family ---- */

#define COMMON_FLAGS (AFPLUG_ROW_DEFAULT | AFPLUG_ROW_PAIR)
#define CONNECTION_FLAGS (COMMON_FLAGS | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE)
#define ROW(number, row_flags)                                                                              \
  {                                                                                                         \
    .size = sizeof(struct afplug_row), .flags = (row_flags), .type = (number), .native_domain = AFPLUG_ANY, \
    .native_type = AFPLUG_ANY, .type_name = #number, .help = "wraps a UNIX domain socket"                   \
  }
static const struct afplug_row rows[] = {ROW(SOCK_STREAM, CONNECTION_FLAGS | AFPLUG_ROW_STREAM),
                                         ROW(SOCK_SEQPACKET, CONNECTION_FLAGS | AFPLUG_ROW_MESSAGE),
                                         ROW(SOCK_DGRAM, COMMON_FLAGS | AFPLUG_ROW_MESSAGE)};

static int32_t check(const struct afplug_identity* identity, uint32_t flags, struct afplug_verdict* verdict) {
  const char* mode = identity->type == SOCK_SEQPACKET ? getenv("FAULTY_PLUGIN_CHECK") : NULL;
  (void)flags;
  if (mode != NULL && strcmp(mode, "garbled_text") == 0) {
    verdict->state = AFPLUG_UNAVAILABLE;
    strcpy(verdict->reason, "\x1b[31mno such reason");
    strcpy(verdict->detail, "\xff\x1b[2Jgarbled");
  }
  if (mode != NULL && strcmp(mode, "crash") == 0) abort();
  while (mode != NULL && strcmp(mode, "hang") == 0) pause();
  return 0;
}

static const struct afplug_family family = {.size = sizeof family,
                                            .backing = AFPLUG_BACKING_USER,
                                            .id = "faulty",
                                            .name = "AF_FAULTY",
                                            .help = "UNIX domain sockets behind user_ops, with optional faults",
                                            .rows = {rows, 3, sizeof rows[0]},
                                            .codec = &codec,
                                            .user_ops = &operations,
                                            .check = check};

int32_t afplug_entry(const struct afplug_host* host, struct afplug_plugin* out) {
  struct afplug_plugin made;
  if (host->abi_major != AFPLUG_ABI_MAJOR) return -EPROTONOSUPPORT;
  memset(&made, 0, sizeof made);
  made.size = out->size < sizeof made ? out->size : (uint32_t)sizeof made;
  made.abi_major = AFPLUG_ABI_MAJOR;
  made.abi_minor = host->abi_minor;
  made.provider = "test";
  made.version = "1.0";
  made.families.data = &family;
  made.families.count = 1;
  made.families.stride = sizeof family;
  memcpy(out, &made, made.size);
  return 0;
}
