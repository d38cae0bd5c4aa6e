// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The table of rows. A family joins the suite here.
#include <linux/can.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <map>
#include <ostream>

#include "row.hpp"

namespace conformance {
namespace {

using namespace std::string_literals;

std::string tag() {
  static std::atomic<unsigned> count{0};
  return std::to_string(::getpid()) + "-" + std::to_string(++count);
}
std::string abstract_name() { return "@afplug-conformance-" + tag(); }
std::string loop_name() { return "conformance-" + tag(); }
std::string port_id() {
  static std::atomic<unsigned> count{0};
  return std::to_string(static_cast<unsigned>(::getpid()) + (++count << 22));
}
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
link both_bound(const row& r) { return {bound(r), bound(r)}; }
link isotp_pair(const row& r) {
  const unsigned id = isotp_identifier();
  link l{open(r), open(r)};
  l.a.bind(isotp_name(id, id + 1));
  l.b.bind(isotp_name(id + 1, id));
  return l;
}

unsigned vsock_port() {
  static std::atomic<unsigned> count{0};
  return 0x20000 + ++count;
}
std::string vsock_local() { return "local:" + std::to_string(vsock_port()); }
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
constexpr unsigned kernel = duplicates | forks | peeks;
constexpr unsigned tcp = kernel | stream | listens | wakeable | full_waits | half_close | flow | full_tells;
constexpr unsigned udp = kernel | connectionless | timestamps | error_queue | packet_info;
constexpr unsigned unix_any =
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
constexpr errors netlink_errors{.listen_unbound = EOPNOTSUPP,
                                .accept_unlistening = EOPNOTSUPP,
                                .listen_connected = EOPNOTSUPP,
                                .bind_foreign = EINVAL,
                                .connect_refused = 0,
                                .connect_at_once = 0,
                                .connect_twice = 0,
                                .recv_unconnected = EAGAIN,
                                .send_unconnected = ECONNREFUSED,
                                .sendto_unconnected = ECONNREFUSED,
                                .sendto_taken = ECONNREFUSED,
                                .getpeername_unconnected = 0,
                                .shutdown_unconnected = EOPNOTSUPP,
                                .shutdown_bad = EOPNOTSUPP,
                                .shutdown_connected = EOPNOTSUPP,
                                .send_shut = 0,
                                .send_closed = ECONNREFUSED,
                                .send_empty = ENODATA,
                                .send_oob = EOPNOTSUPP,
                                .send_big = EMSGSIZE,
                                .send_rights = EINVAL};

// The loop family has what unix(7) has, and says ENOTCONN where that says EINVAL.
constexpr unsigned loop_any =
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

constexpr errors bus_errors{.bad_type = EPROTONOSUPPORT,
                            .bad_protocol = EINVAL,
                            .listen_unbound = EOPNOTSUPP,
                            .accept_unlistening = EOPNOTSUPP,
                            .listen_connected = EOPNOTSUPP,
                            .bind_twice = 0,
                            .bind_in_use = 0,
                            .bind_foreign = EINVAL,
                            .connect_refused = EOPNOTSUPP,
                            .recv_unconnected = EAGAIN,
                            .send_unconnected = ENXIO,
                            .sendto_unconnected = 0,
                            .getpeername_unconnected = EOPNOTSUPP,
                            .shutdown_unconnected = EOPNOTSUPP,
                            .shutdown_bad = EOPNOTSUPP,
                            .shutdown_connected = EOPNOTSUPP,
                            .send_shut = 0,
                            .send_closed = 0,
                            .send_empty = EINVAL,
                            .send_big = EINVAL,
                            .get_bad_level = EINVAL,
                            .set_bad_level = EINVAL};
constexpr errors isotp_errors = [] {
  errors e = bus_errors;
  e.bind_twice = EINVAL;
  e.recv_unconnected = EADDRNOTAVAIL;
  e.send_unconnected = EADDRNOTAVAIL;
  e.sendto_unconnected = EADDRNOTAVAIL;
  e.send_closed = ECOMM;
  return e;
}();
constexpr errors vsock_errors{.bad_type = ESOCKTNOSUPPORT,
                              .listen_unbound = EINVAL,
                              .bind_foreign = EINVAL,
                              .connect_refused = ECONNRESET,
                              .send_unconnected = ENOTCONN,
                              .sendto_unconnected = EOPNOTSUPP,
                              .sendto_connected = EISCONN,
                              .send_oob = EOPNOTSUPP,
                              .recv_reset = 0};
// Before Linux 6.3 vsock says ENOMEM of whatever goes wrong.
const errors vsock_seqpacket_errors = [] {
  utsname running{};
  int major = 0, minor = 0;
  ::uname(&running);
  std::sscanf(running.release, "%d.%d", &major, &minor);
  errors e = vsock_errors;
  e.send_big = major < 6 || (major == 6 && minor < 3) ? ENOMEM : EMSGSIZE;
  return e;
}();
const row table[] = {
    {"can_raw", "can", SOCK_RAW, CAN_RAW, kernel | bus | short_counts | no_protocol, can_interface, "any", bus_errors,
     16, "", can_frame_of, both_bound},
    {"can_isotp", "can", SOCK_DGRAM, CAN_ISOTP, kernel | bus | no_protocol, isotp_fresh, "any?rx=0x0&tx=0x0",
     isotp_errors, 60, "", nullptr, isotp_pair},
    {"vsock_stream", "vsock", SOCK_STREAM, 0, kernel | stream | listens | half_close | flow, vsock_local, "any:any",
     vsock_errors, 0, "", nullptr, vsock_link},
    {"vsock_seqpacket", "vsock", SOCK_SEQPACKET, 0, duplicates | forks | ignores_nothing | listens | half_close,
     vsock_local, "any:any", vsock_seqpacket_errors, 8192, "", nullptr, vsock_link},
    {"hyperv_stream", "hyperv", SOCK_STREAM, 1, kernel | stream | listens | half_close | flow | translated,
     hyperv_local, "00000000-0000-0000-0000-000000000000/ffffffff-facb-11e6-bd58-64006a7986d3", vsock_errors, 0, "",
     nullptr, vsock_link},
    {"tcp4", "inet", SOCK_STREAM, 0, tcp | always, loopback4, "0.0.0.0:0", tcp_errors},
    {"tcp6", "inet6", SOCK_STREAM, 0, tcp, loopback6, "[::]:0", tcp6_errors},
    {"mptcp4", "inet", SOCK_STREAM, IPPROTO_MPTCP, tcp, loopback4, "0.0.0.0:0", mptcp_errors, 8192, mptcp_ignores},
    {"mptcp6", "inet6", SOCK_STREAM, IPPROTO_MPTCP, tcp, loopback6, "[::]:0", mptcp_errors, 8192, mptcp_ignores},
    {"udp4", "inet", SOCK_DGRAM, 0, udp | always, loopback4, "0.0.0.0:0", udp_errors},
    {"udp6", "inet6", SOCK_DGRAM, 0, udp, loopback6, "[::]:0", udp6_errors},
    {"udplite4", "inet", SOCK_DGRAM, IPPROTO_UDPLITE, udp, loopback4, "0.0.0.0:0", udp_errors},
    {"udplite6", "inet6", SOCK_DGRAM, IPPROTO_UDPLITE, udp, loopback6, "[::]:0", udp6_errors},
    {"unix_stream", "unix", SOCK_STREAM, 0, unix_any | stream | listens | wakeable | full_waits | half_close,
     abstract_name, "", unix_stream_errors},
    {"unix_seqpacket", "unix", SOCK_SEQPACKET, 0, unix_any | listens | wakeable | full_waits | half_close,
     abstract_name, "", unix_seqpacket_errors},
    {"unix_dgram", "unix", SOCK_DGRAM, 0, unix_any | connectionless | timestamps, abstract_name, "", unix_dgram_errors},
    {"netlink", "netlink", SOCK_RAW, NETLINK_USERSOCK, kernel | always | connectionless | credentials | flow, port_id,
     "0", netlink_errors},
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
    for (const row& r : table) v.push_back(&r);
    return v;
  }();
  return all;
}

const std::string& why_not(const row& r) {
  static std::map<const row*, std::string> known;
  const auto [it, is_new] = known.try_emplace(&r);
  if (is_new) try {
      bound(r);
      if (r.missing) it->second = r.missing(r);
    } catch (const afplug::error& e) {
      if (lacking(e.code())) it->second = e.what();
    }
  return it->second;
}

std::vector<const row*> rows(unsigned with, unsigned without) {
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
  s.bind(fresh(r));
  return s;
}

afplug::socket listening(const row& r, int backlog) {
  auto s = bound(r);
  s.listen(backlog);
  return s;
}

link connected(const row& r) {
  if (r.connected) return r.connected(r);
  link l;
  if (r.has(listens)) {
    auto server = listening(r);
    l.a = open(r);
    l.a.connect(server.getsockname());
    l.b = server.accept();
  } else {
    l.a = bound(r);
    l.b = bound(r);
    l.a.connect(l.b.getsockname());
    l.b.connect(l.a.getsockname());
  }
  return l;
}

std::string message(const row& r, unsigned i) { return r.message ? r.message(i) : "message " + std::to_string(i); }

}  // namespace conformance
