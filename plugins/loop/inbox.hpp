// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What waits to be received, in order.
#pragma once

#include <afplug/plugin.h>
#include <sys/socket.h>

#include <cstddef>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "descriptor.hpp"

namespace loop {

/// One record, or a piece of a stream.
struct message {
  std::string bytes;
  std::size_t taken = 0;  // bytes that a stream's reader has had
  std::string from;       // the sender's name
  std::vector<descriptor> rights;
  std::optional<::ucred> sender;
  bool end_of_record = false;

  std::size_t left() const noexcept { return bytes.size() - taken; }
};

/// A program's buffers, one after the other.
class buffers {
 public:
  explicit buffers(const afplug_message& m) noexcept : all_(m.buffers, m.buffer_count) {}
  /// Bytes in all; more than there are addresses for: SIZE_MAX.
  std::size_t size() const noexcept;
  /// Appends bytes from..from+count to `to`.
  void read(std::size_t from, std::size_t count, std::string& to) const;
  /// Copies `data` to where byte `at` of the buffers is; what does not fit is left out. The count copied.
  std::size_t write(std::size_t at, std::string_view data) const noexcept;

 private:
  std::span<const afplug_buffer> all_;
};

class inbox {
 public:
  bool empty() const noexcept { return queue_.empty(); }
  /// What it weighs against the limits: bytes, and for each record its upkeep.
  std::size_t weight() const noexcept { return weight_; }
  std::size_t bytes() const noexcept { return bytes_; }
  const message& front() const noexcept { return queue_.front(); }
  const std::list<message>& pieces() const noexcept { return queue_; }

  void put_record(message&& record);
  void put_bytes(message&& piece);  // joins the last piece, where neither carries descriptors
  /// Moves the first record to the end of `to`.
  void pop_record(std::list<message>& to) noexcept;
  /// Takes that many bytes off the front, and the pieces that are used up with them. `passed` gets their descriptors,
  /// of which one piece at most has some.
  void drop_bytes(std::size_t count, std::vector<descriptor>& passed) noexcept;
  /// Moves all there is to the end of `to`.
  void clear(std::list<message>& to) noexcept;

 private:
  std::list<message> queue_;
  std::size_t weight_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace loop
