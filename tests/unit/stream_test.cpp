// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug::socket_stream, with the behaviour of Python's socket.makefile() (FileObjectClassTestCase in test_socket.py).
#include <gtest/gtest.h>
#include <afplug/stream.hpp>

#include <string>
#include <thread>

using namespace std::literals;

namespace {

TEST(stream, getline_reads_lines) {
  auto [a, peer] = afplug::socket::pair();
  afplug::socket_stream stream(std::move(a));
  peer.sendall("first\nsecond\nthird"sv);
  peer.shutdown(SHUT_WR);
  std::string line;
  ASSERT_TRUE(std::getline(stream, line));
  EXPECT_EQ(line, "first");
  ASSERT_TRUE(std::getline(stream, line));
  EXPECT_EQ(line, "second");
  ASSERT_TRUE(std::getline(stream, line));
  EXPECT_EQ(line, "third");
  EXPECT_TRUE(stream.eof());
  EXPECT_FALSE(stream.error()) << "end of file is not an error";
}

TEST(stream, writes_are_buffered_until_full_or_flushed) {
  auto [a, peer] = afplug::socket::pair();
  afplug::socket_stream stream(std::move(a), 16, 8);
  stream << "abc";
  afplug::error_code ec;
  char buffer[64];
  peer.recv(buffer, MSG_DONTWAIT, ec);
  EXPECT_EQ(ec.value(), EAGAIN);
  stream << std::flush;
  EXPECT_EQ(peer.recv(buffer), 3u);
  stream << "0123456789";
  EXPECT_EQ(peer.recv(buffer), 10u) << "more than the buffer holds is sent at once";
}

TEST(stream, without_a_write_buffer_each_write_is_sent) {
  auto [a, peer] = afplug::socket::pair();
  afplug::socket_stream stream(std::move(a), 16, 0);
  stream << 'x';
  char buffer[8];
  EXPECT_EQ(peer.recv(buffer, MSG_DONTWAIT), 1u);
  stream << "yz";
  EXPECT_EQ(peer.recv(buffer, MSG_DONTWAIT), 2u);
}

TEST(stream, small_buffers_transfer_all_data) {
  auto [a, peer] = afplug::socket::pair();
  afplug::socket_stream stream(std::move(a), 3, 5);
  std::string data;
  for (int i = 0; i < 100000; ++i) data += static_cast<char>('a' + i % 26);
  std::jthread echo([&peer = peer] {
    char block[777];
    while (const auto n = peer.recv(block)) peer.sendall(std::string_view(block, n));
    peer.shutdown(SHUT_WR);
  });
  std::jthread writer([&] {
    for (std::size_t at = 0; at < data.size(); at += 7)
      stream.rdbuf()->sputn(data.data() + at, static_cast<std::streamsize>(std::min<std::size_t>(7, data.size() - at)));
    stream.rdbuf()->pubsync();
    stream.socket().shutdown(SHUT_WR);
  });
  std::string back(data.size(), '\0');
  EXPECT_EQ(stream.rdbuf()->sgetn(back.data(), static_cast<std::streamsize>(back.size())),
            static_cast<std::streamsize>(back.size()));
  EXPECT_EQ(back, data);
  EXPECT_EQ(stream.rdbuf()->sgetc(), std::char_traits<char>::eof());
}

TEST(stream, reads_after_a_timeout_fail) {
  auto [a, peer] = afplug::socket::pair();
  a.timeout(20ms);
  afplug::socket_stream stream(std::move(a));
  peer.sendall("he"sv);
  char buffer[4];
  EXPECT_FALSE(stream.read(buffer, 4));
  EXPECT_EQ(stream.gcount(), 2);
  EXPECT_EQ(stream.error(), afplug::errc::timed_out);
  peer.sendall("llo"sv);
  stream.clear();
  EXPECT_FALSE(stream.read(buffer, 1)) << "a timed-out read leaves the position in the stream undefined, as in Python";
}

TEST(stream, non_blocking_read_fails_with_eagain_and_can_be_repeated) {
  auto [a, peer] = afplug::socket::pair();
  a.blocking(false);
  afplug::socket_stream stream(std::move(a));
  EXPECT_EQ(stream.get(), std::char_traits<char>::eof());
  EXPECT_EQ(stream.error().value(), EAGAIN);
  peer.sendall("z"sv);
  stream.clear();
  EXPECT_EQ(stream.get(), 'z');
}

TEST(stream, bytes_that_were_not_sent_are_sent_by_the_next_flush) {
  auto [a, peer] = afplug::socket::pair();
  a.blocking(false);
  std::string data;
  for (int i = 0; i < 4'000'000; ++i) data += static_cast<char>('a' + i % 23);
  afplug::socket_stream stream(std::move(a), 16, data.size());  // the kernel's send buffer is smaller
  stream << data;
  std::string got;
  int flushes = 0;
  while (got.size() < data.size()) {
    stream.clear();
    stream << std::flush;
    ++flushes;
    if (!stream) {
      ASSERT_EQ(stream.error().value(), EAGAIN);
    }
    const auto before = got.size();
    char block[65536];
    afplug::error_code ec;
    while (const auto n = peer.recv(block, MSG_DONTWAIT, ec)) got.append(block, n);
    ASSERT_GT(got.size(), before) << "bytes were lost";
  }
  EXPECT_GT(flushes, 1) << "nothing was kept";
  EXPECT_TRUE(got == data);
}

TEST(stream, write_to_a_closed_peer_fails_without_sigpipe) {
  auto [a, peer] = afplug::socket::pair();
  afplug::socket_stream stream(std::move(a), 16, 4);
  peer.close();
  stream << "0123456789" << std::flush;
  EXPECT_TRUE(stream.bad());
  EXPECT_EQ(stream.error().value(), EPIPE);
}

TEST(stream, destructor_flushes_and_closes) {
  auto [a, peer] = afplug::socket::pair();
  {
    afplug::socket_stream stream(std::move(a));
    stream << "bye";
  }
  char buffer[8];
  EXPECT_EQ(peer.recv(buffer), 3u);
  EXPECT_EQ(peer.recv(buffer), 0u);
}

}  // namespace
