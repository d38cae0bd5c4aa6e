// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <afplug/control.hpp>

#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "no_cancellation.hpp"
#include "numbers_linux.hpp"

#include "throwing.hpp"

namespace afplug {
namespace {

constexpr std::size_t align(std::size_t n) noexcept {
  return (n + sizeof(std::size_t) - 1) & ~(sizeof(std::size_t) - 1);
}
constexpr std::size_t header = align(sizeof(::cmsghdr));
constexpr std::size_t most_length = 0x7fffffff;
static_assert(CMSG_LEN(0) == header && CMSG_SPACE(1) == header + align(1));

[[noreturn]] void out_of_range(const std::string& what) {
  error_code ec;
  detail::fail(ec, errc::invalid_argument, what);
  detail::raise(ec, "control");
}

std::size_t checked(std::size_t payload, std::size_t most) {
  if (payload > most)
    out_of_range("ancillary data: " + std::to_string(payload) + " bytes are outside the range 0 to " +
                 std::to_string(most));
  return payload;
}

// Removes one item from the front of `rest`. Returns false at the end; `rest` is then not empty if a header is
// malformed.
bool next(std::span<const std::byte>& rest, control_item& item) noexcept {
  ::cmsghdr head;
  if (rest.size() < header) return false;
  std::memcpy(&head, rest.data(), sizeof head);
  if (head.cmsg_len < header) return false;
  item.level = head.cmsg_level;
  item.type = head.cmsg_type;
  item.truncated = head.cmsg_len > rest.size();
  const auto length = std::min<std::size_t>(head.cmsg_len, rest.size());
  item.data = rest.subspan(header, length - header);
  rest = rest.subspan(std::min(align(length), rest.size()));
  return true;
}

// Reads a time of seconds and a fraction, which counts `tick` nanoseconds, in one of the kernel's layouts: two longs
// (SO_TIMESTAMP_OLD), or two 64-bit integers (SO_TIMESTAMP_NEW). The C library's timeval has one of the two. Empty on
// overflow.
template <class Layout>
std::optional<std::chrono::nanoseconds> time_at(std::span<const std::byte> data, std::int64_t tick) noexcept {
  if (data.size() < sizeof(Layout)) return {};
  Layout value;
  std::memcpy(&value, data.data(), sizeof value);
  std::int64_t total = 0, rest = 0;
  if (__builtin_mul_overflow(static_cast<std::int64_t>(value.seconds), std::int64_t{1'000'000'000}, &total) ||
      __builtin_mul_overflow(static_cast<std::int64_t>(value.fraction), tick, &rest) ||
      __builtin_add_overflow(total, rest, &total))
    return {};
  return std::chrono::nanoseconds(total);
}

struct native_time {
  long seconds, fraction;
};
struct wide_time {
  std::int64_t seconds, fraction;
};

constexpr std::int64_t microsecond = 1000, nanosecond = 1;

template <class Layout>
std::optional<std::array<std::chrono::nanoseconds, 3>> three_times(std::span<const std::byte> data) noexcept {
  if (data.size() < 3 * sizeof(Layout)) return {};
  std::array<std::chrono::nanoseconds, 3> out{};
  for (auto& each : out) {
    const auto t = time_at<Layout>(data, nanosecond);
    if (!t) return {};
    each = *t;
    data = data.subspan(sizeof(Layout));
  }
  return out;
}

// An int, or the single byte that the kernel passes for IP_TOS (net/ipv4/ip_sockglue.c).
std::optional<int> small_int(std::span<const std::byte> data) noexcept {
  if (data.size() == 1) return std::to_integer<int>(data[0]);
  if (data.size() < sizeof(int)) return {};
  int value;
  std::memcpy(&value, data.data(), sizeof value);
  return value;
}

bool carries_descriptors(const control_item& item) noexcept {
  return item.level == SOL_SOCKET && (item.type == SCM_RIGHTS || item.type == SCM_PIDFD);
}

template <class F>
void each_descriptor(const control_item& item, F use) {
  for (auto data = item.data; data.size() >= sizeof(int); data = data.subspan(sizeof(int))) {
    int fd;
    std::memcpy(&fd, data.data(), sizeof fd);
    use(fd);
  }
}

}  // namespace

std::size_t cmsg_len(std::size_t payload) { return header + checked(payload, most_length - header); }

std::size_t cmsg_space(std::size_t payload) {
  return header + align(checked(payload, most_length - header - sizeof(std::size_t) + 1));
}

// ---- items ----

std::optional<::ucred> control_item::credentials() const noexcept { return as<::ucred>(SOL_SOCKET, SCM_CREDENTIALS); }

std::optional<::in_pktinfo> control_item::packet_info4() const noexcept {
  return as<::in_pktinfo>(IPPROTO_IP, IP_PKTINFO);
}

std::optional<::in6_pktinfo> control_item::packet_info6() const noexcept {
  return as<::in6_pktinfo>(IPPROTO_IPV6, IPV6_PKTINFO);
}

std::optional<int> control_item::hop_limit() const noexcept {
  if (is(IPPROTO_IP, IP_TTL) || is(IPPROTO_IPV6, IPV6_HOPLIMIT)) return small_int(data);
  return {};
}

std::optional<int> control_item::traffic_class() const noexcept {
  if (is(IPPROTO_IP, IP_TOS) || is(IPPROTO_IPV6, IPV6_TCLASS)) return small_int(data);
  return {};
}

std::optional<std::chrono::nanoseconds> control_item::timestamp() const noexcept {
  if (level != SOL_SOCKET) return {};
  if (type == SO_TIMESTAMP_OLD) return time_at<native_time>(data, microsecond);
  if (type == SO_TIMESTAMPNS_OLD) return time_at<native_time>(data, nanosecond);
  if (type == SO_TIMESTAMP_NEW) return time_at<wide_time>(data, microsecond);
  if (type == SO_TIMESTAMPNS_NEW) return time_at<wide_time>(data, nanosecond);
  return {};
}

std::optional<std::array<std::chrono::nanoseconds, 3>> control_item::timestamping() const noexcept {
  if (is(SOL_SOCKET, SO_TIMESTAMPING_OLD)) return three_times<native_time>(data);
  if (is(SOL_SOCKET, SO_TIMESTAMPING_NEW)) return three_times<wide_time>(data);
  return {};
}

std::optional<int> control_item::gro_segment_size() const noexcept { return as<int>(SOL_UDP, UDP_GRO); }

// ---- builder ----

control_builder& control_builder::add(int level, int type, const void* data, std::size_t size) {
  ::cmsghdr head{};
  head.cmsg_len = cmsg_len(size);
  head.cmsg_level = level;
  head.cmsg_type = type;
  const auto at = bytes_.size();
  bytes_.resize(at + cmsg_space(size));
  std::memcpy(bytes_.data() + at, &head, sizeof head);
  if (size != 0) std::memcpy(bytes_.data() + at + header, data, size);
  return *this;
}

control_builder& control_builder::rights(std::span<const int> descriptors) {
  return add(SOL_SOCKET, SCM_RIGHTS, descriptors.data(), descriptors.size_bytes());
}

control_builder& control_builder::credentials(pid_t pid, uid_t uid, gid_t gid) {
  return add(SOL_SOCKET, SCM_CREDENTIALS, ::ucred{pid, uid, gid});
}

control_builder& control_builder::packet_info4(const ::in_pktinfo& info) { return add(IPPROTO_IP, IP_PKTINFO, info); }

control_builder& control_builder::packet_info6(const ::in6_pktinfo& info) {
  return add(IPPROTO_IPV6, IPV6_PKTINFO, info);
}

namespace {
int in_range(const char* name, int value, int least, int most) {
  if (value < least || value > most)
    out_of_range(std::string(name) + ": " + std::to_string(value) + " is outside the range " + std::to_string(least) +
                 " to " + std::to_string(most));
  return value;
}
}  // namespace

control_builder& control_builder::ttl(int hops) { return add(IPPROTO_IP, IP_TTL, in_range("IP_TTL", hops, 1, 255)); }

control_builder& control_builder::hop_limit(int hops) {
  return add(IPPROTO_IPV6, IPV6_HOPLIMIT, in_range("IPV6_HOPLIMIT", hops, -1, 255));
}

control_builder& control_builder::tos(int value) { return add(IPPROTO_IP, IP_TOS, in_range("IP_TOS", value, 0, 255)); }

control_builder& control_builder::traffic_class(int value) {
  return add(IPPROTO_IPV6, IPV6_TCLASS, in_range("IPV6_TCLASS", value, -1, 255));
}

control_builder& control_builder::segment_size(std::uint16_t bytes) { return add(SOL_UDP, UDP_SEGMENT, bytes); }

control_builder& control_builder::transmit_time(std::chrono::nanoseconds when) {
  return add(SOL_SOCKET, SCM_TXTIME, static_cast<std::uint64_t>(when.count()));
}

control_builder& control_builder::timestamping(std::uint32_t flags) { return add(SOL_SOCKET, SO_TIMESTAMPING, flags); }

std::size_t cmsg_len(std::size_t payload, error_code& ec) {
  std::size_t size = 0;
  detail::reporting(ec, [&] { size = cmsg_len(payload); });
  return size;
}

std::size_t cmsg_space(std::size_t payload, error_code& ec) {
  std::size_t size = 0;
  detail::reporting(ec, [&] { size = cmsg_space(payload); });
  return size;
}

control_builder& control_builder::add(int level, int type, const void* data, std::size_t size, error_code& ec) {
  detail::reporting(ec, [&] { add(level, type, data, size); });
  return *this;
}

control_builder& control_builder::rights(std::span<const int> descriptors, error_code& ec) {
  detail::reporting(ec, [&] { rights(descriptors); });
  return *this;
}

control_builder& control_builder::ttl(int hops, error_code& ec) {
  detail::reporting(ec, [&] { ttl(hops); });
  return *this;
}

control_builder& control_builder::hop_limit(int hops, error_code& ec) {
  detail::reporting(ec, [&] { hop_limit(hops); });
  return *this;
}

control_builder& control_builder::tos(int value, error_code& ec) {
  detail::reporting(ec, [&] { tos(value); });
  return *this;
}

control_builder& control_builder::traffic_class(int value, error_code& ec) {
  detail::reporting(ec, [&] { traffic_class(value); });
  return *this;
}

// ---- buffer ----

control_buffer::control_buffer(std::size_t capacity) : storage_(checked(capacity, most_length)) {}

control_buffer::~control_buffer() { close_rights(); }

control_buffer::control_buffer(control_buffer&& other) noexcept { *this = std::move(other); }

control_buffer& control_buffer::operator=(control_buffer&& other) noexcept {
  if (this == &other) return *this;
  close_rights();
  storage_ = std::exchange(other.storage_, {});
  size_ = std::exchange(other.size_, 0);
  truncated_ = std::exchange(other.truncated_, false);
  rights_taken_ = std::exchange(other.rights_taken_, true);
  pidfd_taken_ = std::exchange(other.pidfd_taken_, true);
  return *this;
}

control_buffer::iterator& control_buffer::iterator::operator++() noexcept {
  done_ = !next(rest_, item_);
  if (done_) item_ = {};
  return *this;
}

control_buffer::iterator control_buffer::begin() const noexcept { return control_view(bytes()).begin(); }

std::optional<control_item> control_buffer::find(int level, int type) const noexcept {
  for (const auto& item : *this)
    if (item.is(level, type)) return item;
  return {};
}

std::vector<int> control_buffer::take_rights() {
  std::vector<int> taken;
  take_rights(taken);
  return taken;
}

void control_buffer::take_rights(std::vector<int>& to) {
  if (rights_taken_) return;
  const auto size = to.size();
  try {
    for (const auto& item : *this)
      if (item.is(SOL_SOCKET, SCM_RIGHTS)) each_descriptor(item, [&](int fd) { to.push_back(fd); });
  } catch (...) {
    to.resize(size);
    throw;
  }
  rights_taken_ = true;
}

std::optional<int> control_buffer::take_pidfd() {
  std::optional<int> taken;
  if (std::exchange(pidfd_taken_, true)) return taken;
  for (const auto& item : *this)
    if (item.is(SOL_SOCKET, SCM_PIDFD)) each_descriptor(item, [&](int fd) { taken = fd; });
  return taken;
}

bool control_buffer::malformed() const noexcept {
  auto rest = bytes();
  control_item item;
  while (next(rest, item))
    if (item.truncated) return true;
  return !rest.empty();
}

std::byte* control_buffer::prepare() noexcept {
  close_rights();
  size_ = 0;
  truncated_ = false;
  return storage_.data();
}

void control_buffer::received(std::size_t size, bool truncated) noexcept {
  size_ = std::min(size, storage_.size());
  truncated_ = truncated;
  rights_taken_ = pidfd_taken_ = false;
}

void control_buffer::close_rights() noexcept {
  const detail::no_cancellation here;
  for (const auto& item : *this) {
    if (!carries_descriptors(item)) continue;
    if (item.type == SCM_RIGHTS ? rights_taken_ : pidfd_taken_) continue;
    each_descriptor(item, [](int fd) {
      if (fd >= 0) ::close(fd);
    });
  }
  rights_taken_ = pidfd_taken_ = true;
}

}  // namespace afplug
