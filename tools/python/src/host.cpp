// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Host names in addresses, resolved as CPython's setipaddr does: numeric addresses without the resolver; the first
// address of a name.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "address.hpp"

namespace afplug::python {

PyObject* raise_gai(const state& m, int code) {
  if (code == EAI_SYSTEM) return raise_errno();
  if (const reference value(Py_BuildValue("(is)", code, ::gai_strerror(code))); value)
    PyErr_SetObject(m.gai_error, value.get());
  return nullptr;
}

bool read_host(PyObject* from, std::string& to) {
  reference encoded;
  if (PyUnicode_Check(from) && PyUnicode_IS_ASCII(from)) {
    to.assign(static_cast<const char*>(PyUnicode_DATA(from)), static_cast<std::size_t>(PyUnicode_GET_LENGTH(from)));
  } else if (PyUnicode_Check(from)) {
    encoded.reset(PyUnicode_AsEncodedString(from, "idna", nullptr));
    if (!encoded) {
      PyErr_SetString(PyExc_TypeError, "encoding of hostname failed");
      return false;
    }
    from = encoded.get();
  }
  if (PyBytes_Check(from) || PyByteArray_Check(from)) {
    buffer bytes;
    if (PyObject_GetBuffer(from, &bytes, PyBUF_SIMPLE) != 0) return false;
    to.assign(static_cast<const char*>(bytes.buf), static_cast<std::size_t>(bytes.len));
  } else if (!PyUnicode_Check(from)) {
    PyErr_Format(PyExc_TypeError, "str, bytes or bytearray expected, not %s", Py_TYPE(from)->tp_name);
    return false;
  }
  if (to.find('\0') == std::string::npos) return true;
  PyErr_SetString(PyExc_TypeError, "host name must not contain null character");
  return false;
}

namespace {

bool call_getaddrinfo(const state& m, const char* host, const char* service, const ::addrinfo& hints,
                      ::sockaddr_storage& to, bool single) {
  ::addrinfo* found = nullptr;
  int code = 0;
  {
    const gil_scoped_release released;
    code = ::getaddrinfo(host, service, &hints, &found);
  }
  if (code != 0) {
    raise_gai(m, code);
    return false;
  }
  const bool many = found->ai_next != nullptr;
  std::memcpy(&to, found->ai_addr, std::min<std::size_t>(found->ai_addrlen, sizeof to));
  ::freeaddrinfo(found);
  if (single && many) PyErr_SetString(PyExc_OSError, "wildcard resolved to multiple address");
  return !(single && many);
}

}  // namespace

bool resolve(const state& m, const std::string& host, int family, ::sockaddr_storage& to) {
  ::addrinfo hints{};
  hints.ai_family = family;
  if (host.empty()) {
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_PASSIVE;
    return call_getaddrinfo(m, nullptr, "0", hints, to, true);
  }
  auto& in = reinterpret_cast<::sockaddr_in&>(to);
  auto& in6 = reinterpret_cast<::sockaddr_in6&>(to);
  if (host == "255.255.255.255" || host == "<broadcast>") {
    if (family != AF_INET && family != AF_UNSPEC) {
      PyErr_SetString(PyExc_OSError, "address family mismatched");
      return false;
    }
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = INADDR_BROADCAST;
    return true;
  }
  if (family != AF_INET6 && ::inet_pton(AF_INET, host.c_str(), &in.sin_addr) == 1) {
    in.sin_family = AF_INET;
    return true;
  }
  if (family != AF_INET && ::inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1) {
    in6.sin6_family = AF_INET6;
    return true;
  }
  return call_getaddrinfo(m, host.c_str(), nullptr, hints, to, false);
}

PyObject* host_object(const ::sockaddr* a) {
  char text_buffer[INET6_ADDRSTRLEN];
  const void* at = a->sa_family == AF_INET
                       ? static_cast<const void*>(&reinterpret_cast<const ::sockaddr_in*>(a)->sin_addr)
                       : static_cast<const void*>(&reinterpret_cast<const ::sockaddr_in6*>(a)->sin6_addr);
  if (!::inet_ntop(a->sa_family, at, text_buffer, sizeof text_buffer)) return raise_errno();
  return PyUnicode_FromString(text_buffer);
}

}  // namespace afplug::python
