// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "beacon.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace loop {

namespace {

// More than a quarter of the least send buffer that the kernel gives, less than half: unix_writable() is false from a
// quarter on, and a block below half of it goes out as one piece.
constexpr std::size_t block = 2048;

[[noreturn]] void give_up() { throw std::system_error(errno, std::generic_category()); }

}  // namespace

descriptor duplicate(int number) {
  descriptor made(::fcntl(number, F_DUPFD_CLOEXEC, 0));
  if (made.number() < 0) give_up();
  return made;
}

void beacon::open() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) give_up();
  descriptor outer(ends[0]), inner(ends[1]);
  constexpr int least = 1;
  ::setsockopt(outer.number(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
  outer_.push_back(std::move(outer));
  inner_ = std::move(inner);
}

int beacon::add() {
  outer_.push_back(duplicate(first()));
  return outer_.back().number();
}

void beacon::remove(int outer) noexcept {
  std::erase_if(outer_, [&](const descriptor& one) { return one.number() == outer; });
}

void beacon::show(bool in, bool out, bool ended, bool dead) noexcept {
  if (!is_open()) return;
  if (dead && !dead_) {
    show_out(true);
    ::shutdown(inner_.number(), SHUT_RDWR);
    dead_ = ended_ = true;
  } else if (ended && !ended_) {
    ::shutdown(inner_.number(), SHUT_WR);
    ended_ = true;
  }
  if (!ended_) show_in(in);
  if (!dead_) show_out(out);
}

// Where the kernel can't do it, for want of memory, the flag stays as it was and the next change tries again.

void beacon::show_in(bool on) noexcept {
  if (in_ == on) return;
  char byte = 0;
  const auto done = on ? ::send(inner_.number(), &byte, 1, MSG_NOSIGNAL) : ::recv(first(), &byte, 1, 0);
  if (done == 1) in_ = on;
}

void beacon::show_out(bool on) noexcept {
  if (out_ == on) return;
  std::array<char, block> bytes{};
  const auto done = on ? ::recv(inner_.number(), bytes.data(), bytes.size(), 0)
                       : ::send(first(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (done > 0) out_ = on;
}

}  // namespace loop
