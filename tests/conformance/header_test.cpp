// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Packets that include their IP header: IP_HDRINCL and IPV6_HDRINCL, raw(7).
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <cstring>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE(header_included, t.delivery.header_included);

bool is_ip4(const address& a) { return a.family() == AF_INET; }

// A packet of protocol 255. The kernel fills in the fields of the IPv4 header that are 0: raw(7).
std::string packet(const address& from, const address& to, const std::string& payload) {
  std::string header;
  if (is_ip4(to)) {
    iphdr ip{};
    ip.version = 4;
    ip.ihl = sizeof ip / 4;
    ip.ttl = 7;
    ip.protocol = IPPROTO_RAW;
    ip.daddr = reinterpret_cast<const sockaddr_in*>(to.data())->sin_addr.s_addr;
    header.assign(reinterpret_cast<const char*>(&ip), sizeof ip);
  } else {
    ip6_hdr ip{};
    ip.ip6_flow = htonl(6u << 28);
    ip.ip6_plen = htons(static_cast<std::uint16_t>(payload.size()));
    ip.ip6_nxt = IPPROTO_RAW;
    ip.ip6_hlim = 7;
    ip.ip6_src = reinterpret_cast<const sockaddr_in6*>(from.data())->sin6_addr;
    ip.ip6_dst = reinterpret_cast<const sockaddr_in6*>(to.data())->sin6_addr;
    header.assign(reinterpret_cast<const char*>(&ip), sizeof ip);
  }
  return header + payload;
}

TEST_P(header_included, packet_arrives_with_its_payload) {
  auto a = bound(), b = bound();
  a.timeout(patience);
  b.timeout(patience);
  for (auto [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    const auto whole = packet(from->getsockname(), to->getsockname(), pattern(1000));
    EXPECT_EQ(from->sendto(whole, to->getsockname()), whole.size());
    std::string buffer(2000, '\0');
    address sender;
    buffer.resize(to->recvfrom(buffer, sender));
    EXPECT_EQ(sender, sender_address(*from));
    if (is_ip4(sender)) {
      iphdr ip;
      ASSERT_EQ(buffer.size(), whole.size());
      std::memcpy(&ip, buffer.data(), sizeof ip);
      EXPECT_EQ(ip.ttl, 7);
      EXPECT_EQ(ntohs(ip.tot_len), whole.size());
      EXPECT_NE(ip.check, 0);
      buffer.erase(0, sizeof ip);
    }
    EXPECT_TRUE(buffer == pattern(1000));
  }
}

TEST_P(header_included, packet_goes_to_the_peer_of_a_connected_socket) {
  auto a = bound();
  const auto b = bound();
  a.connect(b.getsockname());
  const auto whole = packet(a.getsockname(), b.getsockname(), message(1));
  EXPECT_EQ(a.send(whole), whole.size());
  const afplug::const_bytes pieces[] = {{whole.data(), 10}, {whole.data() + 10, whole.size() - 10}};
  EXPECT_EQ(a.sendmsg(pieces), whole.size());
  for (int i = 0; i < 2; ++i) {
    auto s = b.dup();
    EXPECT_EQ(receive(s), message(1));
  }
}

TEST_P(header_included, packet_shorter_than_a_header_is_refused) {
  auto a = bound();
  a.connect(bound().getsockname());
  const auto whole = packet(a.getsockname(), a.getpeername(), "");
  for (std::size_t size : {std::size_t(0), std::size_t(1), whole.size() - 1}) {
    EXPECT_EQ(ERROR_OF(a.send(afplug::const_bytes(whole.data(), size), 0, _)), sys(EINVAL)) << size;
  }
  EXPECT_EQ(a.send(whole), whole.size());
}

}  // namespace
}  // namespace conformance
