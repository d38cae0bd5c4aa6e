// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What Windows says of its address families, for `check`.
#pragma once

#include <afplug/plugin.hpp>
#include <vector>

namespace windows_common {
namespace ap = afplug::plugin;

/// Whether an attempt that ended so found no such family; as Winsock numbers it, or the C library.
inline bool lacks_family(int error) noexcept { return error == WSAEAFNOSUPPORT || error == EAFNOSUPPORT; }

/// Whether it found nothing of this name, which is what a family without a provider may say too.
inline bool lacks(int error) noexcept {
  return lacks_family(error) || error == WSAEPROTONOSUPPORT || error == WSAESOCKTNOSUPPORT || error == EPROTONOSUPPORT;
}

/// Whether Winsock's catalogue has a provider of the family. Opens nothing.
inline bool provides(int family) {
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

/// A function of one of the system's libraries, which not every Windows has; null: not this one.
template <class Function>
Function* function(const wchar_t* library, const char* name) noexcept {
  const HMODULE found = ::LoadLibraryExW(library, nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
  return found ? reinterpret_cast<Function*>(reinterpret_cast<void*>(::GetProcAddress(found, name))) : nullptr;
}

/// The build of this Windows: 17134 is Windows 10 1803. 0: it does not say. (GetVersionEx tells most programs of an
/// older one.)
inline unsigned long build() noexcept {
  RTL_OSVERSIONINFOW version{};
  version.dwOSVersionInfoSize = sizeof version;
  const auto ask = function<LONG WINAPI(RTL_OSVERSIONINFOW*)>(L"ntdll.dll", "RtlGetVersion");
  return ask && ask(&version) == 0 ? version.dwBuildNumber : 0;
}

}  // namespace windows_common
