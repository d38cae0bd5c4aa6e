// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_UNIX: <afplug/unix.hpp> describes their text.
#pragma once

#include <afplug/plugin.hpp>
#include <afplug/unix.hpp>

namespace unix_family {
namespace ap = afplug::plugin;
using afplug::unix_::endpoint;

struct codec {
  using address = endpoint::native_type;
  static constexpr int family = AF_UNIX;
  static constexpr std::size_t max_path = sizeof(sockaddr_un::sun_path);
  static constexpr std::uint32_t min_length = endpoint::min_size;
  static constexpr std::array fields{
      ap::field("path", AFPLUG_KIND_BYTES, "a path; NUL and an abstract name; empty: no name"),
  };

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    return endpoint::decode(text);
  }
  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    return it.as<endpoint>().encode();
  }
  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    const auto e = it.as<endpoint>();
    out.bytes(e.checked_name());
  }
  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    return endpoint::decode_name(in.text(0));
  }
};

}  // namespace unix_family
