// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Socket methods: connections, addresses, timeout, closing.
#include <algorithm>

#include "address.hpp"
#include "socket_object.hpp"

namespace afplug::python {
namespace {

bool audit(const char* event, PyObject* self, PyObject* to) { return PySys_Audit(event, "OO", self, to) == 0; }

PyObject* accept(PyObject* o, PyObject*) {
  auto* self = self_of(o);
  address peer;
  afplug::socket made;
  if (!call(self, [&](afplug::socket& s, error_code& ec) { made = s.accept(peer, ec); })) return nullptr;
  const reference from(address_object(peer, self->protocol()));
  if (!from) return nullptr;
  if (made.in_user_space())
    return Py_BuildValue("iO", store_detached(std::make_shared<afplug::socket>(std::move(made))), from.get());
  error_code ec;
  return Py_BuildValue("iO", made.detach(ec), from.get());
}

PyObject* bind(PyObject* o, PyObject* where) {
  auto* self = self_of(o);
  address to;
  if (!read_address(*self->module, self->protocol(), self->sock_family, where, to, "bind") ||
      !audit("socket.bind", o, where))
    return nullptr;
  if (!call(self, [&](afplug::socket& s, error_code& ec) { s.bind(to, ec); })) return nullptr;
  Py_RETURN_NONE;
}

PyObject* connect(PyObject* o, PyObject* where) {
  auto* self = self_of(o);
  address to;
  if (!read_address(*self->module, self->protocol(), self->sock_family, where, to, "connect") ||
      !audit("socket.connect", o, where))
    return nullptr;
  if (!call(self, [&](afplug::socket& s, error_code& ec) { s.connect(to, ec); })) return nullptr;
  Py_RETURN_NONE;
}

PyObject* connect_ex(PyObject* o, PyObject* where) {
  auto* self = self_of(o);
  address to;
  if (!read_address(*self->module, self->protocol(), self->sock_family, where, to, "connect_ex") ||
      !audit("socket.connect", o, where))
    return nullptr;
  const auto s = self->socket;
  if (!s) return PyLong_FromLong(EBADF);
  error_code ec;
  try {
    const gil_scoped_release released;
    s->connect(to, ec);
  } catch (...) {
    return raise_current();
  }
  if (ec == errc::timed_out) return PyLong_FromLong(EWOULDBLOCK);
  if (ec && ec.category() != boost::system::system_category()) return raise(ec);
  return PyLong_FromLong(ec.value());
}

PyObject* listen(PyObject* o, PyObject* args) {
  int backlog = std::min(SOMAXCONN, 128);
  if (!PyArg_ParseTuple(args, "|i:listen", &backlog)) return nullptr;
  backlog = std::max(backlog, 0);
  if (!call(self_of(o), [&](afplug::socket& s, error_code& ec) { s.listen(backlog, ec); })) return nullptr;
  Py_RETURN_NONE;
}

PyObject* shutdown(PyObject* o, PyObject* arg) {
  const int how = as_int(arg);
  if (how == -1 && PyErr_Occurred()) return nullptr;
  if (!call(self_of(o), [&](afplug::socket& s, error_code& ec) { s.shutdown(how, ec); })) return nullptr;
  Py_RETURN_NONE;
}

PyObject* getsockname(PyObject* o, PyObject*) {
  auto* self = self_of(o);
  address a;
  if (!call(self, [&](afplug::socket& s, error_code& ec) { a = s.getsockname(ec); })) return nullptr;
  return address_object(a, self->protocol());
}

PyObject* getpeername(PyObject* o, PyObject*) {
  auto* self = self_of(o);
  address a;
  if (!call(self, [&](afplug::socket& s, error_code& ec) { a = s.getpeername(ec); })) return nullptr;
  return address_object(a, self->protocol());
}

PyObject* close(PyObject* o, PyObject*) {
  auto* self = self_of(o);
  const auto s = std::move(self->socket);
  self->socket = nullptr;
  self->sock_fd = -1;
  error_code ec;
  if (s) {
    const gil_scoped_release released;
    // In user space, a call that is running in another thread keeps the socket open until it returns.
    if (!s->in_user_space() || s.use_count() == 1) s->close(ec);
  }
  if (ec) return raise(ec);
  Py_RETURN_NONE;
}

PyObject* detach(PyObject* o, PyObject*) {
  auto* self = self_of(o);
  const int fd = self->sock_fd;
  const auto s = std::move(self->socket);
  self->socket = nullptr;
  self->sock_fd = -1;
  error_code ec;
  if (s && s->in_user_space())
    store_detached(s);
  else if (s)
    static_cast<void>(s->detach(ec));
  return PyLong_FromLong(fd);
}

PyObject* fileno(PyObject* o, PyObject*) { return PyLong_FromLong(self_of(o)->sock_fd); }

PyObject* set_mode(socket_object* self, std::int64_t t) {
  if (!call(self, [&](afplug::socket& s, error_code& ec) { s.timeout(to_duration(t), ec); })) return nullptr;
  self->sock_timeout = t;
  Py_RETURN_NONE;
}

PyObject* setblocking(PyObject* o, PyObject* arg) {
  const int on = PyObject_IsTrue(arg);
  return on < 0 ? nullptr : set_mode(self_of(o), on ? -1 : 0);
}

PyObject* getblocking(PyObject* o, PyObject*) { return PyBool_FromLong(self_of(o)->sock_timeout != 0); }

PyObject* settimeout(PyObject* o, PyObject* arg) {
  std::int64_t t = -1;
  return read_timeout(arg, t) ? set_mode(self_of(o), t) : nullptr;
}

PyObject* gettimeout(PyObject* o, PyObject*) { return timeout_object(self_of(o)->sock_timeout); }

}  // namespace

PyMethodDef connection_methods[] = {
    {"_accept", accept, METH_NOARGS, "_accept() -> (descriptor, address)"},
    {"bind", bind, METH_O, "bind(address)"},
    {"close", close, METH_NOARGS, "close()"},
    {"connect", connect, METH_O, "connect(address)"},
    {"connect_ex", connect_ex, METH_O, "connect_ex(address) -> errno, 0 for success"},
    {"detach", detach, METH_NOARGS, "detach() -> descriptor, which the caller must close"},
    {"fileno", fileno, METH_NOARGS, "fileno() -> descriptor, -1 if closed"},
    {"getblocking", getblocking, METH_NOARGS, "getblocking() -> False if the timeout is 0, else True"},
    {"getpeername", getpeername, METH_NOARGS, "getpeername() -> address"},
    {"getsockname", getsockname, METH_NOARGS, "getsockname() -> address"},
    {"gettimeout", gettimeout, METH_NOARGS, "gettimeout() -> seconds or None"},
    {"listen", listen, METH_VARARGS, "listen([backlog])"},
    {"setblocking", setblocking, METH_O, "setblocking(flag)"},
    {"settimeout", settimeout, METH_O, "settimeout(seconds or None)"},
    {"shutdown", shutdown, METH_O, "shutdown(how)"},
    {},
};

}  // namespace afplug::python
