// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// SocketCAN: frames (classic, FD, XL) and their text form, filters, messages of the broadcast manager, descriptions of
// error frames, typed options. Documentation/networking/can.rst, isotp.rst, j1939.rst. Needs no library. A frame's
// bytes() are what a socket sends and receives:
//
//   afplug::socket s{"can", SOCK_RAW, CAN_RAW};
//   s.bind("vcan0");
//   s.send(afplug::can::frame::parse("123#DEADBEEF").value().bytes());
//
// Integers are in host byte order, as in the kernel's structs. Different objects may be used from different threads.
#pragma once

#include <linux/can.h>
#include <linux/can/bcm.h>
#include <linux/can/error.h>
#include <linux/can/isotp.h>
#include <linux/can/j1939.h>
#include <linux/can/raw.h>
#include <sys/socket.h>

#include <afplug/plugin/encoding.hpp>
#include <afplug/typed_option.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "can/endpoint.hpp"

namespace afplug::can {

namespace detail {

/// The number that `text` is, in 1 to `digits` hexadecimal digits; nothing for other text.
inline std::optional<std::uint32_t> hex_number(std::string_view text, std::size_t digits) noexcept {
  if (text.empty() || text.size() > digits) return {};
  std::uint32_t value = 0;
  for (const char c : text) {
    const int digit = plugin::hex_digit(c);
    if (digit < 0) return {};
    value = value * 16 + static_cast<std::uint32_t>(digit);
  }
  return value;
}

/// Decodes pairs of hexadecimal digits, with or without dots between them, to at most `capacity` bytes. Returns the
/// number of bytes, or nothing for other text.
inline std::optional<std::size_t> hex_bytes(std::string_view text, std::uint8_t* to, std::size_t capacity) noexcept {
  std::size_t count = 0;
  while (!text.empty()) {
    if (count != 0 && text[0] == '.') text.remove_prefix(1);
    const int byte = plugin::hex_byte(text);
    if (byte < 0 || count == capacity) return {};
    to[count++] = static_cast<std::uint8_t>(byte);
    text.remove_prefix(2);
  }
  return count;
}

inline void append_hex(std::string& text, std::uint32_t value, int digits) {
  constexpr char all[] = "0123456789ABCDEF";
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) text += all[(value >> shift) & 15];
}

/// Appends an identifier as candump does: three digits, eight for extended ones; of error frames with CAN_ERR_FLAG.
inline void append_id(std::string& text, canid_t id) {
  if (id & CAN_ERR_FLAG)
    append_hex(text, id & (CAN_ERR_MASK | CAN_ERR_FLAG), 8);
  else if (id & CAN_EFF_FLAG)
    append_hex(text, id & CAN_EFF_MASK, 8);
  else
    append_hex(text, id & CAN_SFF_MASK, 3);
}

/// Parses an identifier: three digits have 11 bits; eight have 29 bits, or are an error frame if CAN_ERR_FLAG is set.
inline std::optional<canid_t> parse_id(std::string_view text) noexcept {
  const auto value = hex_number(text, 8);
  if (!value) return {};
  if (text.size() == 3) return *value <= CAN_SFF_MASK ? value : std::nullopt;
  if (text.size() != 8) return {};
  if (*value & CAN_ERR_FLAG) return *value & ~(CAN_EFF_FLAG | CAN_RTR_FLAG);
  return *value <= CAN_EFF_MASK ? std::optional(*value | CAN_EFF_FLAG) : std::nullopt;
}

template <class T>
std::span<const std::byte> object_bytes(const T& object, std::size_t size) noexcept {
  return {reinterpret_cast<const std::byte*>(&object), size};
}

}  // namespace detail

// ---- frames ----

/// A classic CAN frame or a CAN FD frame: struct can_frame or struct canfd_frame of <linux/can.h>.
class frame {
 public:
  frame() noexcept = default;  ///< a classic data frame with identifier 0 and no data
  /// A classic data frame with at most 8 bytes of data, or an FD frame with at most 64; further bytes are ignored. An
  /// `id` above 0x7ff is extended (29 bits); it may have the flags CAN_EFF_FLAG, CAN_RTR_FLAG and CAN_ERR_FLAG.
  explicit frame(canid_t id, std::span<const std::uint8_t> data = {}, bool fd = false) noexcept : fd_(fd) {
    raw_.can_id = (id & ~(CAN_EFF_FLAG | CAN_RTR_FLAG | CAN_ERR_FLAG)) > CAN_SFF_MASK ? id | CAN_EFF_FLAG : id;
    raw_.len = static_cast<std::uint8_t>(std::min<std::size_t>(data.size(), fd ? CANFD_MAX_DLEN : CAN_MAX_DLEN));
    if (raw_.len != 0) std::memcpy(raw_.data, data.data(), raw_.len);
  }
  /// A remote frame: requests the frame with that identifier and data length, 0-8 bytes.
  static frame remote(canid_t id, std::uint8_t length = 0) noexcept {
    frame made(id | CAN_RTR_FLAG);
    made.raw_.len = std::min<std::uint8_t>(length, CAN_MAX_DLEN);
    return made;
  }

  /// The frame that a socket received: CAN_MTU (16) bytes are a classic frame, CANFD_MTU (72) an FD frame. Nothing for
  /// other sizes and for an invalid data length.
  static std::optional<frame> from_bytes(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() != CAN_MTU && bytes.size() != CANFD_MTU) return {};
    frame made;
    made.fd_ = bytes.size() == CANFD_MTU;
    std::memcpy(&made.raw_, bytes.data(), bytes.size());
    if (made.raw_.len > (made.fd_ ? CANFD_MAX_DLEN : CAN_MAX_DLEN)) return {};
    return made;
  }

  /// Parses the form of candump(1): 123#DEADBEEF, 12345678#01.02, 123#R4 (remote), 123##5AABB (FD: one digit of flags,
  /// then the data). Nothing for other text.
  static std::optional<frame> parse(std::string_view text) noexcept {
    const auto hash = text.find('#');
    if (hash == text.npos) return {};
    const auto id = detail::parse_id(text.substr(0, hash));
    if (!id) return {};
    auto rest = text.substr(hash + 1);
    frame made;
    made.raw_.can_id = *id;
    if (rest.starts_with('#')) {
      const auto flags = rest.size() < 2 ? std::nullopt : detail::hex_number(rest.substr(1, 1), 1);
      const auto size = flags ? detail::hex_bytes(rest.substr(2), made.raw_.data, CANFD_MAX_DLEN) : std::nullopt;
      if (!size || fd_length(*size) != *size) return {};
      made.fd_ = true;
      made.raw_.flags = static_cast<std::uint8_t>(*flags | CANFD_FDF);
      made.raw_.len = static_cast<std::uint8_t>(*size);
      return made;
    }
    if (rest.starts_with('R') || rest.starts_with('r')) {
      const auto length = rest.size() == 1 ? std::optional(0u) : detail::hex_number(rest.substr(1), 1);
      if (!length || *length > CAN_MAX_DLEN) return {};
      made.raw_.can_id |= CAN_RTR_FLAG;
      made.raw_.len = static_cast<std::uint8_t>(*length);
      return made;
    }
    const auto size = detail::hex_bytes(rest, made.raw_.data, CAN_MAX_DLEN);
    if (!size) return {};
    made.raw_.len = static_cast<std::uint8_t>(*size);
    return made;
  }

  /// The frame in the form that `parse` accepts. The flag CANFD_FDF is not written.
  std::string to_string() const {
    std::string text;
    detail::append_id(text, raw_.can_id);
    text += '#';
    if (fd_) {
      text += '#';
      detail::append_hex(text, raw_.flags & 0xfu & ~static_cast<unsigned>(CANFD_FDF), 1);
    }
    if (is_remote()) {
      text += 'R';
      if (raw_.len != 0) detail::append_hex(text, raw_.len, 1);
      return text;
    }
    for (const auto byte : data()) detail::append_hex(text, byte, 2);
    return text;
  }

  /// The identifier without flags.
  canid_t id() const noexcept { return raw_.can_id & (is_extended() ? CAN_EFF_MASK : CAN_SFF_MASK); }
  canid_t raw_id() const noexcept { return raw_.can_id; }  ///< the identifier with its flags
  bool is_fd() const noexcept { return fd_; }              ///< whether it is an FD frame
  /// CAN_EFF_FLAG, CAN_RTR_FLAG, CAN_ERR_FLAG.
  bool is_extended() const noexcept { return (raw_.can_id & CAN_EFF_FLAG) != 0; }
  bool is_remote() const noexcept { return (raw_.can_id & CAN_RTR_FLAG) != 0; }
  bool is_error() const noexcept { return (raw_.can_id & CAN_ERR_FLAG) != 0; }
  /// The data, valid as long as the frame.
  std::span<const std::uint8_t> data() const noexcept { return {raw_.data, raw_.len}; }
  std::uint8_t flags() const noexcept { return raw_.flags; }       ///< of FD frames: CANFD_BRS, CANFD_ESI
  void flags(std::uint8_t value) noexcept { raw_.flags = value; }  ///< sets them

  /// The bytes to send on a socket, 16 or 72; valid as long as the frame.
  std::span<const std::byte> bytes() const noexcept { return detail::object_bytes(raw_, fd_ ? CANFD_MTU : CAN_MTU); }

  /// The smallest data length of FD frames that holds `size` bytes: 0-8, 12, 16, 20, 24, 32, 48, 64.
  static constexpr std::size_t fd_length(std::size_t size) noexcept {
    constexpr std::size_t above[] = {12, 16, 20, 24, 32, 48, 64};
    if (size <= 8) return size;
    for (const auto length : above)
      if (size <= length) return length;
    return 64;
  }

  friend bool operator==(const frame& a, const frame& b) noexcept {
    return a.fd_ == b.fd_ && a.raw_.can_id == b.raw_.can_id && a.raw_.len == b.raw_.len &&
           (!a.fd_ || a.raw_.flags == b.raw_.flags) && std::memcmp(a.raw_.data, b.raw_.data, a.raw_.len) == 0;
  }

 private:
  ::canfd_frame raw_{};
  bool fd_ = false;
};
static_assert(offsetof(::can_frame, data) == offsetof(::canfd_frame, data) && sizeof(::canfd_frame) == CANFD_MTU);

/// A CAN XL frame: struct canxl_frame of <linux/can.h>.
class xl_frame {
 public:
  xl_frame() noexcept = default;  ///< all zero, not valid for sending
  /// A frame with 1 to 2048 bytes of data; further bytes are ignored. `priority`: 11 bits; `sdu_type`: SDU type;
  /// `acceptance`: acceptance field.
  xl_frame(std::uint32_t priority, std::uint8_t sdu_type, std::uint32_t acceptance,
           std::span<const std::uint8_t> data) noexcept {
    raw_.prio = priority & CANXL_PRIO_MASK;
    raw_.flags = CANXL_XLF;
    raw_.sdt = sdu_type;
    raw_.af = acceptance;
    raw_.len = static_cast<std::uint16_t>(std::min<std::size_t>(data.size(), CANXL_MAX_DLEN));
    if (raw_.len != 0) std::memcpy(raw_.data, data.data(), raw_.len);
  }
  /// The frame that a socket received; nothing if the bytes are not a CAN XL frame.
  static std::optional<xl_frame> from_bytes(std::span<const std::byte> bytes) noexcept {
    xl_frame made;
    if (bytes.size() < CANXL_HDR_SIZE + CANXL_MIN_DLEN || bytes.size() > sizeof made.raw_) return {};
    std::memcpy(&made.raw_, bytes.data(), bytes.size());
    if ((made.raw_.flags & CANXL_XLF) == 0 || CANXL_HDR_SIZE + made.raw_.len > bytes.size()) return {};
    return made;
  }

  /// Parses the form of candump(1): 45123#81:00:12345678#11223344 (two digits of VCID, three of priority, flags, SDU
  /// type, acceptance field, data). Nothing for other text.
  static std::optional<xl_frame> parse(std::string_view text) noexcept {
    if (text.size() < 21 || text[5] != '#' || text[8] != ':' || text[11] != ':' || text[20] != '#') return {};
    const auto vcid = detail::hex_number(text.substr(0, 2), 2), priority = detail::hex_number(text.substr(2, 3), 3);
    const auto flags = detail::hex_number(text.substr(6, 2), 2), type = detail::hex_number(text.substr(9, 2), 2);
    const auto acceptance = detail::hex_number(text.substr(12, 8), 8);
    if (!vcid || !priority || *priority > CANXL_PRIO_MASK || !flags || !type || !acceptance) return {};
    xl_frame made;
    const auto size = detail::hex_bytes(text.substr(21), made.raw_.data, sizeof made.raw_.data);
    if (!size || *size < CANXL_MIN_DLEN || (*flags & CANXL_XLF) == 0) return {};
    made.raw_.prio = *vcid << vcid_shift | *priority;
    made.raw_.flags = static_cast<std::uint8_t>(*flags);
    made.raw_.sdt = static_cast<std::uint8_t>(*type);
    made.raw_.af = *acceptance;
    made.raw_.len = static_cast<std::uint16_t>(*size);
    return made;
  }
  /// The frame in the form that `parse` accepts.
  std::string to_string() const {
    std::string text;
    const auto part = [&](std::uint32_t value, int digits, char end) {
      detail::append_hex(text, value, digits);
      text += end;
    };
    detail::append_hex(text, virtual_network(), 2);
    part(priority(), 3, '#');
    part(raw_.flags, 2, ':');
    part(raw_.sdt, 2, ':');
    part(raw_.af, 8, '#');
    for (const auto byte : data()) detail::append_hex(text, byte, 2);
    return text;
  }

  /// The virtual CAN network id (VCID). On sending the kernel uses it if opt::xl_virtual_network has
  /// CAN_RAW_XL_VCID_TX_PASS.
  std::uint8_t virtual_network() const noexcept { return static_cast<std::uint8_t>(raw_.prio >> vcid_shift); }
  /// Sets the VCID.
  void virtual_network(std::uint8_t id) noexcept {
    raw_.prio = (raw_.prio & CANXL_PRIO_MASK) | std::uint32_t{id} << vcid_shift;
  }
  /// The fields of struct canxl_frame.
  std::uint32_t priority() const noexcept { return raw_.prio & CANXL_PRIO_MASK; }
  std::uint8_t sdu_type() const noexcept { return raw_.sdt; }
  std::uint32_t acceptance() const noexcept { return raw_.af; }
  std::uint8_t flags() const noexcept { return raw_.flags; }
  std::span<const std::uint8_t> data() const noexcept { return {raw_.data, raw_.len}; }
  std::span<const std::byte> bytes() const noexcept { return detail::object_bytes(raw_, CANXL_HDR_SIZE + raw_.len); }

 private:
  static constexpr unsigned vcid_shift = 16;
  ::canxl_frame raw_{};
};

// ---- error frames ----

/// Describes an error frame by <linux/can/error.h>: "bus-off", "controller: receive warning, transmit passive;
/// protocol: stuff error (at data); counters: tx 128, rx 0". Empty if `f` is not an error frame.
inline std::string describe_error(const frame& f) {
  struct bit_name {
    std::uint32_t bit;
    const char* text;
  };
  constexpr bit_name controller[] = {
      {CAN_ERR_CRTL_RX_OVERFLOW, "receive overflow"}, {CAN_ERR_CRTL_TX_OVERFLOW, "transmit overflow"},
      {CAN_ERR_CRTL_RX_WARNING, "receive warning"},   {CAN_ERR_CRTL_TX_WARNING, "transmit warning"},
      {CAN_ERR_CRTL_RX_PASSIVE, "receive passive"},   {CAN_ERR_CRTL_TX_PASSIVE, "transmit passive"},
      {CAN_ERR_CRTL_ACTIVE, "active again"}};
  constexpr bit_name protocol[] = {{CAN_ERR_PROT_BIT, "bit error"},         {CAN_ERR_PROT_FORM, "form error"},
                                   {CAN_ERR_PROT_STUFF, "stuff error"},     {CAN_ERR_PROT_BIT0, "no dominant bit"},
                                   {CAN_ERR_PROT_BIT1, "no recessive bit"}, {CAN_ERR_PROT_OVERLOAD, "overload"},
                                   {CAN_ERR_PROT_ACTIVE, "active error"},   {CAN_ERR_PROT_TX, "while transmitting"}};
  constexpr bit_name place[] = {{CAN_ERR_PROT_LOC_SOF, "start of frame"},
                                {CAN_ERR_PROT_LOC_ID28_21, "id 28-21"},
                                {CAN_ERR_PROT_LOC_ID20_18, "id 20-18"},
                                {CAN_ERR_PROT_LOC_SRTR, "SRR/RTR"},
                                {CAN_ERR_PROT_LOC_IDE, "IDE"},
                                {CAN_ERR_PROT_LOC_ID17_13, "id 17-13"},
                                {CAN_ERR_PROT_LOC_ID12_05, "id 12-5"},
                                {CAN_ERR_PROT_LOC_ID04_00, "id 4-0"},
                                {CAN_ERR_PROT_LOC_RTR, "RTR"},
                                {CAN_ERR_PROT_LOC_RES1, "reserved bit 1"},
                                {CAN_ERR_PROT_LOC_RES0, "reserved bit 0"},
                                {CAN_ERR_PROT_LOC_DLC, "DLC"},
                                {CAN_ERR_PROT_LOC_DATA, "data"},
                                {CAN_ERR_PROT_LOC_CRC_SEQ, "CRC"},
                                {CAN_ERR_PROT_LOC_CRC_DEL, "CRC delimiter"},
                                {CAN_ERR_PROT_LOC_ACK, "ACK slot"},
                                {CAN_ERR_PROT_LOC_ACK_DEL, "ACK delimiter"},
                                {CAN_ERR_PROT_LOC_EOF, "end of frame"},
                                {CAN_ERR_PROT_LOC_INTERM, "intermission"}};
  if (!f.is_error()) return {};
  std::uint8_t d[CAN_MAX_DLEN] = {};
  std::copy_n(f.data().data(), std::min<std::size_t>(f.data().size(), sizeof d), d);
  std::string text;
  const auto add = [&](const std::string& more) { (text += text.empty() ? "" : "; ") += more; };
  const auto names = [](const auto& table, std::uint32_t bits) {
    std::string out;
    for (const auto& w : table)
      if (bits & w.bit) (out += out.empty() ? "" : ", ") += w.text;
    return out.empty() ? std::string("unspecified") : out;
  };
  const canid_t classes = f.raw_id();
  if (classes & CAN_ERR_TX_TIMEOUT) add("transmit timeout");
  if (classes & CAN_ERR_LOSTARB) add("lost arbitration" + (d[0] ? " in bit " + std::to_string(d[0]) : std::string()));
  if (classes & CAN_ERR_CRTL) add("controller: " + names(controller, d[1]));
  if (classes & CAN_ERR_PROT) {
    std::string more = "protocol: " + names(protocol, d[2]);
    for (const auto& w : place)
      if (d[3] == w.bit) (((more += " (at ") += w.text)) += ')';
    add(more);
  }
  if (classes & CAN_ERR_TRX) {
    std::string more = "transceiver: 0x";
    detail::append_hex(more, d[4], 2);
    add(more);
  }
  if (classes & CAN_ERR_ACK) add("no acknowledgement");
  if (classes & CAN_ERR_BUSOFF) add("bus-off");
  if (classes & CAN_ERR_BUSERROR) add("bus error");
  if (classes & CAN_ERR_RESTARTED) add("controller restarted");
  if (classes & CAN_ERR_CNT) add("counters: tx " + std::to_string(d[6]) + ", rx " + std::to_string(d[7]));
  return text;
}

// ---- filters and options ----

/// Parses a filter in the form of candump(1): "123:7FF" matches identifiers that are equal in the bits of the mask,
/// "123~7FF" all others; eight digits are an extended identifier. Nothing for other text.
inline std::optional<::can_filter> parse_filter(std::string_view text) noexcept {
  const auto at = text.find_first_of(":~");
  if (at == text.npos) return {};
  const auto id_text = text.substr(0, at);
  const auto id = detail::hex_number(id_text, 8);
  const auto mask = detail::hex_number(text.substr(at + 1), 8);
  if (!id || !mask) return {};
  ::can_filter out{*id, *mask & ~CAN_ERR_FLAG};
  if (id_text.size() == 8) out.can_id |= CAN_EFF_FLAG;
  if (text[at] == '~') out.can_id |= CAN_INV_FILTER;
  return out;
}

/// Typed options of SocketCAN: Documentation/networking/can.rst, isotp.rst, j1939.rst.
namespace opt {

using afplug::opt::boolean;
using afplug::opt::integer;
using afplug::opt::list;
using afplug::opt::number;
using afplug::opt::plain;

using error_filter = number<SOL_CAN_RAW, CAN_RAW_ERR_FILTER,
                            can_err_mask_t>;  ///< classes of error frames to receive: CAN_ERR_*; initially none
using loopback =
    boolean<SOL_CAN_RAW, CAN_RAW_LOOPBACK>;  ///< other sockets of this host receive what is sent; initially on
using receive_own = boolean<SOL_CAN_RAW, CAN_RAW_RECV_OWN_MSGS>;  ///< this socket receives what it sends; initially off
using fd_frames = boolean<SOL_CAN_RAW, CAN_RAW_FD_FRAMES>;        ///< send and receive FD frames; initially off
using xl_frames = boolean<SOL_CAN_RAW, CAN_RAW_XL_FRAMES>;        ///< send and receive XL frames; initially off
/// The value of CAN_RAW_XL_VCID_OPTS, since Linux 6.9: struct can_raw_vcid_options of <linux/can/raw.h>, for the
/// virtual CAN network id (VCID) of XL frames.
struct vcid_options {
  std::uint8_t flags = 0;    ///< 1: set tx_vcid on sending, 2: keep the VCID of frames sent, 4: filter frames received
  std::uint8_t tx_vcid = 0;  ///< VCID of frames sent
  std::uint8_t rx_vcid = 0;  ///< VCID of frames received,
  std::uint8_t rx_vcid_mask = 0;  ///< compared in these bits
};
using xl_virtual_network = plain<SOL_CAN_RAW, 8, vcid_options>;  ///< initially all 0: frames with VCID 0 are received
using join_filters =
    boolean<SOL_CAN_RAW, CAN_RAW_JOIN_FILTERS>;  ///< frames must match all filters instead of one; initially off
using isotp = plain<SOL_CAN_ISOTP, CAN_ISOTP_OPTS, ::can_isotp_options>;  ///< CAN_ISOTP_OPTS; before bind
using isotp_tx_gap = number<SOL_CAN_ISOTP, CAN_ISOTP_TX_STMIN,
                            std::uint32_t>;  ///< smallest gap between frames sent, ns; needs CAN_ISOTP_FORCE_TXSTMIN
using isotp_rx_gap = number<SOL_CAN_ISOTP, CAN_ISOTP_RX_STMIN,
                            std::uint32_t>;  ///< ignore frames with a smaller gap, ns; needs CAN_ISOTP_FORCE_RXSTMIN
using isotp_flow = plain<SOL_CAN_ISOTP, CAN_ISOTP_RECV_FC, ::can_isotp_fc_options>;  ///< before bind
using isotp_link = plain<SOL_CAN_ISOTP, CAN_ISOTP_LL_OPTS, ::can_isotp_ll_options>;  ///< before bind
using j1939_priority = integer<SOL_CAN_J1939, SO_J1939_SEND_PRIO, 0, 7>;             ///< 0 (highest) to 7
using j1939_error_queue =
    boolean<SOL_CAN_J1939, SO_J1939_ERRQUEUE>;  ///< report messages sent on the error queue, see j1939_report
using j1939_promiscuous =
    boolean<SOL_CAN_J1939, SO_J1939_PROMISC>;  ///< receive messages for other addresses too; initially off

using filters = list<SOL_CAN_RAW, CAN_RAW_FILTER, ::can_filter,
                     CAN_RAW_FILTER_MAX>;  ///< receive frames that match one; empty: none
/// Write only. Receive messages whose name, PGN and address match one of these in the bits of the masks; empty: all.
using j1939_filters = list<SOL_CAN_J1939, SO_J1939_FILTER, ::j1939_filter, J1939_FILTER_MAX>;

}  // namespace opt

// ---- J1939 ----

/// The ancillary data of a received J1939 message.
struct j1939_message {
  std::optional<std::uint8_t> priority;           ///< 0 (highest) to 7
  std::optional<std::uint8_t> destination;        ///< destination address; none for broadcasts
  std::optional<std::uint64_t> destination_name;  ///< NAME of the destination, if it was addressed by it
  /// Reads them from `control`, a range of items with is(level, type) and as<T>(level, type), as
  /// afplug::control_buffer.
  template <class Control>
  static j1939_message from_control(const Control& control) {
    j1939_message made;
    for (const auto& item : control) {
      if (const auto v = item.template as<std::uint8_t>(SOL_CAN_J1939, SCM_J1939_PRIO)) made.priority = v;
      if (const auto v = item.template as<std::uint8_t>(SOL_CAN_J1939, SCM_J1939_DEST_ADDR)) made.destination = v;
      if (const auto v = item.template as<std::uint64_t>(SOL_CAN_J1939, SCM_J1939_DEST_NAME)) made.destination_name = v;
    }
    return made;
  }
};

/// The progress of a sent J1939 message, from the error queue (MSG_ERRQUEUE). Needs opt::j1939_error_queue and
/// SO_TIMESTAMPING with SOF_TIMESTAMPING_OPT_CMSG, OPT_ID, TX_ACK, TX_SCHED, OPT_STATS: j1939.rst.
struct j1939_report {
  /// What happened to the message.
  enum class event { scheduled, acknowledged, aborted, other };
  event what = event::other;           ///< the event
  std::uint32_t key = 0;               ///< number of the message: messages sent before it on the socket
  int error = 0;                       ///< errno if aborted, else 0
  std::optional<std::uint32_t> bytes;  ///< bytes acknowledged so far
  /// Reads the report from the ancillary data; nothing if it has none of J1939.
  template <class Control>
  static std::optional<j1939_report> from_control(const Control& control) {
    constexpr int statistics = 54;  // SCM_TIMESTAMPING_OPT_STATS
    std::optional<j1939_report> made;
    std::optional<std::uint32_t> bytes;
    for (const auto& item : control) {
      if (const auto error = item.template as<extended_error>(SOL_CAN_J1939, SCM_J1939_ERRQUEUE)) made = from(*error);
      if (item.is(SOL_SOCKET, statistics)) bytes = bytes_acknowledged(item.data);
    }
    if (made) made->bytes = bytes;
    return made;
  }

 private:
  // struct sock_extended_err of <linux/errqueue.h>, which conflicts with headers of some C libraries.
  struct extended_error {
    std::uint32_t error;
    std::uint8_t origin, type, code, pad;
    std::uint32_t info, data;
  };
  static j1939_report from(const extended_error& error) {
    constexpr std::uint8_t local = 1, time_stamp = 4;  // SO_EE_ORIGIN_*
    constexpr std::uint32_t sched = 1, ack = 2;        // SCM_TSTAMP_*
    j1939_report made;
    made.key = error.data;
    made.error = static_cast<int>(error.error);
    if (error.origin == time_stamp && error.info == sched) made.what = event::scheduled;
    if (error.origin == time_stamp && error.info == ack) made.what = event::acknowledged;
    if (error.origin == local && error.info == J1939_EE_INFO_TX_ABORT) made.what = event::aborted;
    return made;
  }
  // SCM_TIMESTAMPING_OPT_STATS has netlink attributes: length, type, payload, padded to 4 bytes (netlink(7)).
  static std::optional<std::uint32_t> bytes_acknowledged(std::span<const std::byte> rest) {
    while (rest.size() >= 4) {
      std::uint16_t head[2];
      std::memcpy(head, rest.data(), sizeof head);
      if (head[0] < 4 || head[0] > rest.size()) return {};
      if (head[1] == J1939_NLA_BYTES_ACKED && head[0] >= 8) {
        std::uint32_t value;
        std::memcpy(&value, rest.data() + 4, sizeof value);
        return value;
      }
      rest = rest.subspan(std::min<std::size_t>((head[0] + 3u) & ~3u, rest.size()));
    }
    return {};
  }
};

// ---- the broadcast manager ----

/// struct bcm_msg_head of <linux/can/bcm.h>, without the frames behind it.
struct alignas(8) bcm_head {
  std::uint32_t opcode = 0;
  std::uint32_t flags = 0;
  std::uint32_t count = 0;
  ::bcm_timeval ival1{}, ival2{};
  canid_t can_id = 0;
  std::uint32_t nframes = 0;
};
static_assert(sizeof(bcm_head) == sizeof(::bcm_msg_head) &&
              offsetof(bcm_head, nframes) == offsetof(::bcm_msg_head, nframes));

/// A message to or from a CAN_BCM socket: a head and at most 257 frames, all classic or all FD. can.rst, "Broadcast
/// Manager protocol sockets".
class bcm_message {
 public:
  using duration = std::chrono::microseconds;  ///< unit of all times

  /// A message with that opcode (TX_SETUP and others) and CAN id; an `id` above 0x7ff is extended. Frames and times are
  /// added by the functions below.
  explicit bcm_message(std::uint32_t opcode, canid_t id = 0) {
    head_.opcode = opcode;
    head_.can_id = id > CAN_SFF_MASK && !(id & (CAN_EFF_FLAG | CAN_RTR_FLAG)) ? id | CAN_EFF_FLAG : id;
  }

  /// TX_SETUP: sends `frames` in turn, one every `interval`, until `stop`. The identifier is that of the first frame.
  static bcm_message cyclic(std::span<const frame> frames, duration interval) {
    bcm_message m(TX_SETUP, frames.empty() ? 0 : frames[0].raw_id());
    m.flags(SETTIMER | STARTTIMER).interval(interval);
    for (const auto& f : frames) m.add(f);
    return m;
  }
  /// TX_DELETE: stops what `cyclic` started.
  static bcm_message stop(canid_t id) { return bcm_message(TX_DELETE, id); }
  /// RX_SETUP: the socket receives RX_CHANGED when bits of `mask` change in frames of `id`, at most one in `throttle`,
  /// and RX_TIMEOUT when no frame arrived for `timeout`. Zero disables either.
  static bcm_message watch(canid_t id, const frame& mask, duration timeout = {}, duration throttle = {}) {
    bcm_message m(RX_SETUP, id);
    m.flags(SETTIMER).add(mask);
    m.head_.ival1 = to_timeval(timeout);
    m.head_.ival2 = to_timeval(throttle);
    return m;
  }
  /// The same for multiplexed messages: the bits of masks[0] select the multiplexer, each further mask contains its
  /// value of these bits and the bits to watch for it.
  static bcm_message watch(canid_t id, std::span<const frame> masks, duration timeout = {}, duration throttle = {}) {
    bcm_message m(RX_SETUP, id);
    m.flags(SETTIMER);
    for (const auto& f : masks) m.add(f);
    m.head_.ival1 = to_timeval(timeout);
    m.head_.ival2 = to_timeval(throttle);
    return m;
  }
  /// RX_SETUP with RX_FILTER_ID: the socket receives RX_CHANGED for every frame of `id`, and RX_TIMEOUT when none
  /// arrived for `timeout`.
  static bcm_message watch_any(canid_t id, duration timeout = {}, duration throttle = {}) {
    bcm_message m(RX_SETUP, id);
    m.flags(SETTIMER | RX_FILTER_ID);
    m.head_.ival1 = to_timeval(timeout);
    m.head_.ival2 = to_timeval(throttle);
    return m;
  }
  /// RX_SETUP with RX_RTR_FRAME: the kernel answers remote frames for the identifier of `f` with `f`.
  static bcm_message reply(const frame& f) {
    bcm_message m(RX_SETUP, f.raw_id() | CAN_RTR_FLAG);
    return m.flags(RX_RTR_FRAME).add(f);
  }
  /// RX_DELETE: ends watch, watch_any and reply.
  static bcm_message unwatch(canid_t id) { return bcm_message(RX_DELETE, id); }

  /// Adds flags: SETTIMER, STARTTIMER, TX_COUNTEVT and others.
  bcm_message& flags(std::uint32_t more) noexcept {
    head_.flags |= more;
    return *this;
  }
  /// Sends `count` frames, one every `first`, then one every `then`.
  bcm_message& intervals(std::uint32_t count, duration first, duration then) noexcept {
    head_.count = count;
    head_.ival1 = to_timeval(first);
    head_.ival2 = to_timeval(then);
    return *this;
  }
  /// Sends one frame every `then`.
  bcm_message& interval(duration then) noexcept { return intervals(0, {}, then); }
  /// Adds a frame. The first one makes this a message of classic or of FD frames; frames of the other kind are ignored.
  bcm_message& add(const frame& f) {
    if (frames_.empty() && f.is_fd()) head_.flags |= CAN_FD_FRAME;
    if (f.is_fd() == has_fd_frames()) frames_.push_back(f);
    head_.nframes = static_cast<std::uint32_t>(frames_.size());
    return *this;
  }

  /// The message that a socket received; nothing if the bytes are not one.
  static std::optional<bcm_message> from_bytes(std::span<const std::byte> bytes) {
    bcm_message m(0);
    if (bytes.size() < sizeof m.head_) return {};
    std::memcpy(&m.head_, bytes.data(), sizeof m.head_);
    const std::size_t each = m.has_fd_frames() ? CANFD_MTU : CAN_MTU;
    auto rest = bytes.subspan(sizeof m.head_);
    if (rest.size() != m.head_.nframes * each) return {};
    for (; !rest.empty(); rest = rest.subspan(each)) {
      const auto f = frame::from_bytes(rest.first(each));
      if (!f) return {};
      m.frames_.push_back(*f);
    }
    return m;
  }

  /// The members of the head.
  std::uint32_t opcode() const noexcept { return head_.opcode; }
  std::uint32_t flags() const noexcept { return head_.flags; }
  /// The identifier without flags.
  canid_t id() const noexcept { return head_.can_id; }
  bool has_fd_frames() const noexcept { return (head_.flags & CAN_FD_FRAME) != 0; }
  const std::vector<frame>& frames() const noexcept { return frames_; }  ///< the frames
  const bcm_head& head() const noexcept { return head_; }                ///< the head

  /// The bytes to send on a CAN_BCM socket.
  std::vector<std::byte> bytes() const {
    std::vector<std::byte> out(sizeof head_);
    std::memcpy(out.data(), &head_, sizeof head_);
    for (const auto& f : frames_) out.insert(out.end(), f.bytes().begin(), f.bytes().end());
    return out;
  }

 private:
  static ::bcm_timeval to_timeval(duration t) noexcept {
    using std::chrono::duration_cast;
    const auto seconds = duration_cast<std::chrono::duration<long>>(t);
    return {seconds.count(), duration_cast<std::chrono::duration<long, std::micro>>(t - seconds).count()};
  }
  bcm_head head_;
  std::vector<frame> frames_;
};

}  // namespace afplug::can
