// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "child.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "command.hpp"

namespace afplug::command {
namespace {

constexpr char finished[] = "\x04\n";  // no JSON value: the body has returned
constexpr int thrown = 70;             // exit code

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) ::_exit(thrown);  // nobody listens
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

[[noreturn]] void live(const std::function<void(const child::tell&)>& body, int answers, int words, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  const ::rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  if (const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC); nothing >= 0) {
    ::dup2(nothing, 0);
    ::dup2(nothing, 1);
    ::close(nothing);
  }
  if (words >= 0) ::dup2(words, 2);
  try {
    body([answers](const json::value& value) { write_all(answers, json::serialize(value) + '\n'); });
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    ::_exit(thrown);
  }
  write_all(answers, finished);
  ::_exit(0);  // no destructor of a plugin runs
}

}  // namespace

child::child(const std::function<void(const tell&)>& body, std::chrono::milliseconds patience) : patience_(patience) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw failure(negative, fmt::format("no pipe for a child process: {}", std::strerror(errno)));
  words_ = ::memfd_create("afplug", MFD_CLOEXEC);
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) live(body, ends[1], words_, parent);
  ::close(ends[1]);
  answers_ = ends[0];
  if (pid_ < 0) throw failure(negative, fmt::format("no child process: {}", std::strerror(errno)));
  ::setpgid(pid_, pid_);  // whoever comes first
}

child::~child() {
  if (pid_ > 0) reap(false);
  if (answers_ >= 0) ::close(answers_);
  if (words_ >= 0) ::close(words_);
}

std::optional<json::value> child::next() {
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  while (pid_ > 0) {
    if (const auto end = buffer_.find('\n'); end != buffer_.npos) {
      const std::string line = buffer_.substr(0, end + 1);
      buffer_.erase(0, end + 1);
      if (line != finished) {
        json::parse_options any_text;
        any_text.allow_invalid_utf8 = true;
        boost::system::error_code ec;
        auto answer = json::parse(line, ec, {}, any_text);
        if (!ec) return answer;
        reap(false);
        trouble_ = "gave an answer that can't be read";
        break;
      }
      reap(false);
      trouble_.clear();
      break;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    ::pollfd p{answers_, POLLIN, 0};
    const int ready = left > 0 ? ::poll(&p, 1, static_cast<int>(std::min<long>(left, 1'000'000))) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      reap(true);
      break;
    }
    char chunk[65536];
    const auto n = ::read(answers_, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      reap(false);
      break;
    }
    buffer_.append(chunk, static_cast<std::size_t>(n));
  }
  return {};
}

void child::reap(bool hung) {
  int status = 0;
  // Its answers have ended; it is dead or dies now. One that only closed them is taken for hung.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(hung ? 0 : 500);
  pid_t seen = 0;
  while (!hung && (seen = ::waitpid(pid_, &status, WNOHANG)) == 0 && std::chrono::steady_clock::now() < deadline)
    ::usleep(500);
  ::kill(-pid_, SIGKILL);
  if (seen == 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    trouble_ = fmt::format("did not answer within {} s", static_cast<double>(patience_.count()) / 1000);
  } else if (WIFSIGNALED(status)) {
    const char* name = ::sigabbrev_np(WTERMSIG(status));
    filtered_ = WTERMSIG(status) == SIGSYS;
    trouble_ = fmt::format("was ended by SIG{}", name ? name : "?");
  } else {
    trouble_ = fmt::format("ended with exit code {}", WEXITSTATUS(status));
  }
  pid_ = -1;
  if (const std::string words = last_words(); !words.empty()) trouble_ += fmt::format(" ({})", words);
}

std::string child::last_words() const {
  constexpr off_t most = 200;
  if (words_ < 0) return {};
  const off_t end = ::lseek(words_, 0, SEEK_END);
  char text[most];
  const auto n = ::pread(words_, text, sizeof text, std::max<off_t>(0, end - most));
  std::string out(text, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  std::replace(out.begin(), out.end(), '\n', ' ');
  std::erase_if(out, [](unsigned char c) { return c < 0x20 || c >= 0x7f; });
  return out;
}

}  // namespace afplug::command
