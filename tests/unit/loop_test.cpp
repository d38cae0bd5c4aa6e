// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The slots of the user-space family plugins/loop, called without libafplug.
#include <afplug/plugin.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../support/descriptors.hpp"

namespace {

using afplug::testing_support::open_descriptor_count;
using namespace std::string_literals;
using testing::ElementsAre;

constexpr int SOL_LOOP = 0x4c4f4f50, LOOP_INQ = 1, LOOP_OUTQ = 2, LOOP_BACKLOG = 3, LOOP_PENDING = 4;
constexpr std::int32_t number = AFPLUG_NUMBER_LOCAL + 7;  // hosts assign such numbers

const afplug_family& family() {
  static const afplug_family& loaded = [&]() -> const afplug_family& {
    void* library = ::dlopen(AFPLUG_LOOP_PLUGIN, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == nullptr) throw std::runtime_error(::dlerror());
    const auto entry = reinterpret_cast<afplug_entry_fn>(::dlsym(library, "afplug_entry"));
    afplug_host host{};
    host.size = sizeof host;
    host.abi_major = AFPLUG_ABI_MAJOR;
    host.abi_minor = AFPLUG_ABI_MINOR;
    afplug_plugin plugin{};
    plugin.size = sizeof plugin;
    if (entry == nullptr || entry(&host, &plugin) != 0) throw std::runtime_error("afplug_entry");
    return *static_cast<const afplug_family*>(plugin.families.data);
  }();
  return loaded;
}

const afplug_user_ops& ops() { return *family().user_ops; }

afplug_identity identity(int type, int protocol = 0) { return {"loop", number, type, protocol, 0}; }

using raw_address = afplug_sockaddr;

raw_address parse(std::string_view text) {
  raw_address address{};
  const auto id = identity(SOCK_STREAM);
  EXPECT_EQ(family().codec->parse(&id, text.data(), text.size(), &address, nullptr), 0) << text;
  return address;
}

std::string text_of(const raw_address& a) {
  std::array<char, 512> buffer;
  afplug_text out{buffer.data(), buffer.size(), 0};
  const auto id = identity(SOCK_STREAM);
  EXPECT_EQ(family().codec->format(&id, a.u.bytes, a.length, &out), 0);
  return {buffer.data(), out.size};
}

// The result of recvmsg.
struct received {
  int result = 0;
  std::string bytes;
  std::uint64_t count = 0;
  int flags = 0;
  std::optional<raw_address> from;
  std::vector<int> rights;
  std::optional<::ucred> sender;
};

// A socket of the family.
class sock {
 public:
  sock() = default;
  explicit sock(int type) {
    const auto id = identity(type);
    EXPECT_EQ(ops().open(&id, &state_, &pollable_), 0);
  }
  sock(sock&& other) noexcept { std::swap(state_, other.state_), std::swap(pollable_, other.pollable_); }
  sock& operator=(sock&& other) noexcept {
    std::swap(state_, other.state_), std::swap(pollable_, other.pollable_);
    return *this;
  }
  ~sock() { close(); }
  void close(std::uint32_t flags = 0) {
    if (state_ != nullptr) ops().close(std::exchange(state_, nullptr), flags);
  }
  static std::pair<sock, sock> pair(int type) {
    void* states[2];
    std::int64_t pollables[2];
    const auto id = identity(type);
    EXPECT_EQ(ops().pair(&id, states, pollables), 0);
    std::pair<sock, sock> ends;
    ends.first.state_ = states[0], ends.first.pollable_ = pollables[0];
    ends.second.state_ = states[1], ends.second.pollable_ = pollables[1];
    return ends;
  }

  int bind(std::string_view name) {
    const auto a = parse(name);
    return ops().bind(state_, a.u.bytes, a.length);
  }
  int listen(int backlog) { return ops().listen(state_, backlog); }
  int connect(std::string_view name) {
    const auto a = parse(name);
    return ops().connect(state_, a.u.bytes, a.length);
  }
  int connect_result() { return ops().connect_result(state_); }
  int shutdown(int how) { return ops().shutdown(state_, how); }
  int accept(sock& accepted, raw_address* peer = nullptr) {
    return ops().accept(state_, &accepted.state_, &accepted.pollable_, peer);
  }
  sock dup() {
    sock duplicate;
    EXPECT_EQ(ops().dup(state_, &duplicate.state_, &duplicate.pollable_), 0);
    return duplicate;
  }

  // Bytes sent, or -errno.
  long send(std::string_view data, int flags = 0, const char* to = nullptr, std::string control = {}) {
    const afplug_buffer halves[] = {{const_cast<char*>(data.data()), data.size() / 2},
                                    {const_cast<char*>(data.data()) + data.size() / 2, data.size() - data.size() / 2}};
    auto address = to != nullptr ? parse(to) : raw_address{};
    afplug_message message{};
    message.size = sizeof message;
    message.flags = flags;
    message.address = to != nullptr ? address.u.bytes : nullptr;
    message.address_size = address.length;
    message.buffers = halves;
    message.buffer_count = 2;
    message.control = control.empty() ? nullptr : control.data();
    message.control_size = static_cast<std::uint32_t>(control.size());
    std::uint64_t sent = 0;
    const auto result = ops().sendmsg(state_, &message, &sent);
    return result < 0 ? result : static_cast<long>(sent);
  }

  received recvmsg(std::size_t capacity, int flags = 0, std::size_t control_capacity = 256) {
    std::string bytes(capacity, '?');
    const std::size_t first = capacity / 3;
    const afplug_buffer buffers[] = {{bytes.data(), first}, {bytes.data() + first, capacity - first}};
    raw_address from{};
    alignas(::cmsghdr) std::array<char, 1024> control{};
    afplug_message message{};
    message.size = sizeof message;
    message.flags = flags;
    message.address = from.u.bytes;
    message.address_size = sizeof from.u.bytes;
    message.buffers = buffers;
    message.buffer_count = 2;
    message.control = control.data();
    message.control_size = static_cast<std::uint32_t>(control_capacity);
    received out;
    out.result = ops().recvmsg(state_, &message, &out.count);
    if (out.result != 0) return out;
    out.flags = message.flags;
    out.bytes = bytes.substr(0, static_cast<std::size_t>(out.count));
    if (message.address_size > 0) {
      from.length = message.address_size;
      out.from = from;
    }
    ::msghdr header{};
    header.msg_control = control.data();
    header.msg_controllen = message.control_size;
    for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_type == SCM_RIGHTS) {
        out.rights.resize((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        std::memcpy(out.rights.data(), CMSG_DATA(c), out.rights.size() * sizeof(int));
      } else if (c->cmsg_type == SCM_CREDENTIALS) {
        std::memcpy(&out.sender.emplace(), CMSG_DATA(c), sizeof(::ucred));
      }
    }
    return out;
  }
  // The bytes received, or "errno N".
  std::string recv(std::size_t capacity = 100, int flags = 0) {
    const auto all = recvmsg(capacity, flags);
    return all.result == 0 ? all.bytes : "errno " + std::to_string(-all.result);
  }

  template <class T = int>
  int get(int level, int option, T& value) {
    std::uint32_t bytes = sizeof value;
    const int result = ops().get_option(state_, level, option, &value, &bytes);
    EXPECT_TRUE(result != 0 || bytes == sizeof value);
    return result;
  }
  int number_of(int option, int level = SOL_SOCKET) {
    int value = -1;
    EXPECT_EQ(get(level, option, value), 0);
    return value;
  }
  template <class T = int>
  int set(int option, const T& value, int level = SOL_SOCKET) {
    return ops().set_option(state_, level, option, &value, sizeof value);
  }
  std::string local() {
    raw_address a{};
    EXPECT_EQ(ops().getsockname(state_, &a), 0);
    return text_of(a);
  }
  std::string peer() {
    raw_address a{};
    const int result = ops().getpeername(state_, &a);
    return result == 0 ? text_of(a) : "errno " + std::to_string(-result);
  }

  // The events that poll(2) reports for the descriptor.
  short polled() const {
    ::pollfd one{fd(), POLLIN | POLLOUT | POLLRDHUP, 0};
    EXPECT_GE(::poll(&one, 1, 0), 0);
    return one.revents;
  }
  int readiness() const { return ops().readiness(state_, POLLIN | POLLOUT | POLLRDHUP); }
  int fd() const { return static_cast<int>(pollable_); }
  void* state() const { return state_; }

 private:
  void* state_ = nullptr;
  std::int64_t pollable_ = -1;
};

std::string error(int e) { return "errno " + std::to_string(e); }

std::string control_of(int type, const void* data, std::size_t size) {
  std::string message(CMSG_SPACE(size), '\0');
  ::cmsghdr header{};
  header.cmsg_len = CMSG_LEN(size);
  header.cmsg_level = SOL_SOCKET;
  header.cmsg_type = type;
  std::memcpy(message.data(), &header, sizeof header);
  std::memcpy(message.data() + CMSG_LEN(0), data, size);
  return message;
}

std::string rights_of(std::vector<int> descriptors) {
  return control_of(SCM_RIGHTS, descriptors.data(), descriptors.size() * sizeof(int));
}

// A listening socket with a name of its own.
struct server {
  explicit server(int type, int backlog = 5) : listener(type) {
    static std::atomic<int> count;
    name = "server-" + std::to_string(++count);
    EXPECT_EQ(listener.bind(name), 0);
    EXPECT_EQ(listener.listen(backlog), 0);
  }
  std::pair<sock, sock> connection() {
    std::pair<sock, sock> ends;
    ends.first = sock(listener.number_of(SO_TYPE));
    EXPECT_EQ(ends.first.connect(name), 0);
    EXPECT_EQ(listener.accept(ends.second), 0);
    return ends;
  }
  sock listener;
  std::string name;
};

// Sends until EAGAIN; returns the number of bytes.
long fill(sock& s, std::size_t piece = 1000) {
  long all = 0;
  const std::string data(piece, 'x');
  for (;;) {
    const long n = s.send(data);
    if (n < 0) {
      EXPECT_EQ(n, -EAGAIN);
      return all;
    }
    all += n;
  }
}

// ---- addresses ----

TEST(loop_address, text_and_bytes_round_trip) {
  struct row {
    std::string name, text;
  };
  for (const row& r : {row{"", ""},
                       {"a", "a"},
                       {"any", "any"},
                       {"a%b", "a%25b"},
                       {"a\0"s, "a%00"},
                       {"\0"s, "%00"},
                       {"grüße", "grüße"},
                       {"\xff", "%ff"},
                       {"two words", "two words"},
                       {"x?y&z", "x?y&z"},
                       {std::string(126, 'n'), std::string(126, 'n')}}) {
    const auto a = parse(r.text);
    EXPECT_EQ(a.length, 2 + r.name.size());
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(a.u.bytes) + 2, a.length - 2), r.name);
    EXPECT_EQ(text_of(a), r.text);
  }
}

TEST(loop_address, every_byte_round_trips) {
  const auto id = identity(SOCK_STREAM);
  for (int byte = 0; byte < 256; ++byte) {
    afplug_value value{};
    value.kind = AFPLUG_KIND_TEXT;
    value.size = 3;
    value.bytes[0] = value.bytes[2] = static_cast<std::uint8_t>(byte);
    value.bytes[1] = 'x';
    raw_address a{};
    ASSERT_EQ(family().codec->set(&id, &value, 1, &a, nullptr), 0);
    const auto again = parse(text_of(a));
    ASSERT_EQ(again.length, a.length);
    EXPECT_EQ(std::memcmp(again.u.bytes, a.u.bytes, a.length), 0) << byte;
    afplug_value back{};
    ASSERT_EQ(family().codec->get(&id, a.u.bytes, a.length, &back, 1), 1);
    EXPECT_EQ(back.size, 3u);
    EXPECT_EQ(std::memcmp(back.bytes, value.bytes, 3), 0);
  }
}

TEST(loop_address, refuses_invalid_addresses) {
  const auto id = identity(SOCK_STREAM);
  std::array<char, 200> buffer;
  afplug_text error_text{buffer.data(), buffer.size(), 0};
  raw_address untouched{};
  untouched.length = 77;
  const std::string longest(127, 'n');
  EXPECT_EQ(family().codec->parse(&id, longest.data(), longest.size(), &untouched, &error_text), -ENAMETOOLONG);
  EXPECT_THAT(std::string(buffer.data(), error_text.size), testing::HasSubstr("127"));
  EXPECT_EQ(family().codec->parse(&id, "a%4", 3, &untouched, &error_text), -EINVAL);
  EXPECT_THAT(std::string(buffer.data(), error_text.size), testing::HasSubstr("a%4"));
  EXPECT_EQ(untouched.length, 77u);
  const std::uint16_t inet = AF_INET;
  EXPECT_EQ(family().codec->format(&id, &inet, sizeof inet, &error_text), -EINVAL);
  EXPECT_EQ(family().codec->format(&id, &inet, 1, &error_text), -EINVAL);
  EXPECT_EQ(family().codec->get(&id, &inet, sizeof inet, nullptr, 0), -EINVAL);
}

TEST(loop_address, bind_to_the_empty_name_chooses_a_name) {
  sock a(SOCK_DGRAM), b(SOCK_STREAM);
  EXPECT_EQ(a.local(), "");
  EXPECT_EQ(a.bind(""), 0);
  EXPECT_EQ(b.bind(""), 0);
  EXPECT_EQ(a.local().substr(0, 1), "#");
  EXPECT_NE(a.local(), b.local());
  const auto name = a.local();
  EXPECT_EQ(a.bind(""), 0) << "already has a name";
  EXPECT_EQ(a.local(), name);
}

// ---- connections ----

TEST(loop_stream, connects_and_transfers_bytes) {
  server s(SOCK_STREAM);
  sock client(SOCK_STREAM), peer;
  ASSERT_EQ(client.bind("client-1"), 0);
  ASSERT_EQ(client.connect(s.name), 0);
  EXPECT_EQ(client.send("early"), 5) << "before it is accepted";
  raw_address from{};
  ASSERT_EQ(s.listener.accept(peer, &from), 0);
  EXPECT_EQ(text_of(from), "client-1");
  EXPECT_EQ(peer.peer(), "client-1");
  EXPECT_EQ(peer.local(), s.name);
  EXPECT_EQ(client.peer(), s.name);
  EXPECT_EQ(client.send("+late"), 5);
  EXPECT_EQ(peer.recv(4), "earl");
  EXPECT_EQ(peer.recv(), "y+late");
  EXPECT_EQ(peer.recv(), error(EAGAIN));
  EXPECT_EQ(peer.send("answer"), 6);
  EXPECT_EQ(client.recv(), "answer");
  EXPECT_NE(::fcntl(peer.fd(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(client.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(loop_stream, peek_leaves_the_data) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  a.send("abc");
  EXPECT_EQ(b.recv(2, MSG_PEEK), "ab");
  EXPECT_EQ(b.recv(9, MSG_PEEK), "abc");
  EXPECT_EQ(b.recv(9), "abc");
  EXPECT_EQ(b.recv(9, MSG_PEEK), error(EAGAIN));
  EXPECT_EQ(b.recv(0), "") << "zero bytes are always available";
}

TEST(loop_stream, half_close_gives_end_of_file) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  a.send("last");
  ASSERT_EQ(a.shutdown(SHUT_WR), 0);
  EXPECT_EQ(a.send("more"), -EPIPE);
  EXPECT_EQ(b.polled(), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_EQ(b.recv(), "last");
  EXPECT_EQ(b.recv(), "");
  EXPECT_EQ(b.recv(), "");
  EXPECT_EQ(b.polled(), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_EQ(b.send("back"), 4);
  EXPECT_EQ(a.recv(), "back");
  EXPECT_EQ(a.recv(), error(EAGAIN));
  b.close();
  EXPECT_EQ(a.recv(), "");
  EXPECT_EQ(a.polled(), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
}

TEST(loop_stream, shutdown_of_reading_keeps_received_data) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  a.send("came");
  ASSERT_EQ(b.shutdown(SHUT_RD), 0);
  EXPECT_EQ(a.send("more"), -EPIPE);
  EXPECT_EQ(b.recv(), "came");
  EXPECT_EQ(b.recv(), "");
  EXPECT_EQ(b.send("other way"), 9);
  EXPECT_EQ(a.recv(), "other way");
  EXPECT_EQ(b.shutdown(42), -EINVAL);
}

TEST(loop_stream, close_of_the_peer_gives_end_of_file_or_reset) {
  for (const bool unread : {false, true}) {
    auto [a, b] = sock::pair(SOCK_STREAM);
    if (unread) a.send("unread");
    b.send("x");
    b.close();
    EXPECT_EQ(a.recv(), "x");
    if (unread) {
      EXPECT_EQ(a.readiness() & POLLERR, POLLERR);
      EXPECT_EQ(a.recv(), error(ECONNRESET));
      EXPECT_EQ(a.readiness() & POLLERR, 0);
    }
    EXPECT_EQ(a.recv(), "");
    EXPECT_EQ(a.send("x"), -EPIPE);
    EXPECT_EQ(a.polled(), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
  }
}

TEST(loop_stream, buffers_are_bounded_and_lose_nothing) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  ASSERT_EQ(a.set(SO_SNDBUF, 10000), 0);
  ASSERT_EQ(b.set(SO_RCVBUF, 1), 0);
  EXPECT_EQ(a.number_of(SO_SNDBUF), 20000);
  EXPECT_EQ(b.number_of(SO_RCVBUF), 4608);
  EXPECT_EQ(fill(a), 24608);
  EXPECT_EQ(b.number_of(LOOP_INQ, SOL_LOOP), 24608);
  long all = 0;
  for (;;) {
    const auto m = b.recvmsg(777);
    if (m.result == -EAGAIN) break;
    all += static_cast<long>(m.count);
  }
  EXPECT_EQ(all, 24608);
}

TEST(loop_connect, backlog_limits_pending_connections) {
  server s(SOCK_STREAM, 1);
  sock first(SOCK_STREAM), second(SOCK_STREAM), third(SOCK_STREAM), fourth(SOCK_STREAM), peer;
  EXPECT_EQ(first.connect(s.name), 0);
  EXPECT_EQ(second.connect(s.name), 0) << "as on Linux, one connection more than the backlog";
  EXPECT_EQ(third.connect(s.name), -EINPROGRESS);
  EXPECT_EQ(fourth.connect(s.name), -EINPROGRESS);
  EXPECT_EQ(third.connect(s.name), -EALREADY);
  EXPECT_EQ(third.connect_result(), -EALREADY);
  EXPECT_EQ(third.polled(), 0);
  EXPECT_EQ(third.send("x"), -EAGAIN);
  EXPECT_EQ(third.recv(), error(EAGAIN));
  ASSERT_EQ(s.listener.accept(peer), 0);
  EXPECT_EQ(third.polled(), POLLOUT);
  EXPECT_EQ(third.connect_result(), 0);
  EXPECT_EQ(third.send("now"), 3);
  EXPECT_EQ(fourth.polled(), 0);
  s.listener.close();
  EXPECT_EQ(fourth.polled() & POLLOUT, POLLOUT);
  EXPECT_EQ(fourth.connect_result(), -ECONNREFUSED);
  EXPECT_EQ(fourth.polled(), POLLOUT);
  EXPECT_EQ(third.recv(), error(ECONNRESET)) << "never accepted";
  EXPECT_EQ(third.recv(), "");
  EXPECT_EQ(first.send("accepted before the listener closed"), 35);
  EXPECT_EQ(peer.recv(), "accepted before the listener closed");
}

TEST(loop_connect, closed_pending_connection_is_not_accepted) {
  server s(SOCK_STREAM, 0);
  sock first(SOCK_STREAM), second(SOCK_STREAM), peer;
  EXPECT_EQ(first.connect(s.name), 0);
  EXPECT_EQ(second.connect(s.name), -EINPROGRESS);
  second.close();
  first.send("bye");
  first.close();
  EXPECT_EQ(s.listener.accept(peer), 0);
  EXPECT_EQ(peer.recv(), "bye");
  EXPECT_EQ(peer.recv(), "");
  sock none;
  EXPECT_EQ(s.listener.accept(none), -EAGAIN);
}

TEST(loop_connect, larger_backlog_completes_pending_connections) {
  server s(SOCK_SEQPACKET, 0);
  sock first(SOCK_SEQPACKET), second(SOCK_SEQPACKET);
  EXPECT_EQ(first.connect(s.name), 0);
  EXPECT_EQ(second.connect(s.name), -EINPROGRESS);
  EXPECT_EQ(s.listener.listen(3), 0);
  EXPECT_EQ(second.connect_result(), 0);
}

TEST(loop_connect, shutdown_of_the_listener_refuses_connections) {
  server s(SOCK_STREAM, 0);
  sock first(SOCK_STREAM), second(SOCK_STREAM), third(SOCK_STREAM), peer;
  EXPECT_EQ(first.connect(s.name), 0);
  EXPECT_EQ(second.connect(s.name), -EINPROGRESS);
  EXPECT_EQ(s.listener.shutdown(SHUT_RD), 0);
  EXPECT_EQ(second.connect_result(), -ECONNREFUSED);
  EXPECT_EQ(third.connect(s.name), -ECONNREFUSED);
  EXPECT_EQ(s.listener.accept(peer), 0);
  sock none;
  EXPECT_EQ(s.listener.accept(none), -EINVAL);
  EXPECT_NE(s.listener.polled() & POLLIN, 0) << "accept does not block";
}

TEST(loop_errors, are_those_of_af_unix) {
  server s(SOCK_STREAM);
  sock stream(SOCK_STREAM), other(SOCK_STREAM), datagram(SOCK_DGRAM), peer;
  EXPECT_EQ(stream.send("x"), -ENOTCONN);
  EXPECT_EQ(stream.recv(), error(ENOTCONN));
  EXPECT_EQ(stream.peer(), error(ENOTCONN));
  EXPECT_EQ(stream.shutdown(SHUT_WR), -ENOTCONN);
  EXPECT_EQ(stream.connect_result(), -ENOTCONN);
  EXPECT_EQ(stream.listen(1), -EINVAL) << "no name";
  EXPECT_EQ(stream.accept(peer), -EINVAL);
  EXPECT_EQ(stream.connect("no-such-name"), -ECONNREFUSED);
  EXPECT_EQ(stream.connect(""), -EINVAL);
  EXPECT_EQ(stream.bind(s.name), -EADDRINUSE);
  EXPECT_EQ(stream.send("x", 0, "somewhere"), -EOPNOTSUPP);
  EXPECT_EQ(stream.connect(s.name), 0);
  EXPECT_EQ(stream.connect(s.name), -EISCONN);
  EXPECT_EQ(stream.send("x", 0, "somewhere"), -EISCONN);
  EXPECT_EQ(stream.send("x", MSG_OOB), -EOPNOTSUPP);
  EXPECT_EQ(stream.recv(1, MSG_OOB), error(EOPNOTSUPP));
  EXPECT_EQ(stream.listen(1), -EINVAL);
  EXPECT_EQ(s.listener.connect(s.name), -EINVAL);
  EXPECT_EQ(s.listener.recv(), error(ENOTCONN));
  EXPECT_EQ(s.listener.send("x"), -ENOTCONN);
  EXPECT_EQ(s.listener.bind("another"), -EINVAL);
  EXPECT_EQ(datagram.listen(1), -EOPNOTSUPP);
  EXPECT_EQ(datagram.accept(peer), -EOPNOTSUPP);
  EXPECT_EQ(datagram.connect(s.name), -EPROTOTYPE);
  EXPECT_EQ(datagram.send("x", 0, s.name.c_str()), -EPROTOTYPE);
  EXPECT_EQ(datagram.send("x", 0, "no-such-name"), -ECONNREFUSED);
  EXPECT_EQ(datagram.send("x"), -ENOTCONN);
  const std::uint16_t inet = AF_INET;
  EXPECT_EQ(ops().bind(other.state(), &inet, sizeof inet), -EINVAL);
  EXPECT_EQ(ops().bind(other.state(), &inet, 1), -EINVAL);
  EXPECT_EQ(ops().connect(other.state(), &inet, sizeof inet), -EINVAL);
  void* state = &state;
  std::int64_t pollable = -5;
  const auto raw = identity(SOCK_RAW), protocol = identity(SOCK_STREAM, 6);
  EXPECT_EQ(ops().open(&raw, &state, &pollable), -ESOCKTNOSUPPORT);
  EXPECT_EQ(ops().open(&protocol, &state, &pollable), -EPROTONOSUPPORT);
  EXPECT_EQ(state, &state);
  EXPECT_EQ(pollable, -5);
}

TEST(loop_errors, close_frees_the_name) {
  sock a(SOCK_STREAM), b(SOCK_STREAM);
  EXPECT_EQ(a.bind("shared"), 0);
  EXPECT_EQ(b.bind("shared"), -EADDRINUSE);
  a.close();
  EXPECT_EQ(b.bind("shared"), 0);
}

// ---- datagrams and sequenced packets ----

TEST(loop_datagram, recvmsg_has_the_senders_name) {
  sock a(SOCK_DGRAM), b(SOCK_DGRAM), nameless(SOCK_DGRAM);
  ASSERT_EQ(a.bind("dgram-a"), 0);
  ASSERT_EQ(b.bind("dgram-b"), 0);
  EXPECT_EQ(a.send("one", 0, "dgram-b"), 3);
  EXPECT_EQ(a.send("", 0, "dgram-b"), 0);
  EXPECT_EQ(nameless.send("three", 0, "dgram-b"), 5);
  auto m = b.recvmsg(100);
  EXPECT_EQ(m.bytes, "one");
  ASSERT_TRUE(m.from);
  EXPECT_EQ(text_of(*m.from), "dgram-a");
  EXPECT_EQ(m.flags, 0);
  m = b.recvmsg(100);
  EXPECT_EQ(m.result, 0);
  EXPECT_EQ(m.count, 0u);
  m = b.recvmsg(3, MSG_PEEK | MSG_TRUNC);
  EXPECT_EQ(m.count, 5u);
  EXPECT_EQ(m.bytes.substr(0, 3), "thr");
  EXPECT_EQ(m.flags, MSG_TRUNC);
  EXPECT_FALSE(m.from);
  m = b.recvmsg(2);
  EXPECT_EQ(m.bytes, "th");
  EXPECT_EQ(m.flags, MSG_TRUNC);
  EXPECT_EQ(b.recv(), error(EAGAIN));
}

TEST(loop_datagram, connected_socket_receives_from_its_peer_only) {
  sock a(SOCK_DGRAM), b(SOCK_DGRAM), c(SOCK_DGRAM);
  ASSERT_EQ(a.bind("con-a"), 0);
  ASSERT_EQ(b.bind("con-b"), 0);
  ASSERT_EQ(a.connect("con-b"), 0);
  EXPECT_EQ(c.send("x", 0, "con-a"), -EPERM);
  EXPECT_EQ(c.connect("con-a"), -EPERM);
  EXPECT_EQ(a.send("to b"), 4);
  EXPECT_EQ(b.recv(), "to b");
  EXPECT_EQ(b.send("to a", 0, "con-a"), 4);
  EXPECT_EQ(a.recv(), "to a");
  EXPECT_EQ(a.peer(), "con-b");
  b.close();
  EXPECT_EQ(a.send("x"), -ECONNREFUSED);
  EXPECT_EQ(a.send("x"), -ENOTCONN);
  const std::uint16_t unspecified = AF_UNSPEC;
  ASSERT_EQ(c.bind("con-c"), 0);
  ASSERT_EQ(a.connect("con-c"), 0);
  EXPECT_EQ(ops().connect(a.state(), &unspecified, sizeof unspecified), 0);
  EXPECT_EQ(a.peer(), error(ENOTCONN));
}

TEST(loop_datagram, can_be_sent_to_itself) {
  sock a(SOCK_DGRAM);
  ASSERT_EQ(a.bind("self"), 0);
  ASSERT_EQ(a.connect("self"), 0);
  EXPECT_EQ(a.send("me"), 2);
  EXPECT_EQ(a.recv(), "me");
  fill(a);
  EXPECT_EQ(a.polled(), POLLIN);
  while (a.recv(2000) != error(EAGAIN)) continue;
  EXPECT_EQ(a.polled(), POLLOUT);
}

TEST(loop_datagram, full_receiver_makes_the_sender_unwritable_until_it_reads) {
  sock a(SOCK_DGRAM), b(SOCK_DGRAM);
  ASSERT_EQ(b.bind("full"), 0);
  ASSERT_EQ(b.set(SO_RCVBUF, 1), 0);
  while (a.send(std::string(500, 'x'), 0, "full") == 500) continue;
  EXPECT_EQ(a.send("x", 0, "full"), -EAGAIN);
  EXPECT_EQ(a.polled(), 0);
  for (int i = 0; i < 3; ++i) b.recv(1000);
  EXPECT_EQ(a.polled(), POLLOUT) << "a quarter of the buffer is free";
  EXPECT_EQ(a.send("x", 0, "full"), 1);
  while (a.send(std::string(500, 'x'), 0, "full") == 500) continue;
  EXPECT_EQ(a.polled(), 0);
  b.close();
  EXPECT_EQ(a.polled(), POLLOUT);
  EXPECT_EQ(a.send("x", 0, "full"), -ECONNREFUSED);
}

TEST(loop_datagram, blocked_sender_may_be_closed) {
  sock b(SOCK_DGRAM);
  ASSERT_EQ(b.bind("outlives"), 0);
  ASSERT_EQ(b.set(SO_RCVBUF, 1), 0);
  {
    sock a(SOCK_DGRAM);
    while (a.send("x", 0, "outlives") == 1) continue;
  }
  while (b.recv() == "x") continue;
  EXPECT_EQ(b.recv(), error(EAGAIN));
}

TEST(loop_datagram, size_and_number_are_limited) {
  auto [a, b] = sock::pair(SOCK_DGRAM);
  ASSERT_EQ(a.set(SO_SNDBUF, 1), 0);
  EXPECT_EQ(a.send(std::string(4609, 'x')), -EMSGSIZE);
  EXPECT_EQ(a.send(std::string(4608, 'x')), 4608);
  int empty_datagrams = 0;
  while (empty_datagrams < 100'000 && b.send("") == 0) ++empty_datagrams;
  EXPECT_GT(empty_datagrams, 0);
  EXPECT_EQ(b.send(""), -EAGAIN) << "the number of empty datagrams is limited too";
}

TEST(loop_datagram, shutdown_fails_sends_and_ends_receives) {
  auto [a, b] = sock::pair(SOCK_DGRAM);
  ASSERT_EQ(b.shutdown(SHUT_RD), 0);
  EXPECT_EQ(a.send("x"), -EPIPE);
  EXPECT_EQ(b.recv(), "");
  ASSERT_EQ(a.shutdown(SHUT_WR), 0);
  EXPECT_EQ(a.send("x"), -EPIPE);
}

TEST(loop_seqpacket, keeps_record_boundaries) {
  server s(SOCK_SEQPACKET);
  auto [a, b] = s.connection();
  EXPECT_EQ(a.send("one", MSG_EOR), 3);
  EXPECT_EQ(a.send("two"), 3);
  auto m = b.recvmsg(100);
  EXPECT_EQ(m.bytes, "one");
  EXPECT_EQ(m.flags, MSG_EOR);
  m = b.recvmsg(2);
  EXPECT_EQ(m.bytes, "tw");
  EXPECT_EQ(m.flags, MSG_TRUNC);
  fill(a);
  EXPECT_EQ(a.polled(), 0);
  a.close();
  while (b.recv(2000).size() == 1000) continue;
  EXPECT_EQ(b.recv(), "");
  EXPECT_EQ(b.send("x"), -EPIPE);
}

// ---- readiness ----

TEST(loop_readiness, pollin_and_pollout_are_independent) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    auto [a, b] = sock::pair(type);
    EXPECT_EQ(a.polled(), POLLOUT);
    b.send("x");
    EXPECT_EQ(a.polled(), POLLIN | POLLOUT);
    fill(a);
    EXPECT_EQ(a.polled(), POLLIN);
    EXPECT_EQ(a.recv(), "x");
    EXPECT_EQ(a.polled(), 0);
    EXPECT_EQ(a.readiness(), 0);
    b.send("y");
    EXPECT_EQ(a.polled(), POLLIN);
    while (b.recv(5000) != error(EAGAIN)) continue;
    EXPECT_EQ(a.polled(), POLLIN | POLLOUT);
    EXPECT_EQ(a.readiness(), POLLIN | POLLOUT);
    EXPECT_EQ(a.recv(), "y");
    EXPECT_EQ(a.polled(), POLLOUT);
  }
}

TEST(loop_readiness, select_reports_the_same) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  const auto selected = [&](const sock& s) {
    ::fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(s.fd(), &in);
    FD_SET(s.fd(), &out);
    ::timeval none{};
    EXPECT_GE(::select(s.fd() + 1, &in, &out, nullptr, &none), 0);
    return std::pair(FD_ISSET(s.fd(), &in) != 0, FD_ISSET(s.fd(), &out) != 0);
  };
  EXPECT_EQ(selected(a), std::pair(false, true));
  fill(a);
  EXPECT_EQ(selected(a), std::pair(false, false));
  EXPECT_EQ(selected(b), std::pair(true, true));
}

TEST(loop_readiness, listener_is_readable_while_connections_are_pending) {
  server s(SOCK_STREAM);
  EXPECT_EQ(s.listener.polled(), 0);
  sock first(SOCK_STREAM), second(SOCK_STREAM), peer, other;
  first.connect(s.name);
  second.connect(s.name);
  EXPECT_EQ(s.listener.polled(), POLLIN);
  s.listener.accept(peer);
  EXPECT_EQ(s.listener.polled(), POLLIN);
  s.listener.accept(other);
  EXPECT_EQ(s.listener.polled(), 0);
}

class epoll_set {
 public:
  void add(const sock& s, std::uint32_t events) {
    ::epoll_event event{};
    event.events = events;
    EXPECT_EQ(::epoll_ctl(set_, EPOLL_CTL_ADD, s.fd(), &event), 0);
  }
  // The events since the last call.
  int events() {
    ::epoll_event event{};
    return ::epoll_wait(set_, &event, 1, 0) == 1 ? static_cast<int>(event.events) : 0;
  }
  ~epoll_set() { ::close(set_); }

 private:
  int set_ = ::epoll_create1(EPOLL_CLOEXEC);
};

TEST(loop_readiness, epoll_is_level_triggered) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  epoll_set set;
  set.add(a, EPOLLIN | EPOLLOUT);
  b.send("xy");
  EXPECT_EQ(set.events(), EPOLLIN | EPOLLOUT);
  EXPECT_EQ(set.events(), EPOLLIN | EPOLLOUT);
  a.recv(1);
  EXPECT_EQ(set.events(), EPOLLIN | EPOLLOUT);
  a.recv(1);
  EXPECT_EQ(set.events(), EPOLLOUT);
  fill(a);
  EXPECT_EQ(set.events(), 0);
}

TEST(loop_readiness, epollet_fires_again_after_eagain) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    auto [a, b] = sock::pair(type);
    epoll_set in, out;
    in.add(a, EPOLLIN | EPOLLET);
    out.add(a, EPOLLOUT | EPOLLET);
    EXPECT_EQ(in.events(), 0);
    EXPECT_EQ(out.events(), EPOLLOUT);
    for (int round = 0; round < 5; ++round) {
      b.send("x");
      EXPECT_EQ(in.events(), EPOLLIN) << round;
      EXPECT_EQ(in.events(), 0);
      EXPECT_EQ(a.recv(), "x");
      EXPECT_EQ(a.recv(), error(EAGAIN));
      fill(a);
      EXPECT_EQ(out.events(), 0) << round;
      while (b.recv(5000) != error(EAGAIN)) continue;
      EXPECT_EQ(out.events(), EPOLLOUT) << round;
      EXPECT_EQ(out.events(), 0);
    }
    b.close();
    if (type != SOCK_DGRAM) {
      EXPECT_NE(in.events() & static_cast<int>(EPOLLIN), 0);
    }
  }
}

TEST(loop_readiness, epollet_fires_for_accept_and_connect) {
  server s(SOCK_STREAM, 0);
  epoll_set set, connecting;
  set.add(s.listener, EPOLLIN | EPOLLET);
  for (int round = 0; round < 3; ++round) {
    sock first(SOCK_STREAM), second(SOCK_STREAM), peer, other, none;
    first.connect(s.name);
    EXPECT_EQ(set.events(), EPOLLIN);
    second.connect(s.name);
    epoll_set waiting;
    waiting.add(second, EPOLLOUT | EPOLLET);
    EXPECT_EQ(waiting.events(), 0);
    EXPECT_EQ(s.listener.accept(peer), 0);
    EXPECT_EQ(waiting.events(), EPOLLOUT);
    EXPECT_EQ(s.listener.accept(other), 0);
    EXPECT_EQ(s.listener.accept(none), -EAGAIN);
  }
}

TEST(loop_readiness, buffer_size_changes_update_readiness) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  ASSERT_EQ(a.set(SO_SNDBUF, 1), 0);
  ASSERT_EQ(b.set(SO_RCVBUF, 1), 0);
  fill(a);
  EXPECT_EQ(a.polled(), 0);
  ASSERT_EQ(b.set(SO_RCVBUF, 100000), 0);
  EXPECT_EQ(a.polled(), POLLOUT);
  ASSERT_EQ(b.set(SO_RCVBUF, 1), 0);
  EXPECT_EQ(a.polled(), 0);
  EXPECT_EQ(a.send("x"), -EAGAIN);
}

// ---- ancillary data ----

TEST(loop_ancillary, passes_descriptors) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    auto [a, b] = sock::pair(type);
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    EXPECT_EQ(a.send("plain"), 5);
    EXPECT_EQ(a.send("with", 0, nullptr, rights_of({ends[0], ends[1]})), 4);
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_EQ(b.recv(5), "plain");
    auto peeked = b.recvmsg(100, MSG_PEEK);
    EXPECT_EQ(peeked.rights.size(), 2u);
    auto m = b.recvmsg(100);
    EXPECT_EQ(m.bytes, "with");
    ASSERT_EQ(m.rights.size(), 2u);
    EXPECT_NE(::fcntl(m.rights[0], F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_EQ(::write(peeked.rights[1], "y", 1), 1);
    char byte = 0;
    EXPECT_EQ(::read(m.rights[0], &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    for (const auto& all : {peeked, m})
      for (const int fd : all.rights) ::close(fd);
  }
}

TEST(loop_ancillary, descriptors_that_do_not_fit_are_closed) {
  const auto before = open_descriptor_count();
  {
    auto [a, b] = sock::pair(SOCK_STREAM);
    const auto with_sockets = open_descriptor_count();
    for (int i = 0; i < 2; ++i) a.send("x", 0, nullptr, rights_of({0, 1, 2}));
    EXPECT_EQ(open_descriptor_count(), with_sockets + 6);
    auto m = b.recvmsg(1, 0, CMSG_LEN(sizeof(int)));
    EXPECT_EQ(m.rights.size(), 1u);
    EXPECT_EQ(m.flags, MSG_CTRUNC);
    ::close(m.rights[0]);
    m = b.recvmsg(1, 0, 0);
    EXPECT_EQ(m.bytes, "x");
    EXPECT_EQ(m.flags, MSG_CTRUNC);
    EXPECT_EQ(open_descriptor_count(), with_sockets);
    a.send("never read", 0, nullptr, rights_of({0, 1, 2}));
  }
  EXPECT_EQ(open_descriptor_count(), before);
}

TEST(loop_ancillary, stream_read_stops_at_descriptors) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  a.send("a");
  a.send("b", 0, nullptr, rights_of({0}));
  a.send("c");
  const auto m = b.recvmsg(100);
  EXPECT_EQ(m.bytes, "ab");
  ASSERT_EQ(m.rights.size(), 1u);
  ::close(m.rights[0]);
  EXPECT_EQ(b.recv(), "c");
}

TEST(loop_ancillary, credentials_are_passed) {
  auto [a, b] = sock::pair(SOCK_DGRAM);
  a.send("without");
  EXPECT_FALSE(b.recvmsg(100).sender);
  ASSERT_EQ(b.set(SO_PASSCRED, 1), 0);
  a.send("with");
  auto m = b.recvmsg(100);
  ASSERT_TRUE(m.sender);
  EXPECT_EQ(m.sender->pid, ::getpid());
  EXPECT_EQ(m.sender->uid, ::geteuid());
  const ::ucred own{::getpid(), ::getuid(), ::getgid()}, another{::getpid() + 1, ::getuid(), ::getgid()};
  EXPECT_EQ(a.send("x", 0, nullptr, control_of(SCM_CREDENTIALS, &own, sizeof own)), 1);
  EXPECT_EQ(a.send("x", 0, nullptr, control_of(SCM_CREDENTIALS, &another, sizeof another)), -EPERM);
  ::ucred peer{};
  ASSERT_EQ(a.get(SOL_SOCKET, SO_PEERCRED, peer), 0);
  EXPECT_EQ(peer.pid, ::getpid());
}

TEST(loop_ancillary, memory_of_small_sends_with_credentials_is_bounded) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  ASSERT_EQ(a.set(SO_SNDBUF, 10000), 0);
  ASSERT_EQ(b.set(SO_RCVBUF, 1), 0);
  ASSERT_EQ(b.set(SO_PASSCRED, 1), 0);
  const auto before = ::mallinfo2().uordblks;
  long sent = 0;
  while (a.send("x") == 1) ++sent;
  const auto used = ::mallinfo2().uordblks - before;
  EXPECT_EQ(sent, 20000 + 4608 - 256) << "one segment has them all";
  EXPECT_LT(used, static_cast<std::size_t>(sent) * 3);
  EXPECT_TRUE(b.recvmsg(100).sender);
}

TEST(loop_ancillary, memory_of_small_sends_with_descriptors_is_bounded) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  ASSERT_EQ(a.set(SO_SNDBUF, 1), 0);
  ASSERT_EQ(b.set(SO_RCVBUF, 1), 0);
  long sent = 0;
  while (a.send("x", 0, nullptr, rights_of({0})) == 1) ++sent;
  EXPECT_LT(sent, 2 * 4608 / 256 + 1);
  for (long i = 0; i < sent; ++i) {
    const auto m = b.recvmsg(1);
    ASSERT_EQ(m.rights.size(), 1u);
    ::close(m.rights[0]);
  }
  EXPECT_EQ(fill(a), 2 * 4608) << "received descriptors are not charged any more";
}

// unix_stream_read_generic() in net/unix/af_unix.c ends a read there too (unix_skb_scm_eq).
TEST(loop_ancillary, a_read_ends_where_the_credentials_change) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may send other credentials";
  auto [a, b] = sock::pair(SOCK_STREAM);
  ASSERT_EQ(b.set(SO_PASSCRED, 1), 0);
  ASSERT_EQ(::setresuid(static_cast<uid_t>(-1), static_cast<uid_t>(-1), 1), 0);
  const ::ucred other{::getpid(), 1, ::getgid()};
  a.send("a");
  a.send("b");
  EXPECT_EQ(a.send("c", 0, nullptr, control_of(SCM_CREDENTIALS, &other, sizeof other)), 1);
  ASSERT_EQ(::setresuid(static_cast<uid_t>(-1), static_cast<uid_t>(-1), 0), 0);
  auto m = b.recvmsg(100);
  EXPECT_EQ(m.bytes, "ab");
  ASSERT_TRUE(m.sender);
  EXPECT_EQ(m.sender->uid, 0u);
  m = b.recvmsg(100);
  EXPECT_EQ(m.bytes, "c");
  ASSERT_TRUE(m.sender);
  EXPECT_EQ(m.sender->uid, 1u);
}

TEST(loop_ancillary, malformed_control_data_is_refused) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  EXPECT_EQ(a.send("x", 0, nullptr, rights_of({987654})), -EBADF);
  EXPECT_EQ(a.send("x", 0, nullptr, rights_of(std::vector<int>(254, 0))), -EINVAL);
  EXPECT_EQ(a.send("x", 0, nullptr, control_of(77, "abcd", 4)), -EINVAL);
  std::string cut = rights_of({0, 1});
  cut.resize(CMSG_LEN(4));
  EXPECT_EQ(a.send("x", 0, nullptr, cut), -EINVAL);
  std::string small = rights_of({0});
  const std::size_t length = 3;
  std::memcpy(small.data(), &length, sizeof length);
  EXPECT_EQ(a.send("x", 0, nullptr, small), -EINVAL);
  EXPECT_EQ(b.recv(), error(EAGAIN));
}

// ---- options, duplicates, forks, threads ----

TEST(loop_options, are_read_and_set) {
  server s(SOCK_SEQPACKET);
  sock a(SOCK_SEQPACKET);
  EXPECT_EQ(a.number_of(SO_TYPE), SOCK_SEQPACKET);
  EXPECT_EQ(a.number_of(SO_PROTOCOL), 0);
  EXPECT_EQ(a.number_of(SO_DOMAIN), number);
  EXPECT_EQ(a.number_of(SO_ACCEPTCONN), 0);
  EXPECT_EQ(s.listener.number_of(SO_ACCEPTCONN), 1);
  EXPECT_EQ(a.number_of(SO_ERROR), 0);
  ASSERT_EQ(a.connect(s.name), 0);
  EXPECT_EQ(s.listener.number_of(LOOP_PENDING, SOL_LOOP), 1);
  EXPECT_EQ(s.listener.number_of(LOOP_BACKLOG, SOL_LOOP), 5);
  EXPECT_EQ(s.listener.set(LOOP_BACKLOG, 9, SOL_LOOP), 0);
  EXPECT_EQ(s.listener.number_of(LOOP_BACKLOG, SOL_LOOP), 9);
  EXPECT_EQ(a.set(LOOP_BACKLOG, 9, SOL_LOOP), -EINVAL);
  a.send("four");
  EXPECT_EQ(a.number_of(LOOP_OUTQ, SOL_LOOP), 4);
  for (const int option : {SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_BROADCAST, SO_DONTROUTE, SO_PASSCRED}) {
    EXPECT_EQ(a.number_of(option), 0);
    EXPECT_EQ(a.set(option, 5), 0);
    EXPECT_EQ(a.number_of(option), 1);
  }
  const ::linger on{7, 3};
  ::linger back{};
  EXPECT_EQ(a.set(SO_LINGER, on), 0);
  EXPECT_EQ(a.get(SOL_SOCKET, SO_LINGER, back), 0);
  EXPECT_EQ(back.l_onoff, 1);
  EXPECT_EQ(back.l_linger, 3);
  int value = 0;
  EXPECT_EQ(a.get(SOL_SOCKET, SO_MARK, value), -ENOPROTOOPT);
  EXPECT_EQ(a.set(SO_TYPE, 1), -ENOPROTOOPT);
  EXPECT_EQ(a.set(SO_SNDBUF, char{1}), -EINVAL);
  s.listener.close();
  EXPECT_EQ(a.number_of(SO_ERROR), ECONNRESET);
  EXPECT_EQ(a.number_of(SO_ERROR), 0);
}

TEST(loop_dup, duplicates_share_the_socket_until_the_last_close) {
  auto [a, b] = sock::pair(SOCK_STREAM);
  sock second = a.dup();
  EXPECT_NE(second.fd(), a.fd());
  EXPECT_NE(::fcntl(second.fd(), F_GETFD) & FD_CLOEXEC, 0);
  b.send("xy");
  EXPECT_EQ(second.polled(), POLLIN | POLLOUT);
  EXPECT_EQ(a.recv(1), "x");
  a.close();
  EXPECT_EQ(second.recv(1), "y");
  EXPECT_EQ(second.polled(), POLLOUT);
  EXPECT_EQ(second.send("z"), 1);
  fill(second);
  EXPECT_EQ(second.polled(), 0);
  EXPECT_NE(b.polled() & POLLIN, 0);
  while (b.recv(5000) != error(EAGAIN)) continue;
  second.close();
  EXPECT_EQ(b.recv(), "");
}

TEST(loop_fork, close_in_the_child_does_not_affect_the_peer) {
  server s(SOCK_STREAM);
  auto [a, b] = s.connection();
  b.send("for the parent");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    a.close(AFPLUG_CLOSE_FORKED);
    b.close(AFPLUG_CLOSE_FORKED);
    s.listener.close(AFPLUG_CLOSE_FORKED);
    // Sockets that the child opens work.
    auto own = sock::pair(SOCK_STREAM);
    own.first.send("x");
    ::_exit(own.second.recv() == "x" ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(a.polled(), POLLIN | POLLOUT);
  EXPECT_EQ(a.recv(), "for the parent");
  EXPECT_EQ(a.polled(), POLLOUT);
  EXPECT_EQ(a.send("still there"), 11);
  EXPECT_EQ(b.recv(), "still there");
}

TEST(loop_fork, fork_while_other_threads_send) {
  std::atomic<bool> stop = false;
  std::thread busy([&] {
    auto [a, b] = sock::pair(SOCK_STREAM);
    while (!stop) a.send("x"), b.recv();
  });
  for (int i = 0; i < 20; ++i) {
    auto [a, b] = sock::pair(SOCK_STREAM);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      a.close(AFPLUG_CLOSE_FORKED);
      b.close(AFPLUG_CLOSE_FORKED);
      ::_exit(0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  stop = true;
  busy.join();
}

// To be called after EAGAIN only.
void wait_for(const sock& s, short events) {
  ::pollfd one{s.fd(), events, 0};
  ASSERT_EQ(::poll(&one, 1, 60000), 1);
}

TEST(loop_threads, concurrent_reader_and_writer_on_each_end) {
  auto ends = sock::pair(SOCK_STREAM);
  constexpr std::size_t size = 3'000'000;
  const auto byte_at = [](std::size_t i) { return static_cast<char>(i * 31 + (i >> 8)); };
  const auto write = [&](sock& s) {
    std::string all(size, '\0');
    for (std::size_t i = 0; i < size; ++i) all[i] = byte_at(i);
    for (std::size_t at = 0; at < size;) {
      const long n = s.send(std::string_view(all).substr(at, 50'001));
      if (n == -EAGAIN)
        wait_for(s, POLLOUT);
      else
        at += static_cast<std::size_t>(n);
    }
    s.shutdown(SHUT_WR);
  };
  const auto read = [&](sock& s) {
    std::size_t at = 0, wrong = 0;
    for (;;) {
      const auto m = s.recvmsg(33'333);
      if (m.result == -EAGAIN) {
        wait_for(s, POLLIN);
        continue;
      }
      if (m.count == 0) break;
      for (const char c : m.bytes) wrong += c != byte_at(at++);
    }
    EXPECT_EQ(at, size);
    EXPECT_EQ(wrong, 0u);
  };
  std::vector<std::thread> threads;
  for (sock* s : {&ends.first, &ends.second}) {
    threads.emplace_back(write, std::ref(*s));
    threads.emplace_back(read, std::ref(*s));
  }
  for (auto& t : threads) t.join();
}

TEST(loop_threads, many_clients_connect_to_one_listener) {
  server s(SOCK_STREAM, 1);
  constexpr int clients = 4, each = 100;
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < each; ++k) {
        sock c(SOCK_STREAM);
        int result = c.connect(s.name);
        if (result == -EINPROGRESS) {
          wait_for(c, POLLOUT);
          result = c.connect_result();
        }
        ASSERT_EQ(result, 0);
        ASSERT_EQ(c.send("hello"), 5);
        while (c.recv() == error(EAGAIN)) wait_for(c, POLLIN);
      }
    });
  for (int i = 0; i < clients * each;) {
    sock peer;
    if (s.listener.accept(peer) == -EAGAIN) {
      wait_for(s.listener, POLLIN);
      continue;
    }
    std::string request;
    while ((request = peer.recv()) == error(EAGAIN)) wait_for(peer, POLLIN);
    EXPECT_EQ(request, "hello");
    EXPECT_EQ(peer.send("bye"), 3);
    ++i;
  }
  for (auto& t : threads) t.join();
}

TEST(loop_threads, many_senders_to_one_datagram_receiver) {
  sock receiver(SOCK_DGRAM);
  ASSERT_EQ(receiver.bind("sink"), 0);
  ASSERT_EQ(receiver.set(SO_RCVBUF, 1), 0);
  constexpr int senders = 3, each = 300;
  std::vector<std::thread> threads;
  for (int i = 0; i < senders; ++i)
    threads.emplace_back([i] {
      sock s(SOCK_DGRAM);
      const bool connected = i == 0 && s.connect("sink") == 0;
      for (int k = 0; k < each;) {
        const long n = s.send(std::string(200, 'x'), 0, connected ? nullptr : "sink");
        if (n == -EAGAIN) {
          wait_for(s, POLLOUT);
          continue;
        }
        ASSERT_EQ(n, 200);
        ++k;
      }
    });
  for (int i = 0; i < senders * each;) {
    if (receiver.recv(300) == error(EAGAIN))
      wait_for(receiver, POLLIN);
    else
      ++i;
  }
  for (auto& t : threads) t.join();
}

}  // namespace
