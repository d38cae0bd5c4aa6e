// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// socket(2), socketpair(2), dup(2), close(2), and adopting and detaching descriptors.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE_ALL(creation, true);
CONFORMANCE_ALL(kernel_creation, !t.environment.user_space);

// Whether the descriptor stays open across execve(2).
bool survives_exec(int fd) {
  std::string path = "/proc/self/fd/" + std::to_string(fd);
  char program[] = "/usr/bin/test", option[] = "-e";
  char* arguments[] = {program, option, path.data(), nullptr};
  char* environment[] = {nullptr};
  pid_t child = 0;
  if (::posix_spawn(&child, program, nullptr, nullptr, arguments, environment) != 0)
    throw std::runtime_error("cannot run /usr/bin/test");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) throw std::runtime_error("test failed");
  return WEXITSTATUS(status) == 0;
}

ino_t inode(int fd) {
  struct stat s {};
  EXPECT_EQ(::fstat(fd, &s), 0);
  return s.st_ino;
}

TEST_P(creation, sets_close_on_exec) {
  const auto s = open();
  EXPECT_TRUE(close_on_exec(s.fileno()));
  EXPECT_FALSE(s.inheritable());
  EXPECT_FALSE(survives_exec(s.fileno()));
  const auto l = connected();
  EXPECT_TRUE(close_on_exec(l.a.fileno()));
  EXPECT_TRUE(close_on_exec(l.b.fileno()));
}

TEST_P(creation, can_be_made_inheritable) {
  auto s = open();
  s.inheritable(true);
  EXPECT_TRUE(s.inheritable());
  EXPECT_FALSE(close_on_exec(s.fileno()));
  EXPECT_TRUE(survives_exec(s.fileno()));
  s.inheritable(false);
  EXPECT_FALSE(s.inheritable());
  EXPECT_FALSE(survives_exec(s.fileno()));
}

TEST_P(creation, reports_family_type_and_protocol) {
  const auto s = open();
  ASSERT_NE(s.owner(), nullptr);
  EXPECT_EQ(s.owner()->id(), r().family);
  EXPECT_EQ(s.family(), s.owner()->number());
  EXPECT_EQ(s.type(), r().type);
  if (r().protocol != 0) {
    EXPECT_EQ(s.protocol(), r().protocol);
  }
  EXPECT_EQ(s.in_user_space(), !in_kernel());
  EXPECT_EQ(s.what(), afplug::basic_protocol(*s.owner(), r().type, r().protocol));
  EXPECT_TRUE(s.is_open());
  EXPECT_TRUE(static_cast<bool>(s));
  EXPECT_GE(s.fileno(), 0);
  EXPECT_EQ(s.fileno(), s.native_handle());
  EXPECT_EQ(s.timeout(), std::nullopt);
  EXPECT_TRUE(s.blocking());
  const std::string text = s.to_string();
  EXPECT_NE(text.find(r().family), std::string::npos) << text;
  EXPECT_NE(text.find("fd=" + std::to_string(s.fileno())), std::string::npos) << text;
  if (in_kernel()) {
    int type = 0;
    s.getsockopt(SOL_SOCKET, SO_TYPE, afplug::mutable_bytes(&type, sizeof type));
    EXPECT_EQ(type, s.what().type());
    EXPECT_FALSE(non_blocking(s.fileno()));
  }
}

TEST_P(creation, takes_flags_in_the_type) {
  const auto s = open(SOCK_NONBLOCK | SOCK_CLOEXEC);
  EXPECT_EQ(s.type(), r().type);
  EXPECT_EQ(s.timeout(), 0ns);
  EXPECT_FALSE(s.blocking());
  EXPECT_TRUE(close_on_exec(s.fileno()));
  if (in_kernel()) {
    EXPECT_TRUE(non_blocking(s.fileno()));
  }
}

TEST_P(creation, by_number_and_by_id_is_the_same) {
  const auto by_id = open();
  const afplug::socket by_number(by_id.family(), r().type, r().protocol);
  EXPECT_EQ(by_number.owner(), by_id.owner());
  EXPECT_EQ(by_number.what(), by_id.what());
  const auto by_registry = afplug::registry::global().socket(r().family, r().type, r().protocol);
  EXPECT_EQ(by_registry.owner(), by_id.owner());
}

TEST_P(creation, refuses_an_unknown_type_and_protocol) {
  const auto& family = *open().owner();
  EXPECT_EQ(ERROR_OF(afplug::socket::open(family, afplug::socket_type(9), 0, _)), sys(errors().creation.unknown_type));
  EXPECT_NE(std::string(afplug::last_detail()).find(r().family), std::string::npos) << afplug::last_detail();
  EXPECT_EQ(ERROR_OF(afplug::socket::open(family, r().type, 251, _)), sys(errors().creation.unknown_protocol));
  if (errors().creation.unknown_protocol == 0) return;
  EXPECT_NE(std::string(afplug::last_detail()).find(r().family), std::string::npos) << afplug::last_detail();
  EXPECT_THROW(afplug::socket(r().family, r().type, 251), afplug::error);
}

TEST_P(creation, adopts_a_descriptor_and_detects_its_protocol) {
  auto s = bound();
  error_code unnamed;
  const auto name = s.getsockname(unnamed);
  EXPECT_EQ(unnamed, sys(errors().addressing.getsockname));
  if (!in_kernel()) {
    EXPECT_EQ(ERROR_OF(s.detach(_)), sys(EOPNOTSUPP));
    EXPECT_TRUE(s.is_open());
    return;
  }
  s.timeout(0ns);
  const int fd = s.detach();
  EXPECT_FALSE(s.is_open());
  EXPECT_EQ(s.fileno(), -1);
  // SO_DOMAIN is the family whose socket it is to the kernel.
  const auto adopted = traits().addressing.so_domain_differs
                           ? afplug::socket::adopt(fd, s.family(), r().type, r().protocol)
                           : afplug::socket::adopt(fd);
  EXPECT_EQ(adopted.fileno(), fd);
  EXPECT_EQ(adopted.owner()->number(), afplug::registry::global().family(r().family).number());
  EXPECT_EQ(adopted.type(), r().type);
  if (r().protocol != 0 && !traits().addressing.so_protocol_is_zero) {
    EXPECT_EQ(adopted.protocol(), r().protocol);
  }
  EXPECT_EQ(adopted.timeout(), 0ns);
  EXPECT_EQ(adopted.getsockname(unnamed), name);
  EXPECT_TRUE(close_on_exec(fd));
}

TEST_P(creation, adopts_only_sockets) {
  const auto& family = *open().owner();
  for (const afplug::socket_type type : {afplug::socket_type(-1), r().type}) {
    const int number = type < 0 ? -1 : family.number();
    EXPECT_EQ(ERROR_OF(afplug::socket::adopt(-1, number, type, -1, _)), sys(EBADF));
    EXPECT_EQ(ERROR_OF(afplug::socket::adopt(9999, number, type, -1, _)), sys(EBADF));
    EXPECT_EQ(ERROR_OF(afplug::socket::fromfd(9999, number, type, -1, _)), sys(EBADF));
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    EXPECT_EQ(ERROR_OF(afplug::socket::adopt(null, number, type, -1, _)), sys(ENOTSOCK));
    EXPECT_EQ(ERROR_OF(afplug::socket::fromfd(null, number, type, -1, _)), sys(ENOTSOCK));
    EXPECT_EQ(::close(null), 0) << "a descriptor that is refused stays open";
  }
}

TEST_P(kernel_creation, fromfd_duplicates) {
  auto l = connected();
  auto copy = traits().addressing.so_domain_differs
                  ? afplug::socket::fromfd(l.a.fileno(), l.a.family(), r().type, r().protocol)
                  : afplug::socket::fromfd(l.a.fileno());
  EXPECT_NE(copy.fileno(), l.a.fileno());
  EXPECT_EQ(inode(copy.fileno()), inode(l.a.fileno()));
  EXPECT_EQ(copy.what().type(), l.a.what().type());
  EXPECT_TRUE(close_on_exec(copy.fileno()));
  l.a.close();
  if (traits().delivery.no_data) return;
  copy.send(message());
  EXPECT_EQ(receive(l.b), message());
}

TEST_P(creation, dup_shares_the_socket_and_copies_the_timeout) {
  auto l = connected();
  l.a.timeout(3s);
  auto copy = l.a.dup();
  EXPECT_NE(copy.fileno(), l.a.fileno());
  EXPECT_EQ(copy.timeout(), 3s);
  EXPECT_EQ(copy.what(), l.a.what());
  EXPECT_EQ(copy.type(), l.a.type());
  EXPECT_EQ(copy.protocol(), l.a.protocol());
  EXPECT_EQ(copy.owner(), l.a.owner());
  EXPECT_FALSE(copy.inheritable());
  l.a.inheritable(true);
  EXPECT_FALSE(l.a.dup().inheritable());
  l.a.close();
  if (traits().delivery.no_data) return;
  copy.send(message());
  EXPECT_EQ(receive(l.b), message());
}

TEST_P(creation, detach_gives_the_descriptor_away) {
  auto s = open();
  if (!in_kernel()) {
    EXPECT_EQ(ERROR_OF(s.detach(_)), sys(EOPNOTSUPP));
    EXPECT_TRUE(s.is_open());
    return;
  }
  const int fd = s.fileno();
  EXPECT_EQ(s.detach(), fd);
  EXPECT_EQ(s.fileno(), -1);
  s.close();
  int type = 0;
  socklen_t size = sizeof type;
  EXPECT_EQ(::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size), 0) << "still open";
  EXPECT_EQ(::close(fd), 0);
}

TEST_P(creation, close_is_idempotent_and_final) {
  auto s = open();
  const int fd = s.fileno();
  s.close();
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  EXPECT_EQ(s.fileno(), -1);
  EXPECT_FALSE(s.is_open());
  s.close();
  char byte = 0;
  afplug::control_buffer control;
  const afplug::mutable_bytes into[] = {{&byte, 1}};
  const afplug::const_bytes from[] = {{&byte, 1}};
  address peer;
  const auto to = fresh_address();
  EXPECT_EQ(ERROR_OF(s.recv(afplug::mutable_bytes(&byte, 1), 0, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.recvfrom(afplug::mutable_bytes(&byte, 1), peer, 0, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.recvmsg(into, control, 0, nullptr, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.recvall(afplug::mutable_bytes(&byte, 1), 0, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.recv_fds(afplug::mutable_bytes(&byte, 1), 1, 0, nullptr, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.send("x"sv, 0, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.sendall("x"sv, 0, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.sendto("x"sv, to, 0, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.sendmsg(from, {}, 0, nullptr, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.send_fds(from, {}, 0, nullptr, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.sendfile(0, 0, 1, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.bind(to, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.listen(1, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.accept(_)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.accept(peer, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.connect(to, _)), sys(EBADF));
  EXPECT_EQ(s.connect_ex(to), EBADF);
  EXPECT_EQ(ERROR_OF(s.shutdown(SHUT_WR, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.getsockname(_)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.getpeername(_)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.dup(_)), sys(EBADF));
  EXPECT_EQ(s.detach(), -1);
  EXPECT_EQ(ERROR_OF(s.inheritable(_)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.inheritable(true, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.timeout(1s, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.getsockopt(SOL_SOCKET, SO_TYPE, afplug::mutable_bytes(&byte, 1), _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.setsockopt(SOL_SOCKET, SO_RCVBUF, "1234"sv, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.option("SO_RCVBUF", std::int64_t{4096}, _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.option_number("SO_TYPE", _)), sys(EBADF));
  EXPECT_EQ(ERROR_OF(s.wait(POLLIN, 0ns, _)), sys(EBADF));
  EXPECT_THROW(s.send("x"sv), afplug::error);
  EXPECT_THROW(s.getsockname(), afplug::error);
  EXPECT_NE(s.to_string().find("closed"), std::string::npos) << s.to_string();
}

TEST_P(kernel_creation, close_reports_the_errno_and_closes) {
  auto s = open();
  ASSERT_EQ(::close(s.fileno()), 0);
  EXPECT_EQ(ERROR_OF(s.close(_)), sys(EBADF));
  EXPECT_FALSE(s.is_open());
  EXPECT_EQ(ERROR_OF(s.close(_)), sys(0));
}

TEST_P(creation, is_closed_by_the_destructor) {
  const auto before = open_descriptor_count();
  {
    const auto s = open();
    EXPECT_GT(open_descriptor_count(), before);
  }
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST_P(creation, moves_and_swaps) {
  auto l = connected();
  const int fa = l.a.fileno(), fb = l.b.fileno();
  l.a.timeout(5s);
  afplug::socket moved = std::move(l.a);
  EXPECT_EQ(moved.fileno(), fa);
  EXPECT_EQ(moved.timeout(), 5s);
  EXPECT_EQ(l.a.fileno(), -1);
  moved.swap(l.b);
  EXPECT_EQ(moved.fileno(), fb);
  EXPECT_EQ(l.b.fileno(), fa);
  EXPECT_EQ(l.b.timeout(), 5s);
  moved.swap(moved);
  EXPECT_EQ(moved.fileno(), fb);
  if (!traits().delivery.no_data) {
    moved.send(message());
    EXPECT_EQ(receive(l.b), message());
  }
  l.b = std::move(moved);
  EXPECT_EQ(l.b.fileno(), fb);
  if (in_kernel()) {
    EXPECT_EQ(::fcntl(fa, F_GETFD), -1) << "assignment closes the previous socket";
  }
}

TEST_P(creation, makes_a_pair) {
  const auto& family = *open().owner();
  error_code ec;
  auto [a, b] = afplug::socket::pair(family, r().type, r().protocol, ec);
  ASSERT_EQ(ec, sys(errors().creation.socketpair));
  EXPECT_EQ(a.is_open(), traits().connection.socketpair);
  EXPECT_EQ(b.is_open(), traits().connection.socketpair);
  if (!traits().connection.socketpair) return;
  for (const auto* s : {&a, &b}) {
    EXPECT_TRUE(close_on_exec(s->fileno()));
    EXPECT_EQ(s->what(), open().what());
    EXPECT_EQ(s->timeout(), std::nullopt);
  }
  a.send(message());
  EXPECT_EQ(receive(b), message());
  auto [c, d] = afplug::socket::pair(r().family, afplug::socket_type(r().type | SOCK_NONBLOCK), r().protocol);
  EXPECT_EQ(c.timeout(), 0ns);
  EXPECT_EQ(d.timeout(), 0ns);
  EXPECT_EQ(c.type(), r().type);
}

TEST_P(creation, starts_with_the_default_timeout) {
  afplug::socket::default_timeout(7s);
  const auto s = open();
  const auto given = open(SOCK_NONBLOCK);
  afplug::socket::default_timeout({});
  EXPECT_EQ(s.timeout(), 7s);
  EXPECT_EQ(given.timeout(), 0ns) << "SOCK_NONBLOCK overrides the default";
  EXPECT_EQ(open().timeout(), std::nullopt);
  if (in_kernel()) {
    EXPECT_TRUE(non_blocking(s.fileno()));
  }
}

}  // namespace
}  // namespace conformance
