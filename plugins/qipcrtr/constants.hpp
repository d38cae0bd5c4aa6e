// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The constants of QIPCRTR. tools/constants writes this file.
// clang-format off
#pragma once

#include <sys/socket.h>
#include <linux/qrtr.h>

#include <afplug/plugin.hpp>

namespace qipcrtr_family {

inline constexpr afplug::plugin::constant_group qrtr_{"QRTR_"};
inline constexpr auto constants = std::to_array<afplug_constant>({
    qrtr_(AFPLUG_NAMED(QRTR_NODE_BCAST)),
    qrtr_(AFPLUG_NAMED(QRTR_PORT_CTRL)),
    qrtr_(AFPLUG_NAMED(QRTR_TYPE_DATA)),
    qrtr_(AFPLUG_NAMED(QRTR_TYPE_HELLO)),
    qrtr_(AFPLUG_NAMED(QRTR_TYPE_BYE)),
    qrtr_(AFPLUG_NAMED(QRTR_TYPE_NEW_SERVER)),
    qrtr_(AFPLUG_NAMED(QRTR_TYPE_DEL_SERVER)),
    qrtr_(AFPLUG_NAMED(QRTR_TYPE_DEL_CLIENT)),
    qrtr_(AFPLUG_NAMED(QRTR_TYPE_RESUME_TX)),
    qrtr_(AFPLUG_NAMED(QRTR_TYPE_EXIT)),
    qrtr_(AFPLUG_NAMED(QRTR_TYPE_PING)),
    qrtr_(AFPLUG_NAMED(QRTR_TYPE_NEW_LOOKUP)),
    qrtr_(AFPLUG_NAMED(QRTR_TYPE_DEL_LOOKUP)),
});

}  // namespace qipcrtr_family
