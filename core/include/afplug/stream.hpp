// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A socket as a standard stream: what Python's makefile() is. PARITY §4.4.
#pragma once

#include <afplug/config.hpp>
#include <afplug/socket.hpp>
#include <cstddef>
#include <iostream>
#include <memory>
#include <streambuf>

namespace afplug {

/// A buffer of a std::iostream over a connected stream socket, which it does not own and which must outlive it. Reads
/// what has come, up to its buffer's size, and sends when its buffer is full or flushed, whole (sendall). Each system
/// call has the socket's timeout. One thread may read and one write, as the socket's.
///
/// A failure ends the stream in its usual way (badbit, or eofbit at the end) and is told by error(). After a timed-out
/// read nothing more is read: bytes of the middle of something may be lost to the reader (Python's "cannot read from
/// timed out object"). In non-blocking mode what is not there yet is a failure with EAGAIN, which goes away with the
/// next attempt.
class AFPLUG_API socket_streambuf : public std::streambuf {
 public:
  /// Buffers of that many bytes each way, at least one; `write_size` 0: each write is sent at once.
  explicit socket_streambuf(socket& s, std::size_t read_size = 8192, std::size_t write_size = 8192);
  ~socket_streambuf() override;  ///< sends what is left, as far as it goes
  socket_streambuf(const socket_streambuf&) = delete;
  socket_streambuf& operator=(const socket_streambuf&) = delete;

  /// The last failure; no error where there was none.
  const error_code& error() const noexcept { return error_; }

 protected:
  int_type underflow() override;
  int_type overflow(int_type c) override;
  int sync() override;
  std::streamsize xsgetn(char_type* to, std::streamsize count) override;
  std::streamsize xsputn(const char_type* from, std::streamsize count) override;

 private:
  std::size_t receive(char* to, std::size_t room);
  bool send_buffer();
  bool send_all(const char* from, std::size_t count);

  socket* socket_;
  std::size_t read_size_, write_size_;
  std::unique_ptr<char[]> read_, write_;
  error_code error_;
  bool timed_out_ = false;
};

/// A std::iostream that owns its socket. To go on using the socket beside it, give it a dup().
class AFPLUG_API socket_stream : public std::iostream {
 public:
  explicit socket_stream(afplug::socket s, std::size_t read_size = 8192, std::size_t write_size = 8192);
  ~socket_stream() override;

  afplug::socket& socket() noexcept { return socket_; }                 ///< the one that it reads and writes
  const error_code& error() const noexcept { return buffer_.error(); }  ///< why badbit or eofbit is set
  /// Flushes, then tells the peer that no more comes.
  void shutdown_write();

 private:
  afplug::socket socket_;
  socket_streambuf buffer_;
};

}  // namespace afplug
