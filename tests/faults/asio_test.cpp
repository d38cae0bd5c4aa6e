// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Asynchronous operations, while each allocation and system call fails in turn. A scenario is one call: an exception
// out of io_context::run() ends it, and everything is destroyed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <afplug/asio.hpp>
#include <afplug/verdict.hpp>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <string>

#include "trial.hpp"

namespace afplug {
namespace {

namespace asio = boost::asio;
using testing_support::trial;
using testing_support::try_all_faults;

/// Loads the families, and makes what Asio makes once.
void prepare() {
  for (const char* id : {"inet", "unix", "loop"}) {
    const auto& f = registry::global().family(id);
    static_cast<void>(explain(f, SOCK_STREAM, 0, EMFILE));
  }
  asio::io_context io;
  asio::post(io, [] {});
  io.run();
}

std::string address_of(const char* family) {
  if (std::string_view(family) == "inet") return "127.0.0.1:0";
  return (std::string_view(family) == "unix" ? "@afplug-faults-asio-" : "asio-") + std::to_string(::getpid());
}

/// Accepts, connects, sends and receives with completion handlers. Throws the first error.
void exchange(const char* family) {
  constexpr std::string_view text = "good morning";
  asio::io_context io;
  socket listening(family, SOCK_STREAM);
  listening.bind(address_of(family));
  listening.listen();
  const auto at = listening.getsockname();
  async_socket listener(io, std::move(listening)), client(io, socket(family, SOCK_STREAM)), accepted(io);
  std::array<char, 64> buffer{};
  error_code first;
  std::size_t received = 0;
  const auto failed = [&](const error_code& ec) {
    if (ec && !first) first = ec;
    if (ec) io.stop();
    return ec.failed();
  };
  listener.async_accept([&](error_code ec, async_socket s) {
    if (failed(ec)) return;
    accepted = std::move(s);
    asio::async_read(accepted, asio::buffer(buffer.data(), text.size()), [&](error_code read_ec, std::size_t n) {
      if (!failed(read_ec)) received = n;
    });
  });
  client.async_connect(at, [&](error_code ec) {
    if (failed(ec)) return;
    asio::async_write(client, asio::buffer(text), [&](error_code write_ec, std::size_t) { failed(write_ec); });
  });
  io.run();
  if (first) throw boost::system::system_error(first, "exchange");
  if (received != text.size() || std::string_view(buffer.data(), received) != text) throw std::logic_error("lost data");
}

template <const char* (*Family)()>
void exchange_in_trial(trial& t) {
  t.call("exchange", [] { exchange(Family()); });
}
constexpr const char* inet() { return "inet"; }
constexpr const char* unix_() { return "unix"; }
constexpr const char* loop() { return "loop"; }

TEST(faults_asio, inet) { EXPECT_EQ(try_all_faults({prepare, exchange_in_trial<inet>}), ""); }
TEST(faults_asio, unix_sockets) { EXPECT_EQ(try_all_faults({prepare, exchange_in_trial<unix_>}), ""); }
TEST(faults_asio, loop) { EXPECT_EQ(try_all_faults({prepare, exchange_in_trial<loop>}), ""); }

// Not with a lasting lack of memory: the destructor of Asio's awaitable_thread calls post, which allocates.
TEST(faults_asio, coroutines) {
  EXPECT_EQ(
      try_all_faults({.prepare = prepare,
                      .run =
                          [](trial& t) {
                            t.call("coroutine", [] {
                              auto [a, b] = socket::pair("loop", SOCK_STREAM);
                              asio::io_context io;
                              async_socket from(io, std::move(a)), to(io, std::move(b));
                              std::exception_ptr failure;
                              const auto run = [&](std::exception_ptr e) {
                                if (e && !failure) failure = e;
                                if (e) io.stop();
                              };
                              asio::co_spawn(
                                  io,
                                  [&]() -> asio::awaitable<void> {
                                    std::array<char, 8> buffer{};
                                    co_await asio::async_read(to, asio::buffer(buffer.data(), 5), asio::use_awaitable);
                                  },
                                  run);
                              asio::co_spawn(
                                  io,
                                  [&]() -> asio::awaitable<void> {
                                    co_await asio::async_write(from, asio::buffer("hello", 5), asio::use_awaitable);
                                  },
                                  run);
                              io.run();
                              if (failure) std::rethrow_exception(failure);
                            });
                          },
                      .one_fault_only = true}),
      "");
}

// Asio's own sockets, accepted by afplug's acceptor.
TEST(faults_asio, acceptor) {
  EXPECT_EQ(try_all_faults({prepare,
                            [](trial& t) {
                              t.call("accept", [] {
                                asio::io_context io;
                                acceptor at(io, address("inet", "127.0.0.1:0"));
                                socket client("inet", SOCK_STREAM);
                                client.connect(at.local_endpoint());
                                error_code result = asio::error::would_block;
                                at.async_accept([&](error_code ec, auto) { result = ec; });
                                io.run();
                                if (result) throw boost::system::system_error(result, "accept");
                              });
                            }}),
            "");
}

}  // namespace
}  // namespace afplug
