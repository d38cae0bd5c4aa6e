// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses, names, servers, connections and verdicts, while each allocation and system call fails in turn.
#include <gtest/gtest.h>

#include <afplug/connect.hpp>
#include <afplug/registry.hpp>
#include <afplug/resolver.hpp>
#include <afplug/socket.hpp>
#include <afplug/verdict.hpp>

#include "trial.hpp"

namespace afplug {
namespace {

using testing_support::trial;
using testing_support::try_all_faults;
using namespace std::chrono_literals;

/// All families that the build has, with what is made once: the tables of the C library's resolver, of the kernel's
/// configuration and of constants.
std::vector<const family*> families;
void load_families() {
  if (!families.empty()) return;
  for (const auto& one : registry::global().families())
    if (one.state == plugin_info::state_t::found || one.state == plugin_info::state_t::loaded)
      families.push_back(&registry::global().family(one.family));
  ASSERT_GE(families.size(), 8u);
  for (const auto* f : families) {
    static_cast<void>(check(*f, f->rows().front()));
    static_cast<void>(check(*f, f->rows().front(), check_flags::passive));
    static_cast<void>(explain(*f, SOCK_STREAM, 0, EMFILE));
  }
  error_code ec;
  static_cast<void>(getaddrinfo("localhost", "http", {}, ec));
  static_cast<void>(getfqdn("localhost"));
  static_cast<void>(getservbyname("http", "tcp", ec));
  static_cast<void>(getprotobyname("tcp", ec));
}

/// What every family has, for the family of the test's parameter.
class of_family : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    load_families();
    tested = &registry::global().family(GetParam());
  }
  static inline const family* tested;
  static basic_protocol protocol() {
    const auto& row = tested->rows().front();
    return {*tested, row.concrete_type(), row.concrete_protocol()};
  }
};

TEST_P(of_family, a_row_is_opened) {
  EXPECT_EQ(try_all_faults({nullptr,
                            [](trial& t) {
                              t.attempt("open", [] {
                                error_code ec;
                                return socket::open(*tested, protocol().asked_type(), protocol().asked_protocol(), ec);
                              });
                            }}),
            "");
}

TEST_P(of_family, addresses_have_text) {
  EXPECT_EQ(try_all_faults({nullptr,
                            [](trial& t) {
                              t.attempt("parse", [] {
                                error_code ec;
                                return address::parse(protocol(), "a text that is no address: \x1b]0;", ec);
                              });
                              sockaddr_storage raw{};
                              raw.ss_family = static_cast<sa_family_t>(tested->number());
                              for (const std::size_t size : {2u, 6u, 8u, 12u, 16u, 20u, 24u, 28u}) {
                                const address a(&raw, size, protocol());
                                const auto text = t.call("to_string", [&] { return a.to_string(); });
                                t.require(!text.empty() || size == 2, "no text");
                                auto fields = t.call("fields", [&] { return a.fields(); });
                                std::vector<field_value> values;
                                for (auto& one : fields) values.push_back(std::move(one.value));
                                t.attempt("from_fields", [&] {
                                  error_code ec;
                                  return address::from_fields(protocol(), values, ec);
                                });
                              }
                            }}),
            "");
}

TEST_P(of_family, verdicts_are_found) {
  EXPECT_EQ(try_all_faults({nullptr,
                            [](trial& t) {
                              const auto& row = tested->rows().front();
                              t.attempt("check", [&] { return check(*tested, row); });
                              t.attempt("check", [&] { return check(*tested, row, check_flags::passive); });
                              for (const int error : {EMFILE, EAFNOSUPPORT, EPERM, ENOBUFS})
                                t.attempt("explain",
                                          [&] { return explain(*tested, protocol().asked_type(), 0, error); });
                            }}),
            "");
}

TEST_P(of_family, options_have_text) {
  EXPECT_EQ(try_all_faults({nullptr,
                            [](trial& t) {
                              error_code ec;
                              auto s = socket::open(*tested, protocol().asked_type(), protocol().asked_protocol(), ec);
                              if (ec) {  // where the kernel has no such sockets: without one
                                const auto parse = [&](const option_info& o) {
                                  t.attempt(o.name, [&] { return parse_option(o, "no value", tested, ec); });
                                };
                                for (const auto& o : tested->options())
                                  if (o.kind != AFPLUG_KIND_CALL) parse(o);
                                for (const auto& o : socket_options().first(5)) parse(o);
                                return;
                              }
                              int count = 0;
                              for (const auto& o : tested->options())
                                if ((o.flags & AFPLUG_OPTION_READ) != 0 && ++count <= 20)
                                  t.attempt(o.name, [&] { return s.option_text(o.name, ec); });
                              t.attempt("an unknown option", [&] { return s.option_text("SO_RCVBUFF", ec); });
                              t.attempt("a wrong value", [&] { s.option("SO_LINGER", "onoff=maybe"); });
                            }}),
            "");
}

INSTANTIATE_TEST_SUITE_P(faults, of_family,
                         testing::Values("inet", "inet6", "unix", "vsock", "packet", "can", "bluetooth", "hyperv",
                                         "loop", "netlink", "alg", "tipc", "rds", "qipcrtr"),
                         [](const auto& one) { return std::string(one.param); });

TEST(faults, names_are_looked_up) {
  EXPECT_EQ(try_all_faults({load_families,
                            [](trial& t) {
                              t.require(!t.call("getaddrinfo", [] { return getaddrinfo("127.0.0.1", "80"); }).empty(),
                                        "none");
                              // The C library's files may be unreadable with a fault, which is an error of its own.
                              t.attempt("getaddrinfo of a name", [] { return getaddrinfo("localhost", "http"); });
                              t.attempt("gethostbyname_ex", [] { return gethostbyname_ex("localhost"); });
                              t.attempt("getfqdn", [] { return getfqdn("127.0.0.1"); });
                              t.attempt("getservbyname", [] { return getservbyname("http", "tcp"); });
                              t.attempt("getservbyport", [] { return getservbyport(80); });
                              t.attempt("getprotobyname", [] { return getprotobyname("tcp"); });
                              t.attempt("getnameinfo", [] {
                                return getnameinfo(address("inet", "127.0.0.1:80"), NI_NUMERICHOST | NI_NUMERICSERV);
                              });
                              t.require(!t.call("if_nameindex", [] { return if_nameindex(); }).empty(), "no interface");
                              t.require(!t.call("gethostname", [] { return gethostname(); }).empty(), "no name");
                              t.attempt("a refused name", [] { return getaddrinfo(std::string(300, 'x'), "80"); });
                            }}),
            "");
}

TEST(faults, a_name_is_looked_up_within_a_time) {
  EXPECT_EQ(try_all_faults({.prepare = load_families,
                            .run =
                                [](trial& t) {
                                  const auto found = t.call("getaddrinfo", [] {
                                    return getaddrinfo("127.0.0.1", "80", {AF_INET, SOCK_STREAM, 0, 0, 10s});
                                  });
                                  t.require(found.size() == 1, "no address");
                                },
                            .threads = true}),
            "");
}

TEST(faults, a_server_accepts_a_connection) {
  EXPECT_EQ(try_all_faults({load_families,
                            [](trial& t) {
                              auto server =
                                  t.call("create_server", [] { return create_server(address("inet", "127.0.0.1:0")); });
                              const auto at = getnameinfo(server.getsockname(), NI_NUMERICHOST | NI_NUMERICSERV);
                              // An attempt that fails leaves connections in the server's queue, so it is not repeated.
                              t.attempt("create_connection", [&] { return create_connection(at.first, at.second); });
                              socket client;
                              client = t.call("socket", [] { return socket("inet", SOCK_STREAM); });
                              t.call("connect by text", [&] { client.connect(at.first + ":" + at.second); });
                            }}),
            "");
}

}  // namespace
}  // namespace afplug
