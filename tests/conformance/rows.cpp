// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The table of rows: a family joins the suite here.
#include <linux/can.h>
#include <linux/can/bcm.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <ostream>
#include <thread>

// Uses types of the headers above.
#include <linux/sctp.h>
#include <linux/vm_sockets.h>

#include "network_namespace.hpp"
#include "row.hpp"
#include "rows.hpp"

namespace conformance {
namespace {

using namespace std::string_literals;

std::string unique_suffix() {
  static std::atomic<unsigned> count{0};
  return std::to_string(::getpid()) + "-" + std::to_string(++count);
}
std::string abstract_name() { return "@afplug-conformance-" + unique_suffix(); }
std::string loop_name() { return "conformance-" + unique_suffix(); }
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
// CAN_BCM delivers the frames that it sends to its own RX_SETUP filters, too.
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
// Turns RX_CHANGED into the TX_SEND that caused it.
void bcm_as_sent(std::string& received) {
  const auto was = bcm_message(RX_CHANGED, RX_FILTER_ID, ""), now = bcm_message(TX_SEND, 0, "");
  for (std::size_t i = 0; i < 8 && i < received.size(); ++i)
    if (received[i] == was[i]) received[i] = now[i];
}
link bcm_to_itself(const row& r) {
  link l{open(r), {}};
  l.a.connect(fresh_address(r));
  l.a.send(bcm_message(RX_SETUP, RX_FILTER_ID, ""));
  l.b = l.a.dup();
  return l;
}
std::string no_can_interface(const row&) {
  return ::if_nametoindex("vcan0") != 0 ? "" : "can: there is no interface vcan0";
}
std::string isotp_text(unsigned rx, unsigned tx) {
  return "vcan0?rx=" + std::to_string(rx) + "&tx=" + std::to_string(tx);
}
unsigned next_isotp_identifier() {
  static std::atomic<unsigned> count{0};
  return CAN_EFF_FLAG | (0x10000 + 2 * ++count);
}
std::string isotp_address() {
  const unsigned id = next_isotp_identifier();
  return isotp_text(id, id + 1);
}
std::string j1939_address() {
  static std::atomic<unsigned> count{0};
  return "vcan0?addr=" + std::to_string(1 + ++count % 200);
}
// Eight bytes, which fit into one frame.
std::string j1939_message(unsigned i) { return "no." + std::to_string(10000 + i); }
// The parameter group number of a message that is sent to an address alone is 0.
afplug::address with_parameter_group_0(afplug::address name) {
  reinterpret_cast<sockaddr_can*>(name.data())->can_addr.j1939.pgn = 0;
  return name;
}
link both_bound(const row& r) { return {bound(r), bound(r)}; }
link isotp_pair(const row& r) {
  const unsigned id = next_isotp_identifier();
  link l{open(r), open(r)};
  l.a.bind(isotp_text(id, id + 1));
  l.b.bind(isotp_text(id + 1, id));
  return l;
}

unsigned next_host() {
  static std::atomic<unsigned> count{0};
  return ++count;
}
std::string host4() {
  return "127.1." + std::to_string(next_host() / 250) + "." + std::to_string(1 + next_host() % 250);
}
std::string host6() { return "fd00:af::" + std::to_string(next_host()); }
// getsockname reports a raw socket's protocol as its port; recvfrom reports port 0.
afplug::address without_port(afplug::address name) {
  // The port is at the same offset in sockaddr_in and sockaddr_in6.
  reinterpret_cast<sockaddr_in*>(name.data())->sin_port = 0;
  return name;
}
std::string icmp_message(std::uint8_t type, unsigned i) {
  std::string m(8, '\0');
  m[0] = static_cast<char>(type);
  m[6] = static_cast<char>(i >> 8);
  m[7] = static_cast<char>(i);
  return m + "message " + std::to_string(i);
}
// Type 200 is for private experimentation (RFC 4443, section 2.1): the kernel does not act on it.
std::string unassigned_icmp6(unsigned i) { return icmp_message(200, i); }
void clear_checksum(std::string& arrived) {
  for (std::size_t i : {2u, 3u})
    if (i < arrived.size()) arrived[i] = '\0';
}
// Turns an echo reply back into the request. The kernel sets checksum and identifier of both.
void request_of_reply(std::string& reply, std::uint8_t type) {
  for (std::size_t i : {0u, 2u, 3u, 4u, 5u})
    if (i < reply.size()) reply[i] = i == 0 ? static_cast<char>(type) : '\0';
}
std::string echo_request4(unsigned i) { return icmp_message(ICMP_ECHO, i); }
std::string echo_request6(unsigned i) { return icmp_message(ICMP6_ECHO_REQUEST, i); }
void request_of_reply4(std::string& reply) { request_of_reply(reply, ICMP_ECHO); }
void request_of_reply6(std::string& reply) { request_of_reply(reply, ICMP6_ECHO_REQUEST); }
link to_itself(const row& r) {
  link l{bound(r), {}};
  l.a.connect(l.a.getsockname());
  l.b = l.a.dup();
  return l;
}

// Sockets of IPPROTO_RAW with IP_HDRINCL off: the kernel adds the IP header.
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

unsigned next_vsock_port() {
  static std::atomic<unsigned> count{0};
  return 0x20000 + ++count;
}
std::string vsock_local() { return "local:" + std::to_string(next_vsock_port()); }
std::string vsock_any() { return "any:" + std::to_string(next_vsock_port()); }
// VMCI reports the host's CID as the sender's, whatever CID the sender is bound to.
afplug::address with_host_cid(afplug::address name) {
  reinterpret_cast<sockaddr_vm*>(name.data())->svm_cid = VMADDR_CID_HOST;
  return name;
}
std::string hyperv_local() {
  char port[9];
  std::snprintf(port, sizeof port, "%08x", next_vsock_port());
  return "e0e16197-dd56-4a10-9195-5ee7a155a838/"s + port + "-facb-11e6-bd58-64006a7986d3";
}
// Binds the client, because an unbound one has VMADDR_CID_ANY as its CID.
link vsock_connection(const row& r) {
  auto server = listening(r);
  link l{bound(r), {}};
  l.a.connect(server.getsockname());
  l.b = server.accept();
  return l;
}
// Peels off the socket's first association (RFC 6458, section 9.2): a one-to-one socket, on which send(2) needs no
// address.
afplug::socket peeled_off(const afplug::socket& s) {
  struct {
    std::uint32_t count;
    sctp_assoc_t first;
  } associations{};
  s.getsockopt(IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, afplug::mutable_bytes(&associations, sizeof associations));
  sctp_peeloff_flags_arg_t off{{associations.first, -1}, SOCK_CLOEXEC};
  s.getsockopt(IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, afplug::mutable_bytes(&off, sizeof off));
  return afplug::socket::adopt(off.p_arg.sd);
}
// getsockname on a peeled-off IPv6 socket returns the unspecified address with its port.
afplug::address with_loopback6(afplug::address name) {
  reinterpret_cast<sockaddr_in6*>(name.data())->sin6_addr = in6addr_loopback;
  return name;
}
link peeled_off_pair(const row& r) {
  auto one = bound(r), other = bound(r);
  one.connect(other.getsockname());
  return {peeled_off(one), peeled_off(other)};
}
// ---- traits ----

constexpr auto tcp_mptcp = changed(row_traits{}, [](auto& t) {
  t.connection.listens = t.connection.waits_when_backlog_full = true;
  t.delivery.stream = t.delivery.flow_control = t.delivery.pollout_clears_when_full = true;
  t.shutdown.half_close = t.shutdown.wakes_accept = true;
});
constexpr auto tcp = changed(tcp_mptcp, [](auto& t) { t.delivery.msg_oob = true; });
constexpr auto udp6 = changed(row_traits{}, [](auto& t) {
  t.addressing.ip_multicast = true;
  t.connection.connectionless = true;
  t.ancillary.so_timestamp = t.ancillary.msg_errqueue = t.ancillary.ip_pktinfo = true;
});
constexpr auto udp4 = changed(udp6, [](auto& t) { t.addressing.so_broadcast = true; });
constexpr auto ping = changed(row_traits{}, [](auto& t) {
  t.environment.in_network_namespace = true;
  t.delivery.loops_back = t.delivery.msg_trunc_returns_copied_size = true;
});
constexpr auto raw_any = changed(row_traits{}, [](auto& t) {
  t.environment.in_network_namespace = true;
  t.connection.connectionless = true;
  t.ancillary.so_timestamp = t.ancillary.ip_pktinfo = true;
});
constexpr auto raw_errqueue = changed(raw_any, [](auto& t) { t.ancillary.msg_errqueue = true; });
constexpr auto raw_header_included = changed(row_traits{}, [](auto& t) {
  t.environment.in_network_namespace = true;
  t.addressing.recvfrom_names_peer = true;
  t.delivery.header_included = true;
});
constexpr auto sctp_one_to_one = changed(row_traits{}, [](auto& t) {
  t.addressing.recvfrom_names_peer = true;
  t.connection.listens = true;
  t.delivery.flow_control = t.delivery.keeps_rest_of_message = true;
  t.shutdown.closes_both_directions = true;
});
constexpr auto sctp_one_to_many = changed(row_traits{}, [](auto& t) {
  t.connection.one_to_many = t.connection.connectionless = true;
  t.delivery.flow_control = t.delivery.keeps_rest_of_message = true;
});
constexpr auto can_raw = changed(row_traits{}, [](auto& t) {
  t.addressing.so_protocol_is_zero = true;
  t.connection.no_connect = true;
  t.delivery.msg_trunc_returns_copied_size = true;
});
constexpr auto can_bcm = changed(row_traits{}, [](auto& t) {
  t.addressing.so_protocol_is_zero = t.addressing.no_local_address = true;
  t.delivery.loops_back = t.delivery.msg_trunc_returns_copied_size = t.delivery.no_msg_trunc = true;
});
constexpr auto can_isotp = changed(row_traits{}, [](auto& t) {
  t.addressing.so_protocol_is_zero = true;
  t.connection.no_connect = true;
});
constexpr auto can_j1939 = changed(row_traits{}, [](auto& t) {
  t.connection.connectionless = true;
  t.delivery.msg_peek = false;
  t.ancillary.on_every_message = true;
});
constexpr auto vsock_stream = changed(row_traits{}, [](auto& t) {
  t.connection.listens = true;
  t.delivery.stream = t.delivery.flow_control = true;
  t.shutdown.half_close = true;
});
constexpr auto vsock_seqpacket = changed(row_traits{}, [](auto& t) {
  t.connection.listens = true;
  t.delivery.msg_peek = false;
  t.delivery.zero_length_does_nothing = true;
  t.shutdown.half_close = true;
});
constexpr auto vsock_dgram = changed(row_traits{}, [](auto& t) {
  t.environment.on_one_cpu = true;
  t.connection.connectionless = t.connection.receives_from_any_peer = true;
  t.delivery.msg_trunc_returns_copied_size = true;
});
constexpr auto hyperv_stream = changed(vsock_stream, [](auto& t) { t.addressing.so_domain_differs = true; });
constexpr auto tipc = changed(row_traits{}, [](auto& t) {
  t.addressing.named_at_creation = true;
  t.connection.socketpair = true;
  t.delivery.drops_empty_messages = true;
});
constexpr auto tipc_connectionless = changed(tipc, [](auto& t) {
  t.connection.connectionless = t.connection.receives_from_any_peer = true;
  t.delivery.msg_trunc_returns_copied_size = true;
});
constexpr auto tipc_stream = changed(tipc, [](auto& t) {
  t.addressing.recvfrom_names_peer = true;
  t.connection.listens = t.connection.waits_for_accept = true;
  t.delivery.stream = t.delivery.flow_control = t.delivery.pollout_clears_when_full = true;
  t.shutdown.recv_repeats_reset = true;
});
constexpr auto tipc_seqpacket = changed(tipc_stream, [](auto& t) {
  t.delivery.stream = false;
  t.delivery.msg_trunc_returns_copied_size = true;
});
// What accept returns transforms what is written to it and exchanges no data with another socket; a receive of more
// than the result waits, and poll reports POLLIN before there is a result. tests/families/alg_test.cpp tests it.
constexpr auto alg = changed(row_traits{}, [](auto& t) {
  t.addressing.no_local_address = true;
  t.delivery.no_data = true;
  t.delivery.msg_peek = false;
});
constexpr auto qipcrtr = changed(row_traits{}, [](auto& t) {
  t.connection.connectionless = t.connection.receives_from_any_peer = true;
  t.delivery.refuses_msg_nosignal = true;
  t.delivery.msg_trunc_returns_copied_size = t.delivery.blocking_call_holds_lock = true;
});
constexpr auto rds = changed(row_traits{}, [](auto& t) {
  t.connection.connectionless = t.connection.receives_from_any_peer = true;
  t.delivery.refuses_msg_nosignal = t.delivery.readable_once_at_start = true;
});
// What the types of AF_UNIX and of the loop family share.
constexpr auto unix_and_loop = changed(row_traits{}, [](auto& t) {
  t.environment.always_available = true;
  t.addressing.clients_unbound = true;
  t.connection.socketpair = true;
  t.delivery.flow_control = t.delivery.pollout_clears_when_full = true;
  t.ancillary.scm_rights = t.ancillary.scm_credentials = true;
});
constexpr auto listening_type = [](row_traits& t) {
  t.connection.listens = t.connection.waits_when_backlog_full = true;
  t.shutdown.half_close = t.shutdown.wakes_accept = true;
};
constexpr auto unix_any = changed(unix_and_loop, [](auto& t) { t.addressing.unix_names = true; });
constexpr auto unix_seqpacket = changed(unix_any, listening_type);
constexpr auto unix_stream = changed(unix_seqpacket, [](auto& t) { t.delivery.stream = t.delivery.msg_oob = true; });
constexpr auto unix_dgram =
    changed(unix_any, [](auto& t) { t.connection.connectionless = t.ancillary.so_timestamp = true; });
constexpr auto loop_any = changed(unix_and_loop, [](auto& t) {
  t.environment.user_space = true;
  t.environment.usable_after_fork = false;
});
constexpr auto loop_seqpacket = changed(loop_any, listening_type);
constexpr auto loop_stream = changed(loop_seqpacket, [](auto& t) { t.delivery.stream = true; });
constexpr auto loop_dgram = changed(loop_any, [](auto& t) { t.connection.connectionless = true; });
constexpr row_traits always(row_traits t) {
  t.environment.always_available = true;
  return t;
}

// ---- errors ----

// ip_getsockopt() in net/ipv4/ip_sockglue.c returns EOPNOTSUPP for a level other than SOL_IP.
constexpr auto ip4_level = [](row_errors& e) { e.options.getsockopt_unknown_level = EOPNOTSUPP; };
constexpr row_errors tcp6_errors{};
constexpr auto tcp4_errors = changed(tcp6_errors, ip4_level);
constexpr auto mptcp_errors = changed(tcp4_errors, [](auto& e) {
  e.shutdown.send_after_close = 0;
  e.options.setsockopt_unknown_option = EOPNOTSUPP;
});
// inet_dgram_ops in net/ipv4/af_inet.c: sock_no_listen(), sock_no_accept().
constexpr row_errors udp6_errors{.connection = {.listen_unbound = EOPNOTSUPP,
                                                .listen_connected = EOPNOTSUPP,
                                                .accept_not_listening = EOPNOTSUPP,
                                                .connect_no_listener = 0,
                                                .connect_nonblocking = 0,
                                                .connect_connected = 0},
                                 .delivery = {.recv_unconnected = EAGAIN,
                                              .send_unconnected = EDESTADDRREQ,
                                              .sendto_no_receiver = 0,
                                              .send_too_large = EMSGSIZE},
                                 .shutdown = {.send_after_close = ECONNREFUSED}};
// udp_sendmsg() in net/ipv4/udp.c refuses MSG_OOB, udpv6_sendmsg() does not.
constexpr auto udp4_errors = changed(udp6_errors, [](auto& e) {
  e.delivery.send_msg_oob = EOPNOTSUPP;
  ip4_level(e);
});
// net/unix/af_unix.c
constexpr row_errors unix_stream_errors{
    .creation = {.socketpair = 0},
    .addressing = {.bind_other_family = EINVAL, .bind_short_address = 0},
    .connection = {.listen_unbound = EINVAL, .connect_nonblocking = 0, .connect_backlog_full = EAGAIN},
    .delivery = {.recv_unconnected = EINVAL,
                 .send_unconnected = ENOTCONN,
                 .sendto_no_receiver = EOPNOTSUPP,
                 .sendto_when_connected = EISCONN},
    .shutdown = {.unconnected = 0},
    .options = {.getsockopt_unknown_level = EOPNOTSUPP, .setsockopt_unknown_level = EOPNOTSUPP}};
constexpr auto unix_seqpacket_errors = changed(unix_stream_errors, [](auto& e) {
  e.delivery.recv_unconnected = ENOTCONN;
  e.delivery.sendto_no_receiver = ENOTCONN;
  e.delivery.sendto_when_connected = 0;
  e.delivery.send_msg_oob = EOPNOTSUPP;
  e.delivery.send_too_large = EMSGSIZE;
});
constexpr row_errors unix_dgram_errors{
    .creation = {.socketpair = 0},
    .addressing = {.bind_other_family = EINVAL, .bind_short_address = 0},
    .connection = {.listen_unbound = EOPNOTSUPP,
                   .listen_connected = EOPNOTSUPP,
                   .accept_not_listening = EOPNOTSUPP,
                   .connect_nonblocking = 0,
                   .connect_connected = 0},
    .delivery = {.recv_unconnected = EAGAIN,
                 .send_unconnected = ENOTCONN,
                 .sendto_no_receiver = ECONNREFUSED,
                 .sendto_connected_receiver = EPERM,
                 .send_msg_oob = EOPNOTSUPP,
                 .send_too_large = EMSGSIZE},
    .shutdown = {.unconnected = 0, .send_after_close = ECONNREFUSED},
    .options = {.getsockopt_unknown_level = EOPNOTSUPP, .setsockopt_unknown_level = EOPNOTSUPP}};
// plugins/loop behaves as unix(7) does, except for these.
constexpr auto loop_levels = [](row_errors& e) { e.options = {}; };
constexpr auto loop_dgram_errors = changed(unix_dgram_errors, loop_levels);
constexpr auto loop_stream_errors = changed(unix_stream_errors, [](auto& e) {
  loop_levels(e);
  e.connection.connect_backlog_full = EINPROGRESS;
  e.delivery.recv_unconnected = ENOTCONN;
  e.delivery.send_msg_oob = EOPNOTSUPP;
  e.shutdown.unconnected = ENOTCONN;
});
constexpr auto loop_seqpacket_errors = changed(loop_stream_errors, [](auto& e) {
  e.delivery.sendto_no_receiver = ENOTCONN;
  e.delivery.sendto_when_connected = 0;
  e.delivery.send_too_large = EMSGSIZE;
});

// net/can/isotp.c
constexpr auto isotp_errors = changed(no_connect_errors, [](auto& e) {
  e.addressing.bind_twice = EINVAL;
  e.delivery.recv_unconnected = EADDRNOTAVAIL;
  e.delivery.send_unconnected = EADDRNOTAVAIL;
  e.delivery.sendto_no_receiver = EADDRNOTAVAIL;
  e.shutdown.send_after_close = ECOMM;
});
// net/can/bcm.c: bcm_ops has sock_no_bind() and sock_no_getname(), and no setsockopt.
constexpr auto bcm_errors = changed(no_connect_errors, [](auto& e) {
  e.addressing.bind = EOPNOTSUPP;
  e.addressing.bind_other_family = EOPNOTSUPP;
  e.addressing.bind_short_address = EOPNOTSUPP;
  e.addressing.getsockname = EOPNOTSUPP;
  e.connection.connect_no_listener = 0;
  e.delivery.send_unconnected = ENOTCONN;
  e.delivery.sendto_no_receiver = ENOTCONN;
  e.options.getsockopt_unknown_level = EOPNOTSUPP;
  e.options.setsockopt_unknown_level = EOPNOTSUPP;
});
// net/can/j1939/socket.c
constexpr auto j1939_errors = changed(no_connect_errors, [](auto& e) {
  e.addressing.getpeername_unconnected = EADDRNOTAVAIL;
  e.addressing.getpeername_connected = 0;
  e.connection.connect_no_listener = EINVAL;
  e.connection.connect_connected = 0;
  e.connection.connect_unbound = EINVAL;
  e.connection.connect_unspec = EINVAL;
  e.delivery.send_unconnected = EBADFD;
  e.delivery.sendto_no_receiver = EBADFD;
  e.delivery.send_empty = 0;
  e.delivery.send_too_large = EMSGSIZE;
  e.delivery.recv_msg_peek = EINVAL;
  e.delivery.recv_msg_trunc = EINVAL;
});
// SELinux, even without a policy, checks an address before the socket does: selinux_socket_bind().
bool selinux() { return ::access("/sys/fs/selinux", F_OK) == 0; }
// net/ipv4/raw.c
const auto raw4_errors = changed(udp4_errors, [](auto& e) {
  e.creation.unknown_protocol = 0;
  e.addressing.bind_twice = 0;
  e.addressing.bind_in_use = 0;
  e.addressing.bind_other_family = selinux() ? EAFNOSUPPORT : 0;
  e.delivery.errqueue_no_receiver = ENOPROTOOPT;
  e.shutdown.send_after_shutdown = 0;
  e.shutdown.send_after_close = 0;
});
// raw_probe_proto_opt() and rawv6_probe_proto_opt() read the type and code of an ICMP message.
constexpr auto needs_icmp_header = [](row_errors& e) { e.delivery.send_empty = EFAULT; };
// "message 0" is shorter than an IP header.
constexpr auto needs_ip_header = [](row_errors& e) { e.delivery.sendto_no_receiver = EINVAL; };
const auto raw4_icmp_errors = changed(raw4_errors, needs_icmp_header);
const auto raw4_whole_errors = changed(raw4_errors, needs_ip_header);
// net/ipv6/raw.c
const auto raw6_errors = changed(raw4_errors, [](auto& e) {
  e.addressing.bind_other_family = selinux() ? EAFNOSUPPORT : EINVAL;
  e.delivery.errqueue_no_receiver = EPROTO;
  e.options.getsockopt_unknown_level = ENOPROTOOPT;
});
const auto raw6_icmp_errors = changed(raw6_errors, needs_icmp_header);
const auto raw6_whole_errors = changed(raw6_errors, needs_ip_header);
// net/ipv4/ping.c
constexpr auto ping4_errors = changed(udp4_errors, [](auto& e) {
  e.addressing.bind_in_use = 0;
  e.delivery.send_empty = EINVAL;
  e.shutdown.send_after_close = 0;
});
constexpr auto ping6_errors = changed(ping4_errors, [](auto& e) { e.options.getsockopt_unknown_level = ENOPROTOOPT; });
// crypto/af_alg.c: alg_proto_ops has sock_no_connect(), sock_no_getname(), sock_no_listen() and so on.
constexpr row_errors alg_errors{
    .addressing = {.bind_other_family = ENOENT, .getsockname = EOPNOTSUPP, .getpeername_unconnected = EOPNOTSUPP},
    .connection = {.listen_unbound = EOPNOTSUPP,
                   .listen_connected = EOPNOTSUPP,
                   .accept_not_listening = 0,
                   .connect_no_listener = EOPNOTSUPP},
    .delivery = {.recv_unconnected = EOPNOTSUPP, .send_unconnected = EOPNOTSUPP, .sendto_no_receiver = EOPNOTSUPP},
    .shutdown = {.unconnected = EOPNOTSUPP},
    .options = {.getsockopt_unknown_level = EOPNOTSUPP}};
// net/tipc/socket.c
constexpr auto tipc_connectionless_errors = changed(udp6_errors, [](auto& e) {
  e.creation.unknown_type = EPROTOTYPE;
  e.creation.socketpair = 0;
  e.addressing.bind_twice = 0;
  e.addressing.bind_in_use = 0;
  e.addressing.bind_other_family = EINVAL;
  e.addressing.getpeername_connected = ENOTCONN;
  e.delivery.recv_empty = EINVAL;
  e.shutdown.unconnected = EINVAL;
  e.shutdown.both = ENOTCONN;
  e.shutdown.one_direction = EINVAL;
  e.shutdown.send_after_shutdown = 0;
  e.shutdown.send_after_close = 0;
});
constexpr row_errors tipc_stream_errors{
    .creation = {.unknown_type = EPROTOTYPE, .socketpair = 0},
    .addressing = {.bind_twice = 0, .bind_in_use = 0, .bind_other_family = EINVAL},
    .connection = {.listen_again = EINVAL},
    .delivery = {.send_unconnected = ENOTCONN, .sendto_no_receiver = 0, .recv_empty = EINVAL},
    .shutdown = {
        .unconnected = EINVAL, .one_direction = EINVAL, .send_after_shutdown = 0, .recv_after_close = ECONNRESET}};
constexpr auto tipc_seqpacket_errors =
    changed(tipc_stream_errors, [](auto& e) { e.delivery.send_too_large = EMSGSIZE; });
// net/qrtr/af_qrtr.c
constexpr auto qrtr_errors = changed(udp4_errors, [](auto& e) {
  e.creation.unknown_type = EPROTOTYPE;
  e.creation.unknown_protocol = 0;
  e.addressing.bind_twice = 0;
  e.addressing.bind_other_family = EINVAL;
  e.connection.connect_unspec = EINVAL;
  e.delivery.recv_unconnected = EADDRNOTAVAIL;
  e.delivery.send_unconnected = ENOTCONN;
  e.delivery.sendto_no_receiver = ENODEV;
  e.delivery.send_msg_oob = EINVAL;
  e.shutdown.unconnected = EOPNOTSUPP;
  e.shutdown.bad_how = EOPNOTSUPP;
  e.shutdown.both = EOPNOTSUPP;
  e.shutdown.one_direction = EOPNOTSUPP;
  e.shutdown.send_after_shutdown = 0;
  e.shutdown.send_after_close = ENODEV;
  e.options.setsockopt_unknown_level = EOPNOTSUPP;
});
// net/rds/af_rds.c
constexpr auto rds_errors = changed(udp4_errors, [](auto& e) {
  e.creation.unknown_protocol = ESOCKTNOSUPPORT;
  e.addressing.bind_other_family = EINVAL;
  e.connection.connect_unspec = EAFNOSUPPORT;
  e.delivery.send_unconnected = ENOTCONN;
  e.delivery.sendto_no_receiver = ENOTCONN;
  e.shutdown.unconnected = EOPNOTSUPP;
  e.shutdown.bad_how = EOPNOTSUPP;
  e.shutdown.both = EOPNOTSUPP;
  e.shutdown.one_direction = EOPNOTSUPP;
  e.shutdown.send_after_shutdown = 0;
  e.shutdown.send_after_close = 0;
  e.options.getsockopt_unknown_level = ENOPROTOOPT;
});
// net/sctp/socket.c: sctp_inet_listen(), sctp_accept() and sctp_disconnect() distinguish the two styles.
constexpr auto sctp6_errors = changed(tcp6_errors, [](auto& e) {
  e.connection.listen_backlog_zero = EINVAL;
  e.delivery.recv_unconnected = EAGAIN;
  e.delivery.sendto_no_receiver = 0;
  e.delivery.send_empty = EINVAL;
  e.delivery.send_too_large = EMSGSIZE;
});
constexpr auto sctp4_errors = changed(sctp6_errors, ip4_level);
constexpr auto sctp6_seqpacket_errors = changed(sctp6_errors, [](auto& e) {
  e.connection.accept_not_listening = EOPNOTSUPP;
  e.connection.connect_unspec = EOPNOTSUPP;
  e.shutdown.send_after_shutdown = 0;
});
constexpr auto sctp4_seqpacket_errors = changed(sctp6_seqpacket_errors, ip4_level);
// net/vmw_vsock/af_vsock.c
constexpr row_errors vsock_stream_errors{.creation = {.unknown_type = ESOCKTNOSUPPORT},
                                         .addressing = {.bind_other_family = EINVAL},
                                         .connection = {.listen_unbound = EINVAL, .connect_no_listener = ECONNRESET},
                                         .delivery = {.send_unconnected = ENOTCONN,
                                                      .sendto_no_receiver = EOPNOTSUPP,
                                                      .sendto_when_connected = EISCONN,
                                                      .recv_msg_peek = EOPNOTSUPP,
                                                      .send_msg_oob = EOPNOTSUPP},
                                         .shutdown = {.recv_after_reset = 0}};
const auto vsock_seqpacket_errors = changed(vsock_stream_errors, [](auto& e) {
  // Before Linux 6.3 vsock_connectible_sendmsg() and its receiving counterpart turn every error of the transport into
  // ENOMEM.
  utsname running{};
  int major = 0, minor = 0;
  ::uname(&running);
  std::sscanf(running.release, "%d.%d", &major, &minor);
  const bool before_6_3 = major < 6 || (major == 6 && minor < 3);
  e.delivery.send_too_large = before_6_3 ? ENOMEM : EMSGSIZE;
  e.delivery.recv_msg_peek = before_6_3 ? ENOMEM : EOPNOTSUPP;
});
// net/vmw_vsock/vmci_transport.c
constexpr auto vsock_dgram_errors = changed(udp4_errors, [](auto& e) {
  e.creation.unknown_type = ESOCKTNOSUPPORT;
  e.addressing.bind_other_family = EINVAL;
  e.delivery.send_unconnected = EINVAL;
  e.delivery.sendto_no_receiver = EHOSTUNREACH;
  e.shutdown.send_after_shutdown = EINVAL;
  e.shutdown.send_after_close = EHOSTUNREACH;
  e.options.setsockopt_unknown_level = EOPNOTSUPP;
});

// ---- parameters ----

// mptcp_setsockopt_sol_socket() in net/mptcp/sockopt.c returns 0 for them and does nothing.
constexpr row_parameters mptcp_parameters{
    .ignored_options =
        "SO_BROADCAST SO_DONTROUTE SO_NOFCS SO_NO_CHECK SO_PASSCRED SO_PASSSEC SO_RXQ_OVFL "
        "SO_SELECT_ERR_QUEUE SO_WIFI_STATUS"};
constexpr row_parameters can_raw_parameters{
    .large_message = 16, .make_message = can_frame_of, .connect = both_bound, .why_unavailable = no_can_interface};
constexpr row_parameters bcm_parameters{.make_message = bcm_to_send,
                                        .undo_changes = bcm_as_sent,
                                        .connect = bcm_to_itself,
                                        .why_unavailable = no_can_interface};
constexpr row_parameters isotp_parameters{
    .large_message = 60, .connect = isotp_pair, .why_unavailable = no_can_interface};
constexpr row_parameters j1939_parameters{.large_message = 8,
                                          .make_message = j1939_message,
                                          .why_unavailable = no_can_interface,
                                          .as_sender = with_parameter_group_0};
constexpr row_parameters ping4_parameters{
    .make_message = echo_request4, .undo_changes = request_of_reply4, .connect = to_itself};
constexpr row_parameters ping6_parameters{
    .make_message = echo_request6, .undo_changes = request_of_reply6, .connect = to_itself};
constexpr row_parameters raw4_parameters{.header_size = sizeof(iphdr), .as_sender = without_port};
constexpr row_parameters raw4_whole_parameters{
    .header_size = sizeof(iphdr), .connect = without_headers, .as_sender = without_port};
constexpr row_parameters raw6_parameters{.refused_options = "IPV6_V6ONLY", .as_sender = without_port};
constexpr row_parameters raw6_whole_parameters{
    .connect = without_headers, .refused_options = "IPV6_V6ONLY", .as_sender = without_port};
constexpr row_parameters raw6_icmp_parameters{.make_message = unassigned_icmp6,
                                              .undo_changes = clear_checksum,
                                              .refused_options = "IPV6_V6ONLY IPV6_CHECKSUM",
                                              .as_sender = without_port};
constexpr row_parameters tipc_parameters{.refused_options = "TIPC_NODELAY"};
constexpr row_parameters rds_parameters{.refused_options = "SO_RDS_TRANSPORT"};
constexpr row_parameters sctp4_many_parameters{.connect = peeled_off_pair};
constexpr row_parameters sctp6_many_parameters{.connect = peeled_off_pair,
                                               .as_sender = with_loopback6,
                                               .as_destination = with_loopback6,
                                               .as_peer = with_loopback6};
constexpr row_parameters vsock_parameters{.connect = vsock_connection};
constexpr row_parameters vsock_dgram_parameters{.as_sender = with_host_cid};

const row table[] = {
    {"can_raw", "can", SOCK_RAW, CAN_RAW, can_raw, can_interface, "any", no_connect_errors, can_raw_parameters},
    {"can_bcm", "can", SOCK_DGRAM, CAN_BCM, can_bcm, can_interface, "", bcm_errors, bcm_parameters},
    {"can_isotp", "can", SOCK_DGRAM, CAN_ISOTP, can_isotp, isotp_address, "any?rx=0x0&tx=0x0", isotp_errors,
     isotp_parameters},
    {"can_j1939", "can", SOCK_DGRAM, CAN_J1939, can_j1939, j1939_address, "any", j1939_errors, j1939_parameters},
    {"vsock_stream", "vsock", SOCK_STREAM, 0, vsock_stream, vsock_local, "any:any", vsock_stream_errors,
     vsock_parameters},
    {"vsock_seqpacket", "vsock", SOCK_SEQPACKET, 0, vsock_seqpacket, vsock_local, "any:any", vsock_seqpacket_errors,
     vsock_parameters},
    {"vsock_dgram", "vsock", SOCK_DGRAM, 0, vsock_dgram, vsock_any, "any:any", vsock_dgram_errors,
     vsock_dgram_parameters},
    {"hyperv_stream", "hyperv", SOCK_STREAM, 1, hyperv_stream, hyperv_local,
     "00000000-0000-0000-0000-000000000000/ffffffff-facb-11e6-bd58-64006a7986d3", vsock_stream_errors,
     vsock_parameters},
    {"tcp4", "inet", SOCK_STREAM, 0, always(tcp), loopback4, "0.0.0.0:0", tcp4_errors},
    {"tcp6", "inet6", SOCK_STREAM, 0, tcp, loopback6, "[::]:0", tcp6_errors},
    {"mptcp4", "inet", SOCK_STREAM, IPPROTO_MPTCP, tcp_mptcp, loopback4, "0.0.0.0:0", mptcp_errors, mptcp_parameters},
    {"mptcp6", "inet6", SOCK_STREAM, IPPROTO_MPTCP, tcp_mptcp, loopback6, "[::]:0", mptcp_errors, mptcp_parameters},
    {"udp4", "inet", SOCK_DGRAM, 0, always(udp4), loopback4, "0.0.0.0:0", udp4_errors},
    {"udp6", "inet6", SOCK_DGRAM, 0, udp6, loopback6, "[::]:0", udp6_errors},
    {"udplite4", "inet", SOCK_DGRAM, IPPROTO_UDPLITE, udp4, loopback4, "0.0.0.0:0", udp4_errors},
    {"udplite6", "inet6", SOCK_DGRAM, IPPROTO_UDPLITE, udp6, loopback6, "[::]:0", udp6_errors},
    {"ping4", "inet", SOCK_DGRAM, IPPROTO_ICMP, ping, loopback4, "0.0.0.0:0", ping4_errors, ping4_parameters},
    {"ping6", "inet6", SOCK_DGRAM, IPPROTO_ICMPV6, ping, loopback6, "[::]:0", ping6_errors, ping6_parameters},
    {"raw4", "inet", SOCK_RAW, 253, raw_errqueue, host4, "0.0.0.0:253", raw4_errors, raw4_parameters},
    {"raw4_icmp", "inet", SOCK_RAW, IPPROTO_ICMP, raw_any, host4, "0.0.0.0:1", raw4_icmp_errors, raw4_parameters},
    {"raw4_tcp", "inet", SOCK_RAW, IPPROTO_TCP, raw_any, host4, "0.0.0.0:6", raw4_errors, raw4_parameters},
    {"raw4_udp", "inet", SOCK_RAW, IPPROTO_UDP, raw_any, host4, "0.0.0.0:17", raw4_errors, raw4_parameters},
    {"raw4_whole", "inet", SOCK_RAW, IPPROTO_RAW, raw_header_included, host4, "0.0.0.0:255", raw4_whole_errors,
     raw4_whole_parameters},
    {"raw6", "inet6", SOCK_RAW, 253, raw_errqueue, host6, "[::]:253", raw6_errors, raw6_parameters},
    {"raw6_icmp", "inet6", SOCK_RAW, IPPROTO_ICMPV6, raw_any, host6, "[::]:58", raw6_icmp_errors, raw6_icmp_parameters},
    {"raw6_tcp", "inet6", SOCK_RAW, IPPROTO_TCP, raw_any, host6, "[::]:6", raw6_errors, raw6_parameters},
    {"raw6_udp", "inet6", SOCK_RAW, IPPROTO_UDP, raw_any, host6, "[::]:17", raw6_errors, raw6_parameters},
    {"raw6_whole", "inet6", SOCK_RAW, IPPROTO_RAW, raw_header_included, host6, "[::]:255", raw6_whole_errors,
     raw6_whole_parameters},
    {"sctp4", "inet", SOCK_STREAM, IPPROTO_SCTP, sctp_one_to_one, loopback4, "0.0.0.0:0", sctp4_errors},
    {"sctp6", "inet6", SOCK_STREAM, IPPROTO_SCTP, sctp_one_to_one, loopback6, "[::]:0", sctp6_errors},
    {"sctp4_seqpacket", "inet", SOCK_SEQPACKET, IPPROTO_SCTP, sctp_one_to_many, loopback4, "0.0.0.0:0",
     sctp4_seqpacket_errors, sctp4_many_parameters},
    {"sctp6_seqpacket", "inet6", SOCK_SEQPACKET, IPPROTO_SCTP, sctp_one_to_many, loopback6, "[::]:0",
     sctp6_seqpacket_errors, sctp6_many_parameters},
    {"tipc_rdm", "tipc", SOCK_RDM, 0, tipc_connectionless, tipc_name, "", tipc_connectionless_errors, tipc_parameters},
    {"tipc_dgram", "tipc", SOCK_DGRAM, 0, tipc_connectionless, tipc_name, "", tipc_connectionless_errors,
     tipc_parameters},
    {"tipc_stream", "tipc", SOCK_STREAM, 0, tipc_stream, tipc_name, "", tipc_stream_errors, tipc_parameters},
    {"tipc_seqpacket", "tipc", SOCK_SEQPACKET, 0, tipc_seqpacket, tipc_name, "", tipc_seqpacket_errors,
     tipc_parameters},
    {"alg", "alg", SOCK_SEQPACKET, 0, alg, alg_hash, "", alg_errors},
    {"qipcrtr", "qipcrtr", SOCK_DGRAM, 0, qipcrtr, qrtr_node, "1:0", qrtr_errors},
    {"rds", "rds", SOCK_SEQPACKET, 0, rds, loopback4, "%family=0,0000000000000000000000000000", rds_errors,
     rds_parameters},
    {"unix_stream", "unix", SOCK_STREAM, 0, unix_stream, abstract_name, "", unix_stream_errors},
    {"unix_seqpacket", "unix", SOCK_SEQPACKET, 0, unix_seqpacket, abstract_name, "", unix_seqpacket_errors},
    {"unix_dgram", "unix", SOCK_DGRAM, 0, unix_dgram, abstract_name, "", unix_dgram_errors},
    {"loop_stream", "loop", SOCK_STREAM, 0, loop_stream, loop_name, "", loop_stream_errors},
    {"loop_seqpacket", "loop", SOCK_SEQPACKET, 0, loop_seqpacket, loop_name, "", loop_seqpacket_errors},
    {"loop_dgram", "loop", SOCK_DGRAM, 0, loop_dgram, loop_name, "", loop_dgram_errors},
};

// The reason if errno means that the kernel does not have the row or refuses it to this user. Any other error is a
// defect: the row's tests run, and fail.
std::string reason_of_errno(const row& r, const char* call) {
  static constexpr int numbers[] = {EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPROTOTYPE,   ENOPROTOOPT,
                                    EPERM,        EACCES,          ENODEV,          EADDRNOTAVAIL};
  if (std::ranges::find(numbers, errno) == std::end(numbers)) return "";
  return r.family + ": "s + call + ": " + std::strerror(errno);
}

// Makes system calls only: a defect of afplug must fail tests, not skip them.
std::string find_why_unavailable(const row& r) {
  static const std::map<std::string_view, int> domains{
      {"alg", AF_ALG},     {"bluetooth", AF_BLUETOOTH}, {"can", AF_CAN},         {"hyperv", AF_VSOCK},
      {"inet", AF_INET},   {"inet6", AF_INET6},         {"netlink", AF_NETLINK}, {"packet", AF_PACKET},
      {"rds", AF_RDS},     {"qipcrtr", AF_QIPCRTR},     {"tipc", AF_TIPC},       {"unix", AF_UNIX},
      {"vsock", AF_VSOCK},
  };
  if (r.traits.environment.user_space) return "";
  std::optional<network_namespace> network;
  if (r.traits.environment.in_network_namespace) {
    network.emplace();
    if (!network->why_unavailable().empty()) return r.family + ": "s + network->why_unavailable();
  }
  if (r.parameters.prepare) r.parameters.prepare();
  const int fd = ::socket(domains.at(r.family), r.type | SOCK_CLOEXEC, r.family == "hyperv"s ? 0 : r.protocol);
  if (fd < 0) return reason_of_errno(r, "socket(2)");
  std::string why = r.parameters.why_unavailable ? r.parameters.why_unavailable(r) : "";
  if (why.empty() && r.errors.addressing.bind == 0) try {
      const auto at = fresh_address(r);
      if (::bind(fd, at.data(), static_cast<socklen_t>(at.size())) != 0) why = reason_of_errno(r, "bind(2)");
    } catch (const afplug::error&) {
      // The tests run, and fail.
    }
  ::close(fd);
  return why;
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

const std::string& why_unavailable(const row& r) {
  static std::map<const row*, std::string> known;
  const auto [it, is_new] = known.try_emplace(&r);
  if (is_new) it->second = find_why_unavailable(r);
  return it->second;
}

std::vector<const row*> rows(bool (*condition)(const row_traits&)) {
  std::vector<const row*> chosen;
  for (const row* r : all_rows())
    if (condition(r->traits) && why_unavailable(*r).empty()) chosen.push_back(r);
  return chosen;
}

bool any_row(bool (*condition)(const row_traits&)) {
  return std::ranges::any_of(all_rows(), [&](const row* r) { return condition(r->traits); });
}

void PrintTo(const row* r, std::ostream* out) { *out << r->name; }

afplug::socket open(const row& r, int type_flags) {
  return afplug::socket(r.family, afplug::socket_type(r.type | type_flags), r.protocol);
}

afplug::address fresh_address(const row& r) { return afplug::address(r.family, r.fresh_address(), r.type, r.protocol); }

afplug::socket bound(const row& r) {
  auto s = open(r);
  if (r.errors.addressing.bind == 0) s.bind(fresh_address(r));
  if (r.traits.connection.one_to_many) s.listen();
  return s;
}

afplug::socket listening(const row& r, int backlog) {
  auto s = bound(r);
  s.listen(backlog);
  return s;
}

link connected(const row& r) {
  if (r.parameters.connect) return r.parameters.connect(r);
  if (r.traits.delivery.no_data) return {bound(r), bound(r)};
  link l;
  if (r.traits.connection.listens) {
    auto server = listening(r);
    l.a = open(r);
    begin_connect(r, l.a, server.getsockname());
    l.b = server.accept();
    finish_connect(r, l.a);
  } else {
    l.a = bound(r);
    l.b = bound(r);
    l.a.connect(l.b.getsockname());
    l.b.connect(l.a.getsockname());
  }
  return l;
}

afplug::error_code connect(const row& r, afplug::socket& client,
                           const std::function<void(afplug::error_code&)>& connect) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  for (afplug::error_code ec;; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
    if (r.parameters.wait_for_disconnect) r.parameters.wait_for_disconnect();
    connect(ec);
    const bool busy = ec == afplug::error_code(EBUSY, boost::system::system_category());
    if (!busy || !r.traits.connection.one_per_address_pair || std::chrono::steady_clock::now() > end) return ec;
    const auto mode = client.timeout();
    client = open(r);
    client.timeout(mode);
  }
}

afplug::error_code connect(const row& r, afplug::socket& client, const afplug::address& to) {
  return connect(r, client, [&](auto& ec) { client.connect(to, ec); });
}

void begin_connect(const row& r, afplug::socket& client, const afplug::address& to) {
  if (!r.traits.connection.waits_for_accept) {
    if (const auto ec = connect(r, client, to)) throw afplug::error(ec, std::string(afplug::last_detail()));
    return;
  }
  client.timeout(std::chrono::nanoseconds(0));
  if (const int got = client.connect_ex(to); got != EINPROGRESS)
    throw std::runtime_error("connect did not begin: " + std::to_string(got));
}

void finish_connect(const row& r, afplug::socket& client) {
  if (!r.traits.connection.waits_for_accept) return;
  client.wait(POLLOUT, std::chrono::minutes(1));
  afplug::error_code ec;
  client.connect_result(ec);
  if (ec) throw afplug::error(ec, "connect");
  client.timeout({});
}

std::string message(const row& r, unsigned i) {
  return r.parameters.make_message ? r.parameters.make_message(i) : "message " + std::to_string(i);
}

std::string as_sent(const row& r, std::string bytes) {
  bytes.erase(0, std::min(r.parameters.header_size, bytes.size()));
  if (r.parameters.undo_changes) r.parameters.undo_changes(bytes);
  return bytes;
}

}  // namespace conformance
