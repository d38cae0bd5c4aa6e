// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The module's functions.
#pragma once

#include "python.hpp"

namespace afplug::python {

extern PyMethodDef lookup_functions[];      // lookup.cpp: hosts, services, protocols
extern PyMethodDef conversion_functions[];  // conversion.cpp: byte order, packed addresses, sizes of ancillary data
extern PyMethodDef constant_functions[];    // constants.cpp: __getattr__, for constants of further plugins
extern PyMethodDef system_functions[];      // system.cpp: descriptors, pairs, interfaces, this machine

/// Adds all constants to the module. Returns false with an exception set if it fails.
bool add_constants(PyObject* module);

}  // namespace afplug::python
