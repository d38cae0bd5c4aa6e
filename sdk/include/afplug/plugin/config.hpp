// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What every header of this folder needs: the contract itself, and the namespace that is named after its version.
#pragma once

#include <afplug/plugin.h>

#if defined(_WIN32)
#define AFPLUG_HIDDEN
#else
/// Hides a namespace's symbols: the dynamic linker must not bind one plugin's inline functions to those of another.
#define AFPLUG_HIDDEN __attribute__((visibility("hidden")))
#endif

static_assert(AFPLUG_ABI_MAJOR == 1 && AFPLUG_ABI_MINOR == 1, "name the namespace below after the new version");
/// The inline namespace of everything in afplug::plugin. Objects that were built from different versions of these
/// headers can be linked into one program, as their symbols differ by this name.
#define AFPLUG_ABI_NAMESPACE abi_1_1
