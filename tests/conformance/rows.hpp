// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The rows that stand in files of their own, which rows.cpp adds to the suite.
#pragma once

#include <span>

#include "row.hpp"

namespace conformance {

std::span<const row> bluetooth_rows();
std::span<const row> netlink_rows();
std::span<const row> packet_rows();

}  // namespace conformance
