// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Socket methods for messages: several buffers, ancillary data, AF_ALG operations.
#include <linux/if_alg.h>
#include <sys/socket.h>

#include <afplug/control.hpp>
#include <climits>
#include <cstring>
#include <optional>
#include <vector>

#include "address.hpp"
#include "socket_object.hpp"

namespace afplug::python {
namespace {

/// A tuple of the iterable's items. Converting an item may run Python code (__index__, __buffer__) that changes the
/// iterable.
reference items_of(PyObject* iterable, const char* error_message) {
  const reference all(PySequence_Fast(iterable, error_message));
  return reference(all ? PySequence_Tuple(all.get()) : nullptr);
}

// ---- receiving ----

bool good_control_size(Py_ssize_t size) {
  if (size >= 0 && size <= INT_MAX) return true;
  PyErr_SetString(PyExc_ValueError, "invalid ancillary data buffer length");
  return false;
}

PyObject* control_object(const control_buffer& control) {
  reference list(PyList_New(0));
  if (!list) return nullptr;
  bool cut = control.malformed();
  for (const auto& item : control) {
    cut = cut || item.truncated;
    const reference one(Py_BuildValue("iiy#", item.level, item.type, reinterpret_cast<const char*>(item.data.data()),
                                      static_cast<Py_ssize_t>(item.data.size())));
    if (!one || PyList_Append(list.get(), one.get()) != 0) return nullptr;
  }
  if (cut && PyErr_WarnEx(PyExc_RuntimeWarning, "received malformed or improperly-truncated ancillary data", 1) != 0)
    return nullptr;
  return list.release();
}

// Receives a message. data(size) creates the first element of the result. If an exception occurs, received descriptors
// are closed.
template <class F>
PyObject* receive(socket_object* self, std::vector<mutable_bytes>& into, std::size_t control_size, int flags, F data) {
  control_buffer control(control_size);
  address from;
  received got;
  if (!call(self, [&](afplug::socket& s, error_code& ec) { got = s.recvmsg(into, control, flags, &from, ec); }))
    return nullptr;
  const reference items(control_object(control));
  if (!items) return nullptr;
  const reference where(address_object(from, self->protocol()));
  if (!where) return nullptr;
  const reference first(data(got.size));
  if (!first) return nullptr;
  PyObject* result = Py_BuildValue("OOiO", first.get(), items.get(), got.flags, where.get());
  if (result) {
    control.take_rights();
    control.take_pidfd();
  }
  return result;
}

PyObject* recvmsg(PyObject* o, PyObject* args) {
  Py_ssize_t size = 0, control_size = 0;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "n|ni:recvmsg", &size, &control_size, &flags)) return nullptr;
  if (size < 0) return PyErr_SetString(PyExc_ValueError, "negative buffer size in recvmsg()"), nullptr;
  if (!good_control_size(control_size)) return nullptr;
  reference made(PyBytes_FromStringAndSize(nullptr, size));
  if (!made) return nullptr;
  std::vector<mutable_bytes> into{{PyBytes_AS_STRING(made.get()), static_cast<std::size_t>(size)}};
  return receive(self_of(o), into, static_cast<std::size_t>(control_size), flags, [&](std::size_t n) {
    return shortened(std::move(made), size, static_cast<Py_ssize_t>(std::min(n, into[0].size())));
  });
}

PyObject* recvmsg_into(PyObject* o, PyObject* args) {
  PyObject* buffers = nullptr;
  Py_ssize_t control_size = 0;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "O|ni:recvmsg_into", &buffers, &control_size, &flags)) return nullptr;
  const reference all = items_of(buffers, "recvmsg_into() argument 1 must be an iterable");
  if (!all) return nullptr;
  const auto n = PyTuple_GET_SIZE(all.get());
  std::vector<buffer> held(static_cast<std::size_t>(n));
  std::vector<mutable_bytes> into;
  for (Py_ssize_t i = 0; i < n; ++i) {
    auto& b = held[static_cast<std::size_t>(i)];
    if (!PyArg_Parse(PyTuple_GET_ITEM(all.get(), i),
                     "w*;recvmsg_into() argument 1 must be an iterable of single-segment read-write buffers",
                     static_cast<Py_buffer*>(&b)))
      return nullptr;
    into.emplace_back(b.buf, static_cast<std::size_t>(b.len));
  }
  if (!good_control_size(control_size)) return nullptr;
  return receive(self_of(o), into, static_cast<std::size_t>(control_size), flags,
                 [](std::size_t got) { return PyLong_FromSize_t(got); });
}

// ---- sending ----

// The buffers of a message, which are held until it is sent.
struct message_buffers {
  reference all;
  std::vector<buffer> held;
  std::vector<const_bytes> data;

  bool read(PyObject* from, const char* error_message) {
    all = items_of(from, error_message);
    if (!all) return false;
    const auto n = PyTuple_GET_SIZE(all.get());
    if (n > INT_MAX) {
      PyErr_SetString(PyExc_OSError, "sendmsg() argument 1 is too long");
      return false;
    }
    held = std::vector<buffer>(static_cast<std::size_t>(n));
    for (Py_ssize_t i = 0; i < n; ++i) {
      auto& b = held[static_cast<std::size_t>(i)];
      if (PyObject_GetBuffer(PyTuple_GET_ITEM(all.get(), i), &b, PyBUF_SIMPLE) != 0) return false;
      data.emplace_back(b.buf, static_cast<std::size_t>(b.len));
    }
    return true;
  }
};

bool read_control(PyObject* from, control_builder& to) {
  const reference all = items_of(from, "sendmsg() argument 2 must be an iterable");
  if (!all) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(all.get()); ++i) {
    int level = 0, type = 0;
    buffer data;
    if (!PyArg_Parse(PyTuple_GET_ITEM(all.get(), i), "(iiy*):[sendmsg() ancillary data items]", &level, &type,
                     static_cast<Py_buffer*>(&data)))
      return false;
    if (data.len > INT_MAX - 64) {
      PyErr_SetString(PyExc_OSError, "ancillary data item too large");
      return false;
    }
    if (to.bytes().size() + static_cast<std::size_t>(data.len) > INT_MAX - 64) {
      PyErr_SetString(PyExc_OSError, "too much ancillary data");
      return false;
    }
    to.add(level, type, data.buf, static_cast<std::size_t>(data.len));
  }
  return true;
}

PyObject* send_message(socket_object* self, const message_buffers& p, const control_builder& control, int flags,
                       const address* to) {
  std::size_t n = 0;
  if (!call(self, [&](afplug::socket& s, error_code& ec) { n = s.sendmsg(p.data, control, flags, to, ec); }))
    return nullptr;
  return PyLong_FromSize_t(n);
}

PyObject* sendmsg(PyObject* o, PyObject* args) {
  auto* self = self_of(o);
  PyObject *data = nullptr, *ancillary = nullptr, *where = nullptr;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "O|OiO:sendmsg", &data, &ancillary, &flags, &where)) return nullptr;
  address to;
  const bool addressed = where && where != Py_None;
  if (addressed && !read_address(*self->module, self->protocol(), self->sock_family, where, to, "sendmsg"))
    return nullptr;
  if (PySys_Audit("socket.sendmsg", "OO", o, addressed ? where : Py_None) < 0) return nullptr;
  message_buffers p;
  if (!p.read(data, "sendmsg() argument 1 must be an iterable")) return nullptr;
  control_builder control;
  if (ancillary && !read_control(ancillary, control)) return nullptr;
  return send_message(self, p, control, flags, addressed ? &to : nullptr);
}

PyObject* sendmsg_afalg(PyObject* o, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"msg", "op", "iv", "assoclen", "flags", nullptr};
  auto* self = self_of(o);
  if (self->sock_family != AF_ALG) {
    PyErr_SetString(PyExc_OSError, "algset is only supported for AF_ALG");
    return nullptr;
  }
  PyObject *data = nullptr, *op = nullptr, *associated = nullptr;
  buffer iv;
  int flags = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$O!y*O!i:sendmsg_afalg", const_cast<char**>(names), &data,
                                   &PyLong_Type, &op, static_cast<Py_buffer*>(&iv), &PyLong_Type, &associated, &flags))
    return nullptr;
  if (!op) return PyErr_SetString(PyExc_TypeError, "Invalid or missing argument 'op'"), nullptr;
  const int operation = as_int(op);
  if (operation == -1 && PyErr_Occurred()) return nullptr;
  if (operation < 0) return PyErr_SetString(PyExc_TypeError, "Invalid or missing argument 'op'"), nullptr;
  std::optional<int> length;
  if (associated) {
    length = as_int(associated);
    if (*length == -1 && PyErr_Occurred()) return nullptr;
    if (*length < 0) return PyErr_SetString(PyExc_TypeError, "assoclen must be positive"), nullptr;
  }
  message_buffers p;
  if (data && !p.read(data, "sendmsg_afalg() argument 1 must be an iterable")) return nullptr;
  control_builder control;
  control.add(SOL_ALG, ALG_SET_OP, static_cast<std::uint32_t>(operation));
  if (iv.buf) {
    const auto size = static_cast<std::uint32_t>(iv.len);
    std::vector<std::byte> vector(sizeof size + size);
    std::memcpy(vector.data(), &size, sizeof size);
    std::memcpy(vector.data() + sizeof size, iv.buf, size);
    control.add(SOL_ALG, ALG_SET_IV, vector.data(), vector.size());
  }
  if (length) control.add(SOL_ALG, ALG_SET_AEAD_ASSOCLEN, static_cast<std::uint32_t>(*length));
  return send_message(self, p, control, flags, nullptr);
}

}  // namespace

PyMethodDef message_methods[] = {
    method<recvmsg>("recvmsg", METH_VARARGS,
                    "recvmsg(size[, ancillary_size[, flags]]) -> (data, ancillary, flags, address)"),
    method<recvmsg_into>("recvmsg_into", METH_VARARGS,
                         "recvmsg_into(buffers[, ancillary_size[, flags]]) -> (size, ancillary, flags, address)"),
    method<sendmsg>("sendmsg", METH_VARARGS, "sendmsg(buffers[, ancillary[, flags[, address]]]) -> size"),
    method<sendmsg_afalg>("sendmsg_afalg", METH_VARARGS | METH_KEYWORDS,
                          "sendmsg_afalg([buffers], *, op[, iv[, assoclen[, flags]]]) -> size"),
    {},
};

}  // namespace afplug::python
