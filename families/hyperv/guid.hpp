// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The well-known GUIDs of Hyper-V sockets, from hvsocket.h of the Windows SDK.
#pragma once

#include <afplug/hyperv.hpp>
#include <windows_common/guid.hpp>

namespace hyperv {
namespace ap = afplug::plugin;

#define HV_PROTOCOL_RAW 1
#define HV_GUID_ZERO afplug::hyperv::guid_zero
#define HV_GUID_WILDCARD afplug::hyperv::guid_wildcard
#define HV_GUID_BROADCAST afplug::hyperv::guid_broadcast
#define HV_GUID_CHILDREN afplug::hyperv::guid_children
#define HV_GUID_LOOPBACK afplug::hyperv::guid_loopback
#define HV_GUID_PARENT afplug::hyperv::guid_parent
#define HV_GUID_SILOHOST afplug::hyperv::guid_silohost
#define HV_GUID_VSOCK_TEMPLATE afplug::hyperv::guid_vsock_template

}  // namespace hyperv
