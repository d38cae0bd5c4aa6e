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
  const int fd = detach_new(std::move(made));
  if (fd < 0) return nullptr;
  PyObject* result = Py_BuildValue("iO", fd, from.get());
  if (!result) close_detached(fd);
  return result;
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
  const auto s = self->socket.load();
  if (!s) return PyLong_FromLong(EBADF);
  error_code ec;
  {
    const gil_scoped_release released;
    s->connect(to, ec);
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
  if (const auto ec = close_now(self_of(o))) return raise(ec);
  Py_RETURN_NONE;
}

PyObject* detach(PyObject* o, PyObject*) {
  auto* self = self_of(o);
  reference fd(PyLong_FromLong(load(self->sock_fd)));
  const auto s = fd ? self->socket.load() : nullptr;
  if (!s) return fd.release();
  if (s->in_user_space()) store_detached(load(self->sock_fd), s);
  self->socket.store(nullptr);
  store(self->sock_fd, -1);
  error_code ec;
  if (!s->in_user_space()) static_cast<void>(s->detach(ec));
  return fd.release();
}

PyObject* fileno(PyObject* o, PyObject*) { return PyLong_FromLong(load(self_of(o)->sock_fd)); }

PyObject* set_mode(socket_object* self, std::int64_t t) {
  if (!call(self, [&](afplug::socket& s, error_code& ec) { s.timeout(to_duration(t), ec); })) return nullptr;
  store(self->sock_timeout, t);
  Py_RETURN_NONE;
}

PyObject* setblocking(PyObject* o, PyObject* arg) {
#if AFPLUG_PYTHON_MESSAGES >= 0x030C0000
  const int on = PyObject_IsTrue(arg);
  if (on < 0) return nullptr;
#else
  const long on = PyLong_AsLong(arg);
  if (on == -1 && PyErr_Occurred()) return nullptr;
#endif
  return set_mode(self_of(o), on != 0 ? -1 : 0);
}

PyObject* getblocking(PyObject* o, PyObject*) { return PyBool_FromLong(load(self_of(o)->sock_timeout) != 0); }

PyObject* settimeout(PyObject* o, PyObject* arg) {
  std::int64_t t = -1;
  return read_timeout(arg, t) ? set_mode(self_of(o), t) : nullptr;
}

PyObject* gettimeout(PyObject* o, PyObject*) { return timeout_object(load(self_of(o)->sock_timeout)); }

}  // namespace

PyMethodDef connection_methods[] = {
    method<accept>("_accept", METH_NOARGS, "_accept() -> (descriptor, address)"),
    method<bind>("bind", METH_O, "bind(address)"),
    method<close>("close", METH_NOARGS, "close()"),
    method<connect>("connect", METH_O, "connect(address)"),
    method<connect_ex>("connect_ex", METH_O, "connect_ex(address) -> errno, 0 for success"),
    method<detach>("detach", METH_NOARGS, "detach() -> descriptor, which the caller must close"),
    method<fileno>("fileno", METH_NOARGS, "fileno() -> descriptor, -1 if closed"),
    method<getblocking>("getblocking", METH_NOARGS, "getblocking() -> False if the timeout is 0, else True"),
    method<getpeername>("getpeername", METH_NOARGS, "getpeername() -> address"),
    method<getsockname>("getsockname", METH_NOARGS, "getsockname() -> address"),
    method<gettimeout>("gettimeout", METH_NOARGS, "gettimeout() -> seconds or None"),
    method<listen>("listen", METH_VARARGS, "listen([backlog])"),
    method<setblocking>("setblocking", METH_O, "setblocking(flag)"),
    method<settimeout>("settimeout", METH_O, "settimeout(seconds or None)"),
    method<shutdown>("shutdown", METH_O, "shutdown(how)"),
    {},
};

}  // namespace afplug::python
