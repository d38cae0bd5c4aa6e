// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Sockets after fork(2).
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE(after_fork, t.environment.usable_after_fork);
CONFORMANCE(after_fork_unsupported, !t.environment.usable_after_fork);

// Runs the function in a child process and returns its result, passed as the exit status.
template <class F>
int in_child(F run) {
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 99;
    try {
      status = run();
    } catch (...) {
    }
    ::_exit(status);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_P(after_fork, works_in_parent_and_child) {
  auto l = connected();
  const int status = in_child([&] {
    l.b.send(message(1));
    l.a.close();
    l.b.close();
    return 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(receive(l.a), message(1)) << "the child sent it";
  l.a.send(message(2));
  EXPECT_EQ(receive(l.b), message(2)) << "the child closed its copies only";
  const int second = in_child([&] {
    l.a.send(message(3));
    return receive(l.b) == message(3) ? 0 : 1;
  });
  EXPECT_EQ(second, 0);
  l = {};
  if (traits().connection.listens && traits().connection.drops_closed_connections) {
    auto server = listening();
    auto client = open();
    begin_connect(client, server.getsockname());
    client.send(message(4));
    const int third = in_child([&] {
      auto accepted = server.accept();
      return receive(accepted) == message(4) ? 0 : 1;
    });
    EXPECT_EQ(third, 0);
  } else if (traits().connection.listens) {
    auto server = listening();
    const auto name = server.getsockname();
    int third = -1;
    helper_thread parent([&] {
      third = in_child([&] {
        auto client = open();
        client.connect(name);
        client.send(message(4));
        return 0;
      });
    });
    ASSERT_TRUE(server.wait(POLLIN, patience));
    auto accepted = server.accept();
    parent.join();
    EXPECT_EQ(third, 0);
    EXPECT_EQ(receive(accepted), message(4));
  }
}

TEST_P(after_fork_unsupported, fails_in_the_child_and_works_in_the_parent) {
  auto l = connected();
  const int status = in_child([&] {
    if (ERROR_OF(l.b.send(message(1), 0, _)) != sys(EOPNOTSUPP)) return 1;
    if (ERROR_OF(l.b.recv(afplug::mutable_bytes(), 0, _)) != sys(EOPNOTSUPP)) return 2;
    if (ERROR_OF(l.b.getsockname(_)) != sys(EOPNOTSUPP)) return 3;
    l.a.close();
    l.b.close();
    return 0;
  });
  EXPECT_EQ(status, 0);
  l.a.send(message(2));
  EXPECT_EQ(receive(l.b), message(2));
  l.b.send(message(3));
  EXPECT_EQ(receive(l.a), message(3));
}

}  // namespace
}  // namespace conformance
