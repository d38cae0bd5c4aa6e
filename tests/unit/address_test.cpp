// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug::address as a value type: equality, order, hash, fields, text and bytes. The text formats of the families are
// tested in codec_*.cpp.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <afplug/address.hpp>
#include <afplug/registry.hpp>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <type_traits>
#include <unordered_set>

namespace {

using afplug::address;
using afplug::error_code;

static_assert(std::is_trivially_copyable_v<address>, "copying is a memcpy");
static_assert(std::totally_ordered<address>);

sockaddr_in native(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}
address from_bytes(std::uint16_t port) {
  const auto a = native(port);
  return address(&a, sizeof a);
}

TEST(address, default_constructed_is_empty) {
  const address empty;
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(empty.size(), 0u);
  EXPECT_EQ(empty.capacity(), 128u);
  EXPECT_EQ(empty.family(), AF_UNSPEC);
  EXPECT_EQ(empty.protocol().owner(), nullptr);
  EXPECT_TRUE(empty.fields().empty());
  EXPECT_EQ(empty.number("port"), std::nullopt);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(empty.field("port")));
  EXPECT_EQ(empty, address());
}

TEST(address, equality_order_and_hash_depend_on_the_bytes_only) {
  const address parsed("inet", "127.0.0.1:80"), raw = from_bytes(80), other("inet", "127.0.0.1:81");
  EXPECT_EQ(parsed, raw);
  EXPECT_NE(parsed, other);
  EXPECT_LT(parsed, other);
  EXPECT_LT(address(), parsed);
  EXPECT_EQ(std::hash<address>{}(parsed), std::hash<address>{}(raw));
  EXPECT_NE(std::hash<address>{}(parsed), std::hash<address>{}(other));
  const address as_datagram("inet", "127.0.0.1:80", SOCK_DGRAM);
  EXPECT_EQ(parsed, as_datagram) << "the protocol is not compared";
  // A prefix is less than the whole.
  address shorter = parsed;
  shorter.resize(8);
  EXPECT_LT(shorter, parsed);
  EXPECT_NE(shorter, parsed);
}

TEST(address, is_usable_as_map_key) {
  std::map<address, int> by_order{{from_bytes(1), 1}, {from_bytes(2), 2}};
  std::unordered_set<address> by_hash{from_bytes(1), from_bytes(2), from_bytes(1)};
  EXPECT_EQ(by_order.at(address("inet", "127.0.0.1:2")), 2);
  EXPECT_EQ(by_hash.size(), 2u);
  EXPECT_TRUE(by_hash.contains(address("inet", "127.0.0.1:1")));
}

TEST(address, filled_by_a_system_call_has_the_primary_family_of_its_number) {
  afplug::registry::global().family("inet");
  address filled;
  ASSERT_GE(filled.capacity(), sizeof(sockaddr_in));
  const auto a = native(80);
  std::memcpy(filled.data(), &a, sizeof a);
  filled.resize(sizeof a);
  ASSERT_NE(filled.protocol().owner(), nullptr);
  EXPECT_EQ(filled.protocol().owner()->id(), "inet");
  EXPECT_EQ(filled.protocol().family(), AF_INET);
  EXPECT_EQ(filled.to_string(), "127.0.0.1:80");
  EXPECT_EQ(filled.number("port"), 80u);
}

TEST(address, fields_are_in_the_order_of_pythons_tuple) {
  const address a("inet6", "[fe80::1%1]:80");
  const auto fields = a.fields();
  ASSERT_EQ(fields.size(), 4u);
  EXPECT_EQ(fields[1].name, "port");
  EXPECT_EQ(std::get<std::uint64_t>(fields[1].value), 80u);
  EXPECT_EQ(a.number("port"), 80u);
  EXPECT_EQ(a.number("nothing"), std::nullopt);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(a.field("nothing")));
  EXPECT_EQ(a.number(fields[0].name), std::nullopt) << "the field is text";
}

TEST(address, round_trips_through_fields_text_and_bytes) {
  for (const address& a : {address("inet", "192.0.2.1:80"), address("inet6", "[2001:db8::1]:443"),
                           address("unix", "/run/x.sock"), address("unix", "@abstract")}) {
    std::vector<afplug::field_value> values;
    for (const auto& f : a.fields()) values.push_back(f.value);
    EXPECT_EQ(address::from_fields(a.protocol(), values), a) << a;
    EXPECT_EQ(address(a.protocol().owner()->id(), a.to_string()), a) << a;
    EXPECT_EQ(address(a.data(), a.size()), a);
    EXPECT_EQ(address(a.data(), a.size(), a.protocol()).to_string(), a.to_string());
  }
}

TEST(address, from_fields_refuses_invalid_fields) {
  const afplug::basic_protocol inet(afplug::registry::global().family("inet"), SOCK_STREAM);
  error_code ec;
  const std::vector<afplug::field_value> wrong[] = {
      {std::string("127.0.0.1"), std::uint64_t{65536}},
      {std::string("127.0.0.1"), std::int64_t{-1}},
      {std::string("300.0.0.1"), std::uint64_t{1}},
      {std::uint64_t{1}, std::uint64_t{1}},
      {std::string("127.0.0.1"), std::uint64_t{1}, std::uint64_t{1}},
  };
  for (const auto& values : wrong) {
    ec.clear();
    address::from_fields(inet, values, ec);
    EXPECT_EQ(ec, afplug::errc::malformed_address) << &values - wrong;
    EXPECT_NE(afplug::last_detail().find("inet"), std::string_view::npos) << afplug::last_detail();
    EXPECT_THROW(address::from_fields(inet, values), afplug::error);
  }
}

TEST(address, holds_at_most_128_bytes) {
  unsigned char bytes[129] = {};
  const sa_family_t family = 200;
  std::memcpy(bytes, &family, sizeof family);
  EXPECT_EQ(address(bytes, 128).size(), 128u);
  EXPECT_THROW(address(bytes, 129), afplug::error);
  address a = from_bytes(80);
  EXPECT_THROW(a.resize(129), afplug::error);
  EXPECT_EQ(a, from_bytes(80)) << "unchanged after the error";
  a.resize(128);
  a.resize(0);
  EXPECT_TRUE(a.empty());
}

TEST(address, of_an_unknown_family_is_formatted_as_bytes) {
  unsigned char bytes[6] = {0, 0, 1, 2, 0xab, 0xff};
  const sa_family_t family = 200;
  std::memcpy(bytes, &family, sizeof family);
  const address a(bytes, sizeof bytes);
  EXPECT_EQ(a.family(), 200);
  EXPECT_EQ(a.to_string(), "%family=200,0102abff");
  EXPECT_EQ(a.protocol().owner(), nullptr);
  EXPECT_TRUE(a.fields().empty());
  EXPECT_EQ(address(200, a.to_string()), a);
  EXPECT_EQ(address(200, "%family=200,").size(), 2u);
}

TEST(address, rejected_by_its_family_is_formatted_as_bytes_and_parsed_again) {
  address a = from_bytes(80);
  a.resize(4);
  EXPECT_EQ(a.to_string(), "%family=2,0050");
  EXPECT_EQ(address("inet", a.to_string()), a);
  EXPECT_EQ(address(AF_INET, a.to_string()), a);
  // A whole address may be written so too.
  EXPECT_EQ(address("inet", "%family=2,00507f0000010000000000000000"), from_bytes(80));
  EXPECT_EQ(address("inet", "%family=2,00507f000001ffffffffffffffff"), from_bytes(80)) << "without padding";
  const struct {
    const char *text, *part;
  } wrong[] = {{"%family=1,00", "of family 1, not 2"},   {"%family=2", "write %family=N,HEX"},
               {"%family=,00", "write %family=N,HEX"},   {"%family=x,00", "write %family=N,HEX"},
               {"%family=2x,00", "write %family=N,HEX"}, {"%family=65538,00", "write %family=N,HEX"},
               {"%family=2,0", "hexadecimal"},           {"%family=2,0g", "hexadecimal"}};
  const afplug::basic_protocol p(afplug::registry::global().family("inet"), {});
  error_code ec;
  for (const auto& c : wrong) {
    EXPECT_TRUE(address::parse(p, c.text, ec).empty()) << c.text;
    EXPECT_EQ(ec, afplug::errc::malformed_address) << c.text;
    EXPECT_NE(afplug::last_detail().find(c.part), std::string_view::npos) << afplug::last_detail();
  }
  EXPECT_EQ(address(200, "%family=200," + std::string(252, '0')).size(), 128u);
  EXPECT_TRUE(address::parse(p, "%family=2," + std::string(254, '0'), ec).empty());
  EXPECT_EQ(ec, afplug::errc::address_too_long);
}

// The text of a path whose first byte is 0xfa.
TEST(address, of_a_path_is_not_taken_for_bytes) {
  const auto a = address::from_fields({afplug::registry::global().family("unix"), {}},
                                      std::vector<afplug::field_value>{"\xfa"
                                                                       "mily=1,00"});
  EXPECT_EQ(a.to_string(), "%FAmily=1,00");
  EXPECT_EQ(address("unix", a.to_string()), a);
}

TEST(address, has_host_and_port) {
  const address v4("inet", "127.0.0.1:80"), v6("inet6", "[fe80::1%1]:0"), path("unix", "/x");
  EXPECT_EQ(v4.host(), "127.0.0.1");
  EXPECT_EQ(v4.port(), 80u);
  EXPECT_EQ(v6.host(), "fe80::1");
  EXPECT_EQ(v6.port(), 0u);
  EXPECT_EQ(path.host(), "");
  EXPECT_EQ(path.port(), std::nullopt);
  EXPECT_EQ(address().host(), "");
  EXPECT_EQ(address().port(), std::nullopt);
}

TEST(address, without_a_port_is_refused_by_the_internet_families) {
  for (const auto& [family, text] :
       {std::pair("inet", "127.0.0.1"), {"inet6", "::1"}, {"inet6", "[::1]"}, {"inet6", "::1:80"}})
    EXPECT_THROW(address(family, text), afplug::error) << text;
  EXPECT_EQ(address("inet", "127.0.0.1", SOCK_RAW).port(), 0u) << "addresses of raw sockets have no port";
}

TEST(address, parse_error_names_the_invalid_part) {
  const struct {
    const char *family, *text, *part;
  } cases[] = {{"inet", "127.0.0.1:port", "port"},
               {"inet", "127.0.0.256:80", "127.0.0.256"},
               {"inet6", "[::1]:99999", "99999"},
               {"inet6", "[fe80::1%nosuchif0]:1", "nosuchif0"}};
  for (const auto& c : cases) {
    const afplug::basic_protocol p(afplug::registry::global().family(c.family), {});
    error_code ec;
    address::parse(p, c.text, ec);
    EXPECT_TRUE(ec) << c.text;
    EXPECT_NE(afplug::last_detail().find(c.part), std::string_view::npos) << afplug::last_detail();
    EXPECT_NE(afplug::last_detail().find(c.family), std::string_view::npos) << afplug::last_detail();
    EXPECT_THROW(address(c.family, c.text), afplug::error);
  }
  error_code ec;
  address::parse(afplug::basic_protocol(), "x", ec);
  EXPECT_EQ(ec, afplug::errc::unknown_family);
  EXPECT_THROW(address("no_such_family", "x"), afplug::error);
}

// SOCK_* is never a port, and a port never a type.
static_assert(!std::is_constructible_v<address, const char*, const char*, int, int>, "an int is not a type");
static_assert(!std::is_constructible_v<address, const char*, const char*, bool>);

TEST(address, is_made_from_host_and_port) {
  EXPECT_EQ(address("inet", "127.0.0.1", 8080), address("inet", "127.0.0.1:8080"));
  EXPECT_EQ(address(AF_INET, "127.0.0.1", std::uint16_t{80}), address("inet", "127.0.0.1:80"));
  EXPECT_EQ(address("inet6", "fe80::1%lo", 80), address("inet6", "[fe80::1%lo]:80"));
  EXPECT_EQ(address("inet6", "::", 0u), address("inet6", "[::]:0"));
  EXPECT_EQ(address("inet", "127.0.0.1:80", SOCK_DGRAM).protocol().asked_type(), SOCK_DGRAM);
  EXPECT_EQ(address("vsock", "local", 5000), address("vsock", "local:5000"));
  EXPECT_EQ(address("vsock", "3", 4294967295), address("vsock", "3:4294967295"));
}

TEST(address, refuses_bad_hosts_and_ports) {
  const auto code_of = [](const char* family, std::string_view host, auto port) {
    error_code ec;
    const auto made = address::from_host_port({afplug::registry::global().family(family), {}}, host, port, ec);
    EXPECT_TRUE(made.empty());
    EXPECT_THROW(address(family, host, port), afplug::error);
    return ec;
  };
  EXPECT_EQ(code_of("inet", "127.0.0.1", 65536), afplug::errc::malformed_address);
  EXPECT_EQ(code_of("inet", "127.0.0.1", -1), afplug::errc::malformed_address);
  EXPECT_EQ(code_of("inet", "127.0.0.1", std::numeric_limits<std::uint64_t>::max()), afplug::errc::malformed_address);
  EXPECT_EQ(code_of("inet", "127.0.0.1:80", 80), afplug::errc::malformed_address);
  EXPECT_EQ(code_of("vsock", "local", 4294967296), afplug::errc::malformed_address);
  EXPECT_EQ(code_of("vsock", "3:7", 80), afplug::errc::malformed_address);
  EXPECT_EQ(code_of("unix", "/run/x.sock", 80), afplug::errc::invalid_argument);
  error_code ec;
  address::from_host_port(afplug::basic_protocol(), "127.0.0.1", 80, ec);
  EXPECT_EQ(ec, afplug::errc::unknown_family);
}

TEST(address, has_a_stream_operator) {
  std::ostringstream out;
  out << address("inet", "127.0.0.1:80");
  EXPECT_EQ(out.str(), "127.0.0.1:80");
}

TEST(address, copy_has_the_same_protocol_and_changes_independently) {
  address a("inet", "127.0.0.1:80", SOCK_DGRAM);
  const address copy = a;
  EXPECT_EQ(copy.protocol(), a.protocol());
  EXPECT_EQ(copy.protocol().asked_type(), SOCK_DGRAM);
  a.protocol(afplug::basic_protocol(afplug::registry::global().family("inet"), SOCK_STREAM));
  EXPECT_EQ(a, copy);
  EXPECT_EQ(a.protocol().asked_type(), SOCK_STREAM);
}

}  // namespace
