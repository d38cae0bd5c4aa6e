// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The constants of the module: afplug's tables of general constants and those of all families that have a plugin.
#include <afplug/family.hpp>
#include <afplug/registry.hpp>
#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "functions.hpp"

namespace afplug::python {
namespace {

// socket.py converts all names that begin with AF_ and SOCK_ to enumerations (IntEnum._convert_). Aliases of AF_UNIX,
// and SOCK_* constants that are not socket types, would replace the names of members there, and are excluded.
constexpr std::array<std::string_view, 2> excluded_aliases{"AF_FILE", "AF_LOCAL"};
constexpr std::array<std::string_view, 9> socket_types{"SOCK_STREAM", "SOCK_DGRAM",     "SOCK_RAW",
                                                       "SOCK_RDM",    "SOCK_SEQPACKET", "SOCK_DCCP",
                                                       "SOCK_PACKET", "SOCK_CLOEXEC",   "SOCK_NONBLOCK"};

bool is_excluded(std::string_view name) {
  if (name.starts_with("SOCK_")) return std::ranges::find(socket_types, name) == socket_types.end();
  return std::ranges::find(excluded_aliases, name) != excluded_aliases.end();
}

bool add(PyObject* module, const constant& c) {
  if (is_excluded(c.name)) return true;
  const reference value(c.text ? PyUnicode_FromString(c.text) : PyLong_FromLongLong(c.value));
  return value && PyObject_SetAttrString(module, c.name, value.get()) == 0;
}

}  // namespace

bool add_constants(PyObject* module) {
  for (const auto& c : socket_constants())
    if (!add(module, c)) return false;
  auto& all = registry::global();
  std::set<std::string> seen;
  for (const auto& p : all.families()) {
    if (p.family.empty() || !seen.insert(p.family).second) continue;
    error_code ec;
    const auto* f = all.family(p.family, ec);
    if (!f) continue;
    const std::string name(f->name());
    if (name.starts_with("AF_") && PyModule_AddIntConstant(module, name.c_str(), f->number()) != 0) return false;
    for (const auto& c : f->constants())
      if (!add(module, c)) return false;
  }
  error_code ec;
  return PyModule_AddObjectRef(module, "has_ipv6", all.family("inet6", ec) ? Py_True : Py_False) == 0;
}

}  // namespace afplug::python
