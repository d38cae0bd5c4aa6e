// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Sending files. sendfile(2) has no MSG_NOSIGNAL: the signal is held back while it runs.
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include <afplug/socket.hpp>

#include <algorithm>
#include <limits>
#include <memory>

#include "socket_access.hpp"
#include "throwing.hpp"

namespace afplug {
namespace {

using detail::socket_access;

constexpr std::size_t kernel_block = std::size_t{1} << 30;  // sendfile(2) takes at most 0x7ffff000 at once
constexpr std::size_t copy_block = 256 * 1024;

// Blocks SIGPIPE in this thread, and takes away the one that came meanwhile unless one was waiting before.
class hold_sigpipe {
 public:
  hold_sigpipe() noexcept {
    ::sigset_t pending;
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    if (!was_pending_) ::pthread_sigmask(SIG_BLOCK, &pipe_, &old_);
  }
  ~hold_sigpipe() {
    if (was_pending_) return;
    const int error = errno;
    const ::timespec now{};
    while (::sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) {
    }
    ::pthread_sigmask(SIG_SETMASK, &old_, nullptr);
    errno = error;
  }
  hold_sigpipe(const hold_sigpipe&) = delete;
  hold_sigpipe& operator=(const hold_sigpipe&) = delete;

 private:
  ::sigset_t pipe_{}, old_{};
  bool was_pending_ = false;
};

// The kernel copies. −1 with EINVAL or ENOSYS before the first byte where it can't for this file or socket.
ssize_t send_block(int fd, int file, ::off_t offset, std::size_t count) {
  const hold_sigpipe held;
  return ::sendfile(fd, file, &offset, std::min(count, kernel_block));
}

bool kernel_cannot(const error_code& ec) noexcept {
  return ec.category() == boost::system::system_category() &&
         (ec.value() == EINVAL || ec.value() == ENOSYS || ec.value() == ESPIPE || ec.value() == EOPNOTSUPP);
}

}  // namespace

std::uint64_t socket::sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count) {
  return detail::throwing("sendfile", [&](error_code& ec) { return sendfile(file, offset, count, ec); });
}

std::uint64_t socket::sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count, error_code& ec) {
  const auto refuse = [&](const char* why) {
    detail::fail(ec, errc::invalid_argument, std::string("sendfile: ") + why);
    return std::uint64_t{0};
  };
  if (fd_ < 0) return detail::fail_errno(ec, EBADF), 0;
  if (type_ != SOCK_STREAM) return refuse("only SOCK_STREAM sockets take files");
  if (timeout_ == 0)
    return refuse("a non-blocking socket can't send a whole file; give it a timeout or make it blocking");
  if (count == 0u) return refuse("count must be above 0");
  if (offset > static_cast<std::uint64_t>(std::numeric_limits<::off_t>::max()))
    return refuse("offset is past any file's end");

  const std::uint64_t wanted = count.value_or(std::numeric_limits<std::uint64_t>::max());
  std::uint64_t sent = 0;
  detail::io_wait wait(fd_, POLLOUT, timeout_, user_ != nullptr);
  const auto left = [&] { return static_cast<std::size_t>(std::min<std::uint64_t>(wanted - sent, kernel_block)); };
  const auto late = [&] {
    if (!wait.deadline() || detail::clock::now() < *wait.deadline()) return false;
    detail::fail(ec, errc::timed_out, {});
    return true;
  };
  ec.clear();

  bool copy = user_ != nullptr;
  while (!copy && sent < wanted) {
    const auto n = wait.run([&] { return send_block(fd_, file, static_cast<::off_t>(offset + sent), left()); }, ec);
    if (n < 0) {
      copy = sent == 0 && kernel_cannot(ec);
      break;
    }
    sent += static_cast<std::uint64_t>(n);
    if (n == 0 || (sent < wanted && late())) break;
  }

  if (copy) {
    ec.clear();
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(copy_block);
    const bool seekable = ::lseek(file, 0, SEEK_CUR) >= 0;
    while (sent < wanted) {
      const auto size = std::min(left(), copy_block);
      ssize_t got;
      do {
        got = seekable ? ::pread(file, buffer.get(), size, static_cast<::off_t>(offset + sent))
                       : ::read(file, buffer.get(), size);
      } while (got < 0 && errno == EINTR && !detail::interrupted(ec));
      if (got < 0 && !ec) detail::fail_errno(ec, errno);
      if (got <= 0) break;
      const const_bytes block(buffer.get(), static_cast<std::size_t>(got));
      for (std::size_t done = 0; done < block.size();) {
        const const_bytes rest(static_cast<const char*>(block.data()) + done, block.size() - done);
        const auto n = wait.run([&] { return socket_access::send_once(*this, rest); }, ec);
        if (n < 0) break;
        done += static_cast<std::size_t>(n);
        sent += static_cast<std::uint64_t>(n);
      }
      if (ec || late()) break;
    }
  }
  // Where the program's next read goes on; a file that can't seek has moved by itself.
  ::lseek(file, static_cast<::off_t>(offset + sent), SEEK_SET);
  return sent;
}

}  // namespace afplug
