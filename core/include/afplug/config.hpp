// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

/// What libafplug exports. The library is built with hidden visibility.
#if defined(_WIN32)
#define AFPLUG_API __declspec(dllexport)
#else
#define AFPLUG_API __attribute__((visibility("default")))
#endif
