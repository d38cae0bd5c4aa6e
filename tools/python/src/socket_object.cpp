// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "socket_object.hpp"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <structmember.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <afplug/registry.hpp>
#include <cmath>
#include <cstddef>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

namespace afplug::python {

// ---- sockets of families in user space, by descriptor ----

namespace {

// Protects the two tables below: subinterpreters with a GIL of their own share the descriptors of the process.
std::mutex& descriptor_mutex() {
  static auto& it = *new std::mutex;
  return it;
}

// Holds the mutex across fork: close() takes it without the GIL, so that os.fork() in another thread could leave it
// locked in the child.
[[maybe_unused]] const int fork_handlers = ::pthread_atfork(
    [] { descriptor_mutex().lock(); }, [] { descriptor_mutex().unlock(); }, [] { descriptor_mutex().unlock(); });

std::unordered_map<int, std::shared_ptr<afplug::socket>>& detached_sockets() {
  static auto& it = *new std::unordered_map<int, std::shared_ptr<afplug::socket>>;
  return it;
}

std::unordered_map<int, std::weak_ptr<afplug::socket>>& user_sockets() {
  static auto& it = *new std::unordered_map<int, std::weak_ptr<afplug::socket>>;
  return it;
}

// Whether two descriptors are of one open file description. Where the kernel has no kcmp(2), or forbids it: of one
// inode, which all eventfds share.
bool same_open_file(int a, int b) noexcept {
  struct ::stat first {
  }, second{};
  if (::fstat(a, &first) != 0 || ::fstat(b, &second) != 0) return false;
  if (first.st_dev != second.st_dev || first.st_ino != second.st_ino) return false;
  const auto pid = ::getpid();
  return ::syscall(SYS_kcmp, pid, pid, KCMP_FILE, a, b) <= 0;
}

using sockets = std::vector<std::shared_ptr<afplug::socket>>;

// Moves the sockets whose descriptor the program has closed to `out`, to be destroyed without the lock.
void remove_closed(sockets& out) {
  auto& all = detached_sockets();
  out.reserve(all.size());
  std::erase_if(all, [&](auto& entry) {
    if (same_open_file(entry.first, entry.second->fileno())) return false;
    out.push_back(std::move(entry.second));
    return true;
  });
}

}  // namespace

void store_detached(int fd, std::shared_ptr<afplug::socket> s) {
  sockets closed;
  const std::lock_guard lock(descriptor_mutex());
  remove_closed(closed);
  user_sockets()[fd] = s;
  detached_sockets()[fd].swap(s);  // a socket that was under that number is destroyed after unlocking
}

std::shared_ptr<afplug::socket> find_detached(int fd) {
  const std::lock_guard lock(descriptor_mutex());
  const auto at = detached_sockets().find(fd);
  const bool ours = at != detached_sockets().end() && same_open_file(fd, at->second->fileno());
  return ours ? at->second : nullptr;
}

std::shared_ptr<afplug::socket> remove_detached(int fd) {
  auto node = [fd] {
    const std::lock_guard lock(descriptor_mutex());
    return detached_sockets().extract(fd);
  }();
  return node && same_open_file(fd, node.mapped()->fileno()) ? std::move(node.mapped()) : nullptr;
}

int close_detached(int fd) {
  const auto s = remove_detached(fd);
  return ::close(fd) == 0 ? 0 : errno;
}

std::shared_ptr<afplug::socket> find_user_socket(int fd) {
  const auto s = [fd] {
    const std::lock_guard lock(descriptor_mutex());
    const auto at = user_sockets().find(fd);
    return at == user_sockets().end() ? nullptr : at->second.lock();
  }();
  return s && same_open_file(fd, s->fileno()) ? s : nullptr;
}

namespace {

// A new descriptor, which is closed unless it is released.
class descriptor {
 public:
  // Duplicates the socket's descriptor. is_open() is false with an exception set if it fails.
  explicit descriptor(const afplug::socket& s) : fd_(::fcntl(s.fileno(), F_DUPFD_CLOEXEC, 0)) {
    if (fd_ < 0) raise_errno();
  }
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  bool is_open() const noexcept { return fd_ >= 0; }
  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

}  // namespace

int detach_new(afplug::socket s) {
  error_code ec;
  if (!s.in_user_space()) return s.detach(ec);
  descriptor own(s);
  if (own.is_open()) store_detached(own.get(), std::make_shared<afplug::socket>(std::move(s)));
  return own.release();
}

error_code close_now(socket_object* self) {
  const auto s = self->socket.exchange(nullptr);
  error_code ec;
  if (!s) return ec;
  const int fd = load(self->sock_fd);
  store(self->sock_fd, -1);
  const gil_scoped_release released;
  if (s->in_user_space()) ::close(fd);
  // In user space, a call that is running in another thread keeps the socket open until it returns.
  if (!s->in_user_space() || s.use_count() == 1) s->close(ec);
  return ec;
}

basic_protocol socket_object::protocol() const {
  const auto s = socket.load();
  if (s && s->owner() && s->family() == sock_family) return s->what();
  error_code ec;
  const auto* f = registry::global().family(sock_family, ec);
  return f ? basic_protocol(*f, socket_type(sock_type), sock_proto)
           : basic_protocol(sock_family, socket_type(sock_type), sock_proto);
}

// ---- families ----

bool family_argument::read_id(PyObject* from) {
  Py_ssize_t size = 0;
  const char* text_form = PyUnicode_AsUTF8AndSize(from, &size);
  if (!text_form) return false;
  id.assign(text_form, static_cast<std::size_t>(size));
  error_code ec;
  number = registry::global().number(id, ec);
  if (ec == errc::unknown_family) {
    if (const reference value(Py_BuildValue("(is)", EAFNOSUPPORT, std::string(last_detail()).c_str())); value)
      PyErr_SetObject(PyExc_OSError, value.get());
  } else if (ec) {
    raise(ec);
  }
  return !ec;
}

const afplug::family* family_argument::find(error_code& ec) const {
  return id.empty() ? registry::global().family(number, ec) : registry::global().family(id, ec);
}

// ---- timeouts ----

namespace {

constexpr const char* too_large = AFPLUG_PYTHON_MESSAGES >= 0x030D0000
                                      ? "timestamp too large to convert to C PyTime_t"
                                      : "timestamp too large to convert to C _PyTime_t";

}  // namespace

bool read_timeout(PyObject* from, std::int64_t& nanoseconds) {
  if (from == Py_None) {
    nanoseconds = -1;
    return true;
  }
  if (PyFloat_Check(from)) {
    const double seconds = PyFloat_AS_DOUBLE(from);
    if (std::isnan(seconds)) {
      PyErr_SetString(PyExc_ValueError, "Invalid value NaN (not a number)");
      return false;
    }
    // Round away from zero, so that a timeout is never shorter than requested (ROUND_TIMEOUT of CPython).
    const double exact = seconds * 1e9;
    const double rounded = exact < 0 ? std::floor(exact) : std::ceil(exact);
    if (!(rounded < 9223372036854775808.0 && rounded >= -9223372036854775808.0)) {
      PyErr_SetString(PyExc_OverflowError,
                      AFPLUG_PYTHON_MESSAGES >= 0x030C0000 ? "timestamp out of range for platform time_t" : too_large);
      return false;
    }
    nanoseconds = static_cast<std::int64_t>(rounded);
  } else {
    long long seconds = PyLong_AsLongLong(from);
    if (seconds == -1 && PyErr_Occurred()) {
      if (PyErr_ExceptionMatches(PyExc_OverflowError)) PyErr_SetString(PyExc_OverflowError, too_large);
      return false;
    }
    if (__builtin_mul_overflow(seconds, 1000000000LL, &seconds)) {
      PyErr_SetString(PyExc_OverflowError, too_large);
      return false;
    }
    nanoseconds = seconds;
  }
  if (nanoseconds >= 0) return true;
  PyErr_SetString(PyExc_ValueError, "Timeout value out of range");
  return false;
}

std::int64_t default_timeout(const state& m) noexcept {
  if (const auto set = load(m.default_timeout); set != state::no_default_timeout) return set;
  const auto t = afplug::socket::default_timeout();
  return t ? t->count() : -1;
}

PyObject* timeout_object(std::int64_t nanoseconds) {
  if (nanoseconds < 0) Py_RETURN_NONE;
  return PyFloat_FromDouble(static_cast<double>(nanoseconds) / 1e9);
}

// ---- creation and destruction ----

namespace {

// Sets the default timeout of new sockets. Returns false with an exception set if it fails. Does nothing with
// SOCK_NONBLOCK, nor for an adopted socket if there is no default timeout.
bool apply_default_timeout(const state& m, afplug::socket& s, int type, bool adopted) {
  const auto limit = default_timeout(m);
  if ((type & SOCK_NONBLOCK) != 0 || (limit < 0 && (adopted || !afplug::socket::default_timeout()))) return true;
  error_code ec;
  s.timeout(to_duration(limit), ec);
  if (ec) raise(ec);
  return !ec;
}

// Makes `s`, whose descriptor for Python is `fd`, the object's socket.
void attach(socket_object* self, std::shared_ptr<afplug::socket> s, int fd, int family, int type, int proto) {
  if (s->in_user_space()) {
    const std::lock_guard lock(descriptor_mutex());
    user_sockets()[fd] = s;
  }
  close_now(self);  // where __init__ is called again
  store(self->sock_fd, fd);
  self->sock_family = family;
  self->sock_type = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  self->sock_proto = proto;
  self->errorhandler = raise_errno;
  store(self->sock_timeout, (type & SOCK_NONBLOCK) != 0 ? 0 : default_timeout(*self->module));
  self->socket.store(std::move(s));
}

// The same for a new socket. Returns false with an exception set if it fails.
bool attach_new(socket_object* self, afplug::socket made, int family, int type, int proto) {
  auto s = std::make_shared<afplug::socket>(std::move(made));
  if (!s->in_user_space()) {
    const int fd = s->fileno();
    attach(self, std::move(s), fd, family, type, proto);
    return true;
  }
  descriptor own(*s);
  if (!own.is_open()) return false;
  attach(self, std::move(s), own.get(), family, type, proto);
  static_cast<void>(own.release());
  return true;
}

// Calls socket(2). Families choose a default protocol where CPython passes 0 to the kernel, which may refuse it.
afplug::socket open_natively(int family, int type, int proto, error_code& ec) {
  const int fd = ::socket(family, type | SOCK_CLOEXEC, proto);
  if (fd >= 0) return afplug::socket::adopt(fd, family, socket_type(type), proto, ec);
  ec.assign(errno, boost::system::system_category());
  return {};
}

bool open(socket_object* self, family_argument family, int type, int proto) {
  if (family.number == -1) family.number = AF_INET;
  if (type == -1) type = SOCK_STREAM;
  if (proto == -1) proto = 0;
  afplug::socket s;
  const bool opened = checked([&](error_code& ec) {
    const gil_scoped_release released;
    const auto* f = family.find(ec);
    if (!f) return;
    const bool has_default =
        family.id.empty() && f->has_kernel_number() && f->native(socket_type(type), proto).protocol != proto;
    s = has_default ? open_natively(family.number, type, proto, ec)
                    : afplug::socket::open(*f, socket_type(type), proto, ec);
  });
  if (!opened || !apply_default_timeout(*self->module, s, type, false)) return false;
  return attach_new(self, std::move(s), family.number, type, proto);
}

bool adopt(socket_object* self, PyObject* number, int family, int type, int proto) {
  const int fd = as_int(number);
  if (fd == -1 && PyErr_Occurred()) return false;
  if (fd < 0) {
    PyErr_SetString(PyExc_ValueError, "negative file descriptor");
    return false;
  }
  if (auto s = find_detached(fd)) {
    const int f = family == -1 ? s->family() : family, t = type == -1 ? s->type() : type;
    const int p = proto == -1 ? s->protocol() : proto;
    if (!apply_default_timeout(*self->module, *s, t, false)) return false;
    attach(self, std::move(s), fd, f, t, p);
    remove_detached(fd);
    return true;
  }
  const auto s = std::make_shared<afplug::socket>();
  const bool adopted = checked([&](error_code& ec) {
    *s = afplug::socket::adopt(fd, family, socket_type(type), proto, ec);
    // If no plugin provides the given family, use the family of the descriptor. CPython does not check the argument.
    if (ec && ec.category() != boost::system::system_category() && family != -1)
      *s = afplug::socket::adopt(fd, -1, socket_type(type), proto, ec);
  });
  if (!adopted) return false;
  if (!apply_default_timeout(*self->module, *s, type == -1 ? s->type() : type, true)) {
    error_code ec;
    static_cast<void>(s->detach(ec));
    return false;
  }
  attach(self, s, fd, family == -1 ? s->family() : family, type == -1 ? s->type() : type,
         proto == -1 ? s->protocol() : proto);
  return true;
}

PyObject* type_new(PyTypeObject* type, PyObject*, PyObject*) {
  state* m = state_of(type);
  if (!m) return nullptr;
  PyObject* made = type->tp_alloc(type, 0);
  if (!made) return nullptr;
  auto* self = self_of(made);
  new (&self->socket) std::atomic<std::shared_ptr<afplug::socket>>;
  self->sock_fd = -1;
  self->sock_timeout = -1;
  self->errorhandler = raise_errno;
  self->module = m;
  return made;
}

int type_init(PyObject* o, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"family", "type", "proto", "fileno", nullptr};
  family_argument family;
  int type = -1, proto = -1;
  PyObject *given = nullptr, *fileno = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO&O&O:socket", const_cast<char**>(names), &given, convert_int,
                                   &type, convert_int, &proto, &fileno))
    return -1;
  if (given && (PyUnicode_Check(given) ? !family.read_id(given) : convert_int(given, &family.number) == 0)) return -1;
  if (PySys_Audit("socket.__new__", "Oiii", o, family.number, type, proto) < 0) return -1;
  auto* self = self_of(o);
  const bool done =
      fileno && fileno != Py_None ? adopt(self, fileno, family.number, type, proto) : open(self, family, type, proto);
  return done ? 0 : -1;
}

void type_finalize(PyObject* o) {
  auto* self = self_of(o);
  if (!self->socket.load()) return;
  const saved_exception pending;
  if (PyErr_ResourceWarning(o, 1, "unclosed %R", o) != 0 && PyErr_ExceptionMatches(PyExc_Warning)) {
#if PY_VERSION_HEX >= 0x030D0000 && AFPLUG_PYTHON_MESSAGES >= 0x030E0000
    PyErr_FormatUnraisable("Exception ignored while finalizing socket %R", o);
#else
    PyErr_WriteUnraisable(o);
#endif
  }
  close_now(self);
}

int type_traverse(PyObject* o, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(o));
  return 0;
}

void type_dealloc(PyObject* o) {
  if (PyObject_CallFinalizerFromDealloc(o) < 0) return;
  auto* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  std::destroy_at(&self_of(o)->socket);
  type->tp_free(o);
  Py_DECREF(type);
}

PyObject* type_repr(PyObject* o) {
  const auto* self = self_of(o);
  return PyUnicode_FromFormat("<socket object, fd=%ld, family=%d, type=%d, proto=%d>", static_cast<long>(self->sock_fd),
                              self->sock_family, self->sock_type, self->sock_proto);
}

PyObject* get_timeout(PyObject* o, void*) { return timeout_object(load(self_of(o)->sock_timeout)); }

PyMemberDef members[] = {
    {"family", T_INT, offsetof(socket_object, sock_family), READONLY, "the socket family"},
    {"type", T_INT, offsetof(socket_object, sock_type), READONLY, "the socket type"},
    {"proto", T_INT, offsetof(socket_object, sock_proto), READONLY, "the socket protocol"},
    {},
};

PyGetSetDef properties[] = {
    {"timeout", entry_point<get_timeout>::call, nullptr, "the socket timeout", nullptr},
    {},
};

// The methods of all files in one table, as Py_tp_methods needs it.
std::vector<PyMethodDef>& methods() {
  static auto& all = *[] {
    auto* table = new std::vector<PyMethodDef>;
    for (const auto* part : {connection_methods, data_methods, message_methods, option_methods})
      for (; part->ml_name; ++part) table->push_back(*part);
    table->push_back({});
    return table;
  }();
  return all;
}

}  // namespace

PyTypeObject* make_socket_type(PyObject* module) {
  static PyType_Slot slots[] = {
      {Py_tp_new, slot<type_new>()},
      {Py_tp_init, slot<type_init>()},
      {Py_tp_finalize, slot<type_finalize>()},
      {Py_tp_dealloc, slot<type_dealloc>()},
      {Py_tp_traverse, reinterpret_cast<void*>(type_traverse)},
      {Py_tp_repr, slot<type_repr>()},
      {Py_tp_methods, methods().data()},
      {Py_tp_members, members},
      {Py_tp_getset, properties},
      {Py_tp_doc, const_cast<char*>("socket(family=AF_INET, type=SOCK_STREAM, proto=0) -> socket object\n"
                                    "socket(family=-1, type=-1, proto=-1, fileno=fd) -> socket object\n\n"
                                    "A socket of any family that afplug has a plugin for.")},
      {0, nullptr},
  };
  static PyType_Spec spec{"_socket.socket", static_cast<int>(sizeof(socket_object)), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                          slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

PyObject* make_object(state& m, afplug::socket s, int family, int type, int proto) {
  if (!apply_default_timeout(m, s, type, false)) return nullptr;
  reference made(type_new(m.socket_type, nullptr, nullptr));
  return made && attach_new(self_of(made.get()), std::move(s), family, type, proto) ? made.release() : nullptr;
}

}  // namespace afplug::python
