// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What every header of this folder needs: the contract itself, and the namespace that carries its version.
#pragma once

#include <afplug/plugin.h>

#if defined(_WIN32)
#define AFPLUG_HIDDEN
#else
/// Hides a namespace's symbols, so that the dynamic linker never binds one plugin's to another's.
#define AFPLUG_HIDDEN __attribute__((visibility("hidden")))
#endif

static_assert(AFPLUG_ABI_MAJOR == 1 && AFPLUG_ABI_MINOR == 0, "name the namespace below after the version");
/// The inline namespace of everything in afplug::plugin. It carries the version of the contract, so that two plugins,
/// or a plugin and its host, that were built from different versions of these headers never share a symbol.
#define AFPLUG_ABI_NAMESPACE abi_1_0
