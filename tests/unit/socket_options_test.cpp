// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The table of SOL_SOCKET and the constants of no family, against the headers and the running kernel.
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
#include <set>

namespace {

using afplug::error_code;
using testing::HasSubstr;

const afplug::constant* find(std::string_view name) {
  for (const auto& c : afplug::socket_constants())
    if (name == c.name) return &c;
  return nullptr;
}

#define HAS(name) \
  { #name, name }
const std::pair<const char*, long long> of_the_headers[] = {
    HAS(AF_UNSPEC),       HAS(AF_INET),          HAS(AF_UNIX),         HAS(AF_INET6),         HAS(AF_CAN),
    HAS(AF_PACKET),       HAS(AF_BLUETOOTH),     HAS(AF_VSOCK),        HAS(AF_NETLINK),       HAS(AF_TIPC),
    HAS(AF_ALG),          HAS(AF_QIPCRTR),       HAS(AF_RDS),          HAS(AF_XDP),           HAS(AF_SMC),
    HAS(AF_DECnet),       HAS(PF_CAN),           HAS(PF_RDS),          HAS(PF_PACKET),        HAS(SOCK_STREAM),
    HAS(SOCK_DGRAM),      HAS(SOCK_RAW),         HAS(SOCK_RDM),        HAS(SOCK_SEQPACKET),   HAS(SOCK_CLOEXEC),
    HAS(SOCK_NONBLOCK),   HAS(SOL_SOCKET),       HAS(SOL_IP),          HAS(SOL_IPV6),         HAS(SOL_TCP),
    HAS(SOL_UDP),         HAS(SOL_PACKET),       HAS(SOL_NETLINK),     HAS(SOL_TIPC),         HAS(SOL_ALG),
    HAS(SOL_RDS),         HAS(SOL_BLUETOOTH),    HAS(SO_REUSEADDR),    HAS(SO_KEEPALIVE),     HAS(SO_LINGER),
    HAS(SO_RCVTIMEO),     HAS(SO_SNDTIMEO),      HAS(SO_ZEROCOPY),     HAS(SO_TXTIME),        HAS(SO_TIMESTAMPING),
    HAS(SO_BINDTODEVICE), HAS(SO_BINDTOIFINDEX), HAS(SO_INCOMING_CPU), HAS(SO_COOKIE),        HAS(SO_ATTACH_BPF),
    HAS(SO_PEERSEC),      HAS(SO_PASSSEC),       HAS(SO_MARK),         HAS(SO_DOMAIN),        HAS(SO_PROTOCOL),
    HAS(SOMAXCONN),       HAS(SCM_RIGHTS),       HAS(SCM_CREDENTIALS), HAS(SCM_TIMESTAMPING), HAS(SCM_TXTIME),
    HAS(MSG_OOB),         HAS(MSG_PEEK),         HAS(MSG_DONTROUTE),   HAS(MSG_DONTWAIT),     HAS(MSG_EOR),
    HAS(MSG_TRUNC),       HAS(MSG_CTRUNC),       HAS(MSG_WAITALL),     HAS(MSG_NOSIGNAL),     HAS(MSG_CMSG_CLOEXEC),
    HAS(MSG_ERRQUEUE),    HAS(MSG_CONFIRM),      HAS(MSG_MORE),        HAS(MSG_FASTOPEN),     HAS(MSG_ZEROCOPY),
    HAS(SHUT_RD),         HAS(SHUT_WR),          HAS(SHUT_RDWR),       HAS(EAI_AGAIN),        HAS(EAI_BADFLAGS),
    HAS(EAI_FAIL),        HAS(EAI_FAMILY),       HAS(EAI_MEMORY),      HAS(EAI_NONAME),       HAS(EAI_OVERFLOW),
    HAS(EAI_SERVICE),     HAS(EAI_SOCKTYPE),     HAS(EAI_SYSTEM),      HAS(EAI_ADDRFAMILY),   HAS(EAI_NODATA),
    HAS(AI_PASSIVE),      HAS(AI_CANONNAME),     HAS(AI_NUMERICHOST),  HAS(AI_NUMERICSERV),   HAS(AI_ALL),
    HAS(AI_ADDRCONFIG),   HAS(AI_V4MAPPED),      HAS(NI_MAXHOST),      HAS(NI_MAXSERV),       HAS(NI_NOFQDN),
    HAS(NI_NUMERICHOST),  HAS(NI_NAMEREQD),      HAS(NI_NUMERICSERV),  HAS(NI_DGRAM),         HAS(NI_IDN)};

TEST(socket_constants, have_the_values_of_the_headers) {
  for (const auto& [name, value] : of_the_headers) {
    const auto* c = find(name);
    ASSERT_NE(c, nullptr) << name;
    EXPECT_EQ(c->value, value) << name;
  }
}

// Numbers that the headers of this machine may be too old for.
TEST(socket_constants, have_what_newer_kernels_added) {
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
    EXPECT_EQ(c.size, sizeof(afplug::constant));
    EXPECT_TRUE(names.insert(c.name).second) << c.name << " is there twice";
    const std::string_view group = c.group;
    EXPECT_TRUE(std::string_view(c.name).starts_with(group) || std::string_view(c.name) == "SOMAXCONN") << c.name;
    EXPECT_EQ(c.text, nullptr) << c.name;
  }
}

TEST(socket_options, are_well_formed) {
  std::set<std::string_view> names;
  for (const auto& o : afplug::socket_options()) {
    EXPECT_EQ(o.size, sizeof(afplug_option)) << o.name;
    EXPECT_TRUE(names.insert(o.name).second) << o.name << " is there twice";
    EXPECT_EQ(o.level, SOL_SOCKET) << o.name;
    EXPECT_NE(o.flags & (AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE), 0u) << o.name;
    ASSERT_NE(o.help, nullptr) << o.name;
    EXPECT_LE(std::string_view(o.help).size(), 80u) << o.name;
    const auto* c = find(o.name);
    ASSERT_NE(c, nullptr) << o.name;
    EXPECT_EQ(c->value, o.number) << o.name;
    const bool structured = o.kind == AFPLUG_KIND_STRUCT || o.kind == AFPLUG_KIND_ARRAY;
    EXPECT_EQ(structured, !o.member_table.empty()) << o.name;
    for (const auto& m : o.member_table) EXPECT_EQ(m.size, sizeof(afplug_member)) << o.name;
    if (o.kind == AFPLUG_KIND_CALL) {
      EXPECT_EQ(o.get != nullptr, (o.flags & AFPLUG_OPTION_READ) != 0) << o.name;
      EXPECT_EQ(o.set != nullptr, (o.flags & AFPLUG_OPTION_WRITE) != 0) << o.name;
    }
  }
}

// PARITY §8: every SO_ name of Python's on Linux is an option or, where it belongs to another level, a constant.
TEST(socket_options, have_all_that_python_names) {
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

// Reads every option of a socket in all its forms: text, or an errno that says why there is none.
void read_all(const afplug::socket& s) {
  for (const auto& o : afplug::socket_options()) {
    error_code ec;
    const auto text = s.option_text(o.name, ec);
    if ((o.flags & AFPLUG_OPTION_READ) == 0) {
      EXPECT_EQ(ec, afplug::errc::not_readable) << o.name;
      continue;
    }
    // What the kernel refuses is its own affair; that it is read and then not understood would be ours.
    EXPECT_TRUE(!ec || ec.category() == boost::system::system_category()) << o.name << ": " << afplug::last_detail();
    if (ec || o.kind == AFPLUG_KIND_CALL) continue;
    const auto bytes = s.option_bytes(o.name);
    EXPECT_EQ(afplug::parse_option(o, text, s.owner()).size(),
              o.kind == AFPLUG_KIND_TEXT || o.kind == AFPLUG_KIND_IFNAME
                  ? std::max<std::size_t>(bytes.size(), text.size() + (o.kind == AFPLUG_KIND_IFNAME))
                  : bytes.size())
        << o.name << '=' << text;
  }
}

TEST(socket_options, of_a_tcp_socket_can_all_be_read) {
  const afplug::socket fresh("inet", SOCK_STREAM);
  read_all(fresh);
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

TEST(socket_options, of_a_unix_pair_can_all_be_read) {
  const auto [left, right] = afplug::socket::pair();
  read_all(left);
  EXPECT_EQ(left.option_text("SO_PEERCRED"), "pid=" + std::to_string(::getpid()) + ",uid=" +
                                                 std::to_string(::geteuid()) + ",gid=" + std::to_string(::getegid()));
  error_code ec;
  const auto pid = left.option_text("SO_PEERPIDFD", ec);
  if (ec) {
    EXPECT_EQ(ec.value(), ENOPROTOOPT) << "kernels before 6.5 have no SO_PEERPIDFD";
  } else {
    EXPECT_EQ(pid, std::to_string(::getpid()));
  }
}

TEST(socket_options, are_set_by_their_text) {
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

TEST(socket_options, a_classic_filter_goes_in_and_comes_out_as_text) {
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
  // tcpdump -ddd writes lines.
  s.option("SO_ATTACH_FILTER", "1\n6 0 0 262144\n");
  EXPECT_EQ(s.option_text("SO_ATTACH_FILTER"), "1,6 0 0 262144");
}

TEST(socket_options, the_peers_name_is_text_of_its_family) {
  afplug::socket a("inet", SOCK_DGRAM), b("inet", SOCK_DGRAM);
  a.bind("127.0.0.1:0");
  b.connect(a.getsockname());
  EXPECT_EQ(b.option_text("SO_PEERNAME"), a.getsockname().to_string());
  error_code ec;
  a.option_text("SO_PEERNAME", ec);
  EXPECT_EQ(ec.value(), ENOTCONN);
}

TEST(socket_options, an_options_own_functions_are_told_which_socket_in_user_space_too) {
  afplug::socket listener("loop", SOCK_STREAM), other("loop", SOCK_STREAM);
  listener.bind("told-" + std::to_string(::getpid()));
  listener.listen();
  EXPECT_EQ(listener.option_text("LOOP_STAGE"), "listening");
  EXPECT_EQ(other.option_text("LOOP_STAGE"), "fresh");
  other.connect(listener.getsockname());
  EXPECT_EQ(other.option_text("LOOP_STAGE"), "connected");

  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    error_code ec;
    other.option_text("LOOP_STAGE", ec);
    std::_Exit(ec.value());
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), EOPNOTSUPP) << "the family's sockets are of no use in a forked child";
}

}  // namespace
