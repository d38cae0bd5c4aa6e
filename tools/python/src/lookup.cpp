// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Lookup functions for hosts, services and protocols. They call the C library, not afplug's resolver, so that results
// and error messages are those of CPython.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "address.hpp"
#include "functions.hpp"

namespace afplug::python {
namespace {

// ---- getaddrinfo, getnameinfo ----

// Converts the host argument of getaddrinfo: None, str or bytes. Returns false with an exception set if it fails.
bool read_host_argument(PyObject* from, reference& owner, const char*& to, const char* message) {
  if (from == Py_None) {
    to = nullptr;
    return true;
  }
  if (PyUnicode_Check(from)) {
    owner.reset(PyUnicode_AsEncodedString(from, "idna", nullptr));
    if (!owner) return false;
    to = PyBytes_AS_STRING(owner.get());
    return true;
  }
  if (PyBytes_Check(from)) {
    to = PyBytes_AS_STRING(from);
    return true;
  }
  PyErr_SetString(PyExc_TypeError, message);
  return false;
}

bool read_port_argument(PyObject* from, reference& owner, const char*& to) {
  const bool is_number = AFPLUG_PYTHON_MESSAGES >= 0x030E0000 ? PyIndex_Check(from) : PyLong_CheckExact(from);
  if (is_number) {
    const reference number(PyNumber_Index(from));
    if (!number) return false;
#if AFPLUG_PYTHON_MESSAGES < 0x030C0000
    if (const long value = PyLong_AsLong(number.get()); value == -1 && PyErr_Occurred()) return false;
#endif
    owner.reset(PyObject_Str(number.get()));
    to = owner ? PyUnicode_AsUTF8(owner.get()) : nullptr;
    return to != nullptr;
  }
  if (PyUnicode_Check(from)) {
    to = PyUnicode_AsUTF8(from);
    return to != nullptr;
  }
  if (PyBytes_Check(from)) {
    to = PyBytes_AS_STRING(from);
    return true;
  }
  if (from == Py_None) {
    to = nullptr;
    return true;
  }
  PyErr_SetString(PyExc_OSError, "Int or String expected");
  return false;
}

struct free_info {
  void operator()(::addrinfo* a) const noexcept { ::freeaddrinfo(a); }
};
using info = std::unique_ptr<::addrinfo, free_info>;

int call_getaddrinfo(const char* host, const char* service, const ::addrinfo& hints, info& to) {
  const gil_scoped_release released;
  ::addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host, service, &hints, &found);
  to.reset(found);
  return code;
}

PyObject* getaddrinfo(PyObject* module, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"host", "port", "family", "type", "proto", "flags", nullptr};
  PyObject *host = nullptr, *port = nullptr;
  int family = AF_UNSPEC, type = 0, proto = 0, flags = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|iiii:getaddrinfo", const_cast<char**>(names), &host, &port,
                                   &family, &type, &proto, &flags))
    return nullptr;
  reference host_owner, port_owner;
  const char *host_text = nullptr, *port_text = nullptr;
  if (!read_host_argument(host, host_owner, host_text, "getaddrinfo() argument 1 must be string or None") ||
      !read_port_argument(port, port_owner, port_text))
    return nullptr;
  if (PySys_Audit("socket.getaddrinfo", "OOiii", host, port, family, type, proto) < 0) return nullptr;
  ::addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = type;
  hints.ai_protocol = proto;
  hints.ai_flags = flags;
  info found;
  if (const int code = call_getaddrinfo(host_text, port_text, hints, found); code != 0)
    return raise_gai(state_of(module), code);
  reference all(PyList_New(0));
  for (const auto* a = found.get(); all && a; a = a->ai_next) {
    const reference where(address_object(address(a->ai_addr, a->ai_addrlen), basic_protocol(a->ai_family, {}, 0)));
    const reference one(where ? Py_BuildValue("iiisO", a->ai_family, a->ai_socktype, a->ai_protocol,
                                              a->ai_canonname ? a->ai_canonname : "", where.get())
                              : nullptr);
    if (!one || PyList_Append(all.get(), one.get()) != 0) return nullptr;
  }
  return all.release();
}

PyObject* getnameinfo(PyObject* module, PyObject* args) {
  PyObject* where = nullptr;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "Oi:getnameinfo", &where, &flags)) return nullptr;
  if (!PyTuple_Check(where))
    return PyErr_SetString(PyExc_TypeError, "getnameinfo() argument 1 must be a tuple"), nullptr;
  const char* host = nullptr;
  int port = 0;
  unsigned int flow = 0, scope = 0;
  if (!PyArg_ParseTuple(where, "si|II;getnameinfo(): illegal sockaddr argument", &host, &port, &flow, &scope))
    return nullptr;
  if (flow > 0xfffff)
    return PyErr_SetString(PyExc_OverflowError, "getnameinfo(): flowinfo must be 0-1048575."), nullptr;
  if (PySys_Audit("socket.getnameinfo", "(O)", where) < 0) return nullptr;
  const std::string service = std::to_string(port);
  ::addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST;
  info found;
  if (const int code = call_getaddrinfo(host, service.c_str(), hints, found); code != 0)
    return raise_gai(state_of(module), code);
  if (found->ai_next) return PyErr_SetString(PyExc_OSError, "sockaddr resolved to multiple addresses"), nullptr;
  if (found->ai_family == AF_INET) {
    if (PyTuple_GET_SIZE(where) != 2) return PyErr_SetString(PyExc_OSError, "IPv4 sockaddr must be 2 tuple"), nullptr;
  } else if (found->ai_family == AF_INET6) {
    auto& in = *reinterpret_cast<::sockaddr_in6*>(found->ai_addr);
    in.sin6_flowinfo = htonl(flow);
    in.sin6_scope_id = scope;
  }
  std::array<char, NI_MAXHOST> host_buffer{};
  std::array<char, NI_MAXSERV> service_buffer{};
  int code = 0;
  {
    const gil_scoped_release released;
    code = ::getnameinfo(found->ai_addr, found->ai_addrlen, host_buffer.data(), host_buffer.size(),
                         service_buffer.data(), service_buffer.size(), flags);
  }
  if (code != 0) return raise_gai(state_of(module), code);
  return Py_BuildValue("ss", host_buffer.data(), service_buffer.data());
}

// ---- gethostby… ----

PyObject* raise_host(const state& m, int code) {
  if (const reference value(Py_BuildValue("(is)", code, ::hstrerror(code))); value)
    PyErr_SetObject(m.host_error, value.get());
  return nullptr;
}

PyObject* gethostbyname(PyObject* module, PyObject* args) {
  char* name = nullptr;
  if (!PyArg_ParseTuple(args, "et:gethostbyname", "idna", &name)) return nullptr;
  const std::string host(name);
  PyMem_Free(name);
  if (PySys_Audit("socket.gethostbyname", "O", PyTuple_GET_ITEM(args, 0)) < 0) return nullptr;
  ::sockaddr_storage found{};
  if (!resolve(state_of(module), host, AF_INET, found)) return nullptr;
  return host_object(reinterpret_cast<const ::sockaddr*>(&found));
}

// Calls gethostbyname_r or gethostbyaddr_r with a growing buffer. Returns the entry, or null with h_errno in `code`.
template <class F>
::hostent* call_with_buffer(::hostent& entry, std::vector<char>& entry_buffer, int& code, F f) {
  const gil_scoped_release released;
  entry_buffer.resize(4096);
  ::hostent* result = nullptr;
  while (f(&entry, entry_buffer.data(), entry_buffer.size(), &result, &code) == ERANGE)
    entry_buffer.resize(entry_buffer.size() * 2);
  return result;
}

PyObject* entry_object(const ::hostent& entry) {
  const reference aliases(PyList_New(0)), addresses(PyList_New(0));
  if (!aliases || !addresses) return nullptr;
  for (char** a = entry.h_aliases; a && *a; ++a) {
    const reference one(PyUnicode_FromString(*a));
    if (!one || PyList_Append(aliases.get(), one.get()) != 0) return nullptr;
  }
  for (char** a = entry.h_addr_list; a && *a; ++a) {
    char address_text[INET6_ADDRSTRLEN];
    if (!::inet_ntop(entry.h_addrtype, *a, address_text, sizeof address_text)) return raise_errno();
    const reference one(PyUnicode_FromString(address_text));
    if (!one || PyList_Append(addresses.get(), one.get()) != 0) return nullptr;
  }
  const reference name(PyUnicode_DecodeFSDefault(entry.h_name));
  return name ? PyTuple_Pack(3, name.get(), aliases.get(), addresses.get()) : nullptr;
}

PyObject* gethostbyname_ex(PyObject* module, PyObject* args) {
  char* name = nullptr;
  if (!PyArg_ParseTuple(args, "et:gethostbyname_ex", "idna", &name)) return nullptr;
  const std::string host(name);
  PyMem_Free(name);
  if (PySys_Audit("socket.gethostbyname", "O", PyTuple_GET_ITEM(args, 0)) < 0) return nullptr;
  ::sockaddr_storage found{};
  if (!resolve(state_of(module), host, AF_INET, found)) return nullptr;
  ::hostent entry{};
  std::vector<char> entry_buffer;
  int code = 0;
  const auto* result = call_with_buffer(entry, entry_buffer, code,
                                        [&](auto... rest) { return ::gethostbyname_r(host.c_str(), rest...); });
  return result ? entry_object(*result) : raise_host(state_of(module), code);
}

PyObject* gethostbyaddr(PyObject* module, PyObject* args) {
  char* name = nullptr;
  if (!PyArg_ParseTuple(args, "et:gethostbyaddr", "idna", &name)) return nullptr;
  const std::string host(name);
  PyMem_Free(name);
  if (PySys_Audit("socket.gethostbyaddr", "O", PyTuple_GET_ITEM(args, 0)) < 0) return nullptr;
  ::sockaddr_storage found{};
  if (!resolve(state_of(module), host, AF_UNSPEC, found)) return nullptr;
  const bool v4 = found.ss_family == AF_INET;
  const void* at = v4 ? static_cast<const void*>(&reinterpret_cast<::sockaddr_in&>(found).sin_addr)
                      : static_cast<const void*>(&reinterpret_cast<::sockaddr_in6&>(found).sin6_addr);
  ::hostent entry{};
  std::vector<char> entry_buffer;
  int code = 0;
  const auto* result = call_with_buffer(entry, entry_buffer, code, [&](auto... rest) {
    return ::gethostbyaddr_r(at, v4 ? 4 : 16, found.ss_family, rest...);
  });
  return result ? entry_object(*result) : raise_host(state_of(module), code);
}

// ---- services and protocols, by reentrant functions: subinterpreters may have a GIL of their own ----

PyObject* getservbyname(PyObject*, PyObject* args) {
  const char *name = nullptr, *proto = nullptr;
  if (!PyArg_ParseTuple(args, "s|s:getservbyname", &name, &proto)) return nullptr;
  if (PySys_Audit("socket.getservbyname", "ss", name, proto) < 0) return nullptr;
  ::servent entry{}, *found = nullptr;
  std::vector<char> entry_buffer(4096);
  {
    const gil_scoped_release released;
    while (::getservbyname_r(name, proto, &entry, entry_buffer.data(), entry_buffer.size(), &found) == ERANGE)
      entry_buffer.resize(entry_buffer.size() * 2);
  }
  if (!found) return PyErr_SetString(PyExc_OSError, "service/proto not found"), nullptr;
  return PyLong_FromLong(ntohs(static_cast<std::uint16_t>(found->s_port)));
}

PyObject* getservbyport(PyObject*, PyObject* args) {
  int port = 0;
  const char* proto = nullptr;
  if (!PyArg_ParseTuple(args, "i|s:getservbyport", &port, &proto)) return nullptr;
  if (port < 0 || port > 0xffff)
    return PyErr_SetString(PyExc_OverflowError, "getservbyport: port must be 0-65535."), nullptr;
  if (PySys_Audit("socket.getservbyport", "is", port, proto) < 0) return nullptr;
  ::servent entry{}, *found = nullptr;
  std::vector<char> entry_buffer(4096);
  {
    const gil_scoped_release released;
    while (::getservbyport_r(htons(static_cast<std::uint16_t>(port)), proto, &entry, entry_buffer.data(),
                             entry_buffer.size(), &found) == ERANGE)
      entry_buffer.resize(entry_buffer.size() * 2);
  }
  if (!found) return PyErr_SetString(PyExc_OSError, "port/proto not found"), nullptr;
  return PyUnicode_FromString(found->s_name);
}

PyObject* getprotobyname(PyObject*, PyObject* args) {
  const char* name = nullptr;
  if (!PyArg_ParseTuple(args, "s:getprotobyname", &name)) return nullptr;
  ::protoent entry{}, *found = nullptr;
  std::vector<char> entry_buffer(4096);
  {
    const gil_scoped_release released;
    while (::getprotobyname_r(name, &entry, entry_buffer.data(), entry_buffer.size(), &found) == ERANGE)
      entry_buffer.resize(entry_buffer.size() * 2);
  }
  if (!found) return PyErr_SetString(PyExc_OSError, "protocol not found"), nullptr;
  return PyLong_FromLong(found->p_proto);
}

}  // namespace

PyMethodDef lookup_functions[] = {
    method<getaddrinfo>(
        "getaddrinfo", METH_VARARGS | METH_KEYWORDS,
        "getaddrinfo(host, port[, family, type, proto, flags]) -> [(family, type, proto, canonname, address)]"),
    method<gethostbyaddr>("gethostbyaddr", METH_VARARGS, "gethostbyaddr(host) -> (name, aliases, addresses)"),
    method<gethostbyname>("gethostbyname", METH_VARARGS, "gethostbyname(host) -> address"),
    method<gethostbyname_ex>("gethostbyname_ex", METH_VARARGS, "gethostbyname_ex(host) -> (name, aliases, addresses)"),
    method<getnameinfo>("getnameinfo", METH_VARARGS, "getnameinfo(address, flags) -> (host, service)"),
    method<getprotobyname>("getprotobyname", METH_VARARGS, "getprotobyname(name) -> number"),
    method<getservbyname>("getservbyname", METH_VARARGS, "getservbyname(name[, protocol]) -> port"),
    method<getservbyport>("getservbyport", METH_VARARGS, "getservbyport(port[, protocol]) -> name"),
    {},
};

}  // namespace afplug::python
