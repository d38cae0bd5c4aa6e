// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The typed addresses of the families: as values, as text, compared with afplug::address, and with Asio's sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../support/endpoints.hpp"

#include <afplug/address.hpp>
#include <afplug/registry.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace {

using afplug::address;
using namespace std::string_literals;
using namespace std::string_view_literals;

// ---- constant expressions ----

static_assert(inet::endpoint::loopback(80).port() == 80);
static_assert(inet::endpoint::any(0) == inet::endpoint());
static_assert(inet6::endpoint::loopback(80).port() == 80);
static_assert(inet6::endpoint::any(0) == inet6::endpoint());
static_assert(vsock::endpoint(vsock::cid::host, 1024).port() == 1024);
static_assert(vsock::endpoint(vsock::cid{3}, vsock::any_port).cid() == vsock::cid{3});
static_assert(unix_::endpoint().size() == 2);
static_assert(bluetooth::l2cap::endpoint({}, 0x1001).psm() == 0x1001);
static_assert(bluetooth::rfcomm::endpoint({}, 5).size() == 10);
static_assert(can::endpoint(afplug::interface_index(3), can::isotp_ids{.rx = 1, .tx = 2}).isotp().tx == 2);
static_assert(can::endpoint(afplug::interface_index(3), can::j1939_parts{.name = 1ull << 63}).j1939().name ==
              1ull << 63);

// ---- texts, compared with those of afplug::address ----

std::string bytes(const auto& a) { return std::string(reinterpret_cast<const char*>(a.data()), a.size()); }

// Parses `text` both ways. Both refuse it, or give the same bytes and the same text.
template <class Endpoint>
void expect_same_parse(const char* family, std::string_view text, int protocol = 0, afplug::socket_type type = {}) {
  SCOPED_TRACE(testing::Message() << family << " " << testing::PrintToString(text));
  afplug::error_code ec;
  const auto& owner = afplug::registry::global().family(family);
  const auto a = address::parse({owner, type, protocol}, text, ec);
  std::error_code own;
  const auto e = Endpoint::parse(text, own);
  // An address may have any length.
  if (text.starts_with("%family=") && own && !ec) return;
  ASSERT_EQ(ec.failed(), static_cast<bool>(own)) << ec.message() << ", " << own.message();
  if (ec) {
    try {
      Endpoint::parse(text);
      ADD_FAILURE() << "no exception";
    } catch (const std::system_error& thrown) {
      EXPECT_EQ(thrown.code(), own);
      EXPECT_NE(std::string_view(thrown.what()).find(Endpoint::id), std::string_view::npos) << thrown.what();
    }
    return;
  }
  EXPECT_EQ(bytes(e), bytes(a));
  EXPECT_EQ(e.to_string(), a.to_string());
  EXPECT_EQ(Endpoint::parse(e.to_string()), e);
  EXPECT_EQ(address(e), a);
  std::error_code wrong_size;
  if (Endpoint::from(e, wrong_size); wrong_size) return;  // "&length=N"
  EXPECT_EQ(address(e).to_string(), a.to_string());
  EXPECT_EQ(a.as<Endpoint>(), e);
}

// Compares the texts of the bytes of a sockaddr, if both accept them.
template <class Endpoint>
void expect_same_text(const char* family, const std::string& raw, int protocol = 0) {
  SCOPED_TRACE(testing::Message() << family << " " << testing::PrintToString(raw));
  const afplug::basic_protocol p(afplug::registry::global().family(family), SOCK_DGRAM, protocol);
  address a;
  a.resize(raw.size());
  std::memcpy(static_cast<void*>(a.data()), raw.data(), raw.size());
  a.protocol(p);
  std::error_code ec;
  const auto e = Endpoint::from(a, ec);
  if (ec) return;
  EXPECT_EQ(e.to_string(), a.to_string());
}

TEST(endpoint, text_is_that_of_address) {
  for (const auto* text : {"127.0.0.1:80", "*:0", ":65535", "<broadcast>:0x10", "1.2.3.4:080", "127.0.0.1", "", ":",
                           "1.2.3:4", "1.2.3.4:65536", "1.2.3.4:-1", "localhost:80", "[::1]:80", "1.2.3.4:5?x=1",
                           "%family=2,00507f0000010000000000000000", "%family=10,00"})
    expect_same_parse<inet::endpoint>("inet", text);
  for (const auto* text : {"[::1]:80",
                           "*:0",
                           ":80",
                           "[fe80::1%lo]:1",
                           "[fe80::1%77777]:1",
                           "[::ffff:1.2.3.4]:0",
                           "[1::]:1?flowinfo=0x12",
                           "[1::]:1?flowinfo=1&tclass=255",
                           "[1::]:1?flowinfo=0x100000",
                           "[1::]:1?x=1",
                           "::1:80",
                           "::1",
                           "[::1]",
                           "",
                           "1:2:3",
                           "[::1",
                           "[::1]x",
                           "[fe80::1%]:1",
                           "[fe80::1%nosuchinterface0]:1",
                           "[fe80::1%nosuch0]:1",
                           "127.0.0.1:80"})
    expect_same_parse<inet6::endpoint>("inet6", text);
  for (const auto& text : {"/run/x.sock"s,
                           ""s,
                           "@name"s,
                           "@"s,
                           "@%00a%00"s,
                           "%40x"s,
                           "a%25b"s,
                           "caf\xc3\xa9"s,
                           "%ff"s,
                           "%"s,
                           "%00x"s,
                           "a%00b"s,
                           "x\0y"s,
                           std::string(107, 'x'),
                           std::string(108, 'x'),
                           "@" + std::string(107, 'x'),
                           "@" + std::string(108, 'x'),
                           "a b"s,
                           "%fa%6dily=1,00"s,
                           "%FAmily=1,00"s,
                           "%family=1,2f"s,
                           "%family=2,00"s})
    expect_same_parse<unix_::endpoint>("unix", text);
  for (const auto* text : {"2:1024", "host:1024", "any:any", "local:5", "hypervisor:0", "4294967295:4294967295",
                           "3:4?flags=1", "3:4?flags=256", "3", "", "3:x", "4294967296:1", "3:4?x=1", "0x10:0x20"})
    expect_same_parse<vsock::endpoint>("vsock", text);
}

TEST(endpoint, text_of_bluetooth_is_that_of_address) {
  namespace bt = bluetooth;
  const auto b = "00:11:22:33:44:55"s;
  for (const auto& text : {b, b + "?psm=0x1001", b + "?cid=4&type=2", b + "?psm=65536", b + "?channel=1",
                           b + "?length=10", b + "?length=20&tail=0102", b + "?length=5", "x"s, ""s, "hci0"s})
    expect_same_parse<bt::l2cap::endpoint>("bluetooth", text, bt::btproto_l2cap, SOCK_SEQPACKET);
  for (const auto& text : {b, b + "?channel=5", b + "?channel=256", b + "?psm=1", b + "?length=12&tail=ff"})
    expect_same_parse<bt::rfcomm::endpoint>("bluetooth", text, bt::btproto_rfcomm);
  for (const auto& text : {b, b + "?length=8", b + "?length=9", b + "?type=1"})
    expect_same_parse<bt::sco::endpoint>("bluetooth", text, bt::btproto_sco);
  for (const auto& text : {b, b + "?type=2", b + "?bc=" + b + "&bctype=2&sid=3&bis=1,2,31", b + "?bc=" + b + "&count=3",
                           b + "?bc=x", b + "?bc=" + b + "&bis=256", b + "?bis=1"})
    expect_same_parse<bt::iso::endpoint>("bluetooth", text, bt::btproto_iso);
  for (const auto* text : {"hci0", "none", "hci3?channel=1", "7", "hci65536", "hci0?psm=1", ""})
    expect_same_parse<bt::hci::endpoint>("bluetooth", text, bt::btproto_hci);
}

TEST(endpoint, text_of_can_is_that_of_address) {
  for (const auto* text : {"any", "lo", "%index=123456", "7", "nosuchif0", "lo?length=16&tail=01", "lo?rx=1", ""})
    expect_same_parse<can::endpoint>("can", text);
  for (const auto* text : {"lo?rx=0x321&tx=0x123", "lo?rx=1&tx=4294967296", "any?rx=0&tx=0"})
    expect_same_parse<can::endpoint>("can", text);
  for (const auto* text :
       {"lo?name=1", "lo?pgn=0x12300", "lo?addr=0x20", "lo?length=24", "lo?name=1&rx=2", "lo?addr=256"})
    expect_same_parse<can::endpoint>("can", text);
  EXPECT_EQ(can::endpoint("lo", can::isotp_ids{.rx = 0x321, .tx = 0x123}).to_string(), "lo?rx=0x321&tx=0x123");
  EXPECT_EQ(can::endpoint("lo", can::j1939_parts{.addr = 0x20}).to_string(), "lo?addr=0x20");
  EXPECT_EQ(can::endpoint("lo", can::j1939_parts{}).to_string(), "lo?length=24");
  EXPECT_EQ(can::endpoint("lo").index(), afplug::interface_index(1));
  EXPECT_EQ(can::endpoint("lo").interface(), "lo");
  EXPECT_THROW(can::endpoint("nosuchif0", can::j1939_parts{}), std::system_error);
}

TEST(endpoint, text_of_packet_netlink_and_hyperv_is_that_of_address) {
  for (const auto* text :
       {"lo", "any", "lo?proto=3", "lo?pkttype=4&hatype=772&addr=00:11:22:33:44:55", "lo?addr=001122", "lo?halen=6",
        "lo?tail=01", "any?length=12", "any?length=11", "lo?addr=0",
        "any?addr=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "", "nosuchif0"})
    expect_same_parse<packet::endpoint>("packet", text);
  for (const auto* text : {"0", "4294967295?groups=0x11", "4294967296", "", "x", "1?group=1"})
    expect_same_parse<netlink::endpoint>("netlink", text);
  const auto service = "/00000400-facb-11e6-bd58-64006a7986d3"s;
  for (const auto& text : {hyperv::guid_parent + service, hyperv::guid_loopback + service, hyperv::guid_zero + service,
                           hyperv::guid_children + service, "x" + service, hyperv::guid_parent + "/x"s, "x"s, ""s,
                           hyperv::guid_parent + "/"s + hyperv::guid_parent})
    expect_same_parse<hyperv::endpoint>("hyperv", text);
  EXPECT_EQ(packet::endpoint("lo", 3).to_string(), "lo?proto=0x3");
  EXPECT_EQ(packet::endpoint("lo", 3), packet::endpoint(afplug::interface_index(1), 3));
  packet::endpoint to("lo", 0x800);
  const std::uint8_t hardware[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  to.hardware_address({hardware, 6});
  EXPECT_EQ(to.to_string(), "lo?proto=0x800&addr=01:02:03:04:05:06");
  EXPECT_THROW(to.hardware_address(hardware), std::system_error);
  EXPECT_EQ(netlink::endpoint(7, 1).to_string(), "7?groups=0x1");
  EXPECT_EQ(hyperv::endpoint::parent(0x400), hyperv::endpoint(hyperv::guid_parent, service.substr(1)));
  EXPECT_EQ(hyperv::endpoint::parent(0x400).vm_id(), "a42e7cda-d03f-480c-9cc2-a4de20abb878");
}

// Linux has Hyper-V sockets as AF_VSOCK, and no AF_HYPERV.
TEST(endpoint, hyperv_is_found_by_its_id_and_not_taken_for_vsock) {
  EXPECT_EQ(afplug::registry::global().constant("AF_HYPERV"), std::nullopt);
  const address a(hyperv::endpoint::parent(0x400));
  EXPECT_EQ(a.family(), AF_VSOCK);
  EXPECT_EQ(a.protocol().owner(), &afplug::registry::global().family("hyperv"));
  EXPECT_EQ(a.to_string(), "a42e7cda-d03f-480c-9cc2-a4de20abb878/00000400-facb-11e6-bd58-64006a7986d3");
  EXPECT_EQ(a.as<hyperv::endpoint>(), hyperv::endpoint::parent(0x400));
  // A CID that has no GUID.
  const auto other = hyperv::endpoint::from(vsock::endpoint(vsock::cid{7}, 1));
  EXPECT_THAT(other.to_string(), testing::StartsWith("%family=40,"));
  EXPECT_THROW(other.vm_id(), std::system_error);
}

// ---- the stored inputs of the fuzzer of addresses ----

// Whether the endpoints of the family number and protocol accept the input, and do what addresses do.
template <class Endpoint>
bool check_input(const afplug::family& family, std::string_view input, bool is_text, int protocol) {
  const std::string id(family.id());
  if (id != Endpoint::id || Endpoint::form() != protocol) return false;
  if (is_text)
    expect_same_parse<Endpoint>(id.c_str(), input, protocol, SOCK_DGRAM);
  else if (input.size() <= AFPLUG_ADDRESS_MAX)
    expect_same_text<Endpoint>(id.c_str(), std::string(input), protocol);
  return true;
}

template <class... Endpoints>
bool check_input_of_any(const afplug::family& family, std::string_view input, bool is_text, int protocol) {
  return (check_input<Endpoints>(family, input, is_text, protocol) || ...);
}

TEST(endpoint, does_what_address_does_for_the_inputs_of_the_fuzzer) {
  namespace bt = bluetooth;
  std::size_t checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(AFPLUG_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string input((std::istreambuf_iterator<char>(file)), {});
    if (input.size() < 3) continue;
    const auto number = static_cast<unsigned char>(input[0]);
    for (const char* id : {"inet", "inet6", "unix", "vsock", "can", "packet", "netlink", "hyperv", "bluetooth"}) {
      const auto& family = afplug::registry::global().family(id);
      if (family.number() != number) continue;
      const auto& row = family.rows()[static_cast<unsigned char>(input[1]) % family.rows().size()];
      const auto protocol = id == "bluetooth"sv ? row.protocol : 0;
      checked += check_input_of_any<inet::endpoint, inet6::endpoint, unix_::endpoint, vsock::endpoint, can::endpoint,
                                    packet::endpoint, netlink::endpoint, hyperv::endpoint, bt::l2cap::endpoint,
                                    bt::rfcomm::endpoint, bt::sco::endpoint, bt::iso::endpoint, bt::hci::endpoint>(
          family, std::string_view(input).substr(3), input[2] == 't', protocol);
    }
  }
  EXPECT_GE(checked, 40u);
}

// As of an address that a system call filled in, through Asio for example.
template <class Endpoint>
void expect_layout_by_length(const Endpoint& e) {
  address a;
  std::memcpy(static_cast<void*>(a.data()), e.data(), e.size());
  a.resize(e.size());
  const auto text = a.to_string();
  EXPECT_THAT(text, testing::StartsWith(e.to_string()));
  EXPECT_EQ(address("bluetooth", text), a) << text;
  EXPECT_EQ(a.as<Endpoint>(), e);
}

TEST(endpoint, layout_of_bluetooth_is_told_by_the_length_if_the_protocol_is_not_known) {
  namespace bt = bluetooth;
  afplug::registry::global().family("bluetooth");
  const auto device = bt::bdaddr::parse("00:11:22:33:44:55").value();
  expect_layout_by_length(bt::l2cap::endpoint(device, 0x1001, bt::le_public));
  expect_layout_by_length(bt::l2cap::endpoint(device, 0));
  expect_layout_by_length(bt::rfcomm::endpoint(device, 5));
  expect_layout_by_length(bt::rfcomm::endpoint(device, 0));
  expect_layout_by_length(bt::sco::endpoint(device));
  expect_layout_by_length(bt::hci::endpoint(1, bt::channel_control));
  expect_layout_by_length(bt::hci::endpoint(bt::no_device));
  expect_layout_by_length(bt::iso::endpoint("00:11:22:33:44:55?bc=00:11:22:33:44:56&bis=1"));
  address rfcomm;
  const bt::rfcomm::endpoint five(device, 5);
  std::memcpy(static_cast<void*>(rfcomm.data()), five.data(), five.size());
  rfcomm.resize(five.size());
  EXPECT_EQ(rfcomm.number("channel"), 5u);
  EXPECT_EQ(rfcomm.to_string(), "00:11:22:33:44:55?channel=5");
}

TEST(endpoint, form_of_can_is_told_by_the_length_if_the_protocol_is_not_known) {
  const can::endpoint ecu("lo", can::isotp_ids{.rx = 1, .tx = 2}),
      node("lo", can::j1939_parts{.name = 5, .pgn = 6, .addr = 7});
  const address a(ecu), b(node);
  EXPECT_EQ(a.to_string(), "lo?rx=0x1&tx=0x2");
  EXPECT_EQ(a.number("tx"), 2u);
  EXPECT_EQ(b.to_string(), "lo?name=0x5&pgn=0x6&addr=0x7");
  EXPECT_EQ(b.number("pgn"), 6u);
}

// ---- values ----

TEST(endpoint, is_made_of_its_fields) {
  const inet::endpoint a("192.0.2.1", 80);
  EXPECT_EQ(a, inet::endpoint("192.0.2.1:80"));
  EXPECT_EQ(a.host(), "192.0.2.1");
  EXPECT_EQ(a.port(), 80);
  EXPECT_EQ(a.address().s_addr, htonl(0xc0000201));
  EXPECT_EQ(inet::endpoint("<broadcast>", 9).to_string(), "255.255.255.255:9");
  EXPECT_EQ(inet::endpoint::loopback(1).to_string(), "127.0.0.1:1");

  const inet6::endpoint b("fe80::1%1", 80);
  EXPECT_EQ(b.host(), "fe80::1");
  EXPECT_EQ(b.port(), 80);
  EXPECT_EQ(b.scope_id(), 1u);
  EXPECT_EQ(b, inet6::endpoint(b.address(), 80, 1));
  auto with_label = b;
  with_label.flowinfo(0x12);
  EXPECT_NE(with_label, b);
  EXPECT_EQ(with_label.flowinfo(), 0x12u);

  EXPECT_TRUE(unix_::endpoint().is_unnamed());
  EXPECT_EQ(unix_::endpoint::from_path("/run/%41@").path(), "/run/%41@");
  EXPECT_EQ(unix_::endpoint("@name").abstract_name(), "name");
  EXPECT_EQ(unix_::endpoint("@name"), unix_::endpoint::abstract("name"));
  EXPECT_NE(unix_::endpoint::from_path("@name"), unix_::endpoint::abstract("name"));
  EXPECT_EQ(unix_::endpoint::from_path("@name").to_string(), "%40name");
  EXPECT_TRUE(unix_::endpoint::abstract("").is_abstract());

  EXPECT_EQ(vsock::endpoint("host", 5), vsock::endpoint(vsock::cid::host, 5));
  EXPECT_EQ(vsock::endpoint("host", 5).host(), "host");
  EXPECT_EQ(vsock::endpoint(vsock::cid{7}, 5, 1).to_string(), "7:5?flags=0x1");
}

TEST(endpoint, every_byte_of_a_broadcaster_is_compared) {
  const auto made = [](std::string_view broadcaster) {
    return bluetooth::iso::endpoint("00:11:22:33:44:55?bc=" + std::string(broadcaster) + "&bis=1");
  };
  const auto a = made("00:11:22:33:44:56");
  EXPECT_EQ(a, made("00:11:22:33:44:56"));
  for (const auto* other : {"01:11:22:33:44:56", "00:12:22:33:44:56", "00:11:23:33:44:56", "00:11:22:34:44:56",
                            "00:11:22:33:45:56", "00:11:22:33:44:57"}) {
    EXPECT_NE(a, made(other)) << other;
    EXPECT_NE(a.hash(), made(other).hash()) << other;
  }
}

// The kernel's struct that an address or endpoint holds.
template <class Native>
Native native(const auto& a) {
  Native out{};
  std::memcpy(static_cast<void*>(&out), a.data(), std::min<std::size_t>(a.size(), sizeof out));
  return out;
}

TEST(endpoint, vsock_has_its_flags) {
  const vsock::endpoint e("3:4?flags=0x1");
  EXPECT_EQ(e.flags(), 1);
  EXPECT_EQ(native<::sockaddr_vm>(e).svm_flags, 1);
  EXPECT_NE(e, vsock::endpoint("3:4"));
  EXPECT_NE(std::hash<vsock::endpoint>{}(e), std::hash<vsock::endpoint>{}(vsock::endpoint("3:4")));
  const address a("vsock", "3:4?flags=0x1");
  EXPECT_EQ(native<::sockaddr_vm>(a).svm_flags, 1);
  EXPECT_EQ(a.number("flags"), 1u);
  const afplug::basic_protocol p(afplug::registry::global().family("vsock"), SOCK_STREAM);
  const afplug::field_value values[] = {std::uint64_t{3}, std::uint64_t{4}, std::uint64_t{1}};
  EXPECT_EQ(address::from_fields(p, values), a);
}

TEST(endpoint, packet_has_the_length_of_its_hardware_address) {
  const struct {
    const char* text;
    unsigned halen;
    std::size_t present;  // bytes of hardware_address()
    const char* canonical;
  } cases[] = {{"lo?addr=00:11:22", 3, 3, "lo?addr=00:11:22"},
               {"lo?addr=00:11:22&halen=2", 2, 2, "lo?addr=00:11&tail=22"},
               {"lo?halen=6", 6, 6, "lo?addr=00:00:00:00:00:00"},
               {"lo?halen=200", 200, 8, "lo?addr=00:00:00:00:00:00:00:00&halen=200"},
               {"lo", 0, 0, "lo"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const packet::endpoint e(c.text);
    const address a("packet", c.text);
    EXPECT_EQ(native<::sockaddr_ll>(e).sll_halen, c.halen);
    EXPECT_EQ(native<::sockaddr_ll>(a).sll_halen, c.halen);
    EXPECT_EQ(e.hardware_address().size(), c.present);
    EXPECT_EQ(e.to_string(), c.canonical);
    EXPECT_EQ(a.to_string(), c.canonical);
  }
  // Differ in nothing else.
  EXPECT_NE(packet::endpoint("lo?halen=5"), packet::endpoint("lo?halen=6"));
  EXPECT_NE(packet::endpoint("lo?halen=200"), packet::endpoint("lo?halen=201"));
  packet::endpoint e("lo");
  const std::uint8_t hardware[] = {1, 2, 3, 4, 5, 6};
  e.hardware_address(hardware);
  EXPECT_EQ(native<::sockaddr_ll>(e).sll_halen, 6);
  const afplug::basic_protocol p(afplug::registry::global().family("packet"), SOCK_DGRAM);
  const auto* begin = reinterpret_cast<const std::byte*>(hardware);
  const afplug::field_value values[] = {"lo"s, std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{0},
                                        std::vector<std::byte>(begin, begin + sizeof hardware)};
  EXPECT_EQ(address::from_fields(p, values), address(e));
}

// Linux refuses shorter ones: CAN_REQUIRED_SIZE in include/linux/can/core.h.
TEST(endpoint, can_has_the_length_of_its_protocol) {
  const auto end_of = [](const auto& member, const ::sockaddr_can& all) {
    return static_cast<std::size_t>(reinterpret_cast<const char*>(&member + 1) - reinterpret_cast<const char*>(&all));
  };
  const ::sockaddr_can all{};
  const auto raw = end_of(all.can_ifindex, all), isotp = end_of(all.can_addr.tp, all),
             j1939 = end_of(all.can_addr.j1939, all);
  EXPECT_EQ(can::endpoint("lo").size(), raw);
  EXPECT_EQ(can::endpoint("lo", can::isotp_ids{}).size(), isotp);
  EXPECT_EQ(can::endpoint("lo", can::j1939_parts{}).size(), j1939);
  EXPECT_EQ(can::endpoint("lo?addr=1").size(), j1939);
  EXPECT_EQ(address("can", "lo", SOCK_RAW, CAN_RAW).size(), raw);
  EXPECT_EQ(address("can", "lo?rx=1&tx=2", SOCK_DGRAM, CAN_ISOTP).size(), isotp);
  for (const auto* text : {"lo", "lo?name=0x5", "lo?pgn=0x12300", "lo?addr=0x20"}) {
    EXPECT_EQ(address("can", text, SOCK_DGRAM, CAN_J1939).size(), j1939) << text;
    EXPECT_EQ(address("can", text, SOCK_DGRAM, CAN_J1939).to_string(), text);
  }
}

template <class Function>
std::string error_of(Function&& function) {
  try {
    function();
  } catch (const std::system_error& e) {
    return e.what();
  }
  return "no error";
}

TEST(endpoint, error_text_names_what_is_wrong_and_what_to_write) {
  using testing::HasSubstr;
  EXPECT_THAT(error_of([] { inet::endpoint("127.0.0.1"); }), HasSubstr("port 0 for any port"));
  EXPECT_THAT(error_of([] { inet::endpoint("127.0.0.1", 65536); }), HasSubstr("port must be 0-65535, not 65536"));
  EXPECT_THAT(error_of([] { inet::endpoint("127.0.0.1", -1); }), HasSubstr("port must be 0-65535, not -1"));
  EXPECT_THAT(error_of([] { inet::endpoint("localhost", 1); }), HasSubstr("\"localhost\" is not an IPv4 address"));
  EXPECT_THAT(error_of([] { inet6::endpoint("::1:80"); }), HasSubstr("write [::1]:80"));
  EXPECT_THAT(error_of([] { inet6::endpoint("::1"); }), HasSubstr("write [ADDRESS]:PORT"));
  EXPECT_THAT(error_of([] { unix_::endpoint::from_path(std::string(108, 'x')); }), HasSubstr("the limit is 107"));
  EXPECT_THAT(error_of([] { unix_::endpoint::from_path("a\0b"s); }), HasSubstr("NUL"));
  EXPECT_THAT(error_of([] { vsock::endpoint("3"); }), HasSubstr("CID:PORT"));
  EXPECT_THAT(error_of([] { vsock::endpoint(vsock::cid::host, 1ll << 32); }), HasSubstr("0-4294967295"));
}

TEST(endpoint, parse_sets_an_error_code_of_boost) {
  boost::system::error_code ec;
  EXPECT_EQ(inet::endpoint::parse("x", ec), inet::endpoint());
  EXPECT_EQ(ec, boost::system::errc::invalid_argument);
  inet::endpoint::parse("1.2.3.4:70000", ec);
  EXPECT_EQ(ec, boost::system::errc::result_out_of_range);
  EXPECT_EQ(inet::endpoint::parse("1.2.3.4:7", ec).port(), 7);
  EXPECT_FALSE(ec);
}

TEST(endpoint, is_ordered_by_its_fields) {
  EXPECT_LT(inet::endpoint("1.2.3.4:500"), inet::endpoint("2.0.0.0:1"));
  EXPECT_LT(inet::endpoint("1.2.3.4:5"), inet::endpoint("1.2.3.4:256"));
  EXPECT_LT(inet6::endpoint("[::1]:256"), inet6::endpoint("[::2]:1"));
  EXPECT_LT(vsock::endpoint("1:256"), vsock::endpoint("2:1"));
  EXPECT_LT(unix_::endpoint("/a"), unix_::endpoint("/b"));
  const std::map<inet::endpoint, int> by_order{{inet::endpoint("1.1.1.1:2"), 2}, {inet::endpoint("1.1.1.1:1"), 1}};
  EXPECT_EQ(by_order.begin()->second, 1);
}

// A sockaddr that a program did not clear before it set the fields.
template <class Endpoint>
Endpoint with_padding(const Endpoint& e, std::initializer_list<std::size_t> offsets, std::size_t size = 0) {
  Endpoint padded = e;
  if (size != 0) padded.resize(size);
  for (const auto at : offsets) reinterpret_cast<unsigned char*>(padded.data())[at] = 0xa5;
  return padded;
}

// Neither endpoints nor addresses compare padding.
template <class Endpoint>
void expect_padding_does_not_count(const char* family, const Endpoint& e, std::initializer_list<std::size_t> offsets,
                                   std::size_t size = 0, int protocol = 0) {
  SCOPED_TRACE(e.to_string());
  const auto padded = with_padding(e, offsets, size);
  ASSERT_NE(bytes(padded), bytes(e));
  EXPECT_EQ(padded, e);
  EXPECT_EQ(std::hash<Endpoint>{}(padded), std::hash<Endpoint>{}(e));
  EXPECT_EQ((std::unordered_set<Endpoint>{padded, e}.size()), 1u);
  EXPECT_EQ(padded.to_string(), e.to_string());
  const afplug::basic_protocol p(afplug::registry::global().family(family), {}, protocol);
  const address from_padded(padded.data(), padded.size(), p), from_clean(e.data(), e.size(), p);
  EXPECT_EQ(from_padded, from_clean);
  EXPECT_EQ(std::hash<address>{}(from_padded), std::hash<address>{}(from_clean));
  EXPECT_EQ(from_padded.to_string(), e.to_string());
  afplug::error_code ec;
  EXPECT_EQ(address::parse(p, from_padded.to_string(), ec), from_padded);
  if (protocol == 0) {
    EXPECT_EQ(address(padded.data(), padded.size()), from_clean);
  }
}

TEST(endpoint, padding_is_not_compared) {
  expect_padding_does_not_count("inet", inet::endpoint("1.2.3.4:5"), {8, 15});
  expect_padding_does_not_count("bluetooth", bluetooth::l2cap::endpoint({}, 5), {13});
  expect_padding_does_not_count("bluetooth", bluetooth::rfcomm::endpoint({}, 5), {9}, 0, bluetooth::btproto_rfcomm);
  expect_padding_does_not_count("can", can::endpoint("lo"), {2, 3});
  expect_padding_does_not_count("can", can::endpoint("lo", can::j1939_parts{.addr = 1}), {2, 21, 23});
  expect_padding_does_not_count("netlink", netlink::endpoint(5, 6), {2, 3});
  expect_padding_does_not_count("vsock", vsock::endpoint("3:4"), {2, 3, 13, 15});
  // Behind the NUL of a path.
  expect_padding_does_not_count("unix", unix_::endpoint("/x"), {5, 100}, 110);
}

TEST(endpoint, from_refuses_other_families_and_lengths) {
  std::error_code ec;
  const inet::endpoint a("1.2.3.4:5");
  EXPECT_EQ(inet::endpoint::from(address(a)), a);
  EXPECT_EQ(inet::endpoint(address("inet", "1.2.3.4:5")), a);
  vsock::endpoint::from(a, ec);
  EXPECT_EQ(ec, std::errc::address_family_not_supported);
  EXPECT_THAT(error_of([&] { vsock::endpoint::from(a); }), testing::HasSubstr("of family 2, not 40"));
  auto shorter = address(a);
  shorter.resize(15);  // of 16
  inet::endpoint::from(shorter, ec);
  EXPECT_EQ(ec, std::errc::invalid_argument);
  EXPECT_THAT(error_of([&] { inet::endpoint::from(shorter); }),
              testing::HasSubstr("15 bytes, which is not the length"));
  inet::endpoint::from(address(), ec);
  EXPECT_EQ(ec, std::errc::invalid_argument);

  bluetooth::l2cap::endpoint::from(bluetooth::rfcomm::endpoint({}, 5), ec);
  EXPECT_EQ(ec, std::errc::invalid_argument) << "of another protocol";

  afplug::error_code own;
  EXPECT_EQ(address(a).as<inet::endpoint>(own), a);
  EXPECT_FALSE(own);
  address(a).as<vsock::endpoint>(own);
  EXPECT_EQ(own, boost::system::errc::address_family_not_supported);
  EXPECT_THAT(std::string(afplug::last_detail()), testing::HasSubstr("of family 2, not 40"));
  EXPECT_THROW(address(a).as<vsock::endpoint>(), afplug::error);
}

TEST(endpoint, is_read_and_written_by_streams) {
  std::istringstream in("1.2.3.4:5 [::1]:6 oops");
  inet::endpoint a;
  inet6::endpoint b;
  EXPECT_TRUE(in >> a >> b);
  EXPECT_EQ(a, inet::endpoint("1.2.3.4:5"));
  EXPECT_EQ(b, inet6::endpoint("[::1]:6"));
  EXPECT_FALSE(in >> a);
  EXPECT_EQ(a, inet::endpoint("1.2.3.4:5"));
  std::ostringstream out;
  out << a << ' ' << b;
  EXPECT_EQ(out.str(), "1.2.3.4:5 [::1]:6");
}

#if defined(__cpp_lib_format)
TEST(endpoint, is_formatted_by_std_format) {
  EXPECT_EQ(std::format("{:>12}|", inet::endpoint("1.2.3.4:5")), "   1.2.3.4:5|");
  EXPECT_EQ(std::format("{}", address(inet::endpoint("1.2.3.4:5"))), "1.2.3.4:5");
}
#endif

TEST(endpoint, without_bytes_has_no_text) {
  inet::endpoint e;
  e.resize(0);
  EXPECT_EQ(e.to_string(), "");
  EXPECT_NE(e, inet::endpoint());
  EXPECT_THROW(e.resize(e.capacity() + 1), std::system_error);
  EXPECT_EQ(e.size(), 0u);
}

}  // namespace
