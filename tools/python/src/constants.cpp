// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The constants of the module: afplug's table of general constants and those of the families in the table of the build.
// Constants of other plugins are found when they are used (PEP 562). No plugin is loaded when the module is imported.
#include <afplug/family.hpp>
#include <afplug/registry.hpp>
#include <algorithm>
#include <array>
#include <string_view>

#include "constants_table.hpp"
#include "functions.hpp"

namespace afplug::python {
namespace {

// socket.py converts all names that begin with AF_ and SOCK_ to enumerations (IntEnum._convert_). Aliases of AF_UNIX,
// and SOCK_* constants that are not socket types, would replace the names of members there, and are excluded. AF_HYPERV
// has a number on Windows only, as in CPython; here the family has an id.
constexpr std::array<std::string_view, 3> excluded_families{"AF_FILE", "AF_LOCAL", "AF_HYPERV"};
constexpr std::array<std::string_view, 9> socket_types{"SOCK_STREAM", "SOCK_DGRAM",     "SOCK_RAW",
                                                       "SOCK_RDM",    "SOCK_SEQPACKET", "SOCK_DCCP",
                                                       "SOCK_PACKET", "SOCK_CLOEXEC",   "SOCK_NONBLOCK"};

bool is_excluded(std::string_view name) {
  if (name.starts_with("SOCK_")) return std::ranges::find(socket_types, name) == socket_types.end();
  return std::ranges::find(excluded_families, name) != excluded_families.end();
}

reference value_of(const constant& c) {
  return reference(c.text ? PyUnicode_FromString(c.text) : PyLong_FromLongLong(c.value));
}

bool add(PyObject* module, const constant& c) {
  if (is_excluded(c.name)) return true;
  const reference value = value_of(c);
  return value && PyObject_SetAttrString(module, c.name, value.get()) == 0;
}

bool add_family_number(PyObject* module, const table_family& f) {
  const std::string_view name(f.name);
  if (!name.starts_with("AF_") || is_excluded(name)) return true;
  error_code not_installed;
  const int number = f.number != 0 ? f.number : registry::global().number(f.id, not_installed);
  return number == 0 || PyModule_AddIntConstant(module, f.name, number) == 0;
}

bool in_table(std::string_view id) {
  return std::ranges::any_of(table_families, [&](const table_family& f) { return f.id == id; });
}

// The value of a constant of a family that is not in the table. Null: there is none, or an exception is set.
reference find_in_other_plugins(std::string_view name) {
  auto& all = registry::global();
  for (const auto& p : all.families()) {
    if (p.family.empty() || in_table(p.family)) continue;
    error_code ec;
    const auto* f = all.family(p.family, ec);
    if (!f) continue;
    if (f->name() == name) return reference(PyLong_FromLong(f->number()));
    for (const auto& c : f->constants())
      if (c.name == name) return value_of(c);
  }
  return nullptr;
}

PyObject* getattr(PyObject*, PyObject* name) {
  const char* text_form = PyUnicode_AsUTF8(name);
  if (!text_form) return nullptr;
  reference found = text_form[0] == '_' ? nullptr : find_in_other_plugins(text_form);
  if (!found && !PyErr_Occurred()) PyErr_Format(PyExc_AttributeError, "module '_socket' has no attribute '%U'", name);
  return found.release();
}

}  // namespace

PyMethodDef constant_functions[] = {
    method<getattr>("__getattr__", METH_O,
                    "__getattr__(name) -> a constant of a plugin that was added after the build"),
    {},
};

bool add_constants(PyObject* module) {
  for (const auto& c : socket_constants())
    if (!add(module, c)) return false;
  for (const auto& f : table_families) {
    if (!add_family_number(module, f)) return false;
    for (const auto& c : f.constants)
      if (!add(module, c)) return false;
  }
  error_code ec;
  registry::global().number("inet6", ec);
  return PyModule_AddObjectRef(module, "has_ipv6", ec ? Py_False : Py_True) == 0;
}

}  // namespace afplug::python
