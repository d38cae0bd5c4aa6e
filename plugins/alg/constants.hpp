// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The constants of the kernel crypto API. tools/constants writes this file.
// clang-format off
#pragma once

#include <sys/socket.h>
#include <linux/if_alg.h>

#include <afplug/plugin.hpp>

// Not in all headers that this builds with.
#ifndef ALG_SET_PUBKEY
#define ALG_SET_PUBKEY 6
#endif
#ifndef ALG_OP_SIGN
#define ALG_OP_SIGN 2
#endif
#ifndef ALG_OP_VERIFY
#define ALG_OP_VERIFY 3
#endif

namespace alg_family {

inline constexpr afplug::plugin::constant_group alg_{"ALG_"}, sol_{"SOL_"};
inline constexpr auto constants = std::to_array<afplug_constant>({
    alg_(AFPLUG_NAMED(ALG_SET_KEY)),
    alg_(AFPLUG_NAMED(ALG_SET_IV)),
    alg_(AFPLUG_NAMED(ALG_SET_OP)),
    alg_(AFPLUG_NAMED(ALG_SET_AEAD_ASSOCLEN)),
    alg_(AFPLUG_NAMED(ALG_SET_AEAD_AUTHSIZE)),
    alg_(AFPLUG_NAMED(ALG_SET_DRBG_ENTROPY)),
    alg_(AFPLUG_NAMED(ALG_OP_DECRYPT)),
    alg_(AFPLUG_NAMED(ALG_OP_ENCRYPT)),
    alg_(AFPLUG_NAMED(ALG_SET_PUBKEY)),
    alg_(AFPLUG_NAMED(ALG_OP_SIGN)),
    alg_(AFPLUG_NAMED(ALG_OP_VERIFY)),
    sol_(AFPLUG_NAMED(SOL_ALG)),
});

}  // namespace alg_family
