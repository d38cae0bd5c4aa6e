// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// CAN for programs: frames (classic, FD, XL) and their text, filters, messages of the broadcast manager, error frames
// in words, options with types. Needs no library. Documentation/networking/can.rst. What is sent and received is
// `bytes()`:
//
//   afplug::socket s{"can", SOCK_RAW, CAN_RAW};
//   s.bind("vcan0");
//   s.send(afplug::can::frame::parse("123#DEADBEEF").value().bytes());
#pragma once

#include <linux/can.h>
#include <linux/can/bcm.h>
#include <linux/can/error.h>
#include <linux/can/isotp.h>
#include <linux/can/j1939.h>
#include <linux/can/raw.h>
#include <sys/socket.h>

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

namespace afplug::can {

namespace detail {

inline int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// All of `text` as hexadecimal digits, at most `digits` of them.
inline std::optional<std::uint32_t> hex_number(std::string_view text, std::size_t digits) noexcept {
  if (text.empty() || text.size() > digits) return {};
  std::uint32_t value = 0;
  for (const char c : text) {
    const int digit = hex_digit(c);
    if (digit < 0) return {};
    value = value * 16 + static_cast<std::uint32_t>(digit);
  }
  return value;
}

/// Pairs of digits, dots between bytes allowed, into at most `room` bytes; how many, or nothing.
inline std::optional<std::size_t> hex_bytes(std::string_view text, std::uint8_t* to, std::size_t room) noexcept {
  std::size_t count = 0;
  while (!text.empty()) {
    if (count != 0 && text[0] == '.') text.remove_prefix(1);
    const auto byte = text.size() < 2 ? std::nullopt : hex_number(text.substr(0, 2), 2);
    if (!byte || count == room) return {};
    to[count++] = static_cast<std::uint8_t>(*byte);
    text.remove_prefix(2);
  }
  return count;
}

inline void append_hex(std::string& text, std::uint32_t value, int digits) {
  constexpr char all[] = "0123456789ABCDEF";
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) text += all[(value >> shift) & 15];
}

/// "123" or "12345678", as candump writes an identifier; error frames carry their flag.
inline void append_id(std::string& text, canid_t id) {
  if (id & CAN_ERR_FLAG)
    append_hex(text, id & (CAN_ERR_MASK | CAN_ERR_FLAG), 8);
  else if (id & CAN_EFF_FLAG)
    append_hex(text, id & CAN_EFF_MASK, 8);
  else
    append_hex(text, id & CAN_SFF_MASK, 3);
}

/// Three digits: 11 bits; eight: 29 bits, or an error frame where its flag is set.
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

// ---- frames --------------------------------------------------------------------------------------------------------

/// A CAN frame, classic or FD.
class frame {
 public:
  frame() noexcept = default;
  /// A classic data frame of at most 8 bytes, or one of FD with at most 64; more is cut. An `id` above 0x7ff is
  /// extended; the flags of linux/can.h are taken too.
  explicit frame(canid_t id, std::span<const std::uint8_t> data = {}, bool fd = false) noexcept : fd_(fd) {
    raw_.can_id = (id & ~(CAN_EFF_FLAG | CAN_RTR_FLAG | CAN_ERR_FLAG)) > CAN_SFF_MASK ? id | CAN_EFF_FLAG : id;
    raw_.len = static_cast<std::uint8_t>(std::min<std::size_t>(data.size(), fd ? CANFD_MAX_DLEN : CAN_MAX_DLEN));
    if (raw_.len != 0) std::memcpy(raw_.data, data.data(), raw_.len);
  }
  /// A request for a frame of that identifier and length.
  static frame remote(canid_t id, std::uint8_t length = 0) noexcept {
    frame made(id | CAN_RTR_FLAG);
    made.raw_.len = std::min<std::uint8_t>(length, CAN_MAX_DLEN);
    return made;
  }

  /// What a socket gave: 16 bytes are classic, 72 are FD; other sizes are no such frame.
  static std::optional<frame> from(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() != CAN_MTU && bytes.size() != CANFD_MTU) return {};
    frame made;
    made.fd_ = bytes.size() == CANFD_MTU;
    std::memcpy(&made.raw_, bytes.data(), bytes.size());
    if (made.raw_.len > (made.fd_ ? CANFD_MAX_DLEN : CAN_MAX_DLEN)) return {};
    return made;
  }

  /// candump's form: 123#DEADBEEF, 12345678#01.02, 123#R4 (remote), 123##5AABB (FD: one digit of flags, then data).
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

  /// The same form. FD's own flag CANFD_FDF is not written.
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

  canid_t id() const noexcept { return raw_.can_id & (is_extended() ? CAN_EFF_MASK : CAN_SFF_MASK); }
  canid_t raw_id() const noexcept { return raw_.can_id; }  ///< with its flags
  bool is_fd() const noexcept { return fd_; }
  bool is_extended() const noexcept { return (raw_.can_id & CAN_EFF_FLAG) != 0; }
  bool is_remote() const noexcept { return (raw_.can_id & CAN_RTR_FLAG) != 0; }
  bool is_error() const noexcept { return (raw_.can_id & CAN_ERR_FLAG) != 0; }
  std::span<const std::uint8_t> data() const noexcept { return {raw_.data, raw_.len}; }
  std::uint8_t flags() const noexcept { return raw_.flags; }  ///< FD: CANFD_BRS, CANFD_ESI
  void flags(std::uint8_t value) noexcept { raw_.flags = value; }

  /// What goes to the socket: 16 or 72 bytes.
  std::span<const std::byte> bytes() const noexcept { return detail::object_bytes(raw_, fd_ ? CANFD_MTU : CAN_MTU); }

  /// The least length of an FD frame that holds `size` bytes: 0–8, 12, 16, 20, 24, 32, 48, 64.
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

/// A CAN XL frame.
class xl_frame {
 public:
  xl_frame() noexcept = default;
  /// 1 to 2048 bytes of data; more is cut. Priority: 11 bits.
  xl_frame(std::uint32_t priority, std::uint8_t sdu_type, std::uint32_t acceptance,
           std::span<const std::uint8_t> data) noexcept {
    raw_.prio = priority & CANXL_PRIO_MASK;
    raw_.flags = CANXL_XLF;
    raw_.sdt = sdu_type;
    raw_.af = acceptance;
    raw_.len = static_cast<std::uint16_t>(std::min<std::size_t>(data.size(), CANXL_MAX_DLEN));
    if (raw_.len != 0) std::memcpy(raw_.data, data.data(), raw_.len);
  }
  static std::optional<xl_frame> from(std::span<const std::byte> bytes) noexcept {
    xl_frame made;
    if (bytes.size() < CANXL_HDR_SIZE + CANXL_MIN_DLEN || bytes.size() > sizeof made.raw_) return {};
    std::memcpy(&made.raw_, bytes.data(), bytes.size());
    if ((made.raw_.flags & CANXL_XLF) == 0 || CANXL_HDR_SIZE + made.raw_.len > bytes.size()) return {};
    return made;
  }

  /// candump's form: 45123#81:00:12345678#11223344 (virtual network, priority, flags, type, acceptance field, data).
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
  /// The same form.
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

  std::uint8_t virtual_network() const noexcept {
    return static_cast<std::uint8_t>(raw_.prio >> vcid_shift);
  }  ///< VCID; the kernel takes it where opt::xl_virtual_network says so
  void virtual_network(std::uint8_t id) noexcept {
    raw_.prio = (raw_.prio & CANXL_PRIO_MASK) | std::uint32_t{id} << vcid_shift;
  }
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

// ---- error frames
// ----------------------------------------------------------------------------------------------------

/// An error frame in words: "bus-off", "controller: receive warning, transmit passive; protocol: stuff error (at data);
/// counters: tx 128, rx 0".
inline std::string describe_error(const frame& f) {
  struct word {
    std::uint32_t bit;
    const char* text;
  };
  constexpr word controller[] = {
      {CAN_ERR_CRTL_RX_OVERFLOW, "receive overflow"}, {CAN_ERR_CRTL_TX_OVERFLOW, "transmit overflow"},
      {CAN_ERR_CRTL_RX_WARNING, "receive warning"},   {CAN_ERR_CRTL_TX_WARNING, "transmit warning"},
      {CAN_ERR_CRTL_RX_PASSIVE, "receive passive"},   {CAN_ERR_CRTL_TX_PASSIVE, "transmit passive"},
      {CAN_ERR_CRTL_ACTIVE, "active again"}};
  constexpr word protocol[] = {{CAN_ERR_PROT_BIT, "bit error"},         {CAN_ERR_PROT_FORM, "form error"},
                               {CAN_ERR_PROT_STUFF, "stuff error"},     {CAN_ERR_PROT_BIT0, "no dominant bit"},
                               {CAN_ERR_PROT_BIT1, "no recessive bit"}, {CAN_ERR_PROT_OVERLOAD, "overload"},
                               {CAN_ERR_PROT_ACTIVE, "active error"},   {CAN_ERR_PROT_TX, "while transmitting"}};
  constexpr word place[] = {{CAN_ERR_PROT_LOC_SOF, "start of frame"},
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
  const auto say = [&](const std::string& more) { (text += text.empty() ? "" : "; ") += more; };
  const auto words = [](const auto& table, std::uint32_t bits) {
    std::string out;
    for (const auto& w : table)
      if (bits & w.bit) (out += out.empty() ? "" : ", ") += w.text;
    return out.empty() ? std::string("unspecified") : out;
  };
  const canid_t what = f.raw_id();
  if (what & CAN_ERR_TX_TIMEOUT) say("transmit timeout");
  if (what & CAN_ERR_LOSTARB) say("lost arbitration" + (d[0] ? " in bit " + std::to_string(d[0]) : std::string()));
  if (what & CAN_ERR_CRTL) say("controller: " + words(controller, d[1]));
  if (what & CAN_ERR_PROT) {
    std::string more = "protocol: " + words(protocol, d[2]);
    for (const auto& w : place)
      if (d[3] == w.bit) (((more += " (at ") += w.text)) += ')';
    say(more);
  }
  if (what & CAN_ERR_TRX) {
    std::string more = "transceiver: 0x";
    detail::append_hex(more, d[4], 2);
    say(more);
  }
  if (what & CAN_ERR_ACK) say("no acknowledgement");
  if (what & CAN_ERR_BUSOFF) say("bus-off");
  if (what & CAN_ERR_BUSERROR) say("bus error");
  if (what & CAN_ERR_RESTARTED) say("controller restarted");
  if (what & CAN_ERR_CNT) say("counters: tx " + std::to_string(d[6]) + ", rx " + std::to_string(d[7]));
  return text;
}

// ---- filters and options
// -----------------------------------------------------------------------------------------------

/// "123:7FF" (matches), "123~7FF" (does not match); eight digits for extended identifiers.
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

/// Options of CAN, structural: level, name, data, size.
namespace opt {

using afplug::opt::boolean;
using afplug::opt::integer;
using afplug::opt::list;
using afplug::opt::plain;

using error_filter =
    plain<SOL_CAN_RAW, CAN_RAW_ERR_FILTER, can_err_mask_t>;  ///< classes of error frames received: CAN_ERR_*
using loopback = plain<SOL_CAN_RAW, CAN_RAW_LOOPBACK, int>;  ///< others on this machine get what is sent; initially 1
using receive_own = plain<SOL_CAN_RAW, CAN_RAW_RECV_OWN_MSGS, int>;  ///< this socket gets what it sends; initially 0
using fd_frames = plain<SOL_CAN_RAW, CAN_RAW_FD_FRAMES, int>;        ///< FD frames; initially 0
using xl_frames = plain<SOL_CAN_RAW, CAN_RAW_XL_FRAMES, int>;        ///< XL frames; initially 0
/// CAN_RAW_XL_VCID_OPTS, from Linux 6.9 on: what becomes of the virtual network's id (VCID) of XL frames.
struct vcid_options {
  std::uint8_t flags = 0;    ///< 1: frames sent get tx_vcid, 2: they keep their own, 4: frames received are filtered
  std::uint8_t tx_vcid = 0;  ///< of frames sent
  std::uint8_t rx_vcid = 0;  ///< of frames received …
  std::uint8_t rx_vcid_mask = 0;  ///< … in these bits
};
using xl_virtual_network = plain<SOL_CAN_RAW, 8, vcid_options>;      ///< initially nothing is set, and id 0 received
using join_filters = plain<SOL_CAN_RAW, CAN_RAW_JOIN_FILTERS, int>;  ///< all filters must match; initially 0
using isotp = plain<SOL_CAN_ISOTP, CAN_ISOTP_OPTS, ::can_isotp_options>;  ///< before bind
using isotp_tx_gap = plain<SOL_CAN_ISOTP, CAN_ISOTP_TX_STMIN,
                           std::uint32_t>;  ///< ns between frames sent, with CAN_ISOTP_FORCE_TXSTMIN
using isotp_rx_gap = plain<SOL_CAN_ISOTP, CAN_ISOTP_RX_STMIN,
                           std::uint32_t>;  ///< ns; what comes faster is ignored, with CAN_ISOTP_FORCE_RXSTMIN
using isotp_flow = plain<SOL_CAN_ISOTP, CAN_ISOTP_RECV_FC, ::can_isotp_fc_options>;  ///< before bind
using isotp_link = plain<SOL_CAN_ISOTP, CAN_ISOTP_LL_OPTS, ::can_isotp_ll_options>;  ///< before bind
using j1939_priority = plain<SOL_CAN_J1939, SO_J1939_SEND_PRIO, int>;                ///< 0 (highest) to 7
using j1939_error_queue = plain<SOL_CAN_J1939, SO_J1939_ERRQUEUE, int>;  ///< what became of messages, see j1939_report
using j1939_promiscuous = plain<SOL_CAN_J1939, SO_J1939_PROMISC, int>;   ///< messages for other addresses too

using filters = list<SOL_CAN_RAW, CAN_RAW_FILTER, ::can_filter, CAN_RAW_FILTER_MAX>;  ///< none: nothing is received
/// Set alone: messages of a name, a group or an address, each where its mask says so; none: all are received.
using j1939_filters = list<SOL_CAN_J1939, SO_J1939_FILTER, ::j1939_filter, J1939_FILTER_MAX>;

}  // namespace opt

// ---- J1939
// -----------------------------------------------------------------------------------------------------------

/// What comes beside a message of J1939.
struct j1939_message {
  std::optional<std::uint8_t> priority;           ///< 0 (highest) to 7
  std::optional<std::uint8_t> destination;        ///< address that it was for; none: a broadcast
  std::optional<std::uint64_t> destination_name;  ///< and its name, where that was meant
  /// `control`: a range of items with `is(level, type)` and `as<T>(level, type)`, as afplug::control_buffer is.
  template <class Control>
  static j1939_message of(const Control& control) {
    j1939_message made;
    for (const auto& item : control) {
      if (const auto v = item.template as<std::uint8_t>(SOL_CAN_J1939, SCM_J1939_PRIO)) made.priority = v;
      if (const auto v = item.template as<std::uint8_t>(SOL_CAN_J1939, SCM_J1939_DEST_ADDR)) made.destination = v;
      if (const auto v = item.template as<std::uint64_t>(SOL_CAN_J1939, SCM_J1939_DEST_NAME)) made.destination_name = v;
    }
    return made;
  }
};

/// What the error queue tells of a message that was sent, with opt::j1939_error_queue and SO_TIMESTAMPING set
/// (SOF_TIMESTAMPING_OPT_CMSG, OPT_ID, TX_ACK, TX_SCHED, OPT_STATS …).
struct j1939_report {
  enum class event { scheduled, acknowledged, aborted, other };
  event what = event::other;
  std::uint32_t key = 0;               ///< of the message: how many were sent before it
  int error = 0;                       ///< errno, of an abort
  std::optional<std::uint32_t> bytes;  ///< acknowledged so far
  /// Empty: nothing of J1939 is in it.
  template <class Control>
  static std::optional<j1939_report> of(const Control& control) {
    constexpr int statistics = 54;  // SCM_TIMESTAMPING_OPT_STATS
    std::optional<j1939_report> made;
    std::optional<std::uint32_t> bytes;
    for (const auto& item : control) {
      if (const auto told = item.template as<extended_error>(SOL_CAN_J1939, SCM_J1939_ERRQUEUE)) made = from(*told);
      if (item.is(SOL_SOCKET, statistics)) bytes = bytes_acknowledged(item.data);
    }
    if (made) made->bytes = bytes;
    return made;
  }

 private:
  // struct sock_extended_err, whose header pulls in others that differ from system to system.
  struct extended_error {
    std::uint32_t error;
    std::uint8_t origin, type, code, pad;
    std::uint32_t info, data;
  };
  static j1939_report from(const extended_error& told) {
    constexpr std::uint8_t local = 1, time_stamp = 4;  // SO_EE_ORIGIN_*
    constexpr std::uint32_t sched = 1, ack = 2;        // SCM_TSTAMP_*
    j1939_report made;
    made.key = told.data;
    made.error = static_cast<int>(told.error);
    if (told.origin == time_stamp && told.info == sched) made.what = event::scheduled;
    if (told.origin == time_stamp && told.info == ack) made.what = event::acknowledged;
    if (told.origin == local && told.info == J1939_EE_INFO_TX_ABORT) made.what = event::aborted;
    return made;
  }
  // Netlink attributes: length, type, payload, each padded to 4 bytes.
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

// ---- the broadcast manager
// -----------------------------------------------------------------------------------------------

/// struct bcm_msg_head without the frames behind it.
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

/// A message to or from CAN_BCM: a head and up to 257 frames, all classic or all FD.
class bcm_message {
 public:
  using duration = std::chrono::microseconds;

  /// opcode TX_SETUP …, for `id`. Frames and times are added below.
  explicit bcm_message(std::uint32_t opcode, canid_t id = 0) {
    head_.opcode = opcode;
    head_.can_id = id > CAN_SFF_MASK && !(id & (CAN_EFF_FLAG | CAN_RTR_FLAG)) ? id | CAN_EFF_FLAG : id;
  }

  /// Sends `frames` in turn, one each `interval`, for ever; the frames' identifier is the first's.
  static bcm_message cyclic(std::span<const frame> frames, duration interval) {
    bcm_message m(TX_SETUP, frames.empty() ? 0 : frames[0].raw_id());
    m.flags(SETTIMER | STARTTIMER).interval(interval);
    for (const auto& f : frames) m.add(f);
    return m;
  }
  /// Stops what `cyclic` began.
  static bcm_message stop(canid_t id) { return bcm_message(TX_DELETE, id); }
  /// Tells (RX_CHANGED) when bits of `mask` change in frames of `id`, at most once each `throttle`, and (RX_TIMEOUT)
  /// when none came for `timeout`; zero: never.
  static bcm_message watch(canid_t id, const frame& mask, duration timeout = {}, duration throttle = {}) {
    bcm_message m(RX_SETUP, id);
    m.flags(SETTIMER).add(mask);
    m.head_.ival1 = to_timeval(timeout);
    m.head_.ival2 = to_timeval(throttle);
    return m;
  }
  /// The same for messages that are multiplexed: the bits of masks[0] choose among them, and each further mask, which
  /// has these bits set to the value that it is for, says which of its bits are watched.
  static bcm_message watch(canid_t id, std::span<const frame> masks, duration timeout = {}, duration throttle = {}) {
    bcm_message m(RX_SETUP, id);
    m.flags(SETTIMER);
    for (const auto& f : masks) m.add(f);
    m.head_.ival1 = to_timeval(timeout);
    m.head_.ival2 = to_timeval(throttle);
    return m;
  }
  /// Tells (RX_CHANGED) of every frame of `id`, whatever is in it, and (RX_TIMEOUT) when none came for `timeout`.
  static bcm_message watch_any(canid_t id, duration timeout = {}, duration throttle = {}) {
    bcm_message m(RX_SETUP, id);
    m.flags(SETTIMER | RX_FILTER_ID);
    m.head_.ival1 = to_timeval(timeout);
    m.head_.ival2 = to_timeval(throttle);
    return m;
  }
  /// Answers remote requests for the frame's identifier with it.
  static bcm_message reply(const frame& f) {
    bcm_message m(RX_SETUP, f.raw_id() | CAN_RTR_FLAG);
    return m.flags(RX_RTR_FRAME).add(f);
  }
  static bcm_message unwatch(canid_t id) { return bcm_message(RX_DELETE, id); }

  bcm_message& flags(std::uint32_t more) noexcept {
    head_.flags |= more;
    return *this;
  }
  /// `count` frames at `first`, then one each `then`.
  bcm_message& intervals(std::uint32_t count, duration first, duration then) noexcept {
    head_.count = count;
    head_.ival1 = to_timeval(first);
    head_.ival2 = to_timeval(then);
    return *this;
  }
  bcm_message& interval(duration then) noexcept { return intervals(0, {}, then); }
  /// The first frame decides whether this is a message of classic or of FD frames; one of the other kind is not added.
  bcm_message& add(const frame& f) {
    if (frames_.empty() && f.is_fd()) head_.flags |= CAN_FD_FRAME;
    if (f.is_fd() == has_fd_frames()) frames_.push_back(f);
    head_.nframes = static_cast<std::uint32_t>(frames_.size());
    return *this;
  }

  /// What a socket gave; empty: it is no such message.
  static std::optional<bcm_message> from(std::span<const std::byte> bytes) {
    bcm_message m(0);
    if (bytes.size() < sizeof m.head_) return {};
    std::memcpy(&m.head_, bytes.data(), sizeof m.head_);
    const std::size_t each = m.has_fd_frames() ? CANFD_MTU : CAN_MTU;
    auto rest = bytes.subspan(sizeof m.head_);
    if (rest.size() != m.head_.nframes * each) return {};
    for (; !rest.empty(); rest = rest.subspan(each)) {
      const auto f = frame::from(rest.first(each));
      if (!f) return {};
      m.frames_.push_back(*f);
    }
    return m;
  }

  std::uint32_t opcode() const noexcept { return head_.opcode; }
  std::uint32_t flags() const noexcept { return head_.flags; }
  canid_t id() const noexcept { return head_.can_id; }
  bool has_fd_frames() const noexcept { return (head_.flags & CAN_FD_FRAME) != 0; }
  const std::vector<frame>& frames() const noexcept { return frames_; }
  const bcm_head& head() const noexcept { return head_; }

  /// What goes to the socket.
  std::vector<std::byte> bytes() const {
    std::vector<std::byte> out(sizeof head_);
    std::memcpy(out.data(), &head_, sizeof head_);
    for (const auto& f : frames_) out.insert(out.end(), f.bytes().begin(), f.bytes().end());
    return out;
  }

 private:
  static ::bcm_timeval to_timeval(duration t) noexcept {
    return {static_cast<long>(t.count() / 1000000), static_cast<long>(t.count() % 1000000)};
  }
  bcm_head head_;
  std::vector<frame> frames_;
};

}  // namespace afplug::can
