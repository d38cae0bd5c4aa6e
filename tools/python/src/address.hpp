// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Conversion between afplug's addresses and Python's, whose form depends on the family: see "Socket families" in the
// documentation of Python's socket module.
#pragma once

#include <sys/socket.h>

#include <afplug/address.hpp>

#include "state.hpp"

namespace afplug::python {

/// Converts a Python address for a socket of `family`. `caller`: name of the method, for error messages. Returns false
/// with an exception set if it fails.
bool read_address(const state& m, const basic_protocol& protocol, int family, PyObject* from, address& to,
                  const char* caller);
/// Converts an address to its Python form; None if it is empty.
PyObject* address_object(address a, const basic_protocol& protocol);

/// Converts a host name (str, bytes or bytearray) for the C library; str that is not ASCII is encoded with IDNA.
/// Returns false with an exception set if it fails.
bool read_host(PyObject* from, std::string& to);
/// The first address of a host (a numeric address, a name, "" or "<broadcast>") of `family`, which is AF_INET, AF_INET6
/// or AF_UNSPEC. Returns false with an exception set if it fails.
bool resolve(const state& m, const std::string& host, int family, ::sockaddr_storage& to);
/// The host of an AF_INET or AF_INET6 address in numeric form.
PyObject* host_object(const ::sockaddr* a);

/// Raises gaierror for an EAI_* code, OSError for EAI_SYSTEM. Returns null.
PyObject* raise_gai(const state& m, int code);

}  // namespace afplug::python
