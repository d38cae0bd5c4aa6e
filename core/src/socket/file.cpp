// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// socket::sendfile. sendfile(2) has no MSG_NOSIGNAL, so SIGPIPE is blocked during the call.
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include <afplug/socket.hpp>

#include <algorithm>
#include <limits>
#include <memory>

#include "no_cancellation.hpp"
#include "socket_access.hpp"
#include "throwing.hpp"

namespace afplug {
namespace {

using detail::socket_access;

constexpr std::size_t kernel_block = std::size_t{1} << 30;  // sendfile(2) takes at most 0x7ffff000 at once
constexpr std::size_t copy_block = 256 * 1024;

// Blocks SIGPIPE in this thread for its lifetime, and consumes a SIGPIPE that became pending meanwhile.
class block_sigpipe {
 public:
  block_sigpipe() noexcept {
    ::sigset_t pending;
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    if (!was_pending_) ::pthread_sigmask(SIG_BLOCK, &pipe_, &old_);
  }
  ~block_sigpipe() {
    const detail::no_cancellation here;
    if (was_pending_) return;
    const int error = errno;
    const ::timespec now{};
    while (::sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) {
    }
    ::pthread_sigmask(SIG_SETMASK, &old_, nullptr);
    errno = error;
  }
  block_sigpipe(const block_sigpipe&) = delete;
  block_sigpipe& operator=(const block_sigpipe&) = delete;

 private:
  ::sigset_t pipe_{}, old_{};
  bool was_pending_ = false;
};

// Calls sendfile(2), which fails with EINVAL, ENOSYS, ESPIPE or EOPNOTSUPP if it cannot send this file to this socket.
ssize_t send_block(int fd, int file, ::off_t offset, std::size_t count) {
  const block_sigpipe blocked;
  return ::sendfile(fd, file, &offset, std::min(count, kernel_block));
}

bool sendfile_unsupported(const error_code& ec) noexcept {
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
  if (type_ != SOCK_STREAM) return refuse("only SOCK_STREAM sockets can send files");
  if (timeout_ == 0) return refuse("a non-blocking socket cannot send a whole file; set a timeout or make it blocking");
  if (count == 0u) return refuse("the count must be above 0");
  if (offset > static_cast<std::uint64_t>(std::numeric_limits<::off_t>::max()))
    return refuse("the offset is larger than any file");

  const std::uint64_t wanted = count.value_or(std::numeric_limits<std::uint64_t>::max());
  std::uint64_t sent = 0;
  detail::io_wait wait(fd_, POLLOUT, timeout_, user_ != nullptr);
  const auto left = [&] { return static_cast<std::size_t>(std::min<std::uint64_t>(wanted - sent, kernel_block)); };
  const auto timed_out = [&] {
    if (!wait.deadline() || detail::clock::now() < *wait.deadline()) return false;
    detail::fail(ec, errc::timed_out, {});
    return true;
  };
  ec.clear();

  bool copy = user_ != nullptr;
  while (!copy && sent < wanted) {
    const auto n = wait.run([&] { return send_block(fd_, file, static_cast<::off_t>(offset + sent), left()); }, ec);
    if (n < 0) {
      copy = sent == 0 && sendfile_unsupported(ec);
      break;
    }
    sent += static_cast<std::uint64_t>(n);
    if (n == 0 || (sent < wanted && timed_out())) break;
  }

  if (copy) {
    ec.clear();
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(copy_block);
    const bool seekable = ::lseek(file, 0, SEEK_CUR) >= 0;
    // poll(2) reports nothing of a descriptor that is negative or cannot be read: a read of no bytes finds these.
    if (!seekable && ::read(file, buffer.get(), 0) < 0) return detail::fail_errno(ec, errno), sent;
    while (sent < wanted) {
      const auto size = std::min(left(), copy_block);
      // A pipe or device may have no data yet.
      if (!seekable && detail::wait_ready(file, POLLIN, wait.deadline(), wait.wake(), ec) == 0) break;
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
      if (ec || timed_out()) break;
    }
  }
  // sendfile(2) with an offset and pread(2) do not move the file position. Fails harmlessly for what cannot seek.
  ::lseek(file, static_cast<::off_t>(offset + sent), SEEK_SET);
  return sent;
}

}  // namespace afplug
