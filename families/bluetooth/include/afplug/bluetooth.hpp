// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Bluetooth sockets: addresses, typed options, HCI filters, and the list of adapters. Needs no library and no headers
// of BlueZ: the layouts are those of include/net/bluetooth/*.h of the kernel. Integers are in host byte order, except
// those marked as little-endian. Different objects may be used from different threads.
#pragma once

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <afplug/typed_option.hpp>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include "bluetooth/endpoint.hpp"

namespace afplug::bluetooth {

// ---- options ----

/// The value of BT_SECURITY. level: 0 SDP, 1 low, 2 medium, 3 high, 4 FIPS (BT_SECURITY_*); key_size in bytes.
struct security {
  std::uint8_t level = 0;
  std::uint8_t key_size = 0;
};
/// The value of L2CAP_OPTIONS: MTUs in bytes; mode, fcs, max_tx and txwin_size of retransmission modes.
struct l2cap_options {
  std::uint16_t omtu = 0, imtu = 0, flush_to = 0;
  std::uint8_t mode = 0, fcs = 0, max_tx = 0;
  std::uint16_t txwin_size = 0;
};
/// The value of L2CAP_CONNINFO, RFCOMM_CONNINFO and SCO_CONNINFO: HCI connection handle, device class of the peer.
struct conninfo {
  std::uint16_t hci_handle = 0;
  std::uint8_t dev_class[3] = {};
};

/// The quality of service of one direction of an isochronous stream.
struct iso_io_qos {
  std::uint32_t interval = 0;  ///< interval of SDUs, µs
  std::uint16_t latency = 0;   ///< largest latency, ms
  std::uint16_t sdu = 0;       ///< largest SDU, bytes
  std::uint8_t phy = 0;        ///< 1: 1M, 2: 2M, 4: coded
  std::uint8_t rtn = 0;        ///< number of retransmissions
};
/// The value of BT_ISO_QOS. The members up to `out` are common to connected streams and broadcasts, and the whole
/// struct before Linux 6.4.
struct iso_qos {
  std::uint8_t group = 0xff;   ///< CIG, for broadcasts BIG; 0xff: chosen by the kernel
  std::uint8_t stream = 0xff;  ///< CIS, for broadcasts BIS; 0xff: chosen by the kernel
  std::uint8_t sca = 0;        ///< sleep clock accuracy; for broadcasts sync_factor
  std::uint8_t packing = 0;    ///< 0 sequential, 1 interleaved
  std::uint8_t framing = 0;    ///< 0 unframed, 1 framed
  iso_io_qos in, out;
  /// Only for broadcasts.
  std::uint8_t encryption = 0;
  std::uint8_t code[16] = {};
  std::uint8_t options = 0;
  std::uint16_t skip = 0, sync_timeout = 0;
  std::uint8_t sync_cte_type = 0;
  std::uint8_t mse = 0;
  std::uint16_t timeout = 0;
};
static_assert(offsetof(iso_qos, in) == 8 && offsetof(iso_qos, encryption) == 32 && offsetof(iso_qos, skip) == 50 &&
              sizeof(iso_qos) == 60);
using iso_quality = opt::plain<sol_bluetooth, 17, iso_qos>;  ///< BT_ISO_QOS; before connect and listen

// Options of level SOL_BLUETOOTH apply to several protocols.
using security_level = opt::plain<sol_bluetooth, 4, security>;      ///< BT_SECURITY
using defer_setup = opt::number<sol_bluetooth, 7, std::uint32_t>;   ///< BT_DEFER_SETUP: the first read completes an
                                                                    ///< accepted connection; after bind
using force_active = opt::number<sol_bluetooth, 9, std::uint8_t>;   ///< BT_POWER: leave sniff mode before sending
using voice = opt::number<sol_bluetooth, 11, std::uint16_t>;        ///< BT_VOICE: 3 transparent, 0x60 CVSD
using send_mtu = opt::number<sol_bluetooth, 12, std::uint16_t>;     ///< BT_SNDMTU of LE channels, bytes; read only
using receive_mtu = opt::number<sol_bluetooth, 13, std::uint16_t>;  ///< BT_RCVMTU of LE channels, bytes
using radio_modes = opt::number<sol_bluetooth, 14, std::uint32_t>;  ///< BT_PHY: bits BT_PHY_*; read only
using channel_mode =
    opt::number<sol_bluetooth, 15, std::uint8_t>;  ///< BT_MODE; needs the module parameter enable_ecred of the kernel
using l2cap_channel = opt::plain<sol_l2cap, 1, l2cap_options>;  ///< L2CAP_OPTIONS of BR/EDR channels
using l2cap_connection = opt::plain<sol_l2cap, 2, conninfo>;    ///< L2CAP_CONNINFO; read only
using rfcomm_connection = opt::plain<sol_rfcomm, 2, conninfo>;  ///< RFCOMM_CONNINFO; read only
using sco_mtu = opt::number<sol_sco, 1, std::uint16_t>;         ///< SCO_OPTIONS: MTU, bytes; read only

/// The value of HCI_FILTER: struct hci_ufilter. Bits of packet types, bits of events, and an opcode.
struct hci_filter_value {
  std::uint32_t type_mask = 0;
  std::uint32_t event_mask[2] = {};
  std::uint16_t opcode = 0;  ///< little-endian
};
static_assert(sizeof(hci_filter_value) == 16);

/// HCI_FILTER: the packets and events that an HCI socket of the raw channel receives.
class hci_filter : public opt::plain<sol_hci, 2, hci_filter_value> {
 public:
  /// Receives packets of the type, 0-31: 1 command, 2 ACL data, 3 SCO data, 4 event, 5 ISO data.
  hci_filter& pass_type(unsigned type) {
    if (accept(type, 0, 31)) value().type_mask |= 1u << type;
    return *this;
  }
  /// Receives the event of that code, 0-63. The packet type 4 is needed as well.
  hci_filter& pass_event(unsigned event) {
    if (accept(event, 0, 63)) value().event_mask[event >> 5 & 1] |= 1u << (event & 31);
    return *this;
  }
  /// Receives all events. The packet type 4 is needed as well.
  hci_filter& pass_all_events() noexcept {
    value().event_mask[0] = value().event_mask[1] = 0xffffffff;
    return *this;
  }
  /// Receives command completions of this opcode (host byte order) only; 0: of all.
  hci_filter& only_opcode(std::uint16_t opcode) noexcept {
    value().opcode = to_little_endian(opcode);
    return *this;
  }
};

// ---- adapters ----

/// A Bluetooth adapter of this host.
struct adapter {
  std::uint16_t id = 0;  ///< index, 0 for hci0
  std::string name;      ///< "hci0"
  bdaddr address;        ///< device address
  bool up = false;       ///< HCI_UP
};

/// The adapters of this host, at most 16 (HCIGETDEVLIST, HCIGETDEVINFO). Throws std::system_error: errors of socket(2),
/// EAFNOSUPPORT where the kernel has no Bluetooth, and of ioctl(2).
inline std::vector<adapter> adapters() {
  struct request {
    std::uint16_t id;
    std::uint32_t flags;
  };
  struct list {
    std::uint16_t count;
    request entries[16];
  };
  // struct hci_dev_info up to the flags; the kernel writes 92 bytes.
  struct info {
    std::uint16_t id;
    char name[8];
    bdaddr address;
    std::uint32_t flags;
    std::uint8_t rest[80];
  };
  constexpr unsigned long get_list = 0x800448d2, get_info = 0x800448d3;
  struct owned {
    int fd;
    ~owned() {
      if (fd >= 0) ::close(fd);
    }
  } s{::socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC, btproto_hci)};
  if (s.fd < 0) throw std::system_error(errno, std::system_category(), "socket AF_BLUETOOTH");
  list found{16, {}};
  if (::ioctl(s.fd, get_list, &found) < 0) throw std::system_error(errno, std::system_category(), "HCIGETDEVLIST");
  std::vector<adapter> out;
  for (std::uint16_t i = 0; i < found.count && i < 16; ++i) {
    info it{};
    it.id = found.entries[i].id;
    if (::ioctl(s.fd, get_info, &it) < 0) continue;
    out.push_back({it.id, std::string(it.name, ::strnlen(it.name, sizeof it.name)), it.address, (it.flags & 1) != 0});
  }
  return out;
}

}  // namespace afplug::bluetooth
