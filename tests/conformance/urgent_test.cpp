// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Out-of-band data: MSG_OOB, SO_OOBINLINE, POLLPRI and the mark. tcp(7), unix(7).
#include <poll.h>

#include "fixture.hpp"

namespace conformance {
namespace {

CONFORMANCE(out_of_band, t.delivery.msg_oob);

// Sends "ab", "!" with MSG_OOB and "cd", and waits until all of it has arrived.
link link_with_urgent_byte(const row& r, bool in_line) {
  auto l = conformance::connected(r);
  l.b.timeout(patience);
  l.b.option("SO_OOBINLINE", in_line);
  l.a.send("ab"sv);
  l.a.send("!"sv, MSG_OOB);
  l.a.send("cd"sv);
  EXPECT_EQ(l.b.wait(POLLPRI, patience) & POLLPRI, POLLPRI);
  std::string all(5, '\0');
  EXPECT_TRUE(eventually([&] { return l.b.recv(all, MSG_PEEK) == 2; }));
  return l;
}

TEST_P(out_of_band, byte_is_received_before_earlier_data) {
  auto l = link_with_urgent_byte(r(), false);
  std::string byte(5, '\0');
  ASSERT_EQ(l.b.recv(byte, MSG_OOB), 1u);
  EXPECT_EQ(byte[0], '!');
  EXPECT_EQ(receive(l.b), "ab") << "a receive ends at the mark";
  EXPECT_EQ(receive(l.b), "cd");
  EXPECT_EQ(ERROR_OF(l.b.recv(byte, MSG_OOB | MSG_DONTWAIT, _)), sys(EINVAL)) << "taken once";
  EXPECT_EQ(l.b.wait(POLLPRI, 0ns) & POLLPRI, 0);
}

TEST_P(out_of_band, byte_stays_in_line_with_so_oobinline) {
  auto l = link_with_urgent_byte(r(), true);
  EXPECT_EQ(l.b.option_number("SO_OOBINLINE"), 1);
  std::string byte(5, '\0');
  EXPECT_EQ(ERROR_OF(l.b.recv(byte, MSG_OOB, _)), sys(EINVAL));
  EXPECT_EQ(receive(l.b), "ab");
  EXPECT_EQ(receive(l.b), "!cd");
}

TEST_P(out_of_band, byte_has_a_mark) {
  auto l = link_with_urgent_byte(r(), false);
  EXPECT_EQ(::sockatmark(l.b.fileno()), 0);
  EXPECT_EQ(receive(l.b), "ab");
  EXPECT_EQ(::sockatmark(l.b.fileno()), 1);
  EXPECT_EQ(receive(l.b), "cd");
  EXPECT_EQ(::sockatmark(l.b.fileno()), 0);
}

TEST_P(out_of_band, byte_is_the_last_of_the_data_sent) {
  auto l = connected();
  l.b.timeout(patience);
  l.a.send("a!"sv, MSG_OOB);
  EXPECT_EQ(l.b.wait(POLLPRI, patience) & POLLPRI, POLLPRI);
  std::string byte(5, '\0');
  ASSERT_EQ(l.b.recv(byte, MSG_OOB), 1u);
  EXPECT_EQ(byte[0], '!');
  EXPECT_EQ(receive(l.b), "a");
}

TEST_P(out_of_band, byte_is_not_waited_for) {
  auto l = connected();
  std::string byte(1, '\0');
  for (const auto& mode : {std::optional<std::chrono::nanoseconds>{}, {0ns}, {patience}}) {
    l.b.timeout(mode);
    EXPECT_EQ(ERROR_OF(l.b.recv(byte, MSG_OOB, _)), sys(EINVAL));
  }
}

}  // namespace
}  // namespace conformance
