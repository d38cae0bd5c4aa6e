// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Functions of Winsock and Windows that explain why an address family is missing, for `check`.
#pragma once

#include <afplug/plugin.hpp>
#include <vector>

namespace windows_common {
namespace ap = afplug::plugin;

/// Whether the error means that the address family is not supported, as a Winsock error or an errno.
inline bool is_no_family_error(int error) noexcept { return error == WSAEAFNOSUPPORT || error == EAFNOSUPPORT; }

/// Whether the error means that the family, type or protocol is not supported. Winsock returns any of these for a
/// family without a provider.
inline bool is_unsupported_error(int error) noexcept {
  return is_no_family_error(error) || error == WSAEPROTONOSUPPORT || error == WSAESOCKTNOSUPPORT ||
         error == EPROTONOSUPPORT;
}

/// Whether the Winsock catalog has a provider of the family. Opens no socket.
inline bool has_provider(int family) {
  WSADATA data;
  if (::WSAStartup(MAKEWORD(2, 2), &data) != 0) return false;
  DWORD bytes = 0;
  ::WSAEnumProtocolsW(nullptr, nullptr, &bytes);
  std::vector<WSAPROTOCOL_INFOW> all(bytes / sizeof(WSAPROTOCOL_INFOW) + 1);
  bytes = static_cast<DWORD>(all.size() * sizeof(WSAPROTOCOL_INFOW));
  const int count = ::WSAEnumProtocolsW(nullptr, all.data(), &bytes);
  ::WSACleanup();
  return std::any_of(all.begin(), all.begin() + std::max(count, 0),
                     [&](const WSAPROTOCOL_INFOW& one) { return one.iAddressFamily == family; });
}

/// A function of a system library, or null where this version of Windows does not have it.
template <class Function>
Function* load_function(const wchar_t* library, const char* name) noexcept {
  const HMODULE found = ::LoadLibraryExW(library, nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
  return found ? reinterpret_cast<Function*>(reinterpret_cast<void*>(::GetProcAddress(found, name))) : nullptr;
}

/// The build number of Windows, 17134 for Windows 10 1803; 0 if it is not known. (GetVersionEx returns an older version
/// to programs without a manifest.)
inline unsigned long windows_build() noexcept {
  RTL_OSVERSIONINFOW version{};
  version.dwOSVersionInfoSize = sizeof version;
  const auto get_version = load_function<LONG WINAPI(RTL_OSVERSIONINFOW*)>(L"ntdll.dll", "RtlGetVersion");
  return get_version && get_version(&version) == 0 ? version.dwBuildNumber : 0;
}

}  // namespace windows_common
