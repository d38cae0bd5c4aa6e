// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Packet sockets: rings shared with the kernel (TPACKET_V3), which transfer packets without a system call for each,
// memberships, and classic BPF filters, as programs or as expressions. packet(7),
// Documentation/networking/packet_mmap.rst.
//
//   afplug::socket s{"packet", SOCK_RAW};
//   afplug::packet::rx_ring ring(s);
//   s.bind("eth0?proto=3");
//   for (auto block = ring.next(100ms); const auto& p : block) use(p.data());
//
// Needs no library. `Socket` is a class with native_handle() and owner()->extension(id), as afplug::socket. Integers
// are in host byte order. Different objects may be used from different threads.
#pragma once

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>

#include <afplug/plugin/encoding.hpp>
#include <afplug/typed_option.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "packet/endpoint.hpp"

namespace afplug::packet {

// ---- the extension of the plugin ----

/// The id of the extension: family.extension(ring_extension_id) returns a ring_functions*.
inline constexpr char ring_extension_id[] = "afplug.packet.ring/1";

/// The properties of a ring, struct tpacket_req3.
struct ring_request {
  std::uint32_t size;
  std::uint32_t transmit;     ///< 0: receive ring, 1: transmit ring
  std::uint32_t block_bytes;  ///< a multiple of the page size
  std::uint32_t blocks;
  std::uint32_t frame_bytes;  ///< a multiple of 16; limit of one packet and its header in a transmit ring
  std::uint32_t timeout_ms;   ///< receive ring: a block that is not full is handed over after this time
};

/// A ring that is mapped into this process.
struct ring_map {
  std::uint8_t* data;
  std::uint64_t bytes;
  std::uint32_t block_bytes;
  std::uint32_t blocks;
  std::uint32_t frame_bytes;
  std::uint32_t frames;
};

/// The functions of the extension.
struct ring_functions {
  std::uint32_t size;
  std::uint32_t reserved;
  /// Sets PACKET_VERSION and the ring option, and maps the ring. Returns 0 or -errno; on an error the socket keeps the
  /// version TPACKET_V3 and has no ring.
  std::int32_t (*open)(std::int64_t handle, const ring_request* request, ring_map* out);
  /// Unmaps the ring and removes it from the socket.
  void (*close)(std::int64_t handle, const ring_request* request, ring_map* map);
};

/// The size of a ring: `blocks` blocks of `block_bytes`, 8 MiB by default. `frame_bytes` is used by transmit rings,
/// `timeout` by receive rings.
struct ring_options {
  std::uint32_t block_bytes = 1u << 20;
  std::uint32_t blocks = 8;
  std::uint32_t frame_bytes = 2048;
  std::chrono::milliseconds timeout{10};
};

namespace detail {

/// Maps a ring and unmaps it. The socket must outlive it.
class ring {
 public:
  template <class Socket>
  ring(const Socket& s, const ring_options& o, bool transmit)
      : handle_(s.native_handle()),
        functions_(static_cast<const ring_functions*>(s.owner() ? s.owner()->extension(ring_extension_id) : nullptr)),
        request_{sizeof(ring_request), transmit,
                 o.block_bytes,        o.blocks,
                 o.frame_bytes,        transmit ? 0u : static_cast<std::uint32_t>(o.timeout.count())} {
    if (!functions_)
      throw std::system_error(EOPNOTSUPP, std::generic_category(), "this socket's family has no packet rings");
    if (const auto r = functions_->open(handle_, &request_, &map_); r < 0)
      throw std::system_error(-r, std::generic_category(), "packet ring");
  }
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;
  ~ring() { functions_->close(handle_, &request_, &map_); }

  const ring_map& map() const noexcept { return map_; }
  int handle() const noexcept { return handle_; }

  /// Polls for `events`. False: the time limit passed, or a signal arrived.
  bool wait(short events, std::optional<std::chrono::milliseconds> limit) const {
    ::pollfd fd{handle_, events, 0};
    const int n = ::poll(&fd, 1, limit ? static_cast<int>(limit->count()) : -1);
    if (n < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
    return n > 0;
  }

 private:
  int handle_;
  const ring_functions* functions_;
  ring_request request_;
  ring_map map_{};
};

}  // namespace detail

// ---- receiving ----

namespace detail {
// TPACKET_ALIGN(sizeof(tpacket3_hdr)), which converts between signed and unsigned.
inline constexpr std::size_t ring_header_bytes =
    (sizeof(::tpacket3_hdr) + TPACKET_ALIGNMENT - 1) / TPACKET_ALIGNMENT * TPACKET_ALIGNMENT;
}  // namespace detail

/// A packet in a ring; valid as long as its block.
class view {
 public:
  /// The packet with that header.
  explicit view(const ::tpacket3_hdr* header) noexcept : header_(header) {}
  /// The bytes captured; on SOCK_RAW they begin with the link header.
  std::span<const std::byte> data() const noexcept {
    return {reinterpret_cast<const std::byte*>(header_) + header_->tp_mac, header_->tp_snaplen};
  }
  std::uint32_t wire_length() const noexcept { return header_->tp_len; }  ///< length of the packet, bytes
  std::chrono::nanoseconds timestamp() const noexcept {                   ///< since 1970-01-01 UTC
    return std::chrono::seconds(header_->tp_sec) + std::chrono::nanoseconds(header_->tp_nsec);
  }
  std::uint32_t status() const noexcept { return header_->tp_status; }  ///< TP_STATUS_*
  /// The VLAN tag that the interface removed: TCI and EtherType; nothing if it removed none.
  std::optional<std::pair<std::uint16_t, std::uint16_t>> vlan() const noexcept {
    if ((status() & TP_STATUS_VLAN_VALID) == 0) return {};
    const bool has_type = (status() & TP_STATUS_VLAN_TPID_VALID) != 0;
    return std::pair{static_cast<std::uint16_t>(header_->hv1.tp_vlan_tci),
                     has_type ? header_->hv1.tp_vlan_tpid : std::uint16_t{0x8100}};
  }
  /// The receive hash of the packet, if the interface or a fanout computed it.
  std::uint32_t hash() const noexcept { return header_->hv1.tp_rxhash; }
  /// Interface, EtherType (network byte order), packet type and hardware address of the sender.
  const ::sockaddr_ll& from() const noexcept {
    return *reinterpret_cast<const ::sockaddr_ll*>(reinterpret_cast<const std::byte*>(header_) +
                                                   detail::ring_header_bytes);
  }

 private:
  const ::tpacket3_hdr* header_;
};

/// A block of packets, a range of `view`. Its destructor returns the block to the kernel. A default-constructed one is
/// empty.
class block {
 public:
  block() noexcept = default;
  explicit block(::tpacket_block_desc* native) noexcept : raw_(native) {}
  block(block&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  block& operator=(block&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~block() {
    if (raw_) std::atomic_ref(raw_->hdr.bh1.block_status).store(TP_STATUS_KERNEL, std::memory_order_release);
  }

  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = view;
    using difference_type = std::ptrdiff_t;
    iterator(const std::byte* at, std::uint32_t left) noexcept : at_(at), left_(left) {}
    view operator*() const noexcept { return view(header()); }
    iterator& operator++() noexcept {
      if (--left_ != 0) at_ += header()->tp_next_offset;
      return *this;
    }
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.left_ == 0; }

   private:
    const ::tpacket3_hdr* header() const noexcept { return reinterpret_cast<const ::tpacket3_hdr*>(at_); }
    const std::byte* at_;
    std::uint32_t left_;
  };
  iterator begin() const noexcept {
    if (!raw_) return {nullptr, 0};
    return {reinterpret_cast<const std::byte*>(raw_) + raw_->hdr.bh1.offset_to_first_pkt, raw_->hdr.bh1.num_pkts};
  }
  std::default_sentinel_t end() const noexcept { return {}; }
  std::uint32_t size() const noexcept { return raw_ ? raw_->hdr.bh1.num_pkts : 0; }  ///< packets
  explicit operator bool() const noexcept { return raw_ != nullptr; }
  /// TP_STATUS_LOSING: packets were dropped since PACKET_STATISTICS was last read.
  bool losing() const noexcept { return raw_ && (raw_->hdr.bh1.block_status & TP_STATUS_LOSING) != 0; }

 private:
  ::tpacket_block_desc* raw_ = nullptr;
};

/// A receive ring (PACKET_RX_RING). Create it before bind, so that all packets go to the ring. Not for concurrent use
/// from several threads. Throws std::system_error: EOPNOTSUPP where the family of the socket has no rings, else errors
/// of setsockopt(2) and mmap(2).
class rx_ring {
 public:
  template <class Socket>
  explicit rx_ring(const Socket& s, const ring_options& o = {}) : ring_(s, o, false) {}

  /// Waits at most `limit` (nothing: no limit) for the next block with packets. Returns an empty block if the time
  /// limit passed or a signal arrived. Throws std::system_error: errors of poll(2).
  block next(std::optional<std::chrono::milliseconds> limit = {}) {
    auto* native = at();
    if (!ready(native) && !(ring_.wait(POLLIN, limit) && ready(native))) return {};
    next_ = (next_ + 1) % ring_.map().blocks;
    return block(native);
  }

 private:
  ::tpacket_block_desc* at() const noexcept {
    return reinterpret_cast<::tpacket_block_desc*>(ring_.map().data + std::uint64_t{next_} * ring_.map().block_bytes);
  }
  static bool ready(::tpacket_block_desc* native) noexcept {
    return (std::atomic_ref(native->hdr.bh1.block_status).load(std::memory_order_acquire) & TP_STATUS_USER) != 0;
  }
  detail::ring ring_;
  std::uint32_t next_ = 0;
};

// ---- sending ----

/// A transmit ring (PACKET_TX_RING). The socket must be bound to an interface. Not for concurrent use from several
/// threads. Throws as rx_ring.
class tx_ring {
 public:
  template <class Socket>
  explicit tx_ring(const Socket& s, const ring_options& o = {}) : ring_(s, o, true) {}

  /// Limit of the size of a packet, bytes.
  std::size_t capacity() const noexcept { return ring_.map().frame_bytes - data_offset; }

  /// The buffer of the next packet, to be filled and passed on by push(bytes). Empty if the ring is full: flush, and
  /// wait for POLLOUT.
  std::span<std::byte> claim() noexcept {
    auto* header = at();
    const auto status = std::atomic_ref(header->tp_status).load(std::memory_order_acquire);
    if ((status & (TP_STATUS_SEND_REQUEST | TP_STATUS_SENDING)) != 0) return {};
    return {reinterpret_cast<std::byte*>(header) + data_offset, capacity()};
  }
  /// Queues the claimed packet with that size in bytes. flush sends it.
  void push(std::size_t bytes) noexcept {
    auto* header = at();
    header->tp_next_offset = 0;
    header->tp_len = header->tp_snaplen = static_cast<std::uint32_t>(bytes);
    std::atomic_ref(header->tp_status).store(TP_STATUS_SEND_REQUEST, std::memory_order_release);
    next_ = (next_ + 1) % ring_.map().frames;
  }
  /// Copies a packet into the ring. False: it is too large, or the ring is full.
  bool push(std::span<const std::byte> packet) noexcept {
    const auto to = claim();
    if (to.empty() || packet.size() > to.size()) return false;
    std::memcpy(to.data(), packet.data(), packet.size());
    push(packet.size());
    return true;
  }
  /// Sends the queued packets and waits until they are sent. Throws std::system_error: errors of send(2).
  void flush() {
    while (::send(ring_.handle(), nullptr, 0, MSG_NOSIGNAL) < 0)
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "send from packet ring");
  }

 private:
  static constexpr std::size_t data_offset = detail::ring_header_bytes;
  ::tpacket3_hdr* at() const noexcept {
    const auto per_block = ring_.map().block_bytes / ring_.map().frame_bytes;
    return reinterpret_cast<::tpacket3_hdr*>(ring_.map().data +
                                             std::uint64_t{next_ / per_block} * ring_.map().block_bytes +
                                             std::uint64_t{next_ % per_block} * ring_.map().frame_bytes);
  }
  detail::ring ring_;
  std::uint32_t next_ = 0;
};

// ---- memberships and filters ----

/// A membership of the interface with that index: PACKET_MR_PROMISC, PACKET_MR_ALLMULTI; with a hardware address of at
/// most 8 bytes PACKET_MR_MULTICAST, PACKET_MR_UNICAST.
template <int Name>
class basic_membership : public opt::plain<SOL_PACKET, Name, ::packet_mreq> {
 public:
  basic_membership(int interface_index, std::uint16_t type, std::span<const std::uint8_t> address = {}) {
    ::packet_mreq& it = this->value();
    it.mr_ifindex = interface_index;
    it.mr_type = type;
    if (!this->accept(address.size(), 0, 8, " bytes of hardware address")) return;
    it.mr_alen = static_cast<unsigned short>(address.size());
    std::copy_n(address.begin(), std::min(address.size(), sizeof it.mr_address), it.mr_address);
  }
};
using membership = basic_membership<PACKET_ADD_MEMBERSHIP>;        ///< PACKET_ADD_MEMBERSHIP
using drop_membership = basic_membership<PACKET_DROP_MEMBERSHIP>;  ///< PACKET_DROP_MEMBERSHIP

/// PACKET_FANOUT: packets are distributed among the sockets with the same `id`, by PACKET_FANOUT_HASH, _LB, _CPU and
/// others, or'ed with PACKET_FANOUT_FLAG_*.
class fanout : public opt::plain<SOL_PACKET, PACKET_FANOUT, std::uint32_t> {
 public:
  fanout() noexcept = default;
  fanout(std::uint16_t id, std::uint16_t type_and_flags) noexcept : plain(id | std::uint32_t{type_and_flags} << 16) {}
  std::uint16_t id() const noexcept { return static_cast<std::uint16_t>(value()); }
  std::uint16_t type_and_flags() const noexcept { return static_cast<std::uint16_t>(value() >> 16); }
};
/// PACKET_STATISTICS, read only: packets and drops since the last read; with a ring also how often its queue was
/// frozen.
using statistics = opt::plain<SOL_PACKET, PACKET_STATISTICS, ::tpacket_stats_v3>;
using auxiliary_data = opt::boolean<SOL_PACKET, PACKET_AUXDATA>;           ///< PACKET_AUXDATA: receive `auxiliary`
using ignore_outgoing = opt::boolean<SOL_PACKET, PACKET_IGNORE_OUTGOING>;  ///< PACKET_IGNORE_OUTGOING: do not receive
                                                                           ///< packets that this host sends
using original_device =
    opt::boolean<SOL_PACKET, PACKET_ORIGDEV>;  ///< PACKET_ORIGDEV: addresses name the interface below a bond or team

/// The ancillary data of a packet, struct tpacket_auxdata. Needs the option auxiliary_data.
struct auxiliary {
  std::uint32_t status = 0;                          ///< TP_STATUS_*
  std::uint32_t wire_length = 0;                     ///< length of the packet without a removed VLAN tag, bytes
  std::optional<std::uint16_t> vlan_tag, vlan_type;  ///< VLAN tag that the interface removed: TCI, EtherType
  /// Reads it from `control`, a range of items with as<T>(level, type), as afplug::control_buffer; nothing if it has
  /// none.
  template <class Control>
  static std::optional<auxiliary> from_control(const Control& control) {
    for (const auto& item : control)
      if (const auto native = item.template as<::tpacket_auxdata>(SOL_PACKET, PACKET_AUXDATA)) {
        auxiliary made{native->tp_status, native->tp_len, {}, {}};
        if (native->tp_status & TP_STATUS_VLAN_VALID) made.vlan_tag = native->tp_vlan_tci;
        if (native->tp_status & TP_STATUS_VLAN_TPID_VALID) made.vlan_type = native->tp_vlan_tpid;
        return made;
      }
    return {};
  }
};

/// SO_ATTACH_FILTER: a classic BPF program. The kernel copies it; it must live until the option is set.
class filter : public opt::plain<SOL_SOCKET, SO_ATTACH_FILTER, ::sock_fprog> {
 public:
  /// The program to attach: 1 to 4096 instructions.
  explicit filter(std::span<::sock_filter> program) {
    if (accept(program.size(), 1, BPF_MAXINSNS, " instructions"))
      value() = {static_cast<unsigned short>(program.size()), program.data()};
  }
};

// ---- filters as expressions ----

/// The link header type for which an expression is compiled: DLT_* of libpcap.
enum class link_type : int { ethernet = 1, raw_ip = 12, ieee802_11 = 105, radiotap = 127 };

/// The link header type of the packets of a socket: raw_ip for SOCK_DGRAM, else that of the interface it is bound to,
/// and ethernet if it is not bound to one. Throws std::system_error: EOPNOTSUPP for other types of interface, errors of
/// getsockopt(2) and getsockname(2).
inline link_type link_type_of(int handle) {
  int type = 0;
  ::socklen_t size = sizeof type;
  ::sockaddr_ll name{};
  ::socklen_t length = sizeof name;
  if (::getsockopt(handle, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      ::getsockname(handle, reinterpret_cast<::sockaddr*>(&name), &length) != 0)
    throw std::system_error(errno, std::generic_category(), "packet filter");
  if (type == SOCK_DGRAM) return link_type::raw_ip;
  switch (name.sll_ifindex == 0 ? ARPHRD_ETHER : name.sll_hatype) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
      return link_type::ethernet;
    case ARPHRD_NONE:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
      return link_type::raw_ip;
    case ARPHRD_IEEE80211:
      return link_type::ieee802_11;
    case ARPHRD_IEEE80211_RADIOTAP:
      return link_type::radiotap;
    default:
      throw std::system_error(EOPNOTSUPP, std::generic_category(),
                              "no filter expressions on interfaces of type " + std::to_string(name.sll_hatype));
  }
}

namespace detail {

/// The functions of libpcap that are used. Their ABI has not changed since libpcap 0.8.
struct pcap {
  struct program {
    unsigned count;
    ::sock_filter* code;
  };
  void* (*open_dead)(int link, int snapshot);
  int (*compile)(void* of, program* out, const char* expression, int optimize, std::uint32_t netmask);
  char* (*geterr)(void* of);
  void (*freecode)(program* made);
  void (*close)(void* of);
};

template <class Function>
void find(void* library, const char* name, Function& out) {
  void* found = ::dlsym(library, name);
  if (!found) throw std::system_error(ELIBACC, std::generic_category(), std::string("libpcap does not have ") + name);
  out = reinterpret_cast<Function>(found);
}

inline pcap load_pcap() {
  void* library = ::dlopen("libpcap.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) library = ::dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);  // the name in Debian
  if (!library)
    throw std::system_error(ELIBACC, std::generic_category(),
                            std::string("filter expressions need libpcap, which cannot be loaded (") +
                                plugin::excerpt(::dlerror(), 256) +
                                "): install libpcap0.8, or use a classic BPF program");
  pcap made;
  find(library, "pcap_open_dead", made.open_dead);
  find(library, "pcap_compile", made.compile);
  find(library, "pcap_geterr", made.geterr);
  find(library, "pcap_freecode", made.freecode);
  find(library, "pcap_close", made.close);
  return made;
}

/// Compiles expressions for one link header type.
class pcap_compiler {
 public:
  explicit pcap_compiler(link_type link) : functions_(loaded()) {
    of_ = functions_.open_dead(static_cast<int>(link), snapshot);
    if (!of_) throw std::bad_alloc();
  }
  pcap_compiler(const pcap_compiler&) = delete;
  pcap_compiler& operator=(const pcap_compiler&) = delete;
  ~pcap_compiler() { functions_.close(of_); }

  /// The program; empty for an invalid expression, see error().
  std::vector<::sock_filter> compile(std::string_view text) {
    constexpr std::uint32_t unknown_netmask = 0xffffffff;
    struct owned : pcap::program {
      const pcap& of;
      ~owned() { of.freecode(this); }
    } made{{0, nullptr}, functions_};
    if (functions_.compile(of_, &made, std::string(text).c_str(), 1, unknown_netmask) != 0) return {};
    return {made.code, made.code + made.count};
  }
  std::string error() const { return functions_.geterr(of_); }

  /// The longest prefix, by words, that is a valid expression.
  std::string_view longest_valid_prefix(std::string_view text) {
    for (auto end = text.find_last_of(' '); end != text.npos && end != 0; end = text.find_last_of(' ', end - 1))
      if (text.find_last_not_of(' ', end) != text.npos && !compile(text.substr(0, end)).empty())
        return text.substr(0, end);
    return {};
  }

 private:
  static constexpr int snapshot = 0x40000;  // whole packets, as tcpdump takes them
  static const pcap& loaded() {
    static const pcap it = load_pcap();
    return it;
  }
  const pcap& functions_;
  void* of_;
};

}  // namespace detail

/// Compiles an expression of pcap-filter(7), "tcp port 80 and host 192.0.2.1", for socket.option(filter(program)). Uses
/// libpcap, which is loaded on the first call: programs need neither its headers nor to link it. Host names in the
/// expression are resolved, which may block. "vlan" matches no frame whose tag the interface removed, which is usual.
/// Thread-safe with libpcap 1.8 or newer. Throws std::system_error: EINVAL, an invalid expression, with the error text
/// of libpcap and the longest valid prefix; ELIBACC, libpcap cannot be loaded; E2BIG, more than BPF_MAXINSNS (4096)
/// instructions.
inline std::vector<::sock_filter> compile(std::string_view expression, link_type link = link_type::ethernet) {
  const auto fail = [](int error, const std::string& why) {
    throw std::system_error(error, std::generic_category(), why);
  };
  if (expression.find('\0') != expression.npos) fail(EINVAL, "the filter expression contains a NUL");
  detail::pcap_compiler compiler(link);
  auto program = compiler.compile(expression);
  if (program.size() > BPF_MAXINSNS)
    fail(E2BIG, std::to_string(program.size()) + " instructions, the kernel accepts at most 4096");
  if (!program.empty()) return program;
  const std::string error = compiler.error();
  std::string why = plugin::excerpt(error, 256);
  if (const auto good =
          error.find("syntax error") == error.npos ? std::string_view() : compiler.longest_valid_prefix(expression);
      !good.empty())
    why += ", after " + plugin::quote(good);
  fail(EINVAL, why);
  return {};
}

}  // namespace afplug::packet
