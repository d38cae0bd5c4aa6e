// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

namespace afplug::testing_support {

/// The number of calls of operator new in this process. Link allocations.cpp, which replaces operator new.
long allocations() noexcept;

}  // namespace afplug::testing_support
