// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Constants, from afplug's own tables: those of no family, and those of every family that is there.
#include <afplug/family.hpp>
#include <afplug/registry.hpp>
#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "functions.hpp"

namespace afplug::python {
namespace {

// socket.py makes enumerations of all names that begin with AF_ and SOCK_: second names of a number, and what is no
// kind of socket, would take the place of AF_UNIX and SOCK_STREAM there.
constexpr std::array<std::string_view, 2> second_names{"AF_FILE", "AF_LOCAL"};
constexpr std::array<std::string_view, 9> kinds{"SOCK_STREAM", "SOCK_DGRAM",     "SOCK_RAW",
                                                "SOCK_RDM",    "SOCK_SEQPACKET", "SOCK_DCCP",
                                                "SOCK_PACKET", "SOCK_CLOEXEC",   "SOCK_NONBLOCK"};

bool is_kept_out(std::string_view name) {
  if (name.starts_with("SOCK_")) return std::ranges::find(kinds, name) == kinds.end();
  return std::ranges::find(second_names, name) != second_names.end();
}

bool add(PyObject* module, const constant& c) {
  if (is_kept_out(c.name)) return true;
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
