// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// sendfile(2).
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE(sendfile_on_stream, t.delivery.stream && !t.delivery.send_limited_to_mtu);
CONFORMANCE(sendfile_limited_to_mtu, t.delivery.stream&& t.delivery.send_limited_to_mtu);
CONFORMANCE(sendfile_on_messages, !t.delivery.stream);

class temporary_file {
 public:
  explicit temporary_file(const std::string& content) : fd_(::memfd_create("afplug", MFD_CLOEXEC)) {
    for (std::size_t done = 0; done < content.size();) {
      const auto n = ::write(fd_, content.data() + done, content.size() - done);
      if (n <= 0) throw std::runtime_error("write");
      done += static_cast<std::size_t>(n);
    }
    ::lseek(fd_, 0, SEEK_SET);
  }
  ~temporary_file() { ::close(fd_); }
  operator int() const { return fd_; }
  off_t position() const { return ::lseek(fd_, 0, SEEK_CUR); }

 private:
  int fd_;
};

// Receives everything until the end of file.
class collector {
 public:
  explicit collector(afplug::socket& s)
      : thread_([this, &s] {
          std::string into(1 << 18, '\0');
          error_code ec;
          while (const auto n = s.recv(into, 0, ec)) got_.append(into, 0, n);
        }) {}
  const std::string& join() {
    thread_.join();
    return got_;
  }

 private:
  std::string got_;
  helper_thread thread_;
};

TEST_P(sendfile_on_stream, sends_a_file_or_a_part) {
  const std::size_t part = r().parameters.bulk_size / 10;
  const std::string content = pattern(3 * part);
  const temporary_file f(content);
  struct {
    std::uint64_t offset;
    std::optional<std::uint64_t> count;
    std::uint64_t sent;
  } const cases[] = {{0, {}, content.size()},      {20, 30, 30},
                     {part, {}, 2 * part},         {0, 1, 1},
                     {content.size() - 5, 100, 5}, {content.size(), {}, 0},
                     {content.size() + 100, {}, 0}};
  for (const auto& limit : {std::optional<std::chrono::nanoseconds>{}, {patience}})
    for (const auto& c : cases) {
      SCOPED_TRACE(c.offset);
      auto l = connected();
      l.a.timeout(limit);
      collector reader(l.b);
      EXPECT_EQ(l.a.sendfile(f, c.offset, c.count), c.sent);
      EXPECT_EQ(f.position(), static_cast<off_t>(c.offset + c.sent));
      end_sending(l.a);
      EXPECT_TRUE(reader.join() ==
                  (c.sent ? content.substr(static_cast<std::size_t>(c.offset), static_cast<std::size_t>(c.sent)) : ""));
    }
}

TEST_P(sendfile_on_stream, may_be_empty) {
  auto l = connected();
  const temporary_file f("");
  EXPECT_EQ(l.a.sendfile(f), 0u);
  EXPECT_EQ(f.position(), 0);
  end_sending(l.a);
  char byte[1];
  EXPECT_EQ(ERROR_OF(l.b.recv(byte, 0, _)), sys(error_at_end()));
}

TEST_P(sendfile_on_stream, sends_files_that_sendfile_2_cannot) {
  // sendfile(2) takes neither files of /proc, which are not mmap-able, nor pipes.
  const int proc = ::open("/proc/self/limits", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(proc, 0);
  std::string content(1 << 16, '\0');
  content.resize(static_cast<std::size_t>(::read(proc, content.data(), content.size())));
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ASSERT_EQ(::write(ends[1], content.data(), content.size()), static_cast<ssize_t>(content.size()));
  ::close(ends[1]);
  for (int fd : {proc, ends[0]}) {
    auto l = connected();
    collector reader(l.b);
    EXPECT_EQ(l.a.sendfile(fd), content.size());
    end_sending(l.a);
    EXPECT_EQ(reader.join(), content);
    ::close(fd);
  }
}

TEST_P(sendfile_on_stream, refuses_what_is_not_a_readable_file) {
  auto l = connected();
  EXPECT_EQ(ERROR_OF(l.a.sendfile(-1, 0, {}, _)), sys(EBADF));
  const int directory = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  EXPECT_EQ(ERROR_OF(l.a.sendfile(directory, 0, {}, _)), sys(EISDIR));
  ::close(directory);
  const int writing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  EXPECT_EQ(ERROR_OF(l.a.sendfile(writing, 0, {}, _)), sys(EBADF));
  ::close(writing);
  const temporary_file f("x");
  EXPECT_EQ(ERROR_OF(l.a.sendfile(f, 0, 0, _)), error_code(afplug::errc::invalid_argument));
  EXPECT_EQ(ERROR_OF(l.a.sendfile(f, ~0ull, {}, _)), error_code(afplug::errc::invalid_argument));
}

TEST_P(sendfile_on_stream, refuses_a_non_blocking_socket) {
  auto l = connected();
  l.a.timeout(0ns);
  const temporary_file f("x");
  EXPECT_EQ(ERROR_OF(l.a.sendfile(f, 0, {}, _)), error_code(afplug::errc::invalid_argument));
  EXPECT_THROW(l.a.sendfile(f), afplug::error);
  EXPECT_EQ(f.position(), 0);
}

TEST_P(sendfile_on_stream, has_one_deadline_and_moves_the_file_offset) {
  auto l = connected();
  l.a.timeout(100ms);
  const std::string content = pattern(r().parameters.bulk_size / 10 * 16);
  const temporary_file f(content);
  const auto before = clock::now();
  error_code ec;
  const auto sent = l.a.sendfile(f, 10, {}, ec);
  EXPECT_EQ(ec, timed_out);
  EXPECT_GE(clock::now() - before, 100ms);
  EXPECT_GT(sent, 0u);
  EXPECT_LT(sent, content.size());
  EXPECT_EQ(f.position(), static_cast<off_t>(10 + sent));
  end_sending(l.a);
  collector reader(l.b);
  EXPECT_TRUE(reader.join() == content.substr(10, static_cast<std::size_t>(sent)));
}

TEST_P(sendfile_on_stream, reports_epipe_without_sigpipe) {
  const temporary_file f(pattern(1 << 20));
  for (const auto& limit : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    auto l = connected();
    l.a.timeout(limit);
    end_sending(l.a);
    error_code ec;
    EXPECT_EQ(l.a.sendfile(f, 0, {}, ec), 0u);
    EXPECT_EQ(ec, sys(EPIPE));
    EXPECT_EQ(f.position(), 0);
  }
}

TEST_P(sendfile_on_stream, keeps_the_signal_mask_and_pending_signals) {
  auto l = connected();
  end_sending(l.a);
  const temporary_file f("content");
  sigset_t pipe, before, after, pending;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  EXPECT_EQ(ERROR_OF(l.a.sendfile(f, 0, {}, _)), sys(EPIPE));
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(::sigismember(&before, SIGPIPE), ::sigismember(&after, SIGPIPE));
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
  // A SIGPIPE that the program has blocked itself stays pending.
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  ::pthread_kill(::pthread_self(), SIGPIPE);
  EXPECT_EQ(ERROR_OF(l.a.sendfile(f, 0, {}, _)), sys(EPIPE));
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 1);
  const timespec now{};
  EXPECT_EQ(::sigtimedwait(&pipe, nullptr, &now), SIGPIPE);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_P(sendfile_on_stream, continues_after_signals_unless_the_hook_ends_it) {
  const std::size_t part = r().parameters.bulk_size / 10;
  const std::string content = pattern(16 * part);
  const temporary_file f(content);
  for (const auto& limit : {std::optional<std::chrono::nanoseconds>{}, {patience}}) {
    auto l = connected();
    l.a.timeout(limit);
    std::string got;
    {
      const signal_storm storm(1ms);
      helper_thread reader([&] {
        signal_storm::wait_for(4);
        std::string into(1 << 20, '\0');
        error_code ec;
        while (const auto n = l.b.recv(into, 0, ec)) {
          got.append(into, 0, n);
          if (got.size() < 4 * part) signal_storm::wait_for(1);
        }
      });
      EXPECT_EQ(l.a.sendfile(f), content.size());
      end_sending(l.a);
    }
    EXPECT_TRUE(got == content);
    auto k = connected();
    k.a.timeout(limit);
    const signal_storm storm;
    const afplug::scoped_interrupt_hook scope([] { return true; });
    error_code ec;
    const auto sent = k.a.sendfile(f, 0, {}, ec);
    EXPECT_EQ(ec, error_code(afplug::errc::interrupted));
    EXPECT_LT(sent, content.size());
    EXPECT_EQ(f.position(), static_cast<off_t>(sent));
  }
}

TEST_P(sendfile_limited_to_mtu, sends_a_message_and_refuses_more) {
  auto l = connected();
  const temporary_file large(pattern(1 << 16)), f("content");
  EXPECT_EQ(ERROR_OF(l.a.sendfile(large, 0, {}, _)), sys(EMSGSIZE));
  EXPECT_EQ(large.position(), 0);
  EXPECT_EQ(l.a.sendfile(f), 7u);
  EXPECT_EQ(receive(l.b), "content");
}

TEST_P(sendfile_on_messages, sends_one_message_or_is_refused) {
  auto l = connected();
  const temporary_file f("content");
  if (r().type == SOCK_STREAM) {
    EXPECT_EQ(l.a.sendfile(f), 7u);
    l.a.send(message(1));  // the end of a file may be held back for more data
    EXPECT_EQ(receive(l.b), "content");
    EXPECT_EQ(receive(l.b), message(1));
    return;
  }
  EXPECT_EQ(ERROR_OF(l.a.sendfile(f, 0, {}, _)), error_code(afplug::errc::invalid_argument));
  EXPECT_NE(afplug::last_detail().find("SOCK_STREAM"), std::string_view::npos) << afplug::last_detail();
}

}  // namespace
}  // namespace conformance
