// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Boost.Asio: the one header that includes it.
//
//   afplug::to_asio        a kernel family's socket as Asio's own: boost::asio::basic_stream_socket<afplug::stream> and
//   so on afplug::acceptor       gives such sockets, close-on-exec afplug::async_socket   Asio's asynchronous calls on
//   any family's socket, user-space families included
//
// What Asio opens or accepts by itself bypasses the registry and leaves close-on-exec unset: open with afplug::socket,
// and hand over.
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

/// A buffer sequence as the socket's calls take it; of more than 64 buffers the first 64, as Asio does.
template <class Bytes, class Buffers>
class gathered {
 public:
  explicit gathered(const Buffers& buffers) noexcept {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end && count_ < all_.size(); ++at) {
      const asio_buffer<Bytes> one(*at);
      all_[count_++] = Bytes(one.data(), one.size());
      size_ += one.size();
    }
  }
  std::span<const Bytes> span() const noexcept { return {all_.data(), count_}; }
  std::size_t size() const noexcept { return size_; }  ///< bytes

 private:
  static constexpr std::size_t most = std::is_convertible_v<const Buffers&, asio_buffer<Bytes>> ? 1 : 64;
  std::array<Bytes, most> all_;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
};

/// What an async_socket and the operations under way on it share.
template <class Executor>
class async_state {
 public:
  using wait_type = boost::asio::socket_base::wait_type;

  async_state(const Executor& executor, afplug::socket s) : io(std::move(s)), readiness_(executor) {}
  async_state(const async_state&) = delete;
  async_state& operator=(const async_state&) = delete;
  ~async_state() { unregister(); }

  Executor get_executor() noexcept { return readiness_.get_executor(); }

  /// Calls `handler` with an error_code once `what` holds. The first wait registers the descriptor with the reactor.
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
    constexpr descriptor::wait_type same[] = {descriptor::wait_read, descriptor::wait_write, descriptor::wait_error};
    readiness_.async_wait(same[what], std::forward<Handler>(handler));
  }
  /// The same after it held and was of no use, for the `vain`th time in a row. Where it holds still, which it may for
  /// long (a UNIX datagram socket is ready to send while the receiver named is full), the handler comes a little later
  /// instead of at once, so that nobody spins.
  template <class Handler>
  void wait_again(wait_type what, unsigned vain, Handler&& handler) {
    constexpr short events[] = {POLLIN, POLLOUT, POLLPRI};
    error_code ec;
    if (io.wait(events[what], std::chrono::nanoseconds(0), ec) == 0) return wait(what, std::forward<Handler>(handler));
    auto& rest = rests_[what == wait_type::wait_write ? 1 : 0];
    if (!rest) rest.emplace(get_executor());
    rest->expires_after(std::chrono::milliseconds(1 << std::min(vain, 3u)));
    rest->async_wait(std::forward<Handler>(handler));
  }
  void cancel(error_code& ec) {
    end_rests();
    if (readiness_.is_open())
      readiness_.cancel(ec);
    else
      ec.clear();
  }
  /// Ends all waits, and leaves the reactor.
  void unregister() noexcept {
    end_rests();
    if (readiness_.is_open()) readiness_.release();
  }

  afplug::socket io;

 private:
  using timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
  void end_rests() noexcept {
    for (auto& each : rests_)
      if (each) each->cancel();
  }

  boost::asio::posix::basic_stream_descriptor<Executor> readiness_;  // never its owner
  std::array<std::optional<timer>, 2> rests_;                        // of the one who reads, and of the one who writes
};

/// Tries; where that would block waits, and tries again. Completes with (error_code, Result), or (error_code) where
/// Result is void.
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
    if (would_block(ec)) return again(self, now == stage::waiting);
    if (now != stage::starting) return finish(self, ec);
    // It was done at once: the handler runs later all the same.
    stage_ = stage::done;
    const auto executor = state_->get_executor();
    boost::asio::post(executor, boost::asio::append(std::move(self), ec));
  }

 private:
  enum class stage { starting, waiting, done };

  template <class Self>
  void again(Self& self, bool in_vain) {
    const auto state = state_;
    const auto what = what_;
    if (in_vain)
      state->wait_again(what, vain_++, std::move(self));
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
  unsigned vain_ = 0;
};

/// connect: starts, waits while it is in progress.
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

/// Hands a socket of a kernel family to Asio: `auto s = to_asio<afplug::stream>(std::move(socket), executor)` gives a
/// basic_stream_socket<afplug::stream>; likewise datagram, seq_packet and raw. Close-on-exec stays set. Errors:
/// errc::invalid_argument where the socket is of another type; EOPNOTSUPP for user-space families (use async_socket);
/// Asio's. The socket is then still the caller's.
template <class Protocol = stream, class Executor>
typename Protocol::socket::template rebind_executor<Executor>::other to_asio(socket&& s, const Executor& executor,
                                                                             error_code& ec) {
  typename Protocol::socket::template rebind_executor<Executor>::other made(executor);
  if (s.in_user_space()) {
    detail::fail(ec, {EOPNOTSUPP, boost::system::system_category()},
                 "to_asio: a socket of a family in user space is more than its descriptor: use afplug::async_socket");
    return made;
  }
  if (s.is_open() && s.type() != detail::asio_type<Protocol>) {
    detail::fail(ec, errc::invalid_argument, "to_asio: the socket is of another type than the protocol");
    return made;
  }
  made.assign(Protocol(s.what()), s.native_handle(), ec);
  error_code ignored;
  if (!ec) static_cast<void>(s.detach(ignored));
  return made;
}
template <class Protocol = stream, class Executor>
auto to_asio(socket&& s, const Executor& executor) requires(!detail::execution_context<Executor>) {
  error_code ec;
  auto made = to_asio<Protocol>(std::move(s), executor, ec);
  detail::check(ec, "to_asio");
  return made;
}
/// With a context's executor as any_io_executor, as Asio's own sockets have it.
template <class Protocol = stream, detail::execution_context Context>
typename Protocol::socket to_asio(socket&& s, Context& context) {
  return to_asio<Protocol>(std::move(s), boost::asio::any_io_executor(context.get_executor()));
}

/// Asio's asynchronous calls on a socket of any family. Meets AsyncReadStream and AsyncWriteStream, so async_read,
/// async_write, TLS streams and Beast work on it.
///
/// The descriptor is registered with the reactor at the first operation that has to wait, no sooner. Each operation
/// takes a completion token, runs its handler through the handler's executor (this one's, where it has none), never
/// inside the initiating call, and can be cancelled through its cancellation slot (all types: an operation that was
/// cancelled had no effect, but for connect). One read and one write may be under way at a time; else not thread-safe,
/// as Asio's. Destroying or closing it ends operations under way with operation_aborted.
template <class Executor = boost::asio::any_io_executor>
class basic_async_socket {
 public:
  using executor_type = Executor;
  using lowest_layer_type = basic_async_socket;
  using wait_type = boost::asio::socket_base::wait_type;
  /// Its type for another executor.
  template <class Other>
  struct rebind_executor {
    using other = basic_async_socket<Other>;
  };

  /// No socket yet: every operation gives EBADF.
  explicit basic_async_socket(const Executor& executor) : basic_async_socket(executor, socket()) {}
  /// Takes over the socket and sets its timeout to 0 (non-blocking).
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

  /// What Asio asks of an I/O object.
  executor_type get_executor() noexcept { return state_->get_executor(); }
  lowest_layer_type& lowest_layer() noexcept { return *this; }
  const lowest_layer_type& lowest_layer() const noexcept { return *this; }

  /// The socket, for all that does not wait: names, options, shutdown. Its timeout stays 0.
  socket& next_layer() noexcept { return state_->io; }
  const socket& next_layer() const noexcept { return state_->io; }
  bool is_open() const noexcept { return state_->io.is_open(); }

  /// Ends operations under way with operation_aborted.
  void cancel() {
    error_code ec;
    cancel(ec);
    detail::check(ec, "cancel");
  }
  void cancel(error_code& ec) { state_->cancel(ec); }
  /// The same, and closes the socket.
  void close() noexcept {
    error_code ignored;
    close(ignored);
  }
  void close(error_code& ec) noexcept {
    state_->unregister();
    state_->io.close(ec);
  }
  /// Ends operations under way and gives the socket back, with timeout 0.
  [[nodiscard]] socket release() noexcept {
    state_->unregister();
    return std::exchange(state_->io, socket());
  }

  /// Completes with (error_code) once the socket is ready to read or write, or has an error.
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

  /// Completes with (error_code, std::size_t). Of a stream: boost::asio::error::eof at its end.
  template <class Buffers, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_read_some(const Buffers& into, Token&& token = {}) {
    return async_receive(into, 0, std::forward<Token>(token));
  }
  /// The same with MSG_* flags.
  template <class Buffers, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_receive(const Buffers& into, int flags, Token&& token = {}) {
    return run<std::size_t>(
        wait_type::wait_read, 0,
        [into, flags](socket& s, std::size_t& n, error_code& ec) { n = receive(s, into, flags, nullptr, ec); }, token);
  }
  /// Completes with (error_code, std::size_t): bytes sent, less than asked is possible.
  template <class Buffers, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_write_some(const Buffers& data, Token&& token = {}) {
    return async_send(data, 0, std::forward<Token>(token));
  }
  /// The same with MSG_* flags.
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
  /// Completes with (error_code, std::size_t). `from`, which must live until then, becomes the sender's address.
  template <class Buffers, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_receive_from(const Buffers& into, address& from, Token&& token = {}) {
    return run<std::size_t>(
        wait_type::wait_read, 0,
        [into, &from](socket& s, std::size_t& n, error_code& ec) { n = receive(s, into, 0, &from, ec); }, token);
  }
  /// Completes with (error_code, std::size_t).
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

  /// Completes with (error_code, std::size_t): how many messages went, as socket::send_many. They must live until then,
  /// with all that they point to.
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
  /// Completes with (error_code, std::size_t): how many messages came, as socket::recv_many. They must live until then,
  /// with all that they point to.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_receive_many(std::span<incoming> messages, Token&& token = {}) {
    return run<std::size_t>(
        wait_type::wait_read, 0,
        [messages](socket& s, std::size_t& n, error_code& ec) { n = s.recv_many(messages, 0, ec); }, token);
  }

  /// Completes with (error_code, basic_async_socket): a connection, on this one's executor.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_accept(Token&& token = {}) {
    return run(
        wait_type::wait_read, basic_async_socket(get_executor()),
        [](socket& s, basic_async_socket& made, error_code& ec) {
          auto accepted = s.accept(ec);
          if (!ec) made = basic_async_socket(made.get_executor(), std::move(accepted));
        },
        token);
  }
  /// The same; `peer`, which must live until then, becomes the peer's address.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_accept(address& peer, Token&& token = {}) {
    return run(
        wait_type::wait_read, basic_async_socket(get_executor()),
        [&peer](socket& s, basic_async_socket& made, error_code& ec) {
          auto accepted = s.accept(peer, ec);
          if (!ec) made = basic_async_socket(made.get_executor(), std::move(accepted));
        },
        token);
  }

  /// Completes with (error_code). A connect that was cancelled goes on in the system: close the socket.
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
    const detail::gathered<mutable_bytes, Buffers> into(buffers);
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
    const detail::gathered<const_bytes, Buffers> data(buffers);
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

/// An acceptor that gives Asio's sockets, close-on-exec and of the registry's making. Rules as basic_async_socket's.
template <class Protocol = stream, class Executor = boost::asio::any_io_executor>
class basic_acceptor {
 public:
  using executor_type = Executor;
  using protocol_type = Protocol;
  using endpoint_type = address;
  using socket_type = typename Protocol::socket::template rebind_executor<Executor>::other;  ///< what accept gives
  /// Its type for another executor.
  template <class Other>
  struct rebind_executor {
    using other = basic_acceptor<Protocol, Other>;
  };

  /// On a socket that listens. EOPNOTSUPP for user-space families, whose sockets Asio's own can't hold:
  /// async_socket::async_accept serves those.
  basic_acceptor(const Executor& executor, socket listener) : listener_(executor, checked(std::move(listener))) {}
  /// On a server made at that address: create_server.
  basic_acceptor(const Executor& executor, const address& at, const server_options& options = {})
      : basic_acceptor(executor, create_server(at, options)) {}
  template <detail::execution_context Context>
  basic_acceptor(Context& context, socket listener)
      : basic_acceptor(Executor(context.get_executor()), std::move(listener)) {}
  template <detail::execution_context Context>
  basic_acceptor(Context& context, const address& at, const server_options& options = {})
      : basic_acceptor(Executor(context.get_executor()), at, options) {}

  /// The listening socket's: where its completions run, the socket itself, its address, and the ends of waiting.
  executor_type get_executor() noexcept { return listener_.get_executor(); }
  socket& next_layer() noexcept { return listener_.next_layer(); }
  address local_endpoint() const { return listener_.next_layer().getsockname(); }
  bool is_open() const noexcept { return listener_.is_open(); }
  void cancel() { listener_.cancel(); }
  void close() noexcept { listener_.close(); }

  /// Completes with (error_code, socket_type).
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
      socket_type made(executor);
      if (!ec) made = to_asio<Protocol>(accepted.release(), executor, ec);
      self.complete(ec, std::move(made));
    }
  };

  static socket checked(socket listener) {
    if (listener.in_user_space()) {
      error_code ec;
      detail::fail(ec, {EOPNOTSUPP, boost::system::system_category()},
                   "acceptor: a family in user space needs afplug::async_socket::async_accept");
      detail::raise(ec, "acceptor");
    }
    return listener;
  }

  basic_async_socket<Executor> listener_;
};
using acceptor = basic_acceptor<>;
using seq_packet_acceptor = basic_acceptor<seq_packet>;

}  // namespace afplug
