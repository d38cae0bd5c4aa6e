// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Socket methods that send or receive one buffer.
#include <poll.h>

#include <algorithm>

#include "address.hpp"
#include "socket_object.hpp"

namespace afplug::python {
namespace {

PyObject* count(std::size_t n) { return PyLong_FromSize_t(n); }

PyObject* send(PyObject* o, PyObject* args) {
  buffer data;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "y*|i:send", static_cast<Py_buffer*>(&data), &flags)) return nullptr;
  std::size_t n = 0;
  const const_bytes all(data.buf, static_cast<std::size_t>(data.len));
  if (!call(self_of(o), [&](afplug::socket& s, error_code& ec) { n = s.send(all, flags, ec); })) return nullptr;
  return count(n);
}

PyObject* sendall(PyObject* o, PyObject* args) {
  buffer data;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "y*|i:sendall", static_cast<Py_buffer*>(&data), &flags)) return nullptr;
  const auto* at = static_cast<const char*>(data.buf);
  auto left = static_cast<std::size_t>(data.len);
  using clock = std::chrono::steady_clock;
  auto* self = self_of(o);
  const auto limit = load(self->sock_timeout);
  const auto until =
      clock::now() + std::chrono::nanoseconds(limit > 0 ? std::min<std::int64_t>(limit, INT64_MAX / 4) : 0);
  // Send in parts, so that Python's signal handlers run between them.
  do {
    if (limit > 0 && clock::now() >= until) return raise(make_error_code(errc::timed_out));
    std::size_t n = 0;
    if (!call(self, [&](afplug::socket& s, error_code& ec) {
          if (limit <= 0) {
            n = s.send(const_bytes(at, left), flags, ec);
            return;
          }
          // The timeout applies to the whole call: wait only for the remaining time.
          n = s.send(const_bytes(at, left), flags | MSG_DONTWAIT, ec);
          if (!ec || (ec != boost::system::errc::operation_would_block &&
                      ec != boost::system::errc::resource_unavailable_try_again))
            return;
          ec.clear();
          s.wait(POLLOUT, std::max(until - clock::now(), clock::duration::zero()), ec);
        }))
      return nullptr;
    at += n;
    left -= n;
    if (PyErr_CheckSignals() != 0) return nullptr;
  } while (left > 0);
  Py_RETURN_NONE;
}

PyObject* sendto(PyObject* o, PyObject* args) {
  auto* self = self_of(o);
  buffer data;
  int flags = 0;
  PyObject* where = nullptr;
  const auto given = PyTuple_Size(args);
  if (given == 2) {
    if (!PyArg_ParseTuple(args, "y*O:sendto", static_cast<Py_buffer*>(&data), &where)) return nullptr;
  } else if (given == 3) {
    if (!PyArg_ParseTuple(args, "y*iO:sendto", static_cast<Py_buffer*>(&data), &flags, &where)) return nullptr;
  } else {
    return PyErr_Format(PyExc_TypeError, "sendto() takes 2 or 3 arguments (%zd given)", given);
  }
  address to;
  if (!read_address(*self->module, self->protocol(), self->sock_family, where, to, "sendto")) return nullptr;
  if (PySys_Audit("socket.sendto", "OO", o, where) < 0) return nullptr;
  std::size_t n = 0;
  const const_bytes all(data.buf, static_cast<std::size_t>(data.len));
  if (!call(self, [&](afplug::socket& s, error_code& ec) { n = s.sendto(all, to, flags, ec); })) return nullptr;
  return count(n);
}

// Receives into a new bytes object. `from` receives the sender's address if it is not null.
PyObject* receive(socket_object* self, Py_ssize_t size, int flags, address* from) {
  reference made(PyBytes_FromStringAndSize(nullptr, size));
  if (!made) return nullptr;
  const mutable_bytes into(PyBytes_AS_STRING(made.get()), static_cast<std::size_t>(size));
  std::size_t n = 0;
  if (!call(self, [&](afplug::socket& s, error_code& ec) {
        n = from ? s.recvfrom(into, *from, flags, ec) : s.recv(into, flags, ec);
      }))
    return nullptr;
  return shortened(std::move(made), size, static_cast<Py_ssize_t>(std::min(n, into.size())));
}

PyObject* recv(PyObject* o, PyObject* args) {
  Py_ssize_t size = 0;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "n|i:recv", &size, &flags)) return nullptr;
  if (size < 0) return PyErr_SetString(PyExc_ValueError, "negative buffersize in recv"), nullptr;
  if (size == 0) return PyBytes_FromStringAndSize(nullptr, 0);
  return receive(self_of(o), size, flags, nullptr);
}

PyObject* recvfrom(PyObject* o, PyObject* args) {
  Py_ssize_t size = 0;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "n|i:recvfrom", &size, &flags)) return nullptr;
  if (size < 0) return PyErr_SetString(PyExc_ValueError, "negative buffersize in recvfrom"), nullptr;
  address from;
  const reference data(receive(self_of(o), size, flags, &from));
  if (!data) return nullptr;
  const reference where(address_object(from, self_of(o)->protocol()));
  return where ? PyTuple_Pack(2, data.get(), where.get()) : nullptr;
}

// Implements recv_into and recvfrom_into (`named`). Returns false with an exception set if it fails.
bool receive_into(socket_object* self, PyObject* args, PyObject* kwargs, bool named, std::size_t& got, address* from) {
  static const char* names[] = {"buffer", "nbytes", "flags", nullptr};
  buffer into;
  Py_ssize_t size = 0;
  int flags = 0;
  const char* const format = named ? "w*|ni:recvfrom_into" : "w*|ni:recv_into";
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, const_cast<char**>(names), static_cast<Py_buffer*>(&into),
                                   &size, &flags))
    return false;
  if (size < 0) {
    PyErr_SetString(PyExc_ValueError,
                    named ? "negative buffersize in recvfrom_into" : "negative buffersize in recv_into");
    return false;
  }
  if (size == 0) size = into.len;
  if (size > into.len) {
    PyErr_SetString(PyExc_ValueError,
                    named ? "nbytes is greater than the length of the buffer" : "buffer too small for requested bytes");
    return false;
  }
  if (size == 0 && !named) return true;
  const mutable_bytes target(into.buf, static_cast<std::size_t>(size));
  return call(self, [&](afplug::socket& s, error_code& ec) {
    got = from ? s.recvfrom(target, *from, flags, ec) : s.recv(target, flags, ec);
  });
}

PyObject* recv_into(PyObject* o, PyObject* args, PyObject* kwargs) {
  std::size_t n = 0;
  return receive_into(self_of(o), args, kwargs, false, n, nullptr) ? count(n) : nullptr;
}

PyObject* recvfrom_into(PyObject* o, PyObject* args, PyObject* kwargs) {
  std::size_t n = 0;
  address from;
  if (!receive_into(self_of(o), args, kwargs, true, n, &from)) return nullptr;
  const reference where(address_object(from, self_of(o)->protocol()));
  return where ? Py_BuildValue("nO", static_cast<Py_ssize_t>(n), where.get()) : nullptr;
}

}  // namespace

PyMethodDef data_methods[] = {
    method<recv>("recv", METH_VARARGS, "recv(size[, flags]) -> bytes"),
    method<recv_into>("recv_into", METH_VARARGS | METH_KEYWORDS, "recv_into(buffer[, nbytes[, flags]]) -> size"),
    method<recvfrom>("recvfrom", METH_VARARGS, "recvfrom(size[, flags]) -> (bytes, address)"),
    method<recvfrom_into>("recvfrom_into", METH_VARARGS | METH_KEYWORDS,
                          "recvfrom_into(buffer[, nbytes[, flags]]) -> (size, address)"),
    method<send>("send", METH_VARARGS, "send(data[, flags]) -> size"),
    method<sendall>("sendall", METH_VARARGS, "sendall(data[, flags])"),
    method<sendto>("sendto", METH_VARARGS, "sendto(data[, flags], address) -> size"),
    {},
};

}  // namespace afplug::python
