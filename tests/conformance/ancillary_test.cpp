// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Ancillary data: descriptors, credentials, packet information, timestamps, errors. cmsg(3), unix(7), ip(7), ipv6(7).
#include <fcntl.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE(scm_rights, t.ancillary.scm_rights);
CONFORMANCE(scm_rights_unsupported, !t.ancillary.scm_rights);
CONFORMANCE(scm_credentials, t.ancillary.scm_credentials);
CONFORMANCE(ip_packet_information, t.ancillary.ip_pktinfo);
CONFORMANCE(timestamps, t.ancillary.so_timestamp);
CONFORMANCE(error_queue, t.ancillary.msg_errqueue);

// Files to pass. The content of each is its index.
class files {
 public:
  explicit files(int count) {
    for (int i = 0; i < count; ++i) {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
      const char digit = static_cast<char>('0' + i);
      if (::write(ends[1], &digit, 1) != 1) throw std::runtime_error("write");
      ::close(ends[1]);
      fds.push_back(ends[0]);
    }
  }
  ~files() {
    for (int fd : fds) ::close(fd);
  }
  std::vector<int> fds;
};

bool same_file(int a, int b) {
  struct stat x {
  }, y{};
  return ::fstat(a, &x) == 0 && ::fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

void expect_and_close(const std::vector<int>& got, const std::vector<int>& sent) {
  EXPECT_EQ(got.size(), sent.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (i < sent.size()) {
      EXPECT_TRUE(same_file(got[i], sent[i])) << i;
    }
    EXPECT_TRUE(close_on_exec(got[i]));
    ::close(got[i]);
  }
}

struct outgoing_message {
  explicit outgoing_message(std::string bytes) : text(std::move(bytes)) {}
  std::string text;
  const afplug::const_bytes data[1] = {text};
};
struct receive_buffer {
  char text[256] = {};
  const afplug::mutable_bytes into[1] = {text};
};

// ---- descriptors ----

TEST_P(scm_rights, arrive_in_any_number) {
  for (int count : {1, 2, 3, 10, 253}) {
    auto l = connected();
    const files f(count);
    const outgoing_message p(message(1));
    EXPECT_EQ(l.a.send_fds(p.data, f.fds), p.text.size());
    receive_buffer b;
    const auto got = l.b.recv_fds(b.text, 253);
    EXPECT_EQ(got.size, p.text.size());
    EXPECT_EQ(std::string(b.text, got.size), p.text);
    EXPECT_EQ(got.flags & (MSG_CTRUNC | MSG_TRUNC), 0);
    expect_and_close(got.descriptors, f.fds);
  }
}

TEST_P(scm_rights, refer_to_the_same_open_file) {
  auto l = connected();
  const files f(2);
  const outgoing_message p(message(1));
  l.a.send_fds(p.data, f.fds);
  receive_buffer b;
  const auto got = l.b.recv_fds(b.text, 2);
  ASSERT_EQ(got.descriptors.size(), 2u);
  for (std::size_t i : {0u, 1u}) {
    char byte = 0;
    EXPECT_EQ(::read(got.descriptors[i], &byte, 1), 1);
    EXPECT_EQ(byte, "01"[i]);
    ::close(got.descriptors[i]);
  }
}

TEST_P(scm_rights, none_are_sent_and_received) {
  auto l = connected();
  const outgoing_message p(message(1));
  EXPECT_EQ(l.a.send_fds(p.data, {}), p.text.size());
  receive_buffer b;
  EXPECT_TRUE(l.b.recv_fds(b.text, 4).descriptors.empty());
  // The receiver need not have a buffer for descriptors.
  l.a.send(p.text);
  const auto got = l.b.recv_fds(b.text, 0);
  EXPECT_EQ(got.size, p.text.size());
  EXPECT_EQ(got.flags & MSG_CTRUNC, 0);
}

TEST_P(scm_rights, that_do_not_fit_set_msg_ctrunc_and_do_not_leak) {
  for (std::size_t capacity : {0u, 1u, 2u}) {
    auto l = connected();
    const files f(3);
    const outgoing_message p(message(1));
    l.a.send_fds(p.data, f.fds);
    receive_buffer b;
    const auto got = l.b.recv_fds(b.text, capacity);
    EXPECT_EQ(got.size, p.text.size());
    EXPECT_EQ(got.flags & MSG_CTRUNC, MSG_CTRUNC);
    expect_and_close(got.descriptors, {f.fds.begin(), f.fds.begin() + static_cast<std::ptrdiff_t>(capacity)});
  }
}

TEST_P(scm_rights, do_not_leak_with_any_control_buffer_size) {
  const files f(3);
  const outgoing_message p(message(1));
  for (std::size_t capacity = 0; capacity <= afplug::cmsg_space(3 * sizeof(int)) + 8; ++capacity) {
    SCOPED_TRACE(capacity);
    auto l = connected();
    l.a.send_fds(p.data, f.fds);
    afplug::control_buffer control(capacity);
    receive_buffer b;
    const auto got = l.b.recvmsg(b.into, control);
    EXPECT_EQ(got.size, p.text.size());
    const auto header = afplug::cmsg_len(0);
    const auto fit = std::min<std::size_t>(3, capacity < header ? 0 : (capacity - header) / sizeof(int));
    EXPECT_EQ(control.truncated(), fit < 3);
    EXPECT_EQ(got.flags & MSG_CTRUNC, fit < 3 ? MSG_CTRUNC : 0);
    expect_and_close(control.take_rights(), {f.fds.begin(), f.fds.begin() + static_cast<std::ptrdiff_t>(fit)});
    EXPECT_TRUE(control.take_rights().empty()) << "descriptors are taken once";
  }
}

TEST_P(scm_rights, that_are_not_taken_are_closed) {
  auto l = connected();
  const files f(3);
  const outgoing_message p(message(1));
  const auto before = open_descriptor_count();
  receive_buffer b;
  {
    afplug::control_buffer control(afplug::cmsg_space(3 * sizeof(int)));
    l.a.send_fds(p.data, f.fds);
    l.b.recvmsg(b.into, control);
    EXPECT_EQ(open_descriptor_count(), before + 3);
    // The next message into the same buffer closes them …
    l.a.send_fds(p.data, {f.fds.data(), 1});
    l.b.recvmsg(b.into, control);
    EXPECT_EQ(open_descriptor_count(), before + 1);
    // … and so does a receive that fails.
    EXPECT_EQ(ERROR_OF(l.b.recvmsg(b.into, control, MSG_DONTWAIT, nullptr, _)), sys(EAGAIN));
    EXPECT_EQ(open_descriptor_count(), before);
    EXPECT_TRUE(control.begin() == control.end());
    // Moving the buffer moves them …
    l.a.send_fds(p.data, f.fds);
    l.b.recvmsg(b.into, control);
    afplug::control_buffer moved = std::move(control);
    EXPECT_EQ(open_descriptor_count(), before + 3);
    EXPECT_TRUE(control.take_rights().empty());
    control = std::move(moved);
    EXPECT_EQ(open_descriptor_count(), before + 3);
  }
  // … and its destructor closes them.
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST_P(scm_rights, arrive_with_their_own_message) {
  auto l = connected();
  const files f(2);
  const outgoing_message first(message(1)), second(message(2));
  l.a.send_fds(first.data, {f.fds.data(), 1});
  l.a.send_fds(second.data, {f.fds.data() + 1, 1});
  for (std::size_t i : {0u, 1u}) {
    receive_buffer b;
    const auto got = l.b.recv_fds(b.text, 4);
    EXPECT_EQ(std::string(b.text, got.size), i == 0 ? first.text : second.text);
    expect_and_close(got.descriptors, {f.fds[i]});
  }
}

TEST_P(scm_rights, are_sent_in_several_control_items) {
  auto l = connected();
  const files f(3);
  const outgoing_message p(message(1));
  afplug::control_builder several;
  several.rights({f.fds.data(), 1}).rights({f.fds.data() + 1, 2});
  l.a.sendmsg(p.data, several);
  receive_buffer b;
  const auto got = l.b.recv_fds(b.text, 8);
  expect_and_close(got.descriptors, f.fds);
}

TEST_P(scm_rights, are_duplicated_by_msg_peek) {
  auto l = connected();
  const files f(1);
  const outgoing_message p(message(1));
  l.a.send_fds(p.data, f.fds);
  receive_buffer b;
  expect_and_close(l.b.recv_fds(b.text, 1, MSG_PEEK).descriptors, f.fds);
  expect_and_close(l.b.recv_fds(b.text, 1).descriptors, f.fds);
}

TEST_P(scm_rights, that_are_not_received_are_closed_with_the_socket) {
  auto l = connected();
  const outgoing_message p(message(1));
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  l.a.send_fds(p.data, {&ends[1], 1});
  ::close(ends[1]);
  l.a.close();
  l.b.close();
  char byte;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0) << "the last write end is closed";
  ::close(ends[0]);
}

TEST_P(scm_rights, must_be_open_and_at_most_253) {
  auto l = connected();
  const outgoing_message p(message(1));
  const int wrong[] = {-1}, closed[] = {9999};
  EXPECT_EQ(ERROR_OF(l.a.send_fds(p.data, wrong, 0, nullptr, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(l.a.send_fds(p.data, closed, 0, nullptr, _)), sys(EBADF));
  const files f(1);
  const std::vector<int> many(254, f.fds[0]);
  EXPECT_EQ(ERROR_OF(l.a.send_fds(p.data, many, 0, nullptr, _)), sys(EINVAL)) << "SCM_MAX_FD is 253";
  EXPECT_EQ(l.a.send(p.text), p.text.size());
}

TEST_P(scm_rights, are_sent_with_flags_and_to_an_address) {
  const files f(1);
  const outgoing_message p(message(1));
  receive_buffer b;
  if (traits().connection.connectionless) {
    auto to = bound(), from = bound();
    const auto name = to.getsockname();
    EXPECT_EQ(from.send_fds(p.data, f.fds, 0, &name), p.text.size());
    address sender;
    auto got = to.recv_fds(b.text, 1, 0, &sender);
    EXPECT_EQ(sender, from.getsockname());
    expect_and_close(got.descriptors, f.fds);
  } else {
    auto l = connected();
    const auto name = l.b.getsockname();
    EXPECT_EQ(ERROR_OF(l.a.send_fds(p.data, f.fds, 0, &name, _)), sys(errors().delivery.sendto_when_connected));
  }
  auto l = connected();
  fill(l.a, r());
  EXPECT_EQ(until_refused([&](error_code& ec) { l.a.send_fds(p.data, f.fds, MSG_DONTWAIT, nullptr, ec); }).ec,
            sys(EAGAIN));
  auto k = connected();
  EXPECT_EQ(ERROR_OF(k.b.recv_fds(b.text, 1, MSG_DONTWAIT, nullptr, _)), sys(EAGAIN));
}

TEST_P(scm_rights_unsupported, descriptors_are_ignored_or_refused) {
  auto l = connected();
  const files f(2);
  const outgoing_message p(message(1));
  EXPECT_EQ(ERROR_OF(l.a.send_fds(p.data, f.fds, 0, nullptr, _)), sys(errors().delivery.send_scm_rights));
  l.a.send(message(2));
  receive_buffer b;
  const auto got = l.b.recv_fds(b.text, 2);
  EXPECT_EQ(as_sent(b.text, got.size).substr(0, message(1).size()),
            errors().delivery.send_scm_rights == 0 ? message(1) : message(2));
  EXPECT_TRUE(got.descriptors.empty());
}

// ---- credentials ----

TEST_P(scm_credentials, of_the_sender_are_received) {
  auto l = connected();
  l.b.option("SO_PASSCRED", 1);
  EXPECT_EQ(l.b.option_number("SO_PASSCRED"), 1);
  const outgoing_message p(message(1));
  receive_buffer b;
  const auto check = [&] {
    afplug::control_buffer control(afplug::cmsg_space(sizeof(ucred)));
    EXPECT_EQ(l.b.recvmsg(b.into, control).size, p.text.size());
    const auto item = control.find(SOL_SOCKET, SCM_CREDENTIALS);
    ASSERT_TRUE(item.has_value());
    const auto who = item->credentials();
    ASSERT_TRUE(who.has_value());
    EXPECT_EQ(who->pid, ::getpid());
    EXPECT_EQ(who->uid, ::geteuid());
    EXPECT_EQ(who->gid, ::getegid());
    EXPECT_FALSE(item->truncated);
    EXPECT_FALSE(item->hop_limit().has_value());
  };
  l.a.send(p.text);
  check();
  afplug::control_builder mine;
  mine.credentials(::getpid(), ::geteuid(), ::getegid());
  l.a.sendmsg(p.data, mine);
  check();
  if (!traits().ancillary.scm_rights) return;
  // Together with descriptors.
  const files f(2);
  mine.rights(f.fds);
  l.a.sendmsg(p.data, mine);
  afplug::control_buffer control(512);
  l.b.recvmsg(b.into, control);
  EXPECT_TRUE(control.find(SOL_SOCKET, SCM_CREDENTIALS).has_value());
  EXPECT_TRUE(control.find(SOL_SOCKET, SCM_RIGHTS).has_value());
  EXPECT_FALSE(control.malformed());
  expect_and_close(control.take_rights(), f.fds);
}

TEST_P(scm_credentials, of_the_peer_are_in_so_peercred) {
  if (!traits().connection.listens) {
    EXPECT_EQ(ERROR_OF(connected().a.option_text("SO_PEERCRED", _)), sys(0));
    return;
  }
  auto l = connected();
  const auto peer = l.a.option<afplug::opt::peer_credentials>().value();
  EXPECT_EQ(peer.pid, ::getpid());
  EXPECT_EQ(peer.uid, ::geteuid());
}

// ---- packets ----

in_addr host4(const afplug::socket& s) {
  return reinterpret_cast<const sockaddr_in*>(s.getsockname().data())->sin_addr;
}
in6_addr host6(const afplug::socket& s) {
  return reinterpret_cast<const sockaddr_in6*>(s.getsockname().data())->sin6_addr;
}

TEST_P(ip_packet_information, destination_hop_limit_and_traffic_class_are_received) {
  const bool six = std::string_view(r().family) == "inet6";
  auto l = connected();
  static constexpr const char* wanted[2][3] = {{"IP_PKTINFO", "IP_RECVTTL", "IP_RECVTOS"},
                                               {"IPV6_RECVPKTINFO", "IPV6_RECVHOPLIMIT", "IPV6_RECVTCLASS"}};
  for (const char* name : wanted[six]) {
    l.b.option(name, 1);
    EXPECT_EQ(l.b.option_number(name), 1) << name;
  }
  afplug::control_builder out;
  if (six) {
    out.hop_limit(33).traffic_class(0x20);
    in6_pktinfo from{};
    from.ipi6_addr = host6(l.a);
    out.packet_info6(from);
  } else {
    out.ttl(33).tos(0x20);
    in_pktinfo from{};
    from.ipi_spec_dst = host4(l.a);
    out.packet_info4(from);
  }
  const outgoing_message p(message(1));
  l.a.sendmsg(p.data, out);
  receive_buffer b;
  const std::size_t info = six ? sizeof(in6_pktinfo) : sizeof(in_pktinfo);
  const std::size_t whole = afplug::cmsg_space(info) + 2 * afplug::cmsg_space(sizeof(int));
  afplug::control_buffer control(whole);
  const auto got = l.b.recvmsg(b.into, control);
  EXPECT_EQ(got.flags & MSG_CTRUNC, 0);
  int hops = 0, traffic = 0, places = 0;
  for (const auto& item : control) {
    if (const auto n = item.hop_limit()) hops = *n;
    if (const auto n = item.traffic_class()) traffic = *n;
    if (const auto at = item.packet_info4()) places += at->ipi_addr.s_addr == host4(l.b).s_addr && at->ipi_ifindex > 0;
    if (const auto at = item.packet_info6()) {
      const auto host = host6(l.b);
      places += std::memcmp(&at->ipi6_addr, &host, sizeof host) == 0 && at->ipi6_ifindex > 0;
    }
  }
  EXPECT_EQ(hops, 33);
  EXPECT_EQ(traffic, 0x20);
  EXPECT_EQ(places, 1);
  // With every smaller control buffer: items are read as far as they arrived, and nothing beyond.
  for (std::size_t capacity = 0; capacity < whole; ++capacity) {
    SCOPED_TRACE(capacity);
    l.a.sendmsg(p.data, out);
    afplug::control_buffer little(capacity);
    l.b.recvmsg(b.into, little);
    // The last item's payload is an int, or the one byte of IP_TOS; its padding may be missing.
    EXPECT_EQ(little.truncated(), capacity < whole - (sizeof(std::size_t) - (six ? sizeof(int) : 1)));
    for (const auto& item : little) {
      EXPECT_GE(item.data.data(), little.bytes().data());
      EXPECT_LE(item.data.data() + item.data.size(), little.bytes().data() + little.bytes().size());
      if (const auto n = item.hop_limit()) {
        EXPECT_EQ(*n, 33);
      }
    }
  }
}

TEST_P(ip_packet_information, hop_limit_out_of_range_is_refused) {
  afplug::control_builder out;
  EXPECT_THROW(out.ttl(0), afplug::error);
  EXPECT_THROW(out.ttl(256), afplug::error);
  EXPECT_THROW(out.hop_limit(-2), afplug::error);
  EXPECT_THROW(out.hop_limit(256), afplug::error);
  EXPECT_TRUE(out.empty());
}

TEST_P(timestamps, report_the_time_of_arrival) {
  for (const char* name : {"SO_TIMESTAMPNS", "SO_TIMESTAMP"}) {
    auto l = connected();
    l.b.option(name, 1);
    const outgoing_message p(message(1));
    const auto before = std::chrono::system_clock::now().time_since_epoch() - 1s;
    l.a.send(p.text);
    afplug::control_buffer control(128);
    receive_buffer b;
    l.b.recvmsg(b.into, control);
    ASSERT_FALSE(control.begin() == control.end()) << name;
    const auto when = control.begin()->timestamp();
    ASSERT_TRUE(when.has_value()) << name;
    EXPECT_GE(*when, before);
    EXPECT_LE(*when, std::chrono::system_clock::now().time_since_epoch() + 1s);
  }
}

// ---- errors ----

TEST_P(error_queue, reports_the_message_and_its_destination) {
  const bool six = std::string_view(r().family) == "inet6";
  auto s = bound();
  s.option(six ? "IPV6_RECVERR" : "IP_RECVERR", 1);
  const auto gone = unused_address();
  s.connect(gone);
  const outgoing_message p(message(1));
  s.send(p.text);
  ASSERT_TRUE(s.wait(POLLERR, patience) & POLLERR);
  afplug::control_buffer control(512);
  receive_buffer b;
  address to;
  const auto got = s.recvmsg(b.into, control, MSG_ERRQUEUE, &to);
  EXPECT_EQ(got.flags & MSG_ERRQUEUE, MSG_ERRQUEUE);
  EXPECT_EQ(std::string(b.text, got.size), p.text) << "the datagram that was not delivered";
  EXPECT_EQ(to, r().parameters.as_sender ? r().parameters.as_sender(gone) : gone);
  const auto item = control.find(six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVERR : IP_RECVERR);
  ASSERT_TRUE(item.has_value());
  const auto what = item->as<sock_extended_err>(item->level, item->type);
  ASSERT_TRUE(what.has_value());
  EXPECT_EQ(what->ee_errno, static_cast<std::uint32_t>(errors().delivery.errqueue_no_receiver));
}

TEST_P(error_queue, is_never_waited_for) {
  auto l = connected();
  l.b.send(message(1));  // poll(2) reports POLLIN for data, which is no queued error
  ASSERT_TRUE(l.a.wait(POLLIN, patience));
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {patience}, {0ns}}) {
    l.a.timeout(mode);
    afplug::control_buffer control(512);
    receive_buffer b;
    EXPECT_EQ(ERROR_OF(l.a.recvmsg(b.into, control, MSG_ERRQUEUE, nullptr, _)), sys(EAGAIN));
  }
}

}  // namespace
}  // namespace conformance
