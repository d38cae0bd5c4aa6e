// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "address.hpp"

#include <afplug/family.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <vector>

#include <linux/tipc.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "tuple_layout.hpp"

namespace afplug::python {
namespace {

const char* type_name(PyObject* o) noexcept { return Py_TYPE(o)->tp_name; }

bool is_tuple(PyObject* o, const char* caller, std::string_view family) {
  if (PyTuple_Check(o)) return true;
  PyErr_Format(PyExc_TypeError, "%s(): %s address must be tuple, not %.500s", caller, std::string(family).c_str(),
               type_name(o));
  return false;
}

// Reads a number for which CPython checks the range itself; OverflowError if it is out of range.
bool read_bounded(PyObject* from, long max, const char* name, const char* caller, std::uint32_t& to) {
  const reference number(PyNumber_Index(from));
  if (!number) return false;
  int overflow = 0;
  const long value = PyLong_AsLongAndOverflow(number.get(), &overflow);
  if (overflow != 0 || value < 0 || value > max) {
    if (max == 65535)
      PyErr_Format(PyExc_OverflowError, "%s(): %s must be 0-65535.", caller, name);
    else
      PyErr_Format(PyExc_OverflowError, "%s(): %s must be 0-%ld.", caller, name, max);
    return false;
  }
  to = static_cast<std::uint32_t>(value);
  return true;
}

// ---- AF_INET, AF_INET6 ----

// A sockaddr without padding to clear, which address copies as it is.
struct sockaddr_view {
  const void* bytes;
  std::size_t length;
  const ::sockaddr* data() const { return static_cast<const ::sockaddr*>(bytes); }
  std::size_t size() const { return length; }
};
address copy(const void* bytes, std::size_t length, const basic_protocol& protocol) {
  address made(sockaddr_view{bytes, length});
  made.protocol(protocol);
  return made;
}

bool read_inet(const state& m, const basic_protocol& protocol, PyObject* from, address& to, const char* caller,
               const char* family) {
  if (!is_tuple(from, caller, family)) return false;
  if (PyTuple_GET_SIZE(from) != 2) {
    PyErr_SetString(PyExc_TypeError, "AF_INET address must be a pair (host, port)");
    return false;
  }
  std::string host;
  std::uint32_t port = 0;
  ::sockaddr_storage found{};
  if (!read_host(PyTuple_GET_ITEM(from, 0), host) ||
      !read_bounded(PyTuple_GET_ITEM(from, 1), 65535, "port", caller, port) || !resolve(m, host, AF_INET, found))
    return false;
  auto& in = reinterpret_cast<::sockaddr_in&>(found);
  in.sin_port = htons(static_cast<std::uint16_t>(port));
  to = copy(&in, sizeof in, protocol);
  return true;
}

bool read_inet6(const state& m, const basic_protocol& protocol, PyObject* from, address& to, const char* caller) {
  if (!is_tuple(from, caller, "AF_INET6")) return false;
  const auto size = PyTuple_GET_SIZE(from);
  if (size < 2 || size > 4) {
    PyErr_SetString(PyExc_TypeError, "AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])");
    return false;
  }
  std::string host;
  std::uint32_t port = 0, flow = 0, scope = 0;
  ::sockaddr_storage found{};
  if (!read_host(PyTuple_GET_ITEM(from, 0), host) ||
      !read_bounded(PyTuple_GET_ITEM(from, 1), 65535, "port", caller, port) ||
      (size > 2 && !read_bounded(PyTuple_GET_ITEM(from, 2), 0xfffff, "flowinfo", caller, flow)) ||
      (size > 3 && !read_bounded(PyTuple_GET_ITEM(from, 3), 0xffffffff, "scope_id", caller, scope)) ||
      !resolve(m, host, AF_INET6, found))
    return false;
  auto& in = reinterpret_cast<::sockaddr_in6&>(found);
  in.sin6_port = htons(static_cast<std::uint16_t>(port));
  in.sin6_flowinfo = htonl(flow);
  in.sin6_scope_id = scope;
  to = copy(&in, sizeof in, protocol);
  return true;
}

PyObject* inet6_object(const ::sockaddr_in6& a) {
  reference host(host_object(reinterpret_cast<const ::sockaddr*>(&a)));
  if (!host) return nullptr;
  return Py_BuildValue("OiII", host.get(), ntohs(a.sin6_port), ntohl(a.sin6_flowinfo), a.sin6_scope_id);
}

// ---- AF_UNIX ----

bool read_unix(const basic_protocol& protocol, PyObject* from, address& to) {
  reference encoded;
  if (PyUnicode_Check(from)) {
    encoded.reset(PyUnicode_EncodeFSDefault(from));
    if (!encoded) return false;
    from = encoded.get();
  }
  buffer path;
  if (PyObject_GetBuffer(from, &path, PyBUF_SIMPLE) != 0) return false;
  ::sockaddr_un out{};
  out.sun_family = AF_UNIX;
  const auto size = static_cast<std::size_t>(path.len);
  const auto* at = static_cast<const char*>(path.buf);
  // unix(7): a path ends with NUL; an abstract name does not and may fill sun_path.
  const bool abstract = size == 0 || at[0] == '\0';
  if (size > sizeof out.sun_path - (abstract ? 0 : 1)) {
    PyErr_SetString(PyExc_OSError, "AF_UNIX path too long");
    return false;
  }
  std::copy_n(at, size, out.sun_path);
  to = copy(&out, offsetof(::sockaddr_un, sun_path) + size + (abstract ? 0 : 1), protocol);
  return true;
}

PyObject* unix_object(const address& a) {
  const auto* path = reinterpret_cast<const char*>(a.data()) + offsetof(::sockaddr_un, sun_path);
  const auto size = a.size() - std::min(a.size(), offsetof(::sockaddr_un, sun_path));
  if (size > 0 && path[0] == '\0') return bytes(path, size);
  return PyUnicode_DecodeFSDefaultAndSize(path, static_cast<Py_ssize_t>(::strnlen(path, size)));
}

// ---- other families: by their fields ----

bool is_number(std::uint32_t kind) noexcept { return kind != AFPLUG_KIND_TEXT && kind != AFPLUG_KIND_BYTES; }

bool read_bytes(PyObject* from, std::string& to) {
  reference encoded;
  if (PyUnicode_Check(from)) {
    encoded.reset(PyUnicode_EncodeFSDefault(from));
    if (!encoded) return false;
    from = encoded.get();
  }
  buffer b;
  if (PyObject_GetBuffer(from, &b, PyBUF_SIMPLE) != 0) return false;
  to.assign(static_cast<const char*>(b.buf), static_cast<std::size_t>(b.len));
  return true;
}

std::uint64_t max_value(std::uint32_t kind) noexcept {
  switch (kind) {
    case AFPLUG_KIND_U8:
      return 0xff;
    case AFPLUG_KIND_U16:
      return 0xffff;
    case AFPLUG_KIND_U32:
      return 0xffffffff;
    default:
      return UINT64_MAX;
  }
}

bool is_signed(std::uint32_t kind) noexcept {
  return kind == AFPLUG_KIND_I8 || kind == AFPLUG_KIND_I16 || kind == AFPLUG_KIND_I32 || kind == AFPLUG_KIND_I64;
}

// `wraps`: truncate numbers that are out of the field's range instead of raising OverflowError.
bool read_field(PyObject* from, const afplug::member_info& field, field_value& to, bool wraps = false) {
  if (!is_number(field.kind)) {
    if (field.kind == AFPLUG_KIND_BYTES && PyUnicode_Check(from)) {
      PyErr_SetString(PyExc_TypeError, "a bytes-like object is required, not 'str'");
      return false;
    }
    std::string value;
    if (!read_bytes(from, value)) return false;
    if (field.kind == AFPLUG_KIND_TEXT) {
      to = std::move(value);
    } else {
      const auto* p = reinterpret_cast<const std::byte*>(value.data());
      to = std::vector<std::byte>(p, p + value.size());
    }
    return true;
  }
  const reference number(PyNumber_Index(from));
  if (!number) return false;
  int overflow = 0;
  const long long low = PyLong_AsLongLongAndOverflow(number.get(), &overflow);
  if (low == -1 && overflow == 0 && PyErr_Occurred()) return false;
  if (is_signed(field.kind) && overflow == 0) {
    to = std::int64_t{low};
    return true;
  }
  if (wraps) {
    to = std::uint64_t{PyLong_AsUnsignedLongLongMask(number.get()) & max_value(field.kind)};
    return true;
  }
  const bool negative = overflow < 0 || (overflow == 0 && low < 0);
  const auto value = negative ? 0 : PyLong_AsUnsignedLongLong(number.get());
  if (negative || PyErr_Occurred() || value > max_value(field.kind)) {
    PyErr_Clear();
    PyErr_Format(PyExc_OverflowError, "%s must be 0-%llu", field.name,
                 static_cast<unsigned long long>(max_value(field.kind)));
    return false;
  }
  to = std::uint64_t{value};
  return true;
}

bool raise_field_error(const error_code& ec) {
  if (ec == boost::system::errc::result_out_of_range) {
    PyErr_SetString(PyExc_OverflowError, std::string(last_detail()).c_str());
  } else {
    raise(ec);
  }
  return false;
}

bool check_path(PyObject* item) {
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(item, &encoded) == 0) return false;
  Py_DECREF(encoded);
  return true;
}

bool check_no_nul(PyObject* item) {
  std::string value;
  if (!read_bytes(item, value)) return false;
  const bool cut = value.find('\0') != std::string::npos;
  if (cut) PyErr_SetString(PyExc_ValueError, PyUnicode_Check(item) ? "embedded null character" : "embedded null byte");
  return !cut;
}

// Checks that the elements of a tuple up to `count` are str.
bool check_str(PyObject* tuple, Py_ssize_t count, const char* usage) {
  for (Py_ssize_t i = 0; i < count; ++i)
    if (!PyUnicode_Check(PyTuple_GET_ITEM(tuple, i))) return PyErr_SetString(PyExc_TypeError, usage), false;
  return true;
}

// Checks the interface of an AF_PACKET address. CPython looks it up, which fails with ENODEV for an empty name.
bool check_interface(PyObject* tuple, const char* usage) {
  if (!check_str(tuple, 1, usage)) return false;
  PyObject* item = PyTuple_GET_ITEM(tuple, 0);
  if (!check_no_nul(item)) return false;
  if (PyObject_IsTrue(item) != 0) return true;
  errno = ENODEV;
  return raise_errno() != nullptr;
}

bool check_tipc_type(PyObject* item) {
  const int type = as_int(item);
  if (type == TIPC_ADDR_NAMESEQ || type == TIPC_ADDR_NAME || type == TIPC_ADDR_ID) return true;
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "Invalid address type");
  return false;
}

bool check_size(PyObject* item, std::size_t max, PyObject* exception, const char* message) {
  std::string value;
  if (!read_bytes(item, value)) return false;
  if (value.size() > max) PyErr_SetString(exception, message);
  return value.size() <= max;
}

bool check_guid(PyObject* item, std::string_view field, const char* caller) {
  std::string text_form;
  if (!read_bytes(item, text_form)) return false;
  constexpr std::string_view form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  const bool good = std::ranges::equal(text_form, form, [](char c, char f) {
    return f == '-' ? c == '-' : std::isxdigit(static_cast<unsigned char>(c)) != 0;
  });
  if (!good)
    PyErr_Format(PyExc_ValueError, "%s(): AF_HYPERV address %s is not a valid UUID string", caller, field.data());
  return good;
}

bool raise_wrong_format(const char* caller) {
  PyErr_Format(PyExc_OSError, "%s(): wrong format", caller);
  return false;
}

// Converts a device address to the form of the family's plugin. Like CPython's, the numbers may have a sign, "0x" and
// spaces before them. Returns false with an exception set if it is malformed.
bool normalize_device(PyObject* item, field_value& to) {
  std::string given;
  if (!read_bytes(item, given)) return false;
  std::array<unsigned, 6> part{};
  char rest = 0;
  const int found = std::sscanf(given.c_str(), "%X:%X:%X:%X:%X:%X%c", &part[0], &part[1], &part[2], &part[3], &part[4],
                                &part[5], &rest);
  if (found != 6 || std::ranges::any_of(part, [](unsigned p) { return p > 0xff; })) {
    PyErr_SetString(PyExc_OSError, "bad bluetooth address");
    return false;
  }
  std::array<char, 18> form{};
  std::snprintf(form.data(), form.size(), "%02X:%02X:%02X:%02X:%02X:%02X", part[0], part[1], part[2], part[3], part[4],
                part[5]);
  to = std::string(form.data());
  return true;
}

// Checks the first element of a Bluetooth address: str, or bytes for SCO.
bool check_bluetooth_device(const tuple_layout& s, PyObject* item, const char* caller) {
  if (s.fields[0] != "bdaddr") return true;
  const bool sco = s.fields.size() == 1;
  if (!PyUnicode_Check(item) && !(sco && PyBytes_Check(item))) return raise_wrong_format(caller);
  if (check_no_nul(item)) return true;
  if (sco) return false;
  PyErr_Clear();
  return raise_wrong_format(caller);
}

// Checks elements as CPython's getsockaddrarg does, with its error messages, before the fields are converted.
bool check_elements(const tuple_layout& s, PyObject* tuple, const char* caller) {
  const auto item = [tuple](Py_ssize_t i) { return PyTuple_GET_ITEM(tuple, i); };
  std::uint32_t ignored = 0;
  if (s.fields[0] == "vm_id") {
    if (PyUnicode_Check(item(0)) && PyUnicode_Check(item(1)))
      return check_guid(item(0), "vm_id", caller) && check_guid(item(1), "service_id", caller);
    PyErr_SetString(PyExc_TypeError, s.usage);
    return false;
  }
  switch (s.family) {
    case AF_CAN:
      return check_path(item(0)) && check_size(item(0), 15, PyExc_OSError, "AF_CAN interface name too long");
    case AF_PACKET:
      return check_interface(tuple, s.usage) &&
             check_size(item(0), 15, PyExc_OSError, "AF_PACKET interface name too long") &&
             read_bounded(item(1), 65535, "proto", caller, ignored) &&
             (PyTuple_GET_SIZE(tuple) < 5 ||
              check_size(item(4), 8, PyExc_ValueError, "Hardware address must be 8 bytes or less"));
    case AF_ALG:
      return check_str(tuple, 2, s.usage) && check_no_nul(item(0)) && check_no_nul(item(1)) &&
             check_size(item(0), 13, PyExc_ValueError, "AF_ALG type too long.") &&
             check_size(item(1), 63, PyExc_ValueError, "AF_ALG name too long.");
    case AF_TIPC:
      return check_tipc_type(item(0));
    case AF_BLUETOOTH:
      return check_bluetooth_device(s, item(0), caller);
    default:
      return true;
  }
}

bool read_by_layout(const basic_protocol& protocol, const tuple_layout& s, PyObject* from, address& to,
                    const char* caller) {
  const bool bluetooth = s.family == AF_BLUETOOTH;
  const bool is_sco = bluetooth && s.fields.size() == 1;
  if (is_sco && PyTuple_Check(from)) return raise_wrong_format(caller);
  reference one;
  if (bluetooth && !PyTuple_Check(from) && s.required == 1) from = (one.reset(PyTuple_Pack(1, from)), one.get());
  if (!from) return false;
  if (bluetooth && !PyTuple_Check(from)) return raise_wrong_format(caller);
  if (!bluetooth && !is_tuple(from, caller, protocol.owner()->name())) return false;
  const auto size = static_cast<std::size_t>(PyTuple_GET_SIZE(from));
  if (size < s.required || size > s.fields.size()) {
    if (bluetooth) return raise_wrong_format(caller);
    PyErr_SetString(PyExc_TypeError, s.usage);
    return false;
  }
  if (!check_elements(s, from, caller)) return false;
  const auto table = protocol.owner()->address_fields();
  std::vector<field_value> values(table.size());
  for (std::size_t i = 0; i < size; ++i) {
    const auto at =
        std::ranges::find(table, s.fields[i], [](const afplug::member_info& m) { return std::string_view(m.name); });
    if (at == table.end()) continue;
    PyObject* item = PyTuple_GET_ITEM(from, static_cast<Py_ssize_t>(i));
    auto& value = values[static_cast<std::size_t>(at - table.begin())];
    if (s.fields[i] == "bdaddr") {
      if (!normalize_device(item, value)) return false;
      continue;
    }
    auto field = *at;
    // Channels of RFCOMM have 8 bits; the plugin has one field for them and those of HCI.
    if (bluetooth && s.protocol == 3 && s.fields[i] == "channel") field.kind = AFPLUG_KIND_U8;
    // AF_QIPCRTR: CPython truncates numbers, and its test_socket expects the kernel to reject the address.
    if (read_field(item, field, value, s.family == AF_QIPCRTR)) continue;
    if (!bluetooth || PyErr_ExceptionMatches(PyExc_OverflowError)) return false;
    PyErr_Clear();
    return raise_wrong_format(caller);
  }
  error_code ec;
  to = address::from_fields(protocol, values, ec);
  if (!ec) return true;
  return raise_field_error(ec);
}

// Reads an address of a family that CPython does not support: its text form, or a tuple of its fields.
bool read_by_fields(const basic_protocol& protocol, PyObject* from, address& to) {
  error_code ec;
  if (PyUnicode_Check(from)) {
    std::string form;
    if (!read_bytes(from, form)) return false;
    to = address::parse(protocol, form, ec);
    return !ec || raise_field_error(ec);
  }
  reference one;
  if (!PyTuple_Check(from)) from = (one.reset(PyTuple_Pack(1, from)), one.get());
  if (!from) return false;
  const auto table = protocol.owner()->address_fields();
  const auto size = static_cast<std::size_t>(PyTuple_GET_SIZE(from));
  if (size > table.size()) {
    PyErr_Format(PyExc_TypeError, "%s address has %zu elements at most", std::string(protocol.owner()->name()).c_str(),
                 table.size());
    return false;
  }
  std::vector<field_value> values(size);
  for (std::size_t i = 0; i < size; ++i)
    if (PyObject* item = PyTuple_GET_ITEM(from, static_cast<Py_ssize_t>(i)); item != Py_None)
      if (!read_field(item, table[i], values[i])) return false;
  to = address::from_fields(protocol, values, ec);
  return !ec || raise_field_error(ec);
}

struct to_object {
  PyObject* operator()(std::monostate) const { Py_RETURN_NONE; }
  PyObject* operator()(std::uint64_t n) const { return PyLong_FromUnsignedLongLong(n); }
  PyObject* operator()(std::int64_t n) const { return PyLong_FromLongLong(n); }
  PyObject* operator()(const std::string& t) const {
    return PyUnicode_DecodeFSDefaultAndSize(t.data(), static_cast<Py_ssize_t>(t.size()));
  }
  PyObject* operator()(const std::vector<std::byte>& b) const { return bytes(b.data(), b.size()); }
};

bool is_number(const field_value& v, std::uint64_t n) {
  const auto* u = std::get_if<std::uint64_t>(&v);
  return u && *u == n;
}

// Removes the elements that CPython omits from Bluetooth addresses if they are 0: L2CAP cid and type, HCI channel.
void omit_default_elements(const basic_protocol& protocol, std::vector<field_value>& values) {
  const bool l2cap = protocol.asked_protocol() == 0, hci = protocol.asked_protocol() == 1;
  if (l2cap && values.size() == 4 && is_number(values[3], 0)) values.pop_back();
  if (l2cap && values.size() == 3 && is_number(values[2], 0)) values.pop_back();
  if (hci && values.size() == 2 && is_number(values[1], 0)) values.pop_back();
}

PyObject* fields_object(const address& a, const basic_protocol& protocol) {
  auto all = a.fields();
  std::vector<field_value> values;
  if (const auto* s = find_tuple_layout(protocol)) {
    for (const auto name : s->fields) values.push_back(a.field(name));
  } else {
    // Not copied: in libstdc++ 12, copying a std::variant of strings is undefined when memory runs out.
    for (auto& f : all)
      if (f.value.index() != 0) values.push_back(std::move(f.value));
  }
  if (a.family() == AF_BLUETOOTH) {
    omit_default_elements(protocol, values);
    if (values.size() == 1) return std::visit(to_object(), values[0]);
  }
  reference tuple(PyTuple_New(static_cast<Py_ssize_t>(values.size())));
  for (std::size_t i = 0; tuple && i < values.size(); ++i) {
    PyObject* item = std::visit(to_object(), values[i]);
    if (!item) return nullptr;
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), item);
  }
  return tuple.release();
}

}  // namespace

bool read_address(const state& m, const basic_protocol& protocol, int family, PyObject* from, address& to,
                  const char* caller) {
  switch (family) {
    case AF_UNIX:
      return read_unix(protocol, from, to);
    case AF_INET:
      return read_inet(m, protocol, from, to, caller, "AF_INET");
    case AF_RDS:
      return read_inet(m, protocol, from, to, caller, "AF_RDS");
    case AF_INET6:
      return read_inet6(m, protocol, from, to, caller);
    default:
      break;
  }
  if (!protocol.owner()) {
    PyErr_Format(PyExc_OSError, "%s(): bad family", caller);
    return false;
  }
  if (const auto* s = find_tuple_layout(protocol)) return read_by_layout(protocol, *s, from, to, caller);
  return read_by_fields(protocol, from, to);
}

PyObject* address_object(address a, const basic_protocol& protocol) {
  if (a.empty()) Py_RETURN_NONE;
  const auto* sa = a.data();
  if (a.family() == AF_INET) {
    const auto& in = *reinterpret_cast<const ::sockaddr_in*>(sa);
    const reference host(host_object(sa));
    return host ? Py_BuildValue("Oi", host.get(), ntohs(in.sin_port)) : nullptr;
  }
  if (a.family() == AF_INET6) return inet6_object(*reinterpret_cast<const ::sockaddr_in6*>(sa));
  if (a.family() == AF_UNIX) return unix_object(a);
  if (protocol.owner() && (protocol.owner()->number() == a.family() || protocol.family() == a.family())) {
    a.protocol(protocol);
    if (!a.fields().empty()) return fields_object(a, protocol);
  }
  const auto head = offsetof(::sockaddr, sa_data);
  return Py_BuildValue("iy#", a.family(), sa->sa_data, static_cast<Py_ssize_t>(a.size() - std::min(a.size(), head)));
}

}  // namespace afplug::python
