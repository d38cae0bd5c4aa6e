// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Text from outside in error texts: every public input for text is given text that would change a log or a terminal.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wctype.h>

#include <afplug/connect.hpp>
#include <afplug/log.hpp>
#include <afplug/option.hpp>
#include <afplug/resolver.hpp>
#include <afplug/socket.hpp>
#include <clocale>
#include <cwchar>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "../support/plugin_files.hpp"

namespace {

using afplug::address;
using afplug::registry;
using afplug::socket;
using afplug::testing_support::copy_plugin;
using afplug::testing_support::search_only;
using afplug::testing_support::temporary_directory;

constexpr std::size_t longest = 1000;  // bytes of an error text

// What is wrong with a text for a log or a terminal, by the C library's own table of characters; empty: nothing.
std::string fault(const std::string& text) {
  static const ::locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const ::locale_t before = ::uselocale(utf8);
  std::string found = text.empty() ? "it is empty" : text.size() > longest ? "it is long" : "";
  std::mbstate_t state{};
  for (std::size_t at = 0; at < text.size() && found.empty();) {
    wchar_t c = 0;
    const auto size = std::mbrtowc(&c, text.data() + at, text.size() - at, &state);
    if (size == 0 || size > text.size())
      found = "it is not UTF-8, or has a NUL, at " + std::to_string(at);
    else if (!::iswprint(static_cast<wint_t>(c)) || (c >= 0x202a && c <= 0x202e))
      found = "it has a control character at " + std::to_string(at);
    else
      at += size;
  }
  ::uselocale(before);
  return found;
}

const std::string hostile[] = {
    std::string("a\0b", 3),
    "a\nafplug: error: forged",
    "a\r\nb",
    "\x1b]0;title\x07",
    "\x1b[31mred",
    "\x9b"
    "31m",
    "\xc2\x9b"
    "31m",
    "\xff\xfe",
    "\xed\xa0\x80",
    "\u202ereversed",
    "\u2028next line",
    "%00%1b%",
    "?" + std::string("\x1b=\n"),
    "\"quoted\" \\",
    std::string(std::size_t{1} << 20, 'a'),
    std::string(std::size_t{1} << 20, '\x1b'),
    std::string(std::size_t{1} << 20, '7'),
    "1." + std::string(std::size_t{1} << 20, '\n'),
};

using input = std::function<void(const std::string&)>;

// Gives all hostile texts to the input. At least one is refused.
void expect_printable_errors(const std::string& name, const input& call) {
  int refused = 0;
  for (const auto& text : hostile) {
    try {
      call(text);
      continue;
    } catch (const afplug::error& e) {
      ++refused;
      EXPECT_EQ(fault(e.what()), "") << name << ": " << testing::PrintToString(std::string(e.what()).substr(0, 300));
    }
    if (const std::string detail(afplug::last_detail()); !detail.empty()) {
      EXPECT_EQ(fault(detail), "") << name << ": " << testing::PrintToString(detail.substr(0, 300));
    }
  }
  EXPECT_GT(refused, 0) << name;
}

TEST(error_text, of_addresses_is_printable_and_short) {
  for (const char* id : {"inet", "inet6", "unix", "vsock", "can", "packet", "bluetooth", "hyperv", "netlink", "tipc",
                         "rds", "qipcrtr", "alg", "loop"})
    for (const std::string before : {"", "x?", "1.2.3.4:", "[::1]:", "[::1%", "1:", "@", "hash/", "name/1/", "1?tail="})
      expect_printable_errors(id + (" address " + before), [&](const std::string& text) {
        const address a(id, before + text);
        if (before.empty()) throw afplug::error(afplug::errc::malformed_address, a.to_string());
      });
  expect_printable_errors("field", [](const std::string& text) {
    const afplug::basic_protocol p(registry::global().family("inet"), SOCK_STREAM, 0);
    const afplug::field_value fields[] = {text, std::uint64_t{1}};
    address::from_fields(p, fields);
  });
}

// What a call site forgets to quote.
TEST(error_text, of_error_itself_is_printable) {
  for (const auto& text : hostile) {
    const auto shown = text.substr(0, 200);
    EXPECT_EQ(fault(afplug::error(afplug::errc::invalid_argument, shown).what()), "");
    EXPECT_LT(std::string(afplug::error(afplug::errc::invalid_argument, text).what()).size(), 10000u);
    afplug::error_code ec;
    afplug::detail::fail(ec, afplug::errc::invalid_argument, shown);
    EXPECT_EQ(fault(std::string(afplug::last_detail())), "");
  }
}

TEST(error_text, of_registry_calls_is_printable_and_short) {
  auto& r = registry::global();
  expect_printable_errors("family", [&](const std::string& text) { r.family(text); });
  expect_printable_errors("provider", [&](const std::string& text) {
    afplug::error_code ec;
    r.family("inet", text, ec);
    if (ec) afplug::detail::raise(ec, "family");
  });
  expect_printable_errors("unload", [&](const std::string& text) { r.unload(text); });
  expect_printable_errors("socket", [](const std::string& text) { socket(text, SOCK_STREAM); });
  expect_printable_errors("address", [](const std::string& text) { address(text, "x"); });
  expect_printable_errors("directory", [&](const std::string& text) { r.add_directory(text); });
  expect_printable_errors("options", [](const std::string& text) {
    afplug::registry_options options;
    options.providers = {{text, text}};
    registry other(options);
  });
}

TEST(error_text, of_an_unknown_family_suggests_one_and_lists_all) {
  auto& r = registry::global();
  const std::pair<const char*, const char*> meant[] = {{"AF_INET", "inet"},
                                                       {"PF_INET6", "inet6"},
                                                       {"AF_UNIX", "unix"},
                                                       {"AF_LOCAL", "unix"},
                                                       {"AF_BLUETOOTH", "bluetooth"},
                                                       {"INET", "inet"},
                                                       {"Can", "can"},
                                                       {"ipv4", "inet"},
                                                       {"IPv6", "inet6"},
                                                       {"local", "unix"},
                                                       {"inet4", "inet"},
                                                       {"vsok", "vsock"},
                                                       {"bluetoth", "bluetooth"}};
  afplug::error_code ec;
  for (const auto& [wrong, right] : meant) {
    EXPECT_EQ(r.family(wrong, ec), nullptr);
    EXPECT_EQ(ec, afplug::errc::unknown_family);
    EXPECT_THAT(std::string(afplug::last_detail()),
                testing::AllOf(testing::HasSubstr(std::string("did you mean ") + right + "?"),
                               testing::HasSubstr("available are "), testing::HasSubstr("packet, ")));
  }
  for (const char* other : {"x", "", "quantum", "AF_"}) {
    EXPECT_EQ(r.family(other, ec), nullptr);
    EXPECT_THAT(std::string(afplug::last_detail()), testing::Not(testing::HasSubstr("did you mean"))) << other;
  }
  const temporary_directory empty;
  registry none(search_only({empty.path()}));
  EXPECT_EQ(none.family("ipv4", ec), nullptr);
  EXPECT_THAT(std::string(afplug::last_detail()), testing::HasSubstr("; available are none, from "));
}

TEST(error_text, of_an_unknown_option_takes_linear_time) {
  const socket s("inet", SOCK_STREAM);
  const std::string name(std::size_t{1} << 24, 'S');
  afplug::error_code ec;
  const auto start = std::chrono::steady_clock::now();
  static_cast<void>(s.option_number(name, ec));
  EXPECT_EQ(ec, afplug::errc::unknown_option);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  static_cast<void>(s.option_number("so_rcvbuff", ec));
  EXPECT_THAT(std::string(afplug::last_detail()), testing::HasSubstr("did you mean SO_RCVBUF?"));
}

#define EXPECT_REFUSED(call, text)                                \
  try {                                                           \
    static_cast<void>(call);                                      \
    ADD_FAILURE() << #call << " was accepted";                    \
  } catch (const afplug::error& e) {                              \
    EXPECT_THAT(std::string(e.what()), testing::HasSubstr(text)); \
  }

TEST(error_text, of_an_unknown_protocol_lists_those_of_the_type) {
  EXPECT_REFUSED(socket("inet", SOCK_STREAM, IPPROTO_UDP), "for SOCK_STREAM it has IPPROTO_TCP, ");
  EXPECT_REFUSED(socket("inet", SOCK_STREAM, IPPROTO_UDP), "; IPPROTO_UDP belongs to SOCK_DGRAM");
  EXPECT_REFUSED(socket("unix", SOCK_RDM), "it has SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET");
  EXPECT_REFUSED(socket("loop", SOCK_RAW), "it has SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET");
  afplug::error_code ec;
  socket::open(registry::global().family("inet"), SOCK_STREAM, IPPROTO_UDP, ec);
  EXPECT_EQ(ec.value(), EPROTONOSUPPORT);
  EXPECT_THAT(std::string(afplug::last_detail()), testing::AllOf(testing::HasSubstr("it has IPPROTO_TCP, "),
                                                                 testing::Not(testing::HasSubstr(", IPPROTO_UDP"))));
}

TEST(error_text, of_an_address_of_another_family_names_both) {
  const address inet("inet", "127.0.0.1:9"), file("unix", "/tmp/afplug_error_text");
  for (const char* id : {"inet", "inet6", "loop"}) {
    socket s(id, SOCK_DGRAM);
    const auto both = std::string("the address is of family unix, the socket of family ") + id;
    EXPECT_REFUSED(s.bind(file), both);
    EXPECT_REFUSED(s.connect(file), both);
    EXPECT_REFUSED(s.sendto(std::string_view("x"), file), both);
  }
  for (const auto type : {SOCK_STREAM, SOCK_DGRAM}) {
    socket s("unix", type);
    EXPECT_REFUSED(s.bind(inet), "the address is of family inet, the socket of family unix");
    EXPECT_REFUSED(s.connect(inet), "the address is of family inet, the socket of family unix");
  }
  socket s("inet", SOCK_DGRAM), six("inet6", SOCK_DGRAM);
  EXPECT_REFUSED(s.connect(address()), "the address is empty");
  // What the kernel accepts of other families stays: AF_UNSPEC ends an association, and an IPv6 socket may use IPv4.
  s.connect(inet);
  EXPECT_EQ(s.getpeername(), inet);
  const ::sockaddr unspecified{};
  s.connect(address(&unspecified, sizeof unspecified));
  afplug::error_code ec;
  s.getpeername(ec);
  EXPECT_EQ(ec.value(), ENOTCONN);
  six.connect(address("inet6", "[::ffff:127.0.0.1]:9"));
}

TEST(error_text, of_accept_explains_sockets_that_do_not_listen) {
  for (const char* id : {"inet", "unix", "loop"}) {
    socket s(id, SOCK_STREAM);
    EXPECT_REFUSED(s.accept(), "does not listen; call listen() first");
    s.timeout(std::chrono::milliseconds(100));
    EXPECT_REFUSED(s.accept(), "does not listen; call listen() first");
  }
  socket s("inet", SOCK_DGRAM);
  EXPECT_REFUSED(s.accept(), "do not accept connections");
}

TEST(error_text, of_a_file_without_a_server_says_so) {
  const temporary_directory directory;
  const auto path = (directory.path() / "s").string();
  const address at("unix", path);
  { socket("unix", SOCK_STREAM).bind(at); }
  socket client("unix", SOCK_STREAM);
  EXPECT_REFUSED(client.connect(at), "the file exists, but no socket listens on it");
  EXPECT_REFUSED(client.bind(at), "the file exists; remove it");
  EXPECT_REFUSED(client.connect(path + "x"), "No such file or directory");
  // An abstract name has no file.
  socket named("unix", SOCK_STREAM);
  named.bind("");
  socket other("unix", SOCK_STREAM);
  try {
    other.connect(named.getsockname());
    ADD_FAILURE();
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.code().value(), ECONNREFUSED);
    EXPECT_THAT(std::string(e.what()), testing::Not(testing::HasSubstr("file")));
  }
}

TEST(error_text, of_an_option_has_its_name_and_value) {
  socket s("inet", SOCK_STREAM);
  const int low = 300;
  EXPECT_REFUSED(s.setsockopt(IPPROTO_IP, IP_TTL, {&low, sizeof low}), "inet option IP_TTL=300: Invalid argument");
  EXPECT_REFUSED(s.setsockopt(IPPROTO_IP, IP_TTL, {&low, 0}), "inet option IP_TTL (0 bytes): Invalid argument");
  EXPECT_REFUSED(s.setsockopt(77, 99, {&low, sizeof low}), "inet option 99 of level 77 (4 bytes): ");
  EXPECT_REFUSED(s.option("TCP_CONGESTION", std::string_view("nosuch")),
                 "inet option TCP_CONGESTION=nosuch: No such file or directory");
  int read = 0;
  EXPECT_REFUSED(s.getsockopt(77, 99, {&read, sizeof read}), "inet option 99 of level 77: ");
  socket loop("loop", SOCK_STREAM);
  EXPECT_REFUSED(loop.setsockopt(SOL_SOCKET, SO_MARK, {&low, sizeof low}), "loop option SO_MARK=");
}

TEST(error_text, of_length_options_refuses_negative_numbers) {
  const temporary_directory directory;
  copy_plugin("length_option", directory.path());
  registry r(search_only({directory.path()}));
  auto s = r.socket("good", SOCK_STREAM);
  EXPECT_REFUSED(s.option("TEST_OPTION", std::int64_t{-5}), "TEST_OPTION: \"-5\" is not a length in bytes");
  EXPECT_REFUSED(s.option("TEST_OPTION", std::string_view("-5")), "TEST_OPTION: \"-5\" is not a length in bytes");
  EXPECT_REFUSED(s.option("TEST_OPTION", std::int64_t{9}), "9 is outside 0 to 8");
  // SO_REUSEADDR: the kernel refuses a length below that of an int.
  EXPECT_REFUSED(s.option("TEST_OPTION", std::int64_t{2}), "good option TEST_OPTION (2 bytes): Invalid argument");
}

TEST(error_text, of_text_options_refuses_nul) {
  socket s("inet", SOCK_STREAM);
  for (const auto text : {std::string_view("lo%00x"), std::string_view("lo\0x", 4), std::string_view("%00")})
    for (const char* name : {"TCP_CONGESTION", "SO_BINDTODEVICE"}) EXPECT_REFUSED(s.option(name, text), "has a NUL");
}

TEST(error_text, of_bind_to_a_host_name_names_the_resolver) {
  socket s("inet", SOCK_STREAM), six("inet6", SOCK_STREAM), local("unix", SOCK_STREAM);
  EXPECT_REFUSED(s.bind("localhost:80"), "bind() looks up no host names");
  EXPECT_REFUSED(s.bind("www.example.org:80"), "getaddrinfo()");
  EXPECT_REFUSED(six.bind("localhost:80"), "bind() looks up no host names");
  for (const auto& [socket, text] : {std::pair(&s, "127.0.0.1:65536"), std::pair(&six, "[::1]:x"),
                                     std::pair(&six, "::1"), std::pair(&s, ""), std::pair(&local, "/nosuch/path")}) {
    afplug::error_code ec;
    socket->bind(text, ec);
    EXPECT_TRUE(ec);
    EXPECT_THAT(std::string(afplug::last_detail()), testing::Not(testing::HasSubstr("host name"))) << text;
  }
}

// to_string() of an interface's index makes a system call that fails if there is none: the error stays that of bind(2).
TEST(error_text, of_bind_has_the_error_of_the_system_call) {
  address at("inet6", "[fe80::1]:0");
  auto* raw = reinterpret_cast<::sockaddr_in6*>(at.data());
  raw->sin6_scope_id = 0x7ffffffe;
  const int fd = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ASSERT_NE(::bind(fd, at.data(), static_cast<::socklen_t>(at.size())), 0);
  const int expected = errno;
  ::close(fd);
  afplug::error_code ec;
  socket("inet6", SOCK_DGRAM).bind(at, ec);
  EXPECT_EQ(ec.value(), expected);
  EXPECT_NE(expected, ENXIO);
}

TEST(error_text, of_a_connection_names_what_failed) {
  // A listener whose queue is full does not answer.
  socket listener("inet", SOCK_STREAM);
  listener.bind("127.0.0.1:0");
  listener.listen(0);
  const auto at = listener.getsockname();
  const auto port = std::to_string(*at.number("port"));
  std::vector<socket> waiting;
  afplug::error_code ec;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back("inet", afplug::socket_type(SOCK_STREAM | SOCK_NONBLOCK));
    waiting.back().connect(at, ec);
  }
  socket s("inet", SOCK_STREAM);
  s.timeout(std::chrono::milliseconds(40));
  EXPECT_REFUSED(s.connect(at), "inet connect 127.0.0.1:" + port + ": no connection within 40 ms");
  afplug::connection_options options;
  options.timeout = std::chrono::milliseconds(1500) / 50;
  EXPECT_REFUSED(afplug::create_connection("127.0.0.1", port, options),
                 "cannot connect: 127.0.0.1:" + port + ": no connection within 30 ms");
  options.source = address("inet", "192.0.2.1:0");  // TEST-NET-1 of RFC 5737, which no host has
  EXPECT_REFUSED(afplug::create_connection("127.0.0.1", port, options),
                 "cannot bind to the source address 192.0.2.1:0: Cannot assign requested address");
}

TEST(error_text, of_descriptors_without_data_or_too_many) {
  auto [a, b] = socket::pair();
  const std::vector<int> many(254, STDIN_FILENO), most(253, STDIN_FILENO);
  const afplug::const_bytes empty, none("x", 0), byte("x", 1);
  EXPECT_REFUSED(a.send_fds({}, std::span(most).first(1)), "send at least one byte");
  EXPECT_REFUSED(a.send_fds({&empty, 1}, std::span(most).first(1)), "send at least one byte");
  EXPECT_REFUSED(a.send_fds({&none, 1}, std::span(most).first(1)), "send at least one byte");
  EXPECT_REFUSED(a.send_fds({&byte, 1}, many), "254 descriptors given, a message has at most 253");
  afplug::error_code ec;
  a.send_fds({}, std::span(most).first(1), 0, nullptr, ec);
  EXPECT_EQ(ec, afplug::error_code(EINVAL, boost::system::system_category()));
  EXPECT_EQ(a.send_fds({&byte, 1}, most), 1u);
  char received = 0;
  const auto got = b.recv_fds({&received, 1}, most.size());
  EXPECT_EQ(got.descriptors.size(), most.size());
  for (const int fd : got.descriptors) ::close(fd);
  // A datagram may be empty.
  auto [c, d] = socket::pair("unix", SOCK_DGRAM);
  c.send_fds({}, std::span(most).first(1));
  for (const int fd : d.recv_fds({&received, 1}, 1).descriptors) ::close(fd);
}

TEST(error_text, of_sendfile_from_a_pipe_comes_at_the_deadline) {
  auto [a, b] = socket::pair();
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  ASSERT_EQ(::write(pipe[1], "abc", 3), 3);
  a.timeout(std::chrono::milliseconds(60));
  const auto start = std::chrono::steady_clock::now();
  afplug::error_code ec;
  EXPECT_EQ(a.sendfile(pipe[0], 0, 10, ec), 3u);
  EXPECT_EQ(ec, afplug::errc::timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  auto [user, user_peer] = socket::pair("loop");
  user.timeout(std::chrono::milliseconds(60));
  for (auto* s : {&a, &user})
    for (const int unreadable : {pipe[1], -1}) {
      EXPECT_EQ(s->sendfile(unreadable, 0, 10, ec), 0u);
      EXPECT_EQ(ec.value(), EBADF) << unreadable << ": " << ec.message();
    }
  ::close(pipe[1]);
  EXPECT_EQ(a.sendfile(pipe[0], 0, 10, ec), 0u);
  EXPECT_FALSE(ec) << ec.message();
  ::close(pipe[0]);
}

TEST(error_text, of_options_is_printable_and_short) {
  socket s("inet", SOCK_STREAM);
  expect_printable_errors("name of set", [&](const std::string& text) { s.option(text, std::int64_t{1}); });
  expect_printable_errors("name of text", [&](const std::string& text) { static_cast<void>(s.option_text(text)); });
  expect_printable_errors("name of number", [&](const std::string& text) { static_cast<void>(s.option_number(text)); });
  expect_printable_errors("name of bytes", [&](const std::string& text) { static_cast<void>(s.option_bytes(text)); });
  expect_printable_errors("congestion",
                          [&](const std::string& text) { s.option("TCP_CONGESTION", std::string_view(text)); });
  expect_printable_errors("device",
                          [&](const std::string& text) { s.option("SO_BINDTODEVICE", std::string_view(text)); });
  for (const char* id :
       {"inet", "inet6", "unix", "vsock", "can", "packet", "bluetooth", "netlink", "tipc", "rds", "alg"}) {
    const auto& f = registry::global().family(id);
    for (const auto& o : f.options())
      if (o.kind != AFPLUG_KIND_CALL)
        expect_printable_errors(std::string(id) + " " + o.name,
                                [&](const std::string& text) { afplug::parse_option(o, text, &f); });
  }
}

TEST(error_text, of_name_lookups_is_printable_and_short) {
  expect_printable_errors("host", [](const std::string& text) {
    afplug::getaddrinfo(text, "1", {AF_INET, SOCK_STREAM, 0, AI_NUMERICHOST, {}});
  });
  expect_printable_errors("service", [](const std::string& text) { afplug::getaddrinfo("127.0.0.1", text, {}); });
  expect_printable_errors("split", [](const std::string& text) { afplug::split_host_service("::" + text); });
  expect_printable_errors("brackets", [](const std::string& text) { afplug::split_host_service("[" + text); });
  expect_printable_errors("getservbyname", [](const std::string& text) { afplug::getservbyname(text); });
  expect_printable_errors("protocol of a service", [](const std::string& text) { afplug::getservbyname("x", text); });
  expect_printable_errors("protocol of a port", [](const std::string& text) { afplug::getservbyport(1, text); });
  expect_printable_errors("getprotobyname", [](const std::string& text) { afplug::getprotobyname(text); });
  expect_printable_errors("if_nametoindex", [](const std::string& text) { afplug::if_nametoindex(text); });
  expect_printable_errors("inet_aton", [](const std::string& text) { afplug::inet_aton(text); });
  expect_printable_errors("inet_pton", [](const std::string& text) { afplug::inet_pton(AF_INET6, text); });
  expect_printable_errors("gethostbyname_ex",
                          [](const std::string& text) { afplug::gethostbyname_ex(text + ".invalid"); });
  expect_printable_errors("gethostbyaddr", [](const std::string& text) { afplug::gethostbyaddr(text + ".invalid"); });
}

TEST(error_text, of_connections_is_printable_and_short) {
  socket s("inet", SOCK_DGRAM);
  expect_printable_errors("connect", [&](const std::string& text) { s.connect(text + ":"); });
  expect_printable_errors("bind", [&](const std::string& text) { s.bind(text); });
  expect_printable_errors("create_connection",
                          [](const std::string& text) { afplug::create_connection("127.0.0.1", text); });
}

std::multimap<std::string, std::string>& logged() {
  static std::multimap<std::string, std::string> lines;
  return lines;
}

TEST(error_text, of_log_lines_is_printable_and_short) {
  const auto before = afplug::set_log_sink(
      [](afplug::log_level, std::string_view source, std::string_view text) { logged().emplace(source, text); });
  for (const auto& text : hostile) afplug::log(afplug::log_level::error, text, text.substr(0, 800));
  afplug::log(afplug::log_level::error, "x", hostile[14]);
  afplug::set_log_sink(before);
  ASSERT_EQ(logged().size(), std::size(hostile) + 1);
  for (const auto& [source, text] : logged()) {
    EXPECT_EQ(fault(source), "");
    EXPECT_THAT(fault(text), testing::AnyOf("", "it is long"));
    EXPECT_LT(text.size(), 4000u);
  }
}

// What plugins return, what they throw, and what dlopen(3) reports of them.
TEST(error_text, of_plugins_is_printable_and_short) {
  const temporary_directory directory;
  for (const char* plugin : {"hostile_entry", "hostile_symbol", "hostile_codec"}) {
    const auto file = copy_plugin(plugin, directory.path());
    registry r(search_only({directory.path()}));
    try {
      const auto& f = r.family("good");
      address::from_fields({f, SOCK_STREAM, 0}, std::vector<afplug::field_value>{std::string("x")});
      ADD_FAILURE() << plugin;
    } catch (const afplug::error& e) {
      EXPECT_EQ(fault(e.what()), "") << plugin << testing::PrintToString(std::string(e.what()));
      EXPECT_THAT(e.what(), testing::HasSubstr("\\x1b")) << plugin;
    }
    std::filesystem::remove(file);
  }
}

}  // namespace
