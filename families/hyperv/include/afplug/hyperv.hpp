// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of Hyper-V sockets on Linux, which has them as AF_VSOCK (net/vmw_vsock/hyperv_transport.c), and their
// protocol for Asio's sockets; the well-known GUIDs also on Windows. Linux has no AF_HYPERV: the family is found by its
// id, "hyperv", and its number is that of vsock.
//
//   afplug::hyperv::endpoint host(afplug::hyperv::guid_parent, "00000400-facb-11e6-bd58-64006a7986d3");
//   afplug::hyperv::stream::socket s(io);
//   s.connect(host);
//
// Text:
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

#include <afplug/plugin/text.hpp>
#if defined(__linux__)
#include <sys/socket.h>

#include <afplug/endpoint.hpp>

#include <linux/vm_sockets.h>
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace afplug::hyperv {

/// HV_GUID_* of hvsocket.h.
inline constexpr const char* guid_zero = "00000000-0000-0000-0000-000000000000";
inline constexpr const char* guid_wildcard = guid_zero;                                     ///< any machine, for bind
inline constexpr const char* guid_broadcast = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF";       ///< not for sockets
inline constexpr const char* guid_children = "90DB8B89-0D35-4F79-8CE9-49EA0AC8B7CD";        ///< virtual machines here
inline constexpr const char* guid_loopback = "E0E16197-DD56-4A10-9195-5EE7A155A838";        ///< this machine
inline constexpr const char* guid_parent = "A42E7CDA-D03F-480C-9CC2-A4DE20ABB878";          ///< the host
inline constexpr const char* guid_silohost = "36BD0C5C-7276-4223-88BA-7D03B654C568";        ///< the host of a container
inline constexpr const char* guid_vsock_template = "00000000-FACB-11E6-BD58-64006A7986D3";  ///< service of vsock port 0

#if defined(__linux__)
/// An address of a Hyper-V socket: a virtual machine and a service. Its sockaddr is that of vsock, sockaddr_vm.
class endpoint : public basic_endpoint<endpoint, ::sockaddr_vm> {
 public:
  static constexpr const char* id = "hyperv";                     ///< the family's id
  static constexpr bool shares_number = true;                     ///< AF_VSOCK is the number of another family, vsock
  static constexpr std::size_t min_size = sizeof(::sockaddr_vm);  ///< bytes
  static constexpr int family() noexcept { return AF_VSOCK; }     ///< AF_VSOCK

  /// Any machine, vsock port 0.
  constexpr endpoint() noexcept {
    native_.svm_family = AF_VSOCK;
    native_.svm_cid = VMADDR_CID_ANY;
  }
  /// Two GUIDs. Throws EINVAL if one is malformed, EADDRNOTAVAIL if it has no equivalent in vsock.
  endpoint(std::string_view vm_id, std::string_view service_id)
      : endpoint(afplug::detail::throwing_decode(id, vm_id, [&] { return decode_guids(vm_id, service_id); })) {}
  using basic_endpoint::basic_endpoint;  ///< from text, and from a checked address
  /// The service of a vsock port.
  static constexpr endpoint wildcard(std::uint32_t port) noexcept { return of(VMADDR_CID_ANY, port); }  ///< any machine
  static constexpr endpoint loopback(std::uint32_t port) noexcept { return of(cid_local, port); }      ///< this machine
  static constexpr endpoint parent(std::uint32_t port) noexcept { return of(VMADDR_CID_HOST, port); }  ///< the host

  /// The GUID of the virtual machine, in lower case. Throws EINVAL if the CID has none.
  std::string vm_id() const {
    return afplug::detail::throwing_decode(id, to_string(), [&] { return encode_vm_id(); });
  }
  /// The GUID of the service, in lower case.
  std::string service_id() const {
    const std::string digits = plugin::hexadecimal(port()).substr(2);
    return plugin::concat(std::string(8 - digits.size(), '0'), digits, service_tail);
  }
  constexpr std::uint32_t port() const noexcept { return native_.svm_port; }  ///< the vsock port of the service

  /// Parses the text form. For the plugin's codec.
  static endpoint decode(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == text.npos) plugin::fail(EINVAL, "'/' is missing: write VMID/SERVICEID");
    return decode_guids(text.substr(0, slash), text.substr(slash + 1));
  }
  /// Parses two GUIDs. For the plugin's codec.
  static endpoint decode_guids(std::string_view vm_id, std::string_view service_id) {
    const std::string vm = plugin::normalize_guid("vm_id", vm_id);
    const std::string service = plugin::normalize_guid("service_id", service_id);
    const auto cid = cid_of(vm);
    if (!std::string_view(service).ends_with(service_tail))
      plugin::fail(EADDRNOTAVAIL, "service_id ", plugin::quote(service_id),
                   " is not a vsock port: on Linux it must be of the form pppppppp", service_tail);
    return of(cid, plugin::parse_integer<std::uint32_t>(
                       "port", plugin::concat("0x", std::string_view(service).substr(0, 8)), 0, 0xffffffff));
  }
  /// Formats the address. For the plugin's codec.
  std::string encode() const { return plugin::concat(encode_vm_id(), "/", service_id()); }
  /// vm_id(). For the plugin's codec.
  std::string encode_vm_id() const {
    const auto at =
        std::find_if(machines.begin(), machines.end(), [&](const machine& m) { return m.cid == native_.svm_cid; });
    if (at == machines.end() || at->cid == no_cid || native_.svm_flags != 0)
      plugin::fail(EINVAL, "CID ", native_.svm_cid, " has no GUID");
    return plugin::normalize_guid("", at->id);
  }
  /// All fields, for comparison.
  constexpr auto fields() const noexcept { return std::make_tuple(native_.svm_cid, port(), native_.svm_flags); }

 private:
  friend basic_endpoint;
  struct machine {
    const char* id;
    std::uint32_t cid;  // no_cid: vsock has no equivalent
    const char* name;
  };
  static constexpr std::uint32_t no_cid = 0xfffffffe, cid_local = 1;
  static constexpr std::array machines{
      machine{guid_wildcard, VMADDR_CID_ANY, nullptr},      machine{guid_loopback, cid_local, nullptr},
      machine{guid_parent, VMADDR_CID_HOST, nullptr},       machine{guid_children, no_cid, "HV_GUID_CHILDREN"},
      machine{guid_broadcast, no_cid, "HV_GUID_BROADCAST"}, machine{guid_silohost, no_cid, "HV_GUID_SILOHOST"},
  };
  static constexpr std::string_view service_tail = "-facb-11e6-bd58-64006a7986d3";

  static constexpr endpoint of(std::uint32_t cid, std::uint32_t port) noexcept {
    endpoint made;
    made.native_.svm_cid = cid;
    made.native_.svm_port = port;
    return made;
  }
  static std::uint32_t cid_of(const std::string& vm) {
    const auto at = std::find_if(machines.begin(), machines.end(),
                                 [&](const machine& m) { return plugin::normalize_guid("", m.id) == vm; });
    if (at == machines.end())
      plugin::fail(EADDRNOTAVAIL, "vm_id ", plugin::quote(vm),
                   " cannot be reached from Linux: use HV_GUID_PARENT, HV_GUID_LOOPBACK or HV_GUID_WILDCARD");
    if (at->cid == no_cid)
      plugin::fail(EADDRNOTAVAIL, "vm_id ", at->name,
                   " has no vsock CID: on Linux use HV_GUID_PARENT, HV_GUID_LOOPBACK or HV_GUID_WILDCARD");
    return at->cid;
  }
};

using stream = stream_protocol<endpoint>;  ///< HV_PROTOCOL_RAW: byte streams
#endif

}  // namespace afplug::hyperv
