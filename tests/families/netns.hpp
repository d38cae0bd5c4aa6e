// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A network namespace for the tests of a process: what they do to interfaces stays in it. It takes root.
#pragma once

#include <string>

namespace families {

/// Moves this thread, and those that it makes, into a new network namespace whose lo is up. Why not, or "".
std::string enter_new_netns();

/// Two interfaces, up, one at each end of a cable: veth0 and veth1. Why not, or "".
std::string make_veth_pair();

}  // namespace families
