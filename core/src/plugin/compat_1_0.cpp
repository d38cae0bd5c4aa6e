// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The only file of core that names families: plugins of ABI 1.0 cannot describe how their sockets connect.
#include "compat_1_0.hpp"

#include <sys/socket.h>

namespace afplug::detail {
namespace {

constexpr std::uint32_t family_flags_1_0 = AFPLUG_FAMILY_RESOLVES | AFPLUG_FAMILY_FORK_SAFE | AFPLUG_FAMILY_SECONDARY;
constexpr std::uint32_t row_flags_1_0 = AFPLUG_ROW_DEFAULT | AFPLUG_ROW_HIDDEN | AFPLUG_ROW_STREAM |
                                        AFPLUG_ROW_MESSAGE | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE |
                                        AFPLUG_ROW_PAIR | AFPLUG_ROW_RIGHTS;

struct quirk {
  int family;
  int type;  // AFPLUG_ANY: all
  std::uint32_t row_flags;
  std::uint32_t family_flags;
};

constexpr quirk quirks[] = {
    {AF_UNIX, AFPLUG_ANY, AFPLUG_ROW_CONNECT_EAGAIN, 0},           // unix_stream_connect() in net/unix/af_unix.c
    {AF_INET, SOCK_SEQPACKET, AFPLUG_ROW_CONNECT_UNREPORTED, 0},   // sctp_poll() in net/sctp/socket.c
    {AF_INET6, SOCK_SEQPACKET, AFPLUG_ROW_CONNECT_UNREPORTED, 0},  // likewise
    {AF_INET6, AFPLUG_ANY, 0, AFPLUG_FAMILY_DUAL_STACK},           // ipv6(7): IPV6_V6ONLY
};

}  // namespace

void apply_compat_1_0(family_data& f) noexcept {
  f.flags &= family_flags_1_0;
  for (row& r : f.rows) r.flags &= row_flags_1_0;
  if (f.descriptor.backing != AFPLUG_BACKING_KERNEL) return;
  for (const quirk& q : quirks) {
    if (q.family != f.number) continue;
    f.flags |= q.family_flags;
    for (row& r : f.rows)
      if (q.type == AFPLUG_ANY || q.type == r.type) r.flags |= q.row_flags;
  }
}

}  // namespace afplug::detail
