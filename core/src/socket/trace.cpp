// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "trace.hpp"

#include <string>

namespace afplug {
namespace {

thread_local unsigned suppressed = 0;

constexpr std::string_view names[] = {
    "socket.new",         "socket.bind",          "socket.connect",       "socket.sendto",        "socket.sendmsg",
    "socket.getaddrinfo", "socket.getnameinfo",   "socket.gethostbyname", "socket.gethostbyaddr", "socket.gethostname",
    "socket.sethostname", "socket.getservbyname", "socket.getservbyport",
};
static_assert(std::size(names) == static_cast<std::size_t>(trace_event::getservbyport) + 1);

}  // namespace

std::string_view to_string(trace_event event) noexcept {
  const auto at = static_cast<std::size_t>(event);
  return at < std::size(names) ? names[at] : std::string_view();
}

const trace_hook* set_trace_hook(const trace_hook* hook) noexcept {
  return detail::current_trace.exchange(hook, std::memory_order_acq_rel);
}

namespace detail {

std::atomic<const trace_hook*> current_trace{nullptr};

void suppress_trace::enter() noexcept { ++suppressed; }
void suppress_trace::leave() noexcept { --suppressed; }

bool call_trace_hook(const trace_point& point, error_code& ec) {
  const auto* hook = current_trace.load(std::memory_order_acquire);
  if (!hook || suppressed != 0) return true;
  const suppress_trace inside;
  const auto answer = hook->called(point, hook->context);
  if (!answer) return true;
  fail(ec, answer, std::string(to_string(point.event)) + ": refused by the program's trace hook: " + answer.message());
  return false;
}

}  // namespace detail
}  // namespace afplug
