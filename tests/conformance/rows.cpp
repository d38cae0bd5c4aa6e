// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The table of rows. A family joins the suite here.
#include <linux/can.h>
#include <linux/can/bcm.h>
#include <linux/vm_sockets.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <ostream>
#include <thread>

// After what it takes for granted.
#include <linux/sctp.h>

#include "apart.hpp"
#include "row.hpp"
#include "rows.hpp"

namespace conformance {
namespace {

using namespace std::string_literals;

std::string tag() {
  static std::atomic<unsigned> count{0};
  return std::to_string(::getpid()) + "-" + std::to_string(++count);
}
std::string abstract_name() { return "@afplug-conformance-" + tag(); }
std::string loop_name() { return "conformance-" + tag(); }
std::string loopback4() { return "127.0.0.1:0"; }
std::string loopback6() { return "[::1]:0"; }

std::string can_interface() { return "vcan0"; }
std::string can_frame_of(unsigned i) {
  can_frame f{};
  f.can_id = 0x100 + i % 0x100;
  f.len = sizeof f.data;
  const std::uint64_t number = i;
  std::memcpy(f.data, &number, sizeof number);
  return {reinterpret_cast<const char*>(&f), sizeof f};
}
// Of the broadcast manager's own frames it hears those that it watches, as of any other's.
constexpr canid_t bcm_identifier = 0x6b0;
std::string bcm_message(std::uint32_t opcode, std::uint32_t flags, const std::string& frame) {
  std::string head(sizeof(bcm_msg_head), '\0');
  const auto put = [&](std::size_t at, std::uint32_t number) { std::memcpy(&head[at], &number, sizeof number); };
  put(offsetof(bcm_msg_head, opcode), opcode);
  put(offsetof(bcm_msg_head, flags), flags);
  put(offsetof(bcm_msg_head, can_id), bcm_identifier);
  put(offsetof(bcm_msg_head, nframes), frame.empty() ? 0 : 1);
  return head + frame;
}
std::string bcm_to_send(unsigned i) {
  auto frame = can_frame_of(i);
  std::memcpy(frame.data(), &bcm_identifier, sizeof bcm_identifier);
  return bcm_message(TX_SEND, 0, frame);
}
// RX_CHANGED as the TX_SEND that brought it about.
void bcm_as_sent(std::string& received) {
  const auto was = bcm_message(RX_CHANGED, RX_FILTER_ID, ""), now = bcm_message(TX_SEND, 0, "");
  for (std::size_t i = 0; i < 8 && i < received.size(); ++i)
    if (received[i] == was[i]) received[i] = now[i];
}
link bcm_to_itself(const row& r) {
  link l{open(r), {}};
  l.a.connect(fresh(r));
  l.a.send(bcm_message(RX_SETUP, RX_FILTER_ID, ""));
  l.b = l.a.dup();
  return l;
}
std::string bcm_missing(const row& r) {
  open(r).connect(fresh(r));
  return "";
}
std::string isotp_name(unsigned rx, unsigned tx) {
  return "vcan0?rx=" + std::to_string(rx) + "&tx=" + std::to_string(tx);
}
unsigned isotp_identifier() {
  static std::atomic<unsigned> count{0};
  return CAN_EFF_FLAG | (0x10000 + 2 * ++count);
}
std::string isotp_fresh() {
  const unsigned id = isotp_identifier();
  return isotp_name(id, id + 1);
}
std::string j1939_fresh() {
  static std::atomic<unsigned> count{0};
  return "vcan0?addr=" + std::to_string(1 + ++count % 200);
}
// In one frame.
std::string j1939_message(unsigned i) { return "no." + std::to_string(10000 + i); }
// What is sent to nothing more than an address is of parameter group 0.
afplug::address of_group_0(afplug::address name) {
  reinterpret_cast<sockaddr_can*>(name.data())->can_addr.j1939.pgn = 0;
  return name;
}
link both_bound(const row& r) { return {bound(r), bound(r)}; }
link isotp_pair(const row& r) {
  const unsigned id = isotp_identifier();
  link l{open(r), open(r)};
  l.a.bind(isotp_name(id, id + 1));
  l.b.bind(isotp_name(id + 1, id));
  return l;
}

unsigned host() {
  static std::atomic<unsigned> count{0};
  return ++count;
}
std::string host4() { return "127.1." + std::to_string(host() / 250) + "." + std::to_string(1 + host() % 250); }
std::string host6() { return "fd00:af::" + std::to_string(host()); }
// A raw socket has the protocol for a port; what comes from it has none.
afplug::address without_port(afplug::address name) {
  // In sockaddr_in and sockaddr_in6 it is at the same place.
  reinterpret_cast<sockaddr_in*>(name.data())->sin_port = 0;
  return name;
}
std::string icmp(std::uint8_t type, unsigned i) {
  std::string m(8, '\0');
  m[0] = static_cast<char>(type);
  m[6] = static_cast<char>(i >> 8);
  m[7] = static_cast<char>(i);
  return m + "message " + std::to_string(i);
}
// Types of messages that nobody acts on.
std::string icmp6_for_experiments(unsigned i) { return icmp(200, i); }
void without_checksum(std::string& arrived) {
  for (std::size_t i : {2u, 3u})
    if (i < arrived.size()) arrived[i] = '\0';
}
// An echo, which the system answers: the answer as the question was. Checksum and identifier are the system's.
void question(std::string& reply, std::uint8_t type) {
  for (std::size_t i : {0u, 2u, 3u, 4u, 5u})
    if (i < reply.size()) reply[i] = i == 0 ? static_cast<char>(type) : '\0';
}
std::string echo4(unsigned i) { return icmp(ICMP_ECHO, i); }
std::string echo6(unsigned i) { return icmp(ICMP6_ECHO_REQUEST, i); }
void question4(std::string& reply) { question(reply, ICMP_ECHO); }
void question6(std::string& reply) { question(reply, ICMP6_ECHO_REQUEST); }
link to_itself(const row& r) {
  link l{bound(r), {}};
  l.a.connect(l.a.getsockname());
  l.b = l.a.dup();
  return l;
}

// Sockets of IPPROTO_RAW, to which the system shall add headers as to any other's.
link without_headers(const row& r) {
  link l{bound(r), bound(r)};
  for (auto* s : {&l.a, &l.b}) s->option(r.family == "inet"s ? "IP_HDRINCL" : "IPV6_HDRINCL", 0);
  l.a.connect(l.b.getsockname());
  l.b.connect(l.a.getsockname());
  return l;
}

std::string tipc_name() {
  static std::atomic<unsigned> count{0};
  return "nameseq/" + std::to_string(100000 + ++count) + "/1/1";
}
std::string qrtr_node() { return "1:0"; }

std::string alg_hash() { return "hash/sha256"; }

unsigned vsock_port() {
  static std::atomic<unsigned> count{0};
  return 0x20000 + ++count;
}
std::string vsock_local() { return "local:" + std::to_string(vsock_port()); }
std::string vsock_any() { return "any:" + std::to_string(vsock_port()); }
// VMCI tells that the host sent, whatever context the sender is bound to; a worker of the CPU it ran on delivers.
afplug::address of_host(afplug::address name) {
  reinterpret_cast<sockaddr_vm*>(name.data())->svm_cid = VMADDR_CID_HOST;
  return name;
}
std::string hyperv_local() {
  char port[9];
  std::snprintf(port, sizeof port, "%08x", vsock_port());
  return "e0e16197-dd56-4a10-9195-5ee7a155a838/"s + port + "-facb-11e6-bd58-64006a7986d3";
}
// vsock's client has no name of its own machine unless it is given one.
link vsock_link(const row& r) {
  auto server = listening(r);
  link l{bound(r), {}};
  l.a.connect(server.getsockname());
  l.b = server.accept();
  return l;
}
// The association that a socket has, peeled off: a socket of the same kind, of which send needs no address.
afplug::socket peeled(const afplug::socket& s) {
  struct {
    std::uint32_t count;
    sctp_assoc_t first;
  } associations{};
  s.getsockopt(IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, afplug::mutable_bytes(&associations, sizeof associations));
  sctp_peeloff_flags_arg_t off{{associations.first, -1}, SOCK_CLOEXEC};
  s.getsockopt(IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, afplug::mutable_bytes(&off, sizeof off));
  return afplug::socket::adopt(off.p_arg.sd);
}
// What was peeled off knows its port alone.
afplug::address of_loopback6(afplug::address name) {
  reinterpret_cast<sockaddr_in6*>(name.data())->sin6_addr = in6addr_loopback;
  return name;
}
link peeled_pair(const row& r) {
  auto one = bound(r), other = bound(r);
  one.connect(other.getsockname());
  return {peeled(one), peeled(other)};
}
constexpr std::uint64_t tcp = kernel | stream | listens | wakeable | full_waits | half_close | flow | full_tells;
constexpr std::uint64_t sctp = kernel | listens | flow | keeps_rest | shuts_whole | names_peer;
constexpr std::uint64_t sctp_many = kernel | one_to_many | connectionless | flow | keeps_rest;
constexpr std::uint64_t tipc_connection =
    kernel | listens | meets | pairs | identified | names_peer | drops_nothing | keeps_reset | flow | full_tells;
constexpr std::uint64_t udp = kernel | multicasts | connectionless | timestamps | error_queue | packet_info;
constexpr std::uint64_t ping = kernel | apart | echoes | short_counts;
constexpr std::uint64_t raw = kernel | apart | connectionless | timestamps | packet_info;
constexpr std::uint64_t unix_any =
    kernel | always | pairs | rights | credentials | flow | full_tells | unnamed | abstract_names;

constexpr errors tcp_errors{.get_bad_level = EOPNOTSUPP};
constexpr errors tcp6_errors{};
constexpr errors mptcp_errors{.send_closed = 0, .get_bad_level = EOPNOTSUPP, .set_unknown = EOPNOTSUPP};
constexpr errors udp_errors{.listen_unbound = EOPNOTSUPP,
                            .accept_unlistening = EOPNOTSUPP,
                            .listen_connected = EOPNOTSUPP,
                            .connect_refused = 0,
                            .connect_at_once = 0,
                            .connect_twice = 0,
                            .recv_unconnected = EAGAIN,
                            .send_unconnected = EDESTADDRREQ,
                            .sendto_unconnected = 0,
                            .send_closed = ECONNREFUSED,
                            .send_oob = EOPNOTSUPP,
                            .send_big = EMSGSIZE,
                            .get_bad_level = EOPNOTSUPP};
constexpr errors udp6_errors = [] {
  errors e = udp_errors;
  e.send_oob = 0;
  e.get_bad_level = ENOPROTOOPT;
  return e;
}();
constexpr errors unix_stream_errors{.pair = 0,
                                    .listen_unbound = EINVAL,
                                    .bind_foreign = EINVAL,
                                    .bind_short = 0,
                                    .connect_at_once = 0,
                                    .connect_full = EAGAIN,
                                    .recv_unconnected = EINVAL,
                                    .send_unconnected = ENOTCONN,
                                    .sendto_unconnected = EOPNOTSUPP,
                                    .sendto_connected = EISCONN,
                                    .shutdown_unconnected = 0,
                                    .get_bad_level = EOPNOTSUPP,
                                    .set_bad_level = EOPNOTSUPP};
constexpr errors unix_seqpacket_errors = [] {
  errors e = unix_stream_errors;
  e.recv_unconnected = ENOTCONN;
  e.sendto_unconnected = ENOTCONN;
  e.sendto_connected = 0;
  e.send_oob = EOPNOTSUPP;
  e.send_big = EMSGSIZE;
  return e;
}();
constexpr errors unix_dgram_errors{.pair = 0,
                                   .listen_unbound = EOPNOTSUPP,
                                   .accept_unlistening = EOPNOTSUPP,
                                   .listen_connected = EOPNOTSUPP,
                                   .bind_foreign = EINVAL,
                                   .bind_short = 0,
                                   .connect_at_once = 0,
                                   .connect_twice = 0,
                                   .recv_unconnected = EAGAIN,
                                   .send_unconnected = ENOTCONN,
                                   .sendto_unconnected = ECONNREFUSED,
                                   .sendto_taken = EPERM,
                                   .shutdown_unconnected = 0,
                                   .send_closed = ECONNREFUSED,
                                   .send_oob = EOPNOTSUPP,
                                   .send_big = EMSGSIZE,
                                   .get_bad_level = EOPNOTSUPP,
                                   .set_bad_level = EOPNOTSUPP};
constexpr errors loop_dgram_errors = [] {
  errors e = unix_dgram_errors;
  e.get_bad_level = ENOPROTOOPT;
  e.set_bad_level = ENOPROTOOPT;
  return e;
}();
// The loop family has what unix(7) has, and says ENOTCONN where that says EINVAL.
constexpr std::uint64_t loop_any =
    always | peeks | pairs | rights | credentials | flow | full_tells | unnamed | user_space | duplicates;
constexpr errors loop_stream_errors = [] {
  errors e = unix_stream_errors;
  e.connect_full = EINPROGRESS;
  e.get_bad_level = ENOPROTOOPT;
  e.set_bad_level = ENOPROTOOPT;
  e.recv_unconnected = ENOTCONN;
  e.shutdown_unconnected = ENOTCONN;
  e.send_oob = EOPNOTSUPP;
  return e;
}();
constexpr errors loop_seqpacket_errors = [] {
  errors e = loop_stream_errors;
  e.sendto_unconnected = ENOTCONN;
  e.sendto_connected = 0;
  e.send_big = EMSGSIZE;
  return e;
}();

// mptcp_setsockopt_sol_socket() says yes to them and does nothing.
constexpr const char* mptcp_ignores =
    "SO_BROADCAST SO_DONTROUTE SO_NOFCS SO_NO_CHECK SO_RXQ_OVFL SO_SELECT_ERR_QUEUE SO_WIFI_STATUS";

constexpr errors isotp_errors = [] {
  errors e = bus_errors;
  e.bind_twice = EINVAL;
  e.recv_unconnected = EADDRNOTAVAIL;
  e.send_unconnected = EADDRNOTAVAIL;
  e.sendto_unconnected = EADDRNOTAVAIL;
  e.send_closed = ECOMM;
  return e;
}();
// SELinux, even without a policy, looks at an address before the socket does.
bool selinux() { return ::access("/sys/fs/selinux", F_OK) == 0; }
const errors raw_errors = [] {
  errors e = udp_errors;
  e.bad_protocol = 0;
  e.bind_twice = 0;
  e.bind_in_use = 0;
  e.bind_foreign = selinux() ? EAFNOSUPPORT : 0;
  e.send_shut = 0;
  e.send_closed = 0;
  e.told_closed = ENOPROTOOPT;
  return e;
}();
const errors raw_icmp_errors = [] {
  errors e = raw_errors;
  e.send_empty = EFAULT;
  return e;
}();
const errors raw6_errors = [] {
  errors e = raw_errors;
  e.bind_foreign = selinux() ? EAFNOSUPPORT : EINVAL;
  e.told_closed = EPROTO;
  e.get_bad_level = ENOPROTOOPT;
  return e;
}();
// "message 0" is too short to bring a header.
const errors raw_whole_errors = [] {
  errors e = raw_errors;
  e.sendto_unconnected = EINVAL;
  return e;
}();
const errors raw6_whole_errors = [] {
  errors e = raw6_errors;
  e.sendto_unconnected = EINVAL;
  return e;
}();
const errors raw6_icmp_errors = [] {
  errors e = raw6_errors;
  e.send_empty = EFAULT;
  return e;
}();
constexpr errors ping_errors = [] {
  errors e = udp_errors;
  e.bind_in_use = 0;
  e.send_closed = 0;
  e.send_empty = EINVAL;
  return e;
}();
constexpr errors ping6_errors = [] {
  errors e = ping_errors;
  e.get_bad_level = ENOPROTOOPT;
  return e;
}();
constexpr errors bcm_errors = [] {
  errors e = bus_errors;
  e.bind = EOPNOTSUPP;
  e.bind_foreign = EOPNOTSUPP;
  e.bind_short = EOPNOTSUPP;
  e.getsockname = EOPNOTSUPP;
  e.connect_refused = 0;
  e.send_unconnected = ENOTCONN;
  e.sendto_unconnected = ENOTCONN;
  e.get_bad_level = EOPNOTSUPP;
  e.set_bad_level = EOPNOTSUPP;
  return e;
}();
constexpr errors alg_errors{.listen_unbound = EOPNOTSUPP,
                            .accept_unlistening = 0,
                            .listen_connected = EOPNOTSUPP,
                            .getsockname = EOPNOTSUPP,
                            .bind_foreign = ENOENT,
                            .connect_refused = EOPNOTSUPP,
                            .recv_unconnected = EOPNOTSUPP,
                            .send_unconnected = EOPNOTSUPP,
                            .sendto_unconnected = EOPNOTSUPP,
                            .getpeername_unconnected = EOPNOTSUPP,
                            .shutdown_unconnected = EOPNOTSUPP,
                            .get_bad_level = EOPNOTSUPP};
constexpr errors j1939_errors = [] {
  errors e = bus_errors;
  e.connect_refused = EINVAL;
  e.connect_twice = 0;
  e.connect_unbound = EINVAL;
  e.disconnect = EINVAL;
  e.send_unconnected = EBADFD;
  e.sendto_unconnected = EBADFD;
  e.send_empty = 0;
  e.send_big = EMSGSIZE;
  e.recv_peek = EINVAL;
  e.recv_trunc = EINVAL;
  e.getpeername_unconnected = EADDRNOTAVAIL;
  e.getpeername_connected = 0;
  return e;
}();
constexpr errors tipc_errors = [] {
  errors e = udp_errors;
  e.bad_type = EPROTOTYPE;
  e.pair = 0;
  e.bind_twice = 0;
  e.bind_in_use = 0;
  e.bind_foreign = EINVAL;
  e.recv_empty = EINVAL;
  e.getpeername_connected = ENOTCONN;
  e.shutdown_unconnected = EINVAL;
  e.shutdown_connected = ENOTCONN;
  e.shutdown_half = EINVAL;
  e.send_shut = 0;
  e.send_closed = 0;
  e.send_oob = 0;
  e.get_bad_level = ENOPROTOOPT;
  return e;
}();
constexpr errors tipc_seqpacket_errors{.bad_type = EPROTOTYPE,
                                       .pair = 0,
                                       .listen_twice = EINVAL,
                                       .bind_twice = 0,
                                       .bind_in_use = 0,
                                       .bind_foreign = EINVAL,
                                       .send_unconnected = ENOTCONN,
                                       .sendto_unconnected = 0,
                                       .shutdown_unconnected = EINVAL,
                                       .shutdown_half = EINVAL,
                                       .send_shut = 0,
                                       .recv_empty = EINVAL,
                                       .recv_closed = ECONNRESET,
                                       .send_big = EMSGSIZE};
constexpr errors tipc_stream_errors = [] {
  errors e = tipc_seqpacket_errors;
  e.send_big = 0;
  return e;
}();
constexpr errors qrtr_errors = [] {
  errors e = udp_errors;
  e.bad_type = EPROTOTYPE;
  e.bad_protocol = 0;
  e.bind_twice = 0;
  e.bind_foreign = EINVAL;
  e.disconnect = EINVAL;
  e.recv_unconnected = EADDRNOTAVAIL;
  e.send_unconnected = ENOTCONN;
  e.sendto_unconnected = ENODEV;
  e.shutdown_unconnected = EOPNOTSUPP;
  e.shutdown_bad = EOPNOTSUPP;
  e.shutdown_connected = EOPNOTSUPP;
  e.shutdown_half = EOPNOTSUPP;
  e.send_shut = 0;
  e.send_closed = ENODEV;
  e.send_oob = EINVAL;
  e.set_bad_level = EOPNOTSUPP;
  return e;
}();
constexpr errors rds_errors = [] {
  errors e = udp_errors;
  e.bad_protocol = ESOCKTNOSUPPORT;
  e.bind_foreign = EINVAL;
  e.disconnect = EAFNOSUPPORT;
  e.send_unconnected = ENOTCONN;
  e.sendto_unconnected = ENOTCONN;
  e.shutdown_unconnected = EOPNOTSUPP;
  e.shutdown_bad = EOPNOTSUPP;
  e.shutdown_connected = EOPNOTSUPP;
  e.shutdown_half = EOPNOTSUPP;
  e.send_shut = 0;
  e.send_closed = 0;
  e.get_bad_level = ENOPROTOOPT;
  return e;
}();
constexpr errors sctp_errors = [] {
  errors e = tcp_errors;
  e.listen_zero = EINVAL;
  e.recv_unconnected = EAGAIN;
  e.sendto_unconnected = 0;
  e.send_empty = EINVAL;
  e.send_big = EMSGSIZE;
  return e;
}();
constexpr errors sctp6_errors = [] {
  errors e = sctp_errors;
  e.get_bad_level = ENOPROTOOPT;
  return e;
}();
constexpr errors sctp_seqpacket_errors = [] {
  errors e = sctp_errors;
  e.accept_unlistening = EOPNOTSUPP;
  e.disconnect = EOPNOTSUPP;
  e.send_shut = 0;
  return e;
}();
constexpr errors sctp6_seqpacket_errors = [] {
  errors e = sctp_seqpacket_errors;
  e.get_bad_level = ENOPROTOOPT;
  return e;
}();
constexpr errors vsock_errors{.bad_type = ESOCKTNOSUPPORT,
                              .listen_unbound = EINVAL,
                              .bind_foreign = EINVAL,
                              .connect_refused = ECONNRESET,
                              .send_unconnected = ENOTCONN,
                              .sendto_unconnected = EOPNOTSUPP,
                              .sendto_connected = EISCONN,
                              .recv_peek = EOPNOTSUPP,
                              .send_oob = EOPNOTSUPP,
                              .recv_reset = 0};
// Before Linux 6.3 vsock says ENOMEM of whatever goes wrong.
const errors vsock_seqpacket_errors = [] {
  utsname running{};
  int major = 0, minor = 0;
  ::uname(&running);
  std::sscanf(running.release, "%d.%d", &major, &minor);
  errors e = vsock_errors;
  const bool old = major < 6 || (major == 6 && minor < 3);
  e.send_big = old ? ENOMEM : EMSGSIZE;
  e.recv_peek = old ? ENOMEM : EOPNOTSUPP;
  return e;
}();
constexpr errors vsock_dgram_errors = [] {
  errors e = udp_errors;
  e.bad_type = ESOCKTNOSUPPORT;
  e.bind_foreign = EINVAL;
  e.send_unconnected = EINVAL;
  e.sendto_unconnected = EHOSTUNREACH;
  e.send_shut = EINVAL;
  e.send_closed = EHOSTUNREACH;
  e.get_bad_level = EOPNOTSUPP;
  e.set_bad_level = EOPNOTSUPP;
  return e;
}();
constexpr ways mptcp_ways{.ignores = mptcp_ignores};
constexpr ways can_raw_ways{.message_size = 16, .message = can_frame_of, .connected = both_bound};
constexpr ways bcm_ways{
    .message = bcm_to_send, .restore = bcm_as_sent, .connected = bcm_to_itself, .missing = bcm_missing};
constexpr ways isotp_ways{.message_size = 60, .connected = isotp_pair};
constexpr ways j1939_ways{.message_size = 8, .message = j1939_message, .as_sender = of_group_0};
constexpr ways ping4_ways{.message = echo4, .restore = question4, .connected = to_itself};
constexpr ways ping6_ways{.message = echo6, .restore = question6, .connected = to_itself};
constexpr ways raw4_ways{.header = sizeof(iphdr), .as_sender = without_port};
constexpr ways raw4_whole_ways{.header = sizeof(iphdr), .connected = without_headers, .as_sender = without_port};
constexpr ways raw6_whole_ways{.connected = without_headers, .refuses = "IPV6_V6ONLY", .as_sender = without_port};
constexpr ways raw6_ways{.refuses = "IPV6_V6ONLY", .as_sender = without_port};
constexpr ways raw6_icmp_ways{.message = icmp6_for_experiments,
                              .restore = without_checksum,
                              .refuses = "IPV6_V6ONLY IPV6_CHECKSUM",
                              .as_sender = without_port};
constexpr ways tipc_ways{.refuses = "TIPC_NODELAY"};
constexpr ways rds_ways{.refuses = "SO_RDS_TRANSPORT"};
constexpr ways sctp4_many_ways{.connected = peeled_pair};
constexpr ways sctp6_many_ways{
    .connected = peeled_pair, .as_sender = of_loopback6, .as_goal = of_loopback6, .as_peer = of_loopback6};
constexpr ways vsock_ways{.connected = vsock_link};
constexpr ways vsock_dgram_ways{.as_sender = of_host};

const row table[] = {
    {"can_raw", "can", SOCK_RAW, CAN_RAW, kernel | bus | short_counts | no_protocol, can_interface, "any", bus_errors,
     can_raw_ways},
    {"can_bcm", "can", SOCK_DGRAM, CAN_BCM, kernel | nameless | echoes | short_counts | cuts_untold | no_protocol,
     can_interface, "", bcm_errors, bcm_ways},
    {"can_isotp", "can", SOCK_DGRAM, CAN_ISOTP, kernel | bus | no_protocol, isotp_fresh, "any?rx=0x0&tx=0x0",
     isotp_errors, isotp_ways},
    {"can_j1939", "can", SOCK_DGRAM, CAN_J1939, duplicates | forks | connectionless | no_protocol | annotates,
     j1939_fresh, "any", j1939_errors, j1939_ways},
    {"vsock_stream", "vsock", SOCK_STREAM, 0, kernel | stream | listens | half_close | flow, vsock_local, "any:any",
     vsock_errors, vsock_ways},
    {"vsock_seqpacket", "vsock", SOCK_SEQPACKET, 0, duplicates | forks | ignores_nothing | listens | half_close,
     vsock_local, "any:any", vsock_seqpacket_errors, vsock_ways},
    {"vsock_dgram", "vsock", SOCK_DGRAM, 0, kernel | connectionless | hears_all | short_counts | one_cpu, vsock_any,
     "any:any", vsock_dgram_errors, vsock_dgram_ways},
    {"hyperv_stream", "hyperv", SOCK_STREAM, 1, kernel | stream | listens | half_close | flow | translated,
     hyperv_local, "00000000-0000-0000-0000-000000000000/ffffffff-facb-11e6-bd58-64006a7986d3", vsock_errors,
     vsock_ways},
    {"tcp4", "inet", SOCK_STREAM, 0, tcp | urgent_byte | always, loopback4, "0.0.0.0:0", tcp_errors},
    {"tcp6", "inet6", SOCK_STREAM, 0, tcp | urgent_byte, loopback6, "[::]:0", tcp6_errors},
    {"mptcp4", "inet", SOCK_STREAM, IPPROTO_MPTCP, tcp, loopback4, "0.0.0.0:0", mptcp_errors, mptcp_ways},
    {"mptcp6", "inet6", SOCK_STREAM, IPPROTO_MPTCP, tcp, loopback6, "[::]:0", mptcp_errors, mptcp_ways},
    {"udp4", "inet", SOCK_DGRAM, 0, udp | broadcasts | always, loopback4, "0.0.0.0:0", udp_errors},
    {"udp6", "inet6", SOCK_DGRAM, 0, udp, loopback6, "[::]:0", udp6_errors},
    {"udplite4", "inet", SOCK_DGRAM, IPPROTO_UDPLITE, udp | broadcasts, loopback4, "0.0.0.0:0", udp_errors},
    {"udplite6", "inet6", SOCK_DGRAM, IPPROTO_UDPLITE, udp, loopback6, "[::]:0", udp6_errors},
    {"ping4", "inet", SOCK_DGRAM, IPPROTO_ICMP, ping, loopback4, "0.0.0.0:0", ping_errors, ping4_ways},
    {"ping6", "inet6", SOCK_DGRAM, IPPROTO_ICMPV6, ping, loopback6, "[::]:0", ping6_errors, ping6_ways},
    {"raw4", "inet", SOCK_RAW, 253, raw | error_queue, host4, "0.0.0.0:253", raw_errors, raw4_ways},
    {"raw4_icmp", "inet", SOCK_RAW, IPPROTO_ICMP, raw, host4, "0.0.0.0:1", raw_icmp_errors, raw4_ways},
    {"raw4_tcp", "inet", SOCK_RAW, IPPROTO_TCP, raw, host4, "0.0.0.0:6", raw_errors, raw4_ways},
    {"raw4_udp", "inet", SOCK_RAW, IPPROTO_UDP, raw, host4, "0.0.0.0:17", raw_errors, raw4_ways},
    {"raw4_whole", "inet", SOCK_RAW, IPPROTO_RAW, kernel | apart | names_peer | own_header, host4, "0.0.0.0:255",
     raw_whole_errors, raw4_whole_ways},
    {"raw6", "inet6", SOCK_RAW, 253, raw | error_queue, host6, "[::]:253", raw6_errors, raw6_ways},
    {"raw6_icmp", "inet6", SOCK_RAW, IPPROTO_ICMPV6, raw, host6, "[::]:58", raw6_icmp_errors, raw6_icmp_ways},
    {"raw6_tcp", "inet6", SOCK_RAW, IPPROTO_TCP, raw, host6, "[::]:6", raw6_errors, raw6_ways},
    {"raw6_udp", "inet6", SOCK_RAW, IPPROTO_UDP, raw, host6, "[::]:17", raw6_errors, raw6_ways},
    {"raw6_whole", "inet6", SOCK_RAW, IPPROTO_RAW, kernel | apart | names_peer | own_header, host6, "[::]:255",
     raw6_whole_errors, raw6_whole_ways},
    {"sctp4", "inet", SOCK_STREAM, IPPROTO_SCTP, sctp, loopback4, "0.0.0.0:0", sctp_errors},
    {"sctp6", "inet6", SOCK_STREAM, IPPROTO_SCTP, sctp, loopback6, "[::]:0", sctp6_errors},
    {"sctp4_seqpacket", "inet", SOCK_SEQPACKET, IPPROTO_SCTP, sctp_many, loopback4, "0.0.0.0:0", sctp_seqpacket_errors,
     sctp4_many_ways},
    {"sctp6_seqpacket", "inet6", SOCK_SEQPACKET, IPPROTO_SCTP, sctp_many, loopback6, "[::]:0", sctp6_seqpacket_errors,
     sctp6_many_ways},
    {"tipc_rdm", "tipc", SOCK_RDM, 0,
     kernel | connectionless | pairs | identified | hears_all | short_counts | drops_nothing, tipc_name, "",
     tipc_errors, tipc_ways},
    {"tipc_dgram", "tipc", SOCK_DGRAM, 0,
     kernel | connectionless | pairs | identified | hears_all | short_counts | drops_nothing, tipc_name, "",
     tipc_errors, tipc_ways},
    {"tipc_stream", "tipc", SOCK_STREAM, 0, tipc_connection | stream, tipc_name, "", tipc_stream_errors, tipc_ways},
    {"tipc_seqpacket", "tipc", SOCK_SEQPACKET, 0, tipc_connection | short_counts, tipc_name, "", tipc_seqpacket_errors,
     tipc_ways},
    // What is accepted carries data, and no messages of another's: its own results, which a receive that blocks awaits
    // until there is no room left, and for which POLLIN is told before there are any. alg_test has it.
    {"alg", "alg", SOCK_SEQPACKET, 0, duplicates | forks | mute | nameless, alg_hash, "", alg_errors},
    {"qipcrtr", "qipcrtr", SOCK_DGRAM, 0, kernel | connectionless | hears_all | short_counts | waits_alone, qrtr_node,
     "1:0", qrtr_errors},
    {"rds", "rds", SOCK_SEQPACKET, 0, kernel | connectionless | hears_all | starts_ready, loopback4,
     "%family=0,0000000000000000000000000000", rds_errors, rds_ways},
    {"unix_stream", "unix", SOCK_STREAM, 0,
     unix_any | urgent_byte | stream | listens | wakeable | full_waits | half_close, abstract_name, "",
     unix_stream_errors},
    {"unix_seqpacket", "unix", SOCK_SEQPACKET, 0, unix_any | listens | wakeable | full_waits | half_close,
     abstract_name, "", unix_seqpacket_errors},
    {"unix_dgram", "unix", SOCK_DGRAM, 0, unix_any | connectionless | timestamps, abstract_name, "", unix_dgram_errors},
    {"loop_stream", "loop", SOCK_STREAM, 0, loop_any | stream | listens | wakeable | full_waits | half_close, loop_name,
     "", loop_stream_errors},
    {"loop_seqpacket", "loop", SOCK_SEQPACKET, 0, loop_any | listens | wakeable | full_waits | half_close, loop_name,
     "", loop_seqpacket_errors},
    {"loop_dgram", "loop", SOCK_DGRAM, 0, loop_any | connectionless, loop_name, "", loop_dgram_errors},
};

// What a kernel without the row says; anything else is a defect, and its tests shall run and fail.
bool lacking(const afplug::error_code& ec) {
  if (ec.category() != boost::system::system_category()) return false;
  for (int number :
       {EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPROTOTYPE, ENOPROTOOPT, EPERM, EACCES, ENODEV, EADDRNOTAVAIL})
    if (ec.value() == number) return true;
  return false;
}

}  // namespace

const std::vector<const row*>& all_rows() {
  static const auto all = [] {
    std::vector<const row*> v;
    for (const auto rows : {std::span<const row>(table), netlink_rows(), packet_rows(), bluetooth_rows()})
      for (const row& r : rows) v.push_back(&r);
    return v;
  }();
  return all;
}

const std::string& why_not(const row& r) {
  static std::map<const row*, std::string> known;
  const auto [it, is_new] = known.try_emplace(&r);
  if (is_new) try {
      std::optional<apart_network> network;
      if (r.has(apart)) network.emplace();
      if (r.has(apart) && !network->why_not().empty()) return it->second = r.family + ": "s + network->why_not();
      if (r.own.prepare) r.own.prepare();
      bound(r);
      if (r.own.missing) it->second = r.own.missing(r);
    } catch (const afplug::error& e) {
      if (lacking(e.code())) it->second = e.what();
    }
  return it->second;
}

std::vector<const row*> rows(std::uint64_t with, std::uint64_t without) {
  std::vector<const row*> chosen;
  for (const row* r : all_rows())
    if (r->has(with) && (r->can & without) == 0 && why_not(*r).empty()) chosen.push_back(r);
  return chosen;
}

void PrintTo(const row* r, std::ostream* out) { *out << r->name; }

afplug::socket open(const row& r, int type_flags) { return afplug::socket(r.family, r.type | type_flags, r.protocol); }

afplug::address fresh(const row& r) { return afplug::address(r.family, r.fresh(), r.type, r.protocol); }

afplug::socket bound(const row& r) {
  auto s = open(r);
  if (r.error.bind == 0) s.bind(fresh(r));
  if (r.has(one_to_many)) s.listen();
  return s;
}

afplug::socket listening(const row& r, int backlog) {
  auto s = bound(r);
  s.listen(backlog);
  return s;
}

link connected(const row& r) {
  if (r.own.connected) return r.own.connected(r);
  if (r.has(mute)) return {bound(r), bound(r)};
  link l;
  if (r.has(listens)) {
    auto server = listening(r);
    l.a = open(r);
    set_out(r, l.a, server.getsockname());
    l.b = server.accept();
    arrive(r, l.a);
  } else {
    l.a = bound(r);
    l.b = bound(r);
    l.a.connect(l.b.getsockname());
    l.b.connect(l.a.getsockname());
  }
  return l;
}

afplug::error_code reach(const row& r, afplug::socket& client,
                         const std::function<void(afplug::error_code&)>& connect) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  for (afplug::error_code ec;; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
    if (r.own.settle) r.own.settle();
    connect(ec);
    const bool busy = ec == afplug::error_code(EBUSY, boost::system::system_category());
    if (!busy || !r.has(one_at_a_time) || std::chrono::steady_clock::now() > end) return ec;
    const auto mode = client.timeout();
    client = open(r);
    client.timeout(mode);
  }
}

afplug::error_code reach(const row& r, afplug::socket& client, const afplug::address& to) {
  return reach(r, client, [&](auto& ec) { client.connect(to, ec); });
}

void set_out(const row& r, afplug::socket& client, const afplug::address& to) {
  if (!r.has(meets)) {
    if (const auto ec = reach(r, client, to)) throw afplug::error(ec, std::string(afplug::last_detail()));
    return;
  }
  client.timeout(std::chrono::nanoseconds(0));
  if (const int got = client.connect_ex(to); got != EINPROGRESS)
    throw std::runtime_error("connect did not begin: " + std::to_string(got));
}

void arrive(const row& r, afplug::socket& client) {
  if (!r.has(meets)) return;
  client.wait(POLLOUT, std::chrono::minutes(1));
  afplug::error_code ec;
  client.connect_result(ec);
  if (ec) throw afplug::error(ec, "connect");
  client.timeout({});
}

std::string message(const row& r, unsigned i) {
  return r.own.message ? r.own.message(i) : "message " + std::to_string(i);
}

std::string sent(const row& r, std::string bytes) {
  bytes.erase(0, std::min(r.own.header, bytes.size()));
  if (r.own.restore) r.own.restore(bytes);
  return bytes;
}

}  // namespace conformance
