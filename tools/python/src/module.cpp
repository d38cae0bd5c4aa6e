// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The module `_socket`, which the standard library's socket.py uses, implemented with afplug.
#include <memory>

#include "address.hpp"
#include "functions.hpp"
#include "socket_object.hpp"

namespace afplug::python {
namespace {

// The capsule _socket.CAPI, which _ssl imports: PySocketModule_APIObject of CPython's Modules/socketmodule.h.
struct api {
  PyTypeObject* type;
  PyObject* error;
  PyObject* timeout_error;
};

void release_api(PyObject* capsule) noexcept {
  auto* it = static_cast<api*>(PyCapsule_GetPointer(capsule, "_socket.CAPI"));
  Py_DECREF(it->type);
  delete it;
}

PyObject* make_api(PyTypeObject* type) {
  auto it = std::make_unique<api>(api{type, PyExc_OSError, PyExc_TimeoutError});
  PyObject* capsule = PyCapsule_New(it.get(), "_socket.CAPI", release_api);
  if (!capsule) return nullptr;
  Py_INCREF(type);
  static_cast<void>(it.release());
  return capsule;
}

bool add(PyObject* module, const char* name, PyObject* value) {
  return value && PyModule_AddObjectRef(module, name, value) == 0;
}

int execute(PyObject* module) {
  for (auto* functions : {lookup_functions, conversion_functions, system_functions, constant_functions})
    if (PyModule_AddFunctions(module, functions) != 0) return -1;
  auto& m = state_of(module);
  m.default_timeout = state::no_default_timeout;
  m.host_error = PyErr_NewException("socket.herror", PyExc_OSError, nullptr);
  m.gai_error = PyErr_NewException("socket.gaierror", PyExc_OSError, nullptr);
  m.socket_type = make_socket_type(module);
  auto* type = reinterpret_cast<PyObject*>(m.socket_type);
  const reference capsule(type ? make_api(m.socket_type) : nullptr);
  const bool done = add(module, "error", PyExc_OSError) && add(module, "timeout", PyExc_TimeoutError) &&
                    add(module, "herror", m.host_error) && add(module, "gaierror", m.gai_error) &&
                    add(module, "socket", type) && add(module, "SocketType", type) &&
                    add(module, "CAPI", capsule.get()) && add(module, "afplug", Py_True) && add_constants(module);
  return done ? 0 : -1;
}

int traverse(PyObject* module, visitproc visit, void* arg) noexcept {
  const auto& m = state_of(module);
  Py_VISIT(m.socket_type);
  Py_VISIT(m.gai_error);
  Py_VISIT(m.host_error);
  return 0;
}

int clear(PyObject* module) noexcept {
  auto& m = state_of(module);
  Py_CLEAR(m.socket_type);
  Py_CLEAR(m.gai_error);
  Py_CLEAR(m.host_error);
  return 0;
}

PyModuleDef_Slot slots[] = {
    {Py_mod_exec, slot<execute>()},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, nullptr},
};

}  // namespace

PyModuleDef definition{
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_socket",
    .m_doc = "Sockets of all address families that afplug has plugins for.",
    .m_size = sizeof(state),
    .m_methods = nullptr,  // added by execute()
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = [](void* module) { clear(static_cast<PyObject*>(module)); },
};

}  // namespace afplug::python

PyMODINIT_FUNC PyInit__socket() { return PyModuleDef_Init(&afplug::python::definition); }
