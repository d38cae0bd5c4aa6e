// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The baseline: plain system calls, with the error checks that any program has.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace bench {

inline int must(int result) {
  if (result < 0) throw std::system_error(errno, std::generic_category());
  return result;
}

/// Owns a file descriptor.
class descriptor {
 public:
  explicit descriptor(int number) : number_(must(number)) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const noexcept { return number_; }
  int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_;
};

struct pair {
  descriptor a, b;
};

inline pair unix_pair() {
  int ends[2];
  must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  return {descriptor(ends[0]), descriptor(ends[1])};
}

inline descriptor tcp_listener(::sockaddr_in& at) {
  descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  at = {};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t size = sizeof at;
  must(::bind(listener.number(), reinterpret_cast<::sockaddr*>(&at), size));
  must(::listen(listener.number(), 16));
  must(::getsockname(listener.number(), reinterpret_cast<::sockaddr*>(&at), &size));
  return listener;
}

inline pair tcp_pair() {
  ::sockaddr_in at;
  const auto listener = tcp_listener(at);
  descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  must(::connect(client.number(), reinterpret_cast<::sockaddr*>(&at), sizeof at));
  descriptor server(::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC));
  const int on = 1;
  for (const int end : {client.number(), server.number()})
    must(::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
  return {std::move(client), std::move(server)};
}

}  // namespace bench
