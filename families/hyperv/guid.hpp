// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// GUIDs as text: 00001388-facb-11e6-bd58-64006a7986d3.
#pragma once

#include <afplug/plugin.hpp>

namespace hyperv {
namespace ap = afplug::plugin;

#define HV_PROTOCOL_RAW 1
#define HV_GUID_ZERO "00000000-0000-0000-0000-000000000000"
#define HV_GUID_WILDCARD HV_GUID_ZERO
#define HV_GUID_BROADCAST "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"
#define HV_GUID_CHILDREN "90DB8B89-0D35-4F79-8CE9-49EA0AC8B7CD"
#define HV_GUID_LOOPBACK "E0E16197-DD56-4A10-9195-5EE7A155A838"
#define HV_GUID_PARENT "A42E7CDA-D03F-480C-9CC2-A4DE20ABB878"
#define HV_GUID_SILOHOST "36BD0C5C-7276-4223-88BA-7D03B654C568"
#define HV_GUID_VSOCK_TEMPLATE "00000000-FACB-11E6-BD58-64006A7986D3"

/// The GUID in lower case. EINVAL, naming `field`: not 8-4-4-4-12 hexadecimal digits.
inline std::string guid(std::string_view field, std::string_view text) {
  constexpr std::string_view form = HV_GUID_ZERO;
  bool good = text.size() == form.size();
  std::string out(text);
  for (std::size_t i = 0; good && i < form.size(); ++i) {
    good = form[i] == '-' ? text[i] == '-' : ap::hex_digit(text[i]) >= 0;
    if (out[i] >= 'A' && out[i] <= 'F') out[i] = static_cast<char>(out[i] - 'A' + 'a');
  }
  if (!good) ap::fail(EINVAL, field, " '", text, "' is not a GUID: xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
  return out;
}

}  // namespace hyperv
