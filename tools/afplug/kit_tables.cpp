// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The kit's checks of a family's tables.
#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "kit.hpp"

namespace afplug::command::kit {

std::vector<const row*> listed_rows(const family& f) {
  std::vector<const row*> out;
  for (const row& r : f.rows())
    if ((r.flags & AFPLUG_ROW_HIDDEN) == 0) out.push_back(&r);
  return out;
}

std::string name_of(const row& r) {
  return fmt::format("{}{}{}", r.type_name ? r.type_name : "any type", r.protocol_name ? " " : "",
                     r.protocol_name ? r.protocol_name : "");
}

namespace {

std::set<std::string> words_of(const char* text) {
  std::istringstream in(text ? text : "");
  std::set<std::string> out;
  for (std::string word; in >> word;) out.insert(word);
  return out;
}

void rows_are_told_apart(const family& f) {
  const auto rows = listed_rows(f);
  expect(!rows.empty(), "every row is hidden: there is nothing to list");
  std::set<std::pair<int, int>> seen;
  std::set<int> defaults;
  for (const row* r : rows) {
    expect(r->type_name != nullptr || r->type == AFPLUG_ANY, "a row of type {} has no type_name", r->type);
    expect(seen.emplace(r->type, r->protocol).second, "{} stands twice: only the first is ever taken", name_of(*r));
    if (r->flags & AFPLUG_ROW_DEFAULT)
      expect(defaults.insert(r->type).second, "{}: its type has two rows that are the default", name_of(*r));
    expect((r->flags & AFPLUG_ROW_STREAM) == 0 || (r->flags & AFPLUG_ROW_MESSAGE) == 0,
           "{} says that it is both stream and message", name_of(*r));
    expect(r->help != nullptr && *r->help != '\0', "{} has no help", name_of(*r));
  }
}

void rows_are_found(const family& f) {
  for (const row* r : listed_rows(f)) {
    if (r->type == AFPLUG_ANY || r->protocol == AFPLUG_ANY) continue;
    expect(f.find_row(r->type, r->protocol) == r, "{} is never reached: an earlier row answers for it", name_of(*r));
  }
}

void options_are_told_apart(const family& f) {
  std::set<std::string> groups;
  for (const row& r : f.rows())
    for (const auto& word : words_of(r.options)) groups.insert(word);
  std::set<std::tuple<std::string, std::string>> seen;
  for (const auto& o : f.options()) {
    const std::string group = o.group ? o.group : "";
    expect(seen.emplace(o.name, group).second, "{} stands twice", o.name);
    expect((o.flags & (AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE)) != 0, "{} can neither be read nor set", o.name);
    expect(o.help != nullptr && *o.help != '\0', "{} has no help", o.name);
    expect(group.empty() || groups.contains(group), "{} is of group '{}', which no row names", o.name, group);
    expect(o.kind != AFPLUG_KIND_CALL || (o.flags & AFPLUG_OPTION_READ) == 0 || o.get != nullptr,
           "{} is read by call, and has no get", o.name);
    expect(o.kind != AFPLUG_KIND_CALL || (o.flags & AFPLUG_OPTION_WRITE) == 0 || o.set != nullptr,
           "{} is set by call, and has no set", o.name);
  }
}

void values_have_constants(const family& f) {
  const auto all = f.constants();
  for (const auto& o : f.options()) {
    if (!o.values) continue;
    const std::string_view prefix = o.values;
    const auto begins = [&](const constant& c) { return std::string_view(c.name).starts_with(prefix); };
    const auto common = socket_constants();
    expect(std::any_of(all.begin(), all.end(), begins) || std::any_of(common.begin(), common.end(), begins),
           "{} takes constants that begin with {}, and the family has none", o.name, prefix);
  }
}

void constants_are_told_apart(const family& f) {
  std::set<std::string> seen;
  for (const constant& c : f.constants()) expect(seen.insert(c.name).second, "{} stands twice", c.name);
}

constexpr check all[] = {
    {"rows-distinct", "each row is named and stands once", rows_are_told_apart},
    {"rows-reached", "each row answers for its type and protocol", rows_are_found},
    {"options-distinct", "each option is named, described, of a row's group, and stands once", options_are_told_apart},
    {"option-values", "options that take constants have them", values_have_constants},
    {"constants-distinct", "each constant stands once", constants_are_told_apart},
};

}  // namespace

const std::span<const check> tables = all;

}  // namespace afplug::command::kit
