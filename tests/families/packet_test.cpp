// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Packet sockets on a pair of veth interfaces, veth0 and veth1, in a network namespace of the test process.
#include <dlfcn.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <afplug/packet.hpp>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>

#include "netns.hpp"
#include "support.hpp"

namespace families {
namespace {

namespace packet = afplug::packet;

constexpr std::uint16_t ethertype = 0x88b5;  // IEEE 802 Local Experimental EtherType 1
constexpr int network_order(int type) { return ((type & 0xff) << 8) | (type >> 8); }

std::string mac_of(const std::string& interface) {
  const sockaddr hardware = hardware_address(interface);
  const auto* bytes = hardware.sa_data;
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0] & 255, bytes[1] & 255, bytes[2] & 255,
                bytes[3] & 255, bytes[4] & 255, bytes[5] & 255);
  return text;
}

// Parses "aa:bb:cc:dd:ee:ff".
std::string mac_bytes(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 3)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

class packet_raw : public protocol_test {
 protected:
  explicit packet_raw(afplug::socket_type type = SOCK_RAW) : protocol_test("packet", AF_PACKET, type) {}
  void SetUp() override {
    protocol_test::SetUp();
    if (IsSkipped()) return;
    static const std::string why = [] {
      auto error = enter_new_netns();
      return error.empty() ? make_veth_pair() : error;
    }();
    if (!why.empty()) GTEST_SKIP() << "packet: " << why;
  }
  afplug::socket on(const std::string& interface, int type = ethertype) {
    return bound(interface + "?proto=" + std::to_string(type));
  }
  // An Ethernet frame from veth0, by default to veth1.
  static std::string frame(std::string_view payload, int type = ethertype, std::string to = mac_of("veth1")) {
    std::string bytes = mac_bytes(to) + mac_bytes(mac_of("veth0"));
    bytes += static_cast<char>(type >> 8);
    bytes += static_cast<char>(type & 0xff);
    bytes += payload;
    return bytes;
  }
};
// Whether an interface of this namespace is in promiscuous mode. SIOCGIFFLAGS leaves out what packet sockets request.
bool is_promiscuous(const std::string& interface) {
  return run("ip -details link show dev " + interface + " | grep -q ' promiscuity 1 '");
}

// Whether an interface accepts frames to a multicast address.
bool has_multicast_filter(const std::string& interface, const std::string& address) {
  std::ifstream filters("/proc/thread-self/net/dev_mcast");
  for (std::string line; std::getline(filters, line);)
    if (line.find(interface) != line.npos && line.ends_with(address)) return true;
  return false;
}

class packet_dgram : public packet_raw {
 protected:
  packet_dgram() : packet_raw(SOCK_DGRAM) {}
};

TEST_F(packet_raw, transfers_frames_with_their_link_header) {
  auto a = on("veth0"), b = on("veth1");
  const auto sent = frame(pattern(100));
  EXPECT_EQ(a.send(sent), sent.size());
  const auto m = receive_message(b);
  EXPECT_TRUE(m.data == sent);
  EXPECT_EQ(m.from.number("proto"), ethertype);
  EXPECT_EQ(m.from.number("pkttype"), std::uint64_t{PACKET_HOST});
  EXPECT_EQ(std::get<std::string>(m.from.field("interface")), "veth1");
}

TEST_F(packet_raw, address_has_an_interface_and_an_ethertype) {
  auto s = open();
  EXPECT_EQ(s.getsockname().number("proto"), 0u);
  s.bind("veth0?proto=0x88b5");
  const auto name = s.getsockname();
  EXPECT_EQ(name.to_string(), "veth0?proto=0x88b5&hatype=1&addr=" + mac_of("veth0") + "&length=18");
  EXPECT_EQ(at(name.to_string()), name);
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.connect(name, _)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.listen(1, _)), sys(EOPNOTSUPP));
}

TEST_F(packet_raw, bind_to_an_unknown_interface_fails) { EXPECT_EQ(ERROR_OF(open().bind("missing", _)), sys(ENODEV)); }

TEST_F(packet_raw, short_and_oversized_frames_are_refused) {
  auto s = on("veth0");
  EXPECT_EQ(ERROR_OF(s.send("short"sv, 0, _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(s.send(frame(pattern(2000)), 0, _)), sys(EMSGSIZE));
  EXPECT_EQ(ERROR_OF(open().send(frame("x"), 0, _)), sys(ENXIO)) << "not bound";
}

TEST_F(packet_raw, truncated_receive_reports_the_full_length) {
  auto a = on("veth0"), b = on("veth1");
  const auto sent = frame(pattern(100));
  a.send(sent);
  const auto m = receive_message(b, 20);
  EXPECT_EQ(m.data, sent.substr(0, 20));
  EXPECT_EQ(m.flags & MSG_TRUNC, MSG_TRUNC);
  a.send(sent);
  char start[20];
  EXPECT_EQ(b.recv(start, MSG_TRUNC), sent.size());
}

TEST_F(packet_raw, eth_p_all_receives_outgoing_frames) {
  auto a = on("veth0"), all = on("veth0", ETH_P_ALL);
  const auto sent = frame("outgoing" + std::string(50, '.'));
  a.send(sent);
  const auto m = receive_message(all);
  EXPECT_TRUE(m.data == sent);
  EXPECT_EQ(m.from.number("pkttype"), std::uint64_t{PACKET_OUTGOING});
  all.option("PACKET_IGNORE_OUTGOING", 1);
  EXPECT_EQ(all.option_number("PACKET_IGNORE_OUTGOING"), 1);
  a.send(sent);
  auto b = on("veth1");
  b.send(mac_bytes(mac_of("veth0")) + mac_bytes(mac_of("veth1")) + "\x88\xb5" + std::string(50, 'i'));
  EXPECT_EQ(receive_message(all).from.number("pkttype"), std::uint64_t{PACKET_HOST});
}

TEST_F(packet_raw, socket_protocol_selects_the_ethertype) {
  afplug::socket s("packet", SOCK_RAW, network_order(ethertype));
  s.timeout(io_timeout);
  s.bind("veth1");
  auto a = on("veth0");
  const auto sent = frame(pattern(60));
  a.send(sent);
  EXPECT_TRUE(receive(s) == sent);
}

TEST_F(packet_raw, memberships) {
  auto a = on("veth0"), b = on("veth1");
  const int index = static_cast<int>(::if_nametoindex("veth1"));
  const auto other_host = frame(pattern(60), ethertype, "02:00:00:00:00:99"), this_host = frame(pattern(61));
  a.send(other_host);
  a.send(this_host);
  EXPECT_EQ(receive_message(b).from.number("pkttype"), std::uint64_t{PACKET_OTHERHOST});
  EXPECT_TRUE(receive(b) == this_host);
  EXPECT_FALSE(is_promiscuous("veth1"));
  b.option(packet::membership(index, PACKET_MR_PROMISC));
  EXPECT_TRUE(is_promiscuous("veth1"));
  EXPECT_EQ(ERROR_OF(b.option("PACKET_ADD_MEMBERSHIP", "ifindex=veth1,type=ALLMULTI", _)), sys(0));
  EXPECT_EQ(ERROR_OF(b.option("PACKET_DROP_MEMBERSHIP", "ifindex=veth1,type=ALLMULTI", _)), sys(0));
  EXPECT_TRUE(is_promiscuous("veth1"));
  b.option(packet::drop_membership(index, PACKET_MR_PROMISC));
  EXPECT_FALSE(is_promiscuous("veth1"));
  const std::uint8_t group[] = {1, 0, 0x5e, 0, 0, 9};
  EXPECT_FALSE(has_multicast_filter("veth1", "01005e000009"));
  b.option(packet::membership(index, PACKET_MR_MULTICAST, group));
  EXPECT_TRUE(has_multicast_filter("veth1", "01005e000009"));
  a.send(frame(pattern(62), ethertype, "01:00:5e:00:00:09"));
  EXPECT_EQ(receive_message(b).from.number("pkttype"), std::uint64_t{PACKET_MULTICAST});
}

TEST_F(packet_raw, statistics) {
  auto a = on("veth0"), b = on("veth1");
  for (int i = 0; i < 3; ++i) a.send(frame(pattern(60)));
  for (int i = 0; i < 3; ++i) receive(b);
  EXPECT_TRUE(b.option_text("PACKET_STATISTICS").starts_with("packets=3,drops=0")) << "since the last read";
  EXPECT_TRUE(b.option_text("PACKET_STATISTICS").starts_with("packets=0,drops=0"));
  a.send(frame(pattern(60)));
  receive(b);
  EXPECT_EQ(b.option<packet::statistics>().value().tp_packets, 1u);
}

TEST_F(packet_raw, auxiliary_data_has_the_vlan_tag) {
  auto a = on("veth0"), b = on("veth1", ETH_P_ALL);
  b.option("PACKET_AUXDATA", 1);
  a.send(frame("\x20\x05\x88\xb5"s + pattern(60), ETH_P_8021Q));
  std::string buffer(2000, '\0');
  const afplug::mutable_bytes into[] = {buffer};
  afplug::control_buffer control(256);
  b.recvmsg(into, control);
  const auto item = control.find(SOL_PACKET, PACKET_AUXDATA);
  ASSERT_TRUE(item);
  const auto aux = item->as<tpacket_auxdata>(SOL_PACKET, PACKET_AUXDATA);
  ASSERT_TRUE(aux);
  EXPECT_TRUE(aux->tp_status & TP_STATUS_VLAN_VALID);
  EXPECT_EQ(aux->tp_vlan_tci, 0x2005);
  const auto typed = packet::auxiliary::from_control(control);
  ASSERT_TRUE(typed);
  EXPECT_EQ(typed->vlan_tag, 0x2005);
  EXPECT_EQ(typed->vlan_type, ETH_P_8021Q);
  EXPECT_EQ(typed->wire_length, 74u) << "without the tag";
}

// The kernel removes the outer VLAN tag before it matches the EtherType with packet sockets (__netif_receive_skb_core()
// in net/core/dev.c), so a socket for ETH_P_8021Q receives only frames with two tags.
TEST_F(packet_raw, eth_p_8021q_receives_frames_with_two_vlan_tags) {
  afplug::socket a("packet", SOCK_RAW, network_order(ETH_P_8021Q)), b("packet", SOCK_RAW, network_order(ETH_P_8021Q));
  a.bind("veth0");
  b.bind("veth1");
  const auto inner = "\x00\x07\x88\xb5"s + pattern(60);
  for (auto [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    from->send(frame("\x20\x05\x88\xb5"s + pattern(60), ETH_P_8021Q));
    from->send(frame("\x20\x05\x81\x00"s + inner, ETH_P_8021Q));
    const auto m = receive_message(*to);
    EXPECT_EQ(m.data, frame(inner, ETH_P_8021Q));
    EXPECT_EQ(m.from.number("proto"), std::uint64_t{ETH_P_8021Q});
    EXPECT_FALSE(to->wait(POLLIN, 0ns)) << "a frame with one tag matches the EtherType after it";
  }
}

TEST_F(packet_dgram, eth_p_8021q_receives_frames_with_two_vlan_tags) {
  afplug::socket a("packet", SOCK_DGRAM, network_order(ETH_P_8021Q)),
      b("packet", SOCK_DGRAM, network_order(ETH_P_8021Q));
  a.bind("veth0");
  b.bind("veth1");
  const auto inner = "\x00\x07\x88\xb5"s + pattern(60);
  a.sendto("\x20\x05\x81\x00"s + inner, at("veth0?proto=0x8100&addr=" + mac_of("veth1")));
  EXPECT_EQ(receive_message(b).data, inner);
  b.sendto("\x20\x05\x81\x00"s + inner, at("veth1?proto=0x8100&addr=" + mac_of("veth0")));
  EXPECT_EQ(receive_message(a).data, inner);
}

TEST_F(packet_raw, filters_with_classic_bpf) {
  auto a = on("veth0"), b = on("veth1");
  // Accepts frames whose first payload byte is 'y'.
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  b.option(packet::filter(program));
  for (const char* text : {"no", "yes", "nor", "yea"}) a.send(frame(text + std::string(50, '.')));
  EXPECT_EQ(receive(b).substr(ETH_HLEN, 3), "yes");
  EXPECT_EQ(receive(b).substr(ETH_HLEN, 3), "yea");
  const int nothing = 0;
  b.setsockopt(SOL_SOCKET, SO_DETACH_FILTER, afplug::const_bytes(&nothing, sizeof nothing));
  a.send(frame("no" + std::string(50, '.')));
  EXPECT_EQ(receive(b).substr(ETH_HLEN, 2), "no");
}

class packet_expression : public packet_raw {
 protected:
  explicit packet_expression(afplug::socket_type type = SOCK_RAW) : packet_raw(type) {}
  void SetUp() override {
    packet_raw::SetUp();
    if (IsSkipped()) return;
    void* library = ::dlopen("libpcap.so.0.8", RTLD_LAZY);
    if (!library) library = ::dlopen("libpcap.so.1", RTLD_LAZY);
    if (!library) GTEST_SKIP() << "packet: filter expressions need libpcap0.8, which is not installed";
    ::dlclose(library);
  }
  // The error text of an expression that does not compile.
  static std::string compile_error(std::string_view expression, packet::link_type link = packet::link_type::ethernet) {
    try {
      packet::compile(expression, link);
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code().value(), EINVAL);
      return e.what();
    }
    ADD_FAILURE() << expression << " compiles";
    return {};
  }
};
class packet_expression_dgram : public packet_expression {
 protected:
  packet_expression_dgram() : packet_expression(SOCK_DGRAM) {}
};

TEST_F(packet_expression, compiles_to_classic_bpf) {
  const sock_filter expected[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0x40000),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const auto made = packet::compile("arp");
  ASSERT_EQ(made.size(), std::size(expected));
  for (std::size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ(made[i].code, expected[i].code) << i;
    EXPECT_EQ(made[i].k, expected[i].k) << i;
  }
  const auto all = packet::compile("");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].k, 0x40000u) << "the empty expression accepts all packets";
}

TEST_F(packet_expression, filters) {
  auto a = on("veth0"), b = on("veth1");
  auto program = packet::compile("ether proto 0x88b5 and ether[14] = 0x79", packet::link_type_of(b.native_handle()));
  b.option(packet::filter(program));
  for (const char* text : {"no", "yes", "nor", "yea"}) a.send(frame(text + std::string(50, '.')));
  EXPECT_EQ(receive(b).substr(ETH_HLEN, 3), "yes");
  EXPECT_EQ(receive(b).substr(ETH_HLEN, 3), "yea");
}

TEST_F(packet_expression, is_the_text_of_so_attach_filter) {
  auto a = on("veth0"), b = on("veth1");
  b.option("SO_ATTACH_FILTER", "ether[14] = 0x79");
  EXPECT_TRUE(b.option_text("SO_ATTACH_FILTER").starts_with("4,48 0 0 14,")) << b.option_text("SO_ATTACH_FILTER");
  a.send(frame("no" + std::string(50, '.')));
  a.send(frame("yes" + std::string(50, '.')));
  EXPECT_EQ(receive(b).substr(ETH_HLEN, 3), "yes");
  b.option("SO_ATTACH_FILTER", "2,48 0 0 0,6 0 0 0");
  EXPECT_EQ(b.option_text("SO_ATTACH_FILTER"), "2,48 0 0 0,6 0 0 0") << "a program in bpf_asm form is not compiled";
  b.option("SO_ATTACH_FILTER", "none");
  EXPECT_EQ(b.option_text("SO_ATTACH_FILTER"), "none");
  EXPECT_EQ(ERROR_OF(b.option("SO_ATTACH_FILTER", "2,48 0 0", _)), sys(EINVAL));
  EXPECT_NE(afplug::last_detail().find("count,code jt jf k"), std::string_view::npos) << afplug::last_detail();
}

TEST_F(packet_expression, errors_have_the_position_and_the_reason) {
  EXPECT_NE(compile_error("tcp port 80 nd udp").find("syntax error, after \"tcp port 80\""), std::string::npos)
      << compile_error("tcp port 80 nd udp");
  EXPECT_EQ(compile_error("prt 80").find("after"), std::string::npos) << compile_error("prt 80");
  EXPECT_NE(compile_error("port 99999").find("99999"), std::string::npos) << compile_error("port 99999");
  EXPECT_NE(compile_error("ether src 1:2:3:4:5:6", packet::link_type::raw_ip).find("ethernet addresses"),
            std::string::npos);
  EXPECT_NE(compile_error("arp\0ip"sv).find("NUL"), std::string::npos);
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.option("SO_ATTACH_FILTER", "tcp prt 80", _)), sys(EINVAL));
  EXPECT_NE(afplug::last_detail().find("SO_ATTACH_FILTER=\"tcp prt 80\": "), std::string_view::npos)
      << afplug::last_detail();
  EXPECT_NE(afplug::last_detail().find("syntax error, after \"tcp\""), std::string_view::npos) << afplug::last_detail();
  EXPECT_EQ(s.option_text("SO_ATTACH_FILTER"), "none") << "no filter is attached after an error";
}

TEST_F(packet_expression, link_type_of_the_bound_interface) {
  EXPECT_EQ(packet::link_type_of(open().native_handle()), packet::link_type::ethernet)
      << "the default of an unbound socket";
  EXPECT_EQ(packet::link_type_of(on("lo").native_handle()), packet::link_type::ethernet);
  EXPECT_THROW(packet::link_type_of(-1), std::system_error);
  if (!run("ip tuntap add dev tun7 mode tun 2>/dev/null && ip link set tun7 up"))
    GTEST_SKIP() << "packet: the kernel has no TUN interfaces (CONFIG_TUN)";
  EXPECT_EQ(packet::link_type_of(on("tun7").native_handle()), packet::link_type::raw_ip);
}

TEST_F(packet_expression_dgram, offsets_begin_at_the_network_header) {
  auto a = on("veth0", ETH_P_IP), b = on("veth1", ETH_P_IP);
  b.option("SO_ATTACH_FILTER", "ip proto 17");
  for (const char protocol : {char{6}, char{17}}) {
    std::string ip(40, '\0');
    ip[0] = 0x45;
    ip[3] = 40;
    ip[9] = protocol;
    a.sendto(ip, at("veth0?proto=0x800&addr=" + mac_of("veth1")));
  }
  EXPECT_EQ(receive(b)[9], 17);
}

TEST_F(packet_raw, fanout_by_load_balancing) {
  auto a = on("veth0"), one = on("veth1"), two = on("veth1");
  one.option("PACKET_FANOUT", "id=77,type_flags=LB");
  two.option(packet::fanout(77, PACKET_FANOUT_LB));
  EXPECT_EQ(one.option_text("PACKET_FANOUT").substr(0, 5), "id=77");
  EXPECT_EQ(two.option<packet::fanout>().id(), 77);
  EXPECT_EQ(two.option<packet::fanout>().type_and_flags(), PACKET_FANOUT_LB);
  for (int i = 0; i < 10; ++i) a.send(frame(pattern(60)));
  int first = 0, second = 0;
  while (first + second < 10) {
    ::pollfd fds[] = {{one.fileno(), POLLIN, 0}, {two.fileno(), POLLIN, 0}};
    ASSERT_GT(::poll(fds, 2, 60000), 0);
    if (fds[0].revents) receive(one), ++first;
    if (fds[1].revents) receive(two), ++second;
  }
  EXPECT_EQ(first, 5) << "PACKET_FANOUT_LB is round-robin";
  EXPECT_EQ(second, 5);
}

TEST_F(packet_raw, receive_timestamp) {
  auto a = on("veth0"), b = on("veth1");
  b.option(afplug::opt::timestamp_ns(true));
  const auto before = std::chrono::system_clock::now().time_since_epoch();
  a.send(frame(pattern(60)));
  std::string buffer(2000, '\0');
  const afplug::mutable_bytes into[] = {buffer};
  afplug::control_buffer control(256);
  b.recvmsg(into, control);
  const auto item = control.find(SOL_SOCKET, SCM_TIMESTAMPNS);
  ASSERT_TRUE(item);
  EXPECT_GE(*item->timestamp(), before);
  EXPECT_LE(*item->timestamp(), std::chrono::system_clock::now().time_since_epoch());
}

TEST_F(packet_raw, rings_transfer_packets_without_loss) {
  constexpr unsigned total = 3000;
  auto receiver = open(), sender = on("veth0");
  packet::rx_ring rx(receiver, {.block_bytes = 1 << 18, .blocks = 8, .timeout = 5ms});
  receiver.bind("veth1?proto=0x88b5");
  packet::tx_ring tx(sender, {.block_bytes = 1 << 16, .blocks = 4});
  ASSERT_GE(tx.capacity(), 1514u);
  std::atomic<unsigned> received{0};
  std::jthread writer([&] {
    for (unsigned i = 0; i < total; ++i) {
      // Keeps the number of packets in flight below the receive ring's capacity.
      while (i - received > 500) std::this_thread::sleep_for(1ms);
      auto payload = pattern(1000, i);
      const auto bytes = frame(std::string(reinterpret_cast<const char*>(&i), sizeof i) + payload);
      while (!tx.push(std::as_bytes(std::span(bytes)))) tx.flush();
      if (i % 50 == 49) tx.flush();
    }
    tx.flush();
  });
  bool intact = true;
  for (const auto end = std::chrono::steady_clock::now() + io_timeout;
       received < total && std::chrono::steady_clock::now() < end;)
    for (auto block = rx.next(100ms); const auto& p : block) {
      unsigned number = 0;
      intact &= p.data().size() == ETH_HLEN + 1004 && p.wire_length() == p.data().size();
      std::memcpy(&number, p.data().data() + ETH_HLEN, sizeof number);
      intact &=
          number == received && std::memcmp(p.data().data() + ETH_HLEN + 4, pattern(1000, number).data(), 1000) == 0;
      intact &= ntohs(p.from().sll_protocol) == ethertype && p.timestamp().count() > 0;
      ++received;
    }
  EXPECT_EQ(received, total);
  EXPECT_TRUE(intact) << "a packet was changed or reordered";
  EXPECT_TRUE(receiver.option_text("PACKET_STATISTICS").starts_with("packets=3000,drops=0"))
      << receiver.option_text("PACKET_STATISTICS");
}

TEST_F(packet_raw, invalid_rings_are_refused) {
  auto s = open();
  EXPECT_THROW(packet::rx_ring(s, {.block_bytes = 1000}), std::system_error);
  EXPECT_THROW(packet::rx_ring(s, {.blocks = 0}), std::system_error);
  const packet::rx_ring good(s, {.block_bytes = 1 << 16, .blocks = 2});
  EXPECT_THROW(packet::rx_ring(s, {.block_bytes = 1 << 16, .blocks = 2}), std::system_error) << "the socket has a ring";
  EXPECT_THROW(packet::rx_ring(afplug::socket("inet", SOCK_DGRAM)), std::system_error) << "not a packet socket";
}

TEST_F(packet_dgram, transfers_payloads_without_link_header) {
  auto a = open(), b = on("veth1");
  const auto sent = pattern(100);
  a.sendto(sent, at("veth0?proto=0x88b5&addr=" + mac_of("veth1")));
  const auto m = receive_message(b);
  EXPECT_TRUE(m.data == sent);
  EXPECT_EQ(m.from.number("proto"), ethertype);
  const auto from = std::get<std::vector<std::byte>>(m.from.field("addr"));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(from.data()), from.size()), mac_bytes(mac_of("veth0")));
}

TEST_F(packet_dgram, long_interface_names_are_refused) {
  const auto ec = ERROR_OF(address::parse(open().what(), "veth0-and-more-than-15", _));
  EXPECT_TRUE(ec) << "veth0-and-more- would be another interface";
  EXPECT_NE(afplug::last_detail().find("15 bytes"), std::string_view::npos) << afplug::last_detail();
  const afplug::field_value fields[] = {"veth0-and-more-than-15"s, std::uint64_t{3}};
  EXPECT_TRUE(ERROR_OF(address::from_fields(open().what(), fields, _)));
}

TEST_F(packet_dgram, out_of_range_numbers_are_refused) {
  for (const auto* keys : {"proto=65536", "proto=-1", "pkttype=256", "hatype=65536"})
    EXPECT_EQ(ERROR_OF(address::parse(open().what(), "veth0?"s + keys, _)), error_code(afplug::errc::malformed_address))
        << keys;
}

}  // namespace
}  // namespace families
