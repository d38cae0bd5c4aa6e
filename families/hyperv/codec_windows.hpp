// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_HYPERV as text, on Windows (hvsocket.h):
//
//   VMID "/" SERVICEID                two GUIDs, in upper or lower case; formatted in lower case
//   VMID "/" SERVICEID "?flags=N"     N: the member Reserved; HVSOCKET_ADDRESS_FLAG_PASSTHRU is 1
#pragma once

#include "guid.hpp"

namespace hyperv {
using windows_common::parse_guid, windows_common::format_guid;

/// SOCKADDR_HV.
struct sockaddr_hv {
  std::uint16_t family = 34;
  std::uint16_t reserved = 0;
  GUID vm_id, service_id;
};
static_assert(sizeof(sockaddr_hv) == 36);

struct codec {
  using address = sockaddr_hv;
  static constexpr int family = 34;  // AF_HYPERV
  static constexpr std::array fields{
      ap::field("vm_id", AFPLUG_KIND_TEXT, "GUID of the virtual machine, or HV_GUID_PARENT, HV_GUID_WILDCARD …"),
      ap::field("service_id", AFPLUG_KIND_TEXT, "GUID of the service"),
      ap::field("flags", AFPLUG_KIND_U16, "HVSOCKET_ADDRESS_FLAG_*", AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX),
  };

  static address make(std::string_view vm_id, std::string_view service_id, std::uint64_t flags) {
    return {34, static_cast<std::uint16_t>(flags), parse_guid("vm_id", vm_id), parse_guid("service_id", service_id)};
  }

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    ap::query query(text);
    const auto flags = query.take("flags", 65535, 0);
    query.reject_unknown("flags");
    const auto slash = query.body().find('/');
    if (slash == std::string_view::npos)
      ap::fail(EINVAL, "'/' is missing in ", ap::quote(text), ": write VMID/SERVICEID");
    return make(query.body().substr(0, slash), query.body().substr(slash + 1), flags);
  }

  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    std::string text = ap::concat(format_guid(it->vm_id), "/", format_guid(it->service_id));
    if (it->reserved != 0) ap::append_key(text, "flags", ap::hexadecimal(it->reserved));
    return text;
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.text(format_guid(it->vm_id)).text(format_guid(it->service_id)).number(it->reserved);
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    return make(in.text(0), in.text(1), in.number(2, 65535));
  }
};

}  // namespace hyperv
