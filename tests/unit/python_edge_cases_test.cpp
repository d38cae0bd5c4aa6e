// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Edge cases of Python's socket module, as observed with CPython 3.13 on Linux. The comments are the Python calls.
// Calls that C++'s types exclude (recv(-1), settimeout('x'), htons(2**16)) are left out; those of packet, vsock and
// netlink sockets are in tests/families and codec_netlink.cpp.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <afplug/connect.hpp>
#include <afplug/resolver.hpp>
#include <afplug/stream.hpp>
#include <cmath>

#include "../families/support.hpp"
#include "../support/ipv6.hpp"

namespace {

using afplug::address;
using afplug::errc;
using afplug::error_code;
using afplug::field_value;
using afplug::testing_support::has_ipv6_loopback;
using families::sys;
using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const error_code malformed = errc::malformed_address;
const error_code invalid = errc::invalid_argument;

std::string last_detail() { return std::string(afplug::last_detail()); }

afplug::socket tcp() { return {"inet", SOCK_STREAM}; }
afplug::socket udp() { return {"inet", SOCK_DGRAM}; }
afplug::socket listener() {
  auto s = tcp();
  s.bind("127.0.0.1:0");
  s.listen();
  return s;
}
address from(const afplug::socket& s, std::vector<field_value> fields) {
  return address::from_fields(s.what(), fields);
}
error_code error_of_fields(const afplug::socket& s, std::vector<field_value> fields) {
  return ERROR_OF(address::from_fields(s.what(), fields, _));
}
field_value number(std::uint64_t n) { return n; }
field_value negative(std::int64_t n) { return n; }
field_value text(std::string t) { return t; }

// ---- inet ----

TEST(inet, bind_refuses_invalid_addresses) {
  auto s = tcp();
  for (const auto* port : {"65536", "-1", "1099511627776"})  // bind(('',65536)), bind(('',-1)), bind(('',2**40))
    EXPECT_EQ(ERROR_OF(s.bind("0.0.0.0:"s + port, _)), malformed) << port;
  EXPECT_THAT(last_detail(), HasSubstr("0-65535"));
  EXPECT_EQ(error_of_fields(s, {text(""), number(65536)}), malformed);
  EXPECT_THAT(last_detail(), HasSubstr("port must be 0-65535"));
  EXPECT_EQ(error_of_fields(s, {text(""), negative(-1)}), malformed);
  EXPECT_EQ(error_of_fields(s, {text(""), number(1ull << 40)}), malformed);
  EXPECT_EQ(ERROR_OF(s.bind("x", _)), malformed);                              // bind('x')
  EXPECT_EQ(error_of_fields(s, {text(""), number(1), number(2)}), malformed);  // bind(('',1,2))
  EXPECT_EQ(error_of_fields(s, {text("\0"s), number(1)}), malformed);          // bind(('\0',1))
  s.bind(from(s, {text("127.0.0.1"), number(0)}));                             // bind((b'127.0.0.1',0))
  EXPECT_EQ(ERROR_OF(s.bind("127.0.0.1:0", _)), sys(EINVAL));                  // bind twice
}

TEST(inet, connect_to_broadcast_needs_so_broadcast) {
  auto s = udp();
  const auto ec = ERROR_OF(s.connect(from(s, {text("<broadcast>"), number(9)}), _));
  EXPECT_THAT(ec, testing::AnyOf(sys(EACCES), sys(ENETUNREACH))) << "ENETUNREACH if there is no route";
}

TEST(inet6, invalid_addresses_are_refused) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "this machine has no IPv6 loopback address";
  afplug::socket s("inet6", SOCK_STREAM);
  EXPECT_EQ(error_of_fields(s, {text("<broadcast>"), number(0)}), malformed);            // bind(('<broadcast>',0))
  EXPECT_EQ(error_of_fields(s, {text("::1"), number(0), number(1u << 20)}), malformed);  // bind(('::1',0,2**20))
  EXPECT_THAT(last_detail(), HasSubstr("flowinfo must be 0-1048575"));
  EXPECT_EQ(error_of_fields(s, {text("::1"), number(0), negative(-1)}), malformed);  // bind(('::1',0,-1))
  EXPECT_EQ(error_of_fields(s, {text("127.0.0.1"), number(0)}), malformed);          // host v4 literal
  EXPECT_EQ(ERROR_OF(s.connect("127.0.0.1:http", _)).category(), afplug::resolver_category());
  s.bind("[::1]:0");
  const auto fields = s.getsockname().fields();  // bind(('::1',0))+getsockname
  ASSERT_EQ(fields.size(), 4u);
  EXPECT_EQ(s.getsockname().number("flowinfo"), 0u);
  EXPECT_EQ(s.getsockname().number("scope_id"), 0u);
}

// ---- unix ----

TEST(unix_addresses, lengths_are_limited) {
  afplug::socket unbound("unix", SOCK_STREAM);
  EXPECT_EQ(unbound.getsockname().size(), sizeof(sa_family_t));  // getsockname unbound
  EXPECT_EQ(ERROR_OF(unbound.getpeername(_)), sys(ENOTCONN));    // getpeername unconnected
  EXPECT_EQ(ERROR_OF(unbound.bind("/nosuch/" + std::string(100, 'x'), _)),
            error_code(errc::address_too_long));                                         // path 108 chars
  EXPECT_EQ(ERROR_OF(unbound.bind("/nosuch/" + std::string(99, 'x'), _)), sys(ENOENT));  // path 107 chars (ENOENT dir)
  const std::string longest = "@" + std::string(107, 'y');
  EXPECT_EQ(ERROR_OF(unbound.bind(longest + "y", _)), error_code(errc::address_too_long));  // abstract 109
  unbound.bind(longest);                                                                    // abstract 108
  EXPECT_EQ(unbound.getsockname().size(), sizeof(sa_family_t) + 108);
}

TEST(unix_addresses, autobind_and_abstract_names_with_nul) {
  afplug::socket chosen("unix", SOCK_STREAM), nuls("unix", SOCK_STREAM);
  chosen.bind(address("unix", ""));  // bind('') autobind
  EXPECT_EQ(chosen.getsockname().size(), sizeof(sa_family_t) + 6);
  nuls.bind(from(nuls, {text("\0a\0b\0"s)}));  // abstract embedded NULs
  EXPECT_EQ(nuls.getsockname().size(), sizeof(sa_family_t) + 5);
  EXPECT_EQ(nuls.getsockname(), from(nuls, {text("\0a\0b\0"s)}));
}

// ---- data ----

TEST(socketpair, received_data_has_no_address) {
  for (const auto type : {SOCK_DGRAM, SOCK_STREAM}) {
    auto ab = afplug::socket::pair("unix", type);
    auto &a = ab.first, &b = ab.second;
    EXPECT_LE(a.getsockname().size(), sizeof(sa_family_t));  // stream pair getsockname
    char buffer[8];
    address peer("inet", "1.2.3.4:5");
    a.send("hi"sv);
    EXPECT_EQ(b.recvfrom(buffer, peer), 2u);  // dgram pair recvfrom addr, stream pair recvfrom
    EXPECT_TRUE(peer.empty()) << peer.to_string();
    a.send("hi"sv);
    const afplug::mutable_bytes into[] = {buffer};
    afplug::control_buffer control(64);
    const auto got = b.recvmsg(into, control, 0, &peer);  // dgram pair recvmsg
    EXPECT_EQ(got.size, 2u);
    EXPECT_EQ(got.flags & ~MSG_EOR, 0);
    EXPECT_TRUE(peer.empty());
    EXPECT_EQ(control.begin(), control.end());
  }
}

TEST(receive, truncation_scatter_and_zero_length) {
  auto ab = afplug::socket::pair("unix", SOCK_DGRAM);
  auto &a = ab.first, &b = ab.second;
  char two[2];
  a.send("hello"sv);
  const afplug::mutable_bytes into[] = {two};
  afplug::control_buffer none;
  EXPECT_EQ(b.recvmsg(into, none).flags, MSG_TRUNC);  // recvmsg truncation flags
  char x[4] = {}, y[4] = {}, z[16] = {};
  const afplug::mutable_bytes three[] = {x, y, z};
  a.send("Mary had a little lamb"sv);
  EXPECT_EQ(b.recvmsg(three, none).size, 22u);  // recvmsg_into doc example
  EXPECT_EQ(std::string_view(z, 14), " a little lamb"sv);
  auto cd = afplug::socket::pair();
  auto &c = cd.first, &d = cd.second;
  c.send("x"sv);
  EXPECT_EQ(d.recv({two, 0}), 0u);  // recv(0), recv_into empty buf
  EXPECT_EQ(d.recv(two), 1u);
}

TEST(send, too_many_buffers_and_descriptors) {
  auto ab = afplug::socket::pair();
  auto &a = ab.first, &b = ab.second;
  EXPECT_EQ(a.sendmsg({}), 0u);  // sendmsg([])
  const std::vector<afplug::const_bytes> many(1025, "x"sv);
  EXPECT_EQ(ERROR_OF(a.sendmsg(many, {}, 0, nullptr, _)), sys(EMSGSIZE));  // sendmsg iov>1024
  const int three[] = {a.fileno(), a.fileno(), a.fileno()};
  const afplug::const_bytes one[] = {"f"sv};
  a.send_fds(one, three);
  char buffer[8];
  const auto got = b.recv_fds(buffer, 2);  // send_fds/recv_fds
  EXPECT_EQ(got.size, 1u);
  EXPECT_EQ(got.descriptors.size(), 2u);
  EXPECT_EQ(got.flags & MSG_CTRUNC, MSG_CTRUNC);
  for (const int fd : got.descriptors) ::close(fd);
}

// ---- timeouts, opening and closing ----

TEST(timeout, invalid_values_are_refused) {
  auto s = tcp();
  EXPECT_EQ(ERROR_OF(s.timeout(-1s, _)), invalid);     // settimeout(-1)
  EXPECT_EQ(ERROR_OF(s.timeout(-100ms, _)), invalid);  // settimeout(-0.1)
  EXPECT_THAT(last_detail(), HasSubstr("is negative"));
  EXPECT_EQ(s.timeout(), std::nullopt);
  s.timeout(0s);  // settimeout(0), settimeout(0.0)
  EXPECT_EQ(s.timeout(), 0ns);
  EXPECT_FALSE(s.blocking());
  s.timeout(std::chrono::duration<double>(1e-10));  // settimeout(1e-10)
  EXPECT_EQ(s.timeout(), 1ns);
  EXPECT_TRUE(s.blocking());
  s.timeout({});  // settimeout(None)
  EXPECT_EQ(s.timeout(), std::nullopt);
  EXPECT_TRUE(s.blocking());
  using seconds = std::chrono::duration<double>;
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL, 1e30, -1e-10, -0.1}) {  // nan, inf, 1e+30
    EXPECT_EQ(ERROR_OF(s.timeout(seconds(bad), _)), invalid) << bad;
    EXPECT_THROW(afplug::socket::default_timeout(seconds(bad)), afplug::error) << bad;
  }
  EXPECT_EQ(ERROR_OF(s.timeout(std::chrono::hours::max(), _)), invalid);
  EXPECT_THAT(last_detail(), HasSubstr("292 years"));
  EXPECT_EQ(s.timeout(), std::nullopt);
  s.timeout(std::chrono::hours(24 * 365 * 292));
  EXPECT_EQ(s.timeout(), std::chrono::hours(24 * 365 * 292));
  s.timeout(seconds(2.5));
  EXPECT_EQ(s.timeout(), 2500ms);
  error_code ec;
  s.blocking(true, ec);
  EXPECT_FALSE(ec);
  EXPECT_EQ(s.timeout(), std::nullopt);
  EXPECT_THROW(afplug::socket::default_timeout(-1s), afplug::error);  // setdefaulttimeout(-1)
  EXPECT_EQ(afplug::socket::default_timeout(), std::nullopt);
}

TEST(open, flags_adopted_descriptors_and_invalid_arguments) {
  const afplug::socket quick("inet", afplug::socket_type(SOCK_STREAM | SOCK_NONBLOCK));  // SOCK_NONBLOCK type/timeout
  EXPECT_EQ(quick.type(), SOCK_STREAM);
  EXPECT_EQ(quick.timeout(), 0ns);
  EXPECT_FALSE(quick.blocking());
  EXPECT_FALSE(quick.inheritable());  // default get_inheritable
  EXPECT_EQ(ERROR_OF(afplug::socket::adopt(-1, -1, afplug::socket_type(-1), -1, _)), sys(EBADF));    // fileno=-1
  EXPECT_EQ(ERROR_OF(afplug::socket::adopt(9999, -1, afplug::socket_type(-1), -1, _)), sys(EBADF));  // fileno=9999
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(ERROR_OF(afplug::socket::adopt(null, -1, afplug::socket_type(-1), -1, _)),
            sys(ENOTSOCK));  // fileno=/dev/null
  EXPECT_EQ(ERROR_OF(afplug::socket::adopt(null, AF_INET, SOCK_STREAM, 0, _)),
            sys(ENOTSOCK));  // fileno with explicit af
  ::close(null);
  const int bare = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  auto found = afplug::socket::adopt(bare);  // fileno autodetect
  EXPECT_EQ(found.family(), AF_INET);
  EXPECT_EQ(found.type(), SOCK_DGRAM);
  EXPECT_EQ(found.protocol(), IPPROTO_UDP);
  EXPECT_EQ(found.fileno(), bare);
  for (const int family : {0, -2}) {  // socket(0), socket(-2)
    try {
      afplug::socket s(family, SOCK_STREAM);
      ADD_FAILURE() << family;
    } catch (const afplug::error& e) {
      EXPECT_EQ(e.code(), error_code(errc::unknown_family)) << family;
    }
  }
  const auto& inet = afplug::registry::global().family("inet");
  EXPECT_EQ(ERROR_OF(afplug::socket::open(inet, SOCK_STREAM, IPPROTO_UDP, _)), sys(EPROTONOSUPPORT));  // bad proto
  EXPECT_EQ(ERROR_OF(afplug::socket::pair(inet, SOCK_STREAM, 0, _)), sys(EOPNOTSUPP));  // socketpair INET
}

TEST(close, closed_and_detached_sockets) {
  auto s = tcp();
  s.timeout(3s);
  EXPECT_EQ(s.dup().timeout(), 3s);  // dup timeout
  s.close();
  s.close();                  // double close
  EXPECT_EQ(s.fileno(), -1);  // closed.fileno
  char buffer[1];
  EXPECT_EQ(ERROR_OF(s.recv(buffer, 0, _)), sys(EBADF));  // closed.recv
  EXPECT_EQ(ERROR_OF(s.send("x"sv, 0, _)), sys(EBADF));   // closed.send
  EXPECT_EQ(ERROR_OF(s.getsockname(_)), sys(EBADF));      // closed.getsockname
  EXPECT_EQ(ERROR_OF(s.timeout(1s, _)), sys(EBADF));      // closed settimeout
  EXPECT_EQ(s.to_string(), "<afplug.socket closed>");     // repr closed
  auto given = tcp();
  const int fd = given.detach();  // detach
  EXPECT_EQ(given.fileno(), -1);
  EXPECT_EQ(given.to_string(), "<afplug.socket closed>");
  EXPECT_EQ(::close(fd), 0);
}

TEST(makefile, keeps_a_duplicate_open) {
  auto ab = afplug::socket::pair();
  auto &a = ab.first, &b = ab.second;
  afplug::socket_stream file(b.dup());
  b.close();  // makefile keeps open
  a.send("line\n"sv);
  std::string line;
  EXPECT_TRUE(std::getline(file, line));
  EXPECT_EQ(line, "line");
  file << "back" << std::flush;
  char buffer[8];
  EXPECT_EQ(a.recv(buffer), 4u);
}

// ---- options ----

TEST(options, raw_access_and_invalid_values) {
  auto s = tcp();
  char buffer[64];
  EXPECT_EQ(s.getsockopt(SOL_SOCKET, SO_DEBUG, buffer), 4u);  // getsockopt buflen 64
  EXPECT_EQ(s.getsockopt(SOL_SOCKET, SO_DEBUG, {buffer, 0}), 0u);
  EXPECT_EQ(s.option_number("SO_DEBUG"), 0);                                                // getsockopt buflen 0
  EXPECT_EQ(ERROR_OF(s.setsockopt(SOL_SOCKET, SO_REUSEADDR, nullptr, 4, _)), sys(EFAULT));  // setsockopt None,4
  EXPECT_EQ(ERROR_OF(s.setsockopt(0xffff, 1, "1234"sv, _)), sys(ENOPROTOOPT));              // setsockopt bad level
  EXPECT_EQ(ERROR_OF(s.option("SO_RCVBUF", std::int64_t{1} << 40, _)), invalid);            // setsockopt 2**40
}

// ---- connections ----

TEST(listen, listen_and_accept_errors) {
  auto s = tcp();
  s.bind("127.0.0.1:0");
  s.listen(-5);  // listen(-5)
  auto unbound = tcp();
  unbound.listen();  // listen unbound
  EXPECT_THAT(unbound.getsockname().to_string(), testing::StartsWith("0.0.0.0:"));
  EXPECT_NE(unbound.getsockname().number("port"), 0u);
  EXPECT_EQ(ERROR_OF(udp().listen(1, _)), sys(EOPNOTSUPP));  // listen dgram
  auto idle = tcp();
  EXPECT_EQ(ERROR_OF(idle.accept(_)), sys(EINVAL));  // accept not listening
  idle.timeout(0s);
  EXPECT_EQ(ERROR_OF(idle.accept(_)), sys(EINVAL));  // accept nonblock notlisten
  s.timeout(0s);
  EXPECT_EQ(ERROR_OF(s.accept(_)), sys(EAGAIN));  // accept nonblock EAGAIN
  s.timeout(10ms);
  EXPECT_EQ(ERROR_OF(s.accept(_)), error_code(errc::timed_out));  // accept timeout
  EXPECT_EQ(error_code(errc::timed_out).message(), "timed out");
}

TEST(connect, errors_and_non_blocking_mode) {
  auto s = tcp();
  EXPECT_EQ(ERROR_OF(s.shutdown(SHUT_WR, _)), sys(ENOTCONN));  // shutdown unconnected
  EXPECT_EQ(ERROR_OF(s.shutdown(99, _)), sys(EINVAL));         // shutdown(99)
  auto closed = listener();
  const auto closed_port = closed.getsockname();
  closed.close();
  EXPECT_EQ(tcp().connect_ex(closed_port), ECONNREFUSED);                 // connect_ex refused
  EXPECT_EQ(ERROR_OF(tcp().connect(closed_port, _)), sys(ECONNREFUSED));  // connect refused
  auto server = listener();
  auto client = tcp();
  client.timeout(0s);
  EXPECT_EQ(client.connect_ex(server.getsockname()), EINPROGRESS);  // connect_ex nonblock
  client.wait(POLLOUT);
  char buffer[8];
  EXPECT_EQ(ERROR_OF(client.recv(buffer, 0, _)), sys(EAGAIN));      // recv nonblock
  EXPECT_EQ(ERROR_OF(tcp().recv(buffer, 0, _)), sys(ENOTCONN));     // recv unconnected tcp
  EXPECT_EQ(ERROR_OF(udp().send("x"sv, 0, _)), sys(EDESTADDRREQ));  // send unconnected udp
  auto large = udp();
  EXPECT_EQ(ERROR_OF(large.sendto(std::string(70000, 'x'), closed_port, 0, _)), sys(EMSGSIZE));  // udp too big
}

TEST(connect, closed_peer) {
  auto ab = afplug::socket::pair();
  auto &a = ab.first, &b = ab.second;
  b.close();
  EXPECT_EQ(ERROR_OF(a.send("x"sv, 0, _)), sys(EPIPE));  // send after peer close
  char buffer[8];
  EXPECT_EQ(a.recv(buffer), 0u);  // recv after peer close
}

TEST(create_server, errors_and_dualstack) {
  auto taken = listener();
  const auto at = taken.getsockname();
  EXPECT_EQ(ERROR_OF(afplug::create_server(at, {.dualstack_ipv6 = true}, _)),
            invalid);                                                      // create_server dual w/ AF_INET
  EXPECT_EQ(ERROR_OF(afplug::create_server(at, {}, _)), sys(EADDRINUSE));  // create_server EADDRINUSE
  EXPECT_THAT(last_detail(), HasSubstr("(while attempting to bind on address " + at.to_string() + ")"));
  if (has_ipv6_loopback()) {
    const address any("inet6", "[::]:0");
    EXPECT_EQ(afplug::create_server(any).option_number("IPV6_V6ONLY"), 1);  // create_server v6
    EXPECT_TRUE(afplug::has_dualstack_ipv6());
    EXPECT_EQ(afplug::create_server(any, {.dualstack_ipv6 = true}).option_number("IPV6_V6ONLY"),
              0);  // create_server dual
  }
  taken.close();
  const auto port = std::to_string(*at.number("port"));
  try {
    afplug::create_connection("127.0.0.1", port);  // create_connection refused, all_errors
    ADD_FAILURE();
  } catch (const afplug::connection_error& e) {
    EXPECT_EQ(e.code(), sys(ECONNREFUSED));
    EXPECT_EQ(e.attempts().size(), 1u);
  }
}

// ---- files ----

TEST(sendfile, offset_count_and_invalid_arguments) {
  const int file = ::memfd_create("edges", MFD_CLOEXEC);
  ASSERT_EQ(::write(file, std::string(100, 'x').data(), 100), 100);
  auto ab = afplug::socket::pair();
  auto& a = ab.first;
  EXPECT_EQ(a.sendfile(file, 10, 20), 20u);  // sendfile offset,count
  EXPECT_EQ(::lseek(file, 0, SEEK_CUR), 30);
  EXPECT_EQ(ERROR_OF(a.sendfile(file, 0, 0, _)), invalid);  // sendfile count 0
  auto cd = afplug::socket::pair("unix", SOCK_DGRAM);
  auto& c = cd.first;
  EXPECT_EQ(ERROR_OF(c.sendfile(file, 0, {}, _)), invalid);  // sendfile dgram
  a.timeout(0s);
  EXPECT_EQ(ERROR_OF(a.sendfile(file, 0, {}, _)), invalid);  // sendfile nonblock
  a.timeout({});
  const int empty = ::memfd_create("empty", MFD_CLOEXEC);
  EXPECT_EQ(a.sendfile(empty), 0u);  // sendfile empty
  ::close(file);
  ::close(empty);
}

// ---- other families of this kernel ----

TEST(protocols, udplite_and_mptcp) {
  error_code ec;
  auto lite = afplug::socket::open(afplug::registry::global().family("inet"), SOCK_DGRAM, IPPROTO_UDPLITE, ec);
  if (!ec) {  // udplite cscov
    lite.option("UDPLITE_SEND_CSCOV", 16);
    EXPECT_EQ(lite.option_number("UDPLITE_SEND_CSCOV"), 16);
  } else {
    EXPECT_EQ(ec, sys(EPROTONOSUPPORT)) << "Linux 7.0 removed UDP-Lite";
  }
  auto multi = afplug::socket::open(afplug::registry::global().family("inet"), SOCK_STREAM, 262, ec);
  if (!ec) {  // mptcp
    EXPECT_EQ(multi.option_number("SO_PROTOCOL"), 262);
  } else {
    EXPECT_THAT(ec, testing::AnyOf(sys(EPROTONOSUPPORT), sys(ENOPROTOOPT)));
  }
}

TEST(unknown_family, descriptor_is_not_adopted) {
  const int xdp = ::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);  // unknown family addr repr (AF_XDP getsockname)
  if (xdp < 0) GTEST_SKIP() << "AF_XDP: " << std::strerror(errno);
  EXPECT_EQ(ERROR_OF(afplug::socket::adopt(xdp, -1, afplug::socket_type(-1), -1, _)), error_code(errc::unknown_family));
  ::close(xdp);
}

// The codecs of families that the kernel need not have.
TEST(other_families, invalid_addresses_are_refused) {
  const auto error_of = [](std::string_view family, afplug::socket_type type, int proto,
                           std::vector<field_value> fields) {
    const afplug::basic_protocol p(afplug::registry::global().family(family), type, proto);
    return ERROR_OF(address::from_fields(p, fields, _));
  };
  EXPECT_EQ(error_of("can", SOCK_RAW, 1, {text("lo"), text("x")}), malformed);  // can bind 2-tuple raw
  EXPECT_EQ(error_of("can", SOCK_RAW, 1, {text("sixteen-letters-")}),
            error_code(errc::address_too_long));  // can bind 16-char
  EXPECT_THAT(last_detail(), HasSubstr("15"));
  EXPECT_EQ(error_of("can", SOCK_RAW, 1, {text("fifteen-letters")}), sys(ENODEV));  // can bind 15-char
  const field_value none{};
  EXPECT_EQ(error_of("can", SOCK_DGRAM, 7, {text("lo"), none, none, number(0), number(0), number(256)}),
            malformed);  // j1939 addr 256
  EXPECT_EQ(error_of("can", SOCK_DGRAM, 7, {text("lo"), number(0), number(0), number(32)}),
            malformed);  // a J1939 address has no rx and tx
  EXPECT_EQ(error_of("can", SOCK_DGRAM, 6, {text("lo"), number(1), number(2), number(3)}), malformed);
  EXPECT_EQ(error_of("can", SOCK_DGRAM, 6, {text("lo")}), malformed);  // isotp bind 1-tuple
  const auto device = text("AA:BB:CC:DD:EE:FF");
  EXPECT_EQ(error_of("bluetooth", SOCK_STREAM, 3, {device, none, none, none, none, number(256)}), malformed);  // rfcomm
  EXPECT_EQ(error_of("bluetooth", SOCK_STREAM, 3, {device, number(5)}), malformed);  // an RFCOMM address has no psm
  EXPECT_THAT(last_detail(), HasSubstr("psm is not a field of"));
  EXPECT_EQ(error_of("bluetooth", SOCK_STREAM, 3, {device, none, none, none, none, number(5)}), error_code());
  EXPECT_EQ(error_of("bluetooth", SOCK_SEQPACKET, 0, {text("AA:BB"), number(1)}),
            malformed);                                                                // "bad bluetooth address"
  EXPECT_EQ(error_of("packet", SOCK_RAW, 0, {text("nope"), number(0)}), sys(ENODEV));  // packet bind nope
  EXPECT_EQ(error_of("packet", SOCK_RAW, 0, {text("lo"), number(65536)}), malformed);  // packet proto 65536
  const std::vector<std::byte> nine(9);
  EXPECT_EQ(error_of("packet", SOCK_RAW, 0, {text("lo"), number(3), number(0), number(0), nine}),
            malformed);                                                                // packet addr 9 bytes
  EXPECT_EQ(error_of("vsock", SOCK_STREAM, 0, {text("x")}), malformed);                // vsock bind 'x'
  EXPECT_EQ(error_of("vsock", SOCK_STREAM, 0, {number(3), negative(-1)}), malformed);  // vsock bind neg
  EXPECT_EQ(error_of("netlink", SOCK_RAW, 0, {text("x")}), malformed);                 // netlink str
  EXPECT_EQ(error_of("netlink", SOCK_RAW, 0, {negative(-1), number(0)}), malformed);   // netlink neg
}

// ---- errors ----

TEST(errors, match_the_conditions_of_pythons_exceptions) {
  namespace condition = boost::system::errc;
  EXPECT_EQ(sys(EAGAIN), condition::operation_would_block);  // BlockingIOError
  EXPECT_EQ(sys(EALREADY), condition::connection_already_in_progress);
  EXPECT_EQ(sys(EINPROGRESS), condition::operation_in_progress);
  EXPECT_EQ(sys(EPIPE), condition::broken_pipe);
  EXPECT_EQ(sys(ECONNABORTED), condition::connection_aborted);
  EXPECT_EQ(sys(ECONNREFUSED), condition::connection_refused);
  EXPECT_EQ(sys(ECONNRESET), condition::connection_reset);
  EXPECT_EQ(sys(EEXIST), condition::file_exists);
  EXPECT_EQ(sys(ENOENT), condition::no_such_file_or_directory);
  EXPECT_EQ(sys(EINTR), condition::interrupted);
  EXPECT_EQ(sys(EACCES), condition::permission_denied);
  EXPECT_EQ(sys(EPERM), condition::operation_not_permitted);
  EXPECT_EQ(sys(ETIMEDOUT), condition::timed_out);
  EXPECT_EQ(sys(EISDIR), condition::is_a_directory);
  EXPECT_EQ(sys(ENOTDIR), condition::not_a_directory);
  EXPECT_EQ(sys(ECHILD), condition::no_child_process);
  EXPECT_EQ(sys(ESRCH), condition::no_such_process);
  EXPECT_NE(error_code(errc::timed_out), sys(ETIMEDOUT));  // although both messages are "timed out"
}

// ---- host name ----

TEST(getfqdn, of_unspecified_addresses_is_the_local_name) {
  EXPECT_TRUE(!afplug::getfqdn().empty() || afplug::gethostname().empty());
  EXPECT_EQ(afplug::getfqdn(""), afplug::getfqdn(afplug::gethostname()));
  EXPECT_EQ(afplug::getfqdn("0.0.0.0"), afplug::getfqdn());
  EXPECT_EQ(afplug::getfqdn("::"), afplug::getfqdn());
}

}  // namespace
