// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// getaddrinfo, with a limit of time, and getnameinfo.
#include <afplug/resolver.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <clocale>
#include <csignal>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "io_wait.hpp"
#include "throwing.hpp"
#include "trace.hpp"
#include "utf8.hpp"

namespace afplug {
namespace {

using detail::throwing;

struct free_list {
  void operator()(::addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};
using answer_list = std::unique_ptr<::addrinfo, free_list>;

struct question {
  std::string host, service;
  ::addrinfo hints;
};

struct answer {
  int gai = 0;
  int error = 0;  // errno, with EAI_SYSTEM
  answer_list list;
};

bool is_ascii(std::string_view text) noexcept {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

// The C library reads a name for AI_IDN in the locale's encoding: in this thread that is UTF-8 for as long as this
// lives.
class utf8_locale {
 public:
  utf8_locale() noexcept : mine_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (mine_) before_ = ::uselocale(mine_);
  }
  ~utf8_locale() {
    if (!mine_) return;
    ::uselocale(before_);
    ::freelocale(mine_);
  }
  utf8_locale(const utf8_locale&) = delete;
  utf8_locale& operator=(const utf8_locale&) = delete;

 private:
  ::locale_t mine_;
  ::locale_t before_ = nullptr;
};

answer ask(const question& q) {
  std::optional<utf8_locale> locale;
  auto hints = q.hints;
  if (!is_ascii(q.host)) {
    locale.emplace();
    hints.ai_flags |= AI_IDN;
  }
  answer a;
  ::addrinfo* list = nullptr;
  a.gai = ::getaddrinfo(q.host.empty() ? nullptr : q.host.c_str(), q.service.empty() ? nullptr : q.service.c_str(),
                        &hints, &list);
  a.error = errno;
  if (a.gai == 0) a.list.reset(list);
  return a;
}

// What the asking thread and the one that looks up share; whoever is last frees it.
struct errand {
  explicit errand(question asked) : q(std::move(asked)) {}

  question q;
  std::mutex lock;
  int done = -1;  // eventfd of the asking thread; -1: it has gone
  answer a;
};

// The asking thread's end of an errand.
class waiter {
 public:
  explicit waiter(std::shared_ptr<errand> e) : e_(std::move(e)) { e_->done = ::eventfd(0, EFD_CLOEXEC); }
  ~waiter() {
    const std::lock_guard hold(e_->lock);
    if (e_->done >= 0) ::close(std::exchange(e_->done, -1));
  }
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

 private:
  std::shared_ptr<errand> e_;
};

void run_errand(const std::shared_ptr<errand>& e) {
  auto a = ask(e->q);
  const std::lock_guard hold(e->lock);
  e->a = std::move(a);
  if (e->done >= 0) ::eventfd_write(e->done, 1);
}

// The program's signal handlers run in the program's threads.
bool send_out(const std::shared_ptr<errand>& e, error_code& ec) {
  ::sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  try {
    std::thread([e] { run_errand(e); }).detach();
  } catch (const std::system_error& failure) {
    error = failure.code().value();
  } catch (const std::bad_alloc&) {
    error = ENOMEM;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) detail::fail_errno(ec, error);
  return error == 0;
}

std::string subject(const question& q) {
  std::string text = "look-up of ";
  if (q.host.empty())
    text.append("this host");
  else
    text.append("\"").append(q.host).append("\"");
  if (!q.service.empty()) text.append(", service \"").append(q.service).append("\"");
  return text;
}

answer ask_within(question q, std::chrono::nanoseconds limit, error_code& ec) {
  const auto deadline = detail::clock::now() + std::min<std::chrono::nanoseconds>(limit, std::chrono::hours(24 * 365));
  // Digits take no look-up, so no thread.
  const auto flags = q.hints.ai_flags;
  q.hints.ai_flags |= AI_NUMERICHOST;
  auto at_once = ask(q);
  q.hints.ai_flags = flags;
  if (at_once.gai != EAI_NONAME || (flags & AI_NUMERICHOST) != 0 || q.host.empty()) return at_once;
  const auto what = subject(q);
  if (limit.count() > 0) {
    const auto e = std::make_shared<errand>(std::move(q));
    const waiter mine(e);
    const int done = e->done;
    if (done < 0) return detail::fail_errno(ec, errno), answer();
    if (!send_out(e, ec)) return {};
    if (detail::wait_ready(done, POLLIN, deadline, -1, ec) != 0) {
      const std::lock_guard hold(e->lock);
      return std::move(e->a);
    }
    if (ec != make_error_code(errc::timed_out)) return {};
  }
  detail::fail(ec, errc::timed_out, what + ": no answer within the time limit");
  return {};
}

// ---- what is asked ----

bool malformed(error_code& ec, std::string_view host, const std::string& why) {
  detail::fail(ec, errc::malformed_address, "host name \"" + std::string(host) + "\": " + why);
  return false;
}

// A label's length as it goes out. Outside ASCII each letter takes a byte at least, after "xn--".
std::size_t label_length(std::string_view label) {
  if (is_ascii(label)) return label.size();
  return 4 + static_cast<std::size_t>(
                 std::ranges::count_if(label, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool check_host(std::string_view host, error_code& ec) {
  if (host.find('\0') != std::string_view::npos)
    return malformed(ec, host.substr(0, host.find('\0')), "a NUL follows; names have none");
  if (!detail::is_utf8(host)) return malformed(ec, host, "it is not UTF-8");
  if (host.find(':') != std::string_view::npos) return true;  // an IPv6 address, perhaps with an interface
  std::size_t total = 0;                                      // with a dot after each label
  for (auto left = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;;) {
    const auto dot = left.find('.');
    const auto label = left.substr(0, dot);
    const auto length = label_length(label);
    if (length > 63) return malformed(ec, host, "its label \"" + std::string(label) + "\" is longer than 63 bytes");
    total += length + 1;
    if (dot == std::string_view::npos) break;
    left.remove_prefix(dot + 1);
  }
  if (total > 254) return malformed(ec, host, "it is longer than 253 bytes");
  return true;
}

// Ports in digits are checked here: the C library takes them modulo 65536, and takes "+80" and " 80" too.
bool check_service(std::string_view service, error_code& ec) {
  const auto refuse = [&](error_code code, const std::string& why) {
    detail::fail(ec, code, "service \"" + std::string(service.substr(0, service.find('\0'))) + "\": " + why);
    return false;
  };
  if (service.find('\0') != std::string_view::npos) return refuse(errc::invalid_argument, "it has a NUL in it");
  if (service.empty()) return true;
  if (service.find_first_not_of("0123456789") == std::string_view::npos) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(service.data(), service.data() + service.size(), port);
    return (error == std::errc() && port <= 65535) || refuse(errc::invalid_argument, "ports are 0 to 65535");
  }
  if (std::string_view(" \t\n\v\f\r+-").find(service.front()) != std::string_view::npos)
    return refuse({EAI_SERVICE, resolver_category()}, "it is neither a name nor a port from 0 to 65535");
  return true;
}

void fail_answer(error_code& ec, const question& q, const answer& a) {
  const error_code code = a.gai == EAI_SYSTEM ? error_code(a.error, boost::system::system_category())
                                              : error_code(a.gai, resolver_category());
  auto sentence = subject(q) + ": " + code.message();
  if (a.gai == EAI_IDN_ENCODE) sentence += " (names outside ASCII take the library libidn2)";
  detail::fail(ec, code, sentence);
}

}  // namespace

std::vector<addrinfo_entry> getaddrinfo(std::string_view host, std::string_view service, const addrinfo_hints& hints) {
  return throwing("getaddrinfo", [&](error_code& ec) { return getaddrinfo(host, service, hints, ec); });
}

std::vector<addrinfo_entry> getaddrinfo(std::string_view host, std::string_view service, const addrinfo_hints& hints,
                                        error_code& ec) {
  ec.clear();
  if (!detail::allowed({.event = trace_event::getaddrinfo,
                        .name = host,
                        .service = service,
                        .family = hints.family,
                        .type = hints.type,
                        .protocol = hints.protocol},
                       ec))
    return {};
  if (!check_host(host, ec) || !check_service(service, ec)) return {};
  if (hints.timeout && hints.timeout->count() < 0) {
    detail::fail(ec, errc::invalid_argument, "getaddrinfo: the timeout is below zero");
    return {};
  }
  question q{std::string(host), std::string(service), {}};
  q.hints.ai_family = hints.family;
  q.hints.ai_socktype = hints.type;
  q.hints.ai_protocol = hints.protocol;
  q.hints.ai_flags = hints.flags;
  const auto a = hints.timeout ? ask_within(q, *hints.timeout, ec) : ask(q);
  if (ec) return {};
  if (a.gai != 0) return fail_answer(ec, q, a), std::vector<addrinfo_entry>();
  std::vector<addrinfo_entry> entries;
  for (const auto* each = a.list.get(); each; each = each->ai_next)
    entries.push_back({each->ai_family, each->ai_socktype, each->ai_protocol,
                       each->ai_canonname ? each->ai_canonname : "", address(each->ai_addr, each->ai_addrlen)});
  return entries;
}

std::pair<std::string, std::string> getnameinfo(const address& a, int flags) {
  return throwing("getnameinfo", [&](error_code& ec) { return getnameinfo(a, flags, ec); });
}

std::pair<std::string, std::string> getnameinfo(const address& a, int flags, error_code& ec) {
  ec.clear();
  if (!detail::allowed({.event = trace_event::getnameinfo, .where = &a}, ec)) return {};
  char host[NI_MAXHOST], service[NI_MAXSERV];
  const int gai =
      ::getnameinfo(a.data(), static_cast<::socklen_t>(a.size()), host, sizeof host, service, sizeof service, flags);
  if (gai == 0) return {host, service};
  if (gai == EAI_SYSTEM)
    detail::fail_errno(ec, errno);
  else
    detail::fail(ec, {gai, resolver_category()}, "names of " + a.to_string() + ": " + ::gai_strerror(gai));
  return {};
}

std::pair<std::string, std::string> split_host_service(std::string_view text) {
  return throwing("split_host_service", [&](error_code& ec) { return split_host_service(text, ec); });
}

std::pair<std::string, std::string> split_host_service(std::string_view text, error_code& ec) {
  ec.clear();
  const auto refuse = [&](const char* why) {
    detail::fail(ec, errc::malformed_address, std::string("\"").append(text).append("\": ").append(why));
    return std::pair<std::string, std::string>();
  };
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return refuse("the closing ] is missing");
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return refuse("a : and the service may follow the ], nothing else");
    return {std::string(text.substr(1, end - 1)), std::string(rest.empty() ? rest : rest.substr(1))};
  }
  const auto colon = text.find(':');
  if (colon != text.rfind(':')) return refuse("it has several colons; an IPv6 address stands in [brackets]");
  if (colon == std::string_view::npos) return {std::string(text), {}};
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

}  // namespace afplug
