// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Broadcast, multicast groups, and source filters. ip(7), ipv6(7), RFC 3678.
#include <net/if.h>

#include <afplug/ip.hpp>
#include <fstream>

#include "fixture.hpp"

namespace conformance {
namespace {

namespace opt = afplug::opt;

// In the network namespace of the suite, so that nothing leaves this machine.
class group_fixture : public fixture {
 protected:
  void SetUp() override {
    fixture::SetUp();
    if (!network_namespace::why_unavailable().empty())
      GTEST_SKIP() << r().family << ": " << network_namespace::why_unavailable();
    if (!six()) return;
    disable(0);
    // Wait for the end of duplicate address detection: the interface needs an address to send from.
    auto from = sender();
    ASSERT_TRUE(eventually([&] { return !ERROR_OF(from.sendto("now"sv, group(9), 0, _)); }));
  }
  void TearDown() override {
    if (six() && !IsSkipped()) disable(1);
    fixture::TearDown();
  }
  // Other tests need veth0 without IPv6, which sends packets of its own.
  static void disable(int ipv6) { std::ofstream("/proc/sys/net/ipv6/conf/veth0/disable_ipv6") << ipv6 << std::flush; }
  bool six() const { return r().family == "inet6"sv; }
  address at(const std::string& host, std::uint64_t port) const {
    return {r().family, (six() ? "[" + host + "]:" : host + ":") + std::to_string(port), r().type, r().protocol};
  }
  address group(std::uint64_t port = 0) const { return at(six() ? "ff02::db8:1%veth0" : "239.255.1.1", port); }
  static unsigned veth0() { return ::if_nametoindex("veth0"); }
  // IP_MULTICAST_ALL off: the socket receives only from groups that it has joined itself.
  afplug::socket receiver(const address& name) const {
    auto s = open();
    s.option("SO_REUSEADDR", 1);
    s.option(six() ? "IPV6_MULTICAST_ALL" : "IP_MULTICAST_ALL", 0);
    s.bind(name);
    s.timeout(patience);
    return s;
  }
  afplug::socket receiver() const { return receiver(at(six() ? "::" : "0.0.0.0", 0)); }
  afplug::socket sender() const {
    auto s = open();
    if (six()) {
      s.option("IPV6_MULTICAST_IF", "veth0");
    } else {
      s.option("IP_MULTICAST_IF", "10.254.0.1");
    }
    return s;
  }
  static std::uint64_t port(const afplug::socket& s) { return *s.getsockname().number("port"); }
  // Sends to the group and then to `to` itself; returns whether the first arrived.
  bool receives_from_group(afplug::socket& to, afplug::socket& from, address* from_address = nullptr) const {
    from.sendto("group"sv, group(port(to)));
    from.sendto("unicast"sv, at(six() ? "::1" : "127.0.0.1", port(to)));
    std::string got(64, '\0');
    address sender;
    got.resize(to.recvfrom(got, sender));
    if (from_address) *from_address = sender;
    const bool arrived = got == "group";
    EXPECT_EQ(arrived ? receive(to) : got, "unicast");
    return arrived;
  }
  network_namespace network_;
};

CONFORMANCE_WITH(multicast, group_fixture, t.addressing.ip_multicast);
CONFORMANCE_WITH(broadcast, group_fixture, t.addressing.so_broadcast);

TEST_P(multicast, is_received_by_members) {
  auto to = receiver(), from = sender();
  EXPECT_FALSE(receives_from_group(to, from));
  auto other = receiver(to.getsockname());
  const char* here = six() ? "multiaddr=ff02::db8:1,interface=veth0" : "multiaddr=239.255.1.1,address=10.254.0.1";
  to.option(six() ? "IPV6_JOIN_GROUP" : "IP_ADD_MEMBERSHIP", here);
  EXPECT_EQ(ERROR_OF(to.option(six() ? "IPV6_JOIN_GROUP" : "IP_ADD_MEMBERSHIP", std::string(here), _)),
            sys(EADDRINUSE));
  from.sendto("group"sv, group(port(to)));
  EXPECT_EQ(receive(to), "group");
  EXPECT_EQ(ERROR_OF(other.recv({}, MSG_DONTWAIT, _)), sys(EAGAIN));
  to.option(six() ? "IPV6_LEAVE_GROUP" : "IP_DROP_MEMBERSHIP", here);
  EXPECT_EQ(ERROR_OF(to.option(six() ? "IPV6_LEAVE_GROUP" : "IP_DROP_MEMBERSHIP", std::string(here), _)),
            sys(EADDRNOTAVAIL));
  to.option(opt::ip::join_group(group(), veth0()));
  other.close();
  EXPECT_TRUE(receives_from_group(to, from));
  to.option(opt::ip::leave_group(group(), veth0()));
  EXPECT_FALSE(receives_from_group(to, from));
}

TEST_P(multicast, loops_back_unless_disabled) {
  auto to = receiver(), from = sender();
  to.option(opt::ip::join_group(group(), veth0()));
  const auto* loop = six() ? "IPV6_MULTICAST_LOOP" : "IP_MULTICAST_LOOP";
  EXPECT_EQ(from.option_number(loop), 1);
  EXPECT_TRUE(receives_from_group(to, from));
  from.option(loop, 0);
  EXPECT_EQ(from.option_number(loop), 0);
  EXPECT_FALSE(receives_from_group(to, from));
}

TEST_P(multicast, has_its_own_hop_limit) {
  auto to = receiver(), from = sender();
  to.option(opt::ip::join_group(group(), veth0()));
  to.option(six() ? "IPV6_RECVHOPLIMIT" : "IP_RECVTTL", 1);
  const auto* hops = six() ? "IPV6_MULTICAST_HOPS" : "IP_MULTICAST_TTL";
  EXPECT_EQ(from.option_number(hops), 1) << "the default: the link only";
  for (int n : {1, 7, 255}) {
    from.option(hops, n);
    EXPECT_EQ(from.option_number(hops), n);
    from.sendto("group"sv, group(port(to)));
    char buffer[64];
    const afplug::mutable_bytes into[] = {buffer};
    afplug::control_buffer control(64);
    to.recvmsg(into, control);
    ASSERT_FALSE(control.begin() == control.end());
    EXPECT_EQ(control.begin()->hop_limit(), n);
  }
  EXPECT_EQ(ERROR_OF(from.option(hops, std::int64_t{256}, _)), sys(EINVAL));
}

TEST_P(multicast, may_be_limited_to_sources) {
  auto to = receiver(), from = sender();
  address source;
  {
    auto first = receiver();
    first.option(opt::ip::join_group(group(), veth0()));
    ASSERT_TRUE(receives_from_group(first, from, &source));
  }
  const auto other_source = at(six() ? "fd00::99" : "192.0.2.99", 0);
  to.option(opt::ip::join_source_group(group(), other_source, veth0()));
  EXPECT_FALSE(receives_from_group(to, from));
  to.option(opt::ip::join_source_group(group(), source, veth0()));
  EXPECT_TRUE(receives_from_group(to, from));
  to.option(opt::ip::leave_source_group(group(), source, veth0()));
  EXPECT_FALSE(receives_from_group(to, from));
  to.option(opt::ip::leave_source_group(group(), other_source, veth0()));
  to.option(opt::ip::join_group(group(), veth0()));
  to.option(opt::ip::block_source(group(), source, veth0()));
  EXPECT_FALSE(receives_from_group(to, from));
  to.option(opt::ip::unblock_source(group(), source, veth0()));
  EXPECT_TRUE(receives_from_group(to, from));
}

TEST_P(broadcast, needs_so_broadcast) {
  auto to = receiver(at("127.255.255.255", 0)), from = open();
  const auto name = to.getsockname();
  EXPECT_EQ(from.option_number("SO_BROADCAST"), 0);
  EXPECT_EQ(ERROR_OF(from.sendto("to all"sv, name, 0, _)), sys(EACCES));
  EXPECT_EQ(ERROR_OF(from.connect(name, _)), sys(EACCES));
  from.option("SO_BROADCAST", 1);
  from.sendto("to all"sv, name);
  EXPECT_EQ(receive(to), "to all");
  from.connect(name);
  from.send("again"sv);
  EXPECT_EQ(receive(to), "again");
}

}  // namespace
}  // namespace conformance
