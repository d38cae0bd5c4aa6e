// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The socket: one class for every family.
//
// Every call comes twice: one throws afplug::error, its twin takes an error_code& (and leaves the sentence in
// last_detail()). What sends and receives is inline: on a kernel-backed family it is the bare system call and a
// compare; all else (waiting, EINTR, user-space families) stands behind it.
//
// Rules of use. A socket may have one reader and one writer at a time, in different threads. timeout() and close() are
// not for a second thread: shutdown() is what wakes one. Descriptors are close-on-exec from birth. No call raises
// SIGPIPE. After fork a kernel family's sockets work in both processes.
#pragma once

#include <sys/socket.h>

#include <afplug/address.hpp>
#include <afplug/batch.hpp>
#include <afplug/buffer.hpp>
#include <afplug/config.hpp>
#include <afplug/control.hpp>
#include <afplug/error.hpp>
#include <afplug/interrupt.hpp>
#include <afplug/option.hpp>
#include <afplug/registry.hpp>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace afplug {

namespace detail {
struct user_socket;
class io_wait;
struct socket_access;

// A duration of any kind in whole nanoseconds, rounded up as waits are, and what is below zero stays there.
// nanoseconds::min() for what is no number, or more than they hold.
template <class Rep, class Period>
constexpr std::chrono::nanoseconds whole_nanoseconds(std::chrono::duration<Rep, Period> limit) noexcept {
  using std::chrono::nanoseconds;
  const auto real = std::chrono::duration<long double, std::nano>(limit).count();
  if (!(real > -0x1p63L && real < 0x1p63L)) return (nanoseconds::min)();
  return real < 0 ? std::chrono::floor<nanoseconds>(limit) : std::chrono::ceil<nanoseconds>(limit);
}
}  // namespace detail

/// What recvmsg tells beside the bytes.
struct received {
  std::size_t size = 0;  ///< bytes
  int flags = 0;         ///< MSG_TRUNC, MSG_CTRUNC, MSG_EOR, …
};

/// What recv_fds gives.
struct received_fds {
  std::size_t size = 0;          ///< bytes of data
  std::vector<int> descriptors;  ///< the caller's now; close-on-exec
  int flags = 0;                 ///< MSG_CTRUNC: there were more
};

/// Values an option may be set to by name; see socket::option.
using option_value = std::variant<std::int64_t, std::string, std::vector<std::byte>>;

/// A socket. Move-only; closes at its end.
class AFPLUG_API socket {
 public:
  using native_handle_type = int;

  socket() noexcept = default;  ///< no socket: every call gives EBADF
  /// Opens a socket: by the family's id ("vsock") or its number (AF_VSOCK). Loads the plugin at the first use.
  /// SOCK_NONBLOCK in `type` starts it with timeout 0. Errors: the registry's; those of socket(2), whose sentence says
  /// why the row is not available here.
  socket(std::string_view family, int type, int proto = 0);
  socket(int family, int type, int proto = 0);
  static socket open(const afplug::family& family, int type, int proto, error_code& ec);

  ~socket() {
    if (fd_ >= 0) close_quietly();
  }
  socket(socket&& other) noexcept { swap(other); }
  socket& operator=(socket&& other) noexcept {
    socket(std::move(other)).swap(*this);
    return *this;
  }
  /// Exchanges two sockets, their timeouts included.
  void swap(socket& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(type_, other.type_);
    std::swap(protocol_, other.protocol_);
    std::swap(family_, other.family_);
    std::swap(user_, other.user_);
    std::swap(timeout_, other.timeout_);
  }

  /// Takes over a descriptor. family, type, protocol: −1 finds them out (getsockname, SO_TYPE, SO_PROTOCOL). It is
  /// validated: EBADF, ENOTSOCK. On an error the descriptor stays the caller's. Its mode is kept: non-blocking gives
  /// timeout 0.
  static socket adopt(int descriptor, int family = -1, int type = -1, int proto = -1);
  static socket adopt(int descriptor, int family, int type, int proto, error_code& ec);
  /// The same with a duplicate of the descriptor.
  static socket fromfd(int descriptor, int family = -1, int type = -1, int proto = -1);
  static socket fromfd(int descriptor, int family, int type, int proto, error_code& ec);
  /// A connected pair: AF_UNIX by default. EOPNOTSUPP where the family has none.
  static std::pair<socket, socket> pair(std::string_view family = "unix", int type = SOCK_STREAM, int proto = 0);
  static std::pair<socket, socket> pair(const afplug::family& family, int type, int proto, error_code& ec);

  // ---- what it is ----
  int native_handle() const noexcept { return fd_; }  ///< −1: closed. For user-space families the pollable descriptor
  int fileno() const noexcept { return fd_; }
  bool is_open() const noexcept { return fd_ >= 0; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int family() const noexcept { return family_ ? family_->number() : 0; }
  const afplug::family* owner() const noexcept { return family_; }
  int type() const noexcept { return type_; }          ///< as asked, without SOCK_NONBLOCK and SOCK_CLOEXEC
  int protocol() const noexcept { return protocol_; }  ///< as asked: 0 where the default was asked for
  basic_protocol what() const noexcept {
    return family_ ? basic_protocol(*family_, type_, protocol_) : basic_protocol();
  }
  bool in_user_space() const noexcept { return user_ != nullptr; }
  std::string to_string() const;  ///< "<afplug.socket fd=3 inet SOCK_STREAM IPPROTO_TCP local=… peer=…>"

  // ---- life ----
  /// Idempotent; never retried on EINTR; ECONNRESET is ignored, other errors are reported, and the socket is closed all
  /// the same.
  void close();
  void close(error_code& ec) noexcept;
  /// Gives the descriptor away; the socket is then closed. EOPNOTSUPP for a user-space family.
  [[nodiscard]] int detach();
  [[nodiscard]] int detach(error_code& ec) noexcept;
  [[nodiscard]] int release() { return detach(); }  ///< Asio's name for it
  /// A second socket on the same open file description: close-on-exec, with the same timeout.
  socket dup() const;
  socket dup(error_code& ec) const;
  bool inheritable() const;
  bool inheritable(error_code& ec) const noexcept;
  void inheritable(bool on);
  void inheritable(bool on, error_code& ec) noexcept;

  // ---- timeout modes, as in Python's socket module ----
  /// Empty: blocking. Zero: non-blocking. Above: each call has this long in all, then errc::timed_out. Negative:
  /// errc::invalid_argument. The mode of the descriptor (O_NONBLOCK) is shared with its duplicates. If the mode cannot
  /// be set the timeout stays what it was.
  void timeout(std::optional<std::chrono::nanoseconds> limit);
  void timeout(std::optional<std::chrono::nanoseconds> limit, error_code& ec) noexcept;
  /// The same for durations of every kind, seconds in floating point too: rounded up to nanoseconds.
  /// errc::invalid_argument also for what is no number, or more than nanoseconds hold (292 years).
  template <class Rep, class Period>
  void timeout(std::chrono::duration<Rep, Period> limit) {
    timeout(std::optional(detail::whole_nanoseconds(limit)));
  }
  template <class Rep, class Period>
  void timeout(std::chrono::duration<Rep, Period> limit, error_code& ec) noexcept {
    timeout(std::optional(detail::whole_nanoseconds(limit)), ec);
  }
  std::optional<std::chrono::nanoseconds> timeout() const noexcept {
    return timeout_ < 0 ? std::nullopt : std::optional(std::chrono::nanoseconds(timeout_));
  }
  void blocking(bool on) { timeout(on ? std::nullopt : std::optional(std::chrono::nanoseconds(0))); }
  void blocking(bool on, error_code& ec) noexcept {
    timeout(on ? std::nullopt : std::optional(std::chrono::nanoseconds(0)), ec);
  }
  bool blocking() const noexcept { return timeout_ != 0; }
  /// For sockets made from now on, accepted ones too (initially empty). Atomic.
  static void default_timeout(std::optional<std::chrono::nanoseconds> limit);
  template <class Rep, class Period>
  static void default_timeout(std::chrono::duration<Rep, Period> limit) {
    default_timeout(std::optional(detail::whole_nanoseconds(limit)));
  }
  static std::optional<std::chrono::nanoseconds> default_timeout() noexcept;

  // ---- connections ----
  void bind(const address& to);
  void bind(const address& to, error_code& ec);
  void bind(std::string_view text);  ///< the family's text form; names are not looked up
  void bind(std::string_view text, error_code& ec);
  void listen(int backlog = -1);  ///< below 0: min(SOMAXCONN, 128)
  void listen(int backlog, error_code& ec);
  /// The new socket is close-on-exec, of the same family and row, in default_timeout()'s mode, else blocking.
  socket accept();
  socket accept(error_code& ec);
  socket accept(address& peer);
  socket accept(address& peer, error_code& ec);
  socket accept(address& peer, std::stop_token stop, error_code& ec);
  void connect(const address& to);
  void connect(const address& to, error_code& ec);
  void connect(const address& to, std::stop_token stop, error_code& ec);
  /// The family's text form; where the family has names (inet, inet6) "host:service" is looked up and the first result
  /// taken.
  void connect(std::string_view text);
  void connect(std::string_view text, error_code& ec);
  /// 0 or the errno; EAGAIN when the timeout passed. Only argument and registry errors throw.
  int connect_ex(const address& to);
  /// How a connect ended that gave EINPROGRESS, for who waits for POLLOUT by other means: no error, EALREADY (it goes
  /// on), or why it failed. Tells it once.
  void connect_result(error_code& ec);
  void shutdown(int how);  ///< SHUT_RD, SHUT_WR, SHUT_RDWR
  void shutdown(int how, error_code& ec);
  address getsockname() const;
  address getsockname(error_code& ec) const;
  address getpeername() const;
  address getpeername(error_code& ec) const;

  // ---- data ----
  /// Sends data and returns the number of bytes sent, which may be less than requested: send(2).
  std::size_t send(const_bytes data, int flags = 0) {
    error_code ec;
    const auto n = send(data, flags, ec);
    detail::check(ec, "send");
    return n;
  }
  std::size_t send(const_bytes data, int flags, error_code& ec) {
    if (!user_) [[likely]] {
      const auto n = ::send(fd_, data.data(), data.size(), flags | MSG_NOSIGNAL);
      if (n >= 0) [[likely]] {
        ec.clear();
        return static_cast<std::size_t>(n);
      }
    }
    return send_slow(data, flags, ec);
  }
  std::size_t send(const_bytes data, int flags, std::stop_token stop, error_code& ec);

  /// Bytes received; 0: end of file (or an empty datagram).
  std::size_t recv(mutable_bytes into, int flags = 0) {
    error_code ec;
    const auto n = recv(into, flags, ec);
    detail::check(ec, "recv");
    return n;
  }
  std::size_t recv(mutable_bytes into, int flags, error_code& ec) {
    if (!user_) [[likely]] {
      const auto n = ::recv(fd_, into.data(), into.size(), flags);
      if (n >= 0) [[likely]] {
        ec.clear();
        return static_cast<std::size_t>(n);
      }
    }
    return recv_slow(into, flags, ec);
  }
  std::size_t recv(mutable_bytes into, int flags, std::stop_token stop, error_code& ec);

  /// Everything, or an error; one deadline for the whole. `sent`, where given, tells how far it came.
  void sendall(const_bytes data, int flags = 0);
  void sendall(const_bytes data, int flags, error_code& ec, std::size_t* sent = nullptr);
  void sendall(const_bytes data, int flags, std::stop_token stop, error_code& ec, std::size_t* sent = nullptr);
  /// Exactly as many bytes, one deadline for the whole; an end of file before that gives errc-free a smaller count.
  std::size_t recvall(mutable_bytes into, int flags = 0);
  std::size_t recvall(mutable_bytes into, int flags, error_code& ec);

  /// As send, to an address (sendto(2)).
  std::size_t sendto(const_bytes data, const address& to, int flags = 0);
  std::size_t sendto(const_bytes data, const address& to, int flags, error_code& ec);
  std::size_t sendto(const_bytes data, const address& to, int flags, std::stop_token stop, error_code& ec);
  /// `from` becomes empty where the sender has no address (connected streams, unnamed peers give the system's own).
  std::size_t recvfrom(mutable_bytes into, address& from, int flags = 0);
  std::size_t recvfrom(mutable_bytes into, address& from, int flags, error_code& ec);
  std::size_t recvfrom(mutable_bytes into, address& from, int flags, std::stop_token stop, error_code& ec);

  /// Gathers buffers, with ancillary data and a destination if given.
  std::size_t sendmsg(std::span<const const_bytes> data, const control_builder& control = {}, int flags = 0,
                      const address* to = nullptr);
  std::size_t sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags, const address* to,
                      error_code& ec);
  std::size_t sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags, const address* to,
                      std::stop_token stop, error_code& ec);
  /// Scatters into buffers; descriptors that arrive are close-on-exec and owned by `control`.
  received recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags = 0,
                   address* from = nullptr);
  received recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from,
                   error_code& ec);
  received recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from,
                   std::stop_token stop, error_code& ec);

  /// Sends messages in order, many with one system call (sendmmsg(2)): how many went, 256 at most. Waits as send does
  /// until the first can go, in blocking mode for each. What keeps a later one back (no room, an error) ends the call
  /// and is no error of it: the call that begins with that message tells.
  std::size_t send_many(std::span<outgoing> messages, int flags = 0);
  std::size_t send_many(std::span<outgoing> messages, int flags, error_code& ec);
  std::size_t send_many(std::span<outgoing> messages, int flags, std::stop_token stop, error_code& ec);
  /// Receives messages, many with one system call (recvmmsg(2)): how many came, 256 at most. Waits as recv does for the
  /// first, and takes what else is there by then. At an end of file all come, with no bytes in them; none: the socket
  /// was shut down for receiving, where a datagram socket can't say it otherwise.
  std::size_t recv_many(std::span<incoming> messages, int flags = 0);
  std::size_t recv_many(std::span<incoming> messages, int flags, error_code& ec);
  std::size_t recv_many(std::span<incoming> messages, int flags, std::stop_token stop, error_code& ec);

  /// Sends `count` bytes (all there are, if empty) of an open file from `offset` on: sendfile(2), or reads and sends
  /// where that can't. Stream sockets only, not in non-blocking mode: errc::invalid_argument. One deadline for the
  /// whole. The file's position becomes offset + what was sent, on errors too. Raises no SIGPIPE.
  std::uint64_t sendfile(int file, std::uint64_t offset = 0, std::optional<std::uint64_t> count = {});
  std::uint64_t sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count, error_code& ec);

  /// Passes descriptors along with data (at least one byte): unix(7).
  std::size_t send_fds(std::span<const const_bytes> data, std::span<const int> descriptors, int flags = 0,
                       const address* to = nullptr);
  std::size_t send_fds(std::span<const const_bytes> data, std::span<const int> descriptors, int flags,
                       const address* to, error_code& ec);
  received_fds recv_fds(mutable_bytes into, std::size_t max_descriptors, int flags = 0, address* from = nullptr);
  received_fds recv_fds(mutable_bytes into, std::size_t max_descriptors, int flags, address* from, error_code& ec);

  // ---- options ----
  /// Raw: the size read. getsockopt(2).
  std::size_t getsockopt(int level, int number, mutable_bytes into) const;
  std::size_t getsockopt(int level, int number, mutable_bytes into, error_code& ec) const;
  void setsockopt(int level, int number, const_bytes value);
  void setsockopt(int level, int number, const_bytes value, error_code& ec);
  void setsockopt(int level, int number, std::nullptr_t, std::size_t length);  ///< no data, a length alone
  void setsockopt(int level, int number, std::nullptr_t, std::size_t length, error_code& ec);

  /// Typed: s.option(opt::rcvbuf{1 << 20}), s.option<opt::rcvbuf>().
  template <class O>
  requires requires(const O& o, int p) { o.level(p), o.name(p), o.data(p), o.size(p); }
  void option(const O& o) { setsockopt(o.level(0), o.name(0), const_bytes(o.data(0), o.size(0))); }
  template <class O>
  requires requires(O& o, int p) { o.level(p), o.name(p), o.data(p), o.size(p), o.resize(p, 0); }
  O option() const {
    O o;
    o.resize(0, getsockopt(o.level(0), o.name(0), mutable_bytes(o.data(0), o.size(0))));
    return o;
  }

  /// By name, checked against the family's table. Numbers for flags and integers (durations count in their unit),
  /// durations, text (any kind's text form), bytes. Errors: errc::unknown_option (the sentence offers near names),
  /// wrong_row, not_writable, wrong_kind, invalid_argument; those of setsockopt(2).
  void option(std::string_view name, const option_value& value) {
    error_code ec;
    option(name, value, ec);
    detail::check(ec, "option");
  }
  void option(std::string_view name, const option_value& value, error_code& ec);
  void option(std::string_view name, std::integral auto value) {
    option(name, option_value(static_cast<std::int64_t>(value)));
  }
  void option(std::string_view name, std::string_view value) { option(name, option_value(std::string(value))); }
  void option(std::string_view name, const char* value) { option(name, option_value(std::string(value))); }
  void option(std::string_view name, const_bytes value) {
    const auto* p = static_cast<const std::byte*>(value.data());
    option(name, option_value(std::vector<std::byte>(p, p + value.size())));
  }
  void option(std::string_view name, std::chrono::nanoseconds value);
  /// The text form of its present value.
  std::string option_text(std::string_view name) const;
  std::string option_text(std::string_view name, error_code& ec) const;
  /// The number of a flag or integer option.
  std::int64_t option_number(std::string_view name) const;
  std::int64_t option_number(std::string_view name, error_code& ec) const;
  /// The bytes of any option that has a layout.
  std::vector<std::byte> option_bytes(std::string_view name) const;
  std::vector<std::byte> option_bytes(std::string_view name, error_code& ec) const;

  // ---- readiness ----
  /// Waits for POLLIN, POLLOUT, … at most that long (empty: for ever). The bits that hold; 0: the time passed. poll(2),
  /// user-space families included.
  short wait(short events, std::optional<std::chrono::nanoseconds> limit = {}) const;
  short wait(short events, std::optional<std::chrono::nanoseconds> limit, error_code& ec) const;

 private:
  friend struct detail::socket_access;
  void close_quietly() noexcept;
  std::size_t send_slow(const_bytes data, int flags, error_code& ec);
  std::size_t recv_slow(mutable_bytes into, int flags, error_code& ec);

  // The layout is part of the ABI: the calls above are inlined into programs.
  int fd_ = -1;
  int type_ = 0;
  int protocol_ = 0;
  const afplug::family* family_ = nullptr;
  detail::user_socket* user_ = nullptr;
  std::int64_t timeout_ = -1;  // nanoseconds; below 0: blocking
};
static_assert(sizeof(socket) == 40);

}  // namespace afplug
