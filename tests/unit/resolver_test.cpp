// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Look-ups without a network: what the C library resolves from numeric addresses, files and the host itself.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <afplug/plugin/encoding.hpp>
#include <afplug/resolver.hpp>
#include <algorithm>

#include "../support/errors.hpp"

namespace {

using afplug::errc;
using afplug::error_code;
using afplug::testing_support::sys;
using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::HasSubstr;

error_code gai(int value) { return {value, afplug::resolver_category()}; }
const error_code not_found{HOST_NOT_FOUND, afplug::netdb_category()};

// ---- getaddrinfo ----

struct successful_look_up {
  std::string host, service;
  int flags;
  std::string text;  // of the first address
};

class getaddrinfo_result : public testing::TestWithParam<successful_look_up> {};

TEST_P(getaddrinfo_result, have_the_address_with_and_without_a_timeout) {
  const auto& [host, service, flags, text] = GetParam();
  for (const auto limit : {std::optional<std::chrono::nanoseconds>(), std::optional<std::chrono::nanoseconds>(1h),
                           std::optional<std::chrono::nanoseconds>(0ns)}) {
    const auto found = afplug::getaddrinfo(host, service, {AF_UNSPEC, SOCK_STREAM, 0, flags, limit});
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].address.to_string(), text);
    EXPECT_EQ(found[0].type, SOCK_STREAM);
    EXPECT_EQ(found[0].protocol, IPPROTO_TCP);
    EXPECT_EQ(found[0].family, found[0].address.family());
    EXPECT_EQ(found[0].canonical_name, "");
  }
}

INSTANTIATE_TEST_SUITE_P(
    numeric, getaddrinfo_result,
    testing::Values(successful_look_up{"127.0.0.1", "80", 0, "127.0.0.1:80"},
                    successful_look_up{"127.0.0.1", "", 0, "127.0.0.1:0"},
                    successful_look_up{"127.0.0.1", "65535", 0, "127.0.0.1:65535"},
                    successful_look_up{"127.0.0.1", "00080", 0, "127.0.0.1:80"},
                    successful_look_up{"1.2.3", "0", 0, "1.2.0.3:0"}, successful_look_up{"::1", "80", 0, "[::1]:80"},
                    successful_look_up{"fe80::1%lo", "80", 0, "[fe80::1%lo]:80"},
                    successful_look_up{"ff02::1de:c0:face:8D%lo", "1234", 0, "[ff02::1de:c0:face:8d%lo]:1234"}));

TEST(getaddrinfo, empty_host_is_loopback_or_with_ai_passive_any) {
  const auto has = [](const auto& found, const char* text) {
    return std::ranges::any_of(found, [&](const auto& e) { return e.address.to_string() == text; });
  };
  EXPECT_TRUE(has(afplug::getaddrinfo("", "80", {AF_INET, SOCK_STREAM, 0, 0, {}}), "127.0.0.1:80"));
  EXPECT_TRUE(has(afplug::getaddrinfo("", "80", {AF_INET, SOCK_STREAM, 0, AI_PASSIVE, {}}), "0.0.0.0:80"));
}

TEST(getaddrinfo, ai_canonname_returns_the_canonical_name) {
  EXPECT_EQ(afplug::getaddrinfo("127.0.0.1", "", {0, SOCK_STREAM, 0, AI_CANONNAME, {}})[0].canonical_name, "127.0.0.1");
}

TEST(getaddrinfo, service_names_are_resolved) {
  const ::servent* http = ::getservbyname("http", "tcp");
  if (!http) GTEST_SKIP() << "no service http in /etc/services";
  EXPECT_EQ(afplug::getaddrinfo("127.0.0.1", "http")[0].address.number("port"),
            ntohs(static_cast<std::uint16_t>(http->s_port)));
}

struct failed_look_up {
  std::string host, service;
  afplug::addrinfo_hints hints;
  error_code expected;
  std::string error_text;
};

class getaddrinfo_error : public testing::TestWithParam<failed_look_up> {};

TEST_P(getaddrinfo_error, have_error_code_and_text) {
  const auto& [host, service, hints, expected, error_text] = GetParam();
  error_code ec;
  EXPECT_TRUE(afplug::getaddrinfo(host, service, hints, ec).empty());
  EXPECT_EQ(ec, expected) << ec;
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr(error_text));
  EXPECT_THROW(afplug::getaddrinfo(host, service, hints), afplug::error);
}

std::ostream& operator<<(std::ostream& out, const failed_look_up& f) { return out << f.host << ' ' << f.service; }
std::ostream& operator<<(std::ostream& out, const successful_look_up& l) { return out << l.host << ' ' << l.service; }

const afplug::addrinfo_hints tcp{AF_UNSPEC, SOCK_STREAM, 0, 0, {}};
const std::string long_label(64, 'a');

INSTANTIATE_TEST_SUITE_P(
    errors, getaddrinfo_error,
    testing::Values(
        failed_look_up{"", "", tcp, gai(EAI_NONAME), "this host"},
        failed_look_up{"127.0.0.1", "80", {0, SOCK_STREAM, 0, 0x40000000, {}}, gai(EAI_BADFLAGS), "127.0.0.1"},
        failed_look_up{"127.0.0.1", "65536", tcp, errc::invalid_argument, "0 to 65535"},
        failed_look_up{"127.0.0.1", "99999999999999999999", tcp, errc::invalid_argument, "0 to 65535"},
        failed_look_up{"127.0.0.1", "-1", tcp, gai(EAI_SERVICE), "\"-1\""},
        failed_look_up{"127.0.0.1", "+80", tcp, gai(EAI_SERVICE), "\"+80\""},
        failed_look_up{"127.0.0.1", " 80", tcp, gai(EAI_SERVICE), "\" 80\""},
        failed_look_up{"127.0.0.1", "nosuch", tcp, gai(EAI_SERVICE), "nosuch"},
        failed_look_up{"127.0.0.1", "8\0"s, tcp, errc::invalid_argument, "NUL"},
        failed_look_up{"localhost", "80", {0, SOCK_STREAM, 0, AI_NUMERICHOST, {}}, gai(EAI_NONAME), "localhost"},
        failed_look_up{"local\0host"s, "80", tcp, errc::malformed_address, "NUL"},
        failed_look_up{long_label, "80", tcp, errc::malformed_address, "63 bytes"},
        failed_look_up{"ok." + long_label + ".example", "80", tcp, errc::malformed_address, "63 bytes"},
        failed_look_up{std::string(60, '\xc3').append("\xa9"), "80", tcp, errc::malformed_address, "UTF-8"},
        failed_look_up{[] {
                         std::string s;
                         for (int i = 0; i < 60; ++i) s += "é";
                         return s;
                       }(),
                       "80", tcp, errc::malformed_address, "63 bytes"},
        failed_look_up{[] {
                         std::string s = "a";
                         for (int i = 0; i < 127; ++i) s += ".a";
                         return s;
                       }(),
                       "80", tcp, errc::malformed_address, "253 bytes"},
        failed_look_up{"127.0.0.1", "80", {AF_INET6, SOCK_STREAM, 0, 0, {}}, gai(EAI_ADDRFAMILY), "127.0.0.1"},
        failed_look_up{"127.0.0.1", "80", {99, SOCK_STREAM, 0, 0, {}}, gai(EAI_FAMILY), "127.0.0.1"},
        failed_look_up{"127.0.0.1", "80", {0, SOCK_STREAM, 0, 0, -1ns}, errc::invalid_argument, "negative"}));

// RFC 1035: a name has at most 253 characters and a label at most 63. AI_NUMERICHOST prevents a query.
TEST(getaddrinfo, longest_names_are_accepted) {
  std::string host =
      std::string(63, 'a') + '.' + std::string(63, 'b') + '.' + std::string(63, 'c') + '.' + std::string(61, 'd');
  error_code ec;
  afplug::getaddrinfo(host, "80", {0, SOCK_STREAM, 0, AI_NUMERICHOST, {}}, ec);
  EXPECT_EQ(ec, gai(EAI_NONAME));
  afplug::getaddrinfo(host + ".", "80", {0, SOCK_STREAM, 0, AI_NUMERICHOST, {}}, ec);
  EXPECT_EQ(ec, gai(EAI_NONAME));
  afplug::getaddrinfo(host + "d", "80", {0, SOCK_STREAM, 0, AI_NUMERICHOST, {}}, ec);
  EXPECT_EQ(ec, errc::malformed_address);
}

// ---- getnameinfo ----

TEST(getnameinfo, returns_numeric_text) {
  using pair = std::pair<std::string, std::string>;
  const int digits = NI_NUMERICHOST | NI_NUMERICSERV;
  EXPECT_EQ(afplug::getnameinfo(afplug::address("inet", "127.0.0.1:80"), digits), pair("127.0.0.1", "80"));
  EXPECT_EQ(afplug::getnameinfo(afplug::address("inet6", "[::1]:80"), digits), pair("::1", "80"));
  EXPECT_EQ(afplug::getnameinfo(afplug::address("inet6", "[ff02::1%lo]:80"), digits), pair("ff02::1%lo", "80"));
}

TEST(getnameinfo, other_families_fail_with_eai_family) {
  error_code ec;
  const sockaddr other{AF_PACKET, {}};
  afplug::getnameinfo(afplug::address(&other, sizeof other), 0, ec);
  EXPECT_EQ(ec, gai(EAI_FAMILY));
  afplug::getnameinfo(afplug::address(), 0, ec);
  EXPECT_EQ(ec, gai(EAI_FAMILY));
  EXPECT_THROW(afplug::getnameinfo(afplug::address()), afplug::error);
}

// ---- host:service ----

TEST(split_host_service, splits_host_and_service) {
  const struct {
    const char *text, *host, *service;
  } cases[] = {{"host:80", "host", "80"},
               {"host", "host", ""},
               {"host:", "host", ""},
               {":80", "", "80"},
               {"", "", ""},
               {"[::1]:80", "::1", "80"},
               {"[::1]", "::1", ""},
               {"[fe80::1%eth0]:http", "fe80::1%eth0", "http"},
               {"192.0.2.1:80", "192.0.2.1", "80"}};
  for (const auto& [text, host, service] : cases) {
    const auto split = afplug::split_host_service(text);
    EXPECT_EQ(split.first, host) << text;
    EXPECT_EQ(split.second, service) << text;
  }
}

TEST(split_host_service, refuses_ambiguous_text) {
  for (const char* text : {"::1", "a:b:c", "[::1", "[::1]80", "[::1]x:80"}) {
    error_code ec;
    afplug::split_host_service(text, ec);
    EXPECT_EQ(ec, errc::malformed_address) << text;
  }
}

// ---- gethostby*, getservby*, getprotoby* ----

TEST(gethostbyname, resolves_numeric_addresses_and_pythons_special_names) {
  EXPECT_EQ(afplug::gethostbyname(""), "0.0.0.0");
  EXPECT_EQ(afplug::gethostbyname("<broadcast>"), "255.255.255.255");
  EXPECT_EQ(afplug::gethostbyname("255.255.255.255"), "255.255.255.255");
  EXPECT_EQ(afplug::gethostbyname("127.0.0.1"), "127.0.0.1");
  error_code ec;
  afplug::gethostbyname("::1", ec);
  EXPECT_EQ(ec, gai(EAI_ADDRFAMILY));
  afplug::gethostbyname("a\0b"s, ec);
  EXPECT_EQ(ec, errc::malformed_address);
}

TEST(gethostbyname_ex, numeric_address_is_its_own_name) {
  const auto entry = afplug::gethostbyname_ex("127.0.0.1");
  EXPECT_EQ(entry.name, "127.0.0.1");
  EXPECT_TRUE(entry.aliases.empty());
  EXPECT_EQ(entry.addresses, std::vector<std::string>{"127.0.0.1"});
  error_code ec;
  afplug::gethostbyname_ex("a\0b"s, ec);
  EXPECT_EQ(ec, errc::malformed_address);
}

TEST(gethostbyaddr, matches_the_c_library) {
  in_addr loopback{htonl(INADDR_LOOPBACK)};
  const ::hostent* expected = ::gethostbyaddr(&loopback, sizeof loopback, AF_INET);
  if (!expected) GTEST_SKIP() << "no name for 127.0.0.1";
  const std::string name = expected->h_name;
  const auto entry = afplug::gethostbyaddr("127.0.0.1");
  EXPECT_EQ(entry.name, name);
  EXPECT_EQ(entry.addresses, std::vector<std::string>{"127.0.0.1"});
  const bool dotted = name.find('.') != name.npos ||
                      std::ranges::any_of(entry.aliases, [](const auto& a) { return a.find('.') != a.npos; });
  if (!dotted) {
    EXPECT_EQ(afplug::getfqdn("127.0.0.1"), name);
  }
}

TEST(getfqdn, returns_the_argument_if_the_look_up_fails) {
  EXPECT_EQ(afplug::getfqdn("a\0b"s), "a\0b"s);
  EXPECT_EQ(afplug::getfqdn(long_label), long_label);
}

TEST(gethostname, equals_that_of_the_system) {
  char name[256];
  ASSERT_EQ(::gethostname(name, sizeof name), 0);
  EXPECT_EQ(afplug::gethostname(), name);
}

// In a child process with its own UTS namespace.
TEST(sethostname, sets_the_name_or_fails_with_eperm) {
  error_code ec;
  afplug::sethostname("a\0b"s, ec);
  EXPECT_EQ(ec, errc::malformed_address);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool own = ::unshare(CLONE_NEWUTS) == 0;
    if (!own && ::geteuid() == 0) ::_exit(77);
    error_code result;
    afplug::sethostname("afplug-test", result);
    ::_exit(own ? (!result && afplug::gethostname() == "afplug-test" ? 0 : 1) : (result.value() == EPERM ? 0 : 2));
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "root without CAP_SYS_ADMIN";
  EXPECT_EQ(status, 0);
}

TEST(getservbyname, matches_the_c_library) {
  for (const char* name : {"http", "domain", "ssh"})
    for (const char* protocol : {"", "tcp", "udp"}) {
      const ::servent* expected = ::getservbyname(name, *protocol ? protocol : nullptr);
      error_code ec;
      const int port = afplug::getservbyname(name, protocol, ec);
      EXPECT_EQ(!ec, expected != nullptr) << name << '/' << protocol;
      if (!expected) continue;
      EXPECT_EQ(port, ntohs(static_cast<std::uint16_t>(expected->s_port)));
      EXPECT_EQ(afplug::getservbyport(port, protocol),
                ::getservbyport(expected->s_port, *protocol ? protocol : nullptr)->s_name);
    }
}

TEST(getservbyname, unknown_service_is_named_in_the_error) {
  error_code ec;
  afplug::getservbyname("nope", "", ec);
  EXPECT_EQ(ec, not_found);
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr("nope"));
  EXPECT_THROW(afplug::getservbyname("nope"), afplug::error);
  afplug::getservbyname("http", "nosuchproto", ec);
  EXPECT_EQ(ec, not_found);
  afplug::getservbyname("http\0"s, "", ec);
  EXPECT_EQ(ec, errc::malformed_address);
  for (const int port : {65536, -1}) {
    afplug::getservbyport(port, "", ec);
    EXPECT_EQ(ec, errc::invalid_argument) << port;
  }
  afplug::getservbyport(0, "", ec);
  EXPECT_EQ(ec, not_found);
}

TEST(getprotobyname, matches_the_c_library) {
  const ::protoent* expected = ::getprotobyname("tcp");
  error_code ec;
  const int number = afplug::getprotobyname("tcp", ec);
  ASSERT_EQ(!ec, expected != nullptr);
  if (expected) {
    EXPECT_EQ(number, IPPROTO_TCP);
  }
  afplug::getprotobyname("nope", ec);
  EXPECT_EQ(ec, not_found);
  EXPECT_THROW(afplug::getprotobyname("nope"), afplug::error);
}

// ---- interfaces ----

TEST(interfaces, have_name_and_index) {
  const auto all = afplug::if_nameindex();
  const auto lo = std::ranges::find(all, "lo", &afplug::interface_entry::name);
  ASSERT_NE(lo, all.end());
  EXPECT_EQ(lo->index, ::if_nametoindex("lo"));
  for (const auto& [index, name] : all) {
    EXPECT_EQ(afplug::if_nametoindex(name), index);
    EXPECT_EQ(afplug::if_indextoname(index), name);
  }
}

TEST(interfaces, unknown_interfaces_are_named_in_the_error) {
  error_code ec;
  for (const std::string& name : {"nope"s, ""s, "a_name_of_sixteen"s, "lo\0"s}) {
    EXPECT_EQ(afplug::if_nametoindex(name, ec), 0u);
    EXPECT_EQ(ec, sys(ENODEV)) << name;
    EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr(afplug::plugin::quote(name)));
  }
  for (const unsigned index : {0u, 0x7fffffffu, ~0u}) {
    EXPECT_EQ(afplug::if_indextoname(index, ec), "");
    EXPECT_EQ(ec, sys(ENXIO)) << index;
  }
  EXPECT_THROW(afplug::if_nametoindex("nope"), afplug::error);
  EXPECT_THROW(afplug::if_indextoname(0), afplug::error);
}

// ---- address text ----

std::array<std::byte, 4> octets(unsigned a, unsigned b, unsigned c, unsigned d) {
  return {std::byte(a), std::byte(b), std::byte(c), std::byte(d)};
}

TEST(inet_aton, reads_the_forms_of_the_c_library) {
  const std::pair<const char*, std::array<std::byte, 4>> cases[] = {{"1.2.3.4", octets(1, 2, 3, 4)},
                                                                    {"1.2.3", octets(1, 2, 0, 3)},
                                                                    {"1.2", octets(1, 0, 0, 2)},
                                                                    {"1", octets(0, 0, 0, 1)},
                                                                    {"0x7f.1", octets(127, 0, 0, 1)},
                                                                    {"010.1.1.1", octets(8, 1, 1, 1)},
                                                                    {"1.2.3.4 x", octets(1, 2, 3, 4)},
                                                                    {"1.2.3.4 ", octets(1, 2, 3, 4)},
                                                                    {"255.255.255.255", octets(255, 255, 255, 255)}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(afplug::inet_aton(text), expected) << text;
  for (const std::string& text : {"256.1.1.1"s, ""s, "a"s, "::"s, "1.2.3.4.5"s, "1.2.3.4\0"s}) {
    error_code ec;
    afplug::inet_aton(text, ec);
    EXPECT_EQ(ec, errc::malformed_address) << text;
  }
}

TEST(inet_ntoa, takes_four_bytes) {
  EXPECT_EQ(afplug::inet_ntoa(octets(1, 0, 1, 0)), "1.0.1.0");
  const auto four = octets(1, 2, 3, 4);
  error_code ec;
  afplug::inet_ntoa(std::span(four).first(3), ec);
  EXPECT_EQ(ec, errc::malformed_address);
}

TEST(inet_pton, inverts_inet_ntop) {
  const std::pair<int, const char*> cases[] = {{AF_INET, "0.0.0.0"},  {AF_INET, "255.255.255.255"},
                                               {AF_INET6, "::"},      {AF_INET6, "::ffff:1.2.3.4"},
                                               {AF_INET6, "fe80::1"}, {AF_INET6, "1:2:3:4:5:6:7:8"}};
  for (const auto& [family, text] : cases) {
    const auto packed = afplug::inet_pton(family, text);
    EXPECT_EQ(packed.size(), family == AF_INET ? 4u : 16u);
    EXPECT_EQ(afplug::inet_ntop(family, packed), text);
  }
}

TEST(inet_pton, refuses_invalid_addresses) {
  error_code ec;
  for (const std::string& text : {"1.2.3"s, "::1"s, "010.1.1.1"s, "1.2.3.4 "s, "1.2.3.4\0"s}) {
    EXPECT_TRUE(afplug::inet_pton(AF_INET, text, ec).empty());
    EXPECT_EQ(ec, errc::malformed_address) << text;
  }
  for (const char* text : {"fe80::1%lo", "1.2.3.4", ":", "1::2::3", ""}) {
    EXPECT_TRUE(afplug::inet_pton(AF_INET6, text, ec).empty());
    EXPECT_EQ(ec, errc::malformed_address) << text;
  }
  for (const int family : {99, AF_UNIX, AF_UNSPEC, -1}) {
    afplug::inet_pton(family, "1.2.3.4", ec);
    EXPECT_EQ(ec, sys(EAFNOSUPPORT));
    afplug::inet_ntop(family, octets(1, 2, 3, 4), ec);
    EXPECT_EQ(ec, sys(EAFNOSUPPORT));
  }
  afplug::inet_ntop(AF_INET6, octets(1, 2, 3, 4), ec);
  EXPECT_EQ(ec, errc::malformed_address);
  EXPECT_THROW(afplug::inet_pton(AF_INET, ""), afplug::error);
}

}  // namespace
