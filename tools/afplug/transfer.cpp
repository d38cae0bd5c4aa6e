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

std::string system_error_text(const char* what, int error) { return fmt::format("{}: {}", what, std::strerror(error)); }

/// "12.3 MiB".
std::string amount(double bytes) {
  constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t i = 0;
  for (; bytes >= 1024 && i + 1 < std::size(units); ++i) bytes /= 1024;
  return i == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[i]);
}

class pump {
 public:
  pump(socket& s, const transfer_options& options) : socket_(s), options_(options) {}

  int run() {
    std::thread out([this] { run_direction(&pump::send_all); });
    std::thread in([this] { run_direction(&pump::receive_all); });
    std::string error;
    const bool complete = wait_for_end(error);
    if (options_.progress) show_progress(true);
    if (complete) {
      out.join();
      in.join();
      return success;
    }
    // A thread may be blocked in a system call that does not end: exit without joining it.
    if (!error.empty()) print_message(error);
    error_code ignored;
    socket_.shutdown(SHUT_RDWR, ignored);
    std::fflush(nullptr);
    std::_Exit(error.empty() ? success : failed);
  }

 private:
  /// Returns true once both directions have ended; false on an error, with its text, or after the idle timeout.
  bool wait_for_end(std::string& error) {
    std::unique_lock lock(mutex_);
    auto step = options_.progress ? std::chrono::milliseconds(500) : std::chrono::milliseconds(60'000);
    std::uint64_t before = 0;
    auto since = clock::now();
    for (;;) {
      if (!error_.empty()) {
        error = error_;
        return false;
      }
      if (running_ == 0) return true;
      if (options_.idle) {
        const auto now = clock::now();
        if (const auto total = transfers_.load(); total != before) {
          before = total;
          since = now;
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(since + *options_.idle - now);
        if (left.count() <= 0) return false;
        step = std::min(step, left);
      }
      changed_.wait_for(lock, step);
      if (options_.progress) show_progress(false);
    }
  }

  void show_progress(bool last) {
    const auto now = clock::now();
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const auto sent = static_cast<double>(sent_.load()), received = static_cast<double>(received_.load());
    fmt::print(stderr, "\r{} sent, {} received, {}/s\x1b[K{}", amount(sent), amount(received),
               amount((sent + received) / std::max(seconds, 1e-6)), last ? "\n" : "");
    std::fflush(stderr);
  }

  void run_direction(void (pump::*body)()) {
    std::string error;
    try {
      (this->*body)();
    } catch (const std::exception& e) {
      error = e.what();
    }
    const std::lock_guard lock(mutex_);
    --running_;
    if (error_.empty()) error_ = error;
    changed_.notify_one();
  }

  void count(std::atomic<std::uint64_t>& counter, std::size_t n) {
    counter.fetch_add(n, std::memory_order_relaxed);
    transfers_.fetch_add(1, std::memory_order_relaxed);
  }

  bool kernel_stream() const { return !options_.messages && !socket_.in_user_space(); }

  /// Repeats splice(2) or sendfile(2) until the end of file. Returns false if the kernel does not support the call for
  /// these descriptors; nothing was transferred then.
  template <class F>
  bool transfer_in_kernel(std::atomic<std::uint64_t>& counter, const char* what, F call) {
    for (bool first = true;; first = false) {
      const auto n = call();
      if (n > 0) {
        count(counter, static_cast<std::size_t>(n));
      } else if (n == 0) {
        return true;
      } else if (errno != EINTR) {
        if (first && (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP || errno == EBADF || errno == ESPIPE))
          return false;
        throw failure(failed, system_error_text(what, errno));
      }
    }
  }

  void send_all() {
    const int to = socket_.native_handle();
    const bool done =
        kernel_stream() &&
        (transfer_in_kernel(sent_, "sending",
                            [to] { return ::splice(0, nullptr, to, nullptr, splice_chunk, SPLICE_F_MOVE); }) ||
         transfer_in_kernel(sent_, "sending", [to] { return ::sendfile(to, 0, nullptr, sendfile_chunk); }));
    if (!done) send_copies();
    if (options_.half_close) {
      error_code ec;
      socket_.shutdown(SHUT_WR, ec);
      if (ec && ec.value() != ENOTCONN) throw failure(failed, error_text(ec));  // ENOTCONN: the peer has already closed
    }
  }

  void send_copies() {
    const std::size_t capacity = options_.messages ? options_.message_size : chunk;
    const auto buffer = std::make_unique<std::byte[]>(capacity);
    for (;;) {
      const auto n = ::read(0, buffer.get(), capacity);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw failure(failed, system_error_text("reading stdin", errno));
      if (n == 0) return;
      const const_bytes data(buffer.get(), static_cast<std::size_t>(n));
      error_code ec;
      if (options_.messages)
        send_message(data, ec);
      else
        socket_.sendall(data, 0, ec);
      if (ec.value() == EMSGSIZE)
        throw failure(
            failed,
            fmt::format("sending: a message of {} bytes is too long; set a smaller maximum with --message-size", n));
      if (ec) throw failure(failed, fmt::format("sending: {}", error_text(ec)));
      count(sent_, data.size());
    }
  }

  void send_message(const_bytes data, error_code& ec) {
    for (;;) {
      socket_.send(data, 0, ec);
      // ENOBUFS: the transmit queue of the device is full (CAN, packet). poll(2) does not wait for it: retry.
      if (ec.category() != boost::system::system_category() || ec.value() != ENOBUFS) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  void receive_all() {
    const int from = socket_.native_handle();
    write_all(options_.received);
    const bool done = kernel_stream() && transfer_in_kernel(received_, "receiving", [from] {
                        return ::splice(from, nullptr, 1, nullptr, splice_chunk, SPLICE_F_MOVE);
                      });
    if (!done) receive_copies();
    // Close stdout, so that its reader sees the end of file even while stdin is still being sent.
    if (const int null_fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC); null_fd >= 0) {
      ::dup2(null_fd, 1);
      ::close(null_fd);
    }
  }

  void receive_copies() {
    const auto buffer = std::make_unique<std::byte[]>(chunk);
    for (;;) {
      error_code ec;
      address sender;
      const mutable_bytes into(buffer.get(), chunk);
      const auto n = options_.peer ? socket_.recvfrom(into, sender, 0, ec) : socket_.recv(into, 0, ec);
      if (ec) throw failure(failed, fmt::format("receiving: {}", error_text(ec)));
      if (options_.peer && sender != *options_.peer) continue;
      if (n == 0 && options_.empty_is_eof) return;
      write_all({buffer.get(), n});
    }
  }

  void write_all(std::span<const std::byte> data) {
    const auto size = data.size();
    while (!data.empty()) {
      const auto n = ::write(1, data.data(), data.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw failure(failed, system_error_text("writing to stdout", errno));
      data = data.subspan(static_cast<std::size_t>(n));
    }
    count(received_, size);
  }

  socket& socket_;
  const transfer_options& options_;
  const clock::time_point start_ = clock::now();
  std::atomic<std::uint64_t> sent_{0}, received_{0}, transfers_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 2;
  std::string error_;
};

}  // namespace

int transfer(socket& s, const transfer_options& options) { return pump(s, options).run(); }

}  // namespace afplug::command
