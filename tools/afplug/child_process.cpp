// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "child_process.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <afplug/plugin/encoding.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "command.hpp"

namespace afplug::command {
namespace {

constexpr char end_marker[] = "\x04\n";  // written after the last reply; not valid JSON
constexpr int exit_software = 70;        // EX_SOFTWARE of sysexits.h

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) ::_exit(exit_software);  // the parent has closed the pipe
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

[[noreturn]] void run_child(const std::function<void(const child_process::reply_function&)>& body, int replies_fd,
                            int stderr_fd, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  const ::rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  if (const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC); null_fd >= 0) {
    ::dup2(null_fd, 0);
    ::dup2(null_fd, 1);
    ::close(null_fd);
  }
  if (stderr_fd >= 0) ::dup2(stderr_fd, 2);
  try {
    body([replies_fd](const json::value& value) { write_all(replies_fd, json::serialize(value) + '\n'); });
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", plugin::escape_unprintable(e.what()));
    ::_exit(exit_software);
  }
  write_all(replies_fd, end_marker);
  ::_exit(0);  // skips the static destructors of plugins
}

}  // namespace

child_process::child_process(const std::function<void(const reply_function&)>& body, std::chrono::milliseconds timeout)
    : timeout_(timeout) {
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0)
    throw failure(failed, fmt::format("cannot create a pipe for a child process: {}", std::strerror(errno)));
  stderr_fd_ = ::memfd_create("afplug", MFD_CLOEXEC);
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) run_child(body, pipe_fds[1], stderr_fd_, parent);
  ::close(pipe_fds[1]);
  replies_fd_ = pipe_fds[0];
  if (pid_ < 0) throw failure(failed, fmt::format("cannot start a child process: {}", std::strerror(errno)));
  ::setpgid(pid_, pid_);  // the child does the same; either may run first
}

child_process::~child_process() {
  if (pid_ > 0) reap(false);
  if (replies_fd_ >= 0) ::close(replies_fd_);
  if (stderr_fd_ >= 0) ::close(stderr_fd_);
}

std::optional<json::value> child_process::next() {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  while (pid_ > 0) {
    if (const auto end = buffer_.find('\n'); end != buffer_.npos) {
      const std::string line = buffer_.substr(0, end + 1);
      buffer_.erase(0, end + 1);
      if (line != end_marker) {
        json::parse_options options;
        options.allow_invalid_utf8 = true;
        boost::system::error_code ec;
        auto reply = json::parse(line, ec, {}, options);
        if (!ec) return reply;
        reap(false);
        failure_text_ = "sent a reply that is not valid JSON";
        break;
      }
      reap(false);
      failure_text_.clear();
      break;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    ::pollfd p{replies_fd_, POLLIN, 0};
    const int ready = left > 0 ? ::poll(&p, 1, static_cast<int>(std::min<long>(left, 1'000'000))) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      reap(true);
      break;
    }
    char chunk[65536];
    const auto n = ::read(replies_fd_, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      reap(false);
      break;
    }
    buffer_.append(chunk, static_cast<std::size_t>(n));
  }
  return {};
}

void child_process::reap(bool timed_out) {
  int status = 0;
  // After the end of its replies the child normally exits at once. If it only closed the pipe, kill it after 500 ms and
  // report a timeout.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timed_out ? 0 : 500);
  pid_t waited = 0;
  while (!timed_out && (waited = ::waitpid(pid_, &status, WNOHANG)) == 0 && std::chrono::steady_clock::now() < deadline)
    ::usleep(500);
  ::kill(-pid_, SIGKILL);
  if (waited == 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    failure_text_ = fmt::format("did not reply within {} s", static_cast<double>(timeout_.count()) / 1000);
  } else if (WIFSIGNALED(status)) {
    const char* name = ::sigabbrev_np(WTERMSIG(status));
    killed_by_seccomp_ = WTERMSIG(status) == SIGSYS;
    failure_text_ = fmt::format("was killed by SIG{}", name ? name : "?");
  } else {
    failure_text_ = fmt::format("exited with code {}", WEXITSTATUS(status));
  }
  pid_ = -1;
  if (const std::string text = stderr_tail(); !text.empty()) failure_text_ += fmt::format(" ({})", text);
}

std::string child_process::stderr_tail() const {
  constexpr off_t max_size = 200;
  if (stderr_fd_ < 0) return {};
  const off_t end = ::lseek(stderr_fd_, 0, SEEK_END);
  char text[max_size];
  const auto n = ::pread(stderr_fd_, text, sizeof text, std::max<off_t>(0, end - max_size));
  std::string out(text, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  std::replace(out.begin(), out.end(), '\n', ' ');
  std::erase_if(out, [](unsigned char c) { return c < 0x20 || c >= 0x7f; });
  return out;
}

}  // namespace afplug::command
