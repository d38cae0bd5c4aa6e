// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The rows of Bluetooth, which rows.cpp adds to the suite.
#pragma once

#include <span>

#include "row.hpp"

namespace conformance {

std::span<const row> bluetooth_rows();

}  // namespace conformance
