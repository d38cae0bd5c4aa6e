// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// 64 frames of 64 bytes over a cable (veth) in a network namespace of the bench's own: the rings of packet sockets
// beside system calls. Every way has a cable to itself, since each socket on one gets each frame.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <afplug/packet.hpp>
#include <afplug/socket.hpp>
#include <array>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "syscalls.hpp"
#include "measure.hpp"

namespace bench {

namespace {

namespace packet = afplug::packet;
constexpr std::size_t size = 64, count = 64;

// This thread's network until the end of the scope; what was opened in it stays there.
class own_network {
 public:
  own_network() : before_(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) { must(::unshare(CLONE_NEWNET)); }
  ~own_network() { ::setns(before_.number(), CLONE_NEWNET); }

 private:
  descriptor before_;
};

bool run(const std::string& command) { return std::system(command.c_str()) == 0; }

// Why there can be no cable; empty: there is one from NAMEa to NAMEb.
std::string cable(const std::string& name) {
  if (!run("ip link add " + name + "a type veth peer name " + name + "b 2>/dev/null"))
    return "the kernel has no veth interfaces (CONFIG_VETH)";
  for (const char* end : {"a", "b"}) {
    // Without IPv6 nothing else talks on it.
    std::ofstream("/proc/sys/net/ipv6/conf/" + name + end + "/disable_ipv6") << 1;
    if (!run("ip link set " + name + end + " up")) return "ip link set up failed";
  }
  return {};
}

struct ends {
  afplug::socket a{"packet", SOCK_RAW}, b{"packet", SOCK_RAW};
  std::array<std::array<char, size>, count> rooms{};
  std::array<afplug::outgoing, count> letters;
  std::array<afplug::incoming, count> messages;

  explicit ends(const std::string& name) {
    if (const auto why = cable(name); !why.empty()) throw std::runtime_error(why);
    for (std::size_t i = 0; i < count; ++i) {
      auto& frame = rooms[i];
      for (std::size_t k = 0; k < 6; ++k) frame[k] = '\xff';
      frame[12] = '\x88', frame[13] = '\xb5';  // the EtherType for experiments
      letters[i].data = frame;
      messages[i].into = frame;
    }
    a.bind(name + "a?proto=0");  // it receives nothing
  }
  void listen(const std::string& name) { b.bind(name + "b?proto=0x88b5"); }
  void send() {
    for (auto& r : rooms) must(static_cast<int>(::send(a.fileno(), r.data(), size, 0)));
  }
};

variant receiving(const char* name, const std::string& on) {
  const auto e = std::make_shared<ends>(on);
  e->listen(on);
  return {name, [e](int n) {
            for (; n > 0; --n) {
              e->send();
              for (auto& r : e->rooms) must(static_cast<int>(::recv(e->b.fileno(), r.data(), size, 0)));
            }
          }};
}

variant receiving_many(const std::string& on) {
  const auto e = std::make_shared<ends>(on);
  e->listen(on);
  return {"recv_many", [e](int n) {
            for (; n > 0; --n) {
              e->send();
              for (std::size_t got = 0; got < count;) got += e->b.recv_many(std::span(e->messages).subspan(got));
            }
          }};
}

variant receiving_ring(const std::string& on) {
  struct ringed : ends {
    packet::rx_ring ring{b, {.block_bytes = 1 << 16, .blocks = 32}};
    using ends::ends;
  };
  const auto e = std::make_shared<ringed>(on);
  e->listen(on);
  // A block comes when it is full: what is sent last in one turn is received in one of the next.
  return {"rx_ring", [e](int n) {
            std::size_t bytes = 0;
            for (; n > 0; --n) {
              e->send();
              for (auto block = e->ring.next(std::chrono::milliseconds(0)); block;
                   block = e->ring.next(std::chrono::milliseconds(0)))
                for (const auto& p : block) bytes += p.data().size();
            }
            if (bytes % size != 0) throw std::runtime_error("a cut frame");
          }};
}

variant sending(const char* name, const std::string& on) {
  const auto e = std::make_shared<ends>(on);
  return {name, [e](int n) {
            for (; n > 0; --n) e->send();
          }};
}

variant sending_many(const std::string& on) {
  const auto e = std::make_shared<ends>(on);
  return {"send_many", [e](int n) {
            for (; n > 0; --n)
              for (std::size_t sent = 0; sent < count;) sent += e->a.send_many(std::span(e->letters).subspan(sent));
          }};
}

variant sending_ring(const std::string& on) {
  struct ringed : ends {
    packet::tx_ring ring{a, {.block_bytes = 1 << 16, .blocks = 4}};
    using ends::ends;
  };
  const auto e = std::make_shared<ringed>(on);
  return {"tx_ring", [e](int n) {
            for (; n > 0; --n) {
              for (const auto& r : e->rooms)
                if (!e->ring.push(std::as_bytes(std::span(r)))) throw std::runtime_error("the ring is full");
              e->ring.flush();
            }
          }};
}

}  // namespace

std::vector<subject> packets() {
  subject receive{"64 frames of 64 B, veth: send and receive", 1, {}}, send{"64 frames of 64 B, veth: send", 1, {}};
  try {
    const own_network network;
    receive.variants = {receiving("recv", "r0"), receiving("recv again", "r1"), receiving_many("r2"),
                        receiving_ring("r3")};
    send.variants = {sending("send", "s0"), sending("send again", "s1"), sending_many("s2"), sending_ring("s3")};
  } catch (const std::exception& e) {
    receive.missing = send.missing = e.what();
  }
  return {receive, send};
}

}  // namespace bench
