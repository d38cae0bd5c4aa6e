// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Network interfaces, and conversion of IP addresses from and to text.
#include <afplug/plugin/encoding.hpp>
#include <afplug/resolver.hpp>

#include <arpa/inet.h>
#include <net/if.h>

#include <cerrno>
#include <memory>

#include "throwing.hpp"

namespace afplug {
namespace {

using detail::throwing;

void malformed(error_code& ec, std::string_view text, const char* kind) {
  detail::fail(ec, errc::malformed_address, plugin::quote(text) + " is not an " + kind + " address");
}

std::size_t packed_size(int family) noexcept {
  return family == AF_INET ? sizeof(::in_addr) : family == AF_INET6 ? sizeof(::in6_addr) : 0;
}

}  // namespace

std::vector<interface_entry> if_nameindex() {
  return throwing("if_nameindex", [](error_code& ec) { return if_nameindex(ec); });
}

std::vector<interface_entry> if_nameindex(error_code& ec) {
  ec.clear();
  struct release {
    void operator()(struct ::if_nameindex* all) const noexcept { ::if_freenameindex(all); }
  };
  const std::unique_ptr<struct ::if_nameindex, release> all(::if_nameindex());
  std::vector<interface_entry> entries;
  if (!all) return detail::fail_errno(ec, errno), entries;
  for (const auto* each = all.get(); each->if_index != 0; ++each) entries.push_back({each->if_index, each->if_name});
  return entries;
}

unsigned if_nametoindex(std::string_view name) {
  return throwing("if_nametoindex", [&](error_code& ec) { return if_nametoindex(name, ec); });
}

unsigned if_nametoindex(std::string_view name, error_code& ec) {
  ec.clear();
  const std::string text(name);
  if (text.size() < IF_NAMESIZE && text.find('\0') == std::string::npos)
    if (const auto index = ::if_nametoindex(text.c_str())) return index;
  detail::fail(ec, {ENODEV, boost::system::system_category()}, "there is no network interface " + plugin::quote(text));
  return 0;
}

std::string if_indextoname(unsigned index) {
  return throwing("if_indextoname", [&](error_code& ec) { return if_indextoname(index, ec); });
}

std::string if_indextoname(unsigned index, error_code& ec) {
  ec.clear();
  char name[IF_NAMESIZE];
  if (::if_indextoname(index, name)) return name;
  const error_code code(errno, boost::system::system_category());
  detail::fail(ec, code, "there is no network interface with index " + std::to_string(index));
  return {};
}

std::array<std::byte, 4> inet_aton(std::string_view text) {
  return throwing("inet_aton", [&](error_code& ec) { return inet_aton(text, ec); });
}

std::array<std::byte, 4> inet_aton(std::string_view text, error_code& ec) {
  ec.clear();
  std::array<std::byte, 4> packed{};
  const std::string whole(text);
  ::in_addr parsed{};
  if (whole.find('\0') != std::string::npos || ::inet_aton(whole.c_str(), &parsed) == 0)
    malformed(ec, whole, "IPv4");
  else
    std::memcpy(packed.data(), &parsed, packed.size());
  return packed;
}

std::string inet_ntoa(std::span<const std::byte> packed) {
  return throwing("inet_ntoa", [&](error_code& ec) { return inet_ntoa(packed, ec); });
}

std::string inet_ntoa(std::span<const std::byte> packed, error_code& ec) { return inet_ntop(AF_INET, packed, ec); }

std::vector<std::byte> inet_pton(int family, std::string_view text) {
  return throwing("inet_pton", [&](error_code& ec) { return inet_pton(family, text, ec); });
}

std::vector<std::byte> inet_pton(int family, std::string_view text, error_code& ec) {
  ec.clear();
  std::vector<std::byte> packed(packed_size(family));
  const std::string whole(text);
  if (packed.empty()) {
    detail::fail_errno(ec, EAFNOSUPPORT);
  } else if (whole.find('\0') != std::string::npos || ::inet_pton(family, whole.c_str(), packed.data()) != 1) {
    malformed(ec, whole, family == AF_INET ? "IPv4" : "IPv6");
    packed.clear();
  }
  return packed;
}

std::string inet_ntop(int family, std::span<const std::byte> packed) {
  return throwing("inet_ntop", [&](error_code& ec) { return inet_ntop(family, packed, ec); });
}

std::string inet_ntop(int family, std::span<const std::byte> packed, error_code& ec) {
  ec.clear();
  const auto size = packed_size(family);
  if (size == 0) return detail::fail_errno(ec, EAFNOSUPPORT), std::string();
  if (packed.size() != size) {
    detail::fail(ec, errc::malformed_address,
                 std::to_string(packed.size()) + " bytes given, an address of this family has " + std::to_string(size));
    return {};
  }
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(family, packed.data(), text, sizeof text);
}

}  // namespace afplug
