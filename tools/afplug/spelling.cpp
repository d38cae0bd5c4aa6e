// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "spelling.hpp"

#include <fmt/core.h>
#include <sys/socket.h>

#include <afplug/registry.hpp>
#include <algorithm>
#include <charconv>
#include <optional>

#include "command.hpp"

namespace afplug::command {
namespace {

struct type_entry {
  std::string_view name;
  int number;
};
constexpr type_entry types[] = {
    {"SOCK_STREAM", SOCK_STREAM}, {"SOCK_DGRAM", SOCK_DGRAM},         {"SOCK_RAW", SOCK_RAW},
    {"SOCK_RDM", SOCK_RDM},       {"SOCK_SEQPACKET", SOCK_SEQPACKET}, {"SOCK_DCCP", SOCK_DCCP}};

constexpr std::string_view prefixes[] = {"SOCK_",        "IPPROTO_", "CAN_", "BTPROTO_", "ETH_P_",
                                         "HV_PROTOCOL_", "NETLINK_", "AF_",  "PF_"};

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

/// `written` means the constant `name`: the whole of it, or what follows its prefix.
bool means(std::string_view written, std::string_view name) {
  const std::string w = upper(written);
  if (w == name) return true;
  return std::any_of(std::begin(prefixes), std::end(prefixes), [&](std::string_view prefix) {
    return name.size() > prefix.size() && name.starts_with(prefix) && w == name.substr(prefix.size());
  });
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (ec != std::errc{} || end != text.data() + text.size() || value < 0) return {};
  return value;
}

std::optional<int> type_number(std::string_view text) {
  if (const auto n = number(text)) return n;
  for (const auto& t : types)
    if (means(text, t.name)) return t.number;
  return {};
}

bool listed(const row& r) { return (r.flags & AFPLUG_ROW_HIDDEN) == 0; }

const row* row_of_protocol(const family& in, std::string_view text, std::optional<int> type) {
  const auto n = number(text);
  for (const row& r : in.rows()) {
    if (type && r.type != *type && r.type != AFPLUG_ANY) continue;
    if (n ? r.protocol == *n : r.protocol_name && means(text, r.protocol_name)) return &r;
  }
  return nullptr;
}

std::optional<int> protocol_number(const family& in, std::string_view text) {
  if (const auto n = number(text)) return n;
  for (const constant& c : in.constants())
    if (!c.text && means(text, c.name)) return static_cast<int>(c.value);
  return {};
}

[[noreturn]] void no_such(const family& in, std::string_view what, std::string_view text) {
  std::string known;
  for (const row& r : in.rows())
    if (listed(r)) {
      known += fmt::format("{}{}", known.empty() ? "" : ", ", r.type_name ? r.type_name : "any type");
      if (r.protocol_name) known += fmt::format(":{}", r.protocol_name);
    }
  throw failure(usage, fmt::format("{} has no {} '{}'; it has {}", in.id(), what, text, known));
}

}  // namespace

spelling spelling::of(std::string_view text) {
  spelling out;
  std::string* const parts[] = {&out.family, &out.type, &out.protocol};
  std::size_t i = 0;
  for (;; ++i) {
    const auto colon = text.find(':');
    if (i == std::size(parts)) throw failure(usage, "FAMILY:TYPE:PROTOCOL has three parts at most");
    *parts[i] = text.substr(0, colon);
    if (colon == text.npos) break;
    text.remove_prefix(colon + 1);
  }
  if (out.family.empty()) throw failure(usage, "the family is missing");
  return out;
}

std::string family_id(std::string_view text) {
  const auto n = number(text);
  std::string id = lower(text);
  for (std::string_view prefix : {"af_", "pf_"})
    if (id.starts_with(prefix)) id.erase(0, prefix.size());
  if (id == "local") id = "unix";
  if (n)
    for (const auto& p : registry::global().families())
      if (p.number == n && p.state != plugin_info::state_t::refused) return p.family;
  return id;
}

std::string choice::type_name() const {
  if (what && what->type == type && what->type_name) return what->type_name;
  for (const auto& t : types)
    if (t.number == type) return std::string(t.name);
  return std::to_string(type);
}

std::string choice::protocol_name() const {
  if (what && what->protocol_name && (what->protocol == protocol || protocol == 0)) return what->protocol_name;
  return protocol == 0 ? std::string() : std::to_string(protocol);
}

std::string choice::to_string() const {
  const std::string protocol_text = protocol_name();
  return protocol_text.empty() ? type_name() : fmt::format("{} ({})", protocol_text, type_name());
}

choice choose(const family& in, const spelling& text) {
  spelling t = text;
  std::optional<int> type;
  if (!t.type.empty()) {
    type = type_number(t.type);
    if (!type && !t.protocol.empty()) no_such(in, "type", t.type);
    if (!type) std::swap(t.type, t.protocol);  // can:isotp
  }
  if (!t.protocol.empty()) {
    if (const row* r = row_of_protocol(in, t.protocol, type)) return choice(*r, type);
    const auto n = protocol_number(in, t.protocol);
    if (!n) no_such(in, t.type.empty() ? "type or protocol" : "protocol", t.protocol);
    if (type) return {*type, *n, in.find_row(*type, *n)};
    for (const row& r : in.rows())
      if (const choice c(r, {}); in.find_row(c.type, *n) == &r) return {c.type, *n, &r};
    no_such(in, "protocol", t.protocol);
  }
  if (type) {
    if (const row* r = in.find_row(*type, 0)) return choice(*r, type);
    for (const row& r : in.rows())
      if (r.type == *type) return choice(r, type);
    return {*type, 0, nullptr};
  }
  for (const row& r : in.rows())
    if (listed(r)) return choice(r, {});
  return choice(in.rows().front(), {});
}

choice::choice(const row& r, std::optional<int> asked_type)
    : type(asked_type                    ? *asked_type
           : r.type != AFPLUG_ANY        ? r.type
           : r.native_type != AFPLUG_ANY ? r.native_type
                                         : int{SOCK_RAW}),
      protocol(r.protocol == AFPLUG_ANY ? 0 : r.protocol),
      what(&r) {}

}  // namespace afplug::command
