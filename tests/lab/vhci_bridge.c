// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
// vhci_bridge [SOCKET]: provides two virtual Bluetooth controllers that can connect to each other, hci0 and hci1. Both
// are powered and connectable; hci1 advertises.
//
// BlueZ's emulator btvirt emulates one controller for each connection to its UNIX socket. This program forwards HCI
// packets between two such connections and the kernel's /dev/vhci (drivers/bluetooth/hci_vhci.c). It emulates what
// btvirt 5.66 does not have: SCO links and one LE isochronous stream. It ends once both controllers are up; a child
// process goes on forwarding. Command, event and field names are those of the Bluetooth Core Specification, Vol. 4,
// Part E.
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { hci_command = 1, hci_acl, hci_sco, hci_event, hci_iso, hci_vendor = 0xff };
enum { largest_packet = 5 + 65535, sco_handle = 0x0101, iso_handle = 0x0201 };

enum opcode {
  accept_connection = 0x0409,
  disconnect = 0x0406,
  setup_sco = 0x0428,
  accept_sco = 0x0429,
  reject_sco = 0x042a,
  setup_sco_enhanced = 0x043d,
  read_local_commands = 0x1002,
  read_buffer_size = 0x1005,
  read_address = 0x1009,
  le_read_features = 0x2003,
  le_set_cig = 0x2062,
  le_create_cis = 0x2064,
  le_remove_cig = 0x2065,
  le_accept_cis = 0x2066,
  le_reject_cis = 0x2067,
  le_setup_iso_path = 0x206e,
  le_remove_iso_path = 0x206f,
  le_set_host_feature = 0x2074
};

enum event {
  connection_request = 0x04,
  disconnection_complete = 0x05,
  command_complete = 0x0e,
  command_status = 0x0f,
  packets_complete = 0x13,
  sco_complete = 0x2c,
  le_meta = 0x3e
};

enum le_event { le_connected = 0x01, le_connected_enhanced = 0x0a, le_cis_established = 0x19, le_cis_request = 0x1a };

struct adapter {
  int kernel;      // /dev/vhci: one packet for each read or write
  int controller;  // btvirt: a stream of packets
  uint8_t address[6];
  uint8_t le_handle[2];
  uint8_t buffer[2 * largest_packet];
  size_t filled;
};

static struct adapter adapters[2];
static const struct adapter* sco_initiator;
static int sco_is_up;
// The parameters of LE Set CIG Parameters.
static struct stream {
  const struct adapter* initiator;
  int is_up;
  uint8_t cig_id, cis_id, sdu_intervals[6], max_sdus[4], phys[2];
} iso;

static _Noreturn void fail(const char* what) {
  fprintf(stderr, "vhci_bridge: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int checked(ssize_t result, const char* what) {
  if (result < 0) fail(what);
  return (int)result;
}

static unsigned get16(const uint8_t* p) { return (unsigned)(p[0] | p[1] << 8); }

static void to_kernel(const struct adapter* s, const uint8_t* packet, size_t size) {
  // ENXIO: the controller is down, for example after a command that timed out.
  if (write(s->kernel, packet, size) < 0 && errno != ENXIO) fail("write to /dev/vhci");
}

static void event_to_kernel(const struct adapter* s, uint8_t code, const void* parameters, uint8_t size) {
  uint8_t packet[3 + 255] = {hci_event, code, size};
  memcpy(packet + 3, parameters, size);
  to_kernel(s, packet, 3u + size);
}

static void to_controller(const struct adapter* s, const uint8_t* packet, size_t size) {
  while (size > 0) {
    ssize_t written = checked(send(s->controller, packet, size, MSG_NOSIGNAL), "send to btvirt");
    packet += written;
    size -= (size_t)written;
  }
}

static void send_command_status(const struct adapter* s, unsigned opcode, uint8_t status) {
  event_to_kernel(s, command_status, (uint8_t[]){status, 1, (uint8_t)opcode, (uint8_t)(opcode >> 8)}, 4);
}

static void send_command_complete(const struct adapter* s, unsigned opcode, const void* result, uint8_t size) {
  uint8_t p[3 + 32] = {1, (uint8_t)opcode, (uint8_t)(opcode >> 8)};
  memcpy(p + 3, result, size);
  event_to_kernel(s, command_complete, p, (uint8_t)(3 + size));
}

// Answers Disconnect: reports the end of the link to both hosts. Both may send the command; the second one gets
// "unknown connection identifier".
static int end_link(const struct adapter* s, const struct adapter* other, int* is_up, const uint8_t* packet) {
  const uint8_t terminated_by_local_host = 0x16, unknown_connection = 0x02;
  send_command_status(s, disconnect, *is_up ? 0 : unknown_connection);
  if (!*is_up) return 1;
  *is_up = 0;
  event_to_kernel(s, disconnection_complete, (uint8_t[]){0, packet[4], packet[5], terminated_by_local_host}, 4);
  event_to_kernel(other, disconnection_complete, (uint8_t[]){0, packet[4], packet[5], packet[6]}, 4);
  return 1;
}

static void send_sco_complete(const struct adapter* s, const struct adapter* peer, uint8_t status) {
  uint8_t p[17] = {status, sco_handle & 0xff, sco_handle >> 8};
  memcpy(p + 3, peer->address, 6);
  p[9] = 2;            // eSCO
  p[10] = 6;           // transmission interval
  p[11] = 2;           // retransmission window
  p[12] = p[14] = 60;  // packet lengths
  p[16] = 2;           // air mode: CVSD
  event_to_kernel(s, sco_complete, p, sizeof p);
}

// Handles a command for SCO links. Returns 0 if the command is for the controller.
static int sco_command(const struct adapter* s, const struct adapter* other, const uint8_t* packet) {
  unsigned opcode = get16(packet + 1);
  switch (opcode) {
    case setup_sco:
    case setup_sco_enhanced: {
      uint8_t request[10] = {[7] = 0x04, [8] = 0x24, [9] = 2};  // the class of a headset, eSCO
      memcpy(request, s->address, 6);
      send_command_status(s, opcode, 0);
      sco_initiator = s;
      event_to_kernel(other, connection_request, request, sizeof request);
      return 1;
    }
    case accept_connection:
    case accept_sco:
    case reject_sco: {
      if (sco_initiator != other) return 0;
      uint8_t reason = opcode == reject_sco ? packet[10] : 0;
      send_command_status(s, opcode, 0);
      send_sco_complete(other, s, reason);
      if (reason == 0) send_sco_complete(s, other, 0);
      sco_initiator = NULL;
      sco_is_up = reason == 0;
      return 1;
    }
    case disconnect:
      return get16(packet + 4) == sco_handle && end_link(s, other, &sco_is_up, packet);
    default:
      return 0;
  }
}

static void send_cis_established(const struct adapter* s, uint8_t status) {
  uint8_t p[29] = {le_cis_established, status, iso_handle & 0xff, iso_handle >> 8};
  memcpy(p + 10, iso.sdu_intervals, 6);
  memcpy(p + 16, iso.phys, 2);
  p[18] = p[19] = p[20] = p[21] = p[22] = 1;
  memcpy(p + 23, iso.max_sdus, 4);
  p[27] = 8;  // ISO interval: 10 ms
  event_to_kernel(s, le_meta, p, sizeof p);
}

// Handles a command for isochronous streams. Returns 0 if the command is for the controller.
static int iso_command(const struct adapter* s, const struct adapter* other, const uint8_t* packet) {
  const uint8_t done[4] = {0, iso_handle & 0xff, iso_handle >> 8};
  unsigned opcode = get16(packet + 1);
  switch (opcode) {
    case le_set_host_feature:
      send_command_complete(s, opcode, done, 1);
      return 1;
    case le_set_cig: {
      const uint8_t limited_resources = 0x0d;
      if (packet[18] != 1) {
        send_command_complete(s, opcode, (uint8_t[]){limited_resources, packet[4], 0}, 3);
        return 1;
      }
      iso.cig_id = packet[4];
      memcpy(iso.sdu_intervals, packet + 5, 6);
      iso.cis_id = packet[19];
      memcpy(iso.max_sdus, packet + 20, 4);
      memcpy(iso.phys, packet + 24, 2);
      send_command_complete(s, opcode, (uint8_t[]){0, iso.cig_id, 1, done[1], done[2]}, 5);
      return 1;
    }
    case le_remove_cig:
      send_command_complete(s, opcode, (uint8_t[]){0, packet[4]}, 2);
      return 1;
    case le_create_cis: {
      uint8_t request[7] = {le_cis_request, other->le_handle[0], other->le_handle[1], done[1], done[2], iso.cig_id};
      request[6] = iso.cis_id;
      send_command_status(s, opcode, 0);
      iso.initiator = s;
      event_to_kernel(other, le_meta, request, sizeof request);
      return 1;
    }
    case le_accept_cis:
      send_command_status(s, opcode, 0);
      send_cis_established(s, 0);
      iso.is_up = 1;
      return 1;
    case le_reject_cis:
      send_command_complete(s, opcode, done, 3);
      if (iso.initiator) send_cis_established(iso.initiator, packet[6]);
      iso.initiator = NULL;
      return 1;
    case le_setup_iso_path:
      send_command_complete(s, opcode, done, 3);
      // The initiator gets CIS Established once the other end has set up its second data path, the one for receiving.
      if (packet[6] == 1 && iso.initiator == other) {
        send_cis_established(other, 0);
        iso.initiator = NULL;
      }
      return 1;
    case le_remove_iso_path:
      send_command_complete(s, opcode, done, 3);
      return 1;
    case disconnect:
      return get16(packet + 4) == iso_handle && end_link(s, other, &iso.is_up, packet);
    default:
      return 0;
  }
}

static void from_kernel(struct adapter* s, const struct adapter* other) {
  uint8_t packet[largest_packet];
  ssize_t size = checked(read(s->kernel, packet, sizeof packet), "read from /dev/vhci");
  if (size == 0 || packet[0] == hci_vendor) return;
  if (packet[0] == hci_sco) {
    to_kernel(other, packet, (size_t)size);
  } else if (packet[0] == hci_iso) {
    if (iso.is_up) to_kernel(other, packet, (size_t)size);
    event_to_kernel(s, packets_complete, (uint8_t[]){1, packet[1], packet[2] & 0x0f, 1, 0}, 5);
  } else if (packet[0] != hci_command || (!sco_command(s, other, packet) && !iso_command(s, other, packet))) {
    to_controller(s, packet, (size_t)size);
  }
}

// Changes the controller's answers to announce what this program emulates: SCO buffers, no Enhanced Setup Synchronous
// Connection, isochronous streams. Records the address and the LE connection handle.
static void rewrite_event(struct adapter* s, uint8_t* packet, size_t size) {
  if (size >= 7 && packet[0] == hci_event && packet[1] == le_meta && packet[4] == 0 &&
      (packet[3] == le_connected || packet[3] == le_connected_enhanced))
    memcpy(s->le_handle, packet + 5, 2);
  if (size < 7 || packet[0] != hci_event || packet[1] != command_complete || packet[6] != 0) return;
  unsigned opcode = get16(packet + 4);
  if (opcode == read_buffer_size && size >= 14) {
    packet[9] = 64;
    packet[12] = 8;
    packet[13] = 0;
  } else if (opcode == read_address && size >= 13) {
    memcpy(s->address, packet + 7, 6);
  } else if (opcode == read_local_commands && size >= 7 + 64) {
    packet[7 + 29] &= (uint8_t)~0x08;
  } else if (opcode == le_read_features && size >= 7 + 8) {
    packet[7 + 3] |= 0x30;
  }
}

// The size of the packet that begins at p, or 0 if its header is incomplete.
static size_t packet_size(const uint8_t* p, size_t available) {
  if (available < 5) return available >= 3 && p[0] == hci_event ? 3u + p[2] : 0;
  switch (p[0]) {
    case hci_event:
      return 3u + p[2];
    case hci_command:
    case hci_sco:
      return 4u + p[3];
    case hci_acl:
      return 5 + get16(p + 3);
    case hci_iso:
      return 5 + (get16(p + 3) & 0x3fff);
    default:
      errno = EPROTO;
      fail("unknown packet type from btvirt");
  }
}

static void from_controller(struct adapter* s) {
  ssize_t got =
      checked(recv(s->controller, s->buffer + s->filled, sizeof s->buffer - s->filled, 0), "recv from btvirt");
  if (got == 0) exit(0);
  s->filled += (size_t)got;
  size_t at = 0, size;
  while ((size = packet_size(s->buffer + at, s->filled - at)) != 0 && size <= s->filled - at) {
    rewrite_event(s, s->buffer + at, size);
    to_kernel(s, s->buffer + at, size);
    at += size;
  }
  memmove(s->buffer, s->buffer + at, s->filled -= at);
}

static _Noreturn void forward_packets(void) {
  for (;;) {
    struct pollfd p[4];
    for (int i = 0; i < 2; ++i) {
      p[2 * i] = (struct pollfd){.fd = adapters[i].kernel, .events = POLLIN};
      p[2 * i + 1] = (struct pollfd){.fd = adapters[i].controller, .events = POLLIN};
    }
    checked(poll(p, 4, -1), "poll");
    for (int i = 0; i < 2; ++i) {
      if (p[2 * i].revents) from_kernel(&adapters[i], &adapters[1 - i]);
      if (p[2 * i + 1].revents) from_controller(&adapters[i]);
    }
  }
}

static void open_adapter(struct adapter* s, const char* server) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  snprintf(a.sun_path, sizeof a.sun_path, "%s", server);
  s->controller = checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  int tries = 200;
  while (connect(s->controller, (struct sockaddr*)&a, sizeof a) < 0) {
    if (--tries == 0) fail(server);
    usleep(50000);
  }
  s->kernel = checked(open("/dev/vhci", O_RDWR | O_CLOEXEC), "/dev/vhci");
  checked(write(s->kernel, (uint8_t[]){hci_vendor, 0}, 2), "write to /dev/vhci");
  uint8_t created[16];
  checked(read(s->kernel, created, sizeof created), "read from /dev/vhci");
}

// ---- the kernel's management interface (HCI_CHANNEL_CONTROL, include/net/bluetooth/mgmt.h) -----------------------

struct sockaddr_hci {
  uint16_t family, device, channel;
};

struct management {
  uint16_t code, index, size;  // all fields are little-endian
  uint8_t data[512];
};

enum { mgmt_none = 0xffff, mgmt_complete = 1, mgmt_status = 2, mgmt_read_index_list = 3 };
static const struct setting {
  uint16_t opcode;
  uint8_t value, devices;
} settings[] = {
    {0x000d, 1, 2},  // LE
    {0x0007, 1, 2},  // connectable
    {0x0005, 1, 2},  // powered
    {0x0029, 2, 1},  // advertising: hci1 only, because an advertising adapter connects as peripheral
};

// Sends a command and overwrites it with the response. Returns the status of the response.
static int send_management_command(int s, struct management* m) {
  uint16_t opcode = m->code, index = m->index;
  checked(send(s, m, 6u + le16toh(m->size), 0), "management command");
  for (;;) {
    checked(recv(s, m, sizeof *m, 0), "management response");
    int is_response = le16toh(m->code) == mgmt_complete || le16toh(m->code) == mgmt_status;
    if (is_response && m->index == index && memcmp(m->data, &opcode, 2) == 0) return m->data[2];
  }
}

static void power_up(void) {
  int s = checked(socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC, 1), "socket");
  struct sockaddr_hci a = {AF_BLUETOOTH, mgmt_none, 3};
  checked(bind(s, (struct sockaddr*)&a, sizeof a), "bind");
  struct management m;
  for (unsigned count = 0, tries = 200; count < 2; --tries) {
    m = (struct management){.code = htole16(mgmt_read_index_list), .index = htole16(mgmt_none)};
    if (send_management_command(s, &m) == 0) count = get16(m.data + 3);
    errno = ETIMEDOUT;
    if (tries == 0) fail("waiting for two controllers");
    if (count < 2) usleep(50000);
  }
  for (const struct setting* set = settings; set != settings + sizeof settings / sizeof settings[0]; ++set) {
    for (uint16_t device = (uint16_t)(2 - set->devices); device < 2; ++device) {
      int status = -1;
      // Retries, because the kernel waits only 2 s for a controller's answer (HCI_CMD_TIMEOUT) and the host may be
      // busy.
      for (int tries = 0; status != 0 && tries < 5; ++tries) {
        m = (struct management){htole16(set->opcode), htole16(device), htole16(1), {set->value}};
        status = send_management_command(s, &m);
      }
      if (status == 0) continue;
      fprintf(stderr, "vhci_bridge: hci%d: management command 0x%04x: status %d\n", device, set->opcode, status);
      exit(1);
    }
  }
}

int main(int argc, char** argv) {
  for (int i = 0; i < 2; ++i) open_adapter(&adapters[i], argc > 1 ? argv[1] : "/tmp/bt-server-bredrle");
  if (checked(fork(), "fork") == 0) forward_packets();
  power_up();
}
