// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The options of level SOL_LOOP.
#pragma once

namespace loop {

inline constexpr int SOL_LOOP = 0x4c4f4f50;
inline constexpr int LOOP_INQ = 1;      // int: bytes to be received; for records, in the first
inline constexpr int LOOP_OUTQ = 2;     // int: bytes that the peer has not received
inline constexpr int LOOP_BACKLOG = 3;  // int: limit of pending connections of a listener
inline constexpr int LOOP_PENDING = 4;  // int: pending connections of a listener
inline constexpr int LOOP_STATE = 5;    // text only: unconnected, listening, connecting, connected

}  // namespace loop
