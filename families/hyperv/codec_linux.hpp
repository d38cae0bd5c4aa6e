// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of Hyper-V sockets on Linux: <afplug/hyperv.hpp> describes their text.
#pragma once

#include <afplug/hyperv.hpp>
#include <afplug/plugin.hpp>

namespace hyperv {
namespace ap = afplug::plugin;
using afplug::hyperv::endpoint;

struct codec {
  using address = sockaddr_vm;
  static constexpr int family = AF_VSOCK;
  static constexpr std::array fields{
      ap::field("vm_id", AFPLUG_KIND_TEXT, "GUID of the virtual machine: HV_GUID_PARENT, _LOOPBACK or _WILDCARD"),
      ap::field("service_id", AFPLUG_KIND_TEXT,
                "GUID of the service: HV_GUID_VSOCK_TEMPLATE with the vsock port in its first 8 digits"),
  };

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    return endpoint::decode(text);
  }
  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    return it.as<endpoint>().encode();
  }
  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    const auto e = it.as<endpoint>();
    out.text(e.encode_vm_id()).text(e.service_id());
  }
  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    return endpoint::decode_guids(in.text(0), in.text(1));
  }
};

}  // namespace hyperv
