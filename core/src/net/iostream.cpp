// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <afplug/stream.hpp>
#include <algorithm>
#include <utility>

#include "no_cancellation.hpp"
#include "throwing.hpp"

namespace afplug {

socket_streambuf::socket_streambuf(afplug::socket& s, std::size_t read_size, std::size_t write_size)
    : socket_(&s),
      read_size_(std::max<std::size_t>(read_size, 1)),
      write_size_(write_size),
      read_(std::make_unique_for_overwrite<char[]>(read_size_)),
      write_(write_size_ == 0 ? nullptr : std::make_unique_for_overwrite<char[]>(write_size_)) {
  if (write_) setp(write_.get(), write_.get() + write_size_);
}

socket_streambuf::~socket_streambuf() {
  const detail::no_cancellation here;
  send_buffer();
}

socket_streambuf::int_type socket_streambuf::underflow() {
  const auto n = receive(read_.get(), read_size_);
  if (n == 0) return traits_type::eof();
  setg(read_.get(), read_.get(), read_.get() + n);
  return traits_type::to_int_type(*gptr());
}

socket_streambuf::int_type socket_streambuf::overflow(int_type c) {
  if (!send_buffer()) return traits_type::eof();
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char one = traits_type::to_char_type(c);
  if (!write_) return send_all(&one, 1) ? c : traits_type::eof();
  *pptr() = one;
  pbump(1);
  return c;
}

int socket_streambuf::sync() { return send_buffer() ? 0 : -1; }

std::streamsize socket_streambuf::xsgetn(char_type* to, std::streamsize count) {
  std::streamsize done = 0;
  while (done < count) {
    const auto held = std::min<std::streamsize>(egptr() - gptr(), count - done);
    if (held > 0) {
      std::copy_n(gptr(), held, to + done);
      gbump(static_cast<int>(held));
      done += held;
      continue;
    }
    const auto left = static_cast<std::size_t>(count - done);
    // Large reads bypass the buffer.
    if (left >= read_size_) {
      const auto n = receive(to + done, left);
      if (n == 0) break;
      done += static_cast<std::streamsize>(n);
    } else if (traits_type::eq_int_type(underflow(), traits_type::eof())) {
      break;
    }
  }
  return done;
}

std::streamsize socket_streambuf::xsputn(const char_type* from, std::streamsize count) {
  const auto size = static_cast<std::size_t>(count);
  if (static_cast<std::size_t>(epptr() - pptr()) >= size) {
    std::copy_n(from, size, pptr());
    pbump(static_cast<int>(size));
    return count;
  }
  if (!send_buffer()) return 0;
  if (size < write_size_) return xsputn(from, count);
  return send_all(from, size) ? count : 0;
}

std::size_t socket_streambuf::receive(char* to, std::size_t capacity) {
  if (timed_out_) return 0;
  const auto n = socket_->recv(mutable_bytes(to, capacity), 0, error_);
  timed_out_ = error_ == errc::timed_out;
  return error_ ? 0 : n;
}

bool socket_streambuf::send_buffer() {
  if (!write_ || pptr() == pbase()) return true;
  std::size_t sent = 0;
  const auto size = static_cast<std::size_t>(pptr() - pbase());
  socket_->sendall(const_bytes(pbase(), size), 0, error_, &sent);
  // Keeps what was not sent for the next attempt.
  std::copy(pbase() + sent, pptr(), pbase());
  setp(write_.get(), write_.get() + write_size_);
  pbump(static_cast<int>(size - sent));
  return !error_;
}

bool socket_streambuf::send_all(const char* from, std::size_t count) {
  socket_->sendall(const_bytes(from, count), 0, error_);
  return !error_;
}

socket_stream::socket_stream(afplug::socket s, std::size_t read_size, std::size_t write_size)
    : std::iostream(nullptr), socket_(std::move(s)), buffer_(socket_, read_size, write_size) {
  rdbuf(&buffer_);
}

socket_stream::~socket_stream() = default;

void socket_stream::shutdown_write() {
  detail::throwing("shutdown", [&](error_code& ec) { shutdown_write(ec); });
}

void socket_stream::shutdown_write(error_code& ec) {
  flush();
  socket_.shutdown(SHUT_WR, ec);
}

}  // namespace afplug
