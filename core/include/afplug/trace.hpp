// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Trace points: what Python's audit events are for its socket module (PARITY §1.5). A program hears of what is about to
// be done, and may forbid it.
#pragma once

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <string_view>

namespace afplug {

class address;
class socket;

/// What is about to be done. In brackets: Python's event.
enum class trace_event {
  socket,   ///< socket::open and the constructors, pair, adopt, fromfd [socket.__new__]; not accept and dup, which make
            ///< more of the same
  bind,     ///< [socket.bind]
  connect,  ///< connect, connect_ex, each attempt of create_connection [socket.connect]
  sendto,   ///< [socket.sendto]
  sendmsg,  ///< sendmsg, send_fds, send_many (each message), async_send_to and all that gathers buffers
            ///< [socket.sendmsg]
  getaddrinfo,    ///< also those of create_connection and of connect by name [socket.getaddrinfo]
  getnameinfo,    ///< [socket.getnameinfo]
  gethostbyname,  ///< gethostbyname, gethostbyname_ex [socket.gethostbyname]
  gethostbyaddr,  ///< gethostbyaddr, getfqdn [socket.gethostbyaddr]
  gethostname,    ///< [socket.gethostname]
  sethostname,    ///< [socket.sethostname]
  getservbyname,  ///< [socket.getservbyname]
  getservbyport   ///< [socket.getservbyport]
};

/// Its name, as Python's event but for the first: "socket.new", "socket.bind", …
AFPLUG_API std::string_view trace_name(trace_event event) noexcept;

/// One call. What an event has not is empty; all views and pointers end with the call of the hook.
struct trace_point {
  trace_event event;                       ///< what
  const afplug::socket* on = nullptr;      ///< bind, connect, sendto, sendmsg
  const afplug::address* where = nullptr;  ///< bind, connect, sendto, getnameinfo; sendmsg, where it was given one
  std::string_view
      name{};  ///< getaddrinfo, gethostby…: the host; getservbyname: the service; sethostname: the new name
  std::string_view service{};  ///< getaddrinfo: the service; getservby…: the protocol
  int family = 0;              ///< socket, getaddrinfo: as asked; −1: to be found out
  int type = 0;                ///< likewise, SOCK_NONBLOCK included
  int protocol = 0;            ///< likewise
  int port = 0;                ///< getservbyport
};

/// Hears of calls.
struct trace_hook {
  /// Called in the thread of each call, before it, several at once. An error code forbids the call, which fails with
  /// it; none lets it go on. May throw: the exception leaves the call. What it calls of afplug's own is not traced.
  error_code (*called)(const trace_point& point, void* context);
  void* context;  ///< handed to it
};

/// Sets the process's hook and returns the one before; null: none. `hook` must live until it is replaced and every call
/// under way has ended. Any thread may call it. While there is none a traced call costs one load more; send and recv
/// are not traced.
AFPLUG_API const trace_hook* set_trace(const trace_hook* hook) noexcept;

namespace detail {
/// While it lives, and `on` was true, this thread's calls are not traced: the further attempts of one call.
class untraced {
 public:
  explicit untraced(bool on = true) noexcept : on_(on) {
    if (on_) enter();
  }
  ~untraced() {
    if (on_) leave();
  }
  untraced(const untraced&) = delete;
  untraced& operator=(const untraced&) = delete;

 private:
  AFPLUG_API static void enter() noexcept;
  AFPLUG_API static void leave() noexcept;
  bool on_;
};
}  // namespace detail

}  // namespace afplug
