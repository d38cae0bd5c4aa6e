// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Integration with Boost.Asio; the only header that includes it.
//
// - afplug::to_asio converts a socket of a kernel family to Asio's own class, as
//   boost::asio::basic_stream_socket<afplug::stream>.
// - afplug::acceptor accepts such sockets, close-on-exec.
// - afplug::async_socket has Asio's asynchronous operations for sockets of every family, user-space families included.
// - afplug::as_error makes an operation throw afplug::error.
//
// Sockets that Asio opens or accepts by itself bypass the registry and are not close-on-exec: open them as
// afplug::socket and convert them.
//
// Errors. In the handler of an operation of async_socket or basic_acceptor last_detail() is the error text. With
// use_awaitable and use_future these operations throw afplug::error. Algorithms such as boost::asio::async_read, and
// Asio's own sockets, throw boost::system::system_error; with as_error(use_awaitable) they throw afplug::error.
#pragma once

#include <poll.h>

#include <afplug/connect.hpp>
#include <afplug/socket.hpp>
#include <afplug/trace.hpp>
#include <algorithm>
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/basic_seq_packet_socket.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/basic_resolver_query.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/wait_traits.hpp>
#include <chrono>
#include <concepts>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace boost::asio {
template <typename>
struct use_awaitable_t;
template <typename>
class use_future_t;
}  // namespace boost::asio

namespace afplug {

namespace detail {

/// `Protocol` as boost::asio::ip::basic_resolver_query uses it: a new endpoint has the protocol's type.
template <class Protocol>
class resolver_protocol : private Protocol {
 public:
  struct endpoint {
    resolver_protocol protocol() const { return Protocol(basic_protocol()); }
  };
  resolver_protocol(const Protocol& p) : Protocol(p) {}
  using Protocol::family;
  using Protocol::protocol;
  using Protocol::type;
};

template <class Context>
concept execution_context = requires(Context& c) {
  c.get_executor();
};

inline bool would_block(const error_code& ec) noexcept {
  return ec.category() == boost::system::system_category() && (ec.value() == EAGAIN || ec.value() == EWOULDBLOCK);
}

/// Whether `p` has the type of the class `Protocol`, and its family if it is a class of one family. If not,
/// sets `ec`; `call`: what was called.
template <class Protocol>
bool belongs_to(const basic_protocol& p, const char* call, error_code& ec) {
  const Protocol wanted;
  const auto type = p.asked_type().without_flags();
  if (type != 0 && type != wanted.type()) {
    fail(ec, errc::invalid_argument,
         std::string(call) + ": the type is " + type_text(type) + ", but this class is for " +
             type_text(socket_type(wanted.type())) +
             ": use the class of its type, of afplug::stream, datagram, seq_packet or raw");
    return false;
  }
  if (wanted.family() != AF_UNSPEC && p.family() != wanted.family()) {
    fail(ec, errc::invalid_argument,
         std::string(call) + ": the family's number is " + std::to_string(p.family()) + ", but this class is for " +
             std::to_string(wanted.family()) + ": use the class of its family, or of afplug::stream");
    return false;
  }
  return true;
}

/// The protocol as an object of Asio's class.
template <class Protocol>
Protocol protocol_of(const basic_protocol& p) {
  if constexpr (std::is_convertible_v<basic_protocol, Protocol>)
    return p;
  else
    return Protocol(p.protocol());
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

  explicit async_state(const Executor& executor) : readiness_(executor) {}
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

/// The error of an asynchronous operation.
struct async_error {
  error_code code;
  std::string text;
};
/// The error of the operation whose handler this thread is calling; null: none.
inline thread_local const async_error* completing = nullptr;

/// Sets `completing` and last_detail() while a handler is called.
class completion_scope {
 public:
  explicit completion_scope(const async_error& e) noexcept : outer_(std::exchange(completing, &e)) {
    error_code ignored;
    if (e.code) fail(ignored, e.code, e.text);
  }
  ~completion_scope() { completing = outer_; }
  completion_scope(const completion_scope&) = delete;
  completion_scope& operator=(const completion_scope&) = delete;

 private:
  const async_error* outer_;
};

/// The error text of a connect that failed after it was started; empty if memory is exhausted.
inline std::string connect_text(const address& to, const error_code& ec) noexcept try {
  return "async_connect to " + to.to_string() + ": " + ec.message();
} catch (const std::bad_alloc&) {
  return {};
}

/// What the operations of a basic_async_socket share.
template <class Executor>
class async_operation {
 public:
  using state_type = async_state<Executor>;

 protected:
  enum class stage { starting, waiting, done };

  /// `name` is the operation's, for error texts: "async_receive".
  async_operation(std::shared_ptr<state_type> state, const char* name) : state_(std::move(state)), name_(name) {}

  /// Whether calls of the socket return at once. If not, sets `ec`.
  bool is_non_blocking(error_code& ec) const {
    if (!state_->io.is_open() || !state_->io.blocking()) return true;
    fail(ec, errc::invalid_argument,
         std::string(name_) +
             ": the timeout of an async_socket's next_layer() has been changed: set it to 0 again, and limit an "
             "operation's time with a timer that cancels it");
    return false;
  }
  /// Copies the error text of a failed call, which the next call in this thread overwrites. `to`: an address to name.
  void keep_text(const error_code& ec, const address* to = nullptr) noexcept try {
    if (ec) text_ = to ? connect_text(*to, ec) : error_text(ec, name_);
  } catch (const std::bad_alloc&) {
    text_.clear();
  }

  /// Completes outside the initiating function: the operation is called again in the stage `done`.
  template <class Self>
  void post(Self& self, const error_code& ec) {
    stage_ = stage::done;
    const auto executor = state_->get_executor();
    boost::asio::post(executor, boost::asio::append(std::move(self), ec));
  }
  template <class Self, class... Results>
  void complete(Self& self, const error_code& ec, Results&&... results) {
    state_.reset();
    if (ec && text_.empty()) text_ = plain_text(ec);
    const async_error e{ec, std::move(text_)};
    const completion_scope scope(e);
    self.complete(ec, std::forward<Results>(results)...);
  }

  std::shared_ptr<state_type> state_;
  const char* name_;
  stage stage_ = stage::starting;

 private:
  std::string plain_text(const error_code& ec) const noexcept try {
    return std::string(name_) + ": " + ec.message();
  } catch (const std::bad_alloc&) {
    return {};
  }

  std::string text_;
};

/// Returns null for no error; else an afplug::error, with the operation's error text if this thread is calling the
/// handler of an operation that failed with `ec`.
inline std::exception_ptr async_exception(const error_code& ec) {
  if (!ec) return nullptr;
  const bool has_text = completing && completing->code == ec && !completing->text.empty();
  return std::make_exception_ptr(error(ec, has_text ? completing->text : ec.message()));
}

/// The handler of as_error_t: passes an exception_ptr instead of an error_code.
template <class Handler>
struct as_error_handler {
  template <class... Results>
  void operator()(const error_code& ec, Results&&... results) {
    std::move(handler)(async_exception(ec), std::forward<Results>(results)...);
  }
  Handler handler;
};

template <class Token>
inline constexpr bool throws_error_codes = false;
template <class Executor>
inline constexpr bool throws_error_codes<boost::asio::use_awaitable_t<Executor>> = true;
template <class Allocator>
inline constexpr bool throws_error_codes<boost::asio::use_future_t<Allocator>> = true;

/// A composed operation that makes an attempt, and repeats it after waiting for readiness for as long as it would
/// block. Completes with (error_code, Result).
template <class Executor, class Result, class Attempt>
class when_ready : private async_operation<Executor> {
  using base = async_operation<Executor>;
  using typename base::stage;

 public:
  using typename base::state_type;
  when_ready(std::shared_ptr<state_type> state, const char* name, typename state_type::wait_type what, Result none,
             Attempt attempt)
      : base(std::move(state), name), what_(what), result_(std::move(none)), attempt_(std::move(attempt)) {}

  template <class Self>
  void operator()(Self& self, error_code ec = {}) {
    const auto now = std::exchange(this->stage_, stage::waiting);
    if (now == stage::done) return finish(self, ec);
    if (now == stage::starting)
      self.reset_cancellation_state(boost::asio::enable_total_cancellation());
    else if (!ec && (self.cancelled() != boost::asio::cancellation_type::none || !this->state_->io.is_open()))
      ec = boost::asio::error::operation_aborted;
    if (!ec) {
      if (this->is_non_blocking(ec)) attempt_(this->state_->io, result_, ec);
      if (would_block(ec)) return retry_when_ready(self, now == stage::waiting);
      this->keep_text(ec);
    }
    if (now == stage::starting)
      this->post(self, ec);
    else
      finish(self, ec);
  }

 private:
  template <class Self>
  void retry_when_ready(Self& self, bool spurious_wakeup) {
    const auto state = this->state_;
    const auto what = what_;
    if (spurious_wakeup)
      state->wait_after_spurious_wakeup(what, spurious_wakeups_++, std::move(self));
    else
      state->wait(what, std::move(self));
  }
  template <class Self>
  void finish(Self& self, const error_code& ec) {
    Result result = std::move(result_);
    this->complete(self, ec, std::move(result));
  }

  typename state_type::wait_type what_;
  Result result_;
  Attempt attempt_;
  unsigned spurious_wakeups_ = 0;
};

/// A composed operation that waits until the socket is ready. Completes with (error_code).
template <class Executor>
class readiness_wait : private async_operation<Executor> {
  using base = async_operation<Executor>;
  using typename base::stage;

 public:
  using typename base::state_type;
  readiness_wait(std::shared_ptr<state_type> state, typename state_type::wait_type what)
      : base(std::move(state), "async_wait"), what_(what) {}

  template <class Self>
  void operator()(Self& self, error_code ec = {}) {
    if (std::exchange(this->stage_, stage::waiting) != stage::starting) return this->complete(self, ec);
    self.reset_cancellation_state(boost::asio::enable_total_cancellation());
    const auto state = this->state_;
    const auto what = what_;
    state->wait(what, std::move(self));
  }

 private:
  typename state_type::wait_type what_;
};

/// A composed operation that starts a connect and waits while it is in progress. Completes with (error_code).
template <class Executor>
class when_connected : private async_operation<Executor> {
  using base = async_operation<Executor>;
  using typename base::stage;

 public:
  using typename base::state_type;
  when_connected(std::shared_ptr<state_type> state, const address& to)
      : base(std::move(state), "async_connect"), to_(to) {}

  template <class Self>
  void operator()(Self& self, error_code ec = {}) {
    const auto now = std::exchange(this->stage_, stage::waiting);
    if (now == stage::done) return this->complete(self, ec);
    auto& io = this->state_->io;
    if (now == stage::starting) {
      self.reset_cancellation_state(boost::asio::enable_total_cancellation());
      if (this->is_non_blocking(ec)) io.connect(to_, ec);
      if (ec != boost::asio::error::in_progress) {
        this->keep_text(ec);
        return this->post(self, ec);
      }
    } else {
      if (!ec && (self.cancelled() != boost::asio::cancellation_type::none || !io.is_open()))
        ec = boost::asio::error::operation_aborted;
      if (!ec) {
        io.connect_result(ec);
        if (ec != boost::asio::error::already_started) this->keep_text(ec, &to_);
      }
      if (ec != boost::asio::error::already_started) return this->complete(self, ec);
    }
    const auto state = this->state_;
    state->wait(boost::asio::socket_base::wait_write, std::move(self));
  }

 private:
  address to_;
};

}  // namespace detail

/// A completion token that wraps another one; see as_error().
template <class Token>
struct as_error_t {
  Token token;
};
/// Adapts a completion token: the operation completes with a std::exception_ptr instead of its error_code, so that
/// use_awaitable and use_future throw afplug::error. what() is the error text that the failed operation of an
/// async_socket left; for other operations, as those of Asio's own sockets, the error code's message. The operations of
/// async_socket and basic_acceptor do this by themselves for use_awaitable and use_future; Asio's algorithms need it:
/// `co_await boost::asio::async_read(socket, buffer, afplug::as_error(use_awaitable))`.
template <class Token>
constexpr as_error_t<std::decay_t<Token>> as_error(Token&& token) {
  return {std::forward<Token>(token)};
}

namespace detail {
/// async_compose, with as_error() around tokens that throw error codes.
template <class Signature, class Operation, class Token, class Executor>
auto compose(Operation&& operation, Token& token, const Executor& executor) {
  if constexpr (throws_error_codes<std::remove_cv_t<Token>>) {
    auto adapted = as_error(token);
    return boost::asio::async_compose<decltype(adapted), Signature>(std::forward<Operation>(operation), adapted,
                                                                    executor);
  } else {
    return boost::asio::async_compose<Token, Signature>(std::forward<Operation>(operation), token, executor);
  }
}

/// A socket option that reads the protocol that Asio keeps in a socket or acceptor, which it passes to each option. No
/// system call: Asio keeps the value of this option, too.
class kept_protocol : public boost::asio::socket_base::enable_connection_aborted {
 public:
  template <class Protocol>
  int level(const Protocol& p) {
    protocol_ = p;
    return boost::asio::socket_base::enable_connection_aborted::level(p);
  }
  template <class AsioObject>
  static basic_protocol of(const AsioObject& object) {
    kept_protocol option;
    error_code ignored;
    object.get_option(option, ignored);
    return option.protocol_;
  }

 private:
  basic_protocol protocol_;
};
}  // namespace detail

/// One of Asio's socket or acceptor classes, whose addresses have the protocol of the socket (family, type, protocol).
/// Asio fills in the bytes of an address only, whose meaning may depend on the protocol.
/// afplug::stream::socket, stream::acceptor, datagram::socket, … are such classes. All other members are Asio's.
///
/// A protocol of another type than the class's cannot be opened: open(), connect() and async_connect() fail with
/// errc::invalid_argument and a text. Where Asio opens the socket (constructors, boost::asio::async_connect) the error
/// is EINVAL.
template <class AsioObject>
class with_protocol : public AsioObject {
 public:
  using typename AsioObject::endpoint_type;
  using typename AsioObject::executor_type;
  using typename AsioObject::protocol_type;
  /// Rebinds the type to another executor.
  template <class Other>
  struct rebind_executor {
    using other = with_protocol<typename AsioObject::template rebind_executor<Other>::other>;
  };

  using AsioObject::AsioObject;
  /// Takes over a socket of Asio's class.
  with_protocol(AsioObject&& other) : AsioObject(std::move(other)) {}

  /// The protocol that it was opened with; protocol_type() before.
  protocol_type protocol() const { return detail::kept_protocol::of(*this); }

  /// As Asio's members; the addresses have protocol(). receive_from, async_receive_from, accept and async_accept have
  /// all overloads that Asio's class has.
  endpoint_type local_endpoint() const { return filled(AsioObject::local_endpoint()); }
  endpoint_type local_endpoint(error_code& ec) const { return filled(AsioObject::local_endpoint(ec)); }
  template <class... Ec>
  endpoint_type remote_endpoint(Ec&... ec) const {
    return filled(AsioObject::remote_endpoint(ec...));
  }
  template <class Object = AsioObject, class... Args>
  auto receive_from(Args&&... args) -> decltype(std::declval<Object&>().receive_from(std::forward<Args>(args)...)) {
    (set_protocol(args), ...);
    return AsioObject::receive_from(std::forward<Args>(args)...);
  }
  template <class Object = AsioObject, class... Args>
  auto async_receive_from(Args&&... args)
      -> decltype(std::declval<Object&>().async_receive_from(std::forward<Args>(args)...)) {
    (set_protocol(args), ...);
    return AsioObject::async_receive_from(std::forward<Args>(args)...);
  }
  template <class Object = AsioObject, class... Args>
  auto accept(Args&&... args) -> decltype(std::declval<Object&>().accept(std::forward<Args>(args)...)) {
    (set_protocol(args), ...);
    return AsioObject::accept(std::forward<Args>(args)...);
  }
  template <class Object = AsioObject, class... Args>
  auto async_accept(Args&&... args) -> decltype(std::declval<Object&>().async_accept(std::forward<Args>(args)...)) {
    (set_protocol(args), ...);
    return AsioObject::async_accept(std::forward<Args>(args)...);
  }

  /// As Asio's members. A protocol of another type is errc::invalid_argument.
  void open(const protocol_type& p = protocol_type()) {
    error_code ec;
    open(p, ec);
    detail::check(ec, "open");
  }
  void open(const protocol_type& p, error_code& ec) {
    if (detail::belongs_to<protocol_type>(p, "open", ec)) AsioObject::open(p, ec);
  }
  void connect(const endpoint_type& to) {
    error_code ec;
    connect(to, ec);
    detail::check(ec, "connect");
  }
  void connect(const endpoint_type& to, error_code& ec) {
    if (this->is_open() || detail::belongs_to<protocol_type>(to.protocol(), "connect", ec)) AsioObject::connect(to, ec);
  }
  /// As connect. Completes with (error_code); errors as those of async_socket.
  template <class Token = boost::asio::default_completion_token_t<executor_type>>
  auto async_connect(const endpoint_type& to, Token&& token = {}) {
    return detail::compose<void(error_code)>(connect_operation{this, to}, token, this->get_executor());
  }

 private:
  struct connect_operation {
    with_protocol* socket;
    endpoint_type to;
    detail::async_error failure{};
    bool started = false;

    template <class Self>
    void operator()(Self& self, error_code ec = {}) {
      if (!std::exchange(started, true)) {
        self.reset_cancellation_state(boost::asio::enable_total_cancellation());
        const auto s = socket;
        const auto destination = to;
        if (s->is_open() || detail::belongs_to<protocol_type>(to.protocol(), "async_connect", failure.code))
          return s->AsioObject::async_connect(destination, std::move(self));
        failure.text = last_detail();
        return boost::asio::post(s->get_executor(), std::move(self));
      }
      if (!failure.code) failure = {ec, ec ? detail::connect_text(to, ec) : std::string()};
      const auto e = std::move(failure);
      const detail::completion_scope scope(e);
      self.complete(e.code);
    }
  };

  endpoint_type filled(endpoint_type a) const {
    set_protocol(a);
    return a;
  }
  // Asio sets the bytes and the length of an address and leaves its protocol.
  void set_protocol(address& a) const { a.protocol(protocol()); }
  template <class Other>
  void set_protocol(const Other&) const {}
};

/// Converts a socket of a kernel family to Asio's class: `to_asio<afplug::stream>(std::move(socket), executor)` returns
/// an afplug::stream::socket (of that executor), a basic_stream_socket<afplug::stream>; likewise datagram, seq_packet,
/// raw and the typed protocols of one family, which the families' headers have. Close-on-exec stays set. Errors:
/// errc::invalid_argument if the socket is of another type or family; EOPNOTSUPP for user-space families (use
/// async_socket); those of Asio's assign(). On an error the caller keeps the socket.
template <class Protocol = stream, class Executor>
typename Protocol::socket::template rebind_executor<Executor>::other to_asio(socket&& s, const Executor& executor,
                                                                             error_code& ec) {
  typename Protocol::socket::template rebind_executor<Executor>::other result(executor);
  if (s.in_user_space()) {
    detail::fail(ec, {EOPNOTSUPP, boost::system::system_category()},
                 "to_asio: Asio's sockets cannot hold a socket of a user-space family: use afplug::async_socket");
    return result;
  }
  if (s.is_open() && !detail::belongs_to<Protocol>(s.what(), "to_asio", ec)) return result;
  result.assign(detail::protocol_of<Protocol>(s.what()), s.native_handle(), ec);
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
/// not, as with Asio's sockets. Destroying or closing it completes outstanding operations with operation_aborted. A
/// moved-from object has no socket: it can be used as if it was constructed with its executor.
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
  basic_async_socket(const Executor& executor, socket s) : executor_(executor) {
    auto& io = state().io;
    if (s.is_open()) s.timeout(std::chrono::nanoseconds(0));
    io = std::move(s);
  }
  template <detail::execution_context Context>
  explicit basic_async_socket(Context& context) : basic_async_socket(Executor(context.get_executor())) {}
  template <detail::execution_context Context>
  basic_async_socket(Context& context, socket s) : basic_async_socket(Executor(context.get_executor()), std::move(s)) {}

  /// `other` keeps its executor, and has no socket then.
  basic_async_socket(basic_async_socket&& other) noexcept
      // NOLINTNEXTLINE(performance-move-constructor-init): `other` keeps its executor
      : executor_(other.executor_), state_(std::exchange(other.state_, nullptr)) {}
  /// Closes this socket first, which completes its outstanding operations with operation_aborted.
  basic_async_socket& operator=(basic_async_socket&& other) noexcept {
    if (this == &other) return *this;
    close();
    executor_ = other.executor_;
    state_ = std::exchange(other.state_, nullptr);
    return *this;
  }
  ~basic_async_socket() { close(); }

  /// Required of Asio's I/O objects.
  executor_type get_executor() noexcept { return executor_; }
  lowest_layer_type& lowest_layer() noexcept { return *this; }
  const lowest_layer_type& lowest_layer() const noexcept { return *this; }

  /// The socket, for calls that do not wait: addresses, options, shutdown. Its timeout must stay 0: with another one
  /// all operations fail with errc::invalid_argument, since a call would block the executor's thread. To limit the time
  /// of an operation cancel it by a timer.
  socket& next_layer() { return state().io; }
  const socket& next_layer() const { return state().io; }
  bool is_open() const noexcept { return state_ && state_->io.is_open(); }

  /// Completes outstanding operations with operation_aborted.
  void cancel() {
    error_code ec;
    cancel(ec);
    detail::check(ec, "cancel");
  }
  void cancel(error_code& ec) {
    ec.clear();
    if (state_) state_->cancel(ec);
  }
  /// Completes outstanding operations with operation_aborted and closes the socket.
  void close() noexcept {
    error_code ignored;
    close(ignored);
  }
  void close(error_code& ec) noexcept {
    ec.clear();
    if (!state_) return;
    state_->unregister();
    state_->io.close(ec);
  }
  /// Completes outstanding operations with operation_aborted and returns the socket, with timeout 0.
  [[nodiscard]] socket release() noexcept {
    if (!state_) return {};
    state_->unregister();
    return std::exchange(state_->io, socket());
  }

  /// Waits until the socket is ready to read or write, or has an error. Completes with (error_code).
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_wait(wait_type what, Token&& token = {}) {
    return detail::compose<void(error_code)>(detail::readiness_wait<Executor>(shared_state(), what), token, executor_);
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
        "async_receive", wait_type::wait_read, 0,
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
        "async_send", wait_type::wait_write, 0,
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
        "async_receive_from", wait_type::wait_read, 0,
        [into, &from](socket& s, std::size_t& n, error_code& ec) { n = receive(s, into, 0, &from, ec); }, token);
  }
  /// Sends a message to an address. Completes with (error_code, std::size_t bytes).
  template <class Buffers, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_send_to(const Buffers& data, const address& to, Token&& token = {}) {
    return run<std::size_t>(
        "async_send_to", wait_type::wait_write, 0,
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
        "async_send_many", wait_type::wait_write, 0,
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
        "async_receive_many", wait_type::wait_read, 0,
        [messages](socket& s, std::size_t& n, error_code& ec) { n = s.recv_many(messages, 0, ec); }, token);
  }

  /// Accepts a connection. Completes with (error_code, basic_async_socket), which has this socket's executor.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_accept(Token&& token = {}) {
    return run(
        "async_accept", wait_type::wait_read, basic_async_socket(executor_),
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
        "async_accept", wait_type::wait_read, basic_async_socket(executor_),
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
    return detail::compose<void(error_code)>(detail::when_connected<Executor>(shared_state(), to), token, executor_);
  }

 private:
  template <class Result, class Attempt, class Token>
  auto run(const char* name, wait_type what, Result none, Attempt attempt, Token& token) {
    return detail::compose<void(error_code, Result)>(
        detail::when_ready<Executor, Result, Attempt>(shared_state(), name, what, std::move(none), std::move(attempt)),
        token, executor_);
  }
  const std::shared_ptr<detail::async_state<Executor>>& shared_state() const {
    if (!state_) state_ = std::make_shared<detail::async_state<Executor>>(executor_);
    return state_;
  }
  detail::async_state<Executor>& state() const { return *shared_state(); }

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

  Executor executor_;
  mutable std::shared_ptr<detail::async_state<Executor>> state_;  // null: moved from, until it is used
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

  /// Takes ownership of a listening socket. Throws errc::invalid_argument for a socket of another type than
  /// Protocol's, EOPNOTSUPP for user-space families, whose sockets Asio's classes cannot hold: use
  /// async_socket::async_accept. On an error the caller keeps the socket.
  basic_acceptor(const Executor& executor, socket&& listener)
      : listener_(executor, require_acceptable(std::move(listener))) {}
  /// Listens at an address: create_server. An address without a type gets Protocol's.
  basic_acceptor(const Executor& executor, const address& at, const server_options& options = {})
      : basic_acceptor(executor, create_server(with_type(at), options)) {}
  template <detail::execution_context Context>
  basic_acceptor(Context& context, socket&& listener)
      : basic_acceptor(Executor(context.get_executor()), std::move(listener)) {}
  template <detail::execution_context Context>
  basic_acceptor(Context& context, const address& at, const server_options& options = {})
      : basic_acceptor(Executor(context.get_executor()), at, options) {}

  /// As the members of basic_async_socket, for the listening socket.
  executor_type get_executor() noexcept { return listener_.get_executor(); }
  socket& next_layer() { return listener_.next_layer(); }
  address local_endpoint() const { return listener_.next_layer().getsockname(); }
  address local_endpoint(error_code& ec) const { return listener_.next_layer().getsockname(ec); }
  bool is_open() const noexcept { return listener_.is_open(); }
  void cancel() { listener_.cancel(); }
  void cancel(error_code& ec) { listener_.cancel(ec); }
  void close() noexcept { listener_.close(); }
  void close(error_code& ec) noexcept { listener_.close(ec); }

  /// Accepts a connection. Completes with (error_code, socket_type).
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_accept(Token&& token = {}) {
    return detail::compose<void(error_code, socket_type)>(accept_op{&listener_, get_executor()}, token, get_executor());
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
      if (ec) return self.complete(ec, std::move(result));
      result = to_asio<Protocol>(accepted.release(), executor, ec);
      const detail::async_error e{ec, ec ? detail::error_text(ec, "async_accept") : std::string()};
      const detail::completion_scope scope(e);
      self.complete(ec, std::move(result));
    }
  };

  static void require_type(const basic_protocol& p) {
    error_code ec;
    if (!detail::belongs_to<Protocol>(p, "acceptor", ec)) detail::raise(ec, "acceptor");
  }
  static socket&& require_acceptable(socket&& listener) {
    if (listener.in_user_space()) {
      error_code ec;
      detail::fail(ec, {EOPNOTSUPP, boost::system::system_category()},
                   "acceptor: Asio's sockets cannot hold a socket of a user-space family: use afplug::async_socket");
      detail::raise(ec, "acceptor");
    }
    require_type(listener.what());
    return std::move(listener);
  }
  static address with_type(address at) {
    require_type(at.protocol());
    at.protocol(at.protocol().with_type(afplug::socket_type(Protocol().type())));
    return at;
  }

  basic_async_socket<Executor> listener_;
};
using acceptor = basic_acceptor<>;
using seq_packet_acceptor = basic_acceptor<seq_packet>;

}  // namespace afplug

// Asio's customisation points.
namespace boost::asio {

/// Starts the operation with the adapted token.
template <class Token, class... Results>
class async_result<afplug::as_error_t<Token>, void(boost::system::error_code, Results...)> {
 public:
  template <class Initiation, class AsError, class... Args>
  static auto initiate(Initiation&& initiation, AsError&& adapted, Args&&... args) {
    return async_initiate<Token, void(std::exception_ptr, Results...)>(
        [start = std::forward<Initiation>(initiation)](auto&& handler, auto&&... rest) mutable {
          using handler_type = std::decay_t<decltype(handler)>;
          std::move(start)(afplug::detail::as_error_handler<handler_type>{std::forward<decltype(handler)>(handler)},
                           std::forward<decltype(rest)>(rest)...);
        },
        adapted.token, std::forward<Args>(args)...);
  }
};

/// The handler's own executor, allocator and cancellation slot.
template <template <typename, typename> class Associator, class Handler, class Default>
struct associator<Associator, afplug::detail::as_error_handler<Handler>, Default> : Associator<Handler, Default> {
  static auto get(const afplug::detail::as_error_handler<Handler>& h) noexcept {
    return Associator<Handler, Default>::get(h.handler);
  }
  static auto get(const afplug::detail::as_error_handler<Handler>& h, const Default& d) noexcept {
    return Associator<Handler, Default>::get(h.handler, d);
  }
};

namespace ip {
/// The hints of basic_resolver<afplug::stream>. Asio takes them from `Protocol::endpoint().protocol()`, and an
/// afplug::address that is empty has no type: each address would come once for each type.
template <std::derived_from<afplug::basic_protocol> Protocol>
class basic_resolver_query<Protocol> : public basic_resolver_query<afplug::detail::resolver_protocol<Protocol>> {
 public:
  using protocol_type = Protocol;
  using basic_resolver_query<afplug::detail::resolver_protocol<Protocol>>::basic_resolver_query;
};
}  // namespace ip

}  // namespace boost::asio
