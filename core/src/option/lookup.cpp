// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Finds options and constants by name, in a family's tables and in those that belong to no family.
#include <afplug/family.hpp>
#include <afplug/registry.hpp>

#include <algorithm>

namespace afplug {
namespace {

template <typename T>
const T* find_named(std::span<const T> table, std::string_view name) noexcept {
  const auto it = std::find_if(table.begin(), table.end(), [name](const T& e) { return name == e.name; });
  return it == table.end() ? nullptr : &*it;
}

}  // namespace

const option_info* family::find_option(std::string_view name) const noexcept {
  if (const auto* o = find_named(options(), name)) return o;
  return find_named(socket_options(), name);
}

const constant* family::find_constant(std::string_view name) const noexcept {
  if (const auto* c = find_named(constants(), name)) return c;
  return find_named(socket_constants(), name);
}

const afplug::constant* registry::find_constant(std::string_view name) {
  if (const auto* c = find_named(socket_constants(), name)) return c;
  for (const auto& info : families()) {
    if (info.family.empty() || info.state == plugin_info::state_t::refused) continue;
    error_code ec;
    if (const auto* f = family(info.family, ec))
      if (const auto* c = f->find_constant(name)) return c;
  }
  return nullptr;
}

std::optional<std::int64_t> registry::constant(std::string_view name) {
  const auto* c = find_constant(name);
  return c && !c->text ? std::optional(c->value) : std::nullopt;
}

}  // namespace afplug
