// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_VSOCK (vsock(7)), and its protocols for Asio's sockets.
//
//   constexpr afplug::vsock::endpoint host(afplug::vsock::cid::host, 1024);
//   afplug::vsock::stream::socket s(io);
//   s.connect(host);
//
// Text:
//
//   CID ":" PORT              CID: a number, or any, hypervisor, local, host; PORT: a number, or any
//   CID ":" PORT "?flags=N"   N: svm_flags; VMADDR_FLAG_TO_HOST is 1
#pragma once

#include <afplug/endpoint.hpp>
#include <afplug/plugin/text.hpp>

#include <linux/vm_sockets.h>

namespace afplug::vsock {

/// A context identifier, the address of a machine: cid(3), or one of the names.
enum class cid : std::uint32_t {
  hypervisor = VMADDR_CID_HYPERVISOR,  ///< 0
  local = 1,                           ///< VMADDR_CID_LOCAL: this machine
  host = VMADDR_CID_HOST,              ///< 2: the host of this virtual machine
  any = VMADDR_CID_ANY                 ///< 0xffffffff: for bind
};

/// VMADDR_PORT_ANY: bind chooses a port.
inline constexpr std::uint32_t any_port = VMADDR_PORT_ANY;

/// An address of a VSOCK socket: sockaddr_vm.
class endpoint : public basic_endpoint<endpoint, ::sockaddr_vm> {
 public:
  static constexpr const char* id = "vsock";                      ///< the family's id
  static constexpr std::size_t min_size = sizeof(::sockaddr_vm);  ///< bytes
  static constexpr int family() noexcept { return AF_VSOCK; }     ///< AF_VSOCK

  /// hypervisor:0.
  constexpr endpoint() noexcept : endpoint(vsock::cid{}, 0) {}
  /// Throws ERANGE if `port` has more than 32 bits.
  template <std::integral Port>
  constexpr endpoint(vsock::cid machine, Port port, std::uint8_t flags = 0) {
    native_.svm_family = AF_VSOCK;
    native_.svm_cid = static_cast<std::uint32_t>(machine);
    native_.svm_port = afplug::detail::field_cast<std::uint32_t>("port", port);
    native_.svm_flags = flags;
  }
  /// `host` is the CID as in the text form: "host", "3". Throws EINVAL and ERANGE.
  template <std::integral Port>
  endpoint(std::string_view host, Port port)
      : endpoint(afplug::detail::throwing_decode(id, host, [&] { return decode_cid(host); }), port) {}
  using basic_endpoint::basic_endpoint;  ///< from text, and from a checked address

  constexpr vsock::cid cid() const noexcept { return vsock::cid{native_.svm_cid}; }  ///< the machine
  constexpr std::uint32_t port() const noexcept { return native_.svm_port; }         ///< any_port: any
  constexpr std::uint8_t flags() const noexcept { return native_.svm_flags; }        ///< VMADDR_FLAG_*
  /// The CID as in the text form: "host", "3".
  std::string host() const {
    for (const auto& known : names)
      if (known.cid == cid()) return std::string(known.name);
    return std::to_string(native_.svm_cid);
  }

  /// Parses the text form. For the plugin's codec.
  static endpoint decode(std::string_view text) {
    plugin::query query(text);
    const auto flags = static_cast<std::uint8_t>(query.take("flags", 255, 0));
    query.reject_unknown("flags");
    const auto colon = query.body().find(':');
    if (colon == std::string_view::npos) plugin::fail(EINVAL, "the port is missing: write CID:PORT");
    const auto port = query.body().substr(colon + 1);
    return {decode_cid(query.body().substr(0, colon)),
            port == "any" ? any_port : plugin::parse_integer<std::uint32_t>("port", port, 0, any_port), flags};
  }
  /// Formats the address. For the plugin's codec.
  std::string encode() const {
    std::string text = plugin::concat(host(), ":", port() == any_port ? "any" : std::to_string(port()));
    if (flags() != 0) plugin::append_key(text, "flags", plugin::hexadecimal(flags()));
    return text;
  }
  /// All fields, for comparison.
  constexpr auto fields() const noexcept { return std::make_tuple(native_.svm_cid, port(), flags()); }

 private:
  friend basic_endpoint;
  struct named_cid {
    std::string_view name;
    vsock::cid cid;
  };
  static constexpr named_cid names[] = {{"any", vsock::cid::any},
                                        {"hypervisor", vsock::cid::hypervisor},
                                        {"local", vsock::cid::local},
                                        {"host", vsock::cid::host}};

  static vsock::cid decode_cid(std::string_view text) {
    for (const auto& known : names)
      if (text == known.name) return known.cid;
    return vsock::cid{plugin::parse_integer<std::uint32_t>("cid", text, 0, 0xffffffff)};
  }
};

using stream = stream_protocol<endpoint>;          ///< byte streams
using datagram = datagram_protocol<endpoint>;      ///< datagrams, of VMCI only
using seq_packet = seq_packet_protocol<endpoint>;  ///< connections with message boundaries, since Linux 5.14

}  // namespace afplug::vsock
