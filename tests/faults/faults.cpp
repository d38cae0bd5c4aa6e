// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <utility>

namespace {

struct armed_state {
  int what = 0;
  long target = -1;
  long passed = 0;
  bool counting = false;
};
thread_local armed_state armed __attribute__((tls_model("initial-exec")));
thread_local char injected[64] __attribute__((tls_model("initial-exec")));
std::atomic<long> live_allocations{0};

void record(const char* call, const char* error) {
  std::snprintf(injected, sizeof injected, "%s%s%s", call, error ? ": " : "", error ? error : "");
  static const bool trace = std::getenv("AFPLUG_FAULTS_TRACE") != nullptr;
  if (!trace) return;
  const auto counting = std::exchange(armed.counting, false);
  void* frames[48];
  const int count = ::backtrace(frames, 48);
  std::fprintf(stderr, "point %ld: %s\n", armed.target, injected);
  ::backtrace_symbols_fd(frames, count, STDERR_FILENO);
  armed.counting = counting;
}

bool allocation_fails() noexcept {
  if (!armed.counting || (armed.what & FAULTS_ALLOCATION) == 0) return false;
  const long at = armed.passed++;
  if (armed.target < 0 || at < armed.target) return false;
  if (at > armed.target && (armed.what & FAULTS_PERSISTENT) == 0) return false;
  record("malloc", nullptr);
  errno = ENOMEM;
  return true;
}

void* counted(void* made) noexcept {
  if (made != nullptr) live_allocations.fetch_add(1, std::memory_order_relaxed);
  return made;
}

/// A result shorter than was asked for: the call is made with one byte.
constexpr int short_count = -1;

/// Returns the error to inject into this call, 0 for none.
int choose(const char* call, std::initializer_list<int> errors) noexcept {
  if (!armed.counting || (armed.what & FAULTS_SYSTEM_CALL) == 0) return 0;
  const long first = armed.passed;
  armed.passed += static_cast<long>(errors.size());
  if (armed.target < 0 || armed.passed <= armed.target) return 0;
  const int* error = errors.begin() + (armed.target - first);
  if (armed.target < first) {
    if ((armed.what & FAULTS_PERSISTENT) == 0) return 0;
    // Not EINTR and short counts, after which callers repeat the call: they would never stop.
    error = std::find_if(errors.begin(), errors.end(), [](int e) { return e != EINTR && e != short_count; });
    if (error == errors.end()) return 0;
  }
  record(call, *error == short_count ? "short count" : ::strerrorname_np(*error));
  return *error;
}

/// The next definition of a function, which is the C library's. It is looked up when the library is loaded: dlsym(3)
/// clears what dlerror(3) would return.
template <class Function>
class original {
 public:
  explicit original(const char* name) noexcept { look_up(name); }
  /// Functions are called before this library is initialised, too.
  Function* get(const char* name) noexcept {
    if (at_ == nullptr) look_up(name);
    return at_;
  }

 private:
  void look_up(const char* name) noexcept { at_ = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name)); }
  Function* at_;
};

// The types of functions keep attributes, such as nonnull, that a template argument does not.
#pragma GCC diagnostic ignored "-Wignored-attributes"
#define FAULTS_ORIGINAL(name) original<decltype(::name)> real_##name(#name)
FAULTS_ORIGINAL(socket);
FAULTS_ORIGINAL(socketpair);
FAULTS_ORIGINAL(accept4);
FAULTS_ORIGINAL(accept);
FAULTS_ORIGINAL(bind);
FAULTS_ORIGINAL(listen);
FAULTS_ORIGINAL(getsockopt);
FAULTS_ORIGINAL(setsockopt);
FAULTS_ORIGINAL(getsockname);
FAULTS_ORIGINAL(getpeername);
FAULTS_ORIGINAL(dup);
FAULTS_ORIGINAL(dup3);
FAULTS_ORIGINAL(eventfd);
FAULTS_ORIGINAL(timerfd_create);
FAULTS_ORIGINAL(epoll_create1);
FAULTS_ORIGINAL(epoll_ctl);
FAULTS_ORIGINAL(epoll_wait);
FAULTS_ORIGINAL(poll);
FAULTS_ORIGINAL(ppoll);
FAULTS_ORIGINAL(stat);
FAULTS_ORIGINAL(lstat);
FAULTS_ORIGINAL(fstat);
FAULTS_ORIGINAL(readlink);
FAULTS_ORIGINAL(opendir);
FAULTS_ORIGINAL(fdopendir);
FAULTS_ORIGINAL(fopen);
FAULTS_ORIGINAL(fopen64);
FAULTS_ORIGINAL(sendmmsg);
FAULTS_ORIGINAL(recvmmsg);
FAULTS_ORIGINAL(pthread_create);
FAULTS_ORIGINAL(open);
FAULTS_ORIGINAL(open64);
FAULTS_ORIGINAL(openat);
FAULTS_ORIGINAL(openat64);
FAULTS_ORIGINAL(fcntl);
FAULTS_ORIGINAL(close);
FAULTS_ORIGINAL(connect);
FAULTS_ORIGINAL(send);
FAULTS_ORIGINAL(sendto);
FAULTS_ORIGINAL(recv);
FAULTS_ORIGINAL(recvfrom);
FAULTS_ORIGINAL(read);
FAULTS_ORIGINAL(write);
FAULTS_ORIGINAL(pread);
FAULTS_ORIGINAL(sendfile);
FAULTS_ORIGINAL(sendmsg);
FAULTS_ORIGINAL(recvmsg);

constexpr std::initializer_list<int> new_descriptor = {EMFILE, ENFILE, ENOMEM};
constexpr std::initializer_list<int> new_socket = {EMFILE, ENFILE, ENOBUFS};
constexpr std::initializer_list<int> sends_bytes = {EINTR, ENOBUFS, short_count};
constexpr std::initializer_list<int> receives_bytes = {EINTR, ENOMEM, short_count};
constexpr std::initializer_list<int> sends_message = {EINTR, ENOBUFS};
constexpr std::initializer_list<int> receives_message = {EINTR, ENOMEM};

// The type decides whether a count may be short. Not counted, and errno is kept.
bool is_stream(int fd) noexcept {
  const int error = errno;
  int type = 0;
  ::socklen_t size = sizeof type;
  const bool stream =
      real_getsockopt.get("getsockopt")(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
  errno = error;
  return stream;
}

// Shortens the buffers of a message to their first byte. False: there is none.
bool shorten(::msghdr& m, ::iovec& one) noexcept {
  for (std::size_t i = 0; i < m.msg_iovlen; ++i)
    if (m.msg_iov[i].iov_len > 0) {
      one = {m.msg_iov[i].iov_base, 1};
      m.msg_iov = &one;
      m.msg_iovlen = 1;
      return true;
    }
  return false;
}

}  // namespace

extern "C" {

void faults_arm(int what, long n) {
  armed = {what, n, 0, true};
  injected[0] = '\0';
}

long faults_disarm() {
  const long passed = armed.passed;
  armed = {};
  return passed;
}

void faults_count_here(int on) { armed.counting = on != 0 && armed.what != 0; }
const char* faults_injected() { return injected[0] == '\0' ? nullptr : injected; }
long faults_live_allocations() { return live_allocations.load(std::memory_order_relaxed); }

// ---- memory ----

// AddressSanitizer has its own malloc, which is found first.
#ifndef __SANITIZE_ADDRESS__

extern void* __libc_malloc(std::size_t);
extern void* __libc_calloc(std::size_t, std::size_t);
extern void* __libc_realloc(void*, std::size_t);
extern void* __libc_memalign(std::size_t, std::size_t);
extern void __libc_free(void*);

void* malloc(std::size_t size) noexcept { return allocation_fails() ? nullptr : counted(__libc_malloc(size)); }

void* calloc(std::size_t count, std::size_t size) noexcept {
  return allocation_fails() ? nullptr : counted(__libc_calloc(count, size));
}

void* realloc(void* old, std::size_t size) noexcept {
  if (allocation_fails()) return nullptr;
  void* const made = __libc_realloc(old, size);
  if (old == nullptr) return counted(made);
  if (made == nullptr && size == 0) live_allocations.fetch_sub(1, std::memory_order_relaxed);
  return made;
}

void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return allocation_fails() ? nullptr : counted(__libc_memalign(alignment, size));
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept { return memalign(alignment, size); }

int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
  void* const made = memalign(alignment, size);
  if (made == nullptr) return ENOMEM;
  *out = made;
  return 0;
}

void free(void* memory) noexcept {
  if (memory == nullptr) return;
  live_allocations.fetch_sub(1, std::memory_order_relaxed);
  __libc_free(memory);
}

#endif

// ---- calls that either are made or fail ----

#define FAULTS_CALL(result, failure, name, parameters, arguments, ...)               \
  result name parameters {                                                           \
    if (const int error = choose(#name, __VA_ARGS__)) return errno = error, failure; \
    return real_##name.get(#name) arguments;                                         \
  }

FAULTS_CALL(int, -1, socket, (int family, int type, int protocol), (family, type, protocol), new_socket)
FAULTS_CALL(int, -1, socketpair, (int family, int type, int protocol, int* ends), (family, type, protocol, ends),
            new_socket)
FAULTS_CALL(int, -1, accept4, (int fd, ::sockaddr* from, ::socklen_t* size, int flags), (fd, from, size, flags),
            {EINTR, EMFILE, ENFILE, ENOBUFS})
FAULTS_CALL(int, -1, accept, (int fd, ::sockaddr* from, ::socklen_t* size), (fd, from, size),
            {EINTR, EMFILE, ENFILE, ENOBUFS})
FAULTS_CALL(int, -1, bind, (int fd, const ::sockaddr* to, ::socklen_t size), (fd, to, size), {ENOMEM})
FAULTS_CALL(int, -1, listen, (int fd, int backlog), (fd, backlog), {ENOBUFS})
FAULTS_CALL(int, -1, getsockopt, (int fd, int level, int number, void* data, ::socklen_t* size),
            (fd, level, number, data, size), {ENOMEM})
FAULTS_CALL(int, -1, setsockopt, (int fd, int level, int number, const void* data, ::socklen_t size),
            (fd, level, number, data, size), {ENOMEM})
FAULTS_CALL(int, -1, getsockname, (int fd, ::sockaddr* to, ::socklen_t* size), (fd, to, size), {ENOBUFS})
FAULTS_CALL(int, -1, getpeername, (int fd, ::sockaddr* to, ::socklen_t* size), (fd, to, size), {ENOBUFS})
FAULTS_CALL(int, -1, dup, (int fd), (fd), {EMFILE})
FAULTS_CALL(int, -1, dup3, (int fd, int to, int flags), (fd, to, flags), {EINTR, EMFILE})
FAULTS_CALL(int, -1, eventfd, (unsigned value, int flags), (value, flags), new_descriptor)
FAULTS_CALL(int, -1, timerfd_create, (::clockid_t clock, int flags), (clock, flags), new_descriptor)
FAULTS_CALL(int, -1, epoll_create1, (int flags), (flags), new_descriptor)
FAULTS_CALL(int, -1, epoll_wait, (int fd, ::epoll_event* events, int count, int limit), (fd, events, count, limit),
            {EINTR})
FAULTS_CALL(int, -1, poll, (::pollfd * fds, ::nfds_t count, int limit), (fds, count, limit), {EINTR, ENOMEM})
FAULTS_CALL(int, -1, ppoll, (::pollfd * fds, ::nfds_t count, const ::timespec* limit, const ::sigset_t* mask),
            (fds, count, limit, mask), {EINTR, ENOMEM})
FAULTS_CALL(int, -1, stat, (const char* path, struct ::stat* out), (path, out), {ENOMEM})
FAULTS_CALL(int, -1, lstat, (const char* path, struct ::stat* out), (path, out), {ENOMEM})
FAULTS_CALL(int, -1, fstat, (int fd, struct ::stat* out), (fd, out), {ENOMEM})
FAULTS_CALL(::ssize_t, -1, readlink, (const char* path, char* to, std::size_t size), (path, to, size), {ENOMEM})
FAULTS_CALL(::DIR*, nullptr, opendir, (const char* path), (path), new_descriptor)
FAULTS_CALL(::DIR*, nullptr, fdopendir, (int fd), (fd), {ENOMEM})
FAULTS_CALL(::FILE*, nullptr, fopen, (const char* path, const char* mode), (path, mode), new_descriptor)
FAULTS_CALL(::FILE*, nullptr, fopen64, (const char* path, const char* mode), (path, mode), new_descriptor)
FAULTS_CALL(int, -1, sendmmsg, (int fd, ::mmsghdr* all, unsigned count, int flags), (fd, all, count, flags),
            sends_message)
FAULTS_CALL(int, -1, recvmmsg, (int fd, ::mmsghdr* all, unsigned count, int flags, ::timespec* limit),
            (fd, all, count, flags, limit), receives_message)

// Only a new entry takes memory (ep_insert() in fs/eventpoll.c).
int epoll_ctl(int fd, int operation, int of, ::epoll_event* event) {
  if (operation == EPOLL_CTL_ADD)
    if (const int error = choose("epoll_ctl", {ENOMEM, ENOSPC})) return errno = error, -1;
  return real_epoll_ctl.get("epoll_ctl")(fd, operation, of, event);
}

int pthread_create(::pthread_t* thread, const ::pthread_attr_t* attributes, void* (*start)(void*), void* argument) {
  if (choose("pthread_create", {EAGAIN}) != 0) return EAGAIN;
  auto* const real = real_pthread_create.get("pthread_create");
  return real(thread, attributes, start, argument);
}

#define FAULTS_OPEN(name, parameters, first)                                       \
  int name parameters {                                                            \
    ::mode_t mode = 0;                                                             \
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {                                    \
      va_list rest;                                                                \
      va_start(rest, flags);                                                       \
      mode = va_arg(rest, ::mode_t);                                               \
      va_end(rest);                                                                \
    }                                                                              \
    if (const int error = choose(#name, new_descriptor)) return errno = error, -1; \
    return real_##name.get(#name) first;                                           \
  }
FAULTS_OPEN(open, (const char* path, int flags, ...), (path, flags, mode))
FAULTS_OPEN(open64, (const char* path, int flags, ...), (path, flags, mode))
FAULTS_OPEN(openat, (int directory, const char* path, int flags, ...), (directory, path, flags, mode))
FAULTS_OPEN(openat64, (int directory, const char* path, int flags, ...), (directory, path, flags, mode))

int fcntl(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
    if (const int error = choose("fcntl(F_DUPFD)", {EMFILE})) return errno = error, -1;
  auto* const real = real_fcntl.get("fcntl");
  return real(fd, command, argument);
}

// ---- calls that have effects although they fail ----

int close(int fd) {
  auto* const real = real_close.get("close");
  const int error = choose("close", {EINTR});
  const int result = real(fd);
  return error == 0 || result != 0 ? result : (errno = error, -1);
}

// A connect(2) that a signal interrupts continues; that of a UNIX socket does not (unix_stream_connect()).
int connect(int fd, const ::sockaddr* to, ::socklen_t size) {
  const int error = choose("connect", {ENOBUFS, EINTR});
  if (error != 0 && (error != EINTR || to == nullptr || to->sa_family == AF_UNIX)) return errno = error, -1;
  auto* const real = real_connect.get("connect");
  const int result = real(fd, to, size);
  return error == 0 || result != 0 ? result : (errno = error, -1);
}

// ---- calls that may transfer fewer bytes ----

#define FAULTS_TRANSFER(name, parameters, arguments, size, errors, message_errors, streams) \
  ::ssize_t name parameters {                                                               \
    const int error = choose(#name, (streams) ? errors : message_errors);                   \
    if (error > 0) return errno = error, -1;                                                \
    if (error == short_count && size > 1) size = 1;                                         \
    return real_##name.get(#name) arguments;                                                \
  }
FAULTS_TRANSFER(send, (int fd, const void* data, std::size_t size, int flags), (fd, data, size, flags), size,
                sends_bytes, sends_message, is_stream(fd))
FAULTS_TRANSFER(sendto,
                (int fd, const void* data, std::size_t size, int flags, const ::sockaddr* to, ::socklen_t to_size),
                (fd, data, size, flags, to, to_size), size, sends_bytes, sends_message, is_stream(fd))
FAULTS_TRANSFER(recv, (int fd, void* data, std::size_t size, int flags), (fd, data, size, flags), size, receives_bytes,
                receives_message, is_stream(fd))
FAULTS_TRANSFER(recvfrom, (int fd, void* data, std::size_t size, int flags, ::sockaddr* from, ::socklen_t* from_size),
                (fd, data, size, flags, from, from_size), size, receives_bytes, receives_message, is_stream(fd))
FAULTS_TRANSFER(read, (int fd, void* data, std::size_t size), (fd, data, size), size, receives_bytes, receives_bytes,
                true)
FAULTS_TRANSFER(write, (int fd, const void* data, std::size_t size), (fd, data, size), size, sends_bytes, sends_bytes,
                true)
FAULTS_TRANSFER(pread, (int fd, void* data, std::size_t size, ::off_t at), (fd, data, size, at), size, receives_bytes,
                receives_bytes, true)
FAULTS_TRANSFER(sendfile, (int to, int from, ::off_t* at, std::size_t size), (to, from, at, size), size, sends_bytes,
                sends_bytes, true)

::ssize_t sendmsg(int fd, const ::msghdr* message, int flags) {
  const int error = choose("sendmsg", is_stream(fd) ? sends_bytes : sends_message);
  if (error > 0) return errno = error, -1;
  auto* const real = real_sendmsg.get("sendmsg");
  ::msghdr m = *message;
  ::iovec one{};
  return real(fd, error == short_count && shorten(m, one) ? &m : message, flags);
}

::ssize_t recvmsg(int fd, ::msghdr* message, int flags) {
  const int error = choose("recvmsg", is_stream(fd) ? receives_bytes : receives_message);
  if (error > 0) return errno = error, -1;
  auto* const real = real_recvmsg.get("recvmsg");
  const auto buffers = std::pair(message->msg_iov, message->msg_iovlen);
  ::iovec one{};
  if (error == short_count) shorten(*message, one);
  const auto result = real(fd, message, flags);
  message->msg_iov = buffers.first;
  message->msg_iovlen = buffers.second;
  return result;
}

}  // extern "C"
