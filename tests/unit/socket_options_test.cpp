// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The options of SOL_SOCKET and the constants that belong to no family, compared with the headers and the running
// kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <afplug/option.hpp>
#include <afplug/socket.hpp>
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "../support/errors.hpp"

namespace {

using afplug::error_code;
using afplug::testing_support::sys;
using testing::HasSubstr;

const afplug::constant* find(std::string_view name) {
  for (const auto& c : afplug::socket_constants())
    if (name == c.name) return &c;
  return nullptr;
}

#define CONSTANT(name) \
  { #name, name }
const std::pair<const char*, long long> header_constants[] = {
    CONSTANT(AF_UNSPEC),       CONSTANT(AF_INET),          CONSTANT(AF_UNIX),          CONSTANT(AF_INET6),
    CONSTANT(AF_CAN),          CONSTANT(AF_PACKET),        CONSTANT(AF_BLUETOOTH),     CONSTANT(AF_VSOCK),
    CONSTANT(AF_NETLINK),      CONSTANT(AF_TIPC),          CONSTANT(AF_ALG),           CONSTANT(AF_QIPCRTR),
    CONSTANT(AF_RDS),          CONSTANT(AF_XDP),           CONSTANT(AF_SMC),           CONSTANT(AF_DECnet),
    CONSTANT(PF_CAN),          CONSTANT(PF_RDS),           CONSTANT(PF_PACKET),        CONSTANT(SOCK_STREAM),
    CONSTANT(SOCK_DGRAM),      CONSTANT(SOCK_RAW),         CONSTANT(SOCK_RDM),         CONSTANT(SOCK_SEQPACKET),
    CONSTANT(SOCK_CLOEXEC),    CONSTANT(SOCK_NONBLOCK),    CONSTANT(SOL_SOCKET),       CONSTANT(SOL_IP),
    CONSTANT(SOL_IPV6),        CONSTANT(SOL_TCP),          CONSTANT(SOL_UDP),          CONSTANT(SOL_PACKET),
    CONSTANT(SOL_NETLINK),     CONSTANT(SOL_TIPC),         CONSTANT(SOL_ALG),          CONSTANT(SOL_RDS),
    CONSTANT(SOL_BLUETOOTH),   CONSTANT(SO_REUSEADDR),     CONSTANT(SO_KEEPALIVE),     CONSTANT(SO_LINGER),
    CONSTANT(SO_RCVTIMEO),     CONSTANT(SO_SNDTIMEO),      CONSTANT(SO_ZEROCOPY),      CONSTANT(SO_TXTIME),
    CONSTANT(SO_TIMESTAMPING), CONSTANT(SO_BINDTODEVICE),  CONSTANT(SO_BINDTOIFINDEX), CONSTANT(SO_INCOMING_CPU),
    CONSTANT(SO_COOKIE),       CONSTANT(SO_ATTACH_BPF),    CONSTANT(SO_PEERSEC),       CONSTANT(SO_PASSSEC),
    CONSTANT(SO_MARK),         CONSTANT(SO_DOMAIN),        CONSTANT(SO_PROTOCOL),      CONSTANT(SOMAXCONN),
    CONSTANT(SCM_RIGHTS),      CONSTANT(SCM_CREDENTIALS),  CONSTANT(SCM_TIMESTAMPING), CONSTANT(SCM_TXTIME),
    CONSTANT(MSG_OOB),         CONSTANT(MSG_PEEK),         CONSTANT(MSG_DONTROUTE),    CONSTANT(MSG_DONTWAIT),
    CONSTANT(MSG_EOR),         CONSTANT(MSG_TRUNC),        CONSTANT(MSG_CTRUNC),       CONSTANT(MSG_WAITALL),
    CONSTANT(MSG_NOSIGNAL),    CONSTANT(MSG_CMSG_CLOEXEC), CONSTANT(MSG_ERRQUEUE),     CONSTANT(MSG_CONFIRM),
    CONSTANT(MSG_MORE),        CONSTANT(MSG_FASTOPEN),     CONSTANT(MSG_ZEROCOPY),     CONSTANT(SHUT_RD),
    CONSTANT(SHUT_WR),         CONSTANT(SHUT_RDWR),        CONSTANT(EAI_AGAIN),        CONSTANT(EAI_BADFLAGS),
    CONSTANT(EAI_FAIL),        CONSTANT(EAI_FAMILY),       CONSTANT(EAI_MEMORY),       CONSTANT(EAI_NONAME),
    CONSTANT(EAI_OVERFLOW),    CONSTANT(EAI_SERVICE),      CONSTANT(EAI_SOCKTYPE),     CONSTANT(EAI_SYSTEM),
    CONSTANT(EAI_ADDRFAMILY),  CONSTANT(EAI_NODATA),       CONSTANT(AI_PASSIVE),       CONSTANT(AI_CANONNAME),
    CONSTANT(AI_NUMERICHOST),  CONSTANT(AI_NUMERICSERV),   CONSTANT(AI_ALL),           CONSTANT(AI_ADDRCONFIG),
    CONSTANT(AI_V4MAPPED),     CONSTANT(NI_MAXHOST),       CONSTANT(NI_MAXSERV),       CONSTANT(NI_NOFQDN),
    CONSTANT(NI_NUMERICHOST),  CONSTANT(NI_NAMEREQD),      CONSTANT(NI_NUMERICSERV),   CONSTANT(NI_DGRAM),
    CONSTANT(NI_IDN)};

TEST(socket_constants, have_the_values_of_the_headers) {
  for (const auto& [name, value] : header_constants) {
    const auto* c = find(name);
    ASSERT_NE(c, nullptr) << name;
    EXPECT_EQ(c->value, value) << name;
  }
}

// Values of include/uapi that the headers of this machine may not have yet.
TEST(socket_constants, include_those_of_newer_kernels) {
  const std::pair<const char*, long long> added[] = {
      {"SO_PASSPIDFD", 76}, {"SO_PEERPIDFD", 77}, {"SCM_TS_OPT_ID", 81}, {"SO_RCVPRIORITY", 82}, {"SO_PASSRIGHTS", 83},
      {"SO_INQ", 84},       {"SCM_PIDFD", 4},     {"SCM_SECURITY", 3},   {"SOL_VSOCK", 287},     {"SOL_CAN_ISOTP", 106},
      {"SOL_L2CAP", 6},     {"SOL_RFCOMM", 18},   {"SOL_IPX", 256},      {"SO_ORIGINAL_DST", 80}};
  for (const auto& [name, value] : added) {
    const auto* c = find(name);
    ASSERT_NE(c, nullptr) << name;
    EXPECT_EQ(c->value, value) << name;
  }
}

TEST(socket_constants, are_well_formed) {
  std::set<std::string_view> names;
  for (const auto& c : afplug::socket_constants()) {
    EXPECT_TRUE(names.insert(c.name).second) << c.name << " is listed twice";
    const std::string_view group = c.group;
    EXPECT_TRUE(std::string_view(c.name).starts_with(group) || std::string_view(c.name) == "SOMAXCONN") << c.name;
    EXPECT_EQ(c.text, nullptr) << c.name;
  }
}

TEST(socket_options, are_well_formed) {
  std::set<std::string_view> names;
  for (const auto& o : afplug::socket_options()) {
    EXPECT_TRUE(names.insert(o.name).second) << o.name << " is listed twice";
    EXPECT_EQ(o.level, SOL_SOCKET) << o.name;
    EXPECT_NE(o.flags & (AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE), 0u) << o.name;
    ASSERT_NE(o.help, nullptr) << o.name;
    EXPECT_LE(std::string_view(o.help).size(), 80u) << o.name;
    const auto* c = find(o.name);
    ASSERT_NE(c, nullptr) << o.name;
    EXPECT_EQ(c->value, o.number) << o.name;
    const bool structured = o.kind == AFPLUG_KIND_STRUCT || o.kind == AFPLUG_KIND_ARRAY;
    EXPECT_EQ(structured, !o.members.empty()) << o.name;
    if (o.kind == AFPLUG_KIND_CALL) {
      EXPECT_EQ(o.get != nullptr, (o.flags & AFPLUG_OPTION_READ) != 0) << o.name;
      EXPECT_EQ(o.set != nullptr, (o.flags & AFPLUG_OPTION_WRITE) != 0) << o.name;
    }
  }
}

// The SO_ names of Python's socket module on Linux, except for those of other levels than SOL_SOCKET.
TEST(socket_options, include_all_of_python) {
  for (const char* name :
       {"SO_DEBUG",     "SO_ACCEPTCONN", "SO_REUSEADDR", "SO_INCOMING_CPU", "SO_KEEPALIVE",    "SO_DONTROUTE",
        "SO_BROADCAST", "SO_LINGER",     "SO_OOBINLINE", "SO_REUSEPORT",    "SO_SNDBUF",       "SO_RCVBUF",
        "SO_SNDLOWAT",  "SO_RCVLOWAT",   "SO_SNDTIMEO",  "SO_RCVTIMEO",     "SO_ERROR",        "SO_TYPE",
        "SO_PASSCRED",  "SO_PEERCRED",   "SO_PASSSEC",   "SO_PEERSEC",      "SO_BINDTODEVICE", "SO_BINDTOIFINDEX",
        "SO_PRIORITY",  "SO_MARK",       "SO_DOMAIN",    "SO_PROTOCOL"})
    EXPECT_TRUE(std::ranges::any_of(afplug::socket_options(), [&](const auto& o) {
      return name == std::string_view(o.name);
    })) << name;
}

// The errors that reading an option may end with.
using option_errors = std::map<std::string_view, std::set<int>>;

// Options of newer kernels than Linux 5.4, or of kernels with an LSM or CONFIG_NET_RX_BUSY_POLL.
const std::set<std::string_view> not_in_every_kernel{
    "SO_PEERSEC",      "SO_BUSY_POLL", "SO_INCOMING_NAPI_ID", "SO_PREFER_BUSY_POLL", "SO_BUSY_POLL_BUDGET",
    "SO_NETNS_COOKIE", "SO_BUF_LOCK",  "SO_RESERVE_MEM",      "SO_TXREHASH",         "SO_RCVMARK",
    "SO_PASSPIDFD",    "SO_PEERPIDFD", "SO_RCVPRIORITY",      "SO_PASSRIGHTS",       "SO_INQ",
};

// Reads every option as text and parses the text again. Options fail only with the errors given.
void read_all(const afplug::socket& s, const option_errors& errors) {
  for (const auto& o : afplug::socket_options()) {
    error_code ec;
    const auto text = s.option_text(o.name, ec);
    if ((o.flags & AFPLUG_OPTION_READ) == 0) {
      EXPECT_EQ(ec, afplug::errc::not_readable) << o.name;
      continue;
    }
    const auto known = errors.find(o.name);
    const bool expected = ec == sys(ec.value()) && ((known != errors.end() && known->second.contains(ec.value())) ||
                                                    (ec == sys(ENOPROTOOPT) && not_in_every_kernel.contains(o.name)));
    EXPECT_TRUE(!ec || expected) << o.name << ": " << afplug::last_detail();
    if (ec || o.kind == AFPLUG_KIND_CALL) continue;
    const auto bytes = s.option_bytes(o.name);
    EXPECT_EQ(afplug::parse_option(o, text, s.owner()).size(),
              o.kind == AFPLUG_KIND_TEXT || o.kind == AFPLUG_KIND_IFNAME
                  ? std::max<std::size_t>(bytes.size(), text.size() + (o.kind == AFPLUG_KIND_IFNAME))
                  : bytes.size())
        << o.name << '=' << text;
  }
}

TEST(socket_options, of_a_tcp_socket_are_readable) {
  const afplug::socket fresh("inet", SOCK_STREAM);
  read_all(fresh, {{"SO_PEERNAME", {ENOTCONN}},
                   {"SO_PEEK_OFF", {EOPNOTSUPP}},  // before Linux 6.9
                   {"SO_PEERGROUPS", {ENODATA}},
                   {"SO_PEERPIDFD", {ENODATA, ESRCH}},  // ESRCH: Linux 6.5
                   {"SO_PASSCRED", {EOPNOTSUPP}},       // since Linux 6.16, as the next three
                   {"SO_PASSSEC", {EOPNOTSUPP}},
                   {"SO_PASSPIDFD", {EOPNOTSUPP}},
                   {"SO_PASSRIGHTS", {EOPNOTSUPP}}});

  EXPECT_EQ(fresh.option_text("SO_TYPE"), "SOCK_STREAM");
  EXPECT_EQ(fresh.option_text("SO_DOMAIN"), "AF_INET");
  EXPECT_EQ(fresh.option_text("SO_PROTOCOL"), "IPPROTO_TCP");
  EXPECT_EQ(fresh.option_text("SO_LINGER"), "onoff=off,linger=0s");
  EXPECT_EQ(fresh.option_text("SO_RCVTIMEO"), "0s");
  EXPECT_EQ(fresh.option_text("SO_BINDTODEVICE"), "");
  EXPECT_EQ(fresh.option_text("SO_ATTACH_FILTER"), "none");
  EXPECT_THAT(fresh.option_text("SO_MEMINFO"), HasSubstr("rmem_alloc=0,rcvbuf="));
  EXPECT_EQ(fresh.option_text("SO_ACCEPTCONN"), "off");
}

TEST(socket_options, of_a_unix_pair_are_readable) {
  const auto [left, right] = afplug::socket::pair();
  read_all(left, {{"SO_TXREHASH", {EOPNOTSUPP}}});
  EXPECT_EQ(left.option_text("SO_PEERCRED"), "pid=" + std::to_string(::getpid()) + ",uid=" +
                                                 std::to_string(::geteuid()) + ",gid=" + std::to_string(::getegid()));
  error_code ec;
  const auto pid = left.option_text("SO_PEERPIDFD", ec);
  if (ec) {
    EXPECT_EQ(ec.value(), ENOPROTOOPT) << "SO_PEERPIDFD is new in Linux 6.5";
  } else {
    EXPECT_EQ(pid, std::to_string(::getpid()));
  }
}

TEST(socket_options, are_set_from_text) {
  afplug::socket s("inet", SOCK_DGRAM);
  const std::pair<const char*, const char*> settings[] = {
      {"SO_LINGER", "onoff=on,linger=5s"},
      {"SO_RCVTIMEO", "1.5s"},
      {"SO_SNDTIMEO_NEW", "200ms"},
      {"SO_BROADCAST", "on"},
      {"SO_PRIORITY", "6"},
      {"SO_MAX_PACING_RATE", "123456"},
      {"SO_TIMESTAMPING", "SOF_TIMESTAMPING_RX_SOFTWARE|SOF_TIMESTAMPING_SOFTWARE"},
      {"SO_BINDTOIFINDEX", "lo"},
      {"SO_TXTIME", "clockid=1,flags=SOF_TXTIME_REPORT_ERRORS"}};
  for (const auto& [name, text] : settings) {
    s.option(name, text);
    EXPECT_EQ(s.option_text(name), text);
  }
  EXPECT_EQ(s.option_text("SO_BINDTODEVICE"), "lo");
  s.option("SO_BINDTODEVICE", "");
  EXPECT_EQ(s.option_text("SO_BINDTOIFINDEX"), "0");
}

TEST(socket_options, classic_bpf_filter_is_set_and_read_as_text) {
  afplug::socket s("inet", SOCK_DGRAM);
  s.option("SO_ATTACH_FILTER", "2,48 0 0 0,6 0 0 262144");
  EXPECT_EQ(s.option_text("SO_ATTACH_FILTER"), "2,48 0 0 0,6 0 0 262144");
  s.option("SO_ATTACH_FILTER", "none");
  EXPECT_EQ(s.option_text("SO_ATTACH_FILTER"), "none");
  for (const char* wrong : {"", "1", "1,6 0 0", "2,6 0 0 0", "1,6 0 256 0", "0", "5000,6 0 0 0", "1,6 0 0 0,6 0 0 0"}) {
    error_code ec;
    s.option("SO_ATTACH_FILTER", afplug::option_value(std::string(wrong)), ec);
    EXPECT_EQ(ec.value(), EINVAL) << wrong;
    EXPECT_NE(afplug::last_detail().find("count,code jt jf k"), std::string_view::npos) << afplug::last_detail();
  }
  // The output format of tcpdump -ddd.
  s.option("SO_ATTACH_FILTER", "1\n6 0 0 262144\n");
  EXPECT_EQ(s.option_text("SO_ATTACH_FILTER"), "1,6 0 0 262144");
}

TEST(socket_options, peer_name_is_address_text) {
  afplug::socket a("inet", SOCK_DGRAM), b("inet", SOCK_DGRAM);
  a.bind("127.0.0.1:0");
  b.connect(a.getsockname());
  EXPECT_EQ(b.option_text("SO_PEERNAME"), a.getsockname().to_string());
  error_code ec;
  a.option_text("SO_PEERNAME", ec);
  EXPECT_EQ(ec.value(), ENOTCONN);
}

TEST(socket_options, get_function_of_a_user_space_family_receives_its_socket) {
  afplug::socket listener("loop", SOCK_STREAM), other("loop", SOCK_STREAM);
  listener.bind("stage-" + std::to_string(::getpid()));
  listener.listen();
  EXPECT_EQ(listener.option_text("LOOP_STATE"), "listening");
  EXPECT_EQ(other.option_text("LOOP_STATE"), "unconnected");
  other.connect(listener.getsockname());
  EXPECT_EQ(other.option_text("LOOP_STATE"), "connected");

  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    error_code ec;
    other.option_text("LOOP_STATE", ec);
    std::_Exit(ec.value());
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), EOPNOTSUPP) << "user-space sockets cannot be used in a forked child";
}

TEST(socket_options, functions_that_take_a_descriptor_are_not_called_for_user_space_sockets) {
  afplug::socket s("loop", SOCK_STREAM);
  afplug::error_code ec;
  s.option_text("SO_PEERNAME", ec);
  EXPECT_EQ(ec.value(), ENOPROTOOPT);
  s.option("SO_ATTACH_FILTER", afplug::option_value("6,0,0,0"), ec);
  EXPECT_EQ(ec.value(), ENOPROTOOPT);
}

}  // namespace
