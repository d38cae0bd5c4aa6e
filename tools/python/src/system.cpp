// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Functions for descriptors, pairs of sockets, the default timeout, network interfaces and the host name.
#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include <afplug/registry.hpp>
#include <cerrno>

#include "functions.hpp"
#include "socket_object.hpp"

namespace afplug::python {
namespace {

PyObject* close_(PyObject*, PyObject* arg) {
  const int fd = as_int(arg);
  if (fd == -1 && PyErr_Occurred()) return nullptr;
  if (take_detached(fd)) Py_RETURN_NONE;
  int failed = 0;
  {
    const gil_scoped_release released;
    failed = ::close(fd);
  }
  if (failed != 0 && errno != ECONNRESET) return raise_errno();
  Py_RETURN_NONE;
}

PyObject* dup_(PyObject*, PyObject* arg) {
  const int fd = as_int(arg);
  if (fd == -1 && PyErr_Occurred()) return nullptr;
  error_code ec;
  if (const auto s = find_user_socket(fd)) {
    auto copy = s->dup(ec);
    return ec ? raise(ec) : PyLong_FromLong(store_detached(std::make_shared<afplug::socket>(std::move(copy))));
  }
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return copy < 0 ? raise_errno() : PyLong_FromLong(copy);
}

PyObject* socketpair(PyObject* module, PyObject* args) {
  int family = AF_UNIX, type = SOCK_STREAM, proto = 0;
  if (!PyArg_ParseTuple(args, "|iii:socketpair", &family, &type, &proto)) return nullptr;
  std::pair<afplug::socket, afplug::socket> both;
  const bool opened = checked([&](error_code& ec) {
    const gil_scoped_release released;
    if (const auto* f = registry::global().family(family, ec))
      both = afplug::socket::pair(*f, socket_type(type), proto, ec);
  });
  if (!opened) return nullptr;
  const reference a(make_object(state_of(module), std::move(both.first), family, type, proto));
  const reference b(a ? make_object(state_of(module), std::move(both.second), family, type, proto) : nullptr);
  return b ? PyTuple_Pack(2, a.get(), b.get()) : nullptr;
}

PyObject* getdefaulttimeout(PyObject* module, PyObject*) { return timeout_object(default_timeout(state_of(module))); }

PyObject* setdefaulttimeout(PyObject* module, PyObject* arg) {
  std::int64_t t = -1;
  if (!read_timeout(arg, t)) return nullptr;
  auto& m = state_of(module);
  m.default_timeout = t;
  m.has_default = true;
  Py_RETURN_NONE;
}

PyObject* if_nameindex_(PyObject*, PyObject*) {
  auto* all = ::if_nameindex();
  if (!all) return raise_errno();
  PyObject* list = PyList_New(0);
  for (const auto* i = all; list && i->if_index != 0 && i->if_name; ++i) {
    const reference one(Py_BuildValue("IN", i->if_index, PyUnicode_DecodeFSDefault(i->if_name)));
    if (!one || PyList_Append(list, one.get()) != 0) Py_CLEAR(list);
  }
  ::if_freenameindex(all);
  return list;
}

PyObject* if_nametoindex_(PyObject*, PyObject* given) {
  PyObject* name = nullptr;
  if (!parse_argument(given, "O&:if_nametoindex", PyUnicode_FSConverter, &name)) return nullptr;
  const reference owner(name);
  const unsigned index = ::if_nametoindex(PyBytes_AS_STRING(name));
#if PY_VERSION_HEX >= 0x030E0000
  if (index == 0) return raise_errno();
#else
  if (index == 0) return PyErr_SetString(PyExc_OSError, "no interface with this name"), nullptr;
#endif
  return PyLong_FromUnsignedLong(index);
}

PyObject* if_indextoname_(PyObject*, PyObject* arg) {
  unsigned int index = 0;
#if PY_VERSION_HEX >= 0x030E0000
  if (!read_unsigned(arg, "unsigned int", index)) return nullptr;
#else
  const unsigned long wide = PyLong_AsUnsignedLong(arg);
  if (wide == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
  if (wide > UINT_MAX) return PyErr_SetString(PyExc_OverflowError, "index is too large"), nullptr;
  index = static_cast<unsigned int>(wide);
#endif
  char name[IF_NAMESIZE];
  if (!::if_indextoname(index, name)) return raise_errno();
  return PyUnicode_DecodeFSDefault(name);
}

PyObject* gethostname_(PyObject*, PyObject*) {
  if (PySys_Audit("socket.gethostname", nullptr) < 0) return nullptr;
  char name[1024];
  if (::gethostname(name, sizeof name - 1) != 0) return raise_errno();
  name[sizeof name - 1] = '\0';
  return PyUnicode_DecodeFSDefault(name);
}

PyObject* sethostname_(PyObject*, PyObject* args) {
  PyObject* name = nullptr;
  reference encoded;
  if (!PyArg_ParseTuple(args, "S:sethostname", &name)) {
    PyErr_Clear();
    if (!PyArg_ParseTuple(args, "O&:sethostname", PyUnicode_FSConverter, &name)) return nullptr;
    encoded.reset(name);
  }
  if (PySys_Audit("socket.sethostname", "(O)", name) < 0) return nullptr;
  buffer b;
  if (PyObject_GetBuffer(name, &b, PyBUF_SIMPLE) != 0) return nullptr;
  if (::sethostname(static_cast<const char*>(b.buf), static_cast<std::size_t>(b.len)) != 0) return raise_errno();
  Py_RETURN_NONE;
}

}  // namespace

PyMethodDef system_functions[] = {
    {"close", close_, METH_O, "close(descriptor)"},
    {"dup", dup_, METH_O, "dup(descriptor) -> descriptor"},
    {"getdefaulttimeout", getdefaulttimeout, METH_NOARGS, "getdefaulttimeout() -> seconds or None"},
    {"gethostname", gethostname_, METH_NOARGS, "gethostname() -> text"},
    {"if_indextoname", if_indextoname_, METH_O, "if_indextoname(index) -> name"},
    {"if_nameindex", if_nameindex_, METH_NOARGS, "if_nameindex() -> [(index, name)]"},
    {"if_nametoindex", if_nametoindex_, single_argument_flags, "if_nametoindex(name) -> index"},
    {"setdefaulttimeout", setdefaulttimeout, METH_O, "setdefaulttimeout(seconds or None)"},
    {"sethostname", sethostname_, METH_VARARGS, "sethostname(name)"},
    {"socketpair", socketpair, METH_VARARGS, "socketpair([family[, type[, proto]]]) -> (socket, socket)"},
    {},
};

}  // namespace afplug::python
