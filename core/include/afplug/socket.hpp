// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The socket: one class for all families. It offers the calls of Python's socket objects.
//
// Calls come as two overloads: one throws afplug::error; the other takes an error_code& after the other arguments, sets
// it, and stores the error text in last_detail(). send and recv are inline: for a kernel family they are the system
// call and a comparison; waiting, EINTR and families in user space are handled out of line.
//
// EINTR: calls are retried with the rest of their timeout, as in PEP 475, unless the thread's interrupt hook ends them
// (interrupt.hpp). Overloads with a std::stop_token fail with errc::stopped when a stop is requested.
//
// Thread safety: one thread may receive and another send at the same time. No other calls on the same socket may
// overlap, except shutdown(), which ends waiting calls. Do not call timeout() or close() while another thread uses the
// socket.
//
// A call for which memory is short throws std::bad_alloc, also with an error_code&, or fails with ENOMEM; it can be
// repeated, as after any other error.
//
// pthread_cancel(3), which glibc implements by unwinding the stack: a thread can be cancelled in a call that waits
// (send, recv, accept, connect, wait, look-ups of names, …). Destructors run, and the bytes or the message of the
// cancelled call may be lost. It is not cancelled in close(), in destructors, in functions of plugins, or while plugins
// are searched for and loaded; the cancellation takes effect at the thread's next cancellation point. Prefer stop
// tokens, which lose nothing.
//
// Descriptors are created close-on-exec, as in PEP 446. No call raises SIGPIPE. After fork(2) sockets of kernel
// families work in both processes, those of families in user space in the child only if their plugin sets
// AFPLUG_FAMILY_FORK_SAFE.
#pragma once

#include <sys/socket.h>

#include <afplug/address.hpp>
#include <afplug/batch.hpp>
#include <afplug/buffer.hpp>
#include <afplug/config.hpp>
#include <afplug/control.hpp>
#include <afplug/error.hpp>
#include <afplug/events.hpp>
#include <afplug/interrupt.hpp>
#include <afplug/option.hpp>
#include <afplug/registry.hpp>
#include <afplug/socket_type.hpp>
#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace afplug {

namespace detail {
struct user_socket;
class io_wait;
struct socket_access;

// Returns "SOCK_STREAM", or "type 99" for an unknown type.
AFPLUG_API std::string type_text(socket_type type);

// Converts a duration to nanoseconds, rounded away from zero: a wait is never too short, and a negative duration stays
// negative. Returns nanoseconds::min() for NaN and for durations outside the range of std::int64_t nanoseconds.
template <class Rep, class Period>
constexpr std::chrono::nanoseconds whole_nanoseconds(std::chrono::duration<Rep, Period> limit) noexcept {
  using std::chrono::nanoseconds;
  const auto real = std::chrono::duration<long double, std::nano>(limit).count();
  if (!(real > -0x1p63L && real < 0x1p63L)) return (nanoseconds::min)();
  return real < 0 ? std::chrono::floor<nanoseconds>(limit) : std::chrono::ceil<nanoseconds>(limit);
}
// The types of a value that option() takes, besides option_value.
template <class V>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;
template <class V>
concept settable = std::integral<V> || is_duration<V> || std::is_convertible_v<const V&, std::string_view> ||
    std::is_convertible_v<const V&, const_bytes>;
}  // namespace detail

/// Result of recvmsg.
struct received {
  std::size_t size = 0;  ///< bytes received
  int flags = 0;         ///< msg_flags of recvmsg(2): MSG_TRUNC, MSG_CTRUNC, MSG_EOR, …
};

/// Result of recv_fds.
struct received_fds {
  std::size_t size = 0;          ///< bytes of data
  std::vector<int> descriptors;  ///< owned by the caller; close-on-exec
  int flags = 0;                 ///< msg_flags of recvmsg(2); MSG_CTRUNC: further descriptors were discarded
};

/// A value for setting an option by name; see socket::option.
using option_value = std::variant<std::int64_t, std::string, std::vector<std::byte>>;

/// A socket. Move-only; the destructor closes it.
class AFPLUG_API socket {
 public:
  using native_handle_type = int;

  socket() noexcept = default;  ///< no socket: calls fail with EBADF
  /// Opens a socket of a family given by id ("vsock") or number (AF_VSOCK); loads its plugin on first use. `type`:
  /// SOCK_STREAM, …; with SOCK_NONBLOCK the timeout is 0, else default_timeout(). `proto`: 0 selects the type's
  /// default. A basic_protocol is that of an address (getaddrinfo's for example) or of another socket. Errors: those of
  /// registry::family and socket(2); in the throwing overloads with the reason and remedy that explain() finds
  /// (verdict.hpp).
  socket(std::string_view family, socket_type type, int proto = 0);
  socket(int family, socket_type type, int proto = 0);
  template <detail::any_socket_type T>
  socket(T family, socket_type, int = 0) = delete;
  explicit socket(const basic_protocol& p);
  static socket open(const afplug::family& family, socket_type type, int proto, error_code& ec);
  static socket open(std::string_view family, socket_type type, int proto, error_code& ec);
  static socket open(int family, socket_type type, int proto, error_code& ec);
  static socket open(const basic_protocol& p, error_code& ec);
  static socket open(const afplug::family& family, socket_type type, error_code& ec) {
    return open(family, type, 0, ec);
  }
  static socket open(std::string_view family, socket_type type, error_code& ec) { return open(family, type, 0, ec); }
  static socket open(int family, socket_type type, error_code& ec) { return open(family, type, 0, ec); }
  template <detail::any_socket_type T>
  static socket open(T family, socket_type, int, error_code&) = delete;
  template <detail::any_socket_type T>
  static socket open(T family, socket_type, error_code&) = delete;

  ~socket() {
    if (fd_ >= 0) close_quietly();
  }
  socket(socket&& other) noexcept { swap(other); }
  socket& operator=(socket&& other) noexcept {
    socket moved(std::move(other));
    moved.swap(*this);
    return *this;
  }
  /// Exchanges two sockets and their timeouts.
  void swap(socket& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(type_, other.type_);
    std::swap(protocol_, other.protocol_);
    std::swap(family_, other.family_);
    std::swap(user_, other.user_);
    std::swap(timeout_, other.timeout_);
  }

  /// Takes ownership of a descriptor, as Python's socket(fileno=…). family, type, proto: −1 reads SO_DOMAIN, SO_TYPE,
  /// SO_PROTOCOL (socket(7)). O_NONBLOCK is kept: if it is set the timeout is 0, else none. Errors: EBADF, ENOTSOCK,
  /// those of registry::family. On an error the caller keeps the descriptor.
  static socket adopt(int descriptor, int family, socket_type type, int proto);
  static socket adopt(int descriptor, int family, socket_type type, int proto, error_code& ec);
  static socket adopt(int descriptor) { return adopt(descriptor, -1, socket_type(-1), -1); }
  static socket adopt(int descriptor, error_code& ec) { return adopt(descriptor, -1, socket_type(-1), -1, ec); }
  /// As adopt, with a duplicate of the descriptor (close-on-exec). The caller keeps its own.
  static socket fromfd(int descriptor, int family, socket_type type, int proto);
  static socket fromfd(int descriptor, int family, socket_type type, int proto, error_code& ec);
  static socket fromfd(int descriptor) { return fromfd(descriptor, -1, socket_type(-1), -1); }
  static socket fromfd(int descriptor, error_code& ec) { return fromfd(descriptor, -1, socket_type(-1), -1, ec); }
  /// Opens two connected sockets: socketpair(2). EOPNOTSUPP if the family does not support pairs.
  static std::pair<socket, socket> pair(std::string_view family = "unix", socket_type type = SOCK_STREAM,
                                        int proto = 0);
  static std::pair<socket, socket> pair(const afplug::family& family, socket_type type, int proto, error_code& ec);
  static std::pair<socket, socket> pair(std::string_view family, socket_type type, int proto, error_code& ec);
  static std::pair<socket, socket> pair(std::string_view family, socket_type type, error_code& ec) {
    return pair(family, type, 0, ec);
  }
  static std::pair<socket, socket> pair(std::string_view family, error_code& ec) {
    return pair(family, SOCK_STREAM, 0, ec);
  }
  static std::pair<socket, socket> pair(error_code& ec) { return pair("unix", SOCK_STREAM, 0, ec); }

  // ---- properties ----
  /// The descriptor; −1: closed. For a family in user space one that can only be polled.
  int native_handle() const noexcept { return fd_; }
  int fileno() const noexcept { return fd_; }
  bool is_open() const noexcept { return fd_ >= 0; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// The number of the family, AF_*; 0: no socket.
  int family() const noexcept { return family_ ? family_->number() : 0; }
  const afplug::family* owner() const noexcept { return family_; }  ///< null: no socket
  socket_type type() const noexcept { return type_; }  ///< as requested, without SOCK_NONBLOCK and SOCK_CLOEXEC
  int protocol() const noexcept { return protocol_; }  ///< as requested; 0 if the default was
  /// Family, type and protocol.
  basic_protocol what() const noexcept {
    return family_ ? basic_protocol(*family_, type_, protocol_) : basic_protocol();
  }
  bool in_user_space() const noexcept { return user_ != nullptr; }
  std::string to_string() const;  ///< "<afplug.socket fd=3 inet SOCK_STREAM IPPROTO_TCP local=… peer=…>"

  // ---- closing and duplicating ----
  /// Closes the socket, which is closed even if an error is reported; does nothing if it is closed already. close(2) is
  /// not retried on EINTR; EINTR and ECONNRESET are not reported.
  void close();
  void close(error_code& ec) noexcept;
  /// Returns the descriptor, which the caller then owns, and leaves this socket closed; −1 if it was closed or on an
  /// error. EOPNOTSUPP for a family in user space.
  [[nodiscard]] int detach();
  [[nodiscard]] int detach(error_code& ec) noexcept;
  [[nodiscard]] int release() { return detach(); }  ///< Asio's name for it
  [[nodiscard]] int release(error_code& ec) noexcept { return detach(ec); }
  /// Returns another socket for the same open file description, with the same timeout; its descriptor is close-on-exec.
  socket dup() const;
  socket dup(error_code& ec) const;
  /// Whether the descriptor is inherited by programs started with execve(2), i.e. is not close-on-exec (PEP 446).
  bool inheritable() const;
  bool inheritable(error_code& ec) const noexcept;
  void inheritable(bool on);
  void inheritable(bool on, error_code& ec) noexcept;

  // ---- timeouts, as Python's settimeout() and setblocking() ----
  /// Empty: calls block. Zero: non-blocking, calls fail with EAGAIN. Positive: a call fails with errc::timed_out after
  /// this time, retries included. Negative: errc::invalid_argument. Clears O_NONBLOCK if `limit` is empty, else sets
  /// it; duplicates of the descriptor share that flag. On an error the timeout is unchanged.
  void timeout(std::optional<std::chrono::nanoseconds> limit);
  void timeout(std::optional<std::chrono::nanoseconds> limit, error_code& ec) noexcept;
  /// As above for durations of any unit and representation, floating point included; rounded up to nanoseconds.
  /// errc::invalid_argument also for NaN and for more than 2^63 ns (292 years).
  template <class Rep, class Period>
  void timeout(std::chrono::duration<Rep, Period> limit) {
    timeout(std::optional(detail::whole_nanoseconds(limit)));
  }
  template <class Rep, class Period>
  void timeout(std::chrono::duration<Rep, Period> limit, error_code& ec) noexcept {
    timeout(std::optional(detail::whole_nanoseconds(limit)), ec);
  }
  /// The timeout; empty: calls block.
  std::optional<std::chrono::nanoseconds> timeout() const noexcept {
    return timeout_ < 0 ? std::nullopt : std::optional(std::chrono::nanoseconds(timeout_));
  }
  /// true: removes the timeout; false: sets it to 0.
  void blocking(bool on) { timeout(on ? std::nullopt : std::optional(std::chrono::nanoseconds(0))); }
  void blocking(bool on, error_code& ec) noexcept {
    timeout(on ? std::nullopt : std::optional(std::chrono::nanoseconds(0)), ec);
  }
  bool blocking() const noexcept { return timeout_ != 0; }  ///< true also with a positive timeout, as in Python
  /// The timeout of sockets created from now on, accepted ones included; initially empty. As Python's
  /// setdefaulttimeout(). Any thread may call it.
  static void default_timeout(std::optional<std::chrono::nanoseconds> limit);
  static void default_timeout(std::optional<std::chrono::nanoseconds> limit, error_code& ec) noexcept;
  template <class Rep, class Period>
  static void default_timeout(std::chrono::duration<Rep, Period> limit) {
    default_timeout(std::optional(detail::whole_nanoseconds(limit)));
  }
  template <class Rep, class Period>
  static void default_timeout(std::chrono::duration<Rep, Period> limit, error_code& ec) noexcept {
    default_timeout(std::optional(detail::whole_nanoseconds(limit)), ec);
  }
  static std::optional<std::chrono::nanoseconds> default_timeout() noexcept;

  // ---- connections ----
  /// bind(2).
  void bind(const address& to);
  void bind(const address& to, error_code& ec);
  void bind(std::string_view text);  ///< parses the family's text form; host names are refused: see create_server
  void bind(std::string_view text, error_code& ec);
  /// listen(2). A negative backlog means min(SOMAXCONN, 128), as in Python.
  void listen(int backlog = -1);
  void listen(int backlog, error_code& ec);
  void listen(error_code& ec) { listen(-1, ec); }
  /// accept4(2). Returns a socket of the same family, type and protocol, with default_timeout(); `peer` receives the
  /// peer's address.
  socket accept();
  socket accept(error_code& ec);
  socket accept(address& peer);
  socket accept(address& peer, error_code& ec);
  socket accept(address& peer, std::stop_token stop);
  socket accept(address& peer, std::stop_token stop, error_code& ec);
  socket accept(std::stop_token stop) {
    address ignored;
    return accept(ignored, std::move(stop));
  }
  socket accept(std::stop_token stop, error_code& ec) {
    address ignored;
    return accept(ignored, std::move(stop), ec);
  }
  /// connect(2). After EINTR it waits for the connection, as in PEP 475. After errc::timed_out or errc::stopped the
  /// connection may still be established: close the socket.
  void connect(const address& to);
  void connect(const address& to, error_code& ec);
  void connect(const address& to, std::stop_token stop);
  void connect(const address& to, std::stop_token stop, error_code& ec);
  /// Connects to an address in the family's text form. inet and inet6: for "host:service" the host and service are
  /// looked up, and the first address is used. The timeout covers the look-up and the connection together. A
  /// non-blocking socket looks up no host names (errc::invalid_argument): pass an address of getaddrinfo, or use
  /// create_connection.
  void connect(std::string_view text);
  void connect(std::string_view text, error_code& ec);
  /// Returns 0 or the errno; EAGAIN if the timeout expired, as Python's connect_ex(). Other errors of afplug, those of
  /// arguments for example, are thrown or set.
  int connect_ex(const address& to);
  int connect_ex(const address& to, error_code& ec);
  /// The result of a connect that failed with EINPROGRESS, to be called when poll(2) reports POLLOUT: no error if it is
  /// connected, EALREADY if it is still connecting, else the error, which is then cleared (SO_ERROR of socket(7)).
  void connect_result();
  void connect_result(error_code& ec);
  /// shutdown(2) with SHUT_RD, SHUT_WR or SHUT_RDWR.
  void shutdown(int how);
  void shutdown(int how, error_code& ec);
  address getsockname() const;  ///< the local address: getsockname(2)
  address getsockname(error_code& ec) const;
  address getpeername() const;  ///< the peer's address: getpeername(2)
  address getpeername(error_code& ec) const;

  // ---- data ----
  /// send(2). Returns the number of bytes sent, which may be fewer than data.size().
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
  std::size_t send(const_bytes data, error_code& ec) { return send(data, 0, ec); }
  std::size_t send(const_bytes data, int flags, std::stop_token stop);
  std::size_t send(const_bytes data, int flags, std::stop_token stop, error_code& ec);

  /// recv(2). Returns the number of bytes received; 0: end of file, or an empty datagram.
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
  std::size_t recv(mutable_bytes into, error_code& ec) { return recv(into, 0, ec); }
  std::size_t recv(mutable_bytes into, int flags, std::stop_token stop);
  std::size_t recv(mutable_bytes into, int flags, std::stop_token stop, error_code& ec);

  /// Sends all of `data`, or fails. The timeout applies to the whole call, as in Python's sendall(). `sent`, if given,
  /// receives the number of bytes sent, on errors too.
  void sendall(const_bytes data, int flags = 0);
  void sendall(const_bytes data, int flags, error_code& ec, std::size_t* sent = nullptr);
  void sendall(const_bytes data, error_code& ec, std::size_t* sent = nullptr) { sendall(data, 0, ec, sent); }
  void sendall(const_bytes data, int flags, std::stop_token stop);
  void sendall(const_bytes data, int flags, std::stop_token stop, error_code& ec, std::size_t* sent = nullptr);
  /// Receives until `into` is full; the timeout applies to the whole call. On end of file returns the shorter count;
  /// `ec` is clear. On an error returns the count so far.
  std::size_t recvall(mutable_bytes into, int flags = 0);
  std::size_t recvall(mutable_bytes into, int flags, error_code& ec);
  std::size_t recvall(mutable_bytes into, error_code& ec) { return recvall(into, 0, ec); }

  /// sendto(2). Returns the number of bytes sent.
  std::size_t sendto(const_bytes data, const address& to, int flags = 0);
  std::size_t sendto(const_bytes data, const address& to, int flags, error_code& ec);
  std::size_t sendto(const_bytes data, const address& to, error_code& ec) { return sendto(data, to, 0, ec); }
  std::size_t sendto(const_bytes data, const address& to, int flags, std::stop_token stop);
  std::size_t sendto(const_bytes data, const address& to, int flags, std::stop_token stop, error_code& ec);
  /// recvfrom(2). `from` receives the sender's address; it becomes empty if the protocol reports none, as connected
  /// streams do.
  std::size_t recvfrom(mutable_bytes into, address& from, int flags = 0);
  std::size_t recvfrom(mutable_bytes into, address& from, int flags, error_code& ec);
  std::size_t recvfrom(mutable_bytes into, address& from, error_code& ec) { return recvfrom(into, from, 0, ec); }
  std::size_t recvfrom(mutable_bytes into, address& from, int flags, std::stop_token stop);
  std::size_t recvfrom(mutable_bytes into, address& from, int flags, std::stop_token stop, error_code& ec);

  /// sendmsg(2): sends buffers as one message, with ancillary data. `to`: null for the connected peer.
  std::size_t sendmsg(std::span<const const_bytes> data, const control_builder& control = {}, int flags = 0,
                      const address* to = nullptr);
  std::size_t sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags, const address* to,
                      error_code& ec);
  std::size_t sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags, error_code& ec) {
    return sendmsg(data, control, flags, nullptr, ec);
  }
  std::size_t sendmsg(std::span<const const_bytes> data, const control_builder& control, error_code& ec) {
    return sendmsg(data, control, 0, nullptr, ec);
  }
  std::size_t sendmsg(std::span<const const_bytes> data, error_code& ec) { return sendmsg(data, {}, 0, nullptr, ec); }
  std::size_t sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags, const address* to,
                      std::stop_token stop);
  std::size_t sendmsg(std::span<const const_bytes> data, const control_builder& control, int flags, const address* to,
                      std::stop_token stop, error_code& ec);
  /// recvmsg(2): fills buffers in order. Received descriptors are close-on-exec and owned by `control`. `from`, if not
  /// null, receives the sender's address.
  received recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags = 0,
                   address* from = nullptr);
  received recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from,
                   error_code& ec);
  received recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, error_code& ec) {
    return recvmsg(into, control, flags, nullptr, ec);
  }
  received recvmsg(std::span<const mutable_bytes> into, control_buffer& control, error_code& ec) {
    return recvmsg(into, control, 0, nullptr, ec);
  }
  received recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from,
                   std::stop_token stop);
  received recvmsg(std::span<const mutable_bytes> into, control_buffer& control, int flags, address* from,
                   std::stop_token stop, error_code& ec);

  /// sendmmsg(2): sends up to 256 messages in order and returns how many were sent. Waits for the first as send does,
  /// in blocking mode for each. If a later message cannot be sent the call ends without an error; a call that starts
  /// with that message reports it.
  std::size_t send_many(std::span<outgoing> messages, int flags = 0);
  std::size_t send_many(std::span<outgoing> messages, int flags, error_code& ec);
  std::size_t send_many(std::span<outgoing> messages, error_code& ec) { return send_many(messages, 0, ec); }
  std::size_t send_many(std::span<outgoing> messages, int flags, std::stop_token stop);
  std::size_t send_many(std::span<outgoing> messages, int flags, std::stop_token stop, error_code& ec);
  /// recvmmsg(2) with MSG_WAITFORONE: receives up to 256 messages and returns how many. Waits for the first as recv
  /// does; the rest are those that are queued by then. On end of file of a stream all messages have size 0. Returns 0
  /// for a datagram socket that was shut down for receiving.
  std::size_t recv_many(std::span<incoming> messages, int flags = 0);
  std::size_t recv_many(std::span<incoming> messages, int flags, error_code& ec);
  std::size_t recv_many(std::span<incoming> messages, error_code& ec) { return recv_many(messages, 0, ec); }
  std::size_t recv_many(std::span<incoming> messages, int flags, std::stop_token stop);
  std::size_t recv_many(std::span<incoming> messages, int flags, std::stop_token stop, error_code& ec);

  /// Sends `count` bytes (empty: up to the end of the file) of an open file, starting at byte `offset`, as Python's
  /// socket.sendfile(): with sendfile(2), or by reading and sending if that does not support the file or socket.
  /// Returns the number of bytes sent; the file position becomes offset plus that number, on errors too. The timeout
  /// applies to the whole call, waiting for a pipe's data included; what was read of a pipe and not sent is lost.
  /// errc::invalid_argument: not SOCK_STREAM, non-blocking, or a count of 0.
  std::uint64_t sendfile(int file, std::uint64_t offset = 0, std::optional<std::uint64_t> count = {});
  std::uint64_t sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count, error_code& ec);
  std::uint64_t sendfile(int file, std::uint64_t offset, error_code& ec) { return sendfile(file, offset, {}, ec); }
  std::uint64_t sendfile(int file, error_code& ec) { return sendfile(file, 0, {}, ec); }

  /// Sends at most 253 descriptors (SCM_RIGHTS, unix(7)) with data, as Python's send_fds(). EINVAL: more descriptors,
  /// or no data on a stream, of which the kernel would report success and send nothing. sendmsg() does not check this.
  std::size_t send_fds(std::span<const const_bytes> data, std::span<const int> descriptors, int flags = 0,
                       const address* to = nullptr);
  std::size_t send_fds(std::span<const const_bytes> data, std::span<const int> descriptors, int flags,
                       const address* to, error_code& ec);
  std::size_t send_fds(std::span<const const_bytes> data, std::span<const int> descriptors, int flags, error_code& ec) {
    return send_fds(data, descriptors, flags, nullptr, ec);
  }
  std::size_t send_fds(std::span<const const_bytes> data, std::span<const int> descriptors, error_code& ec) {
    return send_fds(data, descriptors, 0, nullptr, ec);
  }
  received_fds recv_fds(mutable_bytes into, std::size_t max_descriptors, int flags = 0, address* from = nullptr);
  received_fds recv_fds(mutable_bytes into, std::size_t max_descriptors, int flags, address* from, error_code& ec);
  received_fds recv_fds(mutable_bytes into, std::size_t max_descriptors, int flags, error_code& ec) {
    return recv_fds(into, max_descriptors, flags, nullptr, ec);
  }
  received_fds recv_fds(mutable_bytes into, std::size_t max_descriptors, error_code& ec) {
    return recv_fds(into, max_descriptors, 0, nullptr, ec);
  }

  // ---- options ----
  /// getsockopt(2), setsockopt(2). getsockopt returns the size of the value in bytes. The value is as the kernel or the
  /// family lays it out.
  std::size_t getsockopt(int level, int number, mutable_bytes into) const;
  std::size_t getsockopt(int level, int number, mutable_bytes into, error_code& ec) const;
  void setsockopt(int level, int number, const_bytes value);
  void setsockopt(int level, int number, const_bytes value, error_code& ec);
  void setsockopt(int level, int number, std::nullptr_t, std::size_t length);  ///< a null value with a length
  void setsockopt(int level, int number, std::nullptr_t, std::size_t length, error_code& ec);

  /// Sets or gets a typed option: s.option(opt::rcvbuf{1 << 20}), s.option<opt::rcvbuf>(). Types with the members of
  /// Asio's SettableSocketOption and GettableSocketOption work too. Errors: errc::invalid_argument for a value out of
  /// range; those of setsockopt(2) and getsockopt(2). The error text names option and value.
  template <class O>
  requires requires(const O& o, int p) { o.level(p), o.name(p), o.data(p), o.size(p); }
  void option(const O& o) {
    error_code ec;
    option(o, ec);
    detail::check(ec, "option");
  }
  template <class O>
  requires requires(const O& o, int p) { o.level(p), o.name(p), o.data(p), o.size(p); }
  void option(const O& o, error_code& ec) {
    if constexpr (requires { o.refusal(); })
      if (!o.refusal().empty()) return refuse_option(o.level(0), o.name(0), o.refusal(), ec);
    setsockopt(o.level(0), o.name(0), const_bytes(o.data(0), o.size(0)), ec);
  }
  template <class O>
  requires requires(O& o, int p) { o.level(p), o.name(p), o.data(p), o.size(p), o.resize(p, 0); }
  O option() const {
    error_code ec;
    O o = option<O>(ec);
    detail::check(ec, "option");
    return o;
  }
  template <class O>
  requires requires(O& o, int p) { o.level(p), o.name(p), o.data(p), o.size(p), o.resize(p, 0); }
  O option(error_code& ec) const {
    O o;
    const auto size = getsockopt(o.level(0), o.name(0), mutable_bytes(o.data(0), o.size(0)), ec);
    if (!ec) o.resize(0, size);
    return o;
  }

  /// Sets an option of the family's table by name. The value is a number for flags, integers and durations (in the
  /// option's unit), a std::chrono duration, text in the kind's text form, or bytes in the option's layout. Errors:
  /// errc::unknown_option (the error text suggests a similar name), wrong_row, not_writable, wrong_kind,
  /// invalid_argument; those of setsockopt(2).
  void option(std::string_view name, const option_value& value);
  void option(std::string_view name, const option_value& value, error_code& ec);
  /// As above for values of other types: integers, durations, what converts to std::string_view, and bytes (containers,
  /// spans and arrays of trivially copyable types).
  template <detail::settable V>
  void option(std::string_view name, const V& value) {
    option(name, to_option_value(value));
  }
  template <detail::settable V>
  void option(std::string_view name, const V& value, error_code& ec) {
    option(name, to_option_value(value), ec);
  }
  /// Returns an option's value in its text form. Errors: errc::unknown_option, wrong_row, not_readable; those of
  /// getsockopt(2).
  std::string option_text(std::string_view name) const;
  std::string option_text(std::string_view name, error_code& ec) const;
  /// Returns the value of a flag or integer option; errc::wrong_kind for other kinds.
  std::int64_t option_number(std::string_view name) const;
  std::int64_t option_number(std::string_view name, error_code& ec) const;
  /// Returns the value as getsockopt(2) lays it out; errc::wrong_kind for options that have only a text form.
  std::vector<std::byte> option_bytes(std::string_view name) const;
  std::vector<std::byte> option_bytes(std::string_view name, error_code& ec) const;

  // ---- readiness ----
  /// poll(2), also for families in user space. Waits up to `limit` (empty: without limit) for `wanted`. Returns the
  /// events that occurred, events::error and hung_up included; none: the time expired. Ignores timeout(). For many
  /// sockets: selector.hpp.
  events wait(events wanted, std::optional<std::chrono::nanoseconds> limit = {}) const;
  events wait(events wanted, std::optional<std::chrono::nanoseconds> limit, error_code& ec) const;
  events wait(events wanted, error_code& ec) const { return wait(wanted, std::nullopt, ec); }
  events wait(events wanted, std::optional<std::chrono::nanoseconds> limit, std::stop_token stop) const;
  events wait(events wanted, std::optional<std::chrono::nanoseconds> limit, std::stop_token stop, error_code& ec) const;

 private:
  friend struct detail::socket_access;
  void close_quietly() noexcept;
  std::size_t send_slow(const_bytes data, int flags, error_code& ec);
  std::size_t recv_slow(mutable_bytes into, int flags, error_code& ec);
  void refuse_option(int level, int number, std::string_view why, error_code& ec) const;

  template <class V>
  static option_value to_option_value(const V& value) {
    if constexpr (std::integral<V>) {
      // An unsigned number above 2^63-1 is parsed as text, as its kind may take it.
      if constexpr (std::is_same_v<V, unsigned long> || std::is_same_v<V, unsigned long long>)
        if (!std::in_range<std::int64_t>(value)) return std::to_string(value);
      return static_cast<std::int64_t>(value);
    } else if constexpr (detail::is_duration<V>) {
      const auto count = detail::whole_nanoseconds(value);
      // NaN and durations above 2^63 ns keep a text that no option accepts, for the error text.
      if (count == (std::chrono::nanoseconds::min)())
        return std::to_string(value.count()) + opt::detail::unit_suffix<typename V::period>();
      return std::to_string(count.count()) + "ns";
    } else if constexpr (std::is_convertible_v<const V&, std::string_view>) {
      return std::string(std::string_view(value));
    } else {
      const const_bytes bytes(value);
      const auto* first = static_cast<const std::byte*>(bytes.data());
      return std::vector<std::byte>(first, first + bytes.size());
    }
  }

  // The layout is part of the ABI: the calls above are inlined into programs.
  int fd_ = -1;
  socket_type type_;
  int protocol_ = 0;
  const afplug::family* family_ = nullptr;
  detail::user_socket* user_ = nullptr;
  std::int64_t timeout_ = -1;  // nanoseconds; below 0: blocking
};
static_assert(sizeof(socket) == (sizeof(void*) == 8 ? 40 : alignof(std::int64_t) == 8 ? 32 : 28));

}  // namespace afplug
