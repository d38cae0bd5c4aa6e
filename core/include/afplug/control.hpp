// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Ancillary data of sendmsg and recvmsg, typed: a builder, and a buffer that iterates. cmsg(3), unix(7), ip(7),
// ipv6(7), PARITY §4.4.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace afplug {

/// CMSG_LEN and CMSG_SPACE with a check of the range (0 … 2^31-1 less the header): errc::invalid_argument outside.
AFPLUG_API std::size_t cmsg_len(std::size_t payload);
AFPLUG_API std::size_t cmsg_space(std::size_t payload);

/// One item of ancillary data, as received.
struct control_item {
  int level = 0;                    ///< SOL_SOCKET, IPPROTO_IP …
  int type = 0;                     ///< SCM_RIGHTS, IP_PKTINFO …
  std::span<const std::byte> data;  ///< payload; points into the control_buffer
  bool truncated = false;           ///< its header claimed more than there is; `data` is what there is

  /// Whether it is of that level (SOL_*, IPPROTO_*) and type (SCM_*, IP_PKTINFO, …).
  bool is(int l, int t) const noexcept { return level == l && type == t; }

  /// The payload as a T, where this is (level, type) and as large; copies, since alignment is not given.
  template <class T>
  requires std::is_trivially_copyable_v<T> std::optional<T> as(int l, int t)
  const noexcept {
    if (!is(l, t) || data.size() < sizeof(T)) return {};
    T value;
    std::memcpy(&value, data.data(), sizeof value);
    return value;
  }

  AFPLUG_API std::optional<::ucred> credentials() const noexcept;         ///< SCM_CREDENTIALS
  AFPLUG_API std::optional<::in_pktinfo> packet_info4() const noexcept;   ///< IP_PKTINFO
  AFPLUG_API std::optional<::in6_pktinfo> packet_info6() const noexcept;  ///< IPV6_PKTINFO
  AFPLUG_API std::optional<int> hop_limit() const noexcept;               ///< IP_TTL or IPV6_HOPLIMIT
  AFPLUG_API std::optional<int> traffic_class() const noexcept;           ///< IP_TOS or IPV6_TCLASS
  AFPLUG_API std::optional<std::chrono::nanoseconds> timestamp()
      const noexcept;  ///< SCM_TIMESTAMP, SCM_TIMESTAMPNS: since the epoch
  /// SCM_TIMESTAMPING: software, (deprecated), hardware; zero: not given.
  AFPLUG_API std::optional<std::array<std::chrono::nanoseconds, 3>> timestamping() const noexcept;
  AFPLUG_API std::optional<int> gro_segment_size() const noexcept;  ///< UDP_GRO
};

/// Builds the ancillary data of one sendmsg. Grows by itself; the result is zero-padded and aligned. A value out of its
/// range, or an item of 2 GiB, throws errc::invalid_argument.
class AFPLUG_API control_builder {
 public:
  control_builder& add(int level, int type, const void* data, std::size_t size);
  template <class T>
  requires std::is_trivially_copyable_v<T> control_builder& add(int level, int type, const T& value) {
    return add(level, type, &value, sizeof value);
  }
  control_builder& rights(
      std::span<const int> descriptors);  ///< SCM_RIGHTS: passes descriptors, which stay the sender's too
  control_builder& credentials(pid_t pid, uid_t uid, gid_t gid);  ///< SCM_CREDENTIALS
  control_builder& packet_info4(const ::in_pktinfo& info);        ///< IP_PKTINFO: source address and interface
  control_builder& packet_info6(const ::in6_pktinfo& info);       ///< IPV6_PKTINFO
  control_builder& ttl(int hops);                                 ///< IP_TTL, 1–255
  control_builder& hop_limit(int hops);                           ///< IPV6_HOPLIMIT, 0–255; -1: the default
  control_builder& tos(int value);                                ///< IP_TOS
  control_builder& traffic_class(int value);                      ///< IPV6_TCLASS
  control_builder& segment_size(std::uint16_t bytes);             ///< UDP_SEGMENT: generic segmentation offload
  control_builder& transmit_time(std::chrono::nanoseconds when);  ///< SCM_TXTIME, with SO_TXTIME set
  control_builder& timestamping(std::uint32_t flags);  ///< SO_TIMESTAMPING for this message: SOF_TIMESTAMPING_TX_*

  /// What was built so far, as sendmsg(2) takes it.
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  bool empty() const noexcept { return bytes_.empty(); }
  void clear() noexcept { bytes_.clear(); }

 private:
  std::vector<std::byte> bytes_;
};

/// Room for the ancillary data of one recvmsg, and its reader. Owns the descriptors that arrive in it: those that are
/// not taken are closed at the next recvmsg into it and at its end, so that nothing leaks whatever the program does
/// with the message.
class AFPLUG_API control_buffer {
 public:
  control_buffer() noexcept = default;            ///< no room: ancillary data is discarded (MSG_CTRUNC)
  explicit control_buffer(std::size_t capacity);  ///< bytes; see cmsg_space
  ~control_buffer();
  control_buffer(control_buffer&& other) noexcept;
  control_buffer& operator=(control_buffer&& other) noexcept;

  /// Iterates over the items. A malformed header ends the sequence; a truncated item is given with what is there.
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = control_item;
    using difference_type = std::ptrdiff_t;
    iterator() noexcept = default;
    const control_item& operator*() const noexcept { return item_; }
    const control_item* operator->() const noexcept { return &item_; }
    AFPLUG_API iterator& operator++() noexcept;
    iterator operator++(int) noexcept {
      auto old = *this;
      ++*this;
      return old;
    }
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.done_; }

   private:
    friend class control_view;
    explicit iterator(std::span<const std::byte> rest) noexcept : rest_(rest), done_(false) { ++*this; }
    std::span<const std::byte> rest_;
    control_item item_;
    bool done_ = true;
  };
  iterator begin() const noexcept;
  std::default_sentinel_t end() const noexcept { return {}; }

  /// The first item of that level and type.
  std::optional<control_item> find(int level, int type) const noexcept;
  /// Takes the received descriptors (SCM_RIGHTS, in order): they are the caller's now, close-on-exec. A partial int at
  /// the end of a cut item is dropped.
  std::vector<int> take_rights();
  /// Takes the received descriptor of the sender's process (SCM_PIDFD, with SO_PASSPIDFD set), likewise; empty: there
  /// is none.
  std::optional<int> take_pidfd();

  bool malformed() const noexcept;                        ///< the sequence ended early, or an item was cut
  bool truncated() const noexcept { return truncated_; }  ///< MSG_CTRUNC: there was more than fitted
  /// What the last recvmsg(2) left there, and how much there is room for.
  std::span<const std::byte> bytes() const noexcept { return {storage_.data(), size_}; }
  std::size_t capacity() const noexcept { return storage_.size(); }

  // For the socket's recvmsg.
  std::byte* prepare() noexcept;  ///< closes what was not taken; where the system may write
  void received(std::size_t size, bool truncated) noexcept;

 private:
  void close_rights() noexcept;
  std::vector<std::byte> storage_;
  std::size_t size_ = 0;
  bool truncated_ = false;
  bool rights_taken_ = true;
  bool pidfd_taken_ = true;
};

/// Reads ancillary data that lies elsewhere; never reads outside `bytes`.
class AFPLUG_API control_view {
 public:
  explicit control_view(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  control_buffer::iterator begin() const noexcept { return control_buffer::iterator(bytes_); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace afplug
