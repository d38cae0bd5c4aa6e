// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What one module object has of its own: every interpreter of a process imports one, and may run beside the others.
#pragma once

#include <cstdint>

#include "python.hpp"

namespace afplug::python {

/// Lives in the module object, which begins it with zeros.
struct state {
  PyTypeObject* socket_type;
  PyObject *gai_error, *host_error;
  /// setdefaulttimeout()'s, nanoseconds or -1 for none, once it `has_default`; afplug's own before that.
  std::int64_t default_timeout;
  bool has_default;
};

extern PyModuleDef definition;

inline state& state_of(PyObject* module) { return *static_cast<state*>(PyModule_GetState(module)); }
/// The module's that made the type, or a base of it; null with an exception set: another type.
inline state* state_of(PyTypeObject* type) {
  PyObject* module = PyType_GetModuleByDef(type, &definition);
  return module ? &state_of(module) : nullptr;
}

}  // namespace afplug::python
