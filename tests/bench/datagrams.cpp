// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// 64 datagrams of 64 bytes over UDP, one thread driving both ends: one by one, and all in a call.
#include <afplug/socket.hpp>
#include <array>
#include <memory>

#include "syscalls.hpp"
#include "measure.hpp"

namespace bench {

namespace {

constexpr std::size_t size = 64, count = 64;

struct ends {
  afplug::socket a{"inet", SOCK_DGRAM}, b{"inet", SOCK_DGRAM};
  std::array<std::array<char, size>, count> rooms{};
  std::array<afplug::outgoing, count> letters;
  std::array<afplug::incoming, count> messages;
  std::array<::iovec, count> vectors{};
  std::array<::mmsghdr, count> raw{};

  ends() {
    b.bind("127.0.0.1:0");
    a.connect(b.getsockname());
    for (std::size_t i = 0; i < count; ++i) {
      letters[i].data = rooms[i];
      messages[i].into = rooms[i];
      vectors[i] = {rooms[i].data(), size};
      raw[i].msg_hdr.msg_iov = &vectors[i];
      raw[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

void whole(std::size_t n) {
  if (n != count) throw std::runtime_error("not all datagrams went or came");
}

variant one_by_one(const char* name) {
  const auto e = std::make_shared<ends>();
  return {name, [e](int n) {
            for (; n > 0; --n) {
              for (auto& r : e->rooms) must(static_cast<int>(::send(e->a.fileno(), r.data(), size, MSG_NOSIGNAL)));
              for (auto& r : e->rooms) must(static_cast<int>(::recv(e->b.fileno(), r.data(), size, 0)));
            }
          }};
}

variant bare_many() {
  const auto e = std::make_shared<ends>();
  return {"bare mmsg", [e](int n) {
            for (; n > 0; --n) {
              whole(static_cast<std::size_t>(must(::sendmmsg(e->a.fileno(), e->raw.data(), count, MSG_NOSIGNAL))));
              whole(static_cast<std::size_t>(
                  must(::recvmmsg(e->b.fileno(), e->raw.data(), count, MSG_WAITFORONE, nullptr))));
            }
          }};
}

variant our_many() {
  const auto e = std::make_shared<ends>();
  return {"afplug many", [e](int n) {
            for (; n > 0; --n) {
              whole(e->a.send_many(e->letters));
              whole(e->b.recv_many(e->messages));
            }
          }};
}

// One send that the kernel takes for 64 datagrams (UDP_SEGMENT), and one receive that gets them together (UDP_GRO).
variant segmented() {
  struct offloaded : ends {
    std::array<char, size * count> all{};
    afplug::control_builder control;
    afplug::control_buffer told{afplug::cmsg_space(sizeof(int))};
    offloaded() {
      b.option("UDP_GRO", 1);
      control.segment_size(size);
      letters[0].data = all;
      letters[0].control = &control;
      messages[0].into = all;
      messages[0].control = &told;
    }
  };
  const auto e = std::make_shared<offloaded>();
  return {"afplug GSO", [e](int n) {
            for (; n > 0; --n) {
              e->a.send_many(std::span(e->letters).first(1));
              for (std::size_t got = 0; got < e->all.size();) {
                e->b.recv_many(std::span(e->messages).first(1));
                got += e->messages[0].size;
              }
            }
          }};
}

}  // namespace

std::vector<subject> datagrams() {
  return {{"64 datagrams of 64 B, UDP",
           1,
           {one_by_one("bare"), one_by_one("bare again"), bare_many(), our_many(), segmented()}}};
}

}  // namespace bench
