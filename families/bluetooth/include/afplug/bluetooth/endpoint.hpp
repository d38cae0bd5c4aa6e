// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_BLUETOOTH, a class for each protocol, and the protocols for Asio's sockets. Needs no headers of
// BlueZ: the layouts are those of include/net/bluetooth/*.h of the kernel.
//
//   afplug::bluetooth::rfcomm::endpoint peer(*afplug::bluetooth::bdaddr::parse("AA:BB:CC:DD:EE:FF"), 5);
//   afplug::bluetooth::rfcomm::stream::socket s(io);
//   s.connect(peer);
//
// Text:
//
//   l2cap    AA:BB:CC:DD:EE:FF?psm=0x1001&cid=4&type=1   omitted keys are 0
//            type: 0 BR/EDR, 1 LE public, 2 LE random
//   rfcomm   AA:BB:CC:DD:EE:FF?channel=5
//   sco      AA:BB:CC:DD:EE:FF
//   iso      AA:BB:CC:DD:EE:FF?type=1
//            for broadcasts also &bc=AA:BB:CC:DD:EE:FF&bctype=1&sid=2&bis=1,2
//   hci      hci0?channel=1                              none: no adapter, HCI_DEV_NONE
//
// All but the broadcast form may end in &length=N and &tail=HEX, for sockaddrs of another length.
#pragma once

#include <sys/socket.h>
#include <afplug/endpoint.hpp>
#include <afplug/plugin/codec.hpp>
#include <afplug/plugin/text.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "../bdaddr.hpp"

#ifndef AF_BLUETOOTH
#define AF_BLUETOOTH 31
#endif

namespace afplug::bluetooth {

// ---- numbers ----

/// Protocols of socket(AF_BLUETOOTH, …): BTPROTO_*.
enum : int {
  btproto_l2cap = 0,
  btproto_hci = 1,
  btproto_sco = 2,
  btproto_rfcomm = 3,
  btproto_bnep = 4,
  btproto_cmtp = 5,
  btproto_hidp = 6,
  btproto_avdtp = 7,
  btproto_iso = 8
};

/// Levels of options: SOL_*.
enum : int { sol_hci = 0, sol_l2cap = 6, sol_sco = 17, sol_rfcomm = 18, sol_bluetooth = 274 };

/// Types of a device address: BDADDR_BREDR, BDADDR_LE_PUBLIC, BDADDR_LE_RANDOM.
enum address_type : std::uint8_t { bredr = 0, le_public = 1, le_random = 2 };

/// Channels of HCI sockets, HCI_CHANNEL_*: raw packets of an adapter that the kernel uses too; exclusive use of an
/// adapter; monitoring of all adapters; management; logging.
enum hci_channel : std::uint16_t {
  channel_raw = 0,
  channel_user = 1,
  channel_monitor = 2,
  channel_control = 3,
  channel_logging = 4
};

/// HCI_DEV_NONE: no particular adapter.
inline constexpr std::uint16_t no_device = 0xffff;

// ---- structs of addresses ----

/// Converts between host and little-endian byte order.
constexpr std::uint16_t to_little_endian(std::uint16_t value) noexcept {
  return std::endian::native == std::endian::little ? value : static_cast<std::uint16_t>(value << 8 | value >> 8);
}

/// Address of an L2CAP socket.
struct sockaddr_l2 {
  std::uint16_t family = AF_BLUETOOTH;
  std::uint16_t psm = 0;  ///< little-endian
  bdaddr device;
  std::uint16_t cid = 0;  ///< little-endian
  std::uint8_t type = bredr;
  std::uint8_t reserved = 0;
};
/// Address of an RFCOMM socket.
struct sockaddr_rc {
  std::uint16_t family = AF_BLUETOOTH;
  bdaddr device;
  std::uint8_t channel = 0;  ///< 1-30; for bind 0: any
  std::uint8_t reserved = 0;
};
/// Address of a SCO socket.
struct sockaddr_sco {
  std::uint16_t family = AF_BLUETOOTH;
  bdaddr device;
};
/// Address of an HCI socket.
struct sockaddr_hci {
  std::uint16_t family = AF_BLUETOOTH;
  std::uint16_t device = 0;
  std::uint16_t channel = channel_raw;
};
/// Address of an ISO socket, for connected isochronous streams (CIS).
struct sockaddr_iso {
  std::uint16_t family = AF_BLUETOOTH;
  bdaddr device;
  std::uint8_t type = le_public;
  std::uint8_t reserved = 0;
};
/// Address of an ISO socket for broadcasts (BIS), struct sockaddr_iso_bc behind sockaddr_iso: the broadcaster and which
/// of its streams. The kernel also accepts it without the last byte.
struct sockaddr_iso_broadcast {
  std::uint16_t family = AF_BLUETOOTH;
  bdaddr device;
  std::uint8_t type = le_public;
  bdaddr broadcaster;
  std::uint8_t broadcaster_type = le_public;
  std::uint8_t sid = 0;           ///< advertising set id
  std::uint8_t count = 0;         ///< number of streams, at most 31
  std::uint8_t streams[32] = {};  ///< their indices, from 1; the last byte is padding
};
static_assert(sizeof(sockaddr_iso_broadcast) == 50 && offsetof(sockaddr_iso_broadcast, streams) == 18);
static_assert(sizeof(sockaddr_l2) == 14 && sizeof(sockaddr_rc) == 10 && sizeof(sockaddr_sco) == 8);
static_assert(sizeof(sockaddr_hci) == 6 && sizeof(sockaddr_iso) == 10);

// ---- endpoints ----

/// A sockaddr of one of the protocols, in a buffer that is large enough for every address of the family.
template <class Sockaddr>
struct buffered {
  Sockaddr value;
  std::uint8_t rest[64 - sizeof(Sockaddr)] = {};
};

/// The common part of the endpoints.
template <class Derived, class Sockaddr, class Buffered = Sockaddr>
class basic_bluetooth_endpoint : public basic_endpoint<Derived, buffered<Buffered>> {
 public:
  static constexpr const char* id = "bluetooth";                   ///< the family's id
  static constexpr std::size_t min_size = sizeof(sockaddr_hci);    ///< bytes
  static constexpr std::size_t usual_size = sizeof(Sockaddr);      ///< the length that the kernel returns, in bytes
  static constexpr int family() noexcept { return AF_BLUETOOTH; }  ///< AF_BLUETOOTH
  /// Whether from() takes a sockaddr of that length. The lengths differ by protocol, except for RFCOMM and ISO.
  static constexpr bool valid_size(std::size_t size) noexcept { return size == usual_size; }

  using basic_endpoint<Derived, buffered<Buffered>>::basic_endpoint;  ///< from text, and from a checked address

  /// Parses a device address. For the plugin's codec.
  static bdaddr decode_device(std::string_view text) {
    const auto parsed = bdaddr::parse(text);
    if (!parsed) plugin::fail(EINVAL, plugin::quote(text), " is not a Bluetooth address: write AA:BB:CC:DD:EE:FF");
    return *parsed;
  }

 protected:
  constexpr const Buffered& value() const noexcept { return this->native_.value; }
  constexpr void set_value(const Buffered& from, std::uint32_t size = usual_size) noexcept {
    this->native_.value = from;
    this->size_ = size;
  }

  // Takes the keys "length" and "tail" and refuses all others.
  static Derived finish(const Derived& made, plugin::query& query, std::string_view known) {
    plugin::native_address<buffered<Buffered>> all(made.native(), usual_size);
    plugin::parse_length_and_tail(all, query, min_size);
    query.reject_unknown(known);
    return Derived::wrap(all.value, all.length);
  }
  // The address's text with the keys that are not 0, and the length if it is not usual.
  class text_writer {
   public:
    explicit text_writer(std::string body) : text_(std::move(body)) {}
    text_writer& key(std::string_view name, std::uint64_t value, std::uint64_t usual = 0) {
      if (value != usual) plugin::append_key(text_, name, std::to_string(value));
      return *this;
    }
    text_writer& hexadecimal_key(std::string_view name, std::uint64_t value) {
      if (value != 0) plugin::append_key(text_, name, plugin::hexadecimal(value));
      return *this;
    }
    std::string take() { return std::move(text_); }
    std::string finish(const basic_bluetooth_endpoint& e) {
      plugin::append_length_and_tail(
          text_, plugin::native_address<buffered<Buffered>>(e.native_, static_cast<std::uint32_t>(e.size_)),
          usual_size);
      return std::move(text_);
    }

   private:
    std::string text_;
  };
  // What the text has besides the fields: the bytes behind the usual length, and the length.
  auto length_and_tail() const noexcept {
    const auto* bytes = reinterpret_cast<const char*>(&this->native_);
    return std::make_tuple(this->size_, this->size_ > usual_size
                                            ? std::string_view(bytes + usual_size, this->size_ - usual_size)
                                            : std::string_view());
  }
  static std::string_view view(const bdaddr& device) noexcept {
    return {reinterpret_cast<const char*>(device.b.data()), device.b.size()};
  }
};

namespace l2cap {

/// An address of L2CAP: a device, and a PSM or a fixed channel.
class endpoint : public basic_bluetooth_endpoint<endpoint, sockaddr_l2> {
 public:
  /// Any device, no PSM.
  constexpr endpoint() noexcept : endpoint(bdaddr(), 0) {}
  /// `psm`: protocol/service multiplexer.
  constexpr endpoint(const bdaddr& device, std::uint16_t psm, address_type type = bredr) noexcept {
    set_value({AF_BLUETOOTH, to_little_endian(psm), device, 0, type});
  }
  using basic_bluetooth_endpoint::basic_bluetooth_endpoint;  ///< from text, and from a checked address
  /// A fixed channel, as 4 for ATT.
  static constexpr endpoint fixed_channel(const bdaddr& device, std::uint16_t cid, address_type type) noexcept {
    endpoint made(device, 0, type);
    made.native_.value.cid = to_little_endian(cid);
    return made;
  }

  constexpr const bdaddr& device() const noexcept { return value().device; }              ///< the device
  constexpr std::uint16_t psm() const noexcept { return to_little_endian(value().psm); }  ///< 0: none
  constexpr std::uint16_t cid() const noexcept { return to_little_endian(value().cid); }  ///< fixed channel; 0: none
  constexpr address_type type() const noexcept { return static_cast<address_type>(value().type); }  ///< of the device
  static constexpr int form() noexcept { return btproto_l2cap; }                                    ///< BTPROTO_L2CAP

  /// Parses the text form. For the plugin's codec.
  static endpoint decode(std::string_view text) {
    plugin::query query(text);
    endpoint made(decode_device(query.body()), static_cast<std::uint16_t>(query.take("psm", 65535, 0)));
    made.native_.value.cid = to_little_endian(static_cast<std::uint16_t>(query.take("cid", 65535, 0)));
    made.native_.value.type = static_cast<std::uint8_t>(query.take("type", 255, bredr));
    return finish(made, query, "psm, cid, type, length, tail");
  }
  /// Formats the address. For the plugin's codec.
  std::string encode() const {
    return text_writer(device().to_string())
        .hexadecimal_key("psm", psm())
        .key("cid", cid())
        .key("type", type())
        .finish(*this);
  }
  /// All fields, for comparison.
  auto fields() const noexcept {
    return std::tuple_cat(std::make_tuple(view(device()), psm(), cid(), value().type), length_and_tail());
  }

 private:
  friend basic_endpoint;
};

using seq_packet = seq_packet_protocol<endpoint, btproto_l2cap>;  ///< connections with message boundaries
using stream = stream_protocol<endpoint, btproto_l2cap>;          ///< byte streams
using datagram = datagram_protocol<endpoint, btproto_l2cap>;      ///< connectionless channels
using raw = raw_protocol<endpoint, btproto_l2cap>;                ///< signalling commands

}  // namespace l2cap

namespace rfcomm {

/// An address of RFCOMM: a device and a channel.
class endpoint : public basic_bluetooth_endpoint<endpoint, sockaddr_rc> {
 public:
  /// Any device, any channel.
  constexpr endpoint() noexcept : endpoint(bdaddr(), 0) {}
  /// `channel`: 1-30; for bind 0: any.
  constexpr endpoint(const bdaddr& device, std::uint8_t channel) noexcept {
    set_value({AF_BLUETOOTH, device, channel});
  }
  using basic_bluetooth_endpoint::basic_bluetooth_endpoint;  ///< from text, and from a checked address

  constexpr const bdaddr& device() const noexcept { return value().device; }   ///< the device
  constexpr std::uint8_t channel() const noexcept { return value().channel; }  ///< 1-30
  static constexpr int form() noexcept { return btproto_rfcomm; }              ///< BTPROTO_RFCOMM

  /// Parses the text form. For the plugin's codec.
  static endpoint decode(std::string_view text) {
    plugin::query query(text);
    const auto device = decode_device(query.body());
    const endpoint made(device, static_cast<std::uint8_t>(query.take("channel", 255, 0)));
    return finish(made, query, "channel, length, tail");
  }
  /// Formats the address. For the plugin's codec.
  std::string encode() const { return text_writer(device().to_string()).key("channel", channel()).finish(*this); }
  /// All fields, for comparison.
  auto fields() const noexcept { return std::tuple_cat(std::make_tuple(view(device()), channel()), length_and_tail()); }

 private:
  friend basic_endpoint;
};

using stream = stream_protocol<endpoint, btproto_rfcomm>;  ///< byte streams, as serial ports
using raw = raw_protocol<endpoint, btproto_rfcomm>;        ///< management of TTYs

}  // namespace rfcomm

namespace sco {

/// An address of SCO: a device.
class endpoint : public basic_bluetooth_endpoint<endpoint, sockaddr_sco> {
 public:
  /// Any device.
  constexpr endpoint() noexcept : endpoint(bdaddr()) {}
  /// A device.
  constexpr explicit endpoint(const bdaddr& device) noexcept { set_value({AF_BLUETOOTH, device}); }
  using basic_bluetooth_endpoint::basic_bluetooth_endpoint;  ///< from text, and from a checked address

  constexpr const bdaddr& device() const noexcept { return value().device; }  ///< the device
  static constexpr int form() noexcept { return btproto_sco; }                ///< BTPROTO_SCO

  /// Parses the text form. For the plugin's codec.
  static endpoint decode(std::string_view text) {
    plugin::query query(text);
    return finish(endpoint(decode_device(query.body())), query, "length, tail");
  }
  /// Formats the address. For the plugin's codec.
  std::string encode() const { return text_writer(device().to_string()).finish(*this); }
  /// All fields, for comparison.
  auto fields() const noexcept { return std::tuple_cat(std::make_tuple(view(device())), length_and_tail()); }

 private:
  friend basic_endpoint;
};

using seq_packet = seq_packet_protocol<endpoint, btproto_sco>;  ///< voice packets

}  // namespace sco

namespace iso {

/// An address of ISO: a device, and for broadcasts also the broadcaster and its streams.
class endpoint : public basic_bluetooth_endpoint<endpoint, sockaddr_iso, sockaddr_iso_broadcast> {
 public:
  /// Any device.
  constexpr endpoint() noexcept : endpoint(bdaddr()) {}
  /// A device, for connected isochronous streams.
  constexpr explicit endpoint(const bdaddr& device, address_type type = le_public) noexcept {
    set_value({AF_BLUETOOTH, device, type, {}, 0, 0, 0, {}});
  }
  /// Broadcasts.
  constexpr explicit endpoint(const sockaddr_iso_broadcast& from) noexcept {
    set_value(from, sizeof from);
    native_.value.family = AF_BLUETOOTH;
  }
  using basic_bluetooth_endpoint::basic_bluetooth_endpoint;  ///< from text, and from a checked address

  constexpr const bdaddr& device() const noexcept { return value().device; }                        ///< the device
  constexpr address_type type() const noexcept { return static_cast<address_type>(value().type); }  ///< of the device
  constexpr bool is_broadcast() const noexcept { return size_ == sizeof(sockaddr_iso_broadcast); }  ///< has broadcast()
  /// The whole address; the members of the broadcast have a meaning only if is_broadcast().
  constexpr const sockaddr_iso_broadcast& broadcast() const noexcept { return value(); }
  static constexpr int form() noexcept { return btproto_iso; }  ///< BTPROTO_ISO
  /// Whether from() takes a sockaddr of that length.
  static constexpr bool valid_size(std::size_t size) noexcept {
    return size == sizeof(sockaddr_iso) || size == sizeof(sockaddr_iso_broadcast);
  }

  /// Parses the text form. For the plugin's codec.
  static endpoint decode(std::string_view text) {
    plugin::query query(text);
    const auto device = decode_device(query.body());
    const endpoint made(device, static_cast<address_type>(query.take("type", 255, le_public)));
    const auto* broadcaster = query.take("bc");
    if (broadcaster == nullptr) return finish(made, query, "type, bc, length, tail");
    auto all = made.value();
    all.broadcaster = decode_device(*broadcaster);
    all.broadcaster_type = static_cast<std::uint8_t>(query.take("bctype", 255, le_public));
    all.sid = static_cast<std::uint8_t>(query.take("sid", 255, 0));
    const auto* list = query.take("bis");
    const auto count = decode_streams(list ? std::string_view(*list) : std::string_view(), all.streams);
    all.count = static_cast<std::uint8_t>(query.take("count", 255, count));
    query.reject_unknown("type, bc, bctype, sid, bis, count");
    return endpoint(all);
  }
  /// Formats the address. For the plugin's codec.
  std::string encode() const {
    text_writer text(device().to_string());
    text.key("type", type(), le_public);
    if (!is_broadcast()) return text.finish(*this);
    std::string out = text.take();
    const auto& b = value();
    std::size_t listed = std::min<std::size_t>(b.count, sizeof b.streams);
    for (std::size_t i = listed; i < sizeof b.streams; ++i)
      if (b.streams[i] != 0) listed = i + 1;
    std::string list;
    for (std::size_t i = 0; i < listed; ++i) list += plugin::concat(i == 0 ? "" : ",", b.streams[i]);
    plugin::append_key(out, "bc", b.broadcaster.to_string());
    if (b.broadcaster_type != le_public) plugin::append_key(out, "bctype", std::to_string(b.broadcaster_type));
    if (b.sid != 0) plugin::append_key(out, "sid", std::to_string(b.sid));
    if (listed != 0) plugin::append_key(out, "bis", list);
    if (b.count != listed) plugin::append_key(out, "count", std::to_string(b.count));
    return out;
  }
  /// All fields, for comparison.
  auto fields() const noexcept {
    // The broadcaster begins at the byte that is reserved in sockaddr_iso, before the tail.
    const auto broadcaster = is_broadcast() ? view(value().broadcaster) : std::string_view();
    return std::tuple_cat(std::make_tuple(view(device()), value().type, broadcaster), length_and_tail());
  }

 private:
  friend basic_endpoint;
  // Parses the list of BIS indices, "1,2,3". Returns their number.
  static std::size_t decode_streams(std::string_view list, std::span<std::uint8_t> to) {
    std::size_t count = 0;
    while (!list.empty()) {
      if (count == to.size()) plugin::fail(ERANGE, "bis names more than 31 streams");
      const auto one = list.substr(0, list.find(','));
      to[count++] = plugin::parse_integer<std::uint8_t>("bis", one, 0, 255);
      list.remove_prefix(std::min(one.size() + 1, list.size()));
    }
    return count;
  }
};

using seq_packet = seq_packet_protocol<endpoint, btproto_iso>;  ///< isochronous streams

}  // namespace iso

namespace hci {

/// An address of HCI: an adapter and a channel.
class endpoint : public basic_bluetooth_endpoint<endpoint, sockaddr_hci> {
 public:
  /// No adapter.
  constexpr endpoint() noexcept : endpoint(no_device) {}
  /// `adapter`: 0 for hci0; no_device: none.
  constexpr explicit endpoint(std::uint16_t adapter, hci_channel channel = channel_raw) noexcept {
    set_value({AF_BLUETOOTH, adapter, channel});
  }
  using basic_bluetooth_endpoint::basic_bluetooth_endpoint;  ///< from text, and from a checked address

  constexpr std::uint16_t adapter() const noexcept { return value().device; }  ///< 0 for hci0; no_device: none
  constexpr hci_channel channel() const noexcept {
    return static_cast<hci_channel>(value().channel);
  }                                                             ///< HCI_CHANNEL_*
  static constexpr int form() noexcept { return btproto_hci; }  ///< BTPROTO_HCI

  /// Parses the text form. For the plugin's codec.
  static endpoint decode(std::string_view text) {
    plugin::query query(text);
    const auto adapter = decode_adapter(query.body());
    const endpoint made(adapter, static_cast<hci_channel>(query.take("channel", 65535, 0)));
    return finish(made, query, "channel, length, tail");
  }
  /// Formats the address. For the plugin's codec.
  std::string encode() const {
    return text_writer(adapter() == no_device ? "none" : plugin::concat("hci", adapter()))
        .key("channel", channel())
        .finish(*this);
  }
  /// All fields, for comparison.
  auto fields() const noexcept {
    return std::tuple_cat(std::make_tuple(adapter(), value().channel), length_and_tail());
  }

 private:
  friend basic_endpoint;
  static std::uint16_t decode_adapter(std::string_view text) {
    if (text == "none") return no_device;
    if (text.starts_with("hci")) text.remove_prefix(3);
    return plugin::parse_integer<std::uint16_t>("adapter", text, 0, 65535);
  }
};

using raw = raw_protocol<endpoint, btproto_hci>;  ///< HCI packets, or those of another channel

}  // namespace hci

}  // namespace afplug::bluetooth
