// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Properties of the tables of every plugin in the tree.
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include "family_plugin.hpp"

namespace {
using namespace family_plugin;

std::vector<std::string> plugins() {
  std::vector<std::string> all{std::string(AFPLUG_PLUGINS) + "/../afplug_test/netlink_c.so"};
  for (const auto& entry : std::filesystem::directory_iterator(AFPLUG_PLUGINS))
    if (entry.path().extension() == ".so") all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}

class tables : public testing::TestWithParam<std::string> {
 protected:
  std::vector<afplug_family> families = table<afplug_family>(load(GetParam()).families);
};

struct size_range {
  std::uint32_t least, most;  ///< bytes of a value
};
/// The sizes of the kinds, from plugin.h. {0, 0}: the option or member has the size.
const std::map<std::uint32_t, size_range> kinds{
    {AFPLUG_KIND_FLAG, {4, 4}},     {AFPLUG_KIND_I32, {4, 4}},     {AFPLUG_KIND_U32, {4, 4}},
    {AFPLUG_KIND_I64, {8, 8}},      {AFPLUG_KIND_U64, {8, 8}},     {AFPLUG_KIND_U8, {1, 1}},
    {AFPLUG_KIND_U16, {2, 2}},      {AFPLUG_KIND_U16BE, {2, 2}},   {AFPLUG_KIND_U32BE, {4, 4}},
    {AFPLUG_KIND_TEXT, {0, 0}},     {AFPLUG_KIND_IFNAME, {0, 16}}, {AFPLUG_KIND_IFINDEX, {4, 4}},
    {AFPLUG_KIND_DURATION, {0, 0}}, {AFPLUG_KIND_BYTES, {0, 0}},   {AFPLUG_KIND_STRUCT, {0, 0}},
    {AFPLUG_KIND_ARRAY, {0, 0}},    {AFPLUG_KIND_LENGTH, {0, 0}},  {AFPLUG_KIND_IPV4, {4, 4}},
    {AFPLUG_KIND_IPV6, {16, 16}},   {AFPLUG_KIND_MAC, {0, 0}},     {AFPLUG_KIND_SOCKADDR, {0, 0}},
    {AFPLUG_KIND_CALL, {0, 0}},     {AFPLUG_KIND_BDADDR, {6, 6}},  {AFPLUG_KIND_I8, {1, 1}},
    {AFPLUG_KIND_I16, {2, 2}},
};

std::set<std::string> split(const char* text) {
  std::istringstream in(text == nullptr ? "" : text);
  return {std::istream_iterator<std::string>(in), std::istream_iterator<std::string>()};
}

bool is_one_line(const char* text) {
  return text != nullptr && text[0] != '\0' && std::string_view(text).find('\n') == std::string_view::npos;
}

TEST_P(tables, families_are_complete) {
  const std::regex id("[a-z][a-z0-9_-]{0,30}");
  ASSERT_FALSE(families.empty());
  for (const auto& f : families) {
    EXPECT_EQ(f.size, sizeof f);
    EXPECT_TRUE(std::regex_match(f.id, id)) << f.id;
    EXPECT_TRUE(std::string_view(f.name).starts_with("AF_")) << f.name;
    EXPECT_TRUE(is_one_line(f.help));
    EXPECT_TRUE(f.backing == AFPLUG_BACKING_KERNEL || f.backing == AFPLUG_BACKING_USER);
    EXPECT_EQ(f.backing == AFPLUG_BACKING_USER, f.user_ops != nullptr);
    ASSERT_NE(f.codec, nullptr);
    EXPECT_TRUE(f.codec->parse && f.codec->format && f.codec->get && f.codec->set);
    for (const auto& [array, element] : {std::pair{f.rows, sizeof(afplug_row)},
                                         {f.options, sizeof(afplug_option)},
                                         {f.constants, sizeof(afplug_constant)},
                                         {f.codec->fields, sizeof(afplug_member)}})
      if (array.count != 0) {
        EXPECT_EQ(array.stride, element);
      }
  }
}

TEST_P(tables, rows_are_complete) {
  for (const auto& f : families) {
    const auto rows = table<afplug_row>(f.rows);
    ASSERT_FALSE(rows.empty());
    std::set<std::pair<int, int>> seen;
    std::map<int, int> defaults;
    for (const auto& row : rows) {
      EXPECT_EQ(row.size, sizeof row);
      EXPECT_TRUE(is_one_line(row.help));
      ASSERT_NE(row.type_name, nullptr);
      EXPECT_TRUE(seen.emplace(row.type, row.protocol).second)
          << f.id << " " << row.type_name << " " << row.protocol << " is listed twice";
      const bool hidden = row.flags & AFPLUG_ROW_HIDDEN;
      EXPECT_TRUE(hidden || (row.type > 0 && row.protocol >= 0))
          << f.id << ": only hidden rows are for any type or protocol";
      if (row.type != AFPLUG_ANY) {
        EXPECT_TRUE(std::string_view(row.type_name).starts_with("SOCK_"));
        const bool stream = row.flags & AFPLUG_ROW_STREAM, message = row.flags & AFPLUG_ROW_MESSAGE;
        EXPECT_NE(stream, message) << f.id << " " << row.type_name << " " << row.protocol;
      }
      if (row.flags & AFPLUG_ROW_DEFAULT) {
        EXPECT_EQ(++defaults[row.type], 1) << f.id << ": two default rows of " << row.type_name;
      }
      if (row.module != nullptr) {
        EXPECT_TRUE(std::regex_match(row.module, std::regex("[a-z0-9_-]+")));
      }
      if (row.config != nullptr) {
        EXPECT_TRUE(std::string_view(row.config).starts_with("CONFIG_"));
      }
      if (row.capability != nullptr) {
        EXPECT_TRUE(std::string_view(row.capability).starts_with("CAP_"));
      }
    }
  }
}

void expect_valid_members(const afplug_option& option) {
  std::set<std::string> names;
  const std::uint32_t end = option.kind == AFPLUG_KIND_ARRAY ? option.element_size : option.max_bytes;
  for (const auto& member : table<afplug_member>(option.members)) {
    const std::string where = std::string(option.name) + "." + member.name;
    EXPECT_EQ(member.size, sizeof member) << where;
    EXPECT_TRUE(names.insert(member.name).second) << where << " is listed twice";
    ASSERT_TRUE(kinds.contains(member.kind)) << where;
    EXPECT_LE(member.offset + member.bytes, end) << where;
    EXPECT_GT(member.bytes, 0u) << where;
    const auto [least, most] = kinds.at(member.kind);
    if (most != 0 && least == most) {
      EXPECT_EQ(member.bytes, most) << where;
    }
    if (member.unit > 0xffff) {
      EXPECT_LE((member.unit >> 8 & 0xff) + (member.unit & 0xff), member.bytes * 8) << where;
    }
  }
}

TEST_P(tables, options_are_complete) {
  for (const auto& f : families) {
    std::set<std::string> names, groups;
    std::map<std::pair<int, int>, std::string> numbers;
    for (const auto& row : table<afplug_row>(f.rows)) groups.merge(split(row.options));
    for (const auto& option : table<afplug_option>(f.options)) {
      const std::string name = option.name;
      EXPECT_EQ(option.size, sizeof option) << name;
      EXPECT_TRUE(is_one_line(option.help)) << name;
      EXPECT_TRUE(names.insert(name).second) << name << " is listed twice";
      EXPECT_TRUE(option.group == nullptr || groups.contains(option.group))
          << name << ": no row has the group " << option.group;
      EXPECT_NE(option.flags & (AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE), 0u) << name;
      ASSERT_TRUE(kinds.contains(option.kind)) << name << " has kind " << option.kind;
      EXPECT_LE(option.min_bytes, option.max_bytes) << name;
      const auto [least, most] = kinds.at(option.kind);
      if (most != 0) {
        EXPECT_TRUE(option.max_bytes == 0 || (option.min_bytes == least && option.max_bytes == most)) << name;
      }
      const bool sized =
          option.kind == AFPLUG_KIND_TEXT || option.kind == AFPLUG_KIND_BYTES || option.kind == AFPLUG_KIND_SOCKADDR;
      EXPECT_TRUE(!sized || option.max_bytes > 0) << name;
      const bool composed = option.kind == AFPLUG_KIND_STRUCT || option.kind == AFPLUG_KIND_ARRAY;
      EXPECT_EQ(composed, option.members.count > 0) << name;
      EXPECT_EQ(option.kind == AFPLUG_KIND_ARRAY, option.element_size > 0) << name;
      EXPECT_EQ(option.kind == AFPLUG_KIND_DURATION, option.unit != 0) << name;
      const bool call = option.kind == AFPLUG_KIND_CALL;
      EXPECT_EQ(call && (option.flags & AFPLUG_OPTION_READ), option.get != nullptr) << name;
      EXPECT_EQ(call && (option.flags & AFPLUG_OPTION_WRITE), option.set != nullptr) << name;
      if (!call) {
        const auto [at, inserted] = numbers.try_emplace({option.level, option.number}, name);
        EXPECT_TRUE(inserted) << name << " has the level and number of " << at->second;
      }
      expect_valid_members(option);
    }
  }
}

TEST_P(tables, constants_are_complete) {
  for (const auto& f : families) {
    std::set<std::string> names, values;
    for (const auto& constant : table<afplug_constant>(f.constants)) {
      EXPECT_EQ(constant.size, sizeof constant) << constant.name;
      EXPECT_TRUE(names.insert(constant.name).second) << constant.name << " is listed twice";
      ASSERT_NE(constant.group, nullptr) << constant.name;
      EXPECT_TRUE(constant.text == nullptr || constant.value == 0) << constant.name;
    }
    for (const auto& option : table<afplug_option>(f.options)) {
      if (option.values != nullptr) values.insert(option.values);
      for (const auto& member : table<afplug_member>(option.members))
        if (member.values != nullptr) values.insert(member.values);
    }
    values.erase("AF_");  // constants of core
    for (const auto& prefix : values) {
      const auto at = names.lower_bound(prefix);
      EXPECT_TRUE(at != names.end() && at->starts_with(prefix)) << f.id << " has no constant " << prefix << "*";
    }
  }
}

TEST_P(tables, address_fields_are_complete) {
  for (const auto& f : families) {
    std::set<std::string> names;
    bool optional = false;
    for (const auto& field : table<afplug_member>(f.codec->fields)) {
      EXPECT_EQ(field.size, sizeof field);
      EXPECT_TRUE(names.insert(field.name).second) << field.name << " is listed twice";
      EXPECT_TRUE(kinds.contains(field.kind)) << field.name;
      EXPECT_TRUE(is_one_line(field.help)) << field.name;
      const bool may_be_missing = field.flags & AFPLUG_MEMBER_OPTIONAL;
      EXPECT_TRUE(may_be_missing || !optional) << f.id << ": " << field.name << " is required after an optional field";
      optional = optional || may_be_missing;
    }
  }
}

TEST_P(tables, entry_negotiates_the_abi_version) {
  const auto newer = load(GetParam(), AFPLUG_ABI_MAJOR, AFPLUG_ABI_MINOR + 7);
  EXPECT_EQ(newer.abi_major, AFPLUG_ABI_MAJOR);
  EXPECT_EQ(newer.abi_minor, AFPLUG_ABI_MINOR);
  EXPECT_THROW(load(GetParam(), AFPLUG_ABI_MAJOR + 1, 0), std::runtime_error);
  EXPECT_THROW(load(GetParam(), 0, 0), std::runtime_error);
  EXPECT_EQ(load(GetParam()).families.data, newer.families.data) << "the tables are the same for every host";
}

INSTANTIATE_TEST_SUITE_P(of, tables, testing::ValuesIn(plugins()),
                         [](const auto& of) { return std::filesystem::path(of.param).stem().string(); });

}  // namespace
