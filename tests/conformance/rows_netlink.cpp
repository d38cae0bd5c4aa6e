// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Rows of netlink: every protocol carries messages among programs, too.
#include <linux/netlink.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "rows.hpp"

namespace conformance {
namespace {

std::string port_id() {
  static std::atomic<unsigned> count{0};
  return std::to_string(static_cast<unsigned>(::getpid()) + (++count << 22));
}

constexpr std::uint64_t can = kernel | connectionless | credentials | flow;
constexpr errors without_kernel{.listen_unbound = EOPNOTSUPP,
                                .accept_unlistening = EOPNOTSUPP,
                                .listen_connected = EOPNOTSUPP,
                                .bind_foreign = EINVAL,
                                .connect_refused = 0,
                                .connect_at_once = 0,
                                .connect_twice = 0,
                                .recv_unconnected = EAGAIN,
                                .send_unconnected = ECONNREFUSED,
                                .sendto_unconnected = ECONNREFUSED,
                                .sendto_taken = ECONNREFUSED,
                                .getpeername_unconnected = 0,
                                .shutdown_unconnected = EOPNOTSUPP,
                                .shutdown_bad = EOPNOTSUPP,
                                .shutdown_connected = EOPNOTSUPP,
                                .shutdown_half = EOPNOTSUPP,
                                .send_shut = 0,
                                .send_closed = ECONNREFUSED,
                                .send_empty = ENODATA,
                                .send_oob = EOPNOTSUPP,
                                .send_big = EMSGSIZE,
                                .send_rights = EINVAL};
constexpr errors with_kernel = [] {
  errors e = without_kernel;
  e.send_unconnected = 0;
  return e;
}();

std::string missing(const row& r) {
  const int fd = ::socket(AF_NETLINK, r.type | SOCK_CLOEXEC, r.protocol);
  const bool heard = ::send(fd, "", 1, 0) == 1;
  ::close(fd);
  // Some protocols have their kernel's end in the first namespace alone. An ordinary user speaks to few others.
  if (!heard) return "netlink: the kernel does not listen in this network namespace";
  return ::geteuid() == 0 ? "" : "netlink: takes CAP_NET_ADMIN to speak to another program";
}
constexpr ways spoken{.missing = missing};

const row table[] = {
    {"netlink", "netlink", SOCK_RAW, NETLINK_USERSOCK, can | always, port_id, "0", without_kernel},
    {"netlink_dgram", "netlink", SOCK_DGRAM, NETLINK_USERSOCK, can | always, port_id, "0", without_kernel},
#define BOTH_TYPES(name, protocol, error, own)                                               \
  {"netlink_" name, "netlink", SOCK_RAW, protocol, can, port_id, "0", error, own}, {         \
    "netlink_" name "_dgram", "netlink", SOCK_DGRAM, protocol, can, port_id, "0", error, own \
  }
    BOTH_TYPES("route", NETLINK_ROUTE, with_kernel, spoken),
    BOTH_TYPES("sock_diag", NETLINK_SOCK_DIAG, with_kernel, spoken),
    BOTH_TYPES("xfrm", NETLINK_XFRM, with_kernel, spoken),
    BOTH_TYPES("selinux", NETLINK_SELINUX, without_kernel, {}),
    BOTH_TYPES("iscsi", NETLINK_ISCSI, with_kernel, spoken),
    BOTH_TYPES("audit", NETLINK_AUDIT, with_kernel, spoken),
    BOTH_TYPES("fib_lookup", NETLINK_FIB_LOOKUP, with_kernel, spoken),
    BOTH_TYPES("connector", NETLINK_CONNECTOR, with_kernel, spoken),
    BOTH_TYPES("netfilter", NETLINK_NETFILTER, with_kernel, spoken),
    BOTH_TYPES("uevent", NETLINK_KOBJECT_UEVENT, with_kernel, spoken),
    BOTH_TYPES("generic", NETLINK_GENERIC, with_kernel, spoken),
    BOTH_TYPES("scsi", NETLINK_SCSITRANSPORT, with_kernel, spoken),
    BOTH_TYPES("rdma", NETLINK_RDMA, with_kernel, spoken),
    BOTH_TYPES("crypto", NETLINK_CRYPTO, with_kernel, spoken),
#undef BOTH_TYPES
};

}  // namespace

std::span<const row> netlink_rows() { return table; }

}  // namespace conformance
