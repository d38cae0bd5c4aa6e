// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The data that a socket has not received yet, in order.
#pragma once

#include <afplug/plugin.h>
#include <sys/socket.h>

#include <cstddef>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "unique_fd.hpp"

namespace loop {

/// One datagram or record, or a segment of a stream.
struct message {
  std::string bytes;
  std::size_t consumed = 0;       // stream: bytes that were received already
  std::string from;               // datagram, record: name of the sender
  std::vector<unique_fd> rights;  // SCM_RIGHTS
  std::optional<::ucred> sender;  // SCM_CREDENTIALS
  bool end_of_record = false;     // MSG_EOR
  std::size_t charged = 0;        // stream: bytes charged to the socket buffers in addition to `bytes`

  std::size_t remaining() const noexcept { return bytes.size() - consumed; }
};

bool same_credentials(const ::ucred& a, const ::ucred& b) noexcept;

/// The buffers of a sendmsg or recvmsg, as one range of bytes.
class buffer_sequence {
 public:
  explicit buffer_sequence(const afplug_message& m) noexcept : all_(m.buffers, m.buffer_count) {}
  /// Bytes in total, at most SIZE_MAX.
  std::size_t size() const noexcept;
  /// Appends bytes from..from+count to `to`.
  void gather(std::size_t from, std::size_t count, std::string& to) const;
  /// Copies `data` into the buffers, beginning at their byte `at`. Returns how many bytes fit.
  std::size_t scatter(std::size_t at, std::string_view data) const noexcept;

 private:
  std::span<const afplug_buffer> all_;
};

class receive_queue {
 public:
  bool empty() const noexcept { return queue_.empty(); }
  /// Bytes charged to the socket buffers: those queued, and a constant for each record and each segment with
  /// descriptors or credentials, so that small ones are limited too.
  std::size_t memory() const noexcept { return memory_; }
  std::size_t bytes() const noexcept { return bytes_; }  ///< bytes queued
  const message& front() const noexcept { return queue_.front(); }
  const std::list<message>& segments() const noexcept { return queue_; }

  void push_record(message&& record);
  /// Appends to the last segment if neither has descriptors and the credentials are the same, else adds a segment.
  void append_bytes(message&& segment);
  /// Moves the first record to the end of `to`.
  void pop_record(std::list<message>& to) noexcept;
  /// Removes `count` bytes from the front. They must not span two segments with descriptors; the descriptors of their
  /// segment, if any, are moved to `rights`.
  void consume(std::size_t count, std::vector<unique_fd>& rights) noexcept;
  /// Moves everything to the end of `to`.
  void clear(std::list<message>& to) noexcept;

 private:
  bool fits_last(const message& segment) const noexcept;

  std::list<message> queue_;
  std::size_t memory_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace loop
