// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "transfer.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "command.hpp"
#include "endpoint.hpp"

namespace afplug::command {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t chunk = 256 * 1024;
constexpr std::size_t splice_chunk = 1 << 20;
constexpr std::size_t sendfile_chunk = 1 << 30;

std::string system_sentence(const char* what, int error) { return fmt::format("{}: {}", what, std::strerror(error)); }

/// "12.3 MiB".
std::string amount(double bytes) {
  constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t i = 0;
  for (; bytes >= 1024 && i + 1 < std::size(units); ++i) bytes /= 1024;
  return i == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[i]);
}

class pump {
 public:
  pump(socket& over, const transfer_options& how) : socket_(over), how_(how) {}

  int run() {
    std::thread out([this] { direction(&pump::send_all); });
    std::thread in([this] { direction(&pump::receive_all); });
    std::string trouble;
    const bool complete = watch(trouble);
    if (how_.progress) show(true);
    if (complete) {
      out.join();
      in.join();
      return success;
    }
    // A direction may be blocked for ever: leave without waiting for it.
    if (!trouble.empty()) fmt::print(stderr, "afplug: {}\n", trouble);
    error_code ignored;
    socket_.shutdown(SHUT_RDWR, ignored);
    std::fflush(nullptr);
    std::_Exit(trouble.empty() ? success : negative);
  }

 private:
  /// True: both ended; false: trouble, or idle for too long.
  bool watch(std::string& trouble) {
    std::unique_lock lock(mutex_);
    auto step = how_.progress ? std::chrono::milliseconds(500) : std::chrono::milliseconds(60'000);
    std::uint64_t before = 0;
    auto since = clock::now();
    for (;;) {
      if (!trouble_.empty()) {
        trouble = trouble_;
        return false;
      }
      if (running_ == 0) return true;
      if (how_.idle) {
        const auto now = clock::now();
        if (const auto total = moves_.load(); total != before) {
          before = total;
          since = now;
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(since + *how_.idle - now);
        if (left.count() <= 0) return false;
        step = std::min(step, left);
      }
      changed_.wait_for(lock, step);
      if (how_.progress) show(false);
    }
  }

  void show(bool last) {
    const auto now = clock::now();
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const auto sent = static_cast<double>(sent_.load()), received = static_cast<double>(received_.load());
    fmt::print(stderr, "\r{} sent, {} received, {}/s\x1b[K{}", amount(sent), amount(received),
               amount((sent + received) / std::max(seconds, 1e-6)), last ? "\n" : "");
    std::fflush(stderr);
  }

  void direction(void (pump::*body)()) {
    std::string trouble;
    try {
      (this->*body)();
    } catch (const std::exception& e) {
      trouble = e.what();
    }
    const std::lock_guard lock(mutex_);
    --running_;
    if (trouble_.empty()) trouble_ = trouble;
    changed_.notify_one();
  }

  void moved(std::atomic<std::uint64_t>& counter, std::size_t n) {
    counter.fetch_add(n, std::memory_order_relaxed);
    moves_.fetch_add(1, std::memory_order_relaxed);
  }

  bool kernel_stream() const { return !how_.messages && !socket_.in_user_space(); }

  /// Repeats a call that moves data inside the kernel. False: it can't with these descriptors, and nothing was moved.
  template <class F>
  bool inside_kernel(std::atomic<std::uint64_t>& counter, const char* what, F call) {
    for (bool first = true;; first = false) {
      const auto n = call();
      if (n > 0) {
        moved(counter, static_cast<std::size_t>(n));
      } else if (n == 0) {
        return true;
      } else if (errno != EINTR) {
        if (first && (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP || errno == EBADF || errno == ESPIPE))
          return false;
        throw failure(negative, system_sentence(what, errno));
      }
    }
  }

  void send_all() {
    const int to = socket_.native_handle();
    const bool done = kernel_stream() &&
                      (inside_kernel(sent_, "sending",
                                     [to] { return ::splice(0, nullptr, to, nullptr, splice_chunk, SPLICE_F_MOVE); }) ||
                       inside_kernel(sent_, "sending", [to] { return ::sendfile(to, 0, nullptr, sendfile_chunk); }));
    if (!done) send_copies();
    if (how_.half_close) {
      error_code ec;
      socket_.shutdown(SHUT_WR, ec);
      if (ec && ec.value() != ENOTCONN) throw failure(negative, sentence(ec));  // ENOTCONN: the peer went away first
    }
  }

  void send_copies() {
    const std::size_t room = how_.messages ? how_.message_size : chunk;
    const auto buffer = std::make_unique<std::byte[]>(room);
    for (;;) {
      const auto n = ::read(0, buffer.get(), room);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw failure(negative, system_sentence("reading stdin", errno));
      if (n == 0) return;
      const const_bytes data(buffer.get(), static_cast<std::size_t>(n));
      error_code ec;
      if (how_.messages)
        send_message(data, ec);
      else
        socket_.sendall(data, 0, ec);
      if (ec.value() == EMSGSIZE)
        throw failure(
            negative,
            fmt::format("sending: a message of {} bytes is too long; --message-size sets how much is read at once", n));
      if (ec) throw failure(negative, fmt::format("sending: {}", sentence(ec)));
      moved(sent_, data.size());
    }
  }

  void send_message(const_bytes data, error_code& ec) {
    for (;;) {
      socket_.send(data, 0, ec);
      // A full queue of a device (CAN, packet): poll says nothing about it.
      if (ec.category() != boost::system::system_category() || ec.value() != ENOBUFS) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  void receive_all() {
    const int from = socket_.native_handle();
    write_all(how_.first);
    const bool done = kernel_stream() && inside_kernel(received_, "receiving", [from] {
                        return ::splice(from, nullptr, 1, nullptr, splice_chunk, SPLICE_F_MOVE);
                      });
    if (!done) receive_copies();
    // Whoever reads stdout has all of it, even while stdin goes on.
    if (const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC); nothing >= 0) {
      ::dup2(nothing, 1);
      ::close(nothing);
    }
  }

  void receive_copies() {
    const auto buffer = std::make_unique<std::byte[]>(chunk);
    for (;;) {
      error_code ec;
      address sender;
      const mutable_bytes into(buffer.get(), chunk);
      const auto n = how_.peer ? socket_.recvfrom(into, sender, 0, ec) : socket_.recv(into, 0, ec);
      if (ec) throw failure(negative, fmt::format("receiving: {}", sentence(ec)));
      if (how_.peer && sender != *how_.peer) continue;
      if (n == 0 && how_.ends) return;
      write_all({buffer.get(), n});
    }
  }

  void write_all(std::span<const std::byte> data) {
    const auto size = data.size();
    while (!data.empty()) {
      const auto n = ::write(1, data.data(), data.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw failure(negative, system_sentence("writing to stdout", errno));
      data = data.subspan(static_cast<std::size_t>(n));
    }
    moved(received_, size);
  }

  socket& socket_;
  const transfer_options& how_;
  const clock::time_point start_ = clock::now();
  std::atomic<std::uint64_t> sent_{0}, received_{0}, moves_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 2;
  std::string trouble_;
};

}  // namespace

int transfer(socket& over, const transfer_options& how) { return pump(over, how).run(); }

}  // namespace afplug::command
