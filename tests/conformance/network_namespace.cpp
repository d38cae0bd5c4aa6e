// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "network_namespace.hpp"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace conformance {
namespace {

constexpr const char* setup[] = {
    "ip link set lo up",
    "ip link add veth0 type veth peer name veth1",
    // No ARP, which the sockets of packet rows would receive.
    "ip link set veth0 arp off",
    "ip link set veth1 arp off",
    // No neighbour discovery either.
    "for end in veth0 veth1; do f=/proc/sys/net/ipv6/conf/$end/disable_ipv6; [ ! -e $f ] || echo 1 > $f; done",
    "ip link set veth0 up",
    "ip link set veth1 up",
    "ip addr add 10.254.0.1/24 dev veth0",
    "ip -6 route add local fd00:af::/64 dev lo",
    "echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind",
    "echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range",
};

struct namespaces {
  int original = -1, own = -1;  // descriptors
  std::string error;
};

int current() { return ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }

void enter(int descriptor) {
  if (::setns(descriptor, CLONE_NEWNET) != 0) throw std::runtime_error("setns: " + std::string(std::strerror(errno)));
}

const namespaces& made() {
  static const namespaces one = [] {
    namespaces n;
    n.original = current();
    if (::unshare(CLONE_NEWNET) != 0) {
      n.error = "cannot make a network namespace, which takes CAP_SYS_ADMIN: " + std::string(std::strerror(errno));
      return n;
    }
    n.own = current();
    for (const char* command : setup)
      if (n.error.empty() && std::system(command) != 0) n.error = std::string("failed: ") + command;
    enter(n.original);
    return n;
  }();
  return one;
}

}  // namespace

network_namespace::network_namespace() {
  if (made().own >= 0) enter(made().own);
}

network_namespace::~network_namespace() {
  if (made().own >= 0) enter(made().original);
}

const std::string& network_namespace::why_unavailable() { return made().error; }

}  // namespace conformance
