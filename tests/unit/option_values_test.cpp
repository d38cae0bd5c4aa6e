// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The values that socket::option takes: their C++ types, and the ranges of typed options.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>  // before <linux/if.h>, which it conflicts with otherwise

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <afplug/bluetooth.hpp>
#include <afplug/can.hpp>
#include <afplug/ip.hpp>
#include <afplug/packet.hpp>
#include <afplug/socket.hpp>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <limits>
#include <string>
#include <vector>

#include "../support/errors.hpp"

namespace {

namespace opt = afplug::opt;
using afplug::errc;
using afplug::error_code;
using testing::AllOf;
using testing::HasSubstr;
using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;

afplug::socket tcp() { return {"inet", SOCK_STREAM}; }

template <class V>
concept settable = requires(afplug::socket& s, V value, error_code& ec) {
  s.option("X", value);
  s.option("X", value, ec);
};
static_assert(settable<std::string> && settable<std::string_view> && settable<const char*> &&
              settable<const char (&)[4]>);
static_assert(settable<bool> && settable<int> && settable<char> && settable<std::uint64_t> && settable<std::size_t>);
static_assert(settable<std::vector<std::byte>> && settable<std::span<const std::byte>> &&
              settable<std::span<std::byte>>);
static_assert(settable<std::array<std::uint8_t, 4>> && settable<afplug::const_bytes>);
static_assert(settable<std::chrono::hours> && settable<std::chrono::duration<double>> &&
              settable<afplug::option_value>);

TEST(option, takes_text_of_each_type) {
  auto s = tcp();
  const std::string original = s.option_text("TCP_CONGESTION");
  error_code ec;
  const auto set = [&](const auto& value) {
    s.option("TCP_CONGESTION", "reno");
    s.option("TCP_CONGESTION", value);
    EXPECT_EQ(s.option_text("TCP_CONGESTION"), original);
    s.option("TCP_CONGESTION", "reno"sv, ec);
    ASSERT_FALSE(ec) << ec.message();
    s.option("TCP_CONGESTION", value, ec);
    EXPECT_FALSE(ec) << ec.message();
    EXPECT_EQ(s.option_text("TCP_CONGESTION"), original);
  };
  set(original);
  set(std::string_view(original));
  set(original.c_str());
  set(afplug::option_value(original));
}

TEST(option, takes_bytes_of_each_type) {
  auto s = tcp();
  error_code ec;
  const auto set = [&](const auto& value) {
    s.option("SO_PRIORITY", 0);
    s.option("SO_PRIORITY", value);
    EXPECT_EQ(s.option_number("SO_PRIORITY"), 3);
    s.option("SO_PRIORITY", 0, ec);
    s.option("SO_PRIORITY", value, ec);
    EXPECT_FALSE(ec) << ec.message();
    EXPECT_EQ(s.option_number("SO_PRIORITY"), 3);
  };
  const int three = 3;
  std::vector<std::byte> bytes(sizeof three);
  std::memcpy(bytes.data(), &three, sizeof three);
  set(bytes);
  set(std::span(bytes));
  set(std::span<const std::byte>(bytes));
  set(std::array{three});
  set(afplug::const_bytes(&three, sizeof three));
}

TEST(option, takes_numbers_and_durations_of_each_type) {
  auto s = tcp();
  error_code ec;
  s.option("SO_KEEPALIVE", true, ec);
  EXPECT_EQ(s.option_number("SO_KEEPALIVE"), 1);
  s.option("SO_PRIORITY", std::size_t{5}, ec);
  EXPECT_EQ(s.option_number("SO_PRIORITY"), 5);
  s.option("SO_RCVTIMEO", 1500ms, ec);
  EXPECT_FALSE(ec) << afplug::last_detail();
  EXPECT_EQ(s.option<opt::rcvtimeo>().value(), 1500ms);
  s.option("SO_RCVTIMEO", std::chrono::duration<double>(0.5));
  EXPECT_EQ(s.option<opt::rcvtimeo>().value(), 500ms);
  s.option("SO_RCVBUF", std::numeric_limits<std::uint64_t>::max(), ec);
  EXPECT_EQ(ec, errc::invalid_argument);
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr("18446744073709551615"));
  s.option("SO_RCVTIMEO", std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN()), ec);
  EXPECT_EQ(ec, errc::invalid_argument);
  EXPECT_THAT(std::string(afplug::last_detail()), AllOf(HasSubstr("SO_RCVTIMEO"), HasSubstr("nan")));
  s.option("SO_RCVTIMEO", std::chrono::hours::max(), ec);
  EXPECT_EQ(ec, errc::invalid_argument);
}

TEST(option, typed_is_read_and_set_with_error_code) {
  auto s = tcp();
  error_code ec = errc::timed_out;
  s.option(opt::tcp::nodelay(true), ec);
  EXPECT_FALSE(ec);
  ec = errc::timed_out;
  EXPECT_TRUE(s.option<opt::tcp::nodelay>(ec).value());
  EXPECT_FALSE(ec);
  afplug::socket closed;
  closed.option(opt::tcp::nodelay(true), ec);
  EXPECT_EQ(ec, afplug::testing_support::sys(EBADF));
  closed.option<opt::tcp::nodelay>(ec);
  EXPECT_EQ(ec, afplug::testing_support::sys(EBADF));
  // The error text names the option and the value.
  afplug::socket other("unix", SOCK_DGRAM);
  other.option(opt::tcp::keep_count(3), ec);
  EXPECT_TRUE(ec);
  s.option(opt::ip::ttl(0), ec);
  EXPECT_EQ(ec, afplug::testing_support::sys(EINVAL));
  EXPECT_THAT(std::string(afplug::last_detail()), AllOf(HasSubstr("IP_TTL"), HasSubstr("0")));
}

// Sets `o`, which must be refused with an error text that has all `parts`; the socket's value does not change.
template <class O>
void refused(afplug::socket& s, const O& o, std::initializer_list<const char*> parts) {
  error_code ec;
  s.option(o, ec);
  EXPECT_EQ(ec, errc::invalid_argument);
  const std::string text(afplug::last_detail());
  for (const char* part : parts) EXPECT_THAT(text, HasSubstr(part));
  EXPECT_FALSE(o.refusal().empty());
  EXPECT_EQ(o.size(0), 0u) << "other libraries would set it";
  try {
    s.option(o);
    ADD_FAILURE() << "no exception";
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.what(), text);
  }
}

TEST(typed_option, refuses_values_out_of_range) {
  auto s = tcp();
  refused(s, opt::linger(true, -5s), {"inet option SO_LINGER", "-5 s", "0 to 2147483647 s"});
  refused(s, opt::linger(true, std::chrono::seconds(std::int64_t{1} << 31)), {"SO_LINGER", "2147483648 s"});
  EXPECT_EQ(s.option<opt::linger>().enabled(), false);
  refused(s, opt::rcvbuf(-1), {"SO_RCVBUF", "-1 is outside 0 to 2147483647"});
  refused(s, opt::sndbuf(5000000000u), {"SO_SNDBUF", "5000000000"});
  refused(s, opt::rcvlowat(std::numeric_limits<std::uint64_t>::max()), {"SO_RCVLOWAT", "18446744073709551615"});
  refused(s, opt::priority(-1), {"SO_PRIORITY", "-1 is outside 0 to 4294967295"});
  refused(s, opt::mark(std::int64_t{1} << 32), {"SO_MARK", "4294967296"});
  refused(s, opt::rcvtimeo(-1us), {"SO_RCVTIMEO", "-1 us is outside 0 to"});
  refused(s, opt::sndtimeo(std::chrono::hours::max()), {"SO_SNDTIMEO", " h is outside 0 to"});
  refused(s, opt::rcvtimeo(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())), {"nan s"});
  refused(s, opt::ip::ttl(256), {"IP_TTL", "256 is outside -1 to 255"});
  refused(s, opt::ip::tos(300), {"IP_TOS"});
  refused(s, opt::ip::multicast_ttl(-2), {"IP_MULTICAST_TTL"});
  refused(s, opt::ip::min_ttl(-1), {"IP_MINTTL"});
  refused(s, opt::ip::mtu_discover(6), {"IP_MTU_DISCOVER"});
  refused(s, opt::ip::multicast_interface(1u << 31), {"IP_MULTICAST_IF", "2147483648"});
  refused(s, opt::ipv6::unicast_hops(-2), {"-2"});
  refused(s, opt::ipv6::traffic_class(256), {"256"});
  refused(s, opt::tcp::keep_idle(-5s), {"TCP_KEEPIDLE", "-5 s is outside 1 to 32767 s"});
  refused(s, opt::tcp::keep_idle(10h), {"TCP_KEEPIDLE", "10 h is outside 1 to 32767 s"});
  refused(s, opt::tcp::keep_interval(std::chrono::seconds::max()), {"TCP_KEEPINTVL", "9223372036854775807 s"});
  refused(s, opt::tcp::keep_count(128), {"TCP_KEEPCNT", "128 is outside 1 to 127"});
  refused(s, opt::tcp::syn_count(0), {"TCP_SYNCNT"});
  refused(s, opt::tcp::max_segment(40000), {"TCP_MAXSEG"});
  refused(s, opt::tcp::user_timeout(-1ms), {"TCP_USER_TIMEOUT", "-1 ms"});
  refused(s, opt::tcp::user_timeout(std::chrono::hours(24 * 365)), {"TCP_USER_TIMEOUT"});
  refused(s, opt::tcp::congestion("a_name_of_sixteen"), {"TCP_CONGESTION", "17 bytes", "15"});
  refused(s, opt::tcp::congestion("re\0no"sv), {"TCP_CONGESTION", "NUL"});
  refused(s, opt::udp::segment(65536), {"65536"});
  refused(s, afplug::can::opt::j1939_priority(8), {"8 is outside 0 to 7"});
  refused(s, afplug::can::opt::isotp_tx_gap(std::int64_t{1} << 32), {"4294967296"});
  refused(s, afplug::can::opt::filters(std::vector<can_filter>(513)), {"513 elements", "512"});
  refused(s, afplug::bluetooth::receive_mtu(65536), {"65536 is outside 0 to 65535"});
  refused(s, afplug::bluetooth::force_active(256), {"256"});
  refused(s, afplug::bluetooth::hci_filter().pass_type(32), {"32 is outside 0 to 31"});
  refused(s, afplug::bluetooth::hci_filter().pass_event(64), {"64 is outside 0 to 63"});
  std::vector<sock_filter> program(65537);
  refused(s, afplug::packet::filter(program), {"SO_ATTACH_FILTER", "65537 instructions", "4096"});
  const std::uint8_t long_address[9] = {};
  refused(s, afplug::packet::membership(1, PACKET_MR_MULTICAST, long_address), {"9 bytes", "8"});
}

TEST(typed_option, takes_the_ends_of_the_range) {
  auto s = tcp();
  s.option(opt::linger(true, std::chrono::seconds(0)));
  EXPECT_TRUE(s.option<opt::linger>().enabled());
  s.option(opt::tcp::keep_idle(32767s));
  EXPECT_EQ(s.option<opt::tcp::keep_idle>().value(), 32767s);
  s.option(opt::tcp::keep_idle(9h));
  EXPECT_EQ(s.option<opt::tcp::keep_idle>().value(), 32400s);
  s.option(opt::tcp::keep_count(127));
  s.option(opt::tcp::syn_count(127));
  s.option(opt::ip::ttl(-1));
  s.option(opt::ip::ttl(255));
  EXPECT_EQ(s.option<opt::ip::ttl>().value(), 255);
  s.option(opt::rcvtimeo(std::chrono::nanoseconds(1)));
  EXPECT_EQ(opt::rcvtimeo(std::chrono::nanoseconds(1)).value(), 1us) << "rounded up";
  s.option(opt::priority(6));
  EXPECT_EQ(s.option<opt::priority>().value(), 6u);
}

TEST(typed_option, out_of_range_is_refused_by_the_kernel_for_asio_too) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket s(context, boost::asio::ip::tcp::v4());
  boost::system::error_code ec;
  s.set_option(opt::linger(true, -5s), ec);
  EXPECT_EQ(ec, boost::asio::error::invalid_argument);
  s.set_option(opt::tcp::congestion("a_name_of_sixteen"), ec);
  EXPECT_EQ(ec, boost::asio::error::invalid_argument);
}

}  // namespace
