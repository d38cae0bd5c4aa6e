// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The module `_socket` on afplug: what the standard library's socket.py stands on.
#include <vector>

#include "address.hpp"
#include "functions.hpp"
#include "object.hpp"

namespace afplug::python {
namespace {

// What _ssl and others import as _socket.CAPI: CPython 3.11's PySocketModule_APIObject.
struct api {
  PyTypeObject* type;
  PyObject* error;
  PyObject* timeout_error;
};

std::vector<PyMethodDef>& functions() {
  static auto& all = *[] {
    auto* table = new std::vector<PyMethodDef>;
    for (const auto* part : {lookup_functions, number_functions, system_functions})
      for (; part->ml_name; ++part) table->push_back(*part);
    table->push_back({});
    return table;
  }();
  return all;
}

bool add(PyObject* module, const char* name, PyObject* value) {
  return value && PyModule_AddObjectRef(module, name, value) == 0;
}

bool fill(PyObject* module) {
  host_error = PyErr_NewException("socket.herror", PyExc_OSError, nullptr);
  gai_error = PyErr_NewException("socket.gaierror", PyExc_OSError, nullptr);
  auto* type = reinterpret_cast<PyObject*>(make_socket_type());
  static api exported{};
  exported = {socket_type, PyExc_OSError, PyExc_TimeoutError};
  const reference capsule(PyCapsule_New(&exported, "_socket.CAPI", nullptr));
  return add(module, "error", PyExc_OSError) && add(module, "timeout", PyExc_TimeoutError) &&
         add(module, "herror", host_error) && add(module, "gaierror", gai_error) && add(module, "socket", type) &&
         add(module, "SocketType", type) && add(module, "CAPI", capsule.get()) && add(module, "afplug", Py_True) &&
         add_constants(module);
}

PyObject* make_module() {
  static PyModuleDef definition{};
  definition.m_base = PyModuleDef_HEAD_INIT;
  definition.m_name = "_socket";
  definition.m_doc = "Sockets on afplug: every family that a plugin answers for.";
  definition.m_size = -1;
  definition.m_methods = functions().data();
  reference module(PyModule_Create(&definition));
  try {
    return module && fill(module.get()) ? module.release() : nullptr;
  } catch (...) {
    return raise_current();
  }
}

}  // namespace
}  // namespace afplug::python

PyMODINIT_FUNC PyInit__socket() { return afplug::python::make_module(); }
