// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "netns.hpp"

#include <sched.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "support.hpp"

namespace families {

std::string enter_new_netns() {
  if (::unshare(CLONE_NEWNET) != 0)
    return "a network namespace takes CAP_SYS_ADMIN: " + std::string(std::strerror(errno));
  return run("ip link set lo up") ? "" : "ip link set lo up failed";
}

std::string make_veth_pair() {
  if (!run("ip link add veth0 type veth peer name veth1 2>/dev/null"))
    return "the kernel has no veth interfaces (CONFIG_VETH)";
  for (const std::string name : {"veth0", "veth1"}) {
    // Without IPv6 the kernel sends no packets of its own on the interface.
    std::ofstream("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6") << 1;
    if (!run("ip link set " + name + " up")) return "ip link set " + name + " up failed";
  }
  return {};
}

}  // namespace families
