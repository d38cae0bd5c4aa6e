// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The well-known GUIDs of Hyper-V sockets, from hvsocket.h of the Windows SDK.
#pragma once

#include <windows_common/guid.hpp>

namespace hyperv {
namespace ap = afplug::plugin;
using windows_common::normalize_guid;

#define HV_PROTOCOL_RAW 1
#define HV_GUID_ZERO "00000000-0000-0000-0000-000000000000"
#define HV_GUID_WILDCARD HV_GUID_ZERO
#define HV_GUID_BROADCAST "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"
#define HV_GUID_CHILDREN "90DB8B89-0D35-4F79-8CE9-49EA0AC8B7CD"
#define HV_GUID_LOOPBACK "E0E16197-DD56-4A10-9195-5EE7A155A838"
#define HV_GUID_PARENT "A42E7CDA-D03F-480C-9CC2-A4DE20ABB878"
#define HV_GUID_SILOHOST "36BD0C5C-7276-4223-88BA-7D03B654C568"
#define HV_GUID_VSOCK_TEMPLATE "00000000-FACB-11E6-BD58-64006A7986D3"

}  // namespace hyperv
