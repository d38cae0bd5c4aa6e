// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Ancillary data: SCM_RIGHTS and SCM_CREDENTIALS, in the platform's cmsghdr layout.
#pragma once

#include "inbox.hpp"

namespace loop {

/// Who this process is.
::ucred self() noexcept;

/// Reads what is sent along into `out`: descriptors as duplicates. Throws EINVAL (malformed, unknown, more than 253
/// descriptors), EBADF, EMFILE, EPERM (another's credentials).
void read_ancillary(const afplug_message& sent, message& out);

/// Writes what arrived to `to.control`, sets `to.control_size`. Descriptors that find no room stay in `rights`, and
/// MSG_CTRUNC is returned.
std::int32_t write_ancillary(afplug_message& to, const std::optional<::ucred>& sender, std::vector<descriptor>& rights);

}  // namespace loop
