// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Integration with Boost.Asio; the only header that includes it.
//
// - afplug::to_asio converts a socket of a kernel family to Asio's own class, as
//   boost::asio::basic_stream_socket<afplug::stream>.
// - afplug::acceptor accepts such sockets, close-on-exec.
// - afplug::async_socket has Asio's asynchronous operations for sockets of every family, user-space families included.
//
// Sockets that Asio opens or accepts by itself bypass the registry and are not close-on-exec: open them as
// afplug::socket and convert them.
#pragma once

#include <poll.h>

#include <afplug/connect.hpp>
#include <afplug/socket.hpp>
#include <afplug/trace.hpp>
#include <algorithm>
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/basic_seq_packet_socket.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/wait_traits.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace afplug {

namespace detail {

template <class Protocol>
inline constexpr int asio_type = 0;
template <>
inline constexpr int asio_type<stream> = SOCK_STREAM;
template <>
inline constexpr int asio_type<datagram> = SOCK_DGRAM;
template <>
inline constexpr int asio_type<seq_packet> = SOCK_SEQPACKET;
template <>
inline constexpr int asio_type<raw> = SOCK_RAW;

template <class Context>
concept execution_context = requires(Context& c) {
  c.get_executor();
};

inline bool would_block(const error_code& ec) noexcept {
  return ec.category() == boost::system::system_category() && (ec.value() == EAGAIN || ec.value() == EWOULDBLOCK);
}

static_assert(boost::asio::socket_base::wait_read == 0 && boost::asio::socket_base::wait_write == 1 &&
              boost::asio::socket_base::wait_error == 2);

template <class Bytes>
using asio_buffer =
    std::conditional_t<std::is_same_v<Bytes, mutable_bytes>, boost::asio::mutable_buffer, boost::asio::const_buffer>;

/// Converts a buffer sequence to the socket's buffers. Uses only the first 64 buffers, as Asio does.
template <class Bytes, class Buffers>
class buffer_array {
 public:
  explicit buffer_array(const Buffers& buffers) noexcept {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end && count_ < buffers_.size(); ++at) {
      const asio_buffer<Bytes> one(*at);
      buffers_[count_++] = Bytes(one.data(), one.size());
      size_ += one.size();
    }
  }
  std::span<const Bytes> span() const noexcept { return {buffers_.data(), count_}; }
  std::size_t size() const noexcept { return size_; }  ///< bytes

 private:
  static constexpr std::size_t max_buffers = std::is_convertible_v<const Buffers&, asio_buffer<Bytes>> ? 1 : 64;
  std::array<Bytes, max_buffers> buffers_;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
};

/// The state that an async_socket and its outstanding operations share.
template <class Executor>
class async_state {
 public:
  using wait_type = boost::asio::socket_base::wait_type;

  async_state(const Executor& executor, afplug::socket s) : io(std::move(s)), readiness_(executor) {}
  async_state(const async_state&) = delete;
  async_state& operator=(const async_state&) = delete;
  ~async_state() { unregister(); }

  Executor get_executor() noexcept { return readiness_.get_executor(); }

  /// Calls `handler` with an error_code once the descriptor is ready. The first wait registers it with the reactor.
  template <class Handler>
  void wait(wait_type what, Handler&& handler) {
    if (!readiness_.is_open()) {
      error_code ec;
      readiness_.assign(io.native_handle(), ec);
      if (ec) {
        boost::asio::post(get_executor(), boost::asio::append(std::forward<Handler>(handler), ec));
        return;
      }
    }
    using descriptor = boost::asio::posix::descriptor_base;
    constexpr descriptor::wait_type wait_types[] = {descriptor::wait_read, descriptor::wait_write,
                                                    descriptor::wait_error};
    readiness_.async_wait(wait_types[what], std::forward<Handler>(handler));
  }
  /// Waits after a spurious readiness notification, the `spurious_wakeups`th in a row (from 0). If the descriptor is
  /// still ready the handler is called after 1–8 ms instead of at once, since a datagram socket may be ready to send
  /// while the queue of the receiver is full: unix_dgram_poll() in net/unix/af_unix.c checks only a connected peer.
  template <class Handler>
  void wait_after_spurious_wakeup(wait_type what, unsigned spurious_wakeups, Handler&& handler) {
    constexpr short events[] = {POLLIN, POLLOUT, POLLPRI};
    error_code ec;
    if (io.wait(events[what], std::chrono::nanoseconds(0), ec) == 0) return wait(what, std::forward<Handler>(handler));
    auto& timer = back_off_timers_[what == wait_type::wait_write ? 1 : 0];
    if (!timer) timer.emplace(get_executor());
    timer->expires_after(std::chrono::milliseconds(1 << std::min(spurious_wakeups, 3u)));
    timer->async_wait(std::forward<Handler>(handler));
  }
  void cancel(error_code& ec) {
    cancel_timers();
    if (readiness_.is_open())
      readiness_.cancel(ec);
    else
      ec.clear();
  }
  /// Cancels all waits and removes the descriptor from the reactor.
  void unregister() noexcept {
    cancel_timers();
    if (readiness_.is_open()) readiness_.release();
  }

  afplug::socket io;

 private:
  using steady_timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                         boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
  void cancel_timers() noexcept {
    for (auto& timer : back_off_timers_)
      if (timer) timer->cancel();
  }

  boost::asio::posix::basic_stream_descriptor<Executor> readiness_;  // does not own the descriptor
  std::array<std::optional<steady_timer>, 2> back_off_timers_;       // of the reader and of the writer
};

/// A composed operation that makes an attempt, and repeats it after waiting for readiness for as long as it would
/// block. Completes with (error_code, Result).
template <class Executor, class Result, class Attempt>
class when_ready {
 public:
  using state_type = async_state<Executor>;
  when_ready(std::shared_ptr<state_type> state, typename state_type::wait_type what, Result none, Attempt attempt)
      : state_(std::move(state)), what_(what), result_(std::move(none)), attempt_(std::move(attempt)) {}

  template <class Self>
  void operator()(Self& self, error_code ec = {}) {
    const auto now = std::exchange(stage_, stage::waiting);
    if (now == stage::done) return finish(self, ec);
    if (now == stage::starting)
      self.reset_cancellation_state(boost::asio::enable_total_cancellation());
    else if (!ec && (self.cancelled() != boost::asio::cancellation_type::none || !state_->io.is_open()))
      ec = boost::asio::error::operation_aborted;
    if (!ec) attempt_(state_->io, result_, ec);
    if (would_block(ec)) return retry_when_ready(self, now == stage::waiting);
    if (now != stage::starting) return finish(self, ec);
    // Posted, since a handler must not run inside the initiating function.
    stage_ = stage::done;
    const auto executor = state_->get_executor();
    boost::asio::post(executor, boost::asio::append(std::move(self), ec));
  }

 private:
  enum class stage { starting, waiting, done };

  template <class Self>
  void retry_when_ready(Self& self, bool spurious_wakeup) {
    const auto state = state_;
    const auto what = what_;
    if (spurious_wakeup)
      state->wait_after_spurious_wakeup(what, spurious_wakeups_++, std::move(self));
    else
      state->wait(what, std::move(self));
  }
  template <class Self>
  void finish(Self& self, const error_code& ec) {
    state_.reset();
    Result result = std::move(result_);
    self.complete(ec, std::move(result));
  }

  std::shared_ptr<state_type> state_;
  typename state_type::wait_type what_;
  Result result_;
  Attempt attempt_;
  stage stage_ = stage::starting;
  unsigned spurious_wakeups_ = 0;
};

/// A composed operation that starts a connect and waits while it is in progress. Completes with (error_code).
template <class Executor>
class when_connected {
 public:
  when_connected(std::shared_ptr<async_state<Executor>> state, const address& to) : state_(std::move(state)), to_(to) {}

  template <class Self>
  void operator()(Self& self, error_code ec = {}) {
    const auto now = std::exchange(stage_, stage::waiting);
    if (now == stage::done) return finish(self, ec);
    if (now == stage::starting) {
      self.reset_cancellation_state(boost::asio::enable_total_cancellation());
      state_->io.connect(to_, ec);
      if (ec != boost::asio::error::in_progress) {
        stage_ = stage::done;
        const auto executor = state_->get_executor();
        boost::asio::post(executor, boost::asio::append(std::move(self), ec));
        return;
      }
    } else {
      if (!ec && (self.cancelled() != boost::asio::cancellation_type::none || !state_->io.is_open()))
        ec = boost::asio::error::operation_aborted;
      if (!ec) state_->io.connect_result(ec);
      if (ec != boost::asio::error::already_started) return finish(self, ec);
    }
    const auto state = state_;
    state->wait(boost::asio::socket_base::wait_write, std::move(self));
  }

 private:
  enum class stage { starting, waiting, done };
  template <class Self>
  void finish(Self& self, const error_code& ec) {
    state_.reset();
    self.complete(ec);
  }
  std::shared_ptr<async_state<Executor>> state_;
  address to_;
  stage stage_ = stage::starting;
};

}  // namespace detail

/// Converts a socket of a kernel family to Asio's class: `to_asio<afplug::stream>(std::move(socket), executor)` returns
/// a basic_stream_socket<afplug::stream>; likewise datagram, seq_packet and raw. Close-on-exec stays set. Errors:
/// errc::invalid_argument if the socket is of another type; EOPNOTSUPP for user-space families (use async_socket);
/// those of Asio's assign(). On an error the caller keeps the socket.
template <class Protocol = stream, class Executor>
typename Protocol::socket::template rebind_executor<Executor>::other to_asio(socket&& s, const Executor& executor,
                                                                             error_code& ec) {
  typename Protocol::socket::template rebind_executor<Executor>::other result(executor);
  if (s.in_user_space()) {
    detail::fail(ec, {EOPNOTSUPP, boost::system::system_category()},
                 "to_asio: Asio's sockets cannot hold a socket of a user-space family: use afplug::async_socket");
    return result;
  }
  if (s.is_open() && s.type() != detail::asio_type<Protocol>) {
    detail::fail(ec, errc::invalid_argument, "to_asio: the socket's type (SOCK_*) is not that of the protocol class");
    return result;
  }
  result.assign(Protocol(s.what()), s.native_handle(), ec);
  error_code ignored;
  if (!ec) static_cast<void>(s.detach(ignored));
  return result;
}
template <class Protocol = stream, class Executor>
auto to_asio(socket&& s, const Executor& executor) requires(!detail::execution_context<Executor>) {
  error_code ec;
  auto result = to_asio<Protocol>(std::move(s), executor, ec);
  detail::check(ec, "to_asio");
  return result;
}
/// Takes an execution context; its executor becomes an any_io_executor, as with Asio's own sockets.
template <class Protocol = stream, detail::execution_context Context>
typename Protocol::socket to_asio(socket&& s, Context& context) {
  return to_asio<Protocol>(std::move(s), boost::asio::any_io_executor(context.get_executor()));
}

/// Asynchronous operations on a socket of any family. Meets Asio's AsyncReadStream and AsyncWriteStream requirements,
/// so that async_read, async_write, TLS streams and Beast work with it.
///
/// The descriptor is registered with the reactor by the first operation that has to wait. Each operation takes a
/// completion token, calls its handler through the handler's associated executor (by default the socket's), never
/// inside the initiating function, and supports cancellation of all types: a cancelled operation had no effect, except
/// for connect. One read and one write may be outstanding at a time. Distinct objects are thread-safe, a shared one is
/// not, as with Asio's sockets. Destroying or closing it completes outstanding operations with operation_aborted.
template <class Executor = boost::asio::any_io_executor>
class basic_async_socket {
 public:
  using executor_type = Executor;
  using lowest_layer_type = basic_async_socket;
  using wait_type = boost::asio::socket_base::wait_type;
  /// Rebinds the type to another executor.
  template <class Other>
  struct rebind_executor {
    using other = basic_async_socket<Other>;
  };

  /// Constructs without a socket: every operation fails with EBADF.
  explicit basic_async_socket(const Executor& executor) : basic_async_socket(executor, socket()) {}
  /// Takes ownership of the socket and makes it non-blocking (timeout 0). Throws what socket::timeout throws.
  basic_async_socket(const Executor& executor, socket s)
      : state_(std::make_shared<detail::async_state<Executor>>(executor, std::move(s))) {
    if (state_->io.is_open()) state_->io.timeout(std::chrono::nanoseconds(0));
  }
  template <detail::execution_context Context>
  explicit basic_async_socket(Context& context) : basic_async_socket(Executor(context.get_executor())) {}
  template <detail::execution_context Context>
  basic_async_socket(Context& context, socket s) : basic_async_socket(Executor(context.get_executor()), std::move(s)) {}

  basic_async_socket(basic_async_socket&&) noexcept = default;
  basic_async_socket& operator=(basic_async_socket&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~basic_async_socket() {
    if (state_) close();
  }

  /// Required of Asio's I/O objects.
  executor_type get_executor() noexcept { return state_->get_executor(); }
  lowest_layer_type& lowest_layer() noexcept { return *this; }
  const lowest_layer_type& lowest_layer() const noexcept { return *this; }

  /// The socket, for calls that do not wait: addresses, options, shutdown. Do not change its timeout.
  socket& next_layer() noexcept { return state_->io; }
  const socket& next_layer() const noexcept { return state_->io; }
  bool is_open() const noexcept { return state_->io.is_open(); }

  /// Completes outstanding operations with operation_aborted.
  void cancel() {
    error_code ec;
    cancel(ec);
    detail::check(ec, "cancel");
  }
  void cancel(error_code& ec) { state_->cancel(ec); }
  /// Completes outstanding operations with operation_aborted and closes the socket.
  void close() noexcept {
    error_code ignored;
    close(ignored);
  }
  void close(error_code& ec) noexcept {
    state_->unregister();
    state_->io.close(ec);
  }
  /// Completes outstanding operations with operation_aborted and returns the socket, with timeout 0.
  [[nodiscard]] socket release() noexcept {
    state_->unregister();
    return std::exchange(state_->io, socket());
  }

  /// Waits until the socket is ready to read or write, or has an error. Completes with (error_code).
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_wait(wait_type what, Token&& token = {}) {
    return boost::asio::async_compose<Token, void(error_code)>(
        [state = state_, what, started = false](auto& self, error_code ec = {}) mutable {
          if (std::exchange(started, true)) {
            state.reset();
            return self.complete(ec);
          }
          self.reset_cancellation_state(boost::asio::enable_total_cancellation());
          const auto kept = state;
          kept->wait(what, std::move(self));
        },
        token, get_executor());
  }

  /// Receives into the buffers. Completes with (error_code, std::size_t bytes); boost::asio::error::eof at the end of a
  /// stream.
  template <class Buffers, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_read_some(const Buffers& into, Token&& token = {}) {
    return async_receive(into, 0, std::forward<Token>(token));
  }
  /// The same with flags, MSG_*.
  template <class Buffers, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_receive(const Buffers& into, int flags, Token&& token = {}) {
    return run<std::size_t>(
        wait_type::wait_read, 0,
        [into, flags](socket& s, std::size_t& n, error_code& ec) { n = receive(s, into, flags, nullptr, ec); }, token);
  }
  /// Sends the buffers, or the first part of them. Completes with (error_code, std::size_t bytes).
  template <class Buffers, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_write_some(const Buffers& data, Token&& token = {}) {
    return async_send(data, 0, std::forward<Token>(token));
  }
  /// The same with flags, MSG_*.
  template <class Buffers, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_send(const Buffers& data, int flags, Token&& token = {}) {
    return run<std::size_t>(
        wait_type::wait_write, 0,
        [data, flags, again = false](socket& s, std::size_t& n, error_code& ec) mutable {
          const detail::suppress_trace quiet(std::exchange(again, true));
          n = send(s, data, flags, nullptr, ec);
        },
        token);
  }
  /// Receives a message and stores its sender's address in `from`, which must stay valid until completion. Completes
  /// with (error_code, std::size_t bytes).
  template <class Buffers, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_receive_from(const Buffers& into, address& from, Token&& token = {}) {
    return run<std::size_t>(
        wait_type::wait_read, 0,
        [into, &from](socket& s, std::size_t& n, error_code& ec) { n = receive(s, into, 0, &from, ec); }, token);
  }
  /// Sends a message to an address. Completes with (error_code, std::size_t bytes).
  template <class Buffers, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_send_to(const Buffers& data, const address& to, Token&& token = {}) {
    return run<std::size_t>(
        wait_type::wait_write, 0,
        [data, to, again = false](socket& s, std::size_t& n, error_code& ec) mutable {
          const detail::suppress_trace quiet(std::exchange(again, true));
          n = send(s, data, 0, &to, ec);
        },
        token);
  }

  /// Sends messages as socket::send_many. Completes with (error_code, std::size_t messages sent). The messages, and
  /// what they point to, must stay valid until completion.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_send_many(std::span<outgoing> messages, Token&& token = {}) {
    return run<std::size_t>(
        wait_type::wait_write, 0,
        [messages, again = false](socket& s, std::size_t& n, error_code& ec) mutable {
          const detail::suppress_trace quiet(std::exchange(again, true));
          n = s.send_many(messages, 0, ec);
        },
        token);
  }
  /// Receives messages as socket::recv_many. Completes with (error_code, std::size_t messages received). The messages,
  /// and what they point to, must stay valid until completion.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_receive_many(std::span<incoming> messages, Token&& token = {}) {
    return run<std::size_t>(
        wait_type::wait_read, 0,
        [messages](socket& s, std::size_t& n, error_code& ec) { n = s.recv_many(messages, 0, ec); }, token);
  }

  /// Accepts a connection. Completes with (error_code, basic_async_socket), which has this socket's executor.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_accept(Token&& token = {}) {
    return run(
        wait_type::wait_read, basic_async_socket(get_executor()),
        [](socket& s, basic_async_socket& result, error_code& ec) {
          auto accepted = s.accept(ec);
          if (!ec) result = basic_async_socket(result.get_executor(), std::move(accepted));
        },
        token);
  }
  /// The same; stores the peer's address in `peer`, which must stay valid until completion.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_accept(address& peer, Token&& token = {}) {
    return run(
        wait_type::wait_read, basic_async_socket(get_executor()),
        [&peer](socket& s, basic_async_socket& result, error_code& ec) {
          auto accepted = s.accept(peer, ec);
          if (!ec) result = basic_async_socket(result.get_executor(), std::move(accepted));
        },
        token);
  }

  /// Connects to an address. Completes with (error_code). Cancelling it does not cancel the connection attempt in the
  /// kernel: close the socket.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_connect(const address& to, Token&& token = {}) {
    return boost::asio::async_compose<Token, void(error_code)>(detail::when_connected<Executor>(state_, to), token,
                                                               get_executor());
  }

 private:
  template <class Result, class Attempt, class Token>
  auto run(wait_type what, Result none, Attempt attempt, Token& token) {
    return boost::asio::async_compose<Token, void(error_code, Result)>(
        detail::when_ready<Executor, Result, Attempt>(state_, what, std::move(none), std::move(attempt)), token,
        get_executor());
  }

  template <class Buffers>
  static std::size_t receive(socket& s, const Buffers& buffers, int flags, address* from, error_code& ec) {
    const detail::buffer_array<mutable_bytes, Buffers> into(buffers);
    const bool bytes = s.type() == SOCK_STREAM;
    if (bytes && into.size() == 0) {
      ec.clear();
      return 0;
    }
    control_buffer none;
    const auto n = from == nullptr && into.span().size() == 1 ? s.recv(into.span()[0], flags, ec)
                                                              : s.recvmsg(into.span(), none, flags, from, ec).size;
    if (!ec && n == 0 && bytes) ec = boost::asio::error::eof;
    return n;
  }
  template <class Buffers>
  static std::size_t send(socket& s, const Buffers& buffers, int flags, const address* to, error_code& ec) {
    const detail::buffer_array<const_bytes, Buffers> data(buffers);
    if (s.type() == SOCK_STREAM && data.size() == 0) {
      ec.clear();
      return 0;
    }
    return to == nullptr && data.span().size() == 1 ? s.send(data.span()[0], flags, ec)
                                                    : s.sendmsg(data.span(), {}, flags, to, ec);
  }

  std::shared_ptr<detail::async_state<Executor>> state_;
};
using async_socket = basic_async_socket<>;

/// An acceptor whose sockets are Asio's own, close-on-exec. Rules for threads and cancellation as basic_async_socket's.
template <class Protocol = stream, class Executor = boost::asio::any_io_executor>
class basic_acceptor {
 public:
  using executor_type = Executor;
  using protocol_type = Protocol;
  using endpoint_type = address;
  using socket_type =
      typename Protocol::socket::template rebind_executor<Executor>::other;  ///< what async_accept returns
  /// Rebinds the type to another executor.
  template <class Other>
  struct rebind_executor {
    using other = basic_acceptor<Protocol, Other>;
  };

  /// Takes ownership of a listening socket. Throws EOPNOTSUPP for user-space families, whose sockets Asio's classes
  /// cannot hold: use async_socket::async_accept.
  basic_acceptor(const Executor& executor, socket listener)
      : listener_(executor, require_kernel_socket(std::move(listener))) {}
  /// Listens at an address: create_server.
  basic_acceptor(const Executor& executor, const address& at, const server_options& options = {})
      : basic_acceptor(executor, create_server(at, options)) {}
  template <detail::execution_context Context>
  basic_acceptor(Context& context, socket listener)
      : basic_acceptor(Executor(context.get_executor()), std::move(listener)) {}
  template <detail::execution_context Context>
  basic_acceptor(Context& context, const address& at, const server_options& options = {})
      : basic_acceptor(Executor(context.get_executor()), at, options) {}

  /// As the members of basic_async_socket, for the listening socket.
  executor_type get_executor() noexcept { return listener_.get_executor(); }
  socket& next_layer() noexcept { return listener_.next_layer(); }
  address local_endpoint() const { return listener_.next_layer().getsockname(); }
  bool is_open() const noexcept { return listener_.is_open(); }
  void cancel() { listener_.cancel(); }
  void close() noexcept { listener_.close(); }

  /// Accepts a connection. Completes with (error_code, socket_type).
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_accept(Token&& token = {}) {
    return boost::asio::async_compose<Token, void(error_code, socket_type)>(accept_op{&listener_, get_executor()},
                                                                            token, get_executor());
  }

 private:
  struct accept_op {
    basic_async_socket<Executor>* listener;
    Executor executor;

    template <class Self>
    void operator()(Self& self) {
      self.reset_cancellation_state(boost::asio::enable_total_cancellation());
      auto& on = *listener;
      on.async_accept(std::move(self));
    }
    template <class Self>
    void operator()(Self& self, error_code ec, basic_async_socket<Executor> accepted) {
      socket_type result(executor);
      if (!ec) result = to_asio<Protocol>(accepted.release(), executor, ec);
      self.complete(ec, std::move(result));
    }
  };

  static socket require_kernel_socket(socket listener) {
    if (listener.in_user_space()) {
      error_code ec;
      detail::fail(ec, {EOPNOTSUPP, boost::system::system_category()},
                   "acceptor: Asio's sockets cannot hold a socket of a user-space family: use afplug::async_socket");
      detail::raise(ec, "acceptor");
    }
    return listener;
  }

  basic_async_socket<Executor> listener_;
};
using acceptor = basic_acceptor<>;
using seq_packet_acceptor = basic_acceptor<seq_packet>;

}  // namespace afplug
