// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Conformance checks of a family's tables: rows, options, constants.
#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "conformance.hpp"

namespace afplug::command::conformance {

std::string name_of(const row& r) {
  return fmt::format("{}{}{}", r.type_name ? r.type_name : "any type", r.protocol_name ? " " : "",
                     r.protocol_name ? r.protocol_name : "");
}

std::set<std::string> option_groups(const row& r) {
  std::istringstream in(r.options ? r.options : "");
  return {std::istream_iterator<std::string>(in), {}};
}

namespace {

void rows_are_distinct(const family& f) {
  const auto rows = listed_rows(f);
  expect(!rows.empty(), "all rows are hidden; at least one row must be listed");
  std::set<std::pair<int, int>> seen;
  std::set<int> defaults;
  for (const row* r : rows) {
    expect(r->type_name != nullptr || r->type == AFPLUG_ANY, "a row of type {} has no type_name", r->type);
    expect(seen.emplace(r->type, r->protocol).second, "{} is listed twice; only the first row is used", name_of(*r));
    if (r->flags & AFPLUG_ROW_DEFAULT)
      expect(defaults.insert(r->type).second, "{}: two rows of its type have AFPLUG_ROW_DEFAULT", name_of(*r));
    expect((r->flags & AFPLUG_ROW_STREAM) == 0 || (r->flags & AFPLUG_ROW_MESSAGE) == 0,
           "{} has both AFPLUG_ROW_STREAM and AFPLUG_ROW_MESSAGE", name_of(*r));
    expect(r->help != nullptr && *r->help != '\0', "{} has no help", name_of(*r));
  }
}

void rows_are_reachable(const family& f) {
  for (const row* r : listed_rows(f)) {
    if (r->type == AFPLUG_ANY || r->protocol == AFPLUG_ANY) continue;
    expect(f.find_row(r->concrete_type(), r->protocol) == r,
           "{} is never used: an earlier row matches its type and protocol", name_of(*r));
  }
}

void options_are_distinct(const family& f) {
  std::set<std::string> groups;
  for (const row& r : f.rows()) groups.merge(option_groups(r));
  std::set<std::tuple<std::string, std::string>> seen;
  for (const auto& o : f.options()) {
    const std::string group = o.group ? o.group : "";
    expect(seen.emplace(o.name, group).second, "{} is listed twice", o.name);
    expect((o.flags & (AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE)) != 0, "{} is neither readable nor writable", o.name);
    expect(o.help != nullptr && *o.help != '\0', "{} has no help", o.name);
    expect(group.empty() || groups.contains(group), "{} is in group '{}', which no row uses", o.name, group);
    expect(o.kind != AFPLUG_KIND_CALL || (o.flags & AFPLUG_OPTION_READ) == 0 || o.get != nullptr,
           "{} is a readable AFPLUG_KIND_CALL option without a get function", o.name);
    expect(o.kind != AFPLUG_KIND_CALL || (o.flags & AFPLUG_OPTION_WRITE) == 0 || o.set != nullptr,
           "{} is a writable AFPLUG_KIND_CALL option without a set function", o.name);
  }
}

void option_values_have_constants(const family& f) {
  const auto all = f.constants();
  for (const auto& o : f.options()) {
    if (!o.values) continue;
    const std::string_view prefix = o.values;
    const auto begins = [&](const constant& c) { return std::string_view(c.name).starts_with(prefix); };
    const auto common = socket_constants();
    expect(std::any_of(all.begin(), all.end(), begins) || std::any_of(common.begin(), common.end(), begins),
           "{} takes constants that begin with {}, but there are none", o.name, prefix);
  }
}

void constants_are_distinct(const family& f) {
  std::set<std::string> seen;
  for (const constant& c : f.constants()) expect(seen.insert(c.name).second, "{} is listed twice", c.name);
}

constexpr check all[] = {
    {"rows-distinct", "each row has a name and a help text and is listed once", rows_are_distinct},
    {"rows-reached", "looking up a row's type and protocol finds that row", rows_are_reachable},
    {"options-distinct", "each option has a name and a help text, is in a group of a row, and is listed once",
     options_are_distinct},
    {"option-values", "the constants that options refer to exist", option_values_have_constants},
    {"constants-distinct", "each constant is listed once", constants_are_distinct},
};

}  // namespace

const std::span<const check> table_checks = all;

}  // namespace afplug::command::conformance
