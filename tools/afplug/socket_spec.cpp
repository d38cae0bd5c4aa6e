// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "socket_spec.hpp"

#include <fmt/core.h>
#include <sys/socket.h>

#include <afplug/plugin/encoding.hpp>
#include <afplug/registry.hpp>
#include <algorithm>
#include <charconv>
#include <optional>

#include "command.hpp"

namespace afplug::command {
namespace {

struct type_entry {
  std::string_view name;
  socket_type value;
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

/// Whether `text` is the constant `name`, or `name` without its prefix, ignoring case.
bool matches(std::string_view text, std::string_view name) {
  const std::string t = upper(text);
  if (t == name) return true;
  return std::any_of(std::begin(prefixes), std::end(prefixes), [&](std::string_view prefix) {
    return name.size() > prefix.size() && name.starts_with(prefix) && t == name.substr(prefix.size());
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

std::optional<socket_type> type_number(std::string_view text) {
  if (const auto n = number(text)) return socket_type(*n);
  for (const auto& t : types)
    if (matches(text, t.name)) return t.value;
  return {};
}

const row* find_row_by_protocol(const family& in, std::string_view text, std::optional<socket_type> type) {
  const auto n = number(text);
  for (const row& r : in.rows()) {
    if (type && r.type != *type && r.type != AFPLUG_ANY) continue;
    if (n ? r.protocol == *n : r.protocol_name && matches(text, r.protocol_name)) return &r;
  }
  return nullptr;
}

std::optional<int> protocol_number(const family& in, std::string_view text) {
  if (const auto n = number(text)) return n;
  for (const constant& c : in.constants())
    if (!c.text && matches(text, c.name)) return static_cast<int>(c.value);
  return {};
}

[[noreturn]] void throw_not_found(const family& in, std::string_view part, std::string_view text) {
  std::string known;
  for (const row* r : listed_rows(in)) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", r->type_name ? r->type_name : "any type");
    if (r->protocol_name) known += fmt::format(":{}", r->protocol_name);
  }
  throw failure(usage, fmt::format("{} has no {} {}; known: {}", in.id(), part, plugin::quote(text), known));
}

}  // namespace

socket_spec socket_spec::parse(std::string_view text) {
  socket_spec out;
  std::string* const parts[] = {&out.family, &out.type, &out.protocol};
  std::size_t i = 0;
  for (;; ++i) {
    const auto colon = text.find(':');
    if (i == std::size(parts)) throw failure(usage, "too many parts; expected FAMILY[:TYPE[:PROTOCOL]]");
    *parts[i] = text.substr(0, colon);
    if (colon == text.npos) break;
    text.remove_prefix(colon + 1);
  }
  if (out.family.empty()) throw failure(usage, "the family is missing; expected FAMILY[:TYPE[:PROTOCOL]]");
  return out;
}

std::vector<const row*> listed_rows(const family& f) {
  std::vector<const row*> out;
  for (const row& r : f.rows())
    if ((r.flags & AFPLUG_ROW_HIDDEN) == 0) out.push_back(&r);
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

std::string resolved_spec::type_name() const {
  if (table_row && table_row->type == type && table_row->type_name) return table_row->type_name;
  for (const auto& t : types)
    if (t.value == type) return std::string(t.name);
  return std::to_string(type);
}

std::string resolved_spec::protocol_name() const {
  if (table_row && table_row->protocol_name && (table_row->protocol == protocol || protocol == 0))
    return table_row->protocol_name;
  return protocol == 0 ? std::string() : std::to_string(protocol);
}

std::string resolved_spec::to_string() const {
  const std::string protocol_text = protocol_name();
  return protocol_text.empty() ? type_name() : fmt::format("{} ({})", protocol_text, type_name());
}

resolved_spec resolve(const family& in, const socket_spec& spec) {
  socket_spec t = spec;
  std::optional<socket_type> type;
  if (!t.type.empty()) {
    type = type_number(t.type);
    if (!type && !t.protocol.empty()) throw_not_found(in, "type", t.type);
    if (!type) std::swap(t.type, t.protocol);  // "can:isotp": the second part is the protocol
  }
  if (!t.protocol.empty()) {
    if (const row* r = find_row_by_protocol(in, t.protocol, type)) return resolved_spec(*r, type);
    const auto n = protocol_number(in, t.protocol);
    if (!n) throw_not_found(in, t.type.empty() ? "type or protocol" : "protocol", t.protocol);
    if (type) return {*type, *n, in.find_row(*type, *n)};
    for (const row& r : in.rows())
      if (const resolved_spec c(r, {}); in.find_row(c.type, *n) == &r) return {c.type, *n, &r};
    throw_not_found(in, "protocol", t.protocol);
  }
  if (type) {
    if (const row* r = in.find_row(*type, 0)) return resolved_spec(*r, type);
    for (const row& r : in.rows())
      if (r.type == *type) return resolved_spec(r, type);
    return {*type, 0, nullptr};
  }
  const auto listed = listed_rows(in);
  return resolved_spec(listed.empty() ? in.rows().front() : *listed.front(), {});
}

resolved_spec::resolved_spec(const row& r, std::optional<socket_type> requested_type)
    : type(requested_type.value_or(r.concrete_type())), protocol(r.concrete_protocol()), table_row(&r) {}

}  // namespace afplug::command
