// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// bind(2), getsockname(2), getpeername(2).
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>

#include "../support/temporary_directory.hpp"
#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE_ALL(address_binding, !t.addressing.named_at_creation && !t.addressing.no_local_address);
CONFORMANCE_ALL(bind_errors, true);
CONFORMANCE(peer_name, !t.addressing.no_local_address);
CONFORMANCE_ALL(no_local_address, t.addressing.no_local_address);
CONFORMANCE_ALL(named_at_creation, t.addressing.named_at_creation);

TEST_P(address_binding, unbound_socket_has_the_default_address) {
  const auto s = open();
  ASSERT_EQ(ERROR_OF(s.getsockname(_)), sys(errors().addressing.getsockname_unbound));
  if (errors().addressing.getsockname_unbound != 0) return;
  EXPECT_EQ(s.getsockname().to_string(), r().unbound);
  EXPECT_EQ(s.getsockname().protocol(), s.what());
}

TEST_P(address_binding, getsockname_returns_the_bound_address) {
  auto s = open();
  const auto asked = fresh_address();
  s.bind(asked);
  const auto name = s.getsockname();
  EXPECT_EQ(name.family(), asked.family());
  EXPECT_NE(name.to_string(), r().unbound);
  if (asked.number("port") == 0u) {
    EXPECT_EQ(name.size(), asked.size());
    EXPECT_NE(name.number("port"), 0u);
  } else {
    EXPECT_EQ(bindable_address(s), asked);
  }
  EXPECT_EQ(address(r().family, name.to_string(), r().type, r().protocol), name) << name;
  EXPECT_EQ(name.protocol().owner(), s.owner());
}

TEST_P(address_binding, bind_takes_text) {
  auto s = open();
  s.bind(r().fresh_address());
  EXPECT_NE(s.getsockname().to_string(), r().unbound);
}

TEST_P(address_binding, malformed_text_is_refused_with_a_reason) {
  auto s = open();
  const std::string nonsense(300, '?');
  EXPECT_EQ(ERROR_OF(s.bind(nonsense, _)).category(), afplug::afplug_category()) << afplug::last_detail();
  EXPECT_NE(std::string(afplug::last_detail()).find(r().family), std::string::npos) << afplug::last_detail();
  EXPECT_THROW(s.bind(nonsense), afplug::error);
  EXPECT_EQ(ERROR_OF(s.getsockname(_)), sys(errors().addressing.getsockname_unbound));
  if (errors().addressing.getsockname_unbound == 0) {
    EXPECT_EQ(s.getsockname().to_string(), r().unbound);
  }
}

TEST_P(address_binding, bind_twice) {
  auto s = bound();
  const auto name = s.getsockname();
  EXPECT_EQ(ERROR_OF(s.bind(fresh_address(), _)), sys(errors().addressing.bind_twice));
  if (errors().addressing.bind_twice != 0) {
    EXPECT_EQ(s.getsockname(), name);
  }
}

TEST_P(address_binding, bind_to_an_address_in_use) {
  const auto first = bound();
  auto second = open();
  const auto name = bindable_address(first);
  EXPECT_EQ(ERROR_OF(second.bind(name, _)), sys(errors().addressing.bind_in_use));
  if (errors().addressing.bind_in_use == 0) return;
  // The error text names the address.
  try {
    second.bind(name);
    FAIL();
  } catch (const afplug::error& e) {
    EXPECT_NE(std::string(e.what()).find(name.to_string()), std::string::npos) << e.what();
  }
}

TEST_P(address_binding, address_is_free_after_close) {
  auto first = bound();
  const auto name = bindable_address(first);
  first.close();
  auto second = open();
  second.bind(name);
  EXPECT_EQ(bindable_address(second), name);
}

TEST_P(bind_errors, address_of_another_family) {
  auto s = open();
  unsigned char bytes[28] = {99};
  EXPECT_EQ(ERROR_OF(s.bind(address(bytes, sizeof bytes), _)), sys(errors().addressing.bind_other_family));
}

TEST_P(bind_errors, address_too_short) {
  auto s = open();
  auto shortened = fresh_address();
  shortened.resize(sizeof(sa_family_t));
  EXPECT_EQ(ERROR_OF(s.bind(shortened, _)), sys(errors().addressing.bind_short_address));
}

TEST_P(bind_errors, getpeername_unconnected) {
  const auto s = open();
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(errors().addressing.getpeername_unconnected));
}

TEST_P(peer_name, is_the_peers_address) {
  const auto l = connected();
  EXPECT_EQ(ERROR_OF(l.a.getpeername(_)), sys(errors().addressing.getpeername_connected));
  if (errors().addressing.getpeername_connected != 0) return;
  EXPECT_EQ(l.a.getpeername(), peer_address(l.b));
  EXPECT_EQ(l.b.getpeername(), peer_address(l.a));
  EXPECT_EQ(l.a.getpeername().protocol(), l.a.what());
  if (!traits().addressing.clients_unbound) {
    EXPECT_NE(l.a.getsockname().to_string(), r().unbound);
  }
}

TEST_P(peer_name, is_in_the_text_of_the_socket) {
  const auto l = connected();
  const auto peer = errors().addressing.getpeername_connected != 0 ? l.a.getsockname() : l.a.getpeername();
  EXPECT_NE(l.a.to_string().find(peer.to_string()), std::string::npos) << l.a.to_string();
}

TEST_P(no_local_address, errno_is_reported_and_the_socket_has_a_text) {
  auto s = open();
  // The system itself binds no such socket, or does not report what it is bound to.
  {
    const auto bare = open();
    const auto asked = fresh_address();
    if (::bind(bare.fileno(), static_cast<const sockaddr*>(asked.data()), static_cast<socklen_t>(asked.size())) == 0) {
      sockaddr_storage got{};
      socklen_t size = sizeof got;
      EXPECT_EQ(::getsockname(bare.fileno(), reinterpret_cast<sockaddr*>(&got), &size), -1);
      EXPECT_EQ(errno, errors().addressing.getsockname);
    } else {
      EXPECT_EQ(errno, errors().addressing.bind);
    }
  }
  EXPECT_EQ(ERROR_OF(s.bind(fresh_address(), _)), sys(errors().addressing.bind));
  EXPECT_EQ(ERROR_OF(s.getsockname(_)), sys(errors().addressing.getsockname));
  if (errors().addressing.getsockname == 0) {
    EXPECT_EQ(s.getsockname().to_string(), r().unbound);
  } else {
    EXPECT_THROW(s.getsockname(), afplug::error);
  }
  EXPECT_NE(s.to_string().find("fd="), std::string::npos) << s.to_string();
  const std::string nonsense(300, '?');
  EXPECT_EQ(ERROR_OF(s.bind(nonsense, _)).category(), afplug::afplug_category()) << afplug::last_detail();
  EXPECT_NE(std::string(afplug::last_detail()).find(r().family), std::string::npos) << afplug::last_detail();
}

TEST_P(named_at_creation, address_does_not_change_with_bind) {
  auto s = open(), other = open();
  const auto name = s.getsockname();
  EXPECT_NE(name, other.getsockname());
  EXPECT_EQ(address(r().family, name.to_string(), r().type, r().protocol), name) << name;
  EXPECT_EQ(name.protocol(), s.what());
  const auto asked = fresh_address();
  for (auto* one : {&s, &s, &other}) one->bind(asked);
  s.bind(r().fresh_address());
  EXPECT_EQ(s.getsockname(), name);
  const std::string nonsense(300, '?');
  EXPECT_EQ(ERROR_OF(s.bind(nonsense, _)).category(), afplug::afplug_category()) << afplug::last_detail();
}

// ---- pathnames and the abstract namespace: unix(7) ----

using afplug::testing_support::temporary_directory;

CONFORMANCE(unix_address, t.addressing.unix_names);

address from_bytes(std::string_view path) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::memcpy(a.sun_path, path.data(), path.size());
  return address(&a, offsetof(sockaddr_un, sun_path) + path.size());
}

TEST_P(unix_address, is_chosen_by_the_kernel_on_request) {
  auto s = open();
  auto none = from_bytes("");
  s.bind(none);
  const auto name = s.getsockname();
  EXPECT_EQ(name.size(), sizeof(sa_family_t) + 6) << "a NUL and five hexadecimal digits";
  const std::string text = name.to_string();
  EXPECT_EQ(text.front(), '@');
  EXPECT_EQ(text.find_first_not_of("0123456789abcdef", 1), std::string::npos) << text;
}

TEST_P(unix_address, abstract_with_nul_bytes_keeps_its_length) {
  for (const std::string& path :
       {"\0"s + "a-" + std::to_string(::getpid()) + "\0b\0"s, "\0"s + std::to_string(::getpid())}) {
    auto s = open();
    s.bind(from_bytes(path));
    const auto name = s.getsockname();
    ASSERT_EQ(name.size(), sizeof(sa_family_t) + path.size());
    EXPECT_EQ(std::memcmp(reinterpret_cast<const sockaddr_un*>(name.data())->sun_path, path.data(), path.size()), 0);
    EXPECT_EQ(address("unix", name.to_string()), name) << name;
    // With one more NUL byte it is another address.
    auto other = open();
    other.bind(from_bytes(path + '\0'));
  }
}

TEST_P(unix_address, abstract_of_108_bytes) {
  std::string path = "\0afplug-"s + std::to_string(::getpid());
  path.resize(sizeof(sockaddr_un::sun_path), 'n');
  auto s = open();
  s.bind(from_bytes(path));
  EXPECT_EQ(s.getsockname().size(), sizeof(sockaddr_un));
  EXPECT_EQ(address("unix", s.getsockname().to_string()), s.getsockname());
  EXPECT_EQ(ERROR_OF(address::parse(s.what(), "@" + std::string(108, 'x'), _)).category(), afplug::afplug_category());
}

TEST_P(unix_address, pathname) {
  const temporary_directory tmp;
  const std::string path = tmp / "sock";
  auto s = open();
  s.bind(path);
  EXPECT_EQ(s.getsockname().to_string(), path);
  struct stat st {};
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_TRUE(S_ISSOCK(st.st_mode));
  EXPECT_EQ(ERROR_OF(open().bind(path, _)), sys(EADDRINUSE));
  auto client = open();
  if (traits().connection.listens) {
    EXPECT_EQ(ERROR_OF(client.connect(path, _)), sys(ECONNREFUSED)) << "no socket listens there";
    s.listen();
  }
  client.connect(path);
  EXPECT_EQ(client.getpeername().to_string(), path);
  EXPECT_EQ(client.getsockname().to_string(), "");
  client.close();
  s.close();
  EXPECT_EQ(ERROR_OF(open().connect(path, _)), sys(ECONNREFUSED)) << "the file stays";
  EXPECT_EQ(ERROR_OF(open().connect((tmp / "none").string(), _)), sys(ENOENT));
  EXPECT_EQ(ERROR_OF(open().bind((tmp / "none/sock").string(), _)), sys(ENOENT));
}

TEST_P(unix_address, pathname_of_at_most_107_bytes) {
  const temporary_directory tmp;
  auto path = (tmp / "").string();
  path.resize(107, 'p');
  auto s = open();
  s.bind(path);
  EXPECT_EQ(s.getsockname().to_string(), path);
  EXPECT_EQ(address("unix", path), s.getsockname());
  EXPECT_EQ(ERROR_OF(open().bind(path + "p", _)).category(), afplug::afplug_category()) << afplug::last_detail();
}

TEST_P(unix_address, pathname_that_is_not_utf8_has_a_text) {
  const temporary_directory tmp;
  const std::string path = tmp / "\xff\x01 %@?";
  auto s = open();
  s.bind(from_bytes(path));
  const auto name = s.getsockname();
  EXPECT_EQ(address("unix", name.to_string()), name) << name;
}

}  // namespace
}  // namespace conformance
