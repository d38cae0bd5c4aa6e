// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include "family_data.hpp"

namespace afplug::detail {

/// Adapts the family of a plugin built for ABI 1.0. Flag bits that 1.0 did not define are cleared; the bits of ABI 1.1
/// that describe the kernel's behaviour are set for the families of Linux that behave so.
void apply_compat_1_0(family_data& f) noexcept;

}  // namespace afplug::detail
