// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Packet sockets for programs: rings shared with the kernel (TPACKET_V3), from which packets are read and into which
// they are written without a copy or a system call each, memberships, and classic BPF filters, given as programs or as
// expressions. packet(7), Documentation/networking/packet_mmap.rst.
//
//   afplug::socket s{"packet", SOCK_RAW};
//   afplug::packet::rx_ring ring(s);
//   s.bind("eth0?proto=3");
//   for (auto block = ring.next(100ms); const auto& p : block) use(p.data());
//
// Needs no library. A "socket" here is anything with native_handle() and owner()->extension(id), as afplug::socket.
#pragma once

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>

#include <afplug/typed_option.hpp>

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

namespace afplug::packet {

// ---- the extension, as the plugin gives it
// ---------------------------------------------------------------------------

/// What `family.extension(ring_extension_id)` points to.
inline constexpr char ring_extension_id[] = "afplug.packet.ring/1";

/// What a ring is to be like.
struct ring_request {
  std::uint32_t size;
  std::uint32_t transmit;     ///< 0: for receiving, 1: for sending
  std::uint32_t block_bytes;  ///< a multiple of the page size
  std::uint32_t blocks;
  std::uint32_t frame_bytes;  ///< a multiple of 16; room for one packet of a sending ring
  std::uint32_t timeout_ms;   ///< a block that is not full is given after this long; receiving only
};

/// A ring in this process's memory.
struct ring_map {
  std::uint8_t* data;
  std::uint64_t bytes;
  std::uint32_t block_bytes;
  std::uint32_t blocks;
  std::uint32_t frame_bytes;
  std::uint32_t frames;
};

/// The functions of the extension; 0 or −errno.
struct ring_functions {
  std::uint32_t size;
  std::uint32_t reserved;
  /// Sets TPACKET_V3 and the ring, and maps it. On an error the socket is as it was but for its version.
  std::int32_t (*open)(std::int64_t handle, const ring_request* request, ring_map* out);
  /// Unmaps it and takes it off the socket.
  void (*close)(std::int64_t handle, const ring_request* request, ring_map* map);
};

/// How large the rings are by default: 64 blocks of 1 MiB would be much for a test, few for 10 Gbit/s.
struct ring_options {
  std::uint32_t block_bytes = 1u << 20;
  std::uint32_t blocks = 8;
  std::uint32_t frame_bytes = 2048;
  std::chrono::milliseconds timeout{10};
};

namespace detail {

/// A mapped ring, and its end. Outlived by its socket.
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

  /// False: the time passed. EINTR counts as time.
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

// ---- receiving
// -------------------------------------------------------------------------------------------------------

/// A packet in the ring; valid as long as its block.
class view {
 public:
  explicit view(const ::tpacket3_hdr* header) noexcept : header_(header) {}
  /// The bytes captured, link header first (SOCK_RAW).
  std::span<const std::byte> data() const noexcept {
    return {reinterpret_cast<const std::byte*>(header_) + header_->tp_mac, header_->tp_snaplen};
  }
  std::uint32_t wire_length() const noexcept { return header_->tp_len; }  ///< bytes it had on the wire
  std::chrono::nanoseconds timestamp() const noexcept {                   ///< since the epoch
    return std::chrono::seconds(header_->tp_sec) + std::chrono::nanoseconds(header_->tp_nsec);
  }
  std::uint32_t status() const noexcept { return header_->tp_status; }  ///< TP_STATUS_*
  /// The VLAN tag that the interface took off: TCI, and its EtherType in host order; empty: none.
  std::optional<std::pair<std::uint16_t, std::uint16_t>> vlan() const noexcept {
    if ((status() & TP_STATUS_VLAN_VALID) == 0) return {};
    const bool has_type = (status() & TP_STATUS_VLAN_TPID_VALID) != 0;
    return std::pair{static_cast<std::uint16_t>(header_->hv1.tp_vlan_tci),
                     has_type ? header_->hv1.tp_vlan_tpid : std::uint16_t{0x8100}};
  }
  std::uint32_t hash() const noexcept { return header_->hv1.tp_rxhash; }
  /// Interface, EtherType, packet type and hardware address of the sender.
  const ::sockaddr_ll& from() const noexcept {
    return *reinterpret_cast<const ::sockaddr_ll*>(reinterpret_cast<const std::byte*>(header_) +
                                                   TPACKET_ALIGN(sizeof(::tpacket3_hdr)));
  }

 private:
  const ::tpacket3_hdr* header_;
};

/// A block of packets; goes back to the kernel at its end. An empty one holds none.
class block {
 public:
  block() noexcept = default;
  explicit block(::tpacket_block_desc* raw) noexcept : raw_(raw) {}
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
  bool losing() const noexcept {
    return raw_ && (raw_->hdr.bh1.block_status & TP_STATUS_LOSING) != 0;
  }  ///< packets were dropped

 private:
  ::tpacket_block_desc* raw_ = nullptr;
};

/// A ring for receiving. One thread reads it. Make it before bind, so that no packet goes past it.
class rx_ring {
 public:
  template <class Socket>
  explicit rx_ring(const Socket& s, const ring_options& o = {}) : ring_(s, o, false) {}

  /// The next block with packets, waiting for it at most that long (empty: for ever). An empty block: the time passed.
  block next(std::optional<std::chrono::milliseconds> limit = {}) {
    auto* raw = at();
    if (!ready(raw) && !(ring_.wait(POLLIN, limit) && ready(raw))) return {};
    next_ = (next_ + 1) % ring_.map().blocks;
    return block(raw);
  }

 private:
  ::tpacket_block_desc* at() const noexcept {
    return reinterpret_cast<::tpacket_block_desc*>(ring_.map().data + std::uint64_t{next_} * ring_.map().block_bytes);
  }
  static bool ready(::tpacket_block_desc* raw) noexcept {
    return (std::atomic_ref(raw->hdr.bh1.block_status).load(std::memory_order_acquire) & TP_STATUS_USER) != 0;
  }
  detail::ring ring_;
  std::uint32_t next_ = 0;
};

// ---- sending
// ---------------------------------------------------------------------------------------------------------

/// A ring for sending. One thread fills it. The socket is bound to its interface.
class tx_ring {
 public:
  template <class Socket>
  explicit tx_ring(const Socket& s, const ring_options& o = {}) : ring_(s, o, true) {}

  /// Most bytes that one packet may have.
  std::size_t room() const noexcept { return ring_.map().frame_bytes - data_offset; }

  /// Room for the next packet, to be filled and then given on by push; empty: the ring is full (flush, and wait).
  std::span<std::byte> claim() noexcept {
    auto* header = at();
    const auto status = std::atomic_ref(header->tp_status).load(std::memory_order_acquire);
    if ((status & (TP_STATUS_SEND_REQUEST | TP_STATUS_SENDING)) != 0) return {};
    return {reinterpret_cast<std::byte*>(header) + data_offset, room()};
  }
  /// Gives the claimed packet on, of that many bytes. The kernel sends at the next flush.
  void push(std::size_t bytes) noexcept {
    auto* header = at();
    header->tp_next_offset = 0;
    header->tp_len = header->tp_snaplen = static_cast<std::uint32_t>(bytes);
    std::atomic_ref(header->tp_status).store(TP_STATUS_SEND_REQUEST, std::memory_order_release);
    next_ = (next_ + 1) % ring_.map().frames;
  }
  /// Copies a packet in. False: it is too large, or the ring is full.
  bool push(std::span<const std::byte> packet) noexcept {
    const auto to = claim();
    if (to.empty() || packet.size() > to.size()) return false;
    std::memcpy(to.data(), packet.data(), packet.size());
    push(packet.size());
    return true;
  }
  /// Lets the kernel send what was pushed, and waits until it has.
  void flush() {
    while (::send(ring_.handle(), nullptr, 0, MSG_NOSIGNAL) < 0)
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "send from packet ring");
  }

 private:
  static constexpr std::size_t data_offset = TPACKET_ALIGN(sizeof(::tpacket3_hdr));
  ::tpacket3_hdr* at() const noexcept {
    const auto per_block = ring_.map().block_bytes / ring_.map().frame_bytes;
    return reinterpret_cast<::tpacket3_hdr*>(ring_.map().data +
                                             std::uint64_t{next_ / per_block} * ring_.map().block_bytes +
                                             std::uint64_t{next_ % per_block} * ring_.map().frame_bytes);
  }
  detail::ring ring_;
  std::uint32_t next_ = 0;
};

// ---- memberships and filters
// ------------------------------------------------------------------------------------------

/// A membership of an interface, by its index: PACKET_MR_PROMISC, PACKET_MR_ALLMULTI; with an address
/// PACKET_MR_MULTICAST, PACKET_MR_UNICAST.
template <int Name>
class basic_membership : public opt::plain<SOL_PACKET, Name, ::packet_mreq> {
 public:
  basic_membership(int interface_index, std::uint16_t type, std::span<const std::uint8_t> address = {}) noexcept {
    ::packet_mreq& it = this->value();
    it.mr_ifindex = interface_index;
    it.mr_type = type;
    it.mr_alen = static_cast<unsigned short>(address.size() < 8 ? address.size() : 8);
    if (it.mr_alen != 0) std::memcpy(it.mr_address, address.data(), it.mr_alen);
  }
};
using membership = basic_membership<PACKET_ADD_MEMBERSHIP>;        ///< for socket.option: receive this too
using drop_membership = basic_membership<PACKET_DROP_MEMBERSHIP>;  ///< and no longer

/// PACKET_FANOUT: sockets with the same `id` share the packets, by PACKET_FANOUT_HASH, _LB, _CPU … with
/// PACKET_FANOUT_FLAG_*.
class fanout : public opt::plain<SOL_PACKET, PACKET_FANOUT, std::uint32_t> {
 public:
  fanout() noexcept = default;
  fanout(std::uint16_t id, std::uint16_t type_and_flags) noexcept : plain(id | std::uint32_t{type_and_flags} << 16) {}
  std::uint16_t id() const noexcept { return static_cast<std::uint16_t>(value()); }
  std::uint16_t type_and_flags() const noexcept { return static_cast<std::uint16_t>(value() >> 16); }
};
/// PACKET_STATISTICS: packets and drops since they were last read; of a socket with a ring, how often that was frozen.
using statistics = opt::plain<SOL_PACKET, PACKET_STATISTICS, ::tpacket_stats_v3>;
using auxiliary_data = opt::boolean<SOL_PACKET, PACKET_AUXDATA>;           ///< see auxiliary
using ignore_outgoing = opt::boolean<SOL_PACKET, PACKET_IGNORE_OUTGOING>;  ///< what this machine sends is not received
using original_device = opt::boolean<SOL_PACKET, PACKET_ORIGDEV>;          ///< the interface below a bond or team

/// What comes beside a packet, with opt auxiliary_data set.
struct auxiliary {
  std::uint32_t status = 0;                          ///< TP_STATUS_*
  std::uint32_t wire_length = 0;                     ///< bytes it had on the wire, but for a tag that was taken off
  std::optional<std::uint16_t> vlan_tag, vlan_type;  ///< the tag that the interface took off: TCI, and its EtherType
  /// `control`: a range of items with `as<T>(level, type)`, as afplug::control_buffer is. Empty: there is none in it.
  template <class Control>
  static std::optional<auxiliary> of(const Control& control) {
    for (const auto& item : control)
      if (const auto raw = item.template as<::tpacket_auxdata>(SOL_PACKET, PACKET_AUXDATA)) {
        auxiliary made{raw->tp_status, raw->tp_len, {}, {}};
        if (raw->tp_status & TP_STATUS_VLAN_VALID) made.vlan_tag = raw->tp_vlan_tci;
        if (raw->tp_status & TP_STATUS_VLAN_TPID_VALID) made.vlan_type = raw->tp_vlan_tpid;
        return made;
      }
    return {};
  }
};

/// SO_ATTACH_FILTER: a program of classic BPF, which stays the caller's while socket.option attaches it.
class filter : public opt::plain<SOL_SOCKET, SO_ATTACH_FILTER, ::sock_fprog> {
 public:
  explicit filter(std::span<::sock_filter> program) noexcept
      : plain(::sock_fprog{static_cast<unsigned short>(program.size()), program.data()}) {}
};

// ---- filters as expressions
// ------------------------------------------------------------------------------------------

/// How packets begin, by libpcap's number of it (DLT_*): what an expression is compiled for.
enum class link_type : int { ethernet = 1, raw_ip = 12, ieee802_11 = 105, radiotap = 127 };

/// How the packets of a socket begin: of SOCK_DGRAM with IP, else as the interface has it that the socket is bound to;
/// Ethernet's if it is to none. std::system_error: EOPNOTSUPP where libpcap has no number for such an interface, or the
/// error of getsockopt and getsockname.
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

/// What is used of libpcap, whose binary interface has been the same since 0.8.
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
  if (!found) throw std::system_error(ELIBACC, std::generic_category(), std::string("libpcap lacks ") + name);
  out = reinterpret_cast<Function>(found);
}

inline pcap load_pcap() {
  void* library = ::dlopen("libpcap.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) library = ::dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);  // as Debian calls it
  if (!library)
    throw std::system_error(ELIBACC, std::generic_category(),
                            std::string("a filter expression takes libpcap, which is not here (") + ::dlerror() +
                                "): install libpcap0.8, or give a program of classic BPF");
  pcap made;
  find(library, "pcap_open_dead", made.open_dead);
  find(library, "pcap_compile", made.compile);
  find(library, "pcap_geterr", made.geterr);
  find(library, "pcap_freecode", made.freecode);
  find(library, "pcap_close", made.close);
  return made;
}

/// libpcap, for one kind of link.
class expressions {
 public:
  explicit expressions(link_type link) : functions_(loaded()) {
    of_ = functions_.open_dead(static_cast<int>(link), snapshot);
    if (!of_) throw std::bad_alloc();
  }
  expressions(const expressions&) = delete;
  expressions& operator=(const expressions&) = delete;
  ~expressions() { functions_.close(of_); }

  /// The program; empty: why() says what is wrong.
  std::vector<::sock_filter> compile(std::string_view text) {
    constexpr std::uint32_t unknown_netmask = 0xffffffff;
    struct owned : pcap::program {
      const pcap& of;
      ~owned() { of.freecode(this); }
    } made{{0, nullptr}, functions_};
    if (functions_.compile(of_, &made, std::string(text).c_str(), 1, unknown_netmask) != 0) return {};
    return {made.code, made.code + made.count};
  }
  std::string why() const { return functions_.geterr(of_); }

  /// The longest beginning, word by word, that is an expression by itself.
  std::string_view sound_part(std::string_view text) {
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

/// Compiles an expression of pcap-filter(7), "tcp port 80 and host 192.0.2.1", for socket.option(filter(program)).
/// libpcap does it, which is looked for when it is first wanted: programs need neither its headers nor to link it.
/// Names in the expression are looked up, which may block. Interfaces mostly take the tag of a VLAN off a frame before
/// a filter sees it, so that "vlan" finds none. Safe in several threads from libpcap 1.8 on. std::system_error: EINVAL,
/// whose words say what is wrong and how far the expression holds; ELIBACC: there is no libpcap; E2BIG: above 4096
/// instructions.
inline std::vector<::sock_filter> compile(std::string_view expression, link_type link = link_type::ethernet) {
  const auto refuse = [](int error, const std::string& why) {
    throw std::system_error(error, std::generic_category(), why);
  };
  if (expression.find('\0') != expression.npos) refuse(EINVAL, "it has a NUL in it");
  detail::expressions all(link);
  auto program = all.compile(expression);
  if (program.size() > BPF_MAXINSNS)
    refuse(E2BIG, std::to_string(program.size()) + " instructions, the kernel takes 4096");
  if (!program.empty()) return program;
  auto why = all.why();
  if (const auto good = why.find("syntax error") == why.npos ? std::string_view() : all.sound_part(expression);
      !good.empty())
    (why += ", after \"").append(good) += '"';
  refuse(EINVAL, why);
  return {};
}

}  // namespace afplug::packet
