// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#if defined(_WIN32)
/// What libafplug exports. The library is built with hidden visibility.
#define AFPLUG_API __declspec(dllexport)
#else
/// What libafplug exports. The library is built with hidden visibility.
#define AFPLUG_API __attribute__((visibility("default")))
#endif
