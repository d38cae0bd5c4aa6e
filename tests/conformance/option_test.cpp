// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Options: by level and number, typed, and every option of the row's tables by its name. getsockopt(2).
#include <poll.h>
#include <unistd.h>

#include <afplug/option.hpp>
#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <map>
#include <sstream>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE_ALL(options, true);

bool applies(const afplug::socket& s, const afplug::option_info& o) {
  if (!o.group || !*o.group) return true;
  const auto* row = s.owner()->find_row(s.type(), s.protocol());
  const std::string groups = std::string(" ") + (row && row->options ? row->options : "") + " ";
  return groups.find(std::string(" ") + o.group + " ") != std::string::npos;
}

std::vector<const afplug::option_info*> table(const afplug::socket& s) {
  std::vector<const afplug::option_info*> all;
  for (const auto options : {s.owner()->options(), afplug::socket_options()})
    for (const auto& o : options)
      if (applies(s, o)) all.push_back(&o);
  return all;
}

// Options that a new socket does not simply store.
bool particular(std::string_view name, int type) {
  if (name == "IP_RECVFRAGSIZE") return type != SOCK_DGRAM && type != SOCK_RAW;  // do_ip_setsockopt() refuses it
  static constexpr std::string_view names[] = {
      "IPV6_ADDRFORM",                // converts a connected socket to AF_INET
      "IPV6_2292PKTOPTIONS",          // what was received last
      "IPV6_MTU",                     // takes a connected socket
      "IPV6_FLOWLABEL_MGR",           // takes a flow label that was leased
      "IP_ROUTER_ALERT",              // can be cleared only where it is set
      "IPV6_ROUTER_ALERT",            // likewise
      "PACKET_FANOUT",                // takes a bound socket: tests/families/packet_test.cpp
      "TCP_THIN_DUPACK",              // without effect since Linux 4.15
      "TCP_REPAIR_QUEUE",             // this and the next: take TCP_REPAIR
      "TCP_QUEUE_SEQ",                //
      "TCP_REPAIR_WINDOW",            //
      "TCP_TIMESTAMP",                //
      "TCP_ULP",                      // "" cannot be set
      "TCP_FASTOPEN_KEY",             // an empty key cannot be set
      "SCTP_PRIMARY_ADDR",            // takes an association
      "SCTP_AUTO_ASCONF",             // takes a socket bound to the wildcard address
      "SCTP_INTERLEAVING_SUPPORTED",  // takes net.sctp.intl_enable
      "TIPC_GROUP_JOIN",              // group 0 cannot be joined
      "LOOP_BACKLOG",                 // takes a listener
      "SO_DEBUG",                     // takes CAP_NET_ADMIN
      "SO_LOCK_FILTER",               // cannot be cleared
      "SO_ATTACH_FILTER",             // "none" is accepted only where there is a filter
      "SO_BSDCOMPAT",                 // without effect
      "BT_PKT_STATUS",                // Linux 6.1 sets it, but does not clear it (net/bluetooth/sco.c)
      "SO_RCVBUF",                    // this and the next: the kernel doubles the value, tested below
      "SO_SNDBUF",                    //
      "SO_RCVBUFFORCE",               //
      "SO_SNDBUFFORCE",               //
  };
  return std::ranges::find(names, name) != std::end(names);
}

bool lists(std::string_view names, std::string_view name) {
  return (" "s + std::string(names) + " ").find(" "s + std::string(name) + " ") != std::string::npos;
}

// The option does not exist in this kernel or row, or takes privileges.
bool lacking(const error_code& ec) {
  return ec == sys(ENOPROTOOPT) || ec == sys(EOPNOTSUPP) || (ec == sys(EPERM) && ::geteuid() != 0);
}

// The text of a struct with some of its members changed.
std::string with_members(std::string text, const std::string& members) {
  std::istringstream in(members);
  for (std::string member; std::getline(in, member, ',');) {
    const auto name = member.substr(0, member.find('=') + 1);
    const auto at = text.starts_with(name) ? 0 : text.find(',' + name) + 1;
    text.replace(at, text.find(',', at) - at, member);
  }
  return text;
}

// Values to try instead of `before`. Options accept some of them.
std::vector<std::string> other_values(const afplug::option_info& o, const std::string& before) {
  // Where the kernel rounds or limits the values below, or accepts few: a value that it keeps.
  static const std::map<std::string_view, std::string> kept{
      {"SO_BINDTODEVICE", "lo"},
      {"IP_OPTIONS", "01010101"},  // IPOPT_NOOP
      {"IP_MTU_DISCOVER", "IP_PMTUDISC_DO"},
      {"IP_MULTICAST_IF", "127.0.0.1"},
      {"IPV6_MTU_DISCOVER", "IPV6_PMTUDISC_DO"},
      {"IPV6_HOPOPTS", "0000010400000000"},                                // padding
      {"IPV6_DSTOPTS", "0000010400000000"},                                //
      {"IPV6_RTHDRDSTOPTS", "0000010400000000"},                           //
      {"IPV6_RTHDR", "0002040000000000fd000000000000000000000000000001"},  // segment routing, RFC 8754
      {"PACKET_VERSION", "TPACKET_V2"},
      {"TIPC_IMPORTANCE", "TIPC_HIGH_IMPORTANCE"},
      {"CAN_RAW_ERR_FILTER", "64"},  // CAN_ERR_BUSOFF
      {"L2CAP_LM", "6"},   // L2CAP_LM_AUTH, which is on unless the level is BT_SECURITY_SDP, and L2CAP_LM_ENCRYPT
      {"RFCOMM_LM", "6"},  // likewise
      {"BT_ISO_BASE", "0403"},
      {"TCP_REPAIR", "TCP_REPAIR_ON"},
      {"IP_TOS", "16"},                         // without the ECN bits, which belong to TCP
      {"IPV6_TCLASS", "16"},                    //
      {"UDPLITE_SEND_CSCOV", "8"},              // at least the header
      {"UDPLITE_RECV_CSCOV", "8"},              //
      {"PACKET_VNET_HDR_SZ", "12"},             // sizeof(struct virtio_net_hdr_mrg_rxbuf)
      {"SO_VM_SOCKETS_BUFFER_SIZE", "131072"},  // at most SO_VM_SOCKETS_BUFFER_MAX_SIZE
      {"TCP_WINDOW_CLAMP", "65536"},            // at least SOCK_MIN_RCVBUF / 2
      {"TCP_RTO_MIN_US", "100ms"},              // at most 200 ms
      {"TCP_DELACK_MAX_US", "100ms"},           //
      {"IPV6_ADDR_PREFERENCES",
       "1025"},  // IPV6_PREFER_SRC_TMP, and IPV6_PREFER_SRC_HOME, which is on unless IPV6_PREFER_SRC_COA is
  };
  // Members of structs, and elements of arrays.
  static const std::map<std::string_view, std::string> kept_members{
      {"SO_LINGER", "onoff=on"},   // while it is off the kernel does not set the time
      {"SO_TXTIME", "clockid=1"},  // CLOCK_MONOTONIC
      {"CAN_RAW_FILTER", "{id=0x123,mask=0x7ff}"},
      {"CAN_ISOTP_OPTS", "frame_txtime=20000"},
      {"CAN_ISOTP_RECV_FC", "bs=7"},
      {"CAN_ISOTP_LL_OPTS", "mtu=72,tx_dl=64"},  // CANFD_MTU
      {"BT_SECURITY", "level=BT_SECURITY_MEDIUM"},
      {"BT_POWER", "force_active=0"},
      {"BT_VOICE", "setting=BT_VOICE_TRANSPARENT"},
      {"BT_ISO_QOS", "in_interval=20000"},
      {"L2CAP_OPTIONS", "imtu=500"},
      {"HCI_FILTER", "type_mask=0x10"},
      {"CAN_RAW_XL_VCID_OPTS", "flags=CAN_RAW_XL_VCID_TX_SET,tx_vcid=0x7"},
      {"SCTP_RTOINFO", "initial=4000"},
      {"SCTP_ASSOCINFO", "cookie_life=50000"},
      {"SCTP_INITMSG", "num_ostreams=20"},
      {"SCTP_PEER_ADDR_PARAMS", "hbinterval=20000"},
      {"SCTP_EVENTS", "association=1"},
      {"SCTP_MAXSEG", "value=1000"},
      {"SCTP_DELAYED_SACK", "delay=100"},
      {"SCTP_CONTEXT", "value=7"},
      {"SCTP_MAX_BURST", "value=7"},
      {"SCTP_DEFAULT_SNDINFO", "ppid=7,context=8"},
      {"SCTP_PR_SUPPORTED", "value=0"},
      {"SCTP_RECONFIG_SUPPORTED", "value=1"},
      {"SCTP_STREAM_SCHEDULER", "value=1"},
      {"SCTP_ASCONF_SUPPORTED", "value=1"},
      {"SCTP_AUTH_SUPPORTED", "value=1"},
      {"SCTP_ECN_SUPPORTED", "value=0"},
  };
  std::vector<std::string> values;
  if (const auto found = kept.find(o.name); found != kept.end()) return {found->second};
  if (const auto found = kept_members.find(o.name); found != kept_members.end())
    return {o.kind == AFPLUG_KIND_ARRAY ? found->second : with_members(before, found->second)};
  switch (o.kind) {
    case AFPLUG_KIND_FLAG:
      values = {"on", "off"};
      break;
    case AFPLUG_KIND_DURATION:
      values = {"1s", "2s", "1ms", "64us", "0s"};
      break;
    case AFPLUG_KIND_TEXT:
      values = {"reno", "cubic"};  // TCP_CONGESTION
      break;
    case AFPLUG_KIND_BYTES:
      values = {std::string(before.size(), 'f')};
      break;
    case AFPLUG_KIND_STRUCT:
    case AFPLUG_KIND_ARRAY:
      break;
    default:
      if (before.empty() || before.find_first_not_of("-0123456789") != std::string::npos) break;
      const auto number = std::strtoll(before.c_str(), nullptr, 10);
      std::vector<long long> numbers{number / 2, 0, 1, 2, 4, 100, 1000};
      if (std::abs(number) < LLONG_MAX / 2) numbers.insert(numbers.begin(), {number + 1, number - 1, number * 2});
      for (const long long n : numbers) values.push_back(std::to_string(n));
  }
  std::erase(values, before);
  return values;
}

// Whether reading the option returns the value, as text or as the number that the text names.
testing::AssertionResult has_value(const afplug::socket& s, const char* name, const std::string& value) {
  const auto text = s.option_text(name);
  if (text == value) return testing::AssertionSuccess();
  error_code ec;
  const auto number = s.option_number(name, ec);
  if (!ec && std::to_string(number) == value) return testing::AssertionSuccess();
  return testing::AssertionFailure() << name << " was set to " << value << " and is " << text;
}

// Sets the option and expects that reading it returns the value.
void expect_kept(afplug::socket& s, const char* name, const std::string& value) {
  EXPECT_EQ(ERROR_OF(s.option(name, value, _)), sys(0)) << value << ": " << afplug::last_detail();
  EXPECT_TRUE(has_value(s, name, value));
}

TEST_P(options, keep_the_value_that_is_set) {
  int changed = 0;
  for (const auto* o : table(open())) {
    constexpr auto both = AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE;
    if ((o->flags & both) != both || (o->flags & AFPLUG_OPTION_ARGUMENT) != 0 || particular(o->name, r().type))
      continue;
    SCOPED_TRACE(o->name);
    const bool refused = lists(r().parameters.refused_options, o->name);
    auto s = open();
    error_code ec;
    const std::string before = s.option_text(o->name, ec);
    if (lacking(ec) || ((ec == sys(EINVAL) || ec == sys(ENOTCONN)) && refused)) continue;
    EXPECT_EQ(ec, sys(0));
    s.option(o->name, before, ec);
    if (lacking(ec)) continue;
    EXPECT_EQ(ec, sys(refused ? EINVAL : 0)) << before << ": " << afplug::last_detail();
    if (ec) continue;
    const auto values = other_values(*o, before);
    if (lists(r().parameters.ignored_options, o->name)) {
      for (const auto& value : values) EXPECT_EQ(ERROR_OF(s.option(o->name, value, _)), sys(0));
      EXPECT_EQ(s.option_text(o->name), before);
      continue;
    }
    const auto accepted = std::ranges::find_if(values, [&](const auto& value) {
      ec = ERROR_OF(s.option(o->name, value, _));
      return !ec;
    });
    if (accepted == values.end()) {
      // sk_setsockopt() in net/core/sock.c: SO_REUSEPORT is for sockets of IP only.
      EXPECT_TRUE((ec == sys(EOPNOTSUPP) && o->name == "SO_REUSEPORT"sv) || (ec == sys(EPERM) && ::geteuid() != 0))
          << "no other value than " << before << " was accepted: " << ec.message();
      expect_kept(s, o->name, before);
      continue;
    }
    EXPECT_TRUE(has_value(s, o->name, *accepted));
    expect_kept(s, o->name, before);
    expect_kept(s, o->name, *accepted);
    ++changed;
  }
  EXPECT_GE(changed, 4);
}

// The buffer in which afplug reads the option.
std::size_t read_size(const afplug::option_info& o) {
  if (o.max_bytes != 0) return o.max_bytes;
  switch (o.kind) {
    case AFPLUG_KIND_U8:
    case AFPLUG_KIND_I8:
      return 1;
    case AFPLUG_KIND_U16:
    case AFPLUG_KIND_U16BE:
    case AFPLUG_KIND_I16:
      return 2;
    case AFPLUG_KIND_FLAG:
    case AFPLUG_KIND_I32:
    case AFPLUG_KIND_U32:
    case AFPLUG_KIND_U32BE:
    case AFPLUG_KIND_IFINDEX:
      return 4;
    case AFPLUG_KIND_I64:
    case AFPLUG_KIND_U64:
      return 8;
    default:
      return o.min_bytes != 0 ? o.min_bytes : 1024;
  }
}

TEST_P(options, are_read_or_report_the_errno) {
  // The errno of options that are not read by getsockopt(2).
  const std::map<std::string_view, int> not_getsockopt{
      {"SO_PEERNAME", errors().addressing.getpeername_unconnected},  // getpeername(2)
      {"IOCTL_VM_SOCKETS_GET_LOCAL_CID", 0},                         // ioctl(2)
      {"HVSOCKET_CONTAINER_PASSTHRU", ENOPROTOOPT},                  // Windows only, as the next two
      {"HVSOCKET_CONNECTED_SUSPEND", ENOPROTOOPT},
      {"HVSOCKET_HIGH_VTL", ENOPROTOOPT},
  };
  const auto s = open();
  for (const auto* o : table(s)) {
    if ((o->flags & AFPLUG_OPTION_READ) == 0) {
      EXPECT_EQ(ERROR_OF(s.option_text(o->name, _)), error_code(afplug::errc::not_readable)) << o->name;
      EXPECT_NE(afplug::last_detail().find(o->name), std::string_view::npos);
      continue;
    }
    const auto ec = ERROR_OF(s.option_text(o->name, _));
    const std::string detail(afplug::last_detail());
    if (!in_kernel()) {
      EXPECT_TRUE(!ec || ec == sys(ENOPROTOOPT)) << o->name << ": " << detail;
    } else if (const auto found = not_getsockopt.find(o->name); found != not_getsockopt.end()) {
      EXPECT_EQ(ec, sys(found->second)) << o->name << ": " << detail;
    } else {
      std::vector<std::byte> buffer(read_size(*o));
      auto size = static_cast<socklen_t>(buffer.size());
      errno = 0;
      ::getsockopt(s.fileno(), o->level, o->number, buffer.data(), &size);
      EXPECT_EQ(ec, sys(errno)) << o->name << ": " << detail;
    }
  }
}

TEST_P(options, that_are_read_only_are_not_written) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.option("SO_TYPE", std::int64_t{1}, _)), error_code(afplug::errc::not_writable));
  EXPECT_NE(afplug::last_detail().find("SO_TYPE"), std::string_view::npos) << afplug::last_detail();
  EXPECT_THROW(s.option("SO_ERROR", 1), afplug::error);
}

TEST_P(options, that_are_unknown_are_refused_with_a_suggestion) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.option("SO_RCVBUFF", std::int64_t{1}, _)), error_code(afplug::errc::unknown_option));
  const std::string why(afplug::last_detail());
  EXPECT_NE(why.find("SO_RCVBUFF"), std::string::npos) << why;
  EXPECT_NE(why.find("mean SO_RCVBUF"), std::string::npos) << why;
  EXPECT_NE(why.find(r().family), std::string::npos) << why;
  EXPECT_EQ(ERROR_OF(s.option_text("", _)), error_code(afplug::errc::unknown_option));
  EXPECT_EQ(ERROR_OF(s.option_number("so_rcvbuf", _)), error_code(afplug::errc::unknown_option));
  EXPECT_THROW(s.option("XYZ", "on"), afplug::error);
}

TEST_P(options, of_another_row_are_refused) {
  auto s = open();
  for (const auto& o : s.owner()->options())
    if (!applies(s, o)) {
      EXPECT_EQ(ERROR_OF(s.option_text(o.name, _)), error_code(afplug::errc::wrong_row)) << o.name;
      EXPECT_NE(afplug::last_detail().find(o.name), std::string_view::npos) << afplug::last_detail();
    }
}

TEST_P(options, take_numbers_text_durations_bytes_and_structs) {
  auto s = open();
  s.option("SO_RCVBUF", 1 << 15);
  const auto once = s.option_number("SO_RCVBUF");
  EXPECT_EQ(once, 1 << 16) << "doubled";
  s.option("SO_RCVBUF", "32768");
  EXPECT_EQ(s.option_number("SO_RCVBUF"), once);
  const int bytes = 1 << 15;
  s.option("SO_RCVBUF", afplug::const_bytes(&bytes, sizeof bytes));
  EXPECT_EQ(s.option_number("SO_RCVBUF"), once);
  s.option(afplug::opt::rcvbuf(1 << 15));
  EXPECT_EQ(s.option<afplug::opt::rcvbuf>().value(), once);
  EXPECT_EQ(s.option_text("SO_RCVBUF"), std::to_string(once));
  EXPECT_EQ(s.option_bytes("SO_RCVBUF").size(), sizeof(int));
  s.option("SO_LINGER", "onoff=1,linger=5");
  EXPECT_EQ(s.option<afplug::opt::linger>().time(), 5s);
  EXPECT_TRUE(s.option<afplug::opt::linger>().enabled());
  s.option(afplug::opt::linger(false, 0s));
  EXPECT_EQ(s.option_text("SO_LINGER").substr(0, 9), "onoff=off");
  s.option("SO_KEEPALIVE", true);
  EXPECT_TRUE(s.option<afplug::opt::keep_alive>().value());
  EXPECT_EQ(s.option_text("SO_KEEPALIVE"), "on");
}

TEST_P(options, refuse_values_out_of_range) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.option("SO_KEEPALIVE", std::int64_t{2}, _)), error_code(afplug::errc::invalid_argument));
  EXPECT_EQ(ERROR_OF(s.option("SO_RCVBUF", std::int64_t{1} << 40, _)), error_code(afplug::errc::invalid_argument));
  EXPECT_EQ(ERROR_OF(s.option("SO_RCVBUF", std::string("many"), _)).category(), afplug::afplug_category());
  EXPECT_NE(afplug::last_detail().find("many"), std::string_view::npos) << afplug::last_detail();
  EXPECT_EQ(ERROR_OF(s.option("SO_LINGER", std::int64_t{1}, _)), error_code(afplug::errc::wrong_kind));
  EXPECT_EQ(ERROR_OF(s.option("SO_RCVBUF", std::vector<std::byte>(9), _)), error_code(afplug::errc::invalid_argument));
  EXPECT_EQ(ERROR_OF(s.option_number("SO_LINGER", _)), error_code(afplug::errc::wrong_kind));
}

TEST_P(options, by_level_and_number) {
  auto s = open();
  std::array<char, 64> large{};
  EXPECT_EQ(s.getsockopt(SOL_SOCKET, SO_TYPE, large), sizeof(int)) << "the size read";
  int type = 0;
  EXPECT_EQ(s.getsockopt(SOL_SOCKET, SO_TYPE, afplug::mutable_bytes(&type, sizeof type)), sizeof type);
  EXPECT_EQ(type, r().type);
  const int on = 1;
  s.setsockopt(SOL_SOCKET, SO_REUSEADDR, afplug::const_bytes(&on, sizeof on));
  EXPECT_EQ(s.option_number("SO_REUSEADDR"), 1);
  EXPECT_EQ(ERROR_OF(s.setsockopt(SOL_SOCKET, SO_REUSEADDR, "x"sv, _)), sys(EINVAL)) << "too small";
  EXPECT_EQ(ERROR_OF(s.getsockopt(9999, 1, large, _)), sys(errors().options.getsockopt_unknown_level));
  EXPECT_EQ(ERROR_OF(s.setsockopt(9999, 1, afplug::const_bytes(&on, sizeof on), _)),
            sys(errors().options.setsockopt_unknown_level));
  EXPECT_EQ(ERROR_OF(s.getsockopt(SOL_SOCKET, 9999, large, _)), sys(ENOPROTOOPT));
  EXPECT_EQ(ERROR_OF(s.setsockopt(SOL_SOCKET, 9999, afplug::const_bytes(&on, sizeof on), _)),
            sys(errors().options.setsockopt_unknown_option));
  EXPECT_THROW(s.setsockopt(SOL_SOCKET, SO_REUSEADDR, nullptr, 4), afplug::error);
  EXPECT_EQ(s.option_number("SO_ERROR"), 0);
}

CONFORMANCE(connection_options, t.connection.listens);

TEST_P(connection_options, so_acceptconn) {
  auto s = bound();
  EXPECT_EQ(s.option_number("SO_ACCEPTCONN"), 0);
  s.listen();
  EXPECT_EQ(s.option_number("SO_ACCEPTCONN"), traits().connection.so_acceptconn_is_zero ? 0 : 1);
  s.close();
  EXPECT_EQ(connected().a.option_number("SO_ACCEPTCONN"), 0);
}

TEST_P(connection_options, so_error_is_cleared_by_reading) {
  auto l = connected();
  l.a.send(message());
  ASSERT_TRUE(l.b.wait(POLLIN, patience));
  l.b.close();
  ASSERT_TRUE(l.a.wait(POLLIN, patience));
  EXPECT_EQ(l.a.option_number("SO_ERROR"), traits().shutdown.reset_only_in_so_error ? ECONNRESET
                                           : traits().shutdown.recv_repeats_reset   ? 0
                                                                                  : errors().shutdown.recv_after_reset);
  EXPECT_EQ(l.a.option_number("SO_ERROR"), 0);
}

}  // namespace
}  // namespace conformance
