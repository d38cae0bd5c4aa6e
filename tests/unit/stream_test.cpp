// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Sockets as standard streams: the rules of Python's makefile(), PARITY §4.4 and FileObjectClassTestCase.
#include <gtest/gtest.h>
#include <afplug/stream.hpp>

#include <string>
#include <thread>

using namespace std::literals;

namespace {

TEST(stream, lines_come_as_they_were_sent) {
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
  EXPECT_FALSE(stream.error()) << "the end of the stream is no failure";
}

TEST(stream, nothing_is_sent_before_the_buffer_is_full_or_flushed) {
  auto [a, peer] = afplug::socket::pair();
  afplug::socket_stream stream(std::move(a), 16, 8);
  stream << "abc";
  afplug::error_code ec;
  char got[64];
  peer.recv(got, MSG_DONTWAIT, ec);
  EXPECT_EQ(ec.value(), EAGAIN);
  stream << std::flush;
  EXPECT_EQ(peer.recv(got), 3u);
  stream << "0123456789";
  EXPECT_EQ(peer.recv(got), 10u) << "more than the buffer holds goes out at once";
}

TEST(stream, without_a_write_buffer_each_write_goes_out) {
  auto [a, peer] = afplug::socket::pair();
  afplug::socket_stream stream(std::move(a), 16, 0);
  stream << 'x';
  char got[8];
  EXPECT_EQ(peer.recv(got, MSG_DONTWAIT), 1u);
  stream << "yz";
  EXPECT_EQ(peer.recv(got, MSG_DONTWAIT), 2u);
}

TEST(stream, small_buffers_lose_nothing) {
  auto [a, peer] = afplug::socket::pair();
  afplug::socket_stream stream(std::move(a), 3, 5);
  std::string all;
  for (int i = 0; i < 100000; ++i) all += static_cast<char>('a' + i % 26);
  std::jthread echo([&peer = peer] {
    char block[777];
    while (const auto n = peer.recv(block)) peer.sendall(std::string_view(block, n));
    peer.shutdown(SHUT_WR);
  });
  std::jthread writer([&] {
    for (std::size_t at = 0; at < all.size(); at += 7)
      stream.rdbuf()->sputn(all.data() + at, static_cast<std::streamsize>(std::min<std::size_t>(7, all.size() - at)));
    stream.rdbuf()->pubsync();
    stream.socket().shutdown(SHUT_WR);
  });
  std::string back(all.size(), '\0');
  EXPECT_EQ(stream.rdbuf()->sgetn(back.data(), static_cast<std::streamsize>(back.size())),
            static_cast<std::streamsize>(back.size()));
  EXPECT_EQ(back, all);
  EXPECT_EQ(stream.rdbuf()->sgetc(), std::char_traits<char>::eof());
}

TEST(stream, after_a_timed_out_read_nothing_more_is_read) {
  auto [a, peer] = afplug::socket::pair();
  a.timeout(20ms);
  afplug::socket_stream stream(std::move(a));
  peer.sendall("he"sv);
  char got[4];
  EXPECT_FALSE(stream.read(got, 4));
  EXPECT_EQ(stream.gcount(), 2);
  EXPECT_EQ(stream.error(), afplug::errc::timed_out);
  peer.sendall("llo"sv);
  stream.clear();
  EXPECT_FALSE(stream.read(got, 1)) << "the two bytes before are gone: what follows is the middle of something";
}

TEST(stream, without_blocking_what_is_not_there_is_a_passing_failure) {
  auto [a, peer] = afplug::socket::pair();
  a.blocking(false);
  afplug::socket_stream stream(std::move(a));
  EXPECT_EQ(stream.get(), std::char_traits<char>::eof());
  EXPECT_EQ(stream.error().value(), EAGAIN);
  peer.sendall("z"sv);
  stream.clear();
  EXPECT_EQ(stream.get(), 'z');
}

TEST(stream, a_closed_peer_is_a_failure_of_writing_and_no_signal) {
  auto [a, peer] = afplug::socket::pair();
  afplug::socket_stream stream(std::move(a), 16, 4);
  peer.close();
  stream << "0123456789" << std::flush;
  EXPECT_TRUE(stream.bad());
  EXPECT_EQ(stream.error().value(), EPIPE);
}

TEST(stream, its_end_sends_what_is_left_and_closes) {
  auto [a, peer] = afplug::socket::pair();
  {
    afplug::socket_stream stream(std::move(a));
    stream << "bye";
  }
  char got[8];
  EXPECT_EQ(peer.recv(got), 3u);
  EXPECT_EQ(peer.recv(got), 0u);
}

}  // namespace
