// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses: Python's tuples (PARITY §6) and afplug's values, both ways.
#pragma once

#include <sys/socket.h>

#include <afplug/address.hpp>

#include "state.hpp"

namespace afplug::python {

/// Reads Python's address for a socket of `family`; `caller` is the method, for messages. False: an exception is set.
bool read_address(const state& m, const basic_protocol& who, int family, PyObject* from, address& to,
                  const char* caller);
/// Python's form of an address; None where there is none.
PyObject* address_object(address a, const basic_protocol& who);

/// A host name as the C library takes it: str (IDNA where it is not ASCII), bytes or bytearray. False: an exception is
/// set.
bool read_host(PyObject* from, std::string& to);
/// The first address of a host (digits, a name, "" and "<broadcast>"), of AF_INET, AF_INET6, or either. False: an
/// exception is set.
bool resolve(const state& m, const std::string& host, int family, ::sockaddr_storage& to);
/// Host text of an AF_INET or AF_INET6 address.
PyObject* host_object(const ::sockaddr* a);

/// Raises a gaierror by EAI_*, an OSError for EAI_SYSTEM. Always null.
PyObject* raise_gai(const state& m, int code);

}  // namespace afplug::python
