// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "readiness_fd.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace loop {

namespace {

// Bytes of the block that clears POLLOUT. More than a quarter of the smallest send buffer (SOCK_MIN_SNDBUF, 4608 bytes
// on 64-bit systems), because unix_writable() in net/unix/af_unix.c is false from a quarter on; less than half of it,
// because unix_stream_sendmsg() sends at most half of the buffer as one skb.
constexpr std::size_t block_size = 2048;

[[noreturn]] void throw_errno() { throw std::system_error(errno, std::generic_category()); }

template <class Call>
ssize_t repeat_if_interrupted(Call call) noexcept {
  for (;;)
    if (const auto done = call(); done >= 0 || errno != EINTR) return done;
}

}  // namespace

unique_fd duplicate(int fd) {
  unique_fd made(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (made.get() < 0) throw_errno();
  return made;
}

void readiness_fd::open() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) throw_errno();
  unique_fd polled(ends[0]), control(ends[1]);
  constexpr int smallest = 1;  // the kernel raises it to SOCK_MIN_SNDBUF
  ::setsockopt(polled.get(), SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
  polled_.push_back(std::move(polled));
  control_ = std::move(control);
}

int readiness_fd::add() {
  polled_.push_back(duplicate(get()));
  return polled_.back().get();
}

void readiness_fd::remove(int fd) noexcept {
  std::erase_if(polled_, [&](const unique_fd& one) { return one.get() == fd; });
}

void readiness_fd::update(bool pollin, bool pollout, bool pollrdhup, bool pollhup) noexcept {
  if (!is_open()) return;
  if (pollhup && !pollhup_) {
    set_pollout(true);
    ::shutdown(control_.get(), SHUT_RDWR);
    pollhup_ = pollrdhup_ = true;
  } else if (pollrdhup && !pollrdhup_) {
    ::shutdown(control_.get(), SHUT_WR);
    pollrdhup_ = true;
  }
  if (!pollrdhup_) set_pollin(pollin);
  if (!pollhup_) set_pollout(pollout);
}

bool readiness_fd::set_readable() noexcept {
  if (!is_open() || pollrdhup_) return true;
  set_pollin(true);
  return pollin_;
}

// Only send allocates memory. If it fails, POLLIN is not set (see set_readable), or POLLOUT stays set although a send
// would block; the next update tries again.

void readiness_fd::set_pollin(bool on) noexcept {
  if (pollin_ == on) return;
  char byte = 0;
  const auto done = repeat_if_interrupted(
      [&] { return on ? ::send(control_.get(), &byte, 1, MSG_NOSIGNAL) : ::recv(get(), &byte, 1, 0); });
  if (done == 1) pollin_ = on;
}

void readiness_fd::set_pollout(bool on) noexcept {
  if (pollout_ == on) return;
  std::array<char, block_size> bytes{};
  const auto done = repeat_if_interrupted([&] {
    return on ? ::recv(control_.get(), bytes.data(), bytes.size(), 0)
              : ::send(get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  });
  if (done > 0) pollout_ = on;
}

}  // namespace loop
