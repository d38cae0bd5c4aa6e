// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#if defined(_WIN32)
/// Marks what libafplug exports; all else has hidden visibility.
#define AFPLUG_API __declspec(dllexport)
#else
/// Marks what libafplug exports; all else has hidden visibility.
#define AFPLUG_API __attribute__((visibility("default")))
#endif
