// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// 64 frames of 64 bytes over a veth(4) pair: the rings of packet sockets against system calls. Runs in a network
// namespace of its own. Each variant has its own veth pair, because every packet socket on an interface gets every
// frame.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <afplug/packet.hpp>
#include <afplug/socket.hpp>
#include <array>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "measure.hpp"
#include "syscalls.hpp"

namespace bench {

namespace {

namespace packet = afplug::packet;
constexpr std::size_t size = 64, count = 64;

// Moves this thread into a new network namespace until the end of the scope. Sockets opened in it stay in it.
class network_namespace {
 public:
  network_namespace() : before_(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) { must(::unshare(CLONE_NEWNET)); }
  ~network_namespace() { ::setns(before_.number(), CLONE_NEWNET); }

 private:
  descriptor before_;
};

bool run(const std::string& command) { return std::system(command.c_str()) == 0; }

// Creates a pair of connected interfaces, NAMEa and NAMEb. Returns why this failed, or an empty string.
std::string make_veth_pair(const std::string& name) {
  if (!run("ip link add " + name + "a type veth peer name " + name + "b 2>/dev/null"))
    return "the kernel has no veth interfaces (CONFIG_VETH)";
  for (const char* end : {"a", "b"}) {
    // Without IPv6 the kernel sends no packets of its own on the interface.
    std::ofstream("/proc/sys/net/ipv6/conf/" + name + end + "/disable_ipv6") << 1;
    if (!run("ip link set " + name + end + " up")) return "ip link set up failed";
  }
  return {};
}

struct sockets {
  afplug::socket a{"packet", SOCK_RAW}, b{"packet", SOCK_RAW};
  std::array<std::array<char, size>, count> buffers{};
  std::array<afplug::outgoing, count> outgoing;
  std::array<afplug::incoming, count> incoming;

  explicit sockets(const std::string& name) {
    if (const auto why = make_veth_pair(name); !why.empty()) throw std::runtime_error(why);
    for (std::size_t i = 0; i < count; ++i) {
      auto& frame = buffers[i];
      for (std::size_t k = 0; k < 6; ++k) frame[k] = '\xff';
      frame[12] = '\x88', frame[13] = '\xb5';  // IEEE 802 Local Experimental EtherType 1
      outgoing[i].data = frame;
      incoming[i].into = frame;
    }
    a.bind(name + "a?proto=0");  // receives nothing
  }
  void listen(const std::string& name) { b.bind(name + "b?proto=0x88b5"); }
  void send() {
    for (auto& buffer : buffers) must(static_cast<int>(::send(a.fileno(), buffer.data(), size, 0)));
  }
};

variant receiving(const char* name, const std::string& on) {
  const auto e = std::make_shared<sockets>(on);
  e->listen(on);
  return {name, [e](int n) {
            for (; n > 0; --n) {
              e->send();
              for (auto& buffer : e->buffers) must(static_cast<int>(::recv(e->b.fileno(), buffer.data(), size, 0)));
            }
          }};
}

variant receiving_many(const std::string& on) {
  const auto e = std::make_shared<sockets>(on);
  e->listen(on);
  return {"recv_many", [e](int n) {
            for (; n > 0; --n) {
              e->send();
              for (std::size_t got = 0; got < count;) got += e->b.recv_many(std::span(e->incoming).subspan(got));
            }
          }};
}

variant receiving_ring(const std::string& on) {
  struct with_ring : sockets {
    packet::rx_ring ring{b, {.block_bytes = 1 << 16, .blocks = 32}};
    using sockets::sockets;
  };
  const auto e = std::make_shared<with_ring>(on);
  e->listen(on);
  // The kernel hands over a block when it is full: the last frames of one turn are received in a later one.
  return {"rx_ring", [e](int n) {
            std::size_t bytes = 0;
            for (; n > 0; --n) {
              e->send();
              for (auto block = e->ring.next(std::chrono::milliseconds(0)); block;
                   block = e->ring.next(std::chrono::milliseconds(0)))
                for (const auto& p : block) bytes += p.data().size();
            }
            if (bytes % size != 0) throw std::runtime_error("a truncated frame");
          }};
}

variant sending(const char* name, const std::string& on) {
  const auto e = std::make_shared<sockets>(on);
  return {name, [e](int n) {
            for (; n > 0; --n) e->send();
          }};
}

variant sending_many(const std::string& on) {
  const auto e = std::make_shared<sockets>(on);
  return {"send_many", [e](int n) {
            for (; n > 0; --n)
              for (std::size_t sent = 0; sent < count;) sent += e->a.send_many(std::span(e->outgoing).subspan(sent));
          }};
}

variant sending_ring(const std::string& on) {
  struct with_ring : sockets {
    packet::tx_ring ring{a, {.block_bytes = 1 << 16, .blocks = 4}};
    using sockets::sockets;
  };
  const auto e = std::make_shared<with_ring>(on);
  return {"tx_ring", [e](int n) {
            for (; n > 0; --n) {
              for (const auto& buffer : e->buffers)
                if (!e->ring.push(std::as_bytes(std::span(buffer)))) throw std::runtime_error("the ring is full");
              e->ring.flush();
            }
          }};
}

}  // namespace

std::vector<benchmark> packets() {
  benchmark receive{"64 frames of 64 B, veth: send and receive", 1, {}}, send{"64 frames of 64 B, veth: send", 1, {}};
  try {
    const network_namespace network;
    receive.variants = {receiving("recv", "r0"), receiving("recv again", "r1"), receiving_many("r2"),
                        receiving_ring("r3")};
    send.variants = {sending("send", "s0"), sending("send again", "s1"), sending_many("s2"), sending_ring("s3")};
  } catch (const std::exception& e) {
    receive.unavailable = send.unavailable = e.what();
  }
  return {receive, send};
}

}  // namespace bench
