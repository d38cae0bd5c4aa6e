// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The table of rows. A family joins the suite here.
#include <linux/netlink.h>
#include <netinet/in.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <ostream>

#include "row.hpp"

namespace conformance {
namespace {

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

constexpr unsigned kernel = duplicates | forks;
constexpr unsigned tcp = kernel | stream | listens | half_close | flow | full_tells;
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
    always | pairs | rights | credentials | flow | full_tells | unnamed | user_space | duplicates;
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

const row table[] = {
    {"tcp4", "inet", SOCK_STREAM, 0, tcp | always, loopback4, "0.0.0.0:0", tcp_errors},
    {"tcp6", "inet6", SOCK_STREAM, 0, tcp, loopback6, "[::]:0", tcp6_errors},
    {"mptcp4", "inet", SOCK_STREAM, IPPROTO_MPTCP, tcp, loopback4, "0.0.0.0:0", mptcp_errors, 8192, mptcp_ignores},
    {"mptcp6", "inet6", SOCK_STREAM, IPPROTO_MPTCP, tcp, loopback6, "[::]:0", mptcp_errors, 8192, mptcp_ignores},
    {"udp4", "inet", SOCK_DGRAM, 0, udp | always, loopback4, "0.0.0.0:0", udp_errors},
    {"udp6", "inet6", SOCK_DGRAM, 0, udp, loopback6, "[::]:0", udp6_errors},
    {"udplite4", "inet", SOCK_DGRAM, IPPROTO_UDPLITE, udp, loopback4, "0.0.0.0:0", udp_errors},
    {"udplite6", "inet6", SOCK_DGRAM, IPPROTO_UDPLITE, udp, loopback6, "[::]:0", udp6_errors},
    {"unix_stream", "unix", SOCK_STREAM, 0, unix_any | stream | listens | half_close, abstract_name, "",
     unix_stream_errors},
    {"unix_seqpacket", "unix", SOCK_SEQPACKET, 0, unix_any | listens | half_close, abstract_name, "",
     unix_seqpacket_errors},
    {"unix_dgram", "unix", SOCK_DGRAM, 0, unix_any | connectionless | timestamps, abstract_name, "", unix_dgram_errors},
    {"netlink", "netlink", SOCK_RAW, NETLINK_USERSOCK, kernel | always | connectionless | credentials | flow, port_id,
     "0", netlink_errors},
    {"loop_stream", "loop", SOCK_STREAM, 0, loop_any | stream | listens | half_close, loop_name, "",
     loop_stream_errors},
    {"loop_seqpacket", "loop", SOCK_SEQPACKET, 0, loop_any | listens | half_close, loop_name, "",
     loop_seqpacket_errors},
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
