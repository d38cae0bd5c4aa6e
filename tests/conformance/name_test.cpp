// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// bind, getsockname, getpeername: PARITY §4.3, §6.
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>

#include "../support/temporary_directory.hpp"
#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE_OF_ALL(naming, 0, identified | nameless);
CONFORMANCE_OF_ALL(any_name, 0, 0);
CONFORMANCE(peer_name, 0, nameless);
CONFORMANCE_OF_ALL(no_name, nameless, 0);
CONFORMANCE_OF_ALL(identity, identified, 0);

TEST_P(naming, of_an_unbound_socket) {
  const auto s = open();
  ASSERT_EQ(ERROR_OF(s.getsockname(_)), sys(error().getsockname_unbound));
  if (error().getsockname_unbound != 0) return;
  EXPECT_EQ(s.getsockname().to_string(), r().unbound);
  EXPECT_EQ(s.getsockname().protocol(), s.what());
}

TEST_P(naming, is_what_was_bound) {
  auto s = open();
  const auto asked = fresh();
  s.bind(asked);
  const auto name = s.getsockname();
  EXPECT_EQ(name.family(), asked.family());
  EXPECT_NE(name.to_string(), r().unbound);
  if (asked.number("port") == 0u) {
    EXPECT_EQ(name.size(), asked.size());
    EXPECT_NE(name.number("port"), 0u);
  } else {
    EXPECT_EQ(name_to_bind(s), asked);
  }
  EXPECT_EQ(address(r().family, name.to_string(), r().type, r().protocol), name) << name;
  EXPECT_EQ(name.protocol().owner(), s.owner());
}

TEST_P(naming, is_bound_by_text) {
  auto s = open();
  s.bind(r().fresh());
  EXPECT_NE(s.getsockname().to_string(), r().unbound);
}

TEST_P(naming, that_is_malformed_is_refused_with_a_reason) {
  auto s = open();
  const std::string nonsense(300, '?');
  EXPECT_EQ(ERROR_OF(s.bind(nonsense, _)).category(), afplug::afplug_category()) << afplug::last_detail();
  EXPECT_NE(std::string(afplug::last_detail()).find(r().family), std::string::npos) << afplug::last_detail();
  EXPECT_THROW(s.bind(nonsense), afplug::error);
  EXPECT_EQ(ERROR_OF(s.getsockname(_)), sys(error().getsockname_unbound));
  if (error().getsockname_unbound == 0) {
    EXPECT_EQ(s.getsockname().to_string(), r().unbound);
  }
}

TEST_P(naming, can_be_given_once) {
  auto s = bound();
  const auto name = s.getsockname();
  EXPECT_EQ(ERROR_OF(s.bind(fresh(), _)), sys(error().bind_twice));
  if (error().bind_twice != 0) {
    EXPECT_EQ(s.getsockname(), name);
  }
}

TEST_P(naming, belongs_to_one_socket) {
  const auto first = bound();
  auto second = open();
  const auto name = name_to_bind(first);
  EXPECT_EQ(ERROR_OF(second.bind(name, _)), sys(error().bind_in_use));
  if (error().bind_in_use == 0) return;
  // The sentence says which address.
  try {
    second.bind(name);
    FAIL();
  } catch (const afplug::error& e) {
    EXPECT_NE(std::string(e.what()).find(name.to_string()), std::string::npos) << e.what();
  }
}

TEST_P(naming, is_free_again_after_close) {
  auto first = bound();
  const auto name = name_to_bind(first);
  first.close();
  auto second = open();
  second.bind(name);
  EXPECT_EQ(name_to_bind(second), name);
}

TEST_P(any_name, of_another_family_is_refused) {
  auto s = open();
  unsigned char bytes[28] = {99};
  EXPECT_EQ(ERROR_OF(s.bind(address(bytes, sizeof bytes), _)), sys(error().bind_foreign));
}

TEST_P(any_name, that_is_too_short_is_refused) {
  auto s = open();
  auto shortened = fresh();
  shortened.resize(sizeof(sa_family_t));
  EXPECT_EQ(ERROR_OF(s.bind(shortened, _)), sys(error().bind_short));
}

TEST_P(any_name, of_no_peer) {
  const auto s = open();
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(error().getpeername_unconnected));
}

TEST_P(peer_name, is_what_the_peer_is_called) {
  const auto l = connected();
  EXPECT_EQ(ERROR_OF(l.a.getpeername(_)), sys(error().getpeername_connected));
  if (error().getpeername_connected != 0) return;
  EXPECT_EQ(l.a.getpeername(), name_as_peer(l.b));
  EXPECT_EQ(l.b.getpeername(), name_as_peer(l.a));
  EXPECT_EQ(l.a.getpeername().protocol(), l.a.what());
  if (!can(unnamed)) {
    EXPECT_NE(l.a.getsockname().to_string(), r().unbound);
  }
}

TEST_P(peer_name, shows_in_the_text_of_the_socket) {
  const auto l = connected();
  const auto peer = error().getpeername_connected != 0 ? l.a.getsockname() : l.a.getpeername();
  EXPECT_NE(l.a.to_string().find(peer.to_string()), std::string::npos) << l.a.to_string();
}

TEST_P(no_name, is_told_and_the_text_of_the_socket_does_without) {
  auto s = open();
  EXPECT_TRUE(error().bind != 0 || error().getsockname != 0);
  EXPECT_EQ(ERROR_OF(s.bind(fresh(), _)), sys(error().bind));
  EXPECT_EQ(ERROR_OF(s.getsockname(_)), sys(error().getsockname));
  if (error().getsockname == 0) {
    EXPECT_EQ(s.getsockname().to_string(), r().unbound);
  } else {
    EXPECT_THROW(s.getsockname(), afplug::error);
  }
  EXPECT_NE(s.to_string().find("fd="), std::string::npos) << s.to_string();
  const std::string nonsense(300, '?');
  EXPECT_EQ(ERROR_OF(s.bind(nonsense, _)).category(), afplug::afplug_category()) << afplug::last_detail();
  EXPECT_NE(std::string(afplug::last_detail()).find(r().family), std::string::npos) << afplug::last_detail();
}

TEST_P(identity, is_there_from_birth_and_whatever_is_bound) {
  auto s = open(), other = open();
  const auto name = s.getsockname();
  EXPECT_NE(name, other.getsockname());
  EXPECT_EQ(address(r().family, name.to_string(), r().type, r().protocol), name) << name;
  EXPECT_EQ(name.protocol(), s.what());
  const auto asked = fresh();
  for (auto* one : {&s, &s, &other}) one->bind(asked);
  s.bind(r().fresh());
  EXPECT_EQ(s.getsockname(), name);
  const std::string nonsense(300, '?');
  EXPECT_EQ(ERROR_OF(s.bind(nonsense, _)).category(), afplug::afplug_category()) << afplug::last_detail();
}

// ---- names in the file system and the abstract ones: unix(7) ----

using afplug::testing_support::temporary_directory;

CONFORMANCE(unix_name, abstract_names, 0);

address from_bytes(std::string_view path) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::memcpy(a.sun_path, path.data(), path.size());
  return address(&a, offsetof(sockaddr_un, sun_path) + path.size());
}

TEST_P(unix_name, can_be_chosen_by_the_kernel) {
  auto s = open();
  auto none = from_bytes("");
  s.bind(none);
  const auto name = s.getsockname();
  EXPECT_EQ(name.size(), sizeof(sa_family_t) + 6) << "a NUL and five hexadecimal digits";
  const std::string text = name.to_string();
  EXPECT_EQ(text.front(), '@');
  EXPECT_EQ(text.find_first_not_of("0123456789abcdef", 1), std::string::npos) << text;
}

TEST_P(unix_name, may_be_abstract_with_nuls_inside_and_has_its_exact_length) {
  const std::string tag = "\0afplug-name-" + std::to_string(::getpid());
  for (const std::string& path :
       {"\0"s + "a-" + std::to_string(::getpid()) + "\0b\0"s, "\0"s + std::to_string(::getpid())}) {
    auto s = open();
    s.bind(from_bytes(path));
    const auto name = s.getsockname();
    ASSERT_EQ(name.size(), sizeof(sa_family_t) + path.size());
    EXPECT_EQ(std::memcmp(reinterpret_cast<const sockaddr_un*>(name.data())->sun_path, path.data(), path.size()), 0);
    EXPECT_EQ(address("unix", name.to_string()), name) << name;
    // One NUL more is another name.
    auto other = open();
    other.bind(from_bytes(path + '\0'));
  }
}

TEST_P(unix_name, may_be_abstract_and_108_bytes_long) {
  std::string path = "\0afplug-"s + std::to_string(::getpid());
  path.resize(sizeof(sockaddr_un::sun_path), 'n');
  auto s = open();
  s.bind(from_bytes(path));
  EXPECT_EQ(s.getsockname().size(), sizeof(sockaddr_un));
  EXPECT_EQ(address("unix", s.getsockname().to_string()), s.getsockname());
  EXPECT_EQ(ERROR_OF(address::parse(s.what(), "@" + std::string(108, 'x'), _)).category(), afplug::afplug_category());
}

TEST_P(unix_name, may_be_a_path) {
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
  if (can(listens)) {
    EXPECT_EQ(ERROR_OF(client.connect(path, _)), sys(ECONNREFUSED)) << "nobody listens there";
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

TEST_P(unix_name, may_be_a_path_of_107_bytes_and_no_longer) {
  const temporary_directory tmp;
  auto path = (tmp / "").string();
  path.resize(107, 'p');
  auto s = open();
  s.bind(path);
  EXPECT_EQ(s.getsockname().to_string(), path);
  EXPECT_EQ(address("unix", path), s.getsockname());
  EXPECT_EQ(ERROR_OF(open().bind(path + "p", _)).category(), afplug::afplug_category()) << afplug::last_detail();
}

TEST_P(unix_name, of_bytes_that_are_no_text_comes_back_the_same) {
  const temporary_directory tmp;
  const std::string path = tmp / "\xff\x01 %@?";
  auto s = open();
  s.bind(from_bytes(path));
  const auto name = s.getsockname();
  EXPECT_EQ(address("unix", name.to_string()), name) << name;
}

}  // namespace
}  // namespace conformance
