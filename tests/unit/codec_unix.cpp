// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>
#include <sys/un.h>
#include <random>
#include <utility>
#include "family_plugin.hpp"

namespace {
using namespace family_plugin;
using namespace std::string_literals;

std::string un(std::string_view name, std::size_t length) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  return raw(address, length);
}
std::string path(std::string_view name) { return un(name, 2 + name.size() + 1); }
std::string abstract(std::string_view name) { return un('\0' + std::string(name), 3 + name.size()); }

TEST(codec_unix, texts_round_trip) {
  const codec c("unix", SOCK_STREAM);
  struct row {
    std::string text, canonical, bytes;
  };
  for (const auto& [text, canonical, bytes] : {
           row{"", "", un("", 2)},
           row{"/run/x.sock", "/run/x.sock", path("/run/x.sock")},
           row{"x", "x", path("x")},
           row{"@", "@", abstract("")},
           row{"@abc", "@abc", abstract("abc")},
           row{"@a%00b%00", "@a%00b%00", abstract("a\0b\0"s)},
           row{"@@", "@@", abstract("@")},
           row{"./@x", "./@x", path("./@x")},
           row{"%40x", "%40x", path("@x")},
           row{"a@x", "a@x", path("a@x")},
           row{"/a%20b", "/a b", path("/a b")},
           row{"/a b?c=d&e:f", "/a b?c=d&e:f", path("/a b?c=d&e:f")},
           row{"/50%25", "/50%25", path("/50%")},
           row{"/caf\xc3\xa9", "/caf\xc3\xa9", path("/caf\xc3\xa9")},
           row{"/caf%c3%A9", "/caf\xc3\xa9", path("/caf\xc3\xa9")},
           row{"/caf\xe9", "/caf%e9", path("/caf\xe9")},
           row{"/\n", "/%0a", path("/\n")},
           row{"/\x7f", "/%7f", path("/\x7f")},
           row{"/\xc2\x85", "/%c2%85", path("/\xc2\x85")},
           row{"/\xed\xa0\x80", "/%ed%a0%80", path("/\xed\xa0\x80")},
           row{"/\xf0\x9f\x94\x8c", "/\xf0\x9f\x94\x8c", path("/\xf0\x9f\x94\x8c")},
       }) {
    expect_round_trip(c, text, canonical);
    EXPECT_EQ(c.parse(text).bytes, bytes) << text;
  }
}

TEST(codec_unix, names_are_limited_to_107_bytes) {
  const codec c("unix", SOCK_DGRAM);
  for (std::size_t size = 0; size <= 107; ++size) {
    const std::string name(size, 'n');
    EXPECT_EQ(c.parse("@" + name).bytes.size(), 3 + size);
    EXPECT_EQ(c.parse(name).bytes.size(), size == 0 ? 2 : 3 + size);
    expect_round_trip(c, "@" + name, "@" + name);
    expect_round_trip(c, name, name);
  }
  expect_refusal(c, std::string(108, 'n'), ENAMETOOLONG, "the path is 108 bytes long");
  expect_refusal(c, "@" + std::string(108, 'n'), ENAMETOOLONG, "the abstract name is 108 bytes long");
  expect_refusal(c, std::string(5000, 'n'), ENAMETOOLONG, "the path");
}

TEST(codec_unix, error_texts_name_the_invalid_part) {
  const codec c("unix", SOCK_STREAM);
  expect_refusal(c, "/a%00b", EINVAL, "NUL");
  expect_refusal(c, "%00a", EINVAL, "write '@' and the name for an abstract address");
  expect_refusal(c, "/a\0b"s, EINVAL, "NUL");
  for (const char* text : {"/%", "/%4", "/%4x", "@%x4", "%"}) expect_refusal(c, text, EINVAL, "two hexadecimal digits");
}

TEST(codec_unix, all_bytes_round_trip_in_every_position) {
  const codec c("unix", SOCK_STREAM);
  for (int byte = 0; byte < 256; ++byte)
    for (const auto& [before, after] : {std::pair{"", ""}, {"", "z"}, {"z", ""}, {"z", "z"}}) {
      const std::string name = before + std::string(1, static_cast<char>(byte)) + after;
      for (const auto& address : {abstract(name), byte == 0 ? abstract("x" + name) : path(name)}) {
        const auto back = c.parse(c.format(address));
        ASSERT_EQ(back.error, 0) << back.error_text;
        ASSERT_EQ(back.bytes, address) << c.format(address);
      }
    }
}

TEST(codec_unix, random_names_round_trip) {
  const codec c("unix", SOCK_STREAM);
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string name(1 + random() % 107, ' ');
    for (char& byte : name) byte = static_cast<char>(i % 2 == 0 ? random() : random() % 96 + 32);
    for (char& byte : name)
      if (byte == '\0' && i % 4 < 2) byte = '%';
    const auto address = i % 4 < 2 ? path(name) : abstract(name);
    const auto back = c.parse(c.format(address));
    ASSERT_EQ(back.error, 0) << back.error_text;
    ASSERT_EQ(back.bytes, address) << c.format(address);
  }
}

TEST(codec_unix, field_is_pythons_path) {
  const codec c("unix", SOCK_STREAM);
  for (const auto& [address, field] : {std::pair{path("/x"), "/x"s}, {abstract("a\0"s), "\0a\0"s}, {un("", 2), ""s}}) {
    EXPECT_EQ(c.get(address), (std::vector{bytes(field)}));
    EXPECT_EQ(c.set({bytes(field)}).bytes, address);
    EXPECT_EQ(c.set({text(field)}).bytes, address);
  }
  expect_refusal(c, {bytes(std::string(108, 'p'))}, ENAMETOOLONG, "107");
  EXPECT_EQ(c.set({bytes('\0' + std::string(107, 'p'))}).error, 0);
  expect_refusal(c, {bytes('\0' + std::string(108, 'p'))}, ENAMETOOLONG, "107");
  expect_refusal(c, {bytes("/a\0b"s)}, EINVAL, "NUL");
  expect_refusal(c, {number(1)}, EINVAL, "path must be text");
  expect_refusal(c, std::vector<value>{}, EINVAL, "path is missing");
  expect_refusal(c, {bytes("a"), bytes("b")}, EINVAL, "1 fields");
}

// unix(7): sun_path may or may not be null-terminated, and may have 108 bytes without a null byte.
TEST(codec_unix, paths_without_or_with_trailing_nul_are_read) {
  const codec c("unix", SOCK_STREAM);
  EXPECT_EQ(c.format(un("/x", 4)), "/x");
  EXPECT_EQ(c.format(un("/x", 110)), "/x");
  EXPECT_EQ(c.format(un(std::string(108, 'p'), 110)), std::string(108, 'p'));
  EXPECT_EQ(c.format(un(std::string(108, 'p'), 110) + '\0'), std::string(108, 'p'));
  EXPECT_EQ(c.format(un("", 2).substr(0, 1)), "errno 22");
  EXPECT_EQ(c.format(un("", 110) + '\0'), "errno 22");
  EXPECT_EQ(c.format("\0\0"s), "errno 22");
}

}  // namespace
