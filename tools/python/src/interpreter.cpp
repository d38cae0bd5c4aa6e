// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A Python interpreter with afplug's `_socket` built in. It has the options of the system's interpreter, and is
// sys.executable, so that child processes use it too.
#include "python.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

PyMODINIT_FUNC PyInit__socket();

int main(int argc, char** argv) {
  static std::vector<_inittab> table;
  for (const auto* m = PyImport_Inittab; m->name; ++m)
    if (std::string_view(m->name) != "_socket") table.push_back(*m);
  table.push_back({"_socket", PyInit__socket});
  table.push_back({nullptr, nullptr});
  PyImport_Inittab = table.data();
  return Py_BytesMain(argc, argv);
}
