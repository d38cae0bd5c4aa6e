# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""The module raises MemoryError where the stock module does, and loses no descriptor: compares memory_scenarios.py.

memory_test.py INTERPRETER PYTHON FAULTS. FAULTS is the library of tests/faults.
"""

import json
import os
import subprocess
import sys
import unittest

INTERPRETER, STOCK, FAULTS = sys.argv[1:4]
del sys.argv[1:4]
SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "memory_scenarios.py")


def outcomes(interpreter, how):
    environment = os.environ if how == "limit" else {**os.environ, "LD_PRELOAD": how, "PYTHONMALLOC": "malloc"}
    done = subprocess.run(
        [interpreter, "-B", SCENARIOS, how], check=True, stdout=subprocess.PIPE, env=environment, timeout=300
    )
    return json.loads(done.stdout)


class Memory(unittest.TestCase):
    maxDiff = None

    def test_address_space_limit(self):
        ours, stock = outcomes(INTERPRETER, "limit"), outcomes(STOCK, "limit")
        self.assertEqual(ours, stock)
        self.assertEqual(set(ours.values()), {"MemoryError"})

    def test_each_allocation_fails(self):
        ours, stock = outcomes(INTERPRETER, FAULTS), outcomes(STOCK, FAULTS)
        points = 0
        for name, results in ours.items():
            reference = stock.get(name, [])
            # ENOMEM: of system calls, and of sockets in user space. Some allocations are not needed.
            allowed = {"none", "MemoryError", "OSError 12", *reference}
            if name.startswith("first_"):
                allowed.add("OSError None")  # the dynamic linker's message, of a plugin that it cannot load
            with self.subTest(name):
                self.assertEqual([(n, r) for n, r in enumerate(results) if r not in allowed], [])
                self.assertLessEqual(results.count("leak"), reference.count("leak"))
                self.assertFalse({r for r in results if r.startswith("signal")})
                self.assertIn("MemoryError", results)
            points += len(results)
        print(f"{points} allocations")


if __name__ == "__main__":
    unittest.main()
