// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of Hyper-V sockets on Linux, which has them as AF_VSOCK (net/vmw_vsock/hyperv_transport.c). Text:
//
//   VMID "/" SERVICEID   two GUIDs, in upper or lower case; formatted in lower case
//
//   VMID        HV_GUID_PARENT: the host (CID 2); HV_GUID_LOOPBACK: this machine (CID 1); HV_GUID_WILDCARD, equal to
//               HV_GUID_ZERO: any (VMADDR_CID_ANY)
//   SERVICEID   pppppppp-facb-11e6-bd58-64006a7986d3: vsock port pppppppp, hexadecimal; ffffffff: VMADDR_PORT_ANY
//
// GUIDs without an equivalent in vsock fail with EADDRNOTAVAIL: other machines, HV_GUID_CHILDREN, HV_GUID_BROADCAST,
// HV_GUID_SILOHOST, other services.
#pragma once

#include <sys/socket.h>

#include <linux/vm_sockets.h>
#include "guid.hpp"

namespace hyperv {

struct codec {
  using address = sockaddr_vm;
  static constexpr int family = AF_VSOCK;
  static constexpr std::array fields{
      ap::field("vm_id", AFPLUG_KIND_TEXT, "GUID of the virtual machine: HV_GUID_PARENT, _LOOPBACK or _WILDCARD"),
      ap::field("service_id", AFPLUG_KIND_TEXT,
                "GUID of the service: HV_GUID_VSOCK_TEMPLATE with the vsock port in its first 8 digits"),
  };

  struct machine {
    const char* id;
    std::uint32_t cid;  ///< no_cid: vsock has no equivalent
    const char* name;
  };
  static constexpr std::uint32_t no_cid = 0xfffffffe, cid_local = 1;
  static constexpr std::array machines{
      machine{HV_GUID_WILDCARD, VMADDR_CID_ANY, nullptr},      machine{HV_GUID_LOOPBACK, cid_local, nullptr},
      machine{HV_GUID_PARENT, VMADDR_CID_HOST, nullptr},       machine{HV_GUID_CHILDREN, no_cid, "HV_GUID_CHILDREN"},
      machine{HV_GUID_BROADCAST, no_cid, "HV_GUID_BROADCAST"}, machine{HV_GUID_SILOHOST, no_cid, "HV_GUID_SILOHOST"},
  };
  static constexpr std::string_view service_tail = "-facb-11e6-bd58-64006a7986d3";

  static address make(std::string_view vm_id, std::string_view service_id) {
    const std::string vm = normalize_guid("vm_id", vm_id), service = normalize_guid("service_id", service_id);
    address made{};
    made.svm_family = AF_VSOCK;
    made.svm_cid = cid_of(vm);
    if (!std::string_view(service).ends_with(service_tail))
      ap::fail(EADDRNOTAVAIL, "service_id ", ap::quote(service_id),
               " is not a vsock port: on Linux it must be of the form pppppppp", service_tail);
    made.svm_port = static_cast<std::uint32_t>(
        ap::parse_integer("port", ap::concat("0x", std::string_view(service).substr(0, 8)), 0, 0xffffffff));
    return made;
  }

  static std::uint32_t cid_of(const std::string& vm) {
    const auto at = std::find_if(machines.begin(), machines.end(),
                                 [&](const machine& m) { return normalize_guid("", m.id) == vm; });
    if (at == machines.end())
      ap::fail(EADDRNOTAVAIL, "vm_id ", ap::quote(vm),
               " cannot be reached from Linux: use HV_GUID_PARENT, HV_GUID_LOOPBACK or HV_GUID_WILDCARD");
    if (at->cid == no_cid)
      ap::fail(EADDRNOTAVAIL, "vm_id ", at->name,
               " has no vsock CID: on Linux use HV_GUID_PARENT, HV_GUID_LOOPBACK or HV_GUID_WILDCARD");
    return at->cid;
  }

  static std::string vm_id(const address& it) {
    const auto at =
        std::find_if(machines.begin(), machines.end(), [&](const machine& m) { return m.cid == it.svm_cid; });
    if (at == machines.end() || at->cid == no_cid || it.svm_flags != 0)
      ap::fail(EINVAL, "CID ", it.svm_cid, " has no GUID");
    return normalize_guid("", at->id);
  }

  static std::string service_id(const address& it) {
    const std::string digits = ap::hexadecimal(it.svm_port).substr(2);
    return ap::concat(std::string(8 - digits.size(), '0'), digits, service_tail);
  }

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    const auto slash = text.find('/');
    if (slash == text.npos) ap::fail(EINVAL, "'/' is missing in ", ap::quote(text), ": write VMID/SERVICEID");
    return make(text.substr(0, slash), text.substr(slash + 1));
  }

  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    return ap::concat(vm_id(it.value), "/", service_id(it.value));
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.text(vm_id(it.value)).text(service_id(it.value));
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    return make(in.text(0), in.text(1));
  }
};

}  // namespace hyperv
