// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug::async_socket over families of the kernel and over one in user space.
#include <dirent.h>
#include <gtest/gtest.h>
#include <afplug/asio.hpp>

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using boost::system::error_code;
using namespace std::chrono_literals;

struct endpoint {
  const char* family;
  std::string address;
};

void PrintTo(const endpoint& p, std::ostream* out) { *out << p.family; }

// The number of descriptors in the epoll sets of this process, proc_pid_fdinfo(5).
int epoll_watched_descriptors() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream info(entry.path());
    for (std::string line; std::getline(info, line);) count += line.rfind("tfd:", 0) == 0;
  }
  return count;
}

class async_socket : public testing::TestWithParam<endpoint> {
 protected:
  afplug::socket new_socket(afplug::socket_type type = SOCK_STREAM) const { return {GetParam().family, type}; }
  afplug::async_socket listening(int backlog = 5) {
    auto s = new_socket();
    s.bind(GetParam().address);
    s.listen(backlog);
    return {context, std::move(s)};
  }
  // A connected pair of stream sockets.
  std::pair<afplug::async_socket, afplug::async_socket> connection() {
    auto listener = new_socket();
    listener.bind(GetParam().address);
    listener.listen();
    auto client = new_socket();
    client.connect(listener.getsockname());
    auto server = listener.accept();
    return {afplug::async_socket(context, std::move(client)), afplug::async_socket(context, std::move(server))};
  }
  // Starts each operation on a socket that is not open.
  void expect_operations_fail(afplug::async_socket& closed) {
    int calls = 0;
    char byte = 0;
    const auto expect_bad_descriptor = [&](error_code ec, auto&&...) {
      EXPECT_EQ(ec, asio::error::bad_descriptor);
      ++calls;
    };
    closed.async_read_some(asio::buffer(&byte, 1), expect_bad_descriptor);
    closed.async_write_some(asio::buffer(&byte, 1), expect_bad_descriptor);
    closed.async_accept(expect_bad_descriptor);
    closed.async_connect(afplug::address(GetParam().family, GetParam().address), expect_bad_descriptor);
    closed.async_wait(asio::socket_base::wait_read, expect_bad_descriptor);
    context.run();
    EXPECT_EQ(calls, 5);
  }
  asio::io_context context;
};

awaitable<void> echo_server(afplug::async_socket& listener) {
  auto socket = co_await listener.async_accept(use_awaitable);
  std::array<char, 5000> data;
  for (;;) {
    error_code ec;
    const auto n = co_await socket.async_read_some(asio::buffer(data), asio::redirect_error(use_awaitable, ec));
    if (ec) {
      EXPECT_EQ(ec, asio::error::eof);
      break;
    }
    co_await asio::async_write(socket, asio::buffer(data, n), use_awaitable);
  }
}

awaitable<void> write_all(afplug::async_socket& socket, const std::string& data) {
  co_await asio::async_write(socket, asio::buffer(data), use_awaitable);
  socket.next_layer().shutdown(SHUT_WR);
}

awaitable<void> echo_client(afplug::async_socket socket, afplug::address server, bool& done) {
  co_await socket.async_connect(server, use_awaitable);
  std::string sent(2'000'000, '\0'), back(sent.size(), '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i % 251);
  asio::co_spawn(socket.get_executor(), write_all(socket, sent), asio::detached);
  co_await asio::async_read(socket, asio::buffer(back), use_awaitable);
  EXPECT_EQ(sent, back);
  error_code ec;
  co_await socket.async_read_some(asio::buffer(back), asio::redirect_error(use_awaitable, ec));
  EXPECT_EQ(ec, asio::error::eof);
  done = true;
}

TEST_P(async_socket, echo_of_more_than_the_socket_buffers) {
  auto listener = listening();
  bool done = false;
  asio::co_spawn(context, echo_server(listener), asio::detached);
  asio::co_spawn(context, echo_client({context, new_socket()}, listener.next_layer().getsockname(), done),
                 asio::detached);
  context.run();
  EXPECT_TRUE(done);
}

TEST_P(async_socket, is_registered_by_the_first_operation_that_waits) {
  auto [a, b] = connection();
  const auto before = epoll_watched_descriptors();
  bool received = false;
  a.async_write_some(asio::buffer("x", 1), [](error_code ec, std::size_t) { EXPECT_FALSE(ec); });
  EXPECT_EQ(epoll_watched_descriptors(), before) << "a send that does not wait is not registered";
  char byte = 0;
  b.async_read_some(asio::buffer(&byte, 1), [&](error_code, std::size_t) { received = true; });
  b.async_read_some(asio::buffer(&byte, 1),
                    [](error_code ec, std::size_t) { EXPECT_EQ(ec, asio::error::operation_aborted); });
  EXPECT_EQ(epoll_watched_descriptors(), before + 1);
  EXPECT_FALSE(received) << "handlers do not run within the initiating function";
  b.close();
  EXPECT_EQ(epoll_watched_descriptors(), before);
  context.run();
  EXPECT_TRUE(received);
}

TEST_P(async_socket, gathers_and_scatters_buffers) {
  auto [a, b] = connection();
  const std::array<asio::const_buffer, 3> parts{asio::buffer("ab", 2), asio::const_buffer(), asio::buffer("cde", 3)};
  std::array<char, 2> head;
  std::array<char, 10> tail;
  const std::array<asio::mutable_buffer, 2> into{asio::buffer(head), asio::buffer(tail)};
  a.async_write_some(parts, [](error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    EXPECT_EQ(n, 5u);
  });
  context.run();
  context.restart();
  b.async_read_some(into, [&](error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    EXPECT_EQ(n, 5u);
  });
  context.run();
  EXPECT_EQ(std::string(head.data(), 2) + std::string(tail.data(), 3), "abcde");
}

TEST_P(async_socket, read_into_an_empty_buffer_is_not_end_of_file) {
  auto [a, b] = connection();
  int calls = 0;
  b.async_read_some(asio::mutable_buffer(), [&](error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    EXPECT_EQ(n, 0u);
    ++calls;
  });
  context.run();
  EXPECT_EQ(calls, 1);
}

TEST_P(async_socket, cancellation_slot_cancels_a_read) {
  auto [a, b] = connection();
  asio::cancellation_signal signal;
  int aborted = 0, written = 0;
  std::string buffer(100, '\0');
  b.async_read_some(asio::buffer(buffer),
                    asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, std::size_t n) {
                      EXPECT_EQ(ec, asio::error::operation_aborted);
                      EXPECT_EQ(n, 0u);
                      ++aborted;
                    }));
  asio::post(context, [&] { signal.emit(asio::cancellation_type::total); });
  context.run();
  EXPECT_EQ(aborted, 1);
  context.restart();
  a.async_write_some(asio::buffer("later", 5), [&](error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    written += static_cast<int>(n);
  });
  b.async_read_some(asio::buffer(buffer), [&](error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    EXPECT_EQ(buffer.substr(0, n), "later");
  });
  context.run();
  EXPECT_EQ(written, 5);
}

TEST_P(async_socket, cancellation_slot_cancels_an_accept) {
  auto listener = listening();
  asio::cancellation_signal signal;
  int aborted = 0;
  listener.async_accept(asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, afplug::async_socket s) {
    EXPECT_EQ(ec, asio::error::operation_aborted);
    EXPECT_FALSE(s.is_open());
    ++aborted;
  }));
  asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
  context.run();
  EXPECT_EQ(aborted, 1);
}

TEST_P(async_socket, destructor_cancels_a_pending_read) {
  int aborted = 0;
  char byte = 0;
  {
    auto [a, b] = connection();
    b.async_read_some(asio::buffer(&byte, 1), [&](error_code ec, std::size_t) {
      EXPECT_EQ(ec, asio::error::operation_aborted);
      ++aborted;
    });
    context.poll();
  }
  context.restart();
  context.run();
  EXPECT_EQ(aborted, 1);
}

TEST_P(async_socket, close_in_a_handler_cancels_the_other_operations) {
  int calls = 0;
  char byte = 0;
  {
    auto pair = connection();
    auto &a = pair.first, &b = pair.second;
    b.async_wait(asio::socket_base::wait_read, [&](error_code) {
      b.close();
      ++calls;
    });
    b.async_read_some(asio::buffer(&byte, 1), [&](error_code ec, std::size_t) {
      EXPECT_EQ(ec, asio::error::operation_aborted);
      ++calls;
    });
    a.next_layer().send(afplug::const_bytes("x", 1));
    context.run();
  }
  EXPECT_EQ(calls, 2);
}

TEST_P(async_socket, context_destroys_pending_handlers) {
  auto [a, b] = connection();
  std::string buffer(10, '\0');
  std::weak_ptr<afplug::async_socket> watch;
  {
    asio::io_context short_lived;
    const auto kept = std::make_shared<afplug::async_socket>(short_lived, b.release());
    watch = kept;
    kept->async_read_some(asio::buffer(buffer), [kept](error_code, std::size_t) { ADD_FAILURE(); });
    short_lived.poll();
  }
  EXPECT_TRUE(watch.expired()) << "the context destroys the handler and the socket in it";
}

TEST_P(async_socket, connect_is_refused) {
  auto listener = listening();
  const auto to = listener.next_layer().getsockname();
  listener.close();
  afplug::async_socket client(context, new_socket());
  error_code got;
  client.async_connect(to, [&](error_code ec) { got = ec; });
  context.run();
  EXPECT_EQ(got, asio::error::connection_refused);
}

TEST_P(async_socket, operations_without_a_socket_fail) {
  afplug::async_socket closed(context);
  expect_operations_fail(closed);
}

// A positive timeout would make the attempts to read wait in the thread of the executor.
TEST_P(async_socket, changed_timeout_is_refused) {
  auto pair = connection();
  auto &a = pair.first, &b = pair.second;
  char byte = 0;
  int calls = 0;
  const auto expect_refused = [&](error_code ec, auto&&...) {
    EXPECT_EQ(ec, afplug::errc::invalid_argument);
    EXPECT_NE(afplug::last_detail().find("timeout"), std::string_view::npos) << afplug::last_detail();
    ++calls;
  };
  const auto started = std::chrono::steady_clock::now();
  for (const std::optional<std::chrono::nanoseconds> limit : {std::optional(std::chrono::nanoseconds(1h)), {}}) {
    b.next_layer().timeout(limit);
    b.async_read_some(asio::buffer(&byte, 1), expect_refused);
    b.async_write_some(asio::buffer(&byte, 1), expect_refused);
    b.async_accept(expect_refused);
    b.async_connect(a.next_layer().getsockname(), expect_refused);
  }
  context.run();
  EXPECT_EQ(calls, 8);
  b.next_layer().timeout(0ns);
  // An operation that is outstanding while the timeout changes.
  b.async_read_some(asio::buffer(&byte, 1), expect_refused);
  context.restart();
  context.poll();
  b.next_layer().timeout(1h);
  a.next_layer().send(afplug::const_bytes("x", 1));
  context.run();
  EXPECT_EQ(calls, 9);
  EXPECT_LT(std::chrono::steady_clock::now() - started, 30min);
  b.next_layer().timeout(0ns);
  b.async_read_some(asio::buffer(&byte, 1), [&](error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    EXPECT_EQ(n, 1u);
    EXPECT_EQ(byte, 'x');
    ++calls;
  });
  context.restart();
  context.run();
  EXPECT_EQ(calls, 10);
}

TEST_P(async_socket, moved_from_socket_is_as_one_without_a_socket) {
  auto pair = connection();
  afplug::async_socket moved(std::move(pair.first)), constant(std::move(pair.second));
  auto& from = pair.first;
  EXPECT_TRUE(moved.is_open());
  EXPECT_FALSE(from.is_open());
  EXPECT_EQ(from.get_executor(), moved.get_executor());
  from.cancel();
  from.close();
  EXPECT_FALSE(from.release().is_open());
  EXPECT_FALSE(std::as_const(pair.second).next_layer().is_open());
  expect_operations_fail(from);
  afplug::async_socket again(std::move(from)), and_again(std::move(from));
  EXPECT_FALSE(and_again.is_open());
  from = std::move(moved);
  EXPECT_TRUE(from.is_open());
  EXPECT_FALSE(moved.is_open());
  EXPECT_EQ(moved.next_layer().native_handle(), -1);
}

TEST_P(async_socket, assignment_closes_the_old_socket) {
  auto pair = connection();
  auto &a = pair.first, &b = pair.second;
  char byte = 0;
  int aborted = 0;
  b.async_read_some(asio::buffer(&byte, 1), [&](error_code ec, std::size_t) {
    EXPECT_EQ(ec, asio::error::operation_aborted);
    ++aborted;
  });
  b = afplug::async_socket(context);
  context.run();
  EXPECT_EQ(aborted, 1);
  error_code ec;
  a.next_layer().timeout(10s);
  EXPECT_EQ(a.next_layer().recv(afplug::mutable_bytes(&byte, 1), 0, ec), 0u) << "the peer has the end of file";
}

// ---- errors ----

TEST_P(async_socket, last_detail_in_a_handler_is_the_error_text) {
  auto listener = listening();
  const auto to = listener.next_layer().getsockname();
  listener.close();
  afplug::async_socket client(context, new_socket()), closed(context);
  std::string refused, bad;
  client.async_connect(to, [&](error_code) { refused = afplug::last_detail(); });
  char byte = 0;
  closed.async_read_some(asio::buffer(&byte, 1), [&](error_code, std::size_t) { bad = afplug::last_detail(); });
  context.run();
  EXPECT_NE(refused.find(to.to_string()), std::string::npos) << refused;
  EXPECT_NE(refused.find("Connection refused"), std::string::npos) << refused;
  EXPECT_EQ(bad, "async_receive: Bad file descriptor");
}

// Each way to start an operation that throws: what it throws is an afplug::error with the whole text.
TEST_P(async_socket, operations_throw_afplug_error) {
  auto listener = listening();
  const auto to = listener.next_layer().getsockname();
  listener.close();
  std::vector<std::string> texts;
  const auto expect_thrown = [&](const afplug::error& e, const asio::error::basic_errors code) {
    EXPECT_EQ(e.code(), code);
    texts.push_back(e.what());
  };
  const auto coroutine = [&]() -> awaitable<void> {
    afplug::async_socket client(context, new_socket());
    try {
      co_await client.async_connect(to, use_awaitable);
      ADD_FAILURE() << "connected";
    } catch (const afplug::error& e) {
      expect_thrown(e, asio::error::connection_refused);
    }
    using with_default = asio::use_awaitable_t<>::as_default_on_t<afplug::async_socket>;
    with_default other(context.get_executor(), new_socket());
    try {
      co_await other.async_connect(to);
      ADD_FAILURE() << "connected";
    } catch (const afplug::error& e) {
      expect_thrown(e, asio::error::connection_refused);
    }
    // An algorithm of Asio.
    afplug::async_socket closed(context);
    char byte = 0;
    try {
      co_await asio::async_read(closed, asio::buffer(&byte, 1), afplug::as_error(use_awaitable));
      ADD_FAILURE() << "read";
    } catch (const afplug::error& e) {
      expect_thrown(e, asio::error::bad_descriptor);
    }
    try {
      co_await closed.async_accept(use_awaitable);
      ADD_FAILURE() << "accepted";
    } catch (const afplug::error& e) {
      expect_thrown(e, asio::error::bad_descriptor);
    }
    // An operation of Asio, of which afplug has no text: that of an earlier error is not used.
    error_code ec;
    client.next_layer().connect(to, ec);
    asio::steady_timer timer(context, 1h);
    asio::post(context, [&] { timer.cancel(); });
    try {
      co_await timer.async_wait(afplug::as_error(use_awaitable));
      ADD_FAILURE() << "not cancelled";
    } catch (const afplug::error& e) {
      expect_thrown(e, asio::error::operation_aborted);
    }
  };
  bool done = false;
  asio::co_spawn(context, coroutine(), [&](std::exception_ptr e) {
    EXPECT_FALSE(e);
    done = true;
  });
  context.run();
  EXPECT_TRUE(done);
  ASSERT_EQ(texts.size(), 5u);
  for (const auto& text : {texts[0], texts[1]})
    EXPECT_NE(text.find(to.to_string() + ": Connection refused"), std::string::npos) << text;
  EXPECT_EQ(texts[2], "async_receive: Bad file descriptor");
  EXPECT_EQ(texts[3], "async_accept: Bad file descriptor");
  EXPECT_EQ(texts[4], "Operation canceled");

  asio::thread_pool pool(1);
  afplug::async_socket client(pool, new_socket());
  auto connected = client.async_connect(to, asio::use_future);
  try {
    connected.get();
    ADD_FAILURE() << "connected";
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.code(), asio::error::connection_refused);
    EXPECT_NE(std::string(e.what()).find(to.to_string()), std::string::npos) << e.what();
  }
  pool.join();
}

TEST_P(async_socket, as_error_keeps_results_and_cancellation) {
  auto pair = connection();
  auto &a = pair.first, &b = pair.second;
  asio::cancellation_signal signal;
  char byte = 0;
  int calls = 0;
  b.async_read_some(asio::buffer(&byte, 1), afplug::as_error(asio::bind_cancellation_slot(
                                                signal.slot(), [&](const std::exception_ptr& e, std::size_t n) {
                                                  EXPECT_EQ(n, 0u);
                                                  EXPECT_THROW(std::rethrow_exception(e), afplug::error);
                                                  ++calls;
                                                })));
  asio::post(context, [&] { signal.emit(asio::cancellation_type::total); });
  context.run();
  EXPECT_EQ(calls, 1);
  a.async_write_some(asio::buffer("x", 1), afplug::as_error([&](const std::exception_ptr& e, std::size_t n) {
                       EXPECT_FALSE(e);
                       EXPECT_EQ(n, 1u);
                       ++calls;
                     }));
  context.restart();
  context.run();
  EXPECT_EQ(calls, 2);
}

TEST_P(async_socket, release_keeps_received_data) {
  auto [a, b] = connection();
  a.next_layer().send(afplug::const_bytes("kept", 4));
  auto plain = b.release();
  EXPECT_FALSE(b.is_open());
  char got[10];
  plain.timeout(std::nullopt);
  EXPECT_EQ(plain.recv(got), 4u);
}

TEST_P(async_socket, works_in_a_thread_pool) {
  asio::thread_pool pool(2);
  auto pair = connection();
  afplug::async_socket a(pool, pair.first.release()), b(pool, pair.second.release());
  std::string sent(500'000, 'x'), back(sent.size(), '\0');
  auto read = asio::async_read(b, asio::buffer(back), asio::use_future);
  auto written = asio::async_write(a, asio::buffer(sent), asio::use_future);
  EXPECT_EQ(written.get(), sent.size());
  EXPECT_EQ(read.get(), sent.size());
  EXPECT_EQ(back, sent);
  pool.join();
}

TEST_P(async_socket, receive_from_has_the_sender) {
  const auto other = GetParam().address == "127.0.0.1:0" ? GetParam().address : GetParam().address + "-2";
  afplug::async_socket a(context, new_socket(SOCK_DGRAM)), b(context, new_socket(SOCK_DGRAM));
  a.next_layer().bind(GetParam().address);
  b.next_layer().bind(other);
  std::string buffer(10, '\0');
  afplug::address from;
  bool done = false;
  b.async_receive_from(asio::buffer(buffer), from, [&](error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    EXPECT_EQ(buffer.substr(0, n), "hello");
    done = true;
  });
  a.async_send_to(asio::buffer("hello", 5), b.next_layer().getsockname(), [](error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    EXPECT_EQ(n, 5u);
  });
  context.run();
  EXPECT_TRUE(done);
  EXPECT_EQ(from, a.next_layer().getsockname());
  EXPECT_EQ(from.to_string(), a.next_layer().getsockname().to_string());
}

TEST_P(async_socket, send_many_and_receive_many) {
  const auto other = GetParam().address == "127.0.0.1:0" ? GetParam().address : GetParam().address + "-2";
  afplug::async_socket a(context, new_socket(SOCK_DGRAM)), b(context, new_socket(SOCK_DGRAM));
  a.next_layer().bind(GetParam().address);
  b.next_layer().bind(other);
  const auto to = b.next_layer().getsockname();
  std::array<std::array<char, 10>, 4> buffers;
  std::array<afplug::incoming, 4> got;
  for (std::size_t i = 0; i < got.size(); ++i) got[i].into = buffers[i];
  bool done = false;
  b.async_receive_many(got, [&](error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    EXPECT_EQ(n, 2u);
    EXPECT_EQ(std::string(buffers[0].data(), got[0].size), "one");
    EXPECT_EQ(std::string(buffers[1].data(), got[1].size), "three");
    done = true;
  });
  std::array<afplug::outgoing, 2> sent{
      {{.data = std::string_view("one"), .to = &to}, {.data = std::string_view("three"), .to = &to}}};
  a.async_send_many(sent, [](error_code ec, std::size_t n) {
    EXPECT_FALSE(ec);
    EXPECT_EQ(n, 2u);
  });
  context.run();
  EXPECT_TRUE(done);
}

TEST_P(async_socket, default_completion_tokens) {
  using token = asio::use_awaitable_t<>;
  using socket = token::as_default_on_t<afplug::async_socket>;
  auto pair = connection();
  auto &a = pair.first, &b = pair.second;
  bool done = false;
  asio::co_spawn(
      context,
      [&]() -> awaitable<void> {
        socket left(context.get_executor(), a.release()), right(context.get_executor(), b.release());
        co_await left.async_write_some(asio::buffer("x", 1));
        char byte = 0;
        EXPECT_EQ(co_await right.async_read_some(asio::buffer(&byte, 1)), 1u);
        co_await right.async_wait(asio::socket_base::wait_write);
        done = true;
      },
      asio::detached);
  context.run();
  EXPECT_TRUE(done);
}

INSTANTIATE_TEST_SUITE_P(families, async_socket,
                         testing::Values(endpoint{"inet", "127.0.0.1:0"}, endpoint{"unix", "@afplug-async"},
                                         endpoint{"loop", "afplug-async"}),
                         [](const auto& one) { return std::string(one.param.family); });

// A full receiver of AF_UNIX datagrams: epoll(7) reports an unconnected sender as writable although sends fail with
// EAGAIN.
class full_receiver : public testing::Test {
 protected:
  full_receiver() {
    receiver.bind("@afplug-async-full");
    error_code ec;
    while (!ec) sender.next_layer().sendto(afplug::const_bytes("x", 1), receiver.getsockname(), 0, ec);
    sender.async_send_to(asio::buffer("yy", 2), receiver.getsockname(), [this](error_code e, std::size_t) {
      ended = true;
      result = e;
    });
    context.run_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(ended);
  }
  asio::io_context context;
  afplug::socket receiver{"unix", SOCK_DGRAM};
  afplug::async_socket sender{context, afplug::socket("unix", SOCK_DGRAM)};
  bool ended = false;
  error_code result;
};

TEST_F(full_receiver, sender_waits_without_spinning) {
  context.restart();
  std::size_t handlers = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  while (std::chrono::steady_clock::now() < until) handlers += context.run_one_until(until);
  EXPECT_LE(handlers, 60u);
  char buffer[8];
  error_code ec;
  while (receiver.recv({buffer, sizeof buffer}, MSG_DONTWAIT, ec) == 1) {
  }
  context.run();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(result);
  EXPECT_EQ(receiver.recv({buffer, sizeof buffer}, MSG_DONTWAIT, ec), 2u);
}

TEST_F(full_receiver, cancel_ends_the_wait) {
  sender.cancel();
  context.restart();
  context.run();
  EXPECT_TRUE(ended);
  EXPECT_EQ(result, asio::error::operation_aborted);
}

TEST_F(full_receiver, close_ends_the_wait) {
  sender.close();
  context.restart();
  context.run();
  EXPECT_TRUE(ended);
  EXPECT_EQ(result, asio::error::operation_aborted);
}

TEST(async_loop_socket, connect_waits_while_the_backlog_is_full) {
  asio::io_context context;
  afplug::socket listener("loop", SOCK_STREAM);
  listener.bind("full-backlog");
  listener.listen(0);
  afplug::socket first("loop", SOCK_STREAM);
  first.connect("full-backlog");
  afplug::async_socket second(context, afplug::socket("loop", SOCK_STREAM));
  int connected = 0;
  second.async_connect(afplug::address("loop", "full-backlog"), [&](error_code ec) {
    EXPECT_FALSE(ec);
    ++connected;
  });
  context.poll();
  EXPECT_EQ(connected, 0);
  auto peer = listener.accept();
  context.run();
  EXPECT_EQ(connected, 1);
}

}  // namespace
