// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Trace points: a program's hook is called before sockets are made, bound, connected and so on, and can refuse the
// call. The events are those that Python's socket module raises for sys.addaudithook().
#pragma once

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <string_view>

namespace afplug {

class address;
class socket;

/// A call that is about to be made. In brackets: the name of Python's audit event.
enum class trace_event {
  socket,         ///< socket::open and the constructors, pair, adopt, fromfd [socket.__new__]; not accept and dup
  bind,           ///< [socket.bind]
  connect,        ///< connect, connect_ex, each attempt of create_connection [socket.connect]
  sendto,         ///< [socket.sendto]
  sendmsg,        ///< sendmsg, send_fds, each message of send_many, async_send_to, any gathering send [socket.sendmsg]
  getaddrinfo,    ///< also those that create_connection and connect by name make [socket.getaddrinfo]
  getnameinfo,    ///< [socket.getnameinfo]
  gethostbyname,  ///< gethostbyname, gethostbyname_ex [socket.gethostbyname]
  gethostbyaddr,  ///< gethostbyaddr, getfqdn [socket.gethostbyaddr]
  gethostname,    ///< [socket.gethostname]
  sethostname,    ///< [socket.sethostname]
  getservbyname,  ///< [socket.getservbyname]
  getservbyport   ///< [socket.getservbyport]
};

/// The name of Python's event ("socket.bind"); "socket.new" for trace_event::socket; empty for a value that is none.
AFPLUG_API std::string_view to_string(trace_event event) noexcept;

/// One call, as the hook receives it. Members that an event does not use are empty or 0. Views and pointers are valid
/// until the hook returns.
struct trace_point {
  trace_event event;
  const afplug::socket* socket = nullptr;    ///< of bind, connect, sendto, sendmsg
  const afplug::address* address = nullptr;  ///< of bind, connect, sendto, getnameinfo; of sendmsg if it has one
  /// The host for getaddrinfo and gethostby…, the service for getservbyname, the new name for sethostname.
  std::string_view name{};
  std::string_view service{};  ///< the service for getaddrinfo; the protocol ("tcp") for getservby…
  int family = 0;    ///< AF_* of socket and getaddrinfo, as requested; −1: to be detected from the descriptor
  int type = 0;      ///< SOCK_*, likewise, SOCK_NONBLOCK included
  int protocol = 0;  ///< likewise
  int port = 0;      ///< of getservbyport, in host byte order
};

/// A hook that is called before each traced call.
struct trace_hook {
  /// Called in the thread that makes the call, by several threads at once. Returns no error to let the call proceed;
  /// any other error code makes the call fail with it. May throw: the exception propagates to the caller. Calls to
  /// afplug from within the hook are not traced.
  error_code (*called)(const trace_point& point, void* context);
  void* context;  ///< passed to `called`
};

/// Sets the process-wide hook and returns the previous one; null: none. `hook` must stay valid until it has been
/// replaced and all calls in progress have returned. Any thread may call it. Without a hook a traced call costs one
/// atomic load; send and recv are not traced.
AFPLUG_API const trace_hook* set_trace_hook(const trace_hook* hook) noexcept;

namespace detail {
/// Turns tracing off in this thread for its lifetime, if `on`. Used for the retries and inner calls of a traced call.
class suppress_trace {
 public:
  explicit suppress_trace(bool on = true) noexcept : on_(on) {
    if (on_) enter();
  }
  ~suppress_trace() {
    if (on_) leave();
  }
  suppress_trace(const suppress_trace&) = delete;
  suppress_trace& operator=(const suppress_trace&) = delete;

 private:
  AFPLUG_API static void enter() noexcept;
  AFPLUG_API static void leave() noexcept;
  bool on_;
};
}  // namespace detail

}  // namespace afplug
