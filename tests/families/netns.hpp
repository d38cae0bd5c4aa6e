// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A network namespace for the test process, so that its changes to interfaces do not affect the machine. Needs root.
#pragma once

#include <string>

namespace families {

/// Moves this thread, and threads it creates from now on, into a new network namespace with lo up. Returns why this
/// failed, or an empty string.
std::string enter_new_netns();

/// Creates a pair of connected veth(4) interfaces, veth0 and veth1, both up. Returns why this failed, or an empty
/// string.
std::string make_veth_pair();

}  // namespace families
