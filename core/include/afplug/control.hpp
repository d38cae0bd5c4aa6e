// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Ancillary data of sendmsg and recvmsg: a builder, and a buffer that iterates over typed items. cmsg(3), unix(7),
// ip(7), ipv6(7).
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

/// CMSG_LEN(3): the size of an item of `payload` bytes without padding at its end. Throws errc::invalid_argument if
/// that is above 2^31-1.
AFPLUG_API std::size_t cmsg_len(std::size_t payload);
AFPLUG_API std::size_t cmsg_len(std::size_t payload, error_code& ec);
/// CMSG_SPACE(3): the same with the padding.
AFPLUG_API std::size_t cmsg_space(std::size_t payload);
AFPLUG_API std::size_t cmsg_space(std::size_t payload, error_code& ec);

/// One received item of ancillary data.
struct control_item {
  int level = 0;                    ///< SOL_SOCKET, IPPROTO_IP …
  int type = 0;                     ///< SCM_RIGHTS, IP_PKTINFO …
  std::span<const std::byte> data;  ///< payload; points into the control_buffer, where it need not be aligned
  bool truncated = false;           ///< cmsg_len exceeds the data received; `data` has what there is

  /// Whether it has that level (SOL_*, IPPROTO_*) and type (SCM_*, IP_PKTINFO, …).
  bool is(int l, int t) const noexcept { return level == l && type == t; }

  /// A copy of the payload as a T; empty if the level or type differ or the payload is shorter than a T.
  template <class T>
  requires std::is_trivially_copyable_v<T> std::optional<T> as(int l, int t)
  const noexcept {
    if (!is(l, t) || data.size() < sizeof(T)) return {};
    T value;
    std::memcpy(&value, data.data(), sizeof value);
    return value;
  }

  // Each is empty if the item is not of the type named.
  AFPLUG_API std::optional<::ucred> credentials() const noexcept;         ///< SCM_CREDENTIALS
  AFPLUG_API std::optional<::in_pktinfo> packet_info4() const noexcept;   ///< IP_PKTINFO
  AFPLUG_API std::optional<::in6_pktinfo> packet_info6() const noexcept;  ///< IPV6_PKTINFO
  AFPLUG_API std::optional<int> hop_limit() const noexcept;               ///< IP_TTL or IPV6_HOPLIMIT
  AFPLUG_API std::optional<int> traffic_class() const noexcept;           ///< IP_TOS or IPV6_TCLASS
  /// SCM_TIMESTAMP or SCM_TIMESTAMPNS: time since the Unix epoch.
  AFPLUG_API std::optional<std::chrono::nanoseconds> timestamp() const noexcept;
  /// SCM_TIMESTAMPING: the software, the deprecated and the hardware time since the Unix epoch; zero if not reported.
  AFPLUG_API std::optional<std::array<std::chrono::nanoseconds, 3>> timestamping() const noexcept;
  AFPLUG_API std::optional<int> gro_segment_size() const noexcept;  ///< UDP_GRO, bytes
};

/// Builds the ancillary data of one sendmsg: cmsghdr items, aligned, with zeroed padding. Throws errc::invalid_argument
/// for a value out of its range and for an item above 2 GiB.
class AFPLUG_API control_builder {
 public:
  /// Appends an item with a payload of `size` bytes, or of a T's bytes.
  control_builder& add(int level, int type, const void* data, std::size_t size);
  template <class T>
  requires std::is_trivially_copyable_v<T> control_builder& add(int level, int type, const T& value) {
    return add(level, type, &value, sizeof value);
  }
  /// SCM_RIGHTS: passes duplicates of the descriptors; the sender keeps its own.
  control_builder& rights(std::span<const int> descriptors);
  control_builder& credentials(pid_t pid, uid_t uid, gid_t gid);  ///< SCM_CREDENTIALS
  control_builder& packet_info4(const ::in_pktinfo& info);        ///< IP_PKTINFO: source address and interface
  control_builder& packet_info6(const ::in6_pktinfo& info);       ///< IPV6_PKTINFO
  control_builder& ttl(int hops);                                 ///< IP_TTL, 1–255
  control_builder& hop_limit(int hops);                           ///< IPV6_HOPLIMIT, 0–255; −1: the default
  control_builder& tos(int value);                                ///< IP_TOS, 0–255
  control_builder& traffic_class(int value);                      ///< IPV6_TCLASS, 0–255; −1: the default
  control_builder& segment_size(std::uint16_t bytes);  ///< UDP_SEGMENT: payload bytes a datagram (segmentation offload)
  control_builder& transmit_time(std::chrono::nanoseconds when);  ///< SCM_TXTIME, by the clock set with SO_TXTIME
  control_builder& timestamping(std::uint32_t flags);  ///< SO_TIMESTAMPING for this message: SOF_TIMESTAMPING_TX_*

  // As above; on an error nothing is added.
  control_builder& add(int level, int type, const void* data, std::size_t size, error_code& ec);
  template <class T>
  requires std::is_trivially_copyable_v<T> control_builder& add(int level, int type, const T& value, error_code& ec) {
    return add(level, type, &value, sizeof value, ec);
  }
  control_builder& rights(std::span<const int> descriptors, error_code& ec);
  control_builder& ttl(int hops, error_code& ec);
  control_builder& hop_limit(int hops, error_code& ec);
  control_builder& tos(int value, error_code& ec);
  control_builder& traffic_class(int value, error_code& ec);

  /// The items added so far, as msg_control of sendmsg(2).
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  bool empty() const noexcept { return bytes_.empty(); }
  void clear() noexcept { bytes_.clear(); }

 private:
  std::vector<std::byte> bytes_;
};

/// A buffer for the ancillary data of one recvmsg. Owns the descriptors received into it: those that take_rights() and
/// take_pidfd() have not taken are closed by the next recvmsg into it and by its destructor.
class AFPLUG_API control_buffer {
 public:
  control_buffer() noexcept = default;            ///< capacity 0: ancillary data is discarded (MSG_CTRUNC)
  explicit control_buffer(std::size_t capacity);  ///< bytes, the sum of cmsg_space() of the items
  ~control_buffer();
  control_buffer(control_buffer&& other) noexcept;
  control_buffer& operator=(control_buffer&& other) noexcept;

  /// Iterates over the items. A malformed header ends the sequence. A truncated item has the data that was received.
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

  /// The first item of that level and type; empty if there is none.
  std::optional<control_item> find(int level, int type) const noexcept;
  /// Transfers the received descriptors (SCM_RIGHTS, in order) to the caller, who must close them. They are
  /// close-on-exec. Incomplete bytes of a descriptor at the end of a truncated item are ignored.
  std::vector<int> take_rights();
  /// Appends them to `to`. Allocates nothing if its capacity is sufficient; if that throws, they are not transferred.
  void take_rights(std::vector<int>& to);
  /// Transfers the pidfd of the sending process (SCM_PIDFD, with SO_PASSPIDFD set) to the caller; empty if none was
  /// received.
  std::optional<int> take_pidfd();

  bool malformed() const noexcept;  ///< the sequence ended at a malformed header, or an item is truncated
  bool truncated() const noexcept { return truncated_; }  ///< MSG_CTRUNC: the buffer was too small
  /// The ancillary data of the last recvmsg.
  std::span<const std::byte> bytes() const noexcept { return {storage_.data(), size_}; }
  std::size_t capacity() const noexcept { return storage_.size(); }  ///< bytes

  // Called by recvmsg: prepare() closes the descriptors that were not taken and returns the memory to receive into;
  // received() stores the result.
  std::byte* prepare() noexcept;
  void received(std::size_t size, bool truncated) noexcept;

 private:
  void close_rights() noexcept;
  std::vector<std::byte> storage_;
  std::size_t size_ = 0;
  bool truncated_ = false;
  bool rights_taken_ = true;
  bool pidfd_taken_ = true;
};

/// Iterates over ancillary data in the caller's memory. Reads nothing outside `bytes`, whatever the headers contain.
class AFPLUG_API control_view {
 public:
  explicit control_view(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  control_buffer::iterator begin() const noexcept { return control_buffer::iterator(bytes_); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace afplug
