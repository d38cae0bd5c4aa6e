// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
// lab_probe NAME…: transfers data over sockets of the named kinds. Ends with 1 at the first that fails.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/can.h>
#include <linux/can/isotp.h>
#include <linux/can/raw.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static _Noreturn void fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static int checked(int result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

static void expect(int holds, const char* what) {
  if (holds) return;
  errno = EPROTO;
  fail(what);
}

static int can_socket(int type, int protocol, canid_t rx, canid_t tx) {
  int s = checked(socket(AF_CAN, type, protocol), "socket");
  struct sockaddr_can a = {.can_family = AF_CAN, .can_ifindex = checked((int)if_nametoindex("vcan0"), "vcan0")};
  a.can_addr.tp.rx_id = rx;
  a.can_addr.tp.tx_id = tx;
  checked(bind(s, (struct sockaddr*)&a, sizeof a), "bind");
  return s;
}

static void probe_can(void) {
  int from = can_socket(SOCK_RAW, CAN_RAW, 0, 0);
  int to = can_socket(SOCK_RAW, CAN_RAW, 0, 0);
  struct can_frame sent = {.can_id = 0x123, .can_dlc = 4, .data = {0xde, 0xad, 0xbe, 0xef}}, got;
  expect(write(from, &sent, sizeof sent) == sizeof sent, "write");
  expect(read(to, &got, sizeof got) == sizeof got, "read");
  expect(got.can_id == 0x123 && got.can_dlc == 4 && memcmp(got.data, sent.data, 4) == 0, "the frame");
}

static void probe_isotp(void) {
  int from = can_socket(SOCK_DGRAM, CAN_ISOTP, 0x321, 0x123);
  int to = can_socket(SOCK_DGRAM, CAN_ISOTP, 0x123, 0x321);
  unsigned char sent[4000], got[sizeof sent];
  for (size_t i = 0; i < sizeof sent; ++i) sent[i] = (unsigned char)(i * 7);
  expect(write(from, sent, sizeof sent) == sizeof sent, "write");
  expect(read(to, got, sizeof got) == sizeof got, "read");
  expect(memcmp(got, sent, sizeof sent) == 0, "the message");
}

static void probe_vsock(void) {
  int listener = checked(socket(AF_VSOCK, SOCK_STREAM, 0), "socket");
  struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY};
  socklen_t length = sizeof a;
  checked(bind(listener, (struct sockaddr*)&a, length), "bind");
  checked(listen(listener, 1), "listen");
  checked(getsockname(listener, (struct sockaddr*)&a, &length), "getsockname");
  int client = checked(socket(AF_VSOCK, SOCK_STREAM, 0), "socket");
  a.svm_cid = VMADDR_CID_LOCAL;
  checked(connect(client, (struct sockaddr*)&a, sizeof a), "connect");
  int server = checked(accept(listener, NULL, NULL), "accept");
  char got[5];
  expect(write(client, "hello", 5) == 5, "write");
  expect(recv(server, got, 5, MSG_WAITALL) == 5 && memcmp(got, "hello", 5) == 0, "the bytes");
  checked(shutdown(client, SHUT_WR), "shutdown");
  expect(read(server, got, 1) == 0, "the end of the stream");
}

// The parts of the kernel's Bluetooth ABI (include/net/bluetooth) used here, as BlueZ's headers may not be installed.
enum { btproto_l2cap, btproto_hci, btproto_sco, btproto_rfcomm, le_public = 1 };
struct sockaddr_l2 {
  uint16_t family, psm;
  uint8_t address[6];
  uint16_t cid;
  uint8_t address_type;
};
struct sockaddr_rc {
  uint16_t family;
  uint8_t address[6];
  uint8_t channel;
};
struct sockaddr_sco {
  uint16_t family;
  uint8_t address[6];
};
struct device_list {
  uint16_t count;
  struct {
    uint16_t id;
    uint32_t flags;
  } devices[16];
};
struct device_info {
  uint16_t id;
  char name[8];
  uint8_t address[6];
  uint8_t rest[128];
};

static void controllers(uint8_t addresses[2][6]) {
  int hci = checked(socket(AF_BLUETOOTH, SOCK_RAW, btproto_hci), "socket");
  struct device_list list = {.count = 16};
  checked(ioctl(hci, _IOR('H', 210, int), &list), "HCIGETDEVLIST");
  expect(list.count == 2, "two controllers");
  for (uint16_t i = 0; i < 2; ++i) {
    struct device_info info = {.id = i};
    checked(ioctl(hci, _IOR('H', 211, int), &info), "HCIGETDEVINFO");
    memcpy(addresses[i], info.address, 6);
  }
  close(hci);
}

// Sends one message from a client bound to `from` to a server bound to `to`.
static void transfer(int type, int protocol, const void* from, const void* to, socklen_t size) {
  int listener = checked(socket(AF_BLUETOOTH, type, protocol), "socket");
  int client = checked(socket(AF_BLUETOOTH, type, protocol), "socket");
  checked(bind(listener, to, size), "bind to hci1");
  checked(listen(listener, 1), "listen");
  checked(bind(client, from, size), "bind to hci0");
  checked(connect(client, to, size), "connect");
  int server = checked(accept(listener, NULL, NULL), "accept");
  char sent[48], got[64];
  memset(sent, 'B', sizeof sent);
  expect(send(client, sent, sizeof sent, 0) == sizeof sent, "send");
  expect(recv(server, got, sizeof got, 0) == sizeof sent && memcmp(got, sent, sizeof sent) == 0, "the message");
  close(client);
  close(server);
  close(listener);
}

static void probe_l2cap(void) {
  uint8_t at[2][6];
  controllers(at);
  struct sockaddr_l2 from = {.family = AF_BLUETOOTH}, to = {.family = AF_BLUETOOTH, .psm = 0x1001};
  memcpy(from.address, at[0], 6);
  memcpy(to.address, at[1], 6);
  transfer(SOCK_SEQPACKET, btproto_l2cap, &from, &to, sizeof to);
}

static void probe_le(void) {
  uint8_t at[2][6];
  controllers(at);
  struct sockaddr_l2 from = {.family = AF_BLUETOOTH, .address_type = le_public};
  struct sockaddr_l2 to = {.family = AF_BLUETOOTH, .psm = 0x80, .address_type = le_public};
  memcpy(from.address, at[0], 6);
  memcpy(to.address, at[1], 6);
  transfer(SOCK_SEQPACKET, btproto_l2cap, &from, &to, sizeof to);
}

static void probe_rfcomm(void) {
  uint8_t at[2][6];
  controllers(at);
  struct sockaddr_rc from = {.family = AF_BLUETOOTH}, to = {.family = AF_BLUETOOTH, .channel = 3};
  memcpy(from.address, at[0], 6);
  memcpy(to.address, at[1], 6);
  transfer(SOCK_STREAM, btproto_rfcomm, &from, &to, sizeof to);
}

static void probe_sco(void) {
  uint8_t at[2][6];
  controllers(at);
  struct sockaddr_sco from = {.family = AF_BLUETOOTH}, to = {.family = AF_BLUETOOTH};
  memcpy(from.address, at[0], 6);
  memcpy(to.address, at[1], 6);
  transfer(SOCK_SEQPACKET, btproto_sco, &from, &to, sizeof to);
}

static const struct probe {
  const char* name;
  void (*run)(void);
} probes[] = {
    {"can", probe_can}, {"isotp", probe_isotp},   {"l2cap", probe_l2cap}, {"le", probe_le},
    {"sco", probe_sco}, {"rfcomm", probe_rfcomm}, {"vsock", probe_vsock},
};

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  alarm(60);
  for (int i = 1; i < argc; ++i) {
    const struct probe* p = probes;
    const struct probe* end = probes + sizeof probes / sizeof probes[0];
    while (p != end && strcmp(p->name, argv[i]) != 0) ++p;
    expect(p != end, argv[i]);
    p->run();
    printf("%s: data passed\n", p->name);
  }
}
