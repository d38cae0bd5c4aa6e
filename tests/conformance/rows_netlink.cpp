// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Rows of netlink: each protocol carries messages between programs, too.
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

constexpr auto traits = changed(row_traits{}, [](auto& t) {
  t.connection.connectionless = true;
  t.delivery.flow_control = true;
  t.ancillary.scm_credentials = true;
});
constexpr auto always_available = changed(traits, [](auto& t) { t.environment.always_available = true; });

// net/netlink/af_netlink.c. Without a destination send(2) goes to the kernel: ECONNREFUSED where it does not listen.
constexpr row_errors without_kernel{.addressing = {.bind_other_family = EINVAL, .getpeername_unconnected = 0},
                                    .connection = {.listen_unbound = EOPNOTSUPP,
                                                   .listen_connected = EOPNOTSUPP,
                                                   .accept_not_listening = EOPNOTSUPP,
                                                   .connect_no_listener = 0,
                                                   .connect_nonblocking = 0,
                                                   .connect_connected = 0},
                                    .delivery = {.recv_unconnected = EAGAIN,
                                                 .send_unconnected = ECONNREFUSED,
                                                 .sendto_no_receiver = ECONNREFUSED,
                                                 .sendto_connected_receiver = ECONNREFUSED,
                                                 .send_empty = ENODATA,
                                                 .send_msg_oob = EOPNOTSUPP,
                                                 .send_too_large = EMSGSIZE,
                                                 .send_scm_rights = EINVAL},
                                    .shutdown = {.unconnected = EOPNOTSUPP,
                                                 .bad_how = EOPNOTSUPP,
                                                 .both = EOPNOTSUPP,
                                                 .one_direction = EOPNOTSUPP,
                                                 .send_after_shutdown = 0,
                                                 .send_after_close = ECONNREFUSED}};
constexpr auto with_kernel = changed(without_kernel, [](auto& e) { e.delivery.send_unconnected = 0; });

std::string why_unavailable(const row& r) {
  const int fd = ::socket(AF_NETLINK, r.type | SOCK_CLOEXEC, r.protocol);
  const bool kernel_listens = ::send(fd, "", 1, 0) == 1;
  ::close(fd);
  // Some protocols have a kernel socket in the initial network namespace only.
  if (!kernel_listens) return "netlink: the kernel does not listen in this network namespace";
  // netlink_allowed() in net/netlink/af_netlink.c: NL_CFG_F_NONROOT_SEND is set for few protocols.
  return ::geteuid() == 0 ? "" : "netlink: sending to another program takes CAP_NET_ADMIN";
}
constexpr row_parameters with_check{.why_unavailable = why_unavailable};

const row table[] = {
    {"netlink", "netlink", SOCK_RAW, NETLINK_USERSOCK, always_available, port_id, "0", without_kernel},
    {"netlink_dgram", "netlink", SOCK_DGRAM, NETLINK_USERSOCK, always_available, port_id, "0", without_kernel},
#define BOTH_TYPES(name, protocol, errors, parameters)                                                  \
  {"netlink_" name, "netlink", SOCK_RAW, protocol, traits, port_id, "0", errors, parameters}, {         \
    "netlink_" name "_dgram", "netlink", SOCK_DGRAM, protocol, traits, port_id, "0", errors, parameters \
  }
    BOTH_TYPES("route", NETLINK_ROUTE, with_kernel, with_check),
    BOTH_TYPES("sock_diag", NETLINK_SOCK_DIAG, with_kernel, with_check),
    BOTH_TYPES("xfrm", NETLINK_XFRM, with_kernel, with_check),
    BOTH_TYPES("selinux", NETLINK_SELINUX, without_kernel, {}),
    BOTH_TYPES("iscsi", NETLINK_ISCSI, with_kernel, with_check),
    BOTH_TYPES("audit", NETLINK_AUDIT, with_kernel, with_check),
    BOTH_TYPES("fib_lookup", NETLINK_FIB_LOOKUP, with_kernel, with_check),
    BOTH_TYPES("connector", NETLINK_CONNECTOR, with_kernel, with_check),
    BOTH_TYPES("netfilter", NETLINK_NETFILTER, with_kernel, with_check),
    BOTH_TYPES("uevent", NETLINK_KOBJECT_UEVENT, with_kernel, with_check),
    BOTH_TYPES("generic", NETLINK_GENERIC, with_kernel, with_check),
    BOTH_TYPES("scsi", NETLINK_SCSITRANSPORT, with_kernel, with_check),
    BOTH_TYPES("rdma", NETLINK_RDMA, with_kernel, with_check),
    BOTH_TYPES("crypto", NETLINK_CRYPTO, with_kernel, with_check),
#undef BOTH_TYPES
};

}  // namespace

std::span<const row> netlink_rows() { return table; }

}  // namespace conformance
