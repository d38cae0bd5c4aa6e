// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_VSOCK as text (vsock(7)):
//
//   CID ":" PORT              CID: a number, or any, hypervisor, local, host; PORT: a number, or any
//   CID ":" PORT "?flags=N"   N: svm_flags; VMADDR_FLAG_TO_HOST is 1
#pragma once

#include <linux/vm_sockets.h>
#include <sys/socket.h>

#include <afplug/plugin.hpp>

namespace vsock {
namespace ap = afplug::plugin;

struct cid_name {
  std::string_view name;
  std::uint32_t cid;
};
inline constexpr cid_name cid_names[] = {
    {"any", VMADDR_CID_ANY},
    {"hypervisor", VMADDR_CID_HYPERVISOR},
    {"local", 1},
    {"host", VMADDR_CID_HOST},
};

struct codec {
  using address = sockaddr_vm;
  static constexpr int family = AF_VSOCK;
  static constexpr std::array fields{
      ap::field("cid", AFPLUG_KIND_U32, "context id; 4294967295: any"),
      ap::field("port", AFPLUG_KIND_U32, "port; 4294967295: any"),
      ap::field("flags", AFPLUG_KIND_U8, "svm_flags", AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX),
  };
  static constexpr std::uint64_t max_u32 = 0xffffffff;

  static address make(std::uint64_t cid, std::uint64_t port, std::uint64_t flags) {
    address made{};
    made.svm_family = AF_VSOCK;
    made.svm_cid = static_cast<unsigned>(cid);
    made.svm_port = static_cast<unsigned>(port);
    made.svm_flags = static_cast<std::uint8_t>(flags);
    return made;
  }

  static std::uint64_t parse_cid(std::string_view text) {
    for (const auto& known : cid_names)
      if (text == known.name) return known.cid;
    return ap::parse_integer("cid", text, 0, max_u32);
  }

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    ap::query query(text);
    const auto flags = query.take("flags", 255, 0);
    query.reject_unknown("flags");
    const auto colon = query.body().find(':');
    if (colon == std::string_view::npos) ap::fail(EINVAL, "the port is missing in '", text, "': write CID:PORT");
    const auto port = query.body().substr(colon + 1);
    return make(parse_cid(query.body().substr(0, colon)),
                port == "any" ? max_u32 : ap::parse_integer("port", port, 0, max_u32), flags);
  }

  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    std::string text = std::to_string(it->svm_cid);
    for (const auto& known : cid_names)
      if (it->svm_cid == known.cid) text = known.name;
    text += ':';
    text += it->svm_port == VMADDR_PORT_ANY ? "any" : std::to_string(it->svm_port);
    if (it->svm_flags != 0) ap::append_key(text, "flags", ap::hexadecimal(it->svm_flags));
    return text;
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.number(it->svm_cid).number(it->svm_port).number(it->svm_flags);
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    return make(in.number(0, max_u32), in.number(1, max_u32), in.number(2, 255));
  }
};

}  // namespace vsock
