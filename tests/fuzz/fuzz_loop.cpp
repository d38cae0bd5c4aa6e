// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Input: calls on sockets of the family loop, three bytes each: the call, the socket, an argument. After each call
// every socket polls readable exactly if a call that receives would not block; at the end no descriptor is left.
#include <dirent.h>
#include <poll.h>

#include <afplug/registry.hpp>
#include <afplug/socket.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "require.hpp"

namespace {

using afplug::address;
using afplug::const_bytes;
using afplug::error_code;
using afplug::mutable_bytes;
using afplug::socket;

const afplug::family& loop() {
  static const auto& f = afplug::registry::global().family("loop");
  return f;
}

int open_descriptors() {
  DIR* d = ::opendir("/proc/self/fd");
  REQUIRE(d != nullptr);
  int count = 0;
  while (::readdir(d) != nullptr) ++count;
  ::closedir(d);
  return count;
}

address name(std::uint8_t which) {
  error_code ec;
  const auto a =
      address::parse(afplug::basic_protocol(loop(), {}), std::string(1, static_cast<char>('a' + which % 3)), ec);
  REQUIRE(!ec);
  return a;
}

class flow {
 public:
  void call(std::uint8_t what, std::uint8_t which, std::uint8_t argument) {
    socket& s = sockets_[which % sockets_.size()];
    socket& other = sockets_[argument % sockets_.size()];
    error_code ec;
    std::array<char, 300> buffer{};
    switch (what % 19) {
      case 0:
        s = socket::open(loop(), type(argument), 0, ec);
        break;
      case 1: {
        auto both = socket::pair(loop(), type(argument), 0, ec);
        if (&s == &other) break;
        s = std::move(both.first);
        other = std::move(both.second);
        break;
      }
      case 2:
        s.close(ec);
        break;
      case 3:
        s.bind(name(argument), ec);
        break;
      case 4:
        s.listen(argument % 3, ec);
        break;
      case 5:
        s.connect(name(argument), ec);
        break;
      case 6: {
        auto accepted = s.is_open() ? s.accept(ec) : socket();
        if (accepted) other = std::move(accepted);
        break;
      }
      case 7:
        s.shutdown(argument % 4, ec);
        break;
      case 8:
        REQUIRE(s.send(const_bytes(buffer.data(), argument), flags(argument), ec) <= argument);
        break;
      case 9:
        REQUIRE(s.recv(mutable_bytes(buffer.data(), argument), flags(argument), ec) <= 300);
        break;
      case 10:
        s.sendto(const_bytes(buffer.data(), argument), name(argument), 0, ec);
        break;
      case 11: {
        const std::array<const_bytes, 1> data{const_bytes(buffer.data(), argument % 3u)};
        const std::vector<int> descriptors(argument % 4u, 0);
        s.send_fds(data, descriptors, 0, nullptr, ec);
        break;
      }
      case 12:
        for (const int fd :
             s.recv_fds(mutable_bytes(buffer.data(), 4), argument % 4u, flags(argument), nullptr, ec).descriptors)
          ::close(fd);
        break;
      case 13: {
        auto copy = s.dup(ec);
        if (copy) other = std::move(copy);
        break;
      }
      case 14: {
        const int value = argument;
        constexpr int numbers[] = {SO_SNDBUF, SO_RCVBUF, SO_PASSCRED, SO_LINGER};
        s.setsockopt(SOL_SOCKET, numbers[argument % 4], const_bytes(&value, sizeof value), ec);
        break;
      }
      case 15: {
        int value = 0;
        static_cast<void>(s.getsockopt(SOL_SOCKET, SO_ERROR, mutable_bytes(&value, sizeof value), ec));
        break;
      }
      case 16:
        s.connect_result(ec);
        break;
      case 17:
        static_cast<void>(s.getsockname(ec));
        static_cast<void>(s.getpeername(ec));
        break;
      default:
        for (const auto& o : loop().options())
          if (s.is_open()) static_cast<void>(s.option_text(o.name, ec));
    }
    if (s.is_open()) s.timeout(std::chrono::nanoseconds(0), ec);
    if (other.is_open()) other.timeout(std::chrono::nanoseconds(0), ec);
  }

  /// What poll(2) reports is what the calls do. Not for listening sockets, whose accept cannot be tried without effect.
  void check() {
    for (auto& s : sockets_) {
      if (!s.is_open()) continue;
      error_code ec;
      int listening = 0;
      static_cast<void>(s.getsockopt(SOL_SOCKET, SO_ACCEPTCONN, mutable_bytes(&listening, sizeof listening), ec));
      REQUIRE(!ec);
      if (listening != 0) continue;
      const auto ready = s.wait(POLLIN, std::chrono::nanoseconds(0), ec);
      REQUIRE(!ec);
      char byte = 0;
      s.recv(mutable_bytes(&byte, 1), MSG_PEEK, ec);
      const bool would_block = ec && ec.value() == EAGAIN;
      const bool unconnected = ec && ec.value() == ENOTCONN;
      REQUIRE(((ready & POLLIN) != 0) == !would_block || unconnected || (ec && ec.value() == EMFILE));
    }
  }

 private:
  static afplug::socket_type type(std::uint8_t argument) {
    constexpr int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    return afplug::socket_type(types[argument % 3] | SOCK_NONBLOCK);
  }
  static int flags(std::uint8_t argument) {
    constexpr int all[] = {0, 0, 0, MSG_PEEK, MSG_TRUNC, MSG_EOR, MSG_OOB, MSG_WAITALL};
    return all[argument % 8] | MSG_DONTWAIT;
  }
  std::array<socket, 6> sockets_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  loop();
  const int before = open_descriptors();
  {
    flow f;
    for (std::size_t i = 0; i + 3 <= size && i < 600; i += 3) {
      f.call(data[i], data[i + 1], data[i + 2]);
      f.check();
    }
  }
  REQUIRE(open_descriptors() == before);
  return 0;
}
