// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family bluetooth on Windows: AF_BTH, with the names of other systems too.
#include <windows_common/winsock.hpp>
#include "codec_windows.hpp"

#include <setupapi.h>

namespace {
namespace ap = afplug::plugin;

// The names that other systems have for constants of ws2bth.h.
#define AF_BLUETOOTH AF_BTH
#define BTPROTO_RFCOMM BTHPROTO_RFCOMM
#define BTPROTO_L2CAP BTHPROTO_L2CAP

static_assert(AF_BTH == 32 && BTHPROTO_RFCOMM == 3 && BTHPROTO_L2CAP == 0x100 && SOL_RFCOMM == 3 && SOL_L2CAP == 0x100);

constexpr auto stream_flags = AFPLUG_ROW_CONNECTION | AFPLUG_ROW_STREAM;
constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(BTPROTO_RFCOMM), stream_flags | AFPLUG_ROW_DEFAULT, "rfcomm", {},
            "serial port emulation, byte streams"),
    ap::row(AFPLUG_NAMED(SOCK_STREAM), AFPLUG_NAMED(BTPROTO_L2CAP), stream_flags, "", {},
            "connections, byte streams; needs a third-party Bluetooth stack"),
    ap::pass_through("rfcomm"),
};

// ws2bth.h has unsigned numbers, setsockopt takes an int.
constexpr afplug_option rfcomm(const char* name, unsigned number, std::uint32_t access, const char* help) {
  return ap::option_group{SOL_RFCOMM, "rfcomm"}(name, static_cast<int>(number), ap::kind::u32, access, help);
}
constexpr std::array options{
    rfcomm(AFPLUG_NAMED(SO_BTH_AUTHENTICATE), ap::write_only, "connections need an authenticated peer"),
    rfcomm(AFPLUG_NAMED(SO_BTH_ENCRYPT), ap::write_only,
           "connections need an authenticated peer and an encrypted link"),
    rfcomm(AFPLUG_NAMED(SO_BTH_MTU), ap::read_write, "MTU of the connection; before connect the default"),
    rfcomm(AFPLUG_NAMED(SO_BTH_MTU_MAX), ap::write_only, "upper limit of the negotiated MTU; before connect"),
    rfcomm(AFPLUG_NAMED(SO_BTH_MTU_MIN), ap::write_only, "lower limit of the negotiated MTU; before connect"),
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

/// Whether an adapter is present; true as well if this is not known.
bool has_adapter() noexcept {
  constexpr auto library = L"setupapi.dll";
  constexpr GUID adapters{0x0850302a, 0xb344, 0x4fda, {0x9b, 0xe9, 0x90, 0x57, 0x6b, 0x8d, 0x46, 0xf0}};
  const auto list = windows_common::load_function<decltype(SetupDiGetClassDevsW)>(library, "SetupDiGetClassDevsW");
  const auto next = windows_common::load_function<decltype(SetupDiEnumDeviceInfo)>(library, "SetupDiEnumDeviceInfo");
  const auto end =
      windows_common::load_function<decltype(SetupDiDestroyDeviceInfoList)>(library, "SetupDiDestroyDeviceInfoList");
  if (!list || !next || !end) return true;
  const auto all = list(&adapters, nullptr, nullptr, DIGCF_PRESENT | DIGCF_DEVICEINTERFACE);
  if (all == INVALID_HANDLE_VALUE) return true;
  SP_DEVINFO_DATA first{};
  first.cbSize = sizeof first;
  const bool found = next(all, 0, &first) != FALSE || ::GetLastError() != ERROR_NO_MORE_ITEMS;
  end(all);
  return found;
}

/// Explains failures of AF_BTH. Winsock reports an unknown family without a Bluetooth stack and without an adapter
/// alike. L2CAP sockets open and can't be bound or connected with the Windows stack.
std::int32_t check(const afplug_identity* who, std::uint32_t flags, afplug_verdict* verdict) {
  constexpr auto remedy = "connect an adapter, or check the device manager";
  const bool not_tried = (flags & AFPLUG_CHECK_PASSIVE) != 0 && verdict->state == AFPLUG_UNKNOWN;
  const bool opens = verdict->state == AFPLUG_AVAILABLE;
  const bool unsupported = verdict->state == AFPLUG_UNAVAILABLE && windows_common::is_unsupported_error(verdict->error);
  if ((unsupported || not_tried) && !windows_common::has_provider(AF_BTH))
    ap::set_verdict(*verdict, AFPLUG_UNAVAILABLE, "kernel-lacks-family",
                    "the Winsock catalog has no provider of AF_BTH: no Bluetooth stack is installed",
                    "connect a Bluetooth adapter and install its driver");
  else if (unsupported && windows_common::is_no_family_error(verdict->error) && !has_adapter())
    ap::set_verdict(*verdict, AFPLUG_UNAVAILABLE, "no-device", "there is no Bluetooth adapter", remedy);
  else if (opens && who->protocol == BTHPROTO_L2CAP)
    ap::set_verdict(
        *verdict, AFPLUG_AVAILABLE, "kernel-lacks-protocol",
        "the socket opens, but the Windows stack has L2CAP for drivers only: bind and connect fail with WSAENETDOWN",
        "use BTPROTO_RFCOMM, or install another Bluetooth stack");
  else if (opens && !has_adapter())
    ap::set_verdict(*verdict, AFPLUG_AVAILABLE, "no-device", "the socket opens, but there is no Bluetooth adapter",
                    remedy);
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
