// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_VSOCK: <afplug/vsock.hpp> describes their text.
#pragma once

#include <afplug/plugin.hpp>
#include <afplug/vsock.hpp>

namespace vsock {
namespace ap = afplug::plugin;
using afplug::vsock::cid, afplug::vsock::endpoint;

struct codec {
  using address = sockaddr_vm;
  static constexpr int family = AF_VSOCK;
  static constexpr std::array fields{
      ap::field("cid", AFPLUG_KIND_U32, "context id; 4294967295: any"),
      ap::field("port", AFPLUG_KIND_U32, "port; 4294967295: any"),
      ap::field("flags", AFPLUG_KIND_U8, "svm_flags", AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX),
  };
  static constexpr std::uint64_t max_u32 = 0xffffffff;

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    return endpoint::decode(text);
  }
  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    return it.as<endpoint>().encode();
  }
  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    const auto e = it.as<endpoint>();
    out.number(static_cast<std::uint32_t>(e.cid())).number(e.port()).number(e.flags());
  }
  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    const auto number = in.number(0, max_u32), port = in.number(1, max_u32), flags = in.number(2, 255);
    return endpoint(cid{static_cast<std::uint32_t>(number)}, port, static_cast<std::uint8_t>(flags));
  }
};

}  // namespace vsock
