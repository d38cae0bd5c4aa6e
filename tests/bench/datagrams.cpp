// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// 64 datagrams of 64 bytes over UDP: one call for each, and one call for all. One thread uses both sockets.
#include <afplug/socket.hpp>
#include <array>
#include <memory>

#include "measure.hpp"
#include "syscalls.hpp"

namespace bench {

namespace {

constexpr std::size_t size = 64, count = 64;

struct sockets {
  afplug::socket a{"inet", SOCK_DGRAM}, b{"inet", SOCK_DGRAM};
  std::array<std::array<char, size>, count> buffers{};
  std::array<afplug::outgoing, count> outgoing;
  std::array<afplug::incoming, count> incoming;
  std::array<::iovec, count> iovecs{};
  std::array<::mmsghdr, count> headers{};

  sockets() {
    b.bind("127.0.0.1:0");
    a.connect(b.getsockname());
    for (std::size_t i = 0; i < count; ++i) {
      outgoing[i].data = buffers[i];
      incoming[i].into = buffers[i];
      iovecs[i] = {buffers[i].data(), size};
      headers[i].msg_hdr.msg_iov = &iovecs[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

void require_all(std::size_t n) {
  if (n != count) throw std::runtime_error("not all datagrams were sent or received");
}

variant one_by_one(const char* name) {
  const auto e = std::make_shared<sockets>();
  return {name, [e](int n) {
            for (; n > 0; --n) {
              for (auto& buffer : e->buffers)
                must(static_cast<int>(::send(e->a.fileno(), buffer.data(), size, MSG_NOSIGNAL)));
              for (auto& buffer : e->buffers) must(static_cast<int>(::recv(e->b.fileno(), buffer.data(), size, 0)));
            }
          }};
}

variant bare_many() {
  const auto e = std::make_shared<sockets>();
  return {"bare mmsg", [e](int n) {
            for (; n > 0; --n) {
              require_all(
                  static_cast<std::size_t>(must(::sendmmsg(e->a.fileno(), e->headers.data(), count, MSG_NOSIGNAL))));
              require_all(static_cast<std::size_t>(
                  must(::recvmmsg(e->b.fileno(), e->headers.data(), count, MSG_WAITFORONE, nullptr))));
            }
          }};
}

variant our_many() {
  const auto e = std::make_shared<sockets>();
  return {"afplug many", [e](int n) {
            for (; n > 0; --n) {
              require_all(e->a.send_many(e->outgoing));
              require_all(e->b.recv_many(e->incoming));
            }
          }};
}

// One send that the kernel splits into 64 datagrams (UDP_SEGMENT), and receives that get them coalesced (UDP_GRO,
// udp(7)).
variant segmented() {
  struct offloaded : sockets {
    std::array<char, size * count> all{};
    afplug::control_builder control;
    afplug::control_buffer receive_control{afplug::cmsg_space(sizeof(int))};
    offloaded() {
      b.option("UDP_GRO", 1);
      control.segment_size(size);
      outgoing[0].data = all;
      outgoing[0].control = &control;
      incoming[0].into = all;
      incoming[0].control = &receive_control;
    }
  };
  const auto e = std::make_shared<offloaded>();
  return {"afplug GSO", [e](int n) {
            for (; n > 0; --n) {
              e->a.send_many(std::span(e->outgoing).first(1));
              for (std::size_t got = 0; got < e->all.size();) {
                e->b.recv_many(std::span(e->incoming).first(1));
                got += e->incoming[0].size;
              }
            }
          }};
}

}  // namespace

std::vector<benchmark> datagrams() {
  return {{"64 datagrams of 64 B, UDP",
           1,
           {one_by_one("bare"), one_by_one("bare again"), bare_many(), our_many(), segmented()}}};
}

}  // namespace bench
