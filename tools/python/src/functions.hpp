// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The module's functions, by file.
#pragma once

#include "python.hpp"

namespace afplug::python {

extern PyMethodDef lookup_functions[];  // lookup.cpp: hosts, services, protocols
extern PyMethodDef number_functions[];  // number.cpp: byte order, packed addresses, sizes of ancillary data
extern PyMethodDef system_functions[];  // system.cpp: descriptors, pairs, interfaces, this machine

/// Adds every constant that afplug knows. False: an exception is set.
bool add_constants(PyObject* module);

}  // namespace afplug::python
