// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A socket as a std::iostream, as socket.makefile() of Python's socket module provides a file object.
#pragma once

#include <afplug/config.hpp>
#include <afplug/socket.hpp>
#include <cstddef>
#include <iostream>
#include <memory>
#include <streambuf>

namespace afplug {

/// A std::streambuf for a connected stream socket, which it does not own and which must outlive it. A read receives
/// what is available, up to the buffer's size; the write buffer is sent with sendall when it is full or flushed. Each
/// call has the socket's timeout. One thread may read while another writes.
///
/// A failure sets the stream's badbit, end of file its eofbit, as usual; error() is the reason. After a read that timed
/// out all further reads fail, since data may have been lost in the middle of a record (as Python's socket.makefile(),
/// "cannot read from timed out object"). In non-blocking mode a call that would block fails with EAGAIN and can be
/// repeated.
class AFPLUG_API socket_streambuf : public std::streambuf {
 public:
  /// Sizes of the buffers in bytes. `read_size` is at least 1; `write_size` 0: sends each write at once.
  explicit socket_streambuf(socket& s, std::size_t read_size = 8192, std::size_t write_size = 8192);
  ~socket_streambuf() override;  ///< sends what is left in the write buffer; errors are ignored
  socket_streambuf(const socket_streambuf&) = delete;
  socket_streambuf& operator=(const socket_streambuf&) = delete;

  /// The last error; clear if there was none.
  const error_code& error() const noexcept { return error_; }

 protected:
  int_type underflow() override;
  int_type overflow(int_type c) override;
  int sync() override;
  std::streamsize xsgetn(char_type* to, std::streamsize count) override;
  std::streamsize xsputn(const char_type* from, std::streamsize count) override;

 private:
  std::size_t receive(char* to, std::size_t capacity);
  bool send_buffer();
  bool send_all(const char* from, std::size_t count);

  socket* socket_;
  std::size_t read_size_, write_size_;
  std::unique_ptr<char[]> read_, write_;
  error_code error_;
  bool timed_out_ = false;
};

/// A std::iostream that owns its socket. Give it a socket::dup() to go on using the socket.
class AFPLUG_API socket_stream : public std::iostream {
 public:
  explicit socket_stream(afplug::socket s, std::size_t read_size = 8192, std::size_t write_size = 8192);
  ~socket_stream() override;

  afplug::socket& socket() noexcept { return socket_; }                 ///< the socket that the stream owns
  const error_code& error() const noexcept { return buffer_.error(); }  ///< the reason why badbit or eofbit is set
  /// Flushes, then calls socket::shutdown(SHUT_WR).
  void shutdown_write();
  void shutdown_write(error_code& ec);

 private:
  afplug::socket socket_;
  socket_streambuf buffer_;
};

}  // namespace afplug
