// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// On a cable of its own: veth0 to veth1 in a network namespace of the process.
#include <dlfcn.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <afplug/packet.hpp>
#include <atomic>
#include <cstdio>
#include <thread>

#include "netns.hpp"
#include "support.hpp"

namespace families {
namespace {

namespace packet = afplug::packet;

constexpr std::uint16_t ethertype = 0x88b5;  // for experiments
constexpr int network(int type) { return ((type & 0xff) << 8) | (type >> 8); }

std::string address_of(const std::string& interface) {
  const sockaddr hardware = hardware_of(interface);
  const auto* bytes = hardware.sa_data;
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0] & 255, bytes[1] & 255, bytes[2] & 255,
                bytes[3] & 255, bytes[4] & 255, bytes[5] & 255);
  return text;
}

// The bytes of "aa:bb:…".
std::string hardware(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 3)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

class packet_raw : public row_test {
 protected:
  explicit packet_raw(int type = SOCK_RAW) : row_test("packet", type) {}
  void SetUp() override {
    row_test::SetUp();
    if (IsSkipped()) return;
    static const std::string why = [] {
      auto trouble = enter_new_netns();
      return trouble.empty() ? make_veth_pair() : trouble;
    }();
    if (!why.empty()) GTEST_SKIP() << "packet: " << why;
  }
  afplug::socket on(const std::string& interface, int type = ethertype) {
    return bound(interface + "?proto=" + std::to_string(type));
  }
  // A whole frame from veth0 to veth1.
  static std::string frame(std::string_view payload, int type = ethertype, std::string to = address_of("veth1")) {
    std::string whole = hardware(to) + hardware(address_of("veth0"));
    whole += static_cast<char>(type >> 8);
    whole += static_cast<char>(type & 0xff);
    whole += payload;
    return whole;
  }
};
class packet_dgram : public packet_raw {
 protected:
  packet_dgram() : packet_raw(SOCK_DGRAM) {}
};

TEST_F(packet_raw, carries_whole_frames) {
  auto a = on("veth0"), b = on("veth1");
  const auto sent = frame(pattern(100));
  EXPECT_EQ(a.send(sent), sent.size());
  const auto m = receive_message(b);
  EXPECT_TRUE(m.data == sent);
  EXPECT_EQ(m.from.number("proto"), ethertype);
  EXPECT_EQ(m.from.number("pkttype"), std::uint64_t{PACKET_HOST});
  EXPECT_EQ(std::get<std::string>(m.from.field("interface")), "veth1");
}

TEST_F(packet_raw, has_an_interface_and_an_ethertype) {
  auto s = open();
  EXPECT_EQ(s.getsockname().number("proto"), 0u);
  s.bind("veth0?proto=0x88b5");
  const auto name = s.getsockname();
  EXPECT_EQ(name.to_string(), "veth0?proto=0x88b5&hatype=1&addr=" + address_of("veth0") + "&length=18");
  EXPECT_EQ(at(name.to_string()), name);
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.connect(name, _)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.listen(1, _)), sys(EOPNOTSUPP));
}

TEST_F(packet_raw, refuses_to_bind_badly) { EXPECT_EQ(ERROR_OF(open().bind("nope", _)), sys(ENODEV)); }

TEST_F(packet_raw, refuses_what_is_no_frame) {
  auto s = on("veth0");
  EXPECT_EQ(ERROR_OF(s.send("short"sv, 0, _)), sys(EINVAL));
  EXPECT_EQ(ERROR_OF(s.send(frame(pattern(2000)), 0, _)), sys(EMSGSIZE));
  EXPECT_EQ(ERROR_OF(open().send(frame("x"), 0, _)), sys(ENXIO)) << "it is not bound";
}

TEST_F(packet_raw, cuts_and_tells_the_whole_length) {
  auto a = on("veth0"), b = on("veth1");
  const auto sent = frame(pattern(100));
  a.send(sent);
  const auto m = receive_message(b, 20);
  EXPECT_EQ(m.data, sent.substr(0, 20));
  EXPECT_EQ(m.flags & MSG_TRUNC, MSG_TRUNC);
  a.send(sent);
  char few[20];
  EXPECT_EQ(b.recv(few, MSG_TRUNC), sent.size());
}

TEST_F(packet_raw, every_protocol_and_what_goes_out) {
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
  b.send(hardware(address_of("veth0")) + hardware(address_of("veth1")) + "\x88\xb5" + std::string(50, 'i'));
  EXPECT_EQ(receive_message(all).from.number("pkttype"), std::uint64_t{PACKET_HOST});
}

TEST_F(packet_raw, by_the_protocol_of_the_socket) {
  afplug::socket s("packet", SOCK_RAW, network(ethertype));
  s.timeout(patience);
  s.bind("veth1");
  auto a = on("veth0");
  const auto sent = frame(pattern(60));
  a.send(sent);
  EXPECT_TRUE(receive(s) == sent);
}

TEST_F(packet_raw, memberships) {
  auto a = on("veth0"), b = on("veth1");
  const int index = static_cast<int>(::if_nametoindex("veth1"));
  const auto stranger = frame(pattern(60), ethertype, "02:00:00:00:00:99"), mine = frame(pattern(61));
  a.send(stranger);
  a.send(mine);
  EXPECT_EQ(receive_message(b).from.number("pkttype"), std::uint64_t{PACKET_OTHERHOST});
  EXPECT_TRUE(receive(b) == mine);
  b.option(packet::membership(index, PACKET_MR_PROMISC));
  EXPECT_EQ(ERROR_OF(b.option("PACKET_ADD_MEMBERSHIP", "ifindex=veth1,type=ALLMULTI", _)), sys(0));
  EXPECT_EQ(ERROR_OF(b.option("PACKET_DROP_MEMBERSHIP", "ifindex=veth1,type=ALLMULTI", _)), sys(0));
  b.option(packet::drop_membership(index, PACKET_MR_PROMISC));
  const std::uint8_t group[] = {1, 0, 0x5e, 0, 0, 9};
  b.option(packet::membership(index, PACKET_MR_MULTICAST, group));
  a.send(frame(pattern(62), ethertype, "01:00:5e:00:00:09"));
  EXPECT_EQ(receive_message(b).from.number("pkttype"), std::uint64_t{PACKET_MULTICAST});
}

TEST_F(packet_raw, statistics) {
  auto a = on("veth0"), b = on("veth1");
  for (int i = 0; i < 3; ++i) a.send(frame(pattern(60)));
  for (int i = 0; i < 3; ++i) receive(b);
  EXPECT_TRUE(b.option_text("PACKET_STATISTICS").starts_with("packets=3,drops=0")) << "since the last time";
  EXPECT_TRUE(b.option_text("PACKET_STATISTICS").starts_with("packets=0,drops=0"));
  a.send(frame(pattern(60)));
  receive(b);
  EXPECT_EQ(b.option<packet::statistics>().value().tp_packets, 1u);
}

TEST_F(packet_raw, auxiliary_data_has_the_tag_of_a_vlan) {
  auto a = on("veth0"), b = on("veth1", ETH_P_ALL);
  b.option("PACKET_AUXDATA", 1);
  a.send(frame("\x20\x05\x88\xb5"s + pattern(60), ETH_P_8021Q));
  std::string room(2000, '\0');
  const afplug::mutable_bytes into[] = {room};
  afplug::control_buffer control(256);
  b.recvmsg(into, control);
  const auto item = control.find(SOL_PACKET, PACKET_AUXDATA);
  ASSERT_TRUE(item);
  const auto aux = item->as<tpacket_auxdata>(SOL_PACKET, PACKET_AUXDATA);
  ASSERT_TRUE(aux);
  EXPECT_TRUE(aux->tp_status & TP_STATUS_VLAN_VALID);
  EXPECT_EQ(aux->tp_vlan_tci, 0x2005);
  const auto typed = packet::auxiliary::of(control);
  ASSERT_TRUE(typed);
  EXPECT_EQ(typed->vlan_tag, 0x2005);
  EXPECT_EQ(typed->vlan_type, ETH_P_8021Q);
  EXPECT_EQ(typed->wire_length, 74u) << "without the tag";
}

// The system takes a frame's tag off before it looks for who hears it: the protocol of two tags is the second's.
TEST_F(packet_raw, of_vlans_hears_the_second_of_two_tags) {
  afplug::socket a("packet", SOCK_RAW, network(ETH_P_8021Q)), b("packet", SOCK_RAW, network(ETH_P_8021Q));
  a.bind("veth0");
  b.bind("veth1");
  const auto inner = "\x00\x07\x88\xb5"s + pattern(60);
  for (auto [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    from->send(frame("\x20\x05\x88\xb5"s + pattern(60), ETH_P_8021Q));
    from->send(frame("\x20\x05\x81\x00"s + inner, ETH_P_8021Q));
    const auto m = receive_message(*to);
    EXPECT_EQ(m.data, frame(inner, ETH_P_8021Q));
    EXPECT_EQ(m.from.number("proto"), std::uint64_t{ETH_P_8021Q});
    EXPECT_FALSE(to->wait(POLLIN, 0ns)) << "a frame of one tag is of what it carries";
  }
}

TEST_F(packet_dgram, of_vlans_hears_the_second_of_two_tags) {
  afplug::socket a("packet", SOCK_DGRAM, network(ETH_P_8021Q)), b("packet", SOCK_DGRAM, network(ETH_P_8021Q));
  a.bind("veth0");
  b.bind("veth1");
  const auto inner = "\x00\x07\x88\xb5"s + pattern(60);
  a.sendto("\x20\x05\x81\x00"s + inner, at("veth0?proto=0x8100&addr=" + address_of("veth1")));
  EXPECT_EQ(receive_message(b).data, inner);
  b.sendto("\x20\x05\x81\x00"s + inner, at("veth1?proto=0x8100&addr=" + address_of("veth0")));
  EXPECT_EQ(receive_message(a).data, inner);
}

TEST_F(packet_raw, filters_with_classic_bpf) {
  auto a = on("veth0"), b = on("veth1");
  // Where the byte behind the header is 'y'.
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
  explicit packet_expression(int type = SOCK_RAW) : packet_raw(type) {}
  void SetUp() override {
    packet_raw::SetUp();
    if (IsSkipped()) return;
    void* library = ::dlopen("libpcap.so.0.8", RTLD_LAZY);
    if (!library) library = ::dlopen("libpcap.so.1", RTLD_LAZY);
    if (!library) GTEST_SKIP() << "packet: filter expressions take libpcap0.8, which is not installed";
    ::dlclose(library);
  }
  // What an expression is refused with.
  static std::string refusal(std::string_view expression, packet::link_type link = packet::link_type::ethernet) {
    try {
      packet::compile(expression, link);
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code().value(), EINVAL);
      return e.what();
    }
    return "none";
  }
};
class packet_expression_dgram : public packet_expression {
 protected:
  packet_expression_dgram() : packet_expression(SOCK_DGRAM) {}
};

TEST_F(packet_expression, is_compiled) {
  const sock_filter wanted[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0x40000),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const auto made = packet::compile("arp");
  ASSERT_EQ(made.size(), std::size(wanted));
  for (std::size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ(made[i].code, wanted[i].code) << i;
    EXPECT_EQ(made[i].k, wanted[i].k) << i;
  }
  const auto all = packet::compile("");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].k, 0x40000u) << "nothing said is nothing held back";
}

TEST_F(packet_expression, filters) {
  auto a = on("veth0"), b = on("veth1");
  auto program = packet::compile("ether proto 0x88b5 and ether[14] = 0x79", packet::link_type_of(b.native_handle()));
  b.option(packet::filter(program));
  for (const char* text : {"no", "yes", "nor", "yea"}) a.send(frame(text + std::string(50, '.')));
  EXPECT_EQ(receive(b).substr(ETH_HLEN, 3), "yes");
  EXPECT_EQ(receive(b).substr(ETH_HLEN, 3), "yea");
}

TEST_F(packet_expression, is_the_text_of_the_option) {
  auto a = on("veth0"), b = on("veth1");
  b.option("SO_ATTACH_FILTER", "ether[14] = 0x79");
  EXPECT_TRUE(b.option_text("SO_ATTACH_FILTER").starts_with("4,48 0 0 14,")) << b.option_text("SO_ATTACH_FILTER");
  a.send(frame("no" + std::string(50, '.')));
  a.send(frame("yes" + std::string(50, '.')));
  EXPECT_EQ(receive(b).substr(ETH_HLEN, 3), "yes");
  b.option("SO_ATTACH_FILTER", "2,48 0 0 0,6 0 0 0");
  EXPECT_EQ(b.option_text("SO_ATTACH_FILTER"), "2,48 0 0 0,6 0 0 0") << "a program is taken as it is";
  b.option("SO_ATTACH_FILTER", "none");
  EXPECT_EQ(b.option_text("SO_ATTACH_FILTER"), "none");
  EXPECT_EQ(ERROR_OF(b.option("SO_ATTACH_FILTER", "2,48 0 0", _)), sys(EINVAL));
  EXPECT_NE(afplug::last_detail().find("count,code jt jf k"), std::string_view::npos) << afplug::last_detail();
}

TEST_F(packet_expression, that_is_wrong_is_told_where_and_why) {
  EXPECT_NE(refusal("tcp port 80 nd udp").find("syntax error, after \"tcp port 80\""), std::string::npos)
      << refusal("tcp port 80 nd udp");
  EXPECT_EQ(refusal("prt 80").find("after"), std::string::npos) << refusal("prt 80");
  EXPECT_NE(refusal("port 99999").find("99999"), std::string::npos) << refusal("port 99999");
  EXPECT_NE(refusal("ether src 1:2:3:4:5:6", packet::link_type::raw_ip).find("ethernet addresses"), std::string::npos);
  EXPECT_NE(refusal("arp\0ip"sv).find("NUL"), std::string::npos);
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.option("SO_ATTACH_FILTER", "tcp prt 80", _)), sys(EINVAL));
  EXPECT_NE(afplug::last_detail().find("SO_ATTACH_FILTER=tcp prt 80: "), std::string_view::npos);
  EXPECT_NE(afplug::last_detail().find("syntax error, after \"tcp\""), std::string_view::npos) << afplug::last_detail();
  EXPECT_EQ(s.option_text("SO_ATTACH_FILTER"), "none") << "and nothing is attached";
}

TEST_F(packet_expression, is_compiled_for_the_interface) {
  EXPECT_EQ(packet::link_type_of(open().native_handle()), packet::link_type::ethernet) << "if none is known";
  EXPECT_EQ(packet::link_type_of(on("lo").native_handle()), packet::link_type::ethernet);
  EXPECT_THROW(packet::link_type_of(-1), std::system_error);
  if (!run("ip tuntap add dev tun7 mode tun 2>/dev/null && ip link set tun7 up"))
    GTEST_SKIP() << "packet: the kernel has no tunnels (CONFIG_TUN)";
  EXPECT_EQ(packet::link_type_of(on("tun7").native_handle()), packet::link_type::raw_ip);
}

TEST_F(packet_expression_dgram, begins_at_the_network_header) {
  auto a = on("veth0", ETH_P_IP), b = on("veth1", ETH_P_IP);
  b.option("SO_ATTACH_FILTER", "ip proto 17");
  for (const char protocol : {char{6}, char{17}}) {
    std::string ip(40, '\0');
    ip[0] = 0x45;
    ip[3] = 40;
    ip[9] = protocol;
    a.sendto(ip, at("veth0?proto=0x800&addr=" + address_of("veth1")));
  }
  EXPECT_EQ(receive(b)[9], 17);
}

TEST_F(packet_raw, fans_out) {
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
  EXPECT_EQ(first, 5) << "one after the other";
  EXPECT_EQ(second, 5);
}

TEST_F(packet_raw, stamps_time) {
  auto a = on("veth0"), b = on("veth1");
  b.option(afplug::opt::timestamp_ns(true));
  a.send(frame(pattern(60)));
  std::string room(2000, '\0');
  const afplug::mutable_bytes into[] = {room};
  afplug::control_buffer control(256);
  b.recvmsg(into, control);
  const auto item = control.find(SOL_SOCKET, SCM_TIMESTAMPNS);
  ASSERT_TRUE(item);
  EXPECT_GT(item->timestamp()->count(), 0);
}

TEST_F(packet_raw, rings_move_packets_without_losing_any) {
  constexpr unsigned total = 3000;
  auto receiver = open(), sender = on("veth0");
  packet::rx_ring rx(receiver, {.block_bytes = 1 << 18, .blocks = 8, .timeout = 5ms});
  receiver.bind("veth1?proto=0x88b5");
  packet::tx_ring tx(sender, {.block_bytes = 1 << 16, .blocks = 4});
  ASSERT_GE(tx.room(), 1514u);
  std::atomic<unsigned> received{0};
  std::jthread writer([&] {
    for (unsigned i = 0; i < total; ++i) {
      // Never more on the way than the receiver's ring holds.
      while (i - received > 500) std::this_thread::sleep_for(1ms);
      auto payload = pattern(1000, i);
      const auto whole = frame(std::string(reinterpret_cast<const char*>(&i), sizeof i) + payload);
      while (!tx.push(std::as_bytes(std::span(whole)))) tx.flush();
      if (i % 50 == 49) tx.flush();
    }
    tx.flush();
  });
  bool right = true;
  for (const auto end = std::chrono::steady_clock::now() + patience;
       received < total && std::chrono::steady_clock::now() < end;)
    for (auto block = rx.next(100ms); const auto& p : block) {
      unsigned number = 0;
      right &= p.data().size() == ETH_HLEN + 1004 && p.wire_length() == p.data().size();
      std::memcpy(&number, p.data().data() + ETH_HLEN, sizeof number);
      right &=
          number == received && std::memcmp(p.data().data() + ETH_HLEN + 4, pattern(1000, number).data(), 1000) == 0;
      right &= ntohs(p.from().sll_protocol) == ethertype && p.timestamp().count() > 0;
      ++received;
    }
  EXPECT_EQ(received, total);
  EXPECT_TRUE(right) << "each is the one that was sent, in order";
  EXPECT_TRUE(receiver.option_text("PACKET_STATISTICS").starts_with("packets=3000,drops=0"))
      << receiver.option_text("PACKET_STATISTICS");
}

TEST_F(packet_raw, rings_of_a_size_that_cannot_be_are_refused) {
  auto s = open();
  EXPECT_THROW(packet::rx_ring(s, {.block_bytes = 1000}), std::system_error);
  EXPECT_THROW(packet::rx_ring(s, {.blocks = 0}), std::system_error);
  const packet::rx_ring good(s, {.block_bytes = 1 << 16, .blocks = 2});
  EXPECT_THROW(packet::rx_ring(s, {.block_bytes = 1 << 16, .blocks = 2}), std::system_error) << "it has one";
  EXPECT_THROW(packet::rx_ring(afplug::socket("inet", SOCK_DGRAM)), std::system_error) << "of another family";
}

TEST_F(packet_dgram, carries_what_is_behind_the_link_header) {
  auto a = open(), b = on("veth1");
  const auto sent = pattern(100);
  a.sendto(sent, at("veth0?proto=0x88b5&addr=" + address_of("veth1")));
  const auto m = receive_message(b);
  EXPECT_TRUE(m.data == sent);
  EXPECT_EQ(m.from.number("proto"), ethertype);
  const auto from = std::get<std::vector<std::byte>>(m.from.field("addr"));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(from.data()), from.size()), hardware(address_of("veth0")));
}

TEST_F(packet_dgram, defect_4_names_of_interfaces_are_not_cut) {
  const auto ec = ERROR_OF(address::parse(open().what(), "veth0-and-more-than-15", _));
  EXPECT_TRUE(ec) << "veth0-and-more- is another interface";
  EXPECT_NE(afplug::last_detail().find("15 bytes"), std::string_view::npos) << afplug::last_detail();
  const afplug::field_value fields[] = {"veth0-and-more-than-15"s, std::uint64_t{3}};
  EXPECT_TRUE(ERROR_OF(address::from_fields(open().what(), fields, _)));
}

TEST_F(packet_dgram, defect_3_numbers_do_not_wrap) {
  for (const auto* keys : {"proto=65536", "proto=-1", "pkttype=256", "hatype=65536"})
    EXPECT_EQ(ERROR_OF(address::parse(open().what(), "veth0?"s + keys, _)), error_code(afplug::errc::malformed_address))
        << keys;
}

}  // namespace
}  // namespace families
