// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The functions and classes of afplug/plugin.hpp.
#include <gmock/gmock.h>
#include <afplug/plugin.hpp>
#include <functional>
#include <future>
#include <optional>
#include <random>
#include <tuple>
#include "family_plugin.hpp"

namespace {
namespace ap = afplug::plugin;
using namespace std::string_literals;
using namespace std::string_view_literals;

std::string error_text_of(const std::function<void()>& call, int error) {
  try {
    call();
  } catch (const ap::failure& thrown) {
    EXPECT_EQ(thrown.error(), error) << thrown.what();
    return thrown.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST(plugin_hpp, exceptions_become_errno_and_error_text) {
  char buffer[64];
  afplug_text error_text{buffer, sizeof buffer, 0};
  const auto thrown = [&](auto throw_it) {
    error_text.size = 0;
    return ap::catch_errors(
        [&]() -> std::int32_t {
          throw_it();
          return 5;
        },
        &error_text);
  };
  const auto written = [&] { return std::string(buffer, error_text.size); };
  EXPECT_EQ(thrown([] {}), 5);
  EXPECT_EQ(thrown([] { ap::fail(ERANGE, "port ", 7, " is ", "bad"s); }), -ERANGE);
  EXPECT_EQ(written(), "port 7 is bad");
  EXPECT_EQ(thrown([] { throw std::bad_alloc(); }), -ENOMEM);
  EXPECT_EQ(thrown([] { throw std::system_error(ENOENT, std::generic_category()); }), -ENOENT);
  EXPECT_EQ(thrown([] { throw std::system_error(EACCES, std::system_category(), "x"); }), -EACCES);
  EXPECT_EQ(thrown([] { throw std::system_error(std::make_error_code(std::future_errc::broken_promise)); }), -EIO);
  EXPECT_EQ(thrown([] { throw std::runtime_error("message"); }), -EIO);
  EXPECT_EQ(written(), "message");
  EXPECT_EQ(thrown([] { throw 7; }), -EIO);
  EXPECT_EQ(ap::catch_errors([]() -> std::int32_t { throw 7; }), -EIO);
  ap::catch_errors([] { throw 7; });
}

std::int32_t slot(std::int32_t a, const char* text) {
  if (text == nullptr) throw std::bad_alloc();
  return a + static_cast<std::int32_t>(std::strlen(text));
}
struct state {
  int calls = 0;
  std::int32_t readiness(std::int32_t events) {
    if (++calls > 1) ap::fail(EPIPE, "once is enough");
    return events;
  }
};

TEST(plugin_hpp, slots_are_guarded) {
  std::int32_t (*const plain)(std::int32_t, const char*) = ap::slot<&slot>;
  EXPECT_EQ(plain(1, "four"), 5);
  EXPECT_EQ(plain(1, nullptr), -ENOMEM);
  std::int32_t (*const member)(void*, std::int32_t) = ap::slot<&state::readiness>;
  state s;
  EXPECT_EQ(member(&s, 3), 3);
  EXPECT_EQ(member(&s, 3), -EPIPE);
}

TEST(plugin_hpp, integers_are_parsed_and_range_checked) {
  EXPECT_EQ(ap::parse_integer("n", "0", 0, 9), 0u);
  EXPECT_EQ(ap::parse_integer("n", "18446744073709551615", 0, ~0ull), ~0ull);
  EXPECT_EQ(ap::parse_integer("n", "0xFFFFFFFFFFFFFFFF", 0, ~0ull), ~0ull);
  EXPECT_EQ(ap::parse_integer<std::int64_t>("n", "-9223372036854775808", INT64_MIN, INT64_MAX), INT64_MIN);
  EXPECT_EQ(ap::parse_integer<int>("n", "-0x10", -16, 16), -16);
  EXPECT_EQ(ap::parse_integer<int>("n", "-1", -1, 3), -1);
  EXPECT_EQ(error_text_of([] { ap::parse_integer("n", "18446744073709551616", 0, ~0ull); }, ERANGE),
            "n must be 0-18446744073709551615, not 18446744073709551616");
  EXPECT_EQ(error_text_of([] { ap::parse_integer("n", "1", 2, 3); }, ERANGE), "n must be 2-3, not 1");
  EXPECT_EQ(error_text_of([] { ap::parse_integer<int>("n", "-2", -1, 3); }, ERANGE), "n must be -1-3, not -2");
  EXPECT_EQ(
      error_text_of([] { ap::parse_integer<std::int64_t>("n", "9223372036854775808", INT64_MIN, INT64_MAX); }, ERANGE),
      "n must be -9223372036854775808-9223372036854775807, not 9223372036854775808");
  for (const char* bad : {"", " ", "1 ", " 1", "1x", "x", "0x", "0xg", "+1", "-", "--1", "1.0", "1e1"})
    EXPECT_EQ(error_text_of([&] { ap::parse_integer("n", bad, 0, 9); }, EINVAL), "n \""s + bad + "\" is not a number");
  EXPECT_EQ(error_text_of([] { ap::parse_integer("n", "-1", 0, 9); }, ERANGE), "n must be 0-9, not -1");
}

// The limits of each line of Unicode's table 3-7, and what is next to them.
TEST(plugin_hpp, utf8_is_well_formed) {
  for (const auto text : {"\0"sv, "\x7f"sv, "\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv, "\xec\xbf\xbf"sv,
                          "\xed\x80\x80"sv, "\xed\x9f\xbf"sv, "\xee\x80\x80"sv, "\xef\xbf\xbf"sv, "\xf0\x90\x80\x80"sv,
                          "\xf3\xbf\xbf\xbf"sv, "\xf4\x80\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv}) {
    EXPECT_EQ(ap::utf8_length(text), text.size()) << ap::escape_unprintable(text);
    EXPECT_EQ(ap::utf8_length(std::string(text) + "\x80"), text.size()) << ap::escape_unprintable(text);
    if (text.size() > 1) {
      EXPECT_EQ(ap::utf8_length(text.substr(0, text.size() - 1)), 0u) << ap::escape_unprintable(text);
    }
  }
  for (const auto text : {""sv, "\x80"sv, "\xbf"sv, "\xc1\xbf"sv, "\xc2\x7f"sv, "\xc2\xc0"sv, "\xe0\x9f\xbf"sv,
                          "\xe1\x80\x7f"sv, "\xed\xa0\x80"sv, "\xf0\x8f\xbf\xbf"sv, "\xf1\x80\x80\xc0"sv,
                          "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv, "\xff"sv})
    EXPECT_EQ(ap::utf8_length(text), 0u) << ap::escape_unprintable(text);
}

TEST(plugin_hpp, control_characters_do_not_print) {
  EXPECT_EQ(ap::escape_unprintable("\0 ~\x1f\x7f"sv), "\\x00 ~\\x1f\\x7f");
  EXPECT_EQ(ap::escape_unprintable("\xc2\x80\xc2\x9f\xc2\xa0\xc3\x80"sv), "\\xc2\\x80\\xc2\\x9f\xc2\xa0\xc3\x80");
}

TEST(plugin_hpp, controls_of_lines_and_direction_do_not_print) {
  for (const auto text : {"\u2028"sv, "\u2029"sv, "\u202a"sv, "\u202e"sv, "\u2066"sv, "\u2069"sv})
    EXPECT_EQ(ap::printable_length(text), 0u) << ap::escape_unprintable(text);
  for (const auto text : {"\u2027"sv, "\u202f"sv, "\u2065"sv, "\u206a"sv, "\u00a0"sv})
    EXPECT_EQ(ap::printable_length(text), text.size()) << text;
}

TEST(plugin_hpp, quoted_text_is_printable) {
  EXPECT_EQ(ap::quote(""), R"("")");
  EXPECT_EQ(ap::quote("eth0"), R"("eth0")");
  EXPECT_EQ(ap::quote("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(ap::quote("\0\n\x1b]0;x\x07\x9b\xc2\x9b\xc3é"sv), R"("\x00\x0a\x1b]0;x\x07\x9b\xc2\x9b\xc3é")");
  EXPECT_EQ(ap::excerpt("say \"no\"\n", 99), R"(say "no"\x0a)");
}

TEST(plugin_hpp, long_text_is_shortened_between_characters) {
  const std::string limit(ap::quoted_bytes, 'a');
  EXPECT_EQ(ap::quote(limit), '"' + limit + '"');
  EXPECT_EQ(ap::quote(limit + "b"), '"' + limit + "…\" (65 bytes)");
  EXPECT_EQ(ap::quote("0123456789", 4), "\"0123…\" (10 bytes)");
  EXPECT_EQ(ap::excerpt("0123456789", 4), "0123… (10 bytes)");
  for (const auto character : {"é"sv, "€"sv, "😀"sv})
    for (std::size_t before = 0; before < 5; ++before) {
      const auto text = std::string(before, '.') + std::string(character) + "....";
      const auto shown =
          before + character.size() <= 4 ? text.substr(0, 4) : text.substr(0, std::min<std::size_t>(before, 4));
      EXPECT_EQ(ap::excerpt(text, 4), shown + "… (" + std::to_string(text.size()) + " bytes)");
    }
  // Bytes that are no UTF-8 are cut anywhere.
  EXPECT_EQ(ap::excerpt("\x80\x80\x80\x80\x80\xff", 4), "\\x80\\x80\\x80\\x80… (6 bytes)");
  EXPECT_EQ(ap::excerpt("ab\xf0\x9f", 3), "ab\\xf0… (4 bytes)");
  EXPECT_EQ(ap::excerpt("é", 1), "… (2 bytes)");
  EXPECT_EQ(ap::excerpt("é", 0), "… (2 bytes)");
}

TEST(plugin_hpp, percent_encoding_round_trips) {
  std::mt19937 random(2);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(random() % 12, ' ');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const auto text = ap::percent_encode(bytes, "?&", "@");
    ASSERT_EQ(ap::percent_decode(text), bytes);
    ASSERT_EQ(text.find_first_of("?&\0\n"s), text.npos);
    ASSERT_FALSE(text.starts_with('@'));
  }
  EXPECT_EQ(ap::percent_encode("a?b%c\n\xff"), "a?b%25c%0a%ff");
  EXPECT_EQ(ap::percent_encode("@@", "", "@"), "%40@");
  for (const char* bad : {"%", "a%", "%4", "%4g", "%g4", "%%"})
    EXPECT_THAT(error_text_of([&] { ap::percent_decode(bad); }, EINVAL), testing::HasSubstr("two hexadecimal digits"));
}

TEST(plugin_hpp, keys_are_taken_once) {
  ap::query query("body?a=1&b=x=y&c=");
  EXPECT_EQ(query.body(), "body");
  EXPECT_EQ(query.take("a", 9, 7), 1u);
  EXPECT_EQ(query.take("z", 9, 7), 7u);
  ASSERT_NE(query.take("b"), nullptr);
  EXPECT_EQ(*query.take("b"), "x=y");
  EXPECT_EQ(query.take("z"), nullptr);
  EXPECT_EQ(error_text_of([&] { query.reject_unknown("a and b"); }, EINVAL),
            "unknown key \"c\"; the keys here are a and b");
  EXPECT_EQ(*query.take("c"), "");
  query.reject_unknown("a, b and c");
  EXPECT_EQ(ap::query("body").body(), "body");
  EXPECT_EQ(ap::query("?a=1").body(), "");
  EXPECT_EQ(error_text_of([] { ap::query("x?a=1").reject_unknown(""); }, EINVAL),
            "unknown key \"a\"; the keys here are none");
  EXPECT_EQ(error_text_of([] { ap::query("x?a=10").take("a", 9, 0); }, ERANGE), "a must be 0-9, not 10");
  for (const char* bad : {"x?", "x?a", "x?=1", "x?a=1&", "x?&a=1", "x?a=1&&b=2"})
    EXPECT_THAT(error_text_of([&] { ap::query{bad}; }, EINVAL), testing::HasSubstr("key=value"));
  EXPECT_THAT(error_text_of([] { ap::query("x?a=1&b=2&a=3"); }, EINVAL), testing::HasSubstr("\"a\" is given twice"));
  std::string many = "x?k0=0";
  for (int i = 1; i < 16; ++i) many += ap::concat("&k", i, "=0");
  EXPECT_EQ(ap::query(many).take("k15", 9, 7), 0u);
  EXPECT_THAT(error_text_of([&] { ap::query(many + "&k16=0"); }, EINVAL), testing::HasSubstr("more than 16"));
  std::string text = "x";
  ap::append_key(text, "a", "1");
  ap::append_key(text, "b", "2");
  EXPECT_EQ(text, "x?a=1&b=2");
}

TEST(plugin_hpp, interface_names_are_escaped) {
  EXPECT_EQ(ap::format_interface_name("eth0"), "eth0");
  EXPECT_EQ(ap::format_interface_name("any"), "%61ny");
  EXPECT_EQ(ap::format_interface_name("7"), "%37");
  EXPECT_EQ(ap::format_interface_name("@x"), "%40x");
  EXPECT_EQ(ap::format_interface_name("a?b"), "a%3fb");
  EXPECT_EQ(ap::format_interface_name("a%b&c:d[e]"), "a%25b%26c%3ad%5be%5d");
  for (const char* name : {"any", "7", "07", "@x", "a?b", "%index=7", "an", "anyx", "\xff"}) {
    const auto text = ap::format_interface_name(name);
    EXPECT_NE(text, "any");
    EXPECT_NE(text.find_first_not_of("0123456789"), text.npos);
    EXPECT_FALSE(text.starts_with("%index="));
    EXPECT_EQ(ap::percent_decode(text), name);
  }
}

TEST(plugin_hpp, interfaces_are_read_and_written_by_name_or_index) {
  EXPECT_EQ(ap::parse_interface("lo"), 1u);
  EXPECT_EQ(ap::parse_interface("%6c%6f"), 1u);
  EXPECT_EQ(ap::format_interface(1), "lo");
  EXPECT_EQ(ap::parse_interface("any"), 0u);
  EXPECT_EQ(ap::format_interface(0), "any");
  EXPECT_EQ(ap::format_interface(123456), "%index=123456");
  EXPECT_EQ(ap::parse_interface("%index=123456"), 123456u);
  EXPECT_EQ(ap::parse_interface("123456"), 123456u);
  EXPECT_EQ(error_text_of([] { ap::parse_interface("nosuchif"); }, ENODEV), "there is no interface \"nosuchif\"");
  EXPECT_THAT(error_text_of([] { ap::parse_interface("sixteencharacter"); }, ENAMETOOLONG),
              testing::HasSubstr("sixteencharacter"));
  EXPECT_THAT(error_text_of([] { ap::parse_interface(""); }, EINVAL), testing::HasSubstr("missing"));
  EXPECT_THAT(error_text_of([] { ap::parse_interface("%index=x"); }, EINVAL), testing::HasSubstr("interface index"));
  EXPECT_THAT(error_text_of([] { ap::parse_interface("%index=4294967296"); }, ERANGE),
              testing::HasSubstr("interface index"));
  EXPECT_THAT(error_text_of([] { ap::parse_interface("lo%00"); }, ENODEV), testing::HasSubstr("no interface"));
}

TEST(plugin_hpp, verdict_texts_are_truncated_to_the_buffers) {
  afplug_verdict verdict{};
  verdict.error = EACCES;
  ap::set_verdict(verdict, AFPLUG_UNAVAILABLE, std::string(40, 'r'), "detail", std::string(300, 'x'));
  EXPECT_EQ(verdict.state, AFPLUG_UNAVAILABLE);
  EXPECT_EQ(verdict.error, EACCES);
  EXPECT_EQ(std::string(verdict.reason), std::string(31, 'r'));
  EXPECT_EQ(std::string(verdict.detail), "detail");
  EXPECT_EQ(std::string(verdict.remedy), std::string(255, 'x'));
  ap::set_verdict(verdict, AFPLUG_AVAILABLE, "", "", "");
  EXPECT_EQ(std::string(verdict.reason) + verdict.detail + verdict.remedy, "");
}

TEST(plugin_hpp, entry_negotiates_the_version_and_checks_the_size) {
  afplug_host host{sizeof host, AFPLUG_ABI_MAJOR, AFPLUG_ABI_MINOR, "test", nullptr, nullptr};
  const afplug_family family{};
  const afplug_array families{&family, 1, sizeof family};
  afplug_plugin out{};
  out.size = sizeof out;
  EXPECT_EQ(ap::fill_plugin(nullptr, &out, "p", "v", families), -EINVAL);
  EXPECT_EQ(ap::fill_plugin(&host, nullptr, "p", "v", families), -EINVAL);
  ASSERT_EQ(ap::fill_plugin(&host, &out, "p", "v", families), 0);
  EXPECT_EQ(out.size, sizeof out);
  EXPECT_EQ(out.families.data, &family);
  EXPECT_EQ(out.abi_minor, AFPLUG_ABI_MINOR);

  struct {
    afplug_plugin plugin;
    char tail[8];
  } newer{};
  std::memset(newer.tail, 'x', sizeof newer.tail);
  newer.plugin.size = sizeof newer;
  ASSERT_EQ(ap::fill_plugin(&host, &newer.plugin, "p", "v", families), 0);
  EXPECT_EQ(newer.plugin.size, sizeof(afplug_plugin)) << "lowered to the size of the plugin's version";
  EXPECT_EQ(std::string(newer.tail, 8), "xxxxxxxx");

  afplug_plugin small{};
  small.size = sizeof small - 1;
  EXPECT_EQ(ap::fill_plugin(&host, &small, "p", "v", families), -EINVAL);
  EXPECT_EQ(small.provider, nullptr);
  host.abi_major = AFPLUG_ABI_MAJOR + 1;
  EXPECT_EQ(ap::fill_plugin(&host, &out, "p", "v", families), -EPROTONOSUPPORT);
}

constexpr std::array one{ap::kernel_family({.id = "first", .number = 7}),
                         ap::kernel_family({.id = "second", .flags = AFPLUG_FAMILY_SECONDARY})};
constexpr auto note = ap::detail::note("maker", "1.2.3", one);

TEST(plugin_hpp, note_matches_the_descriptors) {
  EXPECT_EQ(note.name_size, 7u);
  EXPECT_EQ(std::string(note.name), "afplug");
  EXPECT_EQ(note.type, AFPLUG_NOTE_TYPE);
  EXPECT_EQ(note.description_size, sizeof(afplug_note_header) + 2 * sizeof(afplug_note_family));
  EXPECT_EQ(note.header.family_count, 2u);
  EXPECT_EQ(std::string(note.header.provider), "maker");
  EXPECT_EQ(std::string(note.header.version), "1.2.3");
  EXPECT_EQ(std::string(note.families[0].id), "first");
  EXPECT_EQ(note.families[0].number, 7);
  EXPECT_EQ(std::string(note.families[1].id), "second");
  EXPECT_EQ(note.families[1].flags, AFPLUG_FAMILY_SECONDARY);
}

TEST(plugin_hpp, value_kinds_have_the_ranges_of_their_types) {
  EXPECT_EQ(ap::find_kind(0), nullptr);
  EXPECT_EQ(ap::find_kind(AFPLUG_KIND_I16 + 1), nullptr);
  EXPECT_EQ(ap::find_integer_kind(AFPLUG_KIND_TEXT), nullptr);
  const auto range = [](std::uint32_t kind) {
    const auto* found = ap::find_integer_kind(kind);
    return std::tuple(found->bytes, found->is_signed, found->least, found->most, found->most_unsigned());
  };
  EXPECT_EQ(range(AFPLUG_KIND_FLAG), std::tuple(4u, true, 0, 1, 1u));
  EXPECT_EQ(range(AFPLUG_KIND_IFINDEX), std::tuple(4u, true, 0, INT32_MAX, 2147483647u));
  EXPECT_EQ(range(AFPLUG_KIND_I8), std::tuple(1u, true, -128, 127, 127u));
  EXPECT_EQ(range(AFPLUG_KIND_I64), std::tuple(8u, true, INT64_MIN, INT64_MAX, std::uint64_t{INT64_MAX}));
  EXPECT_EQ(range(AFPLUG_KIND_U32BE), std::tuple(4u, false, 0, std::int64_t{UINT32_MAX}, UINT32_MAX));
  EXPECT_EQ(range(AFPLUG_KIND_U64), std::tuple(8u, false, 0, INT64_MAX, UINT64_MAX));
  for (std::uint32_t kind = 1; kind <= AFPLUG_KIND_I16; ++kind)
    EXPECT_EQ(ap::find_kind(kind)->big_endian, kind == AFPLUG_KIND_U16BE || kind == AFPLUG_KIND_U32BE) << kind;
}

TEST(plugin_hpp, implied_sizes_depend_on_the_unit_of_durations) {
  EXPECT_EQ(ap::implied_bytes(AFPLUG_KIND_IPV6, 0), 16u);
  EXPECT_EQ(ap::implied_bytes(AFPLUG_KIND_STRUCT, 0), 0u);
  EXPECT_EQ(ap::implied_bytes(99, 0), 0u);
  EXPECT_EQ(ap::implied_bytes(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMEVAL), sizeof(::timeval));
  EXPECT_EQ(ap::implied_bytes(AFPLUG_KIND_DURATION, AFPLUG_UNIT_NS), 4u);
  EXPECT_EQ(ap::implied_bytes(AFPLUG_KIND_DURATION, 0), 0u);
  EXPECT_EQ(ap::implied_bytes(AFPLUG_KIND_DURATION, AFPLUG_UNIT_TIMESPEC + 1), 0u);
}

TEST(plugin_hpp, members_have_the_size_of_their_kind) {
  EXPECT_EQ(ap::member("m", AFPLUG_KIND_U16, 2, 2).bytes, 2u);
  EXPECT_EQ(ap::member("m", AFPLUG_KIND_TEXT, 0, 9).bytes, 9u);
  error_text_of([] { ap::member("m", AFPLUG_KIND_U16, 2, 4); }, EINVAL);
  error_text_of([] { ap::member("m", AFPLUG_KIND_STRUCT, 0, 4); }, EINVAL);
  error_text_of([] { ap::member("m", 99, 0, 4); }, EINVAL);
}

TEST(plugin_hpp, hexadecimal_decodes_pairs_of_digits) {
  EXPECT_EQ(ap::try_hex_decode("00fF7a"), "\x00\xff\x7a"s);
  EXPECT_EQ(ap::try_hex_decode(""), "");
  for (const char* bad : {"0", "0g", "g0", "000", "0x", " 0"}) EXPECT_EQ(ap::try_hex_decode(bad), std::nullopt) << bad;
}

}  // namespace
