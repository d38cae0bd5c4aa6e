// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "inbox.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace loop {

namespace {
constexpr std::size_t upkeep = 256;        // of a record, so that empty ones are bounded too
constexpr std::size_t piece_size = 65536;  // up to which pieces of a stream are joined
}  // namespace

std::size_t buffers::size() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& one : all_)
    if (__builtin_add_overflow(sum, one.bytes, &sum)) return SIZE_MAX;
  return static_cast<std::size_t>(std::min<std::uint64_t>(sum, SIZE_MAX));
}

void buffers::read(std::size_t from, std::size_t count, std::string& to) const {
  to.reserve(to.size() + count);
  for (const auto& one : all_) {
    const auto skip = std::min<std::size_t>(from, one.bytes);
    const auto n = std::min<std::size_t>(count, one.bytes - skip);
    to.append(static_cast<const char*>(one.data) + skip, n);
    from -= skip;
    count -= n;
    if (count == 0) return;
  }
}

std::size_t buffers::write(std::size_t at, std::string_view data) const noexcept {
  std::size_t done = 0;
  for (const auto& one : all_) {
    const auto skip = std::min<std::size_t>(at, one.bytes);
    const auto n = std::min<std::size_t>(data.size() - done, one.bytes - skip);
    if (n > 0) std::memcpy(static_cast<char*>(one.data) + skip, data.data() + done, n);
    at -= skip;
    done += n;
    if (done == data.size()) break;
  }
  return done;
}

void inbox::put_record(message&& record) {
  const auto size = record.bytes.size();
  queue_.push_back(std::move(record));
  weight_ += size + upkeep;
  bytes_ += size;
}

void inbox::put_bytes(message&& piece) {
  const auto size = piece.bytes.size();
  const bool joins = !queue_.empty() && queue_.back().rights.empty() && piece.rights.empty() && !queue_.back().sender &&
                     !piece.sender && queue_.back().bytes.size() + size <= piece_size;
  if (joins)
    queue_.back().bytes += piece.bytes;
  else
    queue_.push_back(std::move(piece));
  weight_ += size;
  bytes_ += size;
}

void inbox::pop_record(std::list<message>& to) noexcept {
  weight_ -= queue_.front().bytes.size() + upkeep;
  bytes_ -= queue_.front().bytes.size();
  to.splice(to.end(), queue_, queue_.begin());
}

void inbox::clear(std::list<message>& to) noexcept {
  weight_ = bytes_ = 0;
  to.splice(to.end(), queue_);
}

void inbox::drop_bytes(std::size_t count, std::vector<descriptor>& passed) noexcept {
  weight_ -= count;
  bytes_ -= count;
  while (count > 0) {
    message& piece = queue_.front();
    const auto n = std::min(count, piece.left());
    if (!piece.rights.empty()) passed = std::exchange(piece.rights, {});
    piece.taken += n;
    count -= n;
    if (piece.left() == 0) queue_.pop_front();
  }
}

}  // namespace loop
