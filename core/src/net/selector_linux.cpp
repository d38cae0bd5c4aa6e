// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// selector by epoll(7).
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <afplug/selector.hpp>
#include <afplug/socket.hpp>

#include <array>
#include <limits>
#include <unordered_map>
#include <utility>

#include "file_descriptor.hpp"
#include "io_wait.hpp"
#include "throwing.hpp"

namespace afplug {
namespace {

using detail::file_descriptor;

constexpr std::size_t most_reported = 256;

// The kernel's identity of an open socket. Descriptors of families in user space may share that of an anonymous inode.
struct inode {
  ::dev_t device = 0;
  ::ino_t number = 0;
  bool operator==(const inode&) const = default;
};

std::optional<inode> inode_of(int fd) noexcept {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return {};
  return inode{st.st_dev, st.st_ino};
}

void refuse(error_code& ec, int descriptor, const char* what) {
  detail::fail(ec, errc::invalid_argument, "selector: descriptor " + std::to_string(descriptor) + ' ' + what);
}

}  // namespace

struct selector::impl {
  struct entry {
    std::uint64_t id;
    std::size_t key;
    events wanted;
    inode file;
  };
  file_descriptor set{::epoll_create1(EPOLL_CLOEXEC)};
  file_descriptor waker{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::unordered_map<int, entry> entries;  // by descriptor
  std::uint64_t next_id = 1;               // 0: the waker
  std::array<selected, most_reported> reported;

  // epoll's data is a descriptor and the low half of the entry's id, so that events of an entry that was replaced are
  // recognized.
  static std::uint64_t tag(int fd, std::uint64_t id) noexcept { return static_cast<std::uint32_t>(fd) | id << 32; }

  int control(int operation, int fd, events wanted, std::uint64_t id) const noexcept {
    ::epoll_event event{};
    event.events = static_cast<std::uint16_t>(short{wanted});
    event.data.u64 = tag(fd, id);
    return ::epoll_ctl(set.get(), operation, fd, &event) == 0 ? 0 : errno;
  }
  int add_waker() const noexcept { return control(EPOLL_CTL_ADD, waker.get(), events::readable, 0); }

  // Returns whether there was a wakeup.
  bool clear_wakeup() const noexcept {
    std::uint64_t count;
    return ::read(waker.get(), &count, sizeof count) == sizeof count;
  }

  // Whether the descriptor still is the socket that was added.
  static bool is_open(int fd, const entry& e) noexcept { return inode_of(fd) == e.file; }

  // Makes the epoll set anew, without sockets that were closed while a duplicate stays open, which epoll_ctl(2) cannot
  // remove. Returns 0 or an errno; then nothing has changed.
  int rebuild() {
    std::erase_if(entries, [](const auto& each) { return !is_open(each.first, each.second); });
    file_descriptor old(::epoll_create1(EPOLL_CLOEXEC));
    if (old.get() < 0) return errno;
    std::swap(set, old);
    int error = add_waker();
    for (auto it = entries.begin(); error == 0 && it != entries.end(); ++it)
      error = control(EPOLL_CTL_ADD, it->first, it->second.wanted, it->second.id);
    if (error != 0) std::swap(set, old);
    return error;
  }

  // What one epoll_wait(2) found.
  struct result {
    std::size_t ready = 0;
    bool woken = false;
    int error = 0;
  };
  result collect() {
    std::array<::epoll_event, most_reported> found;
    result out;
    const int n = ::epoll_wait(set.get(), found.data(), static_cast<int>(found.size()), 0);
    if (n < 0) {
      if (errno != EINTR) out.error = errno;
      return out;
    }
    bool stale = false;
    for (const auto& event : std::span(found).first(static_cast<std::size_t>(n))) {
      const int fd = static_cast<int>(event.data.u64 & 0xffffffff);
      if (event.data.u64 == tag(waker.get(), 0)) {
        out.woken = clear_wakeup();
        continue;
      }
      const auto it = entries.find(fd);
      if (it != entries.end() && tag(fd, it->second.id) == event.data.u64 && is_open(fd, it->second))
        reported[out.ready++] = {it->second.key, fd, static_cast<short>(event.events)};
      else
        stale = true;
    }
    if (stale) out.error = rebuild();
    return out;
  }
};

selector::selector() : selector(detail::throwing("selector", [](error_code& ec) { return create(ec); })) {}

selector::selector(std::unique_ptr<impl> made) noexcept : impl_(std::move(made)) {}
selector::~selector() = default;
selector::selector(selector&& other) noexcept = default;
selector& selector::operator=(selector&& other) noexcept = default;

selector selector::create(error_code& ec) {
  auto made = std::make_unique<impl>();
  if (made->set.get() < 0 || made->waker.get() < 0 || made->add_waker() != 0)
    detail::fail_errno(ec, errno);
  else
    ec.clear();
  return selector(std::move(made));
}

void selector::add(const socket& s, events wanted, std::size_t key) {
  detail::throwing("selector", [&](error_code& ec) { add(s, wanted, key, ec); });
}

void selector::add(const socket& s, events wanted, std::size_t key, error_code& ec) {
  const int fd = s.fileno();
  const auto file = inode_of(fd);
  if (!file) return detail::fail_errno(ec, EBADF);
  const auto [it, inserted] = impl_->entries.try_emplace(fd);
  const impl::entry added{impl_->next_id, key, wanted, *file};
  // A set that already has this descriptor although the entry is another socket's has a duplicate of that socket.
  int error = impl_->control(EPOLL_CTL_ADD, fd, wanted, added.id);
  if (error != 0) {
    if (inserted) impl_->entries.erase(it);
    if (error == EEXIST) return refuse(ec, fd, "is in the set already; modify() changes its events");
    return detail::fail_errno(ec, error);
  }
  it->second = added;
  // Ids are 32 bits wide in epoll's data; 0 is the waker.
  impl_->next_id = impl_->next_id % std::numeric_limits<std::uint32_t>::max() + 1;
  ec.clear();
}

void selector::modify(const socket& s, events wanted) {
  detail::throwing("selector", [&](error_code& ec) { modify(s, wanted, ec); });
}

void selector::modify(const socket& s, events wanted, error_code& ec) {
  const int fd = s.fileno();
  if (fd < 0) return detail::fail_errno(ec, EBADF);
  if (!contains(s)) return refuse(ec, fd, "is not in the set; add() it first");
  auto& e = impl_->entries.at(fd);
  if (const int error = impl_->control(EPOLL_CTL_MOD, fd, wanted, e.id); error != 0)
    return detail::fail_errno(ec, error);
  e.wanted = wanted;
  ec.clear();
}

void selector::remove(const socket& s) { remove(s.fileno()); }

void selector::remove(const socket& s, error_code& ec) { remove(s.fileno(), ec); }

void selector::remove(int descriptor) {
  detail::throwing("selector", [&](error_code& ec) { remove(descriptor, ec); });
}

void selector::remove(int descriptor, error_code& ec) {
  const auto it = impl_->entries.find(descriptor);
  if (it == impl_->entries.end()) return refuse(ec, descriptor, "is not in the set");
  // Fails if the socket is closed. What a duplicate of it then reports makes collect() rebuild the set.
  if (impl::is_open(descriptor, it->second)) impl_->control(EPOLL_CTL_DEL, descriptor, {}, 0);
  impl_->entries.erase(it);
  ec.clear();
}

std::size_t selector::size() const noexcept { return impl_->entries.size(); }

bool selector::contains(const socket& s) const noexcept {
  const auto it = impl_->entries.find(s.fileno());
  return it != impl_->entries.end() && impl::is_open(it->first, it->second);
}

std::span<const selected> selector::wait(std::optional<std::chrono::nanoseconds> limit) {
  return detail::throwing("selector", [&](error_code& ec) { return wait(limit, ec); });
}

std::span<const selected> selector::wait(std::optional<std::chrono::nanoseconds> limit, error_code& ec) {
  if (limit && limit->count() < 0) {
    detail::fail(ec, errc::invalid_argument,
                 "selector: the time limit of " + std::to_string(limit->count()) + " ns is negative");
    return {};
  }
  std::optional<detail::clock::time_point> deadline;
  if (limit) deadline = detail::deadline_after(*limit);
  for (;;) {
    const auto found = impl_->collect();
    if (found.error != 0) return detail::fail_errno(ec, found.error), std::span<const selected>();
    if (found.ready != 0 || found.woken) {
      ec.clear();
      return std::span(impl_->reported).first(found.ready);
    }
    if (detail::wait_ready(impl_->set.get(), events::readable, deadline, -1, ec) == 0) {
      if (ec == errc::timed_out) ec.clear();
      return {};
    }
  }
}

std::span<const selected> selector::wait(std::optional<std::chrono::nanoseconds> limit, std::stop_token stop) {
  return detail::throwing("selector", [&](error_code& ec) { return wait(limit, stop, ec); });
}

std::span<const selected> selector::wait(std::optional<std::chrono::nanoseconds> limit, std::stop_token stop,
                                         error_code& ec) {
  const std::stop_callback ended(stop, [this] { wake(); });
  const auto ready = stop.stop_requested() ? std::span<const selected>() : wait(limit, ec);
  if (!stop.stop_requested()) return ready;
  impl_->clear_wakeup();
  detail::fail(ec, errc::stopped, {});
  return {};
}

void selector::wake() noexcept {
  const std::uint64_t one = 1;
  // EAGAIN: the counter is at its maximum, and the eventfd readable anyway.
  [[maybe_unused]] const auto n = ::write(impl_->waker.get(), &one, sizeof one);
}

}  // namespace afplug
