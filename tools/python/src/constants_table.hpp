// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The families whose plugins were present when the module was built, and their constants, so that importing the module
// loads no plugin. The program write_constants writes the table.
#pragma once

#include <afplug/family.hpp>
#include <span>

namespace afplug::python {

struct table_family {
  const char* id;    ///< "can"
  const char* name;  ///< "AF_CAN"
  int number;        ///< AF_*; 0: each process assigns one
  std::span<const constant> constants;
};

extern const std::span<const table_family> table_families;

}  // namespace afplug::python
