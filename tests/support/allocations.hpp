// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

namespace afplug::testing_support {

/// How often operator new ran in this program so far. Link allocations.cpp, which replaces it.
long allocations() noexcept;

}  // namespace afplug::testing_support
