// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The constants of Hyper-V sockets: hvsocket.h of the Windows SDK. The same on every platform.
#pragma once

#include "guid.hpp"

#define HVSOCKET_CONNECT_TIMEOUT 1
#define HVSOCKET_CONTAINER_PASSTHRU 2
#define HVSOCKET_CONNECTED_SUSPEND 4
#define HVSOCKET_HIGH_VTL 8
#define HVSOCKET_CONNECT_TIMEOUT_MAX 300000
#define HVSOCKET_ADDRESS_FLAG_PASSTHRU 1

namespace hyperv {

inline constexpr ap::constant_group hv{"HV_"}, hvsocket{"HVSOCKET_"};
inline constexpr std::array constants{
    hv(AFPLUG_NAMED(HV_PROTOCOL_RAW)),
    hv(AFPLUG_NAMED(HV_GUID_ZERO)),
    hv(AFPLUG_NAMED(HV_GUID_WILDCARD)),
    hv(AFPLUG_NAMED(HV_GUID_BROADCAST)),
    hv(AFPLUG_NAMED(HV_GUID_CHILDREN)),
    hv(AFPLUG_NAMED(HV_GUID_LOOPBACK)),
    hv(AFPLUG_NAMED(HV_GUID_PARENT)),
    hv(AFPLUG_NAMED(HV_GUID_SILOHOST)),
    hv(AFPLUG_NAMED(HV_GUID_VSOCK_TEMPLATE)),
    hvsocket(AFPLUG_NAMED(HVSOCKET_CONNECT_TIMEOUT)),
    hvsocket(AFPLUG_NAMED(HVSOCKET_CONNECT_TIMEOUT_MAX)),
    hvsocket(AFPLUG_NAMED(HVSOCKET_CONTAINER_PASSTHRU)),
    hvsocket(AFPLUG_NAMED(HVSOCKET_CONNECTED_SUSPEND)),
    hvsocket(AFPLUG_NAMED(HVSOCKET_HIGH_VTL)),
    hvsocket(AFPLUG_NAMED(HVSOCKET_ADDRESS_FLAG_PASSTHRU)),
};

}  // namespace hyperv
