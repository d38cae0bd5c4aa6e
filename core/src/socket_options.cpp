// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <afplug/family.hpp>

namespace afplug {

std::span<const option_info> socket_options() noexcept { return {}; }
std::span<const constant> socket_constants() noexcept { return {}; }

}  // namespace afplug
