// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Prints what the system calls of this machine lack, one name a line: the names of tests/machines/excluded.
// qemu-user(1) translates each socket option, control message and program itself, and only those that it has code for.
#include <langinfo.h>
#include <locale.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int structs_of_options(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct tcp_info info;
  socklen_t size = sizeof info;
  const int got = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
  close(fd);
  return got == 0 && size > sizeof(int);
}

static int all_options(void) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int off = 0;
  const int set = setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off);
  close(fd);
  return set == 0;
}

// Sends `count` bytes with SO_TIMESTAMPNS or with a descriptor; returns the flags and the control data's size.
static int received(int pass, size_t room, size_t* control_size) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) return -1;
  const int on = 1;
  if (!pass) setsockopt(pair[1], SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  char byte = 0;
  struct iovec data = {&byte, 1};
  union {
    char bytes[256];
    struct cmsghdr align;
  } control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  if (pass) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int));
    control.align.cmsg_level = SOL_SOCKET;
    control.align.cmsg_type = SCM_RIGHTS;
    control.align.cmsg_len = CMSG_LEN(sizeof(int));
  }
  const ssize_t sent = sendmsg(pair[0], &message, 0);
  struct msghdr into = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = room};
  const ssize_t got = recvmsg(pair[1], &into, 0);
  *control_size = into.msg_controllen;
  close(pair[0]);
  close(pair[1]);
  return sent == 1 && got == 1 ? into.msg_flags : -1;
}

static int truncated_control_data(void) {
  size_t size;
  const int flags = received(1, sizeof(struct cmsghdr), &size);
  return flags >= 0 && (flags & MSG_CTRUNC) != 0;
}

static int control_messages(void) {
  size_t size;
  return received(0, 256, &size) >= 0 && size >= CMSG_LEN(sizeof(long));
}

static int short_addresses(void) {
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  const struct sockaddr short_address = {.sa_family = AF_INET6};
  const int bound = bind(fd, &short_address, sizeof(sa_family_t));  // an emulator may overwrite its stack
  close(fd);
  return bound == -1;
}

static const char* self;
static int own_programs(void) {
  const pid_t child = fork();
  if (child == 0) {
    execl(self, self, "exit", (char*)NULL);
    _exit(1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status == 0;
}

static int locales(void) { return setlocale(LC_ALL, "C.UTF-8") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0; }

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    int (*works)(void);
  } probes[] = {{"structs_of_options", structs_of_options},
                {"all_options", all_options},
                {"truncated_control_data", truncated_control_data},
                {"control_messages", control_messages},
                {"short_addresses", short_addresses},
                {"own_programs", own_programs},
                {"locales", locales}};
  if (argc > 1) return 0;
  self = argv[0];
  for (size_t i = 0; i < sizeof probes / sizeof *probes; ++i) {
    fflush(stdout);
    // A probe that crashes counts as failed.
    const pid_t child = fork();
    if (child == 0) _exit(probes[i].works() ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    if (status != 0) puts(probes[i].name);
  }
  return 0;
}
