// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family bluetooth on Windows: AF_BTH, by the names that it has elsewhere.
#include <windows_common/winsock.hpp>
#include "codec_windows.hpp"

#include <setupapi.h>

namespace {
namespace ap = afplug::plugin;

// Other platforms' names of what ws2bth.h has.
#define AF_BLUETOOTH AF_BTH
#define BTPROTO_RFCOMM BTHPROTO_RFCOMM
#define BTPROTO_L2CAP BTHPROTO_L2CAP

static_assert(AF_BTH == 32 && BTHPROTO_RFCOMM == 3 && BTHPROTO_L2CAP == 0x100 && SOL_RFCOMM == 3 && SOL_L2CAP == 0x100);

constexpr auto bytes = AFPLUG_ROW_CONNECTION | AFPLUG_ROW_STREAM;
constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(BTPROTO_RFCOMM), bytes | AFPLUG_ROW_DEFAULT, "rfcomm", {},
            "serial ports"),
    ap::row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(BTPROTO_L2CAP), bytes, "", {},
            "channels of bytes, where a Bluetooth stack has them for programs"),
    ap::pass_through("rfcomm"),
};

// The numbers are unsigned in ws2bth.h and go into setsockopt's int.
constexpr afplug_option rfcomm(const char* name, unsigned number, std::uint32_t access, const char* help) {
  return ap::option_group{SOL_RFCOMM, "rfcomm"}(name, static_cast<int>(number), ap::kind::u32, access, help);
}
constexpr std::array options{
    rfcomm(AFPLUG_NAMED(SO_BTH_AUTHENTICATE), ap::write_only, "connect and accept take an authenticated peer: 1"),
    rfcomm(AFPLUG_NAMED(SO_BTH_ENCRYPT), ap::write_only, "connect and accept take an encrypted link, of such a peer"),
    rfcomm(AFPLUG_NAMED(SO_BTH_MTU), ap::read_write, "MTU of the connection, before it is there the default"),
    rfcomm(AFPLUG_NAMED(SO_BTH_MTU_MAX), ap::write_only,
           "largest MTU that is agreed on, before the connection is there"),
    rfcomm(AFPLUG_NAMED(SO_BTH_MTU_MIN), ap::write_only,
           "smallest MTU that is agreed on, before the connection is there"),
};

constexpr ap::constant_group af{"AF_"}, btproto{"BTPROTO_"}, bthproto{"BTHPROTO_"}, sol{"SOL_"}, bdaddr{"BDADDR_"},
    port{"BT_PORT_"}, rfcomm_mtu{"RFCOMM_"};
constexpr auto constants = ap::join(
    std::array{
        af(AFPLUG_NAMED(AF_BLUETOOTH)),
        af(AFPLUG_NAMED(AF_BTH)),
        btproto(AFPLUG_NAMED(BTPROTO_RFCOMM)),
        btproto(AFPLUG_NAMED(BTPROTO_L2CAP)),
        bthproto(AFPLUG_NAMED(BTHPROTO_RFCOMM)),
        bthproto(AFPLUG_NAMED(BTHPROTO_L2CAP)),
        sol(AFPLUG_NAMED(SOL_RFCOMM)),
        sol(AFPLUG_NAMED(SOL_L2CAP)),
        sol(AFPLUG_NAMED(SOL_SDP)),
        bdaddr("BDADDR_ANY", "00:00:00:00:00:00"),
        bdaddr("BDADDR_LOCAL", "00:00:00:FF:FF:FF"),
        port(AFPLUG_NAMED(BT_PORT_ANY)),
        port(AFPLUG_NAMED(BT_PORT_MIN)),
        port(AFPLUG_NAMED(BT_PORT_MAX)),
        port(AFPLUG_NAMED(BT_PORT_DYN_FIRST)),
        rfcomm_mtu(AFPLUG_NAMED(RFCOMM_MIN_MTU)),
        rfcomm_mtu(AFPLUG_NAMED(RFCOMM_MAX_MTU)),
    },
    ap::constants_of("SO_", options));

/// Whether an adapter is there and at work; so too where Windows can't be asked.
bool has_adapter() noexcept {
  constexpr auto library = L"setupapi.dll";
  constexpr GUID adapters{0x0850302a, 0xb344, 0x4fda, {0x9b, 0xe9, 0x90, 0x57, 0x6b, 0x8d, 0x46, 0xf0}};
  const auto list = windows_common::function<decltype(SetupDiGetClassDevsW)>(library, "SetupDiGetClassDevsW");
  const auto next = windows_common::function<decltype(SetupDiEnumDeviceInfo)>(library, "SetupDiEnumDeviceInfo");
  const auto end =
      windows_common::function<decltype(SetupDiDestroyDeviceInfoList)>(library, "SetupDiDestroyDeviceInfoList");
  if (!list || !next || !end) return true;
  const auto all = list(&adapters, nullptr, nullptr, DIGCF_PRESENT | DIGCF_DEVICEINTERFACE);
  if (all == INVALID_HANDLE_VALUE) return true;
  SP_DEVINFO_DATA first{};
  first.cbSize = sizeof first;
  const bool found = next(all, 0, &first) != FALSE || ::GetLastError() != ERROR_NO_MORE_ITEMS;
  end(all);
  return found;
}

/// AF_BTH comes with a Bluetooth stack, and says that there is no such family without an adapter too; L2CAP opens, no
/// more.
std::int32_t check(const afplug_identity* who, std::uint32_t flags, afplug_verdict* verdict) {
  constexpr auto plug = "plug one in, or see the device manager";
  const bool untried = (flags & AFPLUG_CHECK_PASSIVE) != 0 && verdict->state == AFPLUG_UNKNOWN;
  const bool opens = verdict->state == AFPLUG_AVAILABLE;
  const bool lacks = verdict->state == AFPLUG_UNAVAILABLE && windows_common::lacks(verdict->error);
  if ((lacks || untried) && !windows_common::provides(AF_BTH))
    ap::set_verdict(*verdict, AFPLUG_UNAVAILABLE, "kernel-lacks-family",
                    "Winsock's catalogue has no provider of AF_BTH: no Bluetooth stack is installed",
                    "plug in a Bluetooth adapter and install its driver");
  else if (lacks && windows_common::lacks_family(verdict->error) && !has_adapter())
    ap::set_verdict(*verdict, AFPLUG_UNAVAILABLE, "no-device", "there is no Bluetooth adapter", plug);
  else if (opens && who->protocol == BTHPROTO_L2CAP)
    ap::set_verdict(
        *verdict, AFPLUG_AVAILABLE, "kernel-lacks-protocol",
        "the socket opens, but Windows' own stack leaves L2CAP to drivers: bind and connect say WSAENETDOWN",
        "use BTPROTO_RFCOMM, or another Bluetooth stack");
  else if (opens && !has_adapter())
    ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "no-device", "the socket opens, but there is no Bluetooth adapter",
                    plug);
  return 0;
}

constexpr std::array families{ap::kernel_family({
    .id = "bluetooth",
    .name = "AF_BLUETOOTH",
    .number = AF_BTH,
    .help = "Bluetooth",
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(constants),
    .codec = &ap::codec_of<bluetooth::codec>,
    .check = ap::slot<&check>,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", AFPLUG_FAMILIES_VERSION, families)
