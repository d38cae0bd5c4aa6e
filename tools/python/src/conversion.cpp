// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Functions that convert numbers and addresses: byte order, inet_pton and the like, CMSG_LEN, CMSG_SPACE.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <climits>
#include <cstdint>

#include "functions.hpp"

namespace afplug::python {
namespace {

#if AFPLUG_PYTHON_MESSAGES >= 0x030E0000
PyObject* swap16(PyObject* arg, const char*, const char*) {
  std::uint16_t value = 0;
  return read_unsigned(arg, "uint16_t", value) ? PyLong_FromUnsignedLong(htons(value)) : nullptr;
}

PyObject* swap32(PyObject* arg) {
  std::uint32_t value = 0;
  return read_unsigned(arg, "uint32_t", value) ? PyLong_FromUnsignedLong(htonl(value)) : nullptr;
}
#else
PyObject* swap16(PyObject* given, const char* format, const char* name) {
  int value = 0;
  if (!parse_int_argument(given, format, value)) return nullptr;
  if (value < 0)
    return PyErr_Format(PyExc_OverflowError, "%s: can't convert negative Python int to C 16-bit unsigned integer",
                        name);
  if (value > 0xffff)
    return PyErr_Format(PyExc_OverflowError, "%s: Python int too large to convert to C 16-bit unsigned integer", name);
  return PyLong_FromUnsignedLong(htons(static_cast<std::uint16_t>(value)));
}

PyObject* swap32(PyObject* arg) {
  if (!PyLong_Check(arg)) return PyErr_Format(PyExc_TypeError, "expected int, %s found", Py_TYPE(arg)->tp_name);
  const unsigned long value = PyLong_AsUnsignedLong(arg);
  if (value == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
  if (value > 0xffffffff) return PyErr_SetString(PyExc_OverflowError, "int larger than 32 bits"), nullptr;
  return PyLong_FromUnsignedLong(htonl(static_cast<std::uint32_t>(value)));
}
#endif

PyObject* htons_(PyObject*, PyObject* given) { return swap16(given, "i:htons", "htons"); }
PyObject* ntohs_(PyObject*, PyObject* given) { return swap16(given, "i:ntohs", "ntohs"); }
PyObject* htonl_(PyObject*, PyObject* arg) { return swap32(arg); }
PyObject* ntohl_(PyObject*, PyObject* arg) { return swap32(arg); }

PyObject* inet_aton_(PyObject*, PyObject* given) {
  const char* text_form = nullptr;
  if (!parse_argument(given, "s:inet_aton", &text_form)) return nullptr;
  ::in_addr packed{};
  if (::inet_aton(text_form, &packed) == 0)
    return PyErr_SetString(PyExc_OSError, "illegal IP address string passed to inet_aton"), nullptr;
  return bytes(&packed, sizeof packed);
}

PyObject* inet_ntoa_(PyObject*, PyObject* given) {
  buffer packed;
  if (!parse_argument(given, "y*:inet_ntoa", static_cast<Py_buffer*>(&packed))) return nullptr;
  if (packed.len != sizeof(::in_addr))
    return PyErr_SetString(PyExc_OSError, "packed IP wrong length for inet_ntoa"), nullptr;
  char text_buffer[INET_ADDRSTRLEN];
  return PyUnicode_FromString(::inet_ntop(AF_INET, packed.buf, text_buffer, sizeof text_buffer));
}

PyObject* inet_pton_(PyObject*, PyObject* args) {
  int family = 0;
  const char* text_form = nullptr;
  if (!PyArg_ParseTuple(args, "is:inet_pton", &family, &text_form)) return nullptr;
  ::in6_addr packed{};
  const int done = ::inet_pton(family, text_form, &packed);
  if (done < 0) return raise_errno();
  if (done == 0) return PyErr_SetString(PyExc_OSError, "illegal IP address string passed to inet_pton"), nullptr;
  return bytes(&packed, family == AF_INET ? sizeof(::in_addr) : sizeof packed);
}

PyObject* inet_ntop_(PyObject*, PyObject* args) {
  int family = 0;
  buffer packed;
  if (!PyArg_ParseTuple(args, "iy*:inet_ntop", &family, static_cast<Py_buffer*>(&packed))) return nullptr;
  if (family != AF_INET && family != AF_INET6)
    return PyErr_Format(PyExc_ValueError, "unknown address family %d", family);
  if (packed.len != (family == AF_INET ? 4 : 16))
    return PyErr_SetString(PyExc_ValueError, "invalid length of packed IP address string"), nullptr;
  char text_buffer[INET6_ADDRSTRLEN];
  if (!::inet_ntop(family, packed.buf, text_buffer, sizeof text_buffer)) return raise_errno();
  return PyUnicode_FromString(text_buffer);
}

// The maximum size of an ancillary data item, such that its size with header and padding fits an int.
constexpr Py_ssize_t max_item_size = INT_MAX - static_cast<Py_ssize_t>(CMSG_SPACE(1));

PyObject* cmsg_len(PyObject*, PyObject* args) {
  Py_ssize_t n = 0;
  if (!PyArg_ParseTuple(args, "n:CMSG_LEN", &n)) return nullptr;
  if (n < 0 || n > INT_MAX - static_cast<Py_ssize_t>(CMSG_LEN(0)))
    return PyErr_SetString(PyExc_OverflowError, "CMSG_LEN() argument out of range"), nullptr;
  return PyLong_FromSize_t(CMSG_LEN(static_cast<std::size_t>(n)));
}

PyObject* cmsg_space(PyObject*, PyObject* args) {
  Py_ssize_t n = 0;
  if (!PyArg_ParseTuple(args, "n:CMSG_SPACE", &n)) return nullptr;
  if (n < 0 || n > max_item_size)
    return PyErr_SetString(PyExc_OverflowError, "CMSG_SPACE() argument out of range"), nullptr;
  return PyLong_FromSize_t(CMSG_SPACE(static_cast<std::size_t>(n)));
}

}  // namespace

PyMethodDef conversion_functions[] = {
    method<cmsg_len>("CMSG_LEN", METH_VARARGS, "CMSG_LEN(size) -> size with its header"),
    method<cmsg_space>("CMSG_SPACE", METH_VARARGS, "CMSG_SPACE(size) -> size with its header and padding"),
    method<htonl_>("htonl", METH_O, "htonl(integer) -> integer in network order"),
    method<htons_>("htons", single_argument_flags, "htons(integer) -> integer in network order"),
    method<inet_aton_>("inet_aton", single_argument_flags, "inet_aton(text) -> 4 bytes"),
    method<inet_ntoa_>("inet_ntoa", single_argument_flags, "inet_ntoa(4 bytes) -> text"),
    method<inet_ntop_>("inet_ntop", METH_VARARGS, "inet_ntop(family, bytes) -> text"),
    method<inet_pton_>("inet_pton", METH_VARARGS, "inet_pton(family, text) -> bytes"),
    method<ntohl_>("ntohl", METH_O, "ntohl(integer) -> integer in this machine's order"),
    method<ntohs_>("ntohs", single_argument_flags, "ntohs(integer) -> integer in this machine's order"),
    {},
};

}  // namespace afplug::python
