// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Rows of Bluetooth: between two adapters in reach of each other, the servers at the second.
#include "../support/iso_sockets.hpp"
#include "rows.hpp"

#include <linux/filter.h>

#include <sys/ioctl.h>

#include <afplug/bluetooth.hpp>
#include <afplug/verdict.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
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

std::string there() {
  const auto up = adapters();
  return (up.size() < 2 ? bt::any_address : up[1].address).to_string();
}

unsigned number() {
  static std::atomic<unsigned> count{0};
  return ++count;
}
// The last bits of both bytes of a PSM are given.
std::string l2cap_there() {
  const auto n = number() % 0x400;
  return there() + "?psm=" + std::to_string(0x1001 + n % 0x80 * 2 + n / 0x80 * 0x200);
}

// A command of signalling that a kernel neither answers nor refuses: what answers an echo. Sockets hear the other
// commands of their radio link, too, of which these are none.
constexpr char answer = 9;
std::string signalling(unsigned i) {
  const std::string number = "message " + std::to_string(i);
  return std::string{answer, 1, static_cast<char>(number.size()), 0} + number;
}

std::string rfcomm_there() { return there() + "?channel=" + std::to_string(1 + number() % 29); }

// The radio link goes down a while after its last channel, and takes new ones along: one channel keeps it. So does
// RFCOMM's session with its last connection.
link keep(int type, int protocol, const std::string& from, const std::string& at) {
  const afplug::address name("bluetooth", at, type, protocol);
  afplug::socket server("bluetooth", type, protocol);
  server.bind(name);
  server.listen(1);
  link l{{"bluetooth", type, protocol}, {}};
  l.a.timeout(std::chrono::seconds(20));
  if (!from.empty()) l.a.bind(from);
  l.a.connect(name);
  l.b = server.accept();
  return l;
}
std::string missing(const row& r) try {
  if (adapters().size() < 2) return "bluetooth: two adapters in reach of each other are needed: tests/lab";
  static const link kept = keep(SOCK_SEQPACKET, bt::l2cap, "", l2cap_there());
  if (r.protocol == bt::rfcomm) static const link session = keep(SOCK_STREAM, bt::rfcomm, "", there() + "?channel=30");
  if (r.protocol == bt::iso) {
    const auto here = adapters()[0].address.to_string() + "?type=1";
    static const link low_energy = keep(SOCK_SEQPACKET, bt::l2cap, here, there() + "?psm=0x80&type=1");
  }
  return "";
} catch (const afplug::error& e) {
  return std::string("bluetooth: the adapters do not reach each other: ") + e.what();
}

afplug::address without_channel(afplug::address name) {
  reinterpret_cast<bt::sockaddr_l2*>(name.data())->cid = 0;
  return name;
}
// Datagrams go to the number that their sender is bound to.
link l2cap_datagrams(const row& r) {
  link l{open(r), bound(r)};
  l.a.bind(adapters()[0].address.to_string() + "?psm=" + std::to_string(*l.b.getsockname().number("psm")));
  l.a.connect(without_channel(l.b.getsockname()));
  l.b.connect(without_channel(l.a.getsockname()));
  return l;
}

// From here on the socket hears what passes the filter, and nothing that came before.
template <std::size_t N>
void hear(afplug::socket& s, sock_filter (&code)[N]) {
  const sock_fprog program{N, code};
  s.setsockopt(SOL_SOCKET, SO_ATTACH_FILTER, afplug::const_bytes(&program, sizeof program));
  char any[1];
  for (afplug::error_code ec; s.recv(any, MSG_DONTWAIT, ec) > 0;) continue;
}
link signallers(const row& r) {
  auto l = l2cap_datagrams(r);
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0),
                        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, answer, 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, 0xffff),     BPF_STMT(BPF_RET | BPF_K, 0)};
  for (auto* s : {&l.a, &l.b}) hear(*s, code);
  return l;
}

std::string iso_there() { return there() + "?type=1"; }
// What is accepted tells its type as HCI counts them: public is 0.
afplug::address low_energy(afplug::address name) {
  reinterpret_cast<bt::sockaddr_iso*>(name.data())->type = bt::le_public;
  return name;
}
void switch_streams_on() {
  struct switched {
    bool here = !afplug::check(afplug::registry::global().family("bluetooth"), SOCK_SEQPACKET, bt::iso).available() &&
                enable_iso_sockets(true);
    ~switched() {
      if (here) enable_iso_sockets(false);
    }
  };
  static const switched on;
}
// A stream that is begun before the last one to the same device has ended never gets its number.
bool streams(std::uint16_t adapter) {
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
  const afplug::socket s("bluetooth", SOCK_RAW, bt::hci);
  if (::ioctl(s.fileno(), get_connections, &list) != 0) return false;
  return std::any_of(list.all, list.all + list.count, [](const connection& c) { return c.type == stream_link; });
}
void streams_ended() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  for (const auto& a : adapters())
    while (streams(a.id) && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Sockets of one adapter hear the commands that the others give it. The kernel gives some of its own, and the adapter
// answers: a number of the vendor's is what nobody else uses.
constexpr unsigned char opcode[] = {0xed, 0xfe};
std::string adapter() {
  const auto up = adapters();
  return up.empty() ? "none" : up[0].name;
}
std::string command(unsigned i) {
  const std::string number = "message " + std::to_string(i);
  return std::string{1, static_cast<char>(opcode[0]), static_cast<char>(opcode[1]), static_cast<char>(number.size())} +
         number;
}
link same_adapter(const row& r) {
  link l{bound(r), bound(r)};
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 1),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, opcode[0] << 8 | opcode[1], 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, 0xffff), BPF_STMT(BPF_RET | BPF_K, 0)};
  for (auto* s : {&l.a, &l.b}) {
    hear(*s, code);
    s->option(bt::hci_filter().pass_type(1));
  }
  return l;
}

constexpr std::uint64_t connections = kernel | listens | unnamed | shuts_whole | drops_closed | listens_untold;
constexpr std::uint64_t l2cap = connections | sleeps_on;

constexpr errors l2cap_errors{.bad_type = ESOCKTNOSUPPORT,
                              .bad_protocol = EINVAL,
                              .listen_unbound = EBADFD,
                              .listen_twice = EBADFD,
                              .accept_unlistening = EBADFD,
                              .listen_connected = EBADFD,
                              .bind_twice = EBADFD,
                              .bind_foreign = EINVAL,
                              .bind_short = 0,
                              .recv_unconnected = EAGAIN,
                              .send_unconnected = ENOTCONN,
                              .sendto_unconnected = ENOTCONN,
                              .shutdown_unconnected = 0,
                              .shutdown_bad = 0,
                              .send_shut = ENOTCONN,
                              .send_closed = ENOTCONN,
                              .send_reset = ENOTCONN,
                              .send_oob = EOPNOTSUPP,
                              .recv_reset = 0,
                              .send_big = EMSGSIZE};

constexpr errors l2cap_dgram_errors = [] {
  errors e = l2cap_errors;
  e.connect_refused = 0;
  e.listen_bound = EINVAL;
  e.connect_at_once = 0;
  e.disconnect = EINVAL;
  e.send_closed = 0;
  e.send_big = 0;
  return e;
}();
constexpr errors l2cap_stream_errors = [] {
  errors e = l2cap_errors;
  e.recv_closed = ECONNRESET;
  e.recv_reset = ECONNRESET;
  return e;
}();

constexpr errors rfcomm_errors = [] {
  errors e = l2cap_errors;
  e.connect_twice = EBADFD;
  e.send_shut = EPIPE;
  e.recv_closed = ECONNRESET;
  e.recv_ended = EAGAIN;
  e.recv_reset = ECONNRESET;
  return e;
}();
constexpr errors sco_errors = [] {
  errors e = l2cap_errors;
  e.bind_in_use = 0;
  e.bind_short = EINVAL;
  e.connect_refused = 0;  // the adapter takes it, whoever listens
  e.connect_twice = EBADFD;
  e.getpeername_unconnected = 0;
  e.send_shut = EPIPE;
  e.told_shut = ECONNABORTED;
  e.recv_closed = ECONNRESET;
  e.recv_ended = ENOTCONN;
  e.recv_reset = ECONNRESET;
  e.send_big = EINVAL;
  return e;
}();
constexpr errors iso_errors = [] {
  errors e = sco_errors;
  e.connect_refused = ECONNREFUSED;
  e.send_shut = ENOTCONN;
  e.send_big = EMSGSIZE;
  return e;
}();
constexpr errors hci_errors = [] {
  errors e = bus_errors;
  e.bad_type = ESOCKTNOSUPPORT;
  e.bind_twice = EALREADY;
  e.bind_short = 0;
  e.send_unconnected = EINVAL;
  e.sendto_unconnected = EINVAL;
  e.getsockname_unbound = EBADFD;
  e.send_oob = EOPNOTSUPP;
  e.get_bad_level = ENOPROTOOPT;
  e.set_bad_level = ENOPROTOOPT;
  return e;
}();

constexpr errors l2cap_raw_errors = [] {
  errors e = l2cap_dgram_errors;
  e.send_big = EMSGSIZE;
  return e;
}();
constexpr errors rfcomm_raw_errors = [] {
  errors e = l2cap_errors;
  e.bind = EINVAL;
  e.bind_short = EINVAL;
  e.accept_unlistening = EINVAL;
  e.connect_refused = EINVAL;
  return e;
}();
// Of BNEP and HIDP the kernel has nothing but ioctl.
constexpr errors handle_errors{.bad_type = ESOCKTNOSUPPORT,
                               .bad_protocol = EINVAL,
                               .listen_unbound = EOPNOTSUPP,
                               .accept_unlistening = EOPNOTSUPP,
                               .listen_connected = EOPNOTSUPP,
                               .bind = EOPNOTSUPP,
                               .getsockname = EOPNOTSUPP,
                               .bind_foreign = EOPNOTSUPP,
                               .bind_short = EOPNOTSUPP,
                               .connect_refused = EOPNOTSUPP,
                               .recv_unconnected = EOPNOTSUPP,
                               .send_unconnected = EOPNOTSUPP,
                               .sendto_unconnected = EOPNOTSUPP,
                               .getpeername_unconnected = EOPNOTSUPP,
                               .shutdown_unconnected = EOPNOTSUPP,
                               .get_bad_level = EOPNOTSUPP,
                               .set_bad_level = EOPNOTSUPP};

constexpr ways l2cap_ways{.message_size = 600,
                          .bulk = 100'000,
                          .missing = missing,
                          .refuses = "BT_DEFER_SETUP BT_FLUSHABLE BT_SNDMTU BT_RCVMTU",
                          .as_bound = without_channel};

constexpr ways l2cap_dgram_ways{.message_size = 600,
                                .too_large = 700,
                                .bulk = 100'000,
                                .connected = l2cap_datagrams,
                                .missing = missing,
                                .refuses = "BT_DEFER_SETUP BT_FLUSHABLE BT_SNDMTU BT_RCVMTU BT_SECURITY BT_POWER",
                                .as_bound = without_channel,
                                .as_sender = without_channel};

constexpr ways l2cap_raw_ways{.too_large = 700,
                              .bulk = 20'000,
                              .message = signalling,
                              .connected = signallers,
                              .missing = missing,
                              .refuses = l2cap_ways.refuses,
                              .as_bound = without_channel,
                              .as_sender = without_channel};
constexpr ways handle_ways{.missing = missing, .refuses = "BT_DEFER_SETUP BT_SECURITY"};
constexpr ways rfcomm_ways{
    .message_size = 600, .bulk = 200'000, .one_send = 10'000, .missing = missing, .refuses = "BT_DEFER_SETUP"};
constexpr ways sco_ways{.message_size = 60,
                        .too_large = 100,
                        .bulk = 5'000,
                        .missing = missing,
                        .refuses = "BT_DEFER_SETUP BT_SNDMTU BT_RCVMTU"};
constexpr ways iso_ways{.message_size = 40,
                        .too_large = 100,
                        .bulk = 5'000,
                        .prepare = switch_streams_on,
                        .settle = streams_ended,
                        .missing = missing,
                        .refuses = "BT_DEFER_SETUP",
                        .as_bound = low_energy,
                        .as_peer = low_energy};
constexpr ways hci_ways{
    .too_large = 2000, .bulk = 5'000, .message = command, .connected = same_adapter, .missing = missing};

const row table[] = {
    {"bt_l2cap", "bluetooth", SOCK_SEQPACKET, bt::l2cap, l2cap | reset_by_option, l2cap_there, "00:00:00:00:00:00",
     l2cap_errors, l2cap_ways},
    {"bt_l2cap_stream", "bluetooth", SOCK_STREAM, bt::l2cap, l2cap | stream | small_sends, l2cap_there,
     "00:00:00:00:00:00", l2cap_stream_errors, l2cap_ways},
    {"bt_l2cap_dgram", "bluetooth", SOCK_DGRAM, bt::l2cap, kernel | unnamed | names_peer | sleeps_on | shuts_whole,
     l2cap_there, "00:00:00:00:00:00", l2cap_dgram_errors, l2cap_dgram_ways},
    {"bt_l2cap_raw", "bluetooth", SOCK_RAW, bt::l2cap, kernel | unnamed | sleeps_on | shuts_whole | mutual, l2cap_there,
     "00:00:00:00:00:00", l2cap_raw_errors, l2cap_raw_ways},
    {"bt_rfcomm_raw", "bluetooth", SOCK_RAW, bt::rfcomm, duplicates | forks | mute | nameless, rfcomm_there,
     "00:00:00:00:00:00", rfcomm_raw_errors, handle_ways},
    {"bt_bnep", "bluetooth", SOCK_RAW, bt::bnep, duplicates | forks | mute | nameless, adapter, "", handle_errors,
     handle_ways},
    {"bt_hidp", "bluetooth", SOCK_RAW, bt::hidp, duplicates | forks | mute | nameless, adapter, "", handle_errors,
     handle_ways},
    {"bt_rfcomm", "bluetooth", SOCK_STREAM, bt::rfcomm, connections | stream | one_at_a_time | flow | full_tells,
     rfcomm_there, "00:00:00:00:00:00", rfcomm_errors, rfcomm_ways},
    {"bt_sco", "bluetooth", SOCK_SEQPACKET, bt::sco, connections | one_at_a_time | drops_nothing, there,
     "00:00:00:00:00:00", sco_errors, sco_ways},
    {"bt_iso", "bluetooth", SOCK_SEQPACKET, bt::iso, connections | one_at_a_time, iso_there, "00:00:00:00:00:00",
     iso_errors, iso_ways},
    {"bt_hci", "bluetooth", SOCK_RAW, bt::hci, kernel | bus, adapter, "", hci_errors, hci_ways},
};

}  // namespace

std::span<const row> bluetooth_rows() { return table; }

}  // namespace conformance
