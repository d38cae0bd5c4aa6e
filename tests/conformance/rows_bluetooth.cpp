// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Rows of Bluetooth: clients on the first of two adapters that reach each other, servers on the second.
#include "../support/bluetooth.hpp"
#include "rows.hpp"

#include <linux/filter.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <afplug/bluetooth.hpp>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace conformance {
namespace {

namespace bt = afplug::bluetooth;

std::vector<bt::adapter> adapters() {
  std::vector<bt::adapter> up;
  for (const auto& a : bt::adapters())
    if (a.up) up.push_back(a);
  std::sort(up.begin(), up.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return up;
}

std::string server_adapter() {
  const auto up = adapters();
  return (up.size() < 2 ? bt::any_address : up[1].address).to_string();
}

unsigned next_number() {
  static std::atomic<unsigned> count{0};
  return ++count;
}
// A PSM is odd and bit 8 is 0: Bluetooth Core Specification, Vol 3, Part A, section 4.2.
std::string l2cap_address() {
  const auto n = next_number() % 0x400;
  return server_adapter() + "?psm=" + std::to_string(0x1001 + n % 0x80 * 2 + n / 0x80 * 0x200);
}

// L2CAP_ECHO_RSP, a signalling command that the kernel neither answers nor rejects. A raw socket receives the other
// commands of its link, too; none of them is an echo response.
constexpr char echo_response = 9;
std::string signalling(unsigned i) {
  const std::string number = "message " + std::to_string(i);
  return std::string{echo_response, 1, static_cast<char>(number.size()), 0} + number;
}

std::string rfcomm_address() { return server_adapter() + "?channel=" + std::to_string(1 + next_number() % 29); }

// A connection that keeps the link up. A link ends some time after its last channel has closed, and ends channels that
// were opened meanwhile; so does an RFCOMM session with its last connection.
// Both ends stay open until the process ends. Makes system calls only, as it decides whether tests are skipped. Returns
// 0 or errno.
int keep_connection(afplug::socket_type type, int protocol, const std::string& from, const std::string& at) {
  const int server = ::socket(AF_BLUETOOTH, type | SOCK_CLOEXEC, protocol);
  const int client = ::socket(AF_BLUETOOTH, type | SOCK_CLOEXEC, protocol);
  const auto call = [&](auto function, int fd, const std::string& text) {
    const afplug::address name("bluetooth", text, type, protocol);
    return function(fd, name.data(), static_cast<socklen_t>(name.size())) == 0;
  };
  const timeval limit{20, 0};
  ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const bool connected = call(::bind, server, at) && ::listen(server, 1) == 0 &&
                         (from.empty() || call(::bind, client, from)) && call(::connect, client, at) &&
                         ::accept4(server, nullptr, nullptr, SOCK_CLOEXEC) >= 0;
  const int error = connected ? 0 : errno;
  ::close(server);
  return error;
}
std::string why_unavailable(const row& r) {
  if (bluetooth_adapters_up() < 2) return "bluetooth: takes two adapters that reach each other, as tests/lab has them";
  static const int l2cap = keep_connection(SOCK_SEQPACKET, bt::btproto_l2cap, "", l2cap_address());
  int error = l2cap;
  if (error == 0 && r.protocol == bt::btproto_rfcomm) {
    static const int session = keep_connection(SOCK_STREAM, bt::btproto_rfcomm, "", server_adapter() + "?channel=30");
    error = session;
  }
  if (error == 0 && r.protocol == bt::btproto_iso) {
    const auto here = adapters()[0].address.to_string() + "?type=1";
    static const int low_energy =
        keep_connection(SOCK_SEQPACKET, bt::btproto_l2cap, here, server_adapter() + "?psm=0x80&type=1");
    error = low_energy;
  }
  return error == 0 ? "" : std::string("bluetooth: the adapters do not reach each other: ") + std::strerror(error);
}

afplug::address without_channel(afplug::address name) {
  reinterpret_cast<bt::sockaddr_l2*>(name.data())->cid = 0;
  return name;
}
// A datagram goes to the PSM that its sender is bound to.
link l2cap_datagrams(const row& r) {
  link l{open(r), bound(r)};
  l.a.bind(adapters()[0].address.to_string() + "?psm=" + std::to_string(*l.b.getsockname().number("psm")));
  l.a.connect(without_channel(l.b.getsockname()));
  l.b.connect(without_channel(l.a.getsockname()));
  return l;
}

// Attaches a filter and discards what arrived before.
template <std::size_t N>
void attach_filter(afplug::socket& s, sock_filter (&code)[N]) {
  const sock_fprog program{N, code};
  s.setsockopt(SOL_SOCKET, SO_ATTACH_FILTER, afplug::const_bytes(&program, sizeof program));
  char any[1];
  for (afplug::error_code ec; s.recv(any, MSG_DONTWAIT, ec) > 0;) continue;
}
link l2cap_raw_pair(const row& r) {
  auto l = l2cap_datagrams(r);
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0),
                        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, echo_response, 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, 0xffff),     BPF_STMT(BPF_RET | BPF_K, 0)};
  for (auto* s : {&l.a, &l.b}) attach_filter(*s, code);
  return l;
}

std::string iso_address() { return server_adapter() + "?type=1"; }
// An accepted socket reports its address type as HCI numbers them: 0 is public.
afplug::address with_le_public(afplug::address name) {
  reinterpret_cast<bt::sockaddr_iso*>(name.data())->type = bt::le_public;
  return name;
}
void make_iso_sockets_available() {
  struct enabled {
    bool by_test = !has_iso_sockets() && enable_iso_sockets(true);
    ~enabled() {
      if (by_test) enable_iso_sockets(false);
    }
  };
  static const enabled sockets;
}
// Whether the adapter has a connected isochronous stream. One that is set up before the previous one to the same device
// has ended gets no connection handle.
bool has_stream(std::uint16_t adapter) {
  struct connection {
    std::uint16_t handle;
    bt::bdaddr to;
    std::uint8_t type, out;
    std::uint16_t state;
    std::uint32_t mode;
  };
  struct {
    std::uint16_t adapter, count;
    connection all[16];
  } list{adapter, 16, {}};
  constexpr unsigned long get_connections = 0x800448d4;
  constexpr std::uint8_t stream_link = 0x82;
  const afplug::socket s("bluetooth", SOCK_RAW, bt::btproto_hci);
  if (::ioctl(s.fileno(), get_connections, &list) != 0) return false;
  return std::any_of(list.all, list.all + list.count, [](const connection& c) { return c.type == stream_link; });
}
void wait_for_streams_to_end() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  for (const auto& a : adapters())
    while (has_stream(a.id) && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// A socket receives the commands that other sockets send to its adapter: hci_send_to_sock() in
// net/bluetooth/hci_sock.c. The kernel sends commands of its own, which the adapter answers with events; nothing else
// sends this vendor-specific opcode.
constexpr unsigned char opcode[] = {0xed, 0xfe};
std::string first_adapter() {
  const auto up = adapters();
  return up.empty() ? "none" : up[0].name;
}
std::string vendor_command(unsigned i) {
  const std::string number = "message " + std::to_string(i);
  return std::string{1, static_cast<char>(opcode[0]), static_cast<char>(opcode[1]), static_cast<char>(number.size())} +
         number;
}
link hci_pair(const row& r) {
  link l{bound(r), bound(r)};
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 1),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, opcode[0] << 8 | opcode[1], 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, 0xffff), BPF_STMT(BPF_RET | BPF_K, 0)};
  for (auto* s : {&l.a, &l.b}) {
    attach_filter(*s, code);
    s->option(bt::hci_filter().pass_type(1));
  }
  return l;
}

// ---- traits ----

constexpr auto connections = changed(row_traits{}, [](auto& t) {
  t.addressing.clients_unbound = true;
  t.connection.listens = true;
  t.connection.drops_closed_connections = t.connection.so_acceptconn_is_zero = true;
  t.shutdown.closes_both_directions = true;
});
constexpr auto l2cap_any = changed(connections, [](auto& t) { t.shutdown.does_not_wake_recv = true; });
constexpr auto l2cap_seqpacket = changed(l2cap_any, [](auto& t) { t.shutdown.reset_only_in_so_error = true; });
constexpr auto l2cap_stream =
    changed(l2cap_any, [](auto& t) { t.delivery.stream = t.delivery.send_limited_to_mtu = true; });
constexpr auto l2cap_connectionless = changed(row_traits{}, [](auto& t) {
  t.addressing.clients_unbound = true;
  t.shutdown.closes_both_directions = t.shutdown.does_not_wake_recv = true;
});
constexpr auto l2cap_dgram = changed(l2cap_connectionless, [](auto& t) { t.addressing.recvfrom_names_peer = true; });
constexpr auto l2cap_raw =
    changed(l2cap_connectionless, [](auto& t) { t.connection.receives_only_when_connected = true; });
// The kernel implements only ioctl(2) of them: tests/families/bluetooth_test.cpp.
constexpr auto ioctl_only = changed(row_traits{}, [](auto& t) {
  t.addressing.no_local_address = true;
  t.delivery.no_data = true;
  t.delivery.msg_peek = false;
});
constexpr auto rfcomm = changed(connections, [](auto& t) {
  t.connection.one_per_address_pair = true;
  t.delivery.stream = t.delivery.flow_control = t.delivery.pollout_clears_when_full = true;
});
constexpr auto iso = changed(connections, [](auto& t) { t.connection.one_per_address_pair = true; });
constexpr auto sco = changed(iso, [](auto& t) { t.delivery.drops_empty_messages = true; });
constexpr auto hci = changed(row_traits{}, [](auto& t) { t.connection.no_connect = true; });

// ---- errors ----

// net/bluetooth/l2cap_sock.c
constexpr row_errors l2cap_errors{
    .creation = {.unknown_type = ESOCKTNOSUPPORT, .unknown_protocol = EINVAL},
    .addressing = {.bind_twice = EBADFD, .bind_other_family = EINVAL, .bind_short_address = 0},
    .connection = {.listen_unbound = EBADFD,
                   .listen_again = EBADFD,
                   .listen_connected = EBADFD,
                   .accept_not_listening = EBADFD},
    .delivery = {.recv_unconnected = EAGAIN,
                 .send_unconnected = ENOTCONN,
                 .sendto_no_receiver = ENOTCONN,
                 .send_msg_oob = EOPNOTSUPP,
                 .send_too_large = EMSGSIZE},
    .shutdown = {.unconnected = 0,
                 .bad_how = 0,
                 .send_after_shutdown = ENOTCONN,
                 .send_after_close = ENOTCONN,
                 .send_after_reset = ENOTCONN,
                 .recv_after_reset = 0}};
constexpr auto l2cap_dgram_errors = changed(l2cap_errors, [](auto& e) {
  e.connection.connect_no_listener = 0;
  e.connection.connect_nonblocking = 0;
  e.connection.connect_unspec = EINVAL;
  e.connection.listen_bound = EINVAL;
  e.delivery.send_too_large = 0;
  e.shutdown.send_after_close = 0;
});
constexpr auto l2cap_stream_errors = changed(l2cap_errors, [](auto& e) {
  e.shutdown.recv_after_close = ECONNRESET;
  e.shutdown.recv_after_reset = ECONNRESET;
});
constexpr auto l2cap_raw_errors = changed(l2cap_dgram_errors, [](auto& e) { e.delivery.send_too_large = EMSGSIZE; });
// net/bluetooth/rfcomm/sock.c
constexpr auto rfcomm_errors = changed(l2cap_errors, [](auto& e) {
  e.connection.connect_connected = EBADFD;
  e.shutdown.send_after_shutdown = EPIPE;
  e.shutdown.recv_after_close = ECONNRESET;
  e.shutdown.recv_again_after_close = EAGAIN;
  e.shutdown.recv_after_reset = ECONNRESET;
});
constexpr auto rfcomm_raw_errors = changed(l2cap_errors, [](auto& e) {
  e.addressing.bind = EINVAL;
  e.addressing.bind_short_address = EINVAL;
  e.connection.accept_not_listening = EINVAL;
  e.connection.connect_no_listener = EINVAL;
});
// net/bluetooth/sco.c
constexpr auto sco_errors = changed(l2cap_errors, [](auto& e) {
  e.addressing.bind_in_use = 0;
  e.addressing.bind_short_address = EINVAL;
  e.addressing.getpeername_unconnected = 0;
  e.connection.connect_no_listener = 0;  // the adapter accepts, whether a socket listens or not
  e.connection.connect_connected = EBADFD;
  e.delivery.send_too_large = EINVAL;
  e.shutdown.so_error = ECONNABORTED;
  e.shutdown.send_after_shutdown = EPIPE;
  e.shutdown.recv_after_close = ECONNRESET;
  e.shutdown.recv_again_after_close = ENOTCONN;
  e.shutdown.recv_after_reset = ECONNRESET;
});
// net/bluetooth/iso.c
constexpr auto iso_errors = changed(sco_errors, [](auto& e) {
  e.connection.connect_no_listener = ECONNREFUSED;
  e.delivery.send_too_large = EMSGSIZE;
  e.shutdown.send_after_shutdown = ENOTCONN;
});
// net/bluetooth/hci_sock.c
constexpr auto hci_errors = changed(no_connect_errors, [](auto& e) {
  e.creation.unknown_type = ESOCKTNOSUPPORT;
  e.addressing.bind_twice = EALREADY;
  e.addressing.bind_short_address = 0;
  e.addressing.getsockname_unbound = EBADFD;
  e.delivery.send_unconnected = EINVAL;
  e.delivery.sendto_no_receiver = EINVAL;
  e.delivery.send_msg_oob = EOPNOTSUPP;
  e.options = {};
});
// net/bluetooth/{bnep,hidp}/sock.c: all but ioctl is sock_no_bind() and its like.
constexpr row_errors ioctl_only_errors{
    .creation = {.unknown_type = ESOCKTNOSUPPORT, .unknown_protocol = EINVAL},
    .addressing = {.bind = EOPNOTSUPP,
                   .bind_other_family = EOPNOTSUPP,
                   .bind_short_address = EOPNOTSUPP,
                   .getsockname = EOPNOTSUPP,
                   .getpeername_unconnected = EOPNOTSUPP},
    .connection = {.listen_unbound = EOPNOTSUPP,
                   .listen_connected = EOPNOTSUPP,
                   .accept_not_listening = EOPNOTSUPP,
                   .connect_no_listener = EOPNOTSUPP},
    .delivery = {.recv_unconnected = EOPNOTSUPP, .send_unconnected = EOPNOTSUPP, .sendto_no_receiver = EOPNOTSUPP},
    .shutdown = {.unconnected = EOPNOTSUPP},
    .options = {.getsockopt_unknown_level = EOPNOTSUPP, .setsockopt_unknown_level = EOPNOTSUPP}};

// ---- parameters ----

constexpr row_parameters l2cap_parameters{.large_message = 600,
                                          .bulk_size = 100'000,
                                          .why_unavailable = why_unavailable,
                                          .refused_options = "BT_DEFER_SETUP BT_FLUSHABLE BT_SNDMTU BT_RCVMTU",
                                          .as_bound = without_channel};
constexpr row_parameters l2cap_dgram_parameters{
    .large_message = 600,
    .too_large_message = 700,
    .bulk_size = 100'000,
    .connect = l2cap_datagrams,
    .why_unavailable = why_unavailable,
    .refused_options = "BT_DEFER_SETUP BT_FLUSHABLE BT_SNDMTU BT_RCVMTU BT_SECURITY BT_POWER",
    .as_bound = without_channel,
    .as_sender = without_channel};
constexpr row_parameters l2cap_raw_parameters{.too_large_message = 700,
                                              .bulk_size = 20'000,
                                              .make_message = signalling,
                                              .connect = l2cap_raw_pair,
                                              .why_unavailable = why_unavailable,
                                              .refused_options = l2cap_parameters.refused_options,
                                              .as_bound = without_channel,
                                              .as_sender = without_channel};
constexpr row_parameters ioctl_only_parameters{.why_unavailable = why_unavailable,
                                               .refused_options = "BT_DEFER_SETUP BT_SECURITY"};
constexpr row_parameters rfcomm_parameters{.large_message = 600,
                                           .bulk_size = 200'000,
                                           .largest_send = 10'000,
                                           .why_unavailable = why_unavailable,
                                           .refused_options = "BT_DEFER_SETUP"};
constexpr row_parameters sco_parameters{.large_message = 60,
                                        .too_large_message = 100,
                                        .bulk_size = 5'000,
                                        .why_unavailable = why_unavailable,
                                        .refused_options = "BT_DEFER_SETUP BT_SNDMTU BT_RCVMTU"};
constexpr row_parameters iso_parameters{.large_message = 40,
                                        .too_large_message = 100,
                                        .bulk_size = 5'000,
                                        .prepare = make_iso_sockets_available,
                                        .wait_for_disconnect = wait_for_streams_to_end,
                                        .why_unavailable = why_unavailable,
                                        .refused_options = "BT_DEFER_SETUP",
                                        .as_bound = with_le_public,
                                        .as_peer = with_le_public};
constexpr row_parameters hci_parameters{.too_large_message = 2000,
                                        .bulk_size = 5'000,
                                        .make_message = vendor_command,
                                        .connect = hci_pair,
                                        .why_unavailable = why_unavailable};

constexpr const char* any_address = "00:00:00:00:00:00";

const row table[] = {
    {"bt_l2cap", "bluetooth", SOCK_SEQPACKET, bt::btproto_l2cap, l2cap_seqpacket, l2cap_address, any_address,
     l2cap_errors, l2cap_parameters},
    {"bt_l2cap_stream", "bluetooth", SOCK_STREAM, bt::btproto_l2cap, l2cap_stream, l2cap_address, any_address,
     l2cap_stream_errors, l2cap_parameters},
    {"bt_l2cap_dgram", "bluetooth", SOCK_DGRAM, bt::btproto_l2cap, l2cap_dgram, l2cap_address, any_address,
     l2cap_dgram_errors, l2cap_dgram_parameters},
    {"bt_l2cap_raw", "bluetooth", SOCK_RAW, bt::btproto_l2cap, l2cap_raw, l2cap_address, any_address, l2cap_raw_errors,
     l2cap_raw_parameters},
    {"bt_rfcomm_raw", "bluetooth", SOCK_RAW, bt::btproto_rfcomm, ioctl_only, rfcomm_address, any_address,
     rfcomm_raw_errors, ioctl_only_parameters},
    {"bt_bnep", "bluetooth", SOCK_RAW, bt::btproto_bnep, ioctl_only, first_adapter, "", ioctl_only_errors,
     ioctl_only_parameters},
    {"bt_hidp", "bluetooth", SOCK_RAW, bt::btproto_hidp, ioctl_only, first_adapter, "", ioctl_only_errors,
     ioctl_only_parameters},
    {"bt_rfcomm", "bluetooth", SOCK_STREAM, bt::btproto_rfcomm, rfcomm, rfcomm_address, any_address, rfcomm_errors,
     rfcomm_parameters},
    {"bt_sco", "bluetooth", SOCK_SEQPACKET, bt::btproto_sco, sco, server_adapter, any_address, sco_errors,
     sco_parameters},
    {"bt_iso", "bluetooth", SOCK_SEQPACKET, bt::btproto_iso, iso, iso_address, any_address, iso_errors, iso_parameters},
    {"bt_hci", "bluetooth", SOCK_RAW, bt::btproto_hci, hci, first_adapter, "", hci_errors, hci_parameters},
};

}  // namespace

std::span<const row> bluetooth_rows() { return table; }

}  // namespace conformance
