// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The state of a module object. Each subinterpreter has a module object of its own and may run in parallel.
#pragma once

#include <cstdint>

#include "python.hpp"

namespace afplug::python {

/// Allocated by CPython with the module object, and zero-initialised.
struct state {
  PyTypeObject* socket_type;
  PyObject *gai_error, *host_error;
  /// Set by setdefaulttimeout(): nanoseconds, or -1 for none. no_default_timeout: afplug's default applies. Accessed
  /// by load() and store(), as threads may run in parallel.
  std::int64_t default_timeout;
  static constexpr std::int64_t no_default_timeout = INT64_MIN;
};

extern PyModuleDef definition;

inline state& state_of(PyObject* module) { return *static_cast<state*>(PyModule_GetState(module)); }
/// The state of the module that created the type or a base of it; null with an exception set for other types.
inline state* state_of(PyTypeObject* type) {
  PyObject* module = PyType_GetModuleByDef(type, &definition);
  return module ? &state_of(module) : nullptr;
}

}  // namespace afplug::python
