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
  {
    const gil_scoped_release released;
    errno = close_detached(fd);
  }
  if (errno != 0 && errno != ECONNRESET) return raise_errno();
  Py_RETURN_NONE;
}

PyObject* dup_(PyObject*, PyObject* arg) {
  const int fd = as_int(arg);
  if (fd == -1 && PyErr_Occurred()) return nullptr;
  error_code ec;
  if (const auto s = find_user_socket(fd)) {
    auto copy = s->dup(ec);
    if (ec) return raise(ec);
    const int made = detach_new(std::move(copy));
    return made < 0 ? nullptr : PyLong_FromLong(made);
  }
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return copy < 0 ? raise_errno() : PyLong_FromLong(copy);
}

PyObject* socketpair(PyObject* module, PyObject* args) {
  family_argument family{AF_UNIX, {}};
  int type = SOCK_STREAM, proto = 0;
  if (PyTuple_GET_SIZE(args) > 0 && PyUnicode_Check(PyTuple_GET_ITEM(args, 0))) {
    PyObject* given = nullptr;
    if (!PyArg_ParseTuple(args, "U|ii:socketpair", &given, &type, &proto) || !family.read_id(given)) return nullptr;
  } else if (!PyArg_ParseTuple(args, "|iii:socketpair", &family.number, &type, &proto)) {
    return nullptr;
  }
  std::pair<afplug::socket, afplug::socket> both;
  const bool opened = checked([&](error_code& ec) {
    const gil_scoped_release released;
    if (const auto* f = family.find(ec)) both = afplug::socket::pair(*f, socket_type(type), proto, ec);
  });
  if (!opened) return nullptr;
  const reference a(make_object(state_of(module), std::move(both.first), family.number, type, proto));
  const reference b(a ? make_object(state_of(module), std::move(both.second), family.number, type, proto) : nullptr);
  return b ? PyTuple_Pack(2, a.get(), b.get()) : nullptr;
}

PyObject* getdefaulttimeout(PyObject* module, PyObject*) { return timeout_object(default_timeout(state_of(module))); }

PyObject* setdefaulttimeout(PyObject* module, PyObject* arg) {
  std::int64_t t = -1;
  if (!read_timeout(arg, t)) return nullptr;
  store(state_of(module).default_timeout, t);
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
#if AFPLUG_PYTHON_MESSAGES >= 0x030E0000
  if (index == 0) return raise_errno();
#else
  if (index == 0) return PyErr_SetString(PyExc_OSError, "no interface with this name"), nullptr;
#endif
  return PyLong_FromUnsignedLong(index);
}

PyObject* if_indextoname_(PyObject*, PyObject* arg) {
  unsigned int index = 0;
#if AFPLUG_PYTHON_MESSAGES >= 0x030E0000
  if (!read_unsigned(arg, "unsigned int", index)) return nullptr;
#else
  const unsigned long wide = PyLong_AsUnsignedLong(arg);
  if (wide == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
#if AFPLUG_PYTHON_MESSAGES >= 0x030D0000
  if (wide > UINT_MAX) return PyErr_SetString(PyExc_OverflowError, "index is too large"), nullptr;
#endif
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
    method<close_>("close", METH_O, "close(descriptor)"),
    method<dup_>("dup", METH_O, "dup(descriptor) -> descriptor"),
    method<getdefaulttimeout>("getdefaulttimeout", METH_NOARGS, "getdefaulttimeout() -> seconds or None"),
    method<gethostname_>("gethostname", METH_NOARGS, "gethostname() -> text"),
    method<if_indextoname_>("if_indextoname", METH_O, "if_indextoname(index) -> name"),
    method<if_nameindex_>("if_nameindex", METH_NOARGS, "if_nameindex() -> [(index, name)]"),
    method<if_nametoindex_>("if_nametoindex", single_argument_flags, "if_nametoindex(name) -> index"),
    method<setdefaulttimeout>("setdefaulttimeout", METH_O, "setdefaulttimeout(seconds or None)"),
    method<sethostname_>("sethostname", METH_VARARGS, "sethostname(name)"),
    method<socketpair>("socketpair", METH_VARARGS, "socketpair([family[, type[, proto]]]) -> (socket, socket)"),
    {},
};

}  // namespace afplug::python
