// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of Hyper-V sockets, as Windows has them. Text:
//
//   VMID "/" SERVICEID    two GUIDs, in either case; written back in lower case
//
// and "?flags=N" where the reserved member is not zero (HVSOCKET_ADDRESS_FLAG_PASSTHRU is 1).
#pragma once

#include "guid.hpp"

namespace hyperv {

/// GUID: three little-endian numbers, then eight bytes.
struct native_guid {
  std::uint32_t data1 = 0;
  std::uint16_t data2 = 0, data3 = 0;
  std::uint8_t data4[8] = {};
};

/// SOCKADDR_HV.
struct sockaddr_hv {
  std::uint16_t family = 34;
  std::uint16_t reserved = 0;
  native_guid vm_id, service_id;
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

  static native_guid read(std::string_view field, std::string_view text) {
    const std::string lower = guid(field, text);
    const auto number = [&](std::size_t at, std::size_t digits) {
      return ap::integer("GUID", ap::say("0x", std::string_view(lower).substr(at, digits)), 0, 0xffffffff);
    };
    native_guid made;
    made.data1 = static_cast<std::uint32_t>(number(0, 8));
    made.data2 = static_cast<std::uint16_t>(number(9, 4));
    made.data3 = static_cast<std::uint16_t>(number(14, 4));
    for (std::size_t i = 0; i < 8; ++i) made.data4[i] = static_cast<std::uint8_t>(number((i < 2 ? 19 : 20) + 2 * i, 2));
    return made;
  }

  static std::string write(const native_guid& from) {
    std::string out;
    const auto digits = [&](std::uint32_t value, int count) {
      for (int shift = (count - 1) * 4; shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15];
    };
    digits(from.data1, 8);
    out += '-';
    digits(from.data2, 4);
    out += '-';
    digits(from.data3, 4);
    for (std::size_t i = 0; i < 8; ++i) {
      if (i == 0 || i == 2) out += '-';
      digits(from.data4[i], 2);
    }
    return out;
  }

  static address make(std::string_view vm_id, std::string_view service_id, std::uint64_t flags) {
    return {34, static_cast<std::uint16_t>(flags), read("vm_id", vm_id), read("service_id", service_id)};
  }

  static ap::sized<address> parse(const afplug_identity&, std::string_view text) {
    ap::keys keys(text);
    const auto flags = keys.take("flags", 65535, 0);
    keys.finish("flags");
    const auto slash = keys.body().find('/');
    if (slash == std::string_view::npos) ap::fail(EINVAL, "'/' is missing in '", text, "': write VMID/SERVICEID");
    return make(keys.body().substr(0, slash), keys.body().substr(slash + 1), flags);
  }

  static std::string format(const afplug_identity&, const ap::sized<address>& it) {
    std::string text = ap::say(write(it->vm_id), "/", write(it->service_id));
    if (it->reserved != 0) ap::add_key(text, "flags", ap::hexadecimal(it->reserved));
    return text;
  }

  static void get(const afplug_identity&, const ap::sized<address>& it, ap::fields_out& out) {
    out.text(write(it->vm_id)).text(write(it->service_id)).number(it->reserved);
  }

  static ap::sized<address> set(const afplug_identity&, const ap::fields_in& in) {
    return make(in.text(0), in.text(1), in.number(2, 65535));
  }
};

}  // namespace hyperv
