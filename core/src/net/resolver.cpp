// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// getaddrinfo with a time limit, and getnameinfo.
#include <afplug/plugin/encoding.hpp>
#include <afplug/resolver.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <clocale>
#include <csignal>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "copy_address.hpp"
#include "io_wait.hpp"
#include "socket_access.hpp"
#include "throwing.hpp"
#include "trace.hpp"
#include "utf8.hpp"

namespace afplug {
namespace {

using detail::throwing;

struct addrinfo_deleter {
  void operator()(::addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

struct lookup_request {
  std::string host, service;
  ::addrinfo hints;
};

struct lookup_result {
  int gai_error = 0;  // EAI_*
  int error = 0;      // errno, meaningful with EAI_SYSTEM
  std::unique_ptr<::addrinfo, addrinfo_deleter> list;
};

bool is_ascii(std::string_view text) noexcept {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

// Sets this thread's LC_CTYPE to UTF-8 for its lifetime: with AI_IDN getaddrinfo(3) reads names in the locale's
// encoding.
class utf8_locale {
 public:
  utf8_locale() noexcept : utf8_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (utf8_) previous_ = ::uselocale(utf8_);
  }
  ~utf8_locale() {
    if (!utf8_) return;
    ::uselocale(previous_);
    ::freelocale(utf8_);
  }
  utf8_locale(const utf8_locale&) = delete;
  utf8_locale& operator=(const utf8_locale&) = delete;

 private:
  ::locale_t utf8_;
  ::locale_t previous_ = nullptr;
};

lookup_result look_up(const lookup_request& request) {
  std::optional<utf8_locale> locale;
  auto hints = request.hints;
  if (!is_ascii(request.host)) {
    locale.emplace();
    hints.ai_flags |= AI_IDN;
  }
  const auto null_if_empty = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
  lookup_result result;
  ::addrinfo* list = nullptr;
  result.gai_error = ::getaddrinfo(null_if_empty(request.host), null_if_empty(request.service), &hints, &list);
  result.error = errno;
  if (result.gai_error == 0) result.list.reset(list);
  return result;
}

// A look-up that runs in another thread. Shared by that thread and the caller, which may give up first.
struct lookup_job {
  explicit lookup_job(lookup_request r) : request(std::move(r)) {}

  const lookup_request request;
  std::mutex mutex;
  int done_fd = -1;  // eventfd that the caller waits for; -1: the caller has given up
  lookup_result result;
};

// Opens and closes a job's eventfd.
class done_fd_owner {
 public:
  explicit done_fd_owner(std::shared_ptr<lookup_job> job) : job_(std::move(job)) {
    job_->done_fd = ::eventfd(0, EFD_CLOEXEC);
  }
  ~done_fd_owner() {
    const std::lock_guard lock(job_->mutex);
    if (job_->done_fd >= 0) ::close(std::exchange(job_->done_fd, -1));
  }
  done_fd_owner(const done_fd_owner&) = delete;
  done_fd_owner& operator=(const done_fd_owner&) = delete;

 private:
  std::shared_ptr<lookup_job> job_;
};

// The threads of look-ups with a time limit. getaddrinfo(3) cannot be stopped, so a thread whose caller gave up stays
// until the C library's own timeouts end; further jobs wait for one of at most max_lookup_threads to be free. A thread
// ends when no job waits.
class lookup_pool {
 public:
  // This process's pool. A child of fork(2) has none of its parent's threads, and perhaps a locked mutex: it gets a new
  // pool, and the parent's copy is never touched again.
  static lookup_pool& instance() {
    static std::atomic<lookup_pool*> current{nullptr};
    auto* pool = current.load(std::memory_order_acquire);
    while (!pool || pool->owner_ != ::getpid()) {
      auto fresh = std::make_unique<lookup_pool>();
      if (current.compare_exchange_strong(pool, fresh.get())) return *fresh.release();
    }
    return *pool;
  }

  // Queues a job for the threads, and starts one if that is allowed. False: `ec` is set, and the job is not queued.
  bool add(const std::shared_ptr<lookup_job>& job, error_code& ec) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(job);
    if (threads_ == max_lookup_threads) return true;
    const int error = start_thread();
    if (error == 0) {
      ++threads_;
    } else if (threads_ == 0) {
      waiting_.pop_back();
      detail::fail_errno(ec, error);
      return false;
    }
    return true;
  }

  // Removes a job that no thread has begun. False: one has.
  bool remove(const std::shared_ptr<lookup_job>& job) noexcept {
    const std::lock_guard lock(mutex_);
    return std::erase(waiting_, job) != 0;
  }

 private:
  // Returns 0 or the errno. The thread has all signals blocked: the program's handlers run in the program's threads.
  int start_thread() noexcept {
    ::sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    try {
      std::thread([this] { work(); }).detach();
    } catch (const std::system_error& failure) {
      error = failure.code().value();
    } catch (const std::bad_alloc&) {
      error = ENOMEM;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return error;
  }

  void work() noexcept {
    while (const auto job = next()) {
      auto result = look_up(job->request);
      const std::lock_guard lock(job->mutex);
      job->result = std::move(result);
      if (job->done_fd >= 0) ::eventfd_write(job->done_fd, 1);
    }
  }

  // The next job; null if there is none, and the calling thread ends.
  std::shared_ptr<lookup_job> next() noexcept {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --threads_;
      return nullptr;
    }
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
    return job;
  }

  const ::pid_t owner_ = ::getpid();
  std::mutex mutex_;
  std::deque<std::shared_ptr<lookup_job>> waiting_;
  std::size_t threads_ = 0;
};

std::string describe(const lookup_request& request) {
  std::string text = "look-up of ";
  if (request.host.empty())
    text.append("this host");
  else
    text += plugin::quote(request.host);
  if (!request.service.empty()) text += ", service " + plugin::quote(request.service);
  return text;
}

lookup_result look_up_within(lookup_request request, std::chrono::nanoseconds limit, error_code& ec) {
  const auto deadline = detail::clock::now() + std::min<std::chrono::nanoseconds>(limit, std::chrono::hours(24 * 365));
  // A numeric address needs no look-up, and so no thread.
  const auto flags = request.hints.ai_flags;
  request.hints.ai_flags |= AI_NUMERICHOST;
  auto numeric = look_up(request);
  request.hints.ai_flags = flags;
  if (numeric.gai_error != EAI_NONAME || (flags & AI_NUMERICHOST) != 0 || request.host.empty()) return numeric;
  const auto what = describe(request);
  if (limit.count() > 0) {
    const auto job = std::make_shared<lookup_job>(std::move(request));
    const done_fd_owner owner(job);
    const int done_fd = job->done_fd;
    if (done_fd < 0) return detail::fail_errno(ec, errno), lookup_result();
    if (!lookup_pool::instance().add(job, ec)) return {};
    if (detail::wait_ready(done_fd, POLLIN, deadline, -1, ec) != 0) {
      const std::lock_guard lock(job->mutex);
      return std::move(job->result);
    }
    const bool queued = lookup_pool::instance().remove(job);
    if (ec != make_error_code(errc::timed_out)) return {};
    if (queued) {
      detail::fail(ec, errc::timed_out,
                   what + ": not begun within " + detail::duration_text(limit) + ", because " +
                       std::to_string(max_lookup_threads) +
                       " earlier look-ups, the most at a time, have had no answer; check the name servers");
      return {};
    }
  }
  detail::fail(ec, errc::timed_out, what + ": no answer within " + detail::duration_text(limit));
  return {};
}

// ---- checks of host and service ----

bool malformed(error_code& ec, std::string_view host, const std::string& why) {
  detail::fail(ec, errc::malformed_address, "host name " + plugin::quote(host) + ": " + why);
  return false;
}

// A lower bound of the label's length in the DNS query: outside ASCII "xn--" and at least one byte a character (RFC
// 3492).
std::size_t label_length(std::string_view label) {
  if (is_ascii(label)) return label.size();
  return 4 + static_cast<std::size_t>(
                 std::ranges::count_if(label, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool check_host(std::string_view host, error_code& ec) {
  if (host.find('\0') != std::string_view::npos) return malformed(ec, host, "it contains a NUL");
  if (!detail::is_utf8(host)) return malformed(ec, host, "it is not UTF-8");
  if (host.find(':') != std::string_view::npos) return true;  // an IPv6 address, possibly with a scope
  std::size_t total = 0;                                      // includes the dot after each label
  for (auto left = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;;) {
    const auto dot = left.find('.');
    const auto label = left.substr(0, dot);
    const auto length = label_length(label);
    if (length > 63) return malformed(ec, host, "the label " + plugin::quote(label) + " is longer than 63 bytes");
    total += length + 1;
    if (dot == std::string_view::npos) break;
    left.remove_prefix(dot + 1);
  }
  if (total > 254) return malformed(ec, host, "it is longer than 253 bytes");
  return true;
}

// Checks numeric ports: the C library takes them modulo 65536, and accepts "+80" and " 80".
bool check_service(std::string_view service, error_code& ec) {
  const auto refuse = [&](error_code code, const std::string& why) {
    detail::fail(ec, code, "service " + plugin::quote(service) + ": " + why);
    return false;
  };
  if (service.find('\0') != std::string_view::npos) return refuse(errc::invalid_argument, "it contains a NUL");
  if (service.empty()) return true;
  if (service.find_first_not_of("0123456789") == std::string_view::npos) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(service.data(), service.data() + service.size(), port);
    return (error == std::errc() && port <= 65535) || refuse(errc::invalid_argument, "the port must be 0 to 65535");
  }
  if (std::string_view(" \t\n\v\f\r+-").find(service.front()) != std::string_view::npos)
    return refuse({EAI_SERVICE, resolver_category()}, "it is neither a name nor a port from 0 to 65535");
  return true;
}

void fail_lookup(error_code& ec, const lookup_request& request, const lookup_result& result) {
  const error_code code = result.gai_error == EAI_SYSTEM ? error_code(result.error, boost::system::system_category())
                                                         : error_code(result.gai_error, resolver_category());
  auto text = describe(request) + ": " + code.message();
  if (result.gai_error == EAI_IDN_ENCODE) text += " (host names outside ASCII need the library libidn2)";
  detail::fail(ec, code, text);
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
    detail::fail(ec, errc::invalid_argument, "getaddrinfo: the timeout is negative");
    return {};
  }
  lookup_request request{std::string(host), std::string(service), {}};
  request.hints.ai_family = hints.family;
  request.hints.ai_socktype = hints.type;
  request.hints.ai_protocol = hints.protocol;
  request.hints.ai_flags = hints.flags;
  const auto result = hints.timeout ? look_up_within(request, *hints.timeout, ec) : look_up(request);
  if (ec) return {};
  if (result.gai_error != 0) return fail_lookup(ec, request, result), std::vector<addrinfo_entry>();
  std::vector<addrinfo_entry> entries;
  for (const auto* each = result.list.get(); each; each = each->ai_next) {
    const basic_protocol p(each->ai_family, socket_type(each->ai_socktype), each->ai_protocol);
    entries.push_back({each->ai_family, p.asked_type(), each->ai_protocol, each->ai_canonname ? each->ai_canonname : "",
                       detail::copy_address(each->ai_addr, each->ai_addrlen, p)});
  }
  return entries;
}

std::pair<std::string, std::string> getnameinfo(const address& a, int flags) {
  return throwing("getnameinfo", [&](error_code& ec) { return getnameinfo(a, flags, ec); });
}

std::pair<std::string, std::string> getnameinfo(const address& a, int flags, error_code& ec) {
  ec.clear();
  if (!detail::allowed({.event = trace_event::getnameinfo, .address = &a}, ec)) return {};
  char host[NI_MAXHOST], service[NI_MAXSERV];
  const int gai =
      ::getnameinfo(a.data(), static_cast<::socklen_t>(a.size()), host, sizeof host, service, sizeof service, flags);
  if (gai == 0) return {host, service};
  if (gai == EAI_SYSTEM)
    detail::fail_errno(ec, errno);
  else
    detail::fail(ec, {gai, resolver_category()}, "look-up of " + a.to_string() + ": " + ::gai_strerror(gai));
  return {};
}

std::pair<std::string, std::string> split_host_service(std::string_view text) {
  return throwing("split_host_service", [&](error_code& ec) { return split_host_service(text, ec); });
}

std::pair<std::string, std::string> split_host_service(std::string_view text, error_code& ec) {
  ec.clear();
  const auto refuse = [&](const char* why) {
    detail::fail(ec, errc::malformed_address, plugin::quote(text) + ": " + why);
    return std::pair<std::string, std::string>();
  };
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return refuse("the closing ] is missing");
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return refuse("only a colon and the service may follow the closing ]");
    return {std::string(text.substr(1, end - 1)), std::string(rest.empty() ? rest : rest.substr(1))};
  }
  const auto colon = text.find(':');
  if (colon != text.rfind(':')) return refuse("it has several colons; put an IPv6 address in [brackets]");
  if (colon == std::string_view::npos) return {std::string(text), {}};
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

}  // namespace afplug
