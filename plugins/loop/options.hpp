// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family's own options, level SOL_LOOP.
#pragma once

namespace loop {

inline constexpr int SOL_LOOP = 0x4c4f4f50;
inline constexpr int LOOP_INQ = 1;      // bytes that wait to be received; of records, in the first
inline constexpr int LOOP_OUTQ = 2;     // bytes that the peer has not received
inline constexpr int LOOP_BACKLOG = 3;  // of a listener: how many connections may wait
inline constexpr int LOOP_PENDING = 4;  // of a listener: how many do
inline constexpr int LOOP_STAGE = 5;    // fresh, listening, connecting, connected; as text alone

}  // namespace loop
