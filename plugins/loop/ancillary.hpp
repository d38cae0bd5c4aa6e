// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Ancillary data: SCM_RIGHTS and SCM_CREDENTIALS as in unix(7), in the system's cmsghdr layout.
#pragma once

#include "receive_queue.hpp"

namespace loop {

/// The credentials of this process: pid, effective uid, effective gid.
::ucred own_credentials() noexcept;

/// Parses the control data of a sendmsg into `out`; descriptors are duplicated. Throws `failure` EINVAL (malformed,
/// unknown, or more than 253 descriptors) and EPERM (credentials of another process), std::system_error EBADF and
/// EMFILE.
void parse_control(const afplug_message& sent, message& out);

/// Writes the control data of a recvmsg and sets `to.control_size`. Returns 0, or MSG_CTRUNC where it did not fit;
/// descriptors that did not fit stay in `rights`.
std::int32_t write_control(afplug_message& to, const std::optional<::ucred>& sender, std::vector<unique_fd>& rights);

}  // namespace loop
