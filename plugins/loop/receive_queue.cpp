// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "receive_queue.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace loop {

namespace {
constexpr std::size_t overhead = 256;        // bytes charged in addition to the data
constexpr std::size_t segment_size = 65536;  // limit up to which stream data is appended to a segment
}  // namespace

bool same_credentials(const ::ucred& a, const ::ucred& b) noexcept {
  return a.pid == b.pid && a.uid == b.uid && a.gid == b.gid;
}

std::size_t buffer_sequence::size() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& one : all_)
    if (__builtin_add_overflow(sum, one.bytes, &sum)) return SIZE_MAX;
  return static_cast<std::size_t>(std::min<std::uint64_t>(sum, SIZE_MAX));
}

void buffer_sequence::gather(std::size_t from, std::size_t count, std::string& to) const {
  to.reserve(to.size() + count);
  for (const auto& one : all_) {
    const auto bytes = static_cast<std::size_t>(one.bytes);
    const auto skip = std::min(from, bytes);
    const auto n = std::min(count, bytes - skip);
    to.append(static_cast<const char*>(one.data) + skip, n);
    from -= skip;
    count -= n;
    if (count == 0) return;
  }
}

std::size_t buffer_sequence::scatter(std::size_t at, std::string_view data) const noexcept {
  std::size_t done = 0;
  for (const auto& one : all_) {
    const auto bytes = static_cast<std::size_t>(one.bytes);
    const auto skip = std::min(at, bytes);
    const auto n = std::min(data.size() - done, bytes - skip);
    if (n > 0) std::memcpy(static_cast<char*>(one.data) + skip, data.data() + done, n);
    at -= skip;
    done += n;
    if (done == data.size()) break;
  }
  return done;
}

void receive_queue::push_record(message&& record) {
  const auto size = record.bytes.size();
  queue_.push_back(std::move(record));
  memory_ += size + overhead;
  bytes_ += size;
}

bool receive_queue::fits_last(const message& segment) const noexcept {
  if (queue_.empty()) return false;
  const message& last = queue_.back();
  return last.rights.empty() && segment.rights.empty() && last.sender.has_value() == segment.sender.has_value() &&
         (!last.sender || same_credentials(*last.sender, *segment.sender)) &&
         last.bytes.size() + segment.bytes.size() <= segment_size;
}

void receive_queue::append_bytes(message&& segment) {
  const auto size = segment.bytes.size();
  if (fits_last(segment)) {
    queue_.back().bytes += segment.bytes;
  } else {
    segment.charged = !segment.rights.empty() || segment.sender ? overhead : 0;
    queue_.push_back(std::move(segment));
    memory_ += queue_.back().charged;
  }
  memory_ += size;
  bytes_ += size;
}

void receive_queue::pop_record(std::list<message>& to) noexcept {
  memory_ -= queue_.front().bytes.size() + overhead;
  bytes_ -= queue_.front().bytes.size();
  to.splice(to.end(), queue_, queue_.begin());
}

void receive_queue::clear(std::list<message>& to) noexcept {
  memory_ = bytes_ = 0;
  to.splice(to.end(), queue_);
}

void receive_queue::consume(std::size_t count, std::vector<unique_fd>& rights) noexcept {
  memory_ -= count;
  bytes_ -= count;
  while (count > 0) {
    message& segment = queue_.front();
    const auto n = std::min(count, segment.remaining());
    if (!segment.rights.empty()) rights = std::exchange(segment.rights, {});
    segment.consumed += n;
    count -= n;
    if (segment.remaining() > 0) continue;
    memory_ -= segment.charged;
    queue_.pop_front();
  }
}

}  // namespace loop
